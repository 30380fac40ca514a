"""What people type, cut into words, and what each of them may mean in a language.

Classes of words, each with a value (``languages`` has the tables):

- ``day`` days from today; ``holiday`` month and day (1225); ``weekday`` 0 is Monday; ``month``; ``nth`` a day of the month;
  ``suffix`` makes 24 "24th";
  ``week`` weeks from this one; ``weeks`` weeks later than the weekday said, ``weekssuffix`` the same behind it; ``monthof``
- ``next``, ``this``, ``last`` before or behind a weekday; ``on`` before a day of the month; ``of`` between day and month
- ``in`` and ``back`` before a distance in time, ``ahead`` and ``ago`` behind it; ``unit``; ``one`` counts a unit;
  ``span`` a distance of so many minutes, ``distance`` the same where it needs its ``in``; ``now``
- ``at`` before an hour, ``oclock`` behind it; ``part`` of the day, ``partafter`` only
  behind a day (morgen); ``tonight``; ``clock`` minutes since midnight (1440: its end)
- ``past`` minutes past the hour that follows; ``plus`` minutes past the hour before; ``after`` and ``before`` between
  minutes and their hour; ``and``, ``less`` between an hour and its minutes
- ``times``, ``half``, ``tenths``, ``point`` make bigger and broken numbers; ``beside`` words that stand beside a number
- ``skip`` says nothing about when
"""

import re
import unicodedata
from functools import lru_cache
from importlib import import_module
from typing import Any, NamedTuple

LANGUAGES = ("en", "es", "fr", "de", "pt", "it")
MOST_WORDS = 30
MOST_CHARACTERS = 160

_WORDS = re.compile(r"[0-9]+|[^\W\d_]+|\S")
_BETWEEN_LETTERS = re.compile(r"(?<=[^\W\d_])-(?=[^\W\d_])")
_APOSTROPHES = str.maketrans(dict.fromkeys("’‘ʼ`´", "'"))
_LIKE_ASCII = str.maketrans({**dict.fromkeys("−–—‐‑", "-"), **dict.fromkeys("．。", "."), "٫": ",", "٬": "'", "⁄": "/", "∶": ":"})
_MERIDIEM = re.compile(r"\b([ap])\. ?m\b\.?")
_REFUSING = frozenset("👎❌✖❎🚫🙅⛔🤷❓")


class Token(NamedTuple):
    """One word, number or mark; ``at`` is its place in the plain text, ``glued`` that no space stands before it."""

    text: str
    at: int
    glued: bool


class Meaning(NamedTuple):
    """What the words up to ``end`` (a token's index) may mean."""

    kind: str
    value: Any
    end: int


def plain(raw: str) -> str | None:
    """The text as the tables have it: folded, without marks and emoji, punctuation kept. None: this says no value."""
    if len(raw) > MOST_CHARACTERS:
        return None
    if raw.isascii():
        text = raw.lower().replace("`", "'")
        if "-" in text:
            text = _BETWEEN_LETTERS.sub(" ", text)
        return _MERIDIEM.sub(r"\1m", text) if "." in text else text
    return _plain(raw)


@lru_cache(maxsize=1024)
def _plain(raw: str) -> str | None:
    kept: list[str] = []
    latin = True
    superscripts = {"º": "o", "ª": "a", "°": " "}
    text = "".join(superscripts.get(one, one) for one in raw)
    for character in unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text.translate(_LIKE_ASCII)).casefold()):
        category = unicodedata.category(character)
        if category == "Nd":
            latin = True
            kept.append(str(unicodedata.decimal(character)))
        elif category[0] == "M":
            if not latin:
                kept.append(character)
        elif category in ("So", "Sk"):
            if character in _REFUSING:
                return None
            kept.append(" ")
        elif category[0] == "Z" or character in "\t\n\r\v\f":
            kept.append(" ")
        elif category[0] != "C":
            latin = character < "\u0530" or category[0] != "L"
            kept.append(character)
    if any(unicodedata.category(one) == "No" for one in text):
        return None  # "4²" and "4½" would come out as 42 and 41/2
    # A second round: decomposed letters compare as composed ones, and dashes that NFKC made are dashes.
    found = unicodedata.normalize("NFC", "".join(kept)).translate(_LIKE_ASCII).translate(_APOSTROPHES)
    return _BETWEEN_LETTERS.sub(" ", found)


