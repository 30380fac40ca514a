"""A timer armed by one process fires once, whoever dies on the way."""

import asyncio
import signal

import pytest

from vaiven.model.events import TimerDue
from vaiven.testing.judge import judge
from vaiven.testing.provider import FakeProvider

FLOW = """
flow: reminder
version: 1
lang: en
starts:
  - keyword: [hello]
steps:
  name:
    ask: "And your name?"
    as: text
    retry: ["Just the name."]
    else: gone
    after: {1s: gone}
  gone: {end: "Still there?", outcome: idle}
"""
NUMBER = "+12025550101"
DIED = 86


@pytest.mark.crash
@pytest.mark.parametrize("point", [None, "due-before", "due-after", "due"])
async def test_a_timer_fires_once(rig, point) -> None:
    (rig.folder / "reminder.flow.yaml").write_text(FLOW)
    async with FakeProvider() as provider, rig.clients() as clients:
        rig.settle_bot(provider.url, flows=rig.folder)
        bot = await rig.bot(point, *([] if point is None else ["1"]))
        await clients.deliver(*rig.message(NUMBER, 0, "hello"))
        await provider.wait_for(1)
        if point is None:  # killed before it is due, started after
            await rig.quiet()
            await rig.kill(bot)
            await asyncio.sleep(1)
        else:  # it dies of the timer falling due
            assert await bot.ended() == DIED
            await rig.note_crash()
        bot = await rig.bot()
        await provider.wait_for(2)
        await rig.quiet()
        assert await bot.end(signal.SIGINT) == 0
        bot = await rig.bot()
        await rig.quiet()
        assert await bot.end(signal.SIGINT) == 0
        evidence = await rig.evidence(clients.told, provider.sends)
    assert judge(evidence) == []
    assert [send.text for send in provider.sends] == ["And your name?", "Still there?"]
    fired = [record.event for record in evidence.records if isinstance(record.event.body, TimerDue)]
    assert len(fired) == 1
    assert fired[0].at_ms >= fired[0].body.due_ms
    assert evidence.counts.timers == 0
