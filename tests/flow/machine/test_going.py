"""How a talk moves: routes, interrupts, BACK, variables, failures, loops."""

from collections.abc import Callable

import pytest

from vaiven.flow.step import Words
from vaiven.model.contacts import Contact
from vaiven.model.effects import CancelTimer, End, Recorded, Send, StartTimer
from vaiven.model.errors import SettingsError
from vaiven.model.messages import MessageClass
from vaiven.model.urns import Urn
from vaiven.testing.talk import SMS, WHATSAPP, Talk, flows_of

Make = Callable[..., Talk]


def recorded(talk: Talk) -> list[tuple[str, str]]:
    return [(effect.what, effect.detail) for effect in talk.effects if isinstance(effect, Recorded)]


# ---- routes


ROUTES = """
flow: routes
starts: [{keyword: go}]
vars: {n: {type: integer, default: 0}, mood: {type: text}}
steps:
  count: {set: {n: n + 1}}
  which:
    branch:
      - {if: n > 2, go: done}
      - {if: n == 2, say: "Twice now.", set: {mood: "'good'"}, go: sure}
  first: {say: ["Hello", {if: n == 1, text: "once"}, {if: n == 5, text: "never"}], class: notice, then: sure}
  sure:
    ask: "Sure?"
    as: confirm
    enter: {say: "Now."}
    then: {accept: count, decline: {go: done, say: "Pity."}}
  done: {end: "n {n} mood {mood}.", outcome: done}
"""


def test_branches_sets_parts_and_outcomes(talk: Make) -> None:
    at = talk(ROUTES)
    assert at.say("go") == ["Hello\nonce", "Now.", "Sure?"]
    assert next(effect for effect in at.effects if isinstance(effect, Send)).message_class is MessageClass.NOTICE
    assert at.say("yes") == ["Twice now.", "Now.", "Sure?"]
    assert at.session is not None
    assert at.session.top.vars == {"n": 2, "mood": "good"}
    assert at.say("yep") == ["n 3 mood good."]


def test_a_route_says_on_its_way(talk: Make) -> None:
    at = talk(ROUTES)
    at.say("go")
    assert at.say("no") == ["Pity.", "n 1 mood ."]


def test_apart_sends_each_part(talk: Make) -> None:
    at = talk("{flow: f, starts: [{keyword: go}], steps: {a: {say: [One, Two], apart: true}, e: {end: '', outcome: x}}}")
    assert at.say("go") == ["One", "Two"]


def test_falling_off_the_last_step_is_done(talk: Make) -> None:
    at = talk("{flow: f, starts: [{keyword: go}], steps: {a: {say: One}}}")
    assert at.say("go") == ["One"]
    assert at.effects[-1] == End("f", "done")
    assert at.session is None


def test_a_choice_goes_its_own_way_before_then(talk: Make) -> None:
    at = talk("""
flow: f
starts: [{keyword: go}]
steps:
  a: {ask: "?", choices: {x: {label: Ex, go: ex}, y: Why}, then: other}
  ex: {end: ex, outcome: ex}
  other: {end: other, outcome: other}
""")
    at.say("go")
    assert at.say("ex") == ["ex"]
    at.say("go")
    assert at.say("why") == ["other"]


def test_skip_does_not_ask_what_is_known(talk: Make) -> None:
    text = """
flow: f
starts: [{keyword: go}]
vars: {guest: {type: text, scope: contact, pii: true}}
steps:
  name: {ask: "Name?", as: text, save: guest, skip: guest != null}
  hi: {end: "Hi {guest}.", outcome: hi}
"""
    at = talk(text)
    assert at.say("go") == ["Name?"]
    assert at.say("Ola") == ["Hi Ola."]
    assert at.contact.vars == {"guest": "Ola"}
    assert at.say("go") == ["Hi Ola."]


