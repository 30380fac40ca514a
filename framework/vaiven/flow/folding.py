"""What people type, as it is compared. The raw text is kept beside it, always.

NFKC -> casefold -> any decimal digit to ASCII -> marks off Latin, Greek and Cyrillic letters -> punctuation to one space,
symbols and emoji kept. Zero-width and bidi controls, emoji styles and keycaps are dropped: 3️⃣ is 3.
"""

import re
import unicodedata
from functools import lru_cache
from string import punctuation

# Apostrophes vanish, so that "don't" is "dont"; the ASCII symbols that Unicode does not call punctuation stay.
_APOSTROPHES = "'’‘ʼ`´"
_SYMBOLS = "$+<=>|~"
_ASCII = str.maketrans(
    {chr(code): None for code in (*range(9), *range(14, 28), 127)}
    | {mark: None if mark in _APOSTROPHES else " " for mark in punctuation if mark not in _SYMBOLS}
)
_SHORT = 32
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")  # all but tab and line breaks


def without_controls(text: str) -> str:
    """The text without control characters, which nobody types and no screen shows; tabs and line breaks stay."""
    return text if text.isprintable() else _CONTROLS.sub("", text)


def fold(text: str) -> str:
    """What people typed, as it is compared: words of the same meaning come out as the same text.

    NFKC, casefold, ASCII digits, no marks on Latin, Greek and Cyrillic letters, no punctuation, words apart by one space.
    Folding twice changes nothing more.
    """
    if text.isascii() and text.isalnum():
        return text.lower()
    return _fold_short(text) if len(text) <= _SHORT else _fold(text)


def _fold(text: str) -> str:
    if text.isascii():
        return " ".join(text.lower().translate(_ASCII).split())
    # Decomposing, folding and composing feed each other; a second round is rare and a third not known.
    folded = _round(text)
    while (again := _round(folded)) != folded:
        folded = again
    return folded


# Thousands of viewers type the same few words.
_fold_short = lru_cache(maxsize=4096)(_fold)


def _round(text: str) -> str:
    kept: list[str] = []
    plain = True
    for character in unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text).casefold()):
        category = unicodedata.category(character)
        if category[0] == "M":
            # A mark on a letter of another script is part of the word; on anything else it is decoration.
            if plain or category == "Me" or "\ufe00" <= character <= "\ufe0f":
                continue
        elif category == "Nd":
            character, plain = str(unicodedata.decimal(character)), True
        elif category[0] == "P":
            character, plain = "" if character in _APOSTROPHES else " ", True
        elif category[0] == "Z":
            character, plain = " ", True
        elif category[0] == "C":
            if character not in "\t\n\v\f\r\x1c\x1d\x1e\x1f\x85":
                continue
            character, plain = " ", True
        elif category == "Sk" and character < "\U0001f000":
            character, plain = "" if character in _APOSTROPHES else " ", True
        else:
            plain = category[0] != "L" or _loses_marks(character)
        kept.append(character)
    return " ".join(unicodedata.normalize("NFC", "".join(kept)).casefold().split())


def _loses_marks(letter: str) -> bool:
    """Latin, Greek or Cyrillic: there a missing accent is a missing accent, elsewhere it is another word."""
    return (
        letter < "\u0530"
        or "\u1c80" <= letter < "\u1c90"
        or "\u1d00" <= letter < "\u2000"
        or "\u2c60" <= letter < "\u2c80"
        or "\ua640" <= letter < "\ua6a0"
        or "\ua720" <= letter < "\ua800"
        or "\uab30" <= letter < "\uab70"
    )


def without_emoji(folded: str) -> str:
    """A folded text without its emoji and other symbols; empty if it has nothing else."""
    if folded.isascii():
        return folded
    return " ".join("".join(" " if unicodedata.category(one) in ("So", "Sk") else one for one in folded).split())
