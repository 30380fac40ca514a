"""Connections that are kept, over real sockets and on both event loops: who gets one, who waits, and what an end means."""

import asyncio
import inspect
import os
import socket
import ssl
import subprocess
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager

import pytest

pytest.importorskip("httptools", reason="httptools is not installed: aiohttp's client makes the calls")

from vaiven.channels.contract import ProviderRequest, ProviderResponse
from vaiven.edge import http_pool
from vaiven.edge.http_pool import PooledTransport
from vaiven.runtime.transport import Answer, NoResponse

CREATED = b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n{}"


@pytest.fixture(params=["asyncio", "uvloop"])
def loop_factory(request) -> Callable[[], asyncio.AbstractEventLoop]:
    if request.param == "asyncio":
        return asyncio.new_event_loop
    return pytest.importorskip("uvloop", reason="uvloop is not installed").new_event_loop


def on_both_loops(scenario: Callable[..., Coroutine[None, None, None]]) -> Callable[..., None]:
    def test(loop_factory: Callable[[], asyncio.AbstractEventLoop], **given: object) -> None:
        with asyncio.Runner(loop_factory=loop_factory) as runner:
            runner.run(scenario(**given))

    first = inspect.Parameter("loop_factory", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    test.__signature__ = inspect.Signature([first, *inspect.signature(scenario).parameters.values()])
    test.__name__, test.__doc__ = scenario.__name__, scenario.__doc__
    return test


class Provider:
    """Takes requests of a few bytes, and answers each by ``answer``; knows who connects and what came."""

    def __init__(self, answer: Callable[["Provider", asyncio.StreamWriter, bytes], Awaitable[None]]) -> None:
        self._answer = answer
        self.taken: list[bytes] = []
        self.opened = 0
        self.writers: list[asyncio.StreamWriter] = []
        self.port = 0
        self.held = asyncio.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.opened += 1
        self.writers.append(writer)
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.rpartition(b"Content-Length: ")[2])
                self.taken.append(await reader.readexactly(length))
                await self._answer(self, writer, self.taken[-1])
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self.writers.remove(writer)
            writer.close()


async def creates(_provider: Provider, writer: asyncio.StreamWriter, _body: bytes) -> None:
    writer.write(CREATED)


async def holds(provider: Provider, writer: asyncio.StreamWriter, _body: bytes) -> None:
    await provider.held.wait()
    writer.write(CREATED)


@asynccontextmanager
async def provider_that(
    answer: Callable[[Provider, asyncio.StreamWriter, bytes], Awaitable[None]], tls: ssl.SSLContext | None = None
) -> AsyncIterator[Provider]:
    provider = Provider(answer)
    server = await asyncio.start_server(provider.serve, "127.0.0.1", 0, ssl=tls)
    provider.port = server.sockets[0].getsockname()[1]
    try:
        yield provider
    finally:
        server.close()
        for writer in provider.writers:
            writer.transport.abort()


@asynccontextmanager
async def pool(connections: int) -> AsyncIterator[PooledTransport]:
    transport = PooledTransport(connections)
    try:
        yield transport
    finally:
        await transport.close()


def sent(transport: PooledTransport, url: str, body: bytes = b"x") -> asyncio.Future[Answer]:
    answered: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
    transport.send(ProviderRequest("POST", url, (), body), answered.set_result)
    assert not answered.done()
    return answered


async def all_of(*answers: asyncio.Future[Answer]) -> list[int | NoResponse]:
    async with asyncio.timeout(60):
        return [each.status if isinstance(each, ProviderResponse) else each for each in await asyncio.gather(*answers)]


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not true():
            await asyncio.sleep(0.001)


@on_both_loops
async def test_calls_one_after_the_other_go_over_one_connection() -> None:
    async with provider_that(creates) as provider, pool(8) as transport:
        for n in range(20):
            assert await all_of(sent(transport, provider.url, b"%d" % n)) == [201]
        assert provider.opened == 1
        assert provider.taken == [b"%d" % n for n in range(20)]


