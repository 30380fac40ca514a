"""Dates, times and both, as values: ``"2026-11-27"``, ``"19:00"``, ``"2026-11-27T19:00+01:00"``.

What may be assumed, besides the order of day and month (``day-first``, ``month-first``): ``am``, ``pm`` where only an hour was
said; ``week`` where "next friday" can be two days; ``year`` where a day without one is more than half a year away, ``century``;
``month`` for a bare day, ``day`` for a bare hour; ``date-only`` where an hour was said that a date does not hold;
``clock-change`` where that hour comes twice, or never, by a change of the clocks; ``zone`` where the zone is not known and
UTC stands for it.
"""

import re
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from vaiven.flow.answers import Outside, Understood
from vaiven.flow.grammar import ExpressionError
from vaiven.flow.types import Asked, Listener
from vaiven.flow.types.bounds import bounded
from vaiven.flow.types.days import day_of
from vaiven.flow.types.grammar import Clock, Said, Span, readings
from vaiven.flow.types.lexicon import lexicon
from vaiven.flow.values import moment

_ISO = re.compile(r"\s*\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|z|[+-]\d\d:?\d\d)?\s*", re.ASCII)

# Hours of a part of the day, as (first, last) on the 12-hour face: those before noon, those after it. Twelve is by itself.
_PARTS: dict[str, tuple[range, range, int | None]] = {
    "am": (range(1, 12), range(0), 0),
    "pm": (range(0), range(1, 12), 12),
    "morning": (range(1, 12), range(0), None),
    "noon": (range(11, 12), range(1, 4), 12),
    "afternoon": (range(0), range(1, 10), 12),
    "evening": (range(0), range(4, 12), None),
    "tonight": (range(0), range(4, 12), None),
    "night": (range(1, 5), range(6, 12), None),
    "dawn": (range(1, 7), range(0), 0),
}
_LATIN_NOON = frozenset({"es", "pt"})  # "las 12 de la mañana" is noon


