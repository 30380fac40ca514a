"""What must still be sent, and the states that a row of it goes through.

    queued -> claimed -> dialed -> accepted | rejected | retry | unknown            (and suppressed, expired at the claim)

A claimed row that was never dialed is free to try again. A dialed one without an answer is ``unknown``, and its message
class decides what follows (``model.messages.unknown_policy``).
"""

from enum import StrEnum

import msgspec

from vaiven.model.calls import OutboundCall, Told
from vaiven.model.events import Event
from vaiven.model.messages import MessageClass, OutboundMessage
from vaiven.model.receipts import DeliveryStatus
from vaiven.model.urns import Urn

ROWS_A_TURN = 256
"""Row ids are ``event number * ROWS_A_TURN + index``: unique in the partition, and in commit order."""

STEP_ASIDE_MS = 5_000
"""A row whose retry is further away than this no longer holds those behind it."""


class RowState(StrEnum):
    QUEUED = "queued"
    CLAIMED = "claimed"
    DIALED = "dialed"
    RETRY = "retry"
    HELD = "held"
    """Unknown, and waiting for a receipt until ``retry_ms``; then it goes once more."""
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    UNKNOWN = "unknown"
    """Unknown for good, until a receipt tells."""
    SUPPRESSED = "suppressed"
    EXPIRED = "expired"


QUEUED, DIALED, ACCEPTED, REJECTED = RowState.QUEUED, RowState.DIALED, RowState.ACCEPTED, RowState.REJECTED
"""For the road: a member costs as much as a call each time that it is looked up in its enum (docs/decisions/0034)."""

FINAL = frozenset({RowState.ACCEPTED, RowState.REJECTED, RowState.UNKNOWN, RowState.SUPPRESSED, RowState.EXPIRED})


class OutboxRow(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """One part for one provider call.

    ``sender`` is our own address as opt-outs are filed under it; ``to`` the person's. ``control`` is the number of the
    controller (bot or agent) when the row was made: the claim suppresses a row whose contact has a higher one by then.
    ``not_before_ms`` and ``not_after_ms`` (half-open) bound when it may be claimed. ``unknowns`` counts unknown outcomes.
    A row with a ``call`` or a ``tell`` is no message: its ``channel`` is ``CALLS`` or ``TELLS``, its ``sender`` empty, so that no
    opt-out stops it. That of a word goes to ``to``, and its ``home`` is its lane (``telling_home``).
    """

    partition: int
    row: int
    home: Urn
    channel: str
    sender: str
    to: Urn
    message: OutboundMessage
    message_class: MessageClass
    created_ms: int
    not_before_ms: int = 0
    not_after_ms: int | None = None
    control: int = 0
    state: RowState = RowState.QUEUED
    attempt: int = 0
    unknowns: int = 0
    retry_ms: int = 0
    provider_id: str | None = None
    reason: str | None = None
    delivery: DeliveryStatus | None = None
    call: OutboundCall | None = None
    tell: Told | None = None

    @property
    def reference(self) -> str:
        """What the provider is asked to bring back in its receipts."""
        return f"{self.partition}.{self.row}"


class Settlement(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """What became of one attempt. ``state`` is one of accepted, rejected, retry, held, unknown, or queued (never dialed).

    ``held`` and ``unknown`` count one more unknown outcome of the row. ``event`` is appended to the inbox in the same step
    (the provider told us that the person opted out).
    """

    partition: int
    epoch: int
    row: int
    attempt: int
    state: RowState
    provider_id: str | None = None
    reason: str | None = None
    retry_ms: int = 0
    event: Event | None = None