def test_bot_params_win_over_the_flows(talk: Make) -> None:
    text = "{flow: f, params: {a: 1, b: 2}, starts: [{keyword: go}], steps: {e: {end: '{params.a} {params.b}', outcome: x}}}"
    assert talk(text, params={"b": 3}).say("go") == ["1 3"]


def test_dynamic_labels_are_answers_too(talk: Make) -> None:
    at = talk(
        "{flow: f, params: {a: Rio}, starts: [{keyword: go}], steps: {q: {ask: '?', choices: {r: '{params.a}', o: Oslo}}, "
        "e: {end: '{q.label} {q.id} {q}', outcome: x}}}"
    )
    assert at.say("go") == ["?\n1 Rio\n2 Oslo"]
    assert at.say("rio") == ["Rio r r"]


# ---- interrupts

TWO = """
flow: two
starts: [{keyword: two}]
steps:
  ask: {ask: "Two?", as: integer, retry: [Again?, Again?], after: {10m: gone}}
  done: {end: "Two done.", outcome: done}
  gone: {end: "Two gone.", outcome: gone}
"""
MAIN = """
flow: main
starts: [{keyword: main}]
steps:
  ask: {ask: "Main?", choices: {a: Aa, b: Bb}, retry: [Sorry?, Sorry?], after: {30m: gone}, interruptible: OPEN}
  done: {end: "Main done.", outcome: done}
  gone: {end: "Main gone.", outcome: gone}
"""


def interruptible(word: str) -> str:
    return MAIN.replace("OPEN", word)


@pytest.fixture
def main(talk: Make) -> Talk:
    at = talk(interruptible("true"), TWO)
    at.say("main")
    at.say("zzzz")
    at.wait("12m")
    return at


def test_an_interrupt_pushes_a_frame_and_pauses_its_timers(main: Talk) -> None:
    assert main.say("two") == ["Two?"]
    assert main.session is not None
    assert [(frame.flow, frame.tries, frame.paused) for frame in main.session.frames] == [
        ("main", 1, {"30m": 18 * 60_000}),
        ("two", 0, {}),
    ]
    assert [effect.key for effect in main.effects if isinstance(effect, CancelTimer)] == ["sms/0/30m"]


def test_resuming_asks_the_question_again_tries_unchanged_timers_resumed(main: Talk) -> None:
    main.say("two")
    assert main.say("2") == ["Two done.", "Main?\n1 Aa\n2 Bb"]
    assert main.session is not None
    assert len(main.session.frames) == 1
    assert main.session.top.tries == 1
    assert main.session.top.paused == {}
    assert [(effect.key, effect.due_ms - main.now_ms) for effect in main.effects if isinstance(effect, StartTimer)] == [
        ("sms/0/30m", 18 * 60_000)
    ]
    assert main.wait("18m") == ["Main gone."]


def test_a_timer_of_the_interrupt_resumes_too(main: Talk) -> None:
    main.say("two")
    assert main.wait("10m") == ["Two gone.", "Main?\n1 Aa\n2 Bb"]


def test_an_interrupt_needs_the_whole_message(main: Talk) -> None:
    assert main.say("two please") == ["Sorry?"]


def test_a_step_may_refuse_interrupts(talk: Make) -> None:
    at = talk(interruptible("false"), TWO)
    at.say("main")
    assert at.say("two") == ["Sorry?"]


def test_a_keyword_of_a_flow_below_returns_to_it(main: Talk) -> None:
    main.say("two")
    assert main.say("main") == ["Main?\n1 Aa\n2 Bb"]
    assert main.session is not None
    assert [frame.flow for frame in main.session.frames] == ["main"]
    assert End("two", "left") in main.effects