class _Now:
    """The listener's clock."""

    __slots__ = ("assumed", "country", "instant", "lang", "local", "prefer", "today", "zone")

    def __init__(self, asked: Asked) -> None:
        listener = asked.listener
        self.zone, known = _zone(listener.zone)
        self.assumed: tuple[str, ...] = () if known else ("zone",)
        self.instant = datetime.fromtimestamp(listener.now_ms // 1000, UTC)
        self.local = self.instant.astimezone(self.zone)
        self.today = self.local.date()
        self.prefer = asked.prefer or "future"
        self.lang, self.country = listener.lang, listener.country


@lru_cache(maxsize=256)
def _zone(name: str) -> tuple[ZoneInfo, bool]:
    try:
        return ZoneInfo(name), True
    except (ValueError, OSError, KeyError):
        return ZoneInfo("UTC"), False


def _languages(listener: Listener) -> list[str]:
    """Their own language, then English, which people mix in everywhere."""
    own = listener.lang.replace("_", "-").partition("-")[0].lower()
    return [own] if own == "en" else [own, "en"]


def _part_hour(clock: Clock, part: str, lang: str) -> int | None:
    """The hour on the 24-hour clock, or None where hour and part contradict each other."""
    early, late, twelve = _PARTS[part]
    if clock.hour == 12:
        return (
            12
            if twelve is None and part == "morning" and lang in _LATIN_NOON
            else 0
            if part == "night" and lang in _LATIN_NOON
            else twelve
        )
    if clock.hour > 12:
        hour = clock.hour - 12
        return clock.hour if hour in late else None
    if clock.hour in early:
        return clock.hour
    return clock.hour + 12 if clock.hour in late else None


def _hours(clock: Clock, part: str | None, lang: str) -> list[tuple[time, str | None]] | None:
    """What the hour said may be, the likeliest first, with what is assumed; None: a contradiction."""
    if part is not None:
        hour = _part_hour(clock, part, lang)
        return None if hour is None else [(time(hour, clock.minute), None)]
    if clock.sure or clock.hour == 0 or clock.hour > 12:
        return [(time(clock.hour % 24, clock.minute), None)]
    early, late = time(clock.hour % 12, clock.minute), time(clock.hour % 12 + 12, clock.minute)
    if clock.hour == 12:
        return [(late, "pm"), (early, "am")]
    return [(early, "am"), (late, "pm")] if clock.hour >= 7 else [(late, "pm"), (early, "am")]


class Dates:
    """A day, without its hour. A bare number is a day of the month."""

    def read(self, raw: str, asked: Asked) -> Understood | Outside | None:
        now = _Now(asked)
        found = self._find(raw, asked.listener, now)
        if found is None:
            return None
        value, assumed = found
        least, most = _as_day(asked.minimum, now), _as_day(asked.maximum, now)
        return bounded(value.isoformat(), value, raw, least, most, now.assumed + assumed)

    def _find(self, raw: str, listener: Listener, now: _Now) -> tuple[date, tuple[str, ...]] | None:
        for lang in _languages(listener):
            for said in readings(lexicon(lang), raw, "date"):
                found = self._resolve(said, now, lang)
                if found is not None:
                    return found
        return None

    def _resolve(self, said: Said, now: _Now, lang: str) -> tuple[date, tuple[str, ...]] | None:
        if isinstance(said.day, Span) and said.day.minutes is not None:
            later = _from_now(said, now)
            return None if later is None else (later.date(), ("date-only",))
        found = day_of(said, now.today, now.prefer, now.lang, now.country)
        if found is None or (said.clock is not None and said.clock.bare and said.part is None):
            return None
        if said.clock is None:
            return found
        if said.clock.hour == 24 or _hours(said.clock, said.part, lang) is None:
            return None
        return found[0], (*found[1], "date-only")


class Times:
    """An hour of the day. A day beside it is not taken: whose day it is was asked before."""

    def read(self, raw: str, asked: Asked) -> Understood | Outside | None:
        now = _Now(asked)
        least, most = _as_time(asked.minimum, now), _as_time(asked.maximum, now)
        for lang in _languages(asked.listener):
            for said in readings(lexicon(lang), raw, "time"):
                hours = self._resolve(said, now, lang)
                if hours:
                    value, assumed = _within(hours, least, most)
                    told = now.assumed + (() if assumed is None else (assumed,))
                    return bounded(value.isoformat("minutes"), value, raw, least, most, told)
        return None

    @staticmethod
    def _resolve(said: Said, now: _Now, lang: str) -> list[tuple[time, str | None]] | None:
        if said.day is not None:
            later = _from_now(said, now)
            return None if later is None or said.clock is not None else [(later.time(), None)]
        return None if said.clock is None else _hours(said.clock, said.part, lang)


def _within(hours: list[tuple[time, str | None]], least: time | None, most: time | None) -> tuple[time, str | None]:
    """The likeliest hour that the bounds allow, else the likeliest."""
    for hour in hours:
        if (least is None or hour[0] >= least) and (most is None or hour[0] <= most):
            return hour
    return hours[0]


class Moments:
    """A day and its hour, as an instant in the listener's zone. An hour without a day is the next such hour."""

    def read(self, raw: str, asked: Asked) -> Understood | Outside | None:
        now = _Now(asked)
        found = _written(raw, now)
        if found is None:
            found = self._find(raw, asked.listener, now)
        if not found:
            return None
        least, most = _as_instant(asked.minimum, now, time.min), _as_instant(asked.maximum, now, time.max)
        value, assumed = found[0]
        for candidate in found:
            if (least is None or candidate[0] >= least) and (most is None or candidate[0] <= most):
                value, assumed = candidate
                break
        return bounded(value.isoformat(timespec="minutes"), value, raw, least, most, now.assumed + assumed)

    def _find(self, raw: str, listener: Listener, now: _Now) -> list[tuple[datetime, tuple[str, ...]]]:
        for lang in _languages(listener):
            for said in readings(lexicon(lang), raw, "datetime"):
                found = self._resolve(said, now, lang)
                if found:
                    return found
        return []

    @staticmethod
    def _resolve(said: Said, now: _Now, lang: str) -> list[tuple[datetime, tuple[str, ...]]]:
        if isinstance(said.day, Span) and said.day.minutes is not None:
            later = _from_now(said, now)
            return [] if later is None or said.clock is not None else [(later, ())]
        clock = said.clock
        if clock is None or clock.hour == 24:  # midnight of a day is its start to some and its end to others
            return []
        hours = _hours(clock, said.part, lang)
        day = day_of(said, now.today, now.prefer, now.lang, now.country)
        if hours is None or (day is None and (clock.bare or not _says_no_day(said))):
            return []
        found = []
        for hour, half in hours:
            told = () if half is None else (half,)
            if day is not None:
                value, moved = _in_zone(datetime.combine(day[0], hour), now.zone)
                found.append((value, (*day[1], *told, *moved)))
            else:
                value, moved = _in_zone(datetime.combine(now.today, hour), now.zone)
                if (value <= now.local) == (now.prefer == "future"):
                    step = timedelta(days=1 if now.prefer == "future" else -1)
                    value, moved = _in_zone(datetime.combine(now.today + step, hour), now.zone)
                found.append((value, ("day", *told, *moved)))
        if len(found) > 1 and now.prefer == "future" and found[0][0] <= now.local < found[1][0]:
            found.reverse()  # "today at 8", said at noon
        return found


def _says_no_day(said: Said) -> bool:
    return all(one is None for one in (said.day, said.weekday, said.which, said.week, said.weeks, said.month))


def _from_now(said: Said, now: _Now) -> datetime | None:
    """In two hours, in half an hour: counted on the clock that runs on, not on the one on the wall."""
    span = said.day
    alone = said.clock is None and said.part is None and _says_no_day(said._replace(day=None))
    if not isinstance(span, Span) or span.minutes is None or not alone:
        return None
    try:
        return (now.instant + timedelta(days=span.days, minutes=span.minutes)).astimezone(now.zone)
    except OverflowError:
        return None


def _in_zone(local: datetime, zone: ZoneInfo) -> tuple[datetime, tuple[str, ...]]:
    """The instant of a wall clock: one that never comes is moved past the gap, of one that comes twice the first is meant."""
    first = local.replace(tzinfo=zone, fold=0)
    second = local.replace(tzinfo=zone, fold=1)
    if first.utcoffset() == second.utcoffset():
        return first, ()
    there_and_back = first.astimezone(UTC).astimezone(zone)
    return (first if there_and_back.replace(tzinfo=None) == local else there_and_back), ("clock-change",)


def _written(raw: str, now: _Now) -> list[tuple[datetime, tuple[str, ...]]] | None:
    """2026-11-27T19:00+01:00, as a machine or a text without a filter writes it."""
    if len(raw) > 40 or not _ISO.fullmatch(raw):
        return None
    try:
        found = datetime.fromisoformat(raw.strip())
        if found.utcoffset() is not None:
            return [(found.astimezone(now.zone), ())]
        return [_in_zone(found, now.zone)]
    except (ValueError, OverflowError):
        return []


# ---- bounds


def _as_day(bound: Any, now: _Now) -> date | None:
    if bound is None:
        return None
    found = moment(bound)
    if not isinstance(found, datetime):
        return found
    return (found if found.utcoffset() is None else found.astimezone(now.zone)).date()


def _as_time(bound: Any, now: _Now) -> time | None:
    if bound is None:
        return None
    if isinstance(bound, str) and len(bound) <= 8:
        try:
            return time.fromisoformat(bound)
        except ValueError:
            raise ExpressionError("this text is not a time", 0, "as 19:00") from None
    found = moment(bound)
    if not isinstance(found, datetime):
        raise ExpressionError("a day is no bound of a time", 0, "as 19:00")
    return (found if found.utcoffset() is None else found.astimezone(now.zone)).time()


def _as_instant(bound: Any, now: _Now, edge: time) -> datetime | None:
    """A day bounds with all its hours."""
    if bound is None:
        return None
    found = moment(bound)
    if not isinstance(found, datetime):
        found = datetime.combine(found, edge)
    return found if found.utcoffset() is not None else found.replace(tzinfo=now.zone)


READERS = {"date": Dates().read, "time": Times().read, "datetime": Moments().read}
