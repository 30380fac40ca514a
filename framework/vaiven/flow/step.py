"""One event against one contact, decided without I/O. ``runtime.turn`` calls ``step`` and commits what it gives."""

import msgspec
from msgspec.structs import replace as changed

from vaiven.flow.answers import legal_word, opt_in_word
from vaiven.flow.draft import Draft
from vaiven.flow.driving import drive
from vaiven.flow.flowset import FlowSet
from vaiven.flow.folding import without_controls
from vaiven.flow.frames import restart_idle
from vaiven.flow.happening import fall_due, hear, start_flow, take_answer
from vaiven.flow.holding import listen, release_held
from vaiven.flow.schedules import MARK, arm_schedules, schedule_due
from vaiven.flow.spec import BotSpec, Facts, Words
from vaiven.model.contacts import Contact, ContactState
from vaiven.model.effects import Effect, OptIn, OptOut
from vaiven.model.events import Body, CallAnswered, Event, Happened, OptedOut, StartFlow, TimerDue
from vaiven.model.messages import InboundMessage, MessageClass
from vaiven.model.sessions import Session

__all__ = ["BotSpec", "Facts", "FlowSet", "Stepped", "Words", "step"]

OPTED_OUT = "opted_out"
VERSION_LOST = "version_lost"
LEDGER = 40
"""Characters of a consent that are kept, as they were typed."""


class Stepped(msgspec.Struct, frozen=True, gc=False):
    """What the step decided. ``contact`` without ring and version news, which are the turn's; ``session`` None: none is open.

    ``flow`` is the hash of the document whose words were used, empty if none was. ``facts`` are those of ``Facts.known`` that
    were looked at.
    """

    contact: Contact
    session: Session | None
    effects: tuple[Effect, ...]
    flow: str = ""
    facts: dict[str, int] = {}


def step(flows: FlowSet, state: ContactState, event: Event, facts: Facts, now_ms: int) -> Stepped:
    """Decide what this event does to this contact. Pure: the same arguments give the same answer.

    ``event.body`` is an InboundMessage, a TimerDue, an OptedOut, a CallAnswered, a Happened or a StartFlow; any other changes
    nothing. The session is ``state.sessions.get(event.channel)``; one that is not touched comes back as it is.

    What happened besides is Recorded: ``version_lost`` (nobody knows the session's shape any more), ``stale_timer``,
    ``stale_button``, ``stale_answer``, ``unanswered``, ``relayed`` (for people to read), ``not_held``, ``unheard`` (an event for
    nobody), ``not_started``, ``already_opted_out``, ``call_failed``, ``text_failed`` (the bot's error text was said instead),
    ``choices_left_out``, ``no_parser``, ``parser_failed`` and ``recogniser_failed`` (not understood), and where the error
    transition was taken ``expression_failed``, ``too_many_steps``, ``too_many_frames`` or ``no_such_flow``. Details name the
    flow and the step.
    """
    session = state.sessions.get(event.channel)
    draft = Draft(flows, state.contact, session, _legible(event), facts, now_ms)
    try:
        return _stepped(draft, state.contact, session)
    finally:
        draft.leave()


def _stepped(draft: Draft, contact: Contact, session: Session | None) -> Stepped:
    body = draft.event.body
    heard = True
    entered = session is not None and _load(draft, session)
    if isinstance(body, InboundMessage):
        _message(draft, body, entered)
    else:
        heard = _happen(draft, body) or draft.moved_from is not None
    if draft.held:
        release_held(draft)
    if draft.flows.schedules:
        arm_schedules(draft)
    elif not heard and (draft.is_open or session is None):
        return Stepped(contact, session, tuple(draft.effects))
    draft.finish_timers()
    return Stepped(draft.changed_contact(), draft.session(), tuple(draft.effects), draft.document, draft.looked or {})


def _happen(draft: Draft, body: Body) -> bool:
    """What is no message. False: it changed nothing."""
    match body:
        case TimerDue():
            return schedule_due(draft, body) if body.key.startswith(MARK) else fall_due(draft, body)
        case CallAnswered():
            return take_answer(draft, body)
        case Happened():
            return take_answer(draft, body) if body.session else hear(draft, body)
        case StartFlow():
            return start_flow(draft, body)
        case OptedOut():
            _opt_out(draft, body.sender, body.reason)
            return True
    return False


def _legible(event: Event) -> Event:
    """The event as the flows see it: control characters, some of which mark places in our texts, are nobody's words."""
    body = event.body
    if not isinstance(body, InboundMessage):
        return event
    choice = body.choice
    if body.text.isprintable() and (choice is None or choice.title.isprintable()):
        return event
    if choice is not None:
        choice = changed(choice, title=without_controls(choice.title))
    return changed(event, body=changed(body, text=without_controls(body.text), choice=choice))


def _load(draft: Draft, session: Session) -> bool:
    """Stand where the session stands; where nobody knows its flow's shape any more it ends, and is as if it never was.

    True: the new version of its flow has moved it to another step, which was entered.
    """
    flows = draft.flows
    for frame in session.frames:
        flow = flows.shapes.get(frame.shape)
        if (flow is None or frame.step not in flow.waits) and (frame is not session.top or flows.moved(frame) is None):
            draft.record(VERSION_LOST, f"{frame.flow}/{frame.shape}")
            draft.end_lost(session, VERSION_LOST)
            return False
    draft.load(session)
    entry, draft.entry = draft.entry, None
    if entry is None:
        return False
    drive(draft, entry)
    return True


def _message(draft: Draft, message: InboundMessage, entered: bool) -> None:
    if message.lang is not None and draft.lang is None:
        draft.speak(message.lang)
    if not _consent(draft, message):
        if entered:
            draft.record("unanswered", "moved")  # it was for the step of the old version
        else:
            listen(draft, message)
    restart_idle(draft)


def _consent(draft: Draft, message: InboundMessage) -> bool:
    """Legal words come before any flow. The provider's own verdict is taken where it gives one."""
    facts, words = draft.facts, draft.words
    verdict, text = message.consent, message.text
    if verdict is None and message.choice is None:
        verdict = legal_word(text, facts.capabilities.sms_words)
    opted_out = facts.sender in draft.opt_outs
    silent = facts.stop_reply == "provider"
    if verdict == "stop":
        _opt_out(draft, facts.sender, text.strip()[:LEDGER])
        if not opted_out and not silent:
            draft.send(words.stopped, MessageClass.CONSENT)
    elif opted_out and (verdict == "start" or (message.choice is None and opt_in_word(text))):
        draft.opt_outs = {sender: at for sender, at in draft.opt_outs.items() if sender != facts.sender}
        draft.effects.append(OptIn(text.strip()[:LEDGER]))
        if not silent:
            draft.send(words.started, MessageClass.CONSENT)
    elif verdict == "help":
        if not (silent and message.consent == "help"):
            draft.send(words.help, MessageClass.CONSENT)
    else:
        return False
    return True


def _opt_out(draft: Draft, sender: str, word: str) -> None:
    """Nothing goes out to them any more, and what was open ends. Said twice it is written once."""
    if sender in draft.opt_outs:
        draft.record("already_opted_out")
    else:
        draft.opt_outs = {**draft.opt_outs, sender: draft.event.at_ms}
        draft.effects.append(OptOut(word))
    draft.close(OPTED_OUT)
