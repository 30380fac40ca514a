"""Long texts in parts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vaiven.channels.graphemes import clusters, starts_cluster
from vaiven.channels.splitting import BREAKING, split
from vaiven.channels.text import count_segments

PIECES = [*"ab .,!?\n €[é’ж\u00a0\u3000。", "\n\n", "😀", "🇬🇧", "👨‍👩‍👧", "e\u0301", "각", "\r\n", " \u0301"]
WORDS = st.lists(st.sampled_from(PIECES), max_size=120).map("".join)


def units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


@given(WORDS, st.integers(2, 60), st.booleans())
def test_parts_are_within_the_limit_and_lose_only_white_space(text: str, limit: int, sms: bool) -> None:
    parts = split(text, limit, sms)
    assert parts
    at = 0
    for part in parts:
        assert units(part) <= limit
        assert not sms or count_segments(part).units <= limit
        found = text.index(part, at)
        assert not text[at:found].strip(BREAKING)
        at = found + len(part)
    assert not text[at:].strip(BREAKING)
    assert len(parts) == 1 or all(parts)


@given(WORDS, st.integers(24, 60), st.booleans())
def test_no_cluster_is_cut(text: str, limit: int, sms: bool) -> None:
    whole = {0, len(text)} | {at for at in range(len(text)) if starts_cluster(text, at)}
    longest = max((units(one) for one in clusters(text)), default=0)
    if longest > limit // 2:
        return
    at = 0
    for part in split(text, limit, sms):
        found = text.index(part, at)
        at = found + len(part)
        assert found in whole
        assert at in whole


@given(WORDS, st.booleans())
def test_what_fits_is_not_touched(text: str, sms: bool) -> None:
    assert split(text, 2 * len(text) + 2, sms) == [text]


@pytest.mark.parametrize(
    ("text", "limit", "parts"),
    [
        ("One two. Three four five", 16, ["One two.", "Three four five"]),
        ("aaaa bbbb cccc", 10, ["aaaa bbbb", "cccc"]),
        ("aaaa bbbb", 9, ["aaaa bbbb"]),
        ("aaaaaaaaaa bbbb", 10, ["aaaaaaaaaa", "bbbb"]),
        ("intro\nfirst line. more", 14, ["intro\nfirst", "line. more"]),
        ("one two\n\nthree. four", 16, ["one two", "three. four"]),
        ("see https://a.example/longer now", 26, ["see", "https://a.example/longer", "now"]),
        ("aaaaaaaaaaaa", 5, ["aaaaa", "aaaaa", "aa"]),
        ("aa\u00a0aa aa", 6, ["aa\u00a0aa", "aa"]),
        ("", 5, [""]),
        ("       ", 5, [""]),
    ],
)
def test_where_it_is_cut(text: str, limit: int, parts: list[str]) -> None:
    assert split(text, limit, sms=True) == parts


def test_an_escape_pair_and_a_surrogate_pair_stay_whole() -> None:
    assert split("aaaa€", 5, sms=True) == ["aaaa", "€"]
    assert split("aaaa😀", 5, sms=False) == ["aaaa", "😀"]


def test_a_cluster_longer_than_a_part_is_cut_between_characters() -> None:
    assert "".join(split("e" + "\u0301" * 30, 10, sms=False)) == "e" + "\u0301" * 30


def test_a_part_must_hold_a_character() -> None:
    with pytest.raises(ValueError, match="two units"):
        split("a", 1, sms=False)
