"""What we show is what we read: format, then read, is the identity in every language; and noise says nothing."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import phonenumbers
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vaiven.flow.answers import Offered as One
from vaiven.flow.answers import Understood, prepare
from vaiven.flow.filters import FILTERS, Locale, show
from vaiven.flow.types import TYPES, Listener
from vaiven.flow.types.many import read_many

LOCALES = ["en", "en-GB", "en-US", "en-AU", "es", "es-MX", "fr", "fr-CA", "de", "de-AT", "de-CH", "pt", "pt-PT", "it", "it-CH"]
ZONES = ["Europe/Madrid", "America/New_York", "America/Sao_Paulo", "Asia/Kolkata", "Australia/Lord_Howe", "UTC"]
locales = st.sampled_from(LOCALES)
zones = st.sampled_from(ZONES)
moments = st.datetimes(datetime(2000, 1, 1), datetime(2099, 12, 31)).map(lambda one: one.replace(second=0, microsecond=0))
quick = settings(max_examples=150, deadline=None)


def formatted(name: str, value, lang: str, zone: str, *arguments, gsm: bool = False) -> str:
    return FILTERS[name].call(value, Locale(lang, zone, gsm), *arguments)


def read(
    kind: str, raw: str, lang: str = "en", zone: str = "UTC", country: str | None = None, now: datetime = datetime(2026, 11, 18)
):
    found = TYPES[kind].read(raw, Listener(lang, country, zone, int(now.replace(tzinfo=UTC).timestamp() * 1000)))
    return found.value if isinstance(found, Understood) else found


@quick
@given(st.dates(date(1900, 1, 1), date(2199, 12, 31)), locales, st.booleans())
def test_a_date_reads_back(day: date, lang: str, gsm: bool) -> None:
    assert read("date", formatted("date", day, lang, "UTC", gsm=gsm), lang) == day.isoformat()
    assert read("date", show(day, Locale(lang)), lang) == day.isoformat()


@quick
@given(st.times().map(lambda one: one.replace(second=0, microsecond=0, tzinfo=None)), locales)
def test_a_time_reads_back(hour: time, lang: str) -> None:
    assert read("time", formatted("time", hour.isoformat("minutes"), lang, "UTC"), lang) == hour.isoformat("minutes")


@quick
@given(moments, locales, zones)
def test_an_instant_reads_back(moment: datetime, lang: str, zone: str) -> None:
    value = moment.replace(tzinfo=UTC).astimezone(ZoneInfo(zone))
    if value.fold == 0:  # of an hour that comes twice the text does not say which
        assert read("datetime", formatted("datetime", value, lang, zone), lang, zone) == value.isoformat(timespec="minutes")
    assert read("datetime", show(value, Locale(lang, zone)), lang, zone) == value.isoformat(timespec="minutes")


@quick
@given(st.integers(-(10**12), 10**12), locales, st.booleans())
def test_an_integer_reads_back(value: int, lang: str, gsm: bool) -> None:
    assert read("integer", formatted("number", value, lang, "UTC", gsm=gsm), lang) == value
    assert read("integer", show(value, Locale(lang)), lang) == value


@quick
@given(st.integers(-(10**11), 10**11), st.integers(0, 3), locales, st.booleans())
def test_a_number_reads_back(whole: int, places: int, lang: str, gsm: bool) -> None:
    value = whole / 10**places
    assert read("number", formatted("number", value, lang, "UTC", places, gsm=gsm), lang) == value


@quick
@given(st.decimals(0, 10**7, places=2), st.sampled_from(["EUR", "USD", "GBP", "BRL"]), locales)
def test_money_reads_back(amount, currency: str, lang: str) -> None:
    assert read("number", formatted("money", str(amount), lang, "UTC", currency), lang) == float(amount)


@pytest.mark.parametrize("lang", ["en", "es", "fr", "de", "pt", "it"])
def test_yes_and_no_read_back(lang: str) -> None:
    for value in (True, False):
        assert read("confirm", show(value, Locale(lang)), lang) is value


@quick
@given(st.integers(0, 99), st.sampled_from([("+4477009001", "GB"), ("+12025550", "US")]), st.sampled_from(list(range(3))))
def test_a_phone_number_reads_back_in_every_format(last: int, plan: tuple[str, str], form: int) -> None:
    prefix, country = plan
    number = f"{prefix}{last:02}" if country == "GB" else f"{prefix}1{last:02}"
    parsed = phonenumbers.parse(number)
    assert read("phone", phonenumbers.format_number(parsed, form), country=country) == number


LOCAL = st.from_regex(r"[a-z0-9]([a-z0-9._+-]{0,12}[a-z0-9])?", fullmatch=True).filter(lambda one: ".." not in one)
HOST = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,10}[a-z0-9])?\.(com|org|example|co\.uk)", fullmatch=True)
AROUND = st.sampled_from(["{}", "it is {}.", "({})", "<{}>", "aqui: {}, gracias", "«{}»", "{}!"])


@quick
@given(LOCAL, HOST, AROUND)
def test_an_email_reads_back_from_a_sentence(local: str, host: str, around: str) -> None:
    assert read("email", around.format(f"{local}@{host}")) == f"{local}@{host}"


@quick
@given(HOST, st.from_regex(r"(/[a-zA-Z0-9_-]{1,8}){0,3}(\?[a-z]=[a-z0-9]{1,5})?", fullmatch=True), AROUND)
def test_a_url_reads_back_from_a_sentence(host: str, path: str, around: str) -> None:
    assert read("url", around.format(f"https://{host}{path}")) == f"https://{host}{path}"


@quick
@given(st.floats(-90, 90), st.floats(-180, 180))
def test_a_place_reads_back(latitude: float, longitude: float) -> None:
    assert read("location", f"{latitude:.6f}, {longitude:.6f}") == {
        "latitude": float(f"{latitude:.6f}"),
        "longitude": float(f"{longitude:.6f}"),
        "name": None,
        "address": None,
    }


NAMES = ["Anna", "Bruno", "Carla", "Dora", "Emil", "Fritz", "Gina"]


@quick
@given(
    st.sets(st.integers(0, 6), min_size=1), st.sampled_from([", ", " ", " and ", " & ", "\n", "; ", " y ", "+"]), st.booleans()
)
def test_choices_read_back(picked: set[int], between: str, by_name: bool) -> None:
    offered = prepare([One(name.lower(), name) for name in NAMES])
    said = between.join(NAMES[place] if by_name else str(place + 1) for place in sorted(picked))
    assert read_many(offered, said).value == [NAMES[place].lower() for place in sorted(picked)]


@quick
@given(st.integers(1, 60), st.sampled_from(["en", "es", "fr", "de", "pt", "it"]))
def test_days_from_now_are_counted(days: int, lang: str) -> None:
    said = {
        "en": "in {} days",
        "es": "dentro de {} días",
        "fr": "dans {} jours",
        "de": "in {} Tagen",
        "pt": "daqui a {} dias",
        "it": "tra {} giorni",
    }
    assert read("date", said[lang].format(days), lang) == (date(2026, 11, 18) + timedelta(days=days)).isoformat()


# ---- noise

noise = st.text(st.characters(exclude_characters="0123456789", exclude_categories=("Nd", "Nl", "No")), max_size=40)
consonants = st.text("bcdfghjklqvwxz", min_size=4, max_size=12)


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=60), st.sampled_from(sorted(TYPES)), st.sampled_from([*LOCALES, "xx", "", "-", "ar"]))
def test_no_text_raises(raw: str, kind: str, lang: str) -> None:
    read(kind, raw, lang)


@settings(max_examples=300, deadline=None)
@given(st.lists(consonants, min_size=1, max_size=5).map(" ".join), st.sampled_from(sorted(set(TYPES) - {"text"})), locales)
def test_noise_never_matches(raw: str, kind: str, lang: str) -> None:
    assert read(kind, raw, lang) is None


@settings(max_examples=200, deadline=None)
@given(consonants, st.sampled_from(["tomorrow", "5pm", "friday at 7pm", "in 3 days", "24 dec 18:00"]), st.booleans())
def test_a_word_nobody_knows_ends_a_date(word: str, said: str, before: bool) -> None:
    for kind in ("date", "time", "datetime"):
        assert read(kind, f"{word} {said}" if before else f"{said} {word}") is None


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [*"-./:", "5", "12", "24", "friday", "at", "pm", "dec", "of", "in", "the", "days", "next", "half", "past", "to"]
        ),
        max_size=30,
    )
)
def test_words_that_could_be_read_in_many_ways_take_bounded_time(words: list[str]) -> None:
    for kind in ("date", "time", "datetime"):
        read(kind, " ".join(words))


@settings(max_examples=100, deadline=None)
@given(noise)
def test_a_text_without_digits_is_no_phone_number(raw: str) -> None:
    assert read("phone", raw, country="GB") is None


def test_what_is_very_long_is_refused_at_once() -> None:
    for kind in set(TYPES) - {"text"}:
        for raw in ("1" * 100_000, "friday " * 20_000, "a@" * 50_000, "a." * 50_000, "(" * 100_000, "https://" * 10_000):
            assert read(kind, raw) is None