def _cut(text: str) -> list[Token]:
    found, last = [], -1
    for match in _WORDS.finditer(text):
        found.append(Token(match[0], match.start(), match.start() == last))
        last = match.end()
    return found


class Lexicon:
    """The words of one language."""

    __slots__ = ("_glued", "_phrases", "_spoken", "_typable", "joint", "lang")

    def __init__(self, lang: str, table: str, spoken: dict[str, int], joint: str, glued: tuple[str, ...]) -> None:
        self.lang = lang
        self._glued = glued
        self.joint = joint
        self._phrases: dict[str, list[tuple[tuple[str, ...], str, Any]]] = {}
        self._spoken: dict[str, list[tuple[tuple[str, ...], str, Any]]] = {}
        self._typable: tuple[str, ...] = ()
        for line in table.strip().splitlines():
            head, _, phrases = line.partition(":")
            kind, _, value = head.partition(" ")
            for phrase in phrases.split(","):
                self._file(self._phrases, phrase, kind, _value(value))
        for phrase, number in spoken.items():
            self._file(self._spoken, phrase, "num", number)
        for entries in (*self._phrases.values(), *self._spoken.values()):
            entries.sort(key=lambda entry: -len(entry[0]))
        named = {words[0]: kind for entries in self._phrases.values() for words, kind, _ in entries if len(words) == 1}
        self._typable = tuple(word for word, kind in named.items() if kind in ("day", "weekday", "month") and len(word) > 5)

    def spaced(self, text: str) -> str:
        """A plain text without apostrophes: in English they vanish (let's is lets), elsewhere words end there (l'ora)."""
        return text.replace("'", "" if self.lang == "en" else " ") if "'" in text else text

    def cut(self, text: str) -> list[Token]:
        """The words, numbers and marks of a spaced text. What is written as one, zweitausendfünf, is cut at its thousands."""
        tokens = _cut(text)
        for middle in self._glued:
            if middle in text:
                tokens = self._unglued(tokens, middle)
        return tokens

    def _unglued(self, tokens: list[Token], times: str) -> list[Token]:
        found: list[Token] = []
        for token in tokens:
            before, middle, after = token.text.partition(times)
            after = after if after in self._spoken else after.removeprefix("und")  # hundertundeins
            if middle and self._is_number(before) and self._is_number(after):
                parts = [part for part in (before, middle, after) if part]
                found += [Token(part, token.at, token.glued and not place) for place, part in enumerate(parts)]
            else:
                found.append(token)
        return found

    def _is_number(self, text: str) -> bool:
        """Whether number words and thousands make up all of a text; nothing does, too."""
        if not text or text in self._spoken:
            return True
        for times in self._glued:
            before, middle, after = text.partition(times)
            if middle and self._is_number(before) and self._is_number(after):
                return True
        return False

    def _file(self, table: dict[str, list[tuple[tuple[str, ...], str, Any]]], phrase: str, kind: str, value: Any) -> None:
        words = tuple(token.text for token in _cut(self.spaced(plain(phrase.strip()) or "")))
        if words and (words, kind, value) not in table.setdefault(words[0], []):
            table[words[0]].append((words, kind, value))

    def meanings(self, tokens: list[Token], start: int) -> list[Meaning]:
        """Everything that the words from ``start`` on may mean, longest phrases first."""
        first = tokens[start].text
        found = self._matches(self._phrases.get(first, ()), tokens, start)
        number = self.numeral(tokens, start)
        if number is not None:
            found.append(Meaning("num", *number))
        if not found and len(first) > 4 and first.isalpha():
            close = _closest(first, self._typable)
            found = self._alone(close, start) if close else found
        return found

    def named(self, tokens: list[Token], start: int, kind: str) -> list[Meaning]:
        """Only meanings of one kind."""
        return [one for one in self._matches(self._phrases.get(tokens[start].text, ()), tokens, start) if one.kind == kind]

    @staticmethod
    def _matches(entries: Any, tokens: list[Token], start: int) -> list[Meaning]:
        found = []
        for words, kind, value in entries:
            end = start + len(words)
            if len(words) == 1 or (end <= len(tokens) and all(tokens[start + n].text == word for n, word in enumerate(words))):
                found.append(Meaning(kind, value, end))
        return found

    def _alone(self, word: str, start: int) -> list[Meaning]:
        return [Meaning(kind, value, start + 1) for words, kind, value in self._phrases[word] if len(words) == 1]

    def numeral(self, tokens: list[Token], start: int) -> tuple[int, int] | None:
        """The number that these words say, and where they end: "two hundred and five", "dos mil". None: none."""
        total, group, at, least = 0, None, start, 1_000_000_000
        while at < len(tokens):
            here = at
            if group is not None and tokens[at].text == self.joint and at + 1 < len(tokens):
                here = at + 1
            small = self._small(tokens, here)
            if small is not None and (group is None or (_room(group) > small[0] > 0)):
                group = (group or 0) + small[0]
                at = small[1]
                continue
            if at == start and self.named(tokens, at, "one") and at + 1 < len(tokens) and self.named(tokens, at + 1, "times"):
                group, at = 1, at + 1  # a hundred
            times = self.named(tokens, at, "times")
            if not times or (group is None and at > start) or times[0].value >= least:
                break
            if times[0].value == 100:
                if group is not None and not 0 < group < 10:
                    break
                group = (1 if group is None else group) * 100
            else:
                least = times[0].value
                total, group = total + (1 if group is None else group) * least, 0
            at = times[0].end
        return None if at == start else (total + (group or 0), at)

    def _small(self, tokens: list[Token], start: int) -> tuple[int, int] | None:
        entries = self._spoken.get(tokens[start].text)
        if entries is None:
            return None
        found = self._matches(entries, tokens, start)
        return (found[0].value, found[0].end) if found else None


