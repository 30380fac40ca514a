"""WhatsApp Cloud, the way in: batches in, values out; and the contract of a channel."""

import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vaiven.channels.contract import Channel, Inbound, ProviderResponse, WebhookAnswer, WebhookRequest
from vaiven.channels.registry import make_channel
from vaiven.channels.signing import sign_meta
from vaiven.channels.whatsapp import STATUSES
from vaiven.model.errors import SignatureMismatch, Unreadable
from vaiven.model.events import Notice
from vaiven.model.messages import (
    Choice,
    InboundMessage,
    Location,
    Media,
    MessageKind,
)
from vaiven.model.receipts import DeliveryReceipt, DeliveryStatus
from vaiven.model.urns import Urn
from vaiven.testing.channels import ChannelContract

SETTINGS = {"type": "whatsapp-cloud", "number_id": "290000000000002", "token": "t", "app_secret": "s3cret", "verify_token": "v"}
ADA, ADA_PHONE, BO = Urn("whatsapp:GB.7f3a9c01"), Urn("whatsapp:447700900123"), Urn("whatsapp:GB.0aa10b02")
AT = 1795305600_000


def post(body: bytes, secret: str = "s3cret") -> WebhookRequest:
    headers = {"content-type": "application/json", "x-hub-signature-256": sign_meta(body, secret)}
    return WebhookRequest("POST", "https://bot.example/hooks/line", headers, body)


def got(body: bytes) -> list[Inbound]:
    channel, request = make_channel("line", SETTINGS), post(body)
    channel.verify(request)
    return list(channel.parse(request))


def envelope(**value: Any) -> bytes:
    told = {"metadata": {"phone_number_id": "290000000000002"}, **value}
    entry = {"id": "190000000000001", "changes": [{"field": "messages", "value": told}]}
    return json.dumps({"object": "whatsapp_business_account", "entry": [entry]}).encode()


class TestContract(ChannelContract):
    to = ADA_PHONE

    def make(self) -> Channel:
        return make_channel("line", SETTINGS)

    def signed(self) -> list[WebhookRequest]:
        message = {"from": "447700900123", "id": "wamid.A", "timestamp": "1795305600", "type": "text", "text": {"body": "hi"}}
        status = {"id": "wamid.B", "status": "sent", "recipient_id": "447700900123", "timestamp": "1795305600"}
        return [post(envelope(messages=[message])), post(envelope(statuses=[status]))]

    def accepted(self) -> ProviderResponse:
        return ProviderResponse(
            200, {}, b'{"messaging_product":"whatsapp","contacts":[{"wa_id":"447700900123"}],"messages":[{"id":"wamid.C"}]}'
        )


# -- in ----------------------------------------------------------------------------------------------------------------


def test_every_message_status_and_notice_of_a_batch_is_read_in_order(payload: Callable[[str], bytes]) -> None:
    raw = payload("whatsapp/batch.json")
    hi, yes, slot, account, other, sent, failed, error = got(raw)
    who: dict[str, Any] = {"sender": ADA, "also": (ADA_PHONE,), "profile_name": "Ada"}
    assert hi == InboundMessage("wamid.AAA1", text="Hi", provider_ms=AT, **who)
    tap: dict[str, Any] = {"kind": MessageKind.CHOICE, "reply_to": "wamid.OUT9", **who}
    assert yes == InboundMessage(
        "wamid.AAA2", text="Yes", choice=Choice("v1:k3:yes", "Yes", "wamid.OUT9"), provider_ms=AT + 1000, **tap
    )
    assert slot == InboundMessage(
        "wamid.AAA3", text="09:30", choice=Choice("slot:0930", "09:30", "wamid.OUT9"), provider_ms=AT + 2000, **tap
    )
    assert isinstance(account, Notice)
    assert (account.kind, b"VERIFIED_ACCOUNT" in account.raw) == ("account_update", True)
    assert isinstance(other, Notice)
    assert (other.kind, b"wamid.BBB1" in other.raw) == ("other_number", True)
    assert sent == DeliveryReceipt(
        DeliveryStatus.SENT, ADA, "wamid.OUT1", "12.3077", "sent", provider_ms=AT + 4000, learned=(ADA, ADA_PHONE)
    )
    assert failed == DeliveryReceipt(
        DeliveryStatus.FAILED, ADA, "wamid.OUT2", "12.3078", "failed", "whatsapp:131026", AT + 5000, learned=(ADA, ADA_PHONE)
    )
    assert isinstance(error, Notice)
    assert (error.kind, error.reason) == ("error", "whatsapp:130429")


