"""The proofs of `check`: silent about what is right, certain about what they tell, and of one mind with the compiled machine."""

import json
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vaiven.flow.chart import BEGIN, RETURNING, state_id
from vaiven.flow.checks import check
from vaiven.flow.checks.edges import after_verb, when_done, while_waiting
from vaiven.flow.checks.kinds import SAMPLES
from vaiven.flow.checks.view import View
from vaiven.flow.compile import compile_flow
from vaiven.flow.document import Ask, Call, Split
from vaiven.flow.expressions import ExpressionError, compile_expression
from vaiven.flow.load import load_flow, load_flows
from vaiven.flow.parse import parse_all
from vaiven.flow.source import scan
from vaiven.flow.spec import BotSpec
from vaiven.flow.values import kind_of

PAGES = sorted((Path(__file__).parents[1] / "front" / "pages").glob("*.flow.yaml"))
PARAMS = {"opens": "2026-12-05T20:00Z", "closes": "2026-12-05T22:15Z"}


def codes(text: str, params=None) -> list[str]:
    return [problem.code for problem in load_flow(text.strip("\n") + "\n", "x.flow.yaml", params)[1]]


def test_the_three_flows_of_the_page_have_no_problem_together():
    files = [(page.name, page.read_text("utf-8")) for page in PAGES]
    assert len(files) == 3
    documents, problems = load_flows(files, PARAMS)
    assert [str(problem) for problem in problems] == []
    assert len(documents) == 3


# -- silence --------------------------------------------------------------------------------------------------------------

RIGHT = {
    "a value whose kind nobody knows may be anything": """
flow: x
steps:
  look: {call: {get: "https://a.example/x"}}
  sort: {branch: [{if: "look.n > 3 and look.at < now and look.c in [1, 2] and look.ok and size(look.list) > 0", go: bye}]}
  bye: {end: "{look.n + 1} {look.name}"}
""",
    "a variable without a value compares with what it may become": """
flow: x
vars: {n: integer, who: text, day: date}
steps:
  one: {ask: Name?, as: text, save: who}
  two: {ask: Day?, as: date, save: day}
  three: {set: {n: size(who)}}
  sort: {branch: [{if: "n > 3 and who != null and day > today + 3d and days_between(today, day) > 2", go: bye}]}
  bye: {end: Bye}
""",
    "moments compare with ISO texts": """
flow: x
steps:
  day: {ask: Day?, as: date}
  sort: {branch: [{if: "day == '2026-12-05' or now > '2026-12-05T20:00Z' or contact.birthday == today", go: bye}]}
  bye: {end: "{day|date}"}
""",
    "an answer that every way passes is there": """
flow: x
steps:
  name: {ask: Name?, as: text, else: oh}
  sort: {branch: [{if: size(name) > 3, go: long}, {go: short}]}
  long: {say: "{name} is long.", then: both}
  short: {say: "{name} is short."}
  both: {end: "Bye {name}"}
  oh: {end: Oh}
""",
    "an answer of a round before is there in the next": """
flow: x
starts: [{answer: pick}]
steps:
  pick: {ask: Who?, choices: {a: A, b: B}, else: bye}
  told: {say: "{pick.label}", then: {go: pick, quiet: true}}
  bye: {end: Bye}
""",
    "what is compared with null is known to be absent at times": """
flow: x
steps:
  name: {ask: Name?, as: text, skip: contact.name != null}
  hello: {say: [{if: name != null, text: "Hello {name}."}, Welcome.]}
  bye: {end: Bye}
""",
    "a subflow waits where nobody knows it": """
flow: x
steps:
  menu: {run: other, then: menu}
""",
    "a wait breaks a circle": """
flow: x
steps:
  look: {call: {get: "https://a.example/x"}, fail: rest}
  rest: {wait: 10m, then: look}
""",
    "emoji with joiners and scripts with marks hide nothing": """
flow: x
steps:
  pick: {ask: "👩‍👧 می‌خواهم", choices: {a: {label: "Анна", go: bye}, b: {label: "Ω 3", go: bye}, c: {label: "naïve", go: bye}}}
  bye: {end: Bye}
""",
    "a header that the bot fills is no secret": """
flow: x
params: {key: null}
steps:
  look: {call: {get: "https://a.example/x", headers: {Authorization: "Bearer {params.key}", X-Token-Kind: short}}}
  bye: {end: Bye}
""",
    "a command of the flow is heard at a call": """
flow: x
commands: {out: {words: [out], go: bye}}
steps:
  look: {call: {get: "https://a.example/x"}}
  bye: {end: Bye}
""",
}


