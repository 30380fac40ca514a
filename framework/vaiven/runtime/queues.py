"""Events waiting to be applied, partition by partition, strictly by number."""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence

from msgspec.structs import replace as changed

from vaiven.model.turns import Taken

CROWD = 1024
"""While so many events wait, others wait behind them: to look whose they are would cost more than it saves."""

ALONE = 1
"""An event that was taken from the inbox so often before runs in a batch of its own."""


class Queues:
    """What the owner of some partitions holds in memory.

    An event that was handed over is used only if it is the next one of its partition; otherwise the partition has a *gap*,
    and what is between is read from the durable inbox first. A partition just acquired starts with a gap.
    """

    def __init__(self) -> None:
        self._taken: dict[int, int] = {}
        self._ready: deque[Taken] = deque()
        self._gaps: set[int] = set()
        self._parked: dict[int, list[Taken]] = {}

    def own(self, partitions: Iterable[int]) -> None:
        """Start with these; what waits in their inboxes is a gap."""
        for partition in partitions:
            self._taken[partition] = 0
            self._gaps.add(partition)

    def disown(self, partition: int) -> None:
        """Forget everything of it: somebody else owns it now."""
        self.leave(partition)
        self._drop(partition)

    def owns(self, partition: int) -> bool:
        return partition in self._taken

    def leave(self, partition: int) -> None:
        """Take no more of it; what is in memory is still to be applied."""
        self._taken.pop(partition, None)
        self._gaps.discard(partition)

    def expected(self, partitions: Iterable[int]) -> dict[int, int]:
        """The next number of each of these of which everything before is handed over, and nothing waits."""
        if len(self._ready) > CROWD:
            return {}
        gaps, waiting = self._gaps, self.partitions() if self._ready or self._parked else ()
        return {
            partition: last + 1
            for partition in partitions
            if (last := self._taken.get(partition)) is not None and partition not in gaps and partition not in waiting
        }

    def advance(self, partition: int, number: int) -> None:
        """This number was applied without being handed over. Behind a gap that says nothing of what is before it."""
        if partition not in self._gaps and number > self._taken.get(partition, number):
            self._taken[partition] = number

    def offer(self, taken: Taken) -> None:
        """An event just accepted, handed over in memory."""
        partition = taken.event.partition
        last = self._taken.get(partition)
        if last is None or taken.number <= last or partition in self._gaps:
            return
        if taken.number == last + 1:
            self._taken[partition] = taken.number
            self._ready.append(taken)
        else:
            self._gaps.add(partition)

    def gap(self, partition: int) -> None:
        """Something may wait in the inbox that was not handed over."""
        if partition in self._taken:
            self._gaps.add(partition)

    def rewind(self, partition: int, number: int) -> None:
        """The turn of this number did not happen: it and everything behind it is read again from the inbox."""
        if partition in self._taken:
            self._taken[partition] = min(self._taken[partition], number - 1)
            self._gaps.add(partition)
            self._drop(partition)

    def restore(self, batch: Sequence[Taken]) -> None:
        """The store could not save these: they are next again, but for those that were rewound or whose partition is lost."""
        taken_to = self._taken
        self._ready.extendleft(taken for taken in reversed(batch) if taken.number <= taken_to.get(taken.event.partition, -1))

    def park(self, batch: Sequence[Taken]) -> None:
        """Where they lie nobody answers: they, and what comes behind them, wait for ``unpark``; but see ``restore``."""
        for taken in batch:
            if taken.number <= self._taken.get(taken.event.partition, -1):
                self._parked.setdefault(taken.event.partition, []).append(taken)

    def unpark(self, partitions: Iterable[int]) -> None:
        """What was parked of these is next."""
        for partition in partitions:
            self._ready.extendleft(reversed(self._parked.pop(partition, [])))

    def after(self) -> Mapping[int, int]:
        """For ``Store.take``: each partition with a gap, and the number that is known."""
        return {partition: self._taken[partition] for partition in self._gaps}

    def filled(self, asked: Mapping[int, int], events: Iterable[Taken], complete: bool) -> None:
        """What ``take`` gave for ``asked``; ``complete`` if nothing more waits there.

        Only the first of a partition can be why it was taken before; those behind it bear no more than one retake.
        """
        suspects: set[int] = set()
        for taken in events:
            partition = taken.event.partition
            if self._taken.get(partition) is not None and taken.number > self._taken[partition]:
                self._taken[partition] = taken.number
                if partition in suspects and taken.takes > ALONE:
                    taken = changed(taken, takes=ALONE)
                suspects.add(partition)
                self._ready.append(taken)
        if complete:
            self._gaps.difference_update(asked)

    def next(self, limit: int) -> list[Taken]:
        """The events to apply now, at most ``limit``. One that was taken back from the inbox before runs alone."""
        batch: list[Taken] = []
        while self._ready and len(batch) < limit:
            if self._parked and (parked := self._parked.get(self._ready[0].event.partition)) is not None:
                parked.append(self._ready.popleft())
                continue
            if self._ready[0].takes >= ALONE:
                if not batch:
                    batch.append(self._ready.popleft())
                break
            batch.append(self._ready.popleft())
        return batch

    def partitions(self) -> set[int]:
        """The partitions of which events are in memory."""
        return {taken.event.partition for taken in self._ready} | self._parked.keys()

    @property
    def gaps(self) -> bool:
        return bool(self._gaps)

    def __len__(self) -> int:
        return len(self._ready)

    def _drop(self, partition: int) -> None:
        self._parked.pop(partition, None)
        if any(taken.event.partition == partition for taken in self._ready):
            self._ready = deque(taken for taken in self._ready if taken.event.partition != partition)
