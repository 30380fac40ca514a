"""Workers die at random while a crowd votes; the rig starts them again. Judged from outside, and by the history."""

import asyncio

import pytest

from vaiven.model.messages import MessageClass
from vaiven.testing.judge import judge
from vaiven.testing.provider import FakeProvider, slow

KILLS = 4


@pytest.mark.crash
async def test_every_acknowledged_vote_counts_once_while_workers_die(rig, figures, chance) -> None:
    async with FakeProvider(answer=slow(0.05)) as provider:
        rig.settle_bot(provider.url)
        members = await rig.fleet(3, fault="short:none")
        async with rig.doors(members) as clients:
            async with rig.load(clients, seed=3):
                for _ in range(KILLS):
                    await asyncio.sleep(chance.uniform(1, 2))
                    victim = chance.randrange(len(members))
                    await rig.kill(members[victim])
                    members[victim] = await rig.launch(fault="short:none", url=members[victim].url)
            evidence, counted = await rig.verdict(clients, provider, members)
    figures |= {"kills": len(evidence.crashes), **counted}
    assert judge(evidence) == []
    # A run in which too little went wrong proves nothing.
    assert counted["messages"] >= 2000
    assert counted["sent twice"] >= counted["messages"] * 0.15
    assert clients.refused, "nobody was refused by a process that was dead"
    assert any(evidence.crashes), "no call was under way at any kill"
    assert {row.message_class for row in evidence.rows} >= {MessageClass.RECEIPT, MessageClass.REPLY}
    assert any(not acked for told in clients.told.values() for acked in told.values()), "nobody gave up"