@on_both_loops
async def test_there_are_never_more_connections_than_allowed_and_calls_wait_in_order() -> None:
    async with provider_that(holds) as provider, pool(3) as transport:
        answers = [sent(transport, provider.url, b"%d" % n) for n in range(30)]
        await until(lambda: len(provider.taken) == 3)
        await asyncio.sleep(0.02)
        assert sorted(provider.taken) == [b"0", b"1", b"2"]
        provider.held.set()
        assert await all_of(*answers) == [201] * 30
        assert provider.opened == 3
        assert sorted(map(int, provider.taken[3:6])) == [3, 4, 5]


@on_both_loops
async def test_origins_share_the_room_and_none_starves() -> None:
    async with provider_that(holds) as first, provider_that(holds) as second, provider_that(holds) as third, pool(2) as transport:
        providers = (first, second, third)
        answers = [sent(transport, provider.url) for _ in range(20) for provider in providers]
        await until(lambda: sum(len(provider.taken) for provider in providers) == 2)
        await asyncio.sleep(0.02)
        assert sum(len(provider.taken) for provider in providers) == 2
        for provider in providers:
            provider.held.set()
        assert await all_of(*answers) == [201] * 60
        assert all(provider.opened <= 2 for provider in providers)


@on_both_loops
async def test_a_busy_origin_does_not_keep_the_only_room_from_another() -> None:
    async with provider_that(creates) as busy, provider_that(creates) as other, pool(1) as transport:
        answered, over = [], []

        def again(answer: Answer) -> None:
            answered.append(answer)
            if not over:
                transport.send(ProviderRequest("POST", busy.url, (), b"x"), again)

        for _ in range(3):
            transport.send(ProviderRequest("POST", busy.url, (), b"x"), again)
        await until(lambda: bool(answered))
        assert await all_of(sent(transport, other.url)) == [201]
        over.append(True)


@on_both_loops
async def test_who_waits_longest_is_next_whatever_the_origin() -> None:
    order: list[str] = []

    def named(name: str) -> Callable[[Provider, asyncio.StreamWriter, bytes], Awaitable[None]]:
        async def tells(provider: Provider, writer: asyncio.StreamWriter, body: bytes) -> None:
            order.append(name)
            await creates(provider, writer, body)

        return tells

    async with (
        provider_that(holds) as busy,
        provider_that(named("first")) as first,
        provider_that(named("second")) as second,
        pool(1) as transport,
    ):
        answers = []
        for provider in (busy, second, first, second, first):
            answers.append(sent(transport, provider.url))
            await asyncio.sleep(0.005)  # event loops count in milliseconds
        busy.held.set()
        assert await all_of(*answers) == [201] * 5
        assert order == ["second", "first", "second", "first"]


@on_both_loops
async def test_origins_that_compete_keep_their_connections() -> None:
    async with provider_that(creates) as first, provider_that(creates) as second, pool(6) as transport:

        async def caller(url: str) -> None:
            for _ in range(100):
                assert await all_of(sent(transport, url)) == [201]

        await asyncio.gather(*[caller(provider.url) for provider in (first, second) for _ in range(6)])
        assert len(first.taken) == len(second.taken) == 600
        assert first.opened + second.opened <= 12


@on_both_loops
async def test_connections_of_each_call_its_own_when_the_provider_keeps_none() -> None:
    async def once(_provider: Provider, writer: asyncio.StreamWriter, _body: bytes) -> None:
        writer.write(CREATED.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))

    async with provider_that(once) as provider, pool(4) as transport:
        assert await all_of(*[sent(transport, provider.url) for _ in range(40)]) == [201] * 40
        assert provider.opened == 40


@on_both_loops
async def test_no_call_is_written_where_the_end_of_the_connection_already_lies() -> None:
    """Closed by the provider while this process was at something else: the event loop has not looked yet."""
    async with provider_that(creates) as provider, pool(8) as transport:
        loop = asyncio.get_running_loop()
        assert await all_of(*[sent(transport, provider.url) for _ in range(8)]) == [201] * 8
        answers: list[asyncio.Future[Answer]] = []

        def busy_meanwhile() -> None:
            for writer in provider.writers:
                with socket.socket(fileno=os.dup(writer.get_extra_info("socket").fileno())) as raw:
                    raw.shutdown(socket.SHUT_WR)
            answers.extend(sent(transport, provider.url) for _ in range(8))

        loop.call_soon(busy_meanwhile)
        await until(lambda: bool(answers))
        assert await all_of(*answers) == [201] * 8


