"""Promises about accepting, leases, taking and homes."""

import asyncio

from vaiven.model.events import OptedOut
from vaiven.model.receipts import DeliveryReceipt, DeliveryStatus
from vaiven.model.urns import Identity, Urn
from vaiven.stores.contract import Role, Store
from vaiven.testing.builders import SENDER
from vaiven.testing.clock import Clock
from vaiven.testing.promises.base import OTHER, TTL_MS, Owner, Promises


class InboxContract(Promises):
    async def test_accept_numbers_events_without_gaps(self, owner: Owner) -> None:
        event = owner.event()
        assert await owner.store.accept([event, owner.event()]) == [1, 2]
        assert await owner.store.accept([]) == []
        assert await owner.accept(owner.event()) == 3

    async def test_two_doors_accept_alternately_and_numbers_interleave(self, store: Store, owner: Owner) -> None:
        doors = [store, await self.another_door(store)]
        given = await asyncio.gather(*(doors[n % 2].accept([owner.event(id=f"e{n}")]) for n in range(50)))
        assert sorted(number for (number,) in given) == list(range(1, 51))
        taken = await store.take(owner.turns, {}, 100)
        assert [one.number for one in taken] == list(range(1, 51))
        assert {one.event.id: one.number for one in taken} == {f"e{n}": number for n, (number,) in enumerate(given)}

    async def test_an_event_comes_back_as_it_was(self, owner: Owner) -> None:
        receipt = DeliveryReceipt(DeliveryStatus.SENT, provider_id="SM1", learned=(OTHER,))
        events = [owner.event(), owner.event(body=receipt), owner.event(body=OptedOut(SENDER, "21610"))]
        await owner.store.accept(events)
        assert [one.event for one in await owner.store.take(owner.turns, {}, 9)] == events

    async def test_a_free_lease_is_taken_and_a_held_one_is_left_out(self, store: Store) -> None:
        first = await store.lease(Role.TURN, "a", [0], TTL_MS)
        assert await store.lease(Role.TURN, "b", [0], TTL_MS) == {}
        assert await store.lease(Role.SEND, "b", [0], TTL_MS) == {0: 1}
        assert await store.lease(Role.TURN, "a", [0], TTL_MS) == first == {0: 1}

    async def test_an_expired_lease_is_taken_under_a_higher_epoch(self, store: Store, clock: Clock) -> None:
        await store.lease(Role.TURN, "a", [0], TTL_MS)
        clock.advance(TTL_MS - 1)
        assert await store.lease(Role.TURN, "b", [0], TTL_MS) == {}
        clock.advance(1)
        assert await store.lease(Role.TURN, "b", [0], TTL_MS) == {0: 2}
        assert await store.lease(Role.TURN, "a", [0], TTL_MS) == {}

    async def test_an_expired_lease_can_be_left_to_its_owner(self, store: Store, clock: Clock) -> None:
        await store.lease(Role.TURN, "a", [0, 1], TTL_MS)
        await store.release(Role.TURN, "a", [1])
        clock.advance(TTL_MS + 1)
        assert await store.lease(Role.TURN, "b", [0, 1], TTL_MS, expired=False) == {1: 2}
        assert await store.lease(Role.TURN, "a", [0], TTL_MS, expired=False) == {0: 1}

    async def test_a_released_lease_is_free_and_its_epoch_rises(self, store: Store) -> None:
        await store.lease(Role.TURN, "a", [0], TTL_MS)
        await store.lease(Role.SEND, "a", [0], TTL_MS)
        await store.release(Role.TURN, "b")
        assert await store.lease(Role.TURN, "b", [0], TTL_MS) == {}
        await store.release(Role.TURN, "a")
        assert await store.lease(Role.TURN, "b", [0], TTL_MS) == {0: 2}
        assert await store.lease(Role.SEND, "b", [0], TTL_MS) == {}

    async def test_take_gives_what_waits_above_a_number_up_to_a_limit(self, owner: Owner) -> None:
        event = owner.event()
        await owner.store.accept([event] * 5)
        taken = await owner.store.take(owner.turns, {event.partition: 2}, 2)
        assert [one.number for one in taken] == [3, 4]

    async def test_takes_count_the_epochs_under_which_an_event_was_taken_and_not_handled(
        self, store: Store, owner: Owner, clock: Clock
    ) -> None:
        await owner.accept(owner.event())
        assert [await self._takes(store, owner) for _ in range(3)] == [[0], [0], [0]]
        for deaths in (1, 2, 3):
            clock.advance(TTL_MS)
            heir = await Owner.of(store, f"heir {deaths}")
            assert [await self._takes(store, heir) for _ in range(2)] == [[deaths], [deaths]]
            assert await self._takes(store, owner) == []

    async def test_only_the_first_event_of_a_partition_counts_on_and_those_behind_it_one_at_most(
        self, store: Store, owner: Owner, clock: Clock
    ) -> None:
        event = owner.event()
        await store.accept([event, event, event])
        await store.take(owner.turns, {}, 2)
        for deaths in (1, 2, 3):
            clock.advance(TTL_MS)
            heir = await Owner.of(store, f"heir {deaths}")
            assert await self._takes(store, heir) == [deaths, 1, min(1, deaths - 1)]
        assert [one.takes for one in await store.take(heir.turns, {event.partition: 1}, 9)] == [1, 1]
        clock.advance(TTL_MS)
        heir = await Owner.of(store, "the last heir")
        assert [one.takes for one in await store.take(heir.turns, {event.partition: 1}, 9)] == [2, 1]

    async def test_what_waits_in_a_partition_given_back_counts_as_never_taken(
        self, store: Store, owner: Owner, clock: Clock
    ) -> None:
        event = owner.event()
        await store.accept([event, event])
        await self._takes(store, owner)
        clock.advance(TTL_MS)
        heir = await Owner.of(store, "heir 0")
        assert await self._takes(store, heir) == [1, 1]
        for restarts in range(1, 8):
            await store.release(Role.TURN, f"heir {restarts - 1}", None if restarts % 2 else [event.partition])
            heir = await Owner.of(store, f"heir {restarts}")
            assert await self._takes(store, heir) == [0, 0]

    async def _takes(self, store: Store, owner: Owner) -> list[int]:
        return [one.takes for one in await store.take(owner.turns, {}, 9)]

    async def test_take_gives_nothing_under_an_epoch_that_is_not_current(self, store: Store, owner: Owner) -> None:
        event = owner.event()
        await owner.accept(event)
        await store.release(Role.TURN, "owner")
        assert await store.take(owner.turns, {}, 9) == []
        newer = await Owner.of(store, "newer")
        assert await store.take(owner.turns, {}, 9) == []
        assert [one.takes for one in await store.take(newer.turns, {}, 9)] == [0]

    async def test_the_first_address_decides_the_home_and_others_are_bound_after_it(self, store: Store) -> None:
        phone, user, second = Urn("whatsapp:12025550101"), Urn("whatsapp:user-1"), Urn("whatsapp:12025550102")
        assert await store.identify([Identity(phone)]) == [phone]
        assert await store.identify([Identity(user, (phone,))]) == [phone]
        assert await store.identify([Identity(user, (second,)), Identity(second)]) == [phone, phone]

    async def test_an_address_keeps_the_home_it_has(self, store: Store) -> None:
        phone, user = Urn("whatsapp:12025550101"), Urn("whatsapp:user-1")
        assert await store.identify([Identity(phone), Identity(user), Identity(user, (phone,))]) == [phone, user, user]
        assert await store.identify([Identity(phone)]) == [phone]

    async def test_a_race_for_a_home_has_one_winner(self, store: Store) -> None:
        door = await self.another_door(store)
        asked = [Identity(Urn("whatsapp:user-1"), (Urn(f"whatsapp:{n}"),)) for n in range(20)]
        homes = await asyncio.gather(*([store, door][n % 2].identify([one]) for n, one in enumerate(asked)))
        assert {home for (home,) in homes} == {"whatsapp:user-1"}
        assert await store.identify([Identity(Urn("whatsapp:7"))]) == ["whatsapp:user-1"]
