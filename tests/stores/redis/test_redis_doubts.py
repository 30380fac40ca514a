"""Rows that were dialed by a call whose answer never came: nobody has sent them, so they go later, and none is lost over it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from vaiven.model.errors import StoreUnavailable
from vaiven.model.outbox import RowState
from vaiven.model.turns import AlreadyHandled, LeaseLost, Turn
from vaiven.stores.contract import Role
from vaiven.stores.redis import RedisStore
from vaiven.stores.redis.wire import Durability, Patience
from vaiven.testing import servers
from vaiven.testing.builders import AT_MS, CHANNEL, make_row, make_turn
from vaiven.testing.lanes import Fault
from vaiven.testing.promises.base import rows_of
from vaiven.testing.proxy import Proxy
from vaiven.testing.servers import Cluster, Server
from vaiven.testing.stores import Owner

QUICK = Patience(reply_s=2.0, connect_s=1.0, down_s=0.2)
TTL_MS = 60_000


async def until_up(store: RedisStore) -> None:
    async with asyncio.timeout(60):
        while True:
            try:
                await store.now_ms()
                return
            except StoreUnavailable:
                await asyncio.sleep(0.05)


@asynccontextmanager
async def missed(
    server: Server, wait: Durability | None = None, told: bool = True
) -> AsyncIterator[tuple[RedisStore, Owner, Turn]]:
    """A store, its owner, and a turn whose commit has dialed its row, and whose answer was lost; ``told``: it was asked again."""
    async with Proxy("127.0.0.1", server.port) as line:
        store = RedisStore(f"redis://127.0.0.1:{line.port}", partitions=1, patience=QUICK, wait=wait)
        await store.open()
        owner = await Owner.of(store)
        warm = rows_of(await owner.commit(owner.event("tel:+447700900102"), {}, claiming=owner.claiming()))[0]
        assert await owner.settle(warm, RowState.ACCEPTED)  # the server has the scripts
        event = owner.event()
        number = await owner.accept(event)
        turn = make_turn(event, number, owner.turns[0], rows=[make_row(event, number)])
        line.down.hold()
        asked = asyncio.ensure_future(store.commit([turn], owner.claiming()))
        await line.acted(Fault.HOLD)
        with pytest.raises(StoreUnavailable):
            await asked
        line.heal(release=False)
        await until_up(store)
        assert not told or await store.commit([turn], owner.claiming()) == [AlreadyHandled(event.id)]
        yield store, owner, turn
        await store.close()


async def test_a_claim_that_cannot_look_for_missed_rows_gives_what_it_claimed(redis_server: Server) -> None:
    store = RedisStore(redis_server.url, partitions=1)
    await store.open()
    owner = await Owner.of(store)
    await owner.commit(owner.event(), {})

    async def cut_off(*_: object) -> None:
        raise StoreUnavailable("the line broke", 1)

    store._doubts.resolved = cut_off
    (row,) = await owner.claim()
    assert (row.state, row.attempt) == (RowState.DIALED, 1)
    await store.close()


async def test_a_row_that_was_missed_before_the_server_was_restarted_is_no_stray_and_goes(own_server: Server) -> None:
    async with missed(own_server) as (store, _, turn):
        (row,) = turn.rows
        await asyncio.to_thread(own_server.restart)
        await until_up(store)
        again = await Owner.of(store)
        assert await store.strays(again.sends) == []
        (given,) = await again.claim()
        assert (given.row, given.state, given.attempt) == (row.row, RowState.DIALED, 2)
        assert await again.settle(given, RowState.ACCEPTED)


async def test_a_row_that_was_missed_is_no_stray_while_its_turn_is_asked_for_again() -> None:
    with servers.primary_and_replica() as (primary, replica):
        async with missed(primary, Durability(timeout_ms=700), told=False) as (store, owner, turn):
            await asyncio.to_thread(primary.restart)
            await asyncio.to_thread(primary.wait_durable)
            await until_up(store)
            again = await Owner.of(store)
            replica.pause()
            accepted = asyncio.ensure_future(owner.accept(owner.event()))
            await asyncio.sleep(0.01)
            asked = asyncio.ensure_future(store.commit([turn], owner.claiming()))  # behind one that waits for a disk
            strays = asyncio.ensure_future(store.strays(again.sends))  # which reads, and waits for none
            with pytest.raises(StoreUnavailable):
                await accepted
            replica.resume()
            assert (await asked, await strays) == ([LeaseLost(turn.event.partition)], [])
            assert [row.row for row in await again.claim()] == [turn.rows[0].row]


async def test_a_row_that_was_missed_is_not_given_before_a_replica_has_it() -> None:
    with servers.primary_and_replica() as (primary, replica):
        async with missed(primary, Durability(timeout_ms=700), told=False) as (_, owner, turn):
            replica.pause()
            assert await owner.claim() == []
            replica.resume()
            async with asyncio.timeout(60):
                while not (given := await owner.claim()):
                    await asyncio.sleep(0.05)
            assert [row.row for row in given] == [turn.rows[0].row]


async def test_a_row_that_was_given_and_whose_settlement_was_refused_stays_a_stray(own_server: Server) -> None:
    async with missed(own_server) as (store, owner, turn):
        (row,) = turn.rows
        (given,) = await owner.claim()
        assert given.row == row.row
        await asyncio.to_thread(own_server.restart)
        await until_up(store)
        again = await Owner.of(store)
        assert not await owner.settle(given, RowState.ACCEPTED), "its epoch has ended"
        assert [stray.row for stray in await store.strays(again.sends)] == [row.row]


async def test_a_row_that_was_missed_is_queued_before_its_partition_is_given_away(redis_server: Server) -> None:
    async with missed(redis_server) as (store, _, turn):
        (row,) = turn.rows
        await store.release(Role.SEND, "owner", [0])
        heir = RedisStore(redis_server.url, partitions=1)
        await heir.open()
        sends = await heir.lease(Role.SEND, "heir", [0], TTL_MS)
        assert await heir.strays(sends) == []
        (given,) = await heir.claim(sends, row.created_ms, {row.channel: 5})
        assert (given.row, given.attempt) == (row.row, 2)
        await heir.close()


async def test_a_lease_may_come_while_a_claim_asks_every_node(redis_cluster: Cluster) -> None:
    store = RedisStore(redis_cluster.url, partitions=8)
    await store.open()
    owner = await Owner.of(store)
    for number in range(101, 110):
        await owner.commit(owner.event(f"tel:+447700900{number}"), {})
    epochs = {partition: epoch for partition, epoch in owner.sends.items() if partition % 2}
    claiming = asyncio.ensure_future(store.claim(epochs, AT_MS, {CHANNEL: 100}))
    await asyncio.sleep(0)
    epochs.update(owner.sends)
    assert {row.partition % 2 for row in await claiming} <= {1}
    assert len(await owner.claim()) + len(claiming.result()) == 9
    await store.close()
