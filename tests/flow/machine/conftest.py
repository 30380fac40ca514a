"""Talks with small flows, and the library's own engine in place of the table."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from statemachine.exceptions import TransitionNotAllowed

from vaiven.flow.draft import Draft
from vaiven.flow.flow import Flow
from vaiven.flow.flowset import FlowSet
from vaiven.flow.table import EventNotAllowed
from vaiven.testing.talk import SMS, Talk, flows_of, read_flows

FLOWS = Path(__file__).parents[3] / "flows"
OPEN = {"opens": "2026-12-05T20:00Z", "closes": "2026-12-07T22:15Z"}


class Standing:
    """A model that already stands somewhere: the machine enters nothing when it is made."""

    def __init__(self, state: str) -> None:
        self.state = state


def by_library(flow: Flow) -> Callable[[str, str, Draft], str]:
    """The library's sync engine behind the signature of ``Table.fire``."""

    def fire(state: str, event: str, draft: Draft) -> str:
        machine: Any = flow.chart(Standing(state))
        try:
            machine.send(event, draft=draft)
        except TransitionNotAllowed as error:
            raise EventNotAllowed(str(error)) from None
        return str(machine.current_state_value)

    return fire


@pytest.fixture(scope="session")
def library() -> Callable[[Flow], Callable[[str, str, Draft], str]]:
    return by_library


@pytest.fixture(scope="session")
def on_library() -> Callable[[FlowSet], FlowSet]:
    """The same flows, executed by the library."""

    def switch(flows: FlowSet) -> FlowSet:
        for flow in flows.shapes.values():
            flow.fire = by_library(flow)
        return flows

    return switch


@pytest.fixture(scope="session")
def vote_flows() -> FlowSet:
    return read_flows(FLOWS / "tv_vote" / "vote.flow.yaml", params=OPEN)


@pytest.fixture
def vote(vote_flows: FlowSet) -> Talk:
    return Talk(vote_flows)


@pytest.fixture
def talk() -> Callable[..., Talk]:
    """A talk with flows written in the test."""

    def make(*texts: str, capabilities: Any = SMS, stop_reply: str = "ours", **spec: Any) -> Talk:
        return Talk(flows_of(*texts, **spec), capabilities, stop_reply=stop_reply)

    return make
