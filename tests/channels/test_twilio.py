"""Twilio: forms in, values out; rows in, forms out; answers in, outcomes out."""

from collections.abc import Callable
from hashlib import sha256
from urllib.parse import parse_qsl, urlencode

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vaiven.channels.contract import Channel, ProviderResponse, Result, WebhookRequest
from vaiven.channels.registry import make_channel
from vaiven.channels.signing import sign_twilio
from vaiven.channels.twilio import ERRORS, STATUSES, Twilio
from vaiven.model.errors import SignatureMismatch, Unreadable, UnsupportedFeature
from vaiven.model.messages import (
    InboundMessage,
    Layout,
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

URL = "https://bot.example/hooks/line"
FORM = "application/x-www-form-urlencoded; charset=utf-8"
SETTINGS = {
    "type": "twilio",
    "account": "AC00000000000000000000000000000001",
    "token": "12345",
    "from": "+12025550100",
    "public_url": "https://bot.example",
}
ADA = Urn("tel:+12025550143")


def post(body: bytes, query: str = "", token: str = "12345") -> WebhookRequest:
    url = f"{URL}?{query}" if query else URL
    pairs = parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True, errors="replace")
    return WebhookRequest("POST", url, {"content-type": FORM, "x-twilio-signature": sign_twilio(url, pairs, token)}, body, query)


def got(request: WebhookRequest, **changes: str) -> InboundMessage | DeliveryReceipt:
    channel = make_channel("line", SETTINGS | changes)
    channel.verify(request)
    (one,) = channel.parse(request)
    assert isinstance(one, InboundMessage | DeliveryReceipt)
    return one


def row(message: OutboundMessage, to: str = ADA) -> OutboxRow:
    return OutboxRow(12, 3077, ADA, "line", "+12025550100", Urn(to), message, MessageClass.REPLY, 0)


class TestContract(ChannelContract):
    to = ADA

    def make(self) -> Channel:
        return make_channel("line", SETTINGS)

    def signed(self) -> list[WebhookRequest]:
        message = b"MessageSid=SM1&From=%2B12025550143&To=%2B12025550100&Body=VOTE+7%21&NumMedia=0"
        status = b"MessageSid=SM2&MessageStatus=sent&To=%2B12025550143&From=%2B12025550100"
        return [post(message), post(status, "ref=12.3077")]

    def accepted(self) -> ProviderResponse:
        return ProviderResponse(201, {}, b'{"sid":"SM00000000000000000000000000000c01","status":"queued","error_code":null}')


# -- in ----------------------------------------------------------------------------------------------------------------


def test_a_text(payload: Callable[[str], bytes]) -> None:
    assert got(post(payload("twilio/message.form"))) == InboundMessage(
        "SM00000000000000000000000000000a01", ADA, text="VOTE 7, sí!"
    )


def test_pictures_with_the_text_beside_them(payload: Callable[[str], bytes]) -> None:
    told = got(post(payload("twilio/mms.form")))
    assert isinstance(told, InboundMessage)
    assert (told.kind, told.text) == (MessageKind.MEDIA, "")
    assert [media.mime for media in told.media] == ["image/jpeg", "video/3gpp"]
    assert [(media.url or "")[-4:] for media in told.media] == ["ME01", "ME02"]


def test_twilios_own_verdict_on_a_stop(payload: Callable[[str], bytes]) -> None:
    told = got(post(payload("twilio/stop.form")))
    assert isinstance(told, InboundMessage)
    assert (told.text, told.consent) == ("Stop", "stop")


def test_a_short_code_keeps_its_country(payload: Callable[[str], bytes]) -> None:
    told = got(post(payload("twilio/short_code.form")))
    assert isinstance(told, InboundMessage)
    assert told.sender == "short:ES:25556"