def test_an_interrupt_with_rest_needs_an_exact_answer(vote_flows: object, talk: Make) -> None:
    rest = (
        "{flow: pick, starts: [{keyword: pick, rest: q}], "
        "steps: {q: {ask: '?', choices: {x: Ex, y: Why}}, e: {end: '{q.label}!', outcome: x}}}"
    )
    at = talk(interruptible("true"), rest)
    at.say("main")
    assert at.say("pick exx") == ["Sorry?"]
    assert at.say("pick why") == ["Why!", "Main?\n1 Aa\n2 Bb"]


def test_stop_ends_every_frame(main: Talk) -> None:
    main.say("two")
    main.say("stop")
    assert [effect for effect in main.effects if isinstance(effect, End)] == [End("two", "opted_out"), End("main", "opted_out")]
    assert main.session is None
    assert not main.timers


# ---- BACK

BACK = """
flow: back
starts: [{keyword: go}]
vars: {n: {type: integer}}
steps:
  one: {ask: "One?", as: text, KEEP}
  two: {ask: "Two?", as: integer, save: n, skip: n != null}
  say: {say: "Now three."}
  three: {ask: "Three?", as: text}
  done: {end: "{one} {two} {three}", outcome: done}
"""


def test_back_returns_to_the_last_question_even_if_it_would_be_skipped(talk: Make) -> None:
    at = talk(BACK.replace("KEEP", "hint: x"))
    at.say("go")
    at.say("a")
    assert at.say("2") == ["Now three.", "Three?"]
    assert at.say("Back") == ["Two?"]
    assert at.session is not None
    assert at.session.top.vars == {}
    assert "two" not in at.session.top.answers
    assert at.say("back") == ["One?"]
    assert at.say("back") == ["One?"]
    assert at.say("b") == ["Two?"]
    at.say("3")
    assert at.say("c") == ["b 3 c"]


def test_back_does_not_undo_what_is_kept(talk: Make) -> None:
    at = talk(BACK.replace("KEEP", "keep: true"))
    at.say("go")
    at.say("a")
    assert at.say("back") == ["Two?"]


def test_back_does_not_undo_a_vote(talk: Make) -> None:
    at = talk("""
flow: f
starts: [{keyword: go}]
steps:
  a: {ask: "A?", choices: {x: Ex}}
  t: {tally: {poll: p, option: "{a.id}"}, then: {counted: b, capped: b, closed: b}}
  b: {ask: "B?", as: text}
  e: {end: bye, outcome: e}
""")
    at.say("go")
    at.say("1")
    assert at.say("back") == ["B?"]
    assert at.contact.votes == {"p": 1}


# ---- failures


def test_a_failing_text_is_the_bots_error_text_recorded(talk: Make) -> None:
    at = talk(
        "{flow: f, starts: [{keyword: go}], vars: {n: {type: integer}}, steps: {a: {say: '{1 / 0}'}, b: {ask: 'B?', as: text}}}",
        words=Words(error="Oops."),
    )
    assert at.say("go") == ["Oops.", "B?"]
    assert recorded(at) == [("text_failed", "f/a")]


GUARD = """
flow: f
starts: [{keyword: go}]
steps:
  a: {branch: [{if: 1 / 0 > 1, go: b}, {go: b}]}
  b: {end: B, outcome: b}
"""
SORRY = "{flow: sorry, steps: {q: {ask: 'Call you?', as: confirm, then: {else: e}}, e: {end: 'Noted.', outcome: noted}}}"


def test_a_failing_guard_is_the_error_transition(talk: Make) -> None:
    at = talk(GUARD, words=Words(error="Oops."))
    assert at.say("go") == ["Oops."]
    assert recorded(at) == [("expression_failed", "f/a")]
    assert End("f", "error") in at.effects
    assert at.session is None


def test_the_bots_error_flow_follows_a_failure(talk: Make) -> None:
    at = talk(GUARD, SORRY, error_flow="sorry")
    assert at.say("go") == ["Call you?"]
    assert End("f", "error") in at.effects
    assert at.session is not None
    assert [frame.flow for frame in at.session.frames] == ["sorry"]
    assert at.say("no") == ["Noted."]


