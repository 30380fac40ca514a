"""Calls: what is asked for, what its answer does, and what else may happen meanwhile."""

import json
from collections.abc import Callable

import pytest

from vaiven.flow.expressions import ExpressionError
from vaiven.flow.requests import url_of
from vaiven.flow.templates import compile_template
from vaiven.model.calls import ActionCall, HttpCall
from vaiven.model.effects import Call, Recorded, Send, StartTimer, Tell
from vaiven.testing.talk import Refused, Talk, flows_of

Make = Callable[..., Talk]

SORRY = "Something went wrong here. Please try again in a minute."
API = "https://api.example/v1"


def flow(call: str, more: str = "", ask: str = "as: text") -> str:
    return f"""
flow: f
starts: [{{keyword: go}}]
params: {{api: "{API}"}}
vars: {{n: {{type: integer, default: 4}}, gone: {{type: text}}}}
steps:
  q: {{ask: "Q?", {ask}}}
  c:
    call: {call}
    {more or "note: none"}
    fail: lost
  done: {{end: "Done {{c.code}}.", outcome: done}}
  lost: {{end: "Lost: {{result.reason}} {{result.status}}.", outcome: lost}}
"""


def call_of(talk: Talk) -> Call:
    (call,) = [effect for effect in talk.effects if isinstance(effect, Call)]
    return call


def asked(talk: Talk, text: str, words: str = "a b/c?d") -> HttpCall:
    at = talk(text)
    at.say("go")
    at.say(words)
    request = call_of(at).request
    assert isinstance(request, HttpCall)
    return request


def what(talk: Talk) -> list[tuple[str, str]]:
    return [(effect.what, effect.detail) for effect in talk.effects if isinstance(effect, Recorded)]


# ---- the request


def test_values_in_a_url_are_percent_encoded(talk: Make) -> None:
    request = asked(
        talk, flow('{get: "{params.api}/x/{q}?y={q}", query: {day: "{q}", n: "{n}", none: "{gone}", list: "{params.api}"}}')
    )
    assert request.method == "GET"
    assert request.url == (
        "https://api.example/v1/x/a%20b%2Fc%3Fd?y=a%20b%2Fc%3Fd&day=a%20b%2Fc%3Fd&n=4&list=https%3A%2F%2Fapi.example%2Fv1"
    )
    assert (request.headers, request.body) == ((), None)


@pytest.mark.parametrize("words", ["..", "."])
def test_a_value_cannot_climb_up_the_path(words: str, talk: Make) -> None:
    at = talk(flow('{get: "{params.api}/x/{q}"}'))
    at.say("go")
    assert at.say(words) == ["Lost: request ."]
    assert ("expression_failed", "f/c") in what(at)
    assert not at.calls


@pytest.mark.parametrize("url", ["https://{q}/x", "{q}", "https://api.example{q}", "https://{params.sub}.{q}/"])
def test_scheme_and_host_come_only_from_params(url: str) -> None:
    scope = {"q": "evil.example", "params": {"sub": "a"}}
    with pytest.raises(ExpressionError, match="only from params"):
        url_of(compile_template(url), scope)


def test_params_are_the_scheme_and_host() -> None:
    scope = {"q": "x", "params": {"api": "https://api.example", "sub": "a"}}
    assert url_of(compile_template("{params.api}/{q}"), scope) == "https://api.example/x"
    assert url_of(compile_template("https://{params.sub}.example/{q}#{q}"), scope) == "https://a.example/x#x"


def test_json_leaves_that_are_one_value_keep_its_type(talk: Make) -> None:
    text = flow(
        '{post: "{params.api}/x", json: {n: "{n}", said: "{q}", mixed: "{n} {q}", none: "{gone}", list: ["{n}", 1, true]}}'
    )
    request = asked(talk, text, "Ola")
    assert json.loads(request.body or b"") == {"n": 4, "said": "Ola", "mixed": "4 Ola", "none": None, "list": [4, 1, True]}
    assert request.headers == (("Content-Type", "application/json"),)


def test_a_header_cannot_be_split(talk: Make) -> None:
    text = flow('{post: "{params.api}/x", headers: {X-Who: "{q}"}}')
    assert asked(talk, text, "Ola").headers == (("X-Who", "Ola"),)
    at = talk(text)
    at.say("go")
    assert at.say("Ola\nX-Admin: 1") == ["Lost: request ."]


