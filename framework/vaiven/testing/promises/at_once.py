"""Promises about turning events in the step that accepts them."""

import asyncio
from collections.abc import Callable, Iterable, Sequence

from msgspec.structs import replace as changed

from vaiven.model.contacts import ContactState
from vaiven.model.outbox import RowState
from vaiven.model.turns import Committed, LeaseLost, SessionMoved, Taken, Timer, Turn, Verdict
from vaiven.stores.contract import Claiming, States, Store
from vaiven.testing.builders import AT_MS, CHANNEL, HOME, make_row, make_turn
from vaiven.testing.promises.base import OTHER, Owner, Promises, rows_of


class Turner:
    """Turns what ``turn`` makes a turn of, where nothing was given a number before it; remembers what it was asked and told."""

    def __init__(self, turn: Callable[[Taken, ContactState], Turn | None], claiming: Claiming | None = None) -> None:
        self._turn, self.claim = turn, claiming
        self._last: dict[int, int] = {}
        self.asked: list[int] = []
        self.told: list[Verdict] = []
        self.refusals = 0

    def expected(self, partitions: Iterable[int]) -> dict[int, int]:
        return {partition: self._last.get(partition, 0) + 1 for partition in partitions}

    def skip(self, partition: int, number: int) -> None:
        """Know of all numbers up to this one."""
        self._last[partition] = number

    def decide(self, events: Sequence[Taken], states: States, committing: bool) -> tuple[Sequence[Turn], Claiming | None]:
        self.asked += [taken.number for taken in events]
        known = {taken.event.home: state for taken in events for state in states([taken.event.home])}
        turns, expected = [], self.expected({taken.event.partition for taken in events})
        for taken in events:
            turn = None
            if taken.number == expected[taken.event.partition]:
                turn = self._turn(taken, known[taken.event.home])
            if turn is not None:
                expected[taken.event.partition] += 1
                turns.append(turn)
                known[taken.event.home] = turn.state or known[taken.event.home]
        return turns, self.claim

    def decided(self, turns: Sequence[Turn], claiming: Claiming | None, verdicts: Sequence[Verdict]) -> None:
        self.told += verdicts
        for turn, verdict in zip(turns, verdicts, strict=False):
            if isinstance(verdict, Committed):
                self._last[turn.event.partition] = turn.number
        self.refusals += not verdicts


