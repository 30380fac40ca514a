"""What people do that nobody had in mind: old buttons of other sessions, flows upon flows, what no keyboard types."""

from collections.abc import Callable

from vaiven.model.effects import OptIn, OptOut, Recorded
from vaiven.testing.talk import WHATSAPP, Talk, flows_of

Make = Callable[..., Talk]

SURE = """
flow: sure
starts: [{keyword: sure}]
steps:
  ask: {ask: "Sure?", choices: {a: Aye, n: Nay}}
  done: {end: "{ask.label}!"}
"""
MAIN = """
flow: main
starts: [{keyword: main}]
steps:
  ask: {ask: "Main?", choices: {a: Aa, b: Bb}, retry: [Sorry?, Sorry?], after: {idle 10m: gone}}
  done: {end: "Main done."}
  gone: {end: "Main gone."}
"""
PICK = """
flow: pick
starts: [{keyword: pick, rest: q}]
steps:
  q: {ask: "Pick?", choices: {x: Ex, y: Why}}
  more: {ask: "More?", as: integer}
  done: {end: "{q.label}, {more}."}
"""


def frames(talk: Talk) -> list[str]:
    return [frame.flow for frame in talk.session.frames] if talk.session is not None else []


def what(talk: Talk) -> list[str]:
    return [effect.what for effect in talk.effects if isinstance(effect, Recorded)]


def test_a_button_of_an_earlier_session_does_not_answer_this_one(talk: Make) -> None:
    at = talk(SURE, capabilities=WHATSAPP)
    at.say("sure")
    old = at.shown[0].id
    at.say("nay")
    at.say("sure")
    assert at.tap_id(old, "Aye") == ["That button belongs to an earlier question.\nSure?\n[Aye]\n[Nay]"]
    assert at.tap("Nay") == ["Nay!"]


def test_a_button_of_an_earlier_interruption_does_not_answer_this_one(talk: Make) -> None:
    at = talk(MAIN, SURE, capabilities=WHATSAPP)
    at.say("main")
    at.say("sure")
    old = at.shown[-2].id
    at.say("nay")
    at.say("sure")
    assert at.tap_id(old, "Aye")[0].startswith("That button belongs to an earlier question.")
    assert frames(at) == ["main", "sure"]


def test_a_keyword_with_an_answer_to_a_flow_below_is_its_answer(talk: Make) -> None:
    at = talk(PICK, MAIN)
    at.say("pick")
    at.say("main")
    assert frames(at) == ["pick", "main"]
    assert at.say("pick why") == ["More?"]
    assert frames(at) == ["pick"]
    at.say("main")
    assert at.say("pick ex") == ["More?"]
    assert frames(at) == ["pick"]
    assert at.say("3") == ["Why, 3."]


def test_a_flow_that_was_edited_does_not_interrupt_itself(talk: Make) -> None:
    at = talk(PICK)
    at.say("pick ex")
    at.with_flows(flows_of(PICK.replace("More?", "What else?").replace("as: integer", "as: text"), older=[PICK]))
    assert at.say("pick why") == ["More?"]
    assert frames(at) == ["pick"]


def test_the_error_flow_does_not_pile_up(talk: Make) -> None:
    sorry = '{flow: sorry, starts: [{keyword: sorry}], steps: {q: {ask: "Oh?", as: integer, retry: [A?, B?]}, e: {end: "Bye."}}}'
    bad = "{flow: bad, vars: {n: integer}, starts: [{keyword: bad}], steps: {s: {set: {n: 1 / 0}}, e: {end: x}}}"
    at = talk(sorry, bad, error_flow="sorry")
    assert at.say("bad") == ["Oh?"]
    for _ in range(3):
        assert at.say("bad") == ["Something went wrong here. Please try again in a minute.", "Oh?"]
        assert frames(at) == ["sorry"]


BROKEN = """
flow: broken
lang: es
vars: {n: {type: integer, default: 0}}
starts: [{keyword: broken, rest: q}, {answer: q}]
steps:
  q: {ask: "?", choices: {x: "{1 / n}", y: Why}}
  done: {end: "{q.label}"}
"""


def test_a_flow_that_fails_does_not_take_the_words_of_another(talk: Make) -> None:
    at = talk(BROKEN, MAIN, "{flow: rest, starts: [{fallback: true}], steps: {e: {end: 'Hello, {1234.5|number}.'}}}")
    assert at.say("hello") == ["Hello, 1,234.5."]
    assert what(at) == ["expression_failed"]
    at.say("main")
    assert at.say("broken why") == ["Sorry?"]
    assert frames(at) == ["main"]


def test_silence_is_counted_anew_after_an_interruption(talk: Make) -> None:
    at = talk(MAIN, SURE)
    at.say("main")
    at.wait("9m")
    at.say("sure")
    at.wait("5m")
    assert at.say("aye")[0] == "Aye!"
    assert at.wait("9m") == []
    assert at.wait("1m") == ["Main gone."]


def test_a_hint_may_say_the_choices(talk: Make) -> None:
    at = talk(
        "{flow: f, starts: [{keyword: go}], steps: {q: {ask: 'Which?', choices: {a: Aa, b: Bb}, hint: 'One of: {choices}'}, "
        "e: {end: x}}}"
    )
    at.say("go")
    assert at.say("zzz") == ["One of:\n1 Aa\n2 Bb\nWhich?"]


def test_control_characters_are_nobodys_words(talk: Make) -> None:
    at = talk(
        "{flow: f, starts: [{keyword: go}], steps: {name: {ask: Name?, as: text}, "
        "q: {ask: 'Hi {name.raw}{message.text}?', choices: {a: Aa, b: Bb}}, e: {end: '{input}'}}}",
        capabilities=WHATSAPP,
    )
    at.say("go")
    assert at.say("O\x00la\x01\n\x1b") == ["Hi Ola\nOla\n?\n[Aa]\n[Bb]"]
    assert at.tap_id("another", "b\x00b") == ["bb"]


def test_help_that_the_provider_has_given_is_not_given_twice(talk: Make) -> None:
    at = talk(MAIN, stop_reply="provider")
    assert at.say("help", consent="help") == []
    assert at.say("help") != []
    assert not any(isinstance(effect, OptIn | OptOut) for effect in at.effects)
