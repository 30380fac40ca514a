"""The small language of guards and bounds: pure, typed, our own allow-list over a parsed tree, never ``eval`` of a text."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


class ExpressionError(Exception):
    """It does not parse, or it failed at run time. ``offset`` is where in the text, from 0; ``cure`` what would be right."""

    def __init__(self, text: str, offset: int = 0, cure: str = "") -> None:
        super().__init__(text)
        self.offset = offset
        self.cure = cure


@dataclass(frozen=True, slots=True)
class Expression:
    """A compiled expression.

    ``names`` are the dotted names it reads (``count.cast``, ``params.max_votes``). ``evaluate(scope)`` looks up top names in
    ``scope`` and raises ExpressionError.
    """

    source: str
    names: frozenset[str]
    evaluate: Callable[[Mapping[str, Any]], Any]


def compile_expression(text: str) -> Expression:
    """Parse and compile. Raises ExpressionError, with the offset of what is wrong and what would be right."""
    raise ExpressionError("not written yet")
