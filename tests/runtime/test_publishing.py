"""Publishing while people stand in an older version: nobody is stranded, and who would be is told."""

import pytest

from vaiven.flow.diff import Fate, Kind
from vaiven.flow.hashes import shape_hash
from vaiven.model.contacts import ContactState
from vaiven.model.errors import PublishRefused
from vaiven.model.sessions import Frame, Session
from vaiven.runtime.publishing import Standing, outlooks, publish, published, standings
from vaiven.stores.contract import Role
from vaiven.stores.memory import MemoryStore
from vaiven.testing.builders import make_event, make_state, make_turn
from vaiven.testing.talk import documents_of

OLD = """\
flow: booking
version: 1
starts: [{keyword: [book]}]
steps:
  people: {ask: How many?, as: {integer: {min: 1, max: 12}}}
  day: {ask: Which day?, as: text}
  done: {end: Booked., outcome: booked}
"""
NEW = OLD.replace("people:", "party:").replace("max: 12", "max: 20")


@pytest.fixture
async def store():
    """Fifty people: thirty asked how many, twenty which day, five of them with another flow on top."""
    store = MemoryStore()
    await store.open()
    await publish(store, documents_of(OLD), 1)
    epochs = await store.lease(Role.TURN, "me", range(store.partitions), 60_000)
    shape = shape_hash(documents_of(OLD)[0])
    for n in range(50):
        event = make_event(f"tel:+12025550{100 + n}", partitions=store.partitions)
        (number,) = await store.accept([event])
        frames = (Frame("booking", shape, "people" if n < 30 else "day"), *([Frame("help", "other", "menu")] if n >= 45 else []))
        session = Session(f"s{n}", event.channel, 1, frames)
        state = ContactState(make_state(event.home).contact, {event.channel: session})
        await store.commit([make_turn(event, number, epochs[event.partition], state=state)])
    yield store
    await store.close()


async def test_who_stands_where(store) -> None:
    shape = shape_hash(documents_of(OLD)[0])
    assert await standings(store) == [
        Standing("booking", shape, "day", 20),
        Standing("booking", shape, "people", 30),
        Standing("help", "other", "menu", 5),
    ]


async def test_an_edit_of_shape_leaves_everybody_in_the_old_version(store) -> None:
    (look,) = await outlooks(store, documents_of(NEW))
    assert (look.kind, [(each.people, fate) for each, fate, _ in look.fates]) == (Kind.SHAPE, [(20, Fate.OLD), (30, Fate.OLD)])
    assert [version.flow for version in await publish(store, documents_of(NEW), 2)] == ["booking"]
    assert await publish(store, documents_of(NEW), 3) == []


async def test_an_edit_of_words_is_told_to_reach_everybody(store) -> None:
    (look,) = await outlooks(store, documents_of(OLD.replace("Which day?", "What day?")))
    assert (look.kind, {fate for _, fate, _ in look.fates}) == (Kind.TEXT, {Fate.WORDS})


async def test_moving_people_needs_a_rule_for_each_of_them(store) -> None:
    before = await store.current_hashes()
    incomplete = documents_of("migrate: {day: done}\n" + NEW, file="booking.flow.yaml")
    with pytest.raises(PublishRefused) as refused:
        await publish(store, incomplete, 2)
    (line,) = refused.value.problems
    assert str(line).startswith("booking.flow.yaml: 30 stand on step people of an earlier version")
    assert (await published(store, incomplete, 2))["refused"] == [line]
    assert await store.current_hashes() == before
    whole = documents_of("migrate: {people: party}\n" + NEW)
    (look,) = await outlooks(store, whole)
    assert [(each.step, fate, to) for each, fate, to in look.fates] == [
        ("day", Fate.MOVED, "day"),
        ("people", Fate.MOVED, "party"),
    ]
    assert len(await publish(store, whole, 2)) == 1


async def test_a_flow_that_nobody_has_published_is_new(store) -> None:
    (look,) = await outlooks(store, documents_of(OLD.replace("flow: booking", "flow: other")))
    assert (look.kind, look.changes, look.fates) == (None, [], [])
