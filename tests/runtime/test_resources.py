"""Resources: small machines with homes of their own, that people's conversations and each other talk to."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from vaiven.flow.spec import BotSpec
from vaiven.model.calls import ReplyTo
from vaiven.model.contacts import Contact
from vaiven.model.effects import CancelTimer, Effect, Recorded, Send, StartTimer, Tell
from vaiven.model.events import Event, Happened, StartFlow, TimerDue
from vaiven.model.outbox import RowState
from vaiven.model.urns import Urn, resource_home
from vaiven.runtime.hours import Hours
from vaiven.runtime.registry import Registry
from vaiven.runtime.resources import About, Resources, Word
from vaiven.stores.memory import MemoryStore
from vaiven.stores.sqlite import SqliteStore

SLOT = resource_home("tv-vote", "slots", "monday 19:00")
ANA = Urn("tel:+12025550101")
HOLD_MS = 600_000

State = dict[str, Any]


def slots(state: State, word: Word, now_ms: int) -> tuple[State, list[Effect | None]]:
    """One slot, of which there is one: held until it is confirmed, for ten minutes at most."""
    match word.name:
        case "reserve" if "who" not in state:
            state["who"] = word.sender
            return state, [word.answer("reserved"), word.start_timer("expire", now_ms + HOLD_MS, str(word.sender))]
        case "confirm" if state.get("who") == word.sender:
            return state | {"booked": True}, [word.answer("booked"), word.cancel_timer("expire", str(word.sender))]
        case "expire":
            return {"expired": [*state.get("expired", []), word.key]}, [word.tell(Urn(word.key), "lapsed", at=now_ms)]
        case "release" if state.get("who") == word.sender:
            return {}, [word.answer("released")]
    return state, [word.answer("full", who=state.get("who"))]


def guest(state: State, word: Word, now_ms: int) -> tuple[State, list[Effect | None]]:
    """Somebody who is told what to ask, and remembers what they heard."""
    if word.sender is None:
        tell = Tell(SLOT, word.name, dict(word.data), session="s1", step="book", visit=3)
        return state, [tell]
    state.setdefault("heard", []).append(word.name)
    return state, []


def clumsy(state: State, word: Word, now_ms: int) -> tuple[State, list[Effect | None]]:
    """One that breaks half way, when it is asked to."""
    state["n"] = state.get("n", 0) + 1
    if word.name == "break":
        raise RuntimeError("half way")
    return state, [Recorded("done")] if word.name == "good" else [Send("Hello")]


RESOURCES = {"slots": slots, "guest": guest, "clumsy": clumsy}


def happened(name: str, home: Urn = SLOT, *, sender: Urn | None = ANA, waits: bool = True, id: str = "e1", **data: Any) -> Event:
    asker = ReplyTo(sender, "sms", "s1", "book", 3) if waits and sender is not None else None
    return Event(id, home, 0, "", 0, Happened(name, data, sender=sender, answer_to=asker))


def due(key: str, due_ms: int) -> Event:
    return Event("t1", SLOT, 0, "", 0, TimerDue(key, "", "", 0, due_ms))


class Slot:
    """The resource alone, told one thing after the other."""

    def __init__(self) -> None:
        self.resources = Resources(RESOURCES)
        self.contact = Contact(SLOT)

    def tell(self, event: Event, now_ms: int = 0) -> tuple[Effect, ...]:
        self.contact, effects = self.resources.step(self.contact, event, now_ms)
        return effects

    @property
    def state(self) -> State:
        return dict(self.contact.vars.get("state", {}))


def answers(effects: tuple[Effect, ...]) -> list[tuple[Urn, str]]:
    return [(effect.home, effect.name) for effect in effects if isinstance(effect, Tell)]


def test_an_answer_names_the_visit_that_waits() -> None:
    (answer, timer) = Slot().tell(happened("reserve"), 1000)
    asker = ReplyTo(ANA, "sms", "s1", "book", 3)
    assert answer == Tell(ANA, "reserved", {}, to=asker)
    assert timer == StartTimer(f"expire:{ANA}", 1000 + HOLD_MS, "", "", 0)


def test_what_is_answered_may_bear_any_name() -> None:
    word = Word("ask", {}, "e1", "slots", "monday", ANA, ReplyTo(ANA, "sms", "s1", "book", 3))
    data = {"name": "Ana", "home": "here"}
    assert word.answer("full", **data) == Tell(ANA, "full", data, to=word.asker)
    assert word.tell(ANA, "full", **data) == Tell(ANA, "slots.full", data)


def test_nobody_waits_so_nothing_is_answered() -> None:
    assert answers(Slot().tell(happened("reserve", waits=False))) == []


def test_what_it_says_unasked_bears_its_name_to_people_and_none_to_resources() -> None:
    word = Word("x", {}, "e1", "slots", "monday")
    assert word.tell(ANA, "freed", "sms", at=1) == Tell(ANA, "slots.freed", {"at": 1}, channel="sms")
    assert word.tell(SLOT, "freed") == Tell(SLOT, "freed", {})


def test_a_hold_expires_once() -> None:
    slot = Slot()
    slot.tell(happened("reserve"), 1000)
    key = f"expire:{ANA}"
    assert answers(slot.tell(due(key, 1000 + HOLD_MS), 1000 + HOLD_MS)) == [(ANA, "slots.lapsed")]
    assert slot.tell(due(key, 1000 + HOLD_MS), 1000 + HOLD_MS) == (Recorded("timer", "late"),)
    assert slot.state == {"expired": [ANA]}


def test_a_timer_that_was_cancelled_or_set_anew_on_its_way_does_nothing() -> None:
    slot = Slot()
    slot.tell(happened("reserve"), 1000)
    assert CancelTimer(f"expire:{ANA}") in slot.tell(happened("confirm"), 2000)
    assert slot.tell(due(f"expire:{ANA}", 1000 + HOLD_MS), 1000 + HOLD_MS) == (Recorded("timer", "late"),)
    assert slot.state == {"who": ANA, "booked": True}
    again = Slot()
    again.tell(happened("reserve"), 1000)
    again.tell(happened("release"), 1500)
    again.tell(happened("reserve"), 2000)
    assert again.tell(due(f"expire:{ANA}", 1000 + HOLD_MS), 1000 + HOLD_MS) == (Recorded("timer", "late"),)
    assert answers(again.tell(due(f"expire:{ANA}", 2000 + HOLD_MS), 2000 + HOLD_MS)) == [(ANA, "slots.lapsed")]


def test_one_that_raises_has_changed_nothing() -> None:
    home = resource_home("b", "clumsy", "1")
    resources, contact = Resources(RESOURCES), Contact(home, vars={"state": {"n": 1}})
    with pytest.raises(RuntimeError, match="half way"):
        resources.step(contact, happened("break", home), 0)
    assert contact.vars == {"state": {"n": 1}}


def test_what_a_resource_cannot_do_is_refused() -> None:
    home = resource_home("b", "clumsy", "1")
    with pytest.raises(TypeError, match="cannot Send"):
        Resources(RESOURCES).step(Contact(home), happened("say", home), 0)


def test_its_state_is_json_whatever_it_gave() -> None:
    home = resource_home("b", "odd", "1")

    def odd(state: State, word: Word, now_ms: int) -> tuple[State, list[Effect | None]]:
        return {"pair": (1, 2), "by": {3: "x"}}, []

    contact, _ = Resources({"odd": odd}).step(Contact(home), happened("x", home), 0)
    assert contact.vars == {"state": {"pair": [1, 2], "by": {"3": "x"}}}


def test_only_a_home_of_ours_is_one() -> None:
    resources = Resources(RESOURCES)
    assert SLOT in resources
    assert resource_home("tv-vote", "rooms", "1") not in resources
    assert Urn("res:odd") not in resources


# -- in a whole bot --------------------------------------------------------------------------------------------------------

Make = Callable[..., Any]


@pytest.fixture(params=["memory", "sqlite"])
async def road(request: pytest.FixtureRequest, make_road: Make, tmp_path: Path) -> Any:
    from vaiven.testing.clock import Clock

    clock = Clock(1_796_504_400_000)
    if request.param == "memory":
        store: Any = MemoryStore(partitions=4, clock=clock.now_ms)
    else:
        store = SqliteStore(tmp_path / "road.db", partitions=4, clock=clock.now_ms)
    road = make_road(store=store, clock=clock, registry=Registry(resources=RESOURCES))
    await road.start()
    return road


def guests(count: int) -> list[Urn]:
    return [resource_home("tv-vote", "guest", str(n)) for n in range(count)]


async def ask(road: Any, home: Urn, name: str, id: str, **data: Any) -> None:
    await road.bot.intake.happen(id, home, Happened(name, data))


async def state_of(road: Any, home: Urn) -> State:
    (state,) = await road.store.load([home])
    return dict(state.contact.vars.get("state", {}))


async def heard(road: Any, homes: list[Urn]) -> list[list[str]]:
    return [(await state_of(road, home)).get("heard", []) for home in homes]


async def test_many_ask_for_one_slot_and_everybody_hears_once(road: Any) -> None:
    homes = guests(30)
    for n, home in enumerate(homes):
        await ask(road, home, "reserve", f"go{n}")
    await road.rest()
    told = await heard(road, homes)
    assert sorted(told) == [["full"]] * 29 + [["reserved"]]
    assert (await state_of(road, SLOT))["who"] == homes[told.index(["reserved"])]


async def test_what_changed_nothing_is_remembered_without_the_whole_state(road: Any) -> None:
    homes = guests(3)
    for n, home in enumerate(homes):
        await ask(road, home, "reserve", f"go{n}")
        await road.rest()
    records = [record async for record in road.store.history(SLOT)]
    assert [record.after is None for record in reversed(records)] == [False, True, True]
    assert (await road.store.load([SLOT]))[0].contact.version == 3


async def test_a_hold_that_nobody_confirms_is_free_again(road: Any) -> None:
    first, second = guests(2)
    await ask(road, first, "reserve", "a")
    await road.rest()
    await road.tick(599)
    await ask(road, second, "reserve", "b")
    await road.rest()
    await road.tick(2)
    await ask(road, second, "reserve", "c")
    await road.rest()
    assert await heard(road, [first, second]) == [["reserved", "lapsed"], ["full", "reserved"]]


async def test_a_hold_that_was_confirmed_stays(road: Any) -> None:
    (first,) = guests(1)
    await ask(road, first, "reserve", "a")
    await ask(road, first, "confirm", "b")
    await road.rest()
    await road.tick(700)
    assert await heard(road, [first]) == [["reserved", "booked"]]
    assert (await state_of(road, SLOT))["booked"] is True
    assert (await road.store.counts()).timers == 0


async def test_what_was_told_is_done_with(road: Any) -> None:
    await ask(road, guests(1)[0], "reserve", "a")
    await road.rest()
    counts = await road.store.counts()
    assert (counts.inbox, counts.rows, counts.dead) == (0, {}, 0)
    assert len(await road.store.unsettled([RowState.ACCEPTED], 9)) == 2


async def test_what_the_business_says_twice_happens_once(road: Any) -> None:
    home = resource_home("tv-vote", "clumsy", "1")
    for _ in range(3):
        await ask(road, home, "good", "order 7")
    await ask(road, home, "good", "order 8")
    await road.rest()
    assert await state_of(road, home) == {"n": 2}


async def test_one_that_keeps_raising_is_set_aside_and_the_next_word_is_heard(road: Any) -> None:
    home = resource_home("tv-vote", "clumsy", "1")
    await ask(road, home, "good", "a")
    await ask(road, home, "break", "b")
    await ask(road, home, "good", "c")
    await road.rest()
    assert await state_of(road, home) == {"n": 2}
    assert [letter.reason for letter in await road.store.dead(9)] == ["failed 5 times"]


@pytest.mark.parametrize(
    ("home", "channel", "reason"),
    [
        (resource_home("tv-vote", "rooms", "1"), "", "no resource has the home res:tv-vote/rooms/1"),
        (ANA, "fax", "no channel is named 'fax'"),
        (ANA, "", "no channel is named ''"),
    ],
)
async def test_what_nobody_can_hear_is_set_aside_with_its_reason(road: Any, home: Urn, channel: str, reason: str) -> None:
    await road.bot.intake.happen("e1", home, Happened("order.shipped"), channel)
    await road.rest()
    assert [letter.reason for letter in await road.store.dead(9)] == [reason]


async def test_a_person_hears_it_where_they_talk_to_us(road: Any) -> None:
    await road.say("vote", number=ANA.removeprefix("tel:"))
    await road.bot.intake.happen("e1", ANA, Happened("order.shipped"))
    await road.bot.intake.happen("e1", ANA, Happened("order.shipped"))
    await road.bot.intake.happen("e2", ANA, StartFlow("vote"), "sms")
    await road.rest()
    heard = [record.event async for record in road.store.history(ANA)]
    assert [(event.id, event.channel) for event in heard[:2]] == [("e2", "sms"), ("e1", "sms")]
    assert len(heard) == 3
    assert await road.store.dead(9) == []


def test_a_resource_knows_its_bot_and_where_others_of_it_live() -> None:
    def teller(state: State, word: Word, now_ms: int) -> tuple[State, list[Effect | None]]:
        opens = [opens.hour for opens, _ in word.about.hours["open"].spans(date(2026, 7, 1), word.about.zone)]
        other = word.home("guests", str(word.sender))
        return state, [word.tell(other, "told", name=word.about.params["name"], opens=opens), word.answer("ok", name="x")]

    about = About.of(BotSpec("tv-vote", zone="Europe/Madrid", params={"name": "Casa"}), {"open": Hours((((540, 600),),) * 7)})
    resources = Resources({"slots": teller, "guests": guest}, about)
    asker = ReplyTo(ANA, "sms", "s1", "book", 1)
    _, effects = resources.step(Contact(SLOT), Event("e", SLOT, 0, "", 0, Happened("x", {}, sender=ANA, answer_to=asker)), 0)
    assert [(each.home, each.name, each.data) for each in effects if isinstance(each, Tell)] == [
        (resource_home("tv-vote", "guests", ANA), "told", {"name": "Casa", "opens": [7]}),
        (ANA, "ok", {"name": "x"}),
    ]
