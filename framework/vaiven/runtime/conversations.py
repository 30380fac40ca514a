"""What people of the business see of conversations and do in them: the inbox, without a protocol.

All acts go in by the one door as events, so they are durable, ordered with what the person writes, and heard once.
"""

import asyncio
import base64
import binascii
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from vaiven.flow.verbs import Handoff, Relay
from vaiven.model.contacts import Contact, ContactState, Desk, digest_of, seen
from vaiven.model.effects import Recorded
from vaiven.model.events import Happened
from vaiven.model.messages import Capabilities
from vaiven.model.turns import TurnRecord
from vaiven.model.urns import Urn, scheme_of
from vaiven.runtime.bot import Bot
from vaiven.runtime.desk import REFUSAL
from vaiven.runtime.happenings import CLOSED as CLOSED_EVENT
from vaiven.runtime.happenings import closings_home
from vaiven.runtime.happenings import id_of as id_of
from vaiven.runtime.people import queue_home, queues_home
from vaiven.runtime.resources import is_resource
from vaiven.runtime.transcripts import Item, by_turn, items
from vaiven.runtime.window import closes_ms as closes

PATIENCE_S = 5.0
"""An act is durable at once; for so long its turn is waited for, to tell what it came to."""
LOOK_S = (0.002, 0.1)
WAITING = "waiting"
TAKEN = "taken"
CLOSED = "closed"
BOT = "bot"
REMEMBERED = 200
"""So many turns back an act is found again by its key."""
CLOSINGS = 500
"""So many closings of each queue are looked at, the newest."""


class NoSuchConversation(LookupError):
    """Nobody has this id."""


class OtherAct(ValueError):
    """The key was used for another act."""


class Agent(msgspec.Struct, frozen=True):
    """Somebody of the business."""

    id: str
    name: str = ""


class Summary(msgspec.Struct):
    """A conversation in a list. ``since``: when it came to wait, or was taken; ``unanswered_since``: the oldest message that
    nobody has answered. One that is closed was so ``since`` then, by ``agent``. Instants are ms since the epoch.
    """

    id: str
    queue: str
    state: str
    channel: str
    person: str
    since: int
    name: str | None = None
    agent: Agent | None = None
    unanswered_since: int | None = None
    skills: str = ""
    shared: dict[str, Any] = {}


class Window(msgspec.Struct):
    """Until when anything may be said; after it only a template. None: it has closed, or never opened."""

    closes: int | None
    open: bool
    templates: bool


class Conversation(msgspec.Struct):
    """One conversation. ``version`` rises with all that happens in it. ``controller``: bot, waiting, or taken (by ``agent``, if
    one has it). ``window`` None: this channel has none. ``before``: ask with it for what came earlier; None: there is nothing.
    """

    id: str
    version: int
    controller: str
    channel: str
    person: str
    name: str | None
    lang: str | None
    agent: Agent | None
    unanswered_since: int | None
    opted_out: bool
    window: Window | None
    items: list[Item]
    before: int | None


@dataclass(frozen=True, slots=True)
class Done:
    """What an act came to. ``refused``: one of ``desk.REFUSED``, or empty. ``holder`` has the conversation after it.

    ``record`` None: it is stored, and its turn is still to come.
    """

    refused: str
    record: TurnRecord | None
    holder: Agent | None


def parts_of_id(id: str) -> tuple[str, Urn]:
    """The channel and the home. Raises NoSuchConversation."""
    try:
        text = base64.b64decode(id + "=" * (-len(id) % 4), altchars=b"-_", validate=True).decode()
    except (ValueError, binascii.Error):
        raise NoSuchConversation(id) from None
    channel, _, home = text.partition("\n")
    if id_of(home, channel) != id or is_resource(home) or ":" not in home:
        raise NoSuchConversation(id)
    return channel, Urn(home)


