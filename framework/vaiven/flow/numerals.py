"""Whole numbers as people type them, read only when nothing is left to guess."""

import re
import unicodedata

_GROUPED = re.compile(r"(?<![\d.,'])(\d{1,3})([ .,'])(\d{3}(?:\2\d{3})*)(?![\d.,']\d|\d)")
_WHOLE = re.compile(r"[+-]?\d{1,15}")
_EDGES = "#.,!?;:()[]\"'"
_MOST_WORDS = 6
_LIKE_ASCII = str.maketrans({"−": "-", "–": "-", "‐": "-", "‑": "-", "’": "'", "\u20e3": None})

# Words beside a number that make it another number, or none: "not 4", "more than 4", "half past 4", "4 hundred".
_CHANGING = frozenset(
    word
    for line in (
        "not no never dont than least most about around roughly approximately nearly almost over under maybe perhaps or to",
        "between minus plus half quarter past hundred thousand million dozen dozens percent times first second third",
        "twenty thirty forty fifty sixty seventy eighty ninety point except but from until before after am pm oclock",
        "más mas menos medio casi unos unas entre sin ni o mil media cientos",
        "moins environ presque ou sans mille demi cent heures h",
        "mehr weniger ungefähr ungefaehr etwa fast zwischen oder nicht kein keine ohne hundert tausend halb uhr ca circa",
        "mais quase cerca meia não nao sem",
        "più piu meno quasi tra fra mezza mila senza non",
    )
    for word in line.split()
)
_NAMES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
_NUMERALS = {name: value for value, name in enumerate(_NAMES)}
_BESIDE_NUMERAL = frozenset(
    ("just", "only", "for", "we", "are", "us", "of", "please", "people", "persons", "guests", "pax", "thanks")
)


def read_integer(raw: str) -> int | None:
    """The one whole number this text says, or None: "4", "٤", "+5", "1 000", "12.", "twelve", "30 people", "we are 4".

    "4 or 5", "4.5", "more than 4" and "19:00" say none.
    """
    if len(raw) > 100 or (len(raw.strip()) > 1 and any(unicodedata.category(one) == "No" for one in raw)):
        return None  # "4²" and "4½" would come out of NFKC as 42 and 41/2
    text = _plain(raw)
    text = _GROUPED.sub(lambda match: match[1] + match[3].replace(match[2], ""), text)
    words = [word for word in (part.strip(_EDGES) for part in text.split()) if word]
    if not words or len(words) > _MOST_WORDS:
        return None
    numbers = [word for word in words if any(character.isdigit() for character in word)]
    if not numbers:
        return _numeral(words)
    beside = [word for word in words if word not in numbers]
    if len(numbers) > 1 or not _WHOLE.fullmatch(numbers[0]) or not all(_harmless(word) for word in beside):
        return None
    return int(numbers[0])


def _plain(raw: str) -> str:
    out = []
    for character in unicodedata.normalize("NFKC", raw).casefold().translate(_LIKE_ASCII):
        category = unicodedata.category(character)
        if category == "Nd":
            out.append(str(unicodedata.decimal(character)))
        elif category == "So":
            out.append(" ")
        elif category not in ("Cf", "Cc") and not "\ufe00" <= character <= "\ufe0f":
            out.append(character)
        elif character.isspace():
            out.append(" ")
    return "".join(out)


def _harmless(word: str) -> bool:
    letters = word.replace("'", "")
    return letters.replace("-", "").isalpha() and letters not in _CHANGING and letters not in _NUMERALS


def _numeral(words: list[str]) -> int | None:
    """Number words only among words we know: "one moment" and "the red one" are no numbers."""
    found = [_NUMERALS[word] for word in words if word in _NUMERALS]
    rest = [word for word in words if word not in _NUMERALS]
    return found[0] if len(found) == 1 and all(word in _BESIDE_NUMERAL for word in rest) else None
