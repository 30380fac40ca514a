"""``migrate``: people inside a flow move to its new version at their next event."""

from collections.abc import Callable

from vaiven.model.effects import Call, Recorded
from vaiven.testing.talk import Talk, flows_of

Make = Callable[..., Talk]

OLD = """
flow: f
version: 1
starts: [{keyword: go}]
steps:
  name: {ask: "Name?", as: text, after: {10m: {say: Hello?}, 1h: gone}}
  find: {call: find, fail: gone}
  rest: {wait: 2h}
  age: {ask: "Age?", as: integer}
  done: {end: "Old {name}."}
  gone: {end: "Gone."}
"""
NEW = """
flow: f
version: 2
starts: [{keyword: go}]
steps:
  who: {ask: "Who?", as: text, after: {10m: {say: Who then?}, 2h: gone}}
  search: {call: find, fail: gone}
  note: {say: "We changed."}
  city: {ask: "City?", as: text}
  done: {end: "New {who}, {city}."}
  gone: {end: "Gone."}
migrate: {name: who, find: search, rest: note, age: city}
"""
NEWS = "{flow: news, starts: [{keyword: news}], steps: {t: {ask: Years?, as: integer}, e: {end: 'No {t}.'}}}"


def inside(talk: Make, *words: str) -> Talk:
    at = talk(OLD, NEWS)
    for word in words:
        at.say(word)
    return at


def move(at: Talk) -> Talk:
    return at.with_flows(flows_of(NEW, NEWS, older=[OLD]))


def test_an_answer_to_the_old_question_answers_the_new_one(talk: Make) -> None:
    at = move(inside(talk, "go"))
    assert at.say("Ola") == []
    assert at.session.top.answers == {"who": {"value": "Ola", "raw": "Ola"}}
    assert at.session.top.step == "search"


def test_nobody_moves_before_their_next_event(talk: Make) -> None:
    at = inside(talk, "go")
    before = at.session
    move(at)
    assert at.session == before


def test_timers_that_both_have_go_on_and_others_begin_or_end(talk: Make) -> None:
    at = inside(talk, "go")
    at.wait("5m")
    move(at)
    at.say("")
    assert at.wait("5m") == ["Who then?"]
    assert sorted(at.timers) == ["sms/0/2h"]
    assert at.wait("2h") == ["Gone."]


def test_a_timer_is_an_event_too(talk: Make) -> None:
    at = move(inside(talk, "go"))
    assert at.wait("10m") == ["Who then?"]
    assert at.session.top.step == "who"


def test_a_call_under_way_is_not_made_again(talk: Make) -> None:
    at = move(inside(talk, "go", "Ola"))
    call = at.calls[0]
    at.say("hello?")
    assert at.session.top.step == "search"
    assert not [effect for effect in at.effects if isinstance(effect, Call)]
    assert at.answer_to(call, {}) == ["We changed.", "City?", "New Ola, hello?."]


def test_the_answer_of_one_call_is_none_of_another(talk: Make) -> None:
    at = inside(talk, "go", "Ola")
    call = at.calls[0]
    at.with_flows(flows_of(NEW.replace("call: find", "call: seek"), NEWS, older=[OLD]))
    at.answer_to(call, {})
    assert at.session.top.step == "search"
    assert [each.request.name for each in at.calls] == ["seek"]
    assert at.answer({}) == ["We changed.", "City?"]


def test_a_step_of_another_kind_is_entered(talk: Make) -> None:
    at = inside(talk, "go", "Ola")
    at.answer({})
    move(at)
    assert at.say("hello?") == ["We changed.", "City?"]
    assert Recorded("unanswered", "moved") in at.effects
    assert not at.timers


def test_a_paused_frame_moves_when_it_comes_back_on_top(talk: Make) -> None:
    at = inside(talk, "go", "Ola")
    at.answer({})
    at.wait("2h")
    at.say("news")
    move(at)
    assert at.say("3") == ["No 3.", "City?"]


def test_a_step_without_a_rule_keeps_its_version(talk: Make) -> None:
    at = inside(talk, "go")
    at.with_flows(flows_of(NEW.replace("name: who, ", ""), NEWS, older=[OLD]))
    at.say("Ola")
    assert at.session.top.step == "find"
