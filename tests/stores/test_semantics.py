"""The rows of the table of semantics on every store: each turn is accepted, taken, committed and loaded again."""

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from vaiven.flow.spec import Words
from vaiven.stores import open_store
from vaiven.stores.contract import Store
from vaiven.stores.memory import MemoryStore
from vaiven.stores.sqlite import SqliteStore
from vaiven.testing import servers
from vaiven.testing.semantics import Semantics
from vaiven.testing.servers import Server
from vaiven.testing.store_talk import StoreTalk
from vaiven.testing.talk import SMS, flows_of

Make = Callable[[Callable[[], int]], Store]


class OnAStore(Semantics):
    """``make`` gives an empty store by a clock."""

    @pytest.fixture
    def talk(self, make: Make) -> Iterator[Callable[..., StoreTalk]]:
        talks: list[StoreTalk] = []

        def begin(*texts: str, capabilities: Any = SMS, words: Any = None, **spec: Any) -> StoreTalk:
            talks.append(StoreTalk(flows_of(*texts, words=Words(**(words or {})), **spec), capabilities, make=make))
            return talks[-1]

        yield begin
        for one in talks:
            one.close()


class TestMemory(OnAStore):
    @pytest.fixture
    def make(self) -> Make:
        return lambda clock: MemoryStore(partitions=4, clock=clock)


class TestSqlite(OnAStore):
    @pytest.fixture
    def make(self, tmp_path: Path) -> Make:
        return lambda clock: SqliteStore(tmp_path / f"{uuid.uuid4().hex}.db", clock=clock)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with servers.server(appendfsync="everysec") as one:
        yield one


class TestRedis(OnAStore):
    @pytest.fixture
    def make(self, server: Server) -> Make:
        return lambda _: open_store(server.url, bot=f"bot-{uuid.uuid4().hex[:12]}", profile="redis-fast")
