"""Cron lines of five fields: minute, hour, day of the month, month, day of the week.

Source: POSIX crontab, with steps (``*/15``) and names (``mon``, ``jan``). As there, where both days are restricted either may
hold. Local times only: who asks has a zone, and decides what an hour that is skipped or comes twice means.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

_MONTHS = {
    "jan": 1, "feb": 2, "mar": 3, "apr": 4, "may": 5, "jun": 6, "jul": 7, "aug": 8, "sep": 9, "oct": 10, "nov": 11, "dec": 12,
}  # fmt: skip
_DAYS = {"sun": 0, "mon": 1, "tue": 2, "wed": 3, "thu": 4, "fri": 5, "sat": 6}
_NO_NAMES: Mapping[str, int] = {}
_FIELDS = (
    ("minute", 0, 59, _NO_NAMES),
    ("hour", 0, 23, _NO_NAMES),
    ("day", 1, 31, _NO_NAMES),
    ("month", 1, 12, _MONTHS),
    ("weekday", 0, 7, _DAYS),
)
_ITEM = re.compile(r"(?:(?P<all>\*)|(?P<first>[0-9]{1,2}|[a-z]{3})(?:-(?P<last>[0-9]{1,2}|[a-z]{3}))?)(?:/(?P<step>[0-9]{1,2}))?")
_LONGEST_MONTH = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_FOUR_YEARS = 366 * 8 + 1
"""Days after which 29 February has come again, also around a century."""


class CronError(ValueError):
    """The line says no time. The text says what is wrong with which field."""


@dataclass(frozen=True, slots=True)
class Cron:
    """``days`` or ``weekdays`` None: any. Monday is 1, Sunday is 0."""

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: frozenset[int] | None
    months: frozenset[int]
    weekdays: frozenset[int] | None

    def on(self, day: date) -> bool:
        """Whether it is due on this day."""
        if day.month not in self.months:
            return False
        by_day = self.days is not None and day.day in self.days
        by_weekday = self.weekdays is not None and day.isoweekday() % 7 in self.weekdays
        return by_day or by_weekday or (self.days is None and self.weekdays is None)

    def after(self, moment: datetime) -> datetime:
        """The first time it is due that is later than this. Both are local, without a zone."""
        start = moment.replace(second=0, microsecond=0, tzinfo=None) + timedelta(minutes=1)
        for ahead in range(_FOUR_YEARS):
            day = start.date() + timedelta(days=ahead)
            if not self.on(day):
                continue
            for hour in self.hours:
                for minute in self.minutes:
                    due = datetime(day.year, day.month, day.day, hour, minute)
                    if due >= start:
                        return due
        raise CronError("this never comes")  # shut out by read_cron


def read_cron(text: str) -> Cron:
    """Read a line. Raises CronError, also for one that never comes, as 30 February."""
    fields = text.lower().split()
    if len(fields) != len(_FIELDS):
        raise CronError(f"a cron line has five fields, this one has {len(fields)}")
    minutes, hours, days, months, weekdays = (_field(field, *kind) for field, kind in zip(fields, _FIELDS, strict=True))
    weekday_numbers = frozenset(number % 7 for number in weekdays)
    any_day, any_weekday = fields[2].startswith("*"), fields[4].startswith("*")
    if any_weekday and not any_day and not any(min(days) <= _LONGEST_MONTH[month - 1] for month in months):
        raise CronError(f"no such month has a day {min(days)}")
    return Cron(
        tuple(sorted(minutes)),
        tuple(sorted(hours)),
        None if fields[2] == "*" or (any_day and len(days) == 31) else days,
        months,
        None if fields[4] == "*" else weekday_numbers,
    )


def _field(field: str, what: str, least: int, most: int, names: Mapping[str, int]) -> frozenset[int]:
    found: set[int] = set()
    for item in field.split(","):
        match = _ITEM.fullmatch(item)
        if match is None:
            raise CronError(f"'{item}' is no {what}")
        first = least if match["all"] else _number(match["first"], what, least, most, names)
        last = most if match["all"] or (match["step"] and not match["last"]) else first
        if match["last"]:
            last = _number(match["last"], what, least, most, names)
        if last < first and what == "weekday":
            last += 7  # fri-mon
        if last < first:
            raise CronError(f"'{item}' runs backwards")
        step = int(match["step"] or 1)
        if step == 0:
            raise CronError(f"'{item}' has a step of 0")
        found.update(range(first, last + 1, step))
    return frozenset(found)


def _number(text: str, what: str, least: int, most: int, names: Mapping[str, int]) -> int:
    number = names.get(text)
    if number is None and text.isdecimal():
        number = int(text)
    if number is None or not least <= number <= most:
        raise CronError(f"'{text}' is no {what}: it is from {least} to {most}")
    return number
