"""Texts of strangers on a terminal: whatever would move the cursor, colour, ring or turn the line around is shown, not done."""

import unicodedata

_JOINERS = "\u200c\u200d"
"""Letters and emoji are joined with these; they do nothing else."""


def plain(text: str) -> str:
    """The text in one line, every character that acts on a terminal replaced by its name, such as ``\\x1b`` or ``\\u202e``.

    Those are controls, format characters (bidi among them), line separators, halves of characters and what is no character.
    """
    return "".join(one if one.isascii() and one.isprintable() else _shown(one) for one in text)


def lines(text: str) -> list[str]:
    """The same line by line: of a message with line breaks each is a line."""
    return [plain(line) for line in text.replace("\r\n", "\n").split("\n")]


def _shown(one: str) -> str:
    category = unicodedata.category(one)
    acts = category[0] == "C" or category in ("Zl", "Zp")
    return one.encode("unicode_escape").decode() if acts and one not in _JOINERS else one
