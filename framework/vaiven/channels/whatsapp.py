"""WhatsApp through Meta's Cloud API.

Sources: https://developers.facebook.com/docs/whatsapp/cloud-api/webhooks, …/reference/messages, …/support/error-codes
(read 2026-11). A person has a phone (``wa_id``), a user id, or both; the user id is the stable one. A wa_id is not always the
number that was dialled, so it is an address of its own: ``whatsapp:447700900123``, ``whatsapp:GB.7f3a9c01``.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from vaiven.channels.contract import Inbound, Outcome, ProviderRequest, Result, WebhookRequest
from vaiven.channels.meta import API, SECRETS, MetaChannel, milliseconds, readable
from vaiven.channels.outcomes import error_table
from vaiven.channels.settings import DIGITS, Setting, text
from vaiven.channels.whatsapp_wire import (
    HEAD,
    MESSAGE,
    Change,
    Contact,
    Entry,
    Error,
    Status,
    Value,
    addresses,
    content,
    message,
)
from vaiven.model.errors import UnsupportedFeature
from vaiven.model.events import Notice
from vaiven.model.messages import Capabilities, Layout, Media, MessageKind, OutboundMessage, TemplateMessage
from vaiven.model.outbox import OutboxRow
from vaiven.model.receipts import DeliveryReceipt, DeliveryStatus, parse_reference
from vaiven.model.urns import path_of, scheme_of

__all__ = ["API", "ERRORS", "SETTINGS", "STATUSES", "WHATSAPP", "WhatsAppCloud"]

STATUSES = {
    "sent": DeliveryStatus.SENT,
    "delivered": DeliveryStatus.DELIVERED,
    "read": DeliveryStatus.READ,
    "played": DeliveryStatus.READ,
    "failed": DeliveryStatus.FAILED,
    # The person deleted it: a note, which says nothing of how far it got.
    "deleted": DeliveryStatus.UNKNOWN,
}

ERRORS = error_table(
    "whatsapp",
    [
        (Outcome(Result.THROTTLED), (4, 80007, 130429, 131048, 131064, 133016)),
        # One message in six seconds to one person: that person's row waits, the number does not.
        (Outcome(Result.RETRY, after_s=6.0), (131056,)),
        (Outcome(Result.OUT_OF_WINDOW), (131047,)),
        # They stopped marketing, not us: as an opt-out it would silence answers to them, too.
        (Outcome(Result.BLOCKED_POLICY), (131050,)),
        # Not within a day, and a day later it would be stale.
        (Outcome(Result.BLOCKED_POLICY, after_s=86_400.0), (130472, 131049)),
        (Outcome(Result.BAD_RECIPIENT), (131021, 131026, 131030, 131062)),
        (Outcome(Result.RETRY), (1, 2, 131000, 131016, 131053, 131057)),
        (Outcome(Result.REJECTED), (100, 131008, 131009, 131051, 131052, 131063, 135000, 137000)),
        # Templates; a paused or disabled one (132015, 132016) concerns that template, not the sender.
        (Outcome(Result.REJECTED), (132000, 132001, 132005, 132007, 132008, 132012, 132015, 132016, 132068, 132069)),
        (Outcome(Result.CONFIG), (0, 3, 10, 190, *range(200, 300), 368)),
        (Outcome(Result.CONFIG), (130497, 131031, 131037, 131042, 131045, 133010)),
    ],
)

WINDOW_MS = 24 * 3_600_000
WHATSAPP = Capabilities(
    text_limit=4096,
    media=True,
    buttons=3,
    list_rows=10,
    option_text_limit=1024,
    caption_limit=1024,
    templates=True,
    window_ms=WINDOW_MS,
)

SETTINGS = (
    Setting("number_id", "the phone number ID, not the number itself", DIGITS, '"290000000000002"'),
    *SECRETS,
)

CAPTIONED = ("image", "video", "document")


class _Receiver(msgspec.Struct, frozen=True):
    input: str | None = None
    wa_id: str | None = None
    user_id: str | None = None


class _Sent(msgspec.Struct, frozen=True):
    id: str
    message_status: str | None = None


class _Accepted(msgspec.Struct, frozen=True):
    messages: list[_Sent]
    contacts: list[_Receiver] = []


_ACCEPTED = msgspec.json.Decoder(_Accepted)
_CHANGE = msgspec.json.Decoder(Change)
_ENTRY = msgspec.json.Decoder(Entry)
_ERROR = msgspec.json.Decoder(Error)
_STATUS = msgspec.json.Decoder(Status)
_VALUE = msgspec.json.Decoder(Value)


class WhatsAppCloud(MetaChannel):
    """One WhatsApp number of a business account."""

    word = "whatsapp"
    posts = "whatsapp_business_account"
    errors = ERRORS
    unsure = frozenset({1, 2, 131000})
    settings = SETTINGS

    def __init__(self, name: str, settings: Mapping[str, Any]) -> None:
        super().__init__(name, settings, text(settings, "number_id"))

    def capabilities(self, scheme: str) -> Capabilities:  # noqa: ARG002 - the same to every address
        return WHATSAPP

    def parse(self, request: WebhookRequest) -> Sequence[Inbound]:
        found: list[Inbound] = []
        for raw in self._entries(request):
            entry = readable(_ENTRY, raw)
            if isinstance(entry, Notice):
                found.append(entry)
                continue
            for one in entry.changes:
                change = readable(_CHANGE, one)
                found.extend([change] if isinstance(change, Notice) else self._change(change))
        return found

    def build(self, row: OutboxRow) -> ProviderRequest:
        if scheme_of(row.to) != "whatsapp":
            raise UnsupportedFeature("this address is not on WhatsApp")
        person = path_of(row.to)
        return self._request(
            {
                "messaging_product": "whatsapp",
                "recipient_type": "individual",
                "to" if person.isdigit() else "recipient": person,
                "biz_opaque_callback_data": row.reference,
                **_said(row.message),
            }
        )

    def _accepted(self, body: bytes) -> Outcome | None:
        try:
            told = _ACCEPTED.decode(body)
            sent = told.messages[0]
        except (ValueError, RecursionError, IndexError):
            return None
        held = sent.message_status not in (None, "accepted")
        person = told.contacts[0] if told.contacts else _Receiver()
        known = addresses(person.wa_id, person.user_id)
        return Outcome(
            Result.ACCEPTED,
            sent.id,
            reason=f"whatsapp:{sent.message_status}" if held else None,
            learned=known if len(known) > 1 else (),
        )

    def _change(self, change: Change) -> list[Inbound]:
        raw = bytes(change.value)
        if change.field not in ("messages", "smb_message_echoes"):
            return [Notice(change.field or "unknown", raw=raw)]
        value = readable(_VALUE, change.value)
        if isinstance(value, Notice):
            return [value]
        if value.metadata.phone_number_id != self.sender:
            return [Notice("other_number", "of another phone number ID", raw)]
        people = {name: person for person in value.contacts for name in (person.wa_id, person.user_id) if name}
        return [
            *(self._message(one, people) for one in value.messages),
            *(self._echo(one, people) for one in value.message_echoes),
            *(self._receipt(one, people) for one in value.statuses),
            *(_account_error(one) for one in value.errors),
        ]

    def _message(self, raw: msgspec.Raw, people: Mapping[str, Contact]) -> Inbound:
        head = readable(HEAD, raw)
        if isinstance(head, Notice):
            return head
        said = readable(MESSAGE, raw)
        fields = {"kind": MessageKind.UNSUPPORTED, "raw": bytes(raw)} if isinstance(said, Notice) else content(said, bytes(raw))
        told = message(head, fields, people, milliseconds(head.timestamp), head.sender)
        return told or Notice("unreadable", "a message of nobody", bytes(raw))

    def _echo(self, raw: msgspec.Raw, people: Mapping[str, Contact]) -> Inbound:
        """What somebody of the business wrote to a person by another way."""
        head = readable(HEAD, raw)
        if isinstance(head, Notice):
            return head
        fields = {"kind": MessageKind.ECHO, "raw": bytes(raw)}
        told = message(msgspec.structs.replace(head, sender_user=None), fields, people, milliseconds(head.timestamp), head.to)
        return told or Notice("unreadable", "an echo to nobody", bytes(raw))

    def _receipt(self, raw: msgspec.Raw, people: Mapping[str, Contact]) -> Inbound:
        told = readable(_STATUS, raw)
        if isinstance(told, Notice):
            return told
        person = people.get(told.recipient_user_id or told.recipient_id or "") or Contact()
        known = addresses(told.recipient_id or person.wa_id, told.recipient_user_id or person.user_id)
        reference = told.biz_opaque_callback_data or ""
        code = told.errors[0].code if told.errors else None
        return DeliveryReceipt(
            status=STATUSES.get(told.status, DeliveryStatus.UNKNOWN),
            recipient=known[0] if known else None,
            provider_id=told.id,
            reference=reference if parse_reference(reference) else None,
            word=told.status,
            error=None if code is None else f"whatsapp:{code}",
            provider_ms=milliseconds(told.timestamp),
            learned=known if len(known) > 1 else (),
        )


def _account_error(raw: msgspec.Raw) -> Notice:
    told = readable(_ERROR, raw)
    return told if isinstance(told, Notice) else Notice("error", f"whatsapp:{told.code}", bytes(raw))


def _said(out: OutboundMessage) -> dict[str, Any]:
    """The part of a send call that says it."""
    if out.template is not None:
        return {"type": "template", "template": _template(out.template, out.media)}
    if out.media:
        return _media(out)
    if out.layout is Layout.TEXT:
        return {"type": "text", "text": {"body": out.text, "preview_url": False}}
    if out.layout is Layout.BUTTONS:
        buttons = [{"type": "reply", "reply": {"id": option.id, "title": option.title}} for option in out.options]
        return _interactive("button", out.text, {"buttons": buttons})
    if out.layout is Layout.LIST:
        rows = [
            {"id": option.id, "title": option.title} | ({"description": option.description} if option.description else {})
            for option in out.options
        ]
        return _interactive("list", out.text, {"button": out.list_button or "…", "sections": [{"rows": rows}]})
    raise UnsupportedFeature("WhatsApp has no quick replies")


def _interactive(kind: str, body: str, action: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "interactive", "interactive": {"type": kind, "body": {"text": body}, "action": action}}


def _template(template: TemplateMessage, media: Sequence[Media]) -> dict[str, Any]:
    """A file stands in the header, values fill the blanks of the body, and each payload is a quick reply's."""
    components: list[dict[str, Any]] = []
    if not template.lang:
        raise UnsupportedFeature("a WhatsApp template is sent in a language that it was approved in")
    if len(media) > 1:
        raise UnsupportedFeature("a WhatsApp template has one file in its header")
    for one in media:
        kind, told = _file(one)
        if kind not in CAPTIONED:
            raise UnsupportedFeature(f"a WhatsApp template has no {kind} in its header")
        components.append({"type": "header", "parameters": [{"type": kind, kind: told}]})
    if template.values:
        components.append({"type": "body", "parameters": [{"type": "text", "text": value} for value in template.values]})
    components.extend(
        {"type": "button", "sub_type": "quick_reply", "index": str(at), "parameters": [{"type": "payload", "payload": payload}]}
        for at, payload in enumerate(template.payloads)
    )
    language = {"policy": "deterministic", "code": template.lang.replace("-", "_")}
    return {"name": template.name, "language": language} | ({"components": components} if components else {})


def _media(out: OutboundMessage) -> dict[str, Any]:
    """One file; its caption is the text, where its kind bears one."""
    if len(out.media) > 1 or out.layout is not Layout.TEXT:
        raise UnsupportedFeature("a WhatsApp message holds one file, and no choices beside it")
    (media,) = out.media
    kind, told = _file(media)
    caption = out.text or media.caption
    if caption and kind not in CAPTIONED:
        raise UnsupportedFeature(f"{kind} has no text beside it")
    if caption:
        told["caption"] = caption
    return {"type": kind, kind: told}


def _file(media: Media) -> tuple[str, dict[str, Any]]:
    kind = _media_kind(media)
    told: dict[str, Any] = {"id": media.ref} if media.ref else {"link": media.url}
    if kind == "document" and media.name:
        told["filename"] = media.name
    return kind, told


def _media_kind(media: Media) -> str:
    kind = media.mime.partition("/")[0]
    if media.mime == "image/webp":
        return "sticker"
    return kind if kind in ("image", "video", "audio") else "document"
