"""Promises about words to other homes: rows that are delivered through another partition's accept."""

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from vaiven.model.calls import TELLS, ReplyTo, Told, telling_home
from vaiven.model.contacts import ContactState
from vaiven.model.events import Event, Happened
from vaiven.model.outbox import OutboxRow, RowState
from vaiven.model.turns import Committed, Consent, SessionMoved
from vaiven.model.urns import Urn, partition_of, resource_home
from vaiven.stores.contract import Claiming, Role, Store
from vaiven.testing.builders import AT_MS, HOME, SENDER, make_row, make_state, make_turn
from vaiven.testing.promises.base import TTL_MS, Owner, Promises, states

MONDAY = resource_home("bistro", "slots", "monday")
TUESDAY = resource_home("bistro", "slots", "tuesday")


def word(event: Event, to: Urn = MONDAY, name: str = "reserve", **data: Any) -> Mapping[str, Any]:
    """The fields of a row by which this event's home tells another one something."""
    told = Told(to, event.home, name, data, answer_to=ReplyTo(event.home, "sms", "s1", "book", 3))
    lane = telling_home(event.partition, to)
    return {"home": lane, "channel": TELLS, "sender": "", "to": to, "tell": told}


def neighbours(owner: Owner) -> tuple[Urn, Urn, Urn]:
    """Three homes of one partition."""
    count = owner.store.partitions
    homes = (Urn(f"tel:+12025550{n:03}") for n in range(100, 100_000))
    return next(zip(*[(home for home in homes if partition_of(home, count) == partition_of(HOME, count))] * 3, strict=False))


