"""Instants that a flow names: with a zone, or by the clock on the wall of whoever it is for.

Both changes of daylight saving: a time that the clocks skip is the instant to which they jump over it (02:30 is 03:30), one
that comes twice is its first.
"""

from datetime import UTC, datetime, time, timedelta, tzinfo
from typing import Any

from vaiven.flow.cron import Cron
from vaiven.flow.expressions import ExpressionError
from vaiven.flow.scope import zone_of
from vaiven.flow.values import moment


def instant_of(value: Any, zone: str, now_ms: int) -> datetime:
    """The instant, in UTC, that a value names: an instant, a day (its first moment), a day and a time, a time alone (the next).

    What names no zone is in ``zone``. Raises ExpressionError if it names none of these.
    """
    place = zone_of(zone)
    if isinstance(value, str):
        value = _read(value.strip(), datetime.fromtimestamp(now_ms / 1000, place))
    found = moment(value)
    if not isinstance(found, datetime):
        found = datetime.combine(found, time())
    try:
        return found.astimezone(UTC) if found.utcoffset() is not None else at_wall(found, place)
    except OverflowError:
        raise ExpressionError("this date is out of range") from None


def _read(text: str, now: datetime) -> Any:
    clock = _clock(text)
    if clock is None:
        return text
    today = datetime.combine(now.date(), clock)
    return today if today > now.replace(tzinfo=None) else today + timedelta(days=1)


def _clock(text: str) -> time | None:
    if len(text) not in (5, 8) or text[2] != ":":
        return None
    try:
        return time.fromisoformat(text)
    except ValueError:
        return None


def at_wall(local: datetime, place: tzinfo) -> datetime:
    """The instant, in UTC, at which the clocks there show this."""
    return local.replace(tzinfo=place, fold=0).astimezone(UTC)


def next_ms(cron: Cron, zone: str, now_ms: int) -> int:
    """The next instant after now at which this line is due in that zone.

    What is due in an hour that the clocks skip comes right after it, and what is due in one that they repeat comes once.
    """
    place = zone_of(zone)
    local = datetime.fromtimestamp(now_ms / 1000, place).replace(tzinfo=None)
    while True:
        local = cron.after(local)
        due_ms = int(at_wall(local, place).timestamp() * 1000)
        if due_ms > now_ms:
            return due_ms
