"""The promises of a store as tests. Subclass ``StoreContract``, supply an opened ``store``, and they run on yours.

    class TestMyStore(StoreContract):
        durable = True

        @pytest.fixture
        async def store(self, clock): ...

Each test bears the sentence of ``vaiven.stores.contract`` that it proves. None asks which store it is on.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from msgspec.structs import replace

from vaiven.model.contacts import Contact, ContactState
from vaiven.model.effects import Tally, TallyOutcome
from vaiven.model.events import Event, OptedOut, TimerDue
from vaiven.model.messages import AGEING_MS, MessageClass
from vaiven.model.outbox import ROWS_A_TURN, STEP_ASIDE_MS, OutboxRow, RowState, Settlement
from vaiven.model.receipts import DeliveryReceipt, DeliveryStatus
from vaiven.model.turns import AlreadyHandled, Committed, Consent, LeaseLost, SessionMoved, Taken, Timer, TurnRecord, Verdict
from vaiven.model.urns import Identity, Urn
from vaiven.stores.contract import Claiming, FlowVersion, Role, Store, Total
from vaiven.testing.builders import AT_MS, CHANNEL, HOME, SENDER, make_event, make_row, make_state, make_turn
from vaiven.testing.clock import Clock

TTL_MS = 30_000
OTHER = Urn("tel:+12025550101")
THIRD = Urn("tel:+447700900102")


class Owner:
    """Somebody who holds both leases of every partition, and does the common things in one line each."""

    def __init__(self, store: Store, turns: Mapping[int, int], sends: Mapping[int, int]) -> None:
        self.store, self.turns, self.sends = store, dict(turns), dict(sends)

    @classmethod
    async def of(cls, store: Store, name: str = "owner") -> "Owner":
        everything = range(store.partitions)
        turns = await store.lease(Role.TURN, name, everything, TTL_MS)
        return cls(store, turns, await store.lease(Role.SEND, name, everything, TTL_MS))

    def event(self, home: str = HOME, **fields: Any) -> Event:
        return make_event(home, partitions=self.store.partitions, **fields)

    async def accept(self, event: Event) -> int:
        return (await self.store.accept([event]))[0]

    async def commit(
        self,
        event: Event,
        *rows: Mapping[str, Any],
        base: int | None = None,
        touching: bool = True,
        claiming: Claiming | None = None,
        **fields: Any,
    ) -> Verdict:
        """Accept an event and commit its turn, with a row for each of these mappings of a row's fields."""
        number = await self.accept(event)
        if base is None:
            base = (await self.store.load([event.home]))[0].contact.version
        made = [make_row(event, number, index, **row) for index, row in enumerate(rows)]
        turn = make_turn(event, number, self.turns[event.partition], base, rows=made, touching=touching, **fields)
        return (await self.store.commit([turn], claiming))[0]

    async def claim(self, now_ms: int = AT_MS, **budget: int) -> list[OutboxRow]:
        return await self.store.claim(self.sends, now_ms, budget or {CHANNEL: 100})

    async def settle(self, row: OutboxRow, state: RowState, **fields: Any) -> bool:
        told = Settlement(row.partition, self.sends[row.partition], row.row, row.attempt, state, **fields)
        return (await self.store.settle([told]))[0]

    async def receipt(self, status: DeliveryStatus, home: str = HOME, **fields: Any) -> Verdict:
        event = self.event(home, body=DeliveryReceipt(status=status, **fields))
        return await self.commit(event, touching=False, receipt=event.body)

    async def row(self, home: Urn = HOME, at: int = -1) -> OutboxRow:
        return (await self.store.rows(home))[at]

    def claiming(self, budget: int = 100) -> Claiming:
        return Claiming(self.sends, {CHANNEL: budget})


def states(rows: Sequence[OutboxRow]) -> list[RowState]:
    return [row.state for row in rows]


def rows_of(verdict: Verdict) -> tuple[OutboxRow, ...]:
    assert isinstance(verdict, Committed)
    return verdict.dialed


class _Parts:
    durable = False
    """Whether what was answered is still there after the process died."""

    @pytest.fixture
    def clock(self) -> Clock:
        return Clock()

    @pytest.fixture
    async def owner(self, store: Store) -> Owner:
        return await Owner.of(store)

    async def another_door(self, store: Store) -> Store:
        """A second handle on the same store, where it can have one."""
        return store

    async def reopen(self, store: Store) -> Store:
        """The store as the next process finds it."""
        await store.close()
        await store.open()
        return store


class InboxContract(_Parts):
    """Accepting, leases, taking."""

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

    async def test_each_take_counts_once_more(self, owner: Owner) -> None:
        await owner.accept(owner.event())
        takes = [(await owner.store.take(owner.turns, {}, 9))[0].takes for _ in range(3)]
        assert takes == [0, 1, 2]

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


