"""What comes in besides messages: timers, answers of calls, events from outside, flows begun by the business."""

from collections.abc import Callable
from typing import Any

from vaiven.flow.draft import Draft
from vaiven.flow.driving import drive, drive_below
from vaiven.flow.frames import node_at, running, timer_event
from vaiven.flow.starting import by_itself
from vaiven.flow.triggers import ANSWER, ARRIVED, FAIL
from vaiven.flow.waiting import CallNode, WaitNode
from vaiven.model.events import CallAnswered, Happened, StartFlow, TimerDue

AGENT_JOINED = "agent.joined"
"""Its data is ``agent`` from then on."""


def fall_due(draft: Draft, due: TimerDue) -> bool:
    """Whether it was a timer of a step that waits now. What has moved on since is not disturbed."""
    found = timer_event(draft, due)
    if found is None:
        draft.record("stale_timer")
        return False
    depth, event = found
    if event == FAIL:
        _fail(draft, "timeout", 0)
    elif depth == len(draft.lower):
        drive(draft, event)
    else:
        drive_below(draft, depth, event)
    return True


# ---- answers


def take_answer(draft: Draft, answer: CallAnswered | Happened) -> bool:
    """Whether a call was waiting for this. While another flow lies upon it, the answer is held until that has ended."""
    if draft.is_open and answer.session == draft.session_id:
        if isinstance(draft.flow.waits[draft.step], CallNode) and answer.visit == draft.visit:
            _answered(draft, answer)
            return True
        for depth, frame in enumerate(draft.lower):
            if frame.visit == answer.visit and isinstance(node_at(draft, depth), CallNode):
                draft.held = (*draft.held, draft.event)
                return True
    draft.record("stale_answer")
    return False


def _answered(draft: Draft, answer: CallAnswered | Happened) -> None:
    node = draft.flow.waits[draft.step]
    if isinstance(answer, Happened):
        result: Any = {"word": answer.name, **answer.data}
    elif answer.reason:
        _fail(draft, answer.reason, answer.status, answer.result)
        return
    else:
        result = answer.result
    if isinstance(node, CallNode):
        node.answered(draft, result)
    drive(draft, ANSWER)


def _fail(draft: Draft, reason: str, status: int, body: Any = None) -> None:
    """``result`` in the routes of ``fail``: why, and what the other side said about it."""
    draft.result = {"reason": reason, "status": status, "body": body}
    draft.record("call_failed", f"{draft.where} {reason}")
    drive(draft, FAIL)


# ---- events from outside


def hear(draft: Draft, told: Happened) -> bool:
    """Whether anybody took it: the step that waits, one that runs it, one below, else a flow that it starts.

    A step that another flow interrupted hears it when that has ended, unless people wait there.
    """
    top = len(draft.lower) if draft.is_open else -1
    above = running(draft) if draft.is_open else []
    for depth in range(top, -1, -1):
        node = node_at(draft, depth)
        event = node.when_events.get(told.name)
        if event is None:
            continue
        prepare = _prepared(told, event)
        if depth == top:
            prepare(draft)
            drive(draft, event)
        elif depth in above or node.urgent:
            drive_below(draft, depth, event, prepare)
        else:
            draft.held = (*draft.held, draft.event)
        return True
    found = draft.flows.way("event", told.name, draft.event.channel)
    if found is None:
        draft.record("unheard", told.name)
        return False
    draft.result = told.data
    by_itself(draft, *found, values=told.data)
    return True


def _prepared(told: Happened, event: str) -> Callable[[Draft], None]:
    def prepare(draft: Draft) -> None:
        draft.result = told.data
        node = draft.flow.waits[draft.step]
        if told.name == AGENT_JOINED:
            draft.put_answer("agent", told.data)
        elif event == ARRIVED and isinstance(node, WaitNode):
            node.arrived(draft, told.data)

    return prepare


def start_flow(draft: Draft, asked: StartFlow) -> bool:
    """Whether the business may begin this flow: by its ``api`` start."""
    found = draft.flows.called(asked.flow, draft.event.channel)
    if found is None:
        draft.record("not_started", "no_start")
        return False
    by_itself(draft, *found, values=asked.vars)
    return True
