"""A phone of our own, for demos and development: the console's page is its provider, and no socket is.

There is no webhook: ``verify`` refuses everything, for nobody signs. The page's posts are let in by the console's own token.
A phone's address picks what it can show: ``tel:`` an SMS phone, ``whatsapp:``, ``messenger:``.
"""

from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Any
from urllib.parse import quote

import msgspec

from vaiven.channels.addresses import phone
from vaiven.channels.contract import (
    Inbound,
    Outcome,
    ProviderRequest,
    ProviderResponse,
    Result,
    WebhookAnswer,
    WebhookRequest,
)
from vaiven.channels.json import read_json
from vaiven.channels.messenger import MESSENGER
from vaiven.channels.outcomes import refused
from vaiven.channels.settings import Setting, check_settings, text
from vaiven.channels.twilio import SMS
from vaiven.channels.whatsapp import WHATSAPP
from vaiven.model.errors import SignatureMismatch, Unreadable, UnsupportedFeature
from vaiven.model.messages import (
    Capabilities,
    Choice,
    InboundMessage,
    Layout,
    Location,
    Media,
    MessageKind,
    Option,
    TemplateMessage,
)
from vaiven.model.outbox import OutboxRow
from vaiven.model.urns import Urn, path_of, scheme_of

SKINS = {"tel": SMS, "whatsapp": WHATSAPP, "messenger": MESSENGER}
SETTINGS = (Setting("from", "the name that the phones see", like="simulator", required=False),)


class Post(msgspec.Struct, frozen=True, rename={"sender": "from"}):
    """What the page posts. Without an ``id`` the same body twice is the same message."""

    sender: str
    id: str = ""
    text: str = ""
    choice: Choice | None = None
    media: tuple[Media, ...] = ()
    location: Location | None = None


class Shown(msgspec.Struct, omit_defaults=True, frozen=True):
    """What a phone is asked to show: the body of a request to ``simulator://``."""

    to: Urn
    reference: str
    text: str
    layout: Layout = Layout.TEXT
    options: tuple[Option, ...] = ()
    list_button: str = ""
    media: tuple[Media, ...] = ()
    template: TemplateMessage | None = None


class _Taken(msgspec.Struct, frozen=True):
    id: str


_POST = msgspec.json.Decoder(Post)
_SHOWN = msgspec.json.Decoder(Shown)
_TAKEN = msgspec.json.Decoder(_Taken)


class Simulator:
    """Any number of phones."""

    def __init__(self, name: str, settings: Mapping[str, Any]) -> None:
        self.name = name
        self.sender = text(settings, "from", "simulator")
        self._url = f"simulator://{quote(name)}/messages"

    @staticmethod
    def problems(settings: Mapping[str, Any]) -> list[str]:
        """A line for each setting that is missing or wrong."""
        return check_settings(SETTINGS, settings)

    def capabilities(self, scheme: str) -> Capabilities:
        return SKINS.get(scheme, SMS)

    def verify(self, request: WebhookRequest) -> None:  # noqa: ARG002 - nothing could prove it
        raise SignatureMismatch("the simulator has no webhook")

    def parse(self, request: WebhookRequest) -> Sequence[Inbound]:
        post = read_json(_POST, request.body)
        sender = _address(post.sender)
        if sender is None:
            raise Unreadable("no address of a phone: tel:+…, whatsapp:…, messenger:…")
        kind = MessageKind.TEXT
        if post.choice:
            kind = MessageKind.CHOICE
        elif post.media:
            kind = MessageKind.MEDIA
        elif post.location:
            kind = MessageKind.LOCATION
        return [
            InboundMessage(
                id=post.id or f"sim-{blake2b(request.body, digest_size=12).hexdigest()}",
                sender=sender,
                kind=kind,
                text=post.text or (post.choice.title if post.choice else ""),
                choice=post.choice,
                media=post.media,
                location=post.location,
                reply_to=post.choice.origin if post.choice else None,
            )
        ]

    def handshake(self, request: WebhookRequest) -> WebhookAnswer | None:  # noqa: ARG002 - nobody asks
        return None

    def answer(self) -> WebhookAnswer:
        return WebhookAnswer()

    def build(self, row: OutboxRow) -> ProviderRequest:
        if scheme_of(row.to) not in SKINS:
            raise UnsupportedFeature("no phone has such an address")
        out = row.message
        shown = Shown(row.to, row.reference, out.text, out.layout, out.options, out.list_button, out.media, out.template)
        return ProviderRequest("POST", self._url, (("Content-Type", "application/json"),), msgspec.json.encode(shown))

    def read(self, response: ProviderResponse) -> Outcome:
        try:
            return Outcome(Result.ACCEPTED, _TAKEN.decode(response.body).id)
        except (ValueError, RecursionError):
            return refused("simulator", {}, None, response)


def answer(request: ProviderRequest) -> ProviderResponse:
    """What the phone says to a request of ``build``: yes, with an id that is always the same for the same row. Pure."""
    try:
        shown = _SHOWN.decode(request.body)
    except (ValueError, RecursionError):
        return ProviderResponse(400, {}, b"{}")
    name = request.url.removeprefix("simulator://").partition("/")[0]
    return ProviderResponse(200, {}, msgspec.json.encode({"id": f"sim-{name}-{shown.reference}"}))


def _address(told: str) -> Urn | None:
    """A phone's address as the real channel would have made it."""
    scheme, path = scheme_of(told), path_of(told)
    if scheme == "tel":
        number = phone(path)
        return Urn(f"tel:{number}") if number else None
    return (
        Urn(told)
        if scheme in SKINS and path.isascii() and path.isprintable() and 0 < len(path) <= 128 and " " not in path
        else None
    )
