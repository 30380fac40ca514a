"""Everything in dictionaries, for tests and for trying things out. The complete reference: the store to read first."""

import heapq
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence

from msgspec.structs import replace

from vaiven.model.contacts import ContactState
from vaiven.model.events import Event
from vaiven.model.messages import PASSING
from vaiven.model.outbox import FINAL, ROWS_A_TURN, OutboxRow, RowState, Settlement
from vaiven.model.receipts import DeliveryReceipt, DeliveryStatus, merge, parse_reference
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
from vaiven.stores.contract import AtOnce, Claiming, Counts, FlowVersion, Role, Total
from vaiven.stores.leases import Leases

PARTITIONS = 16


class _Line:
    """A row and what only the store needs to know of it: the epoch and the instant of its last dial."""

    __slots__ = ("dialed_ms", "epoch", "row")

    def __init__(self, row: OutboxRow) -> None:
        self.row, self.epoch, self.dialed_ms = row, 0, 0

    @property
    def wake_ms(self) -> int:
        return rules.wake_ms(self.row.state, self.row.not_before_ms, self.row.retry_ms)

    @property
    def rank(self) -> tuple[int, int, int, int]:
        row = self.row
        return (*rules.rank(row.message_class, row.created_ms, row.not_before_ms), row.partition, row.row)