@on_both_loops
async def test_no_call_gets_what_was_said_before_it_was_asked() -> None:
    async with provider_that(creates) as provider, pool(1) as transport:
        assert await all_of(sent(transport, provider.url)) == [201]
        loop, answers = asyncio.get_running_loop(), []

        def says_and_asks() -> None:
            late = b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            os.write(provider.writers[0].get_extra_info("socket").fileno(), late)
            answers.append(sent(transport, provider.url))

        loop.call_soon(says_and_asks)
        await until(lambda: bool(answers))
        assert await all_of(*answers) == [201]


@on_both_loops
async def test_a_caller_that_fails_keeps_no_other_from_its_answer(caplog, monkeypatch) -> None:
    def fails(_answer: Answer) -> None:
        raise ValueError("boom")

    async def resets(_provider: Provider, writer: asyncio.StreamWriter, body: bytes) -> None:
        if body == b"reset":
            writer.transport.abort()
        elif body != b"hang":
            writer.write(CREATED)

    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        refuses = f"http://127.0.0.1:{nobody.getsockname()[1]}/"
        async with provider_that(resets) as provider, pool(1) as transport:
            for url, body in ((provider.url, b"x"), (provider.url, b"reset"), (refuses, b"x")):
                transport.send(ProviderRequest("POST", url, (), body), fails)
                assert await all_of(sent(transport, provider.url)) == [201]
            transport.send(ProviderRequest("POST", provider.url, (), b"hang"), fails)
            left = sent(transport, provider.url, b"hang")
        monkeypatch.setattr(http_pool, "TIMEOUT_S", 0.1)
        async with provider_that(resets) as provider, pool(1) as transport:
            transport.send(ProviderRequest("POST", provider.url, (), b"hang"), fails)
            assert [answer.reason for answer in await all_of(sent(transport, provider.url, b"hang"))] == ["timeout"]
    assert await all_of(left) == [NoResponse(False, "closed")]
    assert caplog.text.count("the answer to a call was not taken: ValueError") == 5


@on_both_loops
async def test_what_a_provider_says_unasked_is_nobodys_answer() -> None:
    async def talks(_provider: Provider, writer: asyncio.StreamWriter, body: bytes) -> None:
        writer.write(CREATED)
        if body == b"first":
            await writer.drain()
            await asyncio.sleep(0.02)
            writer.write(b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

    async with provider_that(talks) as provider, pool(1) as transport:
        assert await all_of(sent(transport, provider.url, b"first")) == [201]
        await until(lambda: not provider.writers)
        assert await all_of(sent(transport, provider.url, b"second")) == [201]
        assert provider.taken == [b"first", b"second"]


@on_both_loops
async def test_when_the_provider_closes_one_that_is_idle_none_of_the_others_is_used(monkeypatch) -> None:
    """As a server does that goes away: it closes them all, and a request on its way to a closed one has an unknown outcome."""
    monkeypatch.setattr(http_pool, "IDLE_S", 600)
    async with provider_that(holds) as provider, pool(4) as transport:
        answers = [sent(transport, provider.url) for _ in range(4)]
        await until(lambda: len(provider.taken) == 4)
        provider.held.set()
        assert await all_of(*answers) == [201] * 4
        provider.writers[0].close()
        await until(lambda: not provider.writers)
        assert await all_of(*[sent(transport, provider.url) for _ in range(4)]) == [201] * 4
        assert provider.opened > 4


@on_both_loops
async def test_idle_connections_are_closed_after_a_while(monkeypatch) -> None:
    monkeypatch.setattr(http_pool, "IDLE_S", 0.05)
    async with provider_that(creates) as provider, pool(4) as transport:
        assert await all_of(*[sent(transport, provider.url) for _ in range(4)]) == [201] * 4
        await until(lambda: provider.opened > 0 and not provider.writers)
        assert await all_of(sent(transport, provider.url)) == [201]


@on_both_loops
async def test_a_call_that_is_over_its_time_gives_its_connection_up(monkeypatch) -> None:
    monkeypatch.setattr(http_pool, "TIMEOUT_S", 0.2)
    async with provider_that(holds) as provider, pool(1) as transport:
        first, second = sent(transport, provider.url, b"a"), sent(transport, provider.url, b"b")
        assert await all_of(first, second) == [NoResponse(True, "timeout"), NoResponse(False, "timeout")]
        monkeypatch.setattr(http_pool, "TIMEOUT_S", 60)
        provider.held.set()
        assert await all_of(sent(transport, provider.url, b"c")) == [201]
        assert provider.taken == [b"a", b"c"]


@on_both_loops
async def test_a_late_answer_is_not_the_next_calls(monkeypatch) -> None:
    monkeypatch.setattr(http_pool, "TIMEOUT_S", 0.1)

    async def by_name(provider: Provider, writer: asyncio.StreamWriter, body: bytes) -> None:
        if body == b"late":
            await provider.held.wait()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))

    async with provider_that(by_name) as provider, pool(1) as transport:
        assert await all_of(sent(transport, provider.url, b"late")) == [NoResponse(True, "timeout")]
        monkeypatch.setattr(http_pool, "TIMEOUT_S", 20)
        answer = await sent(transport, provider.url, b"in time")
        provider.held.set()
        again = await sent(transport, provider.url, b"as well")
        assert [getattr(each, "body", each) for each in (answer, again)] == [b"in time", b"as well"]


