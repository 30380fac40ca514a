"""One server: what goes out, what comes back, and what its troubles look like from here."""

import asyncio
import time

import pytest
import uvloop

from vaiven.model.errors import StoreUnavailable
from vaiven.stores.redis.wire import CommandRefused, Patience, Script, Wire
from vaiven.testing import servers
from vaiven.testing.proxy import Fault, Proxy
from vaiven.testing.servers import Server, wait_until

COUNT = Script("count", "return redis.call('INCR', KEYS[1])")
LOOK = Script("look", "return redis.call('GET', KEYS[1])")
BROKEN = Script("broken", "redis.call('SET', KEYS[1], 1) return nothing.here")
UNREADABLE = Script("unreadable", "this is no Lua")

HASTY = Patience(reply_s=0.5, connect_s=0.5, down_s=0.3, idle_s=0.3)


async def until_it_answers(wire, key=b"n", within_s=60.0):
    async with asyncio.timeout(within_s):
        while True:
            try:
                return await wire.ask(key, "PING", write=False)
            except StoreUnavailable:
                await asyncio.sleep(0.02)


async def acknowledged(calls):
    """How many of these calls were answered; the others are unavailable."""
    answers = await asyncio.gather(*calls, return_exceptions=True)
    assert {type(answer) for answer in answers} <= {int, StoreUnavailable}
    return sum(isinstance(answer, int) for answer in answers)


# -- what goes out and comes back --------------------------------------------------------------------------------------


async def test_a_ticks_commands_go_out_in_one_write(redis_server, opened):
    async with opened(redis_server) as wire:
        await wire.run(COUNT, [b"n"], [])
        reads = int(redis_server.info("stats")["total_reads_processed"])
        asking = int(redis_server.info("stats")["total_reads_processed"]) - reads
        await asyncio.gather(*(wire.run(COUNT, [b"n"], []) for _ in range(200)))
        assert int(redis_server.info("stats")["total_reads_processed"]) - reads - asking == 1 + asking


async def test_replies_come_in_order_and_a_refusal_spoils_only_its_own(redis_server, opened):
    async with opened(redis_server) as wire:
        calls = [wire.ask(b"n", "INCR", "n") if i % 10 else wire.ask(b"n", "INCR") for i in range(100)]
        answers = await asyncio.gather(*calls, return_exceptions=True)
    assert [a for a in answers if isinstance(a, int)] == list(range(1, 91))
    assert all(isinstance(answers[i], CommandRefused) for i in range(0, 100, 10))


async def test_what_a_tick_sends_while_replies_are_out_does_not_wait_for_them(redis_server, opened):
    async with Proxy("127.0.0.1", redis_server.port) as proxy, opened(f"redis://127.0.0.1:{proxy.port}") as wire:
        proxy.down.hold()
        first = wire.ask(b"n", "INCR", "n")
        await proxy.acted(Fault.HOLD)
        second = wire.ask(b"n", "INCR", "n")
        await asyncio.to_thread(wait_until, lambda: redis_server.say("GET", "n") == "2", "both arrived")
        assert not first.done()
        proxy.heal()
        assert await asyncio.gather(first, second) == [1, 2]


async def test_bytes_stay_bytes(redis_server, opened):
    async with opened(redis_server) as wire:
        value = bytes(range(256)) * 1000
        await wire.ask(b"k", "SET", "k", value)
        assert await wire.read(LOOK, [b"k"], []) == value
        assert await wire.ask(b"none", "GET", "none") is None


async def test_a_caller_that_went_away_takes_no_other_reply_with_it(redis_server, opened):
    async with opened(redis_server) as wire:
        calls = [wire.ask(b"n", "INCR", "n") for _ in range(10)]
        await asyncio.sleep(0)
        calls[3].cancel()
        assert await asyncio.gather(*calls[:3], *calls[4:]) == [1, 2, 3, 5, 6, 7, 8, 9, 10]


