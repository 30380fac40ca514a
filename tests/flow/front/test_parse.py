"""Source to document: what was written is there, as values."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vaiven.flow.document import Ask, Branch, End, FlowDocument, Position, Say, Set, Tally
from vaiven.flow.load import load_flow
from vaiven.flow.parse import parse
from vaiven.flow.source import read_source
from vaiven.flow.templates import Locale

VOTE = Path(__file__).parents[3] / "flows" / "tv_vote" / "vote.flow.yaml"


def document(text: str) -> FlowDocument:
    found, problems = parse(read_source(text, "x.flow.yaml"))
    assert problems == []
    assert found is not None
    return found


def steps(text: str) -> FlowDocument:
    lines = "".join(f"  {line}\n" for line in text.strip("\n").splitlines())
    return document(f"flow: demo\nsteps:\n{lines}")


def verb_of(text: str, kind: type):
    verb = steps(text).steps[0].verb
    assert isinstance(verb, kind)
    return verb


def test_the_tv_vote_is_read_whole():
    flow = document(VOTE.read_text("utf-8"))
    assert (flow.name, flow.version, flow.lang) == ("tv-vote", 4, "en")
    assert [step.name for step in flow.steps] == ["pick", "count", "thanks", "maxed", "lost", "early", "late", "bye"]
    assert [(start.kind, start.words, start.rest, start.step) for start in flow.starts] == [
        ("keyword", ("vote", "v"), "pick", None),
        ("answer", (), None, "pick"),
    ]
    pick, count, thanks = (step.verb for step in flow.steps[:3])
    assert isinstance(pick, Ask)
    assert next((choice.id, choice.label.source, choice.also) for choice in pick.answer.choices) == (
        "anna",
        "Anna & Luca",
        ("anna", "luca"),
    )
    assert pick.retry is not None
    assert len(pick.retry) == 2
    assert pick.otherwise is not None
    assert pick.otherwise.go == "lost"
    assert isinstance(count, Tally)
    assert count.cap is not None
    assert count.cap.names == {"params.max_votes"}
    assert isinstance(thanks, Say)
    assert thanks.parts[1].condition is not None
    assert flow.steps[2].message_class == "receipt"
    assert flow.steps[2].then is not None
    assert flow.steps[2].then.routes[0].quiet
    assert flow.steps[7].verb == End(None, "idle")
    assert flow.window is not None
    assert (flow.window.early, flow.window.late) == ("early", "late")
    assert flow.commands[0].back
    assert flow.params == {"max_votes": 10}


@pytest.mark.parametrize(
    ("written", "delay_ms"),
    [
        ("45s", 45_000),
        ("30m", 1_800_000),
        ("1h30m", 5_400_000),
        ("2d", 172_800_000),
        ("1w", 604_800_000),
        ("1w2d3h4m5s", 788_645_000),
    ],
)
def test_durations_are_milliseconds(written, delay_ms):
    (timer,) = steps(f"who: {{ask: Who, as: text, after: {{{written}: bye}}}}\nbye: {{end: Bye}}").steps[0].after
    assert (timer.name, timer.delay_ms, timer.idle, timer.route.go) == (written, delay_ms, False, "bye")


def test_an_idle_timer_and_a_timer_that_only_says_something():
    timers = steps("who: {ask: Who, as: text, after: {idle 30m: bye, 1h: {say: Hello?}}}\nbye: {end: Bye}").steps[0].after
    assert [(timer.name, timer.idle, timer.route.go, len(timer.route.say)) for timer in timers] == [
        ("idle 30m", True, "bye", 0),
        ("1h", False, None, 1),
    ]


def then_of(written: str, before: str = "say: Hi"):
    found = steps(f"one: {{{before}, then: {written}}}\ntwo: {{end: Bye}}").steps[0].then
    assert found is not None
    return found


def test_then_is_a_name():
    assert [route.go for route in then_of("two").routes] == ["two"]


def test_then_is_a_route():
    (route,) = then_of("{go: two, if: 1 < 2, say: Hm, quiet: true}").routes
    assert (route.go, route.quiet, route.say[0].text.source) == ("two", True, "Hm")
    assert route.condition is not None
    assert route.condition.evaluate({}) is True


def test_then_is_a_list_of_routes():
    assert [(route.go, route.condition is None) for route in then_of("[{if: 1 > 2, go: one}, two]").routes] == [
        ("one", False),
        ("two", True),
    ]


def test_then_is_a_map_of_outcomes():
    then = then_of("{accept: two, decline: [{if: 1 > 2, go: one}, {go: two}], else: one}", "ask: Sure, as: confirm")
    assert {outcome: [route.go for route in routes] for outcome, routes in then.outcomes.items()} == {
        "accept": ["two"],
        "decline": ["one", "two"],
    }
    assert [route.go for route in then.otherwise] == ["one"]


def test_a_step_with_outcomes_may_have_one_route_for_all():
    assert [route.go for route in then_of("{go: two}", "ask: Sure, as: confirm").routes] == ["two"]


def test_answers_of_every_type():
    assert verb_of("a: {ask: Q, as: text}", Ask).answer.kind == "text"
    text = verb_of('a: {ask: Q, as: {text: {min: 2, max: 40, pattern: "[A-Z]+", fold: upper, media: image}}}', Ask).answer
    assert (text.min.evaluate({}), text.max.evaluate({}), text.pattern, text.fold, text.media) == (
        2,
        40,
        "[A-Z]+",
        "upper",
        ("image",),
    )
    whole = verb_of("a: {ask: Q, as: {integer: {min: 1 + 1}}}", Ask).answer
    assert (whole.kind, whole.min.evaluate({}), whole.max) == ("integer", 2, None)
    assert verb_of("a: {ask: Q, as: confirm}", Ask).answer.kind == "confirm"


def test_choices_may_be_written_short():
    choices = verb_of("a: {ask: Q, choices: {red: Red!, blue: {also: [2, no]}, green: {label: 7, go: a}}}", Ask).answer.choices
    assert [(choice.id, choice.label.source, choice.also, choice.go) for choice in choices] == [
        ("red", "Red!", (), None),
        ("blue", "blue", ("2", "no"), None),
        ("green", "7", (), "a"),
    ]


def test_the_keys_of_ask():
    ask = verb_of(
        "a: {ask: [Q, {if: 1 < 2, text: R}], as: {integer: {max: 3}}, save: n, hint: H, retry: [], else: {go: a, quiet: true},"
        " reject: {max: a}, skip: 1 > 2, stale: accept, interruptible: false}",
        Ask,
    )
    assert [part.text.source for part in ask.question] == ["Q", "R"]
    assert (ask.save, ask.retry, ask.stale, ask.interruptible) == ("n", (), "accept", False)
    assert ask.otherwise.quiet
    assert ask.reject["max"].go == "a"
    assert ask.skip.evaluate({}) is False


def test_what_is_absent_has_its_default():
    ask = verb_of("a: {ask: Q, as: text}", Ask)
    assert (ask.save, ask.hint, ask.retry, ask.otherwise, ask.skip, ask.stale, ask.interruptible) == (
        None,
        None,
        None,
        None,
        None,
        "explain",
        True,
    )


def test_set_and_branch():
    assert [
        (name, value.evaluate({"n": 1}))
        for name, value in verb_of("a: {set: {n: n + 1, ok: true, who: \"'Ola'\", off: null}}", Set).values
    ] == [
        ("n", 2),
        ("ok", True),
        ("who", "Ola"),
        ("off", None),
    ]
    assert [route.go for route in verb_of("a: {branch: [{if: 1 > 2, go: b}, a]}", Branch).routes] == ["b", "a"]


def test_a_number_without_quotes_keeps_its_type_where_a_value_is_meant():
    tally = verb_of("a: {tally: {poll: 2026, option: a, cap: 10}}", Tally)
    assert (tally.cap.value({}), tally.poll.value({}), tally.option.value({})) == (10, 2026, "a")


def test_a_number_without_quotes_is_a_text_where_people_read_it():
    assert verb_of("a: {say: 1.50}", Say).parts[0].text.render({}, Locale()) == "1.50"


def test_enter_when_commands_and_keep():
    (step,) = steps(
        "a: {ask: Q, as: text, keep: true, class: otp, note: n, tags: [x], enter: {say: One moment, set: {n: 1}},"
        " when: {agent.joined: a, agent.left: {say: Gone}}, commands: {out: {words: [out, 9], go: a}}}"
    ).steps
    assert (step.keep, step.message_class, [part.text.source for part in step.enter]) == (True, "otp", ["One moment"])
    assert [name for name, _ in step.enter_set] == ["n"]
    assert {event: route.go for event, route in step.when.items()} == {"agent.joined": "a", "agent.left": None}
    assert (step.commands[0].words, step.commands[0].go) == (("out", "9"), "a")


def test_the_head_of_a_flow():
    flow = document(
        "flow: a_b-c\nversion: 3\nlang: pt-BR\ntitle: Yes\nchannels: [sms, whatsapp]\nparams: {list: [1, a], day: 2026-12-05}\n"
        "vars: {one: text, two: {type: integer, default: 3}, three: {scope: contact, pii: true, default: 007}}\n"
        "defaults: {retry: Again, else: bye, after: {1h: bye}}\n"
        "starts: [{payload: [a, 1]}, {fallback: true}, {keyword: v}]\nsteps: {bye: {end: Bye}}\n"
    )
    assert (flow.name, flow.version, flow.lang, flow.title, flow.channels) == ("a_b-c", 3, "pt-BR", "Yes", ("sms", "whatsapp"))
    assert flow.params == {"list": [1, "a"], "day": "2026-12-05"}
    assert [(one.type, one.default, one.scope, one.pii) for one in flow.vars.values()] == [
        ("text", None, "session", False),
        ("integer", 3, "session", False),
        ("text", "007", "contact", True),
    ]
    assert flow.default_retry is not None
    assert [text.source for text in flow.default_retry] == ["Again"]
    assert flow.default_otherwise is not None
    assert [timer.name for timer in flow.default_after] == ["1h"]
    assert [(start.kind, start.words) for start in flow.starts] == [
        ("payload", ("a", "1")),
        ("fallback", ()),
        ("keyword", ("v",)),
    ]


def test_every_name_of_a_step_is_noted_with_its_place():
    targets = steps("a: {say: Hi, then: b}\nb: {branch: [{if: 1 > 2, go: a}]}").targets
    assert [(target.name, target.key, target.at) for target in targets] == [
        ("b", "then", Position(3, 22)),
        ("a", "branch", Position(4, 32)),
    ]


def test_every_expression_and_text_is_noted_with_its_place():
    uses = steps('a: {say: "Hi {contact.name}", then: a}').uses
    assert [(use.piece.source, use.at, use.step) for use in uses] == [("Hi {contact.name}", Position(3, 13), "a")]


def test_comments_are_no_cut_texts():
    assert verb_of("a:\n  say: Hi  # a comment\n", Say).parts[0].text.source == "Hi"
    assert verb_of("a:\n  say: Hi   # a comment\n", Say).parts[0].text.source == "Hi"
    assert verb_of('a:\n  say: "Win #1" # a comment\n', Say).parts[0].text.source == "Win #1"


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_no_change_of_a_flow_file_makes_it_raise(data):
    text = VOTE.read_text("utf-8")
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(text)))
        end = min(len(text), start + data.draw(st.integers(0, 12)))
        piece = data.draw(
            st.sampled_from(
                [
                    "",
                    " ",
                    "\n",
                    "{",
                    "}",
                    "[",
                    ": ",
                    "- ",
                    "#",
                    " #",
                    '"',
                    "'",
                    "\t",
                    "*x",
                    "&x ",
                    "!t ",
                    "null",
                    "é",
                    "then: pick",
                    "0",
                    "~",
                ]
            )
        )
        text = text[:start] + piece + text[end:]
    flow, problems = load_flow(text, "x.flow.yaml", {})
    assert flow is not None or any(problem.is_error for problem in problems)
    assert [(one.line, one.column) for one in problems] == sorted((one.line, one.column) for one in problems)


@settings(max_examples=100, deadline=None)
@given(
    st.text(max_size=60),
    st.sampled_from(
        ["flow: {}\nsteps: {{a: {{say: Hi}}}}", "flow: a\nsteps:\n  a: {}", "flow: a\nsteps:\n  a:\n    ask: Q\n    {}"]
    ),
)
def test_no_text_in_a_flow_file_makes_it_raise(text, frame):
    load_flow(frame.format(text), "x.flow.yaml")
