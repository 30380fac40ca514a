"""What every store decides alike: when a row may go, what it settles to, what a timer says. Pure; stores only remember."""

from collections.abc import Container

from msgspec.structs import replace

from vaiven.model.events import Event, Happened, TimerDue
from vaiven.model.messages import AGEING_MS, PRIORITY, MessageClass
from vaiven.model.outbox import QUEUED, STEP_ASIDE_MS, RowState
from vaiven.model.receipts import DeliveryReceipt, DeliveryStatus, merge
from vaiven.model.turns import Timer, Turn
from vaiven.model.urns import partition_of

REACH = 512
"""How many of a home's newest rows a receipt that names only a provider id, or a watermark, looks through."""

WAITING = frozenset({RowState.QUEUED, RowState.RETRY, RowState.HELD})
"""States that a claim may take a row from."""

UNCERTAIN = frozenset({RowState.HELD, RowState.UNKNOWN})
"""States of a row whose last attempt nobody knows the outcome of."""

_CONSENT = MessageClass.CONSENT

STATES = {str(state): state for state in RowState}
STATUSES = {str(status): status for status in DeliveryStatus}


def rank(message_class: MessageClass, created_ms: int, not_before_ms: int) -> tuple[int, int]:
    """Where a row stands in the queue of its channel, least first; it never changes, so queues need no sorting anew.

    Waiting counts from when the row could first go, else last night's reminders would pass this morning's codes.
    """
    since = max(created_ms, not_before_ms)
    return since + PRIORITY[message_class] * AGEING_MS, since


def wake_ms(state: RowState, not_before_ms: int, retry_ms: int) -> int:
    """The instant before which a waiting row may not go."""
    return not_before_ms if state is QUEUED else max(not_before_ms, retry_ms)


def holds(state: RowState, wake: int, now_ms: int) -> bool:
    """Whether a row that is not final keeps later rows of its home and channel waiting."""
    return state not in WAITING or wake - now_ms <= STEP_ASIDE_MS


def doom(
    message_class: MessageClass,
    not_after_ms: int | None,
    control: int,
    sender: str,
    opt_outs: Container[str],
    controller: int,
    now_ms: int,
) -> RowState | None:
    """The final state of a row that must not go any more, though its moment has come; None if it may go."""
    if not_after_ms is not None and not_after_ms <= now_ms:
        return RowState.EXPIRED
    if message_class is not _CONSENT and (sender in opt_outs or controller > control):
        return RowState.SUPPRESSED
    return None


def settled(told: DeliveryStatus | None, state: RowState) -> RowState:
    """What an attempt settles to when a receipt has ``told`` of it already: the provider has it, whatever we believed.

    Told of a failure, it was refused, unless we know that it was accepted first.
    """
    if told is None:
        return state
    return RowState.REJECTED if told is DeliveryStatus.FAILED and state is not RowState.ACCEPTED else RowState.ACCEPTED


def delivered(
    state: RowState, known: DeliveryStatus | None, reason: str | None, receipt: DeliveryReceipt
) -> tuple[RowState, DeliveryStatus, str | None]:
    """A row's state, delivery and reason after one more receipt. The order that receipts come in makes no difference."""
    status = merge(known, receipt.status)
    failed = status is DeliveryStatus.FAILED
    if state in UNCERTAIN:
        state = RowState.REJECTED if failed else RowState.ACCEPTED
    elif state is RowState.REJECTED and known is DeliveryStatus.FAILED and not failed:
        state = RowState.ACCEPTED
    if failed and known is not DeliveryStatus.FAILED:
        reason = receipt.error or receipt.word or reason
    elif known is DeliveryStatus.FAILED and not failed:
        reason = None
    return state, status, reason


def timer_event(timer: Timer, partitions: int, now_ms: int) -> Event:
    """The event that a timer becomes when it falls due. Its id names this arming, so the same one again is a duplicate."""
    return Event(
        id=f"timer:{timer.home}:{timer.key}:{timer.session}:{timer.visit}:{timer.due_ms}",
        home=timer.home,
        partition=partition_of(timer.home, partitions),
        channel=timer.channel,
        at_ms=now_ms,
        body=TimerDue(key=timer.key, session=timer.session, step=timer.step, visit=timer.visit, due_ms=timer.due_ms),
    )


def tells(turn: Turn) -> bool:
    """Whether a turn tells other homes something: then every earlier event of its partition must be handled first."""
    return bool([row for row in turn.rows if row.tell is not None])


def revived(event: Event, now_ms: int) -> Event:
    """A dead letter's event as if it came now. A word from another home is no longer in that one's order, so no copy of any."""
    body = event.body
    if isinstance(body, Happened) and body.row:
        body = replace(body, origin=0, row=0)
    return replace(event, at_ms=now_ms, body=body)


def taken(known: tuple[int, int] | None, epoch: int, *, first: bool) -> tuple[int, int]:
    """The takes of an event that is taken under this epoch, and the epoch; ``known`` is what an earlier take left.

    ``first``: nothing of its partition is given before it, so it may be why its last owner died.
    """
    if known is None:
        return 0, epoch
    takes, last = known
    if last == epoch:
        return known
    return (takes + 1 if first else max(takes, 1)), epoch
