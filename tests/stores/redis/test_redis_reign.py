"""A server that may have lost its last words: what was known of before counts no more, and no number comes again."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from vaiven.model.contacts import ContactState
from vaiven.model.errors import StoreUnavailable
from vaiven.model.outbox import OutboxRow, RowState
from vaiven.model.turns import Committed, LeaseLost, Taken, Turn
from vaiven.stores.contract import Role
from vaiven.stores.redis import RedisStore
from vaiven.stores.redis.wire import Script, Wire
from vaiven.testing.builders import AT_MS, CHANNEL, HOME, make_turn
from vaiven.testing.promises.at_once import Turner
from vaiven.testing.promises.base import rows_of
from vaiven.testing.proxy import Proxy
from vaiven.testing.servers import Cluster, Server, primary_and_replica
from vaiven.testing.stores import Owner

PARTITIONS = 2


async def at_last(call: Callable[[], Awaitable[Any]]) -> Any:
    """What it comes to once the server is back."""
    async with asyncio.timeout(60):
        while True:
            try:
                return await call()
            except StoreUnavailable:
                await asyncio.sleep(0.02)


class Failover:
    """A store whose server is lost, and another one, which has not heard of its last words, takes its place."""

    def __init__(self, store: RedisStore, primary: Server, replica: Server, front: Proxy) -> None:
        self.store, self._primary, self._replica, self.front = store, primary, replica, front

    async def forget_from_now(self) -> None:
        await asyncio.to_thread(self._primary.say_all, ("SET", "mark", "1"), ("WAIT", 1, 0))
        await asyncio.to_thread(self._replica.promote)

    async def happens(self) -> None:
        await asyncio.to_thread(self._primary.kill)
        self.front.upstream = ("127.0.0.1", self._replica.port)
        await at_last(self.store.now_ms)


@pytest.fixture
async def failover() -> AsyncIterator[Failover]:
    with primary_and_replica(appendfsync=None) as (primary, replica):
        async with Proxy("127.0.0.1", primary.port) as front:
            store = RedisStore(f"redis://127.0.0.1:{front.port}", partitions=PARTITIONS)
            await store.open()
            yield Failover(store, primary, replica, front)
            await store.close()


@asynccontextmanager
async def opened(server: Server) -> AsyncIterator[RedisStore]:
    store = RedisStore(server.url, partitions=PARTITIONS)
    await store.open()
    yield store
    await store.close()


async def test_no_epoch_and_no_number_comes_again(failover: Failover) -> None:
    store = failover.store
    owner = await Owner.of(store)
    event = owner.event()
    at, first = event.partition, await owner.accept(event)
    await failover.forget_from_now()
    for role in Role:
        await store.release(role, "owner")
    other = await Owner.of(store, "other")
    late = owner.event()
    number = await owner.accept(late)
    await failover.happens()
    assert await at_last(lambda: store.commit([make_turn(event, first, owner.turns[at])])) == [LeaseLost(at)]
    assert await store.commit([make_turn(late, number, other.turns[at])]) == [LeaseLost(at)]
    assert (await store.take(owner.turns, {}, 9), await store.take(other.turns, {}, 9)) == ([], [])
    renewed = await store.lease(Role.TURN, "owner", range(PARTITIONS), 10_000)
    assert renewed[at] > max(owner.turns[at], other.turns[at])
    assert [(one.number, one.event) for one in await store.take(renewed, {}, 9)] == [(first, event)]
    assert await owner.accept(late) > number


async def test_the_owner_keeps_its_lease_and_learns_its_new_epoch(failover: Failover) -> None:
    store = failover.store
    owner = await Owner.of(store)
    await failover.forget_from_now()
    await failover.happens()
    assert await at_last(lambda: store.lease(Role.TURN, "other", range(PARTITIONS), 10_000)) == {}
    again = await Owner.of(store)
    assert all(again.turns[each] > owner.turns[each] and again.sends[each] > owner.sends[each] for each in range(PARTITIONS))


async def test_a_state_that_was_forgotten_is_not_decided_on(failover: Failover) -> None:
    """A message that comes again would be taken for one that was heard, and nobody would ever hear it."""
    store, seen = failover.store, list[int]()
    owner = await Owner.of(store)

    def turn(taken: Taken, state: ContactState) -> Turn:
        seen.append(state.contact.version)
        return make_turn(taken.event, taken.number, owner.turns[taken.event.partition], state.contact.version)

    store.turn_at_once(Turner(turn))
    await store.accept([owner.event()])
    await failover.forget_from_now()
    await store.accept([owner.event()])
    await failover.happens()
    await at_last(lambda: Owner.of(store))
    await store.accept([owner.event()])
    assert seen == [0, 1, 1]


async def test_a_state_read_before_its_partition_was_ever_ours_is_not_decided_on(failover: Failover) -> None:
    """Anybody's state may be read for a page or a list; the failover forgot what it tells, and another one owned it since."""
    other, seen = RedisStore(f"redis://127.0.0.1:{failover.front.port}", partitions=PARTITIONS), list[int]()
    await other.open()
    epochs: dict[int, int] = {}

    def turn(taken: Taken, state: ContactState) -> Turn:
        seen.append(state.contact.last)
        return make_turn(taken.event, taken.number, epochs[taken.event.partition], state.contact.version)

    turner = Turner(turn)
    failover.store.turn_at_once(turner)
    theirs = await Owner.of(other, "other")
    await theirs.commit(theirs.event())
    await failover.forget_from_now()
    await theirs.commit(theirs.event())
    await failover.store.load([HOME])
    await failover.happens()
    theirs = await at_last(lambda: Owner.of(other, "other"))
    verdict = await theirs.commit(event := theirs.event())
    assert isinstance(verdict, Committed)
    for role in Role:
        await other.release(role, "other")
    epochs |= await failover.store.lease(Role.TURN, "owner", range(PARTITIONS), 10_000)
    turner.skip(event.partition, verdict.number)
    await failover.store.accept([theirs.event()])
    assert seen == [verdict.number]
    await other.close()


