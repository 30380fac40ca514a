"""Facebook Messenger through the Send API.

Sources: https://developers.facebook.com/docs/messenger-platform/webhooks, …/send-messages, …/error-codes (read 2026-11).
Deliveries and reads come as watermarks: everything that was sent to the person up to then. There is no list of choices: ten
would be quick replies. Our reference does not come back. Templates here are forms of a message and need nobody's approval, so
nothing can be said when the window has closed.
"""

from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Any

import msgspec

from vaiven.channels.contract import Inbound, Outcome, ProviderRequest, Result, WebhookRequest
from vaiven.channels.messenger_wire import ENTRY, EVENT, HEAD, NOTICES, Event, Head, Message, files, place
from vaiven.channels.meta import SECRETS, MetaChannel, milliseconds, readable
from vaiven.channels.outcomes import error_table
from vaiven.channels.settings import DIGITS, Setting, text
from vaiven.model.errors import UnsupportedFeature
from vaiven.model.events import Notice
from vaiven.model.messages import Capabilities, Choice, InboundMessage, Layout, Media, MessageKind, Option, OutboundMessage
from vaiven.model.outbox import OutboxRow
from vaiven.model.receipts import DeliveryReceipt, DeliveryStatus
from vaiven.model.urns import path_of, scheme_of, urn

STATUSES = {"delivery": DeliveryStatus.DELIVERED, "read": DeliveryStatus.READ}

ERRORS = error_table(
    "messenger",
    [
        (Outcome(Result.THROTTLED), (4, 32, 613, 80004)),
        # The page is limited for a while; minutes, not seconds.
        (Outcome(Result.THROTTLED, after_s=300.0), (2018108,)),
        (Outcome(Result.OUT_OF_WINDOW), (2018278, 2534022)),
        # Blocked us, or gone. Not an opt-out: whoever unblocks us and writes again wants an answer without a START.
        (Outcome(Result.BAD_RECIPIENT), (551, 1545041, 2018001)),
        (Outcome(Result.RETRY), (1, 2, 1200)),
        (Outcome(Result.REJECTED), (100,)),
        (Outcome(Result.CONFIG), (10, 190, 200)),
    ],
)

WINDOW_MS = 24 * 3_600_000
MESSENGER = Capabilities(
    text_limit=2000,
    media=True,
    buttons=3,
    quick_replies=13,
    option_text_limit=640,
    carries_reference=False,
    window_ms=WINDOW_MS,
)

SETTINGS = (
    Setting("page_id", "the ID of the page", DIGITS, '"1001"'),
    *SECRETS,
    Setting("app_id", "the app's own ID, by which it knows echoes of what it sent itself", DIGITS, '"5001"', required=False),
)


WHOLE = (MessageKind.TEXT, MessageKind.CHOICE, MessageKind.MEDIA, MessageKind.LOCATION)
"""Kinds whose fields hold all that there is."""


class _Accepted(msgspec.Struct, frozen=True):
    message_id: str


_ACCEPTED = msgspec.json.Decoder(_Accepted)


class Messenger(MetaChannel):
    """One page."""

    word = "messenger"
    posts = "page"
    errors = ERRORS
    unsure = frozenset({1, 2})
    settings = SETTINGS

    def __init__(self, name: str, settings: Mapping[str, Any]) -> None:
        super().__init__(name, settings, text(settings, "page_id"))
        self._app = text(settings, "app_id")

    def capabilities(self, scheme: str) -> Capabilities:  # noqa: ARG002 - the same to every address
        return MESSENGER

    def parse(self, request: WebhookRequest) -> Sequence[Inbound]:
        found: list[Inbound] = []
        for raw in self._entries(request):
            entry = readable(ENTRY, raw)
            if isinstance(entry, Notice):
                found.append(entry)
                continue
            for one in entry.messaging:
                found.extend(self._event(one))
            # Another app leads these conversations, and we only look on.
            found.extend(Notice("standby", raw=bytes(one)) for one in entry.standby)
        return found

    def build(self, row: OutboxRow) -> ProviderRequest:
        if scheme_of(row.to) != "messenger":
            raise UnsupportedFeature("this address is not on Messenger")
        return self._request({"recipient": {"id": path_of(row.to)}, "messaging_type": "RESPONSE", "message": _said(row.message)})

    def _accepted(self, body: bytes) -> Outcome | None:
        try:
            return Outcome(Result.ACCEPTED, _ACCEPTED.decode(body).message_id)
        except (ValueError, RecursionError):
            return None

    def _event(self, raw: msgspec.Raw) -> list[Inbound]:
        head, payload = readable(HEAD, raw), bytes(raw)
        if isinstance(head, Notice):
            return [head]
        event = readable(EVENT, raw)
        if isinstance(event, Notice):
            return [_message(head, payload, MessageKind.UNSUPPORTED)] if head.sender.id else [event]
        if event.message and event.message.is_echo:
            return self._echo(head, event.message, payload)
        if head.recipient.id != self.sender:
            return [Notice("other_page", "to another page", payload)]
        if event.delivery or event.read:
            return list(_receipts(head, event))
        for name in NOTICES:
            if getattr(event, name) is not None:
                return [Notice(name, raw=payload)]
        return [
            _from_person(head, event, payload)
            if head.sender.id
            else Notice("optin" if event.optin else "unreadable", "of nobody", payload)
        ]

    def _echo(self, head: Head, message: Message, payload: bytes) -> list[Inbound]:
        """What went out from the page: ours is known already; another app's or a person's is theirs to the same contact."""
        if self._app and str(message.app_id) == self._app:
            return []
        if not self._app or head.sender.id != self.sender or not head.recipient.id:
            # Without an app_id of ours nobody can tell whose it is, and our own must never come back as somebody's word.
            return [Notice("echo", raw=payload)]
        return [InboundMessage(message.mid, urn("messenger", head.recipient.id), kind=MessageKind.ECHO, raw=payload)]


