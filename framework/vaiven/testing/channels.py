"""The contract of a channel as a test suite. Subclass it for a channel of your own; pytest does the rest.

class TestPigeonPost(ChannelContract):
    to = Urn("pigeon:7")

    def make(self):
        return PigeonPost("birds", {"loft": "7", "secret": "s"})

    def signed(self):
        return [post(b'{"from": "7", "id": "p1", "text": "hi"}')]

    def accepted(self):
        return ProviderResponse(200, {}, b'{"id": "p2"}')
"""

from collections.abc import Sequence
from contextlib import suppress
from urllib.parse import urlsplit

import msgspec
import pytest

from vaiven.channels.contract import Channel, Inbound, ProviderResponse, Result, WebhookRequest
from vaiven.model.errors import SignatureMismatch, Unreadable, UnsupportedFeature
from vaiven.model.messages import InboundMessage, Layout, Media, MessageClass, Option, OutboundMessage
from vaiven.model.outbox import OutboxRow
from vaiven.model.receipts import DeliveryReceipt
from vaiven.model.urns import Urn, scheme_of

HOSTILE = (
    b"",
    b"\x00",
    b"\xff\xfe\xfa",
    b"[" * 100_000,
    b'{"a":' * 100_000,
    b"9" * 100_000,
    b'{"entry":' + b"9" * 100_000 + b"}",
    b"NaN",
    b"null",
    b"[]",
    b"{}",
    b'"\\ud800"',
    b'{"a":1,"a":2}',
    b"&".join(b"k%d=v" % i for i in range(10_000)),
    b"=&=&%&%%&%zz=%C3%28",
    b"<xml/>",
)
"""Bodies that are not what anybody documented."""


