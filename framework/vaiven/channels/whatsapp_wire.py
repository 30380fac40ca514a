"""The parts of WhatsApp Cloud API webhooks that are read, and how one message of them reads.

Source: https://developers.facebook.com/docs/whatsapp/cloud-api/webhooks/components (read 2026-11). Everything else in them is
let pass, so new fields do no harm.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from vaiven.model.messages import Choice, InboundMessage, Location, Media, MessageKind
from vaiven.model.urns import Urn, urn

Number = str | int | None


class Change(msgspec.Struct, frozen=True):
    field: str = ""
    value: msgspec.Raw = msgspec.Raw(b"{}")


class Entry(msgspec.Struct, frozen=True):
    changes: list[msgspec.Raw] = []


class _Metadata(msgspec.Struct, frozen=True):
    phone_number_id: str = ""


class _Profile(msgspec.Struct, frozen=True):
    name: str | None = None


class Contact(msgspec.Struct, frozen=True):
    wa_id: str | None = None
    user_id: str | None = None
    profile: _Profile = _Profile()


class Value(msgspec.Struct, frozen=True):
    metadata: _Metadata = _Metadata()
    contacts: list[Contact] = []
    messages: list[msgspec.Raw] = []
    message_echoes: list[msgspec.Raw] = []
    statuses: list[msgspec.Raw] = []
    errors: list[msgspec.Raw] = []


class Error(msgspec.Struct, frozen=True):
    code: int | None = None


class Status(msgspec.Struct, frozen=True):
    id: str
    status: str
    recipient_id: str | None = None
    recipient_user_id: str | None = None
    timestamp: Number = None
    biz_opaque_callback_data: str | None = None
    errors: list[Error] = []


class Head(msgspec.Struct, frozen=True):
    """Who, when and what: enough to keep a message whose content nobody understands."""

    id: str
    type: str = ""
    sender: str | None = msgspec.field(name="from", default=None)
    sender_user: str | None = msgspec.field(name="from_user_id", default=None)
    to: str | None = None
    timestamp: Number = None


class _Text(msgspec.Struct, frozen=True):
    body: str = ""


class _Media(msgspec.Struct, frozen=True):
    id: str | None = None
    mime_type: str = ""
    sha256: str | None = None
    caption: str | None = None
    filename: str | None = None
    voice: bool = False
    url: str | None = None


class _Place(msgspec.Struct, frozen=True):
    latitude: float
    longitude: float
    name: str | None = None
    address: str | None = None


class _Button(msgspec.Struct, frozen=True):
    payload: str = ""
    text: str = ""


class _Reply(msgspec.Struct, frozen=True):
    id: str = ""
    title: str = ""


class _Form(msgspec.Struct, frozen=True):
    body: str = ""


class _Interactive(msgspec.Struct, frozen=True):
    type: str = ""
    button_reply: _Reply | None = None
    list_reply: _Reply | None = None
    nfm_reply: _Form | None = None


class _Context(msgspec.Struct, frozen=True):
    id: str | None = None


class _Reaction(msgspec.Struct, frozen=True):
    message_id: str | None = None
    emoji: str = ""


class _Order(msgspec.Struct, frozen=True):
    text: str = ""


class _Edited(msgspec.Struct, frozen=True):
    text: _Text = _Text()


class _Change(msgspec.Struct, frozen=True):
    original_message_id: str | None = None
    message: _Edited = _Edited()


class _System(msgspec.Struct, frozen=True):
    body: str = ""
    wa_id: str | None = None
    user_id: str | None = None


class Message(msgspec.Struct, frozen=True):
    """What a message says, by its type."""

    type: str = ""
    context: _Context = _Context()
    referral: Any = None
    text: _Text | None = None
    image: _Media | None = None
    video: _Media | None = None
    audio: _Media | None = None
    voice: _Media | None = None
    document: _Media | None = None
    sticker: _Media | None = None
    location: _Place | None = None
    button: _Button | None = None
    interactive: _Interactive | None = None
    reaction: _Reaction | None = None
    order: _Order | None = None
    edit: _Change | None = None
    revoke: _Change | None = None
    system: _System | None = None


HEAD = msgspec.json.Decoder(Head)
MESSAGE = msgspec.json.Decoder(Message)
MEDIA_TYPES = ("image", "video", "audio", "voice", "document", "sticker")


def addresses(phone: str | None, user: str | None) -> tuple[Urn, ...]:
    """Every address of a person, the stable one first. A wa_id is not a phone number and is not read as one."""
    shown = (user, (phone or "").lstrip("+"))
    return tuple(urn("whatsapp", path) for path in shown if path)


def content(said: Message, raw: bytes) -> dict[str, Any]:
    """The fields of an ``InboundMessage`` that its type tells. ``raw`` is kept where they do not hold all of it."""
    fields = _plain(said) or _rare(said)
    if said.referral is not None or fields["kind"] not in _WHOLE:
        fields["raw"] = raw
    if said.referral is not None:
        fields["referral"] = _advert(said.referral)
    fields.setdefault("reply_to", said.context.id)
    return fields


def _advert(told: object) -> str | None:
    """The id of the ad or post that brought them, else its address."""
    if not isinstance(told, dict):
        return None
    named = (told.get("source_id"), told.get("source_url"))
    return next((one for one in named if isinstance(one, str) and one), None)


_WHOLE = (MessageKind.TEXT, MessageKind.CHOICE, MessageKind.MEDIA, MessageKind.LOCATION)


def _plain(said: Message) -> dict[str, Any] | None:
    if said.type == "text" and said.text:
        return {"kind": MessageKind.TEXT, "text": said.text.body}
    if said.type in MEDIA_TYPES:
        media: _Media | None = getattr(said, said.type)
        if media is not None:
            return {"kind": MessageKind.MEDIA, "text": media.caption or "", "media": (_media(media, said.type),)}
    if said.type == "location" and said.location:
        place = said.location
        return {"kind": MessageKind.LOCATION, "location": Location(place.latitude, place.longitude, place.name, place.address)}
    if said.type == "button" and said.button:
        return _choice(said, said.button.payload, said.button.text)
    reply = said.interactive and (said.interactive.button_reply or said.interactive.list_reply)
    return _choice(said, reply.id, reply.title) if said.type == "interactive" and reply else None


def _choice(said: Message, id: str, title: str) -> dict[str, Any]:
    return {"kind": MessageKind.CHOICE, "text": title, "choice": Choice(id, title, said.context.id)}


def _media(media: _Media, kind: str) -> Media:
    return Media(
        mime=media.mime_type,
        url=media.url,
        ref=media.id,
        sha256=media.sha256,
        name=media.filename,
        caption=media.caption,
        voice=media.voice or kind == "voice",
    )


def _rare(said: Message) -> dict[str, Any]:
    if said.type == "contacts":
        return {"kind": MessageKind.CONTACT}
    if said.type == "interactive" and said.interactive:
        if said.interactive.nfm_reply:
            return {"kind": MessageKind.FORM, "text": said.interactive.nfm_reply.body}
        if said.interactive.type == "call_permission_reply":
            return {"kind": MessageKind.SYSTEM}
    if said.type == "reaction" and said.reaction:
        return {"kind": MessageKind.REACTION, "text": said.reaction.emoji, "reply_to": said.reaction.message_id}
    if said.type == "order" and said.order:
        return {"kind": MessageKind.ORDER, "text": said.order.text}
    if said.type == "edit" and said.edit:
        return {"kind": MessageKind.EDITED, "text": said.edit.message.text.body, "reply_to": said.edit.original_message_id}
    if said.type == "revoke" and said.revoke:
        return {"kind": MessageKind.DELETED, "reply_to": said.revoke.original_message_id}
    if said.type == "system" and said.system:
        return {"kind": MessageKind.SYSTEM, "text": said.system.body, "also": addresses(said.system.wa_id, said.system.user_id)}
    return {"kind": MessageKind.UNSUPPORTED}


def message(
    head: Head, fields: Mapping[str, Any], people: Mapping[str, Contact], provider_ms: int | None, whose: str | None
) -> InboundMessage | None:
    """The message, with all that ``people`` tells of its person; None if it names nobody."""
    person = people.get(head.sender_user or "") or people.get(whose or "") or Contact()
    shown = addresses(whose or person.wa_id, head.sender_user or person.user_id)
    if not shown:
        return None
    also = tuple(dict.fromkeys((*shown[1:], *(one for one in fields.get("also", ()) if one != shown[0]))))
    return InboundMessage(
        id=head.id,
        sender=shown[0],
        provider_ms=provider_ms,
        profile_name=person.profile.name,
        **{**fields, "also": also},
    )
