"""The power goes: what was not synced is gone. Under ``local`` nothing that was acknowledged is among it."""

import asyncio
import contextlib
import shutil
import signal
from pathlib import Path

import pytest

from vaiven.model.messages import InboundMessage
from vaiven.stores import open_store
from vaiven.stores.contract import Role
from vaiven.testing.numbers import north_american
from vaiven.testing.provider import FakeProvider

CONTACTS = 200
ACKED = 1_500


async def kept(path: Path) -> set[str]:
    """The messages that a file has, turned or waiting."""
    store = open_store(f"sqlite:///{path}")
    await store.open()
    try:
        epochs = await store.lease(Role.TURN, "auditor", range(store.partitions), 60_000)
        events = [record.event async for record in store.history()]
        events += [taken.event for taken in await store.take(epochs, {}, 1 << 20)]
    finally:
        await store.close()
    return {event.body.id for event in events if isinstance(event.body, InboundMessage)}


async def cut(rig, level: str) -> tuple[set[str], set[str]]:
    """Messages acknowledged until the power went, and those of them that the disk has."""
    synced = rig.folder / "synced"
    synced.mkdir()
    async with FakeProvider() as provider, rig.clients() as clients:
        rig.settle_bot(provider.url)
        script, run = Path(__file__).with_name("shadow_disk.py"), ("run", str(rig.folder), "--port", str(rig.port))
        bot = await rig.start(str(script), str(synced), level, "--", *run, "--log-level", "warning")
        bot.url = rig.url
        await rig.ready(bot)
        numbers = [north_american(100 + each) for each in range(CONTACTS)]
        crowd = asyncio.create_task(rig.crowd(clients, numbers, 1_000, seed=1))
        await clients.reached(ACKED)
        await bot.end(signal.SIGKILL)
        acked = {id_ for told in clients.told.values() for id_, was in told.items() if was}
        crowd.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await crowd
    copy = rig.folder / "copy"
    shutil.copytree(synced, copy)
    return acked, acked & await kept(copy / rig.db.name)


@pytest.mark.crash
async def test_local_loses_nothing_that_was_not_synced(rig, figures) -> None:
    acked, there = await cut(rig, "FULL")
    figures |= {"acked": len(acked), "lost": len(acked - there)}
    assert acked == there
    assert len(acked) > ACKED / 2


@pytest.mark.crash
async def test_less_than_full_would_lose_what_was_acknowledged(rig, figures) -> None:
    acked, there = await cut(rig, "NORMAL")
    figures |= {"acked": len(acked), "lost": len(acked - there)}
    assert len(acked - there) > 0, "the disk keeps everything: the other test proves nothing"
