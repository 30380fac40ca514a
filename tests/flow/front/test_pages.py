"""The three flows that the language was made for are read as they were printed."""

from pathlib import Path

import pytest

from vaiven.flow.document import Call, FlowDocument, Handoff, Relay, Run
from vaiven.flow.load import load_flow, load_flows

PAGES = Path(__file__).parent / "pages"
BOT = {"opens": "2026-12-05T20:00Z", "closes": "2026-12-05T22:15Z"}


def page(name: str) -> FlowDocument:
    found, problems = load_flow((PAGES / f"{name}.flow.yaml").read_text("utf-8"), name, BOT)
    assert [problem for problem in problems if problem.is_error] == []
    assert found is not None
    return found


@pytest.mark.parametrize("name", ["tv-vote", "table-booking", "support"])
def test_a_page_loads_as_printed(name):
    assert page(name).name == name


def test_the_three_pages_are_a_bot():
    flows, problems = load_flows([(path.name, path.read_text("utf-8")) for path in sorted(PAGES.iterdir())], BOT)
    assert [problem for problem in problems if problem.is_error] == []
    assert [flow.name for flow in flows] == ["support", "table-booking", "tv-vote"]


def test_the_table_booking_is_read_whole():
    steps = {step.name: step for step in page("table-booking").steps}
    slots, agent = steps["slots"].verb, steps["agent"].verb
    assert isinstance(slots, Call)
    assert isinstance(agent, Run)
    assert (slots.target.url.source, slots.timeout_ms, slots.fail.go) == ("{params.api}/slots", 8_000, "agent")
    assert [route.go for route in steps["slots"].then.routes] == ["full", "time"]
    assert steps["time"].verb.answer.each.source == "slots.slots"
    assert (steps["book"].keep, steps["name"].verb.save, steps["name"].verb.skip.source) == (True, "guest", "guest != null")
    assert (agent.flow, [name for name, _ in agent.arguments], steps["agent"].then.otherwise[0].go) == (
        "support",
        ["topic"],
        "closed",
    )


def test_the_support_chat_is_read_whole():
    flow = page("support")
    steps = {step.name: step for step in flow.steps}
    assert [step.name for step in flow.steps if step.section == "order"] == ["number", "lookup", "status"]
    assert [command.words for command in steps["lookup"].commands] == [("lost it", "no idea")]
    assert steps["menu"].verb.answer.choices[0].go == "number"
    assert steps["hours"].verb.routes[0].condition.hours == {"support"}
    queue, talking = steps["queue"], steps["talking"]
    assert queue.verb == Handoff("support", queue.verb.skills, ("order_no", "transcript"))
    assert [(timer.name, timer.route.go) for timer in queue.after] == [("3m", None), ("20m", "leave_note")]
    assert talking.verb == Relay("support")
    assert [(timer.name, timer.idle, timer.route.go) for timer in talking.after] == [("idle 30m", True, "rate")]
    assert {event: route.go for event, route in talking.when.items()} == {"agent.closed": "rate", "agent.returned": "menu"}