def test_a_receipt_bears_our_reference(payload: Callable[[str], bytes]) -> None:
    sid = "SM00000000000000000000000000000b01"
    delivered = DeliveryReceipt(DeliveryStatus.DELIVERED, ADA, sid, "12.3077", "delivered")
    assert got(post(payload("twilio/delivered.form"), "ref=12.3077")) == delivered
    failed = DeliveryReceipt(DeliveryStatus.FAILED, ADA, sid, "12.3078", "undelivered", "twilio:30007")
    assert got(post(payload("twilio/undelivered.form"), "ref=12.3078")) == failed
    assert got(post(payload("twilio/delivered.form"), "ref=not+ours")) == msgspec.structs.replace(delivered, reference=None)


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("accepted", "queued"),
        ("scheduled", "queued"),
        ("queued", "queued"),
        ("sending", "queued"),
        ("sent", "sent"),
        ("partially_delivered", "sent"),
        ("delivered", "delivered"),
        ("read", "read"),
        ("undelivered", "failed"),
        ("failed", "failed"),
        ("canceled", "failed"),
        ("levitating", "unknown"),
    ],
)
def test_every_status(word: str, status: str) -> None:
    told = got(post(f"MessageSid=SM1&MessageStatus={word}&To=%2B12025550143".encode()))
    assert isinstance(told, DeliveryReceipt)
    assert (told.status, told.word) == (status, word)
    assert told.error == (f"twilio:{word}" if status == "failed" else None)
    assert status == "unknown" or STATUSES[word] == status


@pytest.mark.parametrize("word", ["received", "receiving"])
def test_a_status_of_what_people_send_is_a_message(word: str) -> None:
    told = got(post(f"MessageSid=SM1&MessageStatus={word}&From=%2B12025550143&Body=hi".encode()))
    assert told == InboundMessage("SM1", ADA, text="hi")


def test_a_get_is_signed_by_its_url_alone() -> None:
    query = "MessageSid=SM1&From=%2B12025550143&Body=3&To=%2B12025550100"
    url = f"{URL}?{query}"
    request = WebhookRequest("GET", url, {"x-twilio-signature": sign_twilio(url, {}, "12345")}, b"", query)
    assert got(request) == InboundMessage("SM1", ADA, text="3")
    smuggled = msgspec.structs.replace(request, body=b"Body=4", headers={**request.headers, "content-type": FORM})
    assert got(smuggled) == InboundMessage("SM1", ADA, text="3")


def test_a_signature_over_the_url_does_not_let_a_body_in() -> None:
    signature = sign_twilio(URL, {}, "12345")
    for content_type in (FORM, "text/plain", "application/json", ""):
        forged = WebhookRequest("POST", URL, {"content-type": content_type, "x-twilio-signature": signature}, b"Body=hi")
        with pytest.raises(SignatureMismatch):
            make_channel("line", SETTINGS).verify(forged)


def test_what_is_signed_and_no_form_is_unreadable() -> None:
    body = b'{"a":1}'
    query = f"bodySHA256={sha256(body).hexdigest()}"
    url = f"{URL}?{query}"
    headers = {"content-type": "application/json", "x-twilio-signature": sign_twilio(url, {}, "12345")}
    with pytest.raises(Unreadable, match="not a form"):
        got(WebhookRequest("POST", url, headers, body, query))


def test_ten_thousand_fields_are_let_in_as_unreadable_and_more_are_not() -> None:
    many = post(b"&".join(b"k%d=v" % at for at in range(10_000)))
    channel = make_channel("line", SETTINGS)
    channel.verify(many)
    with pytest.raises(Unreadable, match="more than 200"):
        channel.parse(many)
    with pytest.raises(SignatureMismatch):
        channel.verify(post(b"&".join([b"a=b"] * 10_001)))


def test_a_doubled_field_is_signed_by_both_and_read_by_the_last() -> None:
    assert got(post(b"MessageSid=SM1&From=%2B12025550143&Body=1&Body=2")) == InboundMessage("SM1", ADA, text="2")


