"""Something happened. Every cause is an event, stored before anyone is told that we have it."""

from typing import Any

import msgspec

from vaiven.model.calls import ReplyTo
from vaiven.model.messages import InboundMessage
from vaiven.model.receipts import DeliveryReceipt
from vaiven.model.urns import Urn


class TimerDue(msgspec.Struct, frozen=True, tag="timer", tag_field="is", gc=False):
    """A timer fell due. It means nothing any more when ``session`` or ``visit`` are no longer those of the session."""

    key: str
    session: str
    step: str
    visit: int
    due_ms: int


class OptedOut(msgspec.Struct, frozen=True, tag="opted_out", tag_field="is", gc=False):
    """The provider refused a send because the person had opted out with it."""

    sender: str
    reason: str


class Notice(msgspec.Struct, frozen=True, tag="notice", tag_field="is", gc=False):
    """Something without a contact: an account or template notice, or a signed body that nobody could read."""

    kind: str
    reason: str = ""
    raw: bytes = b""


class CallAnswered(msgspec.Struct, frozen=True, omit_defaults=True, tag="called", tag_field="is", gc=False):
    """A call came to its end. It means nothing any more when ``session`` or ``visit`` are no longer those of the session.

    ``result`` is the answer's JSON, or what the action gave. ``reason`` is empty when it went well, else a short code fit for
    logs: ``timeout``, ``unknown``, ``refused``, ``http 503``, ``too big``, ``no json``, ``raised ValueError``.
    """

    session: str
    step: str
    visit: int
    status: int = 0
    result: Any = None
    reason: str = ""


class Happened(msgspec.Struct, frozen=True, omit_defaults=True, tag="happened", tag_field="is", gc=False):
    """Something outside the conversation: ``agent.joined``, ``order.shipped``, a resource's word. ``data`` is JSON.

    ``session``, ``step``, ``visit`` are given where it answers a Tell of that visit. ``sender`` is the home it comes from, where
    another home told it, ``origin`` and ``row`` that home's partition and its row
    there: the receiver's dedupe. ``answer_to`` is who waits for an answer.
    """

    name: str
    data: dict[str, Any] = {}
    session: str = ""
    step: str = ""
    visit: int = 0
    sender: Urn | None = None
    origin: int = 0
    row: int = 0
    answer_to: ReplyTo | None = None


class StartFlow(msgspec.Struct, frozen=True, omit_defaults=True, tag="start", tag_field="is", gc=False):
    """The business begins a conversation: this flow, by its ``api`` start, with values for its variables."""

    flow: str
    vars: dict[str, Any] = {}


Body = InboundMessage | DeliveryReceipt | TimerDue | OptedOut | Notice | CallAnswered | Happened | StartFlow


class Event(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """One cause, filed under its contact's home.

    ``id`` names the happening itself, so the same one told twice bears it twice: dedupe goes by it. ``at_ms`` is when we
    took it in (ms since the epoch), before any queue. ``channel`` is the name of our channel it came by.
    """

    id: str
    home: Urn
    partition: int
    channel: str
    at_ms: int
    body: Body

    @property
    def happened_ms(self) -> int:
        """The provider's receive time where it gives one, else our intake time. Windows are judged by it."""
        told = getattr(self.body, "provider_ms", None)
        return self.at_ms if told is None else int(told)
