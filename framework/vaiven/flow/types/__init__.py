"""Typed answers: what a person types, read as a value of the type that a step asks for. Pure.

``TYPES[kind].read(raw, listener, minimum, maximum, prefer)`` gives ``Understood``, ``Outside`` (understood, and beyond a
bound) or None. Never half understood: a word that could change the value and is not known makes it None. A reader's module
is imported when its type is first asked for.
"""

from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from typing import Any, NamedTuple

import msgspec

from vaiven.flow.answers import Outside, Understood

__all__ = ["TYPES", "Asked", "Listener", "Type"]


class Listener(msgspec.Struct, frozen=True, gc=False):
    """What must be known of a person to understand them.

    ``lang`` is a BCP 47 tag; ``country`` an ISO 3166 code (how their numbers and dates are read); ``zone`` an IANA zone;
    ``now_ms`` ms since the epoch.
    """

    lang: str
    country: str | None
    zone: str
    now_ms: int


class Asked(NamedTuple):
    """What a reader gets beside the text. ``prefer`` is ``future``, ``past`` or None."""

    listener: Listener
    minimum: Any = None
    maximum: Any = None
    prefer: str | None = None


Reader = Callable[[str, Asked], Understood | Outside | None]


class Type:
    """One type of answer."""

    __slots__ = ("_reader",)

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def read(
        self, raw: str, listener: Listener, minimum: Any = None, maximum: Any = None, prefer: str | None = None
    ) -> Understood | Outside | None:
        """The value that this text says. Bounds are inclusive; ``prefer`` is ``future`` or ``past``, for what fits both.

        Never raises on account of ``raw``. Raises ExpressionError for a bound that is no value of this type.
        """
        return self._reader(raw, Asked(listener, minimum, maximum, prefer))


_MODULES = {
    "text": "texts",
    "integer": "numbers",
    "number": "numbers",
    "date": "moments",
    "time": "moments",
    "datetime": "moments",
    "phone": "phones",
    "email": "addresses",
    "url": "addresses",
    "confirm": "texts",
    "location": "places",
}


class _Types(Mapping[str, Type]):
    """Each reader by its kind, imported when it is asked for."""

    def __init__(self) -> None:
        self._loaded: dict[str, Type] = {}

    def __getitem__(self, kind: str) -> Type:
        found = self._loaded.get(kind)
        if found is None:
            module = import_module(f"{__name__}.{_MODULES[kind]}")
            found = self._loaded[kind] = Type(module.READERS[kind])
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(_MODULES)

    def __len__(self) -> int:
        return len(_MODULES)


TYPES: Mapping[str, Type] = _Types()