@on_both_loops
async def test_every_call_to_a_host_that_refuses_hears_that_nothing_was_sent() -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{nobody.getsockname()[1]}/"
        async with pool(2) as transport:
            answers = await all_of(*[sent(transport, url) for _ in range(20)])
    assert {(answer.sent, answer.reason) for answer in answers} == {(False, "no connection: ConnectionRefusedError")}


@on_both_loops
async def test_a_host_without_an_address_was_not_called() -> None:
    async with pool(2) as transport:
        [answer] = await all_of(sent(transport, "http://nowhere.invalid/"))
    assert isinstance(answer, NoResponse)
    assert not answer.sent
    assert "gaierror" in answer.reason


@on_both_loops
async def test_whatever_keeps_it_from_connecting_who_waits_hears_of_it(monkeypatch, caplog) -> None:
    async def breaks(*_: object, **__: object) -> socket.socket:
        raise LookupError("of a kind that nobody thought of")

    async with provider_that(creates) as provider, pool(1) as transport:
        with monkeypatch.context() as broken:
            broken.setattr("aiohappyeyeballs.start_connection", breaks)
            answers = await all_of(*[sent(transport, provider.url) for _ in range(3)])
        assert answers == [NoResponse(False, "no connection: LookupError")] * 3
        assert caplog.text.count("cannot connect: LookupError") == 3
        assert await all_of(sent(transport, provider.url)) == [201]


@on_both_loops
async def test_what_makes_no_request_is_answered_for_and_nothing_goes() -> None:
    async with provider_that(creates) as provider, pool(2) as transport:
        request = ProviderRequest("POST", provider.url, (("X", "a\r\nb"),), b"")
        answered: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        transport.send(request, answered.set_result)
        assert not answered.done()
        assert await all_of(answered, sent(transport, "ftp://127.0.0.1/")) == [
            NoResponse(False, "the header 'X' cannot be written"),
            NoResponse(False, "no address to call: http:// or https:// and a host, without a user's name"),
        ]
        assert provider.opened == 0


@on_both_loops
async def test_closing_answers_for_every_call_and_says_which_went() -> None:
    async with provider_that(holds) as provider:
        transport = PooledTransport(2)
        answers = [sent(transport, provider.url) for _ in range(5)]
        await until(lambda: len(provider.taken) == 2)
        await transport.close()
        assert await all_of(*answers) == [NoResponse(True, "closed")] * 2 + [NoResponse(False, "closed")] * 3
        provider.held.set()
        await until(lambda: not provider.writers)
        assert await all_of(sent(transport, provider.url)) == [NoResponse(False, "closed")]
        assert provider.opened == 2


@on_both_loops
async def test_closing_while_it_connects_leaves_nothing_behind() -> None:
    async with provider_that(creates) as provider:
        for rounds in range(6):
            transport = PooledTransport(2)
            answers = [sent(transport, provider.url) for _ in range(3)]
            for _ in range(rounds):
                await asyncio.sleep(0)
            await transport.close()
            assert [answer.done() for answer in answers] == [True] * 3
        await until(lambda: not provider.writers)


