"""The proxy: real sockets on both sides; every fault does what it says, and counts that it did."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vaiven.testing.proxy import Fault, Proxy, Way

PATIENCE_S = 60.0


class Server:
    """Says back what it hears, and remembers it."""

    def __init__(self) -> None:
        self.heard = bytearray()
        self.ended: list[str] = []
        self.writers: list[asyncio.StreamWriter] = []
        self._news = asyncio.Condition()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.append(writer)
        how = "fin"
        try:
            while data := await reader.read(1 << 16):
                async with self._news:
                    self.heard += data
                    self._news.notify_all()
                writer.write(data)
        except ConnectionError:
            how = "rst"
        with suppress(OSError):
            writer.close()
        async with self._news:
            self.ended.append(how)
            self._news.notify_all()

    async def until(self, holds) -> None:
        async with asyncio.timeout(PATIENCE_S), self._news:
            await self._news.wait_for(lambda: holds(self))


class Client:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    def say(self, data: bytes) -> None:
        self.writer.write(data)

    async def hears(self, count: int) -> bytes:
        async with asyncio.timeout(PATIENCE_S):
            return await self.reader.readexactly(count)

    async def rest(self) -> bytes:
        async with asyncio.timeout(PATIENCE_S):
            return await self.reader.read()

    async def ask(self, data: bytes) -> bytes:
        self.say(data)
        return await self.hears(len(data))


class Line:
    """A server, a proxy before it, and clients."""

    def __init__(self, server: Server, proxy: Proxy) -> None:
        self.server, self.proxy = server, proxy
        self.clients: list[Client] = []

    async def client(self) -> Client:
        self.clients.append(Client(*await asyncio.open_connection("127.0.0.1", self.proxy.port)))
        return self.clients[-1]

    async def acted(self, fault: Fault, times: int = 1) -> None:
        async with asyncio.timeout(PATIENCE_S):
            await self.proxy.acted(fault, times)


@asynccontextmanager
async def drawn() -> AsyncIterator[Line]:
    server = Server()
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    async with Proxy("127.0.0.1", listening.sockets[0].getsockname()[1]) as proxy:
        line = Line(server, proxy)
        yield line
        for client in line.clients:
            client.writer.close()
    listening.close()
    for writer in server.writers:
        writer.close()


@pytest.fixture
async def line() -> AsyncIterator[Line]:
    async with drawn() as made:
        yield made


@pytest.fixture
async def client(line: Line) -> Client:
    """A client whose connection stands all the way."""
    made = await line.client()
    assert await made.ask(b"hello") == b"hello"
    return made


# -- without a fault ------------------------------------------------------------------------------------------------------


async def test_bytes_go_both_ways_and_are_counted(line: Line, client: Client) -> None:
    assert await client.ask(b"x" * 300_000) == b"x" * 300_000
    assert (line.proxy.up.bytes, line.proxy.down.bytes) == (300_005, 300_005)
    assert line.proxy.connections == 1
    assert line.proxy.fired.total() == 0
    assert line.proxy.unfired() == {}


async def test_the_end_of_one_side_is_told_to_the_other(line: Line, client: Client) -> None:
    client.say(b"last words")
    client.writer.write_eof()
    assert await client.rest() == b"last words"
    await line.server.until(lambda server: server.ended == ["fin"])


async def test_a_reset_of_one_side_is_told_to_the_other(line: Line, client: Client) -> None:
    line_socket = client.writer.get_extra_info("socket")
    line_socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.writer.transport.abort()
    await line.server.until(lambda server: server.ended == ["rst"])
    assert line.proxy.fired.total() == 0


async def test_without_a_server_the_client_is_reset(line: Line) -> None:
    line.proxy.upstream = ("127.0.0.1", 1)
    with pytest.raises(ConnectionError):
        await (await line.client()).hears(1)


async def test_the_server_may_come_back_elsewhere(line: Line, client: Client) -> None:
    other = Server()
    listening = await asyncio.start_server(other.serve, "127.0.0.1", 0)
    line.proxy.upstream = ("127.0.0.1", listening.sockets[0].getsockname()[1])
    assert await (await line.client()).ask(b"new") == b"new"
    assert await client.ask(b"old") == b"old"
    assert (bytes(other.heard), bytes(line.server.heard)) == (b"new", b"helloold")
    listening.close()


# -- closing --------------------------------------------------------------------------------------------------------------


async def test_cut_closes_both_sides(line: Line, client: Client) -> None:
    assert line.proxy.cut() == 1
    assert await client.rest() == b""
    await line.server.until(lambda server: server.ended == ["fin"])
    assert line.proxy.fired == {Fault.CUT: 1}
    assert line.proxy.connections == 0
    assert await (await line.client()).ask(b"again") == b"again"


async def test_reset_is_a_reset_for_both_sides(line: Line, client: Client) -> None:
    assert line.proxy.reset() == 1
    with pytest.raises(ConnectionResetError):
        await client.hears(1)
    await line.server.until(lambda server: server.ended == ["rst"])
    assert line.proxy.fired == {Fault.RESET: 1}


@pytest.mark.parametrize("way", list(Way))
async def test_a_half_open_connection(line: Line, client: Client, way: Way) -> None:
    """The side that is not closed hears nothing of it, and what it says is lost."""
    line.proxy.cut(toward=way)
    if way is Way.DOWN:
        assert await client.rest() == b""
        (there,) = line.server.writers
        there.write(b"lost")
        await there.drain()
        assert line.server.ended == []
    else:
        await line.server.until(lambda server: server.ended == ["fin"])
        client.say(b"lost")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await client.reader.read(1)
    assert line.proxy.fired == {Fault.CUT: 1}


async def test_refusing_leaves_open_connections_alone(line: Line, client: Client) -> None:
    line.proxy.refuse()
    assert line.proxy.unfired() == {"line": {Fault.REFUSE}}
    with pytest.raises(ConnectionError):
        await (await line.client()).hears(1)
    assert await client.ask(b"still") == b"still"
    assert line.proxy.fired == {Fault.REFUSE: 1}
    line.proxy.heal()
    assert await (await line.client()).ask(b"again") == b"again"


@pytest.mark.parametrize("reset", [False, True])
async def test_a_reply_that_breaks_off(line: Line, client: Client, reset: bool) -> None:
    line.proxy.down.break_after(4, reset=reset)
    client.say(b"request")
    assert await client.hears(4) == b"requ"
    if reset:
        with pytest.raises(ConnectionResetError):
            await client.hears(1)
    else:
        assert await client.rest() == b""
    assert bytes(line.server.heard) == b"hellorequest"
    assert line.proxy.down.fired == {Fault.BREAK: 1}
    assert await (await line.client()).ask(b"once only") == b"once only"


async def test_breaks_are_counted_over_replies_and_connections(line: Line) -> None:
    line.proxy.down.break_after(5, times=2)
    for _ in range(2):
        one, other = await line.client(), await line.client()
        assert await one.ask(b"123") == b"123"
        other.say(b"456")
        assert await other.rest() == b"45"
        one.writer.close()
    assert line.proxy.fired == {Fault.BREAK: 2}


async def test_a_request_that_never_comes_whole(line: Line, client: Client) -> None:
    line.proxy.up.break_after(3)
    client.say(b"request")
    await line.server.until(lambda server: server.ended)
    assert bytes(line.server.heard) == b"helloreq"


# -- partitions -----------------------------------------------------------------------------------------------------------


async def test_held_replies_come_when_it_heals(line: Line, client: Client) -> None:
    line.proxy.down.hold()
    client.say(b"done?")
    await line.server.until(lambda server: server.heard.endswith(b"done?"))
    await line.acted(Fault.HOLD)
    assert client.reader._buffer == b""  # nothing came
    assert (line.proxy.under_way(Way.UP), line.proxy.under_way(Way.DOWN)) == (b"", b"done?")
    assert line.proxy.heal() == 0
    assert await client.hears(5) == b"done?"
    assert line.proxy.under_way(Way.DOWN) == b""


async def test_held_replies_may_be_lost_and_then_the_connection_is(line: Line, client: Client) -> None:
    other = await line.client()
    await other.ask(b"quiet")
    line.proxy.down.hold()
    client.say(b"done?")
    await line.acted(Fault.HOLD)
    assert line.proxy.heal(release=False) == 1
    with pytest.raises(ConnectionResetError):
        await client.hears(1)
    assert await other.ask(b"not hurt") == b"not hurt"


async def test_one_way_held_leaves_the_other_open(line: Line, client: Client) -> None:
    line.proxy.up.hold()
    client.say(b"unheard")
    await line.acted(Fault.HOLD)
    (there,) = line.server.writers
    there.write(b"push")
    assert await client.hears(4) == b"push"
    assert bytes(line.server.heard) == b"hello"
    line.proxy.heal()
    assert await client.hears(7) == b"unheard"


async def test_what_is_swallowed_is_gone_and_so_is_its_connection_in_the_end(line: Line, client: Client) -> None:
    line.proxy.up.swallow()
    client.say(b"lost")
    await line.acted(Fault.SWALLOW)
    assert line.proxy.connections == 1
    assert line.proxy.heal() == 1
    with pytest.raises(ConnectionResetError):
        await client.hears(1)
    await line.server.until(lambda server: server.ended == ["rst"])
    assert bytes(line.server.heard) == b"hello"


async def test_new_connections_get_nowhere_in_a_partition(line: Line) -> None:
    line.proxy.partition()
    client = await line.client()
    client.say(b"anybody?")
    await line.acted(Fault.HOLD)
    assert line.server.writers == []
    line.proxy.heal()
    assert await client.hears(8) == b"anybody?"


async def test_new_connections_are_lost_with_the_rest(line: Line) -> None:
    line.proxy.partition()
    client = await line.client()
    client.say(b"anybody?")
    await line.acted(Fault.HOLD)
    assert line.proxy.heal(release=False) == 1
    with pytest.raises(ConnectionResetError):
        await client.hears(1)
    assert line.server.writers == []


async def test_an_end_does_not_pass_a_partition(line: Line, client: Client) -> None:
    line.proxy.partition()
    client.writer.close()
    await line.acted(Fault.HOLD)
    assert line.server.ended == []
    line.proxy.heal()
    await line.server.until(lambda server: server.ended == ["fin"])


async def test_a_sender_is_stopped_before_it_fills_the_memory(line: Line, client: Client) -> None:
    line.proxy.up.hold()
    client.say(b"x" * (64 << 20))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await client.writer.drain()
    (link,) = line.proxy._links
    assert sum(pump._kept for pump in link._pumps) < 2 << 20


# -- slowness -------------------------------------------------------------------------------------------------------------


async def test_a_delay_takes_its_time_and_keeps_the_order(line: Line, client: Client) -> None:
    loop = asyncio.get_running_loop()
    line.proxy.down.delay(0.03, jitter_s=0.03)
    since_s = loop.time()
    for number in range(20):
        client.say(b"%03d" % number)
        await asyncio.sleep(0)
    assert await client.hears(60) == b"".join(b"%03d" % number for number in range(20))
    assert loop.time() - since_s >= 0.03
    assert line.proxy.down.fired[Fault.DELAY] >= 1
    assert line.proxy.up.fired == {}


async def test_a_delay_is_no_bandwidth_limit(line: Line, client: Client) -> None:
    """What comes together is late once, not one piece after the other."""
    loop = asyncio.get_running_loop()
    line.proxy.up.delay(0.1)
    since_s = loop.time()
    for _ in range(30):
        client.say(b"x" * 1000)
        await asyncio.sleep(0.001)
    await client.hears(30_000)
    assert loop.time() - since_s < 2.5


async def test_healing_ends_a_delay_at_once(line: Line, client: Client) -> None:
    line.proxy.up.delay(3600)
    client.say(b"late")
    await line.acted(Fault.DELAY)
    line.proxy.heal()
    assert await client.hears(4) == b"late"


async def test_a_bandwidth_limit_is_shared_by_all_connections(line: Line, client: Client) -> None:
    loop, other = asyncio.get_running_loop(), await line.client()
    await other.ask(b"hello")
    line.proxy.up.limit(100_000)
    since_s = loop.time()
    client.say(b"a" * 10_000)
    other.say(b"b" * 10_000)
    assert (await client.hears(10_000), await other.hears(10_000)) == (b"a" * 10_000, b"b" * 10_000)
    assert loop.time() - since_s >= 0.18
    assert line.proxy.up.fired[Fault.LIMIT] >= 10


async def test_healing_ends_a_limit_at_once(line: Line, client: Client) -> None:
    line.proxy.up.limit(1)
    client.say(b"x" * 1000)
    await line.acted(Fault.LIMIT)
    line.proxy.heal()
    assert await client.hears(1000) == b"x" * 1000


# -- what proves something ------------------------------------------------------------------------------------------------


async def test_faults_that_never_acted_are_named(line: Line) -> None:
    proxy = line.proxy
    proxy.up.hold()
    proxy.up.swallow()
    proxy.down.delay(1)
    proxy.down.limit(10)
    proxy.down.break_after(10)
    proxy.refuse()
    assert (proxy.cut(), proxy.reset()) == (0, 0)
    proxy.heal()
    assert proxy.unfired() == {
        "line": {Fault.CUT, Fault.RESET, Fault.REFUSE},
        "up": {Fault.HOLD, Fault.SWALLOW},
        "down": {Fault.DELAY, Fault.LIMIT, Fault.BREAK},
    }
    assert proxy.fired == {}


async def test_stopping_ends_what_hangs() -> None:
    async with drawn() as line:
        line.proxy.partition()
        client = await line.client()
        client.say(b"never")
        await line.acted(Fault.HOLD)
    assert line.proxy.connections == 0
    with pytest.raises(ConnectionError):
        await asyncio.open_connection("127.0.0.1", line.proxy.port)


FAULTS = st.sampled_from(["hold", "delay", "limit", "heal", "none"])


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(FAULTS, st.sampled_from(list(Way)), st.binary(max_size=3000)), max_size=12))
def test_nothing_that_heals_loses_or_changes_a_byte(steps: list[tuple[str, Way, bytes]]) -> None:
    async def run() -> None:
        async with drawn() as line:
            client = await line.client()
            for fault, way, data in steps:
                lane = line.proxy.up if way is Way.UP else line.proxy.down
                if fault == "hold":
                    lane.hold()
                elif fault == "delay":
                    lane.delay(0.001, 0.002)
                elif fault == "limit":
                    lane.limit(1_000_000)
                elif fault == "heal":
                    assert line.proxy.heal() == 0
                client.say(data)
                await asyncio.sleep(0)
            line.proxy.heal()
            said = b"".join(data for _, _, data in steps)
            assert await client.hears(len(said)) == said
            assert bytes(line.server.heard) == said

    asyncio.run(run())
