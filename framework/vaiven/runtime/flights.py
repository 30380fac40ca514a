"""Calls under way, each with the lease under which it may be settled: a lease may end under a call, and another of ours begin."""

from collections.abc import Container, Mapping, Sequence

import msgspec
from msgspec.structs import replace as changed

from vaiven.model.outbox import OutboxRow, Settlement

REFUSED = 10_000
"""So many settlements that the store refused are remembered, in case that a lease of ours is found to have ended under them."""

_Attempt = tuple[int, int, int]


class Flight(msgspec.Struct, eq=False, gc=False):
    """A row that goes out. ``epoch`` is that of the send lease that it was dialed or found again under."""

    row: OutboxRow
    epoch: int


class Flights:
    """What one sender has under way.

    A server that was started again, or took another's place, ends every lease. What it still knows as dialed comes back as stray
    under our next lease; what of that is ours is settled by what its call came to. Of the rest of ours it knows nothing: those
    keep their old epoch, so that their settlements are refused, whatever else may bear their numbers now.
    """

    def __init__(self) -> None:
        self._under: dict[_Attempt, Flight] = {}
        self._refused: dict[_Attempt, Settlement] = {}

    def begin(self, row: OutboxRow, epoch: int) -> Flight:
        """The call of this row begins."""
        flight = self._under[row.partition, row.row, row.attempt] = Flight(row, epoch)
        return flight

    def recover(self, strays: Sequence[OutboxRow], epochs: Mapping[int, int]) -> tuple[list[Settlement], list[OutboxRow]]:
        """Of rows dialed under earlier leases of partitions that are ours now: what can be settled, and what nobody knows of."""
        told, lost, found = list[Settlement](), list[OutboxRow](), set[_Attempt]()
        for row in strays:
            attempt, epoch = (row.partition, row.row, row.attempt), epochs[row.partition]
            found.add(attempt)
            if flight := self._under.get(attempt):
                flight.epoch = epoch
            elif known := self._refused.get(attempt):
                told.append(changed(known, epoch=epoch))
            else:
                lost.append(row)
        for attempt, flight in list(self._under.items()):
            if attempt not in found and flight.epoch != epochs.get(attempt[0], flight.epoch):
                del self._under[attempt]
        return told, lost

    def recovered(self, partitions: Container[int]) -> None:
        """What was told of these is settled."""
        self._refused = {attempt: known for attempt, known in self._refused.items() if attempt[0] not in partitions}

    def landed(
        self, settlements: Sequence[tuple[Flight, Settlement]], answers: Sequence[bool | None]
    ) -> tuple[list[tuple[Flight, Settlement]], list[tuple[Flight, Settlement]]]:
        """Of what was settled: what is done with; and what is to be settled again, since our lease had just been replaced, or
        since nobody answered where it lies (None).
        """
        done, again = list[tuple[Flight, Settlement]](), list[tuple[Flight, Settlement]]()
        for (flight, settlement), settled in zip(settlements, answers, strict=True):
            if settled is None or (not settled and flight.epoch != settlement.epoch):
                again.append((flight, changed(settlement, epoch=flight.epoch)))
                continue
            done.append((flight, settlement))
            attempt = (settlement.partition, settlement.row, settlement.attempt)
            if self._under.get(attempt) is flight:
                del self._under[attempt]
                if not settled and len(self._refused) < REFUSED:
                    self._refused[attempt] = settlement
        return done, again


def under_present_lease(flight: Flight, settlement: Settlement) -> Settlement:
    """The settlement under the lease that the flight has by now."""
    return settlement if flight.epoch == settlement.epoch else changed(settlement, epoch=flight.epoch)
