"""What only a file can do: be in use, be somebody else's, be full, be killed over."""

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from vaiven.model.errors import SettingsError, StoreError, StoreInUse, StoreMismatch, StoreUnavailable
from vaiven.model.outbox import RowState
from vaiven.model.turns import Committed
from vaiven.model.urns import Urn
from vaiven.stores import open_store
from vaiven.stores.contract import FlowVersion, Role
from vaiven.stores.memory import MemoryStore
from vaiven.stores.sqlite import SqliteStore, files
from vaiven.stores.sqlite.mirror import WAITING
from vaiven.testing.builders import AT_MS, make_event
from vaiven.testing.stores import Owner

FRAMEWORK = Path(__file__).parents[2] / "framework"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "bot.db"


@pytest.fixture
async def store(path: Path) -> AsyncIterator[SqliteStore]:
    store = SqliteStore(path)
    await store.open()
    yield store
    await store.close()


def run(code: str, *args: object) -> "subprocess.Popen[str]":
    environment = {**os.environ, "PYTHONPATH": str(FRAMEWORK)}
    command = [sys.executable, "-c", code, *map(str, args)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)


# -- opening ---------------------------------------------------------------------------------------------------------------


async def test_a_second_serving_store_is_told_which_file_and_what_to_do(store: SqliteStore, path: Path) -> None:
    with pytest.raises(StoreInUse, match=f"{path}: another process serves from this file. Stop it first"):
        await SqliteStore(path).open()
    await store.close()
    again = SqliteStore(path)
    await again.open()
    await again.close()


async def test_the_lock_vanishes_with_its_process(path: Path) -> None:
    code = """
import asyncio, sys, time
from vaiven.stores.sqlite import SqliteStore
async def main():
    await SqliteStore(sys.argv[1]).open()
    print("serving", flush=True)
    time.sleep(60)
asyncio.run(main())
"""
    with run(code, path) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "serving\n"
        with pytest.raises(StoreInUse):
            await SqliteStore(path).open()
        other.send_signal(signal.SIGKILL)
        other.wait()
    store = SqliteStore(path)
    await store.open()
    await store.close()


async def test_another_number_of_partitions_is_refused(path: Path) -> None:
    made = SqliteStore(path, partitions=4)
    await made.open()
    await made.close()
    for read_only in (False, True):
        with pytest.raises(StoreMismatch, match="has 4 partitions, not 8"):
            await SqliteStore(path, partitions=8, read_only=read_only).open()
    again = SqliteStore(path)
    await again.open()
    assert again.partitions == 4
    await again.close()


async def test_a_newer_schema_is_refused(store: SqliteStore, path: Path) -> None:
    await store.close()
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA user_version = 99")
    for read_only in (False, True):
        with pytest.raises(StoreMismatch, match=r"made by a newer version \(schema 99"):
            await SqliteStore(path, read_only=read_only).open()


async def test_a_file_that_is_no_store_is_refused_and_left_alone(tmp_path: Path) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("no database at all, but long enough to be looked at" * 99)
    before = text.read_bytes()
    with pytest.raises(StoreError, match=r"notes.txt: cannot be opened: file is not a database"):
        await SqliteStore(text).open()
    assert text.read_bytes() == before
    foreign = tmp_path / "foreign.db"
    with closing(sqlite3.connect(foreign)) as db:
        db.execute("CREATE TABLE theirs (x)")
    with pytest.raises(StoreMismatch, match="belongs to something else"):
        await SqliteStore(foreign).open()


async def test_a_missing_folder_and_a_missing_file_are_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="its folder does not exist"):
        await SqliteStore(tmp_path / "no" / "bot.db").open()
    with pytest.raises(StoreError, match="there is no such file"):
        await SqliteStore(tmp_path / "bot.db", read_only=True).open()
    assert not (tmp_path / "bot.db").exists()


async def test_reading_while_somebody_serves(store: SqliteStore, path: Path) -> None:
    owner = await Owner.of(store)
    await owner.commit(owner.event())
    look = SqliteStore(path, read_only=True)
    await look.open()
    await owner.commit(owner.event(), {})
    home = owner.event().home
    assert await look.rows(home) == await store.rows(home)
    assert await look.load([home]) == await store.load([home])
    assert [record.number async for record in look.history(home)] == [2, 1]
    with pytest.raises(StoreUnavailable, match="not open for serving"):
        await look.accept([owner.event()])
    await look.close()


