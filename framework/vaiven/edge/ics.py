"""iCalendar: events as lines that every calendar reads, and the events of a file. Pure.  Source: RFC 5545.

Written are instants in UTC, which need no VTIMEZONE. Read are single events and those that repeat by day, week or year, in UTC,
in a zone of the IANA database, or by the clocks of the reader. What else a file may hold is refused, never guessed at.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

FOLD = 75
"""Octets of a line, its end not counted."""
WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
DAY = timedelta(days=1)

_NAME = re.compile(r"([A-Za-z0-9-]+)((?:;[A-Za-z0-9-]+=(?:\"[^\"]*\"|[^\";:,]*))*):(.*)\Z", re.DOTALL)
_DURATION = re.compile(r"P(?:(\d+)W|(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?)\Z")
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


LONGEST = timedelta(days=366)
YEARS = range(1970, 2200)


class NotRead(ValueError):
    """A line of a calendar that is wrong, or says what is not read here."""


# -- writing ---------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Entry:
    """An event to be written. Instants have a zone."""

    uid: str
    starts: datetime
    ends: datetime
    summary: str
    location: str = ""
    description: str = ""
    is_sure: bool = True


def calendar(name: str, entries: Iterable[Entry], stamp: datetime) -> str:
    """A whole calendar; ``stamp`` is when it was made. Lines end with CRLF."""
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//vaiven//bookings//EN",
        "CALSCALE:GREGORIAN",
        f"X-WR-CALNAME:{text(name)}",
    ]
    for entry in entries:
        lines += ["BEGIN:VEVENT", f"UID:{text(entry.uid)}", f"DTSTAMP:{utc(stamp)}"]
        lines += [f"DTSTART:{utc(entry.starts)}", f"DTEND:{utc(entry.ends)}", f"SUMMARY:{text(entry.summary)}"]
        lines += [
            f"{key}:{text(value)}" for key, value in (("LOCATION", entry.location), ("DESCRIPTION", entry.description)) if value
        ]
        lines += [f"STATUS:{'CONFIRMED' if entry.is_sure else 'TENTATIVE'}", "END:VEVENT"]
    if "END:VEVENT" not in lines:  # a calendar has something in it (RFC 5545, 3.6), though it may be none of ours
        lines += ["BEGIN:X-NOTHING", "END:X-NOTHING"]
    return "".join(f"{folded(line)}\r\n" for line in [*lines, "END:VCALENDAR"])


def utc(instant: datetime) -> str:
    return instant.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")


def text(value: str) -> str:
    """A text as a value: what would end it is escaped, control characters are left out."""
    plain = value.replace("\r\n", "\n").replace("\r", "\n").replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,")
    return _CONTROLS.sub("", plain.replace("\n", "\\n"))


def folded(line: str) -> str:
    """One line as several of at most 75 octets, never cut within a character."""
    parts, room = [""], FOLD
    for letter in line:
        size = len(letter.encode("utf-8", "replace"))
        if size > room:
            parts.append("")
            room = FOLD - 1
        parts[-1] += letter
        room -= size
    return "\r\n ".join(parts)


# -- reading ---------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One time that an event takes place, by the clocks of the reader. ``is_day``: whole days, ``starts`` to before ``ends``."""

    starts: datetime
    ends: datetime
    is_day: bool


