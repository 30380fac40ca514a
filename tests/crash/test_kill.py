"""Ten thousand signed votes, some sent twice and some at the same time, through a server that is killed on the way.

Judged from outside: by what the clients were told, what the provider saw, and the history that the store keeps.
"""

import asyncio
import random
import signal
from collections import Counter, defaultdict

import aiohttp
import msgspec
import pytest

from vaiven.model.effects import Tally
from vaiven.model.events import Event
from vaiven.model.messages import InboundMessage, MessageClass
from vaiven.model.outbox import OutboxRow, RowState
from vaiven.model.turns import TurnRecord
from vaiven.model.urns import Urn
from vaiven.stores import open_store
from vaiven.testing import webhooks
from vaiven.testing.numbers import north_american
from vaiven.testing.provider import Send

ACCOUNT = "AC00000000000000000000000000000001"
TOKEN = "fake-twilio-token"
CONTACTS = 1_000
VOTES = 10
KILLS = (2_000, 4_500, 7_000)
RULES_EVERY = 25
CONNECTIONS = 100
"""Calls that the sender may have under way: no more rows can be left unknown by a kill."""


class Viewers:
    """Clients who send each message until it is acknowledged, in order, as a provider that retries would."""

    def __init__(self, url: str, seed: int) -> None:
        self.url = f"{url}/hooks/sms"
        self.random = random.Random(seed)
        self.acked: dict[str, list[str]] = defaultdict(list)
        self.count = 0
        self.posted = Counter[str]()
        self.refused = Counter[object]()
        self.progress = asyncio.Condition()

    async def viewer(self, session: aiohttp.ClientSession, number: str, at_once: asyncio.Semaphore) -> None:
        for turn in range(VOTES):
            sid = f"SM{number[1:]:0>24}{turn:08d}"
            rules = self.random.randrange(RULES_EVERY) == 0
            text = "RULES" if rules else self.random.choice(["1", "vote 2", "cleo"])
            if turn == 0:
                text = "vote 2"
            webhook = webhooks.twilio_message(
                self.url, TOKEN, account=ACCOUNT, sid=sid, sender=number, to="+12025550100", text=text
            )
            copies = self.random.choices([1, 2, 3], [80, 10, 10])[0]
            async with at_once:
                if copies == 3:  # at the same time
                    await asyncio.gather(self.post(session, sid, webhook), self.post(session, sid, webhook))
                else:
                    for _ in range(copies):
                        await self.post(session, sid, webhook)
            self.acked[number].append(sid)

    async def post(self, session: aiohttp.ClientSession, sid: str, webhook: webhooks.Webhook) -> None:
        while True:
            self.posted[sid] += 1
            try:
                async with session.post(self.url, data=webhook.body, headers=webhook.headers) as response:
                    if response.status == 200:
                        break
                    self.refused[response.status] += 1
            except (aiohttp.ClientError, ConnectionError) as error:
                self.refused[type(error).__name__] += 1
            await asyncio.sleep(0.05)
        async with self.progress:
            self.count += 1
            self.progress.notify_all()

    async def reached(self, count: int) -> None:
        async with self.progress:
            await self.progress.wait_for(lambda: self.count >= count)


