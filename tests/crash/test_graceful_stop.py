"""SIGTERM under load: told first, then refused; what was acknowledged is kept, what was dialed is settled."""

import asyncio
import contextlib
import signal
import time
from collections import Counter

import aiohttp
import pytest

from vaiven.model.outbox import RowState
from vaiven.testing.judge import judge
from vaiven.testing.numbers import north_american
from vaiven.testing.provider import FakeProvider, slow

CLIENTS = 64


@pytest.mark.crash
async def test_a_stop_under_load_loses_nothing_and_fails_nobody(rig, figures) -> None:
    async with FakeProvider(answer=slow(0.05)) as provider, rig.clients() as clients:
        rig.settle_bot(provider.url, connections="10")
        bot = await rig.bot()
        answers: list[tuple[float, str]] = []
        readiness: list[tuple[float, int | None]] = []
        stopped = asyncio.Event()

        async def client(number: str) -> None:
            turn = 0
            while not stopped.is_set():
                home, id_, webhook = rig.message(number, turn, "vote 1")
                clients.told[home][id_] = False
                result = await clients.post(id_, webhook)
                clients.told[home][id_] = result == "200"
                answers.append((time.monotonic(), result))
                if result != "200":
                    return  # each comes once: nobody sends it again
                turn += 1
                await asyncio.sleep(0.02)

        async def watch() -> None:
            async with aiohttp.ClientSession() as session:
                while not stopped.is_set():
                    readiness.append((time.monotonic(), await rig.readiness(session, rig.url)))
                    await asyncio.sleep(0.005)

        watcher = asyncio.create_task(watch())
        crowd = asyncio.gather(*(client(north_american(100 + index)) for index in range(CLIENTS)))
        await clients.reached(300)
        began = time.monotonic()
        assert await bot.end(signal.SIGTERM) == 0
        took_s = time.monotonic() - began
        stopped.set()
        with contextlib.suppress(asyncio.CancelledError):
            await crowd
        await watcher
        await rig.note_crash()

        results = Counter(result for _, result in answers)
        assert not [result for result in results if result.isdigit() and result != "200"], results
        told_503 = min(at for at, status in readiness if status == 503)
        refused = [at for at, result in answers if not result.isdigit()]
        assert refused
        assert told_503 < min(refused), "readiness falls before anybody is refused"
        assert [at for at, result in answers if result == "200" and at > told_503], "requests are still taken after that"
        assert rig.crashes == [frozenset()], "nothing is left dialed"
        async with rig.copy() as store:
            left = (await store.counts()).rows
        assert left.keys() == {"queued"}, "a queue was left, and nothing in doubt"

        provider.answer = slow(0)
        bot = await rig.bot()
        await rig.quiet()
        assert await bot.end(signal.SIGINT) == 0
        evidence = await rig.evidence(clients.told, provider.sends)
    assert judge(evidence) == []
    assert {row.state for row in evidence.rows} == {RowState.ACCEPTED}
    figures |= {"acks": results["200"], "refused": len(refused), "left queued": left["queued"], "stopped in s": round(took_s, 1)}


@pytest.mark.crash
async def test_calls_that_end_at_different_moments_of_a_stop_are_all_settled(rig) -> None:
    """The last one too, though there was a moment before it with nothing to settle."""
    async with FakeProvider(answer=slow(0.5)) as provider, rig.clients() as clients:
        rig.settle_bot(provider.url)
        bot = await rig.bot()
        for index in range(8):  # calls that end at different moments of the stop
            await clients.deliver(*rig.message(north_american(100 + index), 0, "vote 1"))
            await asyncio.sleep(0.03)
        began = time.monotonic()
        assert await bot.end(signal.SIGINT) == 0
        assert time.monotonic() - began < 10
        await rig.note_crash()
        assert rig.crashes == [frozenset()]
        evidence = await rig.evidence(clients.told, provider.sends)
    assert judge(evidence) == []
    assert {row.state for row in evidence.rows} == {RowState.ACCEPTED}