class ChannelContract:
    """What every channel promises. Give ``make``, ``signed``, ``accepted`` and ``to``; a channel without a webhook says so."""

    to: Urn
    """An address of a person on this channel."""
    has_webhook = True

    def make(self) -> Channel:
        """A channel, made anew at each call."""
        raise AssertionError("give your channel: def make(self)")

    def signed(self) -> Sequence[WebhookRequest]:
        """Requests as the provider posts them, rightly signed. Without a webhook: what ``parse`` takes."""
        raise AssertionError("give requests that your provider would post: def signed(self)")

    def accepted(self) -> ProviderResponse:
        """The provider's answer when it takes a message."""
        raise AssertionError("give the answer to a message that was taken: def accepted(self)")

    # -- in ------------------------------------------------------------------------------------------------------------

    def test_what_the_provider_signed_is_let_in(self) -> None:
        for request in self.signed() if self.has_webhook else ():
            self.make().verify(request)

    def test_what_nobody_signed_is_refused(self) -> None:
        for request in self.signed():
            bare = {name: value for name, value in request.headers.items() if name in ("content-type", "host")}
            with pytest.raises(SignatureMismatch):
                self.make().verify(msgspec.structs.replace(request, headers=bare))

    def test_one_flipped_bit_of_the_body_is_refused(self) -> None:
        for request in self.signed():
            for at in range(0, len(request.body), max(1, len(request.body) // 50)):
                body = bytearray(request.body)
                body[at] ^= 1
                with pytest.raises(SignatureMismatch):
                    self.make().verify(msgspec.structs.replace(request, body=bytes(body)))

    def test_one_changed_character_of_a_header_is_refused(self) -> None:
        for request in self.signed():
            for name in request.headers.keys() - {"content-type", "host"}:
                value = request.headers[name]
                for changed in (value[:-1], value + "0", "", "ü" + value, ("1" if value[:1] != "1" else "2") + value[1:]):
                    with pytest.raises(SignatureMismatch):
                        self.make().verify(msgspec.structs.replace(request, headers={**request.headers, name: changed}))

    def test_a_hostile_body_is_refused_unsigned_and_never_breaks_parse(self) -> None:
        for request in self.signed():
            for body in HOSTILE:
                hostile = msgspec.structs.replace(request, body=body)
                if body != request.body:
                    with pytest.raises(SignatureMismatch):
                        self.make().verify(hostile)
                try:
                    found = self.make().parse(hostile)
                except Unreadable:
                    continue
                assert all(isinstance(one, Inbound) for one in found)

    def test_parse_is_the_same_however_often_and_whoever_asks(self) -> None:
        for request in self.signed():
            channel = self.make()
            first = channel.parse(request)
            assert list(channel.parse(request)) == list(first) == list(self.make().parse(request))
            assert first

    def test_what_is_parsed_can_be_kept(self) -> None:
        for request in self.signed():
            for one in self.make().parse(request):
                kept = msgspec.msgpack.encode(one)
                assert msgspec.msgpack.decode(kept, type=type(one)) == one
                if isinstance(one, InboundMessage):
                    assert one.id
                    assert scheme_of(one.sender)
                    assert one.sender not in one.also
                if isinstance(one, DeliveryReceipt):
                    assert one.provider_id or one.reference or one.watermark_ms is not None

    def test_a_handshake_is_refused_or_there_is_none(self) -> None:
        asked = WebhookRequest("GET", "https://bot.example/hooks/x?a=b", {}, b"", "a=b")
        with suppress(SignatureMismatch):
            assert self.make().handshake(asked) is None

    # -- out -----------------------------------------------------------------------------------------------------------

    def test_text_becomes_a_complete_request(self) -> None:
        row = self.row(OutboundMessage("Grüße, 😀 & “more” = 100%"))
        request = self.make().build(row)
        assert request == self.make().build(row)
        assert request.method.isupper()
        assert urlsplit(request.url).netloc
        assert all(name and "\n" not in name + value for name, value in request.headers)
        assert request.body

    def test_our_reference_goes_out_where_it_comes_back(self) -> None:
        row = self.row(OutboundMessage("hi"))
        if self.make().capabilities(scheme_of(row.to)).carries_reference:
            assert row.reference.encode() in self.make().build(row).body

    def test_every_layout_it_offers_can_be_said(self) -> None:
        can = self.make().capabilities(scheme_of(self.to))
        sizes = {
            Layout.TEXT: (2, can.button_title),
            Layout.BUTTONS: (can.buttons, can.button_title),
            Layout.LIST: (can.list_rows, can.list_title),
            Layout.QUICK_REPLIES: (can.quick_replies, can.quick_reply_title),
        }
        for layout, (count, width) in sizes.items():
            options = tuple(Option(f"id-{at}", str(at).ljust(width, "x")) for at in range(count))
            if not options:
                continue
            body = self.make().build(self.row(OutboundMessage("Which?", options, layout, "Choose"))).body
            assert layout is Layout.TEXT or all(option.id.encode() in body for option in options)

    def test_what_cannot_be_said_is_refused_by_name(self) -> None:
        files = (Media("audio/ogg", ref="r1"), Media("image/png", url="https://files.example/a.png"))
        for layout in Layout:
            for media in ((), files[:1], files[1:], files):
                try:
                    self.make().build(self.row(OutboundMessage("x", (Option("a", "A"),), layout, "Choose", media)))
                except UnsupportedFeature:
                    continue

    def test_an_address_of_another_kind_is_refused(self) -> None:
        with pytest.raises(UnsupportedFeature):
            self.make().build(msgspec.structs.replace(self.row(OutboundMessage("x")), to=Urn("nowhere:1")))

    def test_a_taken_message_is_accepted_with_its_id(self) -> None:
        outcome = self.make().read(self.accepted())
        assert outcome.result is Result.ACCEPTED
        assert outcome.provider_id

    def test_any_other_answer_has_an_outcome_and_a_reason(self) -> None:
        for status in (200, 201, 204, 301, 400, 401, 403, 404, 408, 409, 413, 422, 429, 500, 502, 503, 504):
            for body in HOSTILE:
                outcome = self.make().read(ProviderResponse(status, {}, body))
                assert outcome.result is not Result.ACCEPTED
                assert outcome.reason
                if status < 300 or status >= 500:
                    assert outcome.result is Result.AMBIGUOUS
                if status == 429:
                    assert outcome.result is Result.THROTTLED

    def test_the_wait_that_is_asked_for_is_told(self) -> None:
        assert self.make().read(ProviderResponse(429, {"retry-after": "7"}, b"")).after_s == 7.0
        turned_away = self.make().read(ProviderResponse(503, {"retry-after": "7"}, b""))
        assert (turned_away.result, turned_away.after_s) == (Result.RETRY, 7.0)

    # -- helpers -------------------------------------------------------------------------------------------------------

    def row(self, message: OutboundMessage) -> OutboxRow:
        """A row to ``to``."""
        channel = self.make()
        return OutboxRow(7, 4097, self.to, channel.name, channel.sender, self.to, message, MessageClass.REPLY, 0)
