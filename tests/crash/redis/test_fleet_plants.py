"""The judge is judged on a fleet: each planted bug must be found, by the law that it breaks; without one, nothing is found."""

import asyncio

import pytest

from vaiven.testing.judge import Law, judge
from vaiven.testing.numbers import north_american
from vaiven.testing.provider import FakeProvider, slow

CONTACTS = 60
VOTES = 10
ENDLESS = 1_000_000
"""Until enough has happened: they vote when it happens."""
KILL_AT = 300
DIED = 86

PLANTS = {
    "none": set(),
    "no-dedupe": {Law.TWICE},
    "ack-before-append": {Law.LOST},
    "ahead-of-its-turn": {Law.ORDER},
    "send-before-commit": {Law.DOUBT},
}
"""Each plant, and the laws that find it; others may find it too. More: ``test_fleet_late_words``, ``test_fleet_consent``."""

KILLED = {"none", "ack-before-append"}
"""Where one of the two is killed on the way."""

RARE = "ahead-of-its-turn"
ENOUGH = 15
"""It takes two votes of one person, the second sent after the first was acknowledged: some of so many that overtake are such."""
PATIENCE_S = 60


@pytest.mark.crash
@pytest.mark.parametrize("plant", PLANTS)
async def test_the_judge_finds(rig, figures, plant) -> None:
    dies, fault = plant == "send-before-commit", f"short:{plant}"
    again = "short:none" if dies else fault
    async with FakeProvider(answer=slow(0.05)) as provider:
        rig.settle_bot(provider.url)
        # The first one owns everything until it knows of the other.
        members = [await rig.member(*(["5"] if dies else []), fault=fault), await rig.member(fault=again)]
        async with rig.doors(members) as clients:
            numbers = [north_american(100 + index) for index in range(CONTACTS)]
            stop = asyncio.Event()
            votes = ENDLESS if dies or plant == RARE or plant in KILLED else VOTES
            crowd = asyncio.create_task(rig.crowd(clients, numbers, votes, seed=7, stop=stop))
            if dies:
                assert await members[0].ended() == DIED
                stop.set()
                await rig.note_crash(members.pop(0).pid, {})
            elif plant == RARE:
                async with asyncio.timeout(PATIENCE_S):
                    while not rig.fired.exists() or rig.fired.stat().st_size < ENOUGH:
                        await asyncio.sleep(0.05)
                stop.set()
            elif plant in KILLED:
                await clients.reached(KILL_AT)
                await rig.kill(members.pop(0))
                await clients.reached(2 * KILL_AT)
                stop.set()
            await crowd
            await rig.quiet()
            await rig.end(members)
            evidence = await rig.evidence(clients.told, provider.sends)
    assert rig.fired.exists(), "the plant did nothing"
    found = {finding.law for finding in judge(evidence)}
    figures["found by"] = " ".join(sorted(found)) or "none"
    assert found >= PLANTS[plant]
    assert not (found and not PLANTS[plant]), judge(evidence)
