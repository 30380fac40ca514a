"""The table executes what the library defines: equal states, effects and failures, on random flows and events."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from statemachine import State, StateChart
from statemachine.exceptions import InvalidDefinition

from vaiven.flow.answers import Understood
from vaiven.flow.draft import Draft
from vaiven.flow.driving import begin
from vaiven.flow.expressions import ExpressionError
from vaiven.flow.flowset import FlowSet
from vaiven.flow.table import EventNotAllowed, compile_table
from vaiven.model.contacts import Contact
from vaiven.model.events import Event
from vaiven.model.messages import InboundMessage
from vaiven.model.urns import Urn
from vaiven.testing.talk import SMS, START_MS, Talk, flows_of, read_flows

VOTE = Path(__file__).parents[3] / "flows" / "tv_vote" / "vote.flow.yaml"
OPEN = {"opens": "2026-12-05T20:00Z", "closes": "2026-12-07T22:15Z"}
HOME = Urn("tel:+12025550123")
NAMES = ["alpha", "beta", "gamma", "delta", "omega"]
CONDITIONS = ["n < 3", "n == 1", "n > 0 and n < 5", "contact.name != null", "n / (n - 1) > 1", "vars.n >= 2"]
VALUES = ["n + 1", "0", "n - 1", "1 / n"]
SUB = """
flow: sub
vars: {n: {type: integer}}
steps:
  ask: {ask: "Sub?", choices: {up: {label: Up, go: one}, down: {label: Down, go: two}}}
  one: {end: "{1 / n}", outcome: one}
  two: {end: "", outcome: two}
