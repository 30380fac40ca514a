"""Texts of strangers on a terminal: nothing in them acts."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vaiven.edge.plain import lines, plain


@given(st.text())
def test_nothing_that_acts_is_left(text: str) -> None:
    shown = plain(text)
    assert all(unicodedata.category(one)[0] != "C" or one in "\u200c\u200d" for one in shown)
    assert not set(shown) & {"\u2028", "\u2029", "\n", "\r"}


@given(st.text(st.characters(categories=["L", "M", "N", "P", "S", "Zs"])))
def test_words_stay_as_they_are(text: str) -> None:
    assert plain(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[2J\x1b]0;title\x07", r"\x1b[2J\x1b]0;title\x07"),
        ("\x9b31m", r"\x9b31m"),
        ("a\rb\nc\td", r"a\rb\nc\td"),
        ("\u202egnp.exe\u2069", r"\u202egnp.exe\u2069"),
        ("pass\u200bword\ufeff", r"pass\u200bword\ufeff"),
        ("half \ud800", r"half \ud800"),
        ("مرحبا 👨\u200d👩\u200d👧 ñ", "مرحبا 👨\u200d👩\u200d👧 ñ"),
    ],
)
def test_what_acts_is_told_by_its_name(text: str, shown: str) -> None:
    assert plain(text) == shown
    shown.encode()


def test_a_line_break_of_theirs_is_a_line_and_no_other_is() -> None:
    assert lines("one\r\ntwo\nthree\rfour\u2028five") == ["one", "two", r"three\rfour\u2028five"]
