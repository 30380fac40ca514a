"""The file: opening, locking, checking and upgrading it.

Sources: https://www.sqlite.org/wal.html, /pragma.html, /lockingv3.html (read 2026-11).
"""

import json
import os
import sqlite3
from contextlib import closing
from pathlib import Path

from vaiven.model.errors import StoreError, StoreInUse, StoreMismatch

APPLICATION_ID = 0x76616976
"""Marks a file as ours (``PRAGMA application_id``): "vaiv"."""

PARTITIONS = 1
"""Rows of a partition lie side by side, so each further partition is one more page to write (docs/decisions/0001)."""

SHIFT = 48
"""Keys are ``partition << SHIFT | number``: appended within a partition, and in number order."""

_MIGRATIONS = (
    """
    CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;
    CREATE TABLE epochs (role TEXT, partition INTEGER, epoch INTEGER NOT NULL, PRIMARY KEY (role, partition)) WITHOUT ROWID;
    CREATE TABLE aliases (address TEXT PRIMARY KEY, home TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE inbox (id INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, takes INTEGER NOT NULL DEFAULT 0, event BLOB NOT NULL);
    CREATE TABLE contacts (id INTEGER PRIMARY KEY, home TEXT NOT NULL UNIQUE, version INTEGER NOT NULL, control INTEGER NOT NULL,
        turn INTEGER NOT NULL, row INTEGER NOT NULL, opt_outs TEXT NOT NULL, state BLOB);
    CREATE TABLE history (id INTEGER PRIMARY KEY, before INTEGER NOT NULL, record BLOB NOT NULL);
    CREATE TABLE outbox (id INTEGER PRIMARY KEY, before INTEGER NOT NULL, created_ms INTEGER NOT NULL, channel TEXT NOT NULL,
        made BLOB NOT NULL, state TEXT NOT NULL, attempt INTEGER NOT NULL, unknowns INTEGER NOT NULL, retry_ms INTEGER NOT NULL,
        provider_id TEXT, reason TEXT, delivery TEXT, epoch INTEGER NOT NULL, dialed_ms INTEGER NOT NULL);
    CREATE INDEX outbox_waiting ON outbox (state, id)
        WHERE state NOT IN ('accepted', 'rejected', 'suppressed', 'expired');
    CREATE TABLE parked (channel TEXT, provider_id TEXT, at_ms INTEGER NOT NULL, receipt BLOB NOT NULL,
        PRIMARY KEY (channel, provider_id)) WITHOUT ROWID;
    CREATE TABLE timers (id INTEGER PRIMARY KEY, home TEXT NOT NULL, key TEXT NOT NULL, partition INTEGER NOT NULL,
        due_ms INTEGER NOT NULL, channel TEXT NOT NULL, session TEXT NOT NULL, step TEXT NOT NULL, visit INTEGER NOT NULL,
        UNIQUE (home, key));
    CREATE INDEX timers_due ON timers (due_ms);
    CREATE TABLE tallies (partition INTEGER, poll TEXT, option TEXT, outcome TEXT, count INTEGER NOT NULL,
        PRIMARY KEY (partition, poll, option, outcome)) WITHOUT ROWID;
    CREATE TABLE consents (id INTEGER PRIMARY KEY, home TEXT NOT NULL, sender TEXT NOT NULL, opted_out INTEGER NOT NULL,
        at_ms INTEGER NOT NULL, word TEXT NOT NULL, event TEXT NOT NULL);
    CREATE INDEX consents_home ON consents (home);
    CREATE TABLE dead (id INTEGER PRIMARY KEY, number INTEGER NOT NULL, event BLOB NOT NULL, reason TEXT NOT NULL,
        at_ms INTEGER NOT NULL);
    CREATE TABLE flows (id INTEGER PRIMARY KEY, hash TEXT NOT NULL UNIQUE, flow TEXT NOT NULL, shape TEXT NOT NULL,
        source TEXT NOT NULL, at_ms INTEGER NOT NULL);
    CREATE TABLE current (flow TEXT PRIMARY KEY, hash TEXT NOT NULL) WITHOUT ROWID;
    """,
    """
    ALTER TABLE inbox ADD COLUMN taken INTEGER NOT NULL DEFAULT 0;
    """,
    # For a list in the condition SQLite makes a table anew for each row that is written, and looks the state up in it.
    """
    DROP INDEX outbox_waiting;
    CREATE INDEX outbox_waiting ON outbox (state, id)
        WHERE state <> 'accepted' AND state <> 'rejected' AND state <> 'suppressed' AND state <> 'expired';
    """,
)
"""One script a schema version, in order. A released one is never changed, only followed by another."""


