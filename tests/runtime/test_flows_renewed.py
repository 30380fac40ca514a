"""A flow is edited while fifty people stand in it and the bot serves: nobody is stranded, and nobody waits for a restart."""

import pytest

from vaiven.runtime.publishing import publish, standings
from vaiven.testing.talk import documents_of

FLOW = """\
flow: party
version: 1
starts: [{keyword: [hello]}, {fallback: true}]
steps:
  people: {ask: How many?, as: {integer: {min: 1, max: 12}}, retry: ["Only a number."]}
  name: {ask: What name?, as: {text: {max: 40}}}
  done: {end: "{name}, party of {people}.", outcome: booked}
"""
PEOPLE = [f"+120255501{n:02d}" for n in range(50)]


@pytest.fixture
async def party(make_road):
    """Thirty were asked how many, twenty what name."""
    road = make_road(flow=FLOW)
    await road.start()
    for at, number in enumerate(PEOPLE):
        await road.say("hello", number=number)
        if at >= 30:
            await road.say("4", number=number)
    yield road
    await road.stop()


async def put(road, text: str) -> None:
    """Somebody publishes; a second later the bot looks."""
    await publish(road.store, documents_of(text), road.clock.now_ms())
    await road.bot.turns.renew_flows()


async def last(road, number: str) -> str:
    return (await road.said(number))[-1]


async def finish(road) -> set[str]:
    """Everybody answers what they were asked, as far as that goes; the last thing each of them was told."""
    told = set()
    for at, number in enumerate(PEOPLE):
        if at < 30:
            await road.say("4", number=number)
        await road.say("Ana", number=number)
        told.add(await last(road, number))
    assert await standings(road.store) == []
    return told


async def test_new_words_reach_everyone_at_once(party) -> None:
    await put(party, FLOW.replace("Only a number.", "A number, please.").replace("party of", "table for"))
    await party.say("many", number=PEOPLE[0])
    assert await last(party, PEOPLE[0]) == "A number, please."
    assert await finish(party) == {"Ana, table for 4."}


async def test_a_new_shape_is_for_those_who_begin_now(party) -> None:
    edited = FLOW.replace("max: 12", "max: 3").replace("  name:", "  zone: {ask: In or out?, as: {text: {max: 9}}}\n  name:")
    await put(party, edited)
    await party.say("hello", number="+12025550199")
    await party.say("4", number="+12025550199")
    assert await last(party, "+12025550199") == "Only a number."
    await party.say("3", number="+12025550199")
    assert await last(party, "+12025550199") == "In or out?"
    await party.say("in", number="+12025550199")
    await party.say("Bo", number="+12025550199")
    assert await finish(party) == {"Ana, party of 4."}


async def test_migrate_moves_them_without_asking_again(party) -> None:
    edited = "migrate: {people: guests}\n" + FLOW.replace("  people:", "  guests:").replace("{people}", "{guests}")
    edited = edited.replace("How many?", "How many guests?")
    before = [len(await party.said(number)) for number in PEOPLE]
    await put(party, edited)
    assert [len(await party.said(number)) for number in PEOPLE] == before
    # Also those who had answered it under its old name.
    assert await finish(party) == {"Ana, party of 4."}


async def test_a_version_that_does_not_fit_this_bot_is_not_taken_up(party, caplog) -> None:
    broken = FLOW.replace("version: 1", "version: 2\nwindow: {from: '{params.nowhere}', early: done}")
    await put(party, broken)
    assert "not taken up" in caplog.text
    assert await finish(party) == {"Ana, party of 4."}


async def test_what_was_taken_out_of_the_folder_is_not_taken_up_at_the_start(make_road) -> None:
    road = make_road(flow=FLOW)
    await road.store.open()
    await publish(road.store, documents_of(FLOW.replace("flow: party", "flow: gone").replace("hello", "bye")), 1)
    await road.start()
    assert await road.bot.turns.renew_flows() == []
    assert set(road.bot.flows.flows) == {"party"}
    await road.stop()
