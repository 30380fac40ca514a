"""The store on Redis ≥ 7.0 or Valkey ≥ 8, single or cluster: one script a promise, leases with epochs, numbered accept."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import suppress
from typing import Any

from vaiven.model.contacts import ContactState
from vaiven.model.errors import SettingsError, StoreError, StoreMismatch, StoreUnavailable
from vaiven.model.events import Event
from vaiven.model.outbox import OutboxRow, RowState, Settlement
from vaiven.model.turns import Committed, Consent, DeadLetter, Taken, Turn, TurnRecord, Unreached, Verdict
from vaiven.model.urns import Identity, Urn, partition_of
from vaiven.stores.contract import AtOnce, Claiming, Counts, FlowVersion, Held, Lag, Role, Total
from vaiven.stores.redis import claims, commits, packing, reading
from vaiven.stores.redis.arriving import Arriving, States
from vaiven.stores.redis.asking import Asking
from vaiven.stores.redis.claims import flat
from vaiven.stores.redis.doubts import Doubts
from vaiven.stores.redis.gather import Gather
from vaiven.stores.redis.keys import Keys
from vaiven.stores.redis.wire import Durability, Patience, Wire

PARTITIONS = 256
"""How many a new store gets unless told: enough to share among many processes and nodes, few enough to look at in a second."""

SCHEMA = 4

HEAR_S = 1.0
"""How long ``open`` waits for pub/sub at most."""


class RedisStore:
    """The promises of ``Store``, shared by any number of processes.

    ``bot`` is what all keys begin with, so bots share a server. ``wait`` is whose word a write needs before it is answered;
    None: the server's alone. ``clock`` gives ms since the epoch and stands for the server's own (for tests only:
    several machines need one clock). ``read_only`` writes nothing at all.
    """

    def __init__(
        self,
        url: str,
        *,
        bot: str = "vaiven",
        partitions: int | None = None,
        clock: Callable[[], int] | None = None,
        read_only: bool = False,
        wait: Durability | None = None,
        patience: Patience | None = None,
    ) -> None:
        if not bot or set(bot) & set("{} ") or bot != bot.strip(":"):
            raise SettingsError([f"bot: {bot!r} cannot begin the names of keys. Write letters, digits, dots, dashes."])
        self._url, self._wait, self._patience = url, wait, patience
        self._name = self._wire().name
        self.partitions = partitions or PARTITIONS
        self._asked_partitions = partitions
        self._keys = Keys(bot)
        self._clock, self._read_only = clock, read_only
        self._listening: list[tuple[Role, Callable[[Collection[int]], None]]] = []
        self._origin = secrets.token_hex(6).encode()
        self._owners: set[tuple[Role, str]] = set()
        self._asking: Asking | None = None
        self._gathers: dict[int, Gather] = {}
        self._at_once: AtOnce | None = None
        self._states = States()
        self._arrivings: dict[int, Arriving] = {}
        self._heard = asyncio.Event()
        self._doubts = Doubts()

    # -- open and close ------------------------------------------------------------------------------------------------

    def _wire(self) -> Wire:
        return Wire(self._url, wait=self._wait, patience=self._patience)

    async def open(self) -> None:
        wire = self._wire()
        for role, wake in self._listening:
            self._subscribe(wire, role, wake)
        await wire.open()
        try:
            asking = Asking(wire, self._keys, self.partitions, self._origin)
            asking.partitions = self.partitions = await self._recorded(asking)
            asking.take_over()
        except BaseException:
            await wire.close()
            raise
        self._gathers, self._arrivings, self._states, self._doubts = {}, {}, States(), Doubts()
        self._asking = asking
        await self._hear(asking)

    async def _recorded(self, asking: Asking) -> int:
        """The number of partitions recorded in the store, which a new one gets now."""
        if self._read_only:
            told = await asking.ask(self._keys.meta, "HMGET", self._keys.meta, "schema", "partitions")
            if told[0] is None:
                raise StoreError(f"{self._name}: there is no store of this bot. It is made when the bot first runs.")
        else:
            told = await asking.run_on("found", (self._keys.meta,), (SCHEMA, self.partitions))
        schema, partitions = map(int, told)
        if schema > SCHEMA:
            raise StoreMismatch(
                f"{self._name}: made by a newer version (schema {schema}, known {SCHEMA}). Upgrade vaiven, or use another store."
            )
        if schema < SCHEMA:
            raise StoreMismatch(
                f"{self._name}: made before the first release (schema {schema}, known {SCHEMA}), and laid out otherwise. "
                "Use another store, or another name of the bot."
            )
        if self._asked_partitions not in (None, partitions):
            raise StoreMismatch(f"{self._name}: it has {partitions} partitions, not {self._asked_partitions}.")
        return partitions

    async def close(self) -> None:
        asking = self._asking
        if asking is None:
            return
        for gather in self._gathers.values():
            await gather.rest()
        for arriving in self._arrivings.values():
            await arriving.rest()
        await asking.rest()
        for role, owner in sorted(self._owners):
            # They end by themselves where the server cannot be reached any more.
            with suppress(StoreError):
                await self._release(role, owner, None, forget=False)
        self._owners.clear()
        self._asking = None
        asking.closed = True
        await asking.wire.close()

    async def _hear(self, asking: Asking) -> None:
        """Wait until we hear ourselves, so that nothing said from now on is missed; but not for long, since wakes are hints."""
        self._heard.clear()
        channel = self._keys.alone("wake", self._listening[-1][0]) if self._listening else b""
        ends = asyncio.get_running_loop().time() + HEAR_S
        while channel and not self._heard.is_set() and asyncio.get_running_loop().time() < ends:
            await asking.ask(channel, "PUBLISH", channel, self._origin)
            with suppress(TimeoutError):
                async with asyncio.timeout(HEAR_S / 50):
                    await self._heard.wait()

    def listen(self, role: Role, wake: Callable[[Collection[int]], None]) -> None:
        self._listening.append((role, wake))
        if self._asking is not None:
            self._subscribe(self._asking.wire, role, wake)

    def _subscribe(self, wire: Wire, role: Role, wake: Callable[[Collection[int]], None]) -> None:
        def heard(message: bytes) -> None:
            origin, *partitions = message.split()
            if origin == self._origin:
                self._heard.set()
            else:
                wake([int(partition) for partition in partitions])

        wire.subscribe(self._keys.alone("wake", role), heard)

    def turn_at_once(self, who: AtOnce) -> None:
        self._at_once, self._arrivings = who, {}

    @property
    def _on(self) -> Asking:
        """What may write."""
        if self._asking is None or self._read_only:
            raise StoreUnavailable(f"{self._name}: the store is not open for serving")
        return self._asking

    @property
    def _reader(self) -> Asking:
        if self._asking is None:
            raise StoreUnavailable(f"{self._name}: the store is not open")
        return self._asking

    async def now_ms(self) -> int:
        if self._clock is not None:
            return self._clock()
        seconds, micros = await self._reader.wire.ask_any("TIME")
        return int(seconds) * 1000 + int(micros) // 1000

    def _told_ms(self) -> int:
        return 0 if self._clock is None else self._clock()

    # -- in ------------------------------------------------------------------------------------------------------------

    async def identify(self, identities: Sequence[Identity]) -> list[Urn]:
        on, homes = self._on, []
        addresses = list({address: None for one in identities for address in (one.stable, *one.others)})
        keys = [self._keys.alone("alias", address) for address in addresses]
        found = await asyncio.gather(*(on.ask(key, "GET", key) for key in keys))
        known = {address: Urn(home.decode()) for address, home in zip(addresses, found, strict=True) if home is not None}

        async def bind(address: Urn, home: Urn) -> Urn:
            if address not in known:
                known[address] = Urn((await on.run_on("bind", (self._keys.alone("alias", address),), home)).decode())
            return known[address]

        for one in identities:
            home = await bind(one.stable, next((known[other] for other in one.others if other in known), one.stable))
            for other in one.others:
                await bind(other, home)
            homes.append(home)
        return homes

    async def accept(self, events: Sequence[Event]) -> list[int]:
        on = self._on
        if not events:
            return []
        if self._at_once is not None and (not on.cluster or len(events) == 1):
            return await self._arriving(on, self._at_once, events[0].partition if on.cluster else 0).put(events)
        if not on.cluster or len(events) == 1:
            return await self._gather(on, events[0].partition if on.cluster else 0).put(*packing.events(events))
        apart: dict[int, list[Event]] = {}
        for event in events:
            apart.setdefault(event.partition, []).append(event)
        packed = [packing.events(some) for some in apart.values()]
        puts = (self._gather(on, partition).put(*each) for partition, each in zip(apart, packed, strict=True))
        given = await asyncio.gather(*puts)
        numbers = {partition: iter(each) for partition, each in zip(apart, given, strict=True)}
        return [next(numbers[event.partition]) for event in events]

    def _gather(self, on: Asking, partition: int) -> Gather:
        """On a cluster each partition gathers for itself, so that a node that is away holds up nobody else."""
        gather = self._gathers.get(partition)
        if gather is None:
            gather = self._gathers[partition] = Gather(lambda asked, blobs: on.run("accept", partition, asked, blobs))
        return gather

    def _arriving(self, on: Asking, who: AtOnce, partition: int) -> Arriving:
        """The same, where what comes in is also turned."""
        arriving = self._arrivings.get(partition)
        if arriving is None:
            arriving = Arriving(on, self._states, self._doubts, who, self._values, self.commit)
            self._arrivings[partition] = arriving
        return arriving

    # -- turns ---------------------------------------------------------------------------------------------------------

    async def lease(self, role: Role, owner: str, partitions: Sequence[int], ttl_ms: int, expired: bool = True) -> dict[int, int]:
        on, now = self._on, self._told_ms()
        self._owners.add((role, owner))
        given = await on.over(on.run, "lease", partitions, lambda group: (role, owner, ttl_ms, now, group, expired))
        epochs = dict(zip(given[::2], given[1::2], strict=True))
        if role is Role.TURN:
            self._states.held(epochs)
        return epochs

    async def release(self, role: Role, owner: str, partitions: Collection[int] | None = None) -> None:
        await self._release(role, owner, partitions, role is Role.TURN)

    async def _release(self, role: Role, owner: str, partitions: Collection[int] | None, forget: bool) -> None:
        on = self._on
        if partitions is None:
            await self.attend(role, owner, 0)
            self._owners.discard((role, owner))
        if role is Role.SEND and (reigns := self._doubts.open(partitions)):
            # The next owner could not know that nobody has sent what we missed.
            found = await on.over(on.run, "dialed", reigns, lambda group: flat((each, reigns[each]) for each in group))
            await self._queue_again([(packing.read_row(*row), *packing.dialed_of(row[2])) for row in found], reigns)
        groups = on.groups(range(self.partitions) if partitions is None else partitions)
        await asyncio.gather(*(on.run("release", group[0], (role, owner, forget, group)) for group in groups))

    async def attend(self, role: Role, owner: str, ttl_ms: int) -> list[str]:
        key = self._keys.alone("attend", role)
        if self._read_only and not ttl_ms:
            found = await self._reader.ask(key, "ZRANGEBYSCORE", key, f"({await self.now_ms()}", "+inf")
            return sorted(name.decode() for name in found)
        return sorted(name.decode() for name in await self._on.run_on("attend", (key,), (owner, ttl_ms, self._told_ms())))

    async def held(self) -> list[Held]:
        now, reader = self._told_ms(), self._reader
        found, away = await reader.reached(reader.read, "held", range(self.partitions), lambda group: (now, group))
        if away is not None and len(away.partitions) == self.partitions:
            raise away
        held = [Held(Role(role.decode()), partition, owner.decode(), *rest) for role, partition, owner, *rest in found]
        return sorted(held, key=lambda one: (one.role, one.partition))

    async def take(self, epochs: Mapping[int, int], after: Mapping[int, int], limit: int) -> list[Taken]:
        on = self._on
        reached, given_of = dict(after), set[int]()

        async def ask(partitions: Collection[tuple[int, int]], limit: int) -> list[Any]:
            asked: list[int] = []
            for partition, epoch in partitions:
                asked += partition, epoch, reached.get(partition, 0), partition in given_of
            given: list[Any] = await on.run("take", asked[0], (limit, asked))
            for partition, number, *_ in given:
                reached[partition] = max(number, reached.get(partition, 0))
                given_of.add(partition)
            return given

        given = await on.share(epochs, limit, ask)
        given.sort(key=lambda one: (one[1], one[0]))
        return [Taken(number, packing.decode_event(event), takes) for _, number, takes, event in given]

    async def load(self, homes: Sequence[Urn]) -> list[ContactState]:
        read = packing.read_state
        return [read(home, value) for home, value in zip(homes, await self._values(homes), strict=True)]

    async def _values(self, homes: Sequence[Urn]) -> Sequence[bytes | None]:
        """The contacts' values, which are at hand from then on where events are turned as they come in."""
        reader, count, base, era = self._reader, self.partitions, self._keys.base, self._states.era
        keys = [b"%b%d}:c:%b" % (base, partition_of(home, count), home.encode()) for home in homes]
        if not reader.cluster:
            values = await reader.ask(keys[0], "MGET", *keys) if keys else []
        else:
            apart: dict[int, list[bytes]] = {}
            for home, key in zip(homes, keys, strict=True):
                apart.setdefault(partition_of(home, count), []).append(key)
            given, away = await reader.apart({each: reader.ask(some[0], "MGET", *some) for each, some in apart.items()})
            if away is not None:
                raise away
            found: dict[bytes, bytes | None] = {}
            for each, answer in given.items():
                found.update(zip(apart[each], answer, strict=True))
            values = [found[key] for key in keys]
        if self._at_once is not None and self._states.era == era:
            for home, value in zip(homes, values, strict=True):
                self._states.put(home, value or b"")
        return values

    async def commit(self, turns: Sequence[Turn], claiming: Claiming | None = None) -> list[Verdict]:
        era = self._states.era
        if claiming is None:
            return self._committed(turns, await commits.commit(self._on, turns, None), era)
        rows, sends = [(row.partition, row.row) for turn in turns for row in turn.rows], claiming.epochs
        epochs = {partition: sends[partition] for partition, _ in rows if partition in sends}  # which may change meanwhile
        instants = {turn.record.at_ms for turn in turns if turn.record is not None}
        with self._doubts.dialing(rows, epochs, instants):
            verdicts = await commits.commit(self._on, turns, Claiming(epochs, claiming.budget))
        if lost := {verdict.partition for verdict in verdicts if isinstance(verdict, Unreached)}:
            self._doubts.doubt({each: epoch for each, epoch in epochs.items() if each in lost}, instants)
        self._doubts.gave(row for verdict in verdicts if isinstance(verdict, Committed) for row in verdict.dialed)
        return self._committed(turns, verdicts, era)

    def _committed(self, turns: Sequence[Turn], verdicts: list[Verdict], era: int) -> list[Verdict]:
        """Keep at hand what these turns left."""
        if self._at_once is not None and self._states.era == era:
            for turn, verdict in zip(turns, verdicts, strict=True):
                if not isinstance(verdict, Committed):
                    self._states.drop((turn.event.home,))
                elif turn.state is not None:
                    self._states.put(turn.event.home, packing.kept(turn))
        return verdicts

    async def due(self, epochs: Mapping[int, int], now_ms: int, limit: int) -> list[Taken]:
        on = self._on

        async def ask(partitions: Collection[tuple[int, int]], limit: int) -> list[Any]:
            asked = flat(partitions)
            given: list[Any] = await on.run("due", asked[0], (now_ms, limit, asked))
            return given

        given = await on.share(epochs, limit, ask)
        return [Taken(number, packing.decode_event(event)) for _, number, event in given]

    # -- out -----------------------------------------------------------------------------------------------------------

    async def claim(self, epochs: Mapping[int, int], now_ms: int, budget: Mapping[str, int]) -> list[OutboxRow]:
        on, room = self._on, {channel: room for channel, room in budget.items() if room > 0}
        epochs = dict(epochs)  # which may change while servers are asked
        with self._doubts.dialing([], epochs, (now_ms,)):
            given, lost = await claims.claim(on, epochs, now_ms, room)
        self._doubts.doubt({each: epochs[each] for each in lost}, (now_ms,))
        self._doubts.gave(given)
        for row in given:
            room[row.channel] -= 1
        try:
            missed = await self._doubts.resolved(on, epochs, room)
        except StoreUnavailable:
            missed = []  # a later claim looks again, and what was claimed must not be lost over it
        self._doubts.gave(missed)
        return sorted([*given, *missed], key=packing.rank)

    async def settle(self, settlements: Sequence[Settlement]) -> list[bool | None]:
        settled = await commits.settle(self._on, settlements)
        answers = zip(settlements, settled, strict=True)
        self._doubts.settled(((told.partition, told.row), done) for told, done in answers if done is not None)
        return settled

    async def strays(self, epochs: Mapping[int, int]) -> list[OutboxRow]:
        on = self._on
        await self._doubts.rested(epochs)
        given = await on.over(on.read, "strays", epochs, lambda group: flat((each, epochs[each]) for each in group))
        dialed = [(packing.read_row(*row), *packing.dialed_of(row[2])) for row in given]
        missed = await self._queue_again(dialed, epochs)
        rows = (row for row, *_ in dialed if (row.partition, row.row) not in missed)
        return sorted(rows, key=lambda row: (row.partition, row.row))

    async def _queue_again(self, dialed: Sequence[tuple[OutboxRow, int, int]], epochs: Mapping[int, int]) -> set[tuple[int, int]]:
        """Of rows dialed, each with epoch and instant, queue those again that this handle missed: nobody has sent them."""
        queued = [
            Settlement(row.partition, epochs[row.partition], row.row, row.attempt, RowState.QUEUED)
            for row in self._doubts.missed(dialed)
        ]
        if queued:
            answers = zip(queued, await self.settle(queued), strict=True)
            if away := {told.partition for told, done in answers if done is None}:
                raise StoreUnavailable(f"{self._name}: rows could not be queued again", 1, away)
        return {(told.partition, told.row) for told in queued}

    async def draw(self, sender: str, rate_per_s: float, burst: int, wanted: int, now_ms: int) -> int:
        key = self._keys.alone("rate", sender)
        given: int = await self._on.run_on("draw", (key,), (rate_per_s, burst, wanted, now_ms))
        return given

    # -- flows, reading ------------------------------------------------------------------------------------------------

    async def publish(self, versions: Sequence[FlowVersion]) -> None:
        asked = [(version.flow, version.hash, version.shape) for version in versions]
        keys = (self._keys.versions, self._keys.current, self._keys.shapes)
        await self._on.run_on("publish", keys, asked, [packing.encode(version) for version in versions])

    async def flow(self, hash_: str) -> FlowVersion | None:
        return (await reading.versions(self._reader, [hash_]))[0]

    async def shape(self, shape: str) -> FlowVersion | None:
        return await reading.shape(self._reader, shape)

    async def current(self) -> list[FlowVersion]:
        return await reading.current(self._reader)

    async def current_hashes(self) -> dict[str, str]:
        return await reading.current_hashes(self._reader)

    async def totals(self, poll: str | None = None) -> list[Total]:
        return await reading.totals(self._reader, poll)

    def history(self, home: Urn | None = None, newest: int | None = None) -> AsyncIterator[TurnRecord]:
        found = reading.everybody(self._reader) if home is None else reading.talk(self._reader, home)
        return found if newest is None else reading.first(found, newest)

    def people(self) -> AsyncIterator[ContactState]:
        return reading.people(self._reader)

    async def rows(self, home: Urn) -> list[OutboxRow]:
        return await reading.rows(self._reader, home)

    async def unsettled(self, states: Sequence[str], limit: int) -> list[OutboxRow]:
        return await reading.unsettled(self._reader, states, limit)

    async def consents(self, home: Urn | None = None) -> list[Consent]:
        return await (reading.ledger(self._reader) if home is None else reading.consents(self._reader, home))

    async def dead(self, limit: int) -> list[DeadLetter]:
        return await reading.dead(self._reader, limit)

    async def revive(self, partition: int, number: int, now_ms: int) -> int | None:
        event = await reading.letter(self._on, partition, number, now_ms)
        if event is None:
            return None
        revived: int = await self._on.run("revive", partition, (partition, number), (packing.encode(event),))
        return revived or None

    async def drop(self, partition: int, number: int) -> bool:
        return bool(await self._on.run("drop", partition, (partition, number)))

    async def prune(self, epochs: Mapping[int, int], before_ms: int, limit: int) -> int:
        on = self._on

        async def ask(partitions: Collection[tuple[int, int]], limit: int) -> list[int]:
            asked = flat(partitions)
            return [await on.run("prune", asked[0], (before_ms, limit, asked))]

        gone: list[int] = await on.share(epochs, limit, ask, sum)
        return sum(gone)

    async def counts(self) -> Counts:
        return await reading.counts(self._reader)

    async def lags(self) -> list[Lag]:
        return await reading.lags(self._reader)
