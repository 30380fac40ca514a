"""What an SMS costs, and how it gets cheaper."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vaiven.channels.graphemes import clusters
from vaiven.channels.gsm import BASIC, EXTENSION
from vaiven.channels.text import Encoding, Segments, count_segments, encoding_of, to_gsm

GSM, UCS = Encoding.GSM7, Encoding.UCS2
FAMILY, FLAG = "👨‍👩‍👧‍👦", "🇬🇧"

GSM_TEXT = st.text(alphabet=sorted(BASIC | EXTENSION), max_size=400)
PIECES = [*"ab €[~.,’…ж\n\u00a0é", "😀", FLAG, FAMILY, "e\u0301", "각"]
MIXED = st.lists(st.sampled_from(PIECES), max_size=160).map("".join)


@pytest.mark.parametrize(
    ("text", "encoding", "segments"),
    [
        ("", GSM, 1),
        ("a" * 160, GSM, 1),
        ("a" * 161, GSM, 2),
        ("a" * 306, GSM, 2),
        ("a" * 307, GSM, 3),
        ("€" * 80, GSM, 1),
        ("€" * 81, GSM, 2),
        ("€" * 152, GSM, 2),
        ("€" * 153, GSM, 3),
        ("a" * 152 + "€" + "b" * 151, GSM, 2),
        ("a" * 152 + "€" + "b" * 152, GSM, 3),
        ("ж" * 70, UCS, 1),
        ("ж" * 71, UCS, 2),
        ("ж" * 134, UCS, 2),
        ("ж" * 135, UCS, 3),
        ("😀" * 35, UCS, 1),
        ("😀" * 36, UCS, 2),
        ("😀" * 66, UCS, 2),
        ("😀" * 67, UCS, 3),
        (FAMILY * 10, UCS, 2),
        (FLAG * 17, UCS, 1),
        (FLAG * 18, UCS, 2),
        ("a\u0301" * 100, UCS, 4),
        ("a" + "\u0301" * 200, UCS, 3),
    ],
)
def test_segments_as_the_calculators_count_them(text: str, encoding: Encoding, segments: int) -> None:
    counted = count_segments(text)
    assert (counted.encoding, counted.segments) == (encoding, segments)


def test_units_are_septets_or_utf16_units() -> None:
    assert count_segments("a€") == Segments(GSM, 3, 1)
    assert count_segments("ж😀") == Segments(UCS, 3, 1)


@pytest.mark.parametrize("text", ["it’s", "ç", "\t", "`", "…", "\u00a0", "á", "a\u200bb"])
def test_one_foreign_character_makes_it_ucs2(text: str) -> None:
    assert encoding_of(text) is UCS


@pytest.mark.parametrize("text", ["Ç", "€", "|", "ΔΦΓΛΩΠΨΣΘΞ", "\f", "\r\n", "ñ Ñ ¿ ¡ à è ì ò ù é"])
def test_the_alphabet_and_its_extension(text: str) -> None:
    assert encoding_of(text) is GSM


def test_the_alphabet_has_127_characters_and_the_extension_ten() -> None:
    assert (len(BASIC), len(EXTENSION)) == (127, 10)
    assert not BASIC & EXTENSION


def brute(pieces: list[int], alone: int, part: int) -> int:
    if sum(pieces) <= alone:
        return 1
    parts = [0]
    for size in pieces:
        if parts[-1] + size > part:
            parts.append(0)
        parts[-1] += size
    return len(parts)


@given(GSM_TEXT)
def test_gsm_segments_are_those_of_a_slow_packer(text: str) -> None:
    counted = count_segments(text)
    assert counted.segments == brute([2 if c in EXTENSION else 1 for c in text], 160, 153)
    assert counted.units == sum(2 if c in EXTENSION else 1 for c in text)


@given(MIXED.map(lambda text: text + "ж"))
def test_ucs2_segments_are_those_of_a_slow_packer(text: str) -> None:
    counted = count_segments(text)
    assert counted.segments == brute([len(one.encode("utf-16-le")) // 2 for one in clusters(text)], 70, 67)
    assert counted.units == len(text.encode("utf-16-le")) // 2


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("“It’s” – now…", '"It\'s" - now...'),
        ("10\u202f000,50\u00a0€", "10 000,50 €"),
        ("a\u200bb\ufeff\u2060", "ab"),
        ("«¿Qué?» a\tb", '"¿Qué?" a b'),
        ("e\u0301", "é"),
        ("a‑b", "a-b"),
    ],
)
def test_typography_is_folded(text: str, folded: str) -> None:
    assert to_gsm(text) == folded


@pytest.mark.parametrize("text", ["día’s", "“hi” 😀", "Привет…", "`x`", FAMILY, "‘á’"])
def test_what_needs_ucs2_anyway_stays_as_it_is(text: str) -> None:
    assert to_gsm(text) == text


@pytest.mark.parametrize("text", ["see https://a.example/x–y", "www.a.example/“q”", "http://a.example/a\u200bb"])
def test_an_address_is_never_changed(text: str) -> None:
    assert to_gsm(text) == text


@given(st.text() | MIXED)
def test_folding_twice_is_folding_once_and_never_costs_more(text: str) -> None:
    folded = to_gsm(text)
    assert to_gsm(folded) == folded
    assert count_segments(folded).segments <= count_segments(text).segments or encoding_of(folded) is GSM
    assert folded == text or encoding_of(folded) is GSM


@given(st.text(alphabet=[chr(code) for code in range(0x20, 0x7F)]))
def test_printable_ascii_is_never_changed(text: str) -> None:
    assert to_gsm(text) == text


@given(MIXED)
def test_clusters_are_the_text(text: str) -> None:
    assert "".join(clusters(text)) == text


@pytest.mark.parametrize(
    ("text", "count"),
    [
        (FAMILY, 1),
        (FLAG * 3, 3),
        ("👍🏽", 1),
        ("1\ufe0f\u20e3", 1),
        ("e\u0301x", 2),
        ("각", 1),
        ("\u1100\u1161\u11a8", 1),
        ("가\u11a8", 1),
        ("가나", 2),
        ("\u1161a", 2),
        ("\r\n\n", 2),
        ("क्षि", 1),
        ("abc", 3),
        ("🏴\U000e0067\U000e0062\U000e007f!", 2),
    ],
)
def test_what_people_see_as_one_character_is_one_cluster(text: str, count: int) -> None:
    assert len(list(clusters(text))) == count
