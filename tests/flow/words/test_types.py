"""Typed answers: never half understood, bounds after understanding, what was assumed is told, clocks that change."""

import os
import subprocess
import sys
from datetime import UTC, date, datetime

import pytest

from vaiven.flow.answers import Ambiguous, Offered, Outside, Understood, prepare
from vaiven.flow.grammar import ExpressionError
from vaiven.flow.types import TYPES, Listener
from vaiven.flow.types.many import read_many
from vaiven.flow.types.places import kind_of_file, read_location, read_media
from vaiven.model.messages import InboundMessage, Location, Media
from vaiven.model.urns import Urn

WEDNESDAY = int(datetime(2026, 11, 18, 9, tzinfo=UTC).timestamp() * 1000)


def listener(lang: str = "en", country: str | None = None, zone: str = "Europe/Madrid", now_ms: int = WEDNESDAY) -> Listener:
    return Listener(lang, country, zone, now_ms)


def read(kind: str, raw: str, who: Listener | None = None, minimum=None, maximum=None, prefer=None):
    return TYPES[kind].read(raw, who or listener(), minimum, maximum, prefer)


def value(kind: str, raw: str, who: Listener | None = None, **bounds):
    found = read(kind, raw, who, **bounds)
    return found.value if isinstance(found, Understood) else found


# ---- never half understood


@pytest.mark.parametrize(
    ("kind", "raw"),
    [
        ("date", "friday at 25"),
        ("date", "friday at"),
        ("date", "friday or saturday"),
        ("date", "not friday"),
        ("date", "friday 👎"),
        ("datetime", "tomorrow at half"),
        ("datetime", "friday at 5 or 6"),
        ("datetime", "friday at midnight"),
        ("datetime", "friday 24:00"),
        ("time", "tomorrow at 5"),
        ("time", "4 am in the evening"),
        ("datetime", "thursday 20 november 5pm"),
        ("integer", "4 or 5"),
        ("number", "1.2.3"),
        ("datetime", "friday 7 to 8"),
        ("datetime", "friday 19 nov 5pm"),
        ("date", "friday 19.11."),
        ("integer", "6 and a dog"),
        ("phone", "07700 9001"),
    ],
)
def test_what_is_only_half_understood_is_not_understood(kind: str, raw: str) -> None:
    assert read(kind, raw) is None


def test_a_weekday_that_is_not_that_day_is_no_date() -> None:
    assert value("date", "friday 20 november") == "2026-11-20"
    assert read("date", "monday 20 november") is None


def test_figures_are_not_torn_apart() -> None:
    assert value("datetime", "viernes 19:00", listener("es")) == "2026-11-20T19:00+01:00"
    assert value("datetime", "27.11. 19 uhr", listener("de")) == "2026-11-27T19:00+01:00"
    assert read("date", "mañana a las 25", listener("es")) is None


# ---- what was assumed


@pytest.mark.parametrize(
    ("lang", "country", "expected", "assumed"),
    [
        ("en", None, "2027-04-03", ("day-first",)),
        ("en", "US", "2027-03-04", ("month-first",)),
        ("en-US", "GB", "2027-03-04", ("month-first",)),
        ("en-GB", "US", "2027-04-03", ("day-first",)),
        ("es", "US", "2027-04-03", ("day-first",)),
        ("de", "DE", "2027-04-03", ("day-first",)),
    ],
)
def test_an_ambiguous_date_is_settled_by_the_locale_and_told(lang, country, expected, assumed) -> None:
    found = read("date", "03/04", listener(lang, country))
    assert (found.value, found.assumed) == (expected, assumed)


@pytest.mark.parametrize("raw", ["25/12/2026", "12/25/2026", "2026-12-25", "25 dec 2026"])
def test_a_date_that_reads_one_way_only_assumes_nothing(raw: str) -> None:
    assert read("date", raw, listener("en", "US")) == Understood("2026-12-25", raw)


