"""V1 to V4 of the voting facts, at the step."""

from collections.abc import Callable
from functools import cache

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vaiven.flow.step import BotSpec, FlowSet
from vaiven.model.effects import Send, Tally, TallyOutcome
from vaiven.model.messages import MessageClass
from vaiven.testing.talk import Talk, instant_ms

CLOSES = instant_ms("2026-12-07T22:15+00:00")
OPENS = instant_ms("2026-12-05T20:00+00:00")


def tallies(talk: Talk) -> list[str]:
    return [effect.outcome.value for effect in talk.effects if isinstance(effect, Tally)]


def test_a_vote_is_counted_and_told(vote: Talk) -> None:
    assert vote.say("vote 2") == ["Vote 1 of 10 for Bea & Tom counted.\nReply another number to vote again."]
    assert vote.effects[0] == Tally("final", "bea", TallyOutcome.COUNTED)
    assert [effect.message_class for effect in vote.effects if isinstance(effect, Send)] == [MessageClass.RECEIPT]
    assert vote.contact.votes == {"final": 1}


def test_v2_never_more_than_the_cap(vote: Talk) -> None:
    for number in range(1, 10):
        assert vote.say("1")[0].startswith(f"Vote {number} of 10")
    assert vote.say("1") == ["Vote 10 of 10 for Anna & Luca counted."]
    assert vote.say("1") == ["You have used all 10 votes. Thank you!"]
    assert tallies(vote) == ["capped"]
    assert vote.say("vote 2") == ["You have used all 10 votes. Thank you!"]
    assert vote.contact.votes == {"final": 10}
    assert vote.votes == {("final", "anna", "counted"): 10, ("final", "anna", "capped"): 1, ("final", "bea", "capped"): 1}


def test_v3_the_window_is_half_open_by_the_providers_time(vote: Talk) -> None:
    vote.now_ms = CLOSES + 60_000
    assert vote.say("vote 1", provider_ms=CLOSES - 1)[0].startswith("Vote 1 of 10")
    vote.wait("1h")
    assert vote.say("vote 1", provider_ms=CLOSES) == ["Voting has closed. Your vote was not counted."]
    assert tallies(vote) == ["late"]
    vote.now_ms = OPENS
    assert vote.say("vote 1", provider_ms=OPENS)[0].startswith("Vote 2 of 10")
    vote.wait("1h")
    assert vote.say("vote 1", provider_ms=OPENS - 1) == ["Voting opens at 20:00."]
    assert tallies(vote) == ["early"]


def test_v3_without_the_providers_time_our_intake_decides(vote: Talk) -> None:
    vote.now_ms = CLOSES - 1
    assert tallies(vote) == []
    vote.say("3")
    assert tallies(vote) == ["counted"]
    vote.now_ms = CLOSES
    assert vote.say("3") == ["Voting has closed. Your vote was not counted."]
    assert tallies(vote) == ["closed"]
    assert vote.session is None
    assert vote.say("3") == ["Voting has closed. Your vote was not counted."]
    assert tallies(vote) == ["late"]


def test_a_late_start_without_an_answer_is_no_vote(vote: Talk) -> None:
    vote.now_ms = CLOSES
    assert vote.say("vote") == ["Voting has closed. Your vote was not counted."]
    assert vote.say("vote nobody") == ["Voting has closed. Your vote was not counted."]
    assert vote.votes == {}


def test_an_opted_out_viewers_vote_counts(vote: Talk) -> None:
    vote.say("stop")
    assert vote.say("vote 1") == []
    assert tallies(vote) == ["counted"]
    # The receipt is listed all the same: the store suppresses it, and says so.
    assert [effect.text[:9] for effect in vote.effects if isinstance(effect, Send)] == ["Vote 1 of"]


def test_two_acts_at_once_are_asked_and_not_counted(vote: Talk) -> None:
    vote.say("vote")
    assert vote.say("1 and 2") == ["Which one do you mean?\n1 Anna & Luca\n2 Bea & Tom"]
    assert vote.votes == {}


def test_vote_three_then_vote_one_are_two_votes(vote: Talk) -> None:
    vote.say("VOTE 3")
    assert vote.say("VOTE 1") == ["Vote 2 of 10 for Anna & Luca counted.\nReply another number to vote again."]
    assert vote.say("vóte luca!")[0].startswith("Vote 3 of 10 for Anna & Luca")


@pytest.fixture(scope="session")
def capped(vote_flows: FlowSet) -> Callable[[int], FlowSet]:
    document, params = vote_flows.flows["tv-vote"].document, vote_flows.spec.params
    return cache(lambda cap: FlowSet.build(BotSpec("vote", params={**params, "max_votes": cap}), [document]))


TEXTS = ["vote", "vote 1", "v luca", "2", "cleo", "cloe", "nobody", "1 or 2", "rules", "stop", "start", "help", "back"]
acts = st.lists(
    st.tuples(st.sampled_from(TEXTS), st.sampled_from([0, 1_000, 11 * 60_000, 26 * 3_600_000]), st.integers(-5_000, 5_000)),
    max_size=25,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    acts=acts, start=st.sampled_from([OPENS - 5_000, OPENS, OPENS + 3_600_000, CLOSES - 2_000]), cap=st.sampled_from([0, 2, 10])
)
def test_v4_accepted_is_counted_plus_rejected(
    acts: list[tuple[str, int, int]], start: int, cap: int, capped: Callable[[int], FlowSet]
) -> None:
    talk = Talk(capped(cap), now_ms=start)
    accepted = 0
    for text, pause, skew in acts:
        if pause:
            talk.wait(f"{pause // 1000}s")
        before = talk.contact.votes.get("final", 0)
        said = talk.say(text, provider_ms=talk.now_ms + skew)
        decided = tallies(talk)
        accepted += len(decided)
        assert len(decided) <= 1
        # The receipt says what was decided, and the contact's own count rises by counted votes only.
        assert talk.contact.votes.get("final", 0) - before == (decided == ["counted"])
        if decided and not talk.suppressed:
            words = {
                "counted": "counted.",
                "capped": "used all",
                "closed": "not counted",
                "late": "not counted",
                "early": "opens at",
            }
            assert words[decided[0]] in said[-1]
    counts = talk.votes
    assert accepted == sum(counts.values())
    counted = sum(count for (_, _, outcome), count in counts.items() if outcome == "counted")
    assert counted == talk.contact.votes.get("final", 0) <= cap
