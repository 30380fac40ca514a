"""Answers to frequent questions, from a ``faq.yaml``: by its phrases, else by likeness to how people put it."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import yaml
from rapidfuzz import fuzz

CLEAR = 0.1
"""By so much the best entry must be better than the next one; else it is a guess, and no answer."""
CLOSE = 88.0
"""From here on, of 100, a word counts as misspelt and not as another one."""
SHORT = 5
"""Words of fewer letters must be spelt right: ``pay`` is not ``day``."""


@dataclass(frozen=True, slots=True)
class Found:
    """An answer, and how sure it is, from 0 to 1. ``id``: which entry it is of; empty: none was found."""

    id: str = ""
    text: str = ""
    score: float = 0.0


class Answerer(Protocol):
    """What knows answers. A model, or a search engine, takes the place of ``Faq`` by this one method."""

    async def answer(self, question: str, lang: str) -> Found: ...


@dataclass(frozen=True, slots=True)
class Entry:
    """One question; its phrases are folded."""

    id: str
    phrases: Sequence[Sequence[str]]
    asked: Sequence[str]
    texts: Mapping[str, str]

    def score(self, words: Sequence[str]) -> float:
        if any(_holds(words, phrase) for phrase in self.phrases):
            return 1.0
        said = " ".join(words)
        return max((fuzz.token_sort_ratio(said, asked) / 100 for asked in self.asked), default=0.0)

    def text(self, lang: str) -> str:
        """In that language, or else in the first that the file has."""
        return self.texts.get(lang.partition("-")[0].lower()) or next(iter(self.texts.values()))


class Faq:
    """The entries of a file."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        self._entries = entries

    @classmethod
    def load(cls, file: Path) -> "Faq":
        """Raises ValueError: the file is not as it should be; it says which entry."""
        read = yaml.safe_load(file.read_text("utf-8"))
        if not isinstance(read, dict):
            raise ValueError(f"{file.name}: write the entries by their names, as 'returns: {{words: …, asked: …, text: …}}'")
        return cls([_entry(file, str(name), told) for name, told in read.items()])

    async def answer(self, question: str, lang: str) -> Found:
        words = fold(question)
        if not words:
            return Found()
        ranked = sorted(((entry.score(words), entry) for entry in self._entries), key=lambda one: -one[0])
        if not ranked:
            return Found()
        score, best = ranked[0]
        if len(ranked) > 1 and score - ranked[1][0] < CLEAR:
            return Found(score=0.0)
        return Found(best.id, best.text(lang), round(score, 2))


def fold(text: str) -> list[str]:
    """Its words, without case, accents and punctuation."""
    bare = "".join(one for one in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(one))
    return re.findall(r"\w+", bare)


def _holds(words: Sequence[str], phrase: Sequence[str]) -> bool:
    return all(any(_same(word, wanted) for word in words) for wanted in phrase)


def _same(word: str, wanted: str) -> bool:
    return word == wanted or (len(wanted) >= SHORT and fuzz.ratio(word, wanted) >= CLOSE)


def _entry(file: Path, name: str, told: Any) -> Entry:
    if not isinstance(told, dict) or set(told) - {"words", "asked", "text"}:
        raise ValueError(f"{file.name}: '{name}' takes words, asked and text, and nothing else")
    words, asked, texts = told.get("words", []), told.get("asked", []), told.get("text")
    if not (_texts(words) and _texts(asked) and words + asked):
        raise ValueError(f"{file.name}: the words and asked of '{name}' are lists of texts, and one of them is not empty")
    phrases = [fold(word) for word in words]
    if not all(phrases):
        raise ValueError(f"{file.name}: a phrase of '{name}' has no word in it")
    if not isinstance(texts, dict) or not texts or not _texts([*texts, *texts.values()]):
        raise ValueError(f"{file.name}: the text of '{name}' is the answer by language, as 'text: {{en: …}}'")
    return Entry(name, phrases, [" ".join(fold(one)) for one in asked], texts)


def _texts(values: object) -> bool:
    return isinstance(values, list) and all(isinstance(one, str) and one.strip() for one in values)
