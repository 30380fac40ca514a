"""Rows that were dialed by a call whose answer never came. Nobody has sent them, since only the answer tells anybody to.

A connection may break after the server has run a script. The rows that it dialed would then lie there until their owner dies.
So a handle remembers which rows it has given out, and for a while after such a failure its claims also give what is dialed under
its own epoch and was never given.
"""

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

from vaiven.model.errors import StoreUnavailable
from vaiven.model.outbox import OutboxRow
from vaiven.stores.redis import packing
from vaiven.stores.redis.asking import Asking
from vaiven.stores.redis.claims import flat

DOUBT_S = 60.0
"""How long a partition is looked at again: a server that stood still may run a call long after its connection was given up."""

_Key = tuple[int, int]


class Doubts:
    """What one handle has given out to be sent, and where it may have missed something."""

    def __init__(self) -> None:
        self._given: set[_Key] = set()
        self._asked: dict[_Key, int] = {}
        self._until: dict[int, float] = {}
        self._looking = False

    def gave(self, rows: Iterable[OutboxRow]) -> None:
        self._given.update([(row.partition, row.row) for row in rows])

    def settled(self, rows: Iterable[_Key]) -> None:
        self._given.difference_update(rows)

    @contextmanager
    def dialing(self, rows: list[_Key], partitions: Iterable[int]) -> Iterator[None]:
        """While a call is under way that may dial these rows, or others of these partitions."""
        for key in rows:
            self._asked[key] = self._asked.get(key, 0) + 1
        try:
            yield
        except (StoreUnavailable, asyncio.CancelledError):
            ends = asyncio.get_running_loop().time() + DOUBT_S
            self._until.update(dict.fromkeys(partitions, ends))
            raise
        finally:
            for key in rows:
                self._asked[key] -= 1
                if not self._asked[key]:
                    del self._asked[key]

    async def resolved(self, on: Asking, epochs: Mapping[int, int], room: Mapping[str, int]) -> list[OutboxRow]:
        """Rows dialed and never given, as far as there is room; not while another claim looks for them."""
        if self._looking or not self._until:
            return []
        now, left = asyncio.get_running_loop().time(), dict(room)
        self._until = {partition: ends for partition, ends in self._until.items() if ends > now}
        asked = [partition for partition in self._until if partition in epochs]
        not_missed = {*self._given, *self._asked}
        self._looking = True
        try:
            found = await on.over(on.read, "dialed", asked, lambda group: flat((each, epochs[each]) for each in group))
        finally:
            self._looking = False
        not_missed |= self._given | self._asked.keys()
        rows = []
        for row in (packing.read_row(*one) for one in found if (one[0], one[1]) not in not_missed):
            if left.get(row.channel, 0) > 0:
                left[row.channel] -= 1
                rows.append(row)
        return rows
