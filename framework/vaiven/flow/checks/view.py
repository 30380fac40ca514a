"""A flow as the rules look at it: its steps by name, its lines, and a short way to say what is wrong where."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from vaiven.flow.document import Ask, FlowDocument, Position, Step, Tally, Use
from vaiven.flow.expressions import Expression, ExpressionError
from vaiven.flow.problems import Problem
from vaiven.flow.source import split_lines
from vaiven.flow.templates import Locale, Template


class View:
    """``params`` None: the bot is not known. ``unread`` are steps whose verb could not be read."""

    def __init__(self, document: FlowDocument, params: Mapping[str, Any] | None, unread: frozenset[str] = frozenset()) -> None:
        self.document = document
        self.params = params
        self.unread = unread
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

    def answers(self) -> dict[str, tuple[str, ...]]:
        """Names that steps leave behind, with their fields."""
        found: dict[str, tuple[str, ...]] = {}
        for step in self.document.steps:
            if isinstance(step.verb, Ask):
                chosen = step.verb.answer.kind == "choices"
                found[step.name] = ("id", "label", "value", "raw") if chosen else ("value", "raw")
            elif isinstance(step.verb, Tally):
                found[step.name] = ("cast", "left", "option")
        return found

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
