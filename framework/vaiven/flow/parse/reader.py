"""Reads single values off the nodes of a file, and collects every problem instead of stopping at the first."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TypeVar

from vaiven.flow.document import Target, Use
from vaiven.flow.expressions import Expression, ExpressionError, compile_expression
from vaiven.flow.problems import Problem, strange_letter, suggest
from vaiven.flow.source import Entry, Node, Position, Scalar, Sequence, Source
from vaiven.flow.source import Mapping as Map
from vaiven.flow.templates import Template, compile_template
from vaiven.flow.tongues import LANGUAGE

_DURATION = re.compile(r"(?:[1-9][0-9]{0,5}[wdhms])+")
_UNITS = {"w": 604_800_000, "d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1_000}
_LONGEST_MS = 366 * _UNITS["d"]
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_DOTTED = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*")
_FLOW_NAME = re.compile(r"[a-z][a-z0-9_-]{0,63}")
_LANG = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*")
_COMMENT = re.compile(r"\s+#")
_CUT = re.compile(r" #|\s+#\S")
_CUT_EXPRESSION = re.compile(r" #")

Fields = dict[str, Entry]
_Piece = TypeVar("_Piece", Expression, Template)
_Read = TypeVar("_Read")


class Reader:
    """One file being parsed.

    ``steps`` maps every step to itself and every section to its first step. ``step`` is the step that is being read, ``local``
    are the names that only what is being read offers.
    """

    def __init__(self, source: Source, steps: Mapping[str, str] | None = None) -> None:
        self.source = source
        self.steps = steps or {}
        self.problems: list[Problem] = []
        self.targets: list[Target] = []
        self.uses: list[Use] = []
        self.step: str | None = None
        self.local: frozenset[str] = frozenset()

    @contextmanager
    def offering(self, names: frozenset[str]) -> Iterator[None]:
        """Texts and expressions that are read meanwhile can use these names, too."""
        before, self.local = self.local, self.local | names
        try:
            yield
        finally:
            self.local = before

    def optional(self, fields: Fields, key: str, read: Callable[[Node, str], _Read]) -> _Read | None:
        """What stands under this key, by one of the methods that take a node and what to call it; None if it is absent."""
        return read(fields[key].value, f"`{key}`") if key in fields else None

    def problem(self, code: str, node: Node, text: str, cure: str = "", *, severity: str = "error") -> None:
        width = self.source.width(node)
        self.problems.append(self.source.problem(code, node.at, text, cure, width=width, severity=severity))

    def mapping(self, node: Node, what: str) -> tuple[Entry, ...]:
        """The entries of a map; a problem and none if it is no map."""
        if isinstance(node, Map):
            return node.entries
        self.problem("wrong-type", node, f"{what} is a map of `key: value`, not {kind_of(node)}")
        return ()

    def fields(self, node: Node, what: str, known: Iterable[str]) -> Fields:
        """The entries of a map with a fixed set of keys; a problem for each that is not among them."""
        return self.known(self.mapping(node, what), what, known)

    def known(self, entries: Iterable[Entry], what: str, known: Iterable[str]) -> Fields:
        fields: Fields = {}
        words = tuple(known)
        for entry in entries:
            if entry.key.raw in words:
                fields[entry.key.raw] = entry
            else:
                cure = suggest(entry.key.raw, words, "Its keys")
                self.problem("unknown-key", entry.key, f"{what} has no key '{entry.key.raw}'", cure)
        return fields

    def items(self, node: Node, what: str) -> tuple[Node, ...]:
        """The items of a list; a problem and none if it is no list."""
        if isinstance(node, Sequence):
            return node.items
        self.problem(
            "wrong-type", node, f"{what} is a list, not {kind_of(node)}", "Write it as `[a, b]`, or one `- item` a line."
        )
        return ()

    def written(self, node: Node, what: str) -> Scalar | None:
        """A scalar that has something in it."""
        if not isinstance(node, Scalar):
            cure = ""
            if isinstance(node, Map) and self.source.line(node.at.line)[node.at.column - 1 : node.at.column] == "{":
                cure = 'YAML takes { } for a map: put the text in quotes, "{name}".'
            self.problem("wrong-type", node, f"{what} is a text, not {kind_of(node)}", cure)
            return None
        if node.raw.strip() and (node.value is not None or node.style != "plain"):
            return node
        if self._comment_after(node, _COMMENT):
            cure = 'What follows # is a comment in YAML. If it is the text, put it in quotes: "#1 act".'
            self.problem("empty", node, f"{what} is empty", cure)
        else:
            self.problem("empty", node, f"{what} is empty", "Write it, or remove the key.")
        return None

    def _comment_after(self, node: Scalar, mark: re.Pattern[str]) -> bool:
        if node.style != "plain":
            return False
        line = self.source.line(node.end.line)
        # An empty value ends where its key ends, so that is where the blank and the # are looked for.
        return mark.match(line, node.end.column - 1) is not None or (
            not node.raw and "#" in line[node.at.column - 1 :] and _COMMENT.search(line, node.at.column - 2) is not None
        )

    def _is_cut(self, node: Scalar, mark: re.Pattern[str]) -> bool:
        if not self._comment_after(node, mark):
            return False
        line = self.source.line(node.end.line)
        whole = line[node.at.column - 1 :].rstrip().replace('"', "'") if node.at.line == node.end.line else "..."
        at = Position(node.end.line, node.end.column + 1)
        text = "the text is cut here: ` #` begins a comment"
        cure = f'If it is text, put all of it in quotes: "{whole}". If it is a comment, put two blanks before # and one after.'
        self.problems.append(self.source.problem("cut-by-comment", at, text, cure, width=max(1, len(line) - node.end.column)))
        return True

    def word(self, node: Node, what: str) -> str | None:
        """A single word or phrase as written: ``3``, ``yes`` and ``true`` are texts here."""
        scalar = self.written(node, what)
        return None if scalar is None else scalar.raw.strip()

    def words(self, node: Node, what: str) -> tuple[str, ...]:
        """A list of words; a single one may stand without a list."""
        nodes = node.items if isinstance(node, Sequence) else (node,)
        if isinstance(node, Sequence) and not nodes:
            self.problem("empty", node, f"{what} is an empty list")
        found = (self.word(item, f"a word of {what}") for item in nodes)
        return tuple(word for word in found if word is not None)

    def one_of(self, node: Node, what: str, known: Iterable[str]) -> str | None:
        word = self.word(node, what)
        words = tuple(known)
        if word is None or word in words:
            return word
        self.problem("unknown-word", node, f"{what} cannot be '{word}'", suggest(word, words, "It is one of"))
        return None

    def name(self, node: Node, what: str) -> str | None:
        return self._shaped(_NAME, node, what, "A name has lower-case letters, digits and _, and starts with a letter.")

    def dotted(self, node: Node, what: str) -> str | None:
        """The name of an event or an action: ``order.shipped``."""
        return self._shaped(_DOTTED, node, what, "It has words of lower-case letters, digits and _, with dots between them.")

    def flow(self, node: Node, what: str) -> str | None:
        """The name of a flow."""
        return self._shaped(_FLOW_NAME, node, what, "A name has lower-case letters, digits, - and _, and starts with a letter.")

    def language(self, node: Node, what: str) -> str | None:
        word = self.word(node, what)
        if word is not None and not _LANG.fullmatch(word):
            self.problem("bad-language", node, f"'{word}' is no language tag", "Write it as BCP 47 does: en, es, pt-BR.")
        return word

    def _shaped(self, shape: re.Pattern[str], node: Node, what: str, cure: str) -> str | None:
        word = self.word(node, what)
        if word is not None and not shape.fullmatch(word):
            self.problem("bad-name", node, f"'{word}' is no name for {what}", cure + strange_letter(word))
            return None
        return word

    def boolean(self, node: Node, what: str) -> bool:
        if isinstance(node, Scalar) and isinstance(node.value, bool):
            return node.value
        self.problem(
            "wrong-type", node, f"{what} is true or false, not {kind_of(node)}", "`yes`, `no`, `on` and `off` are words here."
        )
        return False

    def integer(self, node: Node, what: str, least: int) -> int | None:
        if isinstance(node, Scalar) and type(node.value) is int and node.value >= least:
            return node.value
        self.problem("wrong-type", node, f"{what} is a whole number from {least}, not {kind_of(node)}")
        return None

    def span(self, node: Node, what: str) -> int | None:
        """Milliseconds of a duration that stands as a value."""
        scalar = self.written(node, what)
        return None if scalar is None else self.duration(scalar, scalar.raw.strip())

    def duration(self, key: Scalar, text: str) -> int | None:
        """Milliseconds of ``90s``, ``30m``, ``1h30m``, ``2d``, ``1w``; units from long to short, each once."""
        cure = "Write a number and a unit: 45s, 30m, 2h, 3d, 1w, or together from long to short: 1h30m."
        units = "".join(re.findall("[a-z]", text))
        if not _DURATION.fullmatch(text) or sorted(units, key="wdhms".index) != list(units) or len(set(units)) != len(units):
            self.problem("bad-duration", key, f"'{text}' is no duration", cure)
            return None
        total = sum(int(number) * _UNITS[unit] for number, unit in re.findall(r"([0-9]+)([a-z])", text))
        if total > _LONGEST_MS:
            self.problem("bad-duration", key, f"'{text}' is more than a year", "A timer runs for 366 days at most.")
            return None
        return total

    def target(self, node: Node, key: str, *, quiet: bool = False) -> str | None:
        """A step's name, noted so that ``check`` can find out whether there is such a step. A section is its first step."""
        word = self.name(node, "a step")
        if word is None:
            return None
        step = self.steps.get(word, word)
        self.targets.append(Target(step, _text_at(node), key, quiet))
        return step

    def variable(self, node: Node, key: str) -> str | None:
        """The name of a variable that is written to, noted for ``check``; or the person's language."""
        if isinstance(node, Scalar) and node.raw == LANGUAGE:
            return LANGUAGE
        word = self.name(node, "a variable")
        if word is not None:
            self.targets.append(Target(word, _text_at(node), key, variable=True))
        return word

    def expression(self, node: Node, what: str) -> Expression | None:
        """An expression; numbers, ``true``, ``false`` and ``null`` are expressions too."""
        scalar = node if isinstance(node, Scalar) and node.raw and node.style == "plain" else self.written(node, what)
        if scalar is None or self._is_cut(scalar, _CUT_EXPRESSION):
            return None
        text = "null" if scalar.value is None else scalar.raw
        try:
            return self._use(scalar, compile_expression(text))
        except ExpressionError as error:
            self._does_not_compile("bad-expression", scalar, error)
            return None

    def template(self, node: Node, what: str) -> Template | None:
        """A text with ``{...}`` in it. A number or boolean without quotes keeps its type, as ``{10}`` does."""
        scalar = self.written(node, what)
        if scalar is None or self._is_cut(scalar, _CUT):
            return None
        text = scalar.raw if isinstance(scalar.value, str) else "{" + scalar.raw + "}"
        try:
            return self._use(scalar, compile_template(text))
        except ExpressionError as error:
            self._does_not_compile("bad-text", scalar, error)
            return None

    def text(self, node: Node, what: str) -> Template | None:
        """A text that people read: ``10`` without quotes is the text 10."""
        if isinstance(node, Scalar) and isinstance(node.value, int | float):
            node = Scalar(node.raw, node.raw, node.style, node.at, node.end)
        return self.template(node, what)

    def _use(self, scalar: Scalar, piece: _Piece) -> _Piece:
        self.uses.append(Use(piece, _text_at(scalar), self.step, self.local))
        return piece

    def _does_not_compile(self, code: str, scalar: Scalar, error: ExpressionError) -> None:
        at = self._offset_at(scalar, error.offset)
        self.problems.append(self.source.problem(code, at, str(error), _sentence(error.cure)))

    def _offset_at(self, scalar: Scalar, offset: int) -> Position:
        """Where a character of the text stands in the file; where the text begins, if folding or escapes have moved it."""
        at = _text_at(scalar)
        if scalar.style == "literal":
            before = scalar.raw[:offset].split("\n")
            line = self.source.line(at.line + len(before) - 1)
            return Position(at.line + len(before) - 1, len(line) - len(line.lstrip()) + len(before[-1]) + 1)
        if scalar.at.line != scalar.end.line:
            return at
        return Position(at.line, min(at.column + offset, max(at.column, scalar.end.column - 1)))


def _sentence(cure: str) -> str:
    return cure and cure[0].upper() + cure[1:] + ("" if cure[-1] in ".?" else ".")


def _text_at(node: Node) -> Position:
    """Where the text itself starts: after an opening quote, below a block mark."""
    if isinstance(node, Scalar) and node.style in ("single", "double"):
        return Position(node.at.line, node.at.column + 1)
    if isinstance(node, Scalar) and node.style in ("literal", "folded"):
        return Position(node.at.line + 1, 1)
    return node.at


def kind_of(node: Node) -> str:
    """What stands there, in words."""
    if isinstance(node, Map):
        return "a map"
    if isinstance(node, Sequence):
        return "a list"
    if node.value is None:
        return "nothing"
    return f"'{node.raw}'" if len(node.raw) <= 40 else "this text"