@pytest.mark.parametrize(
    ("kind", "raw", "expected", "assumed"),
    [
        ("time", "at 5", "17:00", ("pm",)),
        ("time", "at 9", "09:00", ("am",)),
        ("time", "5pm", "17:00", ()),
        ("time", "05:00", "05:00", ()),
        ("datetime", "5pm", "2026-11-18T17:00+01:00", ("day",)),
        ("datetime", "9am", "2026-11-19T09:00+01:00", ("day",)),
        ("datetime", "today at 8", "2026-11-18T20:00+01:00", ("pm",)),
        ("date", "friday at 7pm", "2026-11-20", ("date-only",)),
        ("date", "the 24th", "2026-11-24", ("month",)),
        ("date", "tuesday the 24th", "2026-11-24", ()),
        ("date", "17 november", "2027-11-17", ("year",)),
        ("date", "next friday", "2026-11-27", ("week",)),
        ("date", "wednesday", "2026-11-25", ("week",)),
        ("date", "1/2/85", "1985-02-01", ("day-first", "century")),
        ("number", "1.500", 1.5, ("decimal",)),
        ("url", "example.com", "https://example.com", ("https",)),
    ],
)
def test_what_was_not_said_is_told(kind, raw, expected, assumed) -> None:
    found = read(kind, raw)
    assert (found.value, found.assumed) == (expected, assumed)


def test_next_friday_in_spanish_is_the_one_that_comes() -> None:
    assert read("date", "el próximo viernes", listener("es")).value == "2026-11-20"
    assert read("date", "venerdì prossimo", listener("it")).value == "2026-11-20"


# ---- what is preferred, and bounds


def test_prefer_past_looks_back() -> None:
    assert value("date", "17 november", prefer="past") == "2026-11-17"
    assert value("date", "friday", prefer="past") == "2026-11-13"
    assert value("date", "1/2/85", prefer="past") == "1985-02-01"
    assert value("datetime", "10:30", prefer="past") == "2026-11-17T10:30+01:00"


def test_a_leap_day_is_the_next_one() -> None:
    assert value("date", "29 feb") == "2028-02-29"


def test_bounds_are_inclusive_and_come_after_understanding() -> None:
    today, later = date(2026, 11, 18), "2026-12-18"
    assert value("date", "today", minimum=today, maximum=later) == "2026-11-18"
    assert value("date", "18 december", minimum=today, maximum=later) == "2026-12-18"
    assert read("date", "yesterday", minimum=today, maximum=later) == Outside("min", "2026-11-17", "yesterday")
    assert read("date", "19 december", minimum=today, maximum=later) == Outside("max", "2026-12-19", "19 december")
    assert read("integer", "30 people", maximum=12) == Outside("max", 30, "30 people")
    assert read("number", "0,5", listener("es"), minimum=1) == Outside("min", 0.5, "0,5")
    assert read("time", "22:30", maximum="22:00") == Outside("max", "22:30", "22:30")
    assert read("datetime", "tomorrow 5pm", maximum=today) == Outside("max", "2026-11-19T17:00+01:00", "tomorrow 5pm")
    assert value("datetime", "today 11pm", maximum=today) == "2026-11-18T23:00+01:00"


def test_a_day_bounds_by_the_day_of_the_contact() -> None:
    late = datetime(2026, 11, 18, 23, 30, tzinfo=UTC)  # the 19th already in Madrid
    assert read("date", "today", minimum=late) == Outside("min", "2026-11-18", "today")


def test_an_hour_without_its_half_of_the_day_is_the_one_that_the_bounds_allow() -> None:
    assert value("time", "at 8", minimum="18:00", maximum="23:00") == "20:00"
    assert value("time", "5", minimum="04:00", maximum="11:00") == "05:00"
    assert value("datetime", "tomorrow at 8", minimum="2026-11-19T18:00+01:00") == "2026-11-19T20:00+01:00"


@pytest.mark.parametrize(("kind", "bound"), [("integer", "many"), ("date", "soon"), ("time", "late"), ("time", date(2026, 1, 1))])
def test_a_bound_of_a_wrong_kind_is_an_error(kind: str, bound: object) -> None:
    with pytest.raises(ExpressionError):
        read(kind, {"integer": "4", "date": "today", "time": "5pm"}[kind], minimum=bound)


# ---- clocks that change


def test_an_hour_that_never_comes_is_moved_past_the_gap() -> None:
    found = read("datetime", "28 march 2027 2:30am")
    assert (found.value, found.assumed) == ("2027-03-28T03:30+02:00", ("clock-change",))


