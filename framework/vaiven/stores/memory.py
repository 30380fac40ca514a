"""Everything in dictionaries, for tests and for trying things out. The complete reference: the store to read first."""

import asyncio
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping, Sequence
from copy import copy

from vaiven.model.contacts import ContactState
from vaiven.model.events import Event
from vaiven.model.outbox import FINAL, OutboxRow, Settlement
from vaiven.model.turns import (
    AlreadyHandled,
    Committed,
    Consent,
    DeadLetter,
    LeaseLost,
    SessionMoved,
    Taken,
    Timer,
    Turn,
    TurnRecord,
    Verdict,
)
from vaiven.model.urns import Identity, Urn
from vaiven.stores import codec, rules
from vaiven.stores.buckets import Buckets
from vaiven.stores.contract import AtOnce, Claiming, Counts, FlowVersion, Held, Lag, Role, Total
from vaiven.stores.leases import Leases
from vaiven.stores.memory_rows import Outbox

PARTITIONS = 16

Wake = Callable[[Collection[int]], None]


class MemoryStore:
    """The promises of ``Store``, for as long as the object lives. States are kept encoded, so that nobody shares them."""

    def __init__(self, *, partitions: int | None = None, clock: Callable[[], int] | None = None) -> None:
        self.partitions = partitions or PARTITIONS
        self._leases = Leases(clock or (lambda: time.time_ns() // 1_000_000))
        self._buckets = Buckets()
        self._doors: set[int] = set()
        self._wakes: dict[int, list[tuple[Role, Wake]]] = defaultdict(list)
        self._aliases: dict[Urn, Urn] = {}
        self._numbers: dict[int, int] = defaultdict(int)
        self._inbox: dict[int, dict[int, Event]] = defaultdict(dict)
        self._takes: dict[tuple[int, int], tuple[int, int]] = {}
        self._states: dict[Urn, bytes] = {}
        self._versions: dict[Urn, int] = {}
        self._controls: dict[Urn, int] = {}
        self._opt_outs: dict[Urn, set[str]] = defaultdict(set)
        self._ledger: list[Consent] = []
        self._timers: dict[tuple[Urn, str], tuple[int, Timer]] = {}
        self._outbox = Outbox(lambda home: (self._opt_outs.get(home, ()), self._controls.get(home, 0)))
        self._tallies: Counter[tuple[str, str, str]] = Counter()
        self._records: dict[int, dict[int, TurnRecord]] = defaultdict(dict)
        self._talks: dict[Urn, list[TurnRecord]] = defaultdict(list)
        self._dead: list[DeadLetter] = []
        self._flows: dict[str, FlowVersion] = {}
        self._current: dict[str, str] = {}
        self._at_once: AtOnce | None = None

    def another(self) -> "MemoryStore":
        """A second handle on the same data, as another process would have one of a store that many serve from."""
        other = copy(self)
        other._at_once = None
        return other

    async def now_ms(self) -> int:
        return self._leases.clock()

    async def open(self) -> None:
        if not self._doors:
            self._leases.clear()
        self._doors.add(id(self))

    async def close(self) -> None:
        self._doors.discard(id(self))
        if not self._doors:
            self._leases.clear()

    # -- in ------------------------------------------------------------------------------------------------------------

    async def identify(self, identities: Sequence[Identity]) -> list[Urn]:
        homes = []
        for identity in identities:
            known = (self._aliases[other] for other in identity.others if other in self._aliases)
            home = self._aliases.setdefault(identity.stable, next(known, identity.stable))
            for other in identity.others:
                self._aliases.setdefault(other, home)
            homes.append(home)
        return homes

    async def accept(self, events: Sequence[Event]) -> list[int]:
        self._tell(Role.TURN, (event.partition for event in events))
        numbers = [self._append(event) for event in events]
        if self._at_once is not None:
            taken = [Taken(number, event) for number, event in zip(numbers, events, strict=True)]
            turns, claiming = self._at_once.decide(taken, self._load, False)
            if turns:
                self._at_once.decided(turns, claiming, self._commit_all(turns, claiming))
        return numbers

    def turn_at_once(self, who: AtOnce) -> None:
        self._at_once = who

    def _append(self, event: Event) -> int:
        number = self._numbers[event.partition] = self._numbers[event.partition] + 1
        self._inbox[event.partition][number] = event
        return number

    def _tell(self, role: Role, partitions: Iterable[int]) -> None:
        """Wake the other handles, if there are any."""
        named = frozenset(partitions)
        for door in self._doors - {id(self)} if named else ():
            for of, wake in self._wakes.get(door, ()):
                if of is role:
                    asyncio.get_running_loop().call_soon(wake, named)

    # -- turns ---------------------------------------------------------------------------------------------------------

    async def lease(self, role: Role, owner: str, partitions: Sequence[int], ttl_ms: int, expired: bool = True) -> dict[int, int]:
        return self._leases.take(role, owner, partitions, ttl_ms, expired)[0]

    async def release(self, role: Role, owner: str, partitions: Collection[int] | None = None) -> None:
        given_back = self._leases.release(role, owner, partitions)
        if role is Role.TURN:
            for key in [key for key in self._takes if key[0] in given_back]:
                del self._takes[key]

    async def attend(self, role: Role, owner: str, ttl_ms: int) -> list[str]:
        return self._leases.attend(role, owner, ttl_ms)

    async def held(self) -> list[Held]:
        return self._leases.held()

    def listen(self, role: Role, wake: Wake) -> None:
        self._wakes[id(self)].append((role, wake))

    async def take(self, epochs: Mapping[int, int], after: Mapping[int, int], limit: int) -> list[Taken]:
        waiting = sorted(
            (number, partition)
            for partition in self._leases.current(Role.TURN, epochs)
            for number in self._inbox[partition]
            if number > after.get(partition, 0)
        )
        taken, begun = [], set[int]()
        for number, partition in waiting[:limit]:
            known, first = self._takes.get((partition, number)), partition not in begun
            self._takes[partition, number] = takes, _ = rules.taken(known, epochs[partition], first=first)
            begun.add(partition)
            taken.append(Taken(number, self._inbox[partition][number], takes))
        return taken

    async def load(self, homes: Sequence[Urn]) -> list[ContactState]:
        return self._load(homes)

    def _load(self, homes: Sequence[Urn]) -> list[ContactState]:
        return [codec.decode_state(self._states[home]) if home in self._states else codec.fresh(home) for home in homes]

    async def commit(self, turns: Sequence[Turn], claiming: Claiming | None = None) -> list[Verdict]:
        return self._commit_all(turns, claiming)

    def _commit_all(self, turns: Sequence[Turn], claiming: Claiming | None) -> list[Verdict]:
        refused: set[Urn] = set()
        verdicts = [self._commit(turn, refused) for turn in turns]
        if claiming is not None:
            done = [turn for turn, verdict in zip(turns, verdicts, strict=True) if isinstance(verdict, Committed)]
            dialed = self._outbox.claim_own(done, self._leases.current(Role.SEND, claiming.epochs), claiming.budget)
            for at, verdict in enumerate(verdicts):
                if isinstance(verdict, Committed):
                    verdicts[at] = Committed(verdict.number, tuple(dialed[turns[at].event.partition, verdict.number]))
        self._tell(Role.SEND, (row.partition for turn in turns for row in turn.rows))
        return verdicts

    def _commit(self, turn: Turn, refused: set[Urn]) -> Verdict:
        event, partition, version = turn.event, turn.event.partition, self._versions.get(turn.event.home, 0)
        if not self._leases.is_current(Role.TURN, partition, turn.epoch):
            refused.add(event.home)
            return LeaseLost(partition)
        if turn.number not in self._inbox[partition]:
            refused.add(event.home)
            return AlreadyHandled(event.id)
        early = rules.tells(turn) and min(self._inbox[partition]) < turn.number
        if event.home in refused or early or (turn.state is not None and turn.base != version):
            refused.add(event.home)
            return SessionMoved(event.home, version)
        del self._inbox[partition][turn.number]
        self._takes.pop((partition, turn.number), None)
        self._save(turn)
        return Committed(turn.number)

    def _save(self, turn: Turn) -> None:
        event = turn.event
        if turn.state is not None:
            self._states[event.home] = codec.encode(turn.state)
            self._versions[event.home] = turn.base + 1
            self._controls[event.home] = turn.state.contact.control
        for key in turn.cancelled:
            self._timers.pop((event.home, key), None)
        for timer in turn.timers:
            self._timers[timer.home, timer.key] = (event.partition, timer)
        for consent in turn.consents:
            self._ledger.append(consent)
            (set.add if consent.opted_out else set.discard)(self._opt_outs[consent.home], consent.sender)
        for tally in turn.tallies:
            self._tallies[tally.poll, tally.option, tally.outcome] += 1
        for row in turn.rows:
            self._outbox.add(row)
        if turn.receipt is not None:
            self._outbox.deliver(event, turn.receipt)
        if turn.record is not None:
            self._records[event.partition][turn.number] = turn.record
            self._talks[event.home].append(turn.record)
        if turn.buried is not None:
            at_ms = event.at_ms if turn.record is None else turn.record.at_ms
            self._dead.append(DeadLetter(turn.number, event, turn.buried, at_ms))

    async def due(self, epochs: Mapping[int, int], now_ms: int, limit: int) -> list[Taken]:
        held = self._leases.current(Role.TURN, epochs)
        ripe = sorted(
            (timer.due_ms, key)
            for key, (partition, timer) in self._timers.items()
            if timer.due_ms <= now_ms and partition in held
        )
        events = [rules.timer_event(self._timers.pop(key)[1], self.partitions, now_ms) for _, key in ripe[:limit]]
        return [Taken(self._append(event), event) for event in events]

    # -- out -----------------------------------------------------------------------------------------------------------

    async def claim(self, epochs: Mapping[int, int], now_ms: int, budget: Mapping[str, int]) -> list[OutboxRow]:
        return self._outbox.claim(self._leases.current(Role.SEND, epochs), now_ms, budget)

    async def settle(self, settlements: Sequence[Settlement]) -> list[bool]:
        settled = []
        for told in settlements:
            current = self._leases.is_current(Role.SEND, told.partition, told.epoch)
            settled.append(current and self._outbox.settle(told))
            if settled[-1] and told.event is not None:
                await self.accept([told.event])
        return settled

    async def strays(self, epochs: Mapping[int, int]) -> list[OutboxRow]:
        return self._outbox.strays(self._leases.current(Role.SEND, epochs))

    async def draw(self, sender: str, rate_per_s: float, burst: int, wanted: int, now_ms: int) -> int:
        return self._buckets.draw(sender, rate_per_s, burst, wanted, now_ms)

    # -- flows, reading ------------------------------------------------------------------------------------------------

    async def publish(self, versions: Sequence[FlowVersion]) -> None:
        for version in versions:
            self._flows.setdefault(version.hash, version)
            self._current[version.flow] = version.hash

    async def flow(self, hash_: str) -> FlowVersion | None:
        return self._flows.get(hash_)

    async def shape(self, shape: str) -> FlowVersion | None:
        fitting = [version for version in self._flows.values() if version.shape == shape]
        return next((v for v in fitting if self._current[v.flow] == v.hash), fitting[-1] if fitting else None)

    async def current(self) -> list[FlowVersion]:
        return [self._flows[self._current[flow]] for flow in sorted(self._current)]

    async def current_hashes(self) -> dict[str, str]:
        return dict(self._current)

    async def totals(self, poll: str | None = None) -> list[Total]:
        return [Total(*key, count) for key, count in sorted(self._tallies.items()) if poll in (None, key[0])]

    async def history(self, home: Urn | None = None, newest: int | None = None) -> AsyncIterator[TurnRecord]:
        if home is not None:
            records = self._talks.get(home, [])[::-1]
        else:
            records = [
                self._records[partition][number]
                for partition in sorted(self._records)
                for number in sorted(self._records[partition])
            ]
        for record in records[:newest]:
            yield record

    async def people(self) -> AsyncIterator[ContactState]:
        for state in list(self._states.values()):
            yield codec.decode_state(state)

    async def rows(self, home: Urn) -> list[OutboxRow]:
        return self._outbox.of(home)

    async def unsettled(self, states: Sequence[str], limit: int) -> list[OutboxRow]:
        rows = [line.row for line in self._outbox.lines.values() if line.row.state in states]
        return sorted(rows, key=lambda row: (row.created_ms, row.partition, row.row))[:limit]

    async def consents(self, home: Urn | None = None) -> list[Consent]:
        return [consent for consent in self._ledger if home in (None, consent.home)]

    async def dead(self, limit: int) -> list[DeadLetter]:
        return self._dead[::-1][:limit]

    async def revive(self, partition: int, number: int, now_ms: int) -> int | None:
        letter = self._letter(partition, number)
        if letter is None:
            return None
        self._dead.remove(letter)
        return (await self.accept([rules.revived(letter.event, now_ms)]))[0]

    async def drop(self, partition: int, number: int) -> bool:
        letter = self._letter(partition, number)
        if letter is not None:
            self._dead.remove(letter)
        return letter is not None

    def _letter(self, partition: int, number: int) -> DeadLetter | None:
        return next((one for one in self._dead if (one.event.partition, one.number) == (partition, number)), None)

    async def prune(self, epochs: Mapping[int, int], before_ms: int, limit: int) -> int:
        held = self._leases.current(Role.TURN, epochs)
        old = [
            (partition, record)
            for partition in held
            for _, record in sorted(self._records[partition].items())
            if record.at_ms < before_ms
        ]
        lines = sorted(
            (line for line in self._outbox.lines.values() if line.row.partition in held and line.row.state in FINAL),
            key=lambda line: (line.row.partition, line.row.row),
        )
        old_lines = [line for line in lines if line.row.created_ms < before_ms]
        for partition, record in old[:limit]:
            del self._records[partition][record.number]
            self._talks[record.event.home].remove(record)
        for line in old_lines[:limit]:
            self._outbox.remove(line)
        return len(old[:limit]) + len(old_lines[:limit])

    async def counts(self) -> Counts:
        waiting = [event.at_ms for inbox in self._inbox.values() for event in inbox.values()]
        rows, classes = self._outbox.count()
        return Counts(len(waiting), min(waiting, default=None), rows, len(self._timers), len(self._dead), classes)

    async def lags(self) -> list[Lag]:
        inboxes = sorted((partition, inbox) for partition, inbox in self._inbox.items() if inbox)
        return [Lag(partition, len(inbox), min(event.at_ms for event in inbox.values())) for partition, inbox in inboxes]
