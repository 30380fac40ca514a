"""Nothing in a JSON body can hurt."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vaiven.channels.json import read_json
from vaiven.model.errors import Unreadable

ANY: msgspec.json.Decoder[object] = msgspec.json.Decoder()


class Thing(msgspec.Struct):
    t: str = ""


THING = msgspec.json.Decoder(Thing)


@pytest.mark.parametrize(
    ("body", "what"),
    [
        (b"[" * 100_000 + b"]" * 100_000, "nested too deep"),
        (b'{"z":' * 100_000 + b"1" + b"}" * 100_000, "nested too deep"),
        (b"1" * 100_000, "not of the shape"),
        (b'{"a":1e999}', "not of the shape"),
        (b"NaN", "no JSON"),
        (b'{"t":Infinity}', "no JSON"),
        (b'{"t":"\xff"}', "no UTF-8"),
        (b'{"t":"\xed\xa0\x80"}', "no UTF-8"),
        (b"\xef\xbb\xbf{}", "no JSON"),
        ('{"t":1}'.encode("utf-16"), "no JSON"),
        (b"{} {}", "no JSON"),
        (b"", "no JSON"),
        (b'{"t":"a\x00b"}', "no JSON"),
        (b'{"t":"\\ud800', "no JSON"),
    ],
)
def test_what_cannot_be_read_is_unreadable(body: bytes, what: str) -> None:
    with pytest.raises(Unreadable, match=what):
        read_json(ANY, body)


def test_another_shape_is_unreadable_and_its_words_stay_out_of_the_error() -> None:
    with pytest.raises(Unreadable) as unread:
        read_json(THING, b'{"t":["secret"]}')
    assert "secret" not in str(unread.value)


@pytest.mark.parametrize(
    ("escaped", "text"),
    [
        (rb"a\u0000b", "ab"),
        (rb"a\\u0000b", r"a\u0000b"),
        (rb"\ud83d\ude00", "😀"),
        (rb"cut \ud83d", "cut \ufffd"),
        (rb"\ude00 cut", "\ufffd cut"),
        (rb"\ud83d\ud83d\ude00", "\ufffd😀"),
        (rb"\\ud83d \uD83D", "\\ud83d \ufffd"),
        (rb"\u0000\ud83d", "\ufffd"),
    ],
)
def test_nul_goes_and_half_a_character_is_marked(escaped: bytes, text: str) -> None:
    assert read_json(THING, b'{"t":"' + escaped + b'"}').t == text


def test_of_a_name_that_comes_twice_the_last_counts() -> None:
    assert read_json(THING, b'{"t":"a","t":"b"}').t == "b"


@given(st.recursive(st.none() | st.booleans() | st.text() | st.integers(-(2**60), 2**60), st.lists, max_leaves=8))
def test_what_is_well_is_read_as_it_is(value: object) -> None:
    def clean(told: object) -> object:
        if isinstance(told, list):
            return [clean(one) for one in told]
        return told.replace("\0", "") if isinstance(told, str) else told

    assert read_json(ANY, json.dumps(value).encode()) == clean(value)


@given(st.binary(max_size=80))
def test_any_bytes_are_read_or_unreadable(body: bytes) -> None:
    try:
        read_json(ANY, body)
    except Unreadable:
        return
