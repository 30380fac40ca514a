"""The events of a flow's machine: what fires a transition. Those of timers, commands and happenings are named by the file."""

import re

GO_ON = "go_on"
"""The step has done its work and does not wait."""
ANSWER = "answer"
"""A question was answered, or a call."""
NO_ANSWER = "no_match"
REPEAT = "repeat"
WHICH = "which"
BACK = "back"
FAIL = "fail"
"""A call came to nothing."""
MEANWHILE = "meanwhile"
"""Somebody wrote while a call is under way, and the step does not hold messages."""
CHILD = "child"
"""The flow that this step ran has ended; its outcome is compared."""
ARRIVED = "arrived"
"""What a ``wait`` waits for has come."""
FAILED = "failed"
"""The error transition, there on every state."""
START = "start"

CALL_TIMER = "call"
"""The timer that ends a call whose answer never comes."""
WAIT_TIMER = "wait"


def reject_event(bound: str) -> str:
    return f"reject_{bound}"


def part_of_id(name: str) -> str:
    """A name as a part of an event's id. No dots: the library matches events by dot prefix."""
    return re.sub(r"\W", "_", name)


def move_event(step: str) -> str:
    """Goes on at a step to which a new version moves people."""
    return f"move_{step}"
