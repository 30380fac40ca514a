"""The file of an embedded store: real files looked at, and what the facts mean."""

import asyncio
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

import vaiven
from vaiven.edge.doctor.checks.sqlite import check_sqlite
from vaiven.edge.doctor.facts import SqliteFacts
from vaiven.edge.doctor.findings import Code
from vaiven.edge.doctor.looks import sqlite as looks
from vaiven.edge.doctor.looks.sqlite import look_at_sqlite
from vaiven.stores import open_store

FRAMEWORK = Path(vaiven.__file__).parents[1]
GOOD = SqliteFacts("votes.db", True, True, True, 5_000_000, 10 << 30, "ext4", "wal", "ok", 4711)

SERVE = """\
import asyncio, sys
from vaiven.stores import open_store

async def main():
    store = open_store("sqlite:///" + sys.argv[1])
    await store.open()
    print("open", flush=True)
    sys.stdin.readline()
    await store.close()

asyncio.run(main())
"""


def test_a_file_as_it_should_be(told) -> None:
    found = told(check_sqlite(GOOD))
    assert set(found.values()) == {"ok"}
    assert set(found) == {code for code in Code if code.startswith("sqlite-")}


@pytest.mark.parametrize(
    ("code", "severity", "facts"),
    [
        (Code.SQLITE_PLACE, "fail", {"filesystem": "nfs4"}),
        (Code.SQLITE_PLACE, "fail", {"filesystem": "tmpfs"}),
        (Code.SQLITE_PLACE, "warn", {"filesystem": "overlay"}),
        (Code.SQLITE_DISK, "warn", {"free_bytes": 500 << 20}),
        (Code.SQLITE_DISK, "fail", {"free_bytes": 50 << 20}),
        (Code.SQLITE_WAL, "fail", {"journal": "delete"}),
        (Code.SQLITE_CHECK, "fail", {"check": "row 7 missing from index outbox_waiting"}),
        (Code.SQLITE_CHECK, "warn", {"check": None}),
        (Code.SQLITE_FILE, "warn", {"is_writable": False}),
        (Code.SQLITE_FILE, "warn", {"folder_is_writable": False}),
        (Code.SQLITE_FILE, "fail", {"error": "file is not a database"}),
        (Code.SQLITE_FILE, "fail", {"exists": False, "folder_is_writable": False}),
        (Code.SQLITE_SERVED, "warn", {"served_by": 0}),
        (Code.SQLITE_SERVED, "warn", {"served_by": None}),
    ],
)
def test_what_bites(told, code: Code, severity: str, facts: dict[str, object]) -> None:
    assert told(check_sqlite(replace(GOOD, **facts)))[code] == severity


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A store's file, at rest."""

    async def make() -> None:
        store = open_store(f"sqlite:///{tmp_path / 'votes.db'}")
        await store.open()
        await store.close()

    asyncio.run(make())
    return tmp_path / "votes.db"


def test_a_file_at_rest(file: Path) -> None:
    facts = look_at_sqlite(file)
    assert (facts.exists, facts.journal, facts.check, facts.error) == (True, "wal", "ok", "")
    assert facts.is_writable
    assert facts.free_bytes > 0 < facts.size_bytes
    assert facts.served_by == (0 if sys.platform == "linux" else None)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells who holds a lock")
def test_who_serves_is_seen_and_left_alone(file: Path) -> None:
    command = [sys.executable, "-c", SERVE, str(file)]
    environ = {**os.environ, "PYTHONPATH": str(FRAMEWORK)}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environ) as serving:
        assert serving.stdout is not None
        assert serving.stdout.readline() == b"open\n"
        for _ in range(2):
            assert look_at_sqlite(file).served_by == serving.pid
        serving.communicate(b"\n")
    assert serving.returncode == 0
    assert look_at_sqlite(file).served_by == 0


def test_a_file_that_is_not_there_is_not_made(tmp_path: Path, told) -> None:
    facts = look_at_sqlite(tmp_path / "deep" / "votes.db")
    assert not facts.exists
    assert list(tmp_path.iterdir()) == []
    assert Code.SQLITE_FILE in told(check_sqlite(facts))  # its folder is not there either
    assert Code.SQLITE_FILE not in told(check_sqlite(look_at_sqlite(tmp_path / "votes.db")))


def test_a_file_that_is_something_else(tmp_path: Path, told) -> None:
    (tmp_path / "votes.db").write_text("Dear diary, " * 100)
    assert told(check_sqlite(look_at_sqlite(tmp_path / "votes.db")))[Code.SQLITE_FILE] == "fail"


def test_a_file_without_wal(file: Path) -> None:
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
    assert look_at_sqlite(file).journal == "delete"


def test_a_torn_file(file: Path, told) -> None:
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TABLE stuff (id INTEGER PRIMARY KEY, text TEXT)")
        connection.executemany("INSERT INTO stuff (text) VALUES (?)", [("x" * 500,)] * 2_000)
        connection.commit()
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with file.open("r+b") as torn:
        torn.seek(file.stat().st_size - 200_000)
        torn.write(b"\xff" * 50_000)
    assert told(check_sqlite(look_at_sqlite(file)))[Code.SQLITE_CHECK] == "fail"


def test_a_check_without_end_is_given_up(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TABLE stuff (text TEXT)")
        connection.executemany("INSERT INTO stuff VALUES (?)", [("x" * 500,)] * 2_000)
        connection.commit()
    monkeypatch.setattr(looks, "_STEPS", 10)
    facts = look_at_sqlite(file, check_s=-1)
    assert (facts.check, facts.error) == (None, "")


def test_mounts_are_read_as_the_system_writes_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deep = tmp_path / "a b" / "c"
    deep.mkdir(parents=True)
    mounts = tmp_path / "mountinfo"
    spaced = str(tmp_path / "a b").replace(" ", "\\040")
    mounts.write_text(
        f"20 1 8:1 / / rw - ext4 /dev/sda1 rw\n21 20 0:5 / {spaced} rw shared:7 - nfs4 server:/x rw\n"
        f"22 20 0:6 / {tmp_path}/a rw - tmpfs none rw\n"
    )
    monkeypatch.setattr(looks, "MOUNTS", mounts)
    assert look_at_sqlite(deep / "votes.db").filesystem == "nfs4"
    assert look_at_sqlite(tmp_path / "votes.db").filesystem == "ext4"
    monkeypatch.setattr(looks, "MOUNTS", tmp_path / "none")
    assert look_at_sqlite(deep / "votes.db").filesystem == ""
