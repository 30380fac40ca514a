"""Token buckets in one process's memory: for stores that a single process serves."""


class Buckets:
    """Buckets by sender, full at first. They need not survive their process: a burst is worth a fifth of a second."""

    def __init__(self) -> None:
        self._held: dict[str, tuple[float, int]] = {}

    def draw(self, sender: str, rate_per_s: float, burst: int, wanted: int, now_ms: int) -> int:
        """At most ``wanted`` whole tokens, which are spent."""
        tokens, filled_ms = self._held.get(sender, (float(burst), now_ms))
        tokens = min(float(burst), tokens + max(0, now_ms - filled_ms) / 1000 * rate_per_s)
        given = min(wanted, int(tokens + 1e-9))  # ten tenths are a token
        self._held[sender] = (min(float(burst), tokens - given), max(now_ms, filled_ms))
        return max(0, given)
