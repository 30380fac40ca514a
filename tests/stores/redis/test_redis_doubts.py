"""Rows that were dialed by a call whose answer never came: nobody has sent them, so they go later, and none is lost over it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from vaiven.model.errors import StoreUnavailable
from vaiven.model.outbox import OutboxRow, RowState
from vaiven.model.turns import AlreadyHandled
from vaiven.stores.contract import Role
from vaiven.stores.redis import RedisStore
from vaiven.stores.redis.wire import Patience
from vaiven.testing.builders import AT_MS, CHANNEL, make_row, make_turn
from vaiven.testing.lanes import Fault
from vaiven.testing.promises.base import rows_of
from vaiven.testing.proxy import Proxy
from vaiven.testing.servers import Cluster, Server
from vaiven.testing.stores import Owner

QUICK = Patience(reply_s=1.0, connect_s=1.0, down_s=0.2)
TTL_MS = 60_000


async def until_up(store: RedisStore) -> None:
    async with asyncio.timeout(10):
        while True:
            try:
                await store.now_ms()
                return
            except StoreUnavailable:
                await asyncio.sleep(0.05)


@asynccontextmanager
async def missed(server: Server) -> AsyncIterator[tuple[RedisStore, Owner, OutboxRow]]:
    """A store, its owner, and a row that a commit has dialed whose answer was lost."""
    async with Proxy("127.0.0.1", server.port) as line:
        store = RedisStore(f"redis://127.0.0.1:{line.port}", partitions=1, patience=QUICK)
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
        assert await store.commit([turn], owner.claiming()) == [AlreadyHandled(event.id)]
        yield store, owner, turn.rows[0]
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
    async with missed(own_server) as (store, _, row):
        await asyncio.to_thread(own_server.restart)
        await until_up(store)
        again = await Owner.of(store)
        assert await store.strays(again.sends) == []
        (given,) = await again.claim()
        assert (given.row, given.state, given.attempt) == (row.row, RowState.DIALED, 2)
        assert await again.settle(given, RowState.ACCEPTED)


async def test_a_row_that_was_given_and_whose_settlement_was_refused_stays_a_stray(own_server: Server) -> None:
    async with missed(own_server) as (store, owner, row):
        (given,) = await owner.claim()
        assert given.row == row.row
        await asyncio.to_thread(own_server.restart)
        await until_up(store)
        again = await Owner.of(store)
        assert not await owner.settle(given, RowState.ACCEPTED), "its epoch has ended"
        assert [stray.row for stray in await store.strays(again.sends)] == [row.row]


async def test_a_row_that_was_missed_is_queued_before_its_partition_is_given_away(redis_server: Server) -> None:
    async with missed(redis_server) as (store, _, row):
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
