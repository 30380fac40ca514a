"""What ``/metrics`` tells: this process's counters, those of its siblings on the same port, and how the bot stands."""

import asyncio
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vaiven.edge.control import NobodyServes, ask
from vaiven.edge.metrics import road
from vaiven.edge.status import look
from vaiven.model.errors import StoreUnavailable
from vaiven.runtime.bot import Bot

_Counts = Counter[tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Siblings:
    """The workers that serve one port: a socket each, in a folder. Who is asked for metrics answers for all of them."""

    folder: Path
    number: int
    pid: int

    @property
    def socket(self) -> Path:
        """Ours. While one relieves another, both have the same number."""
        return self.folder / f"{self.number}-{self.pid}"

    async def counts(self) -> _Counts:
        """What the others have counted, those that do not answer left out."""
        others = [path for path in sorted(self.folder.iterdir()) if path != self.socket]
        total: _Counts = Counter()
        for told in await asyncio.gather(*(ask(path, "counts") for path in others), return_exceptions=True):
            if isinstance(told, list):
                total.update(unpack(told))
            elif not isinstance(told, NobodyServes | StoreUnavailable):
                raise told
        return total


def pack(counts: Mapping[tuple[str, ...], int]) -> list[list[Any]]:
    """Counters as JSON may carry them."""
    return [[*name, count] for name, count in counts.items()]


def unpack(packed: list[list[Any]]) -> _Counts:
    return Counter({tuple(name): count for *name, count in packed})


async def figures(bot: Bot, siblings: Siblings | None = None) -> str:
    """In Prometheus' text format. What the store would tell is left out while it does not answer."""
    counted = Counter(bot.counts)
    if siblings is not None:
        counted.update(await siblings.counts())
    try:
        status = await look(bot.store)
    except StoreUnavailable:
        status = None
    return road(counted, status).render()