class TurnContract(_Parts):
    """Loading, committing, timers."""

    async def test_a_home_never_seen_is_a_fresh_contact(self, store: Store) -> None:
        assert await store.load([HOME, OTHER]) == [ContactState(Contact(home=home)) for home in (HOME, OTHER)]

    async def test_a_load_sees_every_commit_that_was_answered(self, store: Store, owner: Owner) -> None:
        door = await self.another_door(store)
        for version in range(1, 6):
            state = make_state(version=version, vars={"n": version, "list": [1, "two"]}, ring=bytes(version))
            assert isinstance(await owner.commit(owner.event(), base=version - 1, state=state), Committed)
            assert await door.load([OTHER, HOME]) == [ContactState(Contact(home=OTHER)), state]

    async def test_a_load_gives_a_state_of_its_own(self, store: Store, owner: Owner) -> None:
        await owner.commit(owner.event(), state=make_state(vars={"n": 1}))
        (mine,) = await store.load([HOME])
        mine.contact.vars["n"] = 2
        assert (await store.load([HOME]))[0].contact.vars == {"n": 1}

    async def test_the_same_event_commits_once(self, store: Store, owner: Owner) -> None:
        event = owner.event()
        turn = make_turn(event, await owner.accept(event), owner.turns[event.partition])
        assert await store.commit([turn]) == [Committed(turn.number)]
        assert await store.commit([turn]) == [AlreadyHandled(event.id)]
        assert (await store.counts()).inbox == 0
        assert len([record async for record in store.history(HOME)]) == 1

    async def test_fifty_turns_at_the_same_base_and_one_commits(self, store: Store, owner: Owner) -> None:
        events = [owner.event() for _ in range(50)]
        numbers = await store.accept(events)
        epoch = owner.turns[events[0].partition]
        doors = [store, await self.another_door(store)]
        asked = (
            doors[n % 2].commit([make_turn(e, n, epoch, rows=[make_row(e, n)])]) for e, n in zip(events, numbers, strict=True)
        )
        verdicts = [verdict for (verdict,) in await asyncio.gather(*asked)]
        assert sum(isinstance(verdict, Committed) for verdict in verdicts) == 1
        assert [verdict for verdict in verdicts if not isinstance(verdict, Committed)] == [SessionMoved(HOME, 1)] * 49
        assert (await store.counts()).inbox == 49
        assert len(await store.rows(HOME)) == 1

    async def test_a_stale_base_changes_nothing(self, store: Store, owner: Owner) -> None:
        await owner.commit(owner.event())
        tally = Tally("final", "a", TallyOutcome.COUNTED)
        timer = Timer(HOME, CHANNEL, "k", AT_MS, "s", "step", 1)
        consent = Consent(HOME, SENDER, True, AT_MS, "STOP", "e")
        verdict = await owner.commit(
            owner.event(),
            {},
            base=0,
            tallies=(tally,),
            timers=(timer,),
            consents=(consent,),
            buried="no",
            state=make_state(name="x"),
        )
        assert verdict == SessionMoved(HOME, 1)
        assert (await store.load([HOME]))[0].contact.name is None
        assert (await store.rows(HOME), await store.totals(), await store.consents(), await store.dead(9)) == ([], [], [], [])
        counts = await store.counts()
        assert (counts.inbox, counts.timers) == (1, 0)

    async def test_a_refused_turn_stops_only_later_turns_of_its_home(self, store: Store, owner: Owner) -> None:
        homes = [HOME, HOME, OTHER, OTHER]
        events = [owner.event(home) for home in homes]
        numbers = await store.accept(events)
        bases = [5, 6, 0, 1]
        turns = [make_turn(e, n, owner.turns[e.partition], b) for e, n, b in zip(events, numbers, bases, strict=True)]
        moved = SessionMoved(HOME, 0)
        assert await store.commit(turns) == [moved, moved, Committed(numbers[2]), Committed(numbers[3])]
        assert [state.contact.version for state in await store.load([HOME, OTHER])] == [0, 2]

    async def test_a_turn_that_does_not_touch_the_contact_needs_no_base(self, store: Store, owner: Owner) -> None:
        await owner.commit(owner.event())
        assert isinstance(await owner.commit(owner.event(), base=0, touching=False), Committed)
        assert (await store.load([HOME]))[0].contact.version == 1

    async def test_a_turn_under_a_stale_epoch_is_refused(self, store: Store, owner: Owner) -> None:
        event = owner.event()
        number = await owner.accept(event)
        await store.release(Role.TURN, "owner")
        newer = await Owner.of(store, "newer")
        late = make_turn(event, number, owner.turns[event.partition])
        assert await store.commit([late]) == [LeaseLost(event.partition)]
        assert await store.commit([replace(late, epoch=newer.turns[event.partition])]) == [Committed(number)]

    async def test_history_of_a_home_is_newest_first(self, store: Store, owner: Owner) -> None:
        for n in range(5):
            await owner.commit(owner.event(id=f"e{n}"), touching=n != 2)
            await owner.commit(owner.event(OTHER))
        ids = [record.event.id async for record in store.history(HOME)]
        assert ids == ["e4", "e3", "e2", "e1", "e0"]
        assert [record.event.id async for record in store.history(HOME, 2)] == ids[:2]
        assert [record async for record in store.history(THIRD)] == []

    async def test_history_of_everybody_is_in_number_order(self, store: Store, owner: Owner) -> None:
        for n in range(300):
            await owner.commit(owner.event([HOME, OTHER, THIRD][n % 3]), touching=False)
        seen: dict[int, list[int]] = {}
        async for record in store.history():
            seen.setdefault(record.event.partition, []).append(record.number)
        assert sum(map(len, seen.values())) == 300
        assert all(numbers == sorted(numbers) for numbers in seen.values())

    async def test_a_record_comes_back_as_it_was(self, store: Store, owner: Owner) -> None:
        event = owner.event()
        effects = (Tally("final", "a", TallyOutcome.CAPPED),)
        record = TurnRecord(1, 1, 0, AT_MS, event, effects, make_state(vars={"x": [1]}), "hash", {"open": 1})
        await owner.commit(event, record=record)
        assert [one async for one in store.history(HOME)] == [record]

    async def test_tallies_are_summed_over_the_partitions(self, store: Store, owner: Owner) -> None:
        for n in range(40):
            tallies = (Tally("final", "ab"[n % 2], TallyOutcome.COUNTED), Tally("semi", "x", TallyOutcome.LATE))
            await owner.commit(owner.event(f"tel:+1202555{n:04d}"), tallies=tallies)
        final = [Total("final", option, "counted", 20) for option in "ab"]
        assert await store.totals("final") == final
        assert await store.totals() == [*final, Total("semi", "x", "late", 40)]

    async def test_a_buried_event_is_a_dead_letter(self, store: Store, owner: Owner) -> None:
        for n in range(3):
            await owner.commit(owner.event(id=f"e{n}"), touching=False, buried=f"reason {n}")
        dead = await store.dead(2)
        assert [(letter.event.id, letter.reason, letter.at_ms) for letter in dead] == [
            ("e2", "reason 2", AT_MS),
            ("e1", "reason 1", AT_MS),
        ]
        assert ((await store.counts()).dead, (await store.counts()).inbox) == (3, 0)

    async def test_consents_are_kept_oldest_first(self, store: Store, owner: Owner) -> None:
        said = [Consent(home, SENDER, n % 2 == 0, AT_MS + n, "STOP", f"e{n}") for n, home in enumerate([HOME, OTHER, HOME])]
        for consent in said:
            await owner.commit(owner.event(consent.home), consents=(consent,))
        assert await store.consents() == said
        assert await store.consents(HOME) == [said[0], said[2]]

    async def test_a_timer_due_becomes_an_event_once(self, store: Store, owner: Owner) -> None:
        timer = Timer(HOME, CHANNEL, "remind", AT_MS + 10, "s1", "ask", 3)
        await owner.commit(owner.event(), timers=(timer,))
        assert await store.due(owner.turns, AT_MS + 9, 9) == []
        now = AT_MS + 60
        (moved,) = await store.due(owner.turns, now, 9)
        assert moved.event == Event(
            id=f"timer:{HOME}:remind:s1:3:{AT_MS + 10}",
            home=HOME,
            partition=owner.event().partition,
            channel=CHANNEL,
            at_ms=now,
            body=TimerDue("remind", "s1", "ask", 3, AT_MS + 10),
        )
        assert await store.due(owner.turns, now, 9) == []
        assert await store.take(owner.turns, {}, 9) == [Taken(moved.number, moved.event)]

    async def test_timers_fall_due_oldest_first_up_to_a_limit(self, store: Store, owner: Owner) -> None:
        timers = tuple(Timer(HOME, CHANNEL, key, AT_MS + at, "s", "ask", 1) for key, at in (("b", 2), ("a", 1), ("c", 3)))
        await owner.commit(owner.event(), timers=timers)
        due = await store.due(owner.turns, AT_MS + 9, 2)
        assert [one.event.id.split(":")[3] for one in due] == ["a", "b"]
        assert due[1].number == due[0].number + 1

    async def test_a_timer_is_moved_by_the_owner_only(self, store: Store, owner: Owner) -> None:
        await owner.commit(owner.event(), timers=(Timer(HOME, CHANNEL, "k", AT_MS, "s", "ask", 1),))
        await store.release(Role.TURN, "owner")
        assert await store.due(owner.turns, AT_MS, 9) == []

    async def test_arming_replaces_and_cancelling_removes(self, store: Store, owner: Owner) -> None:
        first = Timer(HOME, CHANNEL, "k", AT_MS + 1, "s", "ask", 1)
        await owner.commit(owner.event(), timers=(first, replace(first, key="gone"), replace(first, home=OTHER)))
        await owner.commit(owner.event(), timers=(replace(first, due_ms=AT_MS + 5),), cancelled=("gone", "never armed"))
        assert (await store.counts()).timers == 2
        assert [one.event.home for one in await store.due(owner.turns, AT_MS + 4, 9)] == [OTHER]

    async def test_a_cancelled_timer_that_the_same_turn_arms_is_armed(self, store: Store, owner: Owner) -> None:
        timer = Timer(HOME, CHANNEL, "k", AT_MS + 1, "s", "ask", 1)
        await owner.commit(owner.event(), timers=(timer,), cancelled=("k",))
        await owner.commit(owner.event(), timers=(replace(timer, visit=2),), cancelled=("k",))
        (due,) = await store.due(owner.turns, AT_MS + 4, 9)
        assert due.event.id.endswith(f":2:{AT_MS + 1}")


