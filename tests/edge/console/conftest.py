"""A console over real HTTP, in front of a real bot on a clock that is moved by hand."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp
import pytest

from vaiven.channels.contract import ProviderResponse
from vaiven.channels.registry import make_channel
from vaiven.channels.simulator import answer
from vaiven.edge.console import Console
from vaiven.edge.http import InProcess
from vaiven.edge.web import Site
from vaiven.flow.load import load_flows
from vaiven.flow.step import BotSpec, FlowSet
from vaiven.runtime.bot import Bot
from vaiven.runtime.decide import Line
from vaiven.stores.memory import MemoryStore
from vaiven.testing.clock import Clock

ROOT = Path(__file__).parents[3]
PARAMS = {"opens": "2020-01-01T00:00Z", "closes": "2090-01-01T00:00Z", "max_votes": 3}
TOKEN = "start-up-token"
DESK = """\
flow: desk
version: 1
lang: en
starts:
  - keyword: [desk]
vars:
  guest: {type: text, pii: true}
  topic: {type: text, default: general}
  home_town: {type: text, scope: contact, pii: true}
  diet: {type: text, scope: contact}
steps:
  about: {set: {topic: "'dates'"}}
  who: {ask: "Who are you?", as: text, save: guest}
  town: {ask: "From where?", as: text, save: home_town}
  eats: {ask: "What do you eat?", as: text, save: diet}
  day:
    ask: "Which day?"
    choices:
      mon: {label: Monday}
      tue: {label: Tuesday}
      wed: {label: Wednesday}
      thu: {label: Thursday}
      fri: {label: Friday}
    after: {1h: bye}
  bye: {end: "Goodbye."}
"""


class Nowhere:
    """There is no provider outside."""

    def send(self, request, done) -> None:
        done(ProviderResponse(500, {}, b""))

    async def close(self) -> None: ...


class Desk:
    """A served console and somebody in front of it."""

    def __init__(self, bot: Bot, console: Console, clock: Clock, port: int, session: aiohttp.ClientSession) -> None:
        self.bot, self.console, self.clock, self.session = bot, console, clock, session
        self.host = f"127.0.0.1:{port}"
        self.url = f"http://{self.host}"

    async def get(self, path: str, **headers: str) -> tuple[int, Any]:
        async with self.session.get(self.url + path, headers=headers, allow_redirects=False) as response:
            return response.status, json.loads(await response.read() or b"null")

    async def post(self, address: str, message: object, **changes: str | None) -> tuple[int, Any]:
        """``changes`` are headers with _ for -, None to leave one out."""
        headers: dict[str, str | None] = {"Origin": self.url, "X-Vaiven-Token": TOKEN, "Content-Type": "application/json"}
        headers |= {name.replace("_", "-"): value for name, value in changes.items()}
        data = message if isinstance(message, bytes) else json.dumps(message).encode()
        sent = {name: value for name, value in headers.items() if value is not None}
        url = f"{self.url}/console/phones/{quote(address, safe='')}/messages"
        async with self.session.post(url, data=data, headers=sent, skip_auto_headers=["Content-Type"]) as response:
            return response.status, json.loads(await response.read())

    async def phone(self, address: str) -> Any:
        status, seen = await self.get(f"/console/phones/{quote(address, safe='')}.json")
        assert status == 200
        return seen

    async def say(self, address: str, message: object) -> Any:
        """Type it, and wait until its turn is done and what it says is sent."""
        status, accepted = await self.post(address, message)
        assert status == 202
        (event,) = accepted["accepted"]
        return await self.until(lambda: self.phone(address), lambda seen: _is_done(seen, event["number"]))

    async def until(self, read: Callable[[], Any], holds: Callable[[Any], bool]) -> Any:
        async with asyncio.timeout(60):
            while not holds(seen := await read()):
                continue
        return seen


def _is_done(seen: Any, number: int) -> bool:
    done = any(turn["number"] == number for turn in seen["turns"])
    return done and all(m["state"] == "accepted" for m in seen["messages"] if m["direction"] == "out")


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    clock = Clock()
    vote = ROOT / "flows/tv_vote/vote.flow.yaml"
    documents, problems = load_flows([(str(vote), vote.read_text()), ("desk.flow.yaml", DESK)], PARAMS)
    assert not [str(problem) for problem in problems if problem.is_error]
    flows = FlowSet.build(BotSpec("tv-vote", params=PARAMS), documents)
    lines = {"phone": Line(make_channel("phone", {"type": "simulator"}))}
    bot = Bot(
        MemoryStore(partitions=4, clock=clock.now_ms),
        lines,
        flows,
        InProcess("simulator", answer, Nowhere()),
        clock.now_ms,
        "test",
    )
    await bot.start()
    running = asyncio.create_task(bot.run())
    console = Console(bot, token=TOKEN)
    site = Site(console.routes(), "127.0.0.1", 0)
    port = await site.start()
    async with aiohttp.ClientSession() as session:
        yield Desk(bot, console, clock, port, session)
    await site.stop()
    await bot.stop(1)
    await running
    await bot.close()
