"""Promises about loading, committing, timers and history."""

import asyncio

from msgspec.structs import replace

from vaiven.model.contacts import Contact, ContactState
from vaiven.model.effects import Tally, TallyOutcome
from vaiven.model.events import Event, TimerDue
from vaiven.model.turns import AlreadyHandled, Committed, Consent, LeaseLost, SessionMoved, Taken, Timer, TurnRecord
from vaiven.stores.contract import Role, Store, Total
from vaiven.testing.builders import AT_MS, CHANNEL, HOME, SENDER, make_row, make_state, make_turn
from vaiven.testing.promises.base import OTHER, THIRD, Owner, Promises


class TurnContract(Promises):
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

    async def test_everybody_is_told_once(self, store: Store, owner: Owner) -> None:
        assert [state async for state in store.people()] == []
        events = [owner.event(f"tel:+12025550{100 + n % 100}{n // 100}") for n in range(600)]
        numbers = await store.accept(events)
        states = [make_state(event.home, vars={"n": n}) for n, event in enumerate(events)]
        pairs = zip(events, numbers, states, strict=True)
        turns = [make_turn(event, number, owner.turns[event.partition], state=state) for event, number, state in pairs]
        await store.commit(turns)
        told = [state async for state in store.people()]
        assert len(told) == 600
        assert {state.contact.home: state for state in told} == {state.contact.home: state for state in states}

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
