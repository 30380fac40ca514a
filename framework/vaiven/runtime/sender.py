"""The sender: claim, build, call, read, settle. The only place from which anything goes out."""

import asyncio
import logging
import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence

from vaiven.channels.contract import Channel, Outcome, ProviderRequest, Result
from vaiven.model.errors import StoreUnavailable, UnsupportedFeature
from vaiven.model.outbox import OutboxRow, Settlement
from vaiven.model.urns import Identity
from vaiven.runtime.counts import Counts
from vaiven.runtime.errands import Ending, Errand
from vaiven.runtime.flights import Flight, Flights, under_present_lease
from vaiven.runtime.outcomes import Settled, settle
from vaiven.runtime.pacing import Pace, Pacing
from vaiven.runtime.transport import Answer, NoResponse, Transport
from vaiven.stores.contract import Claiming, Store

log = logging.getLogger("vaiven.sender")

POLL_S = 1.0
"""The outbox is looked at this often even if nobody woke us: retries and holds fall due by themselves."""
RETRY_S = 0.2
SAY_AGAIN_MS = 60_000
EVERYTHING = 1 << 30
"""More rows than there is ever room for."""
FAILING = frozenset({Result.RETRY, Result.AMBIGUOUS, Result.THROTTLED, Result.CONFIG})
LOST = Outcome(Result.AMBIGUOUS, reason="owner died")


class Elsewhere:
    """The outbox of a process that does not send: whoever holds the send lease claims what it commits."""

    async def claiming(self, wanted: Mapping[str, int]) -> Claiming:
        return self.claiming_at_once(wanted)

    def claiming_at_once(self, wanted: Mapping[str, int]) -> Claiming:  # noqa: ARG002 - the turn loop's signature
        return Claiming({}, {})

    def committed(self, claiming: Claiming, dialed: Sequence[OutboxRow], waiting: int) -> None:
        """There was no room, so nothing was dialed."""