class AtOnceContract(Promises):
    at_once_together = True
    """Whether this store turns several events of one ``accept`` in the step that accepts them, and not only one."""

    async def test_what_is_turned_at_once_never_waits(self, store: Store, owner: Owner) -> None:
        turner = Turner(lambda taken, state: _turned(owner, taken, state))
        store.turn_at_once(turner)
        first, second = owner.event(), owner.event(OTHER)
        numbers = [number for given in await asyncio.gather(store.accept([first]), store.accept([second])) for number in given]
        assert sorted(verdict.number for verdict in turner.told if isinstance(verdict, Committed)) == sorted(numbers)
        assert (await store.counts()).inbox == 0
        assert await store.take(owner.turns, {}, 9) == []
        assert [state.contact.version for state in await store.load([HOME, OTHER])] == [1, 1]
        assert [record.number async for record in store.history(HOME)] == [numbers[0]]

    async def test_several_events_of_one_accept_are_turned_at_once_or_wait_together(self, store: Store, owner: Owner) -> None:
        turner = Turner(lambda taken, state: _turned(owner, taken, state))
        store.turn_at_once(turner)
        numbers = await store.accept([owner.event(), owner.event(OTHER)])
        if self.at_once_together:
            assert [verdict.number for verdict in turner.told if isinstance(verdict, Committed)] == numbers
        else:
            assert [taken.number for taken in await store.take(owner.turns, {}, 9)] == numbers

    async def test_what_is_not_turned_at_once_waits_in_the_inbox(self, store: Store, owner: Owner) -> None:
        store.turn_at_once(Turner(lambda taken, state: _turned(owner, taken, state) if taken.event.home == HOME else None))
        later = owner.event(OTHER)
        await store.accept([owner.event()])
        await store.accept([later])
        assert [taken.event for taken in await store.take(owner.turns, {}, 9)] == [later]

    async def test_a_turn_at_once_that_is_refused_leaves_its_event_in_the_inbox(self, store: Store, owner: Owner) -> None:
        turner = Turner(lambda taken, state: _turned(owner, taken, state, epoch=99))
        store.turn_at_once(turner)
        event = owner.event()
        await store.accept([event])
        assert [taken.event for taken in await store.take(owner.turns, {}, 9)] == [event]
        assert turner.told == [LeaseLost(event.partition)]
        assert (await store.load([HOME]))[0].contact.version == 0

    async def test_a_turn_at_once_that_was_decided_on_an_old_state_is_refused(self, store: Store, owner: Owner) -> None:
        turner = Turner(lambda taken, state: _turned(owner, taken, state, base=state.contact.version + 7))
        store.turn_at_once(turner)
        event = owner.event()
        await store.accept([event])
        assert [taken.event for taken in await store.take(owner.turns, {}, 9)] == [event]
        assert turner.told == [SessionMoved(HOME, 0)]

    async def test_a_turn_under_a_number_that_another_event_got_is_not_saved(self, store: Store, owner: Owner) -> None:
        turner = Turner(lambda taken, state: _turned(owner, taken, state))
        store.turn_at_once(turner)
        door = await self.another_door(store)
        await store.accept([owner.event()])
        told = len(turner.told)
        theirs, ours = owner.event(), owner.event()
        (there,) = await door.accept([theirs])
        (here,) = await store.accept([ours])
        assert here == there + 1
        if door is not store:
            assert len(turner.told) == told
            assert [taken.event for taken in await store.take(owner.turns, {}, 9)] == [theirs, ours]

    async def test_each_turn_at_once_sees_what_the_one_before_it_did(self, store: Store, owner: Owner) -> None:
        seen: list[int] = []

        def turn(taken: Taken, state: ContactState) -> Turn:
            seen.append(state.contact.version)
            return _turned(owner, taken, state)

        store.turn_at_once(Turner(turn))
        for _ in range(2):
            await asyncio.gather(*(store.accept([owner.event()]) for _ in range(2)))
        assert seen == [0, 1, 2, 3]

    async def test_turns_at_once_may_do_anything_that_turns_may(self, store: Store, owner: Owner) -> None:
        def turn(taken: Taken, state: ContactState) -> Turn:
            timer = Timer(HOME, CHANNEL, "idle", AT_MS + 5_000, "s1", "ask", 1)
            return changed(_turned(owner, taken, state), timers=(timer,))

        turner = Turner(turn)
        store.turn_at_once(turner)
        (number,) = await store.accept([owner.event()])
        assert turner.told == [Committed(number)]
        assert (await store.counts()).timers == 1
        assert (await store.counts()).inbox == 0

    async def test_turns_at_once_may_claim_their_own_rows(self, store: Store, owner: Owner) -> None:
        turner = Turner(lambda taken, state: _turned(owner, taken, state, said=True))
        store.turn_at_once(turner)
        for room, dialed, home in ((1, [RowState.DIALED], HOME), (0, [], OTHER)):
            turner.claim = owner.claiming(room)
            before = len(turner.told)
            await store.accept([owner.event(home)])
            assert [row.state for verdict in turner.told[before:] for row in rows_of(verdict)] == dialed
        assert sorted((await store.counts()).rows) == ["dialed", "queued"]

    async def test_a_turn_at_once_of_somebody_whose_row_is_on_its_way_waits_with_its_own(
        self, store: Store, owner: Owner
    ) -> None:
        turner = Turner(lambda taken, state: _turned(owner, taken, state, said=True), owner.claiming())
        store.turn_at_once(turner)
        await store.accept([owner.event()])
        await store.accept([owner.event()])
        assert [len(rows_of(verdict)) for verdict in turner.told] == [1, 0]
        assert (await store.counts()).inbox == 0
        assert (await store.counts()).rows == {"dialed": 1, "queued": 1}


def _turned(
    owner: Owner, taken: Taken, state: ContactState, epoch: int | None = None, said: bool = False, base: int | None = None
) -> Turn:
    event = taken.event
    rows = [make_row(event, taken.number)] if said else []
    version = state.contact.version if base is None else base
    return make_turn(event, taken.number, epoch or owner.turns[event.partition], version, rows=rows)
