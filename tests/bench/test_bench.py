"""The bench measures what it says it measures. No test here knows how fast anything is."""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from vaiven.testing import webhooks
from vaiven.testing.provider import Accounts, FakeProvider

HERE = Path(__file__).parent
FRAMEWORK = HERE.parents[1] / "framework"


def bench(*arguments):
    command = [sys.executable, str(HERE / "run.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


class Bot:
    """A bot in this process: answers ``status`` and sends ``replies`` to the provider for each webhook."""

    def __init__(self, provider_url, status=200, replies=("Vote 1 counted.",)):
        self.provider_url, self.status, self.replies, self.seen = provider_url, status, replies, 0

    async def __aenter__(self):
        self.client = aiohttp.ClientSession()
        self.runner = web.ServerRunner(web.Server(self.serve))
        await self.runner.setup()
        await web.TCPSite(self.runner, "127.0.0.1", 0).start()
        self.port = self.runner.addresses[0][1]
        return self

    async def __aexit__(self, *exc):
        await self.client.close()
        await self.runner.cleanup()

    async def serve(self, request):
        form, self.seen = await request.post(), self.seen + 1
        for reply in self.replies:
            body = {"From": form["To"], "To": form["From"], "Body": reply}
            await (await self.client.post(self.provider_url, data=body)).read()
        return web.Response(status=self.status)


@pytest.fixture
async def drive(module):
    """A function that drives a bot with some contacts and tells what it came to."""
    load, traffic = module("load"), module("traffic")
    sink = load.Sink()
    url = await sink.start()

    async def run(contacts=20, replies=True, every_s=None, script=traffic.VOTES[:3], **how):
        async with Bot(url, **how) as bot:
            sink.drive = load.Drive(traffic.talks(contacts, script), replies=replies, deadline_s=20)
            return await sink.drive.run(bot.port, in_flight=5, every_s=every_s), bot

    yield run
    sink.close()


async def test_every_turn_of_every_contact_is_driven_and_timed(drive):
    result, bot = await drive()
    assert (result.turns, bot.seen, result.errors) == (60, 60, {})
    assert len(result.acks) == len(result.replies) == 60
    assert all(time > 0 for time in result.acks + result.replies)


async def test_a_steady_rate_begins_talks_by_the_clock(drive):
    result, bot = await drive(contacts=10, every_s=0.005, script=(("1", b"counted"),))
    assert (result.turns, bot.seen, result.errors) == (10, 10, {})
    assert result.wall_s >= 0.045


async def test_without_replies_a_turn_is_its_answer(drive):
    result, _ = await drive(replies=False, status=200)
    assert (result.turns, len(result.acks), result.replies, result.errors) == (60, 60, [], {})


async def test_a_refusal_is_an_error_and_ends_the_talk(drive):
    result, bot = await drive(status=403, replies=False)
    assert (result.turns, bot.seen, result.errors) == (0, 20, {"status 403": 20})


@pytest.fixture
def traffic(module):
    return module("traffic")


@pytest.mark.parametrize(
    ("replies", "errors"),
    [(("Sorry, no such act.",), {"wrong reply": 60}), (("Vote 1 counted.",) * 2, {"unasked reply": 60})],
)
async def test_replies_that_do_not_fit_are_told(module, replies, errors):
    load, traffic = module("load"), module("traffic")
    sink = load.Sink()
    async with Bot(await sink.start(), replies=replies) as bot:
        sink.drive = load.Drive(traffic.talks(20, traffic.VOTES[:3]), replies=True, deadline_s=20)
        result = await sink.drive.run(bot.port, in_flight=5)
    sink.close()
    assert (result.turns, result.errors) == (60, errors)


def test_no_contact_and_no_message_comes_twice(traffic):
    made = list(traffic.talks(500, traffic.BOOKING))
    assert len({talk.contact for talk in made}) == 500
    assert len({request for talk in made for request in talk.requests}) == 2500


def test_ratios_are_taken_within_a_round(module):
    report = module("report")

    def measured(bot, number, cpu_us):
        return report.Measured("W1", bot, number, 100, 1.0, cpu_us, 0.0, 0.0, 0.0, 50.0, 1.0, 2.0, None, None)

    rounds = [measured("hand", 0, 400.0), measured("vaiven", 0, 100.0), measured("hand", 1, 800.0), measured("vaiven", 1, 200.0)]
    hand, vaiven = report.summary([*rounds, measured("hand", 2, 600.0), measured("vaiven", 2, 300.0)])
    assert (hand["ratio"], vaiven["ratio"], vaiven["cpu_us"]) == (1.0, 4.0, 200.0)
    assert (vaiven["least"], vaiven["most"]) == (pytest.approx(3333.3, abs=0.1), 10_000.0)
    assert report.percentile([0.001, 0.002, 0.003], 0.5) == 2.0
    assert report.percentile([], 0.5) is None


def test_a_short_bench_of_the_baselines(tmp_path):
    out = tmp_path / "bench.json"
    done = bench("--targets", "hand,hand-accept,bare", "--rounds", "1", "--count", "50", "--json", str(out))
    assert done.returncode == 0, done.stderr
    rows = {(row["work"], row["bot"]): row for row in json.loads(out.read_text())["summary"]}
    assert set(rows) == {("W1", "hand"), ("W2", "hand"), ("W3", "bare"), ("W3", "hand-accept"), ("light", "hand")}
    assert {row["turns"] for row in rows.values()} == {50}
    assert all(row["errors"] == {} and row["rss_mb"] > 0 for row in rows.values())
    assert "turns/CPU-s" in done.stdout


def test_a_server_that_does_not_start_is_named_with_what_it_said():
    done = bench(
        "--works", "W1", "--targets", "vaiven", "--rounds", "1", "--vaiven", "{python} -c 'raise SystemExit(\"no such bot\")'"
    )
    assert done.returncode == 1
    assert "not measured: W1 vaiven: ended with 1\nno such bot" in done.stderr


async def test_the_hand_written_bot_checks_signatures_and_counts_a_message_once(module, tmp_path):
    servers, accounts, public = module("servers"), Accounts(), "https://bench.example"
    port = servers.free_port()

    def vote(token):
        url, account = f"{public}/hooks/sms", accounts.twilio_account
        return webhooks.twilio_message(
            url, token, account=account, sid="SM" + "1" * 32, sender="+12025550143", to="+12025550100", text="VOTE 2"
        )

    async def post(client, webhook):
        async with client.post(f"http://127.0.0.1:{port}/hooks/sms", data=webhook.body, headers=dict(webhook.headers)) as answer:
            return answer.status

    (tmp_path / "bot").mkdir()
    async with FakeProvider(accounts=accounts) as provider, aiohttp.ClientSession() as client:
        with servers.redis_server(tmp_path) as redis:
            env = {
                "PROVIDER_URL": provider.url,
                "PUBLIC_URL": public,
                "TWILIO_ACCOUNT_SID": accounts.twilio_account,
                "TWILIO_AUTH_TOKEN": accounts.twilio_token,
                "REDIS_URL": f"redis://127.0.0.1:{redis.port}/0",
                "PYTHONPATH": os.pathsep.join(sys.path),
            }
            with servers.running([sys.executable, str(HERE / "hand_bot.py"), str(port)], port, env, tmp_path / "bot"):
                statuses = [await post(client, vote(token)) for token in ("wrong", accounts.twilio_token, accounts.twilio_token)]
                await provider.wait_for(1)
        assert statuses == [403, 200, 200]
        assert [send.text for send in provider.sends] == ["Vote 1 for Bea & Tom counted."]


async def test_what_is_started_is_ended_even_on_errors(module, tmp_path):
    servers = module("servers")
    port = servers.free_port()
    command = [sys.executable, str(HERE / "bare.py"), str(port)]

    def fails_under_load():
        with servers.running(command, port, {}, tmp_path) as server:
            assert server.peak_rss_mb() > 0
            raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError, match="in the middle"):
        fails_under_load()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port)
