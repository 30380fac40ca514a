"""The GSM 7-bit alphabet and what a text costs in it.  Source: 3GPP TS 23.038, tables of 6.2.1 and 6.2.1.1."""

import re

BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
"""127 characters of one septet; the 128th position is the escape to the table below."""

EXTENSION = frozenset("\f^{}\\[~]|€")
"""Characters of two septets: the escape and their own."""

_FOREIGN = re.compile("[^" + re.escape("".join(sorted(BASIC | EXTENSION))) + "]")
_EXTENDED = re.compile("[" + re.escape("".join(sorted(EXTENSION))) + "]")
_ASTRAL = re.compile("[\U00010000-\U0010ffff]")


def is_gsm(text: str) -> bool:
    """Whether the alphabet and its extension write all of this."""
    return _FOREIGN.search(text) is None


def septets(text: str) -> int:
    """How many septets a text of this alphabet takes."""
    return len(text) + len(_EXTENDED.findall(text))


def utf16_units(text: str) -> int:
    """How many UTF-16 code units a text takes: an emoji is two at least."""
    return len(text) if text.isascii() else len(text) + len(_ASTRAL.findall(text))


def cost(character: str) -> int:
    """The most that one character can cost, in septets or UTF-16 units, whichever the text around it is sent in."""
    return 2 if character in EXTENSION or character > "\uffff" else 1
