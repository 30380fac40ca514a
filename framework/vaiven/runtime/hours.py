"""Opening hours: a week of local times, and dates that are closed. Pure."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta, tzinfo

import msgspec

DAY = 24 * 60


class Hours(msgspec.Struct, frozen=True):
    """``week`` holds for each weekday, Monday first, when it opens and closes: minutes after midnight, local time.

    A span that closes no later than it opens goes on past midnight. On a date of ``closed`` nothing opens; what opened the
    evening before still goes on.
    """

    week: tuple[tuple[tuple[int, int], ...], ...]
    closed: frozenset[date] = frozenset()

    def is_open(self, now_ms: int, zone: tzinfo) -> bool:
        """Whether it is open at this instant (ms since the epoch), by the clocks of ``zone``.

        A local time that the clocks pass twice is the first of them; one that they skip is as long after midnight as it would be
        without the change. Source: RFC 5545, 3.3.5.
        """
        now = datetime.fromtimestamp(now_ms / 1000, UTC)
        today = now.astimezone(zone).date()
        return any(opens <= now < closes for day in (today - timedelta(days=1), today) for opens, closes in self.spans(day, zone))

    def spans(self, day: date, zone: tzinfo) -> Iterator[tuple[datetime, datetime]]:
        """When it opens on this date and when it closes then, as instants in UTC, by the clocks of ``zone``."""
        if day not in self.closed:
            for opens, closes in self.week[day.weekday()]:
                yield _instant(day, opens, zone), _instant(day, closes if closes > opens else closes + DAY, zone)


def _instant(day: date, minutes: int, zone: tzinfo) -> datetime:
    days, minutes = divmod(minutes, DAY)
    local = datetime.combine(day + timedelta(days=days), time(*divmod(minutes, 60)), zone)
    return local.astimezone(UTC)
