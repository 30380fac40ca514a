"""A worker's last words arrive when it is long dead and others own what it had: they do nothing."""

import asyncio
from contextlib import suppress

import pytest

from vaiven.model.outbox import RowState
from vaiven.testing.judge import Law, judge
from vaiven.testing.lanes import Fault, Way
from vaiven.testing.numbers import north_american
from vaiven.testing.provider import FakeProvider, slow
from vaiven.testing.proxy import Proxy

CONTACTS = 120


async def late_words(rig, redis, plant: str):
    """A claim leaves a worker and is held up on the way; the worker dies, its leases end, another one owns what it had; the claim
    arrives, when there is much to claim."""
    async with FakeProvider(answer=slow(0.05)) as provider, Proxy("127.0.0.1", redis.port) as line:
        rig.settle_bot(provider.url, connections=3)
        starting = rig.member(fault=f"brief:{plant}", store=f"redis://127.0.0.1:{line.port}"), rig.member(fault="brief:none")
        dying, heir = await asyncio.gather(*starting)
        await rig.shared(2)
        # It looks at the outbox once a second. Of all that it says when nothing happens, only a claim names a channel. The first
        # may name a script that the server does not have yet, and is said again; late, it would do nothing whatever the script.
        line.up.delay(0.1)
        for _ in range(3):
            await rig.until(lambda: b"sms" in line.under_way(Way.UP), lambda: line.up.bytes)
            await rig.until(lambda: b"sms" not in line.under_way(Way.UP), lambda: line.up.bytes)
        line.up.hold()
        held = lambda: line.up.fired[Fault.HOLD] > 0 and b"sms" in line.under_way(Way.UP)  # noqa: E731
        await rig.until(held, lambda: len(line.under_way(Way.UP)))
        await rig.kill(dying)
        await rig.shared(1)
        async with rig.doors([heir]) as clients:
            burst = [clients.deliver(*rig.message(north_american(100 + index), 0, "vote 1")) for index in range(CONTACTS)]
            await asyncio.gather(*burst)
            async with rig.store() as store:
                while (await store.counts()).rows.get("queued", 0) < CONTACTS // 2:
                    await asyncio.sleep(0.01)
            before = line.up.bytes
            line.heal()
            await rig.until(lambda: line.up.bytes > before, lambda: line.up.bytes)
            await provider.wait_for(CONTACTS * 3 // 4)
            with suppress(AssertionError):
                await rig.quiet(2 if plant != "none" else 20)
            await rig.end([heir])
            return await rig.evidence(clients.told, provider.sends)


@pytest.mark.crash
async def test_the_last_words_of_a_dead_worker_claim_nothing(rig, redis) -> None:
    evidence = await late_words(rig, redis, "none")
    assert judge(evidence) == []
    assert [row.state for row in evidence.rows] == [RowState.ACCEPTED] * CONTACTS


@pytest.mark.crash
async def test_a_store_that_asks_nobody_for_its_epoch_is_found(rig, redis, figures) -> None:
    evidence = await late_words(rig, redis, "no-epoch-check")
    assert rig.fired.exists(), "the plant did nothing"
    found = {finding.law for finding in judge(evidence)}
    figures["found by"] = " ".join(sorted(found)) or "none"
    # Nobody goes on with what it dialed; or the heir, if it still looked for rows of the dead when the claim came, gives it up.
    assert found & {Law.REST, Law.DOUBT}
