"""Drives a machine: one event, then on and on until a step waits or the session ends."""

from collections.abc import Callable, Mapping
from hashlib import blake2b
from typing import Any

from vaiven.flow.draft import FRAMES, STEPS_A_TURN, Draft
from vaiven.flow.expressions import ExpressionError
from vaiven.flow.flow import Flow
from vaiven.flow.frames import abandon, ascend, descend
from vaiven.flow.nodes import ERROR
from vaiven.flow.triggers import CHILD, FAILED, GO_ON, REPEAT, START
from vaiven.model.sessions import Frame

_ONWARD = frozenset({GO_ON, START, CHILD})
"""Events that nobody outside caused: of these an endless loop is made."""


def begin(draft: Draft, flow: Flow, values: Mapping[str, Any] | None = None) -> None:
    """Put a new frame of this flow on top, its declared variables set to those of ``values``.

    The id of a new session follows from the contact and its version.
    """
    if draft.is_open:
        draft.begin(flow, draft.session_id)
    else:
        again = "+" if draft.session_id else ""
        name = f"{draft.contact.home} {draft.contact.version}{again}"
        draft.begin(flow, blake2b(name.encode(), digest_size=6).hexdigest())
    for name, value in values.items() if values else ():
        if name in flow.defaults:
            draft.set_var(name, value)


def drive(draft: Draft, event: str, above: tuple[Frame, ...] = ()) -> None:
    """Fire an event in the top frame and go on as far as it goes. A frame that ends gives way to the one below it.

    ``above`` are the frames from ``descend``: if the first event leaves the step they are gone, else all stay as they were.
    """
    following: str | None = event
    stood = draft.state if above else ""
    while following is not None:
        draft.taken += 1
        if draft.taken > draft.limit and following in _ONWARD:
            draft.record("too_many_steps", draft.where)
            following = FAILED
        try:
            draft.state = draft.flow.fire(draft.state, following, draft)
        except ExpressionError:
            draft.record("expression_failed", draft.where)
            draft.child = None
            draft.state = draft.flow.fire(draft.state, FAILED, draft)
        if above:
            if draft.state == stood and draft.waiting and draft.child is None:
                ascend(draft, above)
                return
            abandon(draft, above)
            above = ()
        if draft.child is not None:
            following = _push(draft)
        elif draft.ended is not None:
            following = _after_end(draft)
        else:
            following = None if draft.waiting else GO_ON


def drive_below(draft: Draft, depth: int, event: str, prepare: Callable[[Draft], None] | None = None) -> None:
    """Fire an event in a frame that others lie upon. ``prepare`` is called first, standing in that frame."""
    frames = descend(draft, depth)
    if prepare is not None:
        prepare(draft)
    drive(draft, event, frames)


def _push(draft: Draft) -> str:
    """Begin the flow that a step or a command runs. One that is not there, or too deep, is an error of the step."""
    name, values = draft.child or ("", {})
    draft.child = None
    flow = draft.flows.flows.get(name)
    if flow is None or len(draft.lower) + 1 >= FRAMES:
        draft.record("no_such_flow" if flow is None else "too_many_frames", draft.where)
        return FAILED
    begin(draft, flow, values)
    return START


def _after_end(draft: Draft) -> str | None:
    """What goes on after a frame has ended: an error flow, the step that ran it, or the question below, which is asked again."""
    outcome = draft.ended
    resumed = draft.pop()
    following, draft.next_flow = draft.next_flow, None
    if following is not None:
        if resumed and draft.flow.waits[draft.step].runs:
            draft.returned = ERROR
        if draft.limit == STEPS_A_TURN:
            draft.limit += draft.taken  # once a turn, so that making up for a loop is none
        begin(draft, draft.flows.flows[following])
        return START
    if not resumed:
        return None
    if draft.entry is not None:
        entry, draft.entry = draft.entry, None
        return entry
    node = draft.flow.waits[draft.step]
    if node.runs:
        draft.outcome, draft.returned = draft.returned or outcome, ""
        return CHILD
    if node.asks and not draft.because:
        draft.because = draft.words.resumed
    return REPEAT
