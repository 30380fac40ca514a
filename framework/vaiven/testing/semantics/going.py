"""Rows of the table of semantics: interrupts, BACK, edits, failures, loops, expiry, windows, time zones."""

from collections.abc import Callable

import pytest

from vaiven.model.contacts import Contact
from vaiven.model.effects import End, Recorded
from vaiven.model.urns import Urn
from vaiven.testing.talk import Talk, flows_of, instant_ms

Make = Callable[..., Talk]

SORRY = "Something went wrong here. Please try again in a minute."
TRIP = """
flow: trip
starts: [{keyword: trip}]
steps:
  city:
    ask: Which city?
    choices: {rome: Rome, oslo: Oslo}
    retry: [Rome or Oslo?, Rome or Oslo!]
    after: {30m: {say: Still there?}, 2h: expired}
  day: {ask: Which day?, as: text}
  done: {end: "{city.label}, {day}.", outcome: booked}
  expired: {end: Too late., outcome: expired}
"""
NEWS = """
flow: news
starts: [{keyword: news}]
steps:
  topic: {ask: Which topic?, as: text}
  done: {end: "No news of {topic}.", outcome: told}
"""
ACTION = """
flow: act
starts: [{keyword: act}]
steps:
  q: {ask: Go?, as: text}
  do: {call: bank.pay, FAIL}
  done: {end: Paid., outcome: paid}
  lost: {end: "No: {result.reason}.", outcome: lost}
"""
REMIND = """
flow: remind
ZONE
starts: [{keyword: remind}]
steps:
  rest: {wait: {until: "WHEN"}}
  done: {end: Now., outcome: done}
"""
WINDOW = """
flow: poll
window: {from: "2026-12-06T20:00Z", to: "2026-12-06T22:00Z", early: early, late: late}
starts: [{keyword: vote, rest: pick}]
steps:
  pick: {ask: Who?, choices: {a: Anna, b: Bea}}
  count: {tally: {poll: final, option: "{pick.id}"}, then: {counted: yes_, capped: yes_, closed: late}}
  yes_: {say: Counted., then: {go: pick, quiet: true}}
  early: {end: Too early., outcome: early}
  late: {end: Too late., outcome: late}
"""


def what(talk: Talk) -> list[str]:
    return [effect.what for effect in talk.effects if isinstance(effect, Recorded)]


def outcomes(talk: Talk) -> list[tuple[str, str]]:
    return [(effect.flow, effect.outcome) for effect in talk.history if isinstance(effect, End)]