class OutboxContract(_Parts):
    """Claiming and settling."""

    async def test_a_claim_gives_rows_dialed_with_their_attempt_counted(self, owner: Owner) -> None:
        await owner.commit(owner.event(), {"control": 0})
        (row,) = await owner.claim()
        assert (row.state, row.attempt, row.reference) == (RowState.DIALED, 1, f"{row.partition}.{row.row}")
        assert await owner.store.rows(HOME) == [row]
        assert await owner.claim() == []

    async def test_a_claim_keeps_to_its_budget_and_its_channels(self, owner: Owner) -> None:
        for n in range(6):
            await owner.commit(owner.event(f"tel:+1202555010{n}"), {"channel": "sms" if n % 2 else "wa"})
        assert [row.channel for row in await owner.claim(sms=2)] == ["sms", "sms"]
        assert sorted(row.channel for row in await owner.claim(sms=9, wa=1)) == ["sms", "wa"]
        assert await owner.claim(sms=0, other=9) == []

    async def test_a_claim_needs_the_current_epoch(self, store: Store, owner: Owner) -> None:
        await owner.commit(owner.event(), {})
        await store.release(Role.SEND, "owner")
        assert await owner.claim() == []
        newer = await store.lease(Role.SEND, "newer", range(store.partitions), TTL_MS)
        assert await owner.claim() == []
        assert len(await store.claim(newer, AT_MS, {CHANNEL: 9})) == 1

    async def test_rows_of_a_home_and_channel_go_one_at_a_time_in_order(self, owner: Owner) -> None:
        await owner.commit(owner.event(), {}, {}, {"channel": "wa"})
        await owner.commit(owner.event(OTHER), {})
        first = await owner.claim(sms=9, wa=9)
        assert sorted((row.home, row.channel) for row in first) == [(HOME, "sms"), (HOME, "wa"), (OTHER, "sms")]
        mine = next(row for row in first if (row.home, row.channel) == (HOME, "sms"))
        assert mine.row % ROWS_A_TURN == 0
        assert await owner.claim() == []
        assert await owner.settle(mine, RowState.ACCEPTED, provider_id="SM1")
        assert [row.row for row in await owner.claim()] == [mine.row + 1]

    @pytest.mark.parametrize("passing", [MessageClass.CONSENT, MessageClass.OTP, MessageClass.ALERT])
    async def test_passing_classes_pass_and_are_waited_for(self, owner: Owner, passing: MessageClass) -> None:
        await owner.commit(owner.event(), {}, {"message_class": passing}, {})
        claimed = await owner.claim()
        assert {row.row % ROWS_A_TURN for row in claimed} == {0, 1}
        reply = next(row for row in claimed if row.message_class is MessageClass.REPLY)
        assert await owner.settle(reply, RowState.ACCEPTED)
        assert await owner.claim() == []

    @pytest.mark.parametrize(
        ("state", "fields", "goes"),
        [
            (RowState.ACCEPTED, {}, True),
            (RowState.REJECTED, {}, True),
            (RowState.UNKNOWN, {}, True),
            (RowState.HELD, {"retry_ms": AT_MS + 60_000}, False),
            (RowState.RETRY, {"retry_ms": AT_MS + STEP_ASIDE_MS}, False),
            (RowState.RETRY, {"retry_ms": AT_MS + STEP_ASIDE_MS + 1}, True),
        ],
    )
    async def test_what_a_row_became_decides_whether_it_holds_the_next(
        self, owner: Owner, state: RowState, fields: dict[str, Any], goes: bool
    ) -> None:
        await owner.commit(owner.event(), {}, {})
        (first,) = await owner.claim()
        assert await owner.settle(first, state, **fields)
        assert [row.row for row in await owner.claim()] == [first.row + 1] * goes

    async def test_a_row_for_much_later_does_not_hold_what_comes_now(self, owner: Owner) -> None:
        await owner.commit(owner.event(), {"not_before_ms": AT_MS + 3_600_000}, {})
        assert [row.row % ROWS_A_TURN for row in await owner.claim()] == [1]
        await owner.commit(owner.event(OTHER), {"not_before_ms": AT_MS + STEP_ASIDE_MS}, {})
        assert await owner.claim() == []
        assert [row.home for row in await owner.claim(AT_MS + STEP_ASIDE_MS)] == [OTHER]

    async def test_a_row_never_dialed_goes_again(self, owner: Owner) -> None:
        await owner.commit(owner.event(), {})
        (first,) = await owner.claim()
        assert await owner.settle(first, RowState.QUEUED)
        assert [(row.row, row.attempt) for row in await owner.claim()] == [(first.row, 2)]

    @pytest.mark.parametrize("state", [RowState.RETRY, RowState.HELD])
    async def test_a_row_goes_again_when_its_instant_has_come(self, owner: Owner, state: RowState) -> None:
        await owner.commit(owner.event(), {})
        (first,) = await owner.claim()
        assert await owner.settle(first, state, retry_ms=AT_MS + 50, reason="429")
        assert await owner.claim(AT_MS + 49) == []
        (again,) = await owner.claim(AT_MS + 50)
        assert (again.attempt, again.unknowns, again.reason) == (2, int(state is RowState.HELD), "429")

    async def test_the_order_is_by_class_with_ageing_then_by_age(self, owner: Owner) -> None:
        made = [
            (MessageClass.MARKETING, AT_MS),
            (MessageClass.REPLY, AT_MS + 1),
            (MessageClass.OTP, AT_MS + 2),
            (MessageClass.REPLY, AT_MS),
            (MessageClass.MARKETING, AT_MS - 3 * AGEING_MS),
        ]
        for n, (kind, at) in enumerate(made):
            await owner.commit(owner.event(f"tel:+1202555010{n}"), {"message_class": kind, "created_ms": at})
        claimed = [(row.message_class, row.created_ms) for row in await owner.claim(AT_MS + 2)]
        assert claimed == [made[2], made[4], made[3], made[1], made[0]]

    async def test_waiting_for_an_instant_is_no_waiting_in_the_queue(self, owner: Owner) -> None:
        later = AT_MS + 100 * AGEING_MS
        await owner.commit(owner.event(), {"message_class": MessageClass.MARKETING, "not_before_ms": later})
        await owner.commit(owner.event(OTHER), {"message_class": MessageClass.OTP, "created_ms": later})
        assert [row.message_class for row in await owner.claim(later, sms=1)] == [MessageClass.OTP]

    async def test_a_row_expires_when_its_time_is_over(self, owner: Owner) -> None:
        await owner.commit(owner.event(), {"not_after_ms": AT_MS + 5}, {"not_after_ms": AT_MS + 6})
        (row,) = await owner.claim(AT_MS + 5)
        assert row.row % ROWS_A_TURN == 1
        assert states(await owner.store.rows(HOME)) == [RowState.EXPIRED, RowState.DIALED]

    async def test_a_stop_committed_before_the_claim_wins(self, store: Store, owner: Owner) -> None:
        await owner.commit(owner.event(), {}, {"sender": "tel:+12025550198"})
        stop = Consent(HOME, SENDER, True, AT_MS, "STOP", "e")
        await owner.commit(owner.event(), {"message_class": MessageClass.CONSENT}, consents=(stop,))
        claimed = await owner.claim()
        assert sorted((row.sender, row.message_class) for row in claimed) == [
            ("tel:+12025550198", MessageClass.REPLY),
            (SENDER, MessageClass.CONSENT),
        ]
        assert (await store.rows(HOME))[0].state is RowState.SUPPRESSED
        start = replace(stop, opted_out=False, word="START")
        await owner.commit(owner.event(), {}, consents=(start,))
        for row in claimed:
            await owner.settle(row, RowState.ACCEPTED)
        assert len(await owner.claim()) == 1

    async def test_a_row_of_an_earlier_controller_is_suppressed(self, store: Store, owner: Owner) -> None:
        await owner.commit(owner.event(), {"control": 0}, {"control": 1}, {"message_class": MessageClass.CONSENT})
        await owner.commit(owner.event(), state=make_state(version=2, control=1))
        claimed = await owner.claim()
        assert {row.row % ROWS_A_TURN for row in claimed} == {1, 2}
        assert states(await store.rows(HOME))[0] is RowState.SUPPRESSED

    async def test_a_commit_claims_its_own_rows(self, store: Store, owner: Owner) -> None:
        verdict = await owner.commit(owner.event(), {}, {}, {"channel": "wa"}, claiming=owner.claiming())
        (row,) = rows_of(verdict)
        assert (row.state, row.attempt, row.row % ROWS_A_TURN) == (RowState.DIALED, 1, 0)
        assert states(await store.rows(HOME)) == [RowState.DIALED, RowState.QUEUED, RowState.QUEUED]
        assert await owner.claim() == []
        assert await owner.settle(row, RowState.ACCEPTED, provider_id="SM1")
        assert [other.row for other in await owner.claim()] == [row.row + 1]

    async def test_a_commit_claims_no_more_than_its_budget_best_first(self, owner: Owner) -> None:
        homes = [HOME, OTHER, THIRD]
        kinds = [MessageClass.MARKETING, MessageClass.REPLY, MessageClass.OTP]
        events = [owner.event(home) for home in homes]
        numbers = await owner.store.accept(events)
        turns = [
            make_turn(e, n, owner.turns[e.partition], rows=[make_row(e, n, message_class=kind)])
            for e, n, kind in zip(events, numbers, kinds, strict=True)
        ]
        verdicts = await owner.store.commit(turns, owner.claiming(2))
        assert [len(rows_of(verdict)) for verdict in verdicts] == [0, 1, 1]
        assert [row.home for row in await owner.claim()] == [HOME]

    async def test_a_commit_claims_only_what_a_claim_would_give(self, store: Store, owner: Owner) -> None:
        await owner.commit(owner.event(), {})
        verdict = await owner.commit(owner.event(), {}, {"message_class": MessageClass.OTP}, claiming=owner.claiming())
        assert [row.message_class for row in rows_of(verdict)] == [MessageClass.OTP]
        late = await owner.commit(owner.event(OTHER), {"not_before_ms": AT_MS + 1}, claiming=owner.claiming())
        assert rows_of(late) == ()
        stale = Claiming({partition: epoch + 1 for partition, epoch in owner.sends.items()}, {CHANNEL: 9})
        assert rows_of(await owner.commit(owner.event(THIRD), {}, claiming=stale)) == ()

    async def test_a_commit_that_stops_claims_its_confirmation_only(self, store: Store, owner: Owner) -> None:
        stop = Consent(HOME, SENDER, True, AT_MS, "STOP", "e")
        kinds = [
            {"message_class": MessageClass.REPLY},
            {"message_class": MessageClass.CONSENT},
            {"message_class": MessageClass.OTP},
        ]
        verdict = await owner.commit(owner.event(), *kinds, consents=(stop,), claiming=owner.claiming())
        assert [row.message_class for row in rows_of(verdict)] == [MessageClass.CONSENT]
        assert states(await store.rows(HOME)) == [RowState.SUPPRESSED, RowState.DIALED, RowState.SUPPRESSED]

    async def test_a_stop_in_the_same_commit_suppresses_earlier_rows_of_it(self, store: Store, owner: Owner) -> None:
        events = [owner.event(), owner.event()]
        numbers = await store.accept(events)
        stop = Consent(HOME, SENDER, True, AT_MS, "STOP", "e")
        epoch = owner.turns[events[0].partition]
        turns = [
            make_turn(events[0], numbers[0], epoch, 0, rows=[make_row(events[0], numbers[0])]),
            make_turn(events[1], numbers[1], epoch, 1, consents=(stop,)),
        ]
        assert [rows_of(verdict) for verdict in await store.commit(turns, owner.claiming())] == [(), ()]
        assert states(await store.rows(HOME)) == [RowState.SUPPRESSED]

    async def test_a_settle_that_is_stale_is_false(self, store: Store, owner: Owner) -> None:
        await owner.commit(owner.event(), {})
        (row,) = await owner.claim()
        told = Settlement(row.partition, owner.sends[row.partition], row.row, 1, RowState.ACCEPTED)
        bad = [replace(told, epoch=told.epoch + 1), replace(told, attempt=2), replace(told, row=told.row + 1)]
        assert await store.settle([*bad, told, told]) == [False, False, False, True, False]

    async def test_a_settlement_s_event_is_appended_in_the_same_step(self, store: Store, owner: Owner) -> None:
        await owner.commit(owner.event(), {})
        (row,) = await owner.claim()
        event = owner.event(body=OptedOut(SENDER, "21610"))
        assert await owner.settle(row, RowState.REJECTED, reason="opted_out", event=event)
        assert not await owner.settle(row, RowState.REJECTED, event=event)
        assert [one.event for one in await store.take(owner.turns, {}, 9)] == [event]
        assert (await owner.row()).reason == "opted_out"

    async def test_rows_dialed_under_an_earlier_epoch_are_strays_once(self, store: Store, owner: Owner) -> None:
        await owner.commit(owner.event(), {}, {})
        (row,) = await owner.claim()
        assert await store.strays(owner.sends) == []
        await store.release(Role.SEND, "owner")
        newer = await Owner.of(store, "newer")
        assert await store.strays(owner.sends) == []
        assert await store.strays(newer.sends) == [row]
        assert await store.strays(newer.sends) == []
        assert not await owner.settle(row, RowState.ACCEPTED)
        assert await newer.settle(row, RowState.UNKNOWN)
        assert (await newer.row(at=0)).unknowns == 1

    async def test_racing_claims_give_each_row_once(self, store: Store, owner: Owner) -> None:
        for n in range(40):
            await owner.commit(owner.event(f"tel:+1202555{n:04d}"), {})
        door = await self.another_door(store)
        asked = ([store, door][n % 2].claim(owner.sends, AT_MS, {CHANNEL: 3}) for n in range(20))
        rows = [row.reference for rows in await asyncio.gather(*asked) for row in rows]
        assert len(rows) == len(set(rows)) == 40