class MemoryStore:
    """The promises of ``Store``, for as long as the object lives. States are kept encoded, so that nobody shares them."""

    def __init__(self, *, partitions: int | None = None, clock: Callable[[], int] | None = None) -> None:
        self.partitions = partitions or PARTITIONS
        self._leases = Leases(clock or (lambda: time.time_ns() // 1_000_000))
        self._aliases: dict[Urn, Urn] = {}
        self._numbers: dict[int, int] = defaultdict(int)
        self._inbox: dict[int, dict[int, Event]] = defaultdict(dict)
        self._takes: Counter[tuple[int, int]] = Counter()
        self._states: dict[Urn, bytes] = {}
        self._versions: dict[Urn, int] = {}
        self._controls: dict[Urn, int] = {}
        self._opt_outs: dict[Urn, set[str]] = defaultdict(set)
        self._ledger: list[Consent] = []
        self._timers: dict[tuple[Urn, str], tuple[int, Timer]] = {}
        self._lines: dict[tuple[int, int], _Line] = {}
        self._active: dict[tuple[Urn, str], list[_Line]] = defaultdict(list)
        self._of_home: dict[Urn, list[_Line]] = defaultdict(list)
        self._parked: dict[tuple[str, str], DeliveryReceipt] = {}
        self._tallies: Counter[tuple[str, str, str]] = Counter()
        self._records: dict[int, dict[int, TurnRecord]] = defaultdict(dict)
        self._talks: dict[Urn, list[TurnRecord]] = defaultdict(list)
        self._dead: list[DeadLetter] = []
        self._flows: dict[str, FlowVersion] = {}
        self._current: dict[str, str] = {}
        self._at_once: AtOnce | None = None

    async def open(self) -> None:
        self._leases.clear()

    async def close(self) -> None:
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

    # -- turns ---------------------------------------------------------------------------------------------------------

    async def lease(self, role: Role, owner: str, partitions: Sequence[int], ttl_ms: int) -> dict[int, int]:
        return self._leases.take(role, owner, partitions, ttl_ms)[0]

    async def release(self, role: Role, owner: str) -> None:
        self._leases.release(role, owner)

    async def take(self, epochs: Mapping[int, int], after: Mapping[int, int], limit: int) -> list[Taken]:
        waiting = sorted(
            (number, partition)
            for partition in self._leases.current(Role.TURN, epochs)
            for number in self._inbox[partition]
            if number > after.get(partition, 0)
        )
        taken = []
        for number, partition in waiting[:limit]:
            taken.append(Taken(number, self._inbox[partition][number], self._takes[partition, number]))
            self._takes[partition, number] += 1
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
            dialed = self._claim_own([t for t, v in zip(turns, verdicts, strict=True) if isinstance(v, Committed)], claiming)
            for at, verdict in enumerate(verdicts):
                if isinstance(verdict, Committed):
                    verdicts[at] = Committed(verdict.number, tuple(dialed[turns[at].event.partition, verdict.number]))
        return verdicts

    def _commit(self, turn: Turn, refused: set[Urn]) -> Verdict:
        event, partition, version = turn.event, turn.event.partition, self._versions.get(turn.event.home, 0)
        if not self._leases.is_current(Role.TURN, partition, turn.epoch):
            refused.add(event.home)
            return LeaseLost(partition)
        if turn.number not in self._inbox[partition]:
            refused.add(event.home)
            return AlreadyHandled(event.id)
        if event.home in refused or (turn.state is not None and turn.base != version):
            refused.add(event.home)
            return SessionMoved(event.home, version)
        del self._inbox[partition][turn.number]
        del self._takes[partition, turn.number]
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
            line = self._lines[row.partition, row.row] = _Line(row)
            self._active[row.home, row.channel].append(line)
            self._of_home[row.home].append(line)
        if turn.receipt is not None:
            self._deliver(event, turn.receipt)
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

    # -- receipts ------------------------------------------------------------------------------------------------------

    def _deliver(self, event: Event, receipt: DeliveryReceipt) -> None:
        """Merge a receipt into the rows it speaks of: by our reference, by a watermark, or by the provider's id."""
        if receipt.reference is not None:
            line = self._lines.get(parse_reference(receipt.reference) or (-1, -1))
            if line is not None and (line.row.partition, line.row.channel) == (event.partition, event.channel):
                self._merge(line, receipt)
        elif receipt.watermark_ms is not None:
            for line in self._under_watermark(event, receipt.watermark_ms, receipt.status):
                self._merge(line, receipt)
        elif receipt.provider_id is not None:
            line = next((line for line in self._newest(event) if line.row.provider_id == receipt.provider_id), None)
            if line is not None:
                self._merge(line, receipt)
            else:
                self._park((event.channel, receipt.provider_id), receipt)

    def _park(self, key: tuple[str, str], receipt: DeliveryReceipt) -> None:
        known = self._parked.get(key)
        if known is None or merge(known.status, receipt.status) is not known.status:
            self._parked[key] = receipt

    def _newest(self, event: Event) -> Iterator[_Line]:
        newest = reversed(self._of_home[event.home][-rules.REACH :])
        return (line for line in newest if line.row.channel == event.channel)

    def _under_watermark(self, event: Event, watermark_ms: int, status: DeliveryStatus) -> Iterator[_Line]:
        """Accepted rows dialed by then, newest first, as far as the first that an earlier watermark has told this of."""
        for line in self._newest(event):
            if line.row.state is RowState.ACCEPTED and line.dialed_ms <= watermark_ms:
                if merge(line.row.delivery, status) is line.row.delivery:
                    return
                yield line

    def _merge(self, line: _Line, receipt: DeliveryReceipt) -> None:
        row = line.row
        state, delivery, reason = rules.delivered(row.state, row.delivery, row.reason, receipt)
        provider_id = row.provider_id or receipt.provider_id
        self._set(line, replace(row, state=state, delivery=delivery, reason=reason, provider_id=provider_id))

    def _set(self, line: _Line, row: OutboxRow) -> None:
        if row.state in FINAL and line.row.state not in FINAL:
            self._active[row.home, row.channel].remove(line)
        line.row = row

    # -- out -----------------------------------------------------------------------------------------------------------

    async def claim(self, epochs: Mapping[int, int], now_ms: int, budget: Mapping[str, int]) -> list[OutboxRow]:
        held = self._leases.current(Role.SEND, epochs)
        claimed: list[_Line] = []
        for channel, room in budget.items():
            lanes = [
                lane for (_, name), lane in self._active.items() if name == channel and lane and lane[0].row.partition in held
            ]
            claimed += self._claim(lanes, held, now_ms, room)
        return [line.row for line in sorted(claimed, key=lambda line: line.rank)]

    def _claim(self, lanes: Iterable[list[_Line]], epochs: Mapping[int, int], now_ms: int, room: int) -> list[_Line]:
        """Claim the first ``room`` rows of one channel. What becomes of one row may free the next of its lane."""
        queue = [(line.rank, line) for lane in lanes for line in self._may_go(lane, now_ms)]
        heapq.heapify(queue)
        claimed: list[_Line] = []
        while queue and len(claimed) < room:
            line = heapq.heappop(queue)[1]
            before = self._may_go(self._active[line.row.home, line.row.channel], now_ms)
            if self._dial(line, epochs[line.row.partition], now_ms):
                claimed.append(line)
                continue
            for freed in self._may_go(self._active[line.row.home, line.row.channel], now_ms):
                if freed not in before:
                    heapq.heappush(queue, (freed.rank, freed))
        return claimed

    def _may_go(self, lane: list[_Line], now_ms: int) -> list[_Line]:
        """The rows of one home and channel whose moment has come and whom no earlier row holds."""
        ready, held = [], False
        for line in sorted(lane, key=lambda line: line.row.row):
            waits = line.row.state in rules.WAITING
            if waits and line.wake_ms <= now_ms and (not held or line.row.message_class in PASSING):
                ready.append(line)
            held = held or rules.holds(line.row.state, line.wake_ms, now_ms)
        return ready

    def _dial(self, line: _Line, epoch: int, now_ms: int) -> bool:
        """Claim a row and mark it dialed; or settle it for good when it must not go any more."""
        row = line.row
        opt_outs, controller = self._opt_outs.get(row.home, ()), self._controls.get(row.home, 0)
        doom = rules.doom(row.message_class, row.not_after_ms, row.control, row.sender, opt_outs, controller, now_ms)
        if doom is not None:
            self._set(line, replace(row, state=doom))
            return False
        line.row = replace(row, state=RowState.DIALED, attempt=row.attempt + 1)
        line.epoch, line.dialed_ms = epoch, now_ms
        return True

    def _claim_own(self, turns: Sequence[Turn], claiming: Claiming) -> dict[tuple[int, int], list[OutboxRow]]:
        """Claim what these turns themselves want sent, as far as ``claim`` would: by rank, each at its turn's instant."""
        held, room = self._leases.current(Role.SEND, claiming.epochs), dict(claiming.budget)
        at_ms = {(turn.event.partition, turn.number): turn.record.at_ms for turn in turns if turn.record is not None}
        lines = [self._lines[row.partition, row.row] for turn in turns if turn.record is not None for row in turn.rows]
        waiting = [line for line in sorted(lines, key=lambda line: line.rank) if line.row.partition in held]
        dialed: dict[tuple[int, int], list[OutboxRow]] = defaultdict(list)
        freed = True
        while freed:
            freed = False
            for line in list(waiting):
                row, turn = line.row, (line.row.partition, line.row.row // ROWS_A_TURN)
                lane = self._active[row.home, row.channel]
                if room.get(row.channel, 0) <= 0 or line not in self._may_go(lane, at_ms[turn]):
                    continue
                waiting.remove(line)
                if not self._dial(line, held[row.partition], at_ms[turn]):
                    freed = True
                    break
                room[row.channel] -= 1
                dialed[turn].append(line.row)
        return dialed

    async def settle(self, settlements: Sequence[Settlement]) -> list[bool]:
        return [self._settle(settlement) for settlement in settlements]

    def _settle(self, told: Settlement) -> bool:
        line = self._lines.get((told.partition, told.row))
        if line is None or not self._leases.is_current(Role.SEND, told.partition, told.epoch):
            return False
        row = line.row
        if row.state is not RowState.DIALED or row.attempt != told.attempt:
            return False
        state = rules.settled(row.delivery, told.state)
        self._set(
            line,
            replace(
                row,
                state=state,
                unknowns=row.unknowns + (state in rules.UNCERTAIN),
                retry_ms=told.retry_ms,
                provider_id=told.provider_id or row.provider_id,
                reason=told.reason or (row.reason if row.delivery else None),
            ),
        )
        parked = self._parked.pop((row.channel, told.provider_id), None) if told.provider_id else None
        if parked is not None:
            self._merge(line, parked)
        if told.event is not None:
            self._append(told.event)
        return True

    async def strays(self, epochs: Mapping[int, int]) -> list[OutboxRow]:
        held = self._leases.current(Role.SEND, epochs)
        strays = [
            line
            for lane in self._active.values()
            for line in lane
            if line.row.state is RowState.DIALED and line.epoch < held.get(line.row.partition, 0)
        ]
        for line in strays:
            line.epoch = held[line.row.partition]
        return [line.row for line in sorted(strays, key=lambda line: (line.row.partition, line.row.row))]

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

    async def rows(self, home: Urn) -> list[OutboxRow]:
        return sorted((line.row for line in self._of_home.get(home, ())), key=lambda row: row.row)

    async def unsettled(self, states: Sequence[str], limit: int) -> list[OutboxRow]:
        rows = [line.row for line in self._lines.values() if line.row.state in states]
        return sorted(rows, key=lambda row: (row.created_ms, row.partition, row.row))[:limit]

    async def consents(self, home: Urn | None = None) -> list[Consent]:
        return [consent for consent in self._ledger if home in (None, consent.home)]

    async def dead(self, limit: int) -> list[DeadLetter]:
        return self._dead[::-1][:limit]

    async def counts(self) -> Counts:
        waiting = [event.at_ms for inbox in self._inbox.values() for event in inbox.values()]
        states = Counter(str(line.row.state) for line in self._lines.values())
        rows = {state: count for state, count in states.items() if state == RowState.UNKNOWN or state not in FINAL}
        return Counts(len(waiting), min(waiting, default=None), rows, len(self._timers), len(self._dead))
