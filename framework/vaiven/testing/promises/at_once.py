"""Promises about turning events in the step that accepts them."""

from collections.abc import Callable, Sequence

from vaiven.model.contacts import ContactState
from vaiven.model.outbox import RowState
from vaiven.model.turns import Committed, LeaseLost, Taken, Turn, Verdict
from vaiven.stores.contract import Claiming, States, Store
from vaiven.testing.builders import CHANNEL, HOME, make_row, make_turn
from vaiven.testing.promises.base import OTHER, Owner, Promises, rows_of


class Turner:
    """Turns what ``turn`` makes a turn of, and remembers what it was asked and told."""

    def __init__(self, turn: Callable[[Taken, ContactState], Turn | None], claiming: Claiming | None = None) -> None:
        self._turn, self._claiming = turn, claiming
        self.asked: list[int] = []
        self.told: list[Verdict] = []
        self.refusals = 0

    def decide(self, events: Sequence[Taken], states: States, committing: bool) -> tuple[Sequence[Turn], Claiming | None]:
        self.asked += [taken.number for taken in events]
        known = {taken.event.home: state for taken in events for state in states([taken.event.home])}
        turns = []
        for taken in events:
            turn = self._turn(taken, known[taken.event.home])
            if turn is not None:
                turns.append(turn)
                known[taken.event.home] = turn.state or known[taken.event.home]
        return turns, self._claiming

    def decided(self, turns: Sequence[Turn], claiming: Claiming | None, verdicts: Sequence[Verdict]) -> None:
        self.told += verdicts
        self.refusals += not verdicts


class AtOnceContract(Promises):
    at_once = True
    """Whether this store turns events in the step that accepts them."""

    async def test_what_is_turned_at_once_never_waits(self, store: Store, owner: Owner) -> None:
        turner = Turner(lambda taken, state: _turned(owner, taken, state))
        store.turn_at_once(turner)
        numbers = await store.accept([owner.event(), owner.event(OTHER)])
        if not self.at_once:
            assert (turner.asked, (await store.counts()).inbox) == ([], 2)
            return
        assert sorted(verdict.number for verdict in turner.told if isinstance(verdict, Committed)) == sorted(numbers)
        assert (await store.counts()).inbox == 0
        assert await store.take(owner.turns, {}, 9) == []
        assert [state.contact.version for state in await store.load([HOME, OTHER])] == [1, 1]
        assert [record.number async for record in store.history(HOME)] == [numbers[0]]

    async def test_what_is_not_turned_at_once_waits_in_the_inbox(self, store: Store, owner: Owner) -> None:
        store.turn_at_once(Turner(lambda taken, state: _turned(owner, taken, state) if taken.event.home == HOME else None))
        later = owner.event(OTHER)
        await store.accept([owner.event(), later])
        waiting = [taken.event for taken in await store.take(owner.turns, {}, 9)]
        assert later in waiting
        assert len(waiting) == (1 if self.at_once else 2)

    async def test_a_turn_at_once_that_is_refused_leaves_its_event_in_the_inbox(self, store: Store, owner: Owner) -> None:
        turner = Turner(lambda taken, state: _turned(owner, taken, state, epoch=99))
        store.turn_at_once(turner)
        event = owner.event()
        await store.accept([event])
        assert [taken.event for taken in await store.take(owner.turns, {}, 9)] == [event]
        assert turner.told == ([LeaseLost(event.partition)] if self.at_once else [])
        assert (await store.load([HOME]))[0].contact.version == 0

    async def test_each_turn_at_once_sees_what_the_one_before_it_did(self, store: Store, owner: Owner) -> None:
        seen: list[int] = []

        def turn(taken: Taken, state: ContactState) -> Turn:
            seen.append(state.contact.version)
            return _turned(owner, taken, state)

        store.turn_at_once(Turner(turn))
        for _ in range(2):
            await store.accept([owner.event(), owner.event()])
        assert seen == ([0, 1, 2, 3] if self.at_once else [])

    async def test_turns_at_once_may_claim_their_own_rows(self, store: Store, owner: Owner) -> None:
        turner = Turner(lambda taken, state: _turned(owner, taken, state, said=True), Claiming(owner.sends, {CHANNEL: 1}))
        store.turn_at_once(turner)
        await store.accept([owner.event(), owner.event(OTHER)])
        if not self.at_once:
            return
        dialed = [row for verdict in turner.told for row in rows_of(verdict)]
        assert [row.state for row in dialed] == [RowState.DIALED]
        assert sorted((await store.counts()).rows) == ["dialed", "queued"]


def _turned(owner: Owner, taken: Taken, state: ContactState, epoch: int | None = None, said: bool = False) -> Turn:
    event = taken.event
    rows = [make_row(event, taken.number)] if said else []
    return make_turn(event, taken.number, epoch or owner.turns[event.partition], state.contact.version, rows=rows)
