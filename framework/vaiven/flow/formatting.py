"""Flow files in one form: two blanks a level, straight quotes alike, at most one blank line. Order, comments and meaning stay.

What was written on one line in ``{ }`` or ``[ ]`` stays so while it fits; over several lines it becomes a block.
"""

import math
import re
from dataclasses import dataclass

from vaiven.flow.problems import Problem
from vaiven.flow.source import Mapping, Node, Scalar, Sequence, Source, scan
from vaiven.model.errors import FlowError

WIDTH = 130
"""Columns that a line has before a map or list on it is written as a block."""
_STEP = "  "
_HASH = re.compile(r"(?:^|(?<=[ \t]))#")
_FOREIGN = re.compile(r"[^\x20-\x7e\xa0-\u1fff\u2010-\u2027\u2030-\u205e\u2070-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")


def format_flow(text: str, file: str) -> str:
    """The text in its canonical form; formatting that again changes nothing.

    Raises:
        FlowError: it cannot be read as strict YAML; ``problems`` has every reason.
    """
    source, problems = scan(text, file)
    if source is None or problems:
        raise FlowError(problems)
    formatted = _Writer(source).whole()
    again, _ = scan(formatted, file)
    if again is None or not _same(source.root, again.root):
        # Rather no new form than another meaning.
        told = "this file cannot be written in another form without a change of meaning; it was left alone"
        raise FlowError([Problem("not-formatted", file, 0, 0, told)])
    return formatted


def _same(one: Node, other: Node) -> bool:
    if isinstance(one, Scalar) and isinstance(other, Scalar):
        return one.raw == other.raw and one.value == other.value and (one.style == "plain") == (other.style == "plain")
    if isinstance(one, Sequence) and isinstance(other, Sequence):
        return len(one.items) == len(other.items) and all(map(_same, one.items, other.items))
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        keys = [entry.key.raw for entry in one.entries]
        return keys == [entry.key.raw for entry in other.entries] and all(
            _same(mine.value, its.value) for mine, its in zip(one.entries, other.entries, strict=True)
        )
    return False


@dataclass(slots=True)
class _Comment:
    line: int
    column: int
    text: str
    gap: int
    """Blanks before it; -1: it has the line for itself."""


