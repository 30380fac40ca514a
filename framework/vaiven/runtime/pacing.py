"""How fast a sender may go: free connections, tokens by its rate, pauses that the provider asked for."""

import random

import msgspec

from vaiven.model.outbox import OutboxRow

BLOCK_S = 0.2
"""A bucket holds at most what this time brings, so that a rate is kept within it."""

FIRST_RETRY_MS = 1_000
LONGEST_RETRY_MS = 300_000


class Pacing(msgspec.Struct, frozen=True):
    """How one channel sends.

    ``rate_per_s`` None: as fast as the provider takes it. ``connections``: calls under way at most, so also the most rows whose
    outcome a crash can leave unknown. ``hold_ms``: how long a row of unknown outcome waits for a receipt before it goes again.
    """

    rate_per_s: float | None = None
    connections: int = 256
    hold_ms: int = 60_000


class Pace:
    """The room that one sender has. Rows dialed and not yet settled never outnumber its connections."""

    def __init__(self, pacing: Pacing, now_ms: int) -> None:
        self.pacing = pacing
        self.rate_per_s = rate_per_s = pacing.rate_per_s
        self._free = pacing.connections
        self._burst = max(1.0, (rate_per_s or 0.0) * BLOCK_S)
        self._tokens = self._burst
        self._filled_ms = now_ms
        self._paused_ms = 0

    def reserve(self, now_ms: int) -> int:
        """Take all the room there is now; give back with ``refund`` what was not used."""
        if now_ms < self._paused_ms:
            return 0
        room = self._free
        if self.rate_per_s is not None:
            elapsed_s = max(0, now_ms - self._filled_ms) / 1000
            self._filled_ms = max(now_ms, self._filled_ms)
            self._tokens = min(self._burst, self._tokens + elapsed_s * self.rate_per_s)
            room = min(room, int(self._tokens))
            self._tokens -= room
        self._free -= room
        return room

    def refund(self, unused: int) -> None:
        """Room that was reserved and not used."""
        self._free += unused
        if self.rate_per_s is not None:
            self._tokens = min(self._burst, self._tokens + unused)

    def settled(self, rows: int) -> None:
        """So many calls are settled: their connections are free again. Their tokens are spent."""
        self._free += rows

    def pause(self, until_ms: int) -> None:
        self._paused_ms = max(self._paused_ms, until_ms)

    def wait_ms(self, now_ms: int) -> int | None:
        """How long until there may be room again by time alone; None if only a settle can make some."""
        if now_ms < self._paused_ms:
            return self._paused_ms - now_ms
        if self._free <= 0:
            return None
        if self.rate_per_s is not None and self._tokens < 1:
            return max(1, int((1 - self._tokens) / self.rate_per_s * 1000))
        return 0


def backoff_ms(row: OutboxRow, jitter: random.Random) -> int:
    """How long to wait before the next attempt: doubling from a second to five minutes, half of it by chance."""
    longest = min(LONGEST_RETRY_MS, FIRST_RETRY_MS << min(row.attempt - 1, 16))
    return longest // 2 + jitter.randrange(longest // 2 + 1)
