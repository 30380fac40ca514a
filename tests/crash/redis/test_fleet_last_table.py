"""Many race for one table while workers die: one has it, every other hears so, nobody hears twice."""

import asyncio

import pytest
from last_table import Race, write_bot

from vaiven.testing.provider import FakeProvider, slow

KILLS = 4


@pytest.mark.crash
async def test_one_has_the_last_table_and_everybody_hears_once_while_workers_die(rig, figures, chance) -> None:
    race = Race(tables=20, racers=40, seed=2)
    async with FakeProvider(answer=slow(0.02)) as provider:
        rig.settle_bot(provider.url, write_bot(rig))
        members = await rig.fleet(3, fault="slowly:short:none")
        async with rig.doors(members) as clients:
            running, words_at_kills = asyncio.create_task(race.run(rig, clients, at_once=64)), 0
            for kill in range(KILLS):
                await clients.reached(100 + kill * 200)
                victim, words = await rig.halted_with_words(lambda: chance.choice(members))
                await rig.kill(victim)
                words_at_kills += words
                members[members.index(victim)] = await rig.launch(url=victim.url, fault="slowly:short:none")
            await running
            await asyncio.gather(*(rig.ready(member) for member in members))
            await rig.quiet()
            await rig.end(members)
        figures |= {"kills": len(rig.crashes), "words at them": words_at_kills, "refused": sum(clients.refused.values())}
        async with rig.store() as store:
            await race.verdict(store, list(provider.sends))
    assert clients.refused, "nobody was refused by a process that was dead"
