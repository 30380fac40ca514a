"""The short way for webhooks beside aiohttp's own: the same answers, in the same order, for the same requests taken."""

import asyncio
import contextlib
import gc
import logging
import random
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

import pytest
from aiohttp import web

from vaiven.edge import street

Taking = Callable[[bytes], Awaitable[bytes]]


class Place:
    """A served hook: what it took, and where it listens."""

    def __init__(self, port: int, taken: list[bytes], running: street.web.AppRunner) -> None:
        self.port, self.taken, self.running = port, taken, running

    @property
    def connections(self) -> int:
        server = self.running.server
        assert server is not None
        return len(server.connections)

    async def dial(self) -> socket.socket:
        line = socket.socket()
        line.setblocking(False)
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await asyncio.get_running_loop().sock_connect(line, ("127.0.0.1", self.port))
        return line


@contextlib.asynccontextmanager
async def served(short: bool, taking: Taking | None = None, **settings: float) -> AsyncIterator[Place]:
    taken: list[bytes] = []

    async def take(body: bytes) -> bytes:
        if taking is not None:
            answer = await taking(body)
        else:
            answer = body[::-1]
        taken.append(body)
        return answer

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(body=await take(await request.read()), content_type="text/plain")

    async def shortcut(method: str, target: str, headers: Mapping[str, str], body: bytes) -> tuple[bytes, bool]:
        answer = await take(body)
        return b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n%b" % (len(answer), answer), False

    async def alive(_: web.Request) -> web.Response:
        return web.Response(body=b"alive")

    app = web.Application()
    app.router.add_routes([web.post("/hook", handle), web.get("/alive", alive)])
    hooks = {"/hook": shortcut} if short else {}
    kept = {"shutdown_timeout": 5.0, "lingering_time": 0.05, **settings}
    running = street.runner(app, hooks, access_log=None, handle_signals=False, auto_decompress=False, **kept)
    assert isinstance(running, street._Runner) is short
    await running.setup()
    await web.TCPSite(running, "127.0.0.1", 0).start()
    try:
        yield Place(running.addresses[0][1], taken, running)
    finally:
        await running.cleanup()


async def passes(times: int = 4) -> None:
    for _ in range(times):
        await asyncio.sleep(0)


async def read_on(line: socket.socket, until: Callable[[bytes], bool] = lambda _: False) -> bytes:
    """What comes, until it is what was waited for, or the other side closes."""
    heard = b""
    async with asyncio.timeout(20):
        while not until(heard):
            try:
                piece = await asyncio.get_running_loop().sock_recv(line, 1 << 16)
            except ConnectionResetError:
                break  # it closed with something unread, as both ways do after what is no HTTP
            if not piece:
                break
            heard += piece
    return heard


async def say(place: Place, pieces: list[bytes]) -> bytes:
    """Every piece in a segment of its own; then what is answered, to the end."""
    with await place.dial() as line:
        for piece in pieces:
            try:
                await asyncio.get_running_loop().sock_sendall(line, piece)
            except ConnectionError:
                break
            await passes()
        return await read_on(line)


def answers(heard: bytes) -> list[tuple[int, bool, bytes]]:
    """Status, whether it closes, and body of every answer."""
    found = []
    while heard:
        head, _, heard = heard.partition(b"\r\n\r\n")
        lines = head.lower().split(b"\r\n")
        status = int(lines[0].split()[1])
        headers = dict(line.split(b": ", 1) for line in lines[1:])
        length = int(headers.get(b"content-length", b"0"))
        found.append((status, headers.get(b"connection") == b"close", heard[:length]))
        heard = heard[length:]
    return found


