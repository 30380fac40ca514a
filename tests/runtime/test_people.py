"""Queues of people, and what flows are told of them and of opening hours."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from vaiven.channels.registry import make_channel
from vaiven.flow.step import BotSpec, Facts, FlowSet, Stepped
from vaiven.model.contacts import Contact, ContactState
from vaiven.model.effects import HandOff
from vaiven.model.events import Event, Happened
from vaiven.model.turns import Turn
from vaiven.model.urns import Urn
from vaiven.runtime.counts import from_zero
from vaiven.runtime.decide import Decider, Line
from vaiven.runtime.facts import FactReader
from vaiven.runtime.hours import Hours
from vaiven.runtime.people import BUILT_IN, queue_home
from vaiven.runtime.resources import Resources
from vaiven.runtime.sender import Elsewhere
from vaiven.runtime.telling import event_of
from vaiven.runtime.turn import TurnLoop
from vaiven.stores.contract import Role
from vaiven.stores.memory import MemoryStore
from vaiven.testing.builders import AT_MS, make_event
from vaiven.testing.clock import Clock

ANA, BEA, CLEO = (Urn(f"tel:+1202555010{n}") for n in range(3))
MADRID = ZoneInfo("Europe/Madrid")
SUPPORT = queue_home("shop", "support")
NINE_TO_SIX = Hours((((540, 1080),),) * 7)
LINE = Line(make_channel("sms", {"type": "simulator"}))


class Desk:
    """A bot whose flow does what the test plants: hands people over, and looks at the facts it is given."""

    def __init__(self, asks: set[str]) -> None:
        self.clock = Clock(AT_MS)
        self.store = MemoryStore(partitions=1, clock=self.clock.now_ms)
        self.flows = FlowSet.build(BotSpec("shop"), [])
        self.flows.asks = frozenset(asks)
        self.reader = FactReader(self.flows.asks, {"support": NINE_TO_SIX}, MADRID, "shop")
        self.effects: list[HandOff] = []
        self.known: dict[str, int] = {}
        decider = Decider(self.flows, {"sms": LINE}, self.step, Resources(BUILT_IN), self.reader)
        self.epochs = {0: 1}
        self.loop = TurnLoop(self.store, decider, Elsewhere(), self.epochs, self.clock.now_ms, from_zero())
        self.turns: list[Turn] = []

    def step(self, flows: FlowSet, state: ContactState, event: Event, facts: Facts, now_ms: int) -> Stepped:
        self.known = dict(facts.known)
        return Stepped(state.contact, None, tuple(self.effects), facts=dict(facts.known))

    async def open(self) -> "Desk":
        await self.store.open()
        self.epochs.update(await self.store.lease(Role.TURN, "test", [0], 1 << 40))
        self.loop.queues.own([0])
        return self

    async def take(self, event: Event) -> None:
        await self.store.accept([event])
        self.loop.look([0])
        await self.loop.once()

    async def comes(self, home: Urn, *effects: HandOff) -> dict[str, int]:
        """A message of this person, what their flow does, and the words that follow; what the flow was told."""
        self.effects = list(effects)
        await self.take(make_event(home))
        for row in await self.store.unsettled(["queued"], 99):
            assert row.tell is not None
            await self.take(event_of(row, row.tell, 1, self.clock.now_ms()))
        return self.known

    async def waiting(self) -> list[dict[str, Any]]:
        (state,) = await self.store.load([SUPPORT])
        return list(state.contact.vars.get("state", {}).get("waiting", []))


def comes_in(visit: int = 1, session: str = "s") -> HandOff:
    return HandOff("support", session, visit, "billing", {"order_no": "AB123456"})


def goes(visit: int = 1, session: str = "s") -> HandOff:
    return HandOff("support", session, visit, left=True)


async def test_people_wait_in_the_order_they_came_until_they_leave() -> None:
    desk = await Desk(set()).open()
    for home in (ANA, BEA, CLEO):
        await desk.comes(home, comes_in())
    assert [one["home"] for one in await desk.waiting()] == [ANA, BEA, CLEO]
    assert (await desk.waiting())[0] == {
        "home": ANA, "channel": "sms", "session": "s", "visit": 1, "since": AT_MS,
        "skills": "billing", "shared": {"order_no": "AB123456"},
    }  # fmt: skip
    await desk.comes(ANA, goes())
    assert [one["home"] for one in await desk.waiting()] == [BEA, CLEO]


async def test_who_comes_again_goes_to_the_end_and_an_old_leave_means_nothing() -> None:
    desk = await Desk(set()).open()
    await desk.comes(ANA, comes_in(1))
    await desk.comes(BEA, comes_in(1))
    await desk.comes(ANA, comes_in(2))
    assert [(one["home"], one["visit"]) for one in await desk.waiting()] == [(BEA, 1), (ANA, 2)]
    await desk.comes(ANA, goes(1))
    assert len(await desk.waiting()) == 2


async def test_a_flow_is_told_how_many_wait_and_its_own_place_a_second_old_at_most() -> None:
    desk = await Desk({"queue:support", "place:support"}).open()
    assert await desk.comes(ANA, comes_in()) == {"queue:support": 0}
    desk.clock.advance(s=1)
    assert await desk.comes(BEA, comes_in()) == {"queue:support": 1}
    desk.clock.advance(s=1)
    assert await desk.comes(BEA) == {"queue:support": 2, "place:support": 2}
    await desk.comes(ANA, goes())
    desk.clock.advance(s=1)
    assert await desk.comes(BEA) == {"queue:support": 1, "place:support": 1}
    assert await desk.comes(CLEO) == {"queue:support": 1}


async def test_only_what_flows_ask_for_is_read() -> None:
    desk = await Desk(set()).open()
    assert await desk.comes(ANA, comes_in()) == {}
    assert desk.reader.fresh(AT_MS)
    other = await Desk({"queue:sales"}).open()
    assert await other.comes(ANA, comes_in()) == {"queue:sales": 0}


async def test_what_a_flow_was_told_is_kept_in_history() -> None:
    desk = await Desk({"open:support", "queue:support"}).open()
    await desk.comes(ANA)
    (record,) = [record async for record in desk.store.history(ANA)]
    assert record.facts == desk.known == {"open:support": 1, "queue:support": 0}


def test_opening_hours_are_told_as_of_the_minute() -> None:
    reader = FactReader({"open:support", "open:gone"}, {"support": NINE_TO_SIX, "sales": NINE_TO_SIX}, MADRID, "shop")

    def told(at: str) -> dict[str, int]:
        return dict(reader.known(ANA, "sms", int(datetime.fromisoformat(at).timestamp() * 1000)))

    assert told("2026-11-20T08:59:59.999+01:00") == {"open:support": 0}
    assert told("2026-11-20T09:00:00+01:00") == {"open:support": 1}
    assert told("2026-11-20T17:59:59+01:00") == {"open:support": 1}
    assert told("2026-11-20T18:00:00+01:00") == {"open:support": 0}
    assert reader.fresh(0)


def test_nothing_is_turned_at_once_while_lists_are_old() -> None:
    reader = FactReader({"queue:support"}, {}, MADRID, "shop")
    assert not reader.fresh(AT_MS)
    reader.learn([ContactState(Contact(SUPPORT))], AT_MS)
    assert reader.fresh(AT_MS + 999)
    assert not reader.fresh(AT_MS + 1000)
    assert not reader.fresh(AT_MS - 5000)


async def test_what_is_no_business_of_a_queue_changes_nothing() -> None:
    desk = await Desk(set()).open()
    await desk.comes(ANA, comes_in())
    before = await desk.waiting()
    for n, name in enumerate(("enqueue", "leave", "dance")):
        await desk.take(make_event(SUPPORT, id=f"e{n}", channel="", body=Happened(name)))
    assert await desk.waiting() == before


async def test_what_an_older_version_of_a_flow_asks_for_is_read_once_it_is_learnt() -> None:
    desk = await Desk(set()).open()
    assert await desk.comes(ANA, comes_in()) == {}
    desk.flows.asks |= {"queue:support", "open:support"}
    assert await desk.comes(BEA) == {"queue:support": 1, "open:support": 1}


async def test_who_tells_waits_for_an_earlier_event_that_was_passed_over() -> None:
    desk = await Desk(set()).open()
    desk.effects = [comes_in()]
    await desk.loop.once()
    await desk.store.accept([make_event(ANA)])
    desk.loop.queues.advance(0, 1)
    await desk.take(make_event(BEA))
    assert (await desk.store.counts()).inbox == 2
    await desk.loop.once()
    assert (await desk.store.counts()).inbox == 0
    assert [row.tell.sender for row in await desk.store.unsettled(["queued"], 9) if row.tell] == [ANA, BEA]
