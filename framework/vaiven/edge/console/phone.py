"""A phone as the store knows it: what was said both ways, where the session stands, and the turns behind it. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from vaiven.channels.text import count_segments
from vaiven.edge.console.documents import masked
from vaiven.model.calls import ActionCall, HttpCall
from vaiven.model.contacts import ContactState
from vaiven.model.effects import (
    Call,
    CancelTimer,
    Control,
    Effect,
    End,
    HandOff,
    OptIn,
    OptOut,
    Recorded,
    Send,
    StartTimer,
    Tally,
    Tell,
)
from vaiven.model.events import CallAnswered, Event, Happened, Notice, OptedOut, StartFlow, TimerDue
from vaiven.model.messages import InboundMessage
from vaiven.model.outbox import ROWS_A_TURN, OutboxRow
from vaiven.model.receipts import DeliveryReceipt
from vaiven.model.sessions import Frame, Session
from vaiven.model.turns import TurnRecord
from vaiven.model.urns import Urn

NEWEST = 50
"""So many turns of a phone are shown, and the messages of these."""

SAVED = 500
"""So many turns at most become a test."""

Json = dict[str, Any]


class Plain(NamedTuple):
    """The names of variables that may be shown: ``contact`` of the contact's, ``shapes`` by the flow's shape."""

    contact: frozenset[str]
    shapes: Mapping[str, frozenset[str]]


def view(
    address: Urn,
    channel: str,
    sms: bool,
    state: ContactState,
    records: Sequence[TurnRecord],
    rows: Sequence[OutboxRow],
    plain: Plain,
) -> Json:
    """Everything the page shows of one phone.

    ``records`` are its newest turns, newest first, one more than NEWEST where there are so many: it tells where the oldest
    one shown came from. ``sms``: what is said goes as SMS, so its segments are counted.
    """
    shown = records[:NEWEST]
    oldest = shown[-1].number if len(records) > NEWEST else 0
    said = [(record.number, -1, _heard(record, sms)) for record in shown if isinstance(record.event.body, InboundMessage)]
    spoken = (row for row in rows if row.row // ROWS_A_TURN >= oldest and row.call is None and row.tell is None)
    said += [(*divmod(row.row, ROWS_A_TURN), _spoken(row, sms)) for row in spoken]
    contact, session = state.contact, state.sessions.get(channel)
    return {
        "address": address,
        "home": contact.home,
        "contact": {
            "version": contact.version,
            "name": contact.name,
            "lang": contact.lang,
            "vars": masked(contact.vars, plain.contact),
            "votes": contact.votes,
            "opt_outs": contact.opt_outs,
        },
        "session": None if session is None else _session(session, plain),
        "messages": [message for *_, message in sorted(said, key=lambda item: item[:2])],
        "turns": [_turn(record, before) for record, before in zip(shown, (*records[1:], None), strict=False)],
    }


def _segments(text: str, sms: bool) -> Json | None:
    if not sms:
        return None
    counted = count_segments(text)
    return {"encoding": counted.encoding, "units": counted.units, "segments": counted.segments}


def _heard(record: TurnRecord, sms: bool) -> Json:
    message = record.event.body
    assert isinstance(message, InboundMessage)
    return {
        "id": record.event.id,
        "direction": "in",
        "turn": record.number,
        "at_ms": record.event.at_ms,
        "channel": record.event.channel,
        "kind": message.kind,
        "text": message.text,
        "choice": None if message.choice is None else {"id": message.choice.id, "title": message.choice.title},
        "location": message.location,
        "media": [{"mime": media.mime, "name": media.name, "caption": media.caption} for media in message.media],
        "sms": _segments(message.text, sms and bool(message.text)),
    }


def _spoken(row: OutboxRow, sms: bool) -> Json:
    message = row.message
    return {
        "id": row.reference,
        "direction": "out",
        "turn": row.row // ROWS_A_TURN,
        "at_ms": row.created_ms,
        "channel": row.channel,
        "class": row.message_class,
        "text": message.text,
        "layout": message.layout,
        "list_button": message.list_button,
        "options": [{"id": option.id, "title": option.title, "description": option.description} for option in message.options],
        "provider_id": row.provider_id,
        "state": row.state,
        "delivery": row.delivery,
        "reason": row.reason,
        "attempt": row.attempt,
        "sms": _segments(message.text, sms),
    }


def _session(session: Session, plain: Plain) -> Json:
    top = session.top
    return {
        "id": session.id,
        "flow": top.flow,
        "step": top.step,
        "visit": top.visit,
        "tries": top.tries,
        "vars": masked(top.vars, plain.shapes.get(top.shape, ())),
        "below": [_place(frame) for frame in session.frames[:-1]],
        "timers": [{"key": key, "due_ms": due_ms} for key, due_ms in sorted(session.timers.items(), key=lambda timer: timer[1])],
        "started_ms": session.started_ms,
    }


def _place(frame: Frame) -> str:
    return f"{frame.flow}/{frame.step}"


def _turn(record: TurnRecord, before: TurnRecord | None) -> Json:
    channel = record.event.channel
    return {
        "number": record.number,
        "version": record.version,
        "at_ms": record.at_ms,
        "channel": channel,
        "came": _came(record.event),
        "from": _where(before, channel),
        "to": _where(record, channel),
        "effects": [_effect(effect, record.at_ms) for effect in record.effects],
        "flow": record.flow,
    }


def _where(record: TurnRecord | None, channel: str) -> str | None:
    """The step that the turn left the channel's session in, None if none was open."""
    session = None if record is None or record.after is None else record.after.sessions.get(channel)
    return None if session is None else _place(session.top)


