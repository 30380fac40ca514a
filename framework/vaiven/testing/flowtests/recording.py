"""A stored conversation as a test file: what was said both ways, what calls answered, how long each waited, nobody named.

Masked are the person's address and name, what they typed where a personal variable takes it, the values of such variables
wherever they come up again, and numbers long enough to be somebody's. The same words are masked the same way everywhere, letter
for letter, so that the test holds as the conversation did.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from vaiven.channels.simulator import SKINS
from vaiven.flow.document import FlowDocument
from vaiven.flow.load import load_flow
from vaiven.model.calls import ActionCall, HttpCall
from vaiven.model.contacts import Contact, ContactState
from vaiven.model.effects import Call, End, OptIn, OptOut, Send, StartTimer, Tell
from vaiven.model.events import CallAnswered, Happened, OptedOut, StartFlow, TimerDue
from vaiven.model.messages import InboundMessage, Layout, MessageClass, MessageKind
from vaiven.model.turns import TurnRecord
from vaiven.model.urns import Urn, path_of, scheme_of
from vaiven.runtime.call_outcomes import NOT_DONE, PASSING
from vaiven.runtime.decide import parts_of
from vaiven.stores.contract import Store
from vaiven.testing.flowtests.masking import Mask
from vaiven.testing.flowtests.stage import name_of
from vaiven.testing.flowtests.writing import written

NOBODY = {"tel": "+12025550123", "whatsapp": "447700900123", "messenger": "7001"}
CHANNELS = {"tel": "sms", "whatsapp": "whatsapp", "messenger": "messenger"}
GAP_MS = 60_000
"""Shorter silences are left out, unless a timer counts on them."""


@dataclass(frozen=True, slots=True)
class Conversation:
    """What the store holds of one contact: turns, the oldest first, and the documents of their flows by shape."""

    records: tuple[TurnRecord, ...]
    documents: Mapping[str, FlowDocument]


async def conversation(store: Store, home: str, newest: int | None = None) -> Conversation:
    """Read a contact's history, of its ``newest`` turns."""
    records = [record async for record in store.history(Urn(home), newest=newest)]
    records.sort(key=lambda record: record.number)
    shapes = {frame.shape for record in records for session in _sessions(record.after) for frame in session.frames}
    documents: dict[str, FlowDocument] = {}
    for shape in sorted(shapes):
        version = await store.shape(shape)
        document = load_flow(version.source, version.flow)[0] if version is not None else None
        if document is not None:
            documents[shape] = document
    return Conversation(tuple(records), documents)


def _sessions(state: ContactState | None) -> list[Any]:
    return list(state.sessions.values()) if state is not None else []


def recorded(
    records: Sequence[TurnRecord],
    documents: Mapping[str, FlowDocument],
    *,
    channel: str = "",
    params: Mapping[str, Any] | None = None,
) -> str:
    """The test file of a conversation: its turns on one channel, the newest one's unless named. ``documents`` are by shape.

    Begins where no session was open, so that nothing has to be there before. ``params`` are those that the bot had, where they
    may be others than its file's; those that the flows read are written down.

    Raises:
        ValueError: there is nothing that could be played.
    """
    channel = channel or next((record.event.channel for record in reversed(records) if record.event.channel), "")
    own = [record for record in records if record.event.channel == channel and record.after is not None]
    state: ContactState | None = None
    if own and own[0].previous:
        before = [record for record in records if record.number < own[0].number]
        # What was before may have been forgotten: then begin after the first turn that left nothing open.
        state, own = (before[-1].after, own) if before else (own[0].after, own[1:])
    while own and state is not None and channel in state.sessions:
        state, own = own[0].after, own[1:]
    if not own:
        where = f" on {channel}" if channel else ""
        raise ValueError(f"no conversation{where} begins in what is stored")
    read = {name for document in documents.values() for use in document.uses for name in use.piece.names}
    given = {name: value for name, value in (params or {}).items() if f"params.{name}" in read}
    return _Recorder(own, documents, state, channel, given).text()


@dataclass(slots=True)
class _Begun:
    """A call under way: since which turn, when by the test's clock, and its answers, one an attempt."""

    call: Call | Tell
    number: int
    clock: int
    answers: list[dict[str, Any]]


def _told(calls: Sequence[Sequence[dict[str, Any]]]) -> Any:
    """The answers of all calls of one name: one, where all are the same."""
    answers = [answer for call in calls for answer in call]
    return answers[0] if all(answer == answers[0] for answer in answers) else answers


def _attempts(call: Call, body: CallAnswered) -> int:
    """How often a call was attempted that ended so: history tells the last only."""
    reason = body.reason
    passing = reason in ("timeout", "unknown", "refused") or reason.startswith("raised ") or body.status in PASSING
    undone = reason == "refused" or body.status in NOT_DONE
    again = call.key is not None or (isinstance(call.request, HttpCall) and call.request.method == "GET")
    return call.retries + 1 if reason and passing and (undone or again) else 1


