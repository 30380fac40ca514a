"""WhatsApp Cloud, the way out: rows in, JSON out; answers in, outcomes out."""

import json
from typing import Any

import pytest

from vaiven.channels.contract import Outcome, ProviderResponse, Result
from vaiven.channels.registry import make_channel
from vaiven.channels.whatsapp import ERRORS
from vaiven.model.errors import UnsupportedFeature
from vaiven.model.messages import Layout, Media, MessageClass, Option, OutboundMessage, TemplateMessage
from vaiven.model.outbox import OutboxRow
from vaiven.model.urns import Urn

SETTINGS = {"type": "whatsapp-cloud", "number_id": "290000000000002", "token": "t", "app_secret": "s3cret", "verify_token": "v"}
ADA, ADA_PHONE = Urn("whatsapp:GB.7f3a9c01"), Urn("whatsapp:447700900123")


def row(message: OutboundMessage, to: str = ADA_PHONE) -> OutboxRow:
    return OutboxRow(12, 3077, ADA, "line", "290000000000002", Urn(to), message, MessageClass.REPLY, 0)


def built(message: OutboundMessage, to: str = ADA_PHONE) -> Any:
    return json.loads(make_channel("line", SETTINGS).build(row(message, to)).body)


BASE = {
    "messaging_product": "whatsapp",
    "recipient_type": "individual",
    "to": "447700900123",
    "biz_opaque_callback_data": "12.3077",
}


def test_text_goes_to_a_number_or_a_user_id() -> None:
    request = make_channel("line", SETTINGS | {"api": "http://127.0.0.1:9", "version": "v26.0"}).build(
        row(OutboundMessage("sí 😀"))
    )
    assert (request.method, request.url) == ("POST", "http://127.0.0.1:9/v26.0/290000000000002/messages")
    assert dict(request.headers) == {"Authorization": "Bearer t", "Content-Type": "application/json"}
    assert json.loads(request.body) == {**BASE, "type": "text", "text": {"body": "sí 😀", "preview_url": False}}
    to_user = built(OutboundMessage("x"), ADA)
    assert (to_user.get("to"), to_user["recipient"]) == (None, "GB.7f3a9c01")


def test_buttons() -> None:
    options = (Option("y", "Yes"), Option("n", "No"))
    assert built(OutboundMessage("Sure?", options, Layout.BUTTONS))["interactive"] == {
        "type": "button",
        "body": {"text": "Sure?"},
        "action": {
            "buttons": [
                {"type": "reply", "reply": {"id": "y", "title": "Yes"}},
                {"type": "reply", "reply": {"id": "n", "title": "No"}},
            ]
        },
    }


def test_a_list() -> None:
    options = (Option("a", "A", "first"), Option("b", "B"))
    assert built(OutboundMessage("Which?", options, Layout.LIST, "Choose"))["interactive"] == {
        "type": "list",
        "body": {"text": "Which?"},
        "action": {
            "button": "Choose",
            "sections": [{"rows": [{"id": "a", "title": "A", "description": "first"}, {"id": "b", "title": "B"}]}],
        },
    }


@pytest.mark.parametrize(
    ("message", "told"),
    [
        (
            OutboundMessage("hi", media=(Media("image/png", url="https://f.example/a"),)),
            {"type": "image", "image": {"link": "https://f.example/a", "caption": "hi"}},
        ),
        (OutboundMessage("", media=(Media("image/webp", ref="9"),)), {"type": "sticker", "sticker": {"id": "9"}}),
        (OutboundMessage("", media=(Media("audio/ogg", ref="9"),)), {"type": "audio", "audio": {"id": "9"}}),
        (
            OutboundMessage("", media=(Media("video/mp4", ref="9", caption="c"),)),
            {"type": "video", "video": {"id": "9", "caption": "c"}},
        ),
        (
            OutboundMessage("", media=(Media("application/pdf", ref="9", name="b.pdf"),)),
            {"type": "document", "document": {"id": "9", "filename": "b.pdf"}},
        ),
    ],
)
def test_files(message: OutboundMessage, told: dict[str, Any]) -> None:
    assert built(message) == {**BASE, **told}


def test_a_template() -> None:
    template = TemplateMessage("table_reminder", "en-GB", ("Ada", "19:00"), ("v1:yes", "v1:no"))
    image = Media("image/png", url="https://f.example/a")
    told = built(OutboundMessage("Ada, see you at 19:00?", media=(image,), template=template))
    assert told == {
        **BASE,
        "type": "template",
        "template": {
            "name": "table_reminder",
            "language": {"policy": "deterministic", "code": "en_GB"},
            "components": [
                {"type": "header", "parameters": [{"type": "image", "image": {"link": "https://f.example/a"}}]},
                {"type": "body", "parameters": [{"type": "text", "text": "Ada"}, {"type": "text", "text": "19:00"}]},
                {
                    "type": "button",
                    "sub_type": "quick_reply",
                    "index": "0",
                    "parameters": [{"type": "payload", "payload": "v1:yes"}],
                },
                {
                    "type": "button",
                    "sub_type": "quick_reply",
                    "index": "1",
                    "parameters": [{"type": "payload", "payload": "v1:no"}],
                },
            ],
        },
    }


