"""The turn loop: take what waits, step it, commit it. One batch is under way while the next gathers."""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Protocol

from vaiven.flow.step import FlowSet
from vaiven.model.contacts import ContactState
from vaiven.model.effects import Recorded
from vaiven.model.errors import StoreUnavailable
from vaiven.model.outbox import OutboxRow
from vaiven.model.turns import AlreadyHandled, Committed, LeaseLost, SessionMoved, Taken, Turn, Unreached, Verdict
from vaiven.model.urns import Urn
from vaiven.runtime.counts import Counts
from vaiven.runtime.decide import STATELESS, Decider
from vaiven.runtime.queues import Queues
from vaiven.runtime.versions import Versions
from vaiven.stores import rules
from vaiven.stores.contract import Claiming, States, Store

log = logging.getLogger("vaiven.turn")

BATCH = 128
SWEEP_S = 1.0
"""Every partition's inbox is looked at this often: a wake is a hint, never a promise."""
TAKES = 5
"""An event that failed so often, or whose owners died over it, is set aside."""
RETRY_S = 0.2
PARKED_S = (0.2, 2.0)
"""For so long at first, and at most, what lies where nobody answers waits for the next try; each time twice as long."""


class Outbound(Protocol):
    """The sender, as the turn loop sees it."""

    async def claiming(self, wanted: Mapping[str, int]) -> Claiming:
        """Reserve room for so many rows a channel, so that a commit may dial its own."""

    def claiming_at_once(self, wanted: Mapping[str, int]) -> Claiming:
        """The same, as far as there is room without asking anybody for more."""

    def committed(self, claiming: Claiming, dialed: Sequence[OutboxRow], waiting: int) -> None:
        """Rows that the commit marked dialed, to be sent now; how many more wait; the room of ``claiming`` is given back."""