class _Writer:
    def __init__(self, source: Source) -> None:
        self.source = source
        self.out: list[str] = []
        self.comments = list(_comments(source))
        """Those that are still to be written, in file order."""

    def whole(self) -> str:
        root = self.source.root
        if isinstance(root, Scalar):
            self.flush(root.at.line, 0)
            self.value("", root.at.line, root, -1, math.inf)
        else:
            self.block(root, 0, "", math.inf)
        self.flush(math.inf, 0)
        while self.out and not self.out[0]:
            self.out.pop(0)
        return "\n".join(self.out) + "\n"

    # ---- maps and lists

    def block(self, node: Mapping | Sequence, indent: int, lead: str, limit: float) -> None:
        """Write a map or list, a line for each entry. ``lead`` begins its first line, ``limit`` is the next line of others."""
        places = [entry.key.at.line for entry in node.entries] if isinstance(node, Mapping) else [i.at.line for i in node.items]
        braced = self.is_braced(node)
        inside = min(limit, node.end.line) if braced else limit
        for index, line in enumerate(places):
            following = places[index + 1] if index + 1 < len(places) else inside
            if index or not lead.strip():
                self.flush(line, indent, first=not index)
            head = " " * indent if index else lead
            if isinstance(node, Mapping):
                entry = node.entries[index]
                self.value(f"{head}{self.inline(entry.key)}:", line, entry.value, indent, following)
            else:
                self.item(f"{head}- ", node.items[index], indent, following)
        self.flush_tail(inside, 0 if braced else node.at.column, indent)

    def item(self, head: str, node: Node, indent: int, limit: float) -> None:
        if isinstance(node, Scalar):
            self.value(head.rstrip(), node.at.line, node, indent, limit)
        elif self.stays_inline(node, len(head)):
            self.line(head + self.inline(node), node.end.line)
        else:
            self.block(node, indent + 2, head, limit)

    def value(self, head: str, line: int, node: Node, indent: int, limit: float) -> None:
        """What stands behind a key or a dash."""
        if isinstance(node, Scalar):
            self.scalar(head, line, node, indent)
        elif self.stays_inline(node, len(head) + 1):
            self.line(f"{head} {self.inline(node)}", line, node.end.line)
        else:
            self.line(head, line)
            self.block(node, indent + 2, " " * (indent + 2), limit)

    def is_braced(self, node: Mapping | Sequence) -> bool:
        return self.source.line(node.at.line)[node.at.column - 1 : node.at.column] in ("{", "[")

    def stays_inline(self, node: Mapping | Sequence, before: int) -> bool:
        if not self.is_braced(node):
            return False
        if not (node.entries if isinstance(node, Mapping) else node.items):
            return True
        return node.at.line == node.end.line and before + len(self.inline(node)) <= WIDTH

    def inline(self, node: Node) -> str:
        if isinstance(node, Scalar):
            return self.written(node)
        if isinstance(node, Sequence):
            return f"[{', '.join(map(self.inline, node.items))}]"
        return "{" + ", ".join(f"{self.inline(entry.key)}: {self.inline(entry.value)}" for entry in node.entries) + "}"

    # ---- scalars

    def written(self, node: Scalar) -> str:
        """A scalar of one line."""
        if node.style == "plain":
            return node.raw
        if node.style == "single" and '"' not in node.raw and "\\" not in node.raw and not _FOREIGN.search(node.raw):
            return f'"{node.raw}"'
        if node.at.line == node.end.line and node.style in ("single", "double"):
            return self.source.line(node.at.line)[node.at.column - 1 : node.end.column - 1]
        return _quoted(node.raw)

    def scalar(self, head: str, line: int, node: Scalar, indent: int) -> None:
        if node.style in ("literal", "folded"):
            self.block_text(head, line, node, indent)
        elif node.at.line == node.end.line:
            text = self.written(node)
            self.line(f"{head} {text}" if text and head else head + text, line, node.end.line)
        elif node.style == "plain" and "\n" not in node.raw and len(head) + 1 + len(node.raw) <= WIDTH:
            self.line(f"{head} {node.raw}", line, node.end.line)
        else:
            self.several_lines(head, line, node, indent)

    def several_lines(self, head: str, line: int, node: Scalar, indent: int) -> None:
        """A text that is wrapped: its lines as they are, since where they break says nothing."""
        last = node.end.line
        lines = [self.source.line(number) for number in range(node.at.line, last + 1)]
        lines[-1] = lines[-1][: node.end.column - 1]
        lines[0] = lines[0][node.at.column - 1 :]
        kept = [each.strip(" \t") if number else each.rstrip(" \t") for number, each in enumerate(lines)]
        kept[-1] = lines[-1].lstrip(" \t")
        margin = " " * (indent + 2)
        if node.at.line > line:
            self.line(head, line)
            kept[0] = margin + kept[0]
        else:
            kept[0] = f"{head} {kept[0]}"
        self.out.extend([kept[0], *(margin + each if each else "" for each in kept[1:-1])])
        self.line(margin + kept[-1], last)

    def block_text(self, head: str, line: int, node: Scalar, indent: int) -> None:
        mark = re.match(r"[|>][-+0-9]*", self.source.line(node.at.line)[node.at.column - 1 :])
        written = mark.group() if mark else ""
        body = self.body(node)
        if not body or not node.raw.strip() or re.search(r"[+0-9]", written) or body[0][:1] in (" ", "\t"):
            self.line(f"{head} {_quoted(node.raw)}", line, node.at.line)
            return
        self.line(f"{head} {written}", line, node.at.line)
        margin = " " * (indent + 2)
        self.out.extend(margin + each if each else "" for each in body)

    def body(self, node: Scalar) -> list[str]:
        """The lines of a block text, without their margin and without blank lines at the end."""
        lines = [self.source.line(number) for number in _body_lines(self.source, node)]
        margin = min((len(each) - len(each.lstrip(" ")) for each in lines if each.strip(" ")), default=0)
        first = next((each for each in lines if each.strip(" ")), "")
        if len(first) - len(first.lstrip(" ")) != margin:
            return []
        lines = [each[margin:] for each in lines]
        while lines and not lines[-1].strip(" "):
            lines.pop()
        return lines

    # ---- lines and comments

    def line(self, text: str, *numbers: int) -> None:
        """Write a line, with the comment that stands at the end of one of these lines of the source."""
        for comment in self.comments:
            if comment.line in numbers and comment.gap >= 0:
                self.comments.remove(comment)
                blanks = 1 if comment.gap == 1 else max(2, comment.column - 1 - len(text))
                text = f"{text}{' ' * blanks}{comment.text}"
                break
            if comment.line > numbers[-1]:
                break
        self.out.append(text)

    def flush(self, before: float, indent: int, *, first: bool = False) -> None:
        """Write the comments that stand before a line of the source, and a blank line if there is one."""
        while self.comments and self.comments[0].line < before:
            comment = self.comments.pop(0)
            self.gap(comment.line, first)
            self.out.append(" " * indent + comment.text)
            first = False
        if before != math.inf:
            self.gap(int(before), first)

    def flush_tail(self, before: float, column: int, indent: int) -> None:
        """Comments behind the last entry that are indented like it."""
        while self.comments and self.comments[0].line < before and self.comments[0].column >= column:
            comment = self.comments.pop(0)
            self.gap(comment.line, first=False)
            self.out.append(" " * indent + comment.text)

    def gap(self, line: int, first: bool) -> None:
        blank = line > 1 and not self.source.line(line - 1).strip()
        if blank and not first and self.out and self.out[-1]:
            self.out.append("")