@dataclass(frozen=True, slots=True)
class Happening:
    """An event of a file. ``starts`` has the zone that it repeats by."""

    starts: datetime
    lasts: timedelta
    is_day: bool
    rule: Mapping[str, str] = field(default_factory=dict)
    without: frozenset[datetime] = frozenset()

    def between(self, begin: date, end: date, zone: tzinfo) -> Iterator[Occurrence]:
        """When it takes place from one day until before another, by the clocks of ``zone``."""
        for starts in self._starts(end + DAY):
            ends = starts + self.lasts
            if starts in self.without:
                continue
            if not self.is_day:
                ends = (starts.astimezone(UTC) + self.lasts).astimezone(zone)
                starts = starts.astimezone(zone)
            if starts.date() < end and ends.date() >= begin:
                yield Occurrence(starts.replace(tzinfo=None), ends.replace(tzinfo=None), self.is_day)

    def _starts(self, end: date) -> Iterator[datetime]:
        rule, every = self.rule, int(self.rule.get("INTERVAL", "1"))
        left = int(rule["COUNT"]) if "COUNT" in rule else -1
        until = _until(rule["UNTIL"], self.starts) if "UNTIL" in rule else None
        for day in self._days(rule.get("FREQ"), every, end):
            starts = self.starts.replace(year=day.year, month=day.month, day=day.day)
            if starts < self.starts:
                continue
            if left == 0 or (until is not None and starts > until):
                return
            left -= 1
            yield starts

    def _days(self, frequency: str | None, every: int, end: date) -> Iterator[date]:
        first = self.starts.date()
        match frequency:
            case None:
                yield first
            case "DAILY":
                yield from (first + n * DAY for n in range(0, max(0, (end - first).days), every))
            case "WEEKLY":
                days = (
                    sorted(WEEKDAYS.index(day) for day in self.rule["BYDAY"].split(","))
                    if "BYDAY" in self.rule
                    else [first.weekday()]
                )
                monday = first - first.weekday() * DAY
                weeks = range(0, max(0, (end - monday).days), 7 * every)
                yield from (monday + (week + day) * DAY for week in weeks for day in days)
            case _:
                for year in range(first.year, end.year + 1, every):
                    if (first.month, first.day) != (2, 29) or (year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)):
                        yield first.replace(year=year)


def read(source: str, zone: tzinfo) -> list[Happening]:
    """The events of a calendar. Times without a zone are by the clocks of ``zone``.

    Raises:
        NotRead: it says what is wrong, and in which line.
    """
    found: list[Happening] = []
    event: dict[str, list[tuple[dict[str, str], str]]] | None = None
    inner = 0
    number = -1
    for number, line in _lines(source):
        try:
            name, options, value = _property(line)
            if (name, value.upper()) == ("BEGIN", "VEVENT"):
                event = {}
            elif (name, value.upper()) == ("END", "VEVENT") and event is not None:
                if _one(event, "STATUS", "").upper() != "CANCELLED":
                    found.append(_happening(event, zone))
                event = None
            elif event is not None and name in ("BEGIN", "END"):
                inner += 1 if name == "BEGIN" else -1  # an alarm within it
            elif event is not None and not inner:
                event.setdefault(name, []).append((options, value))
        except NotRead as error:
            raise NotRead(f"line {number}: {error}") from error
    if event is not None or number < 0:
        raise NotRead("this is no whole calendar" if number >= 0 else "nothing is in it")
    return found


def _lines(source: str) -> Iterator[tuple[int, str]]:
    """Whole lines, unfolded, with the number of their first."""
    held, at = "", 0
    for number, line in enumerate(source.replace("\r\n", "\n").split("\n"), 1):
        if line[:1] in (" ", "\t") and held:
            held += line[1:]
            continue
        if held.strip():
            yield at, held
        held, at = line, number
    if held.strip():
        yield at, held


def _property(line: str) -> tuple[str, dict[str, str], str]:
    found = _NAME.match(line)
    if found is None:
        raise NotRead(f"{line[:40]!r} is no line of a calendar")
    pairs = (each.partition("=") for each in re.findall(r";([^;]*)", found[2]))
    return found[1].upper(), {key.upper(): value.strip('"') for key, _, value in pairs}, found[3].strip()


def _one(event: Mapping[str, list[Any]], name: str, otherwise: str) -> str:
    return str(event[name][0][1]) if name in event else otherwise


def _happening(event: Mapping[str, list[tuple[dict[str, str], str]]], zone: tzinfo) -> Happening:
    if "RECURRENCE-ID" in event or "RDATE" in event:
        raise NotRead("an event that changes one of a series, or lists its dates, is not read: make it an event of its own")
    if len(event.get("RRULE", ())) > 1 or "EXRULE" in event:
        raise NotRead("an event has a second RRULE, or an EXRULE: make it events of their own")
    if "DTSTART" not in event:
        raise NotRead("an event has no DTSTART")
    starts, is_day = _moment(*event["DTSTART"][0], zone)
    if "DTEND" in event:
        ends, ends_day = _moment(*event["DTEND"][0], zone)
        if ends_day is not is_day:
            raise NotRead("an event begins at a time and ends on a day, or the other way")
        lasts = ends - starts if is_day else ends.astimezone(UTC) - starts.astimezone(UTC)
    elif "DURATION" in event:
        lasts = _duration(_one(event, "DURATION", ""))
    else:
        lasts = DAY if is_day else timedelta()
    if not timedelta() <= lasts <= LONGEST:
        raise NotRead(f"an event ends before it begins, or lasts longer than {LONGEST.days} days")
    without = [_moment(options, each, zone) for options, value in event.get("EXDATE", ()) for each in value.split(",")]
    if any(each_day is not is_day for _, each_day in without):
        raise NotRead("an EXDATE is a day where the event begins at a time, or the other way")
    return Happening(starts, lasts, is_day, _rule(_one(event, "RRULE", "")), frozenset(each for each, _ in without))