@pytest.mark.parametrize("name", RIGHT)
def test_nothing_is_told(name):
    assert codes(RIGHT[name]) == []


def test_flows_that_run_each_other_between_questions_are_no_problem():
    text = "flow: {0}\nstarts: [{{keyword: {0}}}]\nsteps:\n  q: {{ask: Q, choices: {{a: {{go: more}}, b: {{go: bye}}}}}}\n"
    text += "  more: {{run: {1}}}\n  bye: {{end: Bye}}\n"
    one, two = text.format("one", "two"), text.format("two", "one")
    assert load_flows([("1.flow.yaml", one), ("2.flow.yaml", two)], {})[1] == []


# -- types ----------------------------------------------------------------------------------------------------------------

VALUES = {
    "number_": st.integers(-5, 5),
    "text_": st.sampled_from(["", "a", "3", "2026-12-05", "2026-12-05T20:00Z"]),
    "flag_": st.booleans(),
    "answer": st.integers(-5, 5),
    "word": st.sampled_from(["a", "b"]),
}
DOCUMENT = """
flow: x
vars:
  number_: {{type: integer, default: 0}}
  text_: {{type: text, default: a}}
  flag_: {{type: boolean, default: false}}
steps:
  answer: {{ask: A?, as: integer}}
  word: {{ask: W?, as: text}}
  sort: {{branch: [{{if: {condition}, go: bye}}]}}
  bye: {{end: "{{number_}} {{text_}} {{flag_}}"}}
"""
ATOMS = st.sampled_from([*VALUES, "1", "2.5", "'a'", "'2026-12-05'", "true", "1d", "[1, 2]", "null", "today", "now"])
TREES = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["+", "-", "*", "/", "%", "<", "==", ">=", "!=", "in"]), inner).map(
            lambda parts: "({} {} {})".format(*parts)
        ),
        st.tuples(st.sampled_from(["size", "lower", "round"]), inner).map(lambda parts: "{}({})".format(*parts)),
        st.tuples(inner).map(lambda parts: f"(not ({parts[0]}))"),
        inner.filter(lambda text: not text.startswith("-")).map(lambda text: f"(-({text}))"),
    ),
    max_leaves=5,
)


@settings(max_examples=150, deadline=None)
@given(TREES, st.data())
def test_an_expression_that_is_told_fails_with_every_value(text, data):
    """Every value that may be there, and null is none: `not answer` is told, for it holds only while nobody has answered."""
    told = codes(DOCUMENT.format(condition=json.dumps(text)))
    if "wrong-kind" not in told:
        return
    scope = {name: data.draw(values, label=name) for name, values in VALUES.items()}
    scope |= {"today": date(2026, 12, 5), "now": datetime(2026, 12, 5, 20, tzinfo=UTC)}
    try:
        result = compile_expression(text).evaluate(scope)
    except ExpressionError:
        return
    # Where nothing failed it was the condition as a whole that was told: no truth comes out.
    assert result is None or not isinstance(result, bool)


def test_the_samples_are_of_the_kinds_they_stand_for():
    assert all(kind_of(value) == kind for kind, value in SAMPLES.items())


# -- paths ----------------------------------------------------------------------------------------------------------------

NAMES = ("a", "b", "c", "d", "e")
TARGETS = st.sampled_from(NAMES)
ROUTES = st.lists(
    st.tuples(TARGETS, st.booleans()).map(lambda route: {"go": route[0]} | ({"if": "now > today"} if route[1] else {})),
    min_size=1,
    max_size=2,
)
STEPS = st.one_of(
    st.builds(lambda then: {"say": "Hi", "then": then}, ROUTES),
    st.just({"say": "Hi"}),
    st.builds(lambda routes: {"branch": routes}, ROUTES),
    st.builds(lambda go, other: {"ask": "Q", "choices": {"x": {"go": go}, "y": {"go": other}}, "retry": ["R"]}, TARGETS, TARGETS),
    st.builds(lambda late, no: {"ask": "Q", "as": "text", "after": {"10m": late}, "else": no}, TARGETS, TARGETS),
    st.builds(lambda yes, no: {"ask": "Q", "as": "confirm", "then": {"accept": yes, "else": no}}, TARGETS, TARGETS),
    st.builds(lambda fail: {"call": {"get": "https://a.example/x"}, "fail": fail}, TARGETS),
    st.builds(lambda go, word: {"handoff": "q", "when": {"agent.closed": go}, "after": {"1h": word}}, TARGETS, TARGETS),
    st.builds(lambda go: {"wait": "1h", "then": go}, TARGETS),
    st.builds(lambda one, two: {"split": {"x": 1, "y": 1}, "then": {"x": one, "y": two}}, TARGETS, TARGETS),
    st.just({"end": "Bye"}),
)


