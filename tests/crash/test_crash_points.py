"""A bot dies at each step of the road in turn. What then is so, and what is so after a restart, stands in the table."""

import asyncio
import re
import signal
from dataclasses import dataclass

import pytest

from vaiven.model.messages import InboundMessage
from vaiven.testing.judge import judge
from vaiven.testing.provider import FakeProvider, slow

NUMBER = "+12025550101"
DIED = 86
LATENCY_S = 0.3
LONG_S = 5.0


@dataclass(frozen=True)
class Point:
    """``acked``: whether the client was told (None: either). ``stored``, ``turned``, ``row``, ``seen``: what is so at the crash,
    of the fatal message. ``receipt`` and ``reply``: how such a row ends, and how often it was at the provider. A message is
    accepted and turned in one commit, or ``apart:`` in two.
    """

    acked: bool | None
    stored: bool
    turned: bool
    row: str | None
    seen: int
    receipt: str = "accepted 1"
    reply: str = "accepted 1"


POINTS = {
    "together:read": Point(False, False, False, None, 0),
    "apart:accept-before": Point(False, False, False, None, 0),
    "apart:accept-after": Point(False, True, False, None, 0),
    "apart:stored": Point(False, True, False, None, 0),
    "apart:acknowledged": Point(True, True, False, None, 0),
    "apart:decided": Point(None, True, False, None, 0),
    "apart:turn-before": Point(None, True, False, None, 0),
    "apart:turn-after": Point(None, True, True, "dialed", 0, "unknown 0", "accepted 1"),
    "together:decided": Point(False, False, False, None, 0),
    "together:turn-before": Point(False, False, False, None, 0),
    "together:turn-after": Point(False, True, True, "dialed", 0, "unknown 0", "accepted 1"),
    "together:undialed": Point(False, True, True, "dialed", 0, "unknown 0", "accepted 1"),
    "together:dialed": Point(True, True, True, "dialed", 1, "unknown 1", "accepted 2"),
    "together:answered": Point(True, True, True, "dialed", 1, "unknown 1", "accepted 2"),
    "together:settle-before": Point(True, True, True, "dialed", 1, "unknown 1", "accepted 2"),
    "together:settle-after": Point(True, True, True, "accepted", 1),
}
BY_CLASS = [name for name, point in POINTS.items() if point.receipt != point.reply]


@pytest.mark.crash
@pytest.mark.parametrize(("name", "kind"), [(name, "receipt") for name in POINTS] + [(name, "reply") for name in BY_CLASS])
async def test_a_bot_that_dies_here_goes_on(rig, name, kind) -> None:
    point = POINTS[name]
    async with FakeProvider(answer=slow(LONG_S if name == "together:dialed" else 0)) as provider, rig.clients() as clients:
        rig.settle_bot(provider.url)
        bot = await rig.bot(name, "1")
        message = rig.message(NUMBER, 0, "vote 2" if kind == "receipt" else "vote")
        telling = asyncio.create_task(clients.deliver(*message))
        assert await bot.ended() == DIED, "the failpoint was not passed"
        assert rig.fired.exists()
        await rig.note_crash()
        provider.answer = slow(0)
        while not clients.acks and not clients.refused:
            await asyncio.sleep(0.005)  # what it heard at its first try

        assert clients.told[message[0]][message[1]] is point.acked or point.acked is None
        assert await look(rig, message[0], message[1]) == (point.stored, point.turned, point.row)
        assert provider.total == point.seen

        bot = await rig.bot()
        assert await telling, "it was posted until it was acknowledged"
        assert await clients.deliver(*message), "and once more"
        assert await clients.deliver(*rig.message(NUMBER, 1, "vote 1"))
        await rig.quiet()
        assert await bot.end(signal.SIGINT) == 0

        evidence = await rig.evidence(clients.told, provider.sends)
        assert judge(evidence) == []
        first = evidence.rows[0]
        times = sum(send.reference == first.reference for send in provider.sends)
        assert first.message_class == kind
        assert f"{first.state} {times}" == (point.receipt if kind == "receipt" else point.reply)
        assert sum(total.count for total in evidence.totals) == 1 + (kind == "receipt")


async def look(rig, home, id_) -> tuple[bool, bool, str | None]:
    """Whether the message is stored, whether it has had its turn, and the state of its row: by the file of the dead bot."""
    async with rig.copy() as store:
        waiting = (await store.counts()).inbox
        turned = [r async for r in store.history(home) if isinstance(r.event.body, InboundMessage) and r.event.body.id == id_]
        rows = await store.rows(home)
    return bool(waiting or turned), bool(turned), str(rows[0].state) if rows else None