def _comments(source: Source) -> list[_Comment]:
    """Every comment of the file: what follows a # that stands in no scalar."""
    taken: dict[int, list[tuple[int, float]]] = {}
    for node in _scalars(source.root):
        if node.style in ("literal", "folded"):
            taken.setdefault(node.at.line, []).append((node.at.column, node.at.column + 1))
            for number in _body_lines(source, node):
                taken.setdefault(number, []).append((0, math.inf))
            continue
        for number in range(node.at.line, node.end.line + 1):
            start = node.at.column if number == node.at.line else 0
            end = node.end.column if number == node.end.line else math.inf
            taken.setdefault(number, []).append((start, end))
    found = []
    for number, line in enumerate(source.lines, 1):
        if "#" not in line:
            continue
        spans = taken.get(number, ())
        for mark in _HASH.finditer(line):
            column = mark.start() + 1
            if not any(start <= column < end for start, end in spans):
                before = line[: mark.start()]
                gap = len(before) - len(before.rstrip()) if before.strip() else -1
                found.append(_Comment(number, column, line[mark.start() :].rstrip(), gap))
                break
    return found


def _body_lines(source: Source, node: Scalar) -> range:
    """The numbers of the lines of a block text: those indented like its first one, and blank ones between."""
    margin, last = 0, node.at.line
    for number in range(node.at.line + 1, len(source.lines) + 1):
        line = source.line(number)
        if not line.strip(" "):
            continue
        indent = len(line) - len(line.lstrip(" "))
        margin = margin or indent
        if indent < margin or not indent or number >= node.end.line + (node.end.column > 1):
            break
        last = number
    return range(node.at.line + 1, last + 1)


def _scalars(root: Node) -> list[Scalar]:
    found, waiting = [], [root]
    while waiting:
        node = waiting.pop()
        if isinstance(node, Scalar):
            found.append(node)
        elif isinstance(node, Sequence):
            waiting.extend(node.items)
        else:
            for entry in node.entries:
                waiting.extend((entry.key, entry.value))
    return found


_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r", "\x85": "\\N", "\xa0": "\\_"}


def _quoted(text: str) -> str:
    """A text in double quotes, on one line."""
    escaped = "".join(_ESCAPES.get(each, each) for each in text)
    return '"' + _FOREIGN.sub(lambda found: f"\\U{ord(found.group()):08X}", escaped) + '"'
