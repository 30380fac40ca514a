"""Promises by which many processes share one store: attendance, leases, wakes, rates, and an operator's acts."""

import asyncio
from collections.abc import Collection

from msgspec.structs import replace

from vaiven.model.effects import Tally, TallyOutcome
from vaiven.model.messages import MessageClass
from vaiven.model.outbox import RowState
from vaiven.model.turns import Committed
from vaiven.stores.contract import Lag, Role, Store, Total
from vaiven.testing.builders import AT_MS, HOME
from vaiven.testing.clock import Clock
from vaiven.testing.promises.base import OTHER, THIRD, TTL_MS, Owner, Promises, rows_of, states

HEARD_S = 5.0
"""A wake may come at once or never; one that has not come by then will not."""


class FleetContract(Promises):
    async def test_the_clock_is_one_for_all_handles(self, store: Store, clock: Clock) -> None:
        door = await self.another_door(store)
        before = await store.now_ms()
        clock.advance(5_000)
        assert before + 5_000 <= await door.now_ms() < before + 10_000

    # -- sharing -------------------------------------------------------------------------------------------------------

    async def test_who_attends_is_told_to_everybody_until_its_time_is_over(self, store: Store, clock: Clock) -> None:
        door = await self.another_door(store)
        assert await store.attend(Role.TURN, "b", TTL_MS) == ["b"]
        assert await door.attend(Role.TURN, "a", TTL_MS + 10) == ["a", "b"]
        assert await store.attend(Role.SEND, "c", TTL_MS) == ["c"]
        clock.advance(TTL_MS - 1)
        assert await store.attend(Role.TURN, "a", TTL_MS) == ["a", "b"]
        clock.advance(1)
        assert await store.attend(Role.TURN, "a", TTL_MS) == ["a"]

    async def test_to_attend_for_no_time_is_to_ask(self, store: Store) -> None:
        await store.attend(Role.TURN, "a", TTL_MS)
        assert await store.attend(Role.TURN, "asker", 0) == ["a"]
        assert await store.attend(Role.TURN, "a", 0) == []

    async def test_attendance_ends_with_the_release_of_everything(self, store: Store) -> None:
        await store.attend(Role.TURN, "a", TTL_MS)
        await store.attend(Role.SEND, "a", TTL_MS)
        await store.release(Role.TURN, "a", [0])
        assert await store.attend(Role.TURN, "b", TTL_MS) == ["a", "b"]
        await store.release(Role.TURN, "a")
        assert await store.attend(Role.TURN, "b", TTL_MS) == ["b"]
        assert await store.attend(Role.SEND, "b", TTL_MS) == ["a", "b"]

    async def test_every_lease_held_is_listed_until_it_expires(self, store: Store, clock: Clock) -> None:
        everything = list(range(store.partitions))
        assert await store.held() == []
        await store.lease(Role.TURN, "a", everything, TTL_MS)
        clock.advance(10)
        await store.lease(Role.SEND, "b", everything[:1], TTL_MS)
        found = [(one.role, one.partition, one.owner, one.epoch) for one in await store.held()]
        assert found == [(Role.SEND, 0, "b", 1)] + [(Role.TURN, partition, "a", 1) for partition in everything]
        clock.advance(TTL_MS - 10)
        (left,) = await store.held()
        assert (left.role, left.until_ms - await store.now_ms()) == (Role.SEND, 10)

    async def test_some_leases_can_be_given_back_and_others_kept(self, store: Store) -> None:
        everything = list(range(store.partitions))
        await store.lease(Role.TURN, "a", everything, TTL_MS)
        await store.release(Role.TURN, "b", everything)
        await store.release(Role.TURN, "a", [])
        assert len(await store.held()) == store.partitions
        await store.release(Role.TURN, "a", everything[:1])
        assert [one.partition for one in await store.held()] == everything[1:]
        assert await store.lease(Role.TURN, "b", everything, TTL_MS) == {0: 2}

    async def test_racing_owners_share_every_partition_without_overlap(self, store: Store) -> None:
        doors = [store, await self.another_door(store)]
        everything = range(store.partitions)
        got = await asyncio.gather(*(doors[n % 2].lease(Role.TURN, f"owner {n}", everything, TTL_MS) for n in range(8)))
        assert sorted(partition for held in got for partition in held) == list(everything)

    async def test_what_another_handle_appends_wakes_who_listens(self, store: Store, owner: Owner) -> None:
        door = await self.another_door(store)
        heard: dict[Role, set[int]] = {Role.TURN: set(), Role.SEND: set()}
        woken = asyncio.Event()

        def wake(role: Role) -> None:
            def on(partitions: Collection[int]) -> None:
                heard[role].update(partitions)
                woken.set()

            door.listen(role, on)

        wake(Role.TURN)
        wake(Role.SEND)
        if door is not store:
            await door.close()
            await door.open()
        event = owner.event()
        await owner.commit(event, {})
        if door is not store:
            async with asyncio.timeout(HEARD_S):
                while not (heard[Role.TURN] and heard[Role.SEND]):
                    await woken.wait()
                    woken.clear()
        for partitions in heard.values():
            assert partitions <= {event.partition}

    # -- rates ---------------------------------------------------------------------------------------------------------

    async def test_a_bucket_is_full_at_first_and_tokens_given_are_spent(self, store: Store) -> None:
        door = await self.another_door(store)
        assert await store.draw("sms", 10.0, 5, 3, AT_MS) == 3
        assert await door.draw("sms", 10.0, 5, 3, AT_MS) == 2
        assert await store.draw("sms", 10.0, 5, 3, AT_MS) == 0
        assert await store.draw("wa", 10.0, 5, 9, AT_MS) == 5

    async def test_a_bucket_fills_by_its_rate_and_no_higher_than_its_burst(self, store: Store) -> None:
        assert await store.draw("sms", 10.0, 5, 5, AT_MS) == 5
        assert await store.draw("sms", 10.0, 5, 5, AT_MS + 99) == 0
        assert await store.draw("sms", 10.0, 5, 5, AT_MS + 100) == 1
        assert await store.draw("sms", 10.0, 5, 5, AT_MS + 350) == 2
        assert await store.draw("sms", 10.0, 5, 5, AT_MS + 400) == 1
        assert await store.draw("sms", 10.0, 5, 9, AT_MS + 60_000) == 5

    async def test_an_earlier_instant_fills_by_nothing(self, store: Store) -> None:
        assert await store.draw("sms", 10.0, 5, 5, AT_MS) == 5
        assert await store.draw("sms", 10.0, 5, 5, AT_MS - 60_000) == 0
        assert await store.draw("sms", 10.0, 5, 5, AT_MS + 100) == 1

    async def test_tokens_put_back_can_be_drawn_again_but_never_above_the_burst(self, store: Store) -> None:
        assert await store.draw("sms", 10.0, 5, 4, AT_MS) == 4
        assert await store.draw("sms", 10.0, 5, -3, AT_MS) == 0
        assert await store.draw("sms", 10.0, 5, 9, AT_MS) == 4
        assert await store.draw("sms", 10.0, 5, -99, AT_MS) == 0
        assert await store.draw("sms", 10.0, 5, 9, AT_MS) == 5

    async def test_a_slow_rate_gives_single_tokens(self, store: Store) -> None:
        assert await store.draw("sms", 0.5, 1, 1, AT_MS) == 1
        given = [await store.draw("sms", 0.5, 1, 1, AT_MS + at) for at in range(100, 6_100, 100)]
        assert [index for index, one in enumerate(given, 1) if one] == [20, 40, 60]

    async def test_racing_draws_give_no_token_twice(self, store: Store) -> None:
        doors = [store, await self.another_door(store)]
        given = await asyncio.gather(*(doors[n % 2].draw("sms", 1.0, 50, 4, AT_MS) for n in range(40)))
        assert sum(given) == 50

    # -- an operator's acts --------------------------------------------------------------------------------------------

    async def test_a_dead_letter_put_back_comes_as_if_new_once(self, store: Store, owner: Owner) -> None:
        event = owner.event(id="e1")
        await owner.commit(event, touching=False, buried="failed")
        (letter,) = await store.dead(9)
        number = await store.revive(event.partition, letter.number, AT_MS + 5)
        assert number is not None
        assert number > letter.number
        (taken,) = await store.take(owner.turns, {}, 9)
        assert (taken.number, taken.takes, taken.event) == (number, 0, replace(event, at_ms=AT_MS + 5))
        assert await store.dead(9) == []
        assert await store.revive(event.partition, letter.number, AT_MS) is None
        assert (await store.counts()).inbox == 1

    async def test_a_dead_letter_dropped_is_gone(self, store: Store, owner: Owner) -> None:
        for n in range(3):
            await owner.commit(owner.event(id=f"e{n}"), touching=False, buried="failed")
        kept, dropped, _ = await store.dead(9)
        partition = dropped.event.partition
        assert not await store.drop(partition + 1, dropped.number)
        assert not await store.drop(partition, dropped.number + 100)
        assert await store.drop(partition, dropped.number)
        assert not await store.drop(partition, dropped.number)
        assert await store.revive(partition, dropped.number, AT_MS) is None
        assert [letter.event.id for letter in await store.dead(9)] == [kept.event.id, "e0"]
        assert (await store.counts()).dead == 2

    async def test_old_history_and_final_rows_go_oldest_first(self, store: Store, owner: Owner) -> None:
        for day in range(6):
            await owner.commit(owner.event(at_ms=AT_MS + day), {}, base=day)
            (row,) = await owner.claim(AT_MS + day)
            await owner.settle(row, RowState.ACCEPTED)
        assert await store.prune(owner.turns, AT_MS, 99) == 0
        gone = await store.prune(owner.turns, AT_MS + 4, 2)
        assert 2 <= gone <= 4
        while more := await store.prune(owner.turns, AT_MS + 4, 2):
            gone += more
        assert gone == 8
        assert [record.at_ms for record in [one async for one in store.history(HOME)]] == [AT_MS + 5, AT_MS + 4]
        assert [record.at_ms for record in [one async for one in store.history()]] == [AT_MS + 4, AT_MS + 5]
        assert [row.created_ms for row in await store.rows(HOME)] == [AT_MS + 4, AT_MS + 5]
        assert isinstance(await owner.commit(owner.event(at_ms=AT_MS + 6), {}), Committed)
        assert len([one async for one in store.history(HOME)]) == len(await store.rows(HOME)) == 3

    async def test_a_row_that_is_not_final_is_never_pruned(self, store: Store, owner: Owner) -> None:
        await owner.commit(owner.event(), {"not_before_ms": AT_MS + 99_000})
        await owner.commit(owner.event(OTHER), {})
        (row,) = await owner.claim()
        await owner.commit(owner.event(THIRD), {})
        await owner.settle(row, RowState.UNKNOWN)
        while await store.prune(owner.turns, AT_MS + 1, 9):
            pass
        left = {home: states(await store.rows(home)) for home in (HOME, OTHER, THIRD)}
        assert left == {HOME: [RowState.QUEUED], OTHER: [], THIRD: [RowState.QUEUED]}
        assert [one.home for one in await owner.claim(AT_MS + 99_000)] == [THIRD, HOME]

    async def test_a_row_that_became_final_after_a_prune_had_passed_it_goes_with_the_next(
        self, store: Store, owner: Owner
    ) -> None:
        (row,) = rows_of(await owner.commit(owner.event(), {}, claiming=owner.claiming()))
        assert await store.prune(owner.turns, AT_MS + 1, 99) == 1  # the turn's record
        assert await owner.settle(row, RowState.ACCEPTED)
        assert states(await store.rows(HOME)) == [RowState.ACCEPTED]
        assert await store.prune(owner.turns, AT_MS + 1, 99) == 1
        assert await store.rows(HOME) == []

    async def test_pruning_takes_neither_states_nor_totals_nor_what_others_own(
        self, store: Store, owner: Owner, clock: Clock
    ) -> None:
        tally = Tally("final", "a", TallyOutcome.COUNTED)
        await owner.commit(owner.event(), {}, {}, tallies=(tally,))
        await owner.commit(owner.event(), touching=False, buried="failed")
        clock.advance(TTL_MS)
        newer = await Owner.of(store, "newer")
        assert await store.prune(owner.turns, AT_MS + 1, 99) == 0
        assert await store.prune(newer.turns, AT_MS + 1, 99) > 0
        assert await store.totals() == [Total("final", "a", "counted", 1)]
        assert (await store.load([HOME]))[0].contact.version == 1
        assert ((await store.counts()).dead, len(await store.rows(HOME))) == (1, 2)

    # -- looking -------------------------------------------------------------------------------------------------------

    async def test_counts_tell_rows_under_way_by_class_and_the_unknown(self, store: Store, owner: Owner) -> None:
        kinds = [MessageClass.OTP, MessageClass.REPLY, MessageClass.REPLY, MessageClass.RECEIPT]
        for home, kind in zip((HOME, OTHER, THIRD, "tel:+12025550104"), kinds, strict=True):
            await owner.commit(owner.event(home), {"message_class": kind})
        claimed = {row.home: row for row in await owner.claim()}
        await owner.settle(claimed[HOME], RowState.UNKNOWN)
        await owner.settle(claimed[OTHER], RowState.ACCEPTED)
        counts = await store.counts()
        assert counts.classes == {"reply": 1, "receipt": 1}
        assert counts.rows == {"dialed": 2, "unknown": 1}

    async def test_lags_tell_where_something_waits_and_since_when(self, store: Store, owner: Owner) -> None:
        assert await store.lags() == []
        events = [owner.event(HOME, at_ms=AT_MS + 7), owner.event(HOME, at_ms=AT_MS + 3)]
        await store.accept(events)
        assert await store.lags() == [Lag(events[0].partition, 2, AT_MS + 3)]
        waiting = [owner.event(f"tel:+1202555{n:04d}") for n in range(50)]
        await store.accept(waiting)
        lags = await store.lags()
        assert [lag.partition for lag in lags] == sorted({event.partition for event in [*events, *waiting]})
        assert sum(lag.inbox for lag in lags) == 52
