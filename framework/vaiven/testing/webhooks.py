"""What providers post to a bot, made and signed as they do it: one function a kind of webhook, pure.

Sources: https://www.twilio.com/docs/messaging/guides/webhook-request,
https://developers.facebook.com/docs/whatsapp/cloud-api/webhooks, https://developers.facebook.com/docs/messenger-platform/webhooks.
The tests' own traffic, the simulated crowd and the fake provider's receipts all come from here.
"""

from collections.abc import Mapping, Sequence
from urllib.parse import urlencode

import msgspec

from vaiven.channels.signing import sign_meta, sign_twilio

FORM = "application/x-www-form-urlencoded; charset=utf-8"
JSON = "application/json"


class Webhook(msgspec.Struct, frozen=True):
    """One POST, ready to go: header values are complete, the body is bytes."""

    headers: tuple[tuple[str, str], ...]
    body: bytes


def twilio(url: str, token: str, params: Mapping[str, str]) -> Webhook:
    """Any Twilio webhook. ``url`` is the public one that the number is set up with: it is what Twilio signs."""
    signature = sign_twilio(url, params, token)
    return Webhook((("Content-Type", FORM), ("X-Twilio-Signature", signature)), urlencode(params).encode())


def twilio_message(
    url: str, token: str, *, account: str, sid: str, sender: str, to: str, text: str, extra: Mapping[str, str] | None = None
) -> Webhook:
    """An inbound SMS from ``sender`` to our number ``to``, nineteen fields as Twilio sends them; ``extra`` replaces or adds."""
    return twilio(url, token, twilio_fields(account=account, sid=sid, sender=sender, to=to, text=text) | dict(extra or {}))


def twilio_fields(*, account: str, sid: str, sender: str, to: str, text: str) -> dict[str, str]:
    """The fields of an inbound SMS."""
    return {
        "ToCountry": "US",
        "ToState": "DC",
        "SmsMessageSid": sid,
        "NumMedia": "0",
        "ToCity": "WASHINGTON",
        "FromZip": "20001",
        "SmsSid": sid,
        "FromState": "DC",
        "SmsStatus": "received",
        "FromCity": "WASHINGTON",
        "Body": text,
        "FromCountry": "US",
        "To": to,
        "ToZip": "20001",
        "NumSegments": "1",
        "MessageSid": sid,
        "AccountSid": account,
        "From": sender,
        "ApiVersion": "2010-04-01",
    }


def twilio_status(
    url: str, token: str, *, account: str, sid: str, status: str, sender: str, to: str, error: int | None = None
) -> Webhook:
    """What became of a message of ours: ``sender`` is our number; ``url`` the StatusCallback, query and all."""
    params = {
        "MessageSid": sid,
        "MessageStatus": status,
        "SmsSid": sid,
        "SmsStatus": status,
        "To": to,
        "From": sender,
        "AccountSid": account,
        "ApiVersion": "2010-04-01",
    }
    if error is not None:
        params["ErrorCode"] = str(error)
    return twilio(url, token, params)


def meta(secret: str, envelope: object) -> Webhook:
    """Any webhook of Meta's: JSON, signed over the raw bytes."""
    body = msgspec.json.encode(envelope)
    return Webhook((("Content-Type", JSON), ("X-Hub-Signature-256", sign_meta(body, secret))), body)


def whatsapp(secret: str, *, waba: str, phone_number_id: str, number: str, values: Sequence[Mapping[str, object]]) -> Webhook:
    """A WhatsApp Cloud webhook with one change a value; each value brings ``contacts`` and ``messages``, or ``statuses``."""
    metadata = {"display_phone_number": number.lstrip("+"), "phone_number_id": phone_number_id}
    changes = [
        {"field": "messages", "value": {"messaging_product": "whatsapp", "metadata": metadata, **value}} for value in values
    ]
    return meta(secret, {"object": "whatsapp_business_account", "entry": [{"id": waba, "changes": changes}]})


def whatsapp_text(*, sender: str, id: str, text: str, at_s: int, name: str | None = None) -> dict[str, object]:
    """The value of one text message; ``sender`` is the person's number, with or without ``+``; ``at_s`` is Unix time."""
    digits = sender.lstrip("+")
    contact: dict[str, object] = {"wa_id": digits} | ({} if name is None else {"profile": {"name": name}})
    message = {"from": digits, "id": id, "timestamp": str(at_s), "type": "text", "text": {"body": text}}
    return {"contacts": [contact], "messages": [message]}


def whatsapp_status(
    *, id: str, to: str, status: str, at_s: int, reference: str | None = None, code: int | None = None
) -> dict[str, object]:
    """The value of one status of a message of ours; ``reference`` is its ``biz_opaque_callback_data``."""
    told: dict[str, object] = {"id": id, "recipient_id": to.lstrip("+"), "status": status, "timestamp": str(at_s)}
    if reference is not None:
        told["biz_opaque_callback_data"] = reference
    if code is not None:
        told["errors"] = [{"code": code, "title": "refused"}]
    return {"statuses": [told]}


def messenger(secret: str, *, page: str, events: Sequence[Mapping[str, object]], at_ms: int) -> Webhook:
    """A Messenger webhook with one entry that holds all ``events``."""
    return meta(secret, {"object": "page", "entry": [{"id": page, "time": at_ms, "messaging": list(events)}]})


def messenger_text(*, sender: str, page: str, mid: str, text: str, at_ms: int) -> dict[str, object]:
    """One text message from the person with the page-scoped id ``sender``."""
    return _from(sender, page, at_ms) | {"message": {"mid": mid, "text": text}}


def messenger_delivery(*, sender: str, page: str, mids: Sequence[str], at_ms: int) -> dict[str, object]:
    """What reached the person, up to the watermark ``at_ms``."""
    return _from(sender, page, at_ms) | {"delivery": {"mids": list(mids), "watermark": at_ms}}


def messenger_read(*, sender: str, page: str, at_ms: int) -> dict[str, object]:
    """The person read everything up to the watermark ``at_ms``."""
    return _from(sender, page, at_ms) | {"read": {"watermark": at_ms}}


def _from(sender: str, page: str, at_ms: int) -> dict[str, object]:
    return {"sender": {"id": sender}, "recipient": {"id": page}, "timestamp": at_ms}