class WordContract(Promises):
    async def tell(self, owner: Owner, home: Urn, *to: Urn, **fields: Any) -> Event:
        """A turn of this home that tells these others something."""
        event = owner.event(home)
        verdict = await owner.commit(event, *(word(event, each) for each in to), **fields)
        assert isinstance(verdict, Committed)
        return event

    async def claim_words(self, owner: Owner) -> list[OutboxRow]:
        return await owner.claim(**{TELLS: 100})

    async def test_a_word_comes_out_as_it_went_in(self, owner: Owner) -> None:
        event = owner.event()
        await owner.commit(event, word(event, people=4, names=["Ola", "Ana"]))
        (row,) = await self.claim_words(owner)
        assert (row.state, row.attempt, row.partition, row.to) == (RowState.DIALED, 1, event.partition, MONDAY)
        assert row.tell == word(event, people=4, names=["Ola", "Ana"])["tell"]
        assert await owner.settle(row, RowState.ACCEPTED)
        assert [(kept.reference, kept.tell) for kept in await owner.store.unsettled([RowState.ACCEPTED], 9)] == [
            (row.reference, row.tell)
        ]
        assert await self.claim_words(owner) == []

    async def test_words_from_a_partition_to_a_home_go_one_at_a_time_in_row_order(self, owner: Owner) -> None:
        homes = neighbours(owner)
        for home in (*homes, homes[0]):
            await self.tell(owner, home, MONDAY)
        gone = []
        while claimed := await self.claim_words(owner):
            assert len(claimed) == 1
            gone += claimed
            assert await owner.settle(claimed[0], RowState.ACCEPTED)
        assert [row.tell.sender for row in gone if row.tell] == [*homes, homes[0]]
        assert [row.row for row in gone] == sorted(row.row for row in gone)

    async def test_words_to_several_homes_and_messages_do_not_wait_for_each_other(self, owner: Owner) -> None:
        first, second, _ = neighbours(owner)
        event = owner.event(first)
        await owner.commit(event, word(event, MONDAY), {}, word(event, TUESDAY), word(event, second))
        await self.tell(owner, second, TUESDAY)
        claimed = await owner.claim(**{TELLS: 100, "sms": 100})
        assert sorted((row.channel, row.to) for row in claimed) == sorted(
            [(TELLS, MONDAY), ("sms", first), (TELLS, TUESDAY), (TELLS, second)]
        )

    async def test_a_word_that_nobody_knows_of_goes_again_before_those_behind_it(self, store: Store, owner: Owner) -> None:
        first, second, third = neighbours(owner)
        for home in (first, second):
            await self.tell(owner, home, MONDAY)
        (lost,) = await self.claim_words(owner)
        await store.release(Role.SEND, "owner")
        owner.sends = await store.lease(Role.SEND, "next", range(store.partitions), TTL_MS)
        assert await store.strays(owner.sends) == [lost]
        await self.tell(owner, third, MONDAY)
        assert await self.claim_words(owner) == []
        assert await owner.settle(lost, RowState.QUEUED)
        (again,) = await self.claim_words(owner)
        assert (again.row, again.attempt) == (lost.row, 2)

    async def test_no_opt_out_and_no_change_of_hands_stops_a_word(self, owner: Owner) -> None:
        event = owner.event()
        stop = Consent(HOME, SENDER, True, AT_MS, "STOP", "e")
        await owner.commit(event, word(event), consents=(stop, replace(stop, sender="")))
        await owner.commit(owner.event(), state=make_state(version=2, control=1))
        later = owner.event()
        await owner.commit(later, word(later), state=make_state(version=3, control=2))
        other = owner.event(MONDAY)
        await owner.commit(other, word(other, HOME))
        claimed = await self.claim_words(owner)
        assert sorted(row.to for row in claimed) == sorted([MONDAY, HOME])
        for row in claimed:
            await owner.settle(row, RowState.ACCEPTED)
        assert [row.to for row in await self.claim_words(owner)] == [MONDAY]

    async def test_a_turn_with_words_waits_for_every_earlier_event_of_its_partition(self, owner: Owner) -> None:
        first, second, third = neighbours(owner)
        events = [owner.event(home) for home in (first, second, third)]
        numbers = await owner.store.accept(events)
        epoch = owner.turns[events[0].partition]
        telling = [
            make_turn(event, number, epoch, rows=[make_row(event, number, **word(event))])
            for event, number in zip(events, numbers, strict=True)
        ]
        silent = make_turn(events[2], numbers[2], epoch)
        assert await owner.store.commit([telling[1], silent]) == [SessionMoved(second, 0), Committed(numbers[2])]
        assert await owner.store.commit([telling[1]]) == [SessionMoved(second, 0)]
        assert await owner.store.commit([telling[0], telling[1]]) == [Committed(numbers[0]), Committed(numbers[1])]
        (row,) = await self.claim_words(owner)
        assert row.row == telling[0].rows[0].row

    async def test_a_turn_with_words_comes_where_its_commit_has_it_among_the_others(self, owner: Owner) -> None:
        first, second, _ = neighbours(owner)
        claiming = owner.claiming()
        before = await owner.commit(owner.event(first), {}, claiming=claiming)
        assert isinstance(before, Committed)
        for order in ([0, 1], [1, 0]):
            events = [owner.event(first), owner.event(second)]
            numbers = await owner.store.accept(events)
            versions = [state.contact.version for state in await owner.store.load([first, second])]
            # The first one's row waits behind the one that is on its way.
            fields: list[Mapping[str, Any]] = [{}, word(events[1])]
            turns = [
                make_turn(event, number, owner.turns[event.partition], version, rows=[make_row(event, number, **row)])
                for event, number, version, row in zip(events, numbers, versions, fields, strict=True)
            ]
            verdicts = await owner.store.commit([turns[at] for at in order], claiming)
            told = SessionMoved(second, versions[1]) if order == [1, 0] else Committed(numbers[1])
            assert [verdicts[order.index(at)] for at in (0, 1)] == [Committed(numbers[0]), told]

    async def test_a_turn_with_words_does_not_wait_for_other_partitions(self, owner: Owner) -> None:
        here = owner.event(HOME).partition
        await owner.accept(owner.event(HOME))
        for home in (Urn(f"tel:+12025550{n:03}") for n in range(100, 200)):
            if partition_of(home, owner.store.partitions) != here:
                await self.tell(owner, home, MONDAY)

    async def test_a_commit_claims_its_own_words(self, owner: Owner) -> None:
        first, second, _ = neighbours(owner)
        claiming = Claiming(owner.sends, {TELLS: 9})
        event, later = owner.event(first), owner.event(second)
        verdict = await owner.commit(event, word(event), word(event), word(event, TUESDAY), claiming=claiming)
        assert isinstance(verdict, Committed)
        assert [row.to for row in verdict.dialed] == [MONDAY, TUESDAY]
        behind = await owner.commit(later, word(later), claiming=claiming)
        assert isinstance(behind, Committed)
        assert behind.dialed == ()
        assert await self.claim_words(owner) == []

    async def test_words_are_no_rows_of_who_tells_or_is_told(self, owner: Owner) -> None:
        event = owner.event()
        await owner.commit(event, {}, word(event), {})
        assert [row.row % 256 for row in await owner.store.rows(HOME)] == [0, 2]
        assert await owner.store.rows(MONDAY) == []
        assert await owner.store.load([MONDAY, telling_home(event.partition, MONDAY)]) == [
            ContactState(make_state(MONDAY, 0).contact),
            ContactState(make_state(telling_home(event.partition, MONDAY), 0).contact),
        ]

    async def test_words_are_pruned_like_other_rows(self, store: Store, owner: Owner) -> None:
        event = await self.tell(owner, HOME, MONDAY, TUESDAY)
        first, second = await self.claim_words(owner)
        await owner.settle(first, RowState.ACCEPTED)
        gone = await store.prune(owner.turns, AT_MS + 1, 99)
        assert states(await store.unsettled([*RowState], 9)) == [RowState.DIALED]
        await owner.settle(second, RowState.ACCEPTED)
        gone += await store.prune(owner.turns, AT_MS + 1, 99)
        assert (gone, await store.unsettled([*RowState], 9), await store.rows(event.home)) == (3, [], [])

    async def test_a_revived_word_is_out_of_its_order(self, store: Store, owner: Owner) -> None:
        event = owner.event(MONDAY, body=Happened("reserve", {"n": 1}, sender=HOME, origin=3, row=512))
        await owner.commit(event, buried="failed 5 times")
        (letter,) = await store.dead(9)
        assert letter.event == event
        number = await store.revive(event.partition, letter.number, AT_MS + 5)
        (again,) = await store.take(owner.turns, {}, 9)
        assert again.number == number
        assert again.event == replace(event, at_ms=AT_MS + 5, body=Happened("reserve", {"n": 1}, sender=HOME))
