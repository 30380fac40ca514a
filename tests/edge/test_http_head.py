"""What a call begins with."""

import pytest

from vaiven import __version__
from vaiven.edge.http_head import CannotBeCalled, Origin, head_of


def test_a_head_says_where_who_and_what_up_to_the_length() -> None:
    origin, head = head_of(
        "POST", "https://api.provider.test/v1/Messages.json?a=b%20c#there", (("Content-Type", "application/json"),)
    )
    assert origin == Origin(True, "api.provider.test", 443)
    assert head == (
        b"POST /v1/Messages.json?a=b%20c HTTP/1.1\r\nHost: api.provider.test\r\nAccept: */*\r\n"
        b"User-Agent: vaiven/" + __version__.encode() + b"\r\nContent-Type: application/json\r\nContent-Length: "
    )


@pytest.mark.parametrize(
    ("url", "origin", "host", "path"),
    [
        ("http://provider.test", Origin(False, "provider.test", 80), b"provider.test", b"/"),
        ("http://provider.test:80/a", Origin(False, "provider.test", 80), b"provider.test", b"/a"),
        ("https://provider.test:8443?x", Origin(True, "provider.test", 8443), b"provider.test:8443", b"/?x"),
        ("http://[2001:db8::1]:8080/", Origin(False, "2001:db8::1", 8080), b"[2001:db8::1]:8080", b"/"),
        ("http://192.0.2.1/a//b/../c", Origin(False, "192.0.2.1", 80), b"192.0.2.1", b"/a//b/../c"),
        (
            "http://münchen.test/größe x",
            Origin(False, "xn--mnchen-3ya.test", 80),
            b"xn--mnchen-3ya.test",
            b"/gr%C3%B6%C3%9Fe%20x",
        ),
    ],
)
def test_where_it_goes(url, origin, host, path) -> None:
    found, head = head_of("POST", url, ())
    assert found == origin
    assert head.startswith(b"POST %b HTTP/1.1\r\nHost: %b\r\n" % (path, host))


def test_what_the_caller_gives_is_not_said_twice() -> None:
    _, head = head_of("PUT", "http://provider.test/", (("host", "other.test"), ("USER-AGENT", "me"), ("Accept", "text/plain")))
    assert head == b"PUT / HTTP/1.1\r\nhost: other.test\r\nUSER-AGENT: me\r\nAccept: text/plain\r\nContent-Length: "


def test_how_the_request_is_framed_is_not_for_the_caller_to_say() -> None:
    _, head = head_of(
        "PUT", "http://provider.test/", (("content-length", "9"), ("Transfer-Encoding", "chunked"), ("Connection", "x"))
    )
    assert head.lower().count(b"content-length") == 1
    assert b"transfer-encoding" not in head.lower()
    assert b"connection" not in head.lower()


@pytest.mark.parametrize(
    ("method", "url", "headers"),
    [
        ("POST", "ftp://provider.test/", ()),
        ("POST", "//provider.test/", ()),
        ("POST", "provider.test", ()),
        ("POST", "", ()),
        ("POST", "http://", ()),
        ("POST", "http:///path", ()),
        ("POST", "http://provider.test:99999/", ()),
        ("POST", "http://[::1", ()),
        ("POST", "http://who:secret@provider.test/", ()),
        ("POST", "http://h\x00/", ()),
        ("POST", "http:// h/", ()),
        ("POST", 'http://h"<>^/', ()),
        ("POST", "http://h:0/", ()),
        ("HEAD", "http://provider.test/", ()),
        ("connect", "http://provider.test/", ()),
        ("CONNECT", "http://provider.test/", ()),
        ("PO ST", "http://provider.test/", ()),
        ("POST / HTTP/1.1\r\nX: y\r\n\r\nGET", "http://provider.test/", ()),
        ("POST", "http://provider.test/", (("X", "secret\r\nY: z"),)),
        ("POST", "http://provider.test/", (("X", "secret\x00"),)),
        ("POST", "http://provider.test/", (("X: y\r\nZ", "secret"),)),
        ("POST", "http://provider.test/", (("", "secret"),)),
        ("POST", "http://provider.test/", (("X", "\ud800"),)),
    ],
)
def test_what_makes_no_request_is_refused_and_no_value_is_quoted(method, url, headers) -> None:
    with pytest.raises(CannotBeCalled) as refused:
        head_of(method, url, headers)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("between", ["\r\n", "\n", "\r", " ", "\x00", "\x7f", "\t"])
def test_nothing_in_a_url_ends_the_line(between) -> None:
    try:
        _, head = head_of("POST", f"http://provider.test/a{between}b", ())
    except CannotBeCalled:
        return
    line, _, rest = head.partition(b"\r\n")
    assert line.split(b" ")[::2] == [b"POST", b"HTTP/1.1"]
    assert line.isascii()
    assert line.decode().isprintable()
    assert rest.startswith(b"Host: provider.test\r\n")
