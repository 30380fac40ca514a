"""Many bots on one store: whoever takes a message in, one turns it, once, in order; whoever comes, goes or hangs."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from vaiven.channels.contract import ProviderResponse
from vaiven.model.outbox import RowState
from vaiven.model.urns import Urn
from vaiven.runtime.clock import StoreClock
from vaiven.runtime.leases import TTL_MS
from vaiven.runtime.pacing import Pacing
from vaiven.stores.contract import Role
from vaiven.stores.memory import MemoryStore
from vaiven.testing.clock import Clock

VIEWERS = [f"+1202555{number:04d}" for number in range(100, 124)]
SENT = ProviderResponse(201, {}, b'{"sid":"SM1"}')


class Fleet:
    """Processes on one memory store, each with a handle and a wire of its own."""

    def __init__(self, make_road: Any, **how: Any) -> None:
        self.make_road, self.how = make_road, how
        self.clock = Clock(1_796_504_400_000)
        self.store = MemoryStore(partitions=8, clock=self.clock.now_ms)
        self.roads: list[Any] = []
        self.told: dict[str, list[str]] = {}
        self.sent = 0

    async def join(self, **how: Any) -> Any:
        name = f"p{len(self.roads):02d}"
        store = self.store.another()
        store.turn_at_once = lambda who: None  # as a store of many processes, for which it would be a round trip
        road = self.make_road(store=store, clock=self.clock, owner=name, **{**self.how, **how})
        self.roads.append(road)
        await road.start()
        return road

    @property
    def running(self) -> list[Any]:
        return [road for road in self.roads if road._running is not None and not road._running.done()]

    async def share(self, rounds: int = 4) -> None:
        """Seconds in which everybody looks who else is there."""
        for _ in range(rounds):
            self.clock.advance(s=1)
            for road in self.running:
                await road.bot.share()
            await self.rest()

    async def say(self, road: Any, text: str, number: str) -> None:
        """One message, taken in by this process."""
        self.sent += 1
        sid = f"SM{self.sent:032d}"
        await road.bot.intake.receive("sms", road.webhook(text, number=number, sid=sid))
        self.told.setdefault(number, []).append(f"sms:{sid}")

    async def rest(self) -> None:
        for _ in range(3):
            for road in self.running:
                await road.rest()

    async def sweep(self) -> None:
        for road in self.running:
            if road.bot.leases.epochs[Role.TURN]:
                await road.bot.turns.sweep()
            road.bot.sender.look()
        await self.rest()

    async def die(self, road: Any) -> None:
        """At once, as by kill -9: nothing is given back, nothing is said."""
        road._running.cancel()
        await asyncio.gather(road._running, return_exceptions=True)

    async def stop(self) -> None:
        for road in self.running:
            await road.stop()

    async def check(self) -> None:
        """Every message that was taken in is in history once, in its contact's order, and its reply went out once."""
        await self.sweep()
        for number, ids in self.told.items():
            home = Urn(f"tel:{number}")
            records = [record async for record in self.store.history(home)]
            assert [record.event.id for record in records[::-1] if record.event.id in ids] == ids
            assert [record.version for record in records[::-1]] == [*range(1, len(records) + 1)]
            assert {row.state for row in await self.store.rows(home)} <= {RowState.ACCEPTED}
        calls = sum(len(road.wire.calls) for road in self.roads)
        assert calls == sum(len(ids) for ids in self.told.values())
        assert (await self.store.counts()).inbox == 0
        assert await self.store.dead(9) == []


@pytest.fixture
async def fleet(make_road) -> AsyncIterator[Fleet]:
    made = Fleet(make_road)
    await made.store.open()  # the test's own handle: so the last process to end does not end the store
    yield made
    await made.stop()


async def everybody_says(fleet: Fleet, text: str) -> None:
    """One message of each viewer, by the doors in turn."""
    for index, number in enumerate(VIEWERS):
        await fleet.say(fleet.running[index % len(fleet.running)], text, number)


