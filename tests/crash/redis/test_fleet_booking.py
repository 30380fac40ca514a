"""Everybody books while workers die: nobody is told of what is not booked, and what is booked somebody is told of."""

import asyncio
import random
from typing import Any

import pytest
from booking_house import Guests, write_house

from vaiven.testing.provider import FakeProvider, slow

KILLS = 3


@pytest.mark.crash
async def test_b1_b3_everybody_books_while_workers_die(rig: Any, figures: dict[str, object], chance: random.Random) -> None:
    guests = Guests(tables=16, each=12, seed=4)
    async with FakeProvider(answer=slow(0.02)) as provider:
        write_house(rig, provider.url)
        members = await rig.fleet(3, fault="slowly:short:none")
        async with rig.doors(members) as clients:
            running, words_at_kills = asyncio.create_task(guests.run(rig, clients, at_once=64)), 0
            for kill in range(KILLS):
                await clients.reached(200 + kill * 250)
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
            await guests.verdict(store, list(provider.sends))
    assert clients.refused, "nobody was refused by a process that was dead"
