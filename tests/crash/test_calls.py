"""Flows that call, in real processes that are killed and stopped, against a real HTTP server; on SQLite and on Redis."""

import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from aiohttp import web
from crash_rig import Process

from vaiven.stores import open_store
from vaiven.testing import servers
from vaiven.testing.numbers import north_american
from vaiven.testing.provider import FakeProvider

pytestmark = pytest.mark.crash

ME = "+12025550123"
FLOW = """
flow: desk
version: 1
lang: en
starts:
  - keyword: [get]
  - {{keyword: [post], go: post}}
  - {{keyword: [keyed], go: keyed}}
  - {{keyword: [hurry], go: hurry}}
  - {{keyword: [act], go: act}}
params: {{api: "{api}"}}
steps:
  get:
    call: {{get: "{{params.api}}/get"}}
    timeout: 20s
    then: said
    fail: failed
  said: {{end: "Answer {{get.code}}."}}
  post:
    call: {{post: "{{params.api}}/post", json: {{n: 4}}}}
    timeout: 20s
    then: posted
    fail: failed
  posted: {{end: "Answer {{post.code}}."}}
  keyed:
    call: {{post: "{{params.api}}/keyed", json: {{n: 4}}}}
    key: "{{session.id}}:{{session.visit}}"
    timeout: 20s
    then: done
    fail: failed
  done: {{end: "Answer {{keyed.code}}."}}
  hurry:
    call: {{post: "{{params.api}}/hurry"}}
    timeout: 1s
    then: failed
    fail: failed
  act:
    call: desk.ticket
    with: {{text: Hello}}
    timeout: 20s
    then: acted
    fail: failed
  acted: {{end: "Answer {{act.code}}."}}
  failed: {{end: "It failed."}}
"""
ACTIONS = """
from vaiven import action

@action("desk.ticket")
async def ticket(text: str) -> dict[str, str]:
    return {"code": f"{text} T1"}
"""


