"""Values for tests, with as little said as a test needs to say."""

from collections.abc import Sequence
from itertools import count
from typing import Any

from msgspec.structs import replace

from vaiven.model.contacts import Contact, ContactState
from vaiven.model.events import Body, Event
from vaiven.model.messages import InboundMessage, MessageClass, OutboundMessage
from vaiven.model.outbox import ROWS_A_TURN, OutboxRow
from vaiven.model.turns import Turn, TurnRecord
from vaiven.model.urns import Urn, partition_of

HOME = Urn("tel:+12025550100")
SENDER = Urn("tel:+12025550199")
CHANNEL = "sms"
AT_MS = 1_800_000_000_000

_ids = count(1)


def make_event(
    home: str = HOME,
    *,
    partitions: int = 1,
    id: str | None = None,
    body: Body | None = None,
    channel: str = CHANNEL,
    at_ms: int = AT_MS,
) -> Event:
    """An event of this home, a text message unless told otherwise. Its id is a new one unless given."""
    name = id or f"event-{next(_ids)}"
    words = InboundMessage(id=name, sender=Urn(home), text="1") if body is None else body
    return Event(id=name, home=Urn(home), partition=partition_of(home, partitions), channel=channel, at_ms=at_ms, body=words)


def make_state(home: str = HOME, version: int = 1, **fields: Any) -> ContactState:
    """A contact's state without sessions. ``fields`` are those of ``Contact``."""
    return ContactState(Contact(home=Urn(home), version=version, **fields))


def make_row(event: Event, number: int, index: int = 0, **fields: Any) -> OutboxRow:
    """A reply to this event, its ``index``-th row. ``fields`` are those of ``OutboxRow``."""
    row = OutboxRow(
        partition=event.partition,
        row=number * ROWS_A_TURN + index,
        home=event.home,
        channel=event.channel,
        sender=SENDER,
        to=event.home,
        message=OutboundMessage(text="Thank you."),
        message_class=MessageClass.REPLY,
        created_ms=event.at_ms,
    )
    return replace(row, **fields)


def make_turn(
    event: Event, number: int, epoch: int, base: int = 0, *, rows: Sequence[OutboxRow] = (), touching: bool = True, **fields: Any
) -> Turn:
    """The turn of this event, with a record, and with a state of the next version unless it is not ``touching`` the contact.

    ``fields`` are those of ``Turn``.
    """
    state = make_state(event.home, base + 1, last=number) if touching else None
    after = fields.get("state", state)
    record = TurnRecord(number=number, version=base + 1, previous=0, at_ms=event.at_ms, event=event, after=after)
    turn = Turn(epoch=epoch, number=number, event=event, base=base, state=state, rows=tuple(rows), record=record)
    return replace(turn, **fields)
