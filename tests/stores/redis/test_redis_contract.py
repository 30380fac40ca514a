"""Redis keeps every promise: on one server, and on a cluster of three primaries."""

from collections.abc import AsyncIterator

import pytest

from vaiven.stores.contract import Store
from vaiven.stores.redis import RedisStore
from vaiven.testing.clock import Clock
from vaiven.testing.servers import Cluster, Server
from vaiven.testing.stores import StoreContract


class _RedisContract(StoreContract):
    durable = True
    at_once_together = False

    @pytest.fixture
    async def doors(self) -> AsyncIterator[list[RedisStore]]:
        opened: list[RedisStore] = []
        yield opened
        for door in opened:
            await door.close()


class TestRedis(_RedisContract):
    @pytest.fixture(params=[1, None])
    async def store(self, clock: Clock, redis_server: Server, doors: list[RedisStore], request: pytest.FixtureRequest) -> Store:
        store = RedisStore(redis_server.url, partitions=request.param, clock=clock.now_ms)
        await store.open()
        doors.append(store)
        self._url, self._clock, self._doors = redis_server.url, clock, doors
        return store

    async def another_door(self, store: Store) -> Store:
        door = RedisStore(self._url, clock=self._clock.now_ms)
        await door.open()
        self._doors.append(door)
        return door


class TestRedisCluster(_RedisContract):
    @pytest.fixture
    async def store(self, clock: Clock, redis_cluster: Cluster, doors: list[RedisStore]) -> Store:
        store = RedisStore(redis_cluster.url, clock=clock.now_ms)
        await store.open()
        doors.append(store)
        self._url, self._clock, self._doors = redis_cluster.url, clock, doors
        return store

    async def another_door(self, store: Store) -> Store:
        door = RedisStore(self._url, clock=self._clock.now_ms)
        await door.open()
        self._doors.append(door)
        return door