class ReceiptContract(_Parts):
    """What providers tell later, and what is read besides."""

    async def _sent(self, owner: Owner, state: RowState = RowState.ACCEPTED, **fields: Any) -> OutboxRow:
        await owner.commit(owner.event(), {})
        (row,) = await owner.claim()
        assert await owner.settle(row, state, **fields)
        return row

    async def test_a_receipt_by_reference_never_lowers_the_delivery(self, owner: Owner) -> None:
        row = await self._sent(owner)
        for status in (DeliveryStatus.DELIVERED, DeliveryStatus.SENT, DeliveryStatus.FAILED, DeliveryStatus.DELIVERED):
            assert isinstance(await owner.receipt(status, reference=row.reference), Committed)
            assert (await owner.row()).delivery is DeliveryStatus.DELIVERED

    async def test_a_receipt_in_one_commit_with_its_successor(self, store: Store, owner: Owner) -> None:
        row = await self._sent(owner)
        told = [DeliveryReceipt(s, reference=row.reference) for s in (DeliveryStatus.FAILED, DeliveryStatus.READ)]
        events = [owner.event(body=receipt) for receipt in told]
        numbers = await store.accept(events)
        epoch = owner.turns[events[0].partition]
        turns = [make_turn(e, n, epoch, touching=False, receipt=r) for e, n, r in zip(events, numbers, told, strict=True)]
        await store.commit(turns)
        assert ((await owner.row()).delivery, (await owner.row()).reason) == (DeliveryStatus.READ, None)

    async def test_a_receipt_that_names_no_row_of_its_partition_and_channel_changes_nothing(
        self, store: Store, owner: Owner
    ) -> None:
        row = await self._sent(owner)
        for reference in ("nonsense", f"{row.partition}.{row.row + 1}", f"{row.partition + 1}.{row.row}"):
            assert isinstance(await owner.receipt(DeliveryStatus.READ, reference=reference), Committed)
        event = owner.event(channel="other", body=DeliveryReceipt(DeliveryStatus.READ, reference=row.reference))
        await owner.commit(event, touching=False, receipt=event.body)
        assert (await owner.row()).delivery is None

    @pytest.mark.parametrize("state", [RowState.HELD, RowState.UNKNOWN])
    @pytest.mark.parametrize(
        ("status", "end"),
        [
            (DeliveryStatus.SENT, RowState.ACCEPTED),
            (DeliveryStatus.UNKNOWN, RowState.ACCEPTED),
            (DeliveryStatus.FAILED, RowState.REJECTED),
        ],
    )
    async def test_a_receipt_settles_a_row_held_or_unknown(
        self, owner: Owner, state: RowState, status: DeliveryStatus, end: RowState
    ) -> None:
        row = await self._sent(owner, state, retry_ms=AT_MS)
        await owner.receipt(status, reference=row.reference, error="30003", provider_id="SM9")
        settled = await owner.row()
        assert (settled.state, settled.delivery, settled.provider_id) == (end, status, "SM9")
        assert settled.reason == ("30003" if end is RowState.REJECTED else None)
        assert await owner.claim() == []
        await owner.receipt(DeliveryStatus.DELIVERED, reference=row.reference)
        assert (await owner.row()).state is RowState.ACCEPTED

    async def test_a_row_settled_by_a_receipt_frees_the_next(self, owner: Owner) -> None:
        await owner.commit(owner.event(), {}, {})
        (row,) = await owner.claim()
        await owner.settle(row, RowState.HELD, retry_ms=AT_MS + 60_000)
        assert await owner.claim() == []
        await owner.receipt(DeliveryStatus.SENT, reference=row.reference)
        assert [other.row for other in await owner.claim()] == [row.row + 1]

    @pytest.mark.parametrize(
        ("status", "state", "end"),
        [
            (DeliveryStatus.SENT, RowState.UNKNOWN, RowState.ACCEPTED),
            (DeliveryStatus.SENT, RowState.RETRY, RowState.ACCEPTED),
            (DeliveryStatus.FAILED, RowState.ACCEPTED, RowState.ACCEPTED),
            (DeliveryStatus.FAILED, RowState.UNKNOWN, RowState.REJECTED),
        ],
    )
    async def test_a_row_told_by_a_receipt_settles_by_it(
        self, owner: Owner, status: DeliveryStatus, state: RowState, end: RowState
    ) -> None:
        await owner.commit(owner.event(), {})
        (row,) = await owner.claim()
        await owner.receipt(status, reference=row.reference)
        assert (await owner.row()).state is RowState.DIALED
        assert await owner.settle(row, state)
        assert ((await owner.row()).state, (await owner.row()).delivery) == (end, status)

    async def test_a_receipt_by_provider_id_finds_the_row_of_its_home(self, owner: Owner) -> None:
        await self._sent(owner, provider_id="SM1")
        await self._sent(owner, provider_id="SM2")
        await owner.receipt(DeliveryStatus.DELIVERED, provider_id="SM1", recipient=HOME)
        assert [row.delivery for row in await owner.store.rows(HOME)] == [DeliveryStatus.DELIVERED, None]

    async def test_an_early_receipt_is_parked_and_met_by_its_settle(self, owner: Owner) -> None:
        await owner.commit(owner.event(), {}, {})
        (row,) = await owner.claim()
        for status in (DeliveryStatus.DELIVERED, DeliveryStatus.SENT):
            await owner.receipt(status, provider_id="SM1", recipient=HOME)
        assert await owner.settle(row, RowState.ACCEPTED, provider_id="SM1")
        assert (await owner.row(at=0)).delivery is DeliveryStatus.DELIVERED
        (other,) = await owner.claim()
        assert await owner.settle(other, RowState.ACCEPTED, provider_id="SM1")
        assert (await owner.row()).delivery is None

    async def test_a_watermark_tells_of_every_accepted_row_dialed_by_then(self, owner: Owner) -> None:
        for n in range(4):
            await owner.commit(owner.event(), {})
            (row,) = await owner.claim(AT_MS + n)
            await owner.settle(row, RowState.REJECTED if n == 1 else RowState.ACCEPTED)
        await owner.receipt(DeliveryStatus.DELIVERED, watermark_ms=AT_MS + 2)
        await owner.receipt(DeliveryStatus.READ, watermark_ms=AT_MS)
        told = [row.delivery for row in await owner.store.rows(HOME)]
        assert told == [DeliveryStatus.READ, None, DeliveryStatus.DELIVERED, None]

    async def test_publish_keeps_versions_and_what_is_current(self, store: Store) -> None:
        one, two = FlowVersion("vote", "h1", "s1", "text 1", 1), FlowVersion("vote", "h2", "s1", "text 2", 2)
        three, other = FlowVersion("vote", "h3", "s3", "text 3", 3), FlowVersion("help", "h4", "s4", "text", 4)
        await store.publish([one, two, other])
        assert await store.current() == [other, two]
        assert [await store.flow(name) for name in ("h1", "h2", "nope")] == [one, two, None]
        await store.publish([three])
        assert [await store.shape(name) for name in ("s1", "s3", "nope")] == [two, three, None]
        await store.publish([replace(one, source="changed")])
        assert await store.current() == [other, one]
        assert (await store.flow("h1"), await store.shape("s1")) == (one, one)

    async def test_unsettled_gives_rows_in_these_states_oldest_first(self, owner: Owner) -> None:
        for n in range(4):
            await owner.commit(owner.event(f"tel:+1202555010{n}"), {"created_ms": AT_MS - n})
        rows = sorted(await owner.claim(), key=lambda row: row.created_ms)
        for row, state in zip(rows, [RowState.UNKNOWN, RowState.ACCEPTED, RowState.UNKNOWN], strict=False):
            await owner.settle(row, state)
        unknown = await owner.store.unsettled([RowState.UNKNOWN], 9)
        assert [row.row for row in unknown] == [rows[0].row, rows[2].row]
        assert len(await owner.store.unsettled(["unknown", "accepted", "dialed"], 3)) == 3

    async def test_counts_tell_how_much_waits(self, store: Store, owner: Owner) -> None:
        assert (await store.counts()).oldest_inbox_ms is None
        await owner.commit(owner.event(), {}, {}, timers=(Timer(HOME, CHANNEL, "k", AT_MS, "s", "ask", 1),))
        await owner.store.accept([owner.event(at_ms=AT_MS + 7), owner.event(at_ms=AT_MS + 5)])
        (row,) = await owner.claim()
        counts = await store.counts()
        assert (counts.inbox, counts.oldest_inbox_ms, counts.timers, counts.dead) == (2, AT_MS + 5, 1, 0)
        assert counts.rows == {"dialed": 1, "queued": 1}
        await owner.settle(row, RowState.UNKNOWN)
        await owner.settle((await owner.claim())[0], RowState.ACCEPTED)
        assert (await store.counts()).rows == {"unknown": 1}

    async def test_after_a_restart_everything_answered_is_there(self, store: Store, owner: Owner) -> None:
        timer = Timer(HOME, CHANNEL, "k", AT_MS + 5, "s", "ask", 1)
        stop = Consent(HOME, SENDER, True, AT_MS, "STOP", "e")
        vote = Tally("final", "a", TallyOutcome.COUNTED)
        dialed = rows_of(await owner.commit(owner.event(), {}, {}, timers=(timer,), tallies=(vote,), claiming=owner.claiming()))
        await owner.receipt(DeliveryStatus.SENT, provider_id="early", recipient=HOME)
        await owner.commit(owner.event(), consents=(stop,), state=make_state(version=2, vars={"x": 1}))
        waiting = await owner.accept(owner.event(id="waits"))
        before = (await store.load([HOME]), await store.rows(HOME), await store.totals(), await store.consents())
        store = await self.reopen(store)
        if not self.durable:
            await store.close()
            return
        again = await Owner.of(store, "next")
        assert (await store.load([HOME]), await store.rows(HOME), await store.totals(), await store.consents()) == before
        assert all(again.turns[partition] > epoch for partition, epoch in owner.turns.items())
        assert [one.number for one in await store.take(again.turns, {}, 9)] == [waiting]
        assert await store.strays(again.sends) == list(dialed)
        assert await again.settle(dialed[0], RowState.ACCEPTED, provider_id="early")
        assert await again.claim() == []
        assert [(row.state, row.delivery) for row in await store.rows(HOME)] == [
            (RowState.ACCEPTED, DeliveryStatus.SENT),
            (RowState.SUPPRESSED, None),
        ]
        assert await again.accept(again.event()) == waiting + 1
        assert [one.event.body.due_ms for one in await store.due(again.turns, AT_MS + 5, 9)] == [AT_MS + 5]  # type: ignore[union-attr]

    async def test_close_finishes_what_was_asked(self, store: Store, owner: Owner) -> None:
        asked = [asyncio.ensure_future(store.accept([owner.event()])) for _ in range(20)]
        await asyncio.sleep(0)
        await store.close()
        assert sorted(number for (number,) in await asyncio.gather(*asked)) == list(range(1, 21))
        await store.open()


class StoreContract(InboxContract, TurnContract, OutboxContract, ReceiptContract):
    """Every promise."""
