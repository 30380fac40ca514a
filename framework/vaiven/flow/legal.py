"""The words of consent: STOP, START, HELP and their kin, as carriers take them. Whole messages only.

"Stop please" and "stop at the next station" are no such words: an answer to a question must not unsubscribe anybody.
Source: CTIA Messaging Principles; 47 CFR 64.1200(a)(10); the providers' opt-out documents.
"""

import unicodedata
from collections.abc import Mapping

from vaiven.flow.folding import fold, without_emoji

LEGAL_WORDS: Mapping[str, str] = {
    "stop": "stop",
    "stopall": "stop",
    "stop all": "stop",
    "unsubscribe": "stop",
    "revoke": "stop",
    "optout": "stop",
    "opt out": "stop",
    "start": "start",
    "unstop": "start",
    "help": "help",
    "info": "help",
}
"""Folded word to its meaning, on every channel."""

SMS_WORDS: Mapping[str, str] = {**LEGAL_WORDS, "cancel": "stop", "end": "stop", "quit": "stop"}
"""The same on SMS, where carriers take three more."""

_LONGEST = 160

# Letters that look like one of ours, capital or small: an opt-out typed on a Greek or Russian keyboard, or dressed up to
# slip through, is still an opt-out.
_LOOKALIKES = {
    "a": "ΑαАаᴀ",
    "b": "ΒВв",
    "c": "ϹϲСсᴄ",
    "d": "ԁᴅ",
    "e": "ΕЕеᴇ",
    "f": "ꜰ",
    "h": "ΗНнҺһʜ",
    "i": "ΙιІіıɪ",
    "k": "ΚκКкᴋ",
    "l": "Ӏӏʟ",
    "m": "ΜМмᴍ",
    "n": "Νηոɴ",
    "o": "ΟοОоՕօᴏ",
    "p": "ΡρРрᴘ",
    "q": "Ԛԛ",
    "r": "ʀ",
    "s": "ЅѕՏꜱ",
    "t": "ΤτТтᴛ",
    "u": "υՍսᴜ",
    "v": "νѴѵᴠ",
    "y": "ΥУуҮү",
}
_LETTERS = {ord(like): letter for letter, likes in _LOOKALIKES.items() for like in likes} | {
    # Letters in discs, squares and flags, which NFKC leaves as they are.
    first + offset: chr(ord("a") + offset)
    for first in (0x1F150, 0x1F170, 0x1F1E6)
    for offset in range(26)
}


def legal_word(text: str, sms: bool) -> str | None:
    """``stop``, ``start`` or ``help`` if the whole message is such a word; CANCEL, END and QUIT only with ``sms``.

    ``start`` is legal only for someone opted out: the caller asks that.
    """
    return _find(text, SMS_WORDS if sms else LEGAL_WORDS)


def opt_in_word(text: str) -> bool:
    """Whether the whole message opts in again: START, UNSTOP, and YES, which means it only from someone opted out."""
    return _find(text, _OPT_IN) is not None


def legal_clash(word: str, sms: bool) -> str | None:
    """What people would do by typing this label, alias or command word: ``stop``, ``start`` or ``help``, else None."""
    return legal_word(word, sms)


_OPT_IN = {"start": "start", "unstop": "start", "yes": "start"}


def _find(text: str, words: Mapping[str, str]) -> str | None:
    if text.isascii():
        return words.get(fold(text)) if len(text) <= _LONGEST else None
    if len(text) > _LONGEST:
        return None
    folded = without_emoji(fold(text))
    found = words.get(folded)
    if found is None:
        # Decomposed first: a lookalike with a mark on it is the letter all the same.
        found = words.get(without_emoji(fold(unicodedata.normalize("NFKD", text).translate(_LETTERS))))
    return found
