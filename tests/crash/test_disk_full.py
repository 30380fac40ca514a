"""No room on the disk: 503 to providers and nothing half done; and with room again, everything goes on."""

import asyncio
import resource
import signal
import time

import aiohttp
import pytest

from vaiven.testing.judge import judge
from vaiven.testing.numbers import north_american
from vaiven.testing.provider import FakeProvider

CONTACTS = 150
VOTES = 8
UNLIMITED = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)


@pytest.mark.crash
@pytest.mark.parametrize("how", ["pages", "file size"])
@pytest.mark.parametrize("killed", [False, True], ids=["goes on", "killed"])
async def test_a_full_disk_refuses_and_recovers(rig, figures, how, killed) -> None:
    async with FakeProvider() as provider, rig.clients() as clients:
        rig.log_level = "error"  # a line for each refused webhook is much, and the limit would hold for them too
        rig.settle_bot(provider.url)
        bot = await (rig.bot("full", "25") if how == "pages" else rig.bot())
        await clients.deliver(*rig.message(north_american(99), 0, "vote 1"))
        if how == "file size":
            wal = rig.db.with_name(rig.db.name + "-wal")
            resource.prlimit(bot.pid, resource.RLIMIT_FSIZE, (wal.stat().st_size + 200_000, resource.RLIM_INFINITY))
        tasks = [asyncio.create_task(vote(rig, clients, index)) for index in range(CONTACTS)]
        await refused(rig, clients, tasks)
        acks = clients.acks
        assert clients.refused.keys() == {"503"}, "a 503 and nothing else"
        assert None not in clients.retry_after, "with Retry-After"
        async with aiohttp.ClientSession() as session, session.get(f"{rig.url}/health/live") as response:
            assert response.status == 200
        if killed:
            await rig.kill(bot)
            bot = await rig.bot()
        elif how == "pages":
            bot.send(signal.SIGUSR1)
        else:
            resource.prlimit(bot.pid, resource.RLIMIT_FSIZE, UNLIMITED)
        await asyncio.gather(*tasks)
        await rig.quiet()
        assert await bot.end(signal.SIGINT) == 0
        evidence = await rig.evidence(clients.told, provider.sends)
    assert judge(evidence) == []
    assert 0 < acks < 1 + CONTACTS * VOTES, "it had room at first, and then not"
    assert len(evidence.rows) == 1 + CONTACTS * VOTES
    assert rig.query("PRAGMA integrity_check") == [("ok",)]
    figures |= {"acks before": acks, "refused": clients.refused["503"]}


async def refused(rig, clients, tasks) -> None:
    """Return once the room is used up and it shows; fail at once if everybody got through."""

    def shows() -> bool:
        assert not all(task.done() for task in tasks), f"it never ran out of room: {clients.acks} acknowledged"
        return clients.refused["503"] > 100

    await rig.until(shows, progress=lambda: (clients.acks, clients.refused.total()))


async def vote(rig, clients, index: int) -> None:
    for turn in range(VOTES):
        await clients.deliver(*rig.message(north_american(100 + index), turn, "vote 2"))


@pytest.mark.crash
async def test_a_bot_with_a_full_disk_can_still_be_stopped(rig) -> None:
    async with FakeProvider() as provider, rig.clients() as clients:
        rig.log_level = "error"  # a line for each refused webhook is much, and the limit would hold for them too
        rig.settle_bot(provider.url)
        bot = await rig.bot("full", "15")
        tasks = [asyncio.create_task(vote(rig, clients, index)) for index in range(CONTACTS)]
        await refused(rig, clients, tasks)
        began = time.monotonic()
        assert await bot.end(signal.SIGINT) in (0, 1)
        assert time.monotonic() - began < 25
        await rig.note_crash()
        bot = await rig.bot()
        await asyncio.gather(*tasks)
        await rig.quiet()
        assert await bot.end(signal.SIGINT) == 0
        evidence = await rig.evidence(clients.told, provider.sends)
    assert judge(evidence) == []
