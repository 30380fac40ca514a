"""One event and one contact's state in, one ``Turn`` out. Pure: everything that a commit saves is decided here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from msgspec.structs import replace as changed

from vaiven.channels.contract import Channel
from vaiven.channels.text import split, to_gsm
from vaiven.flow.step import Facts, FlowSet, Stepped, step
from vaiven.model.contacts import Contact, ContactState, below_floor, digest_of, remember, seen
from vaiven.model.effects import CancelTimer, Effect, OptIn, OptOut, Recorded, Send, StartTimer, Tally
from vaiven.model.events import Event, Notice, OptedOut
from vaiven.model.messages import Capabilities, InboundMessage, MessageClass, MessageKind, OutboundMessage
from vaiven.model.outbox import ROWS_A_TURN, OutboxRow
from vaiven.model.receipts import DeliveryReceipt
from vaiven.model.turns import Consent, Taken, Timer, Turn, TurnRecord
from vaiven.model.urns import Urn, scheme_of

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS

VALID_MS = {
    MessageClass.CONSENT: HOUR_MS,
    MessageClass.OTP: 10 * MINUTE_MS,
    MessageClass.ALERT: HOUR_MS,
    MessageClass.REPLY: 24 * HOUR_MS,
    MessageClass.RECEIPT: HOUR_MS,
    MessageClass.NOTICE: 24 * HOUR_MS,
    MessageClass.REMINDER: 24 * HOUR_MS,
    MessageClass.MARKETING: 24 * HOUR_MS,
    MessageClass.PREMIUM: 24 * HOUR_MS,
}
"""After so long a message is dropped, not sent: a stale code or receipt would only confuse."""

UNHEARD = frozenset({MessageKind.ECHO, MessageKind.SYSTEM, MessageKind.DELETED, MessageKind.EDITED, MessageKind.OPTIN})
"""Kinds that are not the person talking to the flow: they are recorded, and no flow hears them."""

LATE = "older than the ring of known ids"
STATELESS = (DeliveryReceipt, Notice)


@dataclass(frozen=True, slots=True)
class Line:
    """One of our channels as a turn needs it; ``stop_reply`` is ``ours`` or ``provider``."""

    channel: Channel
    stop_reply: str = "ours"

    def facts(self, address: str) -> Facts:
        return Facts(self.channel.capabilities(scheme_of(address)), self.channel.sender, self.stop_reply)


Step = Callable[[FlowSet, ContactState, Event, Facts, int], Stepped]


class Decider:
    """Decides turns for one bot. ``step`` is handed in so that tests can plant a failing one."""

    def __init__(self, flows: FlowSet, lines: Mapping[str, Line], step: Step = step) -> None:
        self.flows = flows
        self._lines = lines
        self._step = step
        self._facts: dict[tuple[str, str], Facts] = {}

    def stateless(self, taken: Taken, epoch: int, now_ms: int) -> Turn:
        """The turn of a receipt or a notice: no contact is read or touched."""
        event, body = taken.event, taken.event.body
        record = TurnRecord(taken.number, 0, 0, now_ms, event)
        receipt = body if isinstance(body, DeliveryReceipt) else None
        return Turn(epoch=epoch, number=taken.number, event=event, receipt=receipt, record=record)

    def decide(self, taken: Taken, epoch: int, state: ContactState, now_ms: int) -> Turn:
        """The turn of anything that concerns a contact: a message, a timer, a provider's word that they opted out."""
        event, body, contact = taken.event, taken.event.body, state.contact
        ring, floor_ms = contact.ring, contact.floor_ms
        if isinstance(body, InboundMessage):
            digest = digest_of(event.id)
            if seen(contact, digest):
                return Turn(epoch=epoch, number=taken.number, event=event)
            if below_floor(contact, body.provider_ms):
                return Turn(epoch=epoch, number=taken.number, event=event, buried=LATE)
            ring, floor_ms = remember(contact, digest, event.happened_ms)
            contact = _learn(contact, event, body)
        if event.channel not in self._lines:
            return Turn(epoch=epoch, number=taken.number, event=event, buried=f"no channel is named {event.channel!r}")
        address = contact.addresses.get(event.channel, contact.home)
        facts = self._facts_for(event.channel, address)
        if isinstance(body, InboundMessage) and body.kind in UNHEARD:
            effects: tuple[Effect, ...] = (Recorded("unheard", body.kind.value),)
            stepped = Stepped(contact, state.sessions.get(event.channel), effects)
        else:
            stepped = self._step(self.flows, ContactState(contact, state.sessions), event, facts, now_ms)
        contact = changed(stepped.contact, version=contact.version + 1, last=taken.number, ring=ring, floor_ms=floor_ms)
        return _turn(taken, epoch, state, contact, stepped, facts, address, now_ms)

    def _facts_for(self, channel: str, address: str) -> Facts:
        key = (channel, scheme_of(address))
        facts = self._facts.get(key)
        if facts is None:
            facts = self._facts[key] = self._lines[channel].facts(address)
        return facts


