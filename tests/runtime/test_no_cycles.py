"""What a turn makes goes when it is done: the collector, which rests while a bot serves, has nothing to find."""

import gc
from collections import Counter

import pytest

from vaiven.stores.sqlite import SqliteStore


@pytest.mark.parametrize("apart", [False, True])
async def test_a_thousand_turns_leave_nothing_to_collect(make_road, tmp_path, monkeypatch, apart) -> None:
    if apart:
        monkeypatch.setattr(SqliteStore, "turn_at_once", lambda *_: None)
    road = make_road(store=SqliteStore(tmp_path / "road.db"))
    await road.start()
    await talk(road, 50)  # what is made once and kept
    gc.collect()
    gc.disable()
    try:
        await talk(road, 1000)
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.collect()
        found = Counter(type(one).__qualname__ for one in gc.garbage)
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()
        await road.stop()
    assert {name: count for name, count in found.items() if count >= 100} == {}


async def test_leases_renewed_leave_nothing_to_collect(make_road, tmp_path) -> None:
    road = make_road(store=SqliteStore(tmp_path / "road.db"))
    await road.start()
    await road.bot.share()
    gc.collect()
    gc.disable()
    try:
        for _ in range(50):
            await road.bot.share()
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.collect()
        found = Counter(type(one).__qualname__ for one in gc.garbage)
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()
        await road.stop()
    assert found["Transaction"] == 0


async def talk(road, turns: int) -> None:
    """Starts, answers, answers that are none, receipts: in groups, as they come under load."""
    for at in range(turns):
        text = ("vote", "2", "vote 1", "who?", "anna")[at % 5]
        await road.bot.intake.receive("sms", road.webhook(text, number=f"+1202555{100 + at % 90:04d}"))
        if at % 10 == 0:
            await road.rest()
    await road.rest()
