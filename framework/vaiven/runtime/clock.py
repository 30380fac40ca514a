"""The store's clock, read off this process's own: so that instants of many processes can be compared."""

from collections.abc import Callable

from vaiven.stores.contract import Store

TOLERANCE_MS = 5
"""Clocks so near to each other are taken to be the same."""


class StoreClock:
    """Now, ms since the epoch: ``clock``, corrected by how far the store's was from it when last ``measure``d."""

    def __init__(self, clock: Callable[[], int]) -> None:
        self._clock = clock
        self.offset_ms = 0

    def __call__(self) -> int:
        return self._clock() + self.offset_ms

    async def measure(self, store: Store) -> None:
        """Ask the store. What the question's own time may explain is no difference."""
        before = self._clock()
        told = await store.now_ms()
        after = self._clock()
        offset = told - (before + after) // 2
        if abs(offset - self.offset_ms) > (after - before) // 2 + TOLERANCE_MS:
            self.offset_ms = offset
