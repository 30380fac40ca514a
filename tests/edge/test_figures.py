"""``/metrics`` of workers that share a port: whoever is asked answers for all of them."""

import os
from collections import Counter
from pathlib import Path
from typing import Any

from vaiven.edge.control import control
from vaiven.edge.figures import Siblings, figures, pack, unpack
from vaiven.model.errors import StoreUnavailable
from vaiven.stores.memory import MemoryStore


class Bot:
    def __init__(self, **counts: int) -> None:
        self.counts = Counter({("accepted", name): count for name, count in counts.items()})
        self.store = MemoryStore(partitions=2)


def test_counters_come_back_as_they_were() -> None:
    counts = Counter({("accepted", "sms"): 3, ("votes", "final", "counted"): 7})
    assert unpack(pack(counts)) == counts


async def test_counters_of_all_siblings_are_summed(tmp_path: Path) -> None:
    bots = [Bot(sms=1, wa=5), Bot(sms=10), Bot(sms=100)]
    siblings = [Siblings(tmp_path, number, os.getpid()) for number in range(3)]

    def acts(bot: Bot) -> dict[str, Any]:
        async def counts(_: object) -> Any:
            return pack(bot.counts)

        return {"counts": counts}

    async with control(siblings[0].socket, acts(bots[0])), control(siblings[1].socket, acts(bots[1])):
        text = await figures(bots[2], siblings[2])  # type: ignore[arg-type]
        (tmp_path / "9-1").touch()  # of one that died
        again = await figures(bots[0], siblings[0])  # type: ignore[arg-type]
    assert 'vaiven_accepted_total{channel="sms"} 111' in text
    assert 'vaiven_accepted_total{channel="wa"} 5' in text
    assert 'vaiven_accepted_total{channel="sms"} 11\n' in again


async def test_what_the_store_would_tell_is_left_out_while_it_is_silent() -> None:
    bot = Bot(sms=1)

    async def down() -> None:
        raise StoreUnavailable("down")

    bot.store.counts = down  # type: ignore[method-assign, assignment]
    text = await figures(bot)  # type: ignore[arg-type]
    assert 'vaiven_accepted_total{channel="sms"} 1' in text
    assert "vaiven_inbox_waiting" not in text
