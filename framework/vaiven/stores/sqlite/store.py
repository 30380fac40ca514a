"""The embedded store: SQLite in WAL mode with ``synchronous=FULL``, one serving process a file, group commit."""

import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from vaiven.model.contacts import ContactState
from vaiven.model.errors import StoreError, StoreUnavailable
from vaiven.model.events import Event
from vaiven.model.outbox import OutboxRow, Settlement
from vaiven.model.turns import Consent, DeadLetter, Taken, Turn, TurnRecord, Verdict
from vaiven.model.urns import Identity, Urn
from vaiven.stores import codec
from vaiven.stores.buckets import Buckets
from vaiven.stores.contract import AtOnce, Claiming, Counts, FlowVersion, Held, Lag, Role, Total
from vaiven.stores.leases import Leases
from vaiven.stores.sqlite import errands, files, reading
from vaiven.stores.sqlite.mirror import PARKED_MS, Mirror
from vaiven.stores.sqlite.writer import Errand, Writer


class _Serving:
    """What only a serving process has: the lock, the writer, the mirror, and a connection for loads on the loop's thread."""

    def __init__(self, path: Path, partitions: int | None, clock: Callable[[], int]) -> None:
        self.lock = files.lock(path)
        try:
            writing, count = files.prepare(path, partitions)
            self.mirror = Mirror(count, Leases(clock))
            try:
                writing.execute("DELETE FROM parked WHERE at_ms < ?", (clock() - PARKED_MS,))
                self.mirror.read(writing)
            except sqlite3.Error as error:
                writing.close()
                raise StoreError(f"{path}: cannot be read as a store: {error}") from error
            self.loads = files.connect(path, writing=False)
            self.writer = Writer(writing, self.mirror, str(path))
        except BaseException:
            self.lock.close()
            raise

    async def close(self) -> None:
        self.loads.close()
        await self.writer.close()
        self.lock.close()


