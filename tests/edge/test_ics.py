"""Calendars: what is written keeps to RFC 5545 and reads back; what is read is what a calendar would show, or is refused."""

import re
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vaiven.edge.ics import Entry, NotRead, calendar, folded, read, text

MADRID = ZoneInfo("Europe/Madrid")
STAMP = datetime(2026, 11, 20, 12, tzinfo=UTC)
EIGHT = datetime(2026, 11, 27, 20, tzinfo=MADRID)
ANY = st.text(st.characters(codec="utf-8"), max_size=120)


def entry(summary: str = "Ana, 4 people", **more: str) -> Entry:
    return Entry("K7@booking", EIGHT, EIGHT + timedelta(minutes=90), summary, **more)


def unfolded(written: str) -> list[str]:
    assert written.endswith("\r\n")
    return written.replace("\r\n ", "").removesuffix("\r\n").split("\r\n")


# -- writing ---------------------------------------------------------------------------------------------------------------


def test_a_calendar_whole() -> None:
    assert calendar("booking", [entry(location="Dining room", description="Code K7\nCall; later")], STAMP).split("\r\n") == [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//vaiven//bookings//EN",
        "CALSCALE:GREGORIAN",
        "X-WR-CALNAME:booking",
        "BEGIN:VEVENT",
        "UID:K7@booking",
        "DTSTAMP:20261120T120000Z",
        "DTSTART:20261127T190000Z",
        "DTEND:20261127T203000Z",
        "SUMMARY:Ana\\, 4 people",
        "LOCATION:Dining room",
        "DESCRIPTION:Code K7\\nCall\\; later",
        "STATUS:CONFIRMED",
        "END:VEVENT",
        "END:VCALENDAR",
        "",
    ]


@given(ANY)
def test_whatever_is_written_is_lines_of_75_octets_that_unfold_to_one_value(value: str) -> None:
    written = calendar("booking", [entry(value)], STAMP)
    lines = written.encode().split(b"\r\n")
    assert all(len(line) <= 75 for line in lines)
    for line in lines:
        line.decode()  # no line ends within a character
    assert not re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]", written)
    (told,) = [line for line in unfolded(written) if line.startswith("SUMMARY:")]
    plain = re.sub(r"[\x00-\x09\x0b-\x1f\x7f]", "", value.replace("\r\n", "\n").replace("\r", "\n"))
    back = re.sub(r"\\(.)", lambda found: "\n" if found[1] == "n" else found[1], told.removeprefix("SUMMARY:"))
    assert re.sub("\t", "", back) == plain
    assert len(unfolded(written)) == 14, "no text ends its line"


@pytest.mark.parametrize("count", range(70, 80))
def test_a_line_is_folded_where_it_must_be(count: int) -> None:
    assert folded("é" * (count // 2)).count("\r\n ") == (count // 2 * 2 > 75)
    assert folded("x" * count).count("\r\n ") == (count > 75)


def test_what_would_end_a_value_is_escaped() -> None:
    assert text("a;b,c\\d\r\ne\rf\ng\x00") == "a\\;b\\,c\\\\d\\ne\\nf\\ng"


@settings(max_examples=40)
@given(st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1)), st.integers(0, 1440))
def test_what_is_written_reads_back(at: datetime, minutes: int) -> None:
    starts = at.replace(second=0, microsecond=0, tzinfo=UTC)
    written = calendar("b", [Entry("u", starts, starts + timedelta(minutes=minutes), "x")], STAMP)
    (found,) = read(written, MADRID)
    assert (found.starts, found.lasts, found.is_day) == (starts, timedelta(minutes=minutes), False)


# -- reading ---------------------------------------------------------------------------------------------------------------


def event(*lines: str) -> str:
    return "\r\n".join(["BEGIN:VCALENDAR", "BEGIN:VEVENT", *lines, "END:VEVENT", "END:VCALENDAR", ""])


def days(source: str, begin: str = "2026-03-01", end: str = "2026-04-30") -> list[str]:
    (found,) = read(source, MADRID)
    return [
        f"{one.starts:%m-%d}" if one.is_day else f"{one.starts:%m-%d %H:%M}-{one.ends:%H:%M}"
        for one in found.between(date.fromisoformat(begin), date.fromisoformat(end), MADRID)
    ]


def test_a_week_keeps_its_local_time_when_the_clocks_change() -> None:
    lines = (
        "DTSTART;TZID=Europe/Madrid:20260323T090000",
        "DTEND;TZID=Europe/Madrid:20260323T140000",
        "RRULE:FREQ=WEEKLY;BYDAY=MO,WE;COUNT=4",
    )
    assert days(event(*lines)) == ["03-23 09:00-14:00", "03-25 09:00-14:00", "03-30 09:00-14:00", "04-01 09:00-14:00"]