@on_both_loops
async def test_large_requests_and_many_headers_arrive_whole() -> None:
    async with provider_that(creates) as provider, pool(2) as transport:
        body = bytes(range(256)) * 40_000
        assert await all_of(sent(transport, provider.url, body), sent(transport, provider.url, b"")) == [201, 201]
        assert sorted(map(len, provider.taken)) == [0, len(body)]
        assert body in provider.taken


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A key and a certificate for localhost that sign themselves."""
    folder = tmp_path_factory.mktemp("tls")
    command = ("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2")
    names = ("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost")
    try:
        subprocess.run([*command, *names, "-keyout", folder / "key", "-out", folder / "cert"], check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("openssl is not installed: calls over TLS were not made")
    return folder


@pytest.fixture
def tls(certificate) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate / "cert", certificate / "key")
    return context


@on_both_loops
async def test_calls_over_tls(certificate, tls, monkeypatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate / "cert"))
    async with provider_that(creates, tls) as provider, pool(4) as transport:
        url = f"https://localhost:{provider.port}/"
        assert await all_of(*[sent(transport, url, b"%d" % n) for n in range(40)]) == [201] * 40
        assert 1 <= provider.opened <= 4
        # The certificate is for another name.
        [wrong] = await all_of(sent(transport, f"https://127.0.0.1:{provider.port}/", b"secret"))
        assert wrong == NoResponse(False, "no connection: SSLCertVerificationError")
        assert b"secret" not in provider.taken


@on_both_loops
async def test_what_tls_says_of_its_own_accord_after_the_handshake_does_not_cost_the_connection(
    certificate, tls, monkeypatch
) -> None:
    """Session tickets, which lie in the socket while this process is at something else."""

    class Held(http_pool.Connection):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            super().connection_made(transport)
            time.sleep(0.1)

    def serves(listener: socket.socket) -> int:
        for count in range(1, 4):
            raw, _ = listener.accept()
            try:
                with tls.wrap_socket(raw, server_side=True) as line:
                    if line.recv(1 << 16):
                        line.sendall(CREATED)
                        return count
            except OSError:
                continue
        return 0

    monkeypatch.setenv("SSL_CERT_FILE", str(certificate / "cert"))
    monkeypatch.setattr(http_pool, "Connection", Held)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(20)
        serving = asyncio.get_running_loop().run_in_executor(None, serves, listener)
        async with pool(1) as transport:
            assert await all_of(sent(transport, f"https://localhost:{listener.getsockname()[1]}/")) == [201]
            assert await serving == 1


@on_both_loops
async def test_a_certificate_that_nobody_vouches_for_is_sent_nothing(tls) -> None:
    async with provider_that(creates, tls) as provider, pool(4) as transport:
        answers = await all_of(*[sent(transport, f"https://localhost:{provider.port}/") for _ in range(3)])
        assert answers == [NoResponse(False, "no connection: SSLCertVerificationError")] * 3
        assert not provider.taken


@on_both_loops
async def test_a_server_that_never_shakes_hands_was_sent_nothing(monkeypatch) -> None:
    monkeypatch.setattr(http_pool, "CONNECT_TIMEOUT_S", 0.2)
    async with provider_that(creates) as provider, pool(1) as transport:
        answers = await all_of(*[sent(transport, f"https://localhost:{provider.port}/") for _ in range(2)])
        assert answers == [NoResponse(False, "no connection: TimeoutError")] * 2
        assert not provider.taken


def test_the_second_address_of_a_host_is_tried_where_the_first_refuses_and_new_ones_are_asked_for(monkeypatch) -> None:
    async def scenario() -> None:
        async with provider_that(creates) as provider, pool(1) as transport:
            url, there = f"http://provider.test:{provider.port}/", ["127.0.0.2"]
            found = lambda *_, **__: [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, provider.port)) for host in there]  # noqa: E731
            monkeypatch.setattr(socket, "getaddrinfo", found)
            assert await all_of(sent(transport, url)) == [NoResponse(False, "no connection: ConnectionRefusedError")]
            there.append("127.0.0.1")
            assert await all_of(sent(transport, url)) == [201]

    asyncio.run(scenario())