async def settled_and_forgotten(failover: Failover, owner: Owner) -> OutboxRow:
    (row,) = rows_of(await owner.commit(owner.event(), {}, claiming=owner.claiming()))
    await failover.forget_from_now()
    assert await owner.settle(row, RowState.ACCEPTED)
    return row


async def test_a_settle_that_was_forgotten_leaves_a_stray(failover: Failover) -> None:
    owner = await Owner.of(failover.store)
    row = await settled_and_forgotten(failover, owner)
    await failover.happens()
    again = await at_last(lambda: Owner.of(failover.store))
    assert await failover.store.claim(again.sends, AT_MS, {CHANNEL: 9}) == []
    assert [stray.reference for stray in await failover.store.strays(again.sends)] == [row.reference]
    assert not await owner.settle(row, RowState.ACCEPTED)
    assert await again.settle(row, RowState.UNKNOWN)


async def test_what_was_sent_does_not_go_again_though_a_call_was_lost_at_the_failure(failover: Failover) -> None:
    owner = await Owner.of(failover.store)
    row = await settled_and_forgotten(failover, owner)
    failover.front.down.hold()
    claiming = asyncio.create_task(owner.claim(now_ms=AT_MS + 1))
    await asyncio.sleep(0.05)
    failover.front.heal(release=False)
    with pytest.raises(StoreUnavailable):
        await claiming
    await failover.happens()
    again = await at_last(lambda: Owner.of(failover.store))
    assert [stray.reference for stray in await failover.store.strays(again.sends)] == [row.reference]
    assert await failover.store.claim(again.sends, AT_MS + 2, {CHANNEL: 9}) == []


