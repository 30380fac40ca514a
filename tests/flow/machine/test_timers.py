"""Silence: what comes after it, and what it may not disturb."""

from collections.abc import Callable

from vaiven.model.effects import CancelTimer, End, Recorded, StartTimer
from vaiven.testing.talk import Talk

Make = Callable[..., Talk]

FLOW = """
flow: quiet
starts: [{keyword: go}]
defaults: {after: {20m: {say: "Still there?"}, 1h: gone}}
steps:
  first: {ask: First?, as: text}
  second:
    ask: Second?
    as: integer
    retry: [Again?, Again?, Again?]
    after: {idle 10m: idle, 25m: gone}
  done: {end: Done., outcome: done}
  gone: {end: Gone., outcome: expired}
  idle: {end: Idle., outcome: idle}
"""


def test_a_say_reaction_stays_in_the_step(talk: Make) -> None:
    at = talk(FLOW)
    at.say("go")
    assert at.wait("21m") == ["Still there?"]
    assert at.session is not None
    assert at.session.top.visit == 1
    assert at.wait("30m") == []
    assert at.say("yes") == ["Second?"]


def test_a_route_leaves_it(talk: Make) -> None:
    at = talk(FLOW)
    at.say("go")
    assert at.wait("2h") == ["Still there?", "Gone."]
    assert End("quiet", "expired") in at.effects
    assert at.session is None
    assert not at.timers


def test_a_steps_own_timers_replace_the_defaults(talk: Make) -> None:
    at = talk(FLOW)
    at.say("go")
    at.say("one")
    assert sorted(at.timers) == ["sms/0/25m", "sms/0/idle 10m"]
    assert sorted(effect.key for effect in at.effects if isinstance(effect, CancelTimer)) == ["sms/0/1h", "sms/0/20m"]


def test_idle_restarts_at_each_message_and_a_plain_duration_does_not(talk: Make) -> None:
    at = talk(FLOW)
    at.say("go")
    at.say("one")
    at.wait("9m")
    at.say("what")
    assert [effect.key for effect in at.effects if isinstance(effect, StartTimer)] == ["sms/0/idle 10m"]
    assert at.wait("9m") == []
    at.say("what")
    assert at.wait("8m") == ["Gone."]


def test_idle_falls_due_in_silence(talk: Make) -> None:
    at = talk(FLOW)
    at.say("go")
    at.say("one")
    assert at.wait("10m") == ["Idle."]


def test_a_late_timer_changes_nothing(talk: Make) -> None:
    at = talk(FLOW)
    at.say("go")
    timer = at.timers["sms/0/1h"]
    at.say("one")
    before = at.session
    assert at.due(timer) == []
    assert at.effects == (Recorded("stale_timer"),)
    assert at.session == before


def test_a_timer_of_an_ended_session_changes_nothing(talk: Make) -> None:
    at = talk(FLOW)
    at.say("go")
    timer = at.timers["sms/0/1h"]
    at.say("stop")
    at.say("start")
    at.say("go")
    before = at.session
    assert before is not None
    assert at.due(timer) == []
    assert at.session == before


def test_a_replaced_timer_that_was_already_due_changes_nothing(vote: Talk) -> None:
    vote.say("vote")
    timer = vote.timers["sms/0/10m"]
    vote.wait("9m")
    vote.say("1")
    assert vote.due(timer) == []
    assert vote.session is not None


def test_entering_the_same_step_again_replaces_its_timer(vote: Talk) -> None:
    vote.say("vote")
    vote.wait("1m")
    vote.say("1")
    assert [effect for effect in vote.effects if isinstance(effect, CancelTimer)] == []
    started = [effect for effect in vote.effects if isinstance(effect, StartTimer)]
    assert [(effect.key, effect.visit, effect.due_ms - vote.now_ms) for effect in started] == [("sms/0/10m", 2, 600_000)]


def test_a_silent_end(vote: Talk) -> None:
    vote.say("vote")
    assert vote.wait("10m") == []
    assert End("tv-vote", "idle") in vote.effects
