"""What the store's promises tell, read only."""

import time
from collections import Counter
from pathlib import Path
from urllib.parse import unquote

from vaiven.edge.doctor.facts import Failing, StoreFacts
from vaiven.edge.settings import Where
from vaiven.edge.store_settings import public
from vaiven.model.errors import SettingsError, StoreError, StoreMismatch, StoreUnavailable
from vaiven.model.outbox import RowState
from vaiven.stores import open_store
from vaiven.stores.contract import Held, Store

RETRIES = 1_000
"""Rows that wait for another try, looked at for their reasons."""
CLOCK_TRIES = 3


async def look_at_store(place: Where) -> StoreFacts:
    """Open it for reading, ask what waits, and close it."""
    url = place.store
    try:
        store = open_store(url, bot=place.bot, profile=place.profile, read_only=True)
        await store.open()
    except (StoreError, SettingsError, ImportError) as error:
        return StoreFacts(_now_ms(), error=str(error).replace(url, public(url)), is_new=_is_new(url, error))
    try:
        return await ask(store)
    except StoreUnavailable as error:
        return StoreFacts(_now_ms(), error=str(error))
    finally:
        await store.close()


def _is_new(url: str, error: Exception) -> bool:
    """Whether there is only nothing yet. A file that is there and cannot be opened is something else."""
    scheme, _, rest = url.partition("://")
    if scheme == "sqlite" and Path(unquote(rest[1:])).exists():
        return False
    return isinstance(error, StoreError) and not isinstance(error, StoreMismatch | StoreUnavailable)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


async def ask(store: Store) -> StoreFacts:
    """What an open store tells. Raises StoreUnavailable."""
    offset_ms, unsure_ms = await _clock(store)
    active = [state for state in RowState if state in (RowState.QUEUED, RowState.CLAIMED, RowState.RETRY, RowState.HELD)]
    oldest = await store.unsettled([state.value for state in active], 1)
    reasons: dict[str, Counter[str]] = {}
    for row in await store.unsettled([RowState.RETRY.value], RETRIES):
        reasons.setdefault(row.channel, Counter())[row.reason or "no answer"] += 1
    return StoreFacts(
        now_ms=_now_ms() + offset_ms,
        partitions=store.partitions,
        offset_ms=offset_ms,
        unsure_ms=unsure_ms,
        counts=await store.counts(),
        held=await _held(store),
        failing=tuple(Failing(channel, dict(counted)) for channel, counted in sorted(reasons.items())),
        oldest_row_ms=oldest[0].created_ms if oldest else None,
    )


async def _held(store: Store) -> tuple[Held, ...] | None:
    try:
        return tuple(await store.held())
    except StoreUnavailable:
        return None


async def _clock(store: Store) -> tuple[int, int]:
    """How far the store's clock is before ours, and how unsure that is: the quickest of a few round trips tells best."""
    found = []
    for _ in range(CLOCK_TRIES):
        before = _now_ms()
        theirs = await store.now_ms()
        after = _now_ms()
        found.append((after - before, theirs - (before + after) // 2))
    trip_ms, offset_ms = min(found)
    return offset_ms, trip_ms // 2 + 1