class Sender:
    """Sends rows of the partitions whose send lease ``epochs`` names (it is shared with whoever renews the leases)."""

    def __init__(
        self,
        store: Store,
        channels: Mapping[str, Channel],
        paces: Mapping[str, Pace],
        transport: Transport,
        epochs: Mapping[int, int],
        clock: Callable[[], int],
        counts: Counts,
        appended: Callable[[Iterable[int]], None],
        jitter: random.Random | None = None,
        errands: Mapping[str, Errand] | None = None,
    ) -> None:
        self._store = store
        self._channels = channels
        self._errands = errands or {}
        self._paces = paces
        self._transport = transport
        self._epochs = epochs
        self._clock = clock
        self._counts = counts
        self._appended = appended
        self._jitter = jitter or random.SystemRandom()
        self._settlements: list[tuple[Flight, Settlement]] = []
        self._learned: list[Identity] = []
        self._failing_ms: dict[str, int] = {}
        self._dialed = 0
        self._in: dict[int, int] = defaultdict(int)
        self._flights = Flights()
        self._left: dict[int, tuple[int, int]] = {}
        self._serial = 0
        self._open: dict[int, int] = {}
        self._waiting = 0
        self._backlog = False
        self._hungry: set[str] = set()
        self._uncounted: set[str] = set()
        self._errands_asked = False
        self._settle_wake = asyncio.Event()
        self._settled_some = asyncio.Event()
        self._claim_wake = asyncio.Event()
        self._stopping = False
        self._stopped = False
        self._claims = 0

    # -- the turn loop's side ------------------------------------------------------------------------------------------

    async def claiming(self, wanted: Mapping[str, int]) -> Claiming:
        """Reserve room for so many rows a channel, so that a commit may dial its own.

        Where a sender has a rate and others wait already, there is none: the claim gives its tokens to the most urgent.
        """
        return await self._reserve(self._first_come(wanted))

    def claiming_at_once(self, wanted: Mapping[str, int]) -> Claiming:
        """The same with the tokens in hand: no store is asked for more."""
        now_ms, going = self._clock(), {} if self._stopping else self._first_come(wanted)
        return self._opened({name: self._paces[name].reserve(rows, now_ms) for name, rows in going.items()})

    def _first_come(self, wanted: Mapping[str, int]) -> Mapping[str, int]:
        queued = self._waiting or self._backlog
        self._errands_asked = self._errands_asked or not wanted.keys() <= self._channels.keys()
        return {name: rows for name, rows in wanted.items() if name in self._paces and not (queued and self._is_paced(name))}

    def _is_paced(self, name: str) -> bool:
        pace = self._paces.get(name)
        return pace is not None and pace.rate_per_s is not None

    async def _reserve(self, wanted: Mapping[str, int]) -> Claiming:
        room: dict[str, int] = {}
        if not self._stopping:
            for name, rows in wanted.items():
                pace = self._paces.get(name)
                if pace is None:
                    continue
                now_ms = self._clock()
                if pace.rate_per_s is not None and (lacking := pace.lacking(rows, now_ms)):
                    given = await self._store.draw(name, pace.rate_per_s, pace.block, lacking, now_ms)
                    pace.drawn(lacking, given, now_ms)
                room[name] = pace.reserve(rows, now_ms)
        return self._opened(room)

    def _opened(self, room: Mapping[str, int]) -> Claiming:
        claiming = Claiming(self._epochs, room)
        self._serial += 1
        self._open[id(claiming)] = self._serial
        return claiming

    def committed(self, claiming: Claiming, dialed: Sequence[OutboxRow], waiting: int) -> None:
        """Send what the commit dialed, give back the room it did not use, and remember that ``waiting`` rows did not get any."""
        self._open.pop(id(claiming), None)
        used: dict[str, int] = {}
        for row in dialed:
            used[row.channel] = used.get(row.channel, 0) + 1
        for name, room in claiming.budget.items():
            self._paces[name].refund(room - used.get(name, 0))
        if waiting > 0:
            self._waiting += waiting
            self._claim_wake.set()
        self._send(dialed)

    def look(self) -> None:
        """Rows may have fallen due."""
        self._claim_wake.set()

    # -- running -------------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Claim and settle until ``stop``."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._claim_loop())
            group.create_task(self._settle_loop())

    async def recover(self, epochs: Mapping[int, int]) -> None:
        """Rows in partitions just acquired that were dialed under an earlier lease.

        That may have been ours: then we know what became of them, or shall. Of an owner that died nobody knows.
        """
        now_ms = self._clock()
        try:
            strays = await self._store.strays(epochs)
        except StoreUnavailable as error:
            if rest := {each: epoch for each, epoch in epochs.items() if error.partitions and each not in error.partitions}:
                await self.recover(rest)
            raise
        told, lost = self._flights.recover(strays, epochs)
        told += [self._lost(row, epochs[row.partition], now_ms) for row in lost]
        if told and None in await self._store.settle(told):
            raise StoreUnavailable("rows that an earlier lease dialed could not be settled", 1)
        self._appended([settlement.event.partition for settlement in told if settlement.event is not None])
        self._flights.recovered(epochs)
        if lost:
            log.warning("%d rows were dialed by an owner that died: their outcome is unknown", len(lost))
            for row in lost:
                self._counts["sends", row.channel, "lost"] += 1
        self._backlog = True
        self._claim_wake.set()

    def leave(self, epochs: Mapping[int, int]) -> None:
        """Claim nothing more in these partitions, which are no longer among ours; calls under way are settled as ever."""
        self._left.update({partition: (epoch, self._serial) for partition, epoch in epochs.items()})

    def finished(self) -> list[int]:
        """The partitions left in which nothing is under way any more: no call, and no claim that began before."""
        oldest = min(self._open.values(), default=self._serial + 1)
        return [partition for partition, (_, serial) in self._left.items() if oldest > serial and not self._in[partition]]

    def forget(self, partitions: Iterable[int]) -> None:
        """These partitions are somebody else's now."""
        for partition in partitions:
            self._left.pop(partition, None)

    async def stop(self, patience_s: float) -> None:
        """Dial nothing more, wait for calls under way, settle them, then let ``run`` return.

        A call that is still under way after ``patience_s`` is left dialed: the next owner settles it as unknown.
        """
        self._stopping = True
        try:
            async with asyncio.timeout(patience_s):
                while self.under_way or self._claims:
                    self._settled_some.clear()
                    await self._settled_some.wait()
        except TimeoutError:
            log.warning("%d calls are still under way: their outcome will be unknown", self.under_way)
        self._stopped = True
        self._settle_wake.set()
        self._claim_wake.set()

    @property
    def under_way(self) -> int:
        """Calls dialed and not yet settled."""
        return self._dialed

    # -- inside --------------------------------------------------------------------------------------------------------

    def _send(self, rows: Iterable[OutboxRow]) -> None:
        for row in rows:
            self._dialed += 1
            self._in[row.partition] += 1
            epoch = self._epochs.get(row.partition) or self._left.get(row.partition, (0, 0))[0]
            flight = self._flights.begin(row, epoch)
            channel = self._channels.get(row.channel)
            if channel is None:
                self._run(flight)
                continue
            try:
                request = channel.build(row)
            except UnsupportedFeature as error:
                self._finish(flight, Outcome(Result.REJECTED, reason=f"cannot be said: {error}"))
                continue
            except Exception as error:
                # One row that a channel fails on must not strand its neighbours, which are marked dialed already.
                log.exception("row could not be built: channel %s row %s", row.channel, row.reference)
                self._finish(flight, Outcome(Result.REJECTED, reason=f"cannot be built: {type(error).__name__}"))
                continue
            self._call(flight, request)

    def _call(self, flight: Flight, request: ProviderRequest) -> None:
        row = flight.row
        channel = self._channels[row.channel]

        def done(answer: Answer) -> None:
            if isinstance(answer, NoResponse):
                result = Result.AMBIGUOUS if answer.sent else Result.RETRY
                self._finish(flight, Outcome(result, reason=answer.reason))
                return
            try:
                outcome = channel.read(answer)
            except Exception as error:
                # A provider may answer anything; what we cannot read, we do not know.
                log.exception("answer could not be read: channel %s row %s", row.channel, row.reference)
                outcome = Outcome(Result.AMBIGUOUS, reason=f"unreadable answer: {type(error).__name__}")
            self._finish(flight, outcome)

        try:
            self._transport.send(request, done)
        except Exception as error:
            log.exception("call could not be started: channel %s row %s", row.channel, row.reference)
            self._finish(flight, Outcome(Result.RETRY, reason=f"not started: {type(error).__name__}"))

    def _run(self, flight: Flight) -> None:
        """Begin a row that is no message."""
        row, errand = flight.row, self._errands[flight.row.channel]

        def done(ending: Ending) -> None:
            self._settlements.append((flight, ending.settlement(row, flight.epoch)))
            self._settle_wake.set()

        try:
            errand.begin(row, done)
        except Exception as error:
            log.exception("errand could not be begun: row %s: %s", row.reference, type(error).__name__)
            done(errand.lost(row, self._clock()))

    def _finish(self, flight: Flight, outcome: Outcome) -> None:
        row, now_ms = flight.row, self._clock()
        self._counts["sends", row.channel, outcome.result] += 1
        settled = self._settled(row, flight.epoch, outcome, now_ms)
        if settled.pause_until_ms is not None:
            self._paces[row.channel].pause(settled.pause_until_ms)
        if outcome.result in FAILING or row.channel in self._failing_ms:
            self._tell(row.channel, outcome, now_ms)
        if outcome.learned:
            self._learned.append(Identity(outcome.learned[0], (*outcome.learned[1:], row.to)))
        self._settlements.append((flight, settled.settlement))
        self._settle_wake.set()

    def _tell(self, channel: str, outcome: Outcome, now_ms: int) -> None:
        """Say when a channel begins to fail, now and then while it does, and when it sends again."""
        said_ms = self._failing_ms.get(channel)
        if outcome.result is Result.ACCEPTED:
            del self._failing_ms[channel]
            log.info("channel %s sends again", channel)
        elif outcome.result in FAILING and (said_ms is None or now_ms - said_ms >= SAY_AGAIN_MS):
            self._failing_ms[channel] = now_ms
            rests = "; it rests, somebody must act" if outcome.result is Result.CONFIG else ""
            log.warning("channel %s: a call came to %s (%s); its queue is kept%s", channel, outcome.result, outcome.reason, rests)

    def _settled(self, row: OutboxRow, epoch: int, outcome: Outcome, now_ms: int) -> Settled:
        pace = self._paces.get(row.channel)
        hold_ms = Pacing.hold_ms if pace is None else pace.pacing.hold_ms
        return settle(row, epoch, outcome, now_ms, hold_ms, self._jitter)

    def _lost(self, row: OutboxRow, epoch: int, now_ms: int) -> Settlement:
        errand = self._errands.get(row.channel)
        return errand.lost(row, now_ms).settlement(row, epoch) if errand else self._settled(row, epoch, LOST, now_ms).settlement

    async def _settle_loop(self) -> None:
        while not self._stopped:
            await self._settle_wake.wait()
            self._settle_wake.clear()
            batch, self._settlements = self._settlements, []
            if not batch:
                continue
            try:
                if self._learned:
                    # Before the settle, so that a receipt which names the new address finds its home.
                    await self._store.identify(learned := tuple(self._learned))
                    del self._learned[: len(learned)]
                batch = [(flight, under_present_lease(flight, settlement)) for flight, settlement in batch]
                answers = await self._store.settle([settlement for _, settlement in batch])
            except StoreUnavailable as error:
                self._counts["store_errors", "settle"] += 1
                log.warning("store unavailable in a settle: %s", error)
                self._settlements = batch + self._settlements
                self._settle_wake.set()
                await asyncio.sleep(RETRY_S)
                continue
            done, again = self._flights.landed(batch, answers)
            if again:
                self._settlements += again
                if None in answers:
                    self._counts["store_errors", "settle"] += 1
                    asyncio.get_running_loop().call_later(RETRY_S, self._settle_wake.set)
                else:
                    self._settle_wake.set()
            self._dialed -= len(done)
            self._settled_some.set()
            events = []
            for flight, settlement in done:
                row = flight.row
                self._paces[row.channel].settled(1)
                self._in[row.partition] -= 1
                if self._uncounted and row.reference in self._uncounted:
                    self._uncounted.discard(row.reference)
                    self._backlog = True  # others of its contact may have waited behind it
                if settlement.event is not None:
                    events.append(settlement.event.partition)
            if events:
                self._appended(events)
            if self._waiting or self._backlog:
                self._claim_wake.set()

    async def _claim_loop(self) -> None:
        while not self._stopping:
            await self._rest()
            if self._stopping:
                return
            try:
                await self._claim()
            except StoreUnavailable as error:
                self._counts["store_errors", "claim"] += 1
                log.warning("store unavailable in a claim: %s", error)
                await asyncio.sleep(RETRY_S)

    async def _rest(self) -> None:
        """Until somebody wakes us, a sender has room again by its rate, or the poll is due."""
        now_ms = self._clock()
        wait_s = POLL_S
        if self._waiting or self._backlog:
            waits = [wait for name in self._hungry if (wait := self._paces[name].wait_ms(now_ms))]
            wait_s = min([POLL_S, *(wait / 1000 for wait in waits)])
        try:
            async with asyncio.timeout(wait_s):
                await self._claim_wake.wait()
        except TimeoutError:
            pass
        self._claim_wake.clear()

    async def _claim(self) -> None:
        # No more room than rows are known to wait, or the commit under way would find none, and its rows would wait, too. But
        # when none are known, also those count that nobody told of: an earlier owner's, and what fell due.
        uncounted, wanted = self._backlog or not self._waiting, self._waiting
        if uncounted:
            wanted = EVERYTHING
        claiming: Claiming | None = None
        rows: Sequence[OutboxRow] = ()
        self._claims += 1
        try:
            # Where nothing is known to wait, a token is enough to find out.
            blind = not self._backlog and not self._waiting
            # Nor is a queue looked through into which nobody here ever put anything.
            names = self._paces if uncounted or self._errands_asked else self._channels
            claiming = await self._reserve({name: 1 if blind and self._is_paced(name) else wanted for name in names})
            if any(claiming.budget.values()):
                rows = await self._store.claim(claiming.epochs, self._clock(), claiming.budget)
        finally:
            if claiming is not None:
                self.committed(claiming, rows, 0)
            self._claims -= 1
            self._settled_some.set()
        self._waiting = max(0, self._waiting - len(rows))
        used = Counter(row.channel for row in rows)
        self._hungry = {name for name, room in claiming.budget.items() if used[name] >= room}
        if not any(claiming.budget.values()):
            return
        # Rows that an earlier owner left, or that fell due, were never counted as waiting: while they fill the room there are
        # more, and behind each of them there may be one.
        filled = (used[name] >= room for name, room in claiming.budget.items() if room or self._backlog)
        self._backlog = uncounted and any(filled)
        if uncounted:
            self._uncounted.update(row.reference for row in rows)
        if not rows and not self.under_way:
            self._waiting = 0
        for name in self._paces.keys() - self._hungry:
            await self._put_back(name, self._paces[name])

    async def _put_back(self, name: str, pace: Pace) -> None:
        """Nothing more can go here now, so whoever else sends as this sender may have the tokens."""
        if pace.rate_per_s is not None and (tokens := pace.unused()):
            await self._store.draw(name, pace.rate_per_s, pace.block, -tokens, self._clock())
