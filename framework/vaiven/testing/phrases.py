"""Tables of phrases: what people type, and the value that a type must make of it.

A table is a text file. It begins with ``lang``, ``country``, ``zone`` and ``now`` (local time), one a line; ``[date]`` or
``[phone country=GB]`` opens the phrases of a type; a line is ``value: phrase | phrase``, where ``-`` says that the phrase has no
value. A third of the phrases, picked by their hash, is *held out*: scored, and never looked at while words are added.
"""

from collections.abc import Iterator
from datetime import datetime
from hashlib import blake2b
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from vaiven.flow.answers import Offered, Understood, prepare
from vaiven.flow.types import TYPES, Listener
from vaiven.flow.types.many import read_many

FOUR = prepare(
    [Offered("1", "Ana Lopez", ("anna", "ana")), Offered("2", "Bruno"), Offered("3", "Carla"), Offered("4", "Dora")],
)


class Phrase(NamedTuple):
    """One phrase. ``value`` is as the table has it, None for ``-``."""

    kind: str
    raw: str
    value: str | None
    listener: Listener

    @property
    def held_out(self) -> bool:
        return blake2b(f"{self.kind} {self.raw}".encode(), digest_size=8).digest()[0] % 3 == 0

    def read(self) -> str | None:
        """What the type makes of it, written as in the table."""
        if self.kind == "many":
            found = read_many(FOUR, self.raw)
            return ",".join(found.value) if isinstance(found, Understood) else None
        answer = TYPES[self.kind].read(self.raw, self.listener)
        return written(self.kind, answer.value) if isinstance(answer, Understood) else None


def written(kind: str, value: Any) -> str:
    """A value as a table has it: instants without their offset, yes and no."""
    if kind == "datetime":
        return str(value)[:16]
    if kind == "confirm":
        return "yes" if value else "no"
    return str(value)


def read_phrases(file: Path) -> Iterator[Phrase]:
    """The phrases of a table, in order. Raises ValueError for a line that is none."""
    head: dict[str, str] = {}
    kind, listener = "", None
    for line in file.read_text("utf-8").splitlines():
        if not line.strip() or line.startswith("# "):
            continue
        if line.startswith("["):
            kind, *changes = line.strip("[]").split(" ")
            listener = _listener(head | dict(change.split("=") for change in changes))
        elif listener is None:
            name, _, value = line.partition(" ")
            head[name] = value
        else:
            value, colon, phrases = line.partition(": ")
            if not colon:
                raise ValueError(f"{file}: no phrases in {line!r}")
            for phrase in phrases.split(" | "):
                yield Phrase(kind, phrase, None if value == "-" else value, listener)


def _listener(head: dict[str, str]) -> Listener:
    now = datetime.fromisoformat(head["now"]).replace(tzinfo=ZoneInfo(head["zone"]))
    return Listener(head["lang"], head["country"], head["zone"], int(now.timestamp() * 1000))
