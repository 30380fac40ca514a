"""SMS and MMS through Twilio Programmable Messaging.

Sources: https://www.twilio.com/docs/messaging/guides/webhook-request, https://www.twilio.com/docs/messaging/api/message-resource,
https://www.twilio.com/docs/api/errors (read 2026-11). Twilio does not retry a webhook by default; put ``#rc=3&rp=all`` at the end
of the webhook's URL in its console to have it retried.
"""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from vaiven.channels.addresses import sms_address, sms_recipient
from vaiven.channels.contract import (
    Inbound,
    Outcome,
    ProviderRequest,
    ProviderResponse,
    Result,
    WebhookAnswer,
    WebhookRequest,
)
from vaiven.channels.forms import SIGNED_FIELDS, quote, read_form, read_plain, without_nul
from vaiven.channels.outcomes import error_table, refused
from vaiven.channels.settings import NUMBER, URL, Setting, base_url, check_settings, secrets, text
from vaiven.channels.signing import Keyring, check_twilio, check_twilio_body, check_twilio_text, full_url, run_plain_together
from vaiven.model.errors import SignatureMismatch, Unreadable, UnsupportedFeature
from vaiven.model.messages import Capabilities, InboundMessage, Layout, Media, MessageKind
from vaiven.model.outbox import OutboxRow
from vaiven.model.receipts import DeliveryReceipt, DeliveryStatus, parse_reference

STATUSES = {
    "accepted": DeliveryStatus.QUEUED,
    "scheduled": DeliveryStatus.QUEUED,
    "queued": DeliveryStatus.QUEUED,
    "sending": DeliveryStatus.QUEUED,
    "sent": DeliveryStatus.SENT,
    "partially_delivered": DeliveryStatus.SENT,
    "delivered": DeliveryStatus.DELIVERED,
    "read": DeliveryStatus.READ,
    "undelivered": DeliveryStatus.FAILED,
    "failed": DeliveryStatus.FAILED,
    "canceled": DeliveryStatus.FAILED,
}

INBOUND_STATUSES = ("receiving", "received")
"""Statuses of what people send: such a webhook is a message, not a receipt."""

CONSENTS = {"STOP": "stop", "START": "start", "HELP": "help"}
"""Twilio's own verdict (Advanced Opt-Out), under ``OptOutType``."""

ERRORS = error_table(
    "twilio",
    [
        (Outcome(Result.OPTED_OUT), (21610,)),
        (Outcome(Result.THROTTLED), (20429, 14107, 30017, 30022)),
        # A full queue drains in minutes.
        (Outcome(Result.THROTTLED, after_s=300.0), (21611, 30001)),
        # A cap of the day: look again in an hour, for nothing here knows the hour at which it ends.
        (Outcome(Result.THROTTLED, after_s=3600.0), (30023, 30027)),
        (Outcome(Result.BAD_RECIPIENT), (21211, 21217, 21614, 30005, 30006)),
        (Outcome(Result.BAD_RECIPIENT, temporary=True), (21612, 30003)),
        (Outcome(Result.BLOCKED_POLICY), (30004, 30007, 30032, 30034)),
        (Outcome(Result.CONFIG), (20003, 21219, 21408, 21603, 21606, 21608, 21659, 30002)),
        (Outcome(Result.REJECTED), (21602, 21617, 21620, 21656, 30008)),
        (Outcome(Result.AMBIGUOUS), (20500, 30410)),
    ],
)

SMS = Capabilities(text_limit=1600, sms=True, media=True, option_text_limit=1600, sms_words=True, caption_limit=1600)
MEDIA_LIMIT = 10
API = "https://api.twilio.com"
FORM = "application/x-www-form-urlencoded"
_TEXT, _PLAIN, _ACCEPTED = MessageKind.TEXT, Layout.TEXT, Result.ACCEPTED
"""On the road: a member costs as much as a call each time that it is looked up in its enum (docs/decisions/0034)."""

