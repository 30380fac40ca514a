"""One person talking to a bot, without a server: a clock moved by hand, messages, taps, timers that fall due by themselves.

talk = Talk.of("flows/tv_vote/vote.flow.yaml", params={...})
assert talk.say("vote 3") == ["Vote 1 of 10 for Cleo & Max counted.\\nReply another number to vote again."]
assert talk.wait("10m") == []

Calls are answered by hand (``talk.answer({"code": "K7"})``), or by ``talk.mocks``, at once.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace as changed

from vaiven.edge.paths import with_translations
from vaiven.flow.document import FlowDocument
from vaiven.flow.load import load_flows
from vaiven.flow.parse import parse
from vaiven.flow.source import read_source
from vaiven.flow.step import BotSpec, Facts, FlowSet, Stepped, step
from vaiven.model.calls import HttpCall
from vaiven.model.contacts import Contact, ContactState
from vaiven.model.effects import Call, CancelTimer, Effect, Send, StartTimer, Tally, Tell
from vaiven.model.errors import FlowError
from vaiven.model.events import Body, CallAnswered, Event, Happened, OptedOut, StartFlow, TimerDue
from vaiven.model.messages import Capabilities, Choice, InboundMessage, Layout, Location, Media, MessageClass, MessageKind, Option
from vaiven.model.sessions import Session
from vaiven.model.urns import Urn

SMS = Capabilities(text_limit=1600, sms=True, sms_words=True)
WHATSAPP = Capabilities(text_limit=4096, media=True, buttons=3, list_rows=10)
START_MS = 1_796_558_400_000  # 2026-12-06T12:00:00Z
_UNITS_MS = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}


def duration_ms(words: str) -> int:
    """``1h 30m`` in milliseconds. Raises ValueError."""
    total = 0
    for word in words.split():
        match = re.fullmatch(r"(\d+)([smhdw])", word)
        if match is None:
            raise ValueError(f"{word!r} is no duration such as 30m or 2h")
        total += int(match[1]) * _UNITS_MS[match[2]]
    return total


def instant_ms(words: str) -> int:
    """An ISO instant with its zone, as ms since the epoch."""
    return int(datetime.fromisoformat(words).astimezone(UTC).timestamp() * 1000)


def documents_of(*texts: str, file: str = "test.flow.yaml") -> list[FlowDocument]:
    """Flow texts as documents, not checked: how the machine runs what ``check`` refuses can be tried. Raises FlowError."""
    documents: list[FlowDocument] = []
    problems: list[object] = []
    for text in texts:
        document, found = parse(read_source(text, file))
        problems.extend(problem for problem in found if problem.is_error)
        if document is not None:
            documents.append(document)
    if problems:
        raise FlowError(problems)
    return documents


def flows_of(*texts: str, older: Sequence[str] = (), **spec: Any) -> FlowSet:
    """Flow texts, not checked, as a bot's compiled flows; ``spec`` are fields of BotSpec, ``older`` texts published before."""
    more = {name: spec.pop(name) for name in ("parsers", "recogniser") if name in spec}
    return FlowSet.build(BotSpec(**{"name": "talk", **spec}), documents_of(*texts), documents_of(*older), **more)


def read_flows(*files: str | Path, **spec: Any) -> FlowSet:
    """Flow files and the translations beside them, checked, as a bot's compiled flows; ``spec`` are fields of BotSpec.

    Raises FlowError with every problem.
    """
    texts = [(str(file), file.read_text("utf-8")) for file in with_translations(map(Path, files))]
    documents, problems = load_flows(texts, spec.get("params", {}))
    if any(problem.is_error for problem in problems):
        raise FlowError(problems)
    return FlowSet.build(BotSpec(**{"name": "talk", **spec}), documents)


class Refused(msgspec.Struct, frozen=True):
    """What a mocked call comes to when it goes wrong."""

    reason: str = "http 503"
    status: int = 503
    result: Any = None


