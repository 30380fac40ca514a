"""Texts with ``{expression|filter}`` in them. One pass: what a value brings in is never read as a template again."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from vaiven.flow.expressions import Expression


@dataclass(frozen=True, slots=True)
class Locale:
    """How values are shown: a BCP 47 language and an IANA time zone; ``gsm``: keep number and date formats in GSM-7."""

    lang: str = "en"
    zone: str = "UTC"
    gsm: bool = False


@dataclass(frozen=True, slots=True)
class Template:
    """A compiled text.

    ``render(scope, locale)`` gives the text; null prints as nothing. ``value(scope)`` gives the value itself where the text
    is exactly one ``{...}`` without a filter, else the rendered text. Both raise ExpressionError. ``names`` are the dotted
    names it reads, ``filters`` the filters it uses, ``expressions`` its compiled pieces with their offset in the text.
    """

    source: str
    names: frozenset[str]
    filters: tuple[str, ...]
    expressions: tuple[tuple[int, Expression], ...]
    render: Callable[[Mapping[str, Any], Locale], str]
    value: Callable[[Mapping[str, Any]], Any]


def compile_template(text: str) -> Template:
    """Parse and compile. Raises ExpressionError, with the offset of what is wrong and what would be right."""
    raise NotImplementedError
