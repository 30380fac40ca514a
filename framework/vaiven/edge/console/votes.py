"""The vote board's numbers: totals and votes per second, both from the store."""

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from vaiven.edge.console.documents import Labelled
from vaiven.model.effects import TallyOutcome
from vaiven.stores.contract import Store, Total

FRESH_MS = 400
"""However many people look, the store is asked no more often than this."""
WINDOW_MS = 5_000
"""Votes per second are taken over so long."""


class Sample(msgspec.Struct, frozen=True):
    """The totals of every poll at one instant; ``accepted`` sums them a poll."""

    at_ms: int
    totals: Sequence[Total]
    accepted: Counter[str]


class Sampler:
    """Reads totals while somebody looks; nobody looking costs nothing."""

    def __init__(self, store: Store, clock: Callable[[], int]) -> None:
        self._store = store
        self._clock = clock
        self._samples: deque[Sample] = deque()
        self._reading = asyncio.Lock()

    async def sample(self) -> Sample:
        """The newest totals, at most FRESH_MS old."""
        async with self._reading:
            now_ms = self._clock()
            if self._samples and 0 <= now_ms - self._samples[-1].at_ms < FRESH_MS:
                return self._samples[-1]
            if self._samples and now_ms < self._samples[-1].at_ms:
                self._samples.clear()  # the clock was set back
            totals = await self._store.totals()
            accepted: Counter[str] = Counter()
            for total in totals:
                accepted[total.poll] += total.count
            sample = Sample(now_ms, totals, accepted)
            self._samples.append(sample)
            # One sample older than the window is kept, as the far end of it, unless nobody has looked for long.
            while len(self._samples) > 1 and self._samples[1].at_ms <= now_ms - WINDOW_MS:
                self._samples.popleft()
            if self._samples[0].at_ms < now_ms - 2 * WINDOW_MS:
                self._samples.popleft()
            return sample

    def per_second(self, poll: str) -> float | None:
        """Votes accepted per second over the last seconds; None until two samples can tell."""
        if len(self._samples) < 2:
            return None
        first, last = self._samples[0], self._samples[-1]
        return round((last.accepted[poll] - first.accepted[poll]) * 1000 / (last.at_ms - first.at_ms), 1)


def summary(poll: str, sample: Sample, per_second: float | None, labels: Sequence[Labelled] = ()) -> dict[str, Any]:
    """One poll as its page and its JSON show it: ``accepted`` is ``counted`` plus all of ``rejected``, always.

    ``options`` has the counted votes of each option; ``labels`` what people call them, in the flow's order.
    """
    options: Counter[str] = Counter({option.id: 0 for option in labels})
    rejected: Counter[str] = Counter()
    for total in sample.totals:
        if total.poll != poll:
            continue
        if total.outcome == TallyOutcome.COUNTED:
            options[total.option] += total.count
        else:
            rejected[total.outcome] += total.count
    return {
        "poll": poll,
        "accepted": sample.accepted[poll],
        "counted": sum(options.values()),
        "rejected": dict(sorted(rejected.items())),
        "options": dict(options),
        "labels": {option.id: option.label for option in labels},
        "per_second": per_second,
        "at_ms": sample.at_ms,
    }