def _room(group: int) -> int:
    """How big a number may follow in the same group: after 200 one below 100, after 25 none, after a thousand one below 1000."""
    return 1000 if group == 0 else 100 if group % 100 == 0 else 0


def _value(text: str) -> Any:
    if not text:
        return None
    words = [int(word) if word.lstrip("-").isdecimal() else word for word in text.split()]
    return words[0] if len(words) == 1 else tuple(words)


@lru_cache(maxsize=1024)
def _closest(word: str, known: tuple[str, ...]) -> str | None:
    """The one known word that is a single slip away, from six letters on."""
    if len(word) < 6:
        return None
    from rapidfuzz.distance import OSA  # only misspelt words need it

    found = [one for one in known if one[0] == word[0] and OSA.distance(word, one, score_cutoff=1) <= 1]
    return found[0] if len(found) == 1 else None


@lru_cache(maxsize=len(LANGUAGES))
def lexicon(lang: str) -> Lexicon:
    """The words of a language, English where it is none of ours. Loaded once."""
    short = lang.replace("_", "-").partition("-")[0].lower()
    if short not in LANGUAGES:
        short = "en"
    return _load(short)


@lru_cache(maxsize=len(LANGUAGES))
def _load(short: str) -> Lexicon:
    module = import_module(f"vaiven.flow.types.languages.{short}")
    return Lexicon(short, module.TABLE, module.SPOKEN, module.AND, getattr(module, "GLUED", ()))
