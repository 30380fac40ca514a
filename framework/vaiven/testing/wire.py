"""How Twilio's and Meta's send calls look from the provider's side: what a request says, and how it is answered. Pure."""

from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import Mapping
from math import ceil
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import msgspec

MESSENGER = "messenger"
TWILIO = "twilio"
WHATSAPP = "whatsapp"


class Request(msgspec.Struct, frozen=True, omit_defaults=True):
    """What one send call asks for.

    ``callback`` is the URL that Twilio posts receipts to; ``fault`` the provider's error code where the call is not well made.
    """

    channel: str
    sender: str
    to: str
    text: str
    reference: str | None = None
    callback: str | None = None
    fault: int | None = None
    quiet: bool = False
    """Not a message: a read mark or a typing sign."""


def read_twilio(account: str, body: bytes) -> Request:
    """A call of ``POST /2010-04-01/Accounts/{account}/Messages.json``."""
    fields = dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
    sender = fields.get("From") or fields.get("MessagingServiceSid", "")
    to, text, callback = fields.get("To", ""), fields.get("Body", ""), fields.get("StatusCallback")
    fault = None
    if not to:
        fault = 21604
    elif not sender:
        fault = 21603
    elif not (text or "MediaUrl" in fields or "ContentSid" in fields):
        fault = 21602
    elif len(text) > 1600:
        fault = 21617
    return Request(TWILIO, sender, to, text, _reference(callback), callback, fault)


def _reference(callback: str | None) -> str | None:
    found = parse_qs(urlsplit(callback).query).get("ref") if callback else None
    return found[0] if found else None


def read_meta(sender: str, body: bytes) -> Request:
    """A call of ``POST /v25.0/{sender}/messages``, WhatsApp's or Messenger's."""
    try:
        said = msgspec.json.decode(body, type=dict[str, Any])
    except msgspec.DecodeError:
        return Request(WHATSAPP if sender != "me" else MESSENGER, sender, "", "", fault=100)
    return _read_whatsapp(sender, said) if "messaging_product" in said else _read_messenger(sender, said)


def _read_whatsapp(sender: str, said: Mapping[str, Any]) -> Request:
    if said.get("status") == "read":
        return Request(WHATSAPP, sender, "", "", quiet=True)
    to, kind = str(said.get("to") or said.get("recipient") or ""), str(said.get("type", "text"))
    content = said.get(kind)
    text = _whatsapp_text(kind, content) if isinstance(content, dict) else ""
    fault = None
    if said["messaging_product"] != "whatsapp" or not to or not isinstance(content, dict):
        fault = 131008
    elif kind == "text" and not 0 < len(text) <= 4096:
        fault = 131009
    return Request(WHATSAPP, sender, to, text, said.get("biz_opaque_callback_data"), None, fault)


def _whatsapp_text(kind: str, content: Mapping[str, Any]) -> str:
    if kind == "interactive":
        inner = content.get("body")
        return str(inner.get("text", "")) if isinstance(inner, dict) else ""
    return str(content.get("body") or content.get("caption") or content.get("name") or "")


def _read_messenger(sender: str, said: Mapping[str, Any]) -> Request:
    recipient, message = said.get("recipient"), said.get("message")
    to = str(recipient.get("id", "")) if isinstance(recipient, dict) else ""
    if "sender_action" in said:
        return Request(MESSENGER, sender, to, "", quiet=True)
    if not to or not isinstance(message, dict):
        return Request(MESSENGER, sender, to, "", fault=100)
    attachment = message.get("attachment")
    payload = attachment.get("payload") if isinstance(attachment, dict) else None
    text = str(message.get("text") or (payload.get("text", "") if isinstance(payload, dict) else ""))
    fault = 100 if len(text) > 2000 or not (text or attachment) else None
    return Request(MESSENGER, sender, to, text, fault=fault)


def basic_auth(header: str | None) -> tuple[str, str] | None:
    """User and password of a Basic header, or None."""
    scheme, _, coded = (header or "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user, _, password = b64decode(coded, validate=True).decode().partition(":")
    except (NotBase64, UnicodeDecodeError):
        return None
    return user, password


def accepted(request: Request, id: str, account: str) -> tuple[int, bytes]:
    """Status and body that tell the caller that its message was taken."""
    if request.quiet:
        done = {"success": True} if request.channel == WHATSAPP else {"recipient_id": request.to}
        return 200, msgspec.json.encode(done)
    if request.channel == WHATSAPP:
        contact = {"input": request.to, "wa_id": request.to.lstrip("+")}
        return 200, msgspec.json.encode({"messaging_product": WHATSAPP, "contacts": [contact], "messages": [{"id": id}]})
    if request.channel == MESSENGER:
        return 200, msgspec.json.encode({"recipient_id": request.to, "message_id": id})
    return 201, msgspec.json.encode(_twilio_resource(request, id, account))


def _twilio_resource(request: Request, id: str, account: str) -> dict[str, object]:
    path = f"/2010-04-01/Accounts/{account}/Messages/{id}"
    return {
        "account_sid": account,
        "api_version": "2010-04-01",
        "body": request.text,
        "date_created": "Sat, 05 Dec 2026 20:00:00 +0000",
        "date_sent": None,
        "date_updated": "Sat, 05 Dec 2026 20:00:00 +0000",
        "direction": "outbound-api",
        "error_code": None,
        "error_message": None,
        "from": request.sender,
        "messaging_service_sid": None,
        "num_media": "0",
        # A rough count is enough here: no caller can know how the text will be encoded on the way.
        "num_segments": str(max(1, ceil(len(request.text) / 153))),
        "price": None,
        "price_unit": "USD",
        "sid": id,
        "status": "queued",
        "subresource_uris": {"media": f"{path}/Media.json"},
        "to": request.to,
        "uri": f"{path}.json",
    }


def refused(channel: str, status: int, code: int | None) -> bytes:
    """The body of an answer that is not a yes, in the provider's own form."""
    if channel == TWILIO:
        number = code if code is not None else {401: 20003, 404: 20404, 429: 20429}.get(status, 20500)
        about = f"https://www.twilio.com/docs/errors/{number}"
        return msgspec.json.encode({"code": number, "message": "The request was refused.", "more_info": about, "status": status})
    usual = {401: 190, 429: 130429 if channel == WHATSAPP else 613}
    number = code if code is not None else usual.get(status, 1)
    error = {"message": "The request was refused.", "type": "OAuthException", "code": number, "fbtrace_id": "A0000000000"}
    return msgspec.json.encode({"error": error})
