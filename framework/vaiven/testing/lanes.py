"""One direction of a line between two programs, and what can be wrong with it: the faults of ``vaiven.testing.proxy``."""

import asyncio
import random
from collections import Counter
from contextlib import suppress
from enum import StrEnum

SLICES_PER_S = 50
"""How finely a bandwidth limit deals out its second."""


class Fault(StrEnum):
    """What can be wrong with a line."""

    CUT = "cut"
    RESET = "reset"
    REFUSE = "refuse"
    HOLD = "hold"
    SWALLOW = "swallow"
    DELAY = "delay"
    LIMIT = "limit"
    BREAK = "break"


class Way(StrEnum):
    """A direction: ``UP`` to the server, ``DOWN`` to the client."""

    UP = "up"
    DOWN = "down"


class Record:
    """What faults were asked for, and how often each acted."""

    def __init__(self, more: asyncio.Event) -> None:
        self.asked: set[Fault] = set()
        self.fired: Counter[Fault] = Counter()
        self._more = more

    def acted(self, fault: Fault) -> None:
        """It did something, just now."""
        self.fired[fault] += 1
        self._more.set()


class Lane:
    """One direction of all connections, and the faults on it; several may be on at once. ``bytes`` is how many went through."""

    def __init__(self, record: Record, chance: random.Random) -> None:
        self.bytes = 0
        self.record = record
        self._chance = chance
        self.changed = asyncio.Event()
        self.clear()

    def clear(self) -> None:
        """Switch every fault off."""
        self.holds = self._swallows = False
        self._delay_s = self._jitter_s = 0.0
        self._rate: int | None = None
        self._free_s = 0.0
        """When the line, at its bandwidth, is through with what it has."""
        self._breaks = self._break_each = self._break_in = 0
        self.break_resets = False
        self._change()

    @property
    def fired(self) -> Counter[Fault]:
        """What each fault really did here: pieces held, swallowed, delayed or slowed, connections broken."""
        return self.record.fired

    @property
    def is_shut(self) -> bool:
        """Whether nothing goes through."""
        return self.holds or self._swallows

    def hold(self) -> None:
        """Keep everything back. Connections stay open, and neither side hears of the other's end. ``Proxy.heal`` chooses
        whether what was kept goes on.
        """
        self.holds = True
        self._ask(Fault.HOLD)

    def swallow(self) -> None:
        """Read everything and lose it. Connections stay open until ``Proxy.heal``, which resets those that lost something."""
        self._swallows = True
        self._ask(Fault.SWALLOW)

    def delay(self, delay_s: float, jitter_s: float = 0.0) -> None:
        """Let each piece come later by ``delay_s`` and at most ``jitter_s`` more, in order."""
        self._delay_s, self._jitter_s = delay_s, jitter_s
        self._ask(Fault.DELAY)

    def limit(self, bytes_per_s: int) -> None:
        """Let no more than this through, over all connections."""
        self._rate, self._free_s = max(1, bytes_per_s), 0.0
        self._ask(Fault.LIMIT)

    def break_after(self, count: int, *, reset: bool = False, times: int = 1) -> None:
        """Close a connection in the middle of what it says: the one that carries the ``count``-th byte from now, right after it.

        ``times``: so often, each after ``count`` bytes more. Bytes of all connections count.
        """
        self._break_each = self._break_in = max(0, count)
        self.break_resets, self._breaks = reset, times
        self._ask(Fault.BREAK)

    def _ask(self, fault: Fault) -> None:
        self.record.asked.add(fault)
        self._change()

    def _change(self) -> None:
        self.changed.set()
        self.changed = asyncio.Event()

    # -- what connections ask ------------------------------------------------------------------------------------------

    async def let_through(self, came_s: float) -> bool:
        """Wait until what came at ``came_s`` may go on; False: it is lost."""
        loop, luck, told = asyncio.get_running_loop(), self._chance.random(), set[Fault]()
        while not self._swallows:
            left_s = came_s + self._delay_s + luck * self._jitter_s - loop.time()
            if not self.holds and left_s <= 0:
                return True
            fault = Fault.HOLD if self.holds else Fault.DELAY
            if fault not in told:
                told.add(fault)
                self.record.acted(fault)
            await self._wait(None if self.holds else left_s)
        self.record.acted(Fault.SWALLOW)
        return False

    async def grant(self, wanted: int) -> int:
        """How many of so many bytes may go, once the bandwidth has room for them."""
        if self._rate is None:
            return wanted
        loop = asyncio.get_running_loop()
        granted = min(wanted, max(1, self._rate // SLICES_PER_S))
        self._free_s = mine_s = max(self._free_s, loop.time()) + granted / self._rate
        self.record.acted(Fault.LIMIT)
        while self._rate is not None and (left_s := mine_s - loop.time()) > 0:
            await self._wait(left_s)
        return granted

    async def _wait(self, seconds: float | None) -> None:
        """So long, or until the faults change."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.changed.wait()

    def cut_at(self, count: int) -> int | None:
        """Of so many bytes that are about to go, how many go before the connection breaks; None: it does not."""
        if not self._breaks:
            return None
        if count < self._break_in:
            self._break_in -= count
            return None
        at, self._break_in = self._break_in, self._break_each
        self._breaks -= 1
        self.record.acted(Fault.BREAK)
        return at
