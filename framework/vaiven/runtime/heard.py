"""Events that are no messages, told to a home: heard once each, and on which channel. Pure."""

from msgspec.structs import replace as changed

from vaiven.model.contacts import Contact, ContactState, digest_of, remember, seen
from vaiven.model.events import Event, Happened, StartFlow

TOLD = (Happened, StartFlow)


def hear(contact: Contact, event: Event) -> Contact | None:
    """The contact as one who has heard this; None if it is a copy of what they have heard.

    Another home's words come in the order of their rows (``Telling``), so the last row of its partition is enough to know. What
    comes from outside is known by its id, as messages are.
    """
    body = event.body
    if isinstance(body, Happened) and body.row:
        if contact.marks.get(body.origin, 0) >= body.row:
            return None
        return changed(contact, marks={**contact.marks, body.origin: body.row})
    digest = digest_of(event.id)
    if seen(contact, digest):
        return None
    ring, floor_ms = remember(contact, digest, event.at_ms)
    return changed(contact, ring=ring, floor_ms=floor_ms)


def channel_of(state: ContactState) -> str:
    """The channel on which a word is heard that names none: of the newest session, else of the newest address; else empty."""
    if state.sessions:
        return max(state.sessions.values(), key=lambda session: session.started_ms).channel
    return next(reversed(state.contact.addresses), "")
