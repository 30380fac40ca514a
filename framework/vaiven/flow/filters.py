"""How values are shown: as they are, and by the filters of a text, in the contact's language and zone.

Dates, numbers and money follow CLDR by way of babel, which is imported at the first filter that needs it: most texts need none.
"""

import re
import unicodedata
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple
from zoneinfo import ZoneInfo

from vaiven.flow.grammar import MAX_NUMBER, ExpressionError
from vaiven.flow.values import Answer, kind_of, moment, number

if TYPE_CHECKING:
    from babel import Locale as Cldr


@dataclass(frozen=True, slots=True)
class Locale:
    """How values are shown: a BCP 47 language and an IANA time zone; ``gsm``: keep number and date formats in GSM-7."""

    lang: str = "en"
    zone: str = "UTC"
    gsm: bool = False


_YES_NO = {
    "en": ("yes", "no"),
    "es": ("sí", "no"),
    "fr": ("oui", "non"),
    "de": ("ja", "nein"),
    "pt": ("sim", "não"),
    "it": ("sì", "no"),
}
_TWELVE_HOURS = frozenset({"en-us", "en-ca", "en-au", "en-nz", "en-in", "en-ph", "es-us"})
_AND = {"en": "and", "es": "y", "fr": "et", "de": "und", "pt": "e", "it": "e"}
_LIKE_I = re.compile(r"h?[ií](?![aeou])", re.IGNORECASE)
_MEANS_MORE = str.maketrans({"\u202f": " ", "\u00a0": " ", "\u2212": "-", "\u2019": "'"})
_GSM_SIGNS = frozenset("£¥€¤")
"""Signs of money beyond ASCII that GSM-7 has; others are said by their code."""
_GSM_LETTERS = frozenset("èéùìòÇØøÅåÆæßÉÄÖÑÜäöñüà")
"""Letters beyond ASCII that GSM-7 has."""
_DURATION_UNITS = ((86_400, "d"), (3600, "h"), (60, "min"), (1, "s"))


def show(value: Any, locale: Locale) -> str:
    """A value as a text shows it without a filter. Raises ExpressionError for a group of fields."""
    match kind_of(value):
        case "null":
            return ""
        case "true or false":
            return _YES_NO.get(_language(locale), _YES_NO["en"])[not value]
        case "number":
            return _plain(number(value))
        case "text":
            return str(value)
        case "instant":
            return str(value.isoformat(timespec="minutes"))
        case "day":
            return str(value.isoformat())
        case "duration":
            return _duration(value)
        case "list":
            return ", ".join(show(item, locale) for item in value)
    if isinstance(value, Answer):
        return show(value.get("value"), locale)
    fields = [key for key in value if isinstance(key, str)][:5]
    raise ExpressionError("a group of fields cannot be shown", 0, f"name one of its fields: {', '.join(fields)}")


def _plain(value: float) -> str:
    if value == int(value):
        return str(int(value))
    return format(Decimal(repr(value)), "f")


def _duration(value: timedelta) -> str:
    left, parts = int(abs(value).total_seconds()), []
    for seconds, unit in _DURATION_UNITS:
        count, left = divmod(left, seconds)
        if count:
            parts.append(f"{count} {unit}")
    return ("-" if value < timedelta() else "") + (" ".join(parts) or "0 s")


def _language(locale: Locale) -> str:
    return locale.lang.replace("_", "-").partition("-")[0].lower()


def _narrow(text: str, locale: Locale) -> str:
    """A number format's thin and fixed spaces look like a space, and each would make the SMS a UCS-2 one."""
    return text.translate(_MEANS_MORE) if locale.gsm else text


def _spelled(text: str) -> str:
    """The name of a month without the marks that GSM-7 lacks, as people type it: 5 de marco, 1 aout. Other scripts stay."""
    spelled = "".join(letter if letter in _GSM_LETTERS else _unmarked(letter) for letter in text)
    return spelled if all(letter.isascii() or letter in _GSM_LETTERS for letter in spelled) else text


def _unmarked(letter: str) -> str:
    return "".join(part for part in unicodedata.normalize("NFD", letter) if not unicodedata.combining(part))


@lru_cache(maxsize=64)
def _cldr(lang: str) -> "Cldr":
    from babel import Locale as Cldr  # 40 ms that most processes never need to spend
    from babel import UnknownLocaleError

    tag = lang.replace("_", "-")
    for candidate in (tag, tag.partition("-")[0]):
        # Bare "en" would be the American one; people anywhere read "27 November 2026".
        with suppress(ValueError, UnknownLocaleError, TypeError):
            return Cldr.parse("en-001" if candidate.lower() == "en" else candidate, sep="-")
    return Cldr.parse("en-001", sep="-")


def _local(value: Any, locale: Locale) -> date | datetime:
    """In the contact's zone. What has no zone of its own is already local."""
    found = moment(value)
    if not isinstance(found, datetime) or found.utcoffset() is None:
        return found
    try:
        return found.astimezone(_zone(locale.zone))
    except OverflowError:
        raise ExpressionError("this date is out of range") from None


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError):  # an unknown key, a path, a directory
        raise ExpressionError(f"time zone '{name[:40]}' is not known", 0, "an IANA name such as Europe/Madrid") from None