class Talk:
    """A person's phone and everything behind it. ``effects`` are those of the last act, ``history`` of all.

    ``now_ms`` is the clock. ``votes`` counts what was decided, by poll, option and outcome. ``withheld`` are messages that did
    not go out, because they had opted out. ``calls`` are those under way, the oldest first. ``mocks`` answer them at once: by
    the name of an action, ``<resource>.<word>`` or ``GET https://api.example/*``, with a result or ``Refused``.
    """

    def __init__(
        self,
        flows: FlowSet,
        capabilities: Capabilities = SMS,
        *,
        channel: str = "sms",
        home: str = "tel:+12025550123",
        sender: str = "tel:+12025550100",
        stop_reply: str = "ours",
        contact: Contact | None = None,
        now_ms: int = START_MS,
    ) -> None:
        self.flows = flows
        self.facts = Facts(capabilities, sender, stop_reply)
        self.channel = channel
        self.now_ms = now_ms
        self.contact = contact or Contact(Urn(home))
        self.sessions: dict[str, Session] = {}
        self.effects: tuple[Effect, ...] = ()
        self.history: list[Effect] = []
        self.timers: dict[str, StartTimer] = {}
        self.shown: list[Option] = []
        self.withheld: list[Send] = []
        self.calls: list[Call | Tell] = []
        self.mocks: dict[str, Any] = {}
        self.last: Stepped | None = None
        self._events = 0

    @classmethod
    def of(cls, *files: str | Path, capabilities: Capabilities = SMS, now_ms: int = START_MS, **spec: Any) -> "Talk":
        """A talk with the bot of these flow files; ``spec`` are fields of BotSpec, such as ``params``."""
        return cls(read_flows(*files, **spec), capabilities, now_ms=now_ms)

    @property
    def session(self) -> Session | None:
        return self.sessions.get(self.channel)

    @property
    def suppressed(self) -> bool:
        """Whether they opted out: then nothing but the answers to STOP, START and HELP goes out."""
        return self.facts.sender in self.contact.opt_outs

    @property
    def votes(self) -> dict[tuple[str, str, str], int]:
        found: dict[tuple[str, str, str], int] = {}
        for effect in self.history:
            if isinstance(effect, Tally):
                key = (effect.poll, effect.option, effect.outcome.value)
                found[key] = found.get(key, 0) + 1
        return found

    def say(self, text: str, *, provider_ms: int | None = None, consent: str | None = None) -> list[str]:
        """Send a text. Gives what the bot answers, a text a message."""
        return self.send(self._message(text=text, provider_ms=provider_ms, consent=consent))

    def tap(self, title: str) -> list[str]:
        """Tap the newest button or row of that title, as shown. Raises LookupError if none was."""
        for option in reversed(self.shown):
            if option.title == title:
                return self.tap_id(option.id, title)
        raise LookupError(f"no button {title!r} was shown, but {[option.title for option in self.shown]}")

    def tap_id(self, id: str, title: str = "") -> list[str]:
        return self.send(self._message(kind=MessageKind.CHOICE, choice=Choice(id, title)))

    def show(self, mime: str = "image/jpeg", text: str = "") -> list[str]:
        """Send a file, with or without words."""
        return self.send(self._message(kind=MessageKind.MEDIA, text=text, media=(Media(mime, url="https://files.example/1"),)))

    def send_kind(self, kind: MessageKind) -> list[str]:
        """Send something of this kind that has no words."""
        return self.send(self._message(kind=kind, location=Location(0.0, 0.0) if kind is MessageKind.LOCATION else None))

    def refuse(self, reason: str = "21610") -> list[str]:
        """The provider tells that they opted out with it."""
        return self._happens(OptedOut(self.facts.sender, reason))

    def send(self, message: InboundMessage) -> list[str]:
        return self._happens(message)

    def answer(self, result: Any = None, *, reason: str = "", status: int = 200) -> list[str]:
        """The oldest call under way comes to its end: with this result, or for this reason.

        A resource answers with ``result["word"]`` and the rest of it as data.
        """
        return self.answer_to(self.calls[0], Refused(reason, status, result) if reason else result)

    def answer_to(self, call: Call | Tell, result: Any) -> list[str]:
        """This call comes to its end, whether or not it still means anything."""
        if call in self.calls:
            self.calls.remove(call)
        where = (call.session, call.step, call.visit)
        if isinstance(call, Tell):
            data = {name: value for name, value in result.items() if name != "word"}
            return self._happens(Happened(result["word"], data, *where, sender=call.home))
        if isinstance(result, Refused):
            return self._happens(CallAnswered(*where, result.status, result.result, result.reason))
        return self._happens(CallAnswered(*where, 200, result))

    def happens(self, name: str, /, **data: Any) -> list[str]:
        """Something outside the conversation: ``talk.happens("agent.joined", name="Ana")``."""
        return self._happens(Happened(name, data))

    def start(self, flow: str, /, **vars: Any) -> list[str]:
        """The business begins this flow."""
        return self._happens(StartFlow(flow, vars))

    def wait(self, duration: str) -> list[str]:
        """Let time pass. Timers fall due on the way, each at its instant. Gives what the bot says meanwhile."""
        until_ms = self.now_ms + duration_ms(duration)
        said: list[str] = []
        effects: list[Effect] = []
        while due := [timer for timer in self.timers.values() if timer.due_ms <= until_ms]:
            timer = min(due, key=lambda timer: (timer.due_ms, timer.key))
            self.now_ms = max(self.now_ms, timer.due_ms)
            said.extend(self.due(timer))
            effects.extend(self.effects)
        self.now_ms = until_ms
        self.effects = tuple(effects)
        return said

    def due(self, timer: StartTimer) -> list[str]:
        """One timer falls due now, whether or not it still means anything."""
        if self.timers.get(timer.key) == timer:
            del self.timers[timer.key]
        return self._happens(TimerDue(timer.key, timer.session, timer.step, timer.visit, timer.due_ms))

    def with_flows(self, flows: FlowSet) -> "Talk":
        """The bot was published anew: the same person, the same session, other flows."""
        self.flows = flows
        return self

    def on(self, facts: Mapping[str, Any]) -> "Talk":
        """Other facts from now on."""
        self.facts = replace(self.facts, **facts)
        return self

    def _message(self, **fields: Any) -> InboundMessage:
        return InboundMessage(id=f"m{self._events + 1}", sender=self.contact.home, **fields)

    def _happens(self, body: Body) -> list[str]:
        self._events += 1
        event = Event(f"e{self._events}", self.contact.home, 0, self.channel, self.now_ms, body)
        # As a store gives it back, so that nothing lives on that cannot be saved.
        state = msgspec.msgpack.decode(msgspec.msgpack.encode(ContactState(self.contact, self.sessions)), type=ContactState)
        stepped = step(self.flows, state, event, self.facts, self.now_ms)
        self.last = stepped
        self.contact = changed(stepped.contact, version=self.contact.version + 1, last=self._events)
        self.sessions = {name: session for name, session in self.sessions.items() if name != self.channel}
        if stepped.session is not None:
            self.sessions[self.channel] = stepped.session
        self.effects = stepped.effects
        return self._heard()

    def _heard(self) -> list[str]:
        """What comes of the effects of the last turn, and of the answers to calls that they make."""
        self.history.extend(self.effects)
        said = self._apply(self.effects)
        for call in [call for call in self.calls if self._mock(call) is not None]:
            effects = self.effects
            said.extend(self.answer_to(call, self.mocks[self._mock(call) or ""]))
            self.effects = (*effects, *self.effects)
        return said

    def _mock(self, call: Call | Tell) -> str | None:
        if isinstance(call, Tell):
            name = f"{call.home.split('/')[1]}.{call.name}"
        else:
            name = f"{call.request.method} {call.request.url}" if isinstance(call.request, HttpCall) else call.request.name
        return next((pattern for pattern in self.mocks if fnmatchcase(name, pattern)), None)

    def _apply(self, effects: Sequence[Effect]) -> list[str]:
        said = []
        for effect in effects:
            match effect:
                case Send() if not self.suppressed or effect.message_class is MessageClass.CONSENT:
                    said.append(as_shown(effect))
                    self.shown.extend(effect.options)
                case Send():
                    self.withheld.append(effect)
                case StartTimer():
                    self.timers[effect.key] = effect
                case CancelTimer():
                    self.timers.pop(effect.key, None)
                case Call() | Tell() if effect.step:
                    self.calls.append(effect)
                case _:
                    pass
        return said


def as_shown(send: Send) -> str:
    """A message as a phone shows it: its text, and its buttons in brackets under it."""
    if send.layout is Layout.TEXT:
        return send.text
    return "\n".join([send.text, *(f"[{option.title}]" for option in send.options)])
