"""Opening hours as files bring them: iCalendar, or CSV with ``days,opens,closes``; as the spans of each date. Pure."""

import csv
import io
import re
from collections.abc import Iterator
from datetime import date, timedelta, tzinfo
from itertools import pairwise

from vaiven.edge import ics
from vaiven.edge.hours_settings import DAYS

Spans = list[list[int]]
"""From and to, minutes after midnight, in order. One that closes no later than it opens goes on past midnight."""

MIDNIGHT = 24 * 60
_TIME = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)\Z|24:00\Z")


def spans_by_date(text: str, is_calendar: bool, begin: date, end: date, zone: tzinfo) -> dict[date, Spans]:
    """The spans of each date that the file speaks of, from ``begin`` until before ``end``; none: closed.

    A file in which something repeats by day or week speaks of every date; one with dates alone, of these.

    Raises:
        ValueError: the file is wrong; it says where and how.
    """
    try:
        found = _of_calendar(text, begin, end, zone) if is_calendar else _of_table(text, begin, end)
    except csv.Error as error:
        raise ValueError(f"this is no table: {error}") from error
    for day, spans in found.items():
        spans.sort()
        next_ = min((opens for opens, _ in found.get(day + timedelta(days=1), ())), default=MIDNIGHT)
        for (_, ends), (opens, _) in pairwise([*map(_whole, spans), (MIDNIGHT + next_, 0)]):
            if opens < ends:
                raise ValueError(f"on {day} two spans overlap")
    return found


def _whole(span: list[int]) -> tuple[int, int]:
    """From and to, past midnight counted on."""
    opens, closes = span
    return opens, closes if closes > opens else closes + MIDNIGHT


def _every(begin: date, end: date) -> Iterator[date]:
    yield from (begin + timedelta(days=more) for more in range((end - begin).days))


def _of_calendar(text: str, begin: date, end: date, zone: tzinfo) -> dict[date, Spans]:
    """Times are when it is open; whole days are closed."""
    events = ics.read(text, zone)
    weekly = any(not event.is_day and event.rule.get("FREQ") in ("DAILY", "WEEKLY") for event in events)
    found: dict[date, Spans] = {day: [] for day in _every(begin, end)} if weekly else {}
    closed: set[date] = set()
    for event in events:
        for one in event.between(begin, end, zone):
            day = one.starts.date()
            if one.is_day:
                closed.update(each for each in _every(max(day, begin), min(one.ends.date(), end)))
            elif day >= begin:
                opens = one.starts.hour * 60 + one.starts.minute
                lasts = int((one.ends - one.starts).total_seconds()) // 60
                if not 0 < lasts < MIDNIGHT:
                    raise ValueError(f"what begins on {day} is open for a whole day or more, or for no time at all")
                found.setdefault(day, []).append([opens, _closes(opens + lasts)])
    return found | {day: [] for day in closed}


def _closes(minutes: int) -> int:
    return minutes if minutes <= MIDNIGHT else minutes - MIDNIGHT


def _of_table(text: str, begin: date, end: date) -> dict[date, Spans]:
    week: dict[int, Spans] = {}
    dates: dict[date, Spans] = {}
    rows = csv.reader(io.StringIO(text.removeprefix("\ufeff")))
    head = [each.strip().lower() for each in next(rows, [])]
    if head != ["days", "opens", "closes"]:
        raise ValueError("line 1: a table of hours begins with days,opens,closes")
    for row in rows:
        if not any(each.strip() for each in row):
            continue
        try:
            named, opens, closes = (each.strip() for each in row)
            spans = [] if opens == closes == "" else [[_minutes(opens), _minutes(closes)]]
            for key in _days(named):
                (week.setdefault(key, []) if isinstance(key, int) else dates.setdefault(key, [])).extend(spans)
        except ValueError as error:
            raise ValueError(
                f"line {rows.line_num}: {','.join(row)[:60]} is no row such as mon-fri,09:00,14:00 or 2026-12-25,,"
            ) from error
    weekly = {day: list(week.get(day.weekday(), [])) for day in _every(begin, end)} if week else {}
    return weekly | {day: spans for day, spans in dates.items() if begin <= day < end}


def _days(named: str) -> Iterator[int | date]:
    if named[:1].isdigit():
        yield date.fromisoformat(named)
        return
    first, _, last = named.lower().partition("-")
    at, to = DAYS.index(first), DAYS.index(last or first)
    yield from ((at + more) % 7 for more in range((to - at) % 7 + 1))


def _minutes(written: str) -> int:
    found = _TIME.match(written)
    if found is None:
        raise ValueError(written)
    return MIDNIGHT if found[1] is None else int(found[1]) * 60 + int(found[2])