def test_an_action_is_given_its_arguments(talk: Make) -> None:
    at = talk(
        flow(
            "desk.find", 'with: {who: "{q}", n: "{n}"}\n    retries: 2\n    timeout: 5s\n    key: "{session.id}:{session.visit}"'
        )
    )
    at.say("go")
    at.say("Ola")
    call = call_of(at)
    assert call.request == ActionCall("desk.find", {"who": "Ola", "n": 4})
    assert (call.step, call.visit, call.timeout_ms, call.retries) == ("c", 2, 5_000, 2)
    assert call.key == f"{at.session.id}:2"


def test_its_guard_outlasts_every_attempt(talk: Make) -> None:
    at = talk(flow("desk.find", "retries: 2\n    timeout: 5s"))
    at.say("go")
    at.say("Ola")
    (timer,) = [effect for effect in at.effects if isinstance(effect, StartTimer)]
    assert (timer.key, timer.due_ms - at.now_ms) == ("sms/0/call", 3 * 35_000)
    assert at.wait("2m") == ["Lost: timeout 0."]


def test_a_resource_is_told_and_answers(talk: Make) -> None:
    at = talk(
        flow('{resource: slots, of: "{q}", do: reserve}', 'with: {n: "{n}"}\n    then: [{if: result.word == "full", go: lost}]')
    )
    at.say("go")
    at.say("2026-12-24")
    (told,) = [effect for effect in at.effects if isinstance(effect, Tell)]
    assert (told.home, told.name, told.data) == ("res:talk/slots/2026-12-24", "reserve", {"n": 4})
    assert (told.session, told.step, told.visit) == (at.session.id, "c", 2)
    assert at.answer({"word": "reserved", "code": "K7"}) == ["Done K7."]


def test_what_a_resource_says_unasked_is_an_event(talk: Make) -> None:
    at = talk("{flow: f, starts: [{keyword: go}], steps: {q: {ask: Q?, as: text, when: {slots.freed: e}}, e: {end: 'Free.'}}}")
    at.say("go")
    assert at.happens("slots.freed") == ["Free."]


# ---- its answer


def test_the_answer_is_result_in_its_routes_and_stays_under_the_steps_name(talk: Make) -> None:
    at = talk(flow("find", "then: [{if: size(result.list) > 1, go: done}, {go: lost}]"))
    at.say("go")
    at.say("x")
    assert at.answer({"list": [1, 2], "code": "K7", "value": 9}) == ["Done K7."]


@pytest.mark.parametrize("result", [None, 7, "text", [1], {"value": 1}, True])
def test_any_json_is_an_answer(result: object, talk: Make) -> None:
    at = talk(flow("find").replace("Done {c.code}.", "{size(params.api)}"))
    at.say("go")
    at.say("x")
    assert at.answer(result) == ["22"]


def test_a_scalar_is_there_as_the_step(talk: Make) -> None:
    at = talk(flow("find").replace("{c.code}", "{c}"))
    at.say("go")
    at.say("x")
    assert at.answer(7) == ["Done 7."]


def test_a_failure_says_why_and_without_fail_is_the_error_transition(talk: Make) -> None:
    at = talk(flow("find").replace("{result.status}", "{result.status} {result.body.error}"))
    at.say("go")
    at.say("x")
    assert at.answer({"error": "no such table"}, reason="http 404", status=404) == ["Lost: http 404 404 no such table."]
    assert ("call_failed", "f/c http 404") in what(at)
    bare = talk(flow("find").replace("    fail: lost\n", ""))
    bare.say("go")
    bare.say("x")
    assert bare.answer(reason="unknown") == [SORRY]


def test_a_mock_answers_at_once(talk: Make) -> None:
    at = talk(flow('{get: "{params.api}/x"}'))
    at.mocks = {"GET https://api.example/*": {"code": "K7"}}
    at.say("go")
    assert at.say("x") == ["Done K7."]
    at.mocks = {"GET https://api.example/*": Refused()}
    at.say("go")
    assert at.say("x") == ["Lost: http 503 503."]


# ---- meanwhile


def test_commands_and_buttons_work_and_what_was_held_before_one_that_leaves_is_only_recorded(talk: Make) -> None:
    at = talk(flow("find", "commands: {skip: {words: [skip], go: lost}, what: {words: [what], say: Looking., back: true}}"))
    at.say("go")
    at.say("x")
    assert at.say("what") == ["Looking."]
    assert at.say("nonsense") == []
    assert at.tap_id("f/q/1:a", "A") == ["That button belongs to an earlier question."]
    assert at.say("skip") == ["Lost:  ."]
    assert what(at) == [("unanswered", "held")]
    assert at.answer({}) == []


