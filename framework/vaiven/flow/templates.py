"""Texts with ``{expression|filter}`` in them. One pass: what a value brings in is never read as a template again."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from vaiven.flow.expressions import Expression, compile_expression
from vaiven.flow.filters import FILTERS, Filter, Locale, show
from vaiven.flow.grammar import MAX_NUMBER, ExpressionError
from vaiven.flow.plurals import Block, Branch, chooser, find_block
from vaiven.flow.values import MAX_TEXT

__all__ = ["Locale", "Template", "compile_template"]

Render = Callable[[Mapping[str, Any], Locale], str]
_PLAIN = Locale()


@dataclass(frozen=True, slots=True)
class Template:
    """A compiled text.

    ``render(scope, locale)`` gives the text; null prints as nothing. ``value(scope)`` gives the value itself where the text
    is exactly one ``{...}`` without a filter, else the rendered text. Both raise ExpressionError. ``names`` are the dotted
    names it reads, ``expressions`` its compiled pieces with their offset in the text, ``pieces`` its parts in order.
    ``others`` is the same text in other languages, None: it is in one only.
    """

    source: str
    names: frozenset[str]
    expressions: tuple[tuple[int, Expression], ...]
    render: Render
    value: Callable[[Mapping[str, Any]], Any]
    pieces: "tuple[str | Piece, ...]" = ()
    others: "Mapping[str, Template] | None" = None

    @property
    def hours(self) -> frozenset[str]:
        """The opening hours that it asks for."""
        return frozenset(hours for _, expression in self.expressions for hours in expression.hours)


@dataclass(frozen=True, slots=True)
class Piece:
    """What one ``{...}`` of a text shows, and the names it reads. ``worded``: it has texts of its own to choose from."""

    names: frozenset[str]
    render: Render
    worded: bool = False


@dataclass(frozen=True, slots=True)
class _Applied:
    filter: Filter
    arguments: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class _Slot:
    """One ``{...}``: its expression and the filters that follow, in order."""

    at: int
    expression: Expression
    applied: tuple[_Applied, ...]


@dataclass(frozen=True, slots=True)
class _Choice:
    """One ``{n, plural, ...}``: its value, and the parts of its branches; None among them is the number itself."""

    at: int
    kind: str
    expression: Expression
    branches: "Mapping[str, list[_Part | None]]"


_Part = str | _Slot | _Choice
_DEEPEST = 5
"""So many choices stand in each other at most."""


def compile_template(text: str) -> Template:
    """Parse and compile. Raises ExpressionError, with the offset of what is wrong and what would be right."""
    if len(text) > MAX_TEXT:
        raise ExpressionError(f"a text has at most {MAX_TEXT} characters, this one has {len(text)}", MAX_TEXT, "split it")
    expressions: list[tuple[int, Expression]] = []
    parts = _parts(text, expressions)
    render = _renderer(parts)
    only = parts[0] if len(parts) == 1 and isinstance(parts[0], _Slot) and not parts[0].applied else None
    return Template(
        source=text,
        names=frozenset(name for _, expression in expressions for name in expression.names),
        expressions=tuple(expressions),
        render=render,
        value=only.expression.evaluate if only else lambda scope: render(scope, _PLAIN),
        pieces=tuple(part if isinstance(part, str) else _made(part) for part in parts),
    )


def _parts(text: str, expressions: list[tuple[int, Expression]]) -> list[_Part]:
    parts: list[_Part] = []
    literal: list[str] = []
    at = 0
    while at < len(text):
        character = text[at]
        if character not in "{}":
            following = _next_brace(text, at)
            literal.append(text[at:following])
            at = following
        elif text.startswith(character, at + 1):
            literal.append(character)
            at += 2
        elif character == "}":
            raise ExpressionError("this brace closes nothing", at, "write }} for a brace that stands in the text")
        else:
            if literal:
                parts.append("".join(literal))
                literal = []
            part, at = _value(text, at, expressions)
            parts.append(part)
    if literal:
        parts.append("".join(literal))
    return parts


def _value(text: str, at: int, expressions: list[tuple[int, Expression]], depth: int = 1) -> tuple[_Slot | _Choice, int]:
    """What stands in the brace at this place, and where it ends."""
    block = find_block(text, at)
    if block is not None:
        return _choice(text, at, block, expressions, depth), block.end
    end = _closing(text, at)
    return _slot(text, at + 1, end, expressions), end + 1


def _choice(text: str, at: int, block: Block, expressions: list[tuple[int, Expression]], depth: int) -> _Choice:
    if depth > _DEEPEST:
        raise ExpressionError(f"more than {_DEEPEST} choices stand in each other here", at, "use steps, or shorter texts")
    start, end = block.value
    expression = _compiled(text, start, end, expressions)
    numbered = block.kind != "select"
    branches = {
        word: _branch_parts(text, inner, stop, expressions, depth, numbered) for word, (inner, stop) in block.branches.items()
    }
    return _Choice(at, block.kind, expression, branches)


def _branch_parts(
    text: str, at: int, end: int, expressions: list[tuple[int, Expression]], depth: int, numbered: bool
) -> list[_Part | None]:
    """The text of a branch: in it a brace is always one of a value, and ``#`` the number."""
    parts: list[_Part | None] = []
    while at < end:
        if text[at] == "{":
            part, at = _value(text, at, expressions, depth + 1)
            parts.append(part)
            continue
        opening = text.find("{", at, end)
        stop = end if opening < 0 else opening
        first, *others = text[at:stop].split("#") if numbered else [text[at:stop]]
        parts.append(first)
        for other in others:
            parts += (None, other)
        at = stop
    return parts


