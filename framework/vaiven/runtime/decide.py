"""One event and one contact's state in, one ``Turn`` out. Pure: everything that a commit saves is decided here."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from msgspec.structs import replace as changed

from vaiven.channels.contract import Channel
from vaiven.channels.text import split, to_gsm
from vaiven.flow.step import Facts, FlowSet, Stepped, step
from vaiven.model.calls import CALLS, HOOKS, TELLS, OutboundCall, ReplyTo, Told, telling_home
from vaiven.model.contacts import Contact, ContactState, below_floor, digest_of, remember, seen
from vaiven.model.effects import Call, CancelTimer, Control, HandOff, OptIn, OptOut, Recorded, Send, StartTimer, Tally, Tell
from vaiven.model.events import Event, Happened, Notice, OptedOut
from vaiven.model.messages import Capabilities, InboundMessage, Layout, Media, MessageClass, OutboundMessage
from vaiven.model.outbox import ROWS_A_TURN, OutboxRow
from vaiven.model.receipts import DeliveryReceipt
from vaiven.model.turns import Consent, Taken, Timer, Turn, TurnRecord
from vaiven.model.urns import Urn, scheme_of
from vaiven.runtime import desk, window
from vaiven.runtime.facts import FactReader
from vaiven.runtime.feed import Feed
from vaiven.runtime.happenings import gave_up, is_hook
from vaiven.runtime.heard import TOLD, channel_of, hear
from vaiven.runtime.people import queue_word
from vaiven.runtime.resources import Resources, is_resource

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

LATE = "older than the ring of known ids"
UNTOLD = "an event could not be delivered to its webhook"
WINDOW_CLOSED = "window_closed"
"""Recorded of a text that no channel would have taken any more."""
NO_WORDS = OutboundMessage("")
STATELESS = (DeliveryReceipt, Notice)
NOBODY = Facts(Capabilities(0), "")
NONE = Resources({})


@dataclass(frozen=True, slots=True)
class Line:
    """One of our channels as a turn needs it; ``stop_reply`` is ``ours`` or ``provider``."""

    channel: Channel
    stop_reply: str = "ours"

    def facts(self, address: str) -> Facts:
        return Facts(self.channel.capabilities(scheme_of(address)), self.channel.sender, self.stop_reply)


Step = Callable[[FlowSet, ContactState, Event, Facts, int], Stepped]


class Decider:
    """Decides turns for one bot. ``step`` is handed in so that tests can plant a failing one; without a ``feed`` none is told."""

    def __init__(
        self,
        flows: FlowSet,
        lines: Mapping[str, Line],
        step: Step = step,
        resources: Resources = NONE,
        reader: FactReader | None = None,
        feed: Feed | None = None,
    ) -> None:
        self.flows = flows
        self._feed = feed
        self.reader = reader
        self._resources = resources
        self._lines = lines
        self._step = step
        self._facts: dict[tuple[str, str], Facts] = {}

    def adopt(self, flows: FlowSet) -> None:
        """From the next turn on, decide by these."""
        self.flows = flows
        if self.reader is not None:
            self.reader.ask(flows.asks)

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
        elif isinstance(body, TOLD):
            told = hear(contact, event)
            if told is None:
                return Turn(epoch=epoch, number=taken.number, event=event)
            contact, ring, floor_ms = told, told.ring, told.floor_ms
        if event.channel not in self._lines:
            if contact.home in self._resources:
                if gave_up(event):
                    return Turn(epoch=epoch, number=taken.number, event=event, buried=UNTOLD)
                after, effects = self._resources.step(contact, event, now_ms)
                same = after is contact
                contact = changed(after, version=contact.version + 1, last=taken.number)
                stepped = Stepped(contact, None, effects)
                words = self._feed.passed_on(event) if self._feed is not None else ()
                turn = _turn(taken, epoch, state, contact, stepped, NOBODY, contact.home, now_ms, self.flows.spec.name, words)
                # A book may be large, and most of what it hears is only a question.
                return changed(turn, record=changed(turn.record, after=None)) if same and turn.record is not None else turn
            if not event.channel and (channel := channel_of(state)) in self._lines:
                event = changed(event, channel=channel)
                taken = changed(taken, event=event)
            else:
                return Turn(epoch=epoch, number=taken.number, event=event, buried=_unknown(event))
        address = contact.addresses.get(event.channel, contact.home)
        facts = self._facts_for(event.channel, address)
        if self.reader is not None and self.reader.is_asked:
            facts = replace(facts, known=self.reader.known(contact.home, event.channel, now_ms))
        if facts.capabilities.window_ms and isinstance(body, InboundMessage):
            contact = window.heard(contact, event, body)
        if isinstance(body, InboundMessage) and body.kind in window.UNHEARD:
            # They are recorded, and no flow hears them.
            stepped = Stepped(contact, state.sessions.get(event.channel), (Recorded("unheard", body.kind.value),))
        elif desk.is_act(event):
            stepped = self._act(ContactState(contact, state.sessions), event, facts, now_ms)
        else:
            stepped = self._step(self.flows, ContactState(contact, state.sessions), event, facts, now_ms)
        stepped = self._at_desk(stepped, event, now_ms)
        words = self._feed.told(self.flows, state, stepped, event, now_ms) if self._feed is not None else ()
        contact = changed(stepped.contact, version=contact.version + 1, last=taken.number, ring=ring, floor_ms=floor_ms)
        return _turn(taken, epoch, state, contact, stepped, facts, address, now_ms, self.flows.spec.name, words)

    def _act(self, state: ContactState, event: Event, facts: Facts, now_ms: int) -> Stepped:
        """What somebody of the business does. What is refused, or what no flow hears, changes nothing."""
        contact, body = state.contact, event.body
        assert isinstance(body, Happened)
        unchanged = Stepped(contact, state.sessions.get(event.channel), ())
        closes_ms = window.closes_ms(contact, event.channel, facts.capabilities)
        reason = desk.refusal(contact, contact.version, event, body, facts.sender, closes_ms is None or now_ms < closes_ms)
        if reason:
            return changed(unchanged, effects=desk.refused(reason))
        if body.name == desk.NOTED:
            return changed(unchanged, effects=(Recorded("noted"),))
        if body.name == desk.SAYS:
            return changed(unchanged, effects=(desk.said(body.data),))
        if body.name == desk.JOINED and event.channel in contact.desks:
            return changed(unchanged, effects=(Recorded("joined"),))
        stepped = self._step(self.flows, state, event, facts, now_ms)
        reason = desk.is_heard(body, contact, event, stepped.effects)
        return changed(unchanged, effects=desk.refused(reason)) if reason else stepped

    def _at_desk(self, stepped: Stepped, event: Event, now_ms: int) -> Stepped:
        contact, effects = stepped.contact, stepped.effects
        if not contact.desks and Control not in [effect.__class__ for effect in effects]:
            return stepped  # the bot has it, and keeps it
        contact, effects = desk.kept(contact, event, effects, self.flows.spec.name, now_ms)
        return changed(stepped, contact=contact, effects=effects)

    def _facts_for(self, channel: str, address: str) -> Facts:
        key = (channel, scheme_of(address))
        facts = self._facts.get(key)
        if facts is None:
            facts = self._facts[key] = self._lines[channel].facts(address)
        return facts


def _unknown(event: Event) -> str:
    if is_resource(event.home):
        return f"no resource has the home {event.home}"
    return f"no channel is named {event.channel!r}"


def _turn(
    taken: Taken,
    epoch: int,
    before: ContactState,
    contact: Contact,
    stepped: Stepped,
    facts: Facts,
    address: Urn,
    now_ms: int,
    bot: str,
    told: Sequence[Tell] = (),
) -> Turn:
    """What a step decided, as a commit saves it. ``told`` goes out with it and is no effect: it can be told from the record."""
    event, effects, channel = taken.event, stepped.effects, taken.event.channel
    sessions = before.sessions
    if stepped.session is not sessions.get(channel):
        sessions = sessions.copy()
        if stepped.session is not None:
            sessions[channel] = stepped.session
        else:
            del sessions[channel]
    rows: list[OutboxRow] = []
    timers: list[Timer] = []
    cancelled: list[str] = []
    tallies: list[Tally] = []
    consents: list[Consent] = []
    unsaid: list[Recorded] = []
    for effect in effects:
        match effect:
            case Send():
                if not _say(effect, rows, taken, contact, facts, address, now_ms):
                    unsaid.append(Recorded(WINDOW_CLOSED))
            case Tally():
                tallies.append(effect)
            case StartTimer(key, due_ms, session, step_name, visit):
                timers.append(Timer(contact.home, channel, key, due_ms, session, step_name, visit))
            case CancelTimer(key):
                cancelled.append(key)
            case Call():
                rows.append(_errand(len(rows), taken, contact, now_ms, CALLS, call=_outbound(effect, channel)))
            case Tell():
                rows.append(_word(len(rows), taken, contact, now_ms, effect))
            case HandOff():
                rows.append(_word(len(rows), taken, contact, now_ms, queue_word(effect, bot)))
            case OptOut(word) | OptIn(word):
                sender = event.body.sender if isinstance(event.body, OptedOut) else facts.sender
                consents.append(Consent(contact.home, sender, isinstance(effect, OptOut), event.at_ms, word, event.id))
            case _:
                pass
    for tell in told:
        rows.append(_word(len(rows), taken, contact, now_ms, tell))
    record = TurnRecord(
        number=taken.number,
        version=contact.version,
        previous=before.contact.last,
        at_ms=now_ms,
        event=event,
        effects=(*effects, *unsaid) if unsaid else effects,
        after=ContactState(changed(contact, ring=b""), sessions),
        flow=stepped.flow,
        facts=stepped.facts,
    )
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


def _say(send: Send, rows: list[OutboxRow], taken: Taken, contact: Contact, facts: Facts, address: Urn, now_ms: int) -> bool:
    """One row a part, in the order said. False: too late for its channel; its rows are made all the same, and never go."""
    event, can, message_class = taken.event, facts.capabilities, send.message_class
    not_after_ms = now_ms + VALID_MS[message_class]
    if can.window_ms or send.template is not None:
        closes_ms = window.closes_ms(contact, event.channel, can)
        if not desk.is_act(event):  # people say which of the two they mean
            send = window.fitting(send, can, closes_ms is None or now_ms < closes_ms)
        if closes_ms is not None and send.template is None:
            not_after_ms = min(not_after_ms, closes_ms)
    for message in parts_of(send, can):
        rows.append(
            OutboxRow(
                partition=event.partition,
                row=_row_id(taken, len(rows)),
                home=contact.home,
                channel=event.channel,
                sender=facts.sender,
                to=address,
                message=message,
                message_class=message_class,
                created_ms=now_ms,
                not_after_ms=not_after_ms,
                control=contact.control,
            )
        )
    return now_ms < not_after_ms


def _row_id(taken: Taken, index: int) -> int:
    if index == ROWS_A_TURN:
        raise OverflowError(f"a turn has at most {ROWS_A_TURN} rows")
    return taken.number * ROWS_A_TURN + index


def _errand(index: int, taken: Taken, contact: Contact, now_ms: int, name: str, **errand: Any) -> OutboxRow:
    """A row that is no message: it has no sender to be opted out of, and never expires unsaid, since somebody waits for word."""
    return OutboxRow(
        partition=taken.event.partition,
        row=_row_id(taken, index),
        home=contact.home,
        channel=name,
        sender="",
        to=contact.home,
        message=NO_WORDS,
        message_class=MessageClass.REPLY,
        created_ms=now_ms,
        **{"control": contact.control, **errand},
    )


def _word(index: int, taken: Taken, contact: Contact, now_ms: int, tell: Tell) -> OutboxRow:
    """A word to another home, in the lane of the words that go there from this partition."""
    event, asker = taken.event, None
    if tell.session:
        asker = ReplyTo(contact.home, event.channel, tell.session, tell.step, tell.visit)
    told = Told(tell.home, contact.home, tell.name, tell.data, tell.channel, asker, tell.to)
    name, lane = TELLS, str(tell.home)
    if is_hook(tell.home):  # to a webhook: what is told of one conversation goes in order
        name, lane = HOOKS, f"{tell.home}/{tell.data['conversation']}"
    row = _errand(index, taken, contact, now_ms, name, tell=told, control=0)
    return changed(row, home=telling_home(event.partition, lane), to=tell.home)


def _outbound(call: Call, channel: str) -> OutboundCall:
    return OutboundCall(call.request, channel, call.session, call.step, call.visit, call.timeout_ms, call.retries, call.key)


def parts_of(send: Send, can: Capabilities) -> list[OutboundMessage]:
    """The text cut at the channel's limit; options hang on the last part."""
    if send.media or send.template is not None:
        return _with_files(send, can)
    text = to_gsm(send.text) if can.sms else send.text
    limit = min(can.text_limit, can.option_text_limit) if send.options else can.text_limit
    last = OutboundMessage(text, send.options, send.layout, send.list_button)
    if len(text) * 2 <= limit:
        return [last]
    *texts, text = split(text, limit, can.sms)
    return [*(OutboundMessage(each) for each in texts), changed(last, text=text)]


def _with_files(send: Send, can: Capabilities) -> list[OutboundMessage]:
    """A template goes whole. Files go one by one before the text, or the last one with it; as links where there are no files."""
    if send.template is not None and can.templates:
        return [OutboundMessage(send.text, send.options, send.layout, media=send.media, template=send.template)]
    bare, files = changed(send, media=(), template=None), send.media
    if not can.media:
        links = (one.url for one in files if one.url)
        return parts_of(changed(bare, text="\n".join(filter(None, (send.text, *links)))), can)
    if not send.text and not send.options:
        return [OutboundMessage("", media=(one,)) for one in files]
    texts = parts_of(bare, can)
    first = texts[0]
    captioned = len(texts) == 1 and first.layout is Layout.TEXT and 0 < len(first.text) <= can.caption_limit
    if files and captioned and _takes_caption(files[-1]):
        return [*(OutboundMessage("", media=(one,)) for one in files[:-1]), changed(first, media=files[-1:])]
    return [*(OutboundMessage("", media=(one,)) for one in files), *texts]


def _takes_caption(file: Media) -> bool:
    return file.mime.partition("/")[0] not in ("audio", "sticker") and file.mime != "image/webp"


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
