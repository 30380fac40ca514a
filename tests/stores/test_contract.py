"""Both embedded stores keep every promise."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from vaiven.stores.contract import Store
from vaiven.stores.memory import MemoryStore
from vaiven.stores.sqlite import SqliteStore
from vaiven.testing.clock import Clock
from vaiven.testing.stores import StoreContract


class TestMemory(StoreContract):
    @pytest.fixture(params=[1, 16])
    async def store(self, clock: Clock, request: pytest.FixtureRequest) -> AsyncIterator[Store]:
        store = MemoryStore(partitions=request.param, clock=clock.now_ms)
        await store.open()
        yield store
        await store.close()

    async def another_door(self, store: Store) -> Store:
        assert isinstance(store, MemoryStore)
        door = store.another()
        await door.open()
        return door


class TestSqlite(StoreContract):
    durable = True

    @pytest.fixture(params=[None, 16])
    async def store(self, clock: Clock, tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Store]:
        store = SqliteStore(tmp_path / "store.db", partitions=request.param, clock=clock.now_ms)
        await store.open()
        yield store
        await store.close()