def test_nul_and_broken_utf8_are_cleaned_after_the_signature() -> None:
    assert got(post(b"MessageSid=SM1&From=%2B12025550143&Body=a%00b%FFc")) == InboundMessage("SM1", ADA, text="ab\ufffdc")


@pytest.mark.parametrize(
    "body", [b"", b"Body=hi", b"MessageSid=SM1&Body=hi", b"MessageSid=SM1&From=%00&Body=hi", b"From=%2B12025550143"]
)
def test_a_form_that_is_no_message_is_unreadable(body: bytes) -> None:
    with pytest.raises(Unreadable):
        got(post(body))


def test_media_are_at_most_ten() -> None:
    fields = "&".join(f"MediaUrl{at}=https%3A%2F%2Fa.example%2F{at}" for at in range(30))
    told = got(post(f"MessageSid=MM1&From=%2B12025550143&NumMedia=99999999999999999999&{fields}".encode()))
    assert isinstance(told, InboundMessage)
    assert len(told.media) == 10


def test_both_secrets_are_good_while_one_is_rotated() -> None:
    for changes in ({"token": ["12345", "67890"]}, {"token_next": "67890"}):
        channel = make_channel("line", SETTINGS | changes)
        for token in ("12345", "67890"):
            channel.verify(post(b"MessageSid=SM1", token=token))
        with pytest.raises(SignatureMismatch):
            channel.verify(post(b"MessageSid=SM1", token="other"))


def test_host_and_forwarded_headers_change_nothing() -> None:
    request = post(b"MessageSid=SM1&From=%2B12025550143&Body=hi")
    hostile = {"host": "evil.example", "x-forwarded-host": "evil.example", "x-forwarded-proto": "http", "x-forwarded-path": "/a"}
    assert got(msgspec.structs.replace(request, headers={**request.headers, **hostile})) == got(request)
    elsewhere = msgspec.structs.replace(request, url="https://evil.example/hooks/line")
    with pytest.raises(SignatureMismatch):
        got(elsewhere)


@given(st.binary(max_size=200), st.sampled_from(["", "ref=1.2", "ref=%00", "&&&"]))
def test_any_signed_bytes_are_read_or_unreadable(body: bytes, query: str) -> None:
    channel, request = make_channel("line", SETTINGS), post(body, query)
    channel.verify(request)
    try:
        assert len(channel.parse(request)) == 1
    except Unreadable:
        return


@given(
    st.dictionaries(
        st.sampled_from(
            ["MessageSid", "From", "To", "Body", "NumMedia", "MediaUrl0", "MessageStatus", "ErrorCode", "OptOutType"]
        ),
        st.text(max_size=20),
    )
)
def test_any_signed_fields_are_read_or_unreadable(fields: dict[str, str]) -> None:
    body = urlencode(fields).encode()
    channel, request = make_channel("line", SETTINGS), post(body)
    channel.verify(request)
    try:
        assert len(channel.parse(request)) == 1
    except Unreadable:
        return


def test_the_answer_is_an_empty_twiml() -> None:
    answer = make_channel("line", SETTINGS).answer()
    assert (answer.status, answer.content_type) == (200, "text/xml")
    assert answer.body.endswith(b"<Response/>")


# -- out ---------------------------------------------------------------------------------------------------------------


def test_a_text_goes_out_with_the_callback_that_brings_it_back() -> None:
    request = make_channel("line", SETTINGS | {"api": "http://127.0.0.1:9/"}).build(
        row(OutboundMessage("Vote 3 – 100% sí & más\n"))
    )
    assert (request.method, request.url) == (
        "POST",
        "http://127.0.0.1:9/2010-04-01/Accounts/AC00000000000000000000000000000001/Messages.json",
    )
    assert dict(request.headers)["Authorization"] == "Basic QUMwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMToxMjM0NQ=="
    assert parse_qsl(request.body.decode()) == [
        ("From", "+12025550100"),
        ("StatusCallback", "https://bot.example/hooks/line?ref=12.3077"),
        ("To", "+12025550143"),
        ("Body", "Vote 3 – 100% sí & más\n"),
    ]


