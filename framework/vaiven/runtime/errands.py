"""What goes out of rows that are no messages: a call of a flow, a word to another home."""

from collections.abc import Callable
from typing import Protocol

import msgspec

from vaiven.model.events import Event
from vaiven.model.outbox import OutboxRow, RowState, Settlement


class Ending(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """What one attempt of an errand came to: as ``Settlement``, but for whose it is.

    ``event`` is appended to the inbox in the step that settles it.
    """

    state: RowState
    reason: str | None = None
    retry_ms: int = 0
    event: Event | None = None

    def settlement(self, row: OutboxRow, epoch: int) -> Settlement:
        """It, for this attempt of this row."""
        return Settlement(row.partition, epoch, row.row, row.attempt, self.state, None, self.reason, self.retry_ms, self.event)


class Errand(Protocol):
    """Does what rows of one name (``model.calls.CALLS``, ``TELLS``) ask for, beside the channels, which send messages."""

    def begin(self, row: OutboxRow, done: Callable[[Ending], None]) -> None:
        """Start an attempt of a row that is marked dialed. ``done`` is called once, on the event loop, after this returned."""

    def lost(self, row: OutboxRow, now_ms: int) -> Ending:
        """What becomes of a row whose owner died after it was dialed: nobody knows how far it had come."""

    async def close(self) -> None:
        """Give up what is still under way, without a word: its rows stay dialed, for the next owner."""
