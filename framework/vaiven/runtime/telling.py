"""Words to other homes, delivered: each row is accepted where its home lies, and then settled.

Rows of one partition to one home come one at a time, in order, and the receiver knows the last it heard (``Contact.marks``). So a
word of which nobody knows whether it was accepted is simply told again.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence

from vaiven.model.calls import Told
from vaiven.model.errors import StoreUnavailable
from vaiven.model.events import Event, Happened
from vaiven.model.outbox import OutboxRow, RowState
from vaiven.model.urns import partition_of
from vaiven.runtime.errands import Ending

log = logging.getLogger("vaiven.telling")

RETRY_S = 0.2
TOLD = Ending(RowState.ACCEPTED)
AGAIN = Ending(RowState.QUEUED)


class Telling:
    """The errand of rows named ``TELLS``. ``accept`` makes events durable, in one of ``partitions`` each, and hands them over."""

    def __init__(self, accept: Callable[[Sequence[Event]], Awaitable[object]], partitions: int, clock: Callable[[], int]) -> None:
        self._accept = accept
        self._partitions = partitions
        self._clock = clock
        self._waiting: list[tuple[OutboxRow, Told, Callable[[Ending], None]]] = []
        self._going: asyncio.Task[None] | None = None

    def begin(self, row: OutboxRow, done: Callable[[Ending], None]) -> None:
        """Tell it. While some words are under way the next gather, and go together."""
        if row.tell is None:
            raise ValueError(f"row {row.reference} bears no word")
        self._waiting.append((row, row.tell, done))
        if self._going is None:
            self._going = asyncio.get_running_loop().create_task(self._go())

    def lost(self, row: OutboxRow, now_ms: int) -> Ending:  # noqa: ARG002 - as every errand is asked
        """Told again: it is the first of its line still, and the receiver knows it if it has come."""
        return AGAIN

    async def close(self) -> None:
        if self._going is not None:
            self._going.cancel()
            await asyncio.wait([self._going])

    async def _go(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting, []
                now_ms = self._clock()
                try:
                    await self._accept([event_of(row, told, self._partitions, now_ms) for row, told, _ in batch])
                except StoreUnavailable as error:
                    log.warning("store unavailable while telling %d words: %s", len(batch), error)
                    self._waiting = batch + self._waiting
                    await asyncio.sleep(RETRY_S)
                    continue
                for _, _, done in batch:
                    done(TOLD)
        finally:
            self._going = None


def event_of(row: OutboxRow, told: Told, partitions: int, now_ms: int) -> Event:
    """The word that a row bears, as its receiver hears it: the same row is the same event, however often it is told."""
    to = told.to
    body = Happened(
        name=told.name,
        data=told.data,
        session=to.session if to is not None else "",
        step=to.step if to is not None else "",
        visit=to.visit if to is not None else 0,
        sender=told.sender,
        origin=row.partition,
        row=row.row,
        answer_to=told.answer_to,
    )
    channel = to.channel if to is not None else told.channel
    return Event(f"tell:{row.reference}", told.home, partition_of(told.home, partitions), channel, now_ms, body)
