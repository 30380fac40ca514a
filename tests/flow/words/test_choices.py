"""Choices: by label, id, alias, number and close spelling; what fits twice is asked, never guessed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vaiven.flow.answers import Ambiguous, Offered, Understood, fold, prepare

ACTS = prepare(
    [
        Offered("anna", "Anna & Luca", ("anna", "luca")),
        Offered("bea", "Bea & Tom", ("bea", "tom")),
        Offered("cleo", "Cleo & Max", ("cleo", "max")),
    ]
)


def labels(*names: str):
    return prepare([Offered(chr(ord("a") + index), name) for index, name in enumerate(names)])


def exact(prepared, raw: str) -> str | tuple[str, ...] | None:
    return read(prepared.exact(fold(raw), raw))


def close(prepared, raw: str) -> str | tuple[str, ...] | None:
    return read(prepared.close(fold(raw), raw))


def read(found: Understood | Ambiguous | None) -> str | tuple[str, ...] | None:
    if isinstance(found, Ambiguous):
        return found.ids
    return None if found is None else found.id


@pytest.mark.parametrize(
    "raw",
    [
        "3",
        "3.",
        " 3 !",
        "#3",
        "(3)",
        "no 3",
        "No. 3",
        "nr 3",
        "number 3",
        "option 3",
        "opción 3",
        "n° 3",
        "№3",
        "٣",
        "３",
        "3️⃣",
        "03",
        "③",
    ],
)
def test_a_position_in_the_forms_that_people_type(raw: str) -> None:
    assert ACTS.exact(fold(raw), raw) == Understood("cleo", raw, "cleo", "Cleo & Max")


@pytest.mark.parametrize("raw", ["Anna & Luca", "anna luca", "ANNA!", "lúca", "anna 👍", "👍 Anna", "Ａnna"])
def test_a_label_id_or_alias(raw: str) -> None:
    assert exact(ACTS, raw) == "anna"


@pytest.mark.parametrize("raw", ["", "0", "4", "33", "1.5", "3 please", "vote 3", "not anna", "👍", "ana", "0003"])
def test_what_is_no_exact_answer(raw: str) -> None:
    assert exact(ACTS, raw) is None


def test_a_digit_is_no_position_where_a_label_is_a_number() -> None:
    prepared = labels("2", "4", "6", "more")
    assert [exact(prepared, digit) for digit in "123456"] == [None, "a", None, "b", None, "c"]
    assert exact(prepared, "no 3") is None


def test_a_digit_that_fits_place_and_label_is_asked() -> None:
    nights = labels("2 nights", "3 nights", "a week")
    assert [exact(nights, digit) for digit in "123"] == ["a", ("a", "b"), ("b", "c")]
    assert exact(nights, "option 2") == ("a", "b")
    assert exact(nights, "2 nights") == "a"
    assert [exact(labels("Act 1", "Act 2"), digit) for digit in "12"] == ["a", "b"]


def test_an_id_or_alias_goes_before_position() -> None:
    prepared = prepare([Offered("2", "Red"), Offered("1", "Blue"), Offered("x", "Green", ("7",))])
    assert [exact(prepared, digit) for digit in "1237"] == ["1", "2", "x", "x"]


def test_two_hits_are_ambiguous() -> None:
    prepared = prepare([Offered("a", "Max"), Offered("b", "Tom", ("max",)), Offered("c", "Bea")])
    assert exact(prepared, "MAX") == ("a", "b")


def test_emoji_labels() -> None:
    prepared = labels("👍 Yes", "👎 No", "🤷")
    assert [exact(prepared, raw) for raw in ("yes", "👎 no", "🤷", "👍", "🤷🤷")] == ["a", "b", "c", None, None]


@pytest.mark.parametrize(
    ("raw", "hit"),
    [
        ("lucca", "anna"),
        ("anan", "anna"),
        ("clxo", "cleo"),
        ("anna luka", "anna"),
        ("Annna & Lcua", "anna"),
        ("ana", None),
        ("tmo", None),
        ("xyzz", None),
        ("hello", None),
        ("1 or 3", ("anna", "cleo")),
        ("anna, bea", ("anna", "bea")),
        ("Bea and 3", ("bea", "cleo")),
        ("anna or something", None),
        ("not anna", None),
        ("or", None),
    ],
)
def test_close_spelling_of_one_choice_only(raw: str, hit: str | tuple[str, ...] | None) -> None:
    assert close(ACTS, raw) == hit


def test_a_slip_that_fits_two_is_asked() -> None:
    assert close(labels("Marta", "Marla", "Bob"), "Marfa") == ("a", "b")


def test_digits_never_differ_by_a_slip() -> None:
    rooms = labels("Room 12", "Room 13", "19:00 show")
    assert close(rooms, "Room 14") is None
    assert close(rooms, "Rom 12") == "a"
    assert close(rooms, "19:30 show") is None


def test_a_legal_word_is_no_misspelt_choice() -> None:
    prepared = labels("Shop", "Starr", "Canceled")
    assert [close(prepared, raw) for raw in ("stop", "start", "cancel")] == [None, None, None]


WORDS = st.text(alphabet="abcdefgh", min_size=8, max_size=12)


@given(WORDS, st.integers(0, 6))
def test_one_swap_is_forgiven(word: str, at: int) -> None:
    swapped = word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    prepared = labels(word, "1234 5678")
    assert "a" in (exact(prepared, swapped), close(prepared, swapped))


@given(st.lists(st.text(max_size=8), min_size=1, max_size=6), st.text(max_size=20))
def test_any_text_against_any_labels(names: list[str], raw: str) -> None:
    prepared, folded = labels(*names), fold(raw)
    for found in (prepared.exact(folded, raw), prepared.close(folded, raw)):
        assert found is None or isinstance(found, Understood) or len(found.ids) > 1


@given(st.lists(st.text(min_size=1, max_size=8), min_size=1, max_size=6))
def test_every_label_finds_its_own_choice(names: list[str]) -> None:
    prepared = labels(*names)
    for index, name in enumerate(names):
        if fold(name):
            found = exact(prepared, name)
            assert found is not None
            assert chr(ord("a") + index) in found
