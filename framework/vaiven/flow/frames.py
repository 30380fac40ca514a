"""Flows upon flows: standing in a frame below the top, and leaving those above it."""

from vaiven.flow.draft import Draft
from vaiven.flow.flow import Flow
from vaiven.flow.waiting import WaitingNode
from vaiven.model.effects import End
from vaiven.model.events import TimerDue
from vaiven.model.sessions import Frame

LEFT = "left"
"""Outcome of a flow that was left for one below it."""


def flow_of(draft: Draft, frame: Frame) -> Flow:
    return draft.flows.shapes[frame.shape]


def node_of(draft: Draft, frame: Frame) -> WaitingNode:
    return flow_of(draft, frame).waits[frame.step]


def node_at(draft: Draft, depth: int) -> WaitingNode:
    """The step that waits in the frame of that depth, counted from 0; the top's is ``len(draft.lower)``."""
    return draft.flow.waits[draft.step] if depth == len(draft.lower) else node_of(draft, draft.lower[depth])


def runs_up_from(draft: Draft, depth: int) -> bool:
    """Whether all that lies above this frame was run from it, so that it is one conversation, which nothing interrupts."""
    return all(node_of(draft, frame).runs for frame in draft.lower[depth:])


def running(draft: Draft) -> list[int]:
    """The depths of the steps that run what is on top, the nearest first."""
    found = []
    for depth in range(len(draft.lower) - 1, -1, -1):
        if not node_of(draft, draft.lower[depth]).runs:
            break
        found.append(depth)
    return found


def leave_top(draft: Draft) -> None:
    """Leave the flow on top for the one below it, whatever it waits for."""
    draft.flow.waits[draft.step].release(draft, draft.visit)
    draft.ended = LEFT
    draft.pop()


def descend(draft: Draft, depth: int) -> tuple[Frame, ...]:
    """Stand in a frame below the top. Gives that frame and those above it, for ``ascend`` or ``abandon``."""
    frames = (*draft.lower, draft.as_frame({}))
    draft.lower = frames[:depth]
    draft.stand(frames[depth], flow_of(draft, frames[depth]))
    return frames[depth:]


def ascend(draft: Draft, frames: tuple[Frame, ...]) -> None:
    """Stand on top again: the frame below said something, and stays where it was."""
    draft.lower = (*draft.lower, draft.as_frame(frames[0].paused), *frames[1:-1])
    draft.stand(frames[-1], flow_of(draft, frames[-1]))


def abandon(draft: Draft, frames: tuple[Frame, ...]) -> None:
    """The frame below leaves its step, so those above it are gone."""
    for frame in reversed(frames[1:]):
        node_of(draft, frame).release(draft, frame.visit)
        draft.effects.append(End(frame.flow, LEFT))
    depth = len(draft.lower)
    gone = tuple(f"{draft.event.channel}/{depth + at}/" for at in range(1, len(frames)))
    draft.timers = {key: due_ms for key, due_ms in draft.timers.items() if not key.startswith(gone)}


def timer_event(draft: Draft, due: TimerDue) -> tuple[int, str] | None:
    """The depth of the frame and the machine's event of a timer fallen due; None if it is not one of the visit that waits.

    The timer is gone then. Below the top only a step that runs a flow has timers that go on.
    """
    if not draft.is_open or due.session != draft.session_id or draft.timers.get(due.key) != due.due_ms:
        return None
    depth, name = len(draft.lower), due.key.removeprefix(draft.timer_prefix)
    flow, step, visit = draft.flow, draft.step, draft.visit
    if name == due.key:
        number, _, name = due.key[len(draft.event.channel) + 1 :].partition("/")
        depth = int(number)
        frame = draft.lower[depth]
        flow, step, visit = flow_of(draft, frame), frame.step, frame.visit
    if due.visit != visit or due.step not in (step, draft.moved_from):
        return None
    draft.fired = due.key
    del draft.timers[due.key]
    return depth, flow.waits[step].timer_events[name]


def restart_idle(draft: Draft) -> None:
    """A message came: timers that count silence begin again, here and at the steps that ran what is on top."""
    if not draft.is_open or not draft.waiting:
        return
    for timer in draft.flow.waits[draft.step].idle:
        draft.arm(timer.name, timer.delay_ms)
    for depth in running(draft) if draft.lower else ():
        frame = draft.lower[depth]
        for timer in node_of(draft, frame).idle:
            key = f"{draft.event.channel}/{depth}/{timer.name}"
            draft.timers[key] = draft.now_ms + timer.delay_ms
            draft.armed[key] = (frame.step, frame.visit)
