"""The door on the street over real HTTP: what hostile, broken and hurried senders get."""

import asyncio
import contextlib
import gc
import gzip
import io
import json
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlencode

import aiohttp
import pytest

from vaiven.channels.contract import ProviderResponse
from vaiven.channels.registry import make_channel
from vaiven.channels.signing import sign_meta, sign_twilio
from vaiven.edge import street as shortcuts
from vaiven.edge import web
from vaiven.edge.web import Door, Site
from vaiven.flow.load import load_flows
from vaiven.flow.step import BotSpec, FlowSet
from vaiven.model.errors import StoreUnavailable
from vaiven.runtime.bot import Bot
from vaiven.runtime.decide import Line
from vaiven.stores.memory import MemoryStore
from vaiven.testing.clock import Clock
from vaiven.testing.webhooks import twilio_fields

ROOT = Path(__file__).parents[2]
PUBLIC = "https://votes.example"
TOKEN = "secret-token"
SECRET = "app-secret"
ACCOUNT = "AC00000000000000000000000000000001"
TWILIO = {"type": "twilio", "account": ACCOUNT, "token": TOKEN, "from": "+12025550100", "public_url": PUBLIC}
WHATSAPP = {
    "type": "whatsapp-cloud",
    "number_id": "290000000000002",
    "token": "bearer",
    "app_secret": SECRET,
    "verify_token": "handshake",
    "public_url": PUBLIC,
}
PARAMS = {"opens": "2020-01-01T00:00Z", "closes": "2090-01-01T00:00Z", "max_votes": 3}
TWIML = b'<?xml version="1.0" encoding="UTF-8"?><Response/>'
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
JSON = {"Content-Type": "application/json"}


class Quiet:
    """A provider that takes everything."""

    def send(self, request, done) -> None:
        asyncio.get_running_loop().call_soon(done, ProviderResponse(201, {}, b'{"sid":"SM1"}'))

    async def close(self) -> None: ...


