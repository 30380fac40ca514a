"""What people of the business do in a conversation, decided in its turns: so it is ordered with what the person writes. Pure.

An act is a ``Happened`` with one of these names; its data has ``agent`` (an id) and ``name``. The bot or one agent has control,
never two: the session stands in a ``relay`` exactly while people do, and ``Contact.desks`` says which of them. An act that is
refused changes nothing and is ``Recorded`` as ``refused`` with one of the reasons of ``REFUSED``.
"""

from collections.abc import Mapping
from typing import Any

from msgspec import convert
from msgspec.structs import replace as changed

from vaiven.model.contacts import Contact, Desk
from vaiven.model.effects import Control, Effect, Recorded, Send, Tell
from vaiven.model.events import Event, Happened
from vaiven.model.messages import InboundMessage, Media, TemplateMessage
from vaiven.runtime.people import FREED, TAKEN, queue_home

JOINED = "agent.joined"
SAYS = "agent.says"
NOTED = "agent.noted"
RETURNED = "agent.returned"
CLOSED = "agent.closed"
ACTS = frozenset({JOINED, SAYS, NOTED, RETURNED, CLOSED})

REFUSED = frozenset({"taken", "not_waiting", "not_yours", "moved", "window", "opted_out", "not_heard"})
"""``taken``: somebody else has it. ``not_waiting``: nobody waits there. ``not_yours``: only who has it may. ``moved``: it is no
more at the version that was seen. ``window``: the channel takes only a template now. ``opted_out``: the person said STOP.
``not_heard``: its flow has no way out for this."""
REFUSAL = "refused"

Stepped = tuple[Contact, tuple[Effect, ...]]


def is_act(event: Event) -> bool:
    """Whether somebody of the business does something here; a word of another home is none, whatever its name."""
    return isinstance(event.body, Happened) and event.body.name in ACTS and event.body.sender is None


def refusal(contact: Contact, version: int, event: Event, body: Happened, sender: str, is_open: bool) -> str:
    """Why this act is refused before any flow hears it; empty: it is not. ``sender`` is our address, as opt-outs name it;
    ``is_open``: the channel takes anything for this person now.
    """
    data, desk = body.data, contact.desks.get(event.channel)
    agent = data.get("agent", "")
    if "version" in data and data["version"] != version:
        return "moved"
    if body.name == JOINED:
        return "taken" if desk is not None and desk.agent not in ("", agent) else ""
    if body.name == NOTED:
        return ""
    if desk is None or desk.agent != agent:
        return "not_yours"
    if body.name == SAYS:
        if sender in contact.opt_outs:
            return "opted_out"
        if not is_open and "template" not in data:
            return "window"
    return ""


def said(data: Mapping[str, Any]) -> Send:
    """What an agent says, as a message to the person. Their text is said as it is: nothing in it is filled in."""
    template = data.get("template")
    return Send(
        data.get("text", ""),
        media=tuple(convert(one, Media) for one in data.get("media", ())),
        template=None if template is None else convert(template, TemplateMessage),
    )


def is_heard(body: Happened, contact: Contact, event: Event, effects: tuple[Effect, ...]) -> str:
    """After the flow has heard of it: why it cannot be all the same; empty: it can."""
    changes = [effect.by for effect in effects if isinstance(effect, Control)]
    match body.name:
        case "agent.joined":
            return "" if event.channel in contact.desks or (changes and changes[-1] == "agent") else "not_waiting"
        case _:
            return "" if "bot" in changes else "not_heard"


def kept(contact: Contact, event: Event, effects: tuple[Effect, ...], bot: str, now_ms: int) -> Stepped:
    """Who has the conversation after a step, and what its queue is told of it."""
    before = desk = contact.desks.get(event.channel)
    body = event.body
    for effect in effects:
        if isinstance(effect, Control):
            desk = None if effect.by == "bot" else Desk(event.channel, effect.queue, since_ms=now_ms, unanswered_ms=0)
    if desk is not None:
        if isinstance(body, Happened) and body.name == JOINED and body.sender is None and desk.agent == "":
            desk = changed(desk, agent=body.data.get("agent", ""), name=body.data.get("name", ""), since_ms=now_ms)
        elif isinstance(body, InboundMessage) and not desk.unanswered_ms and desk is before:
            desk = changed(desk, unanswered_ms=event.at_ms)
        elif isinstance(body, Happened) and body.name == SAYS and desk is before:
            desk = changed(desk, unanswered_ms=0)
    if desk is before:
        return contact, effects
    desks = {channel: one for channel, one in contact.desks.items() if channel != event.channel}
    if desk is not None:
        desks[event.channel] = desk
    return changed(contact, desks=desks), (*effects, *_told(before, desk, bot))


def _told(before: Desk | None, desk: Desk | None, bot: str) -> list[Tell]:
    told = []
    if before is not None and (desk is None or desk.queue != before.queue):
        told.append(Tell(queue_home(bot, before.queue), FREED, {"channel": before.channel}))
    if desk is not None and (before is None or changed(before, unanswered_ms=0) != changed(desk, unanswered_ms=0)):
        data = {"channel": desk.channel, "agent": desk.agent, "name": desk.name, "since": desk.since_ms}
        told.append(Tell(queue_home(bot, desk.queue), TAKEN, data))
    return told


def refused(reason: str) -> tuple[Effect, ...]:
    return (Recorded(REFUSAL, reason),)
