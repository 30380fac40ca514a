"""The support bot as it is, with its inbox and phones, and people on both sides of it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from vaiven.channels.contract import ProviderResponse
from vaiven.edge.console import Console, inbox
from vaiven.edge.serve import assemble, people_side
from vaiven.edge.settings import load_settings
from vaiven.edge.web import Site
from vaiven.model.events import Event
from vaiven.model.messages import InboundMessage
from vaiven.model.urns import Identity, Urn, partition_of
from vaiven.runtime.conversations import id_of
from vaiven.runtime.tokens import CREATE, SCOPES, change_token, make_token

ROOT = Path(__file__).parents[3]
ALWAYS = {"support": {"mon-sun": "00:00-24:00"}}


class Nowhere:
    """There is no provider outside."""

    def send(self, request: Any, done: Callable[[Any], None]) -> None:
        done(ProviderResponse(500, {}, b""))

    async def close(self) -> None: ...


class Office:
    """A served bot. Agents have tokens by their names; people write by the intake, as a webhook's message does."""

    def __init__(self, folder: Path, db: Path) -> None:
        overrides = {"store": f"sqlite:///{db}", "hours": ALWAYS, "channels": {"sms": None}}
        self.settings = load_settings(folder, overrides, {"PUBLIC_URL": "http://127.0.0.1"})
        self.bot = assemble(self.settings, Nowhere())
        self.tokens: dict[str, str] = {}
        self._said = 0

    async def open(self) -> "Office":
        await self.bot.start()
        self._running = asyncio.create_task(self.bot.run())
        self.console = Console(self.bot)
        self.base = f"http://127.0.0.1:{await self.serve()}"
        for agent in ("ana", "bea"):
            await self.hire(agent)
        return self

    async def serve(self, port: int = 0) -> int:
        self._site = Site([*self.console.routes(), *people_side(self.bot, self.settings)], "127.0.0.1", port)
        self.bot.ready = True
        return await self._site.start()

    async def unserve(self) -> None:
        self.bot.ready = False  # whoever follows what happens is let go
        await self._site.stop()

    async def close(self) -> None:
        await self.unserve()
        await self.bot.stop(1.0)
        await self._running
        await self.bot.close()

    async def hire(self, agent: str, scopes: tuple[str, ...] = SCOPES, name: str = "") -> None:
        self.tokens[agent], kept = make_token(agent, name or agent.title(), scopes, self.bot.clock())
        await change_token(self.bot.store, self.settings.bot, CREATE, kept, self.bot.clock())
        self.bot.turns.look(range(self.bot.store.partitions))

    def url(self, agent: str) -> str:
        """The inbox, signed in."""
        return inbox.address(self.base, self.tokens[agent])

    def id(self, home: str) -> str:
        return id_of(home, "phone")

    async def writes(self, home: str, *texts: str, at_ms: int | None = None) -> None:
        """A person writes these, one after the other, each once its turn is over."""
        address = Urn(home)
        person = await self.home(home)
        for text in texts:
            self._said += 1
            event_id = f"phone:m{self._said}"
            message = InboundMessage(f"m{self._said}", address, text=text, provider_ms=at_ms)
            partition = partition_of(person, self.bot.store.partitions)
            await self.bot.intake.store([Event(event_id, person, partition, "phone", self.bot.clock(), message)])
            await self.until(lambda: self.turned(person), lambda ids, wanted=event_id: wanted in ids)

    async def waits(self, home: str) -> None:
        """Somebody asks for a person, and waits."""
        await self.writes(home, "support", "person")

    async def home(self, address: str) -> Urn:
        (home,) = await self.bot.store.identify([Identity(Urn(address))])
        return home

    async def turned(self, home: Urn) -> list[str]:
        return [record.event.id async for record in self.bot.store.history(home, newest=20)]

    async def said(self, home: str) -> list[str]:
        """What was said to them, oldest first."""
        return [row.message.text for row in await self.bot.store.rows(Urn(home)) if row.channel == "phone"]

    async def until(self, ask: Callable[[], Any], good: Callable[[Any], bool]) -> Any:
        async with asyncio.timeout(15):
            while not good(found := await ask()):
                await asyncio.sleep(0.01)
        return found


@pytest.fixture
def bot_folder() -> Path:
    return ROOT / "bots/support"


@pytest.fixture
async def office(bot_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Office]:
    monkeypatch.setenv("SUPPORT_DESK", str(tmp_path / "desk.db"))
    made = await Office(bot_folder, tmp_path / "support.db").open()
    yield made
    await made.close()


class Inbox:
    """The page in a browser, as an agent has it before them."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.complaints: list[str] = []
        self.requests: list[str] = []
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("dialog", lambda dialog: self.complaints.append(f"dialog: {dialog.message}"))
        page.on("console", self._heard)
        self.events: list[str] = []
        page.on("websocket", lambda socket: socket.on("framereceived", lambda told: self.events.append(told)))

    def _heard(self, said: Any) -> None:
        # A refusal that the page shows in its own words is an error to the browser all the same.
        expected = ("Failed to load resource", "WebSocket connection to")
        if said.type in ("error", "warning") and not any(each in said.text for each in expected):
            self.complaints.append(said.text)

    def row(self, name: str) -> Any:
        return self.page.locator(".row", has_text=name)

    async def choose(self, name: str) -> None:
        await self.row(name).click()
        await self.page.locator(".talk-name", has_text=name).wait_for()

    async def press(self, name: str) -> None:
        await self.page.get_by_role("button", name=name, exact=True).click()

    async def shows(self, place: str, text: str) -> None:
        await self.page.locator(place, has_text=text).first.wait_for()

    async def follows(self) -> None:
        """Until the server tells this page what happens."""
        async with asyncio.timeout(10):
            while not self.events:
                await asyncio.sleep(0.01)

    async def titled(self, title: str) -> None:
        from playwright.async_api import expect

        await expect(self.page).to_have_title(title)

    async def wrote(self) -> None:
        """What was typed has gone out."""
        from playwright.async_api import expect

        await expect(self.page.locator("#words")).to_have_value("")

    async def replies(self, text: str) -> None:
        await self.page.get_by_label("Reply").last.fill(text)
        await self.page.keyboard.press("Control+Enter")


@pytest.fixture
async def browse(tab: Any) -> Callable[[], Any]:
    """Opens another tab of the same browser: each has a sessionStorage of its own."""
    tab.page.context.set_default_timeout(10_000)

    async def another(url: str) -> Inbox:
        found = Inbox(await tab.page.context.new_page())
        await found.page.goto(url)
        return found

    return another
