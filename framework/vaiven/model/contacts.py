"""The person, and the ring of message ids by which the same message is never handled twice."""

from hashlib import blake2b
from typing import Any

import msgspec

from vaiven.model.sessions import Session
from vaiven.model.urns import Urn

RING = 64
_DIGEST = 8
_TIME = 6
_ENTRY = _DIGEST + _TIME


class Desk(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """A conversation in the hands of people: of this agent, or of whoever takes it (``agent`` empty), on this channel.

    ``since_ms`` is when they took it; ``unanswered_ms`` the instant of the first message that nobody has answered yet, 0: none.
    """

    channel: str
    queue: str
    agent: str = ""
    name: str = ""
    since_ms: int = 0
    unanswered_ms: int = 0


class Contact(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """One person, as a turn sees them. ``version`` counts their turns and outlives sessions.

    ``addresses`` maps one of our channels to the address they last wrote from. ``opt_outs`` maps one of our senders to
    the instant of the STOP. ``votes`` counts votes cast a poll. ``control`` rises when the conversation changes hands
    between bot and people. ``timers`` are those by which flows begin by themselves: key to the instant they fall due.
    ``last`` is the number of the latest event handled, so history is a chain to walk backwards.
    ``ring`` holds the digests and instants of the newest inbound ids; ``floor_ms`` is the instant of the newest id that
    fell out of it, None until it has overflowed. ``marks`` holds for each partition whose homes told this one something the
    last row of theirs that was heard: they come in order, so one that is no newer is a copy. ``desks`` holds by channel the
    conversations that people have; the others are the bot's. ``heard`` holds the instant of their newest message by channel,
    of those channels that take anything only for a while after it.
    """

    home: Urn
    version: int = 0
    last: int = 0
    lang: str | None = None
    zone: str | None = None
    name: str | None = None
    addresses: dict[str, Urn] = {}
    vars: dict[str, Any] = {}
    opt_outs: dict[str, int] = {}
    votes: dict[str, int] = {}
    control: int = 0
    timers: dict[str, int] = {}
    ring: bytes = b""
    floor_ms: int | None = None
    marks: dict[int, int] = {}
    desks: dict[str, Desk] = {}
    heard: dict[str, int] = {}


class ContactState(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """Everything a turn reads and replaces in one piece: the contact, and its open sessions by channel name."""

    contact: Contact
    sessions: dict[str, Session] = {}


def digest_of(event_id: str) -> bytes:
    """An id as the ring keeps it."""
    return blake2b(event_id.encode(), digest_size=_DIGEST).digest()


def seen(contact: Contact, digest: bytes) -> bool:
    """Whether the ring holds the id of this digest."""
    start = 0
    while (found := contact.ring.find(digest, start)) >= 0:
        if found % _ENTRY == 0:
            return True
        start = found + 1
    return False


def below_floor(contact: Contact, provider_ms: int | None) -> bool:
    """Whether a message of that provider time is older than what the ring can vouch for, so it may be a late copy.

    One of the floor's own instant is not: some providers tell whole seconds, in which a person may write many.
    """
    return contact.floor_ms is not None and provider_ms is not None and provider_ms < contact.floor_ms


def remember(contact: Contact, digest: bytes, at_ms: int) -> tuple[bytes, int | None]:
    """The ring and its floor with one more id in it. The floor rises only by what falls out."""
    ring = contact.ring + digest + at_ms.to_bytes(_TIME, "big")
    floor = contact.floor_ms
    if len(ring) > RING * _ENTRY:
        fell = int.from_bytes(ring[_DIGEST:_ENTRY], "big")
        floor = fell if floor is None else max(floor, fell)
        ring = ring[_ENTRY:]
    return ring, floor