def test_every_kind(payload: Callable[[str], bytes]) -> None:
    found = {one.id: one for one in got(payload("whatsapp/kinds.json")) if isinstance(one, InboundMessage)}
    kinds = [(name.removeprefix("wamid."), one.kind.value) for name, one in found.items()]
    assert kinds == [
        ("K01", "text"),
        ("K02", "media"),
        ("K03", "media"),
        ("K04", "media"),
        ("K05", "media"),
        ("K06", "media"),
        ("K07", "location"),
        ("K08", "contact"),
        ("K09", "choice"),
        ("K10", "form"),
        ("K11", "system"),
        ("K12", "reaction"),
        ("K13", "order"),
        ("K14", "edited"),
        ("K15", "deleted"),
        ("K16", "unsupported"),
        ("K17", "unsupported"),
        ("K18", "unsupported"),
        ("K19", "system"),
        ("K20", "text"),
    ]
    told = [found[f"wamid.K{at:02}"] for at in range(1, 21)]
    assert told[0] == InboundMessage("wamid.K01", BO, text="no number", provider_ms=AT, profile_name="Bo")
    assert told[1].provider_ms == AT + 123
    assert (told[1].text, told[1].media) == (
        "receipt",
        (Media("image/jpeg", ref="3900000000001", sha256="c2hh", caption="receipt"),),
    )
    assert told[2].media[0].voice
    assert told[3].media[0].name == "bill.pdf"
    assert told[6].location == Location(51.5007, -0.1246, "Bridge")
    assert told[8].choice == Choice("confirm:7", "Confirm", "wamid.TPL1")
    assert (told[11].text, told[11].reply_to) == ("👍", "wamid.OUT9")
    assert (told[13].text, told[13].reply_to, told[14].reply_to) == ("still no number", "wamid.K01", "wamid.K01")
    assert (told[18].sender, told[18].also) == ("whatsapp:447700900126", ("whatsapp:447700900127",))
    assert [one.referral for one in told] == [None] * 19 + ["ad1"]
    whole = ("text", "media", "location", "choice")
    for one in told:
        assert bool(one.raw) == (one.kind not in whole or one.id == "wamid.K20")
    assert b"hologram" in told[16].raw


def test_a_message_of_nobody_is_a_notice(payload: Callable[[str], bytes]) -> None:
    (notice,) = [one for one in got(payload("whatsapp/kinds.json")) if isinstance(one, Notice)]
    assert (notice.kind, b"wamid.K21" in notice.raw) == ("unreadable", True)


def test_a_wa_id_is_not_read_as_a_telephone_number() -> None:
    (one,) = got(envelope(messages=[{"from": "5215512345678", "id": "w1", "type": "text", "text": {"body": "x"}}]))
    assert isinstance(one, InboundMessage)
    assert (one.sender, one.also, one.provider_ms) == ("whatsapp:5215512345678", (), None)


def test_what_somebody_of_the_business_wrote_is_an_echo() -> None:
    value = {
        "metadata": {"phone_number_id": "290000000000002"},
        "message_echoes": [
            {"from": "12025550100", "to": "447700900123", "id": "wamid.E1", "type": "text", "text": {"body": "hello"}}
        ],
    }
    body = {"object": "whatsapp_business_account", "entry": [{"changes": [{"field": "smb_message_echoes", "value": value}]}]}
    (one,) = got(json.dumps(body).encode())
    assert isinstance(one, InboundMessage)
    assert (one.kind, one.sender, one.text) == (MessageKind.ECHO, ADA_PHONE, "")


def test_a_broken_part_does_not_take_the_others_with_it() -> None:
    good = {"from": "447700900123", "id": "w1", "type": "text", "text": {"body": "x"}}
    status = {"id": "w2", "status": "sent", "recipient_id": "447700900123"}
    told = got(envelope(messages=[7, good, {"from": 5}], statuses=["?", status], errors=[None, {"code": "x"}]))
    assert [type(one).__name__ for one in told] == [
        "Notice",
        "InboundMessage",
        "Notice",
        "Notice",
        "DeliveryReceipt",
        "Notice",
        "Notice",
    ]
    value = {"metadata": {"phone_number_id": "290000000000002"}, "messages": [good]}
    entries = [3, {"changes": [4, {"field": "messages", "value": []}, {"field": "messages", "value": value}]}]
    told = got(json.dumps({"object": "whatsapp_business_account", "entry": entries}).encode())
    assert [type(one).__name__ for one in told] == ["Notice", "Notice", "Notice", "InboundMessage"]