class SqliteStore:
    """The promises of ``Store``, in one file.

    Only one process can serve from a file; with ``read_only`` any number may look at it meanwhile. ``clock`` gives ms since
    the epoch and decides nothing but when leases expire.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        partitions: int | None = None,
        clock: Callable[[], int] | None = None,
        read_only: bool = False,
    ) -> None:
        self.path = Path(path).absolute()
        self.partitions = partitions or files.PARTITIONS
        self._asked_partitions = partitions
        self._clock = clock or (lambda: time.time_ns() // 1_000_000)
        self._read_only = read_only
        self._buckets = Buckets()
        self._serving: _Serving | None = None
        self._reader: reading.Reader | None = None

    async def now_ms(self) -> int:
        return self._clock()

    async def open(self) -> None:
        if self._read_only:
            self.partitions = files.look(self.path, self._asked_partitions)
        else:
            self._serving = _Serving(self.path, self._asked_partitions, self._clock)
            self.partitions = self._serving.mirror.partitions
        self._reader = reading.Reader(self.path)

    async def close(self) -> None:
        serving, self._serving = self._serving, None
        reader, self._reader = self._reader, None
        if reader is not None:
            await reader.close()
        if serving is not None:
            await serving.close()

    @property
    def _on(self) -> _Serving:
        if self._serving is None:
            raise StoreUnavailable(f"{self.path}: the store is not open for serving")
        return self._serving

    async def _errand(self, errand: Errand) -> Any:
        return await self._on.writer.run(errand)

    async def _read(self, query: Callable[..., Any], *args: Any) -> Any:
        if self._reader is None:
            raise StoreUnavailable(f"{self.path}: the store is not open")
        return await self._reader.run(query, *args)

    # -- in ------------------------------------------------------------------------------------------------------------

    async def identify(self, identities: Sequence[Identity]) -> list[Urn]:
        homes: list[Urn] = await self._errand(lambda tx: errands.identify(tx, identities))
        return homes

    async def accept(self, events: Sequence[Event]) -> list[int]:
        numbers: list[int] = await self._on.writer.accept(events)
        return numbers

    def turn_at_once(self, who: AtOnce) -> None:
        self._on.writer.at_once = who

    # -- turns ---------------------------------------------------------------------------------------------------------

    async def lease(self, role: Role, owner: str, partitions: Sequence[int], ttl_ms: int, expired: bool = True) -> dict[int, int]:
        held: dict[int, int] = await self._errand(lambda tx: errands.lease(tx, role, owner, partitions, ttl_ms, expired))
        return held

    async def release(self, role: Role, owner: str, partitions: Collection[int] | None = None) -> None:
        given_back = self._on.mirror.leases.release(role, owner, partitions)
        if role is Role.TURN and given_back:
            await self._errand(lambda tx: errands.forgive(tx, given_back))

    async def attend(self, role: Role, owner: str, ttl_ms: int) -> list[str]:
        return self._on.mirror.leases.attend(role, owner, ttl_ms)

    async def held(self) -> list[Held]:
        return self._on.mirror.leases.held()

    def listen(self, role: Role, wake: Callable[[Collection[int]], None]) -> None:
        """One handle serves from a file, so there is no other that could append."""

    async def take(self, epochs: Mapping[int, int], after: Mapping[int, int], limit: int) -> list[Taken]:
        taken: list[Taken] = await self._errand(lambda tx: errands.take(tx, epochs, after, limit))
        return taken

    async def load(self, homes: Sequence[Urn]) -> list[ContactState]:
        if self._read_only:
            states = await self._read(reading.states, homes)
        else:
            serving = self._on
            try:
                entries = serving.mirror.contacts.get(serving.loads, homes)
            except sqlite3.Error as error:
                raise StoreUnavailable(f"{self.path}: {error}") from error
            states = [entries[home].state for home in homes]
        decode = codec.decode_state
        return [codec.fresh(home) if state is None else decode(state) for home, state in zip(homes, states, strict=True)]

    async def commit(self, turns: Sequence[Turn], claiming: Claiming | None = None) -> list[Verdict]:
        verdicts: list[Verdict] = await self._on.writer.commit(turns, claiming)
        return verdicts

    async def due(self, epochs: Mapping[int, int], now_ms: int, limit: int) -> list[Taken]:
        taken: list[Taken] = await self._errand(lambda tx: errands.due(tx, epochs, now_ms, limit))
        return taken

    # -- out -----------------------------------------------------------------------------------------------------------

    async def claim(self, epochs: Mapping[int, int], now_ms: int, budget: Mapping[str, int]) -> list[OutboxRow]:
        rows: list[OutboxRow] = await self._errand(lambda tx: tx.claim(epochs, now_ms, budget))
        return rows

    async def settle(self, settlements: Sequence[Settlement]) -> list[bool]:
        settled: list[bool] = await self._on.writer.settle(settlements)
        return settled

    async def strays(self, epochs: Mapping[int, int]) -> list[OutboxRow]:
        rows: list[OutboxRow] = await self._errand(lambda tx: tx.strays(epochs))
        return rows

    async def draw(self, sender: str, rate_per_s: float, burst: int, wanted: int, now_ms: int) -> int:
        return self._buckets.draw(sender, rate_per_s, burst, wanted, now_ms)

    # -- flows, reading ------------------------------------------------------------------------------------------------

    async def publish(self, versions: Sequence[FlowVersion]) -> None:
        await self._errand(lambda tx: errands.publish(tx, versions))

    async def flow(self, hash_: str) -> FlowVersion | None:
        version: FlowVersion | None = await self._read(reading.flow, hash_)
        return version

    async def shape(self, shape: str) -> FlowVersion | None:
        version: FlowVersion | None = await self._read(reading.shape, shape)
        return version

    async def current(self) -> list[FlowVersion]:
        versions: list[FlowVersion] = await self._read(reading.current)
        return versions

    async def current_hashes(self) -> dict[str, str]:
        hashes: dict[str, str] = await self._read(reading.current_hashes)
        return hashes

    async def totals(self, poll: str | None = None) -> list[Total]:
        totals: list[Total] = await self._read(reading.totals, poll)
        return totals

    async def history(self, home: Urn | None = None, newest: int | None = None) -> AsyncIterator[TurnRecord]:
        read = reading.everybody if home is None else reading.chain
        at = -1 if home is None else await self._read(reading.newest, home, "history")
        left = newest
        while left is None or left > 0:
            count = reading.PAGE if left is None else min(left, reading.PAGE)
            records, at = await self._read(read, at, count)
            for record in records:
                yield record
            left = None if left is None else left - len(records)
            if len(records) < count:
                return

    async def people(self) -> AsyncIterator[ContactState]:
        page: list[tuple[str, bytes]] = await self._read(reading.people, "")
        while page:
            for _, state in page:
                yield codec.decode_state(state)
            page = await self._read(reading.people, page[-1][0])

    async def rows(self, home: Urn) -> list[OutboxRow]:
        rows: list[OutboxRow] = await self._read(reading.rows, home)
        return rows

    async def unsettled(self, states: Sequence[str], limit: int) -> list[OutboxRow]:
        rows: list[OutboxRow] = await self._read(reading.unsettled, states, limit)
        return rows

    async def consents(self, home: Urn | None = None) -> list[Consent]:
        consents: list[Consent] = await self._read(reading.consents, home)
        return consents

    async def dead(self, limit: int) -> list[DeadLetter]:
        letters: list[DeadLetter] = await self._read(reading.dead, limit)
        return letters

    async def revive(self, partition: int, number: int, now_ms: int) -> int | None:
        revived: int | None = await self._errand(lambda tx: errands.revive(tx, partition, number, now_ms))
        return revived

    async def drop(self, partition: int, number: int) -> bool:
        dropped: bool = await self._errand(lambda tx: errands.drop(tx, partition, number))
        return dropped

    async def prune(self, epochs: Mapping[int, int], before_ms: int, limit: int) -> int:
        gone: int = await self._errand(lambda tx: errands.prune(tx, epochs, before_ms, limit))
        return gone

    async def counts(self) -> Counts:
        counts: Counts = await self._read(reading.counts)
        return counts

    async def lags(self) -> list[Lag]:
        lags: list[Lag] = await self._read(reading.lags)
        return lags