def _next_brace(text: str, at: int) -> int:
    return min((found for found in (text.find("{", at), text.find("}", at)) if found >= 0), default=len(text))


def _closing(text: str, opening: int) -> int:
    for at, character in _outside_quotes(text, opening + 1, len(text)):
        if character == "}":
            return at
        if character == "{":
            raise ExpressionError("braces do not nest", at, "write {{ for a brace that stands in the text")
    quoted = "'" in text[opening:] or '"' in text[opening:]
    cure = "close it and the quotes in it" if quoted else "close it with }, or write {{ for a brace that stands in the text"
    raise ExpressionError("this brace is never closed", opening, cure)


def _outside_quotes(text: str, start: int, end: int) -> list[tuple[int, str]]:
    """The characters that are not inside a quoted text, with their place. An open quote swallows the rest."""
    found, quote, at = [], "", start
    while at < end:
        character = text[at]
        if quote:
            if character == "\\":
                at += 1
            elif character == quote:
                quote = ""
        elif character in "'\"":
            quote = character
        else:
            found.append((at, character))
            if character == "}":
                break
        at += 1
    return found


def _split(text: str, start: int, end: int, separator: str) -> list[tuple[int, int]]:
    """Cut at each separator that stands outside of quotes, parentheses and brackets."""
    pieces, depth = [], 0
    for at, character in _outside_quotes(text, start, end):
        if character in "([":
            depth += 1
        elif character in ")]":
            depth -= 1
        elif character == separator and depth == 0 and "|" not in (text[at - 1], text[at + 1]):
            pieces.append((start, at))
            start = at + 1
    pieces.append((start, end))
    return pieces


def _slot(text: str, start: int, end: int, expressions: list[tuple[int, Expression]]) -> _Slot:
    pieces = _split(text, start, end, "|")
    first, last = pieces[0]
    if not text[first:last].strip():
        raise ExpressionError("nothing stands between these braces", start - 1, "a name, as {guest}; {{ for a brace")
    expression = _compiled(text, first, last, expressions)
    return _Slot(expressions[-1][0], expression, tuple(_applied(text, one, other, expressions) for one, other in pieces[1:]))


def _compiled(text: str, start: int, end: int, expressions: list[tuple[int, Expression]]) -> Expression:
    source = text[start:end]
    start += len(source) - len(source.lstrip())
    try:
        expression = compile_expression(source.strip())
    except ExpressionError as error:
        raise ExpressionError(str(error), start + error.offset, error.cure) from None
    expressions.append((start, expression))
    return expression


