"""Where one character that people see ends and the next begins.

Source: Unicode Standard Annex 29, grapheme cluster boundaries, as far as the standard library's character data goes: marks,
joiners, emoji sequences, flags, keycaps, tags, Hangul syllables, Indic conjuncts, line ends.
"""

import re
import unicodedata
from collections.abc import Iterator

_ZWJ = "\u200d"
_CLUSTERED = re.compile("[^\x20-\u02ff\u2010-\u2027\u3041-\u3096\u30a0-\u30ff\u4e00-\u9fff]")
"""Anything that may belong to a cluster of several: outside it, every character stands alone."""


def starts_cluster(text: str, at: int) -> bool:
    """Whether a cluster begins at this position, so that the text may be cut before it."""
    if at <= 0 or at >= len(text):
        return True
    before, after = text[at - 1], text[at]
    if before == "\r" and after == "\n":
        return False
    if after < "\u0300" and before < "\u0300":
        return True
    if _extends(after):
        return before in "\r\n"
    if before == _ZWJ:
        return unicodedata.category(after) not in ("So", "Sk", "Sm", "Sc", "Po")
    if _is_flag_letter(after):
        return _flag_letters_before(text, at) % 2 == 0
    if unicodedata.combining(before) == 9 and unicodedata.category(after) == "Lo":
        return False
    return not _joins_hangul(before, after)


def clusters(text: str) -> Iterator[str]:
    """The clusters of a text, in order; put together they are the text."""
    if _CLUSTERED.search(text) is None:
        yield from text
        return
    start = 0
    for at in range(1, len(text) + 1):
        if at == len(text) or starts_cluster(text, at):
            yield text[start:at]
            start = at


def _extends(character: str) -> bool:
    """Marks, variation selectors, skin tones, tags and joiners hang on what stands before them."""
    if character in "\u200c\u200d" or "\U0001f3fb" <= character <= "\U0001f3ff" or "\U000e0020" <= character <= "\U000e007f":
        return True
    return unicodedata.category(character) in ("Mn", "Me", "Mc")


def _is_flag_letter(character: str) -> bool:
    return "\U0001f1e6" <= character <= "\U0001f1ff"


def _flag_letters_before(text: str, at: int) -> int:
    first = at
    while first > 0 and _is_flag_letter(text[first - 1]):
        first -= 1
    return at - first


def _joins_hangul(before: str, after: str) -> bool:
    """A leading consonant takes a vowel or a syllable, a vowel another vowel or a final, a final another final."""
    left, right = _hangul(before), _hangul(after)
    return right in {"L": ("L", "V", "LV", "LVT"), "LV": ("V", "T"), "V": ("V", "T"), "LVT": ("T",), "T": ("T",)}.get(left, ())


def _hangul(character: str) -> str:
    if "\u1100" <= character <= "\u115f" or "\ua960" <= character <= "\ua97c":
        return "L"
    if "\u1160" <= character <= "\u11a7" or "\ud7b0" <= character <= "\ud7c6":
        return "V"
    if "\u11a8" <= character <= "\u11ff" or "\ud7cb" <= character <= "\ud7fb":
        return "T"
    if "\uac00" <= character <= "\ud7a3":
        return "LVT" if (ord(character) - 0xAC00) % 28 else "LV"
    return ""
