"""The vote board's numbers: totals and votes per second, both from the store."""

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

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


class Rate(NamedTuple):
    """Votes per second, and over how many ms they were seen: 0 where there is only one sample, which cannot tell."""

    per_second: float
    sampled_ms: int


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

    def rate(self, poll: str) -> Rate:
        """Votes accepted per second over the last seconds."""
        if len(self._samples) < 2:
            return Rate(0.0, 0)
        first, last = self._samples[0], self._samples[-1]
        sampled_ms = last.at_ms - first.at_ms
        return Rate(round((last.accepted[poll] - first.accepted[poll]) * 1000 / sampled_ms, 1), sampled_ms)


def names(known: Iterable[str], sample: Sample) -> list[str]:
    """Every poll that a flow names or somebody voted in, sorted."""
    return sorted({*known, *sample.accepted})


def summary(poll: str, sample: Sample, rate: Rate, labels: Sequence[Labelled] = ()) -> dict[str, Any]:
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
        "per_second": rate.per_second,
        "sampled_ms": rate.sampled_ms,
        "at_ms": sample.at_ms,
    }
