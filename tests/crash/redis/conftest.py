"""The rig of the crash tests on Redis: a real server or cluster, and a fleet of processes that share it."""

import asyncio
import contextlib
import functools
import itertools
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from vaiven.model.outbox import RowState
from vaiven.model.urns import Urn, partition_of, urn
from vaiven.stores import open_store
from vaiven.stores.contract import Role, Store
from vaiven.stores.redis import RedisStore, packing
from vaiven.testing import servers
from vaiven.testing.judge import Evidence
from vaiven.testing.numbers import north_american
from vaiven.testing.provider import FakeProvider, Send
from vaiven.testing.redelivery import Redelivery
from vaiven.testing.servers import Server

sys.path.insert(0, str(Path(__file__).parents[1]))

from crash_rig import PATIENCE_S, ROOT, Process, Rig, free_port

Figures = dict[str, object]

PARTITIONS = 256
ANSWERED_S = 40.0
"""After the last fault every partition answers within so long."""


class FleetRig(Rig):
    """A bot's folder, and processes that serve it from one store, each on a port of its own.

    ``crashes`` has, for each kill, the rows that the store showed as dialed in the partitions of whoever was killed.
    """

    def __init__(self, folder: Path, where: str, profile: str) -> None:
        super().__init__(folder)
        self.where, self.profile = where, profile

    # -- processes -----------------------------------------------------------------------------------------------------

    def settle_bot(self, api: str, flows: Path = ROOT / "flows/tv_vote", **channel: str | int) -> None:
        """Write its bot.yaml; ``channel`` are more settings of the channel."""
        self.write_bot(self.where, api, flows, channel)

    async def member(
        self, *options: str, role: str = "all", fault: str | None = None, url: str = "", store: str = "", workers: int = 1
    ) -> Process:
        """Start a process, with a fault in it if one is named; return once it is ready. ``url``: where another one served."""
        process = await self.launch(*options, role=role, fault=fault, url=url, store=store, workers=workers)
        await self.ready(process)
        return process

    async def launch(
        self, *options: str, role: str = "all", fault: str | None = None, url: str = "", store: str = "", workers: int = 1
    ) -> Process:
        """Start a process, and wait for nothing."""
        port = int(url.rpartition(":")[2]) if url else free_port()
        given = ("--role", role, "--workers", str(workers), "--profile", self.profile, "--store", store or self.where)
        return await self.run(port, fault, options, *given)

    async def fleet(self, size: int = 3, fault: str | None = None) -> list[Process]:
        """So many processes that each do everything, once they share the partitions."""
        members = await asyncio.gather(*(self.member(fault=fault) for _ in range(size)))
        await self.shared(size)
        return list(members)

    async def shared(self, size: int, roles: Iterable[Role] = Role, timeout_s: float = PATIENCE_S) -> None:
        """Return once all partitions are owned, in these roles, by so many processes."""
        held: list[set[str]] = []
        async with self.store() as store:
            for _ in range(int(timeout_s * 20)):
                leases = await store.held()
                owned = [[lease.owner for lease in leases if lease.role is role] for role in roles]
                if all(len(each) == PARTITIONS and len(set(each)) == size for each in owned):
                    return
                held = [set(each) for each in owned]
                await asyncio.sleep(0.05)
        raise AssertionError(f"the partitions are not shared by {size} after {timeout_s} s: {held}")

    async def renewed(self, ttl_ms: int) -> None:
        """Return once whoever holds leases, and lives, has renewed them since now."""
        alive = {process.pid for process in self.started if process.running}
        async with self.store() as store:
            since_ms = await store.now_ms()
            while True:
                until: dict[int, int] = {}
                for lease in await store.held():
                    pid = int(lease.owner.split(":")[1])
                    until[pid] = max(lease.until_ms, until.get(pid, 0))
                if all(at >= since_ms + ttl_ms for pid, at in until.items() if pid in alive):
                    return
                await asyncio.sleep(0.05)

    async def owners(self, role: Role) -> set[str]:
        """Who holds partitions now."""
        async with self.store() as store:
            return {lease.owner for lease in await store.held() if lease.role is role}

    async def kill(self, process: Process) -> None:
        """kill -9, and note what it had dialed."""
        before = await self.sending(process.pid)
        await process.end(signal.SIGKILL)
        await self.note_crash(process.pid, before)

    async def words(self, process: Process) -> int:
        mine = await self.sending(process.pid)
        async with self.store() as store:
            rows = await store.unsettled(["queued", "dialed"], 1 << 20)
        return sum(row.tell is not None and row.partition in mine for row in rows)

    async def sending(self, pid: int) -> dict[int, int]:
        """The partitions that this process sends for now, with their epochs."""
        async with self.store() as store:
            held = await store.held()
        return {lease.partition: lease.epoch for lease in held if lease.role is Role.SEND and f":{pid}:" in lease.owner}

    async def note_crash(self, pid: int, before: Mapping[int, int]) -> None:
        """This process does nothing any more: note which rows of its partitions are dialed. Its leases outlive it."""
        dialed: list[frozenset[tuple[str, int]]] = []
        mine = {**before, **await self.sending(pid)}  # on a busy machine its leases may have ended by now
        async with self.store() as store:
            # A busy server may not have read yet all that it had written: ask some more, and look again.
            while dialed[-1:] != dialed[-2:-1] or len(dialed) < 2:
                dialed.append(await self._dialed(store, mine))
                for _ in range(20):
                    await store.now_ms()
        # All looks count: on a busy machine others may have taken over between two of them, and settled what was dialed.
        self.crashes.append(frozenset().union(*dialed))

    @staticmethod
    async def _dialed(store: Store, epochs: Mapping[int, int]) -> frozenset[tuple[str, int]]:
        """Rows, with their attempts, dialed in these partitions under these leases or earlier ones: not by who has them next."""
        assert isinstance(store, RedisStore)
        reader = store._reader

        async def lines(partition: int) -> list[tuple[int, int, bytes]]:
            marks, dial = reader.keys.of(partition, "own"), reader.keys.of(partition, "dial")
            own, flat = await asyncio.gather(reader.ask(marks, "GET", marks), reader.ask(dial, "HGETALL", dial))
            others = ((int(id_), line) for id_, line in zip(flat[::2], flat[1::2], strict=True))
            return [(partition, id_, line) for id_, line in (*packing.briefs(own), *others)]

        values = itertools.chain.from_iterable(await asyncio.gather(*map(lines, epochs)))
        return frozenset(
            (f"{partition}.{id_}", packing.read_line(line).attempt)
            for partition, id_, line in values
            if packing.dialed_of(line)[0] <= epochs[partition]
        )

    async def end(self, processes: Iterable[Process], sign: signal.Signals = signal.SIGINT) -> None:
        """Let them all stop as they should; one that has just been started first gets to where it can."""
        for process in (processes := list(processes)):
            await self.ready(process)
        assert await asyncio.gather(*(process.end(sign) for process in processes)) == [0 for _ in processes]

    # -- looking -------------------------------------------------------------------------------------------------------

    @asynccontextmanager
    async def store(self) -> AsyncIterator[Store]:
        """The bot's store, read only, straight at the servers."""
        store = open_store(self.where, bot="crash-vote", read_only=True)
        await store.open()
        try:
            yield store
        finally:
            await store.close()

    async def claimed(self, store: Store, homes: Iterable[Urn]) -> dict[str, int]:
        assert isinstance(store, RedisStore)
        reader, found = store._reader, {}
        for home in homes:
            partition = partition_of(home, PARTITIONS)
            _, starts, _ = await reader.read("heads", partition, (partition, home))
            for start in starts:
                for id_, value in await reader.read("rows", partition, (partition, start, 1 << 20)):
                    found[f"{partition}.{id_}"] = int.from_bytes(value[10:16], "big")
        return found

    # -- people --------------------------------------------------------------------------------------------------------

    def doors(self, members: Iterable[Process]) -> contextlib.AbstractAsyncContextManager[Redelivery]:
        """Those who post to these processes in turn."""
        return self.clients(*(f"{member.url}/hooks/sms" for member in members))

    @asynccontextmanager
    async def load(self, clients: Redelivery, seed: int, rate_per_s: float = 350, contacts: int = 400) -> AsyncIterator[None]:
        """A crowd that votes until the end of the block."""
        stop, numbers = asyncio.Event(), [north_american(100 + index) for index in range(contacts)]
        async with asyncio.TaskGroup() as group:  # if the crowd fails, so does the block, which may wait for it
            group.create_task(self.crowd(clients, numbers, 1_000_000, seed, rate_per_s=rate_per_s, stop=stop))
            try:
                yield
            finally:
                stop.set()

    @staticmethod
    def one_each() -> Sequence[str]:
        """A number of each partition, by partition, of people who are in no crowd."""
        return one_each()

    async def probe(self, clients: Redelivery, sends: Callable[[], Iterable[Send]]) -> float:
        """Somebody of each partition says something; give how many seconds it took until the last one had an answer."""
        began = time.time()
        room = asyncio.Semaphore(32)

        async def say(number: str) -> None:
            async with room:
                await clients.deliver(*self.message(number, len(clients.told[urn("tel", number)]), "vote 1"))

        await asyncio.gather(*map(say, one_each()))
        waiting = set(one_each())
        while waiting:
            assert time.time() - began < ANSWERED_S, f"{len(waiting)} partitions answer nobody for {ANSWERED_S:.0f} s"
            await asyncio.sleep(0.05)
            waiting.difference_update(send.to for send in sends() if send.at >= began)
        return time.time() - began

    async def verdict(self, clients: Redelivery, provider: FakeProvider, members: Iterable[Process]) -> tuple[Evidence, Figures]:
        """After the last fault: everybody is answered, nothing is left, all stop well. What there is to judge by, and figures."""
        answered_s = await self.probe(clients, lambda: provider.sends)
        await self.quiet()
        await self.end(members)
        evidence = await self.evidence(clients.told, provider.sends)
        times = Counter(send.reference for send in evidence.sends if send.sent)
        return evidence, {
            "messages": sum(map(len, clients.told.values())),
            "acks": clients.acks,
            "sent twice": sum(posts > 1 for posts in clients.posted.values()),
            "refused": sum(clients.refused.values()),
            "dialed at faults": "+".join(str(len(crash)) for crash in evidence.crashes) or "0",
            "unknown": sum(row.state is RowState.UNKNOWN for row in evidence.rows),
            "replies twice": sum(count > 1 for count in times.values()),
            "all answered in s": round(answered_s, 1),
        }


