"""How fast a sender may go: free connections, tokens by its rate, pauses that the provider asked for."""

import random
from math import ceil

import msgspec

from vaiven.model.outbox import OutboxRow

BLOCK_S = 0.2
"""A bucket holds at most what this time brings, and tokens drawn from it are good for so long: a rate is kept within it."""
BLOCK_MS = 200
DRY_MS = 50
"""A bucket that had not enough is asked again after about so long, so that no message costs a question of its own."""

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
    """The room that one sender has. Rows dialed and not yet settled never outnumber its connections.

    Where it has a rate, each row also needs a token. All processes share the sender's tokens, so they are drawn from the store,
    some at a time: what the last block's time has used, and what is wanted now.
    """

    def __init__(self, pacing: Pacing, jitter: random.Random | None = None) -> None:
        self.pacing = pacing
        self._jitter = jitter or random.SystemRandom()
        self.rate_per_s = pacing.rate_per_s
        self.block = max(1, int((pacing.rate_per_s or 0) * BLOCK_S))
        self._free = pacing.connections
        self._tokens = self._given = self._used = 0
        self._drawn_ms = self._stale_ms = self._dry_ms = 0
        self._paused_ms = 0

    def lacking(self, wanted: int, now_ms: int) -> int:
        """How many tokens to draw, so that this many rows may go; 0 if there are enough, or none can be had now."""
        if self.rate_per_s is None or now_ms < self._paused_ms or self._drawn_ms <= now_ms < self._dry_ms:
            return 0
        wanted = min(wanted, self._free) - self._left(now_ms)
        if wanted <= 0:
            return 0
        return min(self.block, max(wanted, self._usual(now_ms)))

    def _usual(self, now_ms: int) -> int:
        """What a block's time would use, if it goes on as since the last draw; at most twice what was drawn then."""
        elapsed_ms = max(1, now_ms - self._drawn_ms)
        return min(self._used * BLOCK_MS // elapsed_ms, 2 * self._given) if elapsed_ms <= 2 * BLOCK_MS else 0

    def drawn(self, asked: int, given: int, now_ms: int) -> None:
        """The store gave so many of those asked for. Fewer: there are no more for the moment."""
        self._tokens = self._left(now_ms) + given
        self._given, self._used, self._drawn_ms, self._stale_ms = given, 0, now_ms, now_ms + BLOCK_MS
        if given < asked and self.rate_per_s:
            # By chance, else of two who ask in step the first would always have all of it.
            self._dry_ms = now_ms + max(self._jitter.randint(DRY_MS // 2, DRY_MS * 3 // 2), ceil(1000 / self.rate_per_s))

    def reserve(self, wanted: int, now_ms: int) -> int:
        """Take room for at most so many rows; give back with ``refund`` what was not used."""
        if now_ms < self._paused_ms:
            return 0
        room = min(wanted, self._free)
        if self.rate_per_s is not None:
            self._tokens = self._left(now_ms)
            room = min(room, self._tokens)
            self._tokens -= room
            self._used += room
        self._free -= room
        return room

    def refund(self, unused: int) -> None:
        """Room that was reserved and not used."""
        self._free += unused
        if self.rate_per_s is not None:
            self._tokens += unused
            self._used -= unused

    def unused(self) -> int:
        """The tokens in hand, to be put back since nothing waits for them."""
        tokens, self._tokens = self._tokens, 0
        return tokens

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
        if self.rate_per_s is not None and self._left(now_ms) < 1:
            return max(1, self._dry_ms - now_ms)
        return 0

    def _left(self, now_ms: int) -> int:
        """The tokens in hand. Old ones are worth nothing: the bucket has filled since, and others draw from it, too."""
        return self._tokens if now_ms < self._stale_ms else 0


def backoff_ms(row: OutboxRow, jitter: random.Random) -> int:
    """How long to wait before the next attempt: doubling from a second to five minutes, half of it by chance."""
    longest = min(LONGEST_RETRY_MS, FIRST_RETRY_MS << min(row.attempt - 1, 16))
    return longest // 2 + jitter.randrange(longest // 2 + 1)