def test_back_leaves_it_and_its_answer_comes_too_late(talk: Make) -> None:
    at = talk(flow("find"))
    at.say("go")
    at.say("x")
    assert at.say("back") == ["Q?"]
    assert at.answer({"code": "K7"}) == []
    assert what(at) == [("stale_answer", "")]


def test_a_flow_put_on_top_is_not_cut_short_by_the_answer(talk: Make) -> None:
    faq = "{flow: faq, steps: {q: {ask: What?, as: text}, e: {end: '42.'}}}"
    at = talk(flow("find", "commands: {faq: {words: [faq], run: faq}}"), faq)
    at.say("go")
    at.say("x")
    at.say("held")
    assert at.say("faq") == ["What?"]
    assert at.answer({"code": "K7"}) == []
    assert at.say("the answer")[:2] == ["42.", "Done K7."]
    assert at.session is None


def test_held_messages_are_judged_by_their_own_time(talk: Make) -> None:
    at = talk("""
flow: f
starts: [{keyword: go}]
window: {to: "2026-12-06T12:02Z", late: late}
steps:
  c: {call: find, timeout: 5m}
  q: {ask: "Q?", choices: {a: Aa, b: Bb}}
  t: {tally: {poll: p, option: "{q.id}"}, then: {counted: ok, capped: ok, closed: late}}
  ok: {end: Counted.}
  late: {end: Late.}
""")
    at.say("go")
    at.wait("1m")
    at.say("a")
    at.wait("2m")
    assert at.answer({}) == ["Q?\n1 Aa\n2 Bb", "Counted."]


def test_a_photo_is_held_too(talk: Make) -> None:
    at = talk("{flow: f, starts: [{keyword: go}], steps: {c: {call: find}, q: {ask: Photo?, as: media}, e: {end: Nice.}}}")
    at.say("go")
    assert at.show() == []
    assert at.answer({}) == ["Photo?", "Nice."]


def test_an_interrupted_turn_saves_what_it_held(talk: Make) -> None:
    at = talk(flow("find"))
    for word in ("go", "x", "one", "two"):
        at.say(word)
    assert [event.body.text for event in at.session.held] == ["one", "two"]
    assert all(event.body.raw == b"" for event in at.session.held)
    assert not any(isinstance(effect, Send) for effect in at.effects)


def test_back_does_not_lead_to_what_was_offered_from_a_call_that_is_made_again() -> None:
    flow = """
flow: slots
starts: [{keyword: book}]
steps:
  day: {ask: "Which day?", as: text}
  slots: {call: desk.slots, with: {day: "{day}"}, fail: lost}
  time: {ask: "Which time?", choices: {each: slots.times, id: "{item}", label: "{item}"}}
  sure:
    ask: Sure?
    choices: {again: {label: Another time, go: slots}, done: {label: Done, go: done}}
  done: {end: "{time.label}.", outcome: done}
  lost: {end: Lost., outcome: lost}
"""
    talk = Talk(flows_of(flow))
    talk.say("book")
    talk.say("friday")
    talk.answer({"times": ["9:00", "10:00"]})
    talk.say("1")
    assert talk.say("another time") == []
    assert talk.say("back") == ["Sure?\n1 Another time\n2 Done"]
    assert talk.say("back") == ["Which day?"]


def test_choices_without_a_name_are_left_out_and_none_at_all_is_an_error() -> None:
    flow = """
flow: slots
starts: [{keyword: book}]
steps:
  slots: {call: desk.slots, fail: lost}
  time: {ask: "Which time?", choices: {each: slots.times, id: "{item.id}", label: "{item.name}"}}
  done: {end: "{time.label}.", outcome: done}
  lost: {end: Lost., outcome: lost}
"""
    times = [{"id": "a", "name": " "}, {"id": None, "name": "Noon"}, {"id": "b", "name": "Nine"}]
    talk = Talk(flows_of(flow))
    talk.say("book")
    assert talk.answer({"times": times}) == ["Which time?\n1 Nine"]
    assert Recorded("choices_left_out", "slots/time") in talk.effects
    none = Talk(flows_of(flow))
    none.say("book")
    assert none.answer({"times": []}) == ["Something went wrong here. Please try again in a minute."]
    assert none.session is None
