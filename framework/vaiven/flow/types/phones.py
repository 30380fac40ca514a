"""Phone numbers as people write them, as E.164: ``+34600111222``. Only the length must be possible, since plans change
faster than their tables."""

import re
from functools import lru_cache

import phonenumbers

from vaiven.flow.answers import Understood
from vaiven.flow.types import Asked, Listener
from vaiven.flow.types.lexicon import plain

_NUMBER = re.compile(r"(?<![a-z])(?:\+ ?)?\(?\d[\d ().\-/]*\d\)?")
_FEWEST = 6
# Words that make the number beside them another one, or not theirs.
_NOT = re.compile(r"\b(no|nao|non)\b")  # in English it is a number's abbreviation
_DATE = re.compile(r"\d{1,2}([-/.])\d{1,2}\1(?:\d{4}|\d{2})|\d{4}-\d\d-\d\d")
_REFUSING = re.compile(
    r"\b(not|no longer|isnt|wasnt|old|wrong|or|ext|extension|except|antiguo|viejo|ancien|vieux|alt|alte|antigo|vecchio"
    r"|nicht|pas|oder|ou|sin|incorrecto|falsch|errado|sbagliato)\b"
)


@lru_cache(maxsize=4096)
def _read(text: str, region: str | None) -> str | None:
    try:
        found = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    if phonenumbers.is_possible_number_with_reason(found) != phonenumbers.ValidationResult.IS_POSSIBLE:
        return None
    if found.italian_leading_zero and not phonenumbers.is_valid_number(found):
        return None  # a zero that belongs to the number is rare; mostly the number is too short
    return str(phonenumbers.format_number(found, phonenumbers.PhoneNumberFormat.E164))


def _read_phone(raw: str, asked: Asked) -> Understood | None:
    """The one number in the text. Without a country code it is one of the listener's country."""
    text = plain(raw)
    if text is None:
        return None
    found = [match[0] for match in _NUMBER.finditer(text)]
    if len(found) != 1 or _DATE.fullmatch(found[0]) or sum(one.isdecimal() for one in found[0]) < _FEWEST:
        return None
    beside = text.replace(found[0], " ").replace("'", "")
    if any(one.isdecimal() or one in "+%€$/@" for one in beside) or _REFUSING.search(beside):
        return None
    if not asked.listener.lang.startswith("en") and _NOT.search(beside):
        return None
    value = _read(found[0], _region(asked.listener))
    if value is None:
        return None
    said = found[0].startswith(("+", "00"))
    return Understood(value, raw, assumed=() if said else ("country",))


def _region(listener: Listener) -> str | None:
    if listener.country:
        return listener.country.upper()
    parts = listener.lang.replace("_", "-").split("-")[1:]
    return next((part.upper() for part in parts if len(part) == 2), None)


READERS = {"phone": _read_phone}
