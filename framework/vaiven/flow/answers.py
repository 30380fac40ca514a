"""What people type, understood: folding, legal words, choices, typed answers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


def fold(text: str) -> str:
    """What people typed, as it is compared: NFKC, casefold, ASCII digits, no marks on Latin, Greek and Cyrillic, words apart by one space."""
    raise NotImplementedError


@dataclass(frozen=True, slots=True)
class Offered:
    """A choice as offered now: its label rendered."""

    id: str
    label: str
    also: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Understood:
    """An answer, exact or by close spelling. ``value`` is the id of a choice, or the typed value."""

    value: Any
    raw: str
    id: str | None = None
    label: str | None = None


@dataclass(frozen=True, slots=True)
class Ambiguous:
    """Two or more choices fit: ask which. Ids in file order."""

    ids: tuple[str, ...]


def exact_choice(text: str, offered: Sequence[Offered]) -> Understood | Ambiguous | None:
    """Label, id and alias before position; a digit is a position only if no label is a number."""
    raise NotImplementedError


def close_choice(text: str, offered: Sequence[Offered]) -> Understood | Ambiguous | None:
    """Close spelling of one choice only, distance by length."""
    raise NotImplementedError


def legal_word(text: str, sms: bool) -> str | None:
    """``stop``, ``start`` or ``help`` if the whole message is such a word; CANCEL, END and QUIT only with ``sms``.

    ``start`` is legal only for someone opted out: the caller asks that.
    """
    raise NotImplementedError
