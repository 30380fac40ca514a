"""Real servers for the tests of the Redis store: started once a session and emptied for each test, or one's own to hurt."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest

from vaiven.stores.redis.wire import Durability, Patience, Wire
from vaiven.testing import servers
from vaiven.testing.servers import Cluster, Server


def _program(name: str) -> str:
    """The program of this kind, or the default where it is not installed."""
    return next((path for path in servers.programs() if name in path), servers.programs()[0])


@pytest.fixture(scope="session")
def _shared_server() -> Iterator[Server]:
    with servers.server(appendfsync="everysec") as one:
        yield one


@pytest.fixture(scope="session")
def _shared_cluster() -> Iterator[Cluster]:
    with servers.cluster(replicas=0) as made:
        yield made


@pytest.fixture
def redis_server(_shared_server: Server) -> Server:
    """An empty server, shared: leave it running and unhurt."""
    _shared_server.say("FLUSHALL")
    return _shared_server


@pytest.fixture
def redis_cluster(_shared_cluster: Cluster) -> Cluster:
    """An empty cluster of three primaries, shared: leave it running, its slots where they are."""
    for one in _shared_cluster.servers:
        one.say("FLUSHALL")
    return _shared_cluster


@pytest.fixture
def own_server() -> Iterator[Server]:
    """A server of this test's own, with an append-only file, to be killed, paused and restarted."""
    with servers.server(appendfsync="always") as one:
        yield one


@pytest.fixture
def own_cluster() -> Iterator[Cluster]:
    """A cluster of this test's own: three primaries, each with a replica."""
    with servers.cluster(appendfsync="always") as made:
        yield made


@pytest.fixture(scope="session")
def old_program() -> str:
    """The oldest server that we serve from, Redis 7.0, where it is installed; else what there is."""
    return _program("redis-server")


Opened = Callable[..., AbstractAsyncContextManager[Wire]]


@pytest.fixture
def opened() -> Opened:
    """``opened(url or server or cluster)``: a wire that is open inside, and closed afterwards."""

    @asynccontextmanager
    async def open_one(
        where: str | Server | Cluster, wait: Durability | None = None, patience: Patience | None = None
    ) -> AsyncIterator[Wire]:
        wire = Wire(where if isinstance(where, str) else where.url, wait=wait, patience=patience)
        await wire.open()
        try:
            yield wire
        finally:
            await wire.close()

    return open_one
