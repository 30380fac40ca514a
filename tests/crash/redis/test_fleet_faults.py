"""Everything that can happen to workers, to the server and to the line between them, one after the other under load."""

import asyncio
import os
import random
import signal
import time
from collections import Counter
from contextlib import suppress

import pytest
from launch import SHORT_MS

from vaiven.testing.judge import judge
from vaiven.testing.lanes import Fault
from vaiven.testing.provider import FakeProvider, slow
from vaiven.testing.proxy import Proxy

STILL_S = 2.0
"""So long the server or the line stands still: less than a lease, which is ``SHORT_MS``."""
MINUTES = float(os.environ.get("TORTURE_MINUTES", "0"))
"""How long to go on; one round, with each fault once, is run in any case."""


class Nemesis:
    """What goes wrong. The first of the members talks to the server through ``line``."""

    def __init__(self, rig, redis, line: Proxy, members: list, clients, chance: random.Random) -> None:
        self.rig, self.redis, self.line, self.members, self.clients, self.chance = rig, redis, line, members, clients, chance

    async def member(self, place: int, url: str = "") -> object:
        """A member of this place, not ready yet."""
        store = f"redis://127.0.0.1:{self.line.port}" if place == 0 else ""
        return await self.rig.launch(fault="short:none", store=store, url=url)

    async def _ready(self, place: int) -> None:
        """Once it serves. One that could not start for a fault is started again, as a supervisor does."""
        while True:
            member = self.members[place]
            try:
                return await self.rig.ready(member)
            except AssertionError:
                if member.running:
                    raise
            self.members[place] = await self.member(place, member.url)

    async def all_ready(self) -> None:
        for place in range(len(self.members)):
            await self._ready(place)

    async def worker_killed(self) -> None:
        place = self.chance.randrange(len(self.members))
        await self.rig.kill(self.members[place])
        self.members[place] = await self.member(place, self.members[place].url)

    async def worker_stopped(self) -> None:
        """For longer than its lease; then it goes on with what it had in hand."""
        await self.all_ready()
        await self.rig.shared(len(self.members))
        place = self.chance.randrange(len(self.members))
        stopped = self.members[place]
        sending = await self.rig.sending(stopped.pid)
        stopped.send(signal.SIGSTOP)
        self.clients.urls.remove(f"{stopped.url}/hooks/sms")  # as a balancer would
        await asyncio.sleep(0.1)
        await self.rig.note_crash(stopped.pid, sending)
        await self.rig.shared(len(self.members) - 1)
        stopped.send(signal.SIGCONT)
        self.clients.urls.append(f"{stopped.url}/hooks/sms")
        await self.rig.shared(len(self.members))

    async def server_restarted(self) -> None:
        await asyncio.to_thread(self.redis.restart)

    async def server_still(self) -> None:
        self.redis.pause()
        await asyncio.sleep(STILL_S)
        self.redis.resume()

    async def server_busy(self) -> None:
        def sleep() -> None:
            with suppress(OSError):
                self.redis.say("DEBUG", "SLEEP", STILL_S)

        await asyncio.to_thread(sleep)

    async def connections_killed(self) -> None:
        await asyncio.to_thread(self.redis.say, "CLIENT", "KILL", "TYPE", "normal")

    async def scripts_gone(self) -> None:
        await asyncio.to_thread(self.redis.say, "SCRIPT", "FLUSH", "SYNC")

    async def answers_broken_off(self) -> None:
        """In the middle of what the server says: whoever asked does not know whether it was done."""
        await self._broken(self.line.down, 5_000)

    async def questions_broken_off(self) -> None:
        await self._broken(self.line.up, 20_000)

    async def _broken(self, lane, count: int) -> None:
        await self._ready(0)
        before = self.line.fired[Fault.BREAK]
        lane.break_after(count, reset=True, times=3)
        await self.line.acted(Fault.BREAK, before + 3)

    async def line_held(self) -> None:
        await self._held(release=True)

    async def line_lost(self) -> None:
        await self._held(release=False)

    async def _held(self, *, release: bool) -> None:
        self.line.partition()
        await asyncio.sleep(STILL_S / 2)
        self.line.heal(release=release)


FAULTS = [name for name in vars(Nemesis) if not name.startswith("_") and name not in ("member", "all_ready")]


async def torment(rig, redis, seed: int) -> dict[str, object]:
    """One round: every fault once, in an order of chance. What it counted."""
    chance = random.Random(seed)
    order = chance.sample(FAULTS, len(FAULTS))
    async with FakeProvider(answer=slow(chance.choice([0.05, 0.1, 0.2]))) as provider, Proxy("127.0.0.1", redis.port) as line:
        rig.settle_bot(provider.url, connections=chance.choice([50, 100]))
        nemesis = Nemesis(rig, redis, line, members := [], None, chance)
        members += [await nemesis.member(place) for place in range(3)]
        await asyncio.gather(*map(rig.ready, members))
        await rig.shared(3)
        async with rig.doors(members) as clients:
            nemesis.clients = clients
            async with rig.load(clients, seed, rate_per_s=300):
                for fault in order:
                    await clients.reached(clients.acks + chance.randrange(20, 150))
                    await getattr(nemesis, fault)()
                    # Faults that follow each other at once would add up to more than a lease.
                    await rig.renewed(SHORT_MS)
                await nemesis.all_ready()
                await clients.reached(clients.acks + 100)
            evidence, counted = await rig.verdict(clients, provider, members)
        assert line.unfired() == {}
    assert judge(evidence) == [], f"seed {seed}: {', '.join(order)}"
    # A run in which too little went wrong proves nothing.
    assert len(evidence.crashes) == 2
    assert clients.refused
    assert counted["messages"] > 1000
    return {**counted, "in doubt": sum(map(len, evidence.crashes))}


@pytest.mark.crash
async def test_every_fault_in_random_order(rig, redis, figures, fleet_at) -> None:
    ends, rounds, total = time.monotonic() + MINUTES * 60, 0, Counter[str]()
    seed = int(os.environ.get("TORTURE_SEED", "1"))
    while rounds == 0 or time.monotonic() < ends:
        print(f"round {rounds}: seed {seed + rounds}")
        if rounds:
            redis.say("FLUSHALL")
        mine = rig if rounds == 0 else fleet_at(redis.url)
        counted = await torment(mine, redis, seed + rounds)
        total.update({name: value for name, value in counted.items() if isinstance(value, int)})
        rounds += 1
    figures |= {"rounds": rounds, "faults": rounds * len(FAULTS), **total}
    assert total["in doubt"], "no call was under way at any kill or stop"
