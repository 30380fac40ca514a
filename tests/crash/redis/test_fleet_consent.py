"""People say STOP while messages to them wait behind a slow provider, and workers die."""

import asyncio
from collections import Counter

import pytest

from vaiven.model.messages import MessageClass
from vaiven.model.outbox import RowState
from vaiven.testing.judge import Law, judge
from vaiven.testing.numbers import north_american
from vaiven.testing.provider import FakeProvider, slow

CONTACTS = 160
VOTES = 4


async def race(rig, chance, plant: str, *, kill: bool):
    """Replies wait for a slow provider while people say STOP; on the way one of two workers dies. Give the STOPs, too."""
    async with FakeProvider(answer=slow(0.1)) as provider:
        rig.settle_bot(provider.url, connections=12)
        members = await rig.fleet(2, fault=f"short:{plant}")
        async with rig.doors(members) as clients:
            numbers = [north_american(100 + index) for index in range(CONTACTS)]
            saying = asyncio.create_task(rig.regret(clients, numbers, VOTES, chance))
            if kill:
                await provider.wait_for(CONTACTS)
                await rig.kill(members[0])
                members[0] = await rig.launch(fault=f"short:{plant}", url=members[0].url)
            stops = await saying
            await rig.quiet()
            await rig.end(members)
            return stops, await rig.evidence(clients.told, provider.sends)


@pytest.mark.crash
async def test_after_a_stop_nothing_is_claimed_whoever_dies(rig, figures, chance) -> None:
    stops, evidence = await race(rig, chance, "none", kill=True)
    assert judge(evidence) == []
    states = Counter(row.state for row in evidence.rows if row.message_class is not MessageClass.CONSENT)
    figures |= {"stops": stops, "dialed at the kill": len(evidence.crashes[0]), **{str(each): n for each, n in states.items()}}
    assert stops == CONTACTS // 2
    assert sum(total.count for total in evidence.totals) == CONTACTS * VOTES + stops, "an opted-out vote counts"
    assert states[RowState.SUPPRESSED] - stops > CONTACTS // 10, "hardly a STOP came while something was queued"
    assert evidence.crashes[0], "no call was under way at the kill"


@pytest.mark.crash
async def test_an_opt_out_that_is_looked_at_too_early_is_found(rig, figures, chance) -> None:
    _, evidence = await race(rig, chance, "stop-at-enqueue-in-scripts", kill=False)
    assert rig.fired.exists(), "the plant did nothing"
    found = {finding.law for finding in judge(evidence)}
    figures["found by"] = " ".join(sorted(found)) or "none"
    assert Law.CONSENT in found