async def test_a_server_that_forgot_its_scripts_gets_them_once_for_all(redis_server, opened):
    async with opened(redis_server) as wire:
        await wire.run(COUNT, [b"n"], [])
        redis_server.say("SCRIPT", "FLUSH")
        loads = redis_server.calls("script|load")
        answers = await asyncio.gather(*(wire.run(COUNT, [b"n"], []) for _ in range(50)))
        assert sorted(answers) == list(range(2, 52))
        assert redis_server.calls("script|load") == loads + 1


async def test_a_bug_in_a_script_is_loud_and_not_unavailable(redis_server, opened):
    async with opened(redis_server) as wire:
        with pytest.raises(CommandRefused, match="user_script"):
            await wire.run(BROKEN, [b"k"], [])
        with pytest.raises(CommandRefused, match="compiling"):
            await wire.run(UNREADABLE, [b"k"], [])


async def test_a_read_cannot_write(redis_server, opened):
    async with opened(redis_server) as wire:
        with pytest.raises(CommandRefused, match="read-only"):
            await wire.read(COUNT, [b"n"], [])
    assert redis_server.say("GET", "n") is None


async def test_servers_say_who_they_are(redis_server, opened):
    async with opened(redis_server) as wire:
        [facts] = wire.facts().values()
        assert facts.version >= (7, 0)
        assert not facts.cluster
        assert await wire.each_primary("PING") == [b"PONG"]
        [told] = (await wire.info("server", "memory")).values()
        assert told["tcp_port"] == str(redis_server.port)
        assert "maxmemory_policy" in told


def test_it_runs_on_uvloop_too(redis_server, opened):
    async def count():
        async with opened(redis_server) as wire:
            heard = asyncio.get_running_loop().create_future()
            wire.subscribe(b"news", heard.set_result)
            await asyncio.to_thread(wait_until, lambda: redis_server.say("PUBSUB", "NUMSUB", "news")[1] == 1, "it listens")
            await wire.ask(b"news", "PUBLISH", "news", "hi")
            return await asyncio.gather(heard, *(wire.run(COUNT, [b"n"], []) for _ in range(100)))

    assert uvloop.run(count()) == [b"hi", *range(1, 101)]


# -- a server in trouble -----------------------------------------------------------------------------------------------


async def test_a_full_server_is_unavailable_for_writes_and_reads_go_on(opened):
    with servers.server(maxmemory=3_000_000) as full:
        async with opened(full) as wire:
            await wire.ask(b"k", "SET", "k", "v")
            grow = (wire.ask(b"big", "APPEND", "big", b"x" * 100_000) for _ in range(100))
            with pytest.raises(StoreUnavailable, match="OOM"):
                await asyncio.gather(*grow)
            with pytest.raises(StoreUnavailable, match="OOM"):
                await wire.run(COUNT, [b"n"], [])
            assert await wire.read(LOOK, [b"k"], []) == b"v"
            full.say("CONFIG", "SET", "maxmemory", "0")
            assert await wire.run(COUNT, [b"n"], []) == 1


async def test_a_primary_that_became_a_replica_is_unavailable_until_it_is_one_again(opened):
    with servers.primary_and_replica(appendfsync=None) as (primary, other):
        async with opened(primary, patience=HASTY) as wire:
            assert await wire.run(COUNT, [b"n"], []) == 1
            other.promote()
            primary.replicate(other.port)
            with pytest.raises(StoreUnavailable, match="READONLY"):
                await wire.run(COUNT, [b"n"], [])
            primary.promote()
            await until_it_answers(wire)
            assert await wire.run(COUNT, [b"n"], []) == 2


async def test_a_server_that_loads_is_unavailable_until_it_has_loaded(opened):
    with servers.server(extra=("--loading-process-events-interval-bytes", "1024")) as slow:
        for i in range(300):
            slow.say("SET", f"k{i}", b"x" * 100)
        slow.say("SET", "n", 41)
        slow.say("SAVE")
        async with opened(slow, patience=HASTY) as wire:
            slow.kill()
            slow.options += ["--key-load-delay", "2000"]
            await asyncio.to_thread(slow.start, ready=False)
            while not wire.is_up:
                await asyncio.sleep(0.01)
            with pytest.raises(StoreUnavailable, match="LOADING"):
                await wire.run(COUNT, [b"n"], [])
            await until_it_answers(wire)
            assert await wire.run(COUNT, [b"n"], []) == 42


