"""One turn, and what the store answers to it."""

import msgspec

from vaiven.model.contacts import ContactState
from vaiven.model.effects import Effect, Tally
from vaiven.model.events import Event
from vaiven.model.outbox import OutboxRow
from vaiven.model.receipts import DeliveryReceipt
from vaiven.model.urns import Urn


class Taken(msgspec.Struct, frozen=True, gc=False):
    """An event of the inbox with its number in its partition, and how often it was taken back from there before."""

    number: int
    event: Event
    takes: int = 0


class Timer(msgspec.Struct, frozen=True, gc=False):
    """A durable timer of a contact. ``(home, key)`` names it: arming the same key again replaces it."""

    home: Urn
    channel: str
    key: str
    due_ms: int
    session: str
    step: str
    visit: int


class Consent(msgspec.Struct, frozen=True, gc=False):
    """One line of the opt-out ledger: what this person last said to this sender, when, in which word, by which event."""

    home: Urn
    sender: str
    opted_out: bool
    at_ms: int
    word: str
    event: str


class TurnRecord(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """The history of one turn.

    ``previous`` is the number of the contact's turn before this one, 0 for the first. ``flow`` is the hash of the
    document whose words were used. ``after`` is the state the turn left, without the ring; the state before it is the
    ``after`` of ``previous``. ``facts`` are what the step was told besides.
    """

    number: int
    version: int
    previous: int
    at_ms: int
    event: Event
    effects: tuple[Effect, ...] = ()
    after: ContactState | None = None
    flow: str = ""
    facts: dict[str, int] = {}


class Turn(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """Everything one event did, to be saved in one commit.

    ``base`` is the contact's version that the turn was computed on; ``state`` carries ``base + 1``. ``state`` None: the
    contact is not touched (a duplicate, a receipt, a notice). ``buried`` sets the event aside as a dead letter.
    """

    epoch: int
    number: int
    event: Event
    base: int = 0
    state: ContactState | None = None
    rows: tuple[OutboxRow, ...] = ()
    timers: tuple[Timer, ...] = ()
    cancelled: tuple[str, ...] = ()
    tallies: tuple[Tally, ...] = ()
    consents: tuple[Consent, ...] = ()
    receipt: DeliveryReceipt | None = None
    record: TurnRecord | None = None
    buried: str | None = None


class Committed(msgspec.Struct, frozen=True, gc=False):
    """The turn is saved. ``dialed`` are those of its rows that the same commit claimed and marked dialed."""

    number: int
    dialed: tuple[OutboxRow, ...] = ()


class AlreadyHandled(msgspec.Struct, frozen=True, gc=False):
    """The event is no longer in the inbox: an earlier commit did it. Nothing was changed."""

    id: str


class SessionMoved(msgspec.Struct, frozen=True, gc=False):
    """The contact has another version than the turn's base. Nothing was changed; load and step again."""

    home: Urn
    version: int


class LeaseLost(msgspec.Struct, frozen=True, gc=False):
    """Somebody else owns the partition now. Nothing was changed."""

    partition: int


class Unreached(msgspec.Struct, frozen=True, gc=False):
    """Nobody answered where the partition lies, which is not where all do. It may be saved or not; commit it again."""

    partition: int


Verdict = Committed | AlreadyHandled | SessionMoved | LeaseLost | Unreached


class DeadLetter(msgspec.Struct, frozen=True, gc=False):
    """An event that was set aside, with its reason."""

    number: int
    event: Event
    reason: str
    at_ms: int
