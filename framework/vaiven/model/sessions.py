"""Where a contact stands in a flow."""

from typing import Any

import msgspec


class Frame(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """One flow on the stack of a session.

    ``shape`` is the hash of the flow's steps, verbs, routes, guards, types and bounds: the machine this frame runs on.
    ``visit`` is the contact's version that entered the waiting step, so that a timer or button of an earlier visit is told
    apart. ``trail`` are the questions passed, newest last, for BACK. ``answers`` holds results of asks, calls and tallies by
    step name. ``asked`` is the visit whose question was shown last: its buttons are good, older ones are stale. ``paused``
    are the timers of a frame that another one interrupts, by name, with the ms that were left.
    """

    flow: str
    shape: str
    step: str
    visit: int = 0
    tries: int = 0
    vars: dict[str, Any] = {}
    answers: dict[str, Any] = {}
    trail: tuple[str, ...] = ()
    asked: int = 0
    paused: dict[str, int] = {}


class Session(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """One open conversation of a contact on one channel. The top frame is the last.

    ``timers`` maps the key of each armed timer to the instant it falls due (ms since the epoch).
    """

    id: str
    channel: str
    started_ms: int
    frames: tuple[Frame, ...]
    timers: dict[str, int] = {}

    @property
    def top(self) -> Frame:
        return self.frames[-1]
