"""What Meta's channels share: handshake, signature, envelope, the form of an error.

Sources: https://developers.facebook.com/docs/graph-api/webhooks/getting-started,
https://developers.facebook.com/docs/graph-api/guides/error-handling (read 2026-11). A post may hold many entries, of many
accounts of ours; an entry, a change or a message that cannot be read does not take the others with it.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, TypeVar

import msgspec

from vaiven.channels.contract import (
    Outcome,
    ProviderRequest,
    ProviderResponse,
    Result,
    WebhookAnswer,
    WebhookRequest,
)
from vaiven.channels.forms import read_form
from vaiven.channels.json import read_json
from vaiven.channels.outcomes import Errors, refused
from vaiven.channels.settings import Setting, base_url, check_settings, secrets, text
from vaiven.channels.signing import Keyring, check_meta, same
from vaiven.model.errors import SignatureMismatch, Unreadable
from vaiven.model.events import Notice

API = "https://graph.facebook.com"
VERSION = "v25.0"

SECRETS = (
    Setting("token", "the access token to send with", secret=True),
    Setting("app_secret", "the app's secret, which Meta signs with", secret=True),
    Setting("verify_token", "the word that Meta's handshake must bring", secret=True),
    Setting("version", "the version of the Graph API", r"v[0-9]{1,3}\.[0-9]", VERSION, required=False),
)

T = TypeVar("T")


class _Envelope(msgspec.Struct, frozen=True):
    object: str = ""
    entry: list[msgspec.Raw] = []


class _Error(msgspec.Struct, frozen=True):
    code: int | None = None
    error_subcode: int | None = None


class _Refusal(msgspec.Struct, frozen=True):
    error: _Error | None = None


_ENVELOPE = msgspec.json.Decoder(_Envelope)
_REFUSAL = msgspec.json.Decoder(_Refusal)


class MetaChannel(ABC):
    """One account behind the Graph API. The channel's own class says what its entries and answers hold."""

    word: ClassVar[str]
    """What reasons begin with."""
    posts: ClassVar[str]
    """The ``object`` that its posts name."""
    errors: ClassVar[Errors]
    unsure: ClassVar[frozenset[int]]
    """Codes that say nothing of what became of the message: with a 5xx it may have gone through."""
    settings: ClassVar[tuple[Setting, ...]]

    def __init__(self, name: str, settings: Mapping[str, Any], account: str) -> None:
        self.name = name
        self.sender = account
        self._keys = Keyring(secrets(settings, "app_secret"), "sha256")
        self._words = secrets(settings, "verify_token")
        self._url = f"{base_url(settings, 'api', API)}/{text(settings, 'version', VERSION)}/{account}/messages"
        bearer = f"Bearer {secrets(settings, 'token')[0]}"
        self._headers = (("Authorization", bearer), ("Content-Type", "application/json"))

    @classmethod
    def problems(cls, settings: Mapping[str, Any]) -> list[str]:
        """A line for each setting that is missing or wrong."""
        return check_settings(cls.settings, settings)

    def verify(self, request: WebhookRequest) -> None:
        check_meta(self._keys, request.body, request.headers.get("x-hub-signature-256"))

    def handshake(self, request: WebhookRequest) -> WebhookAnswer | None:
        try:
            asked = dict(read_form(request.query))
        except Unreadable:
            asked = {}
        if asked.get("hub.mode") != "subscribe" or not same(asked.get("hub.verify_token", ""), self._words):
            raise SignatureMismatch("not a handshake of ours")
        return WebhookAnswer(200, asked.get("hub.challenge", "").encode("utf-8", "replace"))

    def answer(self) -> WebhookAnswer:
        return WebhookAnswer()

    def read(self, response: ProviderResponse) -> Outcome:
        if 200 <= response.status < 300:
            accepted = self._accepted(response.body)
            if accepted is not None:
                return accepted
        try:
            error = _REFUSAL.decode(response.body).error
        except (ValueError, RecursionError):
            error = None
        if error is None:
            return refused(self.word, self.errors, None, response)
        code = error.error_subcode if error.error_subcode in self.errors else error.code
        outcome = refused(self.word, self.errors, code, response)
        if outcome.result is Result.RETRY and code in self.unsure and response.status >= 500:
            return msgspec.structs.replace(outcome, result=Result.AMBIGUOUS)
        return outcome

    @abstractmethod
    def _accepted(self, body: bytes) -> Outcome | None:
        """What a 2xx told, None if it did not tell what it should."""

    def _request(self, body: object) -> ProviderRequest:
        return ProviderRequest("POST", self._url, self._headers, msgspec.json.encode(body))

    def _entries(self, request: WebhookRequest) -> list[msgspec.Raw]:
        """The entries of a post.

        Raises:
            Unreadable: it is no envelope of this channel's.
        """
        if request.method != "POST" or not request.headers.get("content-type", "").lower().startswith("application/json"):
            raise Unreadable("not JSON by its content type")
        envelope = read_json(_ENVELOPE, request.body)
        if envelope.object != self.posts:
            raise Unreadable(f"not an object {self.posts!r}")
        return envelope.entry


def readable(decoder: msgspec.json.Decoder[T], raw: msgspec.Raw) -> T | Notice:
    """The value, or a notice of what cannot be read."""
    try:
        return read_json(decoder, bytes(raw))
    except Unreadable as error:
        return Notice("unreadable", str(error), bytes(raw))


LATEST_MS = 2.5e14
"""Around the year 9900: what is beyond is no instant."""


def milliseconds(told: object) -> int | None:
    """An instant in ms, from Unix time in seconds or in milliseconds, as a number or as text."""
    if isinstance(told, str):
        told = int(told) if told.isascii() and told.isdigit() and len(told) < 16 else None
    if not isinstance(told, int | float) or isinstance(told, bool) or not 0 < told < LATEST_MS:
        return None
    return int(told * 1000) if told < 1e11 else int(told)
