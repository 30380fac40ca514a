"""The simulated crowd: who writes, what, how often, and what it says of itself afterwards."""

import asyncio
from collections import Counter
from urllib.parse import parse_qs

import msgspec
import pytest
from aiohttp import web

from vaiven.channels.signing import sign_meta, sign_twilio
from vaiven.testing import numbers
from vaiven.testing.crowd import Crowd, TwilioLine, Viewers, WhatsAppLine, due

SMS, WA = TwilioLine(token="t0ken"), WhatsAppLine(secret="s3cret")
PUBLIC = "https://bot.example"


def some(count, *, seed=1, lines=(SMS, WA), contacts=50, run="00000000000000ff"):
    viewers = Viewers(PUBLIC, lines, contacts, seed, run=run)
    return [viewers.next(1_795_305_600.5) for _ in range(count)]


class Server:
    """A bot that answers as it is told and keeps what came."""

    def __init__(self, status=200, gate=None):
        self.status, self.gate, self.requests = status, gate, []

    async def __aenter__(self):
        self.runner = web.ServerRunner(web.Server(self.serve))
        await self.runner.setup()
        await web.TCPSite(self.runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self.runner.addresses[0][1]}"
        self.enough = asyncio.Event()
        return self

    async def __aexit__(self, *exc):
        await self.runner.cleanup()

    async def serve(self, request):
        self.requests.append((request.path, dict(request.headers), await request.read()))
        if len(self.requests) >= 40:
            self.enough.set()
        if self.gate is not None:
            await self.gate.wait()
        return web.Response(status=self.status)


def test_the_same_seed_is_the_same_crowd():
    assert some(200) == some(200)
    assert [post.text for post in some(200)] != [post.text for post in some(200, seed=2)]


def test_sms_are_signed_as_twilio_signs():
    for post in some(50, lines=[SMS]):
        fields = {name: value for name, [value] in parse_qs(post.webhook.body.decode(), keep_blank_values=True).items()}
        assert dict(post.webhook.headers)["X-Twilio-Signature"] == sign_twilio(f"{PUBLIC}/hooks/sms", fields, "t0ken")
        assert (post.path, fields["Body"], fields["From"], fields["MessageSid"]) == (
            "/hooks/sms",
            post.text,
            post.viewer.number,
            post.id,
        )
        assert len(fields) == 19


def test_whatsapp_is_signed_as_meta_signs():
    for post in some(50, lines=[WA]):
        assert dict(post.webhook.headers)["X-Hub-Signature-256"] == sign_meta(post.webhook.body, "s3cret")
        [entry] = msgspec.json.decode(post.webhook.body)["entry"]
        [message] = entry["changes"][0]["value"]["messages"]
        assert (message["from"], message["text"]["body"]) == (post.viewer.number[1:], post.text)


def test_most_vote_and_all_that_people_do_happens():
    kinds = Counter(post.kind for post in some(5000))
    assert set(kinds) == {"vote", "typo", "bare", "rules", "noise", "stop", "start"}
    assert kinds["vote"] > 4000


def test_only_who_stopped_starts_again():
    stopped = Counter()
    for post in some(5000):
        stopped[post.viewer] += {"stop": 1, "start": -1}.get(post.kind, 0)
        assert stopped[post.viewer] >= 0


def test_no_message_has_the_id_of_another_even_of_another_run():
    ids = [post.id for post in some(300, run=None)] + [post.id for post in some(300, run=None)]
    assert len(set(ids)) == 600


def test_everyone_has_a_number_of_their_own_and_the_first_hundred_are_left_alone():
    viewers = Viewers(PUBLIC, [SMS, WA], 10_000, 0).viewers
    people = [viewer.number for viewer in viewers]
    assert len(set(people)) == 10_000
    assert not any(number.startswith(("+1202555", "+4477009000")) for number in people)
    assert {type(viewer.line) for viewer in viewers} == {TwilioLine, WhatsAppLine}