def test_a_cut_off_emoji_does_not_take_the_others_with_it() -> None:
    body = envelope(messages=[{"from": "1", "id": "w1", "type": "text", "text": {"body": "MARK"}}])
    (one,) = got(body.replace(b"MARK", rb"cut\ud83d \u0000off"))
    assert isinstance(one, InboundMessage)
    assert one.text == "cut\ufffd off"


@pytest.mark.parametrize(
    "body", [b"{}", b"[]", b'{"object":"page","entry":[]}', b'{"object":"whatsapp_business_account","entry":7}', b"\xff", b""]
)
def test_what_is_no_envelope_of_ours_is_unreadable(body: bytes) -> None:
    with pytest.raises(Unreadable):
        got(body)


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_another_content_type_is_unreadable(content_type: str) -> None:
    request = post(envelope())
    request = msgspec.structs.replace(request, headers={**request.headers, "content-type": content_type})
    channel = make_channel("line", SETTINGS)
    channel.verify(request)
    with pytest.raises(Unreadable):
        channel.parse(request)


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("sent", "sent"),
        ("delivered", "delivered"),
        ("read", "read"),
        ("played", "read"),
        ("failed", "failed"),
        ("deleted", "unknown"),
        ("levitating", "unknown"),
    ],
)
def test_every_status(word: str, status: str) -> None:
    (told,) = got(
        envelope(statuses=[{"id": "w1", "status": word, "recipient_user_id": "GB.7f3a9c01", "biz_opaque_callback_data": "x"}])
    )
    assert told == DeliveryReceipt(DeliveryStatus(status), ADA, "w1", word=word)
    assert word == "levitating" or STATUSES[word] == status


def test_the_handshake() -> None:
    channel = make_channel("line", SETTINGS | {"verify_token_next": "w"})
    url = "https://bot.example/hooks/line"
    for word in ("v", "w"):
        query = f"hub.mode=subscribe&hub.verify_token={word}&hub.challenge=115%2B8"
        assert channel.handshake(WebhookRequest("GET", url, {}, b"", query)) == WebhookAnswer(200, b"115+8", "text/plain")
    for query in (
        "",
        "hub.mode=subscribe&hub.challenge=1",
        "hub.mode=x&hub.verify_token=v",
        "hub.mode=subscribe&hub.verify_token=V",
        "&" * 999,
    ):
        with pytest.raises(SignatureMismatch):
            channel.handshake(WebhookRequest("GET", url, {}, b"", query))


def test_both_secrets_are_good_while_one_is_rotated() -> None:
    channel = make_channel("line", SETTINGS | {"app_secret": ["s3cret", "n3xt"]})
    for secret in ("s3cret", "n3xt"):
        channel.verify(post(b"{}", secret))
    with pytest.raises(SignatureMismatch):
        channel.verify(post(b"{}", "other"))


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["id", "from", "type", "text", "body", "messages", "timestamp", "to"]), inner, max_size=4
        )
    ),
    max_leaves=12,
)


@given(st.lists(JUNK, max_size=3), st.lists(JUNK, max_size=3), JUNK)
def test_any_signed_json_is_read_or_unreadable(messages: list[Any], statuses: list[Any], contacts: Any) -> None:
    for body in (
        envelope(messages=messages, statuses=statuses),
        envelope(messages=messages, contacts=contacts),
        json.dumps(messages).encode(),
    ):
        try:
            assert all(isinstance(one, Inbound) for one in got(body))
        except Unreadable:
            continue


TYPES = ("text", "image", "interactive", "system", "edit", "order", "reaction", "location", "button")


@given(st.sampled_from(TYPES), st.dictionaries(st.sampled_from([*TYPES, "context", "timestamp", "referral"]), JUNK, max_size=3))
def test_any_message_is_kept(kind: str, parts: dict[str, Any]) -> None:
    (one,) = got(envelope(messages=[{"from": "1", "id": "w", "type": kind, **parts}]))
    assert isinstance(one, InboundMessage | Notice)


@given(st.binary(max_size=200))
def test_any_signed_bytes_are_read_or_unreadable(body: bytes) -> None:
    try:
        got(body)
    except Unreadable:
        return
