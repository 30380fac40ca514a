"""From what a provider calls an address to a URN, and back.  Source: ITU-T E.164."""

import re
from functools import lru_cache

from vaiven.model.urns import Urn, path_of, scheme_of, urn

_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
_SHORT = re.compile(r"[0-9]{3,8}")
_TYPED = re.compile(r"\+?[0-9() ./-]{6,25}")
_SCHEMES = ("whatsapp", "messenger", "rcs")
_ALPHA = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9 &+_.-]{1,11}")


def phone(text: str, country: str | None = None) -> str | None:
    """The number in E.164, or None if it is none; ``country`` (ISO 3166) reads numbers without a ``+``.

    Possible numbers pass, assigned or not: number ranges are newer than any table of them.
    """
    return text if _E164.fullmatch(text) else _phone(text, country)


@lru_cache(maxsize=4096)
def _phone(text: str, country: str | None) -> str | None:
    if not _TYPED.fullmatch(text):
        return None
    import phonenumbers  # heavy, and a provider's numbers never need it

    if not text.startswith("+") and country is None:
        text = "+" + text
    try:
        number = phonenumbers.parse(text, country)
    except phonenumbers.NumberParseException:
        return None
    if number.extension or not phonenumbers.is_possible_number(number):
        return None
    told = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return told if _E164.fullmatch(told) else None


def sms_address(text: str, country: str | None = None) -> Urn | None:
    """The URN of an SMS address: ``tel:``, ``short:<country>:<code>`` (``short:<code>`` if no country is known) or ``alpha:``.

    An address that bears its scheme, as ``whatsapp:+44…`` does, keeps it. None if it is no address at all.
    """
    if _E164.fullmatch(text):
        return Urn("tel:" + text)
    scheme, colon, path = text.partition(":")
    if colon:
        return urn(scheme, path.lstrip("+")) if scheme in _SCHEMES and path.lstrip("+") else None
    if _SHORT.fullmatch(text):
        return urn("short", f"{country.upper()}:{text}" if country else text)
    number = _phone(text, country)
    if number is not None:
        return urn("tel", number)
    return urn("alpha", text) if _ALPHA.fullmatch(text) else None


def sms_recipient(address: str) -> str | None:
    """What to dial for a URN: the number or the short code; None for an address that takes no SMS."""
    scheme = scheme_of(address)
    if scheme == "tel":
        return address[4:]
    return path_of(address).rpartition(":")[2] if scheme == "short" else None