"""
TEXTS = ["plain", "n is {n}", "{1 / n} left", "{choices}", "{vars.n}"]

target = st.sampled_from(NAMES)


def outcome_or_step() -> Any:
    return st.one_of(target, route)


said = st.one_of(
    st.sampled_from(TEXTS[:3]),
    st.lists(
        st.fixed_dictionaries({"text": st.sampled_from(TEXTS[:3])}, optional={"if": st.sampled_from(CONDITIONS)}),
        min_size=1,
        max_size=2,
    ),
)
route = st.fixed_dictionaries(
    {"go": target},
    optional={
        "if": st.sampled_from(CONDITIONS),
        "say": st.sampled_from(TEXTS[:3]),
        "set": st.fixed_dictionaries({"n": st.sampled_from(VALUES)}),
        "quiet": st.just(True),
    },
)
then = st.one_of(target, route, st.lists(route, min_size=1, max_size=3))
common: dict[str, Any] = {
    "then": then,
    "enter": st.fixed_dictionaries({"say": st.sampled_from(TEXTS[:3])}),
    "exit": st.one_of(
        st.fixed_dictionaries({"say": st.sampled_from(TEXTS[:3])}),
        st.fixed_dictionaries({"set": st.fixed_dictionaries({"n": st.sampled_from(VALUES)})}),
    ),
    "keep": st.just(True),
}
when = st.fixed_dictionaries(
    {}, optional={"agent.joined": target, "agent_joined": target, "order.paid": st.just({"say": "Paid, {result.by}."})}
)
commands = st.fixed_dictionaries(
    {},
    optional={
        "go": st.fixed_dictionaries({"words": st.just(["skip it"]), "go": target}),
        "info": st.just({"words": ["info please"], "say": "n is {n}", "back": True}),
        "aside": st.just({"words": ["aside"], "run": "sub"}),
    },
)
after = st.fixed_dictionaries(
    {}, optional={"5m": target, "1m": st.fixed_dictionaries({"say": st.sampled_from(TEXTS[:3])}), "idle 2m": target}
)
rested: dict[str, Any] = {"enter": common["enter"], "exit": common["exit"], "after": after, "when": when, "commands": commands}
asked: dict[str, Any] = {
    **common,
    "retry": st.lists(st.sampled_from(TEXTS), max_size=2),
    "else": target,
    "skip": st.sampled_from(CONDITIONS),
    "hint": st.sampled_from(TEXTS[:3]),
    "after": after,
    "when": when,
    "commands": commands,
}
outcome = st.one_of(target, route)
standing = st.one_of(
    st.fixed_dictionaries(
        {"call": st.just("desk.find"), "with": st.just({"n": "{n}", "half": "{1 / n}"})},
        optional={
            **rested,
            "then": st.one_of(target, st.just([{"if": "result.ok", "go": "alpha"}, {"go": "beta"}])),
            "fail": outcome_or_step(),
            "retries": st.just(2),
            "meanwhile": st.one_of(st.just({"say": "Wait, {n}."}), route),
        },
    ),
    st.fixed_dictionaries(
        {"call": st.just({"get": "{params.api}/x/{n}", "query": {"q": "{1 / n}"}})},
        optional={**rested, "fail": outcome_or_step(), "key": st.just("{session.id}:{session.visit}")},
    ),
    st.fixed_dictionaries(
        {"wait": st.sampled_from(["30s", {"until": "2026-12-06 13:01"}, {"until": "{n}"}, {"event": "order.shipped"}])},
        optional={**rested, "then": then},
    ),
    st.fixed_dictionaries(
        {"run": st.sampled_from(["sub", "sub", "random"]), "with": st.just({"n": "{n}"})},
        optional={**rested, "then": st.fixed_dictionaries({"one": target}, optional={"else": outcome_or_step()})},
    ),
    st.fixed_dictionaries({"handoff": st.just({"queue": "q", "skills": "n{n}", "share": ["n", "transcript"]})}, optional=rested),
    st.fixed_dictionaries({"relay": st.just("q")}, optional=rested),
)
leaf = st.one_of(
    st.fixed_dictionaries({"say": said}, optional=common),
    st.fixed_dictionaries({"set": st.fixed_dictionaries({"n": st.sampled_from(VALUES)})}, optional=common),
    st.fixed_dictionaries({"branch": st.lists(route, min_size=1, max_size=3)}),
    st.fixed_dictionaries({"end": st.sampled_from(["", "Bye {n}"]), "outcome": st.sampled_from(["one", "two"])}),
    st.fixed_dictionaries({"ask": st.just("Pick"), "choices": st.just({"red": "Red", "blue": "Blue {n}"})}, optional=asked),
    st.fixed_dictionaries(
        {
            "ask": st.just("Pick {choices}"),
            "choices": st.fixed_dictionaries(
                {"red": st.fixed_dictionaries({"label": st.just("Red"), "go": target}), "blue": st.just({"label": "Blue"})}
            ),
        },
        optional=asked,
    ),
    st.fixed_dictionaries(
        {"ask": st.just("How many?"), "as": st.just({"integer": {"min": 1, "max": "n + 5"}})},
        optional={**asked, "reject": st.fixed_dictionaries({"max": outcome}), "save": st.just("n")},
    ),
    st.fixed_dictionaries(
        {
            "ask": st.just("Sure?"),
            "as": st.just("confirm"),
            "then": st.fixed_dictionaries({"accept": outcome, "decline": outcome}),
        }
    ),
    st.fixed_dictionaries(
        {
            "tally": st.fixed_dictionaries({"poll": st.just("p"), "option": st.just("x{n}")}, optional={"cap": st.just("2")}),
            "then": st.fixed_dictionaries({"counted": outcome, "else": outcome}),
        }
    ),
    st.fixed_dictionaries(
        {
            "split": st.just({"left": 1, "right": 2}),
            "then": st.fixed_dictionaries({"left": outcome}, optional={"right": outcome}),
        },
    ),
    st.fixed_dictionaries(
        {
            "ask": st.just("Which {choices}"),
            "choices": st.just({"each": "params.items", "id": "{item.id}", "label": "{item.name}"}),
        },
        optional=asked,
    ),
    standing,
    standing,
)
steps = leaf


@st.composite
def flow_texts(draw: Any) -> str:
    chosen = {name: draw(steps) for name in NAMES}
    first_ask = next((name for name, step in chosen.items() if "choices" in step), None)
    if draw(st.booleans()):
        inner = {name: chosen.pop(name) for name in ("gamma", "delta")}
        section = {
            "section": inner,
            **draw(st.fixed_dictionaries({}, optional={"commands": commands, "after": after, "when": when})),
        }
        chosen = {"alpha": chosen.pop("alpha"), "beta": chosen.pop("beta"), "part": section, **chosen}
    starts: list[dict[str, Any]] = [{"keyword": ["go"]}]
    if first_ask is not None:
        starts = [{"keyword": ["go"], "rest": first_ask}, {"answer": first_ask}]
    flow: dict[str, Any] = {
        "flow": "random",
        "starts": [*starts, {"event": "order.placed"}, {"api": True}],
        "vars": {"n": {"type": "integer", "default": 1}},
        "params": {"api": "https://api.example", "items": [{"id": "i1", "name": "Red"}, {"id": "i2", "name": "Green"}]},
        "steps": chosen,
    }
    if draw(st.booleans()):
        flow["commands"] = {"leave": {"words": ["leave"], "go": draw(target)}, "aside": {"words": ["sub"], "run": "sub"}}
    if draw(st.booleans()):
        flow["window"] = {"to": draw(st.sampled_from(["2026-12-06T12:05Z", "2026-12-05T12:00Z"])), "late": draw(target)}
    return json.dumps(flow)


COMPARED = (
    "answers", "child", "control", "ended", "listed", "outcome", "quiet", "result", "step", "timers", "trail", "tries", "vars",
    "visit", "votes", "waiting",
)  # fmt: skip


def drafts(flows: FlowSet) -> Draft:
    event = Event("e", HOME, 0, "sms", START_MS, InboundMessage("m", HOME, text="hi"))
    draft = Draft(flows, Contact(HOME), None, event, Talk(flows).facts, START_MS)
    begin(draft, flows.flows["random"])
    return draft


def outcome_of(fire: Callable[[str, str, Draft], str], event: str, draft: Draft) -> str:
    try:
        draft.state = fire(draft.state, event, draft)
    except (EventNotAllowed, ExpressionError) as error:
        return type(error).__name__
    return draft.state


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(text=flow_texts(), data=st.data())
def test_table_and_library_agree_on_every_event(text: str, data: Any, library: Any) -> None:
    flows = flows_of(text, SUB)
    flow = flows.flows["random"]
    engine = library(flow)
    ours, theirs = drafts(flows), drafts(flows)
    names = sorted({event for row in flow.table.rows.values() for event in row})
    for event in data.draw(st.lists(st.sampled_from(names), max_size=12)):
        if event in ("answer", "go_on") and ours.step in flow.asks:
            pick = data.draw(st.sampled_from(["red", "blue", "accept", "decline", None]))
            for draft in (ours, theirs):
                flow.asks[ours.step].take(draft, Understood(1, "1", pick, pick))
        assert outcome_of(flow.fire, event, ours) == outcome_of(engine, event, theirs)
        assert ours.effects == theirs.effects
        for field in COMPARED:
            assert getattr(ours, field) == getattr(theirs, field)


def both(text: str, on_library: Any) -> tuple[Talk, Talk]:
    return Talk(flows_of(text, SUB)), Talk(on_library(flows_of(text, SUB)))


lines = st.lists(
    st.one_of(
        st.sampled_from(
            [
                "go",
                "go red",
                "red",
                "Blue 1",
                "bleu",
                "1",
                "2",
                "7",
                "yes",
                "no",
                "skip it",
                "info please",
                "back",
                "?",
                "stop",
                "start",
                "aside",
                "sub",
                "up",
                "down",
                "leave",
            ]
        ),
        st.sampled_from(["wait 1m", "wait 2m", "wait 6m"]),
        st.sampled_from(["!answer", "!fail", "!agent.joined", "!order.paid", "!order.shipped", "!order.placed", "!begin"]),
    ),
    max_size=12,
)


def act(talk: Talk, line: str) -> None:
    """One thing that happens: what they write, time that passes, or ``!`` and something else."""
    if line.startswith("wait "):
        talk.wait(line[5:])
    elif line == "!begin":
        talk.start("random", n=2)
    elif line in ("!answer", "!fail"):
        if talk.calls:
            talk.answer({"ok": True}, reason="" if line == "!answer" else "http 503")
    elif line.startswith("!"):
        talk.happens(line[1:], by="Ana")
    else:
        talk.say(line)


def stay_equal(ours: Talk, theirs: Talk, lines: list[str]) -> None:
    for line in lines:
        for talk in (ours, theirs):
            act(talk, line)
        assert ours.effects == theirs.effects
        assert (ours.session, ours.contact, ours.timers, ours.calls) == (
            theirs.session,
            theirs.contact,
            theirs.timers,
            theirs.calls,
        )


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(text=flow_texts(), lines=lines)
def test_whole_talks_are_equal_on_table_and_library(text: str, lines: list[str], on_library: Any) -> None:
    ours, theirs = both(text, on_library)
    stay_equal(ours, theirs, lines)


VOTE_LINES = ["vote", "vote 3", "1", "luca", "cloe", "9", "rules", "back", "v bea", "wait 11m", "stop", "start", "help", "1 or 2"]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines=st.lists(st.sampled_from(VOTE_LINES), max_size=15))
def test_the_vote_is_equal_on_table_and_library(lines: list[str], on_library: Any) -> None:
    ours, theirs = Talk(read_flows(VOTE, params=OPEN)), Talk(on_library(read_flows(VOTE, params=OPEN)))
    stay_equal(ours, theirs, lines)


def test_the_machine_is_loud(vote_flows: FlowSet) -> None:
    chart = vote_flows.flows["tv-vote"].chart
    assert chart.catch_errors_as_events is False
    assert chart.allow_event_without_transition is False


def test_no_event_is_a_dot_prefix_of_another_and_no_state_shadows_the_library() -> None:
    flows = flows_of(
        json.dumps(
            {
                "flow": "names",
                "starts": [{"keyword": ["go"]}],
                "steps": {
                    "send": {"ask": "?", "as": "text", "when": {"agent.joined": "model", "agent": "model"}, "then": "model"},
                    "model": {"say": "hi"},
                    "states": {"end": "bye", "outcome": "done"},
                },
            }
        )
    )
    flow = flows.flows["names"]
    events = {event for row in flow.table.rows.values() for event in row}
    assert not any("." in event for event in events)
    assert all(state.startswith("s_") or state in ("begin", "over", "returning") for state in flow.table.rows)
    assert "s_send" in format(flow.chart, "mermaid")


def test_a_machine_that_a_table_cannot_say_is_refused() -> None:
    class Nested(StateChart[Any]):
        class outer(State.Compound):  # noqa: N801
            inner = State(initial=True)
            other = State(final=True)
            move = inner.to(other)

    with pytest.raises(InvalidDefinition):
        compile_table(Nested)


def test_an_event_that_a_state_does_not_take_raises(vote_flows: FlowSet) -> None:
    flow = vote_flows.flows["tv-vote"]
    draft = Draft(
        vote_flows, Contact(HOME), None, Event("e", HOME, 0, "sms", 0, InboundMessage("m", HOME)), Talk(vote_flows, SMS).facts, 0
    )
    with pytest.raises(EventNotAllowed):
        flow.fire("s_maxed", "answer", draft)
