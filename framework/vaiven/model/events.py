"""Something happened. Every cause is an event, stored before anyone is told that we have it."""

import msgspec

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


Body = InboundMessage | DeliveryReceipt | TimerDue | OptedOut | Notice


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