async def test_history_and_prune_pass_the_numbers_that_were_skipped(own_server: Server) -> None:
    numbers: list[int] = []
    for _ in range(3):
        async with opened(own_server) as store:
            owner = await Owner.of(store)
            for _ in range(2):
                verdict = await owner.commit(owner.event(), {"not_after_ms": AT_MS})
                assert isinstance(verdict, Committed)
                numbers.append(verdict.number)
            await owner.claim(now_ms=AT_MS + 1)
            assert [record.number async for record in store.history()] == numbers
        await asyncio.to_thread(own_server.kill)
        await asyncio.to_thread(own_server.start)
    assert numbers == sorted(set(numbers))
    assert numbers[-1] > numbers[0] + len(numbers)
    async with opened(own_server) as store:
        owner = await Owner.of(store)
        assert await store.prune(owner.turns, AT_MS + 1_000_000, 3) >= 3
        while await store.prune(owner.turns, AT_MS + 1_000_000, 9):
            pass
        assert [record async for record in store.history()] == []
        assert await store.rows(owner.event().home) == []


async def test_a_store_at_rest_keeps_one_gap_however_often_its_server_starts(own_server: Server) -> None:
    sizes = []
    for _ in range(3):
        async with opened(own_server) as store:
            owner = await Owner.of(store)
            if not sizes:
                await owner.accept(owner.event())
            sizes.append(len(own_server.say("HGET", f"vaiven:{{{owner.event().partition}}}:lease", "gaps") or ""))
        await asyncio.to_thread(own_server.kill)
        await asyncio.to_thread(own_server.start)
    assert sizes[0] == 0 < sizes[1] == sizes[2]


async def test_a_failover_of_a_cluster_raises_the_epochs_of_its_partitions_alone(own_cluster: Cluster) -> None:
    store = RedisStore(own_cluster.url, partitions=12)
    await store.open()
    owner = await Owner.of(store)
    victim = own_cluster.owner(b"vaiven:{0}:own")
    lost = {each for each in range(12) if own_cluster.owner(b"vaiven:{%d}:own" % each) is victim}
    heir = own_cluster.replica(victim)
    await asyncio.to_thread(victim.kill)
    await asyncio.to_thread(own_cluster.take_over, heir)
    again = await at_last(lambda: Owner.of(store))
    assert {each for each in range(12) if again.turns[each] > owner.turns[each]} == lost
    await store.close()


COUNT = Script("count", "return redis.call('INCR', KEYS[1])")
SAY = Script("say", "return redis.call('RPUSH', 'said', ARGV[1])")


async def test_an_oath_precedes_the_first_write_over_each_connection(redis_server: Server) -> None:
    async with Proxy("127.0.0.1", redis_server.port) as proxy:
        wire = Wire(f"redis://127.0.0.1:{proxy.port}")
        wire.precede(lambda run, slot: (SAY, [b"said"], [f"{run} {slot}"]))
        await wire.open()
        for count in (1, 2):
            await asyncio.gather(*(at_last(lambda: wire.run(COUNT, [b"n"], [])) for _ in range(3)))
            run = redis_server.info("server")["run_id"]
            assert redis_server.say("LRANGE", "said", 0, -1) == [f"{run} 0"] * count
            proxy.reset()
            await asyncio.sleep(0.05)
        await wire.close()


async def test_an_oath_that_is_refused_is_said_again(redis_server: Server) -> None:
    wire = Wire(redis_server.url)
    wire.precede(lambda run, _: (SAY, [b"said"], [run]))
    await wire.open()
    redis_server.say("SET", "said", "not a list")
    assert await wire.run(COUNT, [b"n"], []) == 1
    redis_server.say("DEL", "said")
    assert await wire.run(COUNT, [b"n"], []) == 2
    assert await wire.run(COUNT, [b"n"], []) == 3
    assert redis_server.say("LLEN", "said") == 1
    await wire.close()