@pytest.mark.crash
async def test_a_bot_that_dies_before_a_row_is_claimed_sends_it_once(rig) -> None:
    async with FakeProvider(answer=slow(LATENCY_S)) as provider, rig.clients() as clients:
        rig.settle_bot(provider.url, connections="1")
        bot = await rig.bot("queued", "1")
        numbers = ["+12025550101", "+12025550102", "+12025550103"]
        telling = [asyncio.create_task(clients.deliver(*rig.message(number, 0, "vote 1"))) for number in numbers]
        assert await bot.ended() == DIED
        await rig.note_crash()
        assert len(rig.crashes[0]) == 1
        bot = await rig.bot()
        assert all(await asyncio.gather(*telling))
        await rig.quiet()
        assert await bot.end(signal.SIGINT) == 0
        evidence = await rig.evidence(clients.told, provider.sends)
    assert judge(evidence) == []
    assert sorted(row.state for row in evidence.rows) == ["accepted", "accepted", "unknown"]


@pytest.mark.crash
@pytest.mark.parametrize("step", ["sites", "turns", "sender", "close"])
async def test_a_bot_that_dies_while_it_stops_goes_on(rig, step) -> None:
    async with FakeProvider(answer=slow(LATENCY_S)) as provider, rig.clients() as clients:
        rig.settle_bot(provider.url, connections="2")
        bot = await rig.bot(f"stopping-{step}", "1")
        numbers = [f"+120255501{index:02d}" for index in range(20)]
        await asyncio.gather(*(clients.deliver(*rig.message(number, 0, "vote 1")) for number in numbers))
        assert await bot.end(signal.SIGINT) == DIED
        await rig.note_crash()
        bot = await rig.bot()
        provider.answer = slow(0)
        await rig.quiet()
        assert await bot.end(signal.SIGINT) == 0
        evidence = await rig.evidence(clients.told, provider.sends)
    assert judge(evidence) == []
    assert len(evidence.rows) == len(numbers)


@pytest.mark.crash
@pytest.mark.parametrize("point", ["start-before", "start-after"])
@pytest.mark.parametrize(("text", "ending"), [("vote 1", "unknown 1"), ("RULES", "accepted 2")], ids=["receipt", "reply"])
async def test_a_bot_that_dies_while_it_starts_goes_on(rig, point, text, ending) -> None:
    """One call in doubt at two crashes is in doubt once: a reply goes once more."""
    async with FakeProvider(answer=slow(LATENCY_S)) as provider, rig.clients() as clients:
        rig.settle_bot(provider.url)
        bot = await rig.bot()
        await clients.deliver(*rig.message(NUMBER, 0, text))
        await provider.wait_for(1)
        await rig.kill(bot)
        dying = await rig.launch(point, "2")  # the turn lease, then the send lease
        assert await dying.ended() == DIED
        await rig.note_crash()
        assert rig.crashes[0] == rig.crashes[1] != frozenset()
        bot = await rig.bot()
        await rig.quiet()
        assert await bot.end(signal.SIGINT) == 0
        evidence = await rig.evidence(clients.told, provider.sends)
    assert judge(evidence) == []
    assert [f"{row.state} {len(provider.sends)}" for row in evidence.rows] == [ending]


@pytest.mark.crash
async def test_a_reply_in_doubt_twice_goes_no_third_time(rig) -> None:
    async with FakeProvider(answer=slow(LATENCY_S)) as provider, rig.clients() as clients:
        rig.settle_bot(provider.url)
        bot = await rig.bot()
        await clients.deliver(*rig.message(NUMBER, 0, "RULES"))
        for attempt in (1, 2):
            await provider.wait_for(attempt)
            await rig.kill(bot)
            assert {number for _, number in rig.crashes[-1]} == {attempt}
            bot = await rig.bot()
        await rig.quiet()
        assert await bot.end(signal.SIGINT) == 0
        evidence = await rig.evidence(clients.told, provider.sends)
    assert judge(evidence) == []
    assert [(row.state, row.unknowns) for row in evidence.rows] == [("unknown", 2)]
    assert len(provider.sends) == 2


@pytest.mark.crash
async def test_half_a_frame_at_the_end_of_the_log_is_no_harm(rig) -> None:
    """A power cut in the middle of a write, after the last COMMIT that anybody was told of."""
    async with FakeProvider() as provider, rig.clients() as clients:
        rig.settle_bot(provider.url)
        bot = await rig.bot()
        await clients.deliver(*rig.message(NUMBER, 0, "vote 1"))
        await rig.quiet()
        await rig.kill(bot)
        wal = rig.db.with_name(rig.db.name + "-wal")
        whole = wal.read_bytes()
        header, frame = whole[:32], whole[-4120:]
        assert re.match(rb"\x37\x7f\x06[\x82\x83]", header)
        wal.write_bytes(whole + frame[:2000])
        bot = await rig.bot()
        await clients.deliver(*rig.message(NUMBER, 1, "vote 2"))
        await rig.quiet()
        assert await bot.end(signal.SIGINT) == 0
        evidence = await rig.evidence(clients.told, provider.sends)
    assert judge(evidence) == []
    assert len(evidence.rows) == 2
    assert rig.query("PRAGMA integrity_check") == [("ok",)]
