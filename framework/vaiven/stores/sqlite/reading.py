"""What is read besides the road: on a thread and a connection of its own, so that a long look stops nobody."""

# ruff: noqa: S608 - what is put into these statements are our own column names; values are always bound

import asyncio
import sqlite3
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from vaiven.model.errors import StoreUnavailable
from vaiven.model.outbox import OutboxRow, RowState
from vaiven.model.turns import Consent, DeadLetter, TurnRecord
from vaiven.model.urns import Urn
from vaiven.stores import codec
from vaiven.stores.contract import Counts, FlowVersion, Lag, Total
from vaiven.stores.sqlite.contacts import read
from vaiven.stores.sqlite.files import SHIFT, connect
from vaiven.stores.sqlite.mirror import ROW, WAITING, WAITING_STATES, read_row

PAGE = 256
"""Records read at a time."""

_CHAIN = """WITH RECURSIVE chain (id, before, depth) AS (SELECT id, before, 1 FROM {table} WHERE id = ?
    UNION ALL SELECT t.id, t.before, chain.depth + 1 FROM chain JOIN {table} t ON t.id = chain.before WHERE chain.depth < ?)"""

T = TypeVar("T")


class _Class(msgspec.Struct, gc=False):
    """All of a row that counting needs."""

    message_class: str


_class_of = msgspec.msgpack.Decoder(_Class).decode


