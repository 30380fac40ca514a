"""Rows that were dialed by a call whose answer never came. Nobody has sent them, since only the answer tells anybody to.

A connection may break after the server has run a script. The rows that it dialed would then lie there until their owner dies.
So a handle remembers which rows it has given out, and for a while after such a failure its claims also give what is dialed under
its own epoch and was never given. If that epoch has ended meanwhile, or the lease is given back, such rows are queued again:
those dialed at the very instant of such a call, since a server that lost its last words has others as dialed that were settled.
"""

import asyncio
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager

from vaiven.model.errors import StoreUnavailable
from vaiven.model.outbox import OutboxRow
from vaiven.stores.redis import packing
from vaiven.stores.redis.asking import Asking
from vaiven.stores.redis.claims import flat

DOUBT_S = 60.0
"""How long a partition is looked at again: a server that stood still may run a call long after its connection was given up."""

REFUSED = 10_000
"""So many settlements that the server refused are remembered: those rows were given, whatever they look like."""

_Key = tuple[int, int]
_Reign = tuple[int, int]
"""A partition, and the send epoch under which this handle asked for something of it."""


class Doubts:
    """What one handle has given out to be sent, and where it may have missed something."""

    def __init__(self) -> None:
        self._given: set[_Key] = set()
        self._refused: dict[_Key, None] = {}
        self._until: dict[_Reign, float] = {}
        self._instants: dict[_Reign, set[int]] = {}
        self._calls: dict[int, tuple[Collection[_Key], Mapping[int, int], asyncio.Event]] = {}
        self._serial = 0
        self._looking = False

    def gave(self, rows: Iterable[OutboxRow]) -> None:
        self._given.update([(row.partition, row.row) for row in rows])

    def settled(self, answers: Iterable[tuple[_Key, bool]]) -> None:
        for key, done in answers:
            self._given.discard(key)
            if not done:
                self._refused[key] = None
        while len(self._refused) > REFUSED:
            del self._refused[next(iter(self._refused))]

    @contextmanager
    def dialing(self, rows: Collection[_Key], epochs: Mapping[int, int], instants: Collection[int]) -> Iterator[None]:
        """While a call is under way that may dial these rows, or others under these epochs, at these instants."""
        self._serial = serial = self._serial + 1
        ended = asyncio.Event()
        self._calls[serial] = rows, epochs, ended
        try:
            yield
        except (StoreUnavailable, asyncio.CancelledError):
            self.doubt(epochs, instants)
            raise
        finally:
            del self._calls[serial]
            ended.set()

    def doubt(self, epochs: Mapping[int, int], instants: Collection[int]) -> None:
        """A call that asked for this has failed."""
        self._until.update(dict.fromkeys(epochs.items(), asyncio.get_running_loop().time() + DOUBT_S))
        for reign in epochs.items():
            self._instants.setdefault(reign, set()).update(instants)

    async def rested(self, epochs: Mapping[int, int]) -> None:
        """Wait until no call is under way under another epoch of these partitions: one may yet tell what it has dialed."""
        while ends := [
            ended
            for _, call, ended in self._calls.values()
            if any(epochs.get(partition, epoch) != epoch for partition, epoch in call.items())
        ]:
            await ends[0].wait()

    def open(self, partitions: Collection[int] | None = None) -> dict[int, int]:
        """Where something may have been missed, of these partitions or of all, with the newest epoch under which that is so."""
        now = asyncio.get_running_loop().time()
        self._until = {reign: ends for reign, ends in self._until.items() if ends > now}
        self._instants = {reign: instants for reign, instants in self._instants.items() if reign in self._until}
        return dict(sorted(reign for reign in self._until if partitions is None or reign[0] in partitions))

    def missed(self, dialed: Iterable[tuple[OutboxRow, int, int]]) -> list[OutboxRow]:
        """Of rows dialed, each with epoch and instant, those that nobody was given, or will be by a call that is under way."""
        known = self._given | self._refused.keys()
        under_way = {reign for _, call, _ in self._calls.values() for reign in call.items()}
        lost = {reign: instants for reign, instants in self._instants.items() if reign not in under_way}
        return [
            row
            for row, epoch, at_ms in dialed
            if at_ms in lost.get((row.partition, epoch), ()) and (row.partition, row.row) not in known
        ]

    async def resolved(self, on: Asking, epochs: Mapping[int, int], room: Mapping[str, int]) -> list[OutboxRow]:
        """Rows dialed and never given, as far as there is room; not while another claim looks for them."""
        if self._looking or not self._until:
            return []
        left = dict(room)
        asked = {partition: epoch for partition, epoch in self.open(epochs).items() if epochs[partition] == epoch}
        not_missed = self._given | self._asked()
        self._looking = True
        try:
            found, away = await on.reached(on.run, "dialed", asked, lambda group: flat((each, asked[each]) for each in group))
        finally:
            self._looking = False
        if away is not None:
            self.doubt({partition: asked[partition] for partition in away.partitions}, ())  # until it can be looked at
        not_missed |= self._given | self._asked()
        rows = []
        for row in (packing.read_row(*one) for one in found if (one[0], one[1]) not in not_missed):
            if left.get(row.channel, 0) > 0:
                left[row.channel] -= 1
                rows.append(row)
        return rows

    def _asked(self) -> set[_Key]:
        return {key for rows, _, _ in self._calls.values() for key in rows}
