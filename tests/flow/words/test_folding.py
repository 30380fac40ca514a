"""Folding: the same word however it is typed, and nothing more after the first time."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vaiven.flow.answers import fold
from vaiven.flow.folding import without_emoji


@pytest.mark.parametrize(
    ("typed", "folded"),
    [
        ("Vote 3!", "vote 3"),
        ("  VOTE\t\n3 ", "vote 3"),
        ("vóte luca!", "vote luca"),
        ("Anna & Luca", "anna luca"),
        ("don't", "dont"),
        ("don’t", "dont"),
        ("opt-out", "opt out"),
        ("٣", "3"),
        ("３", "3"),
        ("४२", "42"),
        ("3️⃣", "3"),
        ("#️⃣3", "3"),
        ("ＳＴＯＰ", "stop"),
        ("S\u200bTO\u202eP\ufeff", "stop"),
        ("Straße", "strasse"),
        ("İstanbul", "istanbul"),
        ("ΆΛΦΑ", "αλφα"),
        ("Ёлка", "елка"),
        ("が", "が"),
        ("कि", "कि"),
        ("한국", "한국"),
        ("❤️ you", "❤ you"),
        ("👍🏽", "👍🏽"),
        ("👩\u200d🚀", "👩🚀"),
        ("¡Sí, claro!", "si claro"),
        ("...", ""),
        ("", ""),
        ("\x00a\x07b\x7f", "ab"),
        ("e\u0301", "e"),
        ("№ 5", "no 5"),
        ("C++ > $5", "c++ > $5"),
    ],
)
def test_what_people_type_is_folded(typed: str, folded: str) -> None:
    assert fold(typed) == folded


@settings(max_examples=500)
@given(st.text(max_size=50))
def test_folding_twice_changes_nothing_more(text: str) -> None:
    assert fold(fold(text)) == fold(text)


@pytest.mark.parametrize("first", range(0, 0x110000, 0x10000))
def test_folding_any_character_is_final(first: int) -> None:
    for code in range(first, first + 0x10000, 7):
        if not 0xD800 <= code < 0xE000:
            folded = fold("a" + chr(code) + "b")
            assert fold(folded) == folded


@given(st.text(alphabet=st.characters(max_codepoint=127), max_size=60))
def test_plain_text_folds_as_any_other(text: str) -> None:
    # One character that folds away takes the text off the short way.
    assert fold(text) == fold(text + "\u200b")


@given(st.text(max_size=30), st.text(max_size=30))
def test_case_marks_and_spaces_do_not_matter(one: str, other: str) -> None:
    assert fold(f"{one} {other}") == fold(f"{one}\u200b \t {other}")


def test_emoji_can_be_left_out() -> None:
    assert without_emoji(fold("Yes 👍🏽 please ❤️")) == "yes please"
    assert without_emoji(fold("👍")) == ""
