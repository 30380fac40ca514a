"""The form reader reads what the standard library reads, faster, and within limits."""

from urllib.parse import parse_qsl, quote_plus, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vaiven.channels.forms import FIELDS, PLAIN, quote, read_form, read_plain, unquote, without_nul
from vaiven.model.errors import Unreadable


@given(st.lists(st.tuples(st.text(max_size=8), st.text(max_size=20)), max_size=20))
def test_what_was_encoded_is_read_back(pairs: list[tuple[str, str]]) -> None:
    assert read_form(urlencode(pairs).encode()) == pairs


@given(st.text(alphabet="ab=&%+20CBcé3;\x00", max_size=40))
def test_any_form_reads_as_the_standard_library_reads_it(form: str) -> None:
    assert read_form(form.encode()) == parse_qsl(form, keep_blank_values=True)


@given(
    st.lists(st.tuples(st.text(alphabet="aB=&%+20é \x00", max_size=4), st.text(alphabet="ab=&%+20é\x00", max_size=6)), max_size=6)
)
def test_a_plain_form_is_read_as_any_other(pairs: list[tuple[str, str]]) -> None:
    body = urlencode(pairs).encode()
    parts = read_plain(body)
    if not pairs or b"%00" in body:
        assert parts is None
    else:
        assert parts is not None
        assert list(zip(parts[::2], parts[1::2], strict=True)) == read_form(body) == pairs


@given(st.text(alphabet="ab=&%+20CBcé3;\x00", max_size=40))
def test_what_is_read_as_plain_is_what_the_long_way_reads(form: str) -> None:
    parts = read_plain(form.encode())
    assert parts is None or list(zip(parts[::2], parts[1::2], strict=True)) == read_form(form.encode())


@pytest.mark.parametrize(
    "body", [b"", b"a", b"&a=b", b"a=b&", b"a=b&c", b"a==b", b"a&b==c", b"a=b&&c=d", b"a=\0", b"a=%00", b"a=%41%00"]
)
def test_what_no_provider_writes_is_not_plain(body: bytes) -> None:
    assert read_plain(body) is None


def test_what_is_large_is_not_plain() -> None:
    assert len(read_plain(b"&".join([b"a=b"] * FIELDS)) or ()) == 2 * FIELDS
    assert read_plain(b"&".join([b"a=b"] * (FIELDS + 1))) is None
    assert len(read_plain(b"a=" + b"b" * (PLAIN - 2)) or ()) == 2
    assert read_plain(b"a=" + b"b" * (PLAIN - 1)) is None


@given(st.binary(max_size=60))
def test_any_bytes_are_read(body: bytes) -> None:
    assert all(name < "\udc80" or name for name, _ in read_form(body))


@given(st.text())
def test_a_quoted_value_is_what_the_standard_library_quotes(text: str) -> None:
    assert quote(text) == quote_plus(text)


@pytest.mark.parametrize(
    ("escaped", "text"),
    [
        ("%2B1", "+1"),
        ("%252B", "%2B"),
        ("%%2B41", "%+41"),
        ("100%", "100%"),
        ("%zz%C3%A9", "%zzé"),
        ("%ff", "\ufffd"),
        ("%2%2B", "%2+"),
    ],
)
def test_escapes(escaped: str, text: str) -> None:
    assert read_form(f"a={escaped}") == [("a", text)]
    assert unquote(escaped) == text


def test_blank_values_stay_and_blank_fields_go() -> None:
    assert read_form(b"&Body=&a&=b&") == [("Body", ""), ("a", ""), ("", "b")]
    assert read_form(b"") == []


def test_too_many_fields_are_unreadable() -> None:
    assert len(read_form("&".join(["a=b"] * 200))) == 200
    with pytest.raises(Unreadable):
        read_form("&".join(["a=b"] * 201))


def test_nul_is_taken_out() -> None:
    assert without_nul([("B\0ody", "a\0b")]) == [("Body", "ab")]
