"""Phones of our own."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vaiven.channels.contract import Channel, ProviderRequest, ProviderResponse, Result, WebhookRequest
from vaiven.channels.messenger import MESSENGER
from vaiven.channels.registry import make_channel
from vaiven.channels.simulator import answer
from vaiven.channels.twilio import SMS
from vaiven.channels.whatsapp import WHATSAPP
from vaiven.model.errors import SignatureMismatch, Unreadable
from vaiven.model.messages import Choice, InboundMessage, Location, Media, MessageClass, MessageKind, OutboundMessage
from vaiven.model.outbox import OutboxRow
from vaiven.model.urns import Urn
from vaiven.testing.channels import ChannelContract

ADA = Urn("tel:+12025550143")


def post(body: bytes) -> WebhookRequest:
    return WebhookRequest("POST", "http://127.0.0.1/console/phones", {"content-type": "application/json"}, body)


def got(body: bytes) -> InboundMessage:
    (one,) = make_channel("phone", {"type": "simulator"}).parse(post(body))
    assert isinstance(one, InboundMessage)
    return one


class TestContract(ChannelContract):
    to = ADA
    has_webhook = False

    def make(self) -> Channel:
        return make_channel("phone", {"type": "simulator"})

    def signed(self) -> list[WebhookRequest]:
        return [post(b'{"from":"tel:+12025550143","id":"p1","text":"vote 3"}')]

    def accepted(self) -> ProviderResponse:
        return answer(self.make().build(self.row(OutboundMessage("hi"))))


def test_what_a_phone_sends() -> None:
    assert got(b'{"from":"tel:+12025550143","id":"p1","text":"vote 3"}') == InboundMessage("p1", ADA, text="vote 3")
    tapped = got(b'{"from":"whatsapp:447700900123","id":"p2","choice":{"id":"a","title":"A","origin":"sim-1"}}')
    assert (tapped.kind, tapped.choice, tapped.text, tapped.reply_to) == (
        MessageKind.CHOICE,
        Choice("a", "A", "sim-1"),
        "A",
        "sim-1",
    )
    shown = got(b'{"from":"messenger:7001","id":"p3","media":[{"mime":"image/png","url":"/a.png"}]}')
    assert (shown.kind, shown.media) == (MessageKind.MEDIA, (Media("image/png", "/a.png"),))
    there = got(b'{"from":"messenger:7001","id":"p4","location":{"latitude":1.5,"longitude":2}}')
    assert (there.kind, there.location) == (MessageKind.LOCATION, Location(1.5, 2.0))


def test_without_an_id_the_body_makes_one() -> None:
    first, again, other = (got(b'{"from":"tel:+12025550143","text":"%d"}' % n).id for n in (1, 1, 2))
    assert first == again != other


@pytest.mark.parametrize(
    "told",
    [
        "tel:12",
        "tel:",
        "",
        "carrier:pigeon",
        "res:slots",
        "channel:x/1",
        "whatsapp:a b",
        "messenger:" + "7" * 200,
        "messenger:\u202e1",
    ],
)
def test_an_address_that_no_phone_has_is_unreadable(told: str) -> None:
    with pytest.raises(Unreadable):
        got(b'{"from":"%s","text":"x"}' % told.encode())


def test_nothing_proves_a_webhook() -> None:
    with pytest.raises(SignatureMismatch):
        make_channel("phone", {"type": "simulator"}).verify(post(b"{}"))


def test_the_address_picks_the_skin() -> None:
    channel = make_channel("phone", {"type": "simulator"})
    skins = [channel.capabilities(scheme) for scheme in ("tel", "whatsapp", "messenger", "short")]
    assert skins == [SMS, WHATSAPP, MESSENGER, SMS]


def test_a_message_is_taken_in_process_under_an_id_of_its_row() -> None:
    channel = make_channel("phone", {"type": "simulator"})
    sent = OutboxRow(7, 4097, ADA, "phone", "simulator", ADA, OutboundMessage("hi"), MessageClass.REPLY, 0)
    outcomes = [channel.read(answer(channel.build(sent))) for _ in range(2)]
    assert [(one.result, one.provider_id) for one in outcomes] == [(Result.ACCEPTED, "sim-phone-7.4097")] * 2
    assert channel.read(answer(ProviderRequest("POST", "simulator://phone/messages", (), b"{"))).result is Result.REJECTED


@given(st.binary(max_size=100))
def test_any_bytes_are_read_or_unreadable(body: bytes) -> None:
    try:
        make_channel("phone", {"type": "simulator"}).parse(post(body))
    except Unreadable:
        return