class Conversations:
    """The conversations of one running bot. Every method may raise StoreUnavailable; asking again is then safe."""

    def __init__(self, bot: Bot) -> None:
        self._bot = bot

    async def queues(self) -> list[str]:
        """The queues that the flows of now hand over to, and all that anybody ever waited in."""
        flows = self._bot.flows
        steps = (step.verb for flow in flows.flows.values() for step in flow.document.steps)
        (known,) = await self._bot.store.load([queues_home(flows.spec.name)])
        names = known.contact.vars.get("state", {}).get("names", [])
        return sorted({verb.queue for verb in steps if isinstance(verb, Handoff | Relay)}.union(names))

    async def listed(self, queue: str = "", state: str = "", agent: str = "") -> list[Summary]:
        """Those that wait for people or that people have: who waits longest first, then who was taken first.

        A list may lag a moment behind; what each of them is now is told by ``shown``, and decided by an act.
        """
        names = [name for name in await self.queues() if queue in ("", name)]
        states = await self._bot.store.load([queue_home(self._bot.flows.spec.name, name) for name in names])
        found = []
        for name, kept in zip(names, states, strict=True):
            known: Mapping[str, Any] = kept.contact.vars.get("state", {})
            found += [_summary(one, name, WAITING) for one in known.get("waiting", [])]
            found += [_summary(one, name, TAKEN) for one in known.get("taken", [])]
        found = [one for one in found if state in ("", one.state) and (not agent or (one.agent and one.agent.id == agent))]
        return sorted(found, key=lambda one: (one.state != WAITING, one.since, one.id))

    async def closed(self, queue: str = "", agent: str = "") -> list[Summary]:
        """Those that somebody closed and that nobody waits in or has again, the last one first; ``since`` is when it was closed.

        They are as many as history keeps, and no more than ``CLOSINGS`` of each queue.
        """
        again = {one.id for one in await self.listed()}
        found: dict[str, Summary] = {}
        for name in await self.queues():
            home = closings_home(self._bot.flows.spec.name, name)
            async for record in self._bot.store.history(home, newest=CLOSINGS):
                body = record.event.body
                if isinstance(body, Happened) and body.name == CLOSED_EVENT:
                    one = _summary(body.data, name, CLOSED)
                    if one.id not in again and (one.id not in found or found[one.id].since < one.since):
                        found[one.id] = one
        chosen = (
            one for one in found.values() if queue in ("", one.queue) and (not agent or (one.agent and one.agent.id == agent))
        )
        return sorted(chosen, key=lambda one: (-one.since, one.id))

    async def with_people(self, page: list[Summary]) -> list[Summary]:
        """These with what their contacts tell: name, and since when nobody has answered."""
        states = await self._bot.store.load([Urn(one.person) for one in page]) if page else []
        for one, state in zip(page, states, strict=True):
            desk = state.contact.desks.get(one.channel)
            one.name = state.contact.name
            if desk is not None:
                one.unanswered_since = desk.unanswered_ms or None
        return page

    async def shown(self, id: str, before: int | None = None, limit: int = 50) -> Conversation:
        """A conversation with at most ``limit`` of its newest turns, oldest first; with ``before``, of those before that turn.

        Raises NoSuchConversation.
        """
        channel, home, state = await self._loaded(id)
        contact = state.contact
        rows = by_turn(await self._bot.store.rows(home), channel)
        turns: list[list[Item]] = []
        earlier: int | None = None
        async for record in self._history(home):
            if before is not None and record.number >= before:
                continue
            told = items(record, channel, rows)
            if not told:
                continue
            if len(turns) == limit:
                earlier = turns[-1][0].number
                break
            turns.append(told)
        sender = self._bot.lines[channel].channel.sender
        desk = contact.desks.get(channel)
        return Conversation(
            id=id,
            version=contact.version,
            controller=self._controller(state, channel),
            channel=channel,
            person=home,
            name=contact.name,
            lang=contact.lang,
            agent=_agent(desk),
            unanswered_since=desk.unanswered_ms or None if desk else None,
            opted_out=sender in contact.opt_outs,
            window=self._window(contact, channel),
            items=[item for told in reversed(turns) for item in told],
            before=earlier,
        )

    async def can(self, id: str) -> tuple[Capabilities, Window | None]:
        """What may be said there now. Raises NoSuchConversation."""
        channel, _, state = await self._loaded(id)
        return self._capabilities(state.contact, channel), self._window(state.contact, channel)

    async def act(self, id: str, name: str, agent: Agent, key: str, version: int | None = None, **data: Any) -> Done:
        """Do something there: ``name`` is one of ``desk.ACTS``. The same ``key`` again does nothing and tells the same.

        ``version``: only if that is still the conversation's.

        Raises:
            NoSuchConversation: nobody has this id.
            OtherAct: the key did something else.
        """
        channel, home, state = await self._loaded(id)
        told: dict[str, Any] = {"agent": agent.id, "name": agent.name, **data}
        if version is not None:
            told["version"] = version
        event_id, body = f"desk:{channel}:{key}", Happened(name, told)
        if not seen(state.contact, digest_of(event_id)):
            await self._bot.intake.happen(event_id, home, body, channel)
        record = await self._record(home, event_id)
        if record is None:
            return Done("", None, None)
        if record.event.body != body:
            raise OtherAct(key)
        reason = next((each.detail for each in record.effects if isinstance(each, Recorded) and each.what == REFUSAL), "")
        after = record.after.contact.desks.get(channel) if record.after is not None else None
        return Done(reason, record, _agent(after))

    async def _record(self, home: Urn, event_id: str) -> TurnRecord | None:
        """The turn that heard this event, as soon as there is one."""
        digest, pause_s = digest_of(event_id), LOOK_S[0]
        loop = asyncio.get_running_loop()
        until_s = loop.time() + PATIENCE_S
        while True:
            (state,) = await self._bot.store.load([home])
            if seen(state.contact, digest):
                async for record in self._history(home, REMEMBERED):
                    if record.event.id == event_id:
                        return record
                return None
            if loop.time() >= until_s:
                return None
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, LOOK_S[1])

    async def _loaded(self, id: str) -> tuple[str, Urn, ContactState]:
        channel, home = parts_of_id(id)
        if channel not in self._bot.lines:
            raise NoSuchConversation(id)
        (state,) = await self._bot.store.load([home])
        if not state.contact.version or channel not in state.contact.addresses:
            raise NoSuchConversation(id)
        return channel, home, state

    def _history(self, home: Urn, newest: int | None = None) -> AsyncIterator[TurnRecord]:
        return self._bot.store.history(home, newest=newest)

    def _controller(self, state: ContactState, channel: str) -> str:
        if channel in state.contact.desks:
            return TAKEN
        session = state.sessions.get(channel)
        if session is None:
            return BOT
        shapes = self._bot.flows.shapes
        for frame in session.frames:
            flow = shapes.get(frame.shape)
            if flow is not None and any(
                step.name == frame.step and isinstance(step.verb, Handoff) for step in flow.document.steps
            ):
                return WAITING
        return BOT

    def _capabilities(self, contact: Contact, channel: str) -> Capabilities:
        return self._bot.lines[channel].channel.capabilities(scheme_of(contact.addresses[channel]))

    def _window(self, contact: Contact, channel: str) -> Window | None:
        can = self._capabilities(contact, channel)
        closes_ms = closes(contact, channel, can)
        return None if closes_ms is None else Window(closes_ms or None, self._bot.clock() < closes_ms, can.templates)


def _agent(desk: Desk | None) -> Agent | None:
    return Agent(desk.agent, desk.name) if desk is not None and desk.agent else None


def _summary(one: Mapping[str, Any], queue: str, state: str) -> Summary:
    return Summary(
        id=id_of(one["home"], one["channel"]),
        queue=queue,
        state=state,
        channel=one["channel"],
        person=one["home"],
        since=one["since"],
        agent=Agent(one["agent"], one["name"]) if one.get("agent") else None,
        skills=one.get("skills", ""),
        shared=one.get("shared", {}),
    )