async def test_whoever_takes_a_message_in_its_owner_turns_it(fleet) -> None:
    for _ in range(3):
        await fleet.join()
    await fleet.share()
    for text in ("vote", "1", "2"):
        await everybody_says(fleet, text)
    await fleet.rest()
    turned = [sum(count for (name, *_), count in road.bot.counts.items() if name == "turns") for road in fleet.roads]
    assert all(turned), turned
    await fleet.check()


async def test_a_process_that_only_takes_in_hands_over_to_nobody(fleet) -> None:
    web = await fleet.join(roles=())
    for number in VIEWERS:
        await fleet.say(web, "vote 1", number)
    await fleet.rest()
    assert (await fleet.store.counts()).inbox == len(VIEWERS)
    assert web.bot.leases.epochs == {Role.TURN: {}, Role.SEND: {}}
    await fleet.join()
    await fleet.share(1)
    for number in VIEWERS:
        await fleet.say(web, "2", number)
    await fleet.rest()
    await fleet.check()


async def test_web_turn_and_send_in_three_processes(fleet) -> None:
    web, turn, send = [await fleet.join(roles=roles) for roles in ((), (Role.TURN,), (Role.SEND,))]
    await fleet.share(1)
    for text in ("vote", "1", "2"):
        for number in VIEWERS:
            await fleet.say(web, text, number)
        await fleet.rest()
    assert [len(road.wire.calls) for road in (web, turn, send)] == [0, 0, 3 * len(VIEWERS)]
    await fleet.check()


async def test_processes_that_come_and_go_under_load_lose_nothing_and_double_nothing(fleet) -> None:
    await fleet.join()
    await fleet.share(1)
    await everybody_says(fleet, "vote")
    for step in range(12):
        if step % 3 == 0:
            await fleet.join()
        await everybody_says(fleet, "12"[step % 2])
        for road in fleet.running:
            await road.bot.share()
        if step % 4 == 3:
            await fleet.running[0].stop()
        fleet.clock.advance(s=1)
    await fleet.share()
    await fleet.check()


async def test_a_dead_one_s_messages_are_turned_by_its_heirs(fleet) -> None:
    dead = await fleet.join()
    await fleet.join()
    await fleet.share()
    await everybody_says(fleet, "vote")
    await fleet.rest()
    await fleet.die(dead)
    await everybody_says(fleet, "1")
    await fleet.rest()
    assert (await fleet.store.counts()).inbox > 0
    fleet.clock.advance(TTL_MS)
    await fleet.share(2)
    await fleet.check()


async def test_a_paused_one_that_wakes_is_refused_and_goes_on_with_what_it_has(fleet) -> None:
    paused = await fleet.join()
    await fleet.join()
    await fleet.share()
    commit, wake = paused.store.commit, asyncio.Event()

    async def stalled(*asked):
        await wake.wait()
        return await commit(*asked)

    paused.store.commit = stalled
    await everybody_says(fleet, "vote 1")
    fleet.clock.advance(TTL_MS)
    running = fleet.running[1]
    for _ in range(3):
        fleet.clock.advance(s=1)
        await running.bot.share()
        await running.rest()
    assert len(running.bot.leases.epochs[Role.TURN]) == 8
    wake.set()
    paused.store.commit = commit
    await paused.rest()
    assert paused.bot.counts["retaken", "lease"] > 0
    assert not paused.wire.calls
    await fleet.share()
    assert len(paused.bot.leases.epochs[Role.TURN]) == 4
    await everybody_says(fleet, "2")
    await fleet.rest()
    await fleet.check()


async def test_a_call_under_way_is_finished_before_its_partition_is_given_back(fleet) -> None:
    old = await fleet.join()
    await fleet.share(1)
    old.wire.answer = lambda _: None
    await everybody_says(fleet, "vote 1")
    await old.rest()
    new = await fleet.join()
    await fleet.share(3)
    assert len(new.bot.leases.epochs[Role.TURN]) == 4
    assert new.bot.leases.epochs[Role.SEND] == {}
    assert len(old.bot.leases.leaving[Role.SEND]) == 4
    old.wire.answer = old.wire.accepted
    old.wire.release(SENT)
    await fleet.rest()
    await fleet.share(3)
    assert new.bot.leases.epochs[Role.SEND].keys() == new.bot.leases.epochs[Role.TURN].keys()
    await everybody_says(fleet, "2")
    await fleet.rest()
    assert new.wire.calls
    await fleet.check()


