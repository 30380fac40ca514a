"""Stored conversations, decided again from history alone, and on edited flows."""

import pytest
from msgspec.structs import replace as changed

from vaiven.flow.document import FlowDocument
from vaiven.flow.load import load_flow
from vaiven.model.effects import Send
from vaiven.model.urns import Urn
from vaiven.runtime.against import Against, Cause, against, heard
from vaiven.runtime.publishing import publish
from vaiven.runtime.replay import Replayed, Scene, replay

ANNA, BEN = "+12025550123", "+12025550124"


async def replayed(road, number: str = ANNA) -> list[Replayed]:
    bot = road.bot
    return [each async for each in replay(bot.store, Urn(f"tel:{number}"), Scene(bot.lines), bot.flows)]


async def vote(road) -> None:
    """A conversation with a bit of everything: votes, a word that fits nothing, a command, silence, STOP."""
    for text in ("vote", "2", "what?", "anna", "rules"):
        await road.say(text)
    await road.tick(601)
    for text in ("vote cleo", "stop", "hello", "start", "3"):
        await road.say(text)


def edited(road, old: str, new: str) -> FlowDocument:
    (flow,) = road.bot.flows.flows.values()
    assert old in flow.document.source
    document, problems = load_flow(flow.document.source.replace(old, new), "new.flow.yaml", road.bot.flows.spec.params)
    assert document is not None, problems
    return document


async def held(road, document: FlowDocument, since_ms: int = 0) -> Against:
    flows = road.bot.flows.renewed([document])
    ticks: list[int] = []
    homes = await heard(road.bot.store, since_ms)
    found = await against(road.bot.store, Scene(road.bot.lines), flows, homes, since_ms, ticks.append)
    assert sum(ticks) == homes.total()
    return found


async def test_every_turn_is_decided_the_same_again(road) -> None:
    await vote(road)
    turns = await replayed(road)
    assert len(turns) >= 11
    assert [(turn.unchecked, turn.differences) for turn in turns] == [("", [])] * len(turns)
    assert [turn.record.version for turn in turns] == list(range(1, len(turns) + 1))


async def test_what_was_done_to_a_record_is_told(road) -> None:
    await vote(road)
    (state,) = await road.store.load([Urn(f"tel:{ANNA}")])
    turns = await replayed(road)
    wrong = [
        changed(each.record, effects=tuple(Send("Bought.") if isinstance(one, Send) else one for one in each.record.effects))
        for each in turns
    ]

    class Forged:
        def __getattr__(self, name):
            return getattr(road.store, name)

        async def history(self, home=None, newest=None):
            for record in reversed(wrong):
                yield record

    again = [each async for each in replay(Forged(), state.contact.home, Scene(road.bot.lines), road.bot.flows)]
    said = [any(isinstance(one, Send) for one in each.record.effects) for each in turns]
    assert [[one.what for one in each.differences] for each in again] == [["effects"] if each else [] for each in said]


async def test_a_turn_is_decided_by_the_version_of_its_time(road) -> None:
    await road.say("vote")
    await publish(road.store, [edited(road, "Who gets your vote tonight?", "Your vote, please?")], road.clock.now_ms())
    await road.bot.turns.renew_flows()
    await road.bot.turns.renew_flows()
    await road.say("vote", number=BEN)
    assert (await road.said(BEN))[0].startswith("Your vote, please?")
    await road.say("2")
    await road.say("vote")
    for number in (ANNA, BEN):
        turns = await replayed(road, number)
        assert [(turn.unchecked, turn.differences) for turn in turns] == [("", [])] * len(turns)
    assert len({turn.record.flow for turn in await replayed(road)}) == 2


async def test_without_what_was_before_a_turn_is_not_checked(road) -> None:
    await vote(road)
    turns = await replayed(road)

    class Pruned:
        def __getattr__(self, name):
            return getattr(road.store, name)

        async def history(self, home=None, newest=None):
            for each in reversed(turns[2:]):
                yield each.record

    again = [each async for each in replay(Pruned(), Urn(f"tel:{ANNA}"), Scene(road.bot.lines), road.bot.flows)]
    assert "does not reach back" in again[0].unchecked
    assert not any(each.unchecked or each.differences for each in again[1:])


async def test_the_same_flow_differs_for_nobody(road) -> None:
    await vote(road)
    found = await held(road, edited(road, "flow: tv-vote", "flow: tv-vote"))
    assert (found.homes, found.differing, found.causes, found.unknown) == (1, 0, {}, 0)
    assert found.turns >= 11


@pytest.mark.parametrize(
    ("old", "new", "cause"),
    [
        ("Voting opens", "Votes open", None),
        ("Who gets your vote tonight?", "Your vote?", Cause("", "", "text")),
        ("also: [bea, tom]", "also: [bea]", None),
        ("bea: {label", "bella: {label", Cause("tv-vote", "pick", "votes")),
        ("after: {10m: bye}", "after: {20m: bye}", Cause("tv-vote", "pick", "timer")),
        ("after: {10m: bye}", "after: {1h: bye}", Cause("tv-vote", "pick", "timer")),
        ("outcome: idle", "outcome: gone", Cause("tv-vote", "pick", "end")),
        (
            "{if: count.cast < params.max_votes, text:",
            "{if: 1 / (count.cast - 1) < params.max_votes, text:",
            Cause("tv-vote", "pick", "error"),
        ),
    ],
)
async def test_whose_would_differ_and_why(road, old: str, new: str, cause: Cause | None) -> None:
    await vote(road)
    await road.say("help", number=BEN)
    found = await held(road, edited(road, old, new))
    assert found.homes == 2
    assert found.differing == (cause is not None)
    if cause is not None:
        known = found.causes[cause]
        assert (known.homes, known.first) == (1, 1)
        assert known.examples[0].home == f"tel:{ANNA}"
        assert found.ranked()[0][0] == cause


async def test_after_other_words_the_conversation_goes_on(road) -> None:
    await vote(road)
    found = await held(road, edited(road, "Sorry, no such act.", "No such act."))
    assert list(found.causes) == [Cause("tv-vote", "pick", "text")]
    assert found.turns == len(await replayed(road))


async def test_only_what_came_since_then_from_where_they_stood(road) -> None:
    await road.say("vote")
    since_ms = road.clock.advance(minutes=1)
    await road.say("2")
    await road.say("vote", number=BEN)
    found = await held(road, edited(road, "Who gets your vote tonight?", "Your vote?"), since_ms)
    assert (found.homes, found.turns, found.differing) == (2, 2, 1)
    assert next(iter(found.causes.values())).examples[0].home == f"tel:{BEN}"
