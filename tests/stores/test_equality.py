"""SQLite equals memory over random sequences of operations: one written for reading, the other for speed."""

import asyncio
import tempfile
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from vaiven.stores.sqlite import SqliteStore, contacts
from vaiven.testing.lives import live


@pytest.mark.parametrize("kept", [2, contacts.KEPT])
def test_sqlite_equals_memory_over_random_sequences_of_operations(kept: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contacts, "KEPT", kept)

    @settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.reuse, Phase.generate])
    @given(st.integers(0, 2**32))
    def run(seed: int) -> None:
        random = Random(seed)  # any life as likely as another, and its seed brings it back
        steps = random.randint(5, 40)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "store.db"
            asyncio.run(live(random, steps, lambda partitions, clock: SqliteStore(path, partitions=partitions, clock=clock)))

    run()