def _moment(options: Mapping[str, str], value: str, zone: tzinfo) -> tuple[datetime, bool]:
    """An instant or the beginning of a day, and whether it is a day."""
    found, is_day = _written(options, value, zone)
    if found.year not in YEARS:
        raise NotRead(f"{value[:40]!r} is in no year of ours")
    return found, is_day


def _written(options: Mapping[str, str], value: str, zone: tzinfo) -> tuple[datetime, bool]:
    try:
        if options.get("VALUE", "").upper() == "DATE" or re.fullmatch(r"\d{8}", value):
            return datetime.combine(datetime.strptime(value, "%Y%m%d").date(), time(), zone), True
        if value.endswith("Z"):
            return datetime.strptime(value, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC), False
        named = ZoneInfo(options["TZID"]) if "TZID" in options else zone
        return datetime.strptime(value, "%Y%m%dT%H%M%S").replace(tzinfo=named), False
    except (ZoneInfoNotFoundError, OSError) as error:
        raise NotRead(f"{options['TZID']!r} is no time zone of the IANA database") from error
    except ValueError as error:
        raise NotRead(f"{value[:40]!r} is no date or time") from error


def _duration(value: str) -> timedelta:
    found = _DURATION.match(value)
    if found is None or not any(found.groups()):
        raise NotRead(f"{value[:40]!r} is no duration")
    weeks, days, hours, minutes, seconds = (int(each or 0) for each in found.groups())
    if max(weeks, days, hours, minutes, seconds) > LONGEST.total_seconds():
        raise NotRead(f"{value[:40]!r} is longer than {LONGEST.days} days")
    return timedelta(days=days, weeks=weeks, hours=hours, minutes=minutes, seconds=seconds)


def _rule(value: str) -> dict[str, str]:
    rule = {key: each for key, _, each in (pair.upper().partition("=") for pair in value.split(";") if pair)}
    frequency = rule.get("FREQ")
    allowed = {"FREQ", "INTERVAL", "COUNT", "UNTIL", "WKST"} | ({"BYDAY"} if frequency == "WEEKLY" else set())
    numbers = all(rule.get(name, "1").isdecimal() and 0 < int(rule.get(name, "1")) <= 10_000 for name in ("INTERVAL", "COUNT"))
    days = set(rule.get("BYDAY", "MO").split(",")) <= {*WEEKDAYS}
    weeks = rule.get("WKST", "MO") == "MO" or rule.get("INTERVAL", "1") == "1"
    if value and not (frequency in ("DAILY", "WEEKLY", "YEARLY") and rule.keys() <= allowed and numbers and days and weeks):
        raise NotRead(
            f"an event repeats by {value[:60]}: read are FREQ=DAILY, WEEKLY (with BYDAY) and YEARLY, INTERVAL, COUNT and UNTIL"
        )
    if "UNTIL" in rule:
        try:
            _until(rule["UNTIL"], datetime.now(UTC))
        except ValueError as error:
            raise NotRead(f"UNTIL={rule['UNTIL'][:40]} is no date or time") from error
    return rule


def _until(value: str, starts: datetime) -> datetime:
    if len(value) == 8:
        day = datetime.strptime(value, "%Y%m%d").date()
        return datetime.combine(day, time(23, 59, 59), starts.tzinfo)
    zone = UTC if value.endswith("Z") else starts.tzinfo
    return datetime.strptime(value.rstrip("Z"), "%Y%m%dT%H%M%S").replace(tzinfo=zone)
