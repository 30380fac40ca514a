"""Strict YAML that remembers where everything stands. Flow files and ``bot.yaml`` are read by it.

Scalars follow our own rules, because YAML 1.1 would make ``no`` a boolean and ``19:00`` the number 1140: only ``true`` and
``false`` are booleans, only plain decimals are numbers, ``null``, ``~`` and nothing are null, the rest is text. Duplicate
keys, tags, anchors, aliases and merge keys are problems. The nodes are built over PyYAML's events: its composer would
have followed the aliases before we could refuse them.
"""

import re
from collections.abc import Iterator
from typing import Any

import msgspec
import yaml

from vaiven.flow.problems import Problem, in_file_order
from vaiven.flow.source_errors import retell
from vaiven.model.errors import FlowError

SIZE_CAP = 256 * 1024
"""Bytes of UTF-8 that one file may have."""
DEPTH_CAP = 32
"""How deep maps and lists may nest."""

_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
_FORBIDDEN = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]{0,17})")
_DECIMAL = re.compile(r"[-+]?(0|[1-9][0-9]{0,17})\.[0-9]{1,18}([eE][-+]?[0-9]{1,3})?")
_WORDS: dict[str, bool | None] = {"": None, "~": None, "null": None, "true": True, "false": False}
_STYLES = {None: "plain", "": "plain", "'": "single", '"': "double", "|": "literal", ">": "folded"}


class Position(msgspec.Struct, frozen=True, order=True, gc=False):
    """Where in the file, both counted from 1."""

    line: int
    column: int


class Scalar(msgspec.Struct, frozen=True):
    """A single value. ``raw`` is its text before our rules made it a number, a boolean or null.

    ``style`` is ``plain``, ``single``, ``double``, ``literal`` or ``folded``. ``end`` is just after its last character.
    """

    value: str | int | float | bool | None
    raw: str
    style: str
    at: Position
    end: Position


class Entry(msgspec.Struct, frozen=True):
    key: Scalar
    value: "Node"


class Mapping(msgspec.Struct, frozen=True):
    """Keys and values in file order; each key is once there."""

    entries: tuple[Entry, ...]
    at: Position
    end: Position

    def get(self, key: str) -> "Node | None":
        """The value under this key, None if the key is not there."""
        return next((entry.value for entry in self.entries if entry.key.raw == key), None)


class Sequence(msgspec.Struct, frozen=True):
    items: tuple["Node", ...]
    at: Position
    end: Position


Node = Scalar | Mapping | Sequence


class Source(msgspec.Struct, frozen=True):
    """A file as nodes. ``lines`` are its lines without their breaks."""

    root: Node
    text: str
    file: str
    lines: tuple[str, ...]

    def line(self, number: int) -> str:
        """The line of that number, from 1; empty beyond the end."""
        return self.lines[number - 1] if 0 < number <= len(self.lines) else ""

    def problem(self, code: str, at: Position, text: str, cure: str = "", *, width: int = 1, severity: str = "error") -> Problem:
        """A problem at this place, with its line."""
        return Problem(code, self.file, at.line, at.column, text, cure, width, self.line(at.line), severity)

    def width(self, node: Node) -> int:
        """How many characters of its first line this node covers, at least 1."""
        end = node.end.column if node.end.line == node.at.line else len(self.line(node.at.line).rstrip()) + 1
        return max(1, end - node.at.column)


def read_source(text: str, file: str) -> Source:
    """Read a YAML file strictly.

    Raises:
        FlowError: it cannot be read, or has what we refuse; ``problems`` has every one.
    """
    source, problems = scan(text, file)
    if source is None or problems:
        raise FlowError(problems)
    return source


def scan(text: str, file: str, *, pure: bool = False) -> tuple[Source | None, list[Problem]]:
    """Read as far as can be read: the nodes, and every problem in file order. ``pure`` avoids the C parser."""
    text = text.removeprefix("\ufeff")
    lines = split_lines(text)
    if refused := _refuse(text, file, lines):
        return None, [refused]
    builder = _Builder(file, lines)
    try:
        root = builder.build(_events(text, pure))
    except yaml.YAMLError as error:
        return None, in_file_order([*builder.problems, retell(error, file, lines)])
    if root is None:
        return None, in_file_order(builder.problems)
    return Source(root, text, file, lines), in_file_order(builder.problems)


def split_lines(text: str) -> tuple[str, ...]:
    """The lines of a text as YAML counts them, without their breaks."""
    return tuple(_BREAK.split(text.removeprefix("\ufeff")))


def to_value(node: Node) -> Any:
    """The node as plain Python values: str, int, float, bool, None, dict, list."""
    if isinstance(node, Scalar):
        return node.value
    if isinstance(node, Sequence):
        return [to_value(item) for item in node.items]
    return {entry.key.raw: to_value(entry.value) for entry in node.entries}


def _events(text: str, pure: bool) -> Iterator[Any]:
    loader = _PureLoader if pure else getattr(yaml, "CSafeLoader", _PureLoader)
    return iter(yaml.parse(text, Loader=loader))


class _PureLoader(yaml.SafeLoader):
    """PyYAML's own parser, which ends a plain text in ``{ask: Who?}`` at the question mark; libyaml does not."""

    in_plain = False

    def scan_plain(self) -> Any:
        self.in_plain = True
        try:
            return super().scan_plain()
        finally:
            self.in_plain = False

    def peek(self, index: int = 0) -> Any:
        character = super().peek(index)
        return "x" if self.in_plain and character == "?" else character