async def test_a_server_that_stands_still_is_noticed_and_taken_back(own_server, opened):
    async with opened(own_server, patience=HASTY) as wire:
        own_server.pause()
        begun = time.monotonic()
        with pytest.raises(StoreUnavailable, match=r"no reply in 0\.5 s"):
            await wire.run(COUNT, [b"n"], [])
        assert time.monotonic() - begun < 10
        own_server.resume()
        await until_it_answers(wire)
        assert await wire.run(COUNT, [b"n"], []) in (1, 2)  # the first one may have waited in its socket


async def test_a_server_that_is_busy_for_a_moment_is_waited_for(own_server, opened):
    async with opened(own_server) as wire:
        assert await asyncio.gather(wire.ask(b"", "DEBUG", "SLEEP", "0.3"), wire.run(COUNT, [b"n"], [])) == [b"OK", 1]


async def test_a_dead_line_is_noticed_while_nobody_asks(redis_server, opened):
    async with Proxy("127.0.0.1", redis_server.port) as proxy, opened(f"redis://127.0.0.1:{proxy.port}", patience=HASTY) as wire:
        proxy.up.swallow()
        await proxy.acted(Fault.SWALLOW)  # the ping of an idle connection
        while wire.is_up:
            await asyncio.sleep(0.01)
        proxy.heal()
        assert await until_it_answers(wire) == b"PONG"


async def test_a_killed_server_that_comes_back_is_used_again(own_server, opened):
    async with opened(own_server) as wire:
        told = [await wire.run(COUNT, [b"n"], [])]
        for _ in range(3):
            calls = [wire.run(COUNT, [b"n"], []) for _ in range(20)]
            await asyncio.sleep(0)
            await asyncio.to_thread(own_server.restart)
            told.append(await acknowledged(calls))
            await until_it_answers(wire)
            assert sum(told) <= int(own_server.say("GET", "n")) <= sum(told) + 20 * len(told)
            told.append(await acknowledged([wire.run(COUNT, [b"n"], [])]))
        assert told[-1] == 1


async def test_what_was_not_sent_waits_a_moment_for_the_server_to_come_back(own_server, opened):
    async with opened(own_server, patience=Patience(down_s=10)) as wire:
        own_server.kill()
        while wire.is_up:
            await asyncio.sleep(0.01)
        calls = [wire.run(COUNT, [b"n"], []) for _ in range(10)]
        await asyncio.to_thread(own_server.start)
        assert await asyncio.gather(*calls) == list(range(1, 11))


async def test_while_a_server_stays_away_calls_fail_quickly(own_server, opened):
    async with opened(own_server, patience=HASTY) as wire:
        own_server.kill()
        with pytest.raises(StoreUnavailable):
            await wire.run(COUNT, [b"n"], [])
        await asyncio.sleep(HASTY.down_s)
        begun = time.monotonic()
        for _ in range(100):
            with pytest.raises(StoreUnavailable):
                await wire.run(COUNT, [b"n"], [])
        assert time.monotonic() - begun < 100 * HASTY.down_s / 4  # they wait for nothing


@pytest.mark.parametrize("reset", [True, False])
async def test_a_connection_that_breaks_in_a_reply_leaves_nothing_doubled(redis_server, reset, opened):
    async with Proxy("127.0.0.1", redis_server.port) as proxy, opened(f"redis://127.0.0.1:{proxy.port}") as wire:
        await wire.run(COUNT, [b"n"], [])
        proxy.down.break_after(1001, reset=reset, times=5)
        told, sent = 1, 1
        while proxy.fired[Fault.BREAK] < 5:
            told += await acknowledged([wire.run(COUNT, [b"n"], []) for _ in range(20)])
            sent += 20
        assert told < sent
        assert told <= int(redis_server.say("GET", "n")) <= sent