class _Recorder:
    """Writes one file. ``clock`` is what the test's clock will show at the line being written."""

    def __init__(
        self,
        records: Sequence[TurnRecord],
        documents: Mapping[str, FlowDocument],
        before: ContactState | None,
        channel: str,
        params: Mapping[str, Any],
    ) -> None:
        self.params = params
        self.records, self.documents, self.channel = records, documents, channel
        self.before = before
        self.mask = Mask(records, documents, channel)
        self.lines: list[dict[str, Any]] = []
        self.mocks: dict[str, list[list[dict[str, Any]]]] = {}
        self.calls: dict[tuple[str, str, int], _Begun] = {}
        self.clock = records[0].at_ms
        first = records[0].event
        contact = records[0].after.contact if records[0].after is not None else Contact(first.home)
        self.address = contact.addresses.get(channel, contact.home)
        self.scheme = scheme_of(self.address) if scheme_of(self.address) in SKINS else "tel"
        self.opted_out = False

    def text(self) -> str:
        for number, record in enumerate(self.records):
            self._record(record, number)
        self._ending()
        flow = self._flow()
        contact: dict[str, Any] = {"id": f"{self.scheme}:{NOBODY[self.scheme]}", "channel": self.channel}
        known = self.before.contact if self.before is not None else None
        if known is None and self.records[0].after is not None:
            contact["lang"] = self.records[0].after.contact.lang
        elif known is not None:
            contact |= {"lang": known.lang, "zone": known.zone, "votes": known.votes or None}
            contact["name"] = self.mask.text(known.name) if known.name else None
            contact["vars"] = {name: self.mask.value(value) for name, value in known.vars.items()} or None
        whole: dict[str, Any] = {"test": flow, "title": "recorded", "clock": _instant(self.records[0].at_ms)}
        whole["contact"] = {key: value for key, value in contact.items() if value is not None}
        if self.params:
            whole["params"] = self.params
        if self.mocks:
            whole["mocks"] = {name: _told(answers) for name, answers in self.mocks.items()}
        whole["talk"] = self.lines
        return written(whole, "A recorded conversation. Names, numbers and personal answers are masked.")

    def _flow(self) -> str:
        for record in self.records:
            session = record.after.sessions.get(self.channel) if record.after is not None else None
            if session is not None:
                return str(session.frames[0].flow)
            ended = next((effect for effect in record.effects if isinstance(effect, End)), None)
            if ended is not None:
                return ended.flow
        if self.documents:
            return next(iter(self.documents.values())).name
        raise ValueError("no flow was begun in this conversation")

    # ---- one turn

    def _record(self, record: TurnRecord, number: int) -> None:
        body = record.event.body
        match body:
            case InboundMessage():
                self._catch_up(record)
                self.lines.append(self._message(body, record))
            case TimerDue():
                self._wait(record.at_ms - self.clock)
            case CallAnswered() | Happened() if body.session:
                self._answered(body, record, number)
            case Happened(name=name, data=data):
                self._catch_up(record)
                self.lines.append({"event": {name: self.mask.value(data)} if data else name})
            case StartFlow(flow=flow, vars=values):
                self._catch_up(record)
                self.lines.append({"start": {flow: self.mask.value(values)} if values else flow})
            case OptedOut(reason=reason):
                self._catch_up(record)
                self.lines.append({"refuse": reason})
            case _:
                return
        for effect in record.effects:
            match effect:
                case OptOut():
                    self.opted_out = True
                case OptIn():
                    self.opted_out = False
                case Call(session=session) | Tell(session=session) if session:
                    self._begun(effect, number)
                case _:
                    pass
        for effect in record.effects:
            if isinstance(effect, Send) and not (self.opted_out and effect.message_class is not MessageClass.CONSENT):
                self._said(effect)

    def _catch_up(self, record: TurnRecord) -> None:
        """Let the time pass that passed, where it matters."""
        gap = record.at_ms - self.clock
        if gap >= GAP_MS or (gap >= 1000 and any(isinstance(effect, StartTimer) for effect in record.effects)):
            self._wait(gap)

    def _wait(self, span_ms: int) -> None:
        span_ms = -(-span_ms // 1000) * 1000
        if span_ms > 0:
            self.lines.append({"wait": _span(span_ms)})
            self.clock += span_ms

    def _message(self, message: InboundMessage, record: TurnRecord) -> dict[str, Any]:
        choice = message.choice
        if choice is not None:
            if choice.id.count("/") == 2 and choice.title:
                return {"tap": self.mask.text(choice.title)}
            return {"me": {"payload": choice.id} | ({"text": self.mask.text(message.text)} if message.text else {})}
        text = self.mask.typed(record.number) or self.mask.text(message.text)
        if message.kind is MessageKind.TEXT:
            more = {"lang": message.lang} if message.lang else {}
            more |= {"referral": message.referral} if message.referral else {}
            if message.provider_ms is not None and record.at_ms - message.provider_ms >= GAP_MS:
                more["sent"] = _instant(message.provider_ms)
            return {"me": {"text": text, **more} if more else text}
        told: dict[str, Any] = {"text": text} if text else {}
        if message.kind is MessageKind.LOCATION and message.location is not None:
            return {"me": {**told, "location": {"latitude": 0.0, "longitude": 0.0}}}
        if message.kind is MessageKind.MEDIA and message.media:
            kind = message.media[0].mime.partition("/")[0]
            name = {"image": "photo", "video": "video", "audio": "audio", "sticker": "sticker"}.get(kind, "document")
            return {"me": {**told, name: message.media[0].mime or "application/octet-stream"}}
        if message.kind is MessageKind.REFERRAL and message.referral:
            return {"me": {**told, "referral": message.referral}}
        return {"me": {**told, "kind": message.kind.value}}

    def _begun(self, call: Call | Tell, number: int) -> None:
        """A call that somebody waits for. Until it is known what it came to, it comes to nothing."""
        answers: list[dict[str, Any]] = [{"fail": "timeout"}]
        name = self._called(call.request) if isinstance(call, Call) else f"{path_of(call.home).split('/')[1]}.{call.name}"
        self.mocks.setdefault(name, []).append(answers)
        self.calls[call.session, call.step, call.visit] = _Begun(call, number, self.clock, answers)

    def _answered(self, body: CallAnswered | Happened, record: TurnRecord, number: int) -> None:
        """The end of a call, as the answer of its mock. One that somebody waited for takes its time in the test, too."""
        begun = self.calls.pop((body.session, body.step, body.visit), None)
        if begun is None:
            return
        call = begun.call
        if isinstance(body, Happened):
            begun.answers[:] = [{"word": body.name} | ({"json": self.mask.value(body.data)} if body.data else {})]
            return
        if not isinstance(call, Call):
            return
        answer: dict[str, Any] = {}
        took_ms, attempts = 0, _attempts(call, body)
        if body.reason == "timeout":
            answer, took_ms = {"fail": "timeout"}, call.timeout_ms * attempts
        elif number > begun.number + 1:
            took_ms = max(1000, -(-(record.at_ms - self.records[begun.number].at_ms) // 1000) * 1000)
            if took_ms < call.timeout_ms:
                answer["delay"], attempts = _span(took_ms), 1
            else:
                took_ms = 0
        if body.reason.startswith("http "):
            answer["status"] = body.status
        elif body.reason and "fail" not in answer:
            answer["fail"] = body.reason.removeprefix("raised ")
        if body.result is not None and "fail" not in answer:
            answer["json"] = self.mask.value(body.result)
        begun.answers[:] = [answer or {"status": 200}] * attempts
        if took_ms:
            self._wait(begun.clock + took_ms - self.clock)

    def _called(self, request: HttpCall | ActionCall) -> str:
        """Without the query, which may be somebody's words; what of the path is masked fits anything."""
        name = name_of(request).partition("?")[0]
        return name if self.mask.text(name) == name else re.sub(r"[^/]*$", "*", name)

    def _said(self, send: Send) -> None:
        for message in parts_of(send, SKINS[self.scheme]):
            text = self.mask.text(message.text)
            told: dict[str, Any] = {}
            if message.layout is not Layout.TEXT:
                told["buttons"] = [self.mask.text(option.title) for option in message.options]
            if message.media:
                told["media"] = [file.mime for file in message.media]
            if message.template is not None:
                told["template"] = message.template.name
            if send.message_class is not MessageClass.REPLY:
                told["class"] = send.message_class.value
            plain = text if not text.startswith(("~", "/")) else f"~ {text}"
            self.lines.append({"bot": {"text": plain, **told} if told else plain})

    def _ending(self) -> None:
        """How it stands at the end."""
        last = self.records[-1]
        session = last.after.sessions.get(self.channel) if last.after is not None else None
        if session is not None:
            self.lines.append({"expect": {"flow": session.top.flow, "step": session.top.step}})
            return
        ended = [effect for record in self.records for effect in record.effects if isinstance(effect, End)]
        if ended:
            self.lines.append({"expect": {"end": ended[-1].outcome}})


def _instant(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _span(span_ms: int) -> str:
    told, rest = [], span_ms // 1000
    for unit, seconds in (("d", 86_400), ("h", 3600), ("m", 60), ("s", 1)):
        count, rest = divmod(rest, seconds)
        told += [f"{count}{unit}"] if count else []
    return "".join(told)