def _refuse(text: str, file: str, lines: tuple[str, ...]) -> Problem | None:
    """What is wrong with the file as a whole, before any of it is read as YAML."""
    if len(text) > SIZE_CAP or len(text.encode("utf-8", "replace")) > SIZE_CAP:
        cure = "Split it into several flows."
        return Problem("too-large", file, 1, 1, f"the file is larger than {SIZE_CAP // 1024} KiB", cure)
    if bad := _FORBIDDEN.search(text):
        before = _BREAK.split(text[: bad.start()])
        name = f"U+{ord(bad.group()):04X}"
        cure = "Remove it; in a double-quoted text it can be written as an escape."
        snippet = lines[len(before) - 1]
        return Problem(
            "bad-character",
            file,
            len(before),
            len(before[-1]) + 1,
            f"the control character {name} cannot stand here",
            cure,
            1,
            snippet,
        )
    return None


def resolve(raw: str, style: str) -> str | int | float | bool | None:
    """The value of a scalar by our rules. Only plain ones can be anything but text."""
    if style != "plain":
        return raw
    if raw in _WORDS:
        return _WORDS[raw]
    if _INTEGER.fullmatch(raw):
        return int(raw)
    if _DECIMAL.fullmatch(raw):
        return float(raw)
    return raw


class _Open(msgspec.Struct):
    """A map or list that is not closed yet."""

    event: Any
    items: list[Node] = []


class _Builder:
    """Nodes from parser events, without recursion."""

    def __init__(self, file: str, lines: tuple[str, ...]) -> None:
        self.file = file
        self.lines = lines
        self.problems: list[Problem] = []
        self.open: list[_Open] = []
        self.root: Node | None = None

    def build(self, events: Iterator[Any]) -> Node | None:
        documents = 0
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    cure = "One file is one flow: put the rest into a file of its own."
                    self.say("second-document", event.start_mark, "a second document starts here", cure, 3)
                    return self.root
            elif isinstance(event, yaml.NodeEvent):
                self.refuse(event)
                if not self.node(event):
                    return None
            elif isinstance(event, yaml.CollectionEndEvent):
                self.add(self.close(self.open.pop(), event))
        if self.root is None:
            self.problems.append(Problem("empty-file", self.file, 1, 1, "the file is empty"))
        return self.root

    def node(self, event: Any) -> bool:
        """Take one node; False where it is too deep to go on."""
        if isinstance(event, yaml.ScalarEvent):
            self.add(_scalar(event))
        elif isinstance(event, yaml.AliasEvent):
            at, end = _position(event.start_mark), _position(event.end_mark)
            self.add(Scalar(f"*{event.anchor}", f"*{event.anchor}", "single", at, end))
        elif len(self.open) >= DEPTH_CAP:
            self.say("too-deep", event.start_mark, f"this nests deeper than {DEPTH_CAP} levels", "Flatten it.")
            return False
        else:
            self.open.append(_Open(event))
        return True

    def add(self, node: Node) -> None:
        if self.open:
            self.open[-1].items.append(node)
        else:
            self.root = node

    def close(self, opened: _Open, event: Any) -> Node:
        at, end = _position(opened.event.start_mark), _position(event.end_mark)
        if isinstance(opened.event, yaml.SequenceStartEvent):
            return Sequence(tuple(opened.items), at, end)
        entries: dict[str, Entry] = {}
        for key, value in zip(opened.items[::2], opened.items[1::2], strict=True):
            if self.key_is_good(key, entries) and isinstance(key, Scalar):
                entries[key.raw] = Entry(key, value)
        return Mapping(tuple(entries.values()), at, end)

    def key_is_good(self, key: Node, entries: dict[str, Entry]) -> bool:
        if not isinstance(key, Scalar):
            cure = 'A text with { } or [ ] stands in quotes: "{name}".'
            self.tell("bad-key", key.at, "a key is a word, not a map or a list", cure, 1)
        elif key.raw == "<<" and key.style == "plain":
            self.tell("merge-key", key.at, "merge keys are not taken", "Write the keys out here.", 2)
        elif key.raw == "":
            self.tell("bad-key", key.at, "a key is missing before the colon", "", 1)
        elif key.raw in entries:
            first = entries[key.raw].key.at
            cure = f"It already stands at line {first.line}, column {first.column}. Keep one of the two."
            self.tell("duplicate-key", key.at, f"the key '{key.raw}' is here twice", cure, len(key.raw))
        else:
            return True
        return False

    def refuse(self, event: Any) -> None:
        cure = "A text that starts with & * or ! stands in quotes."
        width = max(1, event.end_mark.column - event.start_mark.column)
        if isinstance(event, yaml.AliasEvent):
            self.say("alias", event.start_mark, f"the alias '*{event.anchor}' is not taken", cure, width)
            return
        if event.anchor is not None:
            self.say("anchor", event.start_mark, f"the anchor '&{event.anchor}' is not taken", cure, len(event.anchor) + 1)
        if event.tag is not None:
            self.say("tag", event.start_mark, "tags are not taken", cure, width)

    def say(self, code: str, mark: Any, text: str, cure: str = "", width: int = 1) -> None:
        self.tell(code, _position(mark), text, cure, width)

    def tell(self, code: str, at: Position, text: str, cure: str, width: int) -> None:
        line = self.lines[at.line - 1] if at.line <= len(self.lines) else ""
        width = max(1, min(width, len(line) - at.column + 1))
        self.problems.append(Problem(code, self.file, at.line, at.column, text, cure, width, line))


def _scalar(event: Any) -> Scalar:
    style = _STYLES[event.style]
    return Scalar(resolve(event.value, style), event.value, style, _position(event.start_mark), _position(event.end_mark))


def _position(mark: Any) -> Position:
    return Position(mark.line + 1, mark.column + 1)
