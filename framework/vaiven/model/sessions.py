"""Where a contact stands in a flow."""

from typing import Any

import msgspec

from vaiven.model.events import Event


class Frame(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """One flow on the stack of a session.

    ``shape`` is the hash of the flow's steps, verbs, routes, guards, types and bounds: the machine this frame runs on.
    ``visit`` is the contact's version that entered the waiting step, so that a timer or button of an earlier visit is told
    apart. ``trail`` are the questions passed, newest last, for BACK. ``answers`` holds results of asks, calls and tallies by
    step name. ``asked`` is the visit whose question was shown last: its buttons are good, older ones are stale. ``paused``
    are the timers of a frame that another one interrupts, by name, with the ms that were left; that of a ``wait`` with its
    instant. ``offered`` are the choices, id and label, that were made at run time for this visit. ``returned`` is the outcome
    of a flow run from here that an error flow is making up for.
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
    offered: tuple[tuple[str, str], ...] = ()
    returned: str = ""


class Session(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """One open conversation of a contact on one channel. The top frame is the last.

    ``timers`` maps the key of each armed timer to the instant it falls due (ms since the epoch). ``held`` are messages that came
    while a call was under way, in order: they are heard when it has come to its end. An answer of a call stands there while
    another flow has been put on top of the one that waits for it.
    """

    id: str
    channel: str
    started_ms: int
    frames: tuple[Frame, ...]
    timers: dict[str, int] = {}
    held: tuple[Event, ...] = ()

    @property
    def top(self) -> Frame:
        return self.frames[-1]