def _came(event: Event) -> Json:
    """What the turn was about, in one word and one line."""
    match event.body:
        case InboundMessage(choice=choice) if choice is not None:
            return {"is": "tap", "text": choice.title or choice.id}
        case InboundMessage(kind=kind, text=text):
            return {"is": kind, "text": text}
        case TimerDue(key=key):
            return {"is": "timer", "text": key}
        case DeliveryReceipt(status=status):
            return {"is": "receipt", "text": status}
        case OptedOut(reason=reason):
            return {"is": "opted out", "text": reason}
        case Notice(kind=kind, reason=reason):
            return {"is": kind, "text": reason}
        case CallAnswered(step=step, status=status, reason=reason):
            return {"is": "answer", "text": f"{step}: {reason or status or 'done'}"}
        case Happened(name=name, sender=sender):
            return {"is": "event", "text": name if sender is None else f"{name}, from {sender}"}
        case StartFlow(flow=flow):
            return {"is": "start", "text": flow}


def _effect(effect: Effect, at_ms: int) -> Json:
    """What the turn did, in one word and one line."""
    match effect:
        case Send(text=text, message_class=message_class):
            return {"do": "send", "class": message_class, "text": text}
        case StartTimer(key=key, due_ms=due_ms):
            return {"do": "start timer", "text": f"{key}, in {(due_ms - at_ms) / 1000:g} s"}
        case CancelTimer(key=key):
            return {"do": "cancel timer", "text": key}
        case Tally(poll=poll, option=option, outcome=outcome):
            return {"do": "tally", "text": f"{poll}/{option}: {outcome}"}
        case OptOut(word=word):
            return {"do": "opt out", "text": word}
        case OptIn(word=word):
            return {"do": "opt in", "text": word}
        case End(flow=flow, outcome=outcome):
            return {"do": "end", "text": f"{flow}: {outcome}"}
        case Recorded(what=what, detail=detail):
            return {"do": "record", "text": f"{what} {detail}".strip()}
        case Call(request=request):
            return {"do": "call", "text": _called(request)}
        case Tell(home=home, name=name):
            return {"do": "tell", "text": f"{home}: {name}"}
        case Control(by=by, queue=queue):
            return {"do": "control", "text": f"{by} {queue}".strip()}
        case HandOff(queue=queue, left=left):
            return {"do": "hand off", "text": f"{queue}, left" if left else queue}


def _called(request: HttpCall | ActionCall) -> str:
    """Whom a call goes to. What stands behind the host may be a person's words."""
    if isinstance(request, ActionCall):
        return request.name
    return f"{request.method} {request.url.partition('://')[2].partition('/')[0].partition('?')[0]}"
