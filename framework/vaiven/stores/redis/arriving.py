"""What comes in where it is also turned: decided on states at hand, and saved by the very script that gives it its number.

Only where nothing is in the way: the owner must know of nothing of its partition that waits, the number must be the next one, and
the contact must be as it was decided on. The script compares the last two. What it refuses it has not touched: that is stored as
ever, and decided again only if it got another number than it was decided for (docs/decisions/0002).
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from vaiven.model.contacts import ContactState
from vaiven.model.errors import StoreError
from vaiven.model.events import Event
from vaiven.model.turns import Committed, Taken, Turn, Verdict
from vaiven.model.urns import Urn
from vaiven.stores.contract import AtOnce, Claiming
from vaiven.stores.redis import commits, packing
from vaiven.stores.redis.asking import Asking
from vaiven.stores.redis.doubts import Doubts
from vaiven.stores.redis.usual import UsualTurns

LARGEST = 128
"""Events in one step at most, so that nobody waits long behind it."""

KEPT = 4096
"""States kept at hand, some half a kilobyte each."""

_Key = tuple[int, int]
"""A partition, and a number in it."""


class States:
    """The states of homes lately seen, as they lie in the store. One may be old: who decides on it is refused.

    But none may be of a history that was lost: a message that it knew would not be heard when it comes again. So all of them are
    forgotten when a partition is turned under another epoch than before, or for the first time, since anybody's state may have
    been read before that; and what was asked for in an earlier ``era`` is kept no more.
    """

    def __init__(self) -> None:
        self._known: dict[Urn, bytes] = {}
        self._epochs: dict[int, int] = {}
        self.era = 0

    def held(self, epochs: Mapping[int, int]) -> None:
        """The epochs under which partitions are turned from now on."""
        if any(self._epochs.get(partition) != epoch for partition, epoch in epochs.items()):
            self._known.clear()
            self.era += 1
        self._epochs.update(epochs)

    def __contains__(self, home: Urn) -> bool:
        return home in self._known

    def read(self, homes: Sequence[Urn]) -> list[ContactState]:
        """What is at hand of these homes, in order."""
        return [packing.read_state(home, self._known[home] or None) for home in homes]

    def put(self, home: Urn, value: bytes) -> None:
        """What a read or a commit told, unless something newer is known: a value begins with its version."""
        known = self._known.pop(home, b"")
        self._known[home] = value if value[:4] >= known[:4] else known
        if len(self._known) > KEPT:
            del self._known[next(iter(self._known))]

    def drop(self, homes: Iterable[Urn]) -> None:
        """These may have changed."""
        for home in homes:
            self._known.pop(home, None)


class _Asked:
    """Events that came in together, and who waits for them to be stored.

    ``plainly``: they are only stored. ``turn``: what was decided of the one that it is. ``numbers``: they are durable.
    """

    __slots__ = ("error", "events", "future", "numbers", "plainly", "turn")

    def __init__(self, events: Sequence[Event], future: "asyncio.Future[list[int]]") -> None:
        self.events, self.future, self.plainly = events, future, len(events) > 1
        self.turn: Turn | None = None
        self.numbers: list[int] = []
        self.error: Exception | None = None

    def tell(self) -> None:
        """Tell who waits, if there is something to tell."""
        if self.future.done():
            return
        if self.error is not None:
            self.future.set_exception(self.error)
        elif self.numbers:
            self.future.set_result(self.numbers)


class Arriving:
    """Joins what comes in while one step is under way into the next.

    ``learn`` reads the states of homes and puts them at hand; ``commit`` is the store's.
    """

    def __init__(
        self,
        on: Asking,
        states: States,
        doubts: Doubts,
        who: AtOnce,
        learn: Callable[[Sequence[Urn]], Awaitable[object]],
        commit: Callable[[Sequence[Turn], Claiming], Awaitable[Sequence[Verdict]]],
    ) -> None:
        self._on, self._states, self._doubts, self._who = on, states, doubts, who
        self._learn, self._commit = learn, commit
        self._loop = asyncio.get_running_loop()
        self._waiting: list[_Asked] = []
        self._running: asyncio.Task[None] | None = None

    def put(self, events: Sequence[Event]) -> "asyncio.Future[list[int]]":
        """The numbers of these events, once they are durable. Several are stored all or none, so they are never turned here."""
        future: asyncio.Future[list[int]] = self._loop.create_future()
        self._waiting.append(_Asked(events, future))
        if self._running is None:
            self._running = self._loop.create_task(self._run())
        return future

    async def rest(self) -> None:
        """Wait until nothing waits or is under way."""
        while self._running is not None:
            await asyncio.wait((self._running,))

    async def _run(self) -> None:
        group: list[_Asked] = []
        try:
            while self._waiting:
                group, self._waiting = self._waiting[:LARGEST], self._waiting[LARGEST:]
                try:
                    self._waiting[:0] = await self._step(group)
                except Exception as error:  # noqa: BLE001 - the callers get it
                    for asked in group:
                        asked.error = error
                        asked.tell()
        finally:
            self._running = None
            for asked in (*group, *self._waiting):  # none is left of these unless this was cancelled
                asked.future.cancel()

    # -- one step ------------------------------------------------------------------------------------------------------

    async def _step(self, group: Sequence[_Asked]) -> list[_Asked]:
        """Turn or store these; give what has to come again, in its order.

        What is stored under the number that it was decided for is committed as any other turn.
        """
        ready, plain, later, unknown = self._sort(group)
        events = [Taken(number, asked.events[0]) for (_, number), asked in ready.items()]
        turns, claiming = self._who.decide(events, self._states.read, False) if events else ((), None)
        done: list[tuple[Turn, Verdict]] = []
        try:
            for turn in turns:
                ready[turn.event.partition, turn.number].turn = turn
            sends = {} if claiming is None else claiming.epochs
            rows = [row for turn in turns for row in turn.rows]
            epochs = {row.partition: sends[row.partition] for row in rows if row.partition in sends}  # which may change meanwhile
            left = {} if claiming is None else dict(claiming.budget)
            usual, packed = commits.usual(self._on.keys.prefixes, turns, epochs, left)
            quick = [ready.pop((turns[at].event.partition, turns[at].number)) for at in usual]
            plain = [*ready.values(), *plain]
            calls: list[Coroutine[Any, Any, None]] = []
            # In this order, and in one write: what is turned has its number before what only comes in.
            if quick:
                calls.append(self._save(quick, packed, epochs, done))
            if plain:
                calls.append(self._store(plain))
            if unknown:
                calls.append(self._learned(unknown, later))
            await asyncio.gather(*calls)
            for asked in plain:
                if asked.turn is None:
                    asked.tell()
            if refused := [asked for asked in quick if not asked.numbers and asked.error is None]:
                for row in (row for asked in refused if asked.turn is not None for row in asked.turn.rows):
                    left[row.channel] += 1
                await self._store(refused)
            late = _in_their_places((*quick, *plain), done) if len(done) < len(turns) else []
            if late:
                with suppress(StoreError):  # they are stored, so they are turned as ever
                    done += zip(late, await self._commit(late, Claiming(epochs, left)), strict=True)
        finally:
            if turns or claiming is not None:
                self._who.decided([turn for turn, _ in done], claiming, [verdict for _, verdict in done])
        for asked in (*quick, *plain):
            asked.tell()
        return later

    def _sort(self, group: Sequence[_Asked]) -> tuple[dict[_Key, _Asked], list[_Asked], list[_Asked], list[Urn]]:
        """What can be decided now, by partition and number; what is only stored; what comes again; homes to be read for that."""
        expected = dict(self._who.expected({asked.events[0].partition for asked in group}))
        ready: dict[_Key, _Asked] = {}
        plain: list[_Asked] = []
        later: list[_Asked] = []
        unknown: list[Urn] = []
        held: set[Urn] = set()
        for asked in group:
            event = asked.events[0]
            partition, home = event.partition, event.home
            number = None if asked.plainly else expected.get(partition)
            if held and not held.isdisjoint([one.home for one in asked.events]):
                later.append(asked)  # not before an earlier one of its contact
            elif number is None:
                plain.append(asked)
                for one in asked.events:
                    expected.pop(one.partition, None)
                continue
            elif home in self._states:
                ready[partition, number] = asked
                expected[partition] = number + 1
            else:
                unknown.append(home)
                later.append(asked)
            held.update([one.home for one in asked.events])
        return ready, plain, later, unknown

    async def _save(
        self,
        quick: Sequence[_Asked],
        packed: UsualTurns,
        epochs: Mapping[int, int],
        done: list[tuple[Turn, Verdict]],
    ) -> None:
        """Number and commit usual turns in one step. One that is refused gets no number."""
        turns = [asked.turn for asked in quick if asked.turn is not None]
        rows = [(row.partition, row.row) for turn in turns for row in turn.rows]
        instants, era = {turn.record.at_ms for turn in turns if turn.record is not None}, self._states.era
        try:
            with self._doubts.dialing(rows, epochs, instants):
                codes = await self._on.run("arrive", turns[0].event.partition, *packed.asked())
        except Exception as error:  # noqa: BLE001 - the callers get it
            self._states.drop(turn.event.home for turn in turns)
            for asked in quick:
                asked.error = error
            return
        for at, (asked, turn, code) in enumerate(zip(quick, turns, codes, strict=True)):
            if code == 0:
                dialed = tuple(packing.dialed(row) for row in turn.rows)
                self._doubts.gave(dialed)
                done.append((turn, Committed(turn.number, dialed)))
                if self._states.era == era:
                    self._states.put(turn.event.home, packed.state_at(at))
                asked.numbers = [turn.number]

    async def _store(self, plain: Sequence[_Asked]) -> None:
        """Append these to their inboxes."""
        asked_of = packing.events([event for asked in plain for event in asked.events])
        try:
            numbers = iter(await self._on.run("accept", plain[0].events[0].partition, *asked_of))
        except Exception as error:  # noqa: BLE001 - the callers get it
            for asked in plain:
                asked.error = error
            return
        for asked in plain:
            asked.numbers = [next(numbers) for _ in asked.events]

    async def _learned(self, homes: Sequence[Urn], waiting: Sequence[_Asked]) -> None:
        """Read these states. Where that cannot be, what waits for them is stored undecided."""
        try:
            await self._learn(homes)
        except StoreError:
            for asked in waiting:
                asked.plainly = True


def _in_their_places(decided: Iterable[_Asked], done: Iterable[tuple[Turn, Verdict]]) -> list[Turn]:
    """The turns that are not ``done`` whose events got the numbers they were decided for, in order.

    Not behind one that did not: something else has its number, and those behind have theirs by that very shift.
    """
    turns = [(asked.turn, asked.numbers) for asked in decided if asked.turn is not None]
    saved = {(turn.event.partition, turn.number) for turn, _ in done}
    found: list[Turn] = []
    shifted: set[int] = set()
    for turn, numbers in sorted(turns, key=lambda each: each[0].number):
        partition = turn.event.partition
        if numbers != [turn.number]:
            shifted.add(partition)
        elif partition not in shifted and (partition, turn.number) not in saved:
            found.append(turn)
    return found
