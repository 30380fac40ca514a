"""From what a call came to, to what becomes of its row and what the flow is told. Pure."""

import random
from typing import Any

import msgspec

from vaiven.channels.json import read_json
from vaiven.model.calls import MAX_ANSWER, OutboundCall
from vaiven.model.errors import Unreadable
from vaiven.model.events import CallAnswered, Event
from vaiven.model.outbox import OutboxRow, RowState
from vaiven.runtime.errands import Ending
from vaiven.runtime.pacing import backoff_ms

SLACK_MS = 300_000
"""So much later than all its attempts may take, a call is still made: what waited for a restart is not given up."""
LONGEST_PAUSE_MS = 30_000
"""Somebody waits for the answer, so no two attempts are further apart."""
DEPTH = 32
"""A deeper answer is no JSON to us."""
LOST = 5
"""A repeatable call whose owners died over it so often is not made again."""

PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Answers that may be others next time."""
NOT_DONE = frozenset({425, 429, 503})
"""Of these, those that say that nothing was done."""
_AGAIN = frozenset({"timeout", "unknown", "refused"})

_decoder = msgspec.json.Decoder()


class Answered(msgspec.Struct, frozen=True, gc=False):
    """What the other side answered. ``after_s``: it asked to wait this long. ``flaw`` names why its body was not read."""

    status: int
    body: bytes
    after_s: float | None = None
    flaw: str = ""


class NoAnswer(msgspec.Struct, frozen=True, gc=False):
    """There is no answer. ``sent`` False: certainly nothing of the call reached anybody."""

    reason: str
    sent: bool


class Came(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """What an attempt came to; ``reason`` is empty when it went well, else as ``CallAnswered`` has it.

    ``passing``: it may go better another time. ``undone``: certainly nothing was done. ``after_ms``: wait at least so long.
    """

    reason: str = ""
    status: int = 0
    result: Any = None
    passing: bool = False
    undone: bool = False
    after_ms: int = 0


def heard(answer: Answered | NoAnswer) -> Came:
    """What an HTTP call came to."""
    if isinstance(answer, NoAnswer):
        return Came(answer.reason, passing=answer.reason in _AGAIN, undone=not answer.sent)
    status, flaw, result = answer.status, answer.flaw, None
    if not flaw and answer.body:
        try:
            result = _fit(read_json(_decoder, answer.body))
        except Unreadable:
            flaw = "no json"
    if 200 <= status < 300:
        return Came(flaw, status, result)
    after_ms = int((answer.after_s or 0) * 1000)
    return Came(f"http {status}", status, result, status in PASSING, status in NOT_DONE, after_ms)


def gave(result: Any) -> Came:
    """What an action came to that gave this: its JSON is what the flow gets."""
    try:
        told = msgspec.json.encode(result)
        if len(told) > MAX_ANSWER:
            return Came("too big")
        return Came(result=_fit(read_json(_decoder, told)))
    except (TypeError, ValueError, OverflowError, RecursionError, Unreadable):
        return Came("no json")


def raised(error: BaseException) -> Came:
    """What an action came to that raised this."""
    return Came(f"raised {type(error).__name__}", passing=True)


def overdue(row: OutboxRow, call: OutboundCall, now_ms: int) -> Came | None:
    """Why it is too late to make this call at all; None if it is not."""
    if now_ms < row.created_ms + valid_ms(call):
        return None
    return Came("unknown" if row.unknowns else "timeout")


def valid_ms(call: OutboundCall) -> int:
    """How long after its turn a call may be made: all its attempts and the pauses between, and some slack."""
    return (call.retries + 1) * call.timeout_ms + call.retries * LONGEST_PAUSE_MS + SLACK_MS


def ending(row: OutboxRow, call: OutboundCall, came: Came, now_ms: int, jitter: random.Random) -> Ending:
    """What becomes of this attempt: made again, or answered.

    What may have been done is done again only if that is harmless.
    """
    retry_ms = now_ms + max(min(backoff_ms(row, jitter), LONGEST_PAUSE_MS), came.after_ms)
    attempts_left = row.attempt - row.unknowns <= call.retries
    if came.passing and attempts_left and (came.undone or call.repeatable) and came.after_ms <= LONGEST_PAUSE_MS:
        return Ending(RowState.RETRY, came.reason, retry_ms)
    return answer(row, call, came, now_ms)


def lost(row: OutboxRow, call: OutboundCall, now_ms: int) -> Ending:
    """What becomes of a call that was under way when its owner died: made again if that is harmless, whatever its retries."""
    if call.repeatable and row.unknowns < LOST:
        return Ending(RowState.HELD, "unknown", now_ms)
    return answer(row, call, Came("unknown"), now_ms)


def answer(row: OutboxRow, call: OutboundCall, came: Came, now_ms: int) -> Ending:
    """The last word on a call: its row is final, and the flow is told. The event bears the row's name, so it comes once."""
    body = CallAnswered(call.session, call.step, call.visit, came.status, came.result, came.reason)
    event = Event(f"call:{row.reference}", row.home, row.partition, call.channel, now_ms, body)
    state = RowState.ACCEPTED
    if came.reason:
        state = RowState.UNKNOWN if came.reason == "unknown" else RowState.REJECTED
    return Ending(state, came.reason or None, event=event)


def _fit(value: Any, depth: int = DEPTH) -> Any:
    """The value, if stores can keep it. Raises Unreadable."""
    if isinstance(value, dict | list):
        if depth == 0:
            raise Unreadable("nested too deep")
        for each in value.values() if isinstance(value, dict) else value:
            _fit(each, depth - 1)
    elif isinstance(value, int) and not -(1 << 63) <= value < 1 << 64:
        raise Unreadable("a number beyond 64 bits")
    return value
