"""Drives a machine: one event, then ``go_on`` until a step waits or the session ends."""

from hashlib import blake2b

from vaiven.flow.compile import FAILED, GO_ON, REPEAT, START
from vaiven.flow.draft import Draft
from vaiven.flow.expressions import ExpressionError
from vaiven.flow.flow import Flow

STEPS_A_TURN = 100
"""More are an endless loop. The checker proves that none is in a file; what it cannot know ends here."""


def begin(draft: Draft, flow: Flow) -> None:
    """Put a new frame of this flow on top. The id of a new session follows from the contact and its version."""
    if draft.is_open:
        draft.begin(flow, draft.session_id)
        return
    again = "+" if draft.session_id else ""
    name = f"{draft.contact.home} {draft.contact.version}{again}"
    draft.begin(flow, blake2b(name.encode(), digest_size=6).hexdigest())


def drive(draft: Draft, event: str) -> None:
    """Fire an event in the top frame and go on as far as it goes. A frame that ends gives way to the one below it."""
    following: str | None = event
    while following is not None:
        draft.taken += 1
        try:
            if draft.taken > STEPS_A_TURN and following == GO_ON:
                draft.record("too_many_steps", draft.where)
                following = FAILED
            draft.state = draft.flow.fire(draft.state, following, draft)
        except ExpressionError:
            draft.record("expression_failed", draft.where)
            draft.state = draft.flow.fire(draft.state, FAILED, draft)
        following = None if draft.waiting else GO_ON
        if draft.ended is not None:
            following = _after_end(draft)


def _after_end(draft: Draft) -> str | None:
    """The event that goes on after a frame has ended: an error flow begins, or the question below is asked again."""
    resumed = draft.pop()
    following, draft.next_flow = draft.next_flow, None
    if following is not None:
        begin(draft, draft.flows.flows[following])
        return START
    return REPEAT if resumed else None