def _applied(text: str, start: int, end: int, expressions: list[tuple[int, Expression]]) -> _Applied:
    written = text[start:end]
    at = start + len(written) - len(written.lstrip())
    name, bracket, rest = written.strip().partition("(")
    name = name.rstrip()
    found = FILTERS.get(name)
    if found is None:
        close = get_close_matches(name, FILTERS, 1)
        raise ExpressionError(
            f"there is no filter '{name}'" if name else "a filter is missing after '|'",
            at,
            f"did you mean '{close[0]}'?" if close else f"filters are {', '.join(FILTERS)}",
        )
    arguments: tuple[Expression, ...] = ()
    if bracket:
        if not rest.endswith(")"):
            raise ExpressionError("the arguments of this filter are not closed", at, f"as {name}(…)")
        inner, stop = text.index("(", start) + 1, start + len(written.rstrip()) - 1
        if text[inner:stop].strip():
            arguments = tuple(_compiled(text, one, other, expressions) for one, other in _split(text, inner, stop, ","))
    if not found.least <= len(arguments) <= found.most:
        wanted = str(found.least) if found.least == found.most else f"{found.least} to {found.most}"
        raise ExpressionError(f"filter {name} takes {wanted} arguments, here are {len(arguments)}", at)
    return _Applied(found, arguments)


def _renderer(parts: list[_Part]) -> Render:
    if all(isinstance(part, str) for part in parts):
        constant = "".join(part for part in parts if isinstance(part, str))
        return lambda _scope, _locale: constant
    pieces = [part if isinstance(part, str) else _made(part).render for part in parts]

    def render(scope: Mapping[str, Any], locale: Locale) -> str:
        text = "".join([piece if isinstance(piece, str) else piece(scope, locale) for piece in pieces])
        if len(text) > MAX_TEXT:
            raise ExpressionError(f"this text grew beyond {MAX_TEXT} characters")
        return text

    return render


def _made(part: _Slot | _Choice) -> Piece:
    if isinstance(part, _Slot):
        return Piece(_names_of(part), _piece(part))
    chosen = _chosen(part)
    return Piece(_names_within(part), lambda scope, locale: chosen(scope, locale, "#"), worded=True)


def _names_within(choice: _Choice) -> frozenset[str]:
    inner = [part for parts in choice.branches.values() for part in parts]
    slots = [_names_of(part) for part in inner if isinstance(part, _Slot)]
    choices = [_names_within(part) for part in inner if isinstance(part, _Choice)]
    return choice.expression.names.union(*slots, *choices)


def _chosen(choice: _Choice) -> Branch:
    render = chooser(choice.kind, choice.expression.evaluate, {word: _branch(parts) for word, parts in choice.branches.items()})
    at = choice.at

    def chosen(scope: Mapping[str, Any], locale: Locale, sign: str) -> str:
        try:
            return render(scope, locale, sign)
        except ExpressionError as error:
            raise ExpressionError(str(error), at, error.cure) from None

    return chosen


def _branch(parts: list[_Part | None]) -> Branch:
    pieces = [part if part is None or isinstance(part, str) else _numbered(part) for part in parts]

    def render(scope: Mapping[str, Any], locale: Locale, sign: str) -> str:
        return "".join(
            [sign if piece is None else piece if isinstance(piece, str) else piece(scope, locale, sign) for piece in pieces]
        )

    return render


def _numbered(part: _Slot | _Choice) -> Branch:
    if isinstance(part, _Choice):
        return _chosen(part)
    shown = _piece(part)
    return lambda scope, locale, _sign: shown(scope, locale)


def _names_of(slot: _Slot) -> frozenset[str]:
    arguments = [argument.names for one in slot.applied for argument in one.arguments]
    return slot.expression.names.union(*arguments)


def _piece(slot: _Slot) -> Render:
    evaluate, applied, at = slot.expression.evaluate, slot.applied, slot.at

    def shown(scope: Mapping[str, Any], locale: Locale) -> str:
        try:
            value = evaluate(scope)
            if value.__class__ is str or (value.__class__ is int and -MAX_NUMBER <= value <= MAX_NUMBER):
                return str(value)
            return show(value, locale)
        except ExpressionError as error:
            raise ExpressionError(str(error), at + error.offset, error.cure) from None

    def filtered(scope: Mapping[str, Any], locale: Locale) -> str:
        try:
            value = evaluate(scope)
            for one in applied:
                value = one.filter.call(value, locale, *[argument.evaluate(scope) for argument in one.arguments])
        except ExpressionError as error:
            raise ExpressionError(str(error), at + error.offset, error.cure) from None
        return str(value)

    return filtered if applied else shown