def test_a_failing_bound_ends_in_the_error_transition(talk: Make) -> None:
    at = talk("{flow: f, starts: [{keyword: go}], steps: {a: {ask: 'A?', as: {integer: {max: 1 / 0}}}}}")
    at.say("go")
    assert at.say("3") == ["Something went wrong here. Please try again in a minute."]
    assert recorded(at) == [("expression_failed", "f/a")]


def test_an_endless_loop_ends_after_a_hundred_steps(talk: Make) -> None:
    at = talk(
        "{flow: f, starts: [{keyword: go}], vars: {n: {type: integer, default: 0}}, "
        "steps: {a: {set: {n: n + 1}, then: b}, b: {branch: [{go: a}]}}}"
    )
    assert at.say("go") == ["Something went wrong here. Please try again in a minute."]
    assert ("too_many_steps", "f/b") in recorded(at) or ("too_many_steps", "f/a") in recorded(at)
    assert at.session is None


def test_a_missing_param_of_the_window_is_told_at_load() -> None:
    text = "{flow: f, window: {to: '{params.closes}', late: e}, starts: [{keyword: go}], steps: {e: {end: x, outcome: x}}}"
    with pytest.raises(SettingsError, match=r"flow f: window\.to"):
        flows_of(text)
    with pytest.raises(SettingsError, match="no flow is named nobody"):
        flows_of(text, params={"closes": "2026-12-05T20:00Z"}, error_flow="nobody")
    with pytest.raises(SettingsError, match="two flows are named f"):
        flows_of(text, text, params={"closes": "2026-12-05T20:00Z"})


# ---- what goes out and what stays


def test_a_list_has_a_name_for_its_button(talk: Make) -> None:
    at = talk(
        "{flow: f, starts: [{keyword: go}], steps: {a: {ask: 'A?', choices: {a: Aa, b: Bb, c: Cc, d: Dd}}}}",
        capabilities=WHATSAPP,
    )
    assert at.say("go") == ["A?\n[Aa]\n[Bb]\n[Cc]\n[Dd]"]
    assert [effect.list_button for effect in at.effects if isinstance(effect, Send)] == ["Choose"]


def test_choices_in_the_middle_of_a_text(talk: Make) -> None:
    text = "{flow: f, starts: [{keyword: go}], steps: {a: {ask: 'Take {choices} or leave.', choices: {a: Aa, b: Bb}}}}"
    assert talk(text).say("go") == ["Take\n1 Aa\n2 Bb\nor leave."]
    assert talk(text, capabilities=WHATSAPP).say("go") == ["Take or leave.\n[Aa]\n[Bb]"]


def test_the_step_is_pure(vote: Talk) -> None:
    vote.say("vote")
    contact, session = vote.contact, vote.session
    assert session is not None
    kept = (dict(session.top.answers), dict(session.timers), dict(contact.votes))
    vote.say("1")
    assert (session.top.answers, session.timers, contact.votes) == kept


def test_a_session_id_follows_from_home_and_version(vote_flows: object, vote: Talk) -> None:
    other = Talk(vote.flows)
    third = Talk(vote.flows, contact=Contact(Urn("tel:+12025550123"), version=7))
    for at in (vote, other, third):
        at.say("vote")
    assert vote.session is not None
    assert other.session is not None
    assert third.session is not None
    assert vote.session.id == other.session.id != third.session.id
    assert len(vote.session.id) == 12


def test_a_turn_leaves_version_ring_and_last_alone(vote: Talk) -> None:
    contact = Contact(Urn("tel:+12025550123"), version=7, last=9, ring=b"r" * 14)
    at = Talk(vote.flows, SMS, contact=contact)
    at.say("1")
    assert at.last is not None
    assert (at.last.contact.version, at.last.contact.last, at.last.contact.ring) == (7, 9, contact.ring)
    assert at.last.flow == vote.flows.flow_versions()[0][1]
