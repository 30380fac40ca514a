"""What turns tell of conversations with people: each happening is a word to a home of the bot's own, whose history is the log.

It is told by the turn in which it happens, from what that turn did, and saved with it. So nothing that happened is left out,
whichever process it happened in, and nothing is told that did not. It bears nobody's words: only who, where and when.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from vaiven.flow.step import FlowSet, Stepped
from vaiven.flow.verbs import Handoff, Relay
from vaiven.model.contacts import ContactState, Desk
from vaiven.model.effects import Recorded, Send, Tell
from vaiven.model.events import Event, Happened
from vaiven.model.messages import InboundMessage
from vaiven.model.sessions import Session
from vaiven.runtime import desk, happenings
from vaiven.runtime.happenings import CLOSED, MESSAGE, NOTED, OPENED, RETURNED, TAKEN, UNDELIVERED

Kind = tuple[str, dict[str, Any]]


class Feed:
    """Tells what turns of one bot did. ``hooks`` are its webhooks by name, with the kinds that each of them wants."""

    def __init__(self, bot: str, hooks: Mapping[str, frozenset[str]] | None = None) -> None:
        self._bot = bot
        self._log = happenings.log_home(bot)
        self._hooks = hooks or {}
        self._flows: FlowSet | None = None
        self._known = 0
        self._queues: dict[tuple[str, str], str] = {}
        self._has_people = False

    def told(self, flows: FlowSet, before: ContactState, stepped: Stepped, event: Event, now_ms: int) -> Sequence[Tell]:
        """What is told of a person's turn. A bot that hands over to nobody has nothing to tell."""
        if flows is not self._flows or len(flows.shapes) != self._known:
            self._learn(flows)
        if not self._has_people:
            return ()
        channel, contact = event.channel, stepped.contact
        had, has = before.contact.desks.get(channel), contact.desks.get(channel)
        waited = "" if had else self._queue(before.sessions.get(channel))
        waits = "" if has else self._queue(stepped.session)
        kinds = list(_kinds(event, stepped, had, has, waited, waits))
        if not kinds:
            return ()
        queue = waits or (has or had or Desk("", waited)).queue
        where = {"conversation": happenings.id_of(contact.home, channel), "channel": channel, "queue": queue, "at": now_ms}
        told = [Tell(self._log, kind, where | more) for kind, more in kinds]
        if kinds[0][0] == CLOSED and had is not None:
            closed = {"home": contact.home, "channel": channel, "agent": had.agent, "name": had.name, "since": now_ms}
            told.append(Tell(happenings.closings_home(self._bot, had.queue), CLOSED, closed))
        return told

    def passed_on(self, event: Event) -> Sequence[Tell]:
        """What the webhooks are told of what the log has just been told."""
        body = event.body
        if not self._hooks or event.home != self._log or not isinstance(body, Happened):
            return ()
        if body.name == UNDELIVERED:  # somebody has put it back: once more, to that webhook alone
            return [Tell(happenings.hook_home(body.data["hook"]), body.data["kind"], body.data["event"])]
        told = {"id": happenings.event_id(event), **body.data}
        return [Tell(happenings.hook_home(name), body.name, told) for name, kinds in self._hooks.items() if body.name in kinds]

    def _learn(self, flows: FlowSet) -> None:
        self._flows, self._known = flows, len(flows.shapes)
        self._has_people = hands_over(flows)
        steps = [(shape, step) for shape, flow in flows.shapes.items() for step in flow.document.steps]
        self._queues = {(shape, step.name): step.verb.queue for shape, step in steps if isinstance(step.verb, Handoff)}

    def _queue(self, session: Session | None) -> str:
        """The queue in which this session waits for somebody; empty: it does not."""
        for frame in session.frames if session is not None else ():
            if (queue := self._queues.get((frame.shape, frame.step))) is not None:
                return queue
        return ""


def hands_over(flows: FlowSet) -> bool:
    """Whether any of these flows hands over to people."""
    return any(isinstance(step.verb, Handoff | Relay) for flow in flows.shapes.values() for step in flow.document.steps)


def _kinds(event: Event, stepped: Stepped, had: Desk | None, has: Desk | None, waited: str, waits: str) -> Iterator[Kind]:
    """What happened, in order: who spoke, how it changed hands, what the bot said then."""
    body, act = event.body, ""
    if any(isinstance(effect, Recorded) and effect.what == desk.REFUSAL for effect in stepped.effects):
        return
    agent: dict[str, Any] = {}
    if isinstance(body, Happened) and desk.is_act(event):
        act, agent = body.name, _agent(body.data.get("agent", ""), body.data.get("name", ""))
    if act == desk.NOTED:
        yield NOTED, {"by": "agent", **agent}
        return
    if act == desk.SAYS:
        yield MESSAGE, {"by": "agent", **agent}
        return
    if isinstance(body, InboundMessage) and (had or waited):
        yield MESSAGE, {"by": "person"}
    if had and not has:
        yield (CLOSED, {"by": "agent", **agent}) if act == desk.CLOSED else (RETURNED, {"by": "agent" if act else "bot", **agent})
    elif waited and not waits and not has:
        yield RETURNED, {"by": "bot"}
    if (waits and waits != waited) or (has and not has.agent and not had):
        yield OPENED, {"by": "bot"}
    if has and has.agent and (had is None or had.agent != has.agent):
        yield TAKEN, {"by": "agent", **_agent(has.agent, has.name)}
    if (has or waits) and any(isinstance(effect, Send) for effect in stepped.effects):
        yield MESSAGE, {"by": "bot"}


def _agent(id_: str, name: str) -> dict[str, Any]:
    return {"agent": {"id": id_, "name": name}} if id_ else {}