def connect(path: Path, *, writing: bool) -> sqlite3.Connection:
    """A connection in autocommit, so that transactions begin and end where the code says so.

    ``check_same_thread`` is off because a transaction is built on the loop's thread and committed on the committer's,
    never both at once.
    """
    try:
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, cached_statements=256, timeout=5.0)
        connection.execute("PRAGMA synchronous = FULL")
        if not writing:
            connection.execute("PRAGMA query_only = ON")
    except sqlite3.Error as error:
        raise StoreError(f"{path}: cannot be opened: {error}") from error
    return connection


def lock(path: Path) -> sqlite3.Connection:
    """Hold ``<path>-lock`` until the connection is closed or the process dies, however it dies.

    SQLite's own file lock is used on an empty file beside the store, since it is the one lock that works alike everywhere.

    Raises:
        StoreInUse: another process holds it.
        StoreError: the file cannot be made there.
    """
    if not path.parent.is_dir():
        raise StoreError(f"{path}: its folder does not exist. Make it, or name another place.")
    beside = path.with_name(path.name + "-lock")
    held: sqlite3.Connection | None = None
    try:
        held = sqlite3.connect(beside, isolation_level=None, timeout=0)
        held.execute("BEGIN EXCLUSIVE")
    except sqlite3.Error as error:
        if held is not None:
            held.close()
        if error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY:
            raise StoreInUse(f"{path}: another process serves from this file. Stop it first, or use another file.") from error
        raise StoreError(f"{beside}: cannot be locked: {error}") from error
    return held


def prepare(path: Path, partitions: int | None) -> tuple[sqlite3.Connection, int]:
    """Open for serving: make or upgrade the schema; give the writing connection and the number of partitions."""
    connection = connect(path, writing=True)
    try:
        version = check(path, connection)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA busy_timeout = 100")  # nobody else should write, and the loop waits for it
        connection.execute("PRAGMA cache_size = -4096")
        connection.execute("PRAGMA wal_autocheckpoint = 4000")
        for target, script in enumerate(_MIGRATIONS[version:], start=version + 1):
            first = f"PRAGMA application_id = {APPLICATION_ID};" if target == 1 else ""
            connection.executescript(f"BEGIN IMMEDIATE; {script} {first} PRAGMA user_version = {target}; COMMIT;")
        if version == 0:
            count = partitions or PARTITIONS
            made = [("partitions", count), ("numbers", json.dumps([0] * count))]
            connection.executemany("INSERT INTO meta VALUES (?, ?)", made)
        return connection, recorded(path, connection, partitions)
    except sqlite3.Error as error:
        connection.close()
        raise StoreError(f"{path}: cannot be opened as a store: {error}") from error
    except StoreError:
        connection.close()
        raise


def look(path: Path, partitions: int | None) -> int:
    """Check that a file can be read, without changing it; give the number of its partitions."""
    if not os.path.exists(path):
        raise StoreError(f"{path}: there is no such file. It is made when the bot first runs.")
    with closing(connect(path, writing=False)) as connection:
        try:
            if (version := check(path, connection)) < len(_MIGRATIONS):
                raise StoreMismatch(f"{path}: its schema is version {version}. Run the bot once, which upgrades it.")
            return recorded(path, connection, partitions)
        except sqlite3.Error as error:
            raise StoreError(f"{path}: cannot be read as a store: {error}") from error


def check(path: Path, connection: sqlite3.Connection) -> int:
    """The schema version of a file that is ours or still empty."""
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    owner = connection.execute("PRAGMA application_id").fetchone()[0]
    empty = connection.execute("SELECT NOT EXISTS (SELECT 1 FROM sqlite_schema)").fetchone()[0]
    if owner != APPLICATION_ID and not (empty and owner == 0):
        raise StoreMismatch(f"{path}: this SQLite file belongs to something else. Name another file.")
    if version > len(_MIGRATIONS):
        raise StoreMismatch(
            f"{path}: made by a newer version (schema {version}, known {len(_MIGRATIONS)}). Upgrade vaiven, or use another file."
        )
    return version


def recorded(path: Path, connection: sqlite3.Connection, partitions: int | None) -> int:
    """The number of partitions that the file was made with."""
    count: int = connection.execute("SELECT value FROM meta WHERE key = 'partitions'").fetchone()[0]
    if partitions not in (None, count):
        raise StoreMismatch(f"{path}: has {count} partitions, not {partitions}. The number is fixed when the file is made.")
    return count