def test_of_an_hour_that_comes_twice_the_first_is_meant() -> None:
    found = read("datetime", "31 october 2027 2:30am")
    assert (found.value, found.assumed) == ("2027-10-31T02:30+02:00", ("clock-change",))


def test_hours_from_now_run_on_through_a_change_of_the_clocks() -> None:
    evening = int(datetime(2027, 3, 27, 23, tzinfo=UTC).timestamp() * 1000)  # midnight in Madrid, two hours before the gap
    assert value("datetime", "in 3 hours", listener(now_ms=evening)) == "2027-03-28T04:00+02:00"
    assert value("datetime", "in 24 hours", listener(now_ms=evening)) == "2027-03-29T01:00+02:00"


def test_today_is_the_contacts_today() -> None:
    night = int(datetime(2026, 11, 18, 23, 30, tzinfo=UTC).timestamp() * 1000)
    assert value("date", "today", listener(now_ms=night)) == "2026-11-19"
    assert value("date", "today", listener(zone="America/Lima", now_ms=night)) == "2026-11-18"


def test_an_unknown_zone_is_utc_and_told() -> None:
    found = read("datetime", "tomorrow 5pm", listener(zone="Mars/Base"))
    assert (found.value, found.assumed) == ("2026-11-19T17:00+00:00", ("zone",))


def test_an_instant_as_a_machine_writes_it() -> None:
    assert value("datetime", "2026-11-27T19:00+01:00") == "2026-11-27T19:00+01:00"
    assert value("datetime", "2026-11-27T18:00Z") == "2026-11-27T19:00+01:00"
    assert value("datetime", "2026-11-27 19:00") == "2026-11-27T19:00+01:00"
    assert read("datetime", "2026-13-27T19:00") is None


# ---- languages


def test_english_is_understood_beside_their_own_language() -> None:
    assert value("date", "tomorrow", listener("de")) == "2026-11-19"
    assert value("integer", "four", listener("fr")) == 4
    assert value("date", "tomorrow", listener("xx")) == "2026-11-19"


@pytest.mark.parametrize(
    ("lang", "country", "raw", "expected"),
    [
        ("de", "DE", "1.500", 1500),
        ("de", "CH", "1.500", 1.5),
        ("de", "CH", "1’500.25", 1500.25),
        ("es", "MX", "1,500", 1500),
        ("es", "ES", "1,500", 1.5),
        ("en", "IN", "12,34,567", 1234567),
        ("ar", "EG", "١٢٫٥", 12.5),
        ("hi", "IN", "४", 4),
    ],
)
def test_the_marks_in_a_number_are_those_of_the_country(lang, country, raw, expected) -> None:
    assert value("number", raw, listener(lang, country)) == expected


def test_a_phone_number_needs_a_country_from_somewhere() -> None:
    assert value("phone", "07700 900123", listener("en", "GB")) == "+447700900123"
    assert value("phone", "(202) 555-0123", listener("en-US")) == "+12025550123"
    assert read("phone", "07700 900123", listener("en")) is None
    assert value("phone", "+44 7700 900123", listener("en")) == "+447700900123"


def test_yes_in_the_words_of_their_language() -> None:
    assert value("confirm", "y", listener("en")) is True
    assert read("confirm", "y", listener("es")) is None  # it is "and"
    assert read("confirm", "yes?") is None
    assert value("confirm", "noooo") is False


# ---- several at once

TOPPINGS = prepare([Offered("c", "Cheese"), Offered("h", "Ham"), Offered("m", "Mushrooms"), Offered("o", "Olives & capers")])


@pytest.mark.parametrize(
    ("raw", "ids"),
    [
        ("1, 3 and the last", ["c", "m", "o"]),
        ("olives & capers", ["o"]),
        ("ham, olives & capers", ["h", "o"]),
        ("ham and chese", ["c", "h"]),
        ("all but the second", ["c", "m", "o"]),
        ("2-4", ["h", "m", "o"]),
        ("3 3 3", ["m"]),
    ],
)
def test_several_choices_come_in_the_order_of_the_offer(raw: str, ids: list[str]) -> None:
    assert read_many(TOPPINGS, raw).value == ids


