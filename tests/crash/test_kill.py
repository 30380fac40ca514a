"""Ten thousand signed votes, some sent twice and some at the same time, through a server that is killed on the way.

Judged from outside: by what the clients were told, what the provider saw, and the history that the store keeps.
"""

import asyncio
import os
import random
import signal
import time
from collections import Counter

import pytest

from vaiven.model.messages import MessageClass
from vaiven.model.outbox import RowState
from vaiven.testing.judge import Evidence, judge
from vaiven.testing.numbers import north_american
from vaiven.testing.redelivery import Redelivery

CONTACTS = 1_000
VOTES = 10
KILLS = (2_000, 4_500, 7_000)
CONNECTIONS = 100
"""Calls that the sender may have under way, so rows that a kill may leave in doubt."""

MINUTES = float(os.environ.get("TORTURE_MINUTES", "0"))
"""How long to kill at random; one round is run in any case."""


@pytest.mark.crash
async def test_every_acknowledged_vote_counts_once_through_kills(rig, figures) -> None:
    started = time.monotonic()
    rig.settle_bot(await rig.provider(latency_s=0.02), connections=CONNECTIONS)
    bot = await rig.bot()
    async with rig.clients() as clients:
        numbers = [north_american(100 + index) for index in range(CONTACTS)]
        crowd = asyncio.create_task(rig.crowd(clients, numbers, VOTES, seed=20261122))
        for kill in KILLS:
            await clients.reached(kill)
            await rig.kill(bot)
            bot = await rig.bot()
        await crowd
    await rig.quiet()
    assert await bot.end(signal.SIGTERM) == 0
    evidence = await rig.evidence(clients.told)

    figures |= tell(evidence, clients, time.monotonic() - started)
    assert judge(evidence) == []
    assert max(map(len, evidence.crashes)) <= CONNECTIONS
    # A run in which too little went wrong proves nothing.
    assert sum(clients.posted.values()) >= CONTACTS * VOTES * 1.15
    assert sum(clients.refused.values()) > len(KILLS)
    assert any(evidence.crashes), "no call was under way at any kill: the run proves nothing about them"
    assert votes(evidence) > CONTACTS * VOTES * 0.9
    classes = Counter(row.message_class for row in evidence.rows)
    assert classes[MessageClass.RECEIPT] > 0 < classes[MessageClass.REPLY]
    assert any(not acked for told in clients.told.values() for acked in told.values()), "nobody gave up"


@pytest.mark.crash
async def test_kills_at_random_moments_even_while_it_starts(rig, figures, tmp_path_factory) -> None:
    ends, rounds, total = time.monotonic() + MINUTES * 60, 0, Counter[str]()
    seed = int(os.environ.get("TORTURE_SEED", "1"))
    while rounds == 0 or time.monotonic() < ends:
        print(f"round {rounds}: seed {seed + rounds}")
        with_rig = rig if rounds == 0 else type(rig)(tmp_path_factory.mktemp("round"))
        try:
            total.update(await torment(with_rig, seed + rounds))
        finally:
            for process in reversed(with_rig.started):
                await process.end(signal.SIGKILL)
        rounds += 1
    figures |= {"rounds": rounds, **total}
    assert total["dialed"], "no call was under way at any kill"


async def torment(rig, seed: int) -> dict[str, int]:
    """One round: a crowd, and kills at random moments until it is through."""
    chance = random.Random(seed)
    rig.settle_bot(await rig.provider(latency_s=chance.choice([0.01, 0.02, 0.05])), connections=chance.choice([20, 50, 100]))
    bot, kills = await rig.bot(), 5
    async with rig.clients() as clients:
        numbers = [north_american(100 + index) for index in range(100)]
        crowd = asyncio.create_task(rig.crowd(clients, numbers, votes=30, seed=seed, at_once=16))
        for _ in range(kills):
            await asyncio.sleep(chance.uniform(0.05, 0.8))
            await rig.kill(bot)
            bot = await (rig.bot() if chance.random() < 0.6 else rig.launch())
        await crowd
    await rig.ready(bot)
    await rig.quiet()
    assert await bot.end(signal.SIGTERM) == 0
    evidence = await rig.evidence(clients.told)
    assert judge(evidence) == [], f"seed {seed}"
    assert clients.refused
    return {"kills": kills, "acks": clients.acks, "dialed": sum(map(len, evidence.crashes))}


def votes(evidence: Evidence) -> int:
    return sum(total.count for total in evidence.totals)


def tell(evidence: Evidence, clients: Redelivery, seconds: float) -> dict[str, object]:
    states = Counter(row.state for row in evidence.rows)
    times = Counter(send.reference for send in evidence.sends if send.sent)
    return {
        "acks": clients.acks,
        "sent twice": sum(posts > 1 for posts in clients.posted.values()),
        "refused": sum(clients.refused.values()),
        "given up": sum(not acked for told in clients.told.values() for acked in told.values()),
        "votes": votes(evidence),
        "kills": len(evidence.crashes),
        "dialed at them": "+".join(str(len(crash)) for crash in evidence.crashes),
        "unknown": states[RowState.UNKNOWN],
        "replies twice": sum(count > 1 for count in times.values()),
        "seconds": round(seconds, 1),
    }
