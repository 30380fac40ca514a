"""What was held while a call was under way, or while another flow lay upon the step that it was for."""

from vaiven.flow.draft import STEPS_A_TURN, Draft
from vaiven.flow.driving import drive
from vaiven.flow.expressions import ExpressionError
from vaiven.flow.frames import node_at, restart_idle
from vaiven.flow.happening import hear, take_answer
from vaiven.flow.routing import route
from vaiven.flow.triggers import FAILED
from vaiven.flow.waiting import CallNode
from vaiven.model.events import CallAnswered, Event, Happened
from vaiven.model.messages import InboundMessage


def listen(draft: Draft, message: InboundMessage) -> None:
    """A message that is no legal word."""
    try:
        route(draft, message)
    except ExpressionError:
        # A label or a bound failed before the machine heard of the message.
        draft.record("expression_failed", draft.where)
        if draft.is_open:
            drive(draft, FAILED)
        else:
            draft.send(draft.words.error)


def release_held(draft: Draft) -> None:
    """Let go of what is held no more, in order, until a call is under way again.

    Each message is judged by its own time. Where a later message, such as a command, has left the call, those before it are
    only recorded: they were for a question that is gone.
    """
    event = draft.event
    overtaken = isinstance(event.body, InboundMessage)
    while (found := _next(draft)) is not None:
        draft.held = tuple(held for held in draft.held if held is not found)
        body = found.body
        draft.event = found
        draft.taken, draft.limit = 0, STEPS_A_TURN
        if isinstance(body, InboundMessage):
            if overtaken:
                draft.record("unanswered", "held")
            else:
                listen(draft, body)
                restart_idle(draft)
        elif _is_answer(found) and isinstance(body, CallAnswered | Happened):
            overtaken = not take_answer(draft, body) and overtaken
        elif isinstance(body, Happened):
            hear(draft, body)
    draft.event = event


def _next(draft: Draft) -> Event | None:
    """The first that can be heard now."""
    if not draft.held:
        return None
    nodes = [node_at(draft, depth) for depth in range(len(draft.lower) + 1)] if draft.is_open else []
    calling = any(isinstance(node, CallNode) for node in nodes)
    at_call = bool(nodes) and isinstance(nodes[-1], CallNode)
    for held in draft.held:
        body = held.body
        if _is_answer(held):
            ready = not calling or (at_call and getattr(body, "visit", 0) == draft.visit)
        elif isinstance(body, Happened):
            takers = [node for node in nodes if body.name in node.when_events]
            ready = not takers or takers[-1] is nodes[-1]
        else:
            ready = not calling
        if ready:
            return held
    return None


def _is_answer(event: Event) -> bool:
    body = event.body
    return isinstance(body, CallAnswered) or (isinstance(body, Happened) and bool(body.session))