def _time(value: Any, locale: Locale) -> str:
    if value is None:
        return ""
    if isinstance(value, str) and len(value) in (5, 8) and value[2] == ":":
        with suppress(ValueError):  # then it is no date either, which the next line tells
            return _clock(time.fromisoformat(value), locale)
    found = _local(value, locale)
    if not isinstance(found, datetime):
        raise ExpressionError("a day has no time", 0, "use date")
    return _clock(found.time(), locale)


def _clock(value: time, locale: Locale) -> str:
    if locale.lang.replace("_", "-").lower() in _TWELVE_HOURS:
        return f"{(value.hour - 1) % 12 + 1}:{value.minute:02} {'AM' if value.hour < 12 else 'PM'}"
    return f"{value.hour:02}:{value.minute:02}"


def _date(value: Any, locale: Locale) -> str:
    if value is None:
        return ""
    from babel.dates import format_date

    found = _local(value, locale)
    text = _narrow(format_date(found, "long", locale=_cldr(locale.lang)), locale)
    return _spelled(text) if locale.gsm and not text.isascii() else text


def _datetime(value: Any, locale: Locale) -> str:
    return "" if value is None else f"{_date(value, locale)} {_time(value, locale)}"


def category(count: float, locale: Locale, ordinal: bool = False) -> str:
    """The plural form that a number takes in a language: one of CLDR's ``zero one two few many other``."""
    cldr = _cldr(locale.lang)
    found: str = (cldr.ordinal_form if ordinal else cldr.plural_form)(abs(Decimal(_plain(count))))
    return found


def format_number(count: float, locale: Locale) -> str:
    """A number as the language writes it."""
    return _number(count, locale)


def _number(value: Any, locale: Locale, digits: Any = None) -> str:
    if value is None:
        return ""
    from babel.numbers import format_decimal

    amount = Decimal(repr(number(value)))
    if digits is None:
        return _narrow(format_decimal(amount, locale=_cldr(locale.lang)), locale)
    if not isinstance(digits, int) or not 0 <= digits <= 9:
        raise ExpressionError("number takes 0 to 9 digits", 0, "as {price|number(2)}")
    pattern = "#,##0" + ("." + "0" * digits if digits else "")
    return _narrow(format_decimal(amount, format=pattern, locale=_cldr(locale.lang)), locale)


def _money(value: Any, locale: Locale, currency: Any) -> str:
    """``value`` in units of the currency, not in cents; a decimal text (``"12.50"``) is exact."""
    if value is None:
        return ""
    from babel.numbers import format_currency

    if not (isinstance(currency, str) and len(currency) == 3 and currency.isascii() and currency.isupper()):
        raise ExpressionError("a currency is three capital letters", 0, "as {price|money('EUR')}")
    cldr, amount = _cldr(locale.lang), _amount(value)
    text = _narrow(format_currency(amount, currency, locale=cldr), locale)
    if locale.gsm and not all(sign.isascii() or sign in _GSM_SIGNS for sign in text):
        coded = cldr.currency_formats["standard"].pattern.replace("\u00a4#", "\u00a4\u00a4 #")
        coded = coded if "\u00a4\u00a4" in coded else coded.replace("\u00a4", "\u00a4\u00a4")
        text = _narrow(format_currency(amount, currency, format=coded, locale=cldr), locale)
    return text


def _amount(value: Any) -> Decimal:
    try:
        found = Decimal(value) if isinstance(value, str) and len(value) <= 20 else Decimal(repr(number(value)))
    except InvalidOperation:
        raise ExpressionError("this text is not an amount", 0, "as 12.50") from None
    if not found.is_finite() or abs(found) > MAX_NUMBER:
        raise ExpressionError("this number is too big")
    return found


def _upper(value: Any, locale: Locale) -> str:
    return show(value, locale).upper()


def _lower(value: Any, locale: Locale) -> str:
    return show(value, locale).lower()


def _list(value: Any, locale: Locale, word: Any = None) -> str:
    """``a, b and c``, with the language's own word for *and* unless one is given."""
    if value is None:
        return ""
    if not isinstance(value, (list, tuple)):
        raise ExpressionError(f"a list is needed, this is {kind_of(value)}")
    items = [show(item, locale) for item in value]
    joint = _AND.get(_language(locale)) if word is None else show(word, locale)
    if len(items) < 2 or not joint:
        return ", ".join(items)
    if joint == "y" and _language(locale) == "es" and _LIKE_I.match(items[-1]):
        joint = "e"  # Ana e Inés, agua y hielo
    return f"{', '.join(items[:-1])} {joint} {items[-1]}"


class Filter(NamedTuple):
    """A filter: how many arguments it takes, and ``call(value, locale, *arguments)``. It raises ExpressionError."""

    least: int
    most: int
    call: Callable[..., str]


FILTERS: Mapping[str, Filter] = {
    "date": Filter(0, 0, _date),
    "time": Filter(0, 0, _time),
    "datetime": Filter(0, 0, _datetime),
    "number": Filter(0, 1, _number),
    "money": Filter(1, 1, _money),
    "upper": Filter(0, 0, _upper),
    "lower": Filter(0, 0, _lower),
    "list": Filter(0, 1, _list),
}