def hook(body: bytes, *headers: str, version: str = "1.1", target: str = "/hook") -> bytes:
    lines = [f"POST {target} HTTP/{version}", "Host: x", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def chunked(body: bytes, *headers: str) -> bytes:
    head = "\r\n".join(["POST /hook HTTP/1.1", "Host: x", "Transfer-Encoding: chunked", *headers])
    return head.encode() + b"\r\n\r\n" + b"".join(b"1\r\n%c\r\n" % byte for byte in body) + b"0\r\n\r\n"


ALIVE = b"GET /alive HTTP/1.1\r\nHost: x\r\n\r\n"
LAST = b"GET /alive HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"

GOES_ON = [
    *(hook(b"one%d" % n) for n in range(4)),
    hook(b"with a query", target="/hook?a=1&b=%20"),
    hook(b"a" * 3000),
    hook(b""),
    ALIVE,
    chunked(b"in chunks"),
    hook(b"kept", "Connection: keep-alive", version="1.0"),
    hook(b"spelt", target="/%68ook"),
    hook(b"whole", target="http://x/hook"),
    hook(b"elsewhere", target="/nowhere"),
    hook(b"packed", "Content-Encoding: gzip"),
    b"POST /hook HTTP/1.1\r\nHost: x\r\n\r\n",
    b"\r\n" + hook(b"after an empty line"),
    b"PUT /hook HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nput",
]
UPGRADES = [
    hook(b"an upgrade", "Connection: upgrade", "Upgrade: websocket"),
    b"GET /alive HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
]
GOOD_ENDS = [LAST, hook(b"closes", "Connection: close"), hook(b"old", version="1.0")]
BAD_ENDS = [
    b"rubbish\r\n\r\n",
    hook(b"no host").replace(b"Host: x\r\n", b""),
    hook(b"twice", "Content-Length: 5"),
    hook(b"twice", "Content-Length: 6"),
    hook(b"0\r\n\r\n", "Transfer-Encoding: chunked"),
    hook(b"0\r\n\r\n", "Transfer-Encoding: identity"),
    chunked(b"both", "Content-Length: 4"),
    chunked(b"two codings", "Transfer-Encoding: identity"),
    hook(b"folded", "X-Folded: a\r\n b"),
    hook(b"folded", "X-Folded: a\r\n\tContent-Length: 0"),
    hook(b"signed").replace(b"Length: 6", b"Length: +6"),
    hook(b"spaced").replace(b"Length: 6", b"Length : 6"),
    hook(b"bare").replace(b"\r\n", b"\n"),
    hook(b"null", "X-Null: a\0b"),
    hook(b"long", "X-Long: " + "a" * 9000),
    hook(b"many", *(f"X-{n}: a" for n in range(200))),
    chunked(b"chunk").replace(b"1\r\n", b"z\r\n", 1),
    chunked(b"chunk").replace(b"1\r\n", b"ffffffffffffffffff\r\n", 1),
    hook(b"proxied", target="x:1").replace(b"POST", b"CONNECT"),
    hook(b"newer", version="2.0"),
]


async def both(pieces: list[bytes], short: Place, own: Place) -> list[tuple[int, bool, bytes]]:
    """What these pieces are answered, the same both ways."""
    heard, wanted = answers(await say(short, pieces)), answers(await say(own, pieces))
    assert [(status, closes) for status, closes, _ in heard] == [(status, closes) for status, closes, _ in wanted], pieces
    assert [body for status, _, body in heard if status == 200] == [body for status, _, body in wanted if status == 200], pieces
    assert short.taken == own.taken, pieces
    return heard


@pytest.fixture
async def ways() -> AsyncIterator[tuple[Place, Place]]:
    async with served(short=True) as short, served(short=False) as own:
        yield short, own


@pytest.mark.parametrize("end", [*GOOD_ENDS, *BAD_ENDS])
async def test_what_ends_a_connection_ends_it_both_ways(ways: tuple[Place, Place], end: bytes) -> None:
    for before in ([], [hook(b"first")], [hook(b"first"), ALIVE]):
        heard = await both([*before, end, LAST], *ways)
        assert [status for status, _, _ in heard[: len(before)]] == [200] * len(before)
        await both([b"".join([*before, end, LAST])], *ways)


@pytest.mark.parametrize("seed", range(80))
async def test_any_mix_is_answered_in_order_both_ways(ways: tuple[Place, Place], seed: int) -> None:
    chance = random.Random(seed)
    # Of what came after an upgrade aiohttp forgets what is in one piece with something bad; which, is a matter of moments.
    middle, ends = chance.choice([(GOES_ON, [bad + LAST for bad in BAD_ENDS]), ([*GOES_ON, *UPGRADES], GOOD_ENDS)])
    whole = b"".join([*chance.choices(middle, k=chance.randint(1, 12)), chance.choice(ends)])
    cuts = sorted(chance.sample(range(1, len(whole)), min(len(whole) - 1, chance.choice([0, 1, 3, 10]))))
    await both([whole[start:end] for start, end in zip([0, *cuts], [*cuts, len(whole)], strict=True)], *ways)


async def test_requests_cut_at_any_byte_are_taken_once(ways: tuple[Place, Place]) -> None:
    whole = hook(b"one") + chunked(b"two") + hook(b"three") + LAST
    for cut in range(1, len(whole)):
        before = len(ways[0].taken)
        heard = await say(ways[0], [whole[:cut], whole[cut:]])
        assert ways[0].taken[before:] == [b"one", b"two", b"three"], cut
        assert [body for _, _, body in answers(heard)] == [b"eno", b"owt", b"eerht", b"alive"], cut


async def test_who_waits_to_be_told_to_go_on_behind_a_webhook_is_told(ways: tuple[Place, Place]) -> None:
    head, body = hook(b"waits", "Expect: 100-continue").split(b"\r\n\r\n")
    for place in ways:
        with await place.dial() as line:
            loop = asyncio.get_running_loop()
            await loop.sock_sendall(line, hook(b"one") + head + b"\r\n\r\n")
            heard = await read_on(line, lambda heard: b"100 Continue\r\n\r\n" in heard)
            assert heard.index(b"eno") < heard.index(b"100 Continue")
            await loop.sock_sendall(line, body + LAST)
            assert [status for status, _, _ in answers(await read_on(line))] == [200, 200]
        assert place.taken == [b"one", b"waits"]


@pytest.mark.parametrize("error", [RuntimeError("a bug"), ConnectionError("the store is gone"), KeyError("sms")])
async def test_what_fails_behind_the_door_is_500_and_closes(error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    async def taking(body: bytes) -> bytes:
        if body == b"bad":
            raise error
        return b"good"

    for short in (True, False):
        caplog.clear()
        async with served(short, taking) as place:
            heard = answers(await say(place, [hook(b"one") + hook(b"bad") + hook(b"two")]))
        assert [(status, closes) for status, closes, _ in heard] == [(200, False), (500, True)]
        assert place.taken == [b"one"]
        assert caplog.records[-1].exc_info is not None
        assert "Traceback" not in repr(heard)


async def test_who_hurries_many_refusals_in_one_piece_leaves_the_others_their_turn() -> None:
    """What is refused waits for nothing; the loop turns all the same."""
    turns: list[int] = []
    rounds = 0

    async def taking(body: bytes) -> bytes:
        turns.append(rounds)
        return b""

    async with served(True, taking) as place:
        with await place.dial() as line:
            await asyncio.get_running_loop().sock_sendall(line, hook(b"") * 400 + LAST)
            async with asyncio.timeout(20):
                while len(turns) < 400:
                    rounds += 1
                    await asyncio.sleep(0)
    assert max(turns.count(turn) for turn in set(turns)) <= 2


class Gate:
    """A store that does not answer before it is told to."""

    def __init__(self) -> None:
        self.asked, self.open = asyncio.Event(), asyncio.Event()

    async def __call__(self, body: bytes) -> bytes:
        self.asked.set()
        await self.open.wait()
        return body


@pytest.mark.parametrize("short", [True, False])
async def test_a_client_that_goes_while_the_store_is_slow_is_taken_once_and_nothing_stays(short: bool) -> None:
    gate = Gate()
    async with served(short, gate) as place:
        line = await place.dial()
        await asyncio.get_running_loop().sock_sendall(line, hook(b"one") + hook(b"two"))
        await gate.asked.wait()
        line.close()
        await passes(20)
        gate.open.set()
        async with asyncio.timeout(20):
            while place.connections:
                await asyncio.sleep(0)
        # What was not begun was never answered, and comes again.
        assert place.taken == [b"one"]


@pytest.mark.parametrize("short", [True, False])
async def test_a_client_that_says_no_more_while_the_store_is_slow_is_taken_once(short: bool) -> None:
    gate = Gate()
    async with served(short, gate) as place:
        with await place.dial() as line:
            await asyncio.get_running_loop().sock_sendall(line, hook(b"one"))
            await gate.asked.wait()
            line.shutdown(socket.SHUT_WR)
            assert await read_on(line) == b""
            gate.open.set()
            async with asyncio.timeout(20):
                while place.connections:
                    await asyncio.sleep(0)
        assert place.taken == [b"one"]


@pytest.mark.parametrize("short", [True, False])
async def test_a_stop_lets_what_is_under_way_be_answered_and_begins_nothing(short: bool) -> None:
    gate = Gate()
    async with served(short, gate) as place:
        loop = asyncio.get_running_loop()
        idle, used, busy = [await place.dial() for _ in range(3)]
        gate.open.set()
        await loop.sock_sendall(used, hook(b"used"))
        await read_on(used, lambda heard: heard.endswith(b"used"))
        gate.open.clear()
        gate.asked.clear()
        await loop.sock_sendall(busy, hook(b"one") + hook(b"two"))
        await gate.asked.wait()
        stopping = asyncio.create_task(place.running.cleanup())
        assert await read_on(idle) == await read_on(used) == b""
        gate.open.set()
        assert [body for _, _, body in answers(await read_on(busy))] == [b"one"]
        await stopping
        assert place.taken == [b"used", b"one"]
        for line in (idle, used, busy):
            line.close()


@pytest.mark.parametrize("short", [True, False])
async def test_a_stop_does_not_wait_for_ever_for_a_store_that_hangs(short: bool) -> None:
    gate = Gate()
    before = asyncio.all_tasks()
    async with served(short, gate, shutdown_timeout=0.05) as place:
        with await place.dial() as line:
            await asyncio.get_running_loop().sock_sendall(line, hook(b"one") + hook(b"two"))
            await gate.asked.wait()
            async with asyncio.timeout(20):
                await place.running.cleanup()
            assert await read_on(line) == b""
    await passes()
    assert place.taken == []
    assert asyncio.all_tasks() == before


@pytest.mark.parametrize("short", [True, False])
@pytest.mark.parametrize("half", [b"", b"POST /hook HTTP/1.1\r\nX-Slow: ", hook(b"one")[:-1]])
async def test_half_a_request_behind_a_fast_one_does_not_keep_the_connection(short: bool, half: bytes) -> None:
    async with served(short, keepalive_timeout=0.1) as place:
        with await place.dial() as line:
            await asyncio.get_running_loop().sock_sendall(line, hook(b"one") + half)
            heard = asyncio.create_task(read_on(line))
            if half.endswith(b"on"):
                # Its body has its own time, which whoever reads it keeps.
                await read_until(lambda: place.taken == [b"one"])
                await asyncio.get_running_loop().sock_sendall(line, b"e")
            assert answers(await heard)[0] == (200, False, b"eno")
        await read_until(lambda: not place.connections)


async def read_until(so: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not so():
            await asyncio.sleep(0)


@pytest.mark.parametrize("short", [True, False])
async def test_connections_that_come_and_go_leave_nothing(short: bool, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)  # a kept record keeps what it tells of
    askings = [b"", hook(b"one"), hook(b"one") + ALIVE, hook(b"one")[:-1]]

    async def one(place: Place, ending: int) -> None:
        with await place.dial() as line:
            await asyncio.get_running_loop().sock_sendall(line, askings[ending])
            if ending in (1, 2):
                await read_on(line, lambda heard: heard.endswith((b"eno", b"alive")))

    before = asyncio.all_tasks()
    async with served(short) as place:
        for again in range(2):
            for number in range(300):
                await one(place, number % 4)
            await read_until(lambda: not place.connections and asyncio.all_tasks() == before)
            gc.collect()
            count = len(gc.get_objects())
            if again == 0:
                first = count
        assert count - first < 300


async def test_a_server_that_is_made_otherwise_goes_its_own_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(street, "_SERVER", (*street._SERVER, "no_longer_there"))
    async with served(True) as place:
        assert not isinstance(place.running.server, street._Server)
        assert [body for _, _, body in answers(await say(place, [hook(b"one") + LAST]))] == [b"eno", b"alive"]
