"""STOPs at random moments, while messages to those people wait behind a slow provider."""

import random
import signal
from collections import Counter

import pytest

from vaiven.model.messages import MessageClass
from vaiven.model.outbox import RowState
from vaiven.testing.judge import Law, judge
from vaiven.testing.numbers import north_american
from vaiven.testing.provider import FakeProvider, slow

CONTACTS = 300
VOTES = 4


async def race(rig, plant: str | None):
    """Replies wait for a slow provider while people say STOP."""
    async with FakeProvider(answer=slow(0.1)) as provider, rig.clients() as clients:
        rig.settle_bot(provider.url, connections="50")
        bot = await rig.bot(plant)
        await rig.regret(clients, [north_american(100 + index) for index in range(CONTACTS)], VOTES, random.Random(11))
        await rig.quiet()
        assert await bot.end(signal.SIGINT) == 0
        return await rig.evidence(clients.told, provider.sends)


@pytest.mark.crash
async def test_after_a_stop_nothing_is_claimed_but_the_one_confirmation(rig, figures) -> None:
    evidence = await race(rig, None)
    assert judge(evidence) == []
    classes = Counter(row.message_class for row in evidence.rows)
    states = Counter(row.state for row in evidence.rows if row.message_class is not MessageClass.CONSENT)
    figures |= {"stops": classes[MessageClass.CONSENT], **{str(state): count for state, count in states.items()}}
    assert classes[MessageClass.CONSENT] == CONTACTS // 2
    assert sum(total.count for total in evidence.totals) == CONTACTS * VOTES + CONTACTS // 2, "an opted-out vote counts"
    queued_before = states[RowState.SUPPRESSED] - CONTACTS // 2
    assert queued_before > CONTACTS // 10, "hardly a STOP came while something was queued: the run proves nothing"
    assert states[RowState.ACCEPTED] > CONTACTS


@pytest.mark.crash
async def test_an_opt_out_that_is_looked_at_too_early_is_found(rig) -> None:
    evidence = await race(rig, "stop-at-enqueue")
    assert rig.fired.exists(), "the plant did nothing"
    assert Law.CONSENT in {finding.law for finding in judge(evidence)}
