"""The 24 hours after a person's last message, on every store: inside them flows may say anything, after them only templates."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from vaiven.channels.contract import ProviderRequest, WebhookRequest
from vaiven.channels.registry import make_channel
from vaiven.channels.simulator import answer as simulated
from vaiven.flow.load import load_flows
from vaiven.flow.step import BotSpec, FlowSet
from vaiven.model.contacts import Contact
from vaiven.model.effects import Recorded
from vaiven.model.messages import InboundMessage, MessageKind
from vaiven.model.outbox import OutboxRow, RowState
from vaiven.model.urns import Urn
from vaiven.runtime.bot import Bot
from vaiven.runtime.decide import Line
from vaiven.runtime.pacing import Pacing
from vaiven.runtime.transport import NoResponse
from vaiven.runtime.window import closes_ms, heard
from vaiven.stores import open_store
from vaiven.stores.contract import Store
from vaiven.testing import servers
from vaiven.testing.builders import make_event
from vaiven.testing.clock import Clock

DAY_S = 86_400
ANA, BEA = Urn("whatsapp:12025550123"), Urn("tel:+12025550124")
START_MS = 1_796_504_400_000
FLOW = """
flow: care
version: 1
starts: [{keyword: [hi]}]
steps:
  hello: {ask: "How are you?", as: text, after: {23h: nudge}}
  bye: {end: "Glad to hear."}
  nudge: {say: "Are you still there?", then: rest}
  rest: {wait: 1h, then: late}
  late: {say: "It is late.", then: remind}
  remind: {say: "Your visit is tomorrow.", template: {name: visit, values: [tomorrow]}, then: over}
  over: {end: ""}
"""


class Wire:
    """The phones' provider; what it was asked to show is in ``shown``. ``away``: it cannot be reached."""

    def __init__(self) -> None:
        self.shown: list[ProviderRequest] = []
        self.away = False

    def send(self, request: ProviderRequest, done: Any) -> None:
        if not self.away:
            self.shown.append(request)
        answer = NoResponse(False, "refused") if self.away else simulated(request)
        asyncio.get_running_loop().call_soon(done, answer)

    async def close(self) -> None: ...


class Phones:
    def __init__(self, store: Store, clock: Clock) -> None:
        documents, problems = load_flows([("care.flow.yaml", FLOW)], {})
        assert not problems, problems
        self.clock, self.store, self.wire, self._sent = clock, store, Wire(), 0
        flows = FlowSet.build(BotSpec("care"), documents)
        lines = {"phone": Line(make_channel("phone", {"type": "simulator"}))}
        self.bot = Bot(store, lines, flows, self.wire, clock.now_ms, "test", {"phone": Pacing()})

    async def open(self) -> "Phones":
        await self.bot.start()
        self._running = asyncio.create_task(self.bot.run())
        return self

    async def close(self) -> None:
        await self.bot.stop(1.0)
        await self._running
        await self.bot.close()

    async def says(self, text: str, sender: Urn = ANA) -> None:
        self._sent += 1
        body = b'{"from": "%s", "id": "m%d", "text": "%s"}' % (sender.encode(), self._sent, text.encode())
        await self.bot.intake.take("phone", WebhookRequest("POST", "simulator://phone", {}, body))
        await self.rest(sender)

    async def later(self, seconds: float, sender: Urn = ANA) -> list[OutboxRow]:
        self.clock.advance(s=seconds)
        await self.bot.turns.sweep()
        self.bot.sender.look()
        return await self.rest(sender)

    async def rest(self, sender: Urn) -> list[OutboxRow]:
        """The person's rows, once none of them can go on at this instant."""
        quiet = 0
        async with asyncio.timeout(20):
            while quiet < 20:
                await asyncio.sleep(0.001)
                rows = list(await self.store.rows(sender))
                busy = len(self.bot.turns.queues) or self.bot.turns.queues.gaps or self.bot.sender.under_way
                busy = busy or any(row.state in (RowState.QUEUED, RowState.DIALED) for row in rows)
                quiet = 0 if busy else quiet + 1
        return rows


