"""Calls to providers, over real sockets: both transports keep the same promises."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from importlib.util import find_spec

import pytest

from vaiven.channels.contract import ProviderRequest, ProviderResponse
from vaiven.edge.http import AiohttpTransport, InProcess, make_transport
from vaiven.runtime.transport import Answer, NoResponse, Transport
from vaiven.testing.provider import FakeProvider, fail, garbage, hang, reset, slow, throttle

ACCOUNT = "AC00000000000000000000000000000001"


def pooled(connections: int) -> Transport:
    pytest.importorskip("httptools", reason="httptools is not installed: only aiohttp's client was tested")
    from vaiven.edge.http_pool import PooledTransport

    return PooledTransport(connections)


@pytest.fixture(params=[pooled, AiohttpTransport], ids=["pooled", "aiohttp"])
def make(request) -> Callable[[int], Transport]:
    return request.param


@pytest.fixture
async def provider() -> AsyncIterator[FakeProvider]:
    async with FakeProvider() as fake:
        yield fake


@pytest.fixture
def hurried(monkeypatch) -> Callable[[str, float], None]:
    """Give one of the timeouts, by name, another length."""

    def set_to(name: str, seconds: float) -> None:
        monkeypatch.setattr(f"vaiven.edge.http.{name}", seconds)
        if find_spec("httptools") is not None:
            monkeypatch.setattr(f"vaiven.edge.http_pool.{name}", seconds)

    return set_to


@pytest.fixture
def blackhole() -> Iterator[str]:
    """The address of a listener whose queue is full, so that it answers no SYN."""
    with ExitStack() as sockets:
        listener = sockets.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(3):
            filler = sockets.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


def message(provider: FakeProvider, text: str = "hello") -> ProviderRequest:
    headers = (
        ("Authorization", "Basic QUMwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMTpmYWtlLXR3aWxpby10b2tlbg=="),
        ("Content-Type", "application/x-www-form-urlencoded"),
    )
    url = f"{provider.url}/2010-04-01/Accounts/{ACCOUNT}/Messages.json"
    return ProviderRequest("POST", url, headers, f"To=%2B12025550123&From=%2B12025550100&Body={text}".encode())


async def call(transport: Transport, request: ProviderRequest) -> Answer:
    answered: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
    transport.send(request, answered.set_result)
    assert not answered.done()
    async with asyncio.timeout(60):
        return await answered


async def test_a_call_comes_back_with_status_headers_and_body(make, provider) -> None:
    transport = make(2)
    answer = await call(transport, message(provider))
    await transport.close()
    assert isinstance(answer, ProviderResponse)
    assert answer.status == 201
    assert answer.headers["content-type"].startswith("application/json")
    assert b'"sid"' in answer.body
    assert [send.text for send in provider.sends] == ["hello"]


async def test_many_calls_share_few_connections_and_none_is_lost(make, provider) -> None:
    transport = make(4)
    answers = await asyncio.gather(*(call(transport, message(provider, f"n{n}")) for n in range(100)))
    again = await asyncio.gather(*(call(transport, message(provider, f"m{n}")) for n in range(100)))
    await transport.close()
    assert {answer.status for answer in (*answers, *again)} == {201}
    assert len({send.text for send in provider.sends}) == 200


async def test_a_refused_connection_was_certainly_not_sent(make) -> None:
    async with FakeProvider() as gone:
        request = message(gone)
    transport = make(2)
    answer = await call(transport, request)
    await transport.close()
    assert isinstance(answer, NoResponse)
    assert not answer.sent


async def test_a_reset_after_the_request_leaves_it_open_whether_it_was_sent(make, provider) -> None:
    provider.script(reset())
    transport = make(2)
    answer = await call(transport, message(provider))
    await transport.close()
    assert isinstance(answer, NoResponse)
    assert answer.sent


async def test_a_kept_connection_that_is_reset_after_the_request_never_sends_it_twice(make, provider) -> None:
    transport = make(2)
    first = await call(transport, message(provider, "first"))
    provider.script(reset())
    second = await call(transport, message(provider, "second"))
    third = await call(transport, message(provider, "third"))
    await transport.close()
    assert [getattr(answer, "status", None) for answer in (first, second, third)] == [201, None, 201]
    assert isinstance(second, NoResponse)
    assert second.sent
    assert [send.text for send in provider.sends] == ["first", "second", "third"]


async def test_a_kept_connection_that_is_closed_after_the_request_never_sends_it_twice(make) -> None:
    """A clean end of the connection, as a balancer makes, where the one before was a reset."""
    taken: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(2):
            await reader.readuntil(b"\r\n\r\n")
            taken.append(await reader.readexactly(4))
            if taken[-1] == b"two!":
                break
            writer.write(b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n{}")
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        transport = make(2)
        first = await call(transport, ProviderRequest("POST", url, (), b"one!"))
        second = await call(transport, ProviderRequest("POST", url, (), b"two!"))
        await transport.close()
    assert isinstance(first, ProviderResponse)
    assert isinstance(second, NoResponse)
    assert second.sent
    assert taken == [b"one!", b"two!"]


async def test_a_connection_that_nobody_takes_was_certainly_not_sent(make, hurried, blackhole) -> None:
    hurried("CONNECT_TIMEOUT_S", 0.2)
    transport = make(2)
    answer = await call(transport, ProviderRequest("POST", f"{blackhole}/", (), b"x"))
    await transport.close()
    assert isinstance(answer, NoResponse)
    assert not answer.sent


async def test_an_answer_that_never_comes_leaves_it_open_whether_it_was_sent(make, hurried, provider) -> None:
    hurried("TIMEOUT_S", 0.3)
    provider.script(hang())
    transport = make(2)
    answer = await call(transport, message(provider))
    await transport.close()
    assert isinstance(answer, NoResponse)
    assert answer.sent
    assert provider.total == 1


async def test_a_call_that_waits_for_a_connection_in_vain_was_certainly_not_sent(make, hurried, provider) -> None:
    hurried("TIMEOUT_S", 0.3)
    provider.script(hang(), hang())
    transport = make(1)
    under_way = asyncio.ensure_future(call(transport, message(provider, "under way")))
    await provider.wait_for(1)
    waits = await call(transport, message(provider, "waits"))
    seen = [send.text for send in provider.sends]
    assert isinstance(await under_way, NoResponse)
    await transport.close()
    assert isinstance(waits, NoResponse)
    # The first may have made room just in time: what then counts is that the answer says what happened.
    assert waits.sent == ("waits" in seen)


async def test_connections_that_the_provider_closes_are_opened_anew(make, provider) -> None:
    transport = make(8)
    await asyncio.gather(*(call(transport, message(provider)) for _ in range(8)))
    port = int(provider.url.rsplit(":", 1)[1])
    await provider.close()
    await asyncio.sleep(0.05)
    async with FakeProvider(port=port) as second:
        answers = [await call(transport, message(second)) for _ in range(8)]
        await transport.close()
    assert {getattr(answer, "status", answer) for answer in answers} == {201}


async def test_refusals_come_with_what_the_provider_says(make, provider) -> None:
    provider.script(throttle(7), fail(), garbage(), slow(0.01))
    transport = make(1)
    answers = [await call(transport, message(provider)) for _ in range(4)]
    await transport.close()
    assert [answer.status for answer in answers] == [429, 500, 200, 201]
    assert answers[0].headers["retry-after"] == "7"


async def test_closing_ends_calls_under_way(make, provider) -> None:
    provider.script(slow(30))
    transport = make(1)
    ended: list[Answer] = []
    transport.send(message(provider), ended.append)
    async with asyncio.timeout(60):
        while not provider.sends:
            await asyncio.sleep(0.001)
    await transport.close()
    assert [type(answer) for answer in ended] == [NoResponse]
    assert ended[0].sent


async def test_the_simulators_calls_never_leave_the_process() -> None:
    class Outer:
        def send(self, request, done) -> None:
            raise AssertionError("a socket was asked for")

        async def close(self) -> None: ...

    transport = InProcess("simulator", lambda request: ProviderResponse(200, {}, request.body), Outer())
    answer = await call(transport, ProviderRequest("POST", "simulator://phone", (), b"x"))
    assert answer.body == b"x"


async def test_an_answer_in_several_segments_is_read_whole(make) -> None:
    body = b'{"sid":"SM00000000000000000000000000000a01","status":"queued"}'

    async def piecemeal(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body))
        for piece in (body[:10], body[10:30], body[30:]):
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0.02)
        writer.close()
        await writer.wait_closed()
        served.set()

    served = asyncio.Event()
    server = await asyncio.start_server(piecemeal, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    transport = make(1)
    answer = await call(transport, ProviderRequest("POST", url, (), b"Body=x"))
    await transport.close()
    await served.wait()
    server.close()
    await server.wait_closed()
    assert isinstance(answer, ProviderResponse)
    assert answer.body == body


async def test_a_request_that_cannot_be_written_is_still_answered_for(provider) -> None:
    request = message(provider)
    broken = ProviderRequest("POST", request.url, (("X-Broken", "a\r\nb"),), b"")
    transport = AiohttpTransport(1)
    answer = await call(transport, broken)
    await transport.close()
    assert isinstance(answer, NoResponse)
    assert not provider.sends


async def test_calls_go_by_the_proxy_that_the_environment_names_but_not_to_hosts_it_excepts(monkeypatch, provider) -> None:
    for name in ("all_proxy", "ALL_PROXY", "HTTP_PROXY", "HTTPS_PROXY", "https_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    asked: list[bytes] = []

    async def forwards(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        asked.append(head.partition(b"\r\n")[0])
        writer.write(b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")
        writer.close()

    async with await asyncio.start_server(forwards, "127.0.0.1", 0) as proxy:
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.sockets[0].getsockname()[1]}")
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        transport = make_transport(2)
        far = await call(transport, ProviderRequest("POST", "http://provider.test/v1/messages", (), b""))
        near = await call(transport, message(provider))
        await transport.close()
    assert isinstance(far, ProviderResponse)
    assert asked == [b"POST http://provider.test/v1/messages HTTP/1.1"]
    assert isinstance(near, ProviderResponse)
    assert [send.text for send in provider.sends] == ["hello"]


async def test_without_httptools_aiohttps_client_makes_the_calls(monkeypatch, provider) -> None:
    monkeypatch.setattr("vaiven.edge.http.find_spec", {"httptools": None}.__getitem__)
    transport = make_transport(2)
    answer = await call(transport, message(provider))
    await transport.close()
    assert isinstance(transport, AiohttpTransport)
    assert isinstance(answer, ProviderResponse)