def test_a_week_in_utc_moves_on_the_clocks_of_the_house() -> None:
    assert days(event("DTSTART:20260328T080000Z", "DURATION:PT2H", "RRULE:FREQ=DAILY;UNTIL=20260329T235959Z")) == [
        "03-28 09:00-11:00",
        "03-29 10:00-12:00",
    ]


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        (("DTSTART;VALUE=DATE:20260319",), ["03-19"]),
        (("DTSTART:20260319", "DTEND;VALUE=DATE:20260321"), ["03-19"]),
        (("DTSTART;VALUE=DATE:20200406", "RRULE:FREQ=YEARLY"), ["04-06"]),
        (("DTSTART;VALUE=DATE:20240229", "RRULE:FREQ=YEARLY"), []),
        (("DTSTART:20260319T100000", "DTEND:20260319T110000"), ["03-19 10:00-11:00"]),
        (
            ("DTSTART:20260302T100000", "DURATION:PT1H30M", "RRULE:FREQ=WEEKLY;INTERVAL=4"),
            ["03-02 10:00-11:30", "03-30 10:00-11:30", "04-27 10:00-11:30"],
        ),
        (("DTSTART:20260302T100000", "DURATION:P1W", "STATUS:TENTATIVE"), ["03-02 10:00-10:00"]),
        (
            ("DTSTART:20260302T100000", "DURATION:PT1H", "RRULE:FREQ=DAILY;UNTIL=20260304", "EXDATE:20260303T100000"),
            ["03-02 10:00-11:00", "03-04 10:00-11:00"],
        ),
        (
            ("DTSTART:20260302T100000", "DURATION:PT1H", "BEGIN:VALARM", "DTSTART:19990101T000000", "END:VALARM"),
            ["03-02 10:00-11:00"],
        ),
        (("SUMMARY:fold", " ed", "DTST", " ART:20260319T100000", "DURATION:PT1H"), ["03-19 10:00-11:00"]),
    ],
)
def test_events_take_place(lines: tuple[str, ...], found: list[str]) -> None:
    assert days(event(*lines)) == found


def test_what_is_cancelled_does_not_take_place() -> None:
    assert read(event("DTSTART:20260319", "STATUS:CANCELLED"), MADRID) == []


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (("SUMMARY:x",), "no DTSTART"),
        (("DTSTART:tomorrow",), "'tomorrow' is no date or time"),
        (("DTSTART:20260231",), "is no date or time"),
        (("DTSTART;TZID=Spanish Time:20260319T100000",), "'Spanish Time' is no time zone"),
        (("DTSTART:20260319T100000", "DTEND:20260319T090000"), "ends before it begins"),
        (("DTSTART:20260319T100000", "DTEND:20260320"), "begins at a time and ends on a day"),
        (("DTSTART:20260319T100000", "DURATION:1H"), "'1H' is no duration"),
        (("DTSTART:20260319T100000", "RRULE:FREQ=MONTHLY;BYDAY=1MO"), "read are FREQ=DAILY"),
        (("DTSTART:20260319T100000", "RRULE:FREQ=WEEKLY;BYDAY=1MO"), "read are FREQ=DAILY"),
        (("DTSTART:20260319T100000", "RRULE:FREQ=DAILY;INTERVAL=0"), "read are FREQ=DAILY"),
        (("DTSTART:20260319T100000", "RRULE:FREQ=WEEKLY;INTERVAL=2;WKST=SU"), "read are FREQ=DAILY"),
        (("DTSTART:20260319T100000", "RRULE:FREQ=DAILY;UNTIL=never"), "UNTIL=NEVER"),
        (("DTSTART:20260319T100000", "RECURRENCE-ID:20260319T100000"), "changes one of a series"),
        (("nothing",), "is no line of a calendar"),
    ],
)
def test_what_is_not_read_is_refused_with_its_line(lines: tuple[str, ...], told: str) -> None:
    with pytest.raises(NotRead, match=rf"line \d+: .*{re.escape(told)}"):
        read(event(*lines), MADRID)


@pytest.mark.parametrize("source", ["", "\n\n", "BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:20260319"])
def test_what_is_no_calendar_is_refused(source: str) -> None:
    with pytest.raises(NotRead):
        read(source, MADRID)


def test_a_hostile_rule_ends() -> None:
    assert days(event("DTSTART:19700101T100000", "DURATION:PT1H", "RRULE:FREQ=DAILY"), end="2026-03-03") == [
        "03-01 10:00-11:00",
        "03-02 10:00-11:00",
    ]