@pytest.fixture(scope="module")
def redis_url() -> Iterator[str]:
    with servers.server(appendfsync="everysec") as one:
        yield one.url


@pytest.fixture(params=["memory", "sqlite", "redis"])
async def phones(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Phones]:
    clock = Clock(START_MS)
    url = {"memory": "memory://", "sqlite": f"sqlite:///{tmp_path}/care.db"}.get(request.param)
    profile = "redis-fast" if url is None else ""
    url = url or request.getfixturevalue("redis_url")
    name = request.node.name.partition("[")[0]
    one = await Phones(open_store(url, bot=name, profile=profile, clock=clock.now_ms), clock).open()
    yield one
    await one.close()


def told(row: OutboxRow) -> str:
    return row.message.template.name if row.message.template is not None else row.message.text


async def test_text_goes_while_the_window_is_open_and_a_template_after_it(phones: Phones) -> None:
    await phones.says("hi")
    rows = await phones.later(23 * 3600)
    assert [(told(row), row.state) for row in rows] == [
        ("How are you?", RowState.ACCEPTED),
        ("Are you still there?", RowState.ACCEPTED),
    ]
    assert {row.not_after_ms for row in rows} == {START_MS + DAY_S * 1000}
    rows = (await phones.later(3600))[2:]
    assert [(told(row), row.state) for row in rows] == [("It is late.", RowState.EXPIRED), ("visit", RowState.ACCEPTED)]
    assert len(phones.wire.shown) == 3
    (newest,) = [record async for record in phones.store.history(ANA, newest=1)]
    assert [effect.what for effect in newest.effects if isinstance(effect, Recorded)] == ["window_closed"]
    assert phones.bot.counts["recorded", "window_closed"] == 1


async def test_it_is_open_to_the_last_millisecond(phones: Phones) -> None:
    await phones.says("hi")
    await phones.later(23 * 3600)
    phones.clock.advance(ms=3_599_999)
    await phones.says("well")
    assert [row.state for row in await phones.rest(ANA)][-1] is RowState.ACCEPTED
    contact = (await phones.store.load([ANA]))[0].contact
    assert contact.heard == {"phone": START_MS + DAY_S * 1000 - 1}


async def test_a_template_is_its_text_while_the_window_is_open_and_where_there_are_none(phones: Phones) -> None:
    await phones.says("hi", BEA)
    await phones.later(23 * 3600, BEA)
    rows = await phones.later(3600, BEA)
    assert [told(row) for row in rows][-2:] == ["It is late.", "Your visit is tomorrow."]
    assert {row.state for row in rows} == {RowState.ACCEPTED}
    assert (await phones.store.load([BEA]))[0].contact.heard == {}


async def test_a_text_that_could_not_go_in_time_never_goes(phones: Phones) -> None:
    phones.wire.away = True
    await phones.says("hi")
    assert [row.state for row in await phones.store.rows(ANA)] == [RowState.RETRY]
    phones.wire.away = False
    phones.clock.advance(s=DAY_S)
    phones.bot.sender.look()
    async with asyncio.timeout(20):
        while (row := (await phones.store.rows(ANA))[0]).state is RowState.RETRY:
            await asyncio.sleep(0.01)
    assert row.state is RowState.EXPIRED
    assert phones.wire.shown == []


def wrote(kind: MessageKind = MessageKind.TEXT) -> InboundMessage:
    return InboundMessage("m1", ANA, kind=kind)


def test_what_opens_it() -> None:
    can = make_channel("phone", {"type": "simulator"}).capabilities("whatsapp")
    event, stranger = make_event(ANA), Contact(ANA)
    contact = heard(stranger, event, wrote())
    assert closes_ms(contact, event.channel, can) == event.happened_ms + can.window_ms
    assert closes_ms(stranger, event.channel, can) == closes_ms(contact, "other", can) == 0
    for kind in (MessageKind.REACTION, MessageKind.ECHO, MessageKind.SYSTEM, MessageKind.DELETED):
        assert heard(stranger, event, wrote(kind)) == stranger
    earlier = make_event(ANA, at_ms=event.at_ms - 5)
    assert heard(contact, earlier, wrote()) == contact
