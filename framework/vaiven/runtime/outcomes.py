"""From what the provider answered to what becomes of the row. Pure: the class of the message decides what an unknown is worth."""

import random

import msgspec

from vaiven.channels.contract import Outcome, Result
from vaiven.model.events import Event, OptedOut
from vaiven.model.messages import UnknownPolicy, unknown_policy
from vaiven.model.outbox import ACCEPTED, REJECTED, OutboxRow, RowState, Settlement
from vaiven.runtime.pacing import backoff_ms

CONFIG_PAUSE_MS = 30_000
"""How long a sender rests whose account or number is not fit to send: somebody must act first."""

THROTTLE_PAUSE_MS = 1_000
_ACCEPTED = Result.ACCEPTED

TEMPORARY_ATTEMPTS = 4
"""A recipient who cannot be reached now is tried so often in all."""


class Settled(msgspec.Struct, frozen=True, gc=False):
    """The settlement, and until when the whole sender should rest, if it should."""

    settlement: Settlement
    pause_until_ms: int | None = None


def settle(row: OutboxRow, epoch: int, outcome: Outcome, now_ms: int, hold_ms: int, jitter: random.Random) -> Settled:
    """What becomes of this attempt. ``hold_ms``: how long a row of unknown outcome waits for a receipt."""
    after_ms = None if outcome.after_s is None else int(outcome.after_s * 1000)
    if outcome.result == _ACCEPTED:
        return Settled(Settlement(row.partition, epoch, row.row, row.attempt, ACCEPTED, outcome.provider_id, outcome.reason))
    state, retry_ms, pause_ms, event = REJECTED, 0, None, None
    match outcome.result:
        case Result.AMBIGUOUS:
            state, retry_ms = _unknown(row, now_ms, hold_ms)
        case Result.RETRY:
            state, retry_ms = RowState.RETRY, now_ms + (after_ms or backoff_ms(row, jitter))
        case Result.THROTTLED:
            state, retry_ms = RowState.RETRY, now_ms + (after_ms or backoff_ms(row, jitter))
            pause_ms = now_ms + (after_ms or THROTTLE_PAUSE_MS)
        case Result.CONFIG:
            state, retry_ms, pause_ms = RowState.RETRY, now_ms + CONFIG_PAUSE_MS, now_ms + CONFIG_PAUSE_MS
        case Result.BAD_RECIPIENT if outcome.temporary and row.attempt < TEMPORARY_ATTEMPTS:
            state, retry_ms = RowState.RETRY, now_ms + (after_ms or backoff_ms(row, jitter))
        case Result.OPTED_OUT:
            event = _opted_out(row, outcome, now_ms)
        case _:
            pass
    attempt = Settlement(row.partition, epoch, row.row, row.attempt, state, outcome.provider_id, outcome.reason, retry_ms, event)
    return Settled(attempt, pause_ms)


def _unknown(row: OutboxRow, now_ms: int, hold_ms: int) -> tuple[RowState, int]:
    """Held until when, or unknown for good: the second unknown always is."""
    policy = unknown_policy(row.message_class)
    if policy is UnknownPolicy.NEVER or row.unknowns:
        return RowState.UNKNOWN, 0
    return RowState.HELD, now_ms if policy is UnknownPolicy.AT_ONCE else now_ms + hold_ms


def _opted_out(row: OutboxRow, outcome: Outcome, now_ms: int) -> Event:
    """The provider knows of an opt-out that we do not: it comes in by the first door, like any other cause."""
    return Event(
        id=f"opted_out:{row.channel}:{row.reference}",
        home=row.home,
        partition=row.partition,
        channel=row.channel,
        at_ms=now_ms,
        body=OptedOut(row.sender, outcome.reason or ""),
    )
