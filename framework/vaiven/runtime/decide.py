"""One event and one contact's state in, one ``Turn`` out. Pure: everything that a commit saves is decided here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from msgspec.structs import replace as changed

from vaiven.channels.contract import Channel
from vaiven.channels.text import split, to_gsm
from vaiven.flow.step import Facts, FlowSet, Stepped, step
from vaiven.model.contacts import Contact, ContactState, below_floor, remember, seen
from vaiven.model.effects import CancelTimer, Effect, OptIn, OptOut, Recorded, Send, StartTimer, Tally
from vaiven.model.events import Event, Notice, OptedOut
from vaiven.model.messages import InboundMessage, MessageClass, MessageKind, OutboundMessage
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
        if isinstance(body, InboundMessage):
            if seen(contact, event.id):
                return Turn(epoch=epoch, number=taken.number, event=event)
            if below_floor(contact, body.provider_ms):
                return Turn(epoch=epoch, number=taken.number, event=event, buried=LATE)
            contact = _learn(contact, event, body)
        if event.channel not in self._lines:
            return Turn(epoch=epoch, number=taken.number, event=event, buried=f"no channel is named {event.channel!r}")
        address = contact.addresses.get(event.channel, contact.home)
        if isinstance(body, InboundMessage) and body.kind in UNHEARD:
            effects: tuple[Effect, ...] = (Recorded("unheard", body.kind.value),)
            stepped = Stepped(contact, state.sessions.get(event.channel), effects)
        else:
            facts = self._facts_for(event.channel, address)
            stepped = self._step(self.flows, ContactState(contact, state.sessions), event, facts, now_ms)
        return self._turn(taken, epoch, state, stepped, address, now_ms)

    def _facts_for(self, channel: str, address: str) -> Facts:
        key = (channel, scheme_of(address))
        facts = self._facts.get(key)
        if facts is None:
            facts = self._facts[key] = self._lines[channel].facts(address)
        return facts

    def _turn(self, taken: Taken, epoch: int, before: ContactState, stepped: Stepped, address: Urn, now_ms: int) -> Turn:
        event, effects, old = taken.event, stepped.effects, before.contact
        sessions = before.sessions
        if stepped.session is not sessions.get(event.channel):
            sessions = {name: session for name, session in sessions.items() if name != event.channel}
            if stepped.session is not None:
                sessions[event.channel] = stepped.session
        ring, floor_ms = old.ring, old.floor_ms
        if isinstance(event.body, InboundMessage):
            ring, floor_ms = remember(old, event.id, event.happened_ms)
        version = old.version + 1
        contact = changed(stepped.contact, version=version, last=taken.number, ring=ring, floor_ms=floor_ms)
        record = TurnRecord(
            number=taken.number,
            version=version,
            previous=old.last,
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
                    self._say(effect, rows, taken, contact, address, now_ms)
                case Tally():
                    tallies.append(effect)
                case StartTimer(key, due_ms, session, step_name, visit):
                    timers.append(Timer(old.home, event.channel, key, due_ms, session, step_name, visit))
                case CancelTimer(key):
                    cancelled.append(key)
                case OptOut(word) | OptIn(word):
                    sender = event.body.sender if isinstance(event.body, OptedOut) else self._lines[event.channel].channel.sender
                    consents.append(Consent(old.home, sender, isinstance(effect, OptOut), event.at_ms, word, event.id))
                case _:
                    pass
        return Turn(
            epoch=epoch,
            number=taken.number,
            event=event,
            base=old.version,
            state=ContactState(contact, sessions),
            rows=tuple(rows),
            timers=tuple(timers),
            cancelled=tuple(cancelled),
            tallies=tuple(tallies),
            consents=tuple(consents),
            record=record,
        )

    def _say(self, send: Send, rows: list[OutboxRow], taken: Taken, contact: Contact, address: Urn, now_ms: int) -> None:
        """One row a part, in the order said."""
        event = taken.event
        for message in self._parts(send, event.channel, address):
            if len(rows) == ROWS_A_TURN:
                raise OverflowError(f"a turn sends at most {ROWS_A_TURN} parts")
            rows.append(
                OutboxRow(
                    partition=event.partition,
                    row=taken.number * ROWS_A_TURN + len(rows),
                    home=contact.home,
                    channel=event.channel,
                    sender=self._lines[event.channel].channel.sender,
                    to=address,
                    message=message,
                    message_class=send.message_class,
                    created_ms=now_ms,
                    not_after_ms=now_ms + VALID_MS[send.message_class],
                    control=contact.control,
                )
            )

    def _parts(self, send: Send, channel: str, address: Urn) -> list[OutboundMessage]:
        """The text cut at the channel's limit; options hang on the last part."""
        can = self._facts_for(channel, address).capabilities
        text = to_gsm(send.text) if can.sms else send.text
        limit = min(can.text_limit, can.option_text_limit) if send.options else can.text_limit
        texts = [text] if len(text) * 2 <= limit else split(text, limit, can.sms)
        parts = [OutboundMessage(text) for text in texts[:-1]]
        parts.append(OutboundMessage(texts[-1], send.options, send.layout, send.list_button))
        return parts


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