@pytest.mark.parametrize("url", ["sqlite:///%s", "sqlite:////%s"])
async def test_urls_name_files(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    name = "my bot.db" if url.count("/") == 3 else str(tmp_path / "my bot.db")[1:]
    store = open_store(url % name.replace(" ", "%20"))
    await store.open()
    await store.close()
    assert (tmp_path / "my bot.db").exists()


def test_urls_that_name_no_store_are_refused() -> None:
    assert isinstance(open_store("memory://", partitions=3), MemoryStore)
    for url in ("sqlite://", "sqlite:///", "sqlite:bot.db", "nonsense://x", "bot.db"):
        with pytest.raises(SettingsError, match="store: "):
            open_store(url)


async def test_a_file_of_an_older_version_is_upgraded_with_what_waits_in_it(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "_MIGRATIONS", files._MIGRATIONS[:1])
    old = SqliteStore(path)
    await old.open()
    await old.accept([make_event(id="waits")])
    await old.close()
    monkeypatch.undo()
    with pytest.raises(StoreMismatch, match="Run the bot once"):
        await SqliteStore(path, read_only=True).open()
    new = SqliteStore(path)
    await new.open()
    owner = await Owner.of(new)
    assert [one.event.id for one in await new.take(owner.turns, {}, 9)] == ["waits"]
    await new.close()


@pytest.mark.parametrize("states", [{RowState.QUEUED}, {RowState.UNKNOWN, RowState.HELD}])
async def test_rows_that_wait_are_found_by_their_index(store: SqliteStore, path: Path, states: set[RowState]) -> None:
    asked = [f"SELECT id FROM outbox WHERE {WAITING} AND state IN ({','.join(repr(str(state)) for state in states)})"]
    asked.append(f"SELECT state, count(*) FROM outbox WHERE {WAITING} GROUP BY state")
    with closing(sqlite3.connect(path)) as db:
        for sql in asked:
            assert "outbox_waiting" in str(db.execute(f"EXPLAIN QUERY PLAN {sql}").fetchall())


@pytest.mark.parametrize("sql", ["INSERT INTO outbox DEFAULT VALUES", "UPDATE outbox SET state = 'accepted' WHERE id = 1"])
async def test_no_table_is_made_for_a_row_that_is_written(store: SqliteStore, path: Path, sql: str) -> None:
    with closing(sqlite3.connect(path)) as db:
        assert "OpenEphemeral" not in [step[1] for step in db.execute(f"EXPLAIN {sql}")]


async def test_a_final_row_stays_while_an_older_one_of_its_home_does(store: SqliteStore) -> None:
    owner = await Owner.of(store)
    await owner.commit(owner.event(), {"not_before_ms": AT_MS + 99_000}, {})
    (row,) = await owner.claim()
    await owner.settle(row, RowState.ACCEPTED)
    while await store.prune(owner.turns, AT_MS + 1, 9):
        pass
    assert [each.state for each in await store.rows(row.home)] == [RowState.QUEUED, RowState.ACCEPTED]
    (late,) = await owner.claim(AT_MS + 99_000)
    await owner.settle(late, RowState.ACCEPTED)
    while await store.prune(owner.turns, AT_MS + 1, 9):
        pass
    assert await store.rows(row.home) == []


# -- failing ---------------------------------------------------------------------------------------------------------------


async def test_a_closed_store_refuses(store: SqliteStore) -> None:
    await store.close()
    with pytest.raises(StoreUnavailable):
        await store.accept([make_event()])
    with pytest.raises(StoreUnavailable):
        await store.counts()


async def test_a_locked_file_refuses_everything_asked_until_it_is_free(store: SqliteStore, path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as intruder:
        intruder.execute("BEGIN IMMEDIATE")
        answers = await asyncio.gather(*(store.accept([make_event()]) for _ in range(5)), return_exceptions=True)
        assert [type(answer) for answer in answers] == [StoreUnavailable] * 5
        intruder.execute("ROLLBACK")
    assert await store.accept([make_event()]) == [1]


async def test_one_bad_question_hurts_only_itself(store: SqliteStore) -> None:
    owner = await Owner.of(store)
    bad = make_event(body=object())  # type: ignore[arg-type]
    asked = [store.accept([make_event()]), store.accept([make_event(), bad]), store.accept([make_event()])]
    first, refused, last = await asyncio.gather(*asked, return_exceptions=True)
    assert (first, last) == ([1], [2])
    assert isinstance(refused, TypeError)
    assert len(await store.take(owner.turns, {}, 9)) == 2


async def test_a_lease_whose_transaction_failed_is_asked_anew_under_a_higher_epoch(store: SqliteStore) -> None:
    bad = FlowVersion("vote", "hash", "shape", object(), 1)  # type: ignore[arg-type]
    asked = [store.lease(Role.TURN, "a", [0], 1000), store.publish([bad])]
    leased, refused = await asyncio.gather(*asked, return_exceptions=True)
    assert leased == {0: 2}
    assert isinstance(refused, sqlite3.Error)
    assert await store.lease(Role.TURN, "a", [0], 1000) == {0: 2}


_FILL = """
import asyncio, resource, sys
from vaiven.model.errors import StoreUnavailable
from vaiven.model.outbox import RowState
from vaiven.model.turns import Committed
from vaiven.stores.sqlite import SqliteStore
from vaiven.testing.stores import Owner

async def main():
    store = SqliteStore(sys.argv[1])
    await store.open()
    owner = await Owner.of(store)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, hard))
    committed = refused = 0
    while refused < 30:
        events = [owner.event(f"tel:+1202555{n:04d}") for n in range(20)]
        answers = await asyncio.gather(*(owner.commit(event, {}) for event in events), return_exceptions=True)
        committed += sum(isinstance(answer, Committed) for answer in answers)
        refused += sum(isinstance(answer, StoreUnavailable) for answer in answers)
        assert all(isinstance(answer, (Committed, StoreUnavailable)) for answer in answers), answers
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert isinstance(await owner.commit(owner.event()), Committed)
    print(committed + 1, flush=True)
    await store.close()

asyncio.run(main())
"""


async def test_a_full_disk_refuses_whole_transactions_and_is_forgotten_when_there_is_room(path: Path) -> None:
    with run(_FILL, path) as filling:
        assert filling.stdout is not None
        committed = int(filling.stdout.read())
        assert filling.wait() == 0
    assert committed > 20
    await _check_whole(path, committed)


_WORK = """
import asyncio, itertools, sys
from vaiven.stores.sqlite import SqliteStore
from vaiven.testing.stores import Owner

async def main():
    store = SqliteStore(sys.argv[1])
    await store.open()
    owner = await Owner.of(store)
    async def talk(home):
        while True:
            number = await owner.accept(owner.event(home))
            print("accepted", number, flush=True)
            await owner.commit(owner.event(home), {}, claiming=owner.claiming())
            print("committed", flush=True)
    await asyncio.gather(*(talk(f"tel:+1202555{n:04d}") for n in range(8)))

asyncio.run(main())
"""


async def test_after_a_kill_everything_answered_is_there_and_nothing_by_half(path: Path) -> None:
    committed, accepted = 0, set()
    for _ in range(3):
        with run(_WORK, path) as working:
            assert working.stdout is not None
            for _, line in zip(range(150), working.stdout, strict=False):
                committed += line == "committed\n"
                if line.startswith("accepted"):
                    accepted.add(int(line.split()[1]))
            working.kill()
            working.wait()
    waiting = await _check_whole(path, committed)
    assert accepted <= waiting


async def _check_whole(path: Path, committed: int) -> set[int]:
    """No turn is there by half, at least ``committed`` are there; give the numbers still waiting."""
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    store = SqliteStore(path)
    await store.open()
    owner = await Owner.of(store, "after")
    records = [record async for record in store.history()]
    assert len(records) >= committed
    homes: dict[Urn, int] = {}
    for record in records:
        homes[record.event.home] = homes.get(record.event.home, 0) + 1
        assert record.after is not None
        assert record.version == homes[record.event.home]
    for state in await store.load([*homes]):
        assert state.contact.version == homes[state.contact.home]
        numbers = [row.row // 256 for row in await store.rows(state.contact.home)]
        told = [record.number async for record in store.history(state.contact.home)]
        assert set(numbers) <= set(told)
        assert len(numbers) >= len(told) - 1
    waiting = {one.number for one in await store.take(owner.turns, {}, 1_000_000)}
    handled = {record.number for record in records}
    assert waiting | handled == set(range(1, len(waiting) + len(handled) + 1))
    assert isinstance(await owner.commit(owner.event()), Committed)
    await store.close()
    return waiting
