"""A flow as the rules look at it: its steps by name, its lines, and a short way to say what is wrong where."""

import re
from collections.abc import Iterable, Mapping
from functools import cached_property, lru_cache
from typing import Any

from vaiven.flow.checks.edges import after_verb, entries, while_waiting
from vaiven.flow.checks.known import NOTHING, Known
from vaiven.flow.document import Ask, Call, FlowDocument, Position, Step, Tally, Use, Wait
from vaiven.flow.expressions import Expression, ExpressionError
from vaiven.flow.grammar import Node, parse_expression
from vaiven.flow.problems import Problem
from vaiven.flow.source import split_lines
from vaiven.flow.templates import Locale, Template


class View:
    """``params`` None: the bot is not known. ``unread`` are steps whose verb could not be read."""

    def __init__(
        self,
        document: FlowDocument,
        params: Mapping[str, Any] | None,
        unread: frozenset[str] = frozenset(),
        known: Known = NOTHING,
    ) -> None:
        self.document = document
        self.params = params
        self.unread = unread
        self.known = known
        self.lines = split_lines(document.source)
        self.steps: dict[str, Step] = {step.name: step for step in document.steps}
        """Every step by its name."""
        names = list(self.steps)
        self.following = dict(zip(names, [*names[1:], ""], strict=False))
        """The step after each in the file, empty after the last."""

    def problem(self, code: str, at: Position, text: str, cure: str = "", *, width: int = 0, severity: str = "error") -> Problem:
        """A problem at this place. Without a width the carets cover the word that stands there."""
        line = self.lines[at.line - 1] if at.line <= len(self.lines) else ""
        if not width:
            word = re.match(r"[\w.-]+|['\"][^'\"]*['\"]?", line[at.column - 1 :])
            width = len(word.group()) if word else 1
        return Problem(code, self.document.file, at.line, at.column, text, cure, width, line, severity)

    def warning(self, code: str, at: Position, text: str, cure: str = "") -> Problem:
        return self.problem(code, at, text, cure, severity="warning")

    def asks(self) -> Iterable[tuple[Step, Ask]]:
        for step in self.document.steps:
            if isinstance(step.verb, Ask):
                yield step, step.verb

    def resolved(self, step: Step, leading: Iterable[str]) -> list[str]:
        """Names of steps that are there, each once; the way on is the next step of the file."""
        named = (way or self.following[step.name] for way in leading)
        return [way for way in dict.fromkeys(named) if way in self.steps]

    def ways(self, step: Step) -> list[str]:
        """The steps that can come right after this one."""
        return self._ways[step.name]

    @cached_property
    def _ways(self) -> dict[str, list[str]]:
        document = self.document
        return {step.name: self.resolved(step, (*after_verb(step), *while_waiting(document, step))) for step in document.steps}

    @cached_property
    def entries(self) -> frozenset[str]:
        """The steps that a flow can begin at."""
        return frozenset(name for name in entries(self.document) if name in self.steps)

    @cached_property
    def reached(self) -> frozenset[str]:
        """The steps that a flow can come to."""
        reached: set[str] = set()
        waiting = list(self.entries)
        while waiting:
            name = waiting.pop()
            if name not in reached:
                reached.add(name)
                waiting.extend(self._ways[name])
        return frozenset(reached)

    @cached_property
    def answers(self) -> dict[str, tuple[str, ...] | None]:
        """Names that steps leave behind, with their fields; None: any."""
        found: dict[str, tuple[str, ...] | None] = {}
        for step in self.document.steps:
            if isinstance(step.verb, Ask):
                fields = _FIELDS.get(step.verb.answer.kind, ("value", "raw", "assumed"))
                found[step.name] = fields
            elif isinstance(step.verb, Tally):
                found[step.name] = ("cast", "left", "option")
            elif isinstance(step.verb, Call) or (isinstance(step.verb, Wait) and step.verb.event is not None):
                found[step.name] = None
        return found

    def key_at(self, key: str) -> Position:
        """Where a key of the top level stands."""
        for number, line in enumerate(self.lines, 1):
            if line.startswith(f"{key}:"):
                return Position(number, 1)
        return Position(1, 1)

    def section_at(self, step: Step) -> Position:
        """Where the innermost section of a step is named."""
        name = (step.section or "").rpartition("/")[2]
        pattern = re.compile(rf"(?:^|[{{,])\s*({re.escape(name)})\s*:")
        for number in range(step.at.line, 0, -1):
            if found := pattern.search(self.lines[number - 1]):
                return Position(number, found.start(1) + 1)
        return step.at

    def place_in(self, use: Use, piece: Expression, offset: int) -> Position:
        """Where a character of an expression stands in the file; where its text begins, if that cannot be told."""
        start = next((at for at, one in use.piece.expressions if one is piece), 0) if isinstance(use.piece, Template) else 0
        line, column = self.lines[use.at.line - 1], use.at.column + start
        if line[column - 1 :].startswith(piece.source):
            return Position(use.at.line, column + offset)
        return use.at

    def place_of(self, use: Use, name: str) -> Position:
        """Where in the file this expression or text reads the name; where it begins, if that cannot be told."""
        pieces = use.piece.expressions if isinstance(use.piece, Template) else ((0, use.piece),)
        pattern = re.compile(rf"(?<![\w.]){re.escape(name)}(?!\w)")
        for offset, piece in pieces:
            if name not in piece.names:
                continue
            within = pattern.search(piece.source)
            column = use.at.column + offset + (within.start() if within else 0)
            line = self.lines[use.at.line - 1]
            if pattern.match(line, column - 1):
                return Position(use.at.line, column)
        return self._searched(use, pattern)

    def _searched(self, use: Use, pattern: "re.Pattern[str]") -> Position:
        """A text over several lines, or with escapes in it: the first place from its start on where the name stands in braces."""
        last = use.at.line + use.piece.source.count("\n") + 8
        start = use.at.column - 1
        for number in range(use.at.line, min(last, len(self.lines)) + 1):
            line = self.lines[number - 1]
            for found in pattern.finditer(line, start):
                if isinstance(use.piece, Expression) or "{" in line[: found.start()]:
                    return Position(number, found.start() + 1)
            start = 0
        return use.at


_FIELDS: Mapping[str, tuple[str, ...] | None] = {
    "choices": ("id", "label", "value", "raw"),
    "many_of": None,
    "location": None,
    "media": None,
    "custom": None,
}
"""What the answers of a kind have beside their value; None: any field."""


@lru_cache(maxsize=4096)
def tree(source: str) -> Node:
    """An expression that compiled, as a tree: several rules look at each."""
    return parse_expression(source)


def literal(text: Template) -> str | None:
    """The text itself, where nothing in it is filled in."""
    return None if text.expressions else text.render({}, Locale())


def constant(expression: Expression | None) -> Any:
    """The value of an expression that reads no name and calls nothing, None otherwise."""
    if expression is None or expression.names:
        return None
    try:
        return expression.evaluate({})
    except ExpressionError:
        return None
