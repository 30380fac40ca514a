"""One connection, without a socket: bytes of a provider in, one answer out, however they are cut and whatever they are."""

import asyncio
import socket
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("httptools", reason="httptools is not installed: aiohttp's client makes the calls")

from vaiven.channels.contract import ProviderResponse
from vaiven.edge.http import RESPONSE_LIMIT_BYTES
from vaiven.edge.http_connection import Call, Connection
from vaiven.edge.http_head import Origin
from vaiven.runtime.transport import Answer, NoResponse

JSON = b'{"sid":"SM00000000000000000000000000000a01"}'
SIZED = b"HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (len(JSON), JSON)
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\n%b\r\n%x\r\n%b\r\n0\r\nX-Late: 1\r\n\r\n" % (
    JSON[:5],
    len(JSON) - 5,
    JSON[5:],
)
AFTER_OTHERS = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + SIZED
WITHOUT_A_BODY = b"HTTP/1.1 204 No Content\r\nRetry-After: 7\r\n\r\n"


QUIET: list[socket.socket] = []
"""Nothing is ever said here."""


@pytest.fixture(scope="module", autouse=True)
def quiet() -> Iterator[None]:
    QUIET[:] = socket.socketpair()
    yield
    for end in QUIET:
        end.close()


class Socket(asyncio.Transport):
    """Takes what is written, and tells the protocol of its end as an event loop does: not at once."""

    def __init__(self) -> None:
        super().__init__({"socket": QUIET[0]})
        self.ended = False
        self.unwritten = 0

    def write(self, data: Any) -> None: ...

    def get_write_buffer_size(self) -> int:
        return self.unwritten

    def abort(self) -> None:
        self.ended = True

    def is_closing(self) -> bool:
        return self.ended


class Keeper:
    """The owner, which asks on the same connection as long as it can."""

    def __init__(self) -> None:
        self.answers: list[Answer] = []
        self.lost_times = 0
        self.connection = Connection(self)
        self.socket = Socket()
        self.connection.connection_made(self.socket)

    def ended(self, connection: Connection, call: Call, answer: Answer) -> None:
        self.answers.append(answer)

    def lost(self, connection: Connection) -> None:
        self.lost_times += 1

    def ask(self) -> None:
        self.connection.ask(Call(Origin(False, "provider.test", 80), b"POST", lambda answer: None, 0.0))

    def hear(self, *pieces: bytes) -> None:
        """As an event loop: nothing more is read from a socket that was ended."""
        for piece in pieces:
            if piece and not self.socket.ended:
                self.connection.data_received(piece)

    def end(self) -> None:
        """The provider ends the connection as it should."""
        if not self.socket.ended:
            self.connection.eof_received()
        self.lose()

    def lose(self, error: Exception | None = None) -> None:
        self.socket.ended = True
        self.connection.connection_lost(error)


def asked(*pieces: bytes) -> Keeper:
    keeper = Keeper()
    keeper.ask()
    keeper.hear(*pieces)
    return keeper


def cut(data: bytes, at: list[int]) -> list[bytes]:
    places = [0, *sorted(place % (len(data) + 1) for place in at), len(data)]
    return [data[start:end] for start, end in pairwise(places)]


CUTS = st.lists(st.integers(0, 10_000), max_size=12)


@given(st.sampled_from([SIZED, CHUNKED, AFTER_OTHERS, WITHOUT_A_BODY]), CUTS)
def test_an_answer_is_the_same_however_it_is_cut(answer, at) -> None:
    keeper = asked(*cut(answer, at))
    [response] = keeper.answers
    assert isinstance(response, ProviderResponse)
    assert (response.status, response.body) == {SIZED: (201, JSON), CHUNKED: (200, JSON), AFTER_OTHERS: (201, JSON)}.get(
        answer, (204, b"")
    )
    assert "link" not in response.headers
    assert "x-late" not in response.headers
    assert keeper.connection.is_open()
    keeper.ask()
    keeper.hear(*cut(SIZED, at))
    assert [getattr(each, "status", None) for each in keeper.answers[1:]] == [201]


@given(
    st.sampled_from([SIZED, CHUNKED, AFTER_OTHERS, WITHOUT_A_BODY]),
    st.lists(st.tuples(st.integers(0, 10_000), st.sampled_from(["drop", "double", "change"]), st.binary(max_size=9)), max_size=4),
    CUTS,
    st.sampled_from([Keeper.end, Keeper.lose]),
)
def test_whatever_comes_there_is_one_end(answer, damages, at, ends) -> None:
    for place, damage, by in damages:
        place %= len(answer) + 1
        match damage:
            case "drop":
                answer = answer[:place] + answer[place + 1 + len(by) :]
            case "double":
                answer = answer[:place] + answer[place : place + len(by)] + answer[place:]
            case _:
                answer = answer[:place] + by + answer[place + len(by) :]
    keeper = asked(*cut(answer, at))
    assert len(keeper.answers) <= 1
    ends(keeper)
    assert len(keeper.answers) == 1
    assert keeper.lost_times == 1
    assert not keeper.connection.is_open()
    [end] = keeper.answers
    assert isinstance(end, ProviderResponse) or end.sent


