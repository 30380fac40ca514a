"""redis-strict: a write is answered when disks and replicas have it, and not before."""

import asyncio
import time
from statistics import median

import pytest

from vaiven.model.errors import StoreMismatch, StoreUnavailable
from vaiven.stores.redis.wire import Durability, Patience, Script, Wire
from vaiven.testing import servers
from vaiven.testing.servers import wait_until

COUNT = Script("count", "return redis.call('INCR', KEYS[1])")
LOOK = Script("look", "return redis.call('GET', KEYS[1])")

QUICK = Durability(local=1, replicas=1, timeout_ms=200)
HASTY = Patience(reply_s=1.0, connect_s=0.5, down_s=0.3)


def wait_command(facts):
    return "waitaof" if facts.waitaof else "wait"


@pytest.mark.parametrize("program", servers.programs())
async def test_a_write_that_the_replica_has_not_is_refused_though_it_stands(program, opened):
    with servers.primary_and_replica(program=program) as (primary, replica):
        async with opened(primary, wait=QUICK, patience=HASTY) as wire:
            assert await wire.run(COUNT, [b"n"], []) == 1
            replica.pause()
            with pytest.raises(StoreUnavailable, match=r"written, but acknowledged by .*0 of 1 replicas"):
                await wire.run(COUNT, [b"n"], [])
            assert await wire.read(LOOK, [b"n"], []) == b"2"
            replica.resume()
            assert await wire.run(COUNT, [b"n"], []) == 3
            assert replica.say("GET", "n") == "3"


@pytest.mark.parametrize("program", servers.programs())
async def test_a_batch_waits_once(program, opened):
    with servers.primary_and_replica(program=program) as (primary, _):
        async with opened(primary, wait=QUICK) as wire:
            await wire.run(COUNT, [b"n"], [])
            [facts] = wire.facts().values()
            took_s = []
            for batch in range(5):
                waits, first = primary.calls(wait_command(facts)), 2 + 100 * batch
                begun = time.monotonic()
                answers = await asyncio.gather(*(wire.run(COUNT, [b"n"], []) for _ in range(100)))
                took_s.append(time.monotonic() - begun)
                assert answers == list(range(first, first + 100))
                assert primary.calls(wait_command(facts)) == waits + 1
            assert median(took_s) < 0.5  # not the second that a replica takes to answer by itself


async def test_what_comes_while_a_batch_waits_shares_the_next_wait(opened):
    with servers.primary_and_replica() as (primary, replica):
        async with opened(primary, wait=Durability(timeout_ms=2000), patience=Patience(reply_s=6)) as wire:
            await wire.run(COUNT, [b"n"], [])
            waits = primary.calls("wait")
            replica.pause()
            calls = []
            for _ in range(20):
                calls.append(wire.run(COUNT, [b"n"], []))
                await asyncio.sleep(0.005)
            replica.resume()
            assert await asyncio.gather(*calls) == list(range(2, 22))
            assert primary.calls("wait") - waits == 3  # the first call's, the second's, and one for all others


async def test_reads_do_not_wait_behind_writes(opened):
    with servers.primary_and_replica() as (primary, replica):
        async with opened(primary, wait=Durability(timeout_ms=2000), patience=Patience(reply_s=6)) as wire:
            await wire.run(COUNT, [b"n"], [])
            replica.pause()
            writing = wire.run(COUNT, [b"n"], [])
            await asyncio.to_thread(wait_until, lambda: primary.say("GET", "n") == "2", "it is written")
            assert await wire.read(LOOK, [b"n"], []) == b"2"
            assert await wire.ask(b"n", "GET", "n", write=False) == b"2"
            assert not writing.done()
            replica.resume()
            assert await writing == 2


async def test_a_refused_command_spoils_no_other_of_its_batch(own_server, opened):
    async with opened(own_server, wait=Durability(1, 0)) as wire:
        answers = await asyncio.gather(*(wire.run(COUNT, [key], []) for key in (b"n", b"other", b"n")))
        own_server.say("RPUSH", "text", "x")
        own_server.say("SCRIPT", "FLUSH")
        calls = [wire.run(COUNT, [key], []) for key in (b"n", b"text", b"n")]
        assert [type(answer).__name__ for answer in await asyncio.gather(*calls, return_exceptions=True)] == [
            "int",
            "CommandRefused",
            "int",
        ]
    assert answers == [1, 1, 2]
    assert own_server.say("GET", "n") == "4"


async def test_a_server_that_lost_its_replica_acknowledges_nothing(own_server, opened):
    async with opened(own_server, wait=QUICK, patience=HASTY) as wire:
        with pytest.raises(StoreUnavailable, match="acknowledged by 1 of 1 own disks and 0 of 1"):
            await wire.run(COUNT, [b"n"], [])


async def test_a_server_without_a_disk_is_refused_at_open_and_when_it_comes_back_so(own_server, opened):
    with servers.server() as forgetful, pytest.raises(StoreMismatch, match="appendonly yes"):
        await Wire(forgetful.url, wait=QUICK).open()
    async with opened(own_server, wait=Durability(1, 0, 200), patience=HASTY) as wire:
        assert await wire.run(COUNT, [b"n"], []) == 1
        own_server.kill()
        own_server.options += ["--appendonly", "no"]
        await asyncio.to_thread(own_server.start)
        await asyncio.sleep(HASTY.down_s)
        with pytest.raises(StoreUnavailable, match="appendonly yes"):
            await wire.run(COUNT, [b"n"], [])


@pytest.mark.parametrize("program", servers.programs())
async def test_a_server_must_sync_always(program):
    """With everysec, WAITAOF of some versions answers what is not so."""
    with (
        servers.server(program=program, appendfsync="everysec") as one,
        pytest.raises(StoreMismatch, match="appendfsync always"),
    ):
        await Wire(one.url, wait=Durability(1, 0)).open()


async def test_a_server_that_hides_its_settings_is_taken_at_its_word(old_program, opened):
    with servers.server(program=old_program, appendfsync="always") as old:
        old.say("ACL", "SETUSER", "ann", "on", ">secret", "~*", "&*", "+@all", "-config", "-client")
        async with opened(f"redis://ann:secret@127.0.0.1:{old.port}", wait=Durability(1, 0)) as wire:
            assert await wire.run(COUNT, [b"n"], []) == 1


def test_a_wait_must_end_before_the_connection_is_called_dead():
    with pytest.raises(ValueError, match="reply_s"):
        Wire("redis://", wait=Durability(timeout_ms=3000))
