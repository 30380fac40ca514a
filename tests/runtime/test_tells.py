"""Words among homes, with crashes at every arrow: each is heard once, and those of one partition in their order."""

import asyncio
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from vaiven.flow.step import BotSpec, FlowSet
from vaiven.model.calls import TELLS
from vaiven.model.events import Event, Happened
from vaiven.model.outbox import OutboxRow, RowState, Settlement
from vaiven.model.turns import Committed, Taken
from vaiven.model.urns import Urn, partition_of, resource_home
from vaiven.runtime.decide import Decider
from vaiven.runtime.resources import Resources, Word
from vaiven.runtime.telling import event_of
from vaiven.stores.contract import Role
from vaiven.stores.memory import MemoryStore
from vaiven.testing.clock import Clock

PARTITIONS = 2
HOMES = [resource_home("b", "diary", str(n)) for n in range(6)]


def diary(state: dict[str, Any], word: Word, now_ms: int) -> tuple[dict[str, Any], list[Any]]:
    """It writes down what other homes tell it, and tells others what it is asked to, numbered."""
    if word.sender is not None:
        state.setdefault("heard", []).append([word.sender, word.data["n"]])
        return state, []
    told = []
    for at in word.data["tell"]:
        state["said"] = n = state.get("said", 0) + 1
        told.append(word.tell(HOMES[at], "note", n=n))
    return state, told


class World:
    """A store, a turn owner and a send owner that crash, and a copy of every word that ever was on the wire."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.store = MemoryStore(partitions=PARTITIONS, clock=self.clock.now_ms)
        self.decider = Decider(FlowSet.build(BotSpec("b"), []), {}, resources=Resources({"diary": diary}))
        self.lives = 0
        self.dialed: list[OutboxRow] = []
        self.wire: list[Event] = []
        self.said: list[tuple[Urn, Urn]] = []

    async def begin(self) -> None:
        self.turns = await self.store.lease(Role.TURN, "turn", range(PARTITIONS), 1 << 40)
        await self.crash(0)

    async def say(self, at: int) -> None:
        """The business has a home tell others something: all of them the same two, so that their words meet."""
        home, tell = HOMES[at], [0, 1, 0]
        body = Happened("go", {"tell": tell})
        event = Event(f"go:{len(self.said)}", home, partition_of(home, PARTITIONS), "", self.clock.now_ms(), body)
        self.said += [(home, HOMES[to]) for to in tell]
        await self.store.accept([event])

    async def turn(self, at: int) -> None:
        """Everything that waits is turned, but for the events of one home, which fail this time."""
        waiting = [one for one in await self.store.take(self.turns, {}, 99) if one.event.home != HOMES[at]]
        await self._turn(waiting)

    async def _turn(self, waiting: list[Taken]) -> None:
        for one in waiting:
            (state,) = await self.store.load([one.event.home])
            turn = self.decider.decide(one, self.turns[one.event.partition], state, self.clock.now_ms())
            await self.store.commit([turn])

    async def claim(self, at: int) -> None:
        self.dialed += await self.store.claim(self.sends, self.clock.now_ms(), {TELLS: at + 1})

    async def tell(self, at: int) -> None:
        """The accept of a word is done, and its settle is not yet."""
        if self.dialed:
            row = self.dialed[at % len(self.dialed)]
            assert row.tell is not None
            event = event_of(row, row.tell, PARTITIONS, self.clock.now_ms())
            self.wire.append(event)
            await self.store.accept([event])

    async def settle(self, at: int) -> None:
        """A word whose accept was answered is settled."""
        done = [row for row in self.dialed if any(event.id == f"tell:{row.reference}" for event in self.wire)]
        if done:
            row = done[at % len(done)]
            self.dialed.remove(row)
            told = Settlement(row.partition, self.sends[row.partition], row.row, row.attempt, RowState.ACCEPTED)
            assert await self.store.settle([told]) == [True]

    async def deliver(self, _: int) -> None:
        """Everything goes well for a while."""
        await self.claim(99)
        while self.dialed:
            await self.tell(0)
            await self.settle(0)
            await self.claim(99)

    async def late(self, at: int) -> None:
        """A copy of any word that ever was on the wire comes now: an owner who was thought dead told it."""
        if self.wire:
            await self.store.accept([self.wire[-1 - at % len(self.wire)]])

    async def crash(self, _: int) -> None:
        """The sender dies with what it knew; the next one finds what was dialed."""
        self.lives += 1
        self.dialed = []
        await self.store.release(Role.SEND, f"life{self.lives - 1}")
        self.sends = await self.store.lease(Role.SEND, f"life{self.lives}", range(PARTITIONS), 1 << 40)
        strays = await self.store.strays(self.sends)
        told = [Settlement(one.partition, self.sends[one.partition], one.row, one.attempt, RowState.QUEUED) for one in strays]
        assert await self.store.settle(told) == [True] * len(told)

    async def rest(self) -> None:
        """Nobody crashes any more."""
        await self.crash(0)
        for _ in range(1000):
            await self._turn(await self.store.take(self.turns, {}, 99))
            await self.deliver(0)
            if not (await self.store.counts()).inbox:
                return
        raise AssertionError("it never comes to rest")

    async def heard(self) -> dict[Urn, list[tuple[Urn, int]]]:
        states = await self.store.load(HOMES)
        return {
            state.contact.home: [(Urn(who), n) for who, n in state.contact.vars.get("state", {}).get("heard", [])]
            for state in states
        }


STEPS = ["say", "say", "turn", "turn", "deliver", "claim", "tell", "tell", "settle", "late", "crash"]


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 5)), min_size=10, max_size=80))
def test_each_word_is_heard_once_and_in_order_whatever_crashes(steps: list[tuple[str, int]]) -> None:
    async def play() -> None:
        world = World()
        await world.begin()
        for step, at in steps:
            await getattr(world, step)(at)
        await world.rest()
        heard = await world.heard()
        said = sorted(world.said)
        assert sorted((who, home) for home, words in heard.items() for who, _ in words) == said
        for words in heard.values():
            for sender in HOMES:
                numbers = [n for who, n in words if who == sender]
                assert numbers == sorted(set(numbers))
        await in_row_order(world)

    asyncio.run(play())


async def in_row_order(world: World) -> None:
    """The words of each partition were heard in the order of its rows."""
    last: dict[tuple[Urn, int], int] = {}
    async for record in world.store.history():
        body = record.event.body
        if isinstance(body, Happened) and body.row:
            key = (record.event.home, body.origin)
            assert last.get(key, 0) < body.row
            last[key] = body.row


async def test_a_word_that_never_was_accepted_is_told_by_the_next_owner() -> None:
    world = World()
    await world.begin()
    await world.say(0)
    await world.turn(5)
    await world.claim(99)
    assert world.dialed
    await world.rest()
    assert sum(len(words) for words in (await world.heard()).values()) == 3


async def test_a_copy_changes_nothing_and_is_counted_as_handled() -> None:
    world = World()
    await world.begin()
    await world.say(0)
    await world.rest()
    before = await world.heard()
    versions = [state.contact.version for state in await world.store.load(HOMES)]
    for at in range(len(world.wire)):
        await world.late(at)
    (taken, *_) = await world.store.take(world.turns, {}, 99)
    (state,) = await world.store.load([taken.event.home])
    turn = world.decider.decide(taken, world.turns[taken.event.partition], state, 0)
    assert await world.store.commit([turn]) == [Committed(taken.number)]
    await world.rest()
    assert await world.heard() == before
    assert [state.contact.version for state in await world.store.load(HOMES)] == versions
