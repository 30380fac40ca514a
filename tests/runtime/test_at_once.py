"""A message is turned in the step that accepts it, where nothing is in the way; else as ever, and in order all the same."""

import asyncio
import sqlite3
from pathlib import Path

import pytest
from msgspec.structs import replace as changed

from vaiven.model.errors import StoreUnavailable
from vaiven.model.turns import Taken
from vaiven.model.urns import Urn
from vaiven.runtime.queues import Queues
from vaiven.stores.sqlite import SqliteStore
from vaiven.testing.builders import make_event

HOME = Urn("tel:+12025550123")


class Watched(SqliteStore):
    """Counts the commits that are steps of their own, and can be made to find the disk full."""

    commits = 0

    async def commit(self, turns, claiming=None):
        self.commits += 1
        return await super().commit(turns, claiming)


@pytest.fixture
async def watched(make_road, tmp_path: Path):
    road = make_road(store=Watched(tmp_path / "road.db"))
    await road.start()
    await road.rest()
    yield road
    await road.stop()


async def history(road, home: Urn = HOME) -> list[str]:
    return [record.event.body.text async for record in road.store.history(home)][::-1]


async def test_a_message_and_its_turn_are_one_commit(watched) -> None:
    await watched.say("vote 2")
    assert watched.store.commits == 0
    assert await history(watched) == ["vote 2"]
    assert len(watched.wire.calls) == 1
    assert (await watched.store.counts()).inbox == 0


async def test_a_burst_of_one_contact_is_in_order_whichever_way_each_goes(watched) -> None:
    texts = [f"vote {1 + n % 3}" for n in range(40)]
    hooks = [watched.webhook(text) for text in texts]
    for n, hook in enumerate(hooks):
        if n % 7 == 3:
            watched.bot.turns.look([0])  # a gap: until it is filled, messages go the way in two steps
        if n % 5 == 0:
            await watched.bot.intake.receive("sms", hook)
        else:
            await asyncio.gather(watched.bot.intake.receive("sms", hook))
    await watched.rest()
    assert await history(watched) == texts
    assert watched.store.commits > 0


async def test_many_at_once_are_turned_together(watched) -> None:
    numbers = [f"+120255501{n:02d}" for n in range(60)]
    await asyncio.gather(*(watched.bot.intake.receive("sms", watched.webhook("vote 1", number=each)) for each in numbers))
    await watched.rest()
    assert len(watched.wire.calls) == 60
    assert watched.store.commits == 0
    assert sum(total.count for total in await watched.store.totals()) == 60


async def test_the_same_message_twice_in_one_step_is_one_vote(watched) -> None:
    hook = watched.webhook("vote 1")
    await asyncio.gather(*(watched.bot.intake.receive("sms", hook) for _ in range(5)))
    await watched.rest()
    assert sum(total.count for total in await watched.store.totals()) == 1
    assert (await watched.state()).contact.version == 1
    assert len(watched.wire.calls) == 1


async def test_an_event_that_fails_waits_for_a_step_of_its_own_and_holds_nobody_up(watched) -> None:
    decider = watched.bot.turns._decider
    step = decider._step

    def failing(flows, state, event, facts, now_ms):
        if state.contact.home == HOME:
            raise RuntimeError("a bug")
        return step(flows, state, event, facts, now_ms)

    decider._step = failing
    hooks = [watched.webhook("vote 1"), watched.webhook("vote 1", number="+12025550124"), watched.webhook("vote 2")]
    await asyncio.gather(*(watched.bot.intake.receive("sms", hook) for hook in hooks))
    await watched.rest()
    decider._step = step
    assert await history(watched, Urn("tel:+12025550124")) == ["vote 1"]
    dead = await watched.store.dead(9)
    assert [letter.event.home for letter in dead] == [HOME, HOME]
    assert (await watched.store.counts()).inbox == 0


async def test_what_is_not_saved_is_refused_and_leaves_no_trace(watched, monkeypatch) -> None:
    writer = watched.store._on.writer
    monkeypatch.setattr(writer, "_commit", lambda: sqlite3.OperationalError("disk is full"))
    with pytest.raises(StoreUnavailable):
        await watched.bot.intake.receive("sms", watched.webhook("vote 1"))
    monkeypatch.undo()
    assert watched.wire.calls == []
    assert watched.bot.sender.under_way == 0
    await watched.say("vote 2")
    assert await history(watched) == ["vote 2"]
    assert len(watched.wire.calls) == 1
    assert watched.bot.sender._paces["sms"]._free == watched.bot.sender._paces["sms"].pacing.connections


async def test_what_fails_in_a_step_that_is_not_saved_does_not_count_against_who_gets_its_number(watched, monkeypatch) -> None:
    decider = watched.bot.turns._decider
    step = decider._step

    def failing(flows, state, event, facts, now_ms):
        if state.contact.home == HOME:
            raise RuntimeError("a bug")
        return step(flows, state, event, facts, now_ms)

    monkeypatch.setattr(decider, "_step", failing)
    writer = watched.store._on.writer
    with monkeypatch.context() as full:
        full.setattr(writer, "_commit", lambda: sqlite3.OperationalError("disk is full"))
        for _ in range(6):
            with pytest.raises(StoreUnavailable):
                await watched.bot.intake.receive("sms", watched.webhook("vote 1"))
            watched.bot.turns.queues.filled({0: 0}, [], complete=True)  # nothing is in the inbox, so it is next again
    await watched.say("vote 2", number="+12025550144")
    assert await history(watched, Urn("tel:+12025550144")) == ["vote 2"]
    assert await watched.store.dead(9) == []


async def test_a_burst_is_turned_in_steps_of_bounded_size(watched, monkeypatch) -> None:
    monkeypatch.setattr("vaiven.runtime.turn.BATCH", 8)
    texts = [f"vote {1 + n % 3}" for n in range(30)]
    await asyncio.gather(*(watched.bot.intake.receive("sms", watched.webhook(text)) for text in texts))
    await watched.rest()
    assert await history(watched) == texts
    assert watched.store.commits > 0


async def test_what_waits_in_one_partition_holds_up_no_other() -> None:
    queues = Queues()
    queues.own([1, 2, 3])
    queues.filled(queues.after(), [], complete=True)
    queues.offer(Taken(1, changed(make_event(), partition=1)))
    queues.gap(3)
    assert queues.expected([1, 2, 3, 4]) == {2: 1}
    assert len(queues.next(9)) == 1
    assert queues.expected([1, 2, 3, 4]) == {1: 2, 2: 1}
    queues.advance(2, 7)
    queues.advance(2, 6)
    assert queues.expected([2]) == {2: 8}