EMPTY = WebhookAnswer(200, b'<?xml version="1.0" encoding="UTF-8"?><Response/>', "text/xml")

SETTINGS = (
    Setting("account", "the Account SID", r"AC[0-9a-zA-Z]{32}", "AC and 32 hex digits"),
    Setting("token", "the account's auth token, which Twilio signs with", secret=True),
    Setting(
        "from",
        "our number, short code or name",
        rf"{NUMBER}|[0-9]{{3,8}}|(?=.*[A-Za-z])[A-Za-z0-9 &+_.-]{{1,11}}",
        '"+12025550100"',
        required=False,
    ),
    Setting("service", "the Messaging Service SID", r"MG[0-9a-zA-Z]{32}", "MG and 32 hex digits", required=False),
    Setting("public_url", "where Twilio reaches this server", URL, "https://bot.example.com"),
)


class _Answer(msgspec.Struct, frozen=True):
    sid: str | None = None
    code: Any = None
    error_code: Any = None


_ANSWER = msgspec.json.Decoder(_Answer)


class Twilio:
    """A number, short code or Messaging Service of one Twilio account."""

    def __init__(self, name: str, settings: Mapping[str, Any]) -> None:
        account, tokens, service = text(settings, "account"), secrets(settings, "token"), text(settings, "service")
        self.name = name
        self.sender = service or text(settings, "from")
        self._keys = Keyring(tokens, "sha1")
        self._country = text(settings, "country").upper() or None
        self._url = f"{base_url(settings, 'api', API)}/2010-04-01/Accounts/{account}/Messages.json"
        basic = b64encode(f"{account}:{tokens[0]}".encode()).decode()
        self._headers = (("Authorization", f"Basic {basic}"), ("Content-Type", FORM), ("Accept", "application/json"))
        callback = quote(f"{base_url(settings, 'public_url')}/hooks/{name}?ref=")
        self._form = f"{'MessagingServiceSid' if service else 'From'}={quote(self.sender)}&StatusCallback={callback}"
        self._form_read: tuple[bytes, dict[str, str]] | None = None

    @staticmethod
    def problems(settings: Mapping[str, Any]) -> list[str]:
        """A line for each setting that is missing or wrong."""
        problems = check_settings(SETTINGS, settings)
        if not settings.get("from") and not settings.get("service"):
            problems.append("from: missing: our number, or service, the Messaging Service SID")
        return problems

    def capabilities(self, scheme: str) -> Capabilities:  # noqa: ARG002 - the same to every address
        return SMS

    def verify(self, request: WebhookRequest) -> None:
        url, signature = full_url(request.url, request.query), request.headers.get("x-twilio-signature")
        if request.method == "GET":
            check_twilio(self._keys, url, (), signature)
        elif not (form := _is_form(request)) and "bodySHA256=" in request.query:
            check_twilio_body(self._keys, url, request.body, signature)
        else:
            parts = read_plain(request.body)
            if parts is None:
                check_twilio(self._keys, url, _signed_pairs(request.body), signature)
                return
            check_twilio_text(self._keys, url, run_plain_together(parts), signature)
            # Reading the form is half of the work at this door, and parse comes next.
            self._form_read = (request.body, dict(zip(parts[::2], parts[1::2]))) if form else None  # noqa: B905 - as many of both

    def parse(self, request: WebhookRequest) -> Sequence[Inbound]:
        fields = self._fields(request)
        status = fields.get("MessageStatus")
        if status is None or status in INBOUND_STATUSES:
            return [self._message(fields)]
        return [self._receipt(fields, status, request.query)]

    def handshake(self, request: WebhookRequest) -> WebhookAnswer | None:  # noqa: ARG002 - Twilio has none
        return None

    def answer(self) -> WebhookAnswer:
        # Any other text would be sent to the person as an SMS.
        return EMPTY

    def build(self, row: OutboxRow) -> ProviderRequest:
        message, to = row.message, sms_recipient(row.to)
        if to is None:
            raise UnsupportedFeature("no SMS goes to this kind of address")
        if message.layout is not _PLAIN:
            raise UnsupportedFeature("an SMS has no buttons")
        if message.template is not None:
            raise UnsupportedFeature("an SMS needs no template: say its text")
        form = f"{self._form}{row.reference}&To={quote(to)}"
        if message.text or not message.media:
            form += f"&Body={quote(message.text)}"
        if message.media:
            form += _media(message.media)
        return ProviderRequest("POST", self._url, self._headers, form.encode())

    def read(self, response: ProviderResponse) -> Outcome:
        try:
            told = _ANSWER.decode(response.body)
        except (ValueError, RecursionError):
            return refused("twilio", ERRORS, None, response)
        code = None if told.code is None and told.error_code is None else _code(told.code) or _code(told.error_code)
        if 200 <= response.status < 300 and told.sid and not code:
            return Outcome(_ACCEPTED, told.sid)
        return refused("twilio", ERRORS, code, response)

    def _fields(self, request: WebhookRequest) -> dict[str, str]:
        if request.method == "GET":
            pairs = read_form(request.query)
            return dict(without_nul(pairs) if "%00" in request.query else pairs)
        read, self._form_read = self._form_read, None
        if read is not None and read[0] is request.body:
            return read[1]
        if _is_form(request):
            return dict(without_nul(read_form(request.body)))
        raise Unreadable("not a form")

    def _message(self, fields: Mapping[str, str]) -> InboundMessage:
        sid = fields.get("MessageSid")
        sender = sms_address(fields.get("From", ""), fields.get("FromCountry") or self._country)
        if not sid or sender is None:
            raise Unreadable("neither a message nor a status: MessageSid or From is missing")
        media: tuple[Media, ...] = ()
        if fields.get("NumMedia", "0") != "0":
            urls = [(fields.get(f"MediaUrl{i}"), fields.get(f"MediaContentType{i}", "")) for i in range(MEDIA_LIMIT)]
            media = tuple(Media(mime, url) for url, mime in urls if url)
        return InboundMessage(
            id=sid,
            sender=sender,
            kind=MessageKind.MEDIA if media else _TEXT,
            text=fields.get("Body", ""),
            media=media,
            consent=CONSENTS.get(fields.get("OptOutType", "").upper()),
        )

    def _receipt(self, fields: Mapping[str, str], status: str, query: str) -> DeliveryReceipt:
        reference = dict(read_form(query)).get("ref", "") if query else ""
        error = _code(fields.get("ErrorCode"))
        word = status if error is None else str(error)
        known = STATUSES.get(status, DeliveryStatus.UNKNOWN)
        return DeliveryReceipt(
            status=known,
            recipient=sms_address(fields.get("To", ""), self._country),
            provider_id=fields.get("MessageSid"),
            reference=reference if parse_reference(reference) else None,
            word=status,
            error=f"twilio:{word}" if known is DeliveryStatus.FAILED or error else None,
        )


def _signed_pairs(body: bytes) -> list[tuple[str, str]]:
    try:
        return read_form(body, SIGNED_FIELDS)
    except Unreadable:
        raise SignatureMismatch("too many fields to check a signature over") from None


def _is_form(request: WebhookRequest) -> bool:
    return request.headers.get("content-type", "").lower().startswith(FORM)


def _media(media: Sequence[Media]) -> str:
    if any(one.url is None for one in media):
        raise UnsupportedFeature("an MMS sends files by URL")
    return "".join([f"&MediaUrl={quote(one.url or '')}" for one in media])


def _code(told: object) -> int | None:
    """An error code, however it is written; 0 is none."""
    if isinstance(told, str) and told.isascii() and told.isdigit() and len(told) < 8:
        told = int(told)
    return told if isinstance(told, int) and not isinstance(told, bool) and told else None
