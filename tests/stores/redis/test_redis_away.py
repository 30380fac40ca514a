"""A node of a cluster that is away: what lies there waits, and everything else goes on in the same calls."""

import asyncio
from collections.abc import Iterator

import pytest

from vaiven.model.errors import StoreUnavailable
from vaiven.model.outbox import RowState, Settlement
from vaiven.model.turns import Committed, Unreached
from vaiven.model.urns import Urn, partition_of
from vaiven.stores.contract import Role
from vaiven.stores.redis import RedisStore
from vaiven.stores.redis.keys import Keys
from vaiven.stores.redis.wire import Patience
from vaiven.testing import servers
from vaiven.testing.builders import AT_MS, CHANNEL, make_event, make_row, make_turn
from vaiven.testing.servers import Cluster
from vaiven.testing.stores import Owner

PARTITIONS = 16
QUICK = Patience(reply_s=1.0, connect_s=0.5, down_s=0.3)
TTL_MS = 60_000


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    with servers.cluster(replicas=0, appendfsync="always") as made:
        yield made


def homes() -> dict[int, str]:
    """A person of each partition."""
    found: dict[int, str] = {}
    for number in range(1000):
        home = f"tel:+4477009{number:05d}"
        found.setdefault(partition_of(Urn(home), PARTITIONS), home)
    return found


async def test_what_lies_on_other_nodes_goes_on_in_the_same_calls(cluster: Cluster) -> None:
    store = RedisStore(cluster.url, partitions=PARTITIONS, patience=QUICK)
    await store.open()
    owner = await Owner.of(store)
    everybody = homes()
    assert len(everybody) == PARTITIONS
    events = [make_event(home, partitions=PARTITIONS) for home in everybody.values()]
    numbers = await store.accept(events)
    waiting = await store.take(owner.turns, {}, 100)
    assert len(waiting) == PARTITIONS
    turns = [
        make_turn(event, number, owner.turns[event.partition], rows=[make_row(event, number)])
        for event, number in zip(events, numbers, strict=True)
    ]
    victim = cluster.owner(Keys("vaiven").of(0, "own"))
    gone = {each for each in range(PARTITIONS) if cluster.owner(Keys("vaiven").of(each, "own")) is victim}
    assert 0 < len(gone) < PARTITIONS
    victim.kill()

    with pytest.raises(StoreUnavailable) as told:
        await store.load([event.home for event in events])
    assert told.value.partitions == gone
    rest = [event.home for event in events if event.partition not in gone]
    assert len(await store.load(rest)) == len(rest)
    with pytest.raises(StoreUnavailable) as told:
        await store.lease(Role.TURN, "owner", range(PARTITIONS), TTL_MS)
    assert told.value.partitions == gone
    with pytest.raises(StoreUnavailable) as told:
        await store.strays(owner.sends)
    assert told.value.partitions == gone
    assert {taken.event.partition for taken in await store.take(owner.turns, {}, 100)} == set(range(PARTITIONS)) - gone
    assert await store.due(owner.turns, AT_MS, 9) == []
    assert {lease.partition for lease in await store.held()} == set(range(PARTITIONS)) - gone
    assert await store.now_ms() > 0

    verdicts = await store.commit(turns, owner.claiming())
    assert [isinstance(verdict, Unreached) for verdict in verdicts] == [event.partition in gone for event in events]
    dialed = [row for verdict in verdicts if isinstance(verdict, Committed) for row in verdict.dialed]
    assert len(dialed) == len(rest)
    assert await store.claim(owner.sends, AT_MS, {CHANNEL: 100}) == []
    told_all = [
        Settlement(row.partition, owner.sends[row.partition], row.row, 1, RowState.ACCEPTED)
        for turn in turns
        for row in turn.rows
    ]
    assert await store.settle(told_all) == [None if one.partition in gone else True for one in told_all]
    only = {each: owner.turns[each] for each in gone}
    for call in (store.take(only, {}, 9), store.due(only, AT_MS, 9), store.claim(only, AT_MS, {CHANNEL: 9})):
        with pytest.raises(StoreUnavailable) as told:
            await call
        assert told.value.partitions == gone

    await asyncio.to_thread(victim.start)
    await asyncio.to_thread(cluster.wait_ok)
    async with asyncio.timeout(60):
        while True:
            try:
                again = await Owner.of(store)
                break
            except StoreUnavailable:
                await asyncio.sleep(0.05)
    assert {taken.event.partition for taken in await store.take(again.turns, {}, 100)} == gone
    await store.close()
