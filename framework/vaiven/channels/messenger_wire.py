"""The parts of Messenger webhooks that are read.

Source: https://developers.facebook.com/docs/messenger-platform/reference/webhook-events (read 2026-11).
"""

from typing import Any

import msgspec

from vaiven.model.messages import Location, Media


class Entry(msgspec.Struct, frozen=True):
    messaging: list[msgspec.Raw] = []
    standby: list[msgspec.Raw] = []


class _Who(msgspec.Struct, frozen=True):
    id: str | None = None


class _Payload(msgspec.Struct, frozen=True):
    url: str | None = None
    title: str | None = None
    coordinates: Any = None


class Attachment(msgspec.Struct, frozen=True):
    type: str = ""
    payload: _Payload | None = None


class _QuickReply(msgspec.Struct, frozen=True):
    payload: str = ""


class _ReplyTo(msgspec.Struct, frozen=True):
    mid: str | None = None


class Referral(msgspec.Struct, frozen=True):
    """What brought them. Only a link has a ``ref``, which its maker chose; an ad has its own number."""

    ref: str | None = None
    ad_id: str | int | None = None

    @property
    def code(self) -> str | None:
        """The link's, else the ad's."""
        return self.ref or (str(self.ad_id) if self.ad_id else None)


class Message(msgspec.Struct, frozen=True):
    mid: str
    text: str = ""
    quick_reply: _QuickReply | None = None
    attachments: list[Attachment] = []
    reply_to: _ReplyTo = _ReplyTo()
    is_echo: bool = False
    is_deleted: bool = False
    app_id: str | int | None = None
    referral: Referral | None = None


class Postback(msgspec.Struct, frozen=True):
    mid: str | None = None
    title: str = ""
    payload: str = ""
    referral: Referral | None = None


class Reaction(msgspec.Struct, frozen=True):
    mid: str | None = None
    action: str = ""
    emoji: str = ""


class Edit(msgspec.Struct, frozen=True):
    mid: str | None = None
    text: str = ""


class Delivery(msgspec.Struct, frozen=True):
    mids: list[str] = []
    watermark: int | None = None


class Head(msgspec.Struct, frozen=True):
    """Who, whom and when: enough to keep an event whose content nobody understands."""

    sender: _Who = _Who()
    recipient: _Who = _Who()
    timestamp: int | None = None


class Event(msgspec.Struct, frozen=True):
    message: Message | None = None
    postback: Postback | None = None
    referral: Referral | None = None
    optin: Any = None
    delivery: Delivery | None = None
    read: Delivery | None = None
    reaction: Reaction | None = None
    message_edit: Edit | None = None
    policy_enforcement: Any = None
    pass_thread_control: Any = None
    take_thread_control: Any = None
    request_thread_control: Any = None
    app_roles: Any = None


ENTRY = msgspec.json.Decoder(Entry)
HEAD = msgspec.json.Decoder(Head)
EVENT = msgspec.json.Decoder(Event)

NOTICES = ("policy_enforcement", "pass_thread_control", "take_thread_control", "request_thread_control", "app_roles")
"""Events about the page and not from a person."""

FILES = ("image", "audio", "video", "file", "reel", "ig_reel")


def files(attachments: list[Attachment]) -> tuple[Media, ...]:
    """The files among attachments. Messenger gives their kind but not their type, so ``mime`` is ``image/*`` and the like."""
    return tuple(
        Media(mime="" if one.type == "file" else f"{'video' if 'reel' in one.type else one.type}/*", url=one.payload.url)
        for one in attachments
        if one.type in FILES and one.payload and one.payload.url
    )


def place(attachments: list[Attachment]) -> Location | None:
    """The first place among attachments."""
    for one in attachments:
        told = one.payload.coordinates if one.type == "location" and one.payload else None
        if isinstance(told, dict):
            latitude, longitude = told.get("lat"), told.get("long")
            if isinstance(latitude, int | float) and isinstance(longitude, int | float):
                return Location(float(latitude), float(longitude), one.payload.title if one.payload else None)
    return None
