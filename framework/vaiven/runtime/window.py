"""The time in which a channel takes anything for a person, and after it only templates: one rule for flows and for people. Pure.

It begins anew with all that they write or tap there. Sources: WhatsApp's customer service window, Messenger's standard messaging
window (the providers' documentation, read 2026-11). A reaction does not open it: not all providers say that it does.
"""

from msgspec.structs import replace as changed

from vaiven.model.contacts import Contact
from vaiven.model.effects import Send
from vaiven.model.events import Event
from vaiven.model.messages import Capabilities, InboundMessage, MessageKind

UNHEARD = frozenset({MessageKind.ECHO, MessageKind.SYSTEM, MessageKind.DELETED, MessageKind.EDITED, MessageKind.OPTIN})
"""Kinds that are not the person talking to us."""


def heard(contact: Contact, event: Event, message: InboundMessage) -> Contact:
    """The contact as one who wrote this, on a channel that has a window. Late news of an earlier message changes nothing."""
    if message.kind in UNHEARD or message.kind is MessageKind.REACTION:
        return contact
    at_ms = event.happened_ms
    if contact.heard.get(event.channel, -1) >= at_ms:
        return contact
    return changed(contact, heard={**contact.heard, event.channel: at_ms})


def closes_ms(contact: Contact, channel: str, can: Capabilities) -> int | None:
    """The instant from which only templates go there, 0 if they never wrote; None: this channel takes anything at any time."""
    if not can.window_ms:
        return None
    at_ms = contact.heard.get(channel)
    return 0 if at_ms is None else at_ms + can.window_ms


def fitting(send: Send, can: Capabilities, is_open: bool) -> Send:
    """What goes: the text while it may, its template where it may not any more, or where there is no text to say."""
    if send.template is None or (can.templates and not (is_open and send.text)):
        return send
    return changed(send, template=None)
