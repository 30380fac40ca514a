"""One event against one contact, decided without I/O. ``runtime.turn`` calls ``step`` and commits what it gives."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from vaiven.model.contacts import Contact, ContactState
from vaiven.model.effects import Effect
from vaiven.model.events import Event
from vaiven.model.messages import Capabilities
from vaiven.model.sessions import Session


@dataclass(frozen=True, slots=True)
class Words:
    """The bot's own texts."""

    help: str = "Text HELP for help, STOP to unsubscribe."
    stopped: str = "You are unsubscribed. Text START to return."
    started: str = "Welcome back."
    error: str = "Something went wrong here. Please try again in a minute."


@dataclass(frozen=True, slots=True)
class BotSpec:
    """What of ``bot.yaml`` the flows can see. ``commands`` are the bot's own, under every flow's."""

    name: str
    lang: str = "en"
    zone: str = "UTC"
    country: str | None = None
    params: Mapping[str, Any] = field(default_factory=dict)
    words: Words = Words()
    error_flow: str | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """What the runtime reads beforehand: what the event's channel can show, and who we are on it.

    ``stop_reply`` is ``ours`` or ``provider`` (the provider itself confirms a STOP, so we stay silent).
    """

    capabilities: Capabilities
    sender: str
    stop_reply: str = "ours"


@dataclass(frozen=True, slots=True)
class Stepped:
    """What the step decided. ``contact`` without ring and version news, which are the turn's; ``session`` None: none is open.

    ``flow`` is the hash of the document whose words were used, empty if none was.
    """

    contact: Contact
    session: Session | None
    effects: tuple[Effect, ...]
    flow: str = ""


class FlowSet:
    """A bot's compiled flows: the current document of each, and every shape that an open session may still stand in."""


def step(flows: FlowSet, state: ContactState, event: Event, facts: Facts, now_ms: int) -> Stepped:
    """Decide what this event does to this contact. Pure: the same arguments give the same answer.

    ``event.body`` is an InboundMessage, a TimerDue or an OptedOut. The session is ``state.sessions.get(event.channel)``.
    """
    raise NotImplementedError
