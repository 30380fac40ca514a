"""What people type, understood: folding, legal words, choices, typed answers.

A step prepares its choices once (``prepare``) and asks the prepared form at every message; a message is folded once.
Whatever is not understood for certain is None, and what fits twice is Ambiguous: nobody's vote is guessed.
"""

import re
import unicodedata
from collections.abc import Sequence
from typing import Any

import msgspec

from vaiven.flow.confirming import read_confirm
from vaiven.flow.folding import fold, without_controls, without_emoji
from vaiven.flow.legal import LEGAL_WORDS, SMS_WORDS, legal_clash, legal_word, opt_in_word

__all__ = [
    "LEGAL_WORDS",
    "SMS_WORDS",
    "Ambiguous",
    "Offered",
    "Outside",
    "Prepared",
    "Understood",
    "fold",
    "legal_clash",
    "legal_word",
    "opt_in_word",
    "parse_confirm",
    "parse_text",
    "prepare",
]

MAX_MATCHED = 1600
"""Longest text that a flow's own pattern is tried on."""


class Offered(msgspec.Struct, frozen=True, gc=False):
    """A choice as offered now: its label rendered."""

    id: str
    label: str
    also: tuple[str, ...] = ()


class Understood(msgspec.Struct, frozen=True):
    """An answer, exact or by close spelling. ``value`` is the id of a choice, or the typed value; ``raw`` what was typed.

    ``assumed`` names what was not said and taken for granted, to be said back: ``day-first`` in 03/04, ``pm`` in "at 5".
    """

    value: Any
    raw: str
    id: str | None = None
    label: str | None = None
    assumed: tuple[str, ...] = ()


class Ambiguous(msgspec.Struct, frozen=True, gc=False):
    """Two or more choices fit: ask which. Ids in file order."""

    ids: tuple[str, ...]


class Outside(msgspec.Struct, frozen=True):
    """Understood, and not allowed: beyond ``bound``, which is ``min`` or ``max``. ``value`` is what was understood."""

    bound: str
    value: Any
    raw: str


# Folded words that people put before the number of a choice.
_POSITION = re.compile(r"(?:(?:no|nr|n°|num|number|numero|nummer|option|opcion|opcao|choice|answer) ?)?0{0,2}([1-9][0-9]?)")
_DIGITS = re.compile(r"[0-9]+")
_JOINTS = frozenset({"or", "and", "o", "y", "ou", "et", "oder", "und", "e", "+"})