@functools.cache
def one_each() -> Sequence[str]:
    found: dict[int, str] = {}
    index = 20_000
    while len(found) < PARTITIONS:
        number = north_american(index)
        found.setdefault(partition_of(urn("tel", number), PARTITIONS), number)
        index += 1
    return [found[each] for each in sorted(found)]


@pytest.fixture
async def fleet_at(tmp_path: Path) -> AsyncIterator[Callable[..., FleetRig]]:
    """A maker of rigs for a store, in the profile given."""
    made: list[FleetRig] = []

    def make(where: str, profile: str = "redis-fast") -> FleetRig:
        folder = tmp_path / f"fleet{len(made)}"
        folder.mkdir()
        made.append(FleetRig(folder, where, profile))
        return made[-1]

    yield make
    for process in (process for rig in made for process in reversed(rig.started)):
        process.send(signal.SIGCONT)
        await process.end(signal.SIGKILL)


@pytest.fixture
def redis() -> Iterator[Server]:
    """One server with an append-only file, of this test alone."""
    with servers.server(appendfsync="everysec") as one:
        yield one


@pytest.fixture
def rig(redis: Server, fleet_at: Callable[..., FleetRig]) -> FleetRig:
    return fleet_at(redis.url)


@pytest.fixture
def chance(request: pytest.FixtureRequest) -> random.Random:
    """Chance with the same seed each time, another for each test."""
    return random.Random(request.node.name)
