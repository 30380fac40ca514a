"""What a step wants done. A step only lists these; the turn turns them into one commit."""

from enum import StrEnum

import msgspec

from vaiven.model.messages import Layout, MessageClass, Option


class Send(msgspec.Struct, frozen=True, omit_defaults=True, tag="send", tag_field="do", gc=False):
    """Say something to the contact, on the channel of the event. Not yet cut into parts."""

    text: str
    message_class: MessageClass = MessageClass.REPLY
    options: tuple[Option, ...] = ()
    layout: Layout = Layout.TEXT
    list_button: str = ""


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


Effect = Send | StartTimer | CancelTimer | Tally | OptOut | OptIn | End | Recorded
