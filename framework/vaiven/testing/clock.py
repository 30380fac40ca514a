"""A clock that only hands move."""


class Clock:
    """Stands still until it is moved. ``now_ms`` is what stores and runtimes take as their clock (ms since the epoch)."""

    def __init__(self, at_ms: int = 1_800_000_000_000) -> None:
        self.at_ms = at_ms

    def now_ms(self) -> int:
        return self.at_ms

    def advance(self, ms: int = 0, *, s: float = 0, minutes: float = 0, hours: float = 0) -> int:
        """Move on, and give the new instant (ms since the epoch)."""
        self.at_ms += ms + round(s * 1000) + round(minutes * 60_000) + round(hours * 3_600_000)
        return self.at_ms
