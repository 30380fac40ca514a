"""What a step wants done. A step only lists these; the turn turns them into one commit."""

from enum import StrEnum
from typing import Any

import msgspec

from vaiven.model.calls import ActionCall, HttpCall, ReplyTo
from vaiven.model.messages import Layout, Media, MessageClass, Option, TemplateMessage
from vaiven.model.urns import Urn


class Send(msgspec.Struct, frozen=True, omit_defaults=True, tag="send", tag_field="do", gc=False):
    """Say something to the contact, on the channel of the event. Not yet cut into parts."""

    text: str
    message_class: MessageClass = MessageClass.REPLY
    options: tuple[Option, ...] = ()
    layout: Layout = Layout.TEXT
    list_button: str = ""
    media: tuple[Media, ...] = ()
    template: TemplateMessage | None = None


class Call(msgspec.Struct, frozen=True, omit_defaults=True, tag="call", tag_field="do", gc=False):
    """Make a call outside the turn. Its answer comes as a ``CallAnswered`` for this visit of this step."""

    request: HttpCall | ActionCall
    session: str
    step: str
    visit: int
    timeout_ms: int
    retries: int = 0
    key: str | None = None


class Tell(msgspec.Struct, frozen=True, omit_defaults=True, tag="tell", tag_field="do", gc=False):
    """Tell another home. With ``visit`` its answer comes as a ``Happened`` for this visit of this step of the session.

    ``session``, ``step``, ``visit`` name who waits, on the channel of the event; empty and 0: nobody does. ``to`` is the visit of
    the other home that this answers; without one, ``channel`` names the channel whose session it is for (empty: any).
    """

    home: Urn
    name: str
    data: dict[str, Any] = {}
    session: str = ""
    step: str = ""
    visit: int = 0
    to: ReplyTo | None = None
    channel: str = ""


class Control(msgspec.Struct, frozen=True, tag="control", tag_field="do", gc=False):
    """The conversation changes hands: ``by`` is ``agent`` or ``bot``. The contact's number of the controller has risen."""

    by: str
    queue: str = ""


class HandOff(msgspec.Struct, frozen=True, omit_defaults=True, tag="hand_off", tag_field="do", gc=False):
    """The session waits in a queue of people; with ``left`` it waits there no more. ``shared`` is what they get to see."""

    queue: str
    session: str
    visit: int
    skills: str = ""
    shared: dict[str, Any] = {}
    left: bool = False


class StartTimer(msgspec.Struct, frozen=True, tag="start_timer", tag_field="do", gc=False):
    """Arm a timer; one already armed under the same key of this contact is replaced."""

    key: str
    due_ms: int
    session: str
    step: str
    visit: int


class CancelTimer(msgspec.Struct, frozen=True, tag="cancel_timer", tag_field="do", gc=False):
    key: str


class TallyOutcome(StrEnum):
    COUNTED = "counted"
    CAPPED = "capped"
    CLOSED = "closed"
    EARLY = "early"
    LATE = "late"


class Tally(msgspec.Struct, frozen=True, tag="tally", tag_field="do", gc=False):
    """One vote was decided. Accepted votes are counted plus rejected (capped, closed, early, late), always."""

    poll: str
    option: str
    outcome: TallyOutcome


class OptOut(msgspec.Struct, frozen=True, tag="opt_out", tag_field="do", gc=False):
    """The contact said STOP to this sender. ``word`` is what they typed, or the provider's reason where it was told there."""

    word: str


class OptIn(msgspec.Struct, frozen=True, tag="opt_in", tag_field="do", gc=False):
    """The contact said START to this sender. ``word`` is what they typed."""

    word: str


class End(msgspec.Struct, frozen=True, tag="end", tag_field="do", gc=False):
    """A session ended, with this outcome."""

    flow: str
    outcome: str


class Recorded(msgspec.Struct, frozen=True, omit_defaults=True, tag="recorded", tag_field="do", gc=False):
    """Something to find in history: a duplicate, an unanswered message, an error by its code. Ids only, no words."""

    what: str
    detail: str = ""


Effect = Send | StartTimer | CancelTimer | Tally | OptOut | OptIn | End | Recorded | Call | Tell | Control | HandOff
