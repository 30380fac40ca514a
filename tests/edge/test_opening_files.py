"""Opening hours of a file, as the spans of each date."""

from datetime import date
from zoneinfo import ZoneInfo

import pytest

from vaiven.edge.opening_files import spans_by_date

MADRID = ZoneInfo("Europe/Madrid")
MONDAY, NEXT = date(2026, 11, 23), date(2026, 11, 30)
WEEK = """BEGIN:VCALENDAR
BEGIN:VEVENT
DTSTART;TZID=Europe/Madrid:20260105T130000
DTEND;TZID=Europe/Madrid:20260105T160000
RRULE:FREQ=WEEKLY;BYDAY=MO,TU
END:VEVENT
BEGIN:VEVENT
DTSTART;TZID=Europe/Madrid:20260105T200000
DTEND;TZID=Europe/Madrid:20260106T010000
RRULE:FREQ=WEEKLY;BYDAY=TU
END:VEVENT
BEGIN:VEVENT
SUMMARY:Closed
DTSTART;VALUE=DATE:20261123
END:VEVENT
END:VCALENDAR
"""


def table(*rows: str) -> dict[str, list[list[int]]]:
    return told(spans_by_date("\n".join(("days,opens,closes", *rows)), False, MONDAY, NEXT, MADRID))


def told(found: dict[date, list[list[int]]]) -> dict[str, list[list[int]]]:
    return {day.strftime("%a"): spans for day, spans in sorted(found.items())}


def test_a_table_of_a_week_speaks_of_every_day() -> None:
    found = table("mon-fri,13:00,16:00", "tue,20:00,24:00", "2026-11-25,,", "2026-11-28,22:00,02:00", "2020-01-01,1:00,2:00")
    assert found == {
        "Mon": [[780, 960]], "Tue": [[780, 960], [1200, 1440]], "Wed": [], "Thu": [[780, 960]], "Fri": [[780, 960]],
        "Sat": [[1320, 120]], "Sun": [],
    }  # fmt: skip


def test_a_table_of_dates_speaks_of_these() -> None:
    assert table("2026-11-25,,", "2026-11-26,09:00,10:00", "") == {"Wed": [], "Thu": [[540, 600]]}


def test_a_calendar_of_a_week_speaks_of_every_day_and_its_whole_days_are_closed() -> None:
    found = told(spans_by_date(WEEK, True, MONDAY, NEXT, MADRID))
    assert found == {"Mon": [], "Tue": [[780, 960], [1200, 60]], "Wed": [], "Thu": [], "Fri": [], "Sat": [], "Sun": []}


def test_a_calendar_of_holidays_speaks_of_these() -> None:
    holidays = (
        "BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART;VALUE=DATE:20261121\nDTEND;VALUE=DATE:20261125\nEND:VEVENT\nEND:VCALENDAR\n"
    )
    assert told(spans_by_date(holidays, True, MONDAY, NEXT, MADRID)) == {"Mon": [], "Tue": []}


@pytest.mark.parametrize(
    ("rows", "what"),
    [
        (("mon,9,10",), "line 2: mon,9,10 is no row"),
        (("funday,09:00,10:00",), "line 2"),
        (("2026-02-30,,",), "line 2"),
        (("mon,09:00",), "line 2"),
        (("mon,09:00,",), "line 2"),
        (("mon,25:00,26:00",), "line 2"),
        (("mon,09:00,12:00", "mon,11:00,13:00"), "two spans overlap"),
        (("fri,20:00,02:00", "fri,23:00,01:00"), "two spans overlap"),
        (("fri,20:00,03:00", "sat,01:00,04:00"), "two spans overlap"),
        (("mon,09:00,10:00\rtue,09:00,10:00",), "no row|no table"),
        (('"' + "x" * 140_000,), "no table"),
    ],
)
def test_a_table_that_is_wrong_says_where(rows: tuple[str, ...], what: str) -> None:
    with pytest.raises(ValueError, match=what):
        table(*rows)


def test_a_table_has_a_head() -> None:
    with pytest.raises(ValueError, match="days,opens,closes"):
        spans_by_date("mon,09:00,10:00", False, MONDAY, NEXT, MADRID)


def test_nothing_is_open_for_a_whole_day_and_more() -> None:
    event = "BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:20261123T090000\nDTEND:20261124T090000\nEND:VEVENT\nEND:VCALENDAR\n"
    with pytest.raises(ValueError, match="whole day or more"):
        spans_by_date(event, True, MONDAY, NEXT, MADRID)


@pytest.mark.parametrize(
    "lines",
    [
        ("DTSTART:20261124T100000", "DURATION:P99999999999W"),
        ("DTSTART:00010101T000000Z", "DTEND:00010101T010000Z"),
        ("DTSTART:99991231T230000", "DURATION:PT2H"),
        ("DTSTART;TZID=Europe:20261124T100000", "DURATION:PT2H"),
        ("DTSTART:20261124T100000", "DTEND:20261124T120000", "RRULE:FREQ=DAILY;UNTIL=20269999"),
        ("DTSTART:20261124T100000", "DTEND:20261124T120000", "RRULE:FREQ=DAILY;COUNT=2", "RRULE:FREQ=DAILY"),
        ("DTSTART:20261124T100000", "DTEND:20261124T120000", "RRULE:FREQ=DAILY", "EXRULE:FREQ=WEEKLY"),
        ("DTSTART:20261124T100000", "DTEND:20261124T120000", "RRULE:FREQ=DAILY", "EXDATE;VALUE=DATE:20261125"),
    ],
)
def test_what_a_calendar_says_is_read_or_refused_with_its_line(lines: tuple[str, ...]) -> None:
    text = "\r\n".join(("BEGIN:VCALENDAR", "BEGIN:VEVENT", *lines, "END:VEVENT", "END:VCALENDAR", ""))
    with pytest.raises(ValueError, match=rf"line {len(lines) + 3}: "):
        spans_by_date(text, True, MONDAY, NEXT, MADRID)
