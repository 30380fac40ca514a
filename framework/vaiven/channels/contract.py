"""What a channel does: four pure functions, a table of capabilities, and a handshake where the provider has one.

Bytes in, values out. Nothing here opens a socket: the web room hands requests in, the sender makes the calls.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Protocol

import msgspec

from vaiven.model.events import Notice
from vaiven.model.messages import Capabilities, InboundMessage
from vaiven.model.outbox import OutboxRow
from vaiven.model.receipts import DeliveryReceipt
from vaiven.model.urns import Urn

Inbound = InboundMessage | DeliveryReceipt | Notice


class WebhookRequest(msgspec.Struct, frozen=True, gc=False):
    """One HTTP request from a provider. ``headers`` have lower-case names; ``url`` is our public one, never from Host.

    ``url`` is whole, with its query; ``query`` is the raw query string once more, as received, without ``?``.
    """

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes = b""
    query: str = ""


class WebhookAnswer(msgspec.Struct, frozen=True, gc=False):
    """What the provider is answered with after everything was accepted, or to its handshake."""

    status: int = 200
    body: bytes = b""
    content_type: str = "text/plain"


class ProviderRequest(msgspec.Struct, frozen=True, gc=False):
    """One HTTP request to a provider, ready to go: header values are complete, the body is bytes."""

    method: str
    url: str
    headers: tuple[tuple[str, str], ...]
    body: bytes


class ProviderResponse(msgspec.Struct, frozen=True, gc=False):
    """What came back. ``headers`` have lower-case names, or do not mind."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Result(StrEnum):
    """The outcome classes of a send."""

    ACCEPTED = "accepted"
    THROTTLED = "throttled"
    RETRY = "retry"
    """Certainly not accepted; may go again."""
    AMBIGUOUS = "ambiguous"
    """Nobody knows: the message class decides."""
    REJECTED = "rejected"
    BAD_RECIPIENT = "bad_recipient"
    OPTED_OUT = "opted_out"
    OUT_OF_WINDOW = "out_of_window"
    BLOCKED_POLICY = "blocked_policy"
    CONFIG = "config"
    """Our account or sender is not fit to send: pause the sender, keep the queue."""


class Outcome(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """What one call came to. ``reason`` is a short code fit for logs (``twilio:21610``), never the provider's prose.

    ``after_s``: the provider asked to wait this long. ``temporary``: a bad recipient that may be good later. ``learned``: every
    address of the person that the answer told, the stable one first, where it told more than one.
    """

    result: Result
    provider_id: str | None = None
    reason: str | None = None
    after_s: float | None = None
    temporary: bool = False
    learned: tuple[Urn, ...] = ()


class Channel(Protocol):
    """One of our ends of the line, made from its settings in ``bot.yaml``.

    ``sender`` is our own address, as opt-outs are filed under it.
    """

    name: str
    sender: str

    def capabilities(self, scheme: str) -> Capabilities:
        """What can be shown to an address of this scheme."""

    def verify(self, request: WebhookRequest) -> None:
        """Raise SignatureMismatch unless the provider signed this. Over raw bytes, in constant time, closed without a secret."""

    def parse(self, request: WebhookRequest) -> Sequence[Inbound]:
        """Every message, receipt and notice in the request, in order. Raises Unreadable."""

    def handshake(self, request: WebhookRequest) -> WebhookAnswer | None:
        """The answer to the provider's GET, or None if it has no handshake. Raises SignatureMismatch."""

    def answer(self) -> WebhookAnswer:
        """What a webhook is answered with once it is accepted: empty, so that no slow flow can lose a reply."""

    def build(self, row: OutboxRow) -> ProviderRequest:
        """The call that sends this row. Raises UnsupportedFeature for what cannot be said at all."""

    def read(self, response: ProviderResponse) -> Outcome:
        """What the provider's answer means."""
