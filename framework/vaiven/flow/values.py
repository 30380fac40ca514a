"""What values may do in expressions: strict kinds, bounded results, moments that compare however they are written."""

import operator
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, NamedTuple

from vaiven.flow.grammar import MAX_NUMBER, ExpressionError

MAX_TEXT = 10_000
_DAY = timedelta(days=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MAX_MS = 253_402_300_799_999

COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_ORDERED = frozenset({"number", "text", "day", "instant", "duration"})
_MOMENTS = frozenset({"day", "instant"})
_AS_MOMENT = frozenset({"day", "instant", "text", "number"})


class Answer(dict[str, Any]):
    """An answer as a scope holds it: its fields by name (``pick.label``), and its field ``value`` where it is named alone."""

    __slots__ = ()


def kind_of(value: Any) -> str:
    """The kind of a value, in the words of the errors. Raises ExpressionError for what no flow may touch."""
    if value is None:
        return "null"
    for kinds, word in _KINDS:
        if isinstance(value, kinds):
            return word
    raise ExpressionError("this value cannot be used in an expression")


# In this order: a bool is an int and a datetime is a date to Python, not to us.
_KINDS: tuple[tuple[type | tuple[type, ...], str], ...] = (
    (bool, "true or false"),
    (str, "text"),
    ((int, float), "number"),
    (datetime, "instant"),
    (date, "day"),
    (timedelta, "duration"),
    ((list, tuple), "list"),
    (Mapping, "group"),
)


def compare(sign: str, left: Any, right: Any) -> bool:
    """Compare two values of one kind. Null equals only null; a moment also compares with its ISO text or its ms."""
    one, other = kind_of(left), kind_of(right)
    if sign in ("==", "!="):
        if left is None or right is None:
            return (left is right) == (sign == "==")
        if one == other == "true or false":
            return COMPARE[sign](left, right)
    if one == other and one in _ORDERED:
        if one == "instant":
            left, right = instant(left), instant(right)
        return COMPARE[sign](left, right)
    if (one in _MOMENTS or other in _MOMENTS) and one in _AS_MOMENT and other in _AS_MOMENT:
        return COMPARE[sign](*_common(left, right))
    if one == other:
        raise ExpressionError(f"a {one} cannot be compared with '{sign}'", 0, "size(…) of a list, a field of a group")
    raise ExpressionError(
        f"cannot compare {one} with {other}", 0, "null only compares with == and !=" if "null" in (one, other) else ""
    )


def contains(item: Any, container: Any) -> bool:
    """``item in container``: one of a list, or a piece of a text."""
    kind = kind_of(container)
    if kind == "list":
        wanted = kind_of(item)
        return any(kind_of(one) == wanted and (one is item or compare("==", one, item)) for one in container if _simple(one))
    if kind == "text" and isinstance(item, str):
        return item in container
    raise ExpressionError(f"cannot look for {kind_of(item)} in {kind}", 0, "in takes a list, or a text in a text")


def _simple(value: Any) -> bool:
    return not isinstance(value, (list, tuple, Mapping))


def moment(value: Any) -> date | datetime:
    """A day or an instant from a date, a datetime, ISO text, or ms since the epoch (UTC). Raises ExpressionError."""
    if isinstance(value, date):
        return value
    if isinstance(value, str) and len(value) <= 40:
        try:
            return date.fromisoformat(value) if len(value) == 10 else datetime.fromisoformat(value)
        except ValueError:
            raise ExpressionError("this text is not a date", 0, "as 2026-12-05 or 2026-12-05T20:00Z") from None
    if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= _MAX_MS:
        return _EPOCH + timedelta(milliseconds=value)
    raise ExpressionError(f"{kind_of(value)} is not a date", 0, "as 2026-12-05 or 2026-12-05T20:00Z")


def instant(value: date | datetime) -> datetime:
    """With a zone, so that any two compare: what has none is taken as UTC, a day as its first moment."""
    if not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day)
    return value.replace(tzinfo=UTC) if value.utcoffset() is None else value


def day(value: date | datetime) -> date:
    return value.date() if isinstance(value, datetime) else value


def _common(left: Any, right: Any) -> tuple[Any, Any]:
    one, other = moment(left), moment(right)
    if isinstance(one, datetime) and isinstance(other, datetime):
        return instant(one), instant(other)
    return day(one), day(other)


