"""Taps: current, of an earlier question, of another flow."""

from collections.abc import Callable

import pytest

from vaiven.model.effects import Recorded
from vaiven.testing.talk import WHATSAPP, Talk

Make = Callable[..., Talk]

FLOW = """
flow: trip
starts: [{keyword: trip}]
steps:
  way: {ask: Which way?, choices: {north: North, south: South}, STALE}
  day: {ask: Which day?, choices: {mon: Monday, tue: Tuesday}}
  done: {end: "{way.label} on {day.label}.", outcome: done}
"""


def stale(policy: str) -> str:
    return FLOW.replace("STALE", f"stale: {policy}")


@pytest.fixture
def trip(talk: Make) -> Talk:
    at = talk(stale("explain"), capabilities=WHATSAPP)
    at.say("trip")
    return at


def test_ids_carry_flow_step_and_visit(trip: Talk) -> None:
    assert [option.id for option in trip.shown] == ["trip/way/1:north", "trip/way/1:south"]
    assert trip.tap("South") == ["Which day?\n[Monday]\n[Tuesday]"]
    assert trip.shown[-1].id == "trip/day/2:tue"


def test_an_old_button_is_explained_and_the_question_asked_again(trip: Talk) -> None:
    trip.tap("South")
    assert trip.tap("North") == ["That button belongs to an earlier question.\nWhich day?\n[Monday]\n[Tuesday]"]
    assert Recorded("stale_button") in trip.effects
    assert trip.tap("Monday") == ["South on Monday."]


def test_an_old_button_is_ignored_where_the_step_says_so(talk: Make) -> None:
    at = talk(stale("ignore"), capabilities=WHATSAPP)
    at.say("trip")
    at.tap("South")
    assert at.tap("North") == []
    assert at.effects == (Recorded("stale_button"),)


def test_an_old_button_of_the_same_step_is_accepted_where_it_says_so(talk: Make) -> None:
    at = talk(stale("accept"), capabilities=WHATSAPP)
    at.say("trip")
    at.tap("North")
    at.say("back")
    assert at.session is not None
    assert at.session.top.visit == 3
    assert at.tap_id("trip/way/1:south") == ["Which day?\n[Monday]\n[Tuesday]"]


def test_an_old_button_without_a_session_is_explained(trip: Talk) -> None:
    trip.tap("South")
    trip.tap("Monday")
    assert trip.tap("Tuesday") == ["That button belongs to an earlier question."]
    assert trip.session is None


def test_a_button_of_a_starting_question_starts_its_flow(vote_flows: object, vote: Talk) -> None:
    at = Talk(vote.flows, WHATSAPP)
    at.say("vote")
    at.wait("11m")
    assert at.session is None
    assert at.tap("Bea & Tom") == ["Vote 1 of 10 for Bea & Tom counted.\nReply another number to vote again."]


def test_buttons_stay_good_after_a_quiet_return(vote: Talk) -> None:
    at = Talk(vote.flows, WHATSAPP)
    at.say("vote")
    at.tap("Bea & Tom")
    assert at.tap("Anna & Luca") == ["Vote 2 of 10 for Anna & Luca counted.\nReply another number to vote again."]


def test_an_unknown_button_counts_as_its_title(trip: Talk) -> None:
    assert trip.tap_id("somebody-elses", "south") == ["Which day?\n[Monday]\n[Tuesday]"]


def test_an_option_that_is_not_offered_is_stale(trip: Talk) -> None:
    assert trip.tap_id("trip/way/1:west")[0].startswith("That button belongs to an earlier question.")