async def test_what_waits_is_bounded(own_server, opened):
    async with opened(own_server, patience=Patience(reply_s=3, waiting_bytes=1 << 20)) as wire:
        own_server.pause()
        calls = [wire.ask(b"k", "APPEND", "k", b"x" * 10_000) for _ in range(50)]
        await asyncio.sleep(0.05)
        calls += [wire.ask(b"k", "APPEND", "k", b"x" * 10_000) for _ in range(150)]
        refused = [call for call in calls if call.done()]
        assert len(refused) == 200 - (1 << 20) // 10_632
        with pytest.raises(StoreUnavailable, match="wait already"):
            await refused[0]
        own_server.resume()
        await asyncio.gather(*(call for call in calls if call not in refused))
        assert await wire.ask(b"k", "STRLEN", "k") == 10_000 * (200 - len(refused))
        assert all(call.exception() for call in refused)


async def test_closing_fails_what_is_under_way_and_what_comes_after(own_server):
    wire = Wire(own_server.url)
    await wire.open()
    own_server.pause()
    calls = [wire.run(COUNT, [b"n"], [])]
    await asyncio.sleep(0)
    await wire.close()
    calls.append(wire.run(COUNT, [b"n"], []))
    answers = await asyncio.wait_for(asyncio.gather(*calls, return_exceptions=True), 1)
    assert [type(answer) for answer in answers] == [StoreUnavailable] * 2


async def test_a_server_that_is_not_there_is_told_at_open(own_server):
    own_server.kill()
    with pytest.raises(StoreUnavailable, match=str(own_server.port)):
        await Wire(own_server.url, patience=HASTY).open()


# -- pub/sub -----------------------------------------------------------------------------------------------------------


def listeners(server: Server, channel: str) -> int:
    return server.say("PUBSUB", "NUMSUB", channel)[1]


async def test_what_is_published_is_heard_also_after_a_restart(own_server, opened):
    async with opened(own_server, patience=HASTY) as wire:
        heard = []
        wire.subscribe(b"turn", heard.append)
        await asyncio.to_thread(wait_until, lambda: listeners(own_server, "turn") == 1, "it listens")
        wire.subscribe(b"send", heard.append)
        await asyncio.to_thread(wait_until, lambda: listeners(own_server, "send") == 1, "it listens to both")
        await asyncio.to_thread(own_server.restart)
        both = lambda: listeners(own_server, "turn") + listeners(own_server, "send") == 2  # noqa: E731
        await asyncio.to_thread(wait_until, both, "it listens again")
        own_server.say("PUBLISH", "turn", "1")
        own_server.say("PUBLISH", "other", "2")
        own_server.say("PUBLISH", "send", b"\xff3")
        while len(heard) < 2:
            await asyncio.sleep(0.01)
        assert heard == [b"1", b"\xff3"]


async def test_a_listener_whose_line_died_silently_listens_again(redis_server, opened):
    patience = Patience(reply_s=0.3, connect_s=0.5, idle_s=0.1)
    async with (
        Proxy("127.0.0.1", redis_server.port) as proxy,
        opened(f"redis://127.0.0.1:{proxy.port}", patience=patience) as wire,
    ):
        heard = asyncio.get_running_loop().create_future()
        wire.subscribe(b"turn", heard.set_result)
        await asyncio.to_thread(wait_until, lambda: listeners(redis_server, "turn") == 1, "it listens")
        proxy.partition()
        while wire.is_listening:
            await asyncio.sleep(0.01)
        proxy.heal(release=False)
        await asyncio.to_thread(wait_until, lambda: listeners(redis_server, "turn") == 1, "it listens again")
        await until_it_answers(wire)
        await wire.ask(b"", "PUBLISH", "turn", "1")
        assert await asyncio.wait_for(heard, 5) == b"1"