def _message(
    head: Head, raw: bytes, kind: MessageKind, id: str | None = None, *, more: bool = False, **fields: Any
) -> InboundMessage:
    """A message of the event's sender. Where the provider gives no id, sender, time and content make one.

    ``raw`` is kept where the fields do not hold all of it: by kind, or since there is ``more`` in it.
    """
    made = f"{head.sender.id}:{head.timestamp}:{blake2b(raw, digest_size=8).hexdigest()}"
    if more or kind not in WHOLE:
        fields["raw"] = raw
    sender = urn("messenger", head.sender.id or "")
    return InboundMessage(id=id or made, sender=sender, kind=kind, provider_ms=milliseconds(head.timestamp), **fields)


def _from_person(head: Head, event: Event, raw: bytes) -> InboundMessage:
    if event.message:
        return _said_to_us(head, event.message, raw)
    if event.postback:
        tap = event.postback
        choice, came = Choice(tap.payload, tap.title), tap.referral
        code = came.code if came else None
        return _message(
            head, raw, MessageKind.CHOICE, tap.mid, more=came is not None, text=tap.title, choice=choice, referral=code
        )
    if event.referral:
        return _message(head, raw, MessageKind.REFERRAL, referral=event.referral.code)
    if event.optin is not None:
        return _message(head, raw, MessageKind.OPTIN)
    if event.reaction:
        return _message(head, raw, MessageKind.REACTION, text=event.reaction.emoji, reply_to=event.reaction.mid)
    if event.message_edit:
        return _message(head, raw, MessageKind.EDITED, text=event.message_edit.text, reply_to=event.message_edit.mid)
    return _message(head, raw, MessageKind.UNSUPPORTED)


def _said_to_us(head: Head, said: Message, raw: bytes) -> InboundMessage:
    if said.is_deleted:
        return _message(head, raw, MessageKind.DELETED, f"{said.mid}:deleted", reply_to=said.mid)
    fields: dict[str, Any] = {"id": said.mid, "text": said.text, "reply_to": said.reply_to.mid}
    fields["more"] = said.referral is not None
    if said.referral is not None:
        fields["referral"] = said.referral.code
    if said.quick_reply:
        choice = Choice(said.quick_reply.payload, said.text, said.reply_to.mid)
        return _message(head, raw, MessageKind.CHOICE, choice=choice, **fields)
    if media := files(said.attachments):
        return _message(head, raw, MessageKind.MEDIA, media=media, **fields)
    if location := place(said.attachments):
        return _message(head, raw, MessageKind.LOCATION, location=location, **fields)
    if said.text:
        fields["more"] = fields["more"] or bool(said.attachments)
        return _message(head, raw, MessageKind.TEXT, **fields)
    return _message(head, raw, MessageKind.UNSUPPORTED, said.mid)


def _receipts(head: Head, event: Event) -> Sequence[Inbound]:
    """One for each message id that is named, and one for the watermark."""
    word = "delivery" if event.delivery else "read"
    told = event.delivery or event.read
    if told is None or not head.sender.id:
        return ()
    recipient, at_ms = urn("messenger", head.sender.id), milliseconds(head.timestamp)
    receipt = DeliveryReceipt(STATUSES[word], recipient, word=word, provider_ms=at_ms)
    named = [msgspec.structs.replace(receipt, provider_id=mid) for mid in told.mids]
    until = milliseconds(told.watermark)
    return named if until is None else [*named, msgspec.structs.replace(receipt, watermark_ms=until)]


def _said(out: OutboundMessage) -> dict[str, Any]:
    """The message of a send call. A list becomes quick replies, or numbered text where they are too many or too long."""
    if out.template is not None:
        raise UnsupportedFeature("Messenger has no messages that are approved beforehand")
    if out.media:
        return _media(out)
    if out.layout is Layout.BUTTONS:
        buttons = [{"type": "postback", "title": option.title, "payload": option.id} for option in out.options]
        payload = {"template_type": "button", "text": out.text, "buttons": buttons}
        return {"attachment": {"type": "template", "payload": payload}}
    if out.layout is Layout.QUICK_REPLIES or (out.layout is Layout.LIST and _fit(out.options)):
        replies = [{"content_type": "text", "title": option.title, "payload": option.id} for option in out.options]
        return {"text": out.text, "quick_replies": replies}
    if out.layout is Layout.LIST:
        return {"text": "\n".join([out.text, *(f"{at}. {option.title}" for at, option in enumerate(out.options, 1))])}
    return {"text": out.text}


def _fit(options: Sequence[Option]) -> bool:
    limit = MESSENGER.quick_reply_title
    return len(options) <= MESSENGER.quick_replies and all(len(option.title) <= limit for option in options)


def _media(out: OutboundMessage) -> dict[str, Any]:
    if len(out.media) > 1 or out.text or out.layout is not Layout.TEXT:
        raise UnsupportedFeature("a Messenger message holds one file, and nothing beside it")
    (media,) = out.media
    if media.url is None:
        raise UnsupportedFeature("Messenger sends files by URL")
    return {"attachment": {"type": _media_kind(media), "payload": {"url": media.url}}}


def _media_kind(media: Media) -> str:
    kind = media.mime.partition("/")[0]
    return kind if kind in ("image", "video", "audio") else "file"
