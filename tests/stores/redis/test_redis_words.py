"""What words to other homes leave behind in Redis: nothing, once they are told."""

from collections.abc import AsyncIterator

import pytest

from vaiven.model.calls import TELLS, Told, telling_home
from vaiven.model.outbox import RowState
from vaiven.model.urns import Urn, resource_home
from vaiven.stores.contract import Claiming
from vaiven.stores.redis import RedisStore
from vaiven.testing.builders import HOME
from vaiven.testing.servers import Server
from vaiven.testing.stores import Owner

MONDAY = resource_home("bistro", "slots", "monday")


@pytest.fixture
async def owner(redis_server: Server) -> AsyncIterator[Owner]:
    store = RedisStore(redis_server.url, partitions=4)
    await store.open()
    yield await Owner.of(store)
    await store.close()


def keys_of_lanes(server: Server) -> list[bytes]:
    found = server.say("KEYS", "*tells:*")
    assert isinstance(found, list)
    return sorted(found)


@pytest.mark.parametrize("at_once", [False, True])
async def test_a_lane_of_words_is_gone_when_they_are_told(owner: Owner, redis_server: Server, at_once: bool) -> None:
    claiming = Claiming(owner.sends, {TELLS: 9}) if at_once else None
    for n in range(3):
        event = owner.event(HOME)
        told = Told(MONDAY, HOME, "reserve", {"n": n})
        lane = telling_home(event.partition, MONDAY)
        row = {"home": lane, "channel": TELLS, "sender": "", "to": MONDAY, "tell": told}
        await owner.commit(event, {}, row, claiming=claiming)
    assert len(keys_of_lanes(redis_server)) == 1
    dialed = await owner.store.unsettled([RowState.DIALED], 9) if at_once else await owner.claim(**{TELLS: 9})
    while dialed:
        assert len(dialed) == 1
        assert await owner.settle(dialed[0], RowState.ACCEPTED)
        dialed = await owner.claim(**{TELLS: 9})
    assert keys_of_lanes(redis_server) == []
    assert len(await owner.store.rows(Urn(HOME))) == 3