def test_a_messaging_service_sends_instead_of_a_number() -> None:
    service = "MG00000000000000000000000000000009"
    channel = make_channel("line", SETTINGS | {"service": service})
    assert channel.sender == service
    assert dict(parse_qsl(channel.build(row(OutboundMessage("x"))).body.decode()))["MessagingServiceSid"] == service


def test_files_go_out_by_url() -> None:
    media = (Media("image/png", url="https://files.example/a b.png"), Media("image/png", url="https://files.example/b.png"))
    told = parse_qsl(make_channel("line", SETTINGS).build(row(OutboundMessage("", media=media))).body.decode())
    assert told[3:] == [("MediaUrl", "https://files.example/a b.png"), ("MediaUrl", "https://files.example/b.png")]


def test_a_short_code_is_dialled_without_its_country() -> None:
    told = parse_qsl(make_channel("line", SETTINGS).build(row(OutboundMessage("x"), "short:ES:25556")).body.decode())
    assert ("To", "25556") in told


@pytest.mark.parametrize(
    ("message", "to"),
    [
        (OutboundMessage("x"), "alpha:BRAND"),
        (OutboundMessage("x"), "whatsapp:447700900123"),
        (OutboundMessage("x", (Option("a", "A"),), Layout.BUTTONS), ADA),
        (OutboundMessage("x", media=(Media("image/png", ref="r1"),)), ADA),
        (OutboundMessage("x", template=TemplateMessage("t", "en")), ADA),
    ],
)
def test_what_an_sms_cannot_say(message: OutboundMessage, to: str) -> None:
    with pytest.raises(UnsupportedFeature):
        make_channel("line", SETTINGS).build(row(message, to))


OUTCOMES = {
    Result.OPTED_OUT: [21610],
    Result.THROTTLED: [20429, 14107, 30022, 30017, 21611, 30001, 30023, 30027],
    Result.BAD_RECIPIENT: [21211, 21217, 21614, 30006, 30005, 30003, 21612],
    Result.BLOCKED_POLICY: [30007, 30004, 30032, 30034],
    Result.CONFIG: [20003, 21603, 21606, 21659, 21408, 30002, 21219, 21608],
    Result.REJECTED: [21617, 21620, 21656, 21602, 30008],
    Result.AMBIGUOUS: [20500, 30410],
}


@pytest.mark.parametrize(("result", "code"), [(result, code) for result, codes in OUTCOMES.items() for code in codes])
def test_every_error_code(result: Result, code: int) -> None:
    channel = make_channel("line", SETTINGS)
    for body in (f'{{"code":{code},"message":"m","status":400}}', f'{{"code":"{code}"}}', f'{{"sid":"SM1","error_code":{code}}}'):
        for status in (400, 429, 500, 201):
            outcome = channel.read(ProviderResponse(status, {}, body.encode()))
            assert (outcome.result, outcome.reason, outcome.provider_id) == (result, f"twilio:{code}", None)
            assert outcome.temporary == (code in (30003, 21612))


def test_no_error_code_is_untested() -> None:
    assert set(ERRORS) == {code for codes in OUTCOMES.values() for code in codes}


def test_full_queues_and_daily_caps_wait_longer() -> None:
    channel = make_channel("line", SETTINGS)
    waits = [channel.read(ProviderResponse(429, {}, f'{{"code":{code}}}'.encode())).after_s for code in (20429, 30001, 30023)]
    assert waits == [None, 300.0, 3600.0]
    assert channel.read(ProviderResponse(429, {"retry-after": "2"}, b'{"code":30001}')).after_s == 2.0


def test_a_wrong_class_of_channel_cannot_be_made_without_a_secret() -> None:
    with pytest.raises(ValueError, match="secret"):
        Twilio("line", {"account": "AC1", "token": ["", ""], "from": "+12025550100"})
