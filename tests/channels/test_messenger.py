"""Messenger: batches in, values out; rows in, JSON out; answers in, outcomes out."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vaiven.channels.contract import Channel, Inbound, Outcome, ProviderResponse, Result, WebhookAnswer, WebhookRequest
from vaiven.channels.messenger import ERRORS
from vaiven.channels.registry import make_channel
from vaiven.channels.signing import sign_meta
from vaiven.model.errors import SignatureMismatch, Unreadable, UnsupportedFeature
from vaiven.model.events import Notice
from vaiven.model.messages import (
    Choice,
    InboundMessage,
    Layout,
    Location,
    Media,
    MessageClass,
    MessageKind,
    Option,
    OutboundMessage,
    TemplateMessage,
)
from vaiven.model.outbox import OutboxRow
from vaiven.model.receipts import DeliveryReceipt, DeliveryStatus
from vaiven.model.urns import Urn
from vaiven.testing.channels import ChannelContract

SETTINGS = {"type": "messenger", "page_id": "1001", "token": "t", "app_secret": "s3cret", "verify_token": "v", "app_id": 5001}
ADA, BO = Urn("messenger:7001"), Urn("messenger:7002")
AT = 1795305600_000


def post(body: bytes, secret: str = "s3cret") -> WebhookRequest:
    headers = {"content-type": "application/json; charset=utf-8", "x-hub-signature-256": sign_meta(body, secret)}
    return WebhookRequest("POST", "https://bot.example/hooks/line", headers, body)


def got(body: bytes, **changes: Any) -> list[Inbound]:
    told = {key: value for key, value in (SETTINGS | changes).items() if value is not None}
    channel, request = make_channel("line", told), post(body)
    channel.verify(request)
    return list(channel.parse(request))


def envelope(*events: Any) -> bytes:
    return json.dumps({"object": "page", "entry": [{"id": "1001", "time": AT, "messaging": events}]}).encode()


def event(**content: Any) -> dict[str, Any]:
    return {"sender": {"id": "7001"}, "recipient": {"id": "1001"}, "timestamp": AT, **content}


def built(message: OutboundMessage, to: str = ADA) -> Any:
    row = OutboxRow(12, 3077, ADA, "line", "1001", Urn(to), message, MessageClass.REPLY, 0)
    return json.loads(make_channel("line", SETTINGS).build(row).body)


class TestContract(ChannelContract):
    to = ADA

    def make(self) -> Channel:
        return make_channel("line", SETTINGS)

    def signed(self) -> list[WebhookRequest]:
        return [
            post(
                envelope(
                    event(message={"mid": "m_1", "text": "hi"}),
                    event(postback={"title": "A", "payload": "a"}),
                    event(read={"watermark": AT}),
                )
            )
        ]

    def accepted(self) -> ProviderResponse:
        return ProviderResponse(200, {}, b'{"recipient_id":"7001","message_id":"m_o1"}')


# -- in ----------------------------------------------------------------------------------------------------------------


def test_every_event_of_a_batch_is_read_in_order(payload: Callable[[str], bytes]) -> None:
    told = got(payload("messenger/batch.json"))
    blue, start, place, read, first, second, until, *rest = told
    assert blue == InboundMessage(
        "m_a1", ADA, kind=MessageKind.CHOICE, text="Blue", choice=Choice("v1:q2:blue", "Blue"), provider_ms=AT + 100
    )
    assert start == InboundMessage(
        "m_a2", ADA, kind=MessageKind.CHOICE, text="Start", choice=Choice("get_started", "Start"), provider_ms=AT + 200
    )
    assert place == InboundMessage("m_a3", ADA, kind=MessageKind.LOCATION, location=Location(51.5, -0.12), provider_ms=AT + 300)
    assert read == DeliveryReceipt(DeliveryStatus.READ, ADA, word="read", provider_ms=AT + 400, watermark_ms=AT)
    delivered: dict[str, Any] = {"word": "delivery", "provider_ms": AT + 500}
    assert first == DeliveryReceipt(DeliveryStatus.DELIVERED, ADA, "m_o1", **delivered)
    assert second == DeliveryReceipt(DeliveryStatus.DELIVERED, ADA, "m_o2", **delivered)
    assert until == DeliveryReceipt(DeliveryStatus.DELIVERED, ADA, watermark_ms=AT + 450, **delivered)
    kinds = [one.kind.value if isinstance(one, InboundMessage) else f"notice {getattr(one, 'kind', '')}" for one in rest]
    assert kinds == [
        "text",
        "media",
        "referral",
        "optin",
        "reaction",
        "edited",
        "deleted",
        "unsupported",
        "unsupported",
        "echo",
        "notice other_page",
        "notice policy_enforcement",
        "notice optin",
        "notice standby",
    ]
    messages = [one for one in rest if isinstance(one, InboundMessage)]
    text, media, referral, _, reaction, edited, deleted, link, unknown, echo = messages
    assert text == InboundMessage("m_b1", BO, text="3", reply_to="m_o9", provider_ms=AT + 1000)
    assert (media.text, media.media) == (
        "look",
        (Media("image/*", "https://cdn.example/p.jpg"), Media("", "https://cdn.example/f.bin")),
    )
    assert (referral.referral, referral.choice) == ("poster-7", None)
    assert (reaction.text, reaction.reply_to) == ("👍", "m_o9")
    assert (edited.text, edited.reply_to) == ("4", "m_b1")
    assert (deleted.reply_to, deleted.id) == ("m_b1", "m_b1:deleted")
    assert (link.id, b"a link" in link.raw, b"telepathy" in unknown.raw) == ("m_b3", True, True)
    assert (echo.sender, echo.text, b"from the inbox" in echo.raw) == (BO, "", True)
    assert len({one.id for one in messages}) == len(messages)


def test_an_echo_that_may_be_ours_is_nobodys_word(payload: Callable[[str], bytes]) -> None:
    told = got(payload("messenger/batch.json"), app_id=None)
    assert [one.kind for one in told if isinstance(one, Notice)].count("echo") == 2
    assert not [one for one in told if isinstance(one, InboundMessage) and one.kind is MessageKind.ECHO]


def test_an_event_without_an_id_gets_the_same_one_each_time() -> None:
    tap = event(postback={"title": "A", "payload": "a"})
    (one,), (again,), (other,) = (got(envelope(it)) for it in (tap, tap, tap | {"timestamp": AT + 1}))
    assert one == again
    assert isinstance(one, InboundMessage)
    assert isinstance(other, InboundMessage)
    assert one.id != other.id


def test_a_tap_on_a_link_keeps_where_it_came_from() -> None:
    told = got(
        envelope(
            event(postback={"mid": "m1", "title": "A", "payload": "a", "referral": {"ref": "ad-7"}}),
            event(message={"mid": "m2", "text": "hi", "referral": {"source": "ADS", "ad_id": "ad-7"}}),
            event(message={"mid": "m3", "text": "hi", "attachments": [{"type": "fallback", "payload": {"title": "ad-7"}}]}),
        )
    )
    assert [one.referral for one in told if isinstance(one, InboundMessage)] == ["ad-7", "ad-7", None]
    assert [one.kind.value for one in told if isinstance(one, InboundMessage) and b"ad-7" in one.raw] == [
        "choice",
        "text",
        "text",
    ]


def test_a_broken_part_does_not_take_the_others_with_it() -> None:
    good = event(message={"mid": "m1", "text": "x"})
    told = got(
        envelope(
            7,
            event(message="?"),
            good,
            {"sender": 5},
            event(message={"mid": "m2", "attachments": [{"type": "location", "payload": {"coordinates": [1]}}]}),
        )
    )
    assert [one.kind for one in told if isinstance(one, InboundMessage | Notice)] == [
        "unreadable",
        "unsupported",
        "text",
        "unreadable",
        "unsupported",
    ]
    body = json.dumps({"object": "page", "entry": [1, {"messaging": [good]}]}).encode()
    assert [type(one).__name__ for one in got(body)] == ["Notice", "InboundMessage"]


@pytest.mark.parametrize("body", [b"{}", b"[]", b'{"object":"instagram","entry":[]}', b'{"object":"page","entry":7}', b"\xff"])
def test_what_is_no_envelope_of_ours_is_unreadable(body: bytes) -> None:
    with pytest.raises(Unreadable):
        got(body)


def test_the_handshake() -> None:
    channel = make_channel("line", SETTINGS)
    asked = WebhookRequest(
        "GET", "https://bot.example/hooks/line", {}, b"", "hub.mode=subscribe&hub.verify_token=v&hub.challenge=77"
    )
    assert channel.handshake(asked) == WebhookAnswer(200, b"77", "text/plain")
    with pytest.raises(SignatureMismatch):
        channel.handshake(
            WebhookRequest("GET", "https://bot.example/hooks/line", {}, b"", "hub.mode=subscribe&hub.verify_token=w")
        )


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["id", "mid", "text", "payload", "attachments", "type", "watermark", "mids", "coordinates"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=10,
)
PARTS = st.dictionaries(
    st.sampled_from(
        [
            "message",
            "postback",
            "delivery",
            "read",
            "optin",
            "referral",
            "reaction",
            "message_edit",
            "sender",
            "recipient",
            "timestamp",
            "app_roles",
        ]
    ),
    JUNK,
    max_size=3,
)


@given(st.lists(PARTS, max_size=3))
def test_any_signed_event_is_kept(parts: list[dict[str, Any]]) -> None:
    told = got(envelope(*(event(**part) for part in parts)))
    assert all(isinstance(one, Inbound) for one in told)


@given(st.binary(max_size=200))
def test_any_signed_bytes_are_read_or_unreadable(body: bytes) -> None:
    try:
        got(body)
    except Unreadable:
        return


# -- out ---------------------------------------------------------------------------------------------------------------


def said(message: OutboundMessage) -> Any:
    told = built(message)
    assert told["recipient"] == {"id": "7001"}
    assert told["messaging_type"] == "RESPONSE"
    return told["message"]


def test_text() -> None:
    row = OutboxRow(12, 3077, ADA, "line", "1001", ADA, OutboundMessage("sí"), MessageClass.REPLY, 0)
    request = make_channel("line", SETTINGS | {"api": "http://127.0.0.1:9"}).build(row)
    assert request.url == "http://127.0.0.1:9/v25.0/1001/messages"
    assert dict(request.headers)["Authorization"] == "Bearer t"
    assert said(OutboundMessage("sí")) == {"text": "sí"}


TWO = (Option("a", "A"), Option("b", "B"))
REPLIES = [{"content_type": "text", "title": "A", "payload": "a"}, {"content_type": "text", "title": "B", "payload": "b"}]


def test_buttons_and_quick_replies() -> None:
    template = said(OutboundMessage("Which?", TWO, Layout.BUTTONS))["attachment"]
    assert template["type"] == "template"
    buttons = [{"type": "postback", "title": "A", "payload": "a"}, {"type": "postback", "title": "B", "payload": "b"}]
    assert template["payload"] == {"template_type": "button", "text": "Which?", "buttons": buttons}
    assert said(OutboundMessage("Which?", TWO, Layout.QUICK_REPLIES)) == {"text": "Which?", "quick_replies": REPLIES}


def test_a_list_becomes_quick_replies_or_numbers() -> None:
    assert said(OutboundMessage("Which?", TWO, Layout.LIST)) == {"text": "Which?", "quick_replies": REPLIES}
    long = (Option("a", "A" * 21), Option("b", "B"))
    assert said(OutboundMessage("Which?", long, Layout.LIST)) == {"text": f"Which?\n1. {'A' * 21}\n2. B"}
    many = tuple(Option(str(at), str(at)) for at in range(14))
    assert "quick_replies" not in said(OutboundMessage("Which?", many, Layout.LIST))


@pytest.mark.parametrize(
    ("mime", "kind"), [("image/png", "image"), ("audio/ogg", "audio"), ("video/mp4", "video"), ("application/pdf", "file")]
)
def test_files(mime: str, kind: str) -> None:
    told = said(OutboundMessage("", media=(Media(mime, url="https://f.example/a"),)))
    assert told == {"attachment": {"type": kind, "payload": {"url": "https://f.example/a"}}}


@pytest.mark.parametrize(
    ("message", "to"),
    [
        (OutboundMessage("x"), "tel:+12025550143"),
        (OutboundMessage("x", media=(Media("image/png", url="https://f.example/a"),)), ADA),
        (OutboundMessage("", media=(Media("image/png", ref="9"),)), ADA),
        (OutboundMessage("x", template=TemplateMessage("t", "en")), ADA),
    ],
)
def test_what_messenger_cannot_say(message: OutboundMessage, to: str) -> None:
    with pytest.raises(UnsupportedFeature):
        built(message, to)


def read(status: int, **error: Any) -> Outcome:
    return make_channel("line", SETTINGS).read(ProviderResponse(status, {}, json.dumps({"error": error}).encode()))


OUTCOMES = {
    Result.THROTTLED: [4, 32, 613, 80004, 2018108],
    Result.OUT_OF_WINDOW: [2018278, 2534022],
    Result.BAD_RECIPIENT: [551, 1545041, 2018001],
    Result.RETRY: [1, 2, 1200],
    Result.REJECTED: [100],
    Result.CONFIG: [10, 190, 200],
}


@pytest.mark.parametrize(("result", "code"), [(result, code) for result, codes in OUTCOMES.items() for code in codes])
def test_every_error_code(result: Result, code: int) -> None:
    told = {"code": 10, "error_subcode": code} if code > 100_000 else {"code": code, "error_subcode": 999}
    outcome = read(400, **told)
    assert (outcome.result, outcome.reason) == (result, f"messenger:{code}")
    assert read(500, **told).result is (Result.AMBIGUOUS if code in (1, 2) else result)


def test_no_error_code_is_untested() -> None:
    assert set(ERRORS) == {code for codes in OUTCOMES.values() for code in codes}