@pytest.mark.parametrize("answer", [SIZED, CHUNKED])
def test_a_body_that_breaks_off_is_no_answer(answer) -> None:
    for length in range(len(answer)):
        for ends in (Keeper.end, Keeper.lose):
            keeper = asked(answer[:length])
            ends(keeper)
            assert keeper.answers == [NoResponse(True, "connection lost")], answer[:length]


def test_a_body_without_a_length_ends_with_the_connection_if_the_provider_ends_it() -> None:
    until_the_end = b"HTTP/1.1 200 OK\r\n\r\n" + JSON
    ended, cut_off, torn = asked(until_the_end), asked(until_the_end), asked(until_the_end)
    assert not ended.answers
    ended.end()
    cut_off.lose()  # so it looks where TLS was not ended: the rest may be missing
    torn.lose(ConnectionResetError())
    assert [answer.body for answer in ended.answers] == [JSON]
    assert cut_off.answers == torn.answers == [NoResponse(True, "connection lost")]


def test_a_provider_that_answers_before_it_has_taken_the_request_is_not_asked_again_there() -> None:
    keeper = Keeper()
    keeper.ask()
    keeper.socket.unwritten = 1
    keeper.hear(SIZED)
    assert [answer.status for answer in keeper.answers] == [201]
    assert not keeper.connection.is_open()


@pytest.mark.parametrize(
    "surplus",
    [b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", b"H", b"garbage", b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc"],
)
def test_a_second_answer_is_nobodys(surplus) -> None:
    together = asked(SIZED + surplus)
    after = asked(SIZED, surplus)
    for keeper in (together, after):
        assert [(answer.status, answer.body) for answer in keeper.answers] == [(201, JSON)]
        assert not keeper.connection.is_open()
        assert keeper.socket.ended


@pytest.mark.parametrize(
    "answer",
    [
        SIZED.replace(b"HTTP/1.1", b"HTTP/1.0"),
        SIZED.replace(b"Content-Type", b"Connection: close\r\nContent-Type"),
    ],
)
def test_a_provider_that_closes_is_not_asked_again_there(answer) -> None:
    keeper = asked(answer)
    assert [each.status for each in keeper.answers] == [201]
    assert not keeper.connection.is_open()


@pytest.mark.parametrize(
    "answer",
    [
        b"220 mail.provider.test ESMTP\r\n",
        b"HTTP/2 200 OK\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nX: a\x00b\r\n\r\n",
    ],
)
def test_what_is_no_answer_in_http_leaves_it_open(answer) -> None:
    keeper = asked(answer)
    assert keeper.answers == [NoResponse(True, "no answer in HTTP")]
    assert keeper.socket.ended


def test_headers_without_end_are_no_answer() -> None:
    keeper = asked(b"HTTP/1.1 200 OK\r\n", *[b"X-Filler: %b\r\n" % (b"a" * 4096)] * (RESPONSE_LIMIT_BYTES // 4096 + 1))
    assert keeper.answers == [NoResponse(True, "no end of headers")]
    assert keeper.socket.ended


def test_provisional_answers_without_end_are_no_answer() -> None:
    keeper = asked(*[b"HTTP/1.1 100 Continue\r\n\r\n" * 100] * (RESPONSE_LIMIT_BYTES // 2500 + 1))
    assert keeper.answers == [NoResponse(True, "no end of headers")]


@pytest.mark.parametrize(
    "endless",
    [
        (b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 4096),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 999999999\r\n\r\n", b"x" * 4096),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n" * 700),
    ],
)
def test_a_body_without_end_is_cut(endless) -> None:
    head, more = endless
    keeper = asked(head, *[more] * (RESPONSE_LIMIT_BYTES // 4096 + 1))
    [answer] = keeper.answers
    assert answer.status == 200
    assert set(answer.body) == {ord("x")}
    assert len(answer.body) <= RESPONSE_LIMIT_BYTES + len(more)
    assert keeper.socket.ended


def test_trailers_without_end_are_cut() -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n"
    keeper = asked(head, *[b"X-Late: %b\r\n" % (b"a" * 4096)] * (RESPONSE_LIMIT_BYTES // 4096 + 1))
    assert [(answer.status, answer.body, dict(answer.headers)) for answer in keeper.answers] == [
        (200, b"{}", {"transfer-encoding": "chunked"})
    ]


def test_a_connection_that_is_dropped_tells_nobody_of_the_call() -> None:
    keeper = asked(SIZED[:20])
    keeper.connection.drop()
    keeper.lose()
    assert not keeper.answers
    assert keeper.lost_times == 1
