"""A whole bot in one process, on the memory store: real intake, turns and sender, a listed transport, a clock moved by hand."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from vaiven.channels.contract import ProviderRequest, ProviderResponse, WebhookRequest
from vaiven.channels.registry import make_channel
from vaiven.channels.signing import sign_twilio
from vaiven.flow.load import load_flows
from vaiven.flow.step import BotSpec, FlowSet
from vaiven.model.contacts import ContactState
from vaiven.model.outbox import OutboxRow, RowState
from vaiven.model.urns import Urn
from vaiven.runtime.bot import Bot
from vaiven.runtime.decide import Line
from vaiven.runtime.pacing import Pacing
from vaiven.runtime.transport import Answer
from vaiven.stores.memory import MemoryStore
from vaiven.testing.clock import Clock
from vaiven.testing.webhooks import twilio_fields

ROOT = Path(__file__).parents[2]
PUBLIC = "https://votes.example"
SETTINGS = {
    "type": "twilio",
    "account": "AC00000000000000000000000000000001",
    "token": "secret-token",
    "from": "+12025550100",
    "public_url": PUBLIC,
}
PARAMS = {"opens": "2026-12-05T20:00Z", "closes": "2026-12-05T22:15Z", "max_votes": 3}
DURING_MS = 1_796_504_400_000
"""2026-12-05 21:00 UTC: the poll is open."""


class Wire:
    """A transport that remembers calls. ``answer`` says what comes back; None: nothing does until ``release``."""

    def __init__(self) -> None:
        self.calls: list[ProviderRequest] = []
        self.answer: Callable[[ProviderRequest], Answer | None] = self.accepted
        self.held: list[Callable[[Answer], None]] = []

    def send(self, request: ProviderRequest, done: Callable[[Answer], None]) -> None:
        self.calls.append(request)
        answer = self.answer(request)
        if answer is None:
            self.held.append(done)
        else:
            asyncio.get_running_loop().call_soon(done, answer)

    def accepted(self, _: ProviderRequest) -> Answer:
        return ProviderResponse(201, {}, b'{"sid":"SM%032d","status":"queued"}' % len(self.calls))

    def release(self, answer: Answer) -> None:
        held, self.held = self.held, []
        for done in held:
            done(answer)

    async def close(self) -> None: ...


class Road:
    """The bot, and hands to push things through it."""

    def __init__(
        self,
        store: Any = None,
        pacing: Pacing | None = None,
        flow: str | None = None,
        clock: Clock | None = None,
        owner: str = "test",
        **more: Any,
    ) -> None:
        self.clock = clock or Clock(DURING_MS)
        self.wire = Wire()
        self.store = store or MemoryStore(partitions=4, clock=self.clock.now_ms)
        file = ROOT / "flows/tv_vote/vote.flow.yaml"
        documents, problems = load_flows([(str(file), flow or file.read_text())], PARAMS)
        assert not problems, problems
        flows = FlowSet.build(BotSpec("tv-vote", params=PARAMS), documents)
        lines = {"sms": Line(make_channel("sms", SETTINGS))}
        self.bot = Bot(self.store, lines, flows, self.wire, self.clock.now_ms, owner, {"sms": pacing or Pacing()}, **more)
        self._sent = 0
        self._running: asyncio.Task[None] | None = None

    async def start(self) -> None:
        await self.bot.start()
        self._running = asyncio.create_task(self.bot.run())

    async def stop(self) -> None:
        if self._running is not None:
            await self.bot.stop(1.0)
            await self._running
            await self.bot.close()

    def webhook(self, text: str, number: str = "+12025550123", sid: str | None = None, **extra: str) -> WebhookRequest:
        """A signed inbound SMS."""
        self._sent += 1
        fields = twilio_fields(
            account=SETTINGS["account"], sid=sid or f"SM{self._sent:032d}", sender=number, to="+12025550100", text=text
        )
        return self.post("/hooks/sms", fields | extra)

    def post(self, path: str, fields: dict[str, str], query: str = "") -> WebhookRequest:
        from urllib.parse import urlencode

        url = PUBLIC + path
        signature = sign_twilio(f"{url}?{query}" if query else url, fields, SETTINGS["token"])
        headers = {"content-type": "application/x-www-form-urlencoded", "x-twilio-signature": signature}
        return WebhookRequest("POST", url, headers, urlencode(fields).encode(), query)

    async def say(self, text: str, **more: str) -> None:
        """One webhook in, and everything it causes."""
        await self.bot.intake.receive("sms", self.webhook(text, **more))
        await self.rest()

    async def rest(self) -> None:
        """Until nothing is left to do at this instant."""
        quiet, turns = 0, 0
        while quiet < 5:
            turns += 1
            assert turns < 60_000, "it never comes to rest"
            # A store with a thread of its own takes its time on a busy machine.
            await asyncio.sleep(0 if turns < 5_000 else 0.001)
            busy = len(self.bot.turns.queues) or self.bot.turns.queues.gaps or self.bot.sender.under_way > len(self.wire.held)
            quiet = 0 if busy else quiet + 1

    async def tick(self, seconds: float = 0) -> None:
        """Let time pass: timers and retries fall due."""
        self.clock.advance(s=seconds)
        await self.bot.turns.sweep()
        self.bot.sender.look()
        await self.rest()

    async def rows(self, number: str = "+12025550123") -> list[OutboxRow]:
        return await self.store.rows(Urn(f"tel:{number}"))

    async def states(self, number: str = "+12025550123") -> list[RowState]:
        return [row.state for row in await self.rows(number)]

    async def state(self, number: str = "+12025550123") -> ContactState:
        return (await self.store.load([Urn(f"tel:{number}")]))[0]

    async def said(self, number: str = "+12025550123") -> list[str]:
        return [row.message.text for row in await self.rows(number)]


@pytest.fixture
async def road() -> AsyncIterator[Road]:
    made = Road()
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
def make_road() -> type[Road]:
    return Road