def test_a_crowd_greater_than_the_numbers_is_refused():
    with pytest.raises(ValueError, match="not for 1000000"):
        Viewers(PUBLIC, [SMS], 1_000_000, 0)
    with pytest.raises(ValueError, match="at least one line"):
        Viewers(PUBLIC, [], 1, 0)


def test_numbers_are_fictitious_and_distinct():
    american = [numbers.north_american(index) for index in range(numbers.NORTH_AMERICAN)]
    british = [numbers.british_mobile(index) for index in range(numbers.BRITISH_MOBILE)]
    assert len(set(american)) == len(american) > 60_000
    assert american[:2] == ["+12025550100", "+12025550101"]
    assert all(number[5:10] == "55501" and len(number) == 12 for number in american)
    assert not any(number[3] == number[4] for number in american)  # 211, 800, 900: no areas
    assert (british[0], british[-1], len(set(british))) == ("+447700900000", "+447700900999", 1000)
    for beyond in (
        lambda: numbers.north_american(len(american)),
        lambda: numbers.british_mobile(1000),
        lambda: numbers.north_american(-1),
    ):
        with pytest.raises(IndexError):
            beyond()


def test_the_rate_comes_in_waves_and_keeps_its_mean():
    assert due(0, 50) == 0
    assert due(400, 50) == pytest.approx(400 * 50)
    a_second = [due(second + 1, 50) - due(second, 50) for second in range(40)]
    assert max(a_second) > 75
    assert 0 < min(a_second) < 25


async def test_it_posts_until_stopped_and_counts_what_was_acknowledged():
    async with Server() as server:
        crowd, stop = Crowd(server.url, PUBLIC, [SMS, WA], rate_per_s=2000, contacts=20, seed=3), asyncio.Event()
        running = asyncio.create_task(crowd.run(stop))
        async with asyncio.timeout(60):
            await server.enough.wait()
            stop.set()
            await running
        assert crowd.stats.posted == crowd.stats.acked == len(server.requests) >= 40
        assert {path for path, _, _ in server.requests} == {"/hooks/sms", "/hooks/whatsapp"}
        assert crowd.stats.ack_ms(0.5) <= crowd.stats.ack_ms(0.99)


async def test_a_crowd_that_is_delivered_twice_sends_each_webhook_as_it_was():
    async with Server() as server:
        crowd, stop = Crowd(server.url, PUBLIC, [SMS], rate_per_s=2000, contacts=20, seed=3, twice=1.0), asyncio.Event()
        running = asyncio.create_task(crowd.run(stop))
        async with asyncio.timeout(60):
            await server.enough.wait()
            stop.set()
            await running
        assert set(Counter(body for _, _, body in server.requests).values()) == {2}


async def test_refusals_failures_and_what_came_too_late_are_told_apart():
    async with Server(status=503) as server:
        crowd, stop = Crowd(server.url, PUBLIC, [SMS], rate_per_s=2000, contacts=20), asyncio.Event()
        running = asyncio.create_task(crowd.run(stop))
        async with asyncio.timeout(60):
            await server.enough.wait()
            stop.set()
            await running
        assert (crowd.stats.acked, crowd.stats.ack_ms(0.5)) == (0, None)
        assert crowd.stats.statuses == {503: crowd.stats.posted}
    down = Crowd(server.url, PUBLIC, [SMS], rate_per_s=2000, contacts=20)
    down._queue.put_nowait(some(1, lines=[SMS])[0])
    stop.set()
    await down.run(stop)
    assert (down.stats.posted, sum(down.stats.failed.values())) == (1, 1)


async def test_a_server_that_does_not_keep_up_is_not_waited_for():
    gate = asyncio.Event()
    async with Server(gate=gate) as server:
        crowd, stop = Crowd(server.url, PUBLIC, [SMS], rate_per_s=5000, contacts=20, connections=2), asyncio.Event()
        running = asyncio.create_task(crowd.run(stop))
        async with asyncio.timeout(60):
            while not crowd.stats.skipped:
                await asyncio.sleep(0.01)
            stop.set()
            gate.set()
            await running
        assert crowd.stats.posted == crowd.stats.acked