class Going:
    """Where a conversation goes, and what it comes back to."""

    # ---- interrupt and resume

    def test_an_interrupt_comes_back_to_the_question_its_tries_unchanged_its_timers_resumed(self, talk: Make) -> None:
        at = talk(TRIP, NEWS)
        at.say("trip")
        at.say("paris")
        at.wait("20m")
        assert at.say("news") == ["Which topic?"]
        at.wait("1h")
        assert at.say("rain") == ["No news of rain.", "Which city?\n1 Rome\n2 Oslo"]
        assert at.session is not None
        assert at.session.top.tries == 1
        assert at.wait("9m") == []
        assert at.wait("2m") == ["Still there?"]

    def test_a_bridge_text_stands_before_it_where_the_bot_has_one(self, talk: Make) -> None:
        at = talk(TRIP, NEWS, words={"resumed": "Back to your trip."})
        at.say("trip")
        at.say("news")
        assert at.say("rain") == ["No news of rain.", "Back to your trip.\nWhich city?\n1 Rome\n2 Oslo"]

    # ---- BACK

    def test_back_returns_to_the_last_question_and_stops_at_what_is_kept(self, talk: Make) -> None:
        at = talk(TRIP)
        at.say("trip")
        at.say("rome")
        assert at.say("back") == ["Which city?\n1 Rome\n2 Oslo"]
        kept = talk(
            TRIP.replace(
                "day: {ask: Which day?, as: text}", "book: {say: Booked., keep: true}\n  day: {ask: Which day?, as: text}"
            )
        )
        kept.say("trip")
        kept.say("rome")
        assert kept.say("back") == ["Which day?"]

    # ---- flow edited with people inside

    def test_an_edited_text_reaches_them_at_once_and_an_edited_shape_leaves_them_in_theirs(self, talk: Make) -> None:
        at = talk(TRIP)
        at.say("trip")
        at.with_flows(flows_of(TRIP.replace("Rome or Oslo?", "Oslo or Rome?"), older=[TRIP]))
        assert at.say("paris") == ["Oslo or Rome?"]
        at.with_flows(flows_of(TRIP.replace("Which day?, as: text", "How many days?, as: integer"), older=[TRIP]))
        assert at.say("rome") == ["Which day?"]

    def test_migrate_moves_them_at_their_next_event(self, talk: Make) -> None:
        at = talk(TRIP)
        at.say("trip")
        new = TRIP.replace("  city:", "  town:").replace("{city.label}", "{town.label}") + "migrate: {city: town}\n"
        at.with_flows(flows_of(new, older=[TRIP]))
        assert at.say("rome") == ["Which day?"]
        assert at.session is not None
        assert list(at.session.top.answers) == ["town"]

    # ---- an expression fails at run time

    def test_a_guard_that_fails_takes_the_error_transition_recorded(self, talk: Make) -> None:
        at = talk(NEWS.replace("as: text}", "as: text, then: [{if: 1 / 0 > 1, go: done}, {go: done}]}"))
        at.say("news")
        assert at.say("rain") == [SORRY]
        assert what(at) == ["expression_failed"]
        assert outcomes(at) == [("news", "error")]

    def test_a_text_that_fails_is_the_bots_error_text_recorded(self, talk: Make) -> None:
        at = talk(NEWS.replace("No news of {topic}.", "{1 / 0}"))
        at.say("news")
        assert at.say("rain") == [SORRY]
        assert what(at) == ["text_failed"]
        assert outcomes(at) == [("news", "told")]

    # ---- an action raises

    def test_an_action_that_raises_leads_to_fail(self, talk: Make) -> None:
        at = talk(ACTION.replace("FAIL", "fail: lost"))
        at.say("act")
        at.say("ok")
        assert at.answer(reason="raised ValueError") == ["No: raised ValueError."]

    def test_or_to_the_bots_error_flow(self, talk: Make) -> None:
        sorry = "{flow: sorry, steps: {q: {ask: Call you?, as: confirm, then: {else: e}}, e: {end: Noted.}}}"
        at = talk(ACTION.replace("FAIL", "note: none"), sorry, error_flow="sorry")
        at.say("act")
        at.say("ok")
        assert at.answer(reason="raised ValueError") == ["Call you?"]
        assert what(at) == ["call_failed"]
        assert outcomes(at) == [("act", "error")]

    # ---- endless loop

    def test_an_endless_loop_ends_after_a_hundred_steps(self, talk: Make) -> None:
        at = talk(
            "{flow: f, starts: [{keyword: go}], vars: {n: integer}, steps: {a: {set: {n: 1}, then: b}, b: {branch: [{go: a}]}}}"
        )
        assert at.say("go") == [SORRY]
        assert what(at) == ["too_many_steps"]

    def test_flows_that_run_each_other_without_end_do_too(self, talk: Make) -> None:
        one = "{flow: one, starts: [{keyword: one}], steps: {a: {run: two, then: {else: a}}}}"
        two = "{flow: two, steps: {a: {run: three, then: {else: a}}}}"
        three = "{flow: three, steps: {a: {end: '', outcome: x}}}"
        at = talk(one, two, three)
        assert at.say("one")[-1] == SORRY
        assert at.session is None
        deep = talk("{flow: deep, starts: [{keyword: deep}], steps: {a: {run: deep, then: {else: e}}, e: {end: ''}}}")
        assert deep.say("deep") == [SORRY]
        assert "too_many_frames" in what(deep)

    # ---- session expiry

    def test_a_session_expires_by_a_real_timer_with_its_own_outcome(self, talk: Make) -> None:
        at = talk(TRIP)
        at.say("trip")
        assert at.wait("3h") == ["Still there?", "Too late."]
        assert outcomes(at) == [("trip", "expired")]

    def test_what_must_outlive_it_is_of_the_contact(self, talk: Make) -> None:
        at = talk(
            "{flow: f, starts: [{keyword: go}], vars: {guest: {type: text, scope: contact}}, steps: {"
            "n: {ask: Name?, as: text, save: guest, skip: guest != null}, e: {end: 'Hi {guest}.'}}}"
        )
        at.say("go")
        at.say("Ola")
        assert at.say("go") == ["Hi Ola."]

    # ---- window of a poll

    def test_a_window_is_judged_by_the_providers_time_else_ours_and_is_half_open(self, talk: Make) -> None:
        opens, closes = instant_ms("2026-12-06T20:00:00+00:00"), instant_ms("2026-12-06T22:00:00+00:00")
        at = talk(WINDOW)
        at.now_ms = closes + 60_000
        assert at.say("vote a", provider_ms=closes - 1) == ["Counted."]
        assert at.say("a", provider_ms=closes) == ["Too late."]
        assert at.say("vote a", provider_ms=opens - 1) == ["Too early."]
        assert at.say("vote a", provider_ms=opens) == ["Counted."]
        at.say("stop")
        at.say("start")
        at.now_ms = opens - 1
        assert at.say("vote b") == ["Too early."]

    # ---- time zones

    @pytest.mark.parametrize(
        ("contact", "flow", "bot", "due"),
        [
            ("America/New_York", "Europe/Madrid", "Asia/Tokyo", "2026-12-07T14:00:00+00:00"),
            (None, "Europe/Madrid", "Asia/Tokyo", "2026-12-07T08:00:00+00:00"),
            (None, None, "Asia/Tokyo", "2026-12-07T00:00:00+00:00"),
        ],
    )
    def test_the_contacts_zone_comes_before_the_flows_and_the_bots(
        self, contact: str | None, flow: str | None, bot: str, due: str, talk: Make
    ) -> None:
        text = REMIND.replace("ZONE", f"zone: {flow}" if flow else "lang: en").replace("WHEN", "2026-12-07 09:00")
        at = talk(text, zone=bot)
        at.contact = Contact(Urn("tel:+12025550123"), zone=contact)
        at.say("remind")
        assert at.timers["sms/0/wait"].due_ms == instant_ms(due)

    @pytest.mark.parametrize(
        ("now", "when", "due"),
        [
            # The clocks go from 02:00 to 03:00: a time between them is the one they jump to.
            ("2027-03-27T12:00:00+00:00", "2027-03-28 02:30", "2027-03-28T01:30:00+00:00"),
            ("2027-03-27T12:00:00+00:00", "2027-03-28 03:30", "2027-03-28T01:30:00+00:00"),
            # From 03:00 back to 02:00: what comes twice is meant the first time.
            ("2026-10-24T12:00:00+00:00", "2026-10-25 02:30", "2026-10-25T00:30:00+00:00"),
            ("2026-10-24T12:00:00+00:00", "2026-10-25 03:00", "2026-10-25T02:00:00+00:00"),
            # A time of the day alone is the next one, over either change.
            ("2026-10-24T12:00:00+00:00", "09:00", "2026-10-25T08:00:00+00:00"),
            ("2027-03-27T12:00:00+00:00", "09:00", "2027-03-28T07:00:00+00:00"),
        ],
    )
    def test_both_changes_of_daylight_saving(self, now: str, when: str, due: str, talk: Make) -> None:
        at = talk(REMIND.replace("ZONE", "zone: Europe/Madrid").replace("WHEN", when))
        at.now_ms = instant_ms(now)
        at.say("remind")
        assert at.timers["sms/0/wait"].due_ms == instant_ms(due)
        assert at.wait("3d") == ["Now."]