async def test_six_restarts_over_a_backlog_bury_nothing(fleet) -> None:
    web = await fleet.join(roles=())
    for text in ("vote", "1"):
        for number in VIEWERS:
            await fleet.say(web, text, number)
    for _ in range(7):
        worker = await fleet.join()
        stopped = asyncio.Event()

        async def slow(*asked, stopped=stopped):
            await stopped.wait()  # every batch is taken, and none is done before the stop
            raise asyncio.CancelledError

        worker.store.commit = slow
        await asyncio.sleep(0)
        fleet.clock.advance(s=1)
        await worker.bot.share()
        await asyncio.sleep(0.001)
        worker._running.cancel()
        await asyncio.gather(worker._running, return_exceptions=True)
        await worker.bot.close()
    await fleet.join()
    await fleet.share()
    await fleet.check()


async def test_a_senders_rate_holds_over_all_processes(make_road) -> None:
    fleet = Fleet(make_road, pacing=Pacing(rate_per_s=10))
    await fleet.store.open()
    for _ in range(4):
        await fleet.join()
    await fleet.share()
    await everybody_says(fleet, "vote 1")
    await fleet.rest()

    def calls() -> int:
        return sum(len(road.wire.calls) for road in fleet.roads)

    assert calls() <= 2
    for tick in range(1, 21):
        fleet.clock.advance(100)
        for road in fleet.running:
            road.bot.sender.look()
        await fleet.rest()
        assert calls() <= 2 + tick
    assert calls() >= 18
    await fleet.stop()


async def test_numbers_given_again_after_a_failover_are_not_passed_over(make_road) -> None:
    road = make_road()
    await road.start()
    for text in ("vote", "1", "2"):
        await road.say(text)
    (partition,) = {row.partition for row in await road.rows()}
    road.store._numbers[partition] -= 2  # the new primary had not heard of the last two
    await road.bot.intake.receive("sms", road.webhook("3"))
    await road.tick(5)
    await road.bot._search()
    await road.tick()
    assert (await road.store.counts()).inbox == 1
    await road.tick(10)
    await road.bot._search()
    await road.rest()
    assert (await road.store.counts()).inbox == 0
    assert (await road.state()).contact.version == 4
    await road.stop()


async def test_a_partition_that_was_refused_once_and_is_ours_again_goes_on(make_road) -> None:
    road = make_road()
    await road.start()
    for partition in range(4):
        road.bot.turns.queues.disown(partition)  # as after LeaseLost
    await road.bot.share()
    await road.say("vote 1")
    assert (await road.state()).contact.version == 1
    await road.stop()


async def test_a_clock_that_is_wrong_is_corrected_by_the_store_s(make_road) -> None:
    fleet = Fleet(make_road)
    fast = make_road(store=fleet.store.another(), clock=Clock(fleet.clock.at_ms + 300_000), owner="fast")
    await fast.start()
    assert fast.bot.clock() == fleet.clock.now_ms()
    await fast.say("vote 1")
    (row,) = await fast.rows()
    assert row.created_ms == fleet.clock.at_ms
    await fast.stop()


async def test_a_clock_is_not_corrected_by_what_the_question_itself_took() -> None:
    clock, store = Clock(1_000_000), MemoryStore(clock=lambda: asked.pop(0))
    ours = StoreClock(clock.now_ms)
    asked = [1_000_005, 1_000_006, 999_000, 999_002]
    offsets = []
    for _ in range(4):
        await ours.measure(store)
        offsets.append(ours() - clock.now_ms())
    assert offsets == [0, 6, -1_000, -1_000]


async def test_what_is_too_old_is_removed_slowly(make_road) -> None:
    road = make_road(retention_days=30)
    await road.start()
    await road.say("vote 1")
    road.clock.advance(hours=24 * 29)
    await road.say("vote 2")
    await road.bot._prune()
    assert len([record async for record in road.store.history()]) == 2
    road.clock.advance(hours=25)
    await road.bot._prune()
    assert [row.message.text[:4] for row in await road.rows()] == ["Voti"]
    assert (await road.state()).contact.version == 2
    await road.stop()