class Street:
    """A served bot and a client in front of it."""

    def __init__(self, bot: Bot, url: str, session: aiohttp.ClientSession) -> None:
        self.bot, self.url, self.session = bot, url, session
        self.sent = 0

    async def post(self, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
        async with self.session.post(self.url + path, data=body, headers=headers) as response:
            return response.status, await response.read()

    async def twilio(self, fields: dict[str, str], **headers: str) -> tuple[int, bytes]:
        signature = sign_twilio(f"{PUBLIC}/hooks/sms", fields, TOKEN)
        return await self.post("/hooks/sms", urlencode(fields).encode(), {**FORM, "X-Twilio-Signature": signature, **headers})

    async def meta(self, body: bytes, **headers: str) -> tuple[int, bytes]:
        return await self.post("/hooks/whatsapp", body, {**JSON, "X-Hub-Signature-256": sign_meta(body, SECRET), **headers})

    def vote(self, text: str = "vote 1") -> dict[str, str]:
        self.sent += 1
        return twilio_fields(account=ACCOUNT, sid=f"SM{self.sent:032d}", sender="+12025550123", to="+12025550100", text=text)

    async def good(self) -> None:
        """Good traffic is unharmed."""
        assert (await self.twilio(self.vote()))[0] == 200

    async def stored(self) -> int:
        return (await self.bot.store.counts()).inbox + len([record async for record in self.bot.store.history()])


async def hang_up(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()


@pytest.fixture(params=["short", "aiohttp"], autouse=True)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both ways that a webhook may take answer the same."""
    assert shortcuts.fits(), "this aiohttp has no short way: see docs/decisions/0004"
    if request.param == "aiohttp":
        monkeypatch.setattr(shortcuts, "fits", lambda: False)
    return str(request.param)


@pytest.fixture
async def street() -> AsyncIterator[Street]:
    clock = Clock()
    file = ROOT / "flows/tv_vote/vote.flow.yaml"
    documents, _ = load_flows([(str(file), file.read_text())], PARAMS)
    flows = FlowSet.build(BotSpec("tv-vote", params=PARAMS), documents)
    lines = {"sms": Line(make_channel("sms", TWILIO)), "whatsapp": Line(make_channel("whatsapp", WHATSAPP))}
    bot = Bot(MemoryStore(partitions=4, clock=clock.now_ms), lines, flows, Quiet(), clock.now_ms, "test")
    await bot.start()
    running = asyncio.create_task(bot.run())
    site = Site(Door(bot, PUBLIC).routes(), "127.0.0.1", 0)
    port = await site.start()
    async with aiohttp.ClientSession() as session:
        yield Street(bot, f"http://127.0.0.1:{port}", session)
    await site.stop()
    await bot.stop(1)
    await running
    await bot.close()


async def test_a_signed_webhook_is_answered_empty(street) -> None:
    assert await street.twilio(street.vote()) == (200, b'<?xml version="1.0" encoding="UTF-8"?><Response/>')


FORBIDDEN = [
    ("/hooks/sms", b"", FORM),
    ("/hooks/sms", b"Body=x", FORM),
    ("/hooks/sms", b"Body=x", {**FORM, "X-Twilio-Signature": "AAAA"}),
    ("/hooks/sms", b"Body=x", {**FORM, "X-Twilio-Signature": "\u00e9" * 40}),
    ("/hooks/sms", gzip.compress(b"a" * 10_000_000), {**FORM, "Content-Encoding": "gzip"}),
    ("/hooks/sms", b"&".join(b"a%d=1" % n for n in range(10_000)), FORM),
    ("/hooks/sms", b"\xff\xfe\x00", FORM),
    ("/hooks/sms", b"Body=x", {"Content-Type": "application/json"}),
    ("/hooks/whatsapp", b"{}", JSON),
    ("/hooks/whatsapp", b"[" * 100_000, JSON),
    ("/hooks/whatsapp", b'{"a":' + b"9" * 100_000 + b"}", JSON),
    ("/hooks/whatsapp", b"{}", {**JSON, "X-Hub-Signature-256": "sha256=00"}),
    ("/hooks/whatsapp", b"{}", {**JSON, "X-Hub-Signature-256": "md5=00"}),
]


@pytest.mark.parametrize(("path", "body", "headers"), FORBIDDEN)
async def test_whatever_is_not_signed_gets_one_constant_answer(street, path, body, headers) -> None:
    assert await street.post(path, body, headers) == (403, web.FORBIDDEN)
    assert await street.stored() == 0
    await street.good()


async def test_a_hostile_host_changes_nothing(street) -> None:
    fields = street.vote()
    assert (await street.twilio(fields, Host="evil.example"))[0] == 200
    evil = sign_twilio("https://evil.example/hooks/sms", fields, TOKEN)
    body = urlencode(fields).encode()
    headers = {**FORM, "Host": "evil.example", "X-Forwarded-Host": "evil.example", "X-Twilio-Signature": evil}
    assert (await street.post("/hooks/sms", body, headers))[0] == 403


UNREADABLE = [
    b"",
    b"[" * 100_000,
    b'{"a":' * 50_000,
    b'{"entry":' + b"9" * 100_000 + b"}",
    b'{"entry": NaN}',
    b'{"object":"whatsapp_business_account","entry":"\xff\xfe"}',
    b'{"object":"page","object":"whatsapp_business_account","entry":[]}',
    b'{"object":"whatsapp_business_account","entry":[{"changes":[{"field":"messages","value":"\\ud800"}]}]}',
    b"\x00" * 100,
    b"<xml/>",
]


@pytest.mark.parametrize("body", UNREADABLE)
async def test_signed_and_unreadable_is_answered_200_and_kept(street, body) -> None:
    before = await street.stored()
    assert (await street.meta(body))[0] == 200
    assert await street.stored() >= before
    await street.good()


async def test_signed_rubbish_is_kept_word_for_word(street) -> None:
    assert (await street.meta(b"{not json"))[0] == 200
    async with asyncio.timeout(60):
        while not (records := [record async for record in street.bot.store.history()]):
            await asyncio.sleep(0.001)
    assert records[0].event.body.raw == b"{not json"


async def test_a_body_over_the_limit_is_refused_by_its_length_and_by_what_comes(street) -> None:
    too_long = {**FORM, "Content-Length": str(web.BODY_LIMIT_BYTES + 1)}
    assert (await street.post("/hooks/sms", io.BytesIO(b"x" * (web.BODY_LIMIT_BYTES + 1)), too_long))[0] == 413

    async def endless():
        for _ in range(8):
            yield b"x" * (1024 * 1024)

    async with street.session.post(f"{street.url}/hooks/sms", data=endless(), headers=FORM) as response:
        assert response.status == 413
    await street.good()


async def test_a_slow_body_is_told_so(street, monkeypatch) -> None:
    monkeypatch.setattr(web, "BODY_S", 0.05)
    reader, writer = await asyncio.open_connection("127.0.0.1", int(street.url.rsplit(":", 1)[1]))
    writer.write(b"POST /hooks/sms HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nBody")
    async with asyncio.timeout(60):
        assert b" 408 " in await reader.readline()
    await hang_up(writer)
    await street.good()


async def test_half_sent_headers_are_held_only_so_long(street, monkeypatch) -> None:
    monkeypatch.setattr(web, "HEADERS_S", 0.1)
    monkeypatch.setattr(web, "SWEEP_S", 0.02)
    site = Site(Door(street.bot, PUBLIC).routes(), "127.0.0.1", 0)
    port = await site.start()
    connections = [await asyncio.open_connection("127.0.0.1", port) for _ in range(50)]
    for _, writer in connections:
        writer.write(b"POST /hooks/sms HTTP/1.1\r\nHost: x\r\nX-Slow: ")
    async with asyncio.timeout(60):
        for reader, _ in connections:
            assert await reader.read() == b""
    for _, writer in connections:
        await hang_up(writer)
    await site.stop()


async def test_a_store_that_is_down_is_503_with_when_to_come_again(street) -> None:
    async def down(_events: object) -> None:
        raise StoreUnavailable("the disk is full")

    accept, street.bot.store.accept = street.bot.store.accept, down
    fields = street.vote()
    signature = sign_twilio(f"{PUBLIC}/hooks/sms", fields, TOKEN)
    headers = {**FORM, "X-Twilio-Signature": signature}
    async with street.session.post(f"{street.url}/hooks/sms", data=urlencode(fields), headers=headers) as response:
        assert (response.status, response.headers["Retry-After"]) == (503, "5")
        assert b"disk" not in await response.read()
    street.bot.store.accept = accept
    await street.good()


async def test_the_handshake_gives_the_challenge_only_for_the_right_token(street) -> None:
    url = f"{street.url}/hooks/whatsapp?hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token="
    async with street.session.get(url + "handshake") as response:
        assert (response.status, await response.text()) == (200, "1158201444")
        assert response.content_type == "text/plain"
    async with street.session.get(url + "wrong") as response:
        assert (response.status, await response.read()) == (403, web.FORBIDDEN)


async def test_other_paths_and_methods(street) -> None:
    for method, path, status in [
        ("POST", "/hooks/nobody", 404),
        ("PUT", "/hooks/sms", 405),
        ("GET", "/", 404),
        ("GET", "/health/live", 200),
        ("GET", "/health/ready", 200),
    ]:
        async with street.session.request(method, street.url + path) as response:
            assert response.status == status, path
            assert b"Traceback" not in await response.read()


async def test_readiness_goes_before_the_bot_does(street) -> None:
    street.bot.ready = False
    async with street.session.get(f"{street.url}/health/ready") as response:
        assert response.status == 503
    await street.good()


async def test_metrics_count_what_happened(street) -> None:
    await street.good()
    await street.post("/hooks/sms", b"", FORM)
    async with street.session.get(f"{street.url}/metrics") as response:
        text = await response.text()
    assert 'vaiven_accepted_total{channel="sms"} 1' in text
    assert 'vaiven_refused_total{channel="sms",reason="signature"} 1' in text


async def test_logs_never_carry_words_or_whole_numbers(street, caplog) -> None:
    caplog.set_level(logging.DEBUG)
    fields = street.vote("canary-words")
    await street.twilio(fields)
    await street.post("/hooks/sms", urlencode(fields).encode(), FORM)
    await street.meta(json.dumps({"canary-words": "+12025550123"}).encode())
    text = caplog.text
    assert "webhook refused" in text
    assert "canary-words" not in text
    assert "2025550123" not in text
    assert TOKEN not in text


async def test_who_waits_for_100_continue_is_told_to_go_on(street) -> None:
    fields = street.vote()
    body = urlencode(fields).encode()
    signature = sign_twilio(f"{PUBLIC}/hooks/sms", fields, TOKEN)
    reader, writer = await asyncio.open_connection("127.0.0.1", int(street.url.rsplit(":", 1)[1]))
    head = f"POST /hooks/sms HTTP/1.1\r\nHost: x\r\nContent-Type: {FORM['Content-Type']}\r\nExpect: 100-continue\r\n"
    writer.write(f"{head}X-Twilio-Signature: {signature}\r\nContent-Length: {len(body)}\r\n\r\n".encode())
    async with asyncio.timeout(60):
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(body)
        assert (await reader.readline()).startswith(b"HTTP/1.1 200")
    await hang_up(writer)


@pytest.mark.parametrize(
    ("version", "connection", "closes"),
    [("1.1", "keep-alive", False), ("1.1", "close", True), ("1.0", "close", True), ("1.0", "keep-alive", False)],
)
async def test_connections_stay_or_close_as_the_client_asks(street, version, connection, closes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", int(street.url.rsplit(":", 1)[1]))
    for _ in range(1 if closes else 2):
        fields = street.vote()
        body = urlencode(fields).encode()
        signature = sign_twilio(f"{PUBLIC}/hooks/sms", fields, TOKEN)
        head = (
            f"POST /hooks/sms HTTP/{version}\r\nHost: x\r\nConnection: {connection}\r\nContent-Type: {FORM['Content-Type']}\r\n"
        )
        writer.write(f"{head}X-Twilio-Signature: {signature}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
        async with asyncio.timeout(60):
            answer = await reader.readuntil(b"\r\n\r\n")
            assert b" 200 OK\r\n" in answer
            assert b"\r\nDate: " in answer
            assert await reader.readexactly(len(TWIML)) == TWIML
        if closes:
            assert await reader.read() == b""
    await hang_up(writer)


async def test_bytes_that_are_no_text_in_a_signed_query_are_no_500(street) -> None:
    query = "MessageSid=SM1&From=%2B12025550123&Body="
    signature = sign_twilio(f"{PUBLIC}/hooks/sms?{query}??", {}, TOKEN)  # what such bytes become at the door
    reader, writer = await asyncio.open_connection("127.0.0.1", int(street.url.rsplit(":", 1)[1]))
    head = f" HTTP/1.1\r\nHost: x\r\nX-Twilio-Signature: {signature}\r\n\r\n"
    writer.write(f"GET /hooks/sms?{query}".encode() + b"\xff\xfe" + head.encode())
    async with asyncio.timeout(60):
        # aiohttp's compiled parser refuses the line itself; its pure one would let it through to us.
        assert int((await reader.readline()).split()[1]) in (200, 400)
    await hang_up(writer)
    await street.good()


async def test_a_body_that_is_cut_off_leaves_nothing_and_harms_nobody(street, caplog) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", int(street.url.rsplit(":", 1)[1]))
    writer.write(b"POST /hooks/sms HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nBody")
    await writer.drain()
    await asyncio.sleep(0.02)
    await hang_up(writer)
    await street.good()
    assert "Traceback" not in caplog.text
    assert reader.at_eof() or await reader.read() == b""


async def test_bodies_that_are_cut_off_keep_no_memory(street) -> None:
    gc.collect()
    gc.disable()
    try:
        for _ in range(10):
            _, writer = await asyncio.open_connection("127.0.0.1", int(street.url.rsplit(":", 1)[1]))
            writer.write(b"POST /hooks/sms HTTP/1.1\r\nHost: x\r\nContent-Length: 900000\r\n\r\n" + b"x" * 100_000)
            await writer.drain()
            await asyncio.sleep(0.02)
            await hang_up(writer)
        await street.good()
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.collect()
        kept = sum(len(piece) for one in gc.garbage if isinstance(one, list) for piece in one if isinstance(piece, bytes))
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()
    assert kept < 100_000


async def test_while_it_stops_connections_are_closed_with_an_answer(street) -> None:
    fields = street.vote()
    signature = sign_twilio(f"{PUBLIC}/hooks/sms", fields, TOKEN)
    headers = {**FORM, "X-Twilio-Signature": signature}
    for ready in (True, False):
        street.bot.ready = ready
        async with street.session.post(f"{street.url}/hooks/sms", data=urlencode(fields).encode(), headers=headers) as response:
            assert response.status == 200
            assert (response.headers.get("Connection") == "close") is not ready


def raw(street: Street) -> bytes:
    """A signed webhook as bytes, on a connection that stays open."""
    fields = street.vote()
    body = urlencode(fields).encode()
    head = f"POST /hooks/sms HTTP/1.1\r\nHost: x\r\nContent-Type: {FORM['Content-Type']}\r\nContent-Length: {len(body)}\r\n"
    return f"{head}X-Twilio-Signature: {sign_twilio(f'{PUBLIC}/hooks/sms', fields, TOKEN)}\r\n\r\n".encode() + body


async def dialed(street: Street) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection("127.0.0.1", int(street.url.rsplit(":", 1)[1]))


async def test_requests_that_come_in_one_piece_are_answered_in_order(street: Street) -> None:
    reader, writer = await dialed(street)
    other = b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n"
    writer.write(raw(street) + raw(street) + other + raw(street))
    answers = [await reader.readuntil(b"\r\n\r\n") for _ in range(1)]
    rest = b""
    while rest.count(b"HTTP/1.1 200 OK") < 3:
        rest += await reader.read(4096)
    assert answers[0].startswith(b"HTTP/1.1 200 OK")
    assert rest.index(b'{"live": true}') < rest.rindex(b"HTTP/1.1 200 OK")
    assert await street.stored() >= 3
    await hang_up(writer)


async def test_a_connection_that_is_idle_after_a_webhook_is_closed(street: Street, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web, "IDLE_S", 0.2)
    site = Site(Door(street.bot, PUBLIC).routes(), "127.0.0.1", 0)
    port = await site.start()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(raw(street))
    async with asyncio.timeout(10):
        assert (await reader.readuntil(TWIML)).startswith(b"HTTP/1.1 200 OK")
        assert await reader.read() == b""
    await hang_up(writer)
    await site.stop()


async def test_who_sends_and_never_reads_is_not_listened_to_for_ever(street: Street, way: str) -> None:
    reader, writer = await dialed(street)
    request = raw(street) * 100
    taken = 0
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(20):
            for _ in range(2_000):
                writer.write(request)
                async with asyncio.timeout(2):
                    await writer.drain()
                taken += 100
    assert way == "aiohttp" or taken < 200_000
    await street.good()
    writer.transport.abort()
    del reader