def _turn(
    taken: Taken, epoch: int, before: ContactState, contact: Contact, stepped: Stepped, facts: Facts, address: Urn, now_ms: int
) -> Turn:
    """What a step decided, as a commit saves it."""
    event, effects, channel = taken.event, stepped.effects, taken.event.channel
    sessions = before.sessions
    if stepped.session is not sessions.get(channel):
        sessions = sessions.copy()
        if stepped.session is not None:
            sessions[channel] = stepped.session
        else:
            del sessions[channel]
    record = TurnRecord(
        number=taken.number,
        version=contact.version,
        previous=before.contact.last,
        at_ms=now_ms,
        event=event,
        effects=effects,
        after=ContactState(changed(contact, ring=b""), sessions),
        flow=stepped.flow,
    )
    rows: list[OutboxRow] = []
    timers: list[Timer] = []
    cancelled: list[str] = []
    tallies: list[Tally] = []
    consents: list[Consent] = []
    for effect in effects:
        match effect:
            case Send():
                _say(effect, rows, taken, contact, facts, address, now_ms)
            case Tally():
                tallies.append(effect)
            case StartTimer(key, due_ms, session, step_name, visit):
                timers.append(Timer(contact.home, channel, key, due_ms, session, step_name, visit))
            case CancelTimer(key):
                cancelled.append(key)
            case OptOut(word) | OptIn(word):
                sender = event.body.sender if isinstance(event.body, OptedOut) else facts.sender
                consents.append(Consent(contact.home, sender, isinstance(effect, OptOut), event.at_ms, word, event.id))
            case _:
                pass
    return Turn(
        epoch=epoch,
        number=taken.number,
        event=event,
        base=before.contact.version,
        state=ContactState(contact, sessions),
        rows=tuple(rows),
        timers=tuple(timers),
        cancelled=tuple(cancelled),
        tallies=tuple(tallies),
        consents=tuple(consents),
        record=record,
    )


def _say(send: Send, rows: list[OutboxRow], taken: Taken, contact: Contact, facts: Facts, address: Urn, now_ms: int) -> None:
    """One row a part, in the order said."""
    event, message_class = taken.event, send.message_class
    for message in _parts(send, facts.capabilities):
        if len(rows) == ROWS_A_TURN:
            raise OverflowError(f"a turn sends at most {ROWS_A_TURN} parts")
        rows.append(
            OutboxRow(
                partition=event.partition,
                row=taken.number * ROWS_A_TURN + len(rows),
                home=contact.home,
                channel=event.channel,
                sender=facts.sender,
                to=address,
                message=message,
                message_class=message_class,
                created_ms=now_ms,
                not_after_ms=now_ms + VALID_MS[message_class],
                control=contact.control,
            )
        )


def _parts(send: Send, can: Capabilities) -> list[OutboundMessage]:
    """The text cut at the channel's limit; options hang on the last part."""
    text = to_gsm(send.text) if can.sms else send.text
    limit = min(can.text_limit, can.option_text_limit) if send.options else can.text_limit
    last = OutboundMessage(text, send.options, send.layout, send.list_button)
    if len(text) * 2 <= limit:
        return [last]
    *texts, text = split(text, limit, can.sms)
    return [*(OutboundMessage(each) for each in texts), changed(last, text=text)]


def _learn(contact: Contact, event: Event, message: InboundMessage) -> Contact:
    """What a message tells about its person: where to answer, the profile's name, the channel's language."""
    changes: dict[str, object] = {}
    if contact.addresses.get(event.channel) != message.sender:
        changes["addresses"] = {**contact.addresses, event.channel: message.sender}
    if message.profile_name and message.profile_name != contact.name:
        changes["name"] = message.profile_name
    if message.lang and contact.lang is None:
        changes["lang"] = message.lang
    return changed(contact, **changes) if changes else contact