@pytest.mark.crash
async def test_every_acknowledged_vote_counts_once_through_kills(rig) -> None:
    rig.settle_bot(await rig.provider(latency_s=0.02), hold="2s")
    bot = await rig.bot()
    viewers = Viewers(rig.url, seed=20261122)
    numbers = [north_american(100 + index) for index in range(CONTACTS)]
    at_once = asyncio.Semaphore(64)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        crowd = asyncio.gather(*(viewers.viewer(session, number, at_once) for number in numbers))
        for kill in KILLS:
            await viewers.reached(kill)
            await bot.end(signal.SIGKILL)
            bot = await rig.bot()
        await crowd
        await quiet(session, rig.url)
    assert await bot.end(signal.SIGTERM) == 0

    store = open_store(f"sqlite:///{rig.db}", read_only=True)
    await store.open()
    try:
        records = [record async for record in store.history()]
        rows = [row for number in numbers for row in await store.rows(Urn(f"tel:{number}"))]
        totals = await store.totals("final")
        counts = await store.counts()
    finally:
        await store.close()
    sends = [msgspec.json.decode(line, type=Send) for line in rig.log.read_bytes().splitlines()]

    assert counts.inbox == 0
    assert counts.dead == 0
    judge_history(viewers, records, {(t.option, t.outcome): t.count for t in totals})
    judge_replies(records, rows, sends)
    # A run in which too little went wrong proves nothing.
    assert sum(viewers.posted.values()) > CONTACTS * VOTES * 1.2
    assert sum(viewers.refused.values()) > len(KILLS)


async def quiet(session: aiohttp.ClientSession, url: str) -> None:
    """Wait until nothing is left to do: liveness after the last fault."""
    for _ in range(300):
        async with session.get(f"{url}/metrics") as response:
            text = await response.text()
        values = dict(line.rsplit(" ", 1) for line in text.splitlines() if line and not line.startswith("#"))
        active = ["queued", "claimed", "dialed", "retry", "held"]
        left = [values["vaiven_inbox_waiting"], *(values.get(f'vaiven_outbox_rows{{state="{s}"}}', "0") for s in active)]
        if all(float(value) == 0 for value in left):
            return
        await asyncio.sleep(0.1)
    raise AssertionError(f"not quiet 30 s after the last fault: {left}")


def judge_history(viewers: Viewers, records: list[TurnRecord], totals: dict[tuple[str, str], int]) -> None:
    """Each acknowledged message is exactly one turn; a contact's turns are in the order sent, their versions without gaps."""
    turns: dict[str, list[TurnRecord]] = defaultdict(list)
    for record in records:
        if isinstance(record.event.body, InboundMessage):
            turns[record.event.home].append(record)
    for number, sids in viewers.acked.items():
        mine = sorted(turns[f"tel:{number}"], key=lambda record: record.version)
        assert [message_id(record.event) for record in mine] == sids
        assert [record.version for record in mine] == list(range(1, len(mine) + 1))
        assert [record.number for record in mine] == sorted(record.number for record in mine)
    cast = Counter(effect.option for record in records for effect in record.effects if isinstance(effect, Tally))
    assert {("anna", "counted"), ("bea", "counted"), ("cleo", "counted")} == set(totals)
    assert {option: count for (option, _), count in totals.items()} == cast
    votes = sum(1 for record in records if any(isinstance(effect, Tally) for effect in record.effects))
    assert sum(totals.values()) == votes
    assert votes > CONTACTS * VOTES * 0.9


def message_id(event: Event) -> str:
    assert isinstance(event.body, InboundMessage)
    return event.body.id


def judge_replies(records: list[TurnRecord], rows: list[OutboxRow], sends: list[Send]) -> None:
    """Every reply reached the provider as often as its class allows; what nobody knows is listed: no more than was dialed."""
    turns = sum(1 for record in records if isinstance(record.event.body, InboundMessage))
    assert len(rows) == turns
    seen = Counter(send.reference for send in sends if send.sent)
    assert set(seen) <= {row.reference for row in rows}
    bounds = {MessageClass.RECEIPT: 1, MessageClass.REPLY: 2}
    for row in rows:
        assert seen[row.reference] <= bounds[row.message_class], row.reference
        if row.state is RowState.ACCEPTED:
            assert seen[row.reference] >= 1, row.reference
    unknown = [row for row in rows if row.state is not RowState.ACCEPTED]
    assert {row.state for row in unknown} <= {RowState.UNKNOWN}
    assert len(unknown) <= CONNECTIONS * len(KILLS)
    assert unknown, "no call was under way at any kill: the run proves nothing about them"