def all_go(ask: Ask) -> bool:
    """Whether every answer goes its own way, so that none takes what follows the step."""
    choices = ask.answer.choices
    return bool(choices) and all(choice.go for choice in choices)


@settings(max_examples=40, deadline=None)
@given(st.lists(STEPS, min_size=5, max_size=5))
def test_reach_is_that_of_the_machine(steps):
    """What the proof reaches the machine's arrows reach, and they reach no more but by an answer that cannot be given."""
    text = json.dumps({"flow": "x", "steps": dict(zip(NAMES, steps, strict=True))})

    source, _ = scan(text, "x")
    document = parse_all(source).document
    view = View(document, None)
    chart = compile_flow(document, BotSpec("x")).chart
    dead = {
        state_id(step.name)
        for step in document.steps
        if isinstance(step.verb, Split) or (isinstance(step.verb, Ask) and all_go(step.verb))
    }
    arrows: dict[str, set[str]] = {}
    closed: set[tuple[str, str]] = set()
    for state in chart.states:
        for transition in state.transitions:
            events = {str(event) for event in transition.events}
            guarded = any(spec.group.name == "COND" and not spec.is_convention for spec in transition._specs)
            if transition.target is None or events <= {"failed", "back"} or RETURNING in (state.id, transition.target.id):
                continue
            if state.id in dead and events & {"answer", "go_on"} and not guarded:
                continue
            if events <= {event for source, event in closed if source == state.id}:
                continue  # the one before it always holds
            closed |= set() if guarded else {(state.id, event) for event in events}
            arrows.setdefault(state.id, set()).add(transition.target.id)
    reached, waiting = set(), [BEGIN]
    while waiting:
        state = waiting.pop()
        if state not in reached:
            reached.add(state)
            waiting.extend(arrows.get(state, ()))
    assert {state_id(name) for name in view.reached} == {state for state in reached if state.startswith("s_")}


@settings(max_examples=60, deadline=None)
@given(st.lists(STEPS, min_size=5, max_size=5))
def test_a_circle_is_told_exactly_where_a_walk_finds_one(steps):
    """Told: from some step one can walk back to it over steps at which nobody is waited for."""

    source, _ = scan(json.dumps({"flow": "x", "steps": dict(zip(NAMES, steps, strict=True))}), "x")
    document = parse_all(source).document
    view = View(document, None)
    quick = {
        step.name
        for step in document.steps
        if not hasattr(step.verb, "answer") and type(step.verb).__name__ not in ("Wait", "Handoff")
    }
    after = {name: {to for to in view.resolved(view.steps[name], after_verb(view.steps[name])) if to in quick} for name in quick}
    reach = {name: set(after[name]) for name in quick}
    for _ in NAMES:
        for name in quick:
            reach[name] |= set().union(*(reach[to] for to in reach[name]), set())
    circles = any(name in reach[name] for name in quick)
    assert circles == ("endless" in {problem.code for problem in check(document) if problem.is_error})


@settings(max_examples=60, deadline=None)
@given(st.lists(STEPS, min_size=5, max_size=5), st.sampled_from(NAMES), st.sampled_from(NAMES))
def test_an_early_read_is_told_exactly_where_a_walk_comes_without_the_answer(steps, asked, reading):

    if asked == reading:
        return
    named = dict(zip(NAMES, steps, strict=True))
    named[asked] = {"ask": "Q", "as": "text", "else": "a"}
    named[reading] = {"say": f"{{{asked}}}", "then": named[reading].get("then", "a")}
    if isinstance(named[reading]["then"], dict):
        named[reading]["then"] = "a"
    source, _ = scan(json.dumps({"flow": "x", "steps": named}), "x")
    document = parse_all(source).document
    view = View(document, None)
    without, waiting = set(), [("a", False)]
    while waiting:
        name, given_ = waiting.pop()
        if (name, given_) in without:
            continue
        without.add((name, given_))
        step = view.steps[name]
        done = view.resolved(step, when_done(step))
        others = view.resolved(step, while_waiting(document, step))
        if isinstance(step.verb, Call):
            others = [*others, *(set(view.resolved(step, after_verb(step))) - set(done)), step.verb.fail.go]
        waiting += [(to, given_ or name == asked) for to in done] + [(to, given_) for to in others]
    told = "read-too-early" in {problem.code for problem in check(document)}
    assert told == ((reading, False) in without)
