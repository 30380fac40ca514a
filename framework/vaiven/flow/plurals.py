"""``{n, plural, one {# vote} other {# votes}}``: texts that follow a number or a word, as ICU messages write them.

``plural`` and ``selectordinal`` take CLDR's categories of the language (``zero one two few many other``) and exact numbers
(``=0``), ``select`` takes words; ``other`` is always there. ``#`` is the number in the language's format. Texts of branches may
hold values and further branches. Source: Unicode CLDR plural rules (UTS 35), ICU MessageFormat.
"""

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from vaiven.flow.filters import Locale, category, format_number, show
from vaiven.flow.grammar import ExpressionError
from vaiven.flow.values import number

_HEAD = re.compile(r"\{(?P<value>[^{}]+?),\s*(?P<kind>plural|selectordinal|select)\s*,")
_SELECTOR = re.compile(r"\s*(?P<word>=-?\d+|[^\s{}=]+)\s*\{")
_LOOKED_AT = 201
"""No language has a form of whole numbers that only larger ones take, but for millions, which nobody counts by."""
_CATEGORIES = ("zero", "one", "two", "few", "many", "other")


@dataclass(frozen=True, slots=True)
class Block:
    """Where it stands: ``value`` and the branches as (start, end) offsets of the text; ``end`` is just after its brace."""

    kind: str
    value: tuple[int, int]
    branches: Mapping[str, tuple[int, int]]
    end: int


def find_block(text: str, at: int) -> Block | None:
    """The block whose brace stands at this place; None: it is no block. Raises ExpressionError if it is a broken one."""
    head = _HEAD.match(text, at)
    if head is None:
        return None
    kind, branches, here = head["kind"], dict[str, tuple[int, int]](), head.end()
    while (found := _SELECTOR.match(text, here)) is not None:
        word = found["word"]
        if word in branches:
            raise ExpressionError(f"'{word}' is here twice", found.start("word"), "keep one of the two")
        if kind != "select" and not word.startswith("=") and word not in _CATEGORIES:
            raise ExpressionError(
                f"'{word}' is no plural form", found.start("word"), f"forms are {', '.join(_CATEGORIES)}, and =0 for a number"
            )
        end = _closing(text, found.end() - 1)
        branches[word] = (found.end(), end)
        here = end + 1
    rest = len(text[here:]) - len(text[here:].lstrip())
    if not text.startswith("}", here + rest):
        raise ExpressionError(f"this {kind} is not closed", at, "as {n, plural, one {# vote} other {# votes}}")
    if "other" not in branches:
        raise ExpressionError(f"this {kind} has no 'other'", at, "as {n, plural, one {# vote} other {# votes}}")
    return Block(kind, head.span("value"), branches, here + rest + 1)


def _closing(text: str, opening: int) -> int:
    """Where the brace is closed that stands here. In a branch quotes are text: only braces count."""
    depth = 0
    for at in range(opening, len(text)):
        if text[at] == "{":
            depth += 1
        elif text[at] == "}":
            depth -= 1
            if depth == 0:
                return at
    raise ExpressionError("this brace is never closed", opening, "close it with }")


def missing_forms(text: str, lang: str) -> list[str]:
    """The forms that whole numbers take in this language and a plural in the text does not have; those get ``other``."""
    found: dict[str, None] = {}
    at = text.find("{")
    while at >= 0:
        block = None
        with suppress(ExpressionError):  # a doubled brace, which is a text
            block = find_block(text, at)
        if block is not None and block.kind != "select":
            for count in range(_LOOKED_AT):
                form = category(count, Locale(lang), block.kind == "selectordinal")
                if form not in block.branches and f"={count}" not in block.branches:
                    found[form] = None
        at = text.find("{", at + 1)
    return list(found)


Branch = Callable[[Mapping[str, Any], Locale, str], str]
"""Renders a text, in which a number sign stands for this number."""


def chooser(kind: str, evaluate: Callable[[Mapping[str, Any]], Any], branches: Mapping[str, Branch]) -> Branch:
    """What renders a block. It raises ExpressionError."""
    other = branches["other"]

    def select(scope: Mapping[str, Any], locale: Locale, sign: str) -> str:
        return branches.get(_word(evaluate(scope), locale), other)(scope, locale, sign)

    def plural(scope: Mapping[str, Any], locale: Locale, _sign: str) -> str:
        value = evaluate(scope)
        count = 0 if value is None else number(value)
        found = branches.get(f"={show(count, locale)}")
        if found is None:
            found = branches.get(category(count, locale, kind == "selectordinal"), other)
        return found(scope, locale, format_number(count, locale))

    return select if kind == "select" else plural


def _word(value: Any, locale: Locale) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return show(value, locale)
