"""What each durability profile costs: how long a webhook waits for its event to be stored, alone and among many.

    python tests/bench/profiles.py --seconds 3

One event at a time gives the wait of a quiet bot; 64 at a time give the throughput, for what comes together waits together.
Servers are real ones on this machine, so the network costs nothing, and the disk syncs as fast as this machine's does.
"""

import argparse
import asyncio
import contextlib
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median, quantiles

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "framework"))

from vaiven.stores import open_store  # noqa: E402 - the framework need not be installed for its bench
from vaiven.stores.contract import Store  # noqa: E402
from vaiven.testing import servers  # noqa: E402
from vaiven.testing.builders import make_event  # noqa: E402
from vaiven.testing.numbers import north_american  # noqa: E402

AT_ONCE = (1, 64)
HOMES = 1000
Place = tuple[str, str]


@contextlib.contextmanager
def local() -> Iterator[Place]:
    with tempfile.TemporaryDirectory(prefix="vaiven-profiles-") as folder:
        yield f"sqlite:///{folder}/bench.db", "local"


@contextlib.contextmanager
def fast() -> Iterator[Place]:
    with servers.primary_and_replica(appendfsync="everysec") as (primary, _):
        yield primary.url, "redis-fast"


@contextlib.contextmanager
def own_disk() -> Iterator[Place]:
    with servers.server(appendfsync="always") as one:
        yield f"{one.url}?replicas=0", "redis-strict"


@contextlib.contextmanager
def strict() -> Iterator[Place]:
    with servers.primary_and_replica(appendfsync="always") as (primary, _):
        yield primary.url, "redis-strict"


PROFILES = {
    "local": local,
    "redis-fast, everysec, a replica": fast,
    "redis-strict, ?replicas=0": own_disk,
    "redis-strict, a replica": strict,
}


async def measure(store: Store, at_once: int, seconds: float) -> tuple[float, list[float]]:
    """Events stored a second, and how long each waited, in s."""
    events = [make_event(f"tel:{north_american(each)}", partitions=store.partitions) for each in range(HOMES)]
    waits: list[float] = []
    ends = time.perf_counter() + seconds

    async def door(first: int) -> None:
        each = first
        while (began := time.perf_counter()) < ends:
            await store.accept([events[each % HOMES]])
            waits.append(time.perf_counter() - began)
            each += at_once

    began = time.perf_counter()
    await asyncio.gather(*(door(first) for first in range(at_once)))
    return len(waits) / (time.perf_counter() - began), waits


async def profile(place: Place, seconds: float) -> list[str]:
    """One line of the table, without its name."""
    store = open_store(place[0], profile=place[1])
    await store.open()
    try:
        await measure(store, max(AT_ONCE), seconds / 4)
        cells = []
        for at_once in AT_ONCE:
            rate, waits = await measure(store, at_once, seconds)
            cells += [f"{rate:,.0f}", f"{median(waits) * 1000:.2f}", f"{quantiles(waits, n=100)[98] * 1000:.2f}"]
    finally:
        await store.close()
    return cells


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=3.0, help="how long each figure is measured (default 3)")
    seconds: float = parser.parse_args().seconds
    heads = [f"{at_once} at a time: {what}" for at_once in AT_ONCE for what in ("events a second", "median ms", "p99 ms")]
    lines = [["profile", *heads], ["---", *("---:" for _ in heads)]]
    for name, begin in PROFILES.items():
        with begin() as place:
            lines.append([name, *asyncio.run(profile(place, seconds))])
    sys.stdout.write("".join(f"| {' | '.join(line)} |\n" for line in lines))


if __name__ == "__main__":
    main()