def test_a_template_without_blanks() -> None:
    told = built(OutboundMessage("", template=TemplateMessage("hello", "es")))
    assert told["template"] == {"name": "hello", "language": {"policy": "deterministic", "code": "es"}}


@pytest.mark.parametrize(
    ("message", "to"),
    [
        (OutboundMessage("x"), "tel:+12025550143"),
        (OutboundMessage("x", (Option("a", "A"),), Layout.QUICK_REPLIES), ADA),
        (OutboundMessage("x", media=(Media("audio/ogg", ref="9"),)), ADA),
        (OutboundMessage("", media=(Media("image/png", ref="9"), Media("image/png", ref="8"))), ADA),
        (OutboundMessage("x", (Option("a", "A"),), Layout.BUTTONS, media=(Media("image/png", ref="9"),)), ADA),
        (OutboundMessage("x", template=TemplateMessage("no_language")), ADA),
        (OutboundMessage("x", media=(Media("audio/ogg", ref="9"),), template=TemplateMessage("t", "en")), ADA),
        (OutboundMessage("", media=(Media("image/png", ref="9"),) * 2, template=TemplateMessage("t", "en")), ADA),
    ],
)
def test_what_whatsapp_cannot_say(message: OutboundMessage, to: str) -> None:
    with pytest.raises(UnsupportedFeature):
        built(message, to)


def read(status: int, body: Any, headers: dict[str, str] | None = None) -> Outcome:
    return make_channel("line", SETTINGS).read(ProviderResponse(status, headers or {}, json.dumps(body).encode()))


def test_a_taken_message_teaches_the_addresses_of_its_person() -> None:
    taken = {
        "messages": [{"id": "w1"}],
        "contacts": [{"input": "447700900123", "wa_id": "447700900123", "user_id": "GB.7f3a9c01"}],
    }
    assert read(200, taken) == Outcome(Result.ACCEPTED, "w1", learned=(ADA, ADA_PHONE))
    assert read(200, {"messages": [{"id": "w1", "message_status": "accepted"}]}) == Outcome(Result.ACCEPTED, "w1")
    held = read(200, {"messages": [{"id": "w1", "message_status": "held_for_quality_assessment"}]})
    assert held == Outcome(Result.ACCEPTED, "w1", "whatsapp:held_for_quality_assessment")


OUTCOMES = {
    Result.THROTTLED: [4, 80007, 130429, 131048, 133016, 131064],
    Result.OUT_OF_WINDOW: [131047],
    Result.BLOCKED_POLICY: [131050, 131049, 130472],
    Result.BAD_RECIPIENT: [131026, 131021, 131030, 131062],
    Result.RETRY: [131056, 131000, 131016, 131057, 131053, 1, 2],
    Result.REJECTED: [
        *(100, 131008, 131009, 131051, 131052, 131063, 135000, 137000),
        *(132000, 132001, 132005, 132007, 132008, 132012, 132015, 132016, 132068, 132069),
    ],
    Result.CONFIG: [0, 3, 10, 190, *range(200, 300), 368, 131031, 130497, 131042, 131045, 131037, 133010],
}


@pytest.mark.parametrize(("result", "code"), [(result, code) for result, codes in OUTCOMES.items() for code in codes])
def test_every_error_code(result: Result, code: int) -> None:
    for status in (400, 429, 200):
        outcome = read(status, {"error": {"code": code, "message": "m", "error_data": {"details": "d"}, "fbtrace_id": "f"}})
        assert (outcome.result, outcome.reason) == (result, f"whatsapp:{code}")
    unsure = code in (1, 2, 131000)
    assert read(500, {"error": {"code": code}}).result is (Result.AMBIGUOUS if unsure else result)


def test_no_error_code_is_untested() -> None:
    assert set(ERRORS) == {code for codes in OUTCOMES.values() for code in codes}


def test_the_pair_limit_holds_one_person_and_not_the_number() -> None:
    assert read(400, {"error": {"code": 131056}}) == Outcome(Result.RETRY, reason="whatsapp:131056", after_s=6.0)
    assert read(429, {"error": {"code": 130429}}, {"retry-after": "3"}).after_s == 3.0


def test_an_unknown_code_is_judged_by_the_status() -> None:
    assert read(400, {"error": {"code": 999999}}) == Outcome(Result.REJECTED, reason="whatsapp:999999")
    assert read(500, {"error": {"code": 999999}}).result is Result.AMBIGUOUS
    assert read(200, {"messages": []}).result is Result.AMBIGUOUS
