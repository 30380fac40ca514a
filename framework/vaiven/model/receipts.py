"""What providers tell us later about what we sent, and the order those tellings stand in."""

from enum import StrEnum

import msgspec

from vaiven.model.urns import Urn


class DeliveryStatus(StrEnum):
    """How far a message got. ``UNKNOWN`` is a status word that we do not know; its raw word is kept."""

    ACCEPTED = "accepted"
    QUEUED = "queued"
    SENT = "sent"
    DELIVERED = "delivered"
    READ = "read"
    FAILED = "failed"
    UNKNOWN = "unknown"


class DeliveryReceipt(msgspec.Struct, frozen=True, omit_defaults=True, tag="receipt", tag_field="is", gc=False):
    """One report on one message of ours.

    ``reference`` is our own ``<partition>.<row>``, where the channel brings it back; else ``recipient`` and
    ``provider_id`` find the row. ``watermark_ms``: everything sent to the recipient up to then has this status (Messenger).
    """

    status: DeliveryStatus
    recipient: Urn | None = None
    provider_id: str | None = None
    reference: str | None = None
    word: str = ""
    error: str | None = None
    provider_ms: int | None = None
    watermark_ms: int | None = None
    learned: tuple[Urn, ...] = ()


_RANK = {
    DeliveryStatus.UNKNOWN: -1,
    DeliveryStatus.ACCEPTED: 0,
    DeliveryStatus.QUEUED: 1,
    DeliveryStatus.SENT: 2,
    DeliveryStatus.FAILED: 3,
    DeliveryStatus.DELIVERED: 4,
    DeliveryStatus.READ: 5,
}


def merge(known: DeliveryStatus | None, told: DeliveryStatus) -> DeliveryStatus:
    """The status after one more report: never down; a failure wins over ``sent`` and yields to a later delivery.

    Idempotent, commutative and associative, so doubled, reordered and late reports end in the same status.
    """
    return told if known is None or _RANK[told] > _RANK[known] else known


def parse_reference(reference: str) -> tuple[int, int] | None:
    """The ``(partition, row)`` that a reference of ours names, or None if it is not one."""
    partition, dot, row = reference.partition(".")
    plain = reference.isascii() and partition.isdigit() and row.isdigit() and len(partition) < 6 and len(row) < 19
    return (int(partition), int(row)) if dot and plain else None
