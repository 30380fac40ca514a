"""People inside a flow that was edited, where its new version says to which steps they move. They move at their next event."""

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace as changed

from vaiven.flow.diff import moved_to
from vaiven.flow.document import Ask, Step
from vaiven.flow.hashes import called
from vaiven.flow.triggers import move_event
from vaiven.model.sessions import Frame

if TYPE_CHECKING:
    from vaiven.flow.draft import Draft
    from vaiven.flow.flow import Flow

NOT_ENTERED = 0
"""The visit of a frame that must still enter its step: it stood at one of another kind."""


def moved(frame: Frame, current: "Flow", old: "Flow | None") -> Frame | None:
    """The frame as it stands in the current version; None: it stays in its own.

    Where both steps are of one kind, the visit, its tries and its answer go on: nothing is asked a second time, nor called where
    both make the same call.
    """
    step = moved_to(current.document.migrate, set(current.nodes), frame.step)
    if step is None:
        return None
    known = old.waits.get(frame.step) if old is not None else None
    same = known is not None and type(known) is type(current.waits.get(step)) and _goes_on(frame.step, step, current, old)
    passed = (current.document.migrate.get(name, name) for name in frame.trail)
    trail = tuple(name for name in passed if name in current.asks)
    visit = frame.visit if same else NOT_ENTERED
    answers = frame.answers if old is None else _renamed(frame.answers, current, old)
    return changed(frame, shape=current.shape, step=step, visit=visit, trail=trail, answers=answers)


def _renamed(answers: dict[str, Any], current: "Flow", old: "Flow") -> dict[str, Any]:
    """What was answered to a step goes on under its new name, where that asks for the same kind of answer."""
    kinds = [{step.name: _kind(step) for step in flow.document.steps} for flow in (old, current)]
    found = dict(answers)
    for before, after in current.document.migrate.items():
        if before in answers and after not in answers and kinds[0].get(before) == kinds[1].get(after):
            found[after] = found.pop(before)
    return found


def _goes_on(before: str, after: str, current: "Flow", old: "Flow | None") -> bool:
    """Whether what is waited for is what the new step waits for: the answer of another call is no answer of this one."""
    places = ((old, before), (current, after))
    steps = [step for flow, name in places if flow is not None for step in flow.document.steps if step.name == name]
    return len({called(step) for step in steps}) <= 1


def _kind(step: Step) -> tuple[type, str]:
    return type(step.verb), step.verb.answer.kind if isinstance(step.verb, Ask) else ""


def carry(draft: "Draft", flow: "Flow") -> None:
    """After a move: the timers that the new step has, too, go on; what must be entered is entered next."""
    if draft.visit == NOT_ENTERED:
        draft.drop_timers()
        draft.state = flow.begin
        draft.waiting = False
        draft.entry = move_event(draft.step)
        return
    node, prefix = flow.waits[draft.step], draft.timer_prefix
    for key in [key for key in draft.timers if key.startswith(prefix)]:
        if key[len(prefix) :] in node.timer_events:
            draft.armed[key] = (draft.step, draft.visit)
        else:
            del draft.timers[key]
    for timer in node.after:
        if prefix + timer.name not in draft.timers:
            draft.arm(timer.name, timer.delay_ms)
