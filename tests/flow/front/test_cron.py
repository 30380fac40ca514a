"""Cron lines: which minutes they mean, and what is none."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vaiven.flow.cron import CronError, read_cron


@pytest.mark.parametrize(
    ("line", "moment", "due"),
    [
        ("0 9 * * *", "2026-11-20 08:59", "2026-11-20 09:00"),
        ("0 9 * * *", "2026-11-20 09:00", "2026-11-21 09:00"),
        ("*/15 * * * *", "2026-11-20 09:01", "2026-11-20 09:15"),
        ("5/20 8-10 * * *", "2026-11-20 10:46", "2026-11-21 08:05"),
        ("0 9 * * mon-fri", "2026-11-20 09:30", "2026-11-23 09:00"),
        ("0 9 * * fri-mon", "2026-11-23 09:30", "2026-11-27 09:00"),
        ("0 9 * * 7", "2026-11-20 09:30", "2026-11-22 09:00"),
        ("0 9 * * SUN", "2026-11-20 09:30", "2026-11-22 09:00"),
        ("0 9 31 * *", "2026-11-20 09:30", "2026-12-31 09:00"),
        ("0 9 29 feb *", "2026-11-20 09:30", "2028-02-29 09:00"),
        ("0 9 29 2 *", "2097-01-01 00:00", "2104-02-29 09:00"),
        ("0 9 1 * mon", "2026-11-24 00:00", "2026-11-30 09:00"),
        ("0 9 1 * mon", "2026-11-30 10:00", "2026-12-01 09:00"),
        ("59 23 31 12 *", "2026-12-31 23:58", "2026-12-31 23:59"),
    ],
)
def test_the_next_time(line, moment, due):
    assert read_cron(line).after(datetime.fromisoformat(moment)) == datetime.fromisoformat(due)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("", "five fields"),
        ("@daily", "five fields"),
        ("* * * * * *", "five fields"),
        ("60 * * * *", "minute"),
        ("* 24 * * *", "hour"),
        ("* * 0 * *", "day"),
        ("* * * 13 *", "month"),
        ("* * * * 8", "weekday"),
        ("* * * * monday", "weekday"),
        ("*/0 * * * *", "step of 0"),
        ("9-5 * * * *", "backwards"),
        ("1,,2 * * * *", "minute"),
        ("-1 * * * *", "minute"),
        ("٣ * * * *", "minute"),
        ("0 0 30 feb *", "30"),
        ("0 0 31 4,6,9,11 *", "31"),
    ],
)
def test_what_is_no_time(line, told):
    with pytest.raises(CronError, match=told):
        read_cron(line)


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="0123456789*/-, monfebxy", max_size=24))
def test_no_line_raises_anything_else(line):
    try:
        cron = read_cron(line)
    except CronError:
        return
    cron.after(datetime(2026, 11, 20))


fields = st.tuples(
    st.sampled_from(["*", "0", "7,30", "*/7", "10-20"]),
    st.sampled_from(["*", "3", "22-23", "*/5"]),
    st.sampled_from(["*", "1", "28-31", "*/10"]),
    st.sampled_from(["*", "2", "jan-mar", "12"]),
    st.sampled_from(["*", "sun", "mon-fri", "5,6"]),
)


@settings(max_examples=50, deadline=None)
@given(fields, st.datetimes(datetime(2024, 1, 1), datetime(2032, 1, 1)))
def test_no_due_minute_is_passed_over(written, moment):
    cron = read_cron(" ".join(written))
    due = cron.after(moment)
    assert moment < due
    assert due.second == due.microsecond == 0
    # Walking every minute of one day tells the same.
    first = moment.replace(second=0, microsecond=0) + timedelta(minutes=1)
    walked = (first + timedelta(minutes=ahead) for ahead in range(1440))
    found = next((one for one in walked if cron.on(one.date()) and one.hour in cron.hours and one.minute in cron.minutes), None)
    assert found == (due if due < first + timedelta(days=1) else None)