class Prepared:
    """A list of choices, folded once: exact matching is one look-up."""

    __slots__ = ("_decorated", "_offered", "_places", "_table")

    def __init__(self, offered: Sequence[Offered]) -> None:
        self._offered = tuple(offered)
        self._table: dict[str, tuple[int, ...]] = {}
        self._decorated: dict[str, tuple[int, ...]] = {}
        for index, choice in enumerate(self._offered):
            for words in (choice.label, choice.id, *choice.also):
                key = fold(words)
                _file(self._table, key, index)
                _file(self._decorated, without_emoji(key), index)
        self._places = self._positions([fold(choice.label) for choice in self._offered])
        for position, indexes in self._places.items():
            self._table.setdefault(position, indexes)

    @property
    def offered(self) -> tuple[Offered, ...]:
        """The choices, in the order in which they are numbered."""
        return self._offered

    def place(self, id: str | None) -> int:
        """Where the choice of this id stands, from 0. Raises ValueError if it is not offered."""
        return [choice.id for choice in self._offered].index(id or "")

    @staticmethod
    def _positions(labels: list[str]) -> dict[str, tuple[int, ...]]:
        """What the digits "1", "2" and so on may mean: nothing where a label is a number ("2", "4", "6"), and two choices
        where one has this place and another has this number in its label ("2 nights" as the first)."""
        if any(label.isdecimal() for label in labels):
            return {}
        places: dict[str, tuple[int, ...]] = {str(index + 1): (index,) for index in range(len(labels))}
        for index, label in enumerate(labels):
            for word in label.split(" "):
                if word in places:
                    places[word] = tuple(sorted({*places[word], index}))
        return places

    def exact(self, folded: str, raw: str) -> Understood | Ambiguous | None:
        """Label, id and alias before position; a digit is a position only if no label is a number.

        A digit that is the place of one choice and stands in the label of another is Ambiguous. ``folded`` is
        ``fold(raw)``. An emoji beside the words does not matter where they alone fit.
        """
        hits = self._hits(folded)
        return self._answer(hits, raw) if hits else None

    def close(self, folded: str, raw: str) -> Understood | Ambiguous | None:
        """Close spelling of one choice only: one slip in 4 to 7 letters, two from 8 on; a swap of neighbours is one slip.

        Digits never differ, and a legal word is never taken for a misspelt choice. Two choices named together, or two
        that are close, are Ambiguous.
        """
        if not folded or folded in SMS_WORDS or len(folded) > 100:
            return None
        named = self._named(folded)
        return self._answer(named or self._near(without_emoji(folded)), raw)

    def _hits(self, folded: str) -> tuple[int, ...]:
        hits = self._table.get(folded)
        if hits is None and folded:
            hits = self._position(folded)
            if not hits and (bare := without_emoji(folded)):
                hits = self._decorated.get(bare) or (self._position(bare) if bare != folded else ())
        return hits or ()

    def _position(self, folded: str) -> tuple[int, ...]:
        if not "0" <= folded[-1] <= "9":
            return ()
        match = _POSITION.fullmatch(folded)
        return self._places.get(match[1], ()) if match else ()

    def _answer(self, hits: tuple[int, ...], raw: str) -> Understood | Ambiguous | None:
        if len(hits) == 1:
            choice = self._offered[hits[0]]
            return Understood(choice.id, raw, choice.id, choice.label)
        return Ambiguous(tuple(self._offered[index].id for index in hits)) if hits else None

    def _named(self, folded: str) -> tuple[int, ...]:
        """Two or more choices, each named exactly, with nothing else but words that join: "1 or 3", "anna, bea"."""
        found: set[int] = set()
        for word in folded.split(" "):
            if word not in _JOINTS:
                hits = self._hits(word)
                if not hits:
                    return ()
                found.update(hits)
        return tuple(sorted(found)) if len(found) > 1 else ()

    def _near(self, folded: str) -> tuple[int, ...]:
        if len(folded) < 4:
            return ()
        from rapidfuzz.distance import OSA  # only misspelt answers need it

        digits = _DIGITS.findall(folded)
        found: set[int] = set()
        for key, indexes in self._decorated.items():
            slips = _slips(min(len(key), len(folded)))
            if not slips or abs(len(key) - len(folded)) > slips:
                continue
            if OSA.distance(folded, key, score_cutoff=slips) <= slips and _DIGITS.findall(key) == digits:
                found.update(indexes)
        return tuple(sorted(found))


def _slips(length: int) -> int:
    return 0 if length < 4 else 1 if length < 8 else 2


def _file(table: dict[str, tuple[int, ...]], key: str, index: int) -> None:
    if key and index not in table.get(key, ()):
        table[key] = (*table.get(key, ()), index)


def prepare(offered: Sequence[Offered]) -> Prepared:
    """Fold these choices for matching, in the order in which they are numbered, from 1. Do it once for a list that stays."""
    return Prepared(offered)


def parse_text(
    raw: str, min: int | None = None, max: int | None = None, pattern: str | None = None, fold: str | None = None
) -> Understood | Outside | None:
    """The text itself, trimmed, composed (NFC) and without control characters; upper or lower case if ``fold`` says so.

    ``min`` and ``max`` bound its length in characters, inclusive: Outside. ``pattern`` must match the whole of it, with
    digits of any script read as ASCII: else None, as for an empty text.
    """
    value = unicodedata.normalize("NFC", without_controls(raw)).strip()
    if fold is not None:
        value = value.upper() if fold == "upper" else value.lower()
    if not value:
        return None
    if pattern is not None:
        if len(value) > MAX_MATCHED:
            return None
        value = _ascii_digits(value)
        if re.fullmatch(pattern, value) is None:
            return None
    return _bounded(value, len(value), raw, min, max)


def _ascii_digits(text: str) -> str:
    return text if text.isascii() else "".join(str(unicodedata.decimal(one, one)) for one in text)


def _bounded(value: Any, measure: int, raw: str, least: int | None, most: int | None) -> Understood | Outside:
    if least is not None and measure < least:
        return Outside("min", value, raw)
    if most is not None and measure > most:
        return Outside("max", value, raw)
    return Understood(value, raw)


def parse_confirm(raw: str, lang: str | None = None) -> Understood | None:
    """Yes or no, as people say it in English, Spanish, French, German, Portuguese and Italian, or with a thumb.

    ``lang`` is the person's language, a BCP 47 tag, where it is known. ``id`` is the outcome, ``accept`` or ``decline``;
    ``value`` is true or false. Both at once, more words, or a question ("yes?") are None.
    """
    if len(raw) > 100 or raw.rstrip().endswith(("?", "？")):
        return None
    accepted = read_confirm(fold(raw), lang)
    return None if accepted is None else Understood(accepted, raw, "accept" if accepted else "decline")
