"""The judge is judged: each planted bug must be found, and by the law that it breaks; without one, nothing is found."""

import asyncio
import signal

import pytest

from vaiven.testing.judge import Law, judge
from vaiven.testing.numbers import north_american
from vaiven.testing.provider import FakeProvider, slow

CONTACTS = 60
VOTES = 10
ENDLESS = 1_000_000
"""Until the bot has died, however many turns it makes at once."""
KILL_AT = 300

PLANTS = {
    "none": set(),
    "no-dedupe": {Law.TWICE},
    "ack-before-append": {Law.LOST},
    "apart:out-of-turn": {Law.ORDER},
    "apart:send-before-commit": {Law.BOUND},
    "strays-again": {Law.BOUND},
    "apart:tally-apart": {Law.TALLY},
    "apart:none": set(),
}
"""Each plant, and the laws that find it; others may find it too. ``apart:`` is what breaks the way in two steps."""


@pytest.mark.crash
@pytest.mark.parametrize("plant", PLANTS)
async def test_the_judge_finds(rig, figures, plant) -> None:
    dies = plant == "apart:send-before-commit"
    async with FakeProvider(answer=slow(0.05)) as provider, rig.clients() as clients:
        rig.settle_bot(provider.url)
        bot = await rig.bot(plant, *(["5"] if dies else []))
        numbers = [north_american(100 + index) for index in range(CONTACTS)]
        stop = asyncio.Event()
        crowd = asyncio.create_task(rig.crowd(clients, numbers, ENDLESS if dies else VOTES, seed=7, stop=stop))
        if dies:
            assert await bot.ended() == 86
            stop.set()
            await rig.note_crash()
        else:
            await clients.reached(KILL_AT)
            if plant != "ack-before-append":  # which is seen only while people are being answered
                await provider.wait_for(CONTACTS * 2)  # so that calls are under way
            await rig.kill(bot)
        bot = await rig.bot(None if dies else plant)
        await crowd
        await rig.quiet()
        assert await bot.end(signal.SIGINT) == 0
        evidence = await rig.evidence(clients.told, provider.sends)
    assert rig.fired.exists(), "the plant did nothing"
    found = {finding.law for finding in judge(evidence)}
    figures["found by"] = " ".join(sorted(found)) or "none"
    assert found >= PLANTS[plant]
    assert not (found and not PLANTS[plant]), judge(evidence)