class TurnLoop:
    """Applies events of the partitions whose turn lease ``epochs`` names (it is shared with whoever renews the leases)."""

    def __init__(
        self,
        store: Store,
        decider: Decider,
        sender: Outbound,
        epochs: Mapping[int, int],
        clock: Callable[[], int],
        counts: Counts,
    ) -> None:
        self.queues = Queues()
        self._store = store
        self._decider = decider
        self._versions = Versions(store, decider.flows)
        self._sender = sender
        self._epochs = epochs
        self._clock = clock
        self._counts = counts
        self._wake = asyncio.Event()
        self._stopping = False
        self._batch: Sequence[Taken] = ()
        self._failures: Counter[tuple[int, int]] = Counter()
        self._pauses_s: dict[int, float] = {}

    @property
    def flows(self) -> FlowSet:
        """Those of now."""
        return self._decider.flows

    def hand_over(self, events: Sequence[Taken]) -> None:
        """Events just accepted in this process, numbered."""
        for taken in events:
            self.queues.offer(taken)
        self._wake.set()

    def look(self, partitions: Iterable[int]) -> None:
        """Something may wait in these inboxes."""
        for partition in partitions:
            self.queues.gap(partition)
        self._wake.set()

    def in_hand(self) -> set[int]:
        """The partitions of which events are in memory, or in the batch under way."""
        return self.queues.partitions() | {taken.event.partition for taken in self._batch}

    def stop(self) -> None:
        """Apply what is in memory, then return from ``run``."""
        self._stopping = True
        self._wake.set()

    async def renew_flows(self) -> list[str]:
        """Take up the flows that somebody published since; give their names."""
        names = await self._versions.renew()
        if names:
            self._decider.adopt(self._versions.flows)
        return names

    async def run(self) -> None:
        """Until ``stop``. A store that cannot answer is asked again; nothing is lost by it."""
        while True:
            if not self.queues and (self._stopping or not self.queues.gaps):
                if self._stopping:
                    return
                await self._wake.wait()
                self._wake.clear()
            try:
                await self.once()
            except StoreUnavailable as error:
                self._unavailable(error)
                if self._stopping:
                    return
                await asyncio.sleep(RETRY_S)

    async def sweep(self) -> None:
        """Look into every inbox and make timers due, once."""
        epochs = dict(self._epochs)
        while due := await self._store.due(epochs, self._clock(), BATCH):
            self.hand_over(due)
        self.look(epochs)

    async def once(self) -> None:
        """Fill gaps from the inbox, then apply one batch."""
        if self.queues.gaps and not self._stopping:
            asked = dict(self.queues.after())
            epochs = {partition: self._epochs[partition] for partition in asked if partition in self._epochs}
            events = await self._take(epochs, asked)
            self.queues.filled(asked, events, complete=len(events) < BATCH)
        self._batch = batch = self.queues.next(BATCH)
        if batch:
            leases = {taken.event.partition: self._epochs.get(taken.event.partition) for taken in batch}
            try:
                await self._apply(batch, leases)
            except StoreUnavailable:
                # No fault of theirs, and what is in memory need not be read again.
                self.queues.restore(self._still_ours(self._batch, leases))
                raise
            finally:
                self._batch = ()

    async def _take(self, epochs: Mapping[int, int], after: Mapping[int, int]) -> Sequence[Taken]:
        try:
            return await self._store.take(epochs, after, BATCH)
        except StoreUnavailable as error:
            if not error.partitions:
                raise
            self._unavailable(error)
            return ()  # the next sweep looks again; what others have in memory need not wait for it

    def _unavailable(self, error: StoreUnavailable) -> None:
        self._counts["store_errors", "turn"] += 1
        log.warning("store unavailable in a turn: %s", error)

    # -- in the step that accepts them (docs/decisions/0002) -----------------------------------------------------------

    def expected(self, partitions: Iterable[int]) -> dict[int, int]:
        """The next number of each of these of which nothing waits or is being applied."""
        expected = self.queues.expected(partitions)
        for taken in self._batch:
            expected.pop(taken.event.partition, None)
        return expected

    def decide(self, events: Sequence[Taken], states: States, committing: bool) -> tuple[Sequence[Turn], Claiming | None]:
        """Turns for those of these events that are next in their partition, while nothing of it waits or is being applied."""
        next_ = self._next(events[:BATCH], committing)
        homes = list({taken.event.home: None for taken in next_ if taken.event.body.__class__ not in STATELESS})
        reader = self._decider.reader
        if reader is not None and not reader.fresh(self._clock()):
            return (), None
        loaded = states(homes) if homes else []
        if not next_ or not self._versions.known(loaded):
            return (), None
        # What fails here is not counted yet: if this step is not saved, its number goes to somebody else.
        counted = self._failures.copy()
        turns = self._decide(next_, dict(zip(homes, loaded, strict=True)))
        self._failures = counted
        wanted = _wanted(turns)
        return turns, self._sender.claiming_at_once(wanted) if wanted else None

    def decided(self, turns: Sequence[Turn], claiming: Claiming | None, verdicts: Sequence[Verdict]) -> None:
        """They are saved: they need not be handed over any more. Or nothing is, and those who sent them will be told."""
        self._dial(turns, claiming, verdicts)
        for turn, verdict in zip(turns, verdicts, strict=False):
            if isinstance(verdict, Committed):
                self.queues.advance(turn.event.partition, turn.number)
            self._note(turn, verdict)

    def _next(self, events: Sequence[Taken], committing: bool) -> list[Taken]:
        """Those that follow what was handed over last, without a gap. ``committing``: the batch under way counts as done."""
        follow: list[Taken] = []
        partitions = {taken.event.partition for taken in events}
        expected = self.queues.expected(partitions) if committing else self.expected(partitions)
        for taken in events:
            partition = taken.event.partition
            if expected.get(partition) == taken.number:
                expected[partition] = taken.number + 1
                follow.append(taken)
            else:
                expected.pop(partition, None)
        return follow

    # -- in a step of their own ----------------------------------------------------------------------------------------

    def _still_ours(self, batch: Sequence[Taken], leases: Mapping[int, int | None]) -> list[Taken]:
        """Without what is of partitions that were lost meanwhile, though they may be ours again: a store that lost its last words
        gives the same numbers to other events.
        """
        return [taken for taken in batch if self._epochs.get(taken.event.partition) == leases[taken.event.partition]]

    async def _apply(self, batch: Sequence[Taken], leases: Mapping[int, int | None]) -> None:
        while True:
            try:
                states = await self._load(batch)
                break
            except StoreUnavailable as error:
                if not error.partitions:
                    raise
                self._unavailable(error)
                reached = self._park(batch, error.partitions, leases)
                if len(reached) == len(batch):
                    raise
                batch = reached
        turns = self._decide(self._still_ours(batch, leases), states)
        if not turns:
            return
        claiming = await self._sender.claiming(_wanted(turns))
        verdicts: Sequence[Verdict] = ()
        try:
            verdicts = await self._store.commit(turns, claiming)
        finally:
            self._dial(turns, claiming, verdicts)
        for turn, verdict in zip(turns, verdicts, strict=True):
            self._note(turn, verdict)
        if unreached := {verdict.partition for verdict in verdicts if isinstance(verdict, Unreached)}:
            self._counts["store_errors", "turn"] += 1
            log.warning("store unavailable in a turn: %d partitions could not be reached", len(unreached))
            self._park(batch, unreached, leases)

    def _park(self, batch: Sequence[Taken], partitions: Collection[int], leases: Mapping[int, int | None]) -> Sequence[Taken]:
        """Let the events of these partitions wait, since nobody answers there; the others go on. Give those."""
        self.queues.park(self._still_ours([taken for taken in batch if taken.event.partition in partitions], leases))
        self._batch = rest = [taken for taken in batch if taken.event.partition not in partitions]
        for partition in partitions:
            pause_s = self._pauses_s.get(partition, PARKED_S[0])
            self._pauses_s[partition] = min(pause_s * 2, PARKED_S[1])
            asyncio.get_running_loop().call_later(pause_s, self._unpark, partition)
        return rest

    def _unpark(self, partition: int) -> None:
        self.queues.unpark([partition])
        self._wake.set()

    def _dial(self, turns: Sequence[Turn], claiming: Claiming | None, verdicts: Sequence[Verdict]) -> None:
        """Let the sender have what the commit dialed, and the room that it did not use."""
        if claiming is None:
            return
        saved = [(turn, verdict) for turn, verdict in zip(turns, verdicts, strict=False) if isinstance(verdict, Committed)]
        dialed = [row for _, verdict in saved for row in verdict.dialed]
        self._sender.committed(claiming, dialed, sum(len(turn.rows) for turn, _ in saved) - len(dialed))

    async def _load(self, batch: Sequence[Taken]) -> dict[Urn, ContactState]:
        homes = list({taken.event.home: None for taken in batch if taken.event.body.__class__ not in STATELESS})
        if not homes:
            return {}
        states = await self._store.load(homes)
        await self._versions.learn(states)
        if (reader := self._decider.reader) is not None:
            reader.ask(self._decider.flows.asks)
            if not reader.fresh(now_ms := self._clock()):
                await reader.read(self._store, now_ms)
        return dict(zip(homes, states, strict=True))

    def _decide(self, batch: Sequence[Taken], states: dict[Urn, ContactState]) -> list[Turn]:
        """A turn for each event; each sees what the ones before it did. One that fails holds up only its own contact."""
        now_ms, turns, failed = self._clock(), [], set[Urn]()
        for taken in batch:
            event = taken.event
            epoch = self._epochs.get(event.partition)
            if epoch is None or event.home in failed:
                self.queues.rewind(event.partition, taken.number)
                continue
            if taken.takes + (self._failures[event.partition, taken.number] if self._failures else 0) >= TAKES:
                turns.append(Turn(epoch=epoch, number=taken.number, event=event, buried=f"failed {TAKES} times"))
                continue
            try:
                if event.body.__class__ in STATELESS:
                    turn = self._decider.stateless(taken, epoch, now_ms)
                else:
                    turn = self._decider.decide(taken, epoch, states[event.home], now_ms)
            except Exception as error:
                # Whatever a flow or an action did wrong, it must not stop the other contacts: the event is taken again
                # later, alone, and set aside after a few times.
                self._counts["retaken", "failed"] += 1
                self._failures[event.partition, taken.number] += 1
                log.exception("turn failed: partition %d number %d: %s", event.partition, taken.number, type(error).__name__)
                failed.add(event.home)
                self.queues.rewind(event.partition, taken.number)
                continue
            if turn.state is not None:
                states[event.home] = turn.state
            turns.append(turn)
        return turns

    def _note(self, turn: Turn, verdict: Verdict) -> None:
        counts, event = self._counts, turn.event
        match verdict:
            case Committed():
                counts["turns", type(event.body).__name__] += 1
                if self._pauses_s:
                    self._pauses_s.pop(event.partition, None)
                if self._failures:
                    self._failures.pop((event.partition, turn.number), None)
                if turn.buried is not None:
                    counts["buried", turn.buried] += 1
                    log.error("event set aside: partition %d number %d: %s", event.partition, turn.number, turn.buried)
                elif turn.state is None and not isinstance(event.body, STATELESS):
                    counts["duplicates", event.channel] += 1
                for tally in turn.tallies:
                    counts["votes", tally.poll, tally.outcome] += 1
                for row in turn.rows:
                    counts["rows", row.channel, row.message_class] += 1
                for effect in turn.record.effects if turn.record is not None else ():
                    if effect.__class__ is Recorded:
                        counts["recorded", effect.what] += 1
            case AlreadyHandled():
                counts["retaken", "handled"] += 1
            case SessionMoved():
                counts["retaken", "moved"] += 1
                # One that tells waits for all that is before it, so also for what nobody has in hand.
                self.queues.rewind(event.partition, 1 if rules.tells(turn) else turn.number)
            case LeaseLost():
                counts["retaken", "lease"] += 1
                self.queues.disown(event.partition)


def _wanted(turns: Sequence[Turn]) -> Mapping[str, int]:
    """How many rows a channel these turns want to send."""
    return Counter(row.channel for turn in turns for row in turn.rows)
