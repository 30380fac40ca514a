"""What one step is working out: the contact, the session and the effects as they will be."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace as changed

from vaiven.flow.moving import carry
from vaiven.flow.scope import Scope
from vaiven.flow.spec import Facts, Words
from vaiven.flow.templates import Locale
from vaiven.flow.tongues import LANGUAGE, language_of
from vaiven.flow.triggers import WAIT_TIMER
from vaiven.model.contacts import Contact
from vaiven.model.effects import CancelTimer, Effect, End, Recorded, Send, StartTimer
from vaiven.model.events import Event
from vaiven.model.messages import Layout, Media, MessageClass, Option, TemplateMessage
from vaiven.model.sessions import Frame, Session

if TYPE_CHECKING:
    from vaiven.flow.flow import Flow
    from vaiven.flow.flowset import FlowSet
    from vaiven.flow.waiting import WaitingNode

TRAIL = 16
"""BACK returns over so many questions at most."""
STEPS_A_TURN = 100
"""More are an endless loop. The checker proves that none is in a file; what it cannot know ends here."""
_LIST = Layout.LIST
FRAMES = 12
"""So many flows are open on top of each other at most."""


class Draft:
    """Guards read it, actions add to it; nothing of it is seen outside before ``step`` returns.

    ``state`` is the machine's; ``outcome`` what the guards of outcomes compare; ``ending`` the outcome the frame is about to
    end with, ``ended`` the one it did end with. ``child`` is a flow to put on top, with values for its variables. ``result``
    is what a call or an event brought. ``entry`` is the event by which a session that was moved to a new version goes on,
    ``moved_from`` the step that it stood on.
    """

    # fmt: off
    __slots__ = (
        "_locale", "answers", "armed", "asked", "because", "before", "child", "contact", "contact_vars", "control", "document",
        "effects", "ended", "ending", "entry", "event", "facts", "fired", "flow", "flows", "held", "input", "is_open", "lang",
        "left", "limit", "listed", "looked", "lower", "moved_from", "next_flow", "now_ms", "offered", "opt_outs", "outcome",
        "quiet", "result", "returned", "returning", "schedules", "scope", "session_id", "started_ms", "state", "step", "taken",
        "timers", "trail", "tries", "vars", "visit", "votes", "waiting",
    )
    # fmt: on

    event: Event
    flow: "Flow"

    def __init__(
        self, flows: "FlowSet", contact: Contact, session: Session | None, event: Event, facts: Facts, now_ms: int
    ) -> None:
        self.flows = flows
        self.contact = contact
        self.before = session
        self.event = event
        self.facts = facts
        self.now_ms = now_ms
        self.effects: list[Effect] = []
        self.contact_vars = contact.vars
        self.votes = contact.votes
        self.opt_outs = contact.opt_outs
        self.control = contact.control
        self.schedules = contact.timers
        self.lang = contact.lang
        self.document = ""
        self.armed: dict[str, tuple[str, int]] = {}
        self.fired: str | None = None
        self.input: Any = ""
        self.outcome: str | None = None
        self.ending = ""
        self.ended: str | None = None
        self.next_flow: str | None = None
        self.child: tuple[str, Mapping[str, Any]] | None = None
        self.entry: str | None = None
        self.held: tuple[Event, ...] = ()
        self.left = False
        self.limit = STEPS_A_TURN
        self.looked: dict[str, int] | None = None
        self.moved_from: str | None = None
        self.result: Any = None
        self.because = ""
        self.taken = 0
        self.offered: tuple[str, ...] = ()
        self.quiet = False
        self.returning = False
        self.waiting = False
        self.is_open = False
        self.lower: tuple[Frame, ...] = ()
        self.session_id = ""
        self.started_ms = now_ms
        self.timers: dict[str, int] = {}
        self._locale: Locale | None = None

    # ---- frames

    def load(self, session: Session) -> None:
        """Stand where the session stands: in its top frame."""
        self.session_id = session.id
        self.started_ms = session.started_ms
        self.timers = dict(session.timers)
        self.held = session.held
        self.lower = session.frames[:-1]
        self._arrive(session.frames[-1])

    def _arrive(self, frame: Frame) -> None:
        """Stand in a frame that is on top now, or again; in the newest version of its flow, where that moves people."""
        moved = self.flows.moved(frame) if self.flows.moving else None
        if moved is None:
            self.stand(frame, self.flows.shapes[frame.shape])
        else:
            flow = self.flows.shapes[moved.shape]
            self.stand(moved, flow)
            self.moved_from = frame.step
            carry(self, flow)

    def stand(self, frame: Frame, flow: "Flow") -> None:
        """Stand where this frame stands, whatever else is open."""
        self.flow = flow
        self.step = frame.step
        self.state = flow.nodes[frame.step].state
        self.listed = frame.offered
        self.returned = frame.returned
        self.visit = frame.visit
        self.asked = frame.asked
        self.tries = frame.tries
        self.vars = dict(frame.vars)
        self.answers = dict(frame.answers)
        self.trail = frame.trail
        self.waiting = True
        self.is_open = True
        self.left = False
        self.ended = None
        self._locale = None
        self.scope = Scope(self)
        self.document = flow.hash

    def begin(self, flow: "Flow", session_id: str) -> None:
        """A new frame on top, at the machine's beginning."""
        if self.is_open:
            self._pause()
        else:
            self.session_id = session_id
            self.started_ms = self.now_ms
        self._blank(flow)
        self.is_open = True
        self.document = flow.hash

    def _blank(self, flow: "Flow") -> None:
        self.flow = flow
        self.state = flow.begin
        self.step = ""
        self.visit = self.asked = self.tries = 0
        self.vars = {}
        self.answers = {}
        self.listed = ()
        self.returned = ""
        self.trail = ()
        self.waiting = self.quiet = self.returning = False
        self.ended = None
        self._locale = None
        self.scope = Scope(self)

    def trial(self, flow: "Flow") -> "Draft":
        """A draft in which a text can be tried on the questions of a flow that is not open."""
        draft = Draft(self.flows, self.contact, None, self.event, self.facts, self.now_ms) if self.is_open else self
        draft.lang = self.lang
        draft._blank(flow)
        return draft

    def has_open(self, name: str) -> bool:
        """Whether the flow of that name is open, on top or below."""
        return self.is_open and (self.flow.name == name or any(frame.flow == name for frame in self.lower))

    def _pause(self) -> None:
        """Put the top frame below, its timers stopped with what was left of them. Those of a step that runs a flow go on."""
        paused: dict[str, int] = {}
        if not self.flow.waits[self.step].runs:
            prefix = self.timer_prefix
            for key, due_ms in self.timers.items():
                if key.startswith(prefix):
                    name = key[len(prefix) :]
                    paused[name] = due_ms if name == WAIT_TIMER else max(0, due_ms - self.now_ms)
            self.drop_timers()
        self.lower = (*self.lower, self.as_frame(paused))

    def pop(self) -> bool:
        """The top frame has ended. True if one below it goes on, where it stood; else no session is open any more.

        Its timers go on with what was left of them; those that count silence begin again, for there was none.
        """
        self.effects.append(End(self.flow.name, self.ended or ""))
        self.drop_timers()
        if not self.lower:
            self.is_open = False
            return False
        frame = self.lower[-1]
        self.lower = self.lower[:-1]
        self._arrive(frame)
        if frame.paused and self.waiting:
            node = self.flow.waits[self.step]
            idle = {timer.name: timer.delay_ms for timer in node.idle}
            for name, left_ms in frame.paused.items():
                if name == WAIT_TIMER:
                    self.arm_at(name, max(self.now_ms, left_ms))
                elif name in node.timer_events:
                    self.arm(name, idle.get(name, left_ms))
        return True

    def as_frame(self, paused: Mapping[str, int]) -> Frame:
        """The frame on top, as it is saved."""
        return Frame(
            flow=self.flow.name,
            shape=self.flow.shape,
            step=self.step,
            visit=self.visit,
            asked=self.asked,
            tries=self.tries,
            vars=self.vars,
            answers=self.answers,
            trail=self.trail,
            paused=dict(paused),
            offered=self.listed,
            returned=self.returned,
        )

    # ---- what actions do

    def wait_at(self, node: "WaitingNode") -> None:
        """Arrive at a step that waits: a new visit, its tries unused, its timers armed and no others of this frame."""
        # Not a count: a button of an earlier session, or of an earlier interruption, must not be taken for one of this visit.
        self.visit = self.contact.version + 1
        self.tries = 0
        self.waiting = True
        self.listed = ()
        if node.name in self.trail:
            self.trail = self.trail[: self.trail.index(node.name)]
        self.drop_timers()
        for after in node.after:
            self.arm(after.name, after.delay_ms)

    def arm(self, name: str, delay_ms: int) -> None:
        key = f"{self.event.channel}/{len(self.lower)}/{name}"
        self.timers[key] = self.now_ms + delay_ms
        self.armed[key] = (self.step, self.visit)

    def arm_at(self, name: str, due_ms: int) -> None:
        key = f"{self.event.channel}/{len(self.lower)}/{name}"
        self.timers[key] = due_ms
        self.armed[key] = (self.step, self.visit)

    def send(
        self,
        text: str,
        message_class: MessageClass = MessageClass.REPLY,
        options: tuple[Option, ...] = (),
        layout: Layout = Layout.TEXT,
    ) -> None:
        """Say it; an empty text says nothing."""
        if text:
            button = self.words.choose if layout is _LIST else ""
            self.effects.append(Send(text, message_class, options, layout, button))

    def send_file(
        self, text: str, message_class: MessageClass, media: tuple[Media, ...], template: TemplateMessage | None
    ) -> None:
        """Say it with a file, or where the channel has templates by one of them."""
        self.effects.append(Send(text, message_class, media=media, template=template))

    def record(self, what: str, detail: str = "") -> None:
        self.effects.append(Recorded(what, detail))

    def set_var(self, name: str, value: Any) -> None:
        """Raises ExpressionError for a language that is none."""
        if name == LANGUAGE:
            self.speak(language_of(value))
        elif name in self.flow.contact_vars:
            self.contact_vars = {**self.contact_vars, name: value}
        else:
            self.vars[name] = value

    def put_answer(self, step: str, answer: Any) -> None:
        self.answers[step] = answer
        self.scope.pop(step, None)

    def drop_answer(self, step: str) -> None:
        self.answers.pop(step, None)
        self.scope.pop(step, None)

    @property
    def where(self) -> str:
        return f"{self.flow.name}/{self.step}"

    @property
    def zone(self) -> str:
        return self.contact.zone or self.flow.zone

    def fact(self, key: str) -> int | None:
        """What the runtime read beforehand, None if it did not; history tells that it was looked at."""
        value = self.facts.known.get(key)
        if value is not None:
            self.looked = {**(self.looked or {}), key: value}
        return value

    @property
    def tongue(self) -> str:
        """The language that they are spoken to in: their own, else the flow's."""
        return self.lang or self.flow.lang

    @property
    def words(self) -> Words:
        """What the bot says for itself, in their language."""
        flows = self.flows
        return flows.words[self.lang or flows.spec.lang]

    def speak(self, lang: str) -> None:
        """From here on in this language."""
        self.lang = lang
        self._locale = None

    @property
    def locale(self) -> Locale:
        locale = self._locale
        if locale is None:
            locale = self._locale = self.flows.locale(self.tongue, self.zone, self.facts.capabilities.sms)
        return locale

    # ---- what comes of it

    def leave(self) -> None:
        """Nothing is asked of this draft any more: it and its scope, which know each other, need not wait for the collector."""
        if hasattr(self, "scope"):
            del self.scope

    @property
    def timer_prefix(self) -> str:
        return f"{self.event.channel}/{len(self.lower)}/"

    def drop_timers(self) -> None:
        if not self.lower:
            self.timers = {}
        elif self.timers:
            prefix = self.timer_prefix
            self.timers = {key: due for key, due in self.timers.items() if not key.startswith(prefix)}

    def end_lost(self, session: Session, outcome: str) -> None:
        """End a session that cannot be loaded."""
        self.effects.extend(End(frame.flow, outcome) for frame in reversed(session.frames))

    def close(self, outcome: str) -> None:
        """End the whole session, every frame of it."""
        if self.is_open:
            if self.waiting:
                self.flow.waits[self.step].release(self, self.visit)
            for frame in self.lower:
                self.flows.shapes[frame.shape].waits[frame.step].release(self, frame.visit)
            self.effects.append(End(self.flow.name, outcome))
            self.effects.extend(End(frame.flow, outcome) for frame in reversed(self.lower))
        self.lower = ()
        self.timers = {}
        self.held = ()
        self.is_open = False

    def finish_timers(self) -> None:
        """What changed among the timers, as effects: arming a key again replaces it, so that costs no cancel."""
        old = self.before.timers if self.before is not None else {}
        for key in old:
            if key not in self.timers and key != self.fired:
                self.effects.append(CancelTimer(key))
        for key, (step, visit) in self.armed.items():
            due_ms = self.timers.get(key)
            if due_ms is not None:
                self.effects.append(StartTimer(key, due_ms, self.session_id, step, visit))

    def session(self) -> Session | None:
        """The session as it will be; None: none is open."""
        if not self.is_open:
            return None
        return Session(
            id=self.session_id,
            channel=self.event.channel,
            started_ms=self.started_ms,
            frames=(*self.lower, self.as_frame({})),
            timers=self.timers,
            held=self.held,
        )

    def changed_contact(self) -> Contact:
        contact = self.contact
        if self.control != contact.control or self.schedules is not contact.timers:
            contact = changed(contact, control=self.control, timers=self.schedules)
        if (
            self.votes is contact.votes
            and self.contact_vars is contact.vars
            and self.opt_outs is contact.opt_outs
            and self.lang == contact.lang
        ):
            return contact
        return changed(contact, votes=self.votes, vars=self.contact_vars, opt_outs=self.opt_outs, lang=self.lang)