class Desk:
    """An HTTP server: remembers what it is asked, and answers once it is ``open``."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, str | None]] = []
        self.open = asyncio.Event()
        self.open.set()
        self.url = ""

    async def handle(self, request: web.Request) -> web.Response:
        self.asked.append((request.method, request.path, request.headers.get("Idempotency-Key")))
        await self.open.wait()
        return web.json_response({"code": f"K{len(self.asked)}"})


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    made = Desk()
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", made.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield made
    await runner.cleanup()


@pytest.fixture(scope="module")
def redis():
    with servers.server(appendfsync="everysec") as one:
        yield one


@pytest.fixture(params=["sqlite", "redis"])
def where(request, tmp_path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'crash.db'}"
    server = request.getfixturevalue("redis")
    server.say("FLUSHALL")
    return server.url


@pytest.fixture
async def calls(rig, desk: Desk, where: str) -> AsyncIterator[Callable[..., Awaitable[Any]]]:
    """A bot whose flows call the desk, and a provider that it answers by."""
    async with FakeProvider() as provider, rig.clients() as clients:

        class Calls:
            said = provider.sends
            store = where
            turn = 0

            async def start(self) -> Process:
                # A fault that never happens, for leases that end soon after a kill.
                process = await rig.run(rig.port, "brief:read", ("1000000000",))
                await rig.ready(process)
                return process

            async def say(self, text: str, number: str = ME) -> None:
                self.turn += 1
                assert await clients.deliver(*rig.message(number, self.turn, text))

            async def until(self, holds: Callable[[], bool]) -> None:
                await rig.until(holds, lambda: (len(desk.asked), provider.total))

            async def quiet(self) -> None:
                store = open_store(where, bot="crash-vote", read_only=True)
                await store.open()
                try:
                    # Twice: on Redis an event may pass from the rows to the inbox between two parts of a count.
                    rests = 0
                    for _ in range(600):
                        counts = await store.counts()
                        busy = counts.inbox or {"queued", "dialed", "retry", "held"} & counts.rows.keys()
                        rests = 0 if busy else rests + 1
                        if rests == 2:
                            return
                        await asyncio.sleep(0.05)
                finally:
                    await store.close()
                raise AssertionError(f"not quiet: {counts}")

            @property
            def texts(self) -> list[str]:
                return [send.text for send in provider.sends]

        def make() -> Calls:
            flows = rig.folder / "flows"
            flows.mkdir()
            (flows / "desk.flow.yaml").write_text(FLOW.format(api=desk.url))
            rig.write_bot(where, provider.url, flows, {})
            bot = rig.folder / "bot.yaml"
            bot.write_text(bot.read_text() + 'calls: {allow: ["127.0.0.1"]}\n')
            (rig.folder / "actions.py").write_text(ACTIONS)
            return Calls()

        yield make


async def test_flows_call_and_say_what_they_are_answered(calls, desk: Desk) -> None:
    bot = calls()
    process = await bot.start()
    for word in ("get", "post", "keyed", "act"):
        await bot.say(word)
        await bot.quiet()
    assert bot.texts == ["Answer K1.", "Answer K2.", "Answer K3.", "Answer Hello T1."]
    assert [(method, path) for method, path, _ in desk.asked] == [("GET", "/get"), ("POST", "/post"), ("POST", "/keyed")]
    assert [key is None for *_, key in desk.asked] == [True, True, False]

    desk.open.clear()
    await bot.say("get")
    await bot.until(lambda: len(desk.asked) == 4)
    await bot.say("post")  # held: heard when the call has come to its end, so it starts the flow anew
    await asyncio.sleep(0.2)
    assert (len(bot.texts), len(desk.asked)) == (4, 4)
    desk.open.set()
    await bot.quiet()
    assert bot.texts[4:] == ["Answer K4.", "Answer K5."]

    desk.open.clear()
    await bot.say("hurry", north_american(101))
    await bot.until(lambda: len(desk.asked) == 6)
    await bot.say("post", north_american(102))
    await bot.until(lambda: len(desk.asked) == 7)
    await bot.say("STOP", north_american(102))
    await bot.until(lambda: len(bot.texts) == 8)
    desk.open.set()
    await bot.quiet()
    assert sorted(bot.texts[6:]) == ["It failed.", "You are unsubscribed. Text START to return."]
    assert await process.end(signal.SIGTERM) == 0


@pytest.mark.parametrize(
    ("word", "made", "said"), [("get", 2, "Answer K2."), ("keyed", 2, "Answer K2."), ("post", 1, "It failed.")]
)
async def test_a_bot_that_is_killed_during_a_call(calls, desk: Desk, word: str, made: int, said: str) -> None:
    """What is harmless is made again, under the same key; of the rest nobody knows, and the flow is told so."""
    bot = calls()
    process = await bot.start()
    desk.open.clear()
    await bot.say(word)
    await bot.until(lambda: len(desk.asked) == 1)
    await process.end(signal.SIGKILL)
    desk.open.set()
    await bot.start()
    await bot.until(lambda: len(bot.texts) == 1)
    await bot.quiet()
    assert bot.texts == [said]
    assert len(desk.asked) == made
    assert len({key for *_, key in desk.asked}) == 1


async def test_a_stop_under_load_leaves_no_call_in_doubt(calls, desk: Desk) -> None:
    bot = calls()
    process = await bot.start()
    numbers = [north_american(100 + index) for index in range(60)]
    desk.open.clear()
    talking = asyncio.gather(*(bot.say("post", number) for number in numbers))
    await bot.until(lambda: len(desk.asked) >= 20)
    process.send(signal.SIGTERM)
    await asyncio.sleep(0.3)
    desk.open.set()
    assert await process.ended() == 0
    await bot.start()
    await talking
    await bot.until(lambda: len(bot.texts) == len(numbers))
    await bot.quiet()
    assert len(desk.asked) == len(numbers), "every call was made once"
    assert all(text.startswith("Answer K") for text in bot.texts), "and every answer was heard"