def test_many_are_bounded_by_their_count() -> None:
    assert read_many(TOPPINGS, "ham", minimum=2) == Outside("min", ["h"], "ham")
    assert read_many(TOPPINGS, "all", maximum=2) == Outside("max", ["c", "h", "m", "o"], "all")
    assert read_many(TOPPINGS, "none", minimum=0).value == []
    assert read_many(TOPPINGS, "none") is None
    assert read_many(TOPPINGS, "ham and cheese").label == "Cheese, Ham"


def test_what_fits_two_choices_is_asked() -> None:
    two = prepare([Offered("a", "Small pizza", ("pizza",)), Offered("b", "Big pizza", ("pizza",))])
    assert read_many(two, "pizza") == Ambiguous(("a", "b"))


def test_misspelt_choices_wait_for_commands() -> None:
    assert read_many(TOPPINGS, "ham and chese", close=False) is None


# ---- places and files


def message(**fields) -> InboundMessage:
    return InboundMessage("m1", Urn("tel:+12025550100"), **fields)


SOL = {"latitude": 40.4168, "longitude": -3.7038, "name": None, "address": None}


def test_a_place_that_was_sent() -> None:
    assert read_location(message(location=Location(40.4168, -3.7038, "Sol"))).value == SOL | {"name": "Sol"}
    assert read_location(message(location=Location(140.0, 0.0))) is None
    assert read_location(message(text="here")) is None


@pytest.mark.parametrize(
    "raw",
    [
        "40.4168, -3.7038",
        "40.4168,-3.7038",
        "(40.4168 -3.7038)",
        "geo:40.4168,-3.7038",
        "40.4168° N, 3.7038° W",
        "https://maps.example.com/?q=40.4168,-3.7038",
        "look https://maps.example.com/maps/@40.4168,-3.7038,17z",
        "https://maps.example.com/place/Sol/data=!3d40.4168!4d-3.7038",
    ],
)
def test_a_place_in_figures(raw: str) -> None:
    assert value("location", raw) == SOL


@pytest.mark.parametrize("raw", ["", "4 5", "4, 5", "95.5, 10.5", "40.4, 190.5", "home", "40.4168", "https://example.com/?q=sol"])
def test_what_is_no_place(raw: str) -> None:
    assert read("location", raw) is None


def test_files() -> None:
    photo, note = Media("image/jpeg", ref="r1"), Media("application/pdf", url="https://example.com/a", name="a.pdf")
    file = {"mime": "image/jpeg", "url": None, "ref": "r1", "name": None}
    assert read_media(message(media=(photo,), text="look")) == Understood([file], "look")
    assert read_media(message(media=(photo, note)), ("image",)) is None
    assert read_media(message(media=(note,)), ("document",)).value[0]["name"] == "a.pdf"
    assert read_media(message()) is None
    assert [kind_of_file(Media(mime)) for mime in ("audio/ogg", "video/mp4", "text/plain")] == ["audio", "video", "document"]


# ---- nothing heavy

_HEAVY = ("babel", "phonenumbers", "vaiven.flow.types.", "rapidfuzz")


def imported(code: str) -> set[str]:
    script = f"{code}\nimport sys\nprint(*sys.modules, sep='\\n')"
    path = os.pathsep.join(one for one in sys.path if one)
    environment = os.environ | {"PYTHONPATH": path}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, env=environment)
    return {name for name in done.stdout.splitlines() if name.startswith(_HEAVY)}


def test_a_plain_vote_imports_no_type() -> None:
    assert imported("import vaiven.flow.types") <= {"vaiven.flow.types.bounds"}


def test_a_type_imports_what_it_needs_and_no_more() -> None:
    code = (
        "from vaiven.flow.types import TYPES, Listener\n"
        "TYPES['date'].read('friday', Listener('en', None, 'UTC', 0))\n"
        "TYPES['email'].read('a@example.com', Listener('en', None, 'UTC', 0))"
    )
    found = imported(code)
    assert "vaiven.flow.types.moments" in found
    assert "vaiven.flow.types.languages.en" in found
    assert not found & {"phonenumbers", "babel", "rapidfuzz", "vaiven.flow.types.numbers", "vaiven.flow.types.languages.de"}
