"""An office: a served bot with a support flow, agents with tokens, a person who writes, a provider whose answers can be held."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import aiohttp
import pytest

from vaiven.channels.contract import ProviderRequest
from vaiven.channels.registry import make_channel
from vaiven.channels.simulator import answer as simulated
from vaiven.edge.api import Api, access
from vaiven.edge.web import Site
from vaiven.flow.load import load_flows
from vaiven.flow.step import BotSpec, FlowSet
from vaiven.model.events import Event
from vaiven.model.messages import InboundMessage
from vaiven.model.outbox import OutboxRow
from vaiven.model.urns import Urn, partition_of
from vaiven.runtime.bot import Bot
from vaiven.runtime.conversations import id_of
from vaiven.runtime.decide import Line
from vaiven.runtime.tokens import CREATE, SCOPES, change_token, make_token
from vaiven.stores import open_store
from vaiven.testing import servers

SUPPORT = """
flow: support
version: 1
lang: en
starts: [fallback: true]
steps:
  menu:
    ask: "How can we help?"
    choices: {person: {label: A person, go: queue}, joke: {label: A joke, go: joke}}
  joke: {say: "Knock knock.", then: menu}
  queue:
    handoff: {queue: support}
    enter: {say: "A colleague will be with you."}
    commands: {place: {words: [place], say: "You are in line.", back: true}}
    when: {agent.joined: talking}
  talking:
    relay: support
    enter: {say: "You are talking to {agent.name}."}
    when: {agent.closed: bye, agent.returned: menu}
  bye: {end: "Goodbye.", outcome: closed}
"""
ZOE = Urn("tel:+12025550123")
PUBLIC_URL = "https://desk.example/bots"
Answer = tuple[int, Any]


class Provider:
    """Takes everything, at once or, while it is ``holding``, when it is let go."""

    def __init__(self) -> None:
        self.holding = False
        self.held: list[Callable[[], None]] = []

    def send(self, request: ProviderRequest, done: Callable[[Any], None]) -> None:
        def say() -> None:
            done(simulated(request))

        if self.holding:
            self.held.append(say)
        else:
            asyncio.get_running_loop().call_soon(say)

    def let_go(self) -> None:
        self.holding = False
        for say in self.held:
            say()

    async def close(self) -> None: ...


class Office:
    """What tests do with it. Every agent has a token by their name. ``more`` is what else a bot is made with."""

    def __init__(self, url: str, name: str = "shop", owner: str = "office", **more: Any) -> None:
        documents, problems = load_flows([("support.flow.yaml", SUPPORT)], {})
        assert not problems, problems
        self.provider = Provider()
        self.bot = Bot(
            open_store(url, bot=name, profile="local" if url.startswith("sqlite") else "redis-fast"),
            {"phone": Line(make_channel("phone", {"type": "simulator"}))},
            FlowSet.build(BotSpec(name), documents),
            self.provider,
            lambda: time.time_ns() // 1_000_000,
            owner,
            **more,
        )
        self.name = name
        self.tokens: dict[str, str] = {}
        self._keys = self._said = 0

    async def open(self) -> "Office":
        await self.bot.start()
        self._running = asyncio.create_task(self.bot.run())
        self._site = Site(Api(self.bot, public_url=PUBLIC_URL).routes(), "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{await self._site.start()}"
        self.session = aiohttp.ClientSession()
        for agent in ("ana", "bea"):
            await self.hire(agent)
        return self

    async def close(self) -> None:
        await self.session.close()
        await self._site.stop()
        await self.bot.stop(1.0)
        await self._running
        await self.bot.close()

    async def hire(self, agent: str, scopes: tuple[str, ...] = SCOPES) -> str:
        """Make a token for an agent, and give its id."""
        self.tokens[agent], kept = make_token(agent, agent.title(), scopes, self.bot.clock())
        await change_token(self.bot.store, self.name, CREATE, kept, self.bot.clock())
        self.bot.turns.look(range(self.bot.store.partitions))
        await self.until(lambda: self.ask("GET", "/me", agent), lambda answer: answer[0] == 200)
        return str(kept["id"])

    async def until(self, ask: Callable[[], Any], good: Callable[[Any], bool]) -> Any:
        """What ``ask`` gives as soon as it is good."""
        async with asyncio.timeout(15):
            while not good(found := await ask()):
                await asyncio.sleep(0.01)
        return found

    async def says(self, text: str, home: Urn = ZOE, at_ms: int | None = None) -> None:
        """The person writes, and their turn is over."""
        self._said += 1
        now_ms = self.bot.clock()
        event_id = f"phone:m{self._said}"
        message = InboundMessage(f"m{self._said}", home, text=text, provider_ms=at_ms)
        partition = partition_of(home, self.bot.store.partitions)
        await self.bot.intake.store([Event(event_id, home, partition, "phone", now_ms, message)])
        await self.until(lambda: self.turned(home), lambda ids: event_id in ids)

    async def turned(self, home: Urn) -> list[str]:
        return [record.event.id async for record in self.bot.store.history(home, newest=20)]

    async def rows(self, home: Urn = ZOE) -> list[OutboxRow]:
        return [row for row in await self.bot.store.rows(home) if row.channel == "phone"]

    def key(self) -> str:
        self._keys += 1
        return f"key-{self._keys}"

    async def ask(self, method: str, path: str, agent: str = "ana", body: Any = None, **headers: str) -> Answer:
        """A request of an agent's."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if token := self.tokens.get(agent):
            named["Authorization"] = f"Bearer {token}"
        async with self.session.request(method, f"{self.url}/v1{path}", json=body, headers=named) as response:
            return response.status, await response.json(content_type=None)

    async def act(self, agent: str, act: str, body: Any = None, home: Urn = ZOE, **headers: str) -> Answer:
        """An act of an agent's, under a new key unless one is given."""
        headers.setdefault("Idempotency_Key", self.key())
        return await self.ask("POST", f"/conversations/{id_of(home, 'phone')}/{act}", agent, body, **headers)

    async def show(self, home: Urn = ZOE) -> Any:
        status, shown = await self.ask("GET", f"/conversations/{id_of(home, 'phone')}")
        assert status == 200, shown
        return shown

    async def listed(self, query: str = "", agent: str = "ana") -> Any:
        status, page = await self.ask("GET", f"/conversations{query}", agent)
        assert status == 200, page
        return page["conversations"]

    async def handed_over(self, home: Urn = ZOE, at_ms: int | None = None) -> None:
        """The person waits in the queue."""
        await self.says("hello", home, at_ms)
        await self.says("1", home, at_ms)
        await self.until(self.listed, lambda found: any(one["person"] == home for one in found))


@pytest.fixture(autouse=True)
def fresh_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    """A new token counts at once: an office would stand and wait for its first agents."""
    monkeypatch.setattr(access, "FRESH_MS", 0)


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    with servers.server(appendfsync="everysec") as one:
        yield one.url


@pytest.fixture(params=["sqlite", "redis"])
def store_url(request: pytest.FixtureRequest, tmp_path: Any) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'shop.db'}"
    return str(request.getfixturevalue("redis_url"))


@pytest.fixture
async def office(store_url: str, request: pytest.FixtureRequest) -> AsyncIterator[Office]:
    name = "shop" + "".join(sign for sign in request.node.name.lower() if sign.isalnum())[-40:]
    made = await Office(store_url, name[:40]).open()
    yield made
    await made.close()


@pytest.fixture
def make_office() -> type[Office]:
    return Office
