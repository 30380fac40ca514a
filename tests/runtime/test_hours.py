"""Opening hours by local clocks, also on the days when the clocks change."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vaiven.runtime.hours import Hours

MADRID = ZoneInfo("Europe/Madrid")
LORD_HOWE = ZoneInfo("Australia/Lord_Howe")  # its clocks change by half an hour
MON, TUE, WED, THU, FRI, SAT, SUN = range(7)


def hours(spans: dict[int, str], *closed: str) -> Hours:
    """Hours by weekday, as ``{MON: "09:00-18:00"}``."""

    def minutes(clock: str) -> int:
        return int(clock[:2]) * 60 + int(clock[3:])

    week = [tuple((minutes(span[:5]), minutes(span[6:])) for span in spans.get(day, "").split(",") if span) for day in range(7)]
    return Hours(tuple(week), frozenset(date.fromisoformat(each) for each in closed))


def ms(told: str, zone: ZoneInfo | None = None) -> int:
    """An instant; a local time of ``zone``, or one with its own offset."""
    at = datetime.fromisoformat(told)
    return int((at.replace(tzinfo=zone) if zone is not None else at).timestamp() * 1000)


@pytest.mark.parametrize(
    ("at", "is_open"),
    [
        ("2026-11-20T08:59:59", False),
        ("2026-11-20T09:00:00", True),
        ("2026-11-20T12:59:59", True),
        ("2026-11-20T13:00:00", False),
        ("2026-11-20T14:00:00", True),
        ("2026-11-20T18:00:00", False),
        ("2026-11-21T10:00:00", False),
    ],
)
def test_it_is_open_from_the_first_instant_to_before_the_last(at: str, is_open: bool) -> None:
    assert hours({FRI: "09:00-13:00,14:00-18:00"}).is_open(ms(at, MADRID), MADRID) is is_open


def test_a_span_may_go_on_past_midnight() -> None:
    night = hours({FRI: "22:00-02:00"})
    told = {"2026-11-20T21:59": False, "2026-11-20T23:30": True, "2026-11-21T01:59": True, "2026-11-21T02:00": False}
    assert {at: night.is_open(ms(at, MADRID), MADRID) for at in told} == told
    day = hours({FRI: "00:00-24:00"})
    assert day.is_open(ms("2026-11-20T23:59:59", MADRID), MADRID)
    assert not day.is_open(ms("2026-11-21T00:00", MADRID), MADRID)


def test_on_a_closed_date_nothing_opens_but_the_evening_before_goes_on() -> None:
    night = hours({THU: "22:00-02:00", FRI: "09:00-18:00,22:00-02:00"}, "2026-12-25")
    told = {"2026-12-25T01:00": True, "2026-12-25T10:00": False, "2026-12-25T23:00": False, "2026-12-26T01:00": False}
    assert {at: night.is_open(ms(at, MADRID), MADRID) for at in told} == told
    assert night.is_open(ms("2026-12-18T10:00", MADRID), MADRID)


@pytest.mark.parametrize(
    ("spans", "at", "is_open"),
    [
        # The clocks of Madrid go from 02:00 to 03:00 on 2027-03-28.
        ("01:00-05:00", "2027-03-28T01:59+01:00", True),
        ("01:00-05:00", "2027-03-28T03:00+02:00", True),
        ("01:00-05:00", "2027-03-28T05:00+02:00", False),
        ("02:30-05:00", "2027-03-28T03:29+02:00", False),
        ("02:30-05:00", "2027-03-28T03:30+02:00", True),
        ("01:00-02:30", "2027-03-28T03:29+02:00", True),
        ("01:00-02:30", "2027-03-28T03:30+02:00", False),
        # And from 03:00 back to 02:00 on 2026-10-25.
        ("02:30-05:00", "2026-10-25T02:29+02:00", False),
        ("02:30-05:00", "2026-10-25T02:30+02:00", True),
        ("02:30-05:00", "2026-10-25T02:00+01:00", True),
        ("02:30-05:00", "2026-10-25T04:59+01:00", True),
        ("01:00-02:30", "2026-10-25T02:29+02:00", True),
        ("01:00-02:30", "2026-10-25T02:00+01:00", False),
    ],
)
def test_the_clocks_change(spans: str, at: str, is_open: bool) -> None:
    assert hours({SUN: spans}).is_open(ms(at), MADRID) is is_open


@given(
    st.integers(ms("2026-01-01T00:00+00:00"), ms("2028-01-01T00:00+00:00")), st.sampled_from([MADRID, LORD_HOWE, ZoneInfo("UTC")])
)
def test_always_open_is_always_open_and_never_is_never(at_ms: int, zone: ZoneInfo) -> None:
    assert hours(dict.fromkeys(range(7), "00:00-24:00")).is_open(at_ms, zone)
    assert not hours({}).is_open(at_ms, zone)


@given(st.integers(ms("2026-01-01T00:00+00:00"), ms("2028-01-01T00:00+00:00")), st.integers(0, 23 * 60), st.integers(1, 60))
def test_away_from_a_change_the_wall_clock_decides(at_ms: int, opens: int, length: int) -> None:
    local = datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(MADRID)
    if local.date() in {date(2026, 3, 29), date(2026, 10, 25), date(2027, 3, 28), date(2027, 10, 31)}:
        return
    now = (local.hour * 60 + local.minute) * 60_000 + local.second * 1000 + local.microsecond // 1000
    span = Hours((((opens, opens + length),),) * 7)
    assert span.is_open(at_ms, MADRID) is (opens * 60_000 <= now < (opens + length) * 60_000)
