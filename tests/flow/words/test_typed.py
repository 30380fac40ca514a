"""Typed answers: whole numbers, yes and no, texts. Never half understood."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vaiven.flow.answers import Outside, Understood, parse_confirm, parse_text
from vaiven.flow.types import TYPES, Listener

SOMEBODY = Listener("en", None, "UTC", 0)


def parse_integer(raw: str, least: int | None = None, most: int | None = None) -> Understood | Outside | None:
    return TYPES["integer"].read(raw, SOMEBODY, least, most)


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        ("4", 4),
        ("٤", 4),
        ("４", 4),
        ("4️⃣", 4),
        ("+5", 5),
        ("-3", -3),
        ("−3", -3),
        ("12.", 12),
        ("#7", 7),
        ("(8)", 8),
        ("007", 7),
        ("1 000", 1000),
        ("1\u202f000", 1000),
        ("1,000", 1000),
        ("1.000.000", 1_000_000),
        ("twelve", 12),
        ("twenty four", 24),
        ("4 hundred", 400),
        ("Zero", 0),
        ("four people please", 4),
        ("30 people", 30),
        ("4 of us", 4),
        ("we're 4", 4),
        ("4 personas, gracias", 4),
        ("4 👍", 4),
    ],
)
def test_a_whole_number(raw: str, value: int) -> None:
    assert parse_integer(raw) == Understood(value, raw)


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "many",
        "4 or 5",
        "4-5",
        "2 - 3",
        "4/5",
        "4.5",
        "4,5",
        "1,00",
        "1.000,50",
        "10,000.5",
        "more than 4",
        "not 4",
        "at least 4",
        "más de 4",
        "mehr als 4",
        "half past 4",
        "4 dozen",
        "4 plus 2",
        "19:00",
        "7pm",
        "4th",
        "4+",
        "~4",
        "4²",
        "4½",
        "4%",
        "€4",
        "one moment",
        "the red one",
        "no one",
        "four or five",
        "4 five",
        "four five",
        "1 2 3",
        "0x10",
        "1e9",
        "9" * 16,
        "9" * 100_000,
        "4 is the number of people that will come tonight",
    ],
)
def test_what_says_no_single_whole_number(raw: str) -> None:
    assert parse_integer(raw) is None


def test_bounds_are_inclusive_and_told_by_name() -> None:
    assert parse_integer("30 people", 1, 12) == Outside("max", 30, "30 people")
    assert parse_integer("0", 1, 12) == Outside("min", 0, "0")
    assert parse_integer("1", 1, 12) == Understood(1, "1")
    assert parse_integer("12", 1, 12) == Understood(12, "12")


@given(st.integers(-(10**15) + 1, 10**15 - 1))
def test_any_number_reads_back(value: int) -> None:
    assert parse_integer(str(value)) == Understood(value, str(value))


@given(st.integers(1000, 10**12))
def test_any_grouped_number_reads_back(value: int) -> None:
    for mark in " ,.'":
        assert parse_integer(f"{value:,}".replace(",", mark)) == Understood(value, f"{value:,}".replace(",", mark))


@given(st.text(max_size=30))
def test_any_text_is_read(raw: str) -> None:
    found = parse_integer(raw, -5, 5)
    assert found is None or isinstance(found.value, int)
    parse_confirm(raw)
    parse_text(raw, 1, 5, "[a-z]+", "lower")


@pytest.mark.parametrize(
    "raw",
    [
        "yes",
        "YES!",
        "Yes please",
        "yep",
        "yeah yeah",
        "ok",
        "Okay, go ahead",
        "sure thing",
        "of course",
        "that's right",
        "yes 👍",
        "👍🏽",
        "✅",
        "sí",
        "Claro",
        "si, por favor",
        "oui",
        "d'accord",
        "bien sûr",
        "ja",
        "natürlich",
        "sim",
        "va bene",
        "yes 🎉",
    ],
)
def test_yes(raw: str) -> None:
    assert parse_confirm(raw) == Understood(True, raw, "accept")


@pytest.mark.parametrize(
    "raw",
    [
        "no",
        "NO.",
        "nope",
        "nah",
        "no thanks",
        "No, thank you",
        "not now",
        "👎",
        "🙅‍♀️",
        "❌",
        "no gracias",
        "non merci",
        "nein",
        "não",
        "no grazie",
    ],
)
def test_no(raw: str) -> None:
    assert parse_confirm(raw) == Understood(False, raw, "decline")


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "maybe",
        "yes no",
        "yes and no",
        "not ok",
        "not sure",
        "no problem",
        "yes 👎",
        "👍👎",
        "🎉",
        "please",
        "thanks",
        "yes but later",
        "1",
        "yes " * 100,
    ],
)
def test_neither_yes_nor_no(raw: str) -> None:
    assert parse_confirm(raw) is None


def test_a_text_is_trimmed_and_composed() -> None:
    assert parse_text("  Cafe\u0301\0 ") == Understood("Café", "  Cafe\u0301\0 ")
    assert parse_text(" \n") is None
    assert parse_text("a\x01\x1bb\nc") == Understood("ab\nc", "a\x01\x1bb\nc")
    assert parse_text("👩\u200d🚀") == Understood("👩\u200d🚀", "👩\u200d🚀")


def test_the_length_of_a_text_is_bounded() -> None:
    assert parse_text("Ola", 2, 4) == Understood("Ola", "Ola")
    assert parse_text("O", 2, 4) == Outside("min", "O", "O")
    assert parse_text("Olala", 2, 4) == Outside("max", "Olala", "Olala")


def test_a_pattern_matches_the_whole_text() -> None:
    order = "[A-Z]{2}[0-9]{6}"
    assert parse_text("ab123456", pattern=order, fold="upper") == Understood("AB123456", "ab123456")
    assert parse_text("AB١٢٣٤٥٦", pattern=order) == Understood("AB123456", "AB١٢٣٤٥٦")
    assert parse_text("ab123456", pattern=order) is None
    assert parse_text("AB1234567", pattern=order) is None
    assert parse_text("AB123456\n", pattern=order) == Understood("AB123456", "AB123456\n")
    assert parse_text("A" * 1601, pattern="A+") is None
    assert parse_text("MIXED", fold="lower") == Understood("mixed", "MIXED")
