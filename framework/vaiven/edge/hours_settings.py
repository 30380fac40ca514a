"""The ``hours:`` of a bot: ``{support: {mon-fri: "09:00-13:00, 14:00-18:00", sat: "10:00-14:00", closed: [2026-12-25]}}``."""

import re
from collections.abc import Iterator
from datetime import date
from itertools import pairwise

from vaiven.edge.places import UNKNOWN, Place, Reader
from vaiven.flow.problems import suggest
from vaiven.runtime.hours import Hours

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
CLOSED = "closed"

_SPAN = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-(?:([01]\d|2[0-3]):([0-5]\d)|24:00)\Z")

Spans = tuple[tuple[int, int], ...]


def read_hours(reader: Reader, place: Place) -> dict[str, Hours]:
    """Each of them by name. Later lines of a week win over earlier ones: ``mon-fri`` and then ``wed``."""
    return {name: _hours(reader, week) for name, week in reader.children(place).items()}


def _hours(reader: Reader, place: Place) -> Hours:
    week: list[Spans] = [()] * len(DAYS)
    closed: frozenset[date] = frozenset()
    for key, child in reader.children(place).items():
        if key == CLOSED:
            closed = _dates(reader, child)
            continue
        spans = _spans(reader, child)
        for day in _days(reader, child, key):
            week[day] = spans
    return Hours(tuple(week), closed)


def _days(reader: Reader, place: Place, key: str) -> Iterator[int]:
    """The days that ``mon`` or ``fri-mon`` names, 0 for Monday."""
    first, _, last = key.partition("-")
    for day in (first, last or first):
        if day not in DAYS:
            cure = suggest(day, (*DAYS, CLOSED), "Days") if day else "Write mon, or mon-fri."
            reader.say(place, "wrong-hours", f"'{key}' names no days", cure, at_key=True)
            return
    at, to = DAYS.index(first), DAYS.index(last or first)
    yield from ((at + more) % len(DAYS) for more in range((to - at) % len(DAYS) + 1))


def _spans(reader: Reader, place: Place) -> Spans:
    """``09:00-13:00, 14:00-18:00``. One that closes no later than it opens goes on past midnight."""
    text = reader.text(place, '"09:00-18:00"')
    spans: list[tuple[int, int]] = []
    for span in text.split(",") if text is not None else ():
        found = _SPAN.match(span.strip())
        if found is None:
            cure = 'Write "09:00-18:00", or "09:00-13:00, 14:00-18:00".'
            reader.say(place, "wrong-hours", f"{reader.shown(place, span.strip())} is no span of hours", cure)
            return ()
        opens = int(found[1]) * 60 + int(found[2])
        spans.append((opens, 24 * 60 if found[3] is None else int(found[3]) * 60 + int(found[4])))
    for (_, closes), (opens, _) in pairwise(spans):
        if closes > opens:
            reader.say(place, "wrong-hours", "these hours overlap, or are not in order", "The earlier span comes first.")
    return tuple(spans)


def _dates(reader: Reader, place: Place) -> frozenset[date]:
    """Dates on which it does not open."""
    dates: set[date] = set()
    written = reader.value(place)
    for each in written if isinstance(written, list) else [written]:
        try:
            dates.add(date.fromisoformat(each))
        except (TypeError, ValueError):
            if each is not UNKNOWN:
                reader.say(place, "wrong-hours", f"{reader.shown(place, each)} is no date", "Write closed: [2026-12-25].")
    return frozenset(dates)