class Reader:
    """Runs one query after the other on its own thread."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._db = connect(path, writing=False)
        self._pool = ThreadPoolExecutor(1, "vaiven-read")

    async def run(self, query: Callable[..., T], *args: Any) -> T:
        """What this query gives.

        Raises:
            StoreUnavailable: the file could not be read.
        """
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, query, self._db, *args)
        except sqlite3.Error as error:
            raise StoreUnavailable(f"{self._path}: {error}") from error

    async def close(self) -> None:
        await self.run(sqlite3.Connection.close)
        self._pool.shutdown()


def newest(db: sqlite3.Connection, home: Urn, table: str) -> int:
    """The key of the newest turn or row of a home: where its chain begins."""
    column = "turn" if table == "history" else "row"
    row = db.execute(f"SELECT {column} FROM contacts WHERE home = ?", (home,)).fetchone()
    return 0 if row is None else int(row[0])


def states(db: sqlite3.Connection, homes: Sequence[Urn]) -> list[bytes | None]:
    """The newest state of each home, for a process that only reads."""
    entries = read(db, homes)
    return [entries[home].state if home in entries else None for home in homes]


def chain(db: sqlite3.Connection, start: int, count: int) -> tuple[list[TurnRecord], int]:
    """Up to ``count`` records of a home, newest first, and where to go on."""
    sql = (
        _CHAIN.format(table="history") + " SELECT h.before, h.record FROM chain JOIN history h ON h.id = chain.id ORDER BY depth"
    )
    rows = db.execute(sql, (start, count)).fetchall()
    return [codec.decode_record(record) for _, record in rows], rows[-1][0] if rows else 0


def everybody(db: sqlite3.Connection, after: int, count: int) -> tuple[list[TurnRecord], int]:
    """Up to ``count`` records above this key, in key order, and where to go on."""
    rows = db.execute("SELECT id, record FROM history WHERE id > ? ORDER BY id LIMIT ?", (after, count)).fetchall()
    return [codec.decode_record(record) for _, record in rows], rows[-1][0] if rows else 0


def rows(db: sqlite3.Connection, home: Urn) -> list[OutboxRow]:
    sql = _CHAIN.format(table="outbox") + f" SELECT {ROW} FROM outbox WHERE id IN (SELECT id FROM chain) ORDER BY id"
    return [read_row(columns) for columns in db.execute(sql, (newest(db, home, "outbox"), 1 << 62))]


def unsettled(db: sqlite3.Connection, states: Sequence[str], limit: int) -> list[OutboxRow]:
    among = f"state IN ({','.join('?' * len(states))})"
    if WAITING_STATES.issuperset(states):
        among += f" AND {WAITING}"  # which is what lets SQLite use the index
    sql = f"SELECT {ROW} FROM outbox WHERE {among} ORDER BY created_ms, id LIMIT ?"
    return [read_row(columns) for columns in db.execute(sql, (*map(str, states), limit))]


def totals(db: sqlite3.Connection, poll: str | None) -> list[Total]:
    sql = """SELECT poll, option, outcome, sum(count) FROM tallies WHERE ?1 IS NULL OR poll = ?1
        GROUP BY poll, option, outcome ORDER BY poll, option, outcome"""
    return [Total(*row) for row in db.execute(sql, (poll,))]


def consents(db: sqlite3.Connection, home: Urn | None) -> list[Consent]:
    sql = "SELECT home, sender, opted_out, at_ms, word, event FROM consents"
    found = db.execute(f"{sql} ORDER BY id") if home is None else db.execute(f"{sql} WHERE home = ? ORDER BY id", (home,))
    return [Consent(who, sender, bool(opted_out), *rest) for who, sender, opted_out, *rest in found]


def dead(db: sqlite3.Connection, limit: int) -> list[DeadLetter]:
    found = db.execute("SELECT number, event, reason, at_ms FROM dead ORDER BY id DESC LIMIT ?", (limit,))
    return [DeadLetter(number, codec.decode_event(event), reason, at_ms) for number, event, reason, at_ms in found]


def counts(db: sqlite3.Connection) -> Counts:
    sql = """SELECT (SELECT count(*) FROM inbox), (SELECT min(at_ms) FROM inbox), (SELECT count(*) FROM timers),
        (SELECT count(*) FROM dead)"""
    inbox, oldest, timers, set_aside = db.execute(sql).fetchone()
    states = dict(db.execute(f"SELECT state, count(*) FROM outbox WHERE {WAITING} GROUP BY state").fetchall())
    under_way = db.execute(f"SELECT made FROM outbox WHERE {WAITING} AND state != ?", (RowState.UNKNOWN,))
    classes = Counter(_class_of(made).message_class for (made,) in under_way)
    return Counts(inbox, oldest, states, timers, set_aside, dict(classes))


def people(db: sqlite3.Connection, after: str) -> list[tuple[str, bytes]]:
    """Homes and states behind this home, a page of them."""
    sql = "SELECT home, state FROM contacts WHERE home > ? AND state IS NOT NULL ORDER BY home LIMIT ?"
    return list(db.execute(sql, (after, PAGE)))


def lags(db: sqlite3.Connection) -> list[Lag]:
    sql = f"SELECT id >> {SHIFT} AS partition, count(*), min(at_ms) FROM inbox GROUP BY partition ORDER BY partition"
    return [Lag(*row) for row in db.execute(sql)]


_VERSION = "SELECT flow, hash, shape, source, at_ms FROM flows"


def flow(db: sqlite3.Connection, hash_: str) -> FlowVersion | None:
    return _version(db.execute(f"{_VERSION} WHERE hash = ?", (hash_,)).fetchone())


def shape(db: sqlite3.Connection, shape: str) -> FlowVersion | None:
    order = "ORDER BY hash IN (SELECT hash FROM current) DESC, id DESC LIMIT 1"
    return _version(db.execute(f"{_VERSION} WHERE shape = ? {order}", (shape,)).fetchone())


def current(db: sqlite3.Connection) -> list[FlowVersion]:
    found = db.execute(f"{_VERSION} WHERE hash IN (SELECT hash FROM current) ORDER BY flow")
    return [FlowVersion(*row) for row in found]


def current_hashes(db: sqlite3.Connection) -> dict[str, str]:
    return dict(db.execute("SELECT flow, hash FROM flows WHERE hash IN (SELECT hash FROM current)"))


def _version(row: tuple[Any, ...] | None) -> FlowVersion | None:
    return None if row is None else FlowVersion(*row)