def number(value: Any) -> int | float:
    """The value if it is a number of sane size, else ExpressionError."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ExpressionError(f"a number is needed, this is {kind_of(value)}", 0, "")
    if not -MAX_NUMBER <= value <= MAX_NUMBER:  # which NaN is not, either
        raise ExpressionError("this number is too big")
    return value


def calculate(sign: str, left: Any, right: Any) -> Any:
    """Arithmetic. Numbers; text + text; moments and durations with + and -. Raises ExpressionError."""
    if sign in "+-":
        if isinstance(left, str) and isinstance(right, str) and sign == "+":
            return text(left + right)
        if isinstance(left, timedelta) or isinstance(right, timedelta) or isinstance(left, date) or isinstance(right, date):
            return _shift(sign, left, right)
        if isinstance(left, str) or isinstance(right, str):
            raise ExpressionError(
                f"cannot use '{sign}' on {kind_of(left)} and {kind_of(right)}", 0, "put values into a text with {…}"
            )
    one, other = number(left), number(right)
    if sign in "/%" and other == 0:
        raise ExpressionError("division by zero")
    return _tidy(number(_ARITHMETIC[sign](one, other)))


_ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "%": operator.mod,
}


def _tidy(value: int | float) -> int | float:
    """6 / 2 is 3: a whole number is an int, whatever made it."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _shift(sign: str, left: Any, right: Any) -> Any:
    try:
        if isinstance(right, timedelta):
            return _later(left, right if sign == "+" else -right)
        if isinstance(left, timedelta) and sign == "+":
            return _later(right, left)
        if sign == "-":
            one, other = _common(left, right)
            return one - other
    except OverflowError:
        raise ExpressionError("this date is out of range") from None
    raise ExpressionError(
        f"cannot use '{sign}' on {kind_of(left)} and {kind_of(right)}", 0, "a date takes a duration, as today + 60d"
    )


def _later(value: Any, duration: timedelta) -> Any:
    if isinstance(value, timedelta):
        return value + duration
    start = moment(value)
    if isinstance(start, datetime):
        return start + duration
    if duration % _DAY:
        raise ExpressionError("a day takes whole days", 0, "as today + 60d; now takes hours")
    return start + duration


def text(value: str) -> str:
    """The value if it is of sane length, else ExpressionError."""
    if len(value) > MAX_TEXT:
        raise ExpressionError(f"this text grew beyond {MAX_TEXT} characters")
    return value


class Function(NamedTuple):
    """A function of the language: what it takes, as counts, and what it does. It raises ExpressionError."""

    least: int
    most: int
    call: Callable[..., Any]


def _size(value: Any) -> int:
    if isinstance(value, (str, list, tuple, Mapping)):
        return len(value)
    raise ExpressionError(f"size of {kind_of(value)} is not known", 0, "size takes a list, a group or a text")


def _days_between(start: Any, end: Any) -> int:
    return (day(moment(end)) - day(moment(start))).days


def _lower(value: Any) -> str:
    return text(_text_needed(value).lower())


def _upper(value: Any) -> str:
    return text(_text_needed(value).upper())


def _text_needed(value: Any) -> str:
    if isinstance(value, str):
        return value
    raise ExpressionError(f"a text is needed, this is {kind_of(value)}", 0, "")


def _round(value: Any, digits: Any = 0) -> int | float:
    places = number(digits)
    if not isinstance(places, int) or not 0 <= places <= 9:
        raise ExpressionError("round takes 0 to 9 digits")
    # Halves go up, as people count; Python would give 2 for 2.5.
    exact = Decimal(repr(number(value))).quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)
    return _tidy(float(exact)) if places else int(exact)


def _extreme(sign: str) -> Callable[..., Any]:
    def pick(*values: Any) -> Any:
        found = values[0] if len(values) == 1 and isinstance(values[0], (list, tuple)) else values
        if not found:
            raise ExpressionError("an empty list has no smallest or greatest")
        best = found[0]
        if kind_of(best) not in _ORDERED:
            raise ExpressionError(f"{kind_of(best)} has no order")
        for value in found[1:]:
            if compare(sign, value, best):
                best = value
        return best

    return pick


FUNCTIONS: Mapping[str, Function] = {
    "size": Function(1, 1, _size),
    "days_between": Function(2, 2, _days_between),
    "lower": Function(1, 1, _lower),
    "upper": Function(1, 1, _upper),
    "round": Function(1, 2, _round),
    "min": Function(1, 20, _extreme("<")),
    "max": Function(1, 20, _extreme(">")),
}
