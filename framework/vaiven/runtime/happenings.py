"""What can happen in a conversation with people, and where it is written down: the names, the homes, the ids."""

import base64
from dataclasses import dataclass, field
from typing import Any

from vaiven.model.events import Event, Happened
from vaiven.model.urns import Urn, path_of, resource_home, scheme_of, urn
from vaiven.runtime.resources import Word

EVENTS = "events"
CLOSINGS = "closings"

OPENED = "conversation.opened"
TAKEN = "conversation.taken"
MESSAGE = "conversation.message"
NOTED = "conversation.noted"
RETURNED = "conversation.returned"
CLOSED = "conversation.closed"
KINDS = (OPENED, TAKEN, MESSAGE, NOTED, RETURNED, CLOSED)

UNDELIVERED = "undelivered"
"""What the log is told of an event that no attempt brought to its webhook."""
GAVE_UP = "gave_up"


def id_of(home: str, channel: str) -> str:
    """A conversation's id: of this person, on this channel."""
    return base64.urlsafe_b64encode(f"{channel}\n{home}".encode()).decode().rstrip("=")


def log_home(bot: str) -> Urn:
    """Whose history is the log of all that happens in conversations with people."""
    return resource_home(bot, EVENTS, "log")


def closings_home(bot: str, queue: str) -> Urn:
    """Whose history is the list of conversations closed in this queue."""
    return resource_home(bot, CLOSINGS, queue)


def hook_home(name: str) -> Urn:
    """Who is told what a webhook of this name is to get. It is nobody's home."""
    return urn("hook", name)


def is_hook(home: str) -> bool:
    return scheme_of(home) == "hook"


def event_id(event: Event) -> str:
    """What names a happening of the log for good, among those of other bots too: the row that told it."""
    body = event.body
    bot, _, _ = path_of(event.home).partition("/")
    return f"evt_{bot}_{body.origin}_{body.row}" if isinstance(body, Happened) and body.row else event.id


def gave_up(event: Event) -> bool:
    """Whether this is the word that an event was not delivered, for the first time: somebody may put it back, and it is new."""
    body = event.body
    return isinstance(body, Happened) and body.name == UNDELIVERED and body.data.get(GAVE_UP) == event.at_ms


def keep(state: dict[str, Any], _: Word, __: int) -> tuple[dict[str, Any], list[Any]]:
    """A resource that only hears: what it was told is its history."""
    return state, []


@dataclass(frozen=True, slots=True)
class Hook:
    """A webhook of the business. ``secrets`` sign, each of them, so that one can take another's place; ``kinds`` are told."""

    name: str
    url: str
    secrets: tuple[bytes, ...] = field(repr=False)
    kinds: frozenset[str] = frozenset(KINDS)
