"""What the writer knows of each home, and where it lies.

A contact's page is somewhere in a large table, and writing one page a turn is what a turn on SQLite costs most. So a
commit appends the new state to the *journal*, where the states of a whole batch share a few pages, and the table gets it
later, oldest first, once for many turns. What is only in the journal is kept in memory (``_fresh``), and read back at open.
"""

# ruff: noqa: S608 - what is put into these statements are our own column names; values are always bound

import sqlite3
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from vaiven.model.urns import Urn
from vaiven.stores.sqlite.statements import many

FRESH = 1024
"""Homes whose newest state is only in the journal, at most."""

JOURNAL = 4096
"""Lines that the journal may be long before its oldest homes are written to the table."""

_PIECE = 64
_KEPT = 4096

_COLUMNS = "home, version, control, turn, row, opt_outs, state"
_TABLE = f"""INSERT INTO contacts ({_COLUMNS}) VALUES ? ON CONFLICT (home) DO UPDATE SET version = excluded.version,
    control = excluded.control, turn = excluded.turn, row = excluded.row, opt_outs = excluded.opt_outs, state = excluded.state"""


class Entry(NamedTuple):
    """One home. ``turn`` and ``row`` are the keys of its newest history record and outbox row, where chains begin."""

    version: int = 0
    control: int = 0
    turn: int = 0
    row: int = 0
    opt_outs: str = ""
    """The senders opted out of, a line each."""
    state: bytes | None = None

    @property
    def opted_out_of(self) -> Sequence[str]:
        return self.opt_outs.split("\n") if self.opt_outs else ()


NEVER_SEEN = Entry()


class Contacts:
    """Entries as of the last commit that was answered. A transaction stages its own, and hands them over when it is done."""

    def __init__(self) -> None:
        self._fresh: dict[Urn, tuple[int, Entry]] = {}
        self._known: dict[Urn, Entry] = {}
        self._first = self._next = 1

    def replay(self, connection: sqlite3.Connection) -> None:
        """Read the journal, as it lies in the file."""
        self._fresh.clear()
        self._known.clear()
        rows = connection.execute(f"SELECT seq, {_COLUMNS} FROM journal ORDER BY seq").fetchall()
        for seq, home, *entry in rows:
            self._fresh.pop(home, None)
            self._fresh[home] = (seq, Entry(*entry))
        self._first = rows[0][0] if rows else 1
        self._next = rows[-1][0] + 1 if rows else 1

    def get(self, connection: sqlite3.Connection, homes: Iterable[Urn]) -> dict[Urn, Entry]:
        """The entries of these homes, those not at hand in one query."""
        found: dict[Urn, Entry] = {}
        missing = []
        for home in homes:
            if (fresh := self._fresh.get(home)) is not None:
                found[home] = fresh[1]
            elif (known := self._known.get(home)) is not None:
                found[home] = known
            else:
                missing.append(home)
        if missing:
            read = self._read(connection, missing)
            for home in missing:
                found[home] = entry = read.get(home, NEVER_SEEN)
                self._keep(home, entry)
        return found

    def _read(self, connection: sqlite3.Connection, homes: Sequence[Urn]) -> dict[Urn, Entry]:
        read: dict[Urn, Entry] = {}
        for at in range(0, len(homes), _PIECE):
            piece = homes[at : at + _PIECE]
            size = 1 << (len(piece) - 1).bit_length()
            asked = (*piece, *[piece[-1]] * (size - len(piece)))
            sql = f"SELECT {_COLUMNS} FROM contacts WHERE home IN ({','.join('?' * size)})"
            read.update((home, Entry(*entry)) for home, *entry in connection.execute(sql, asked))
        return read

    def _keep(self, home: Urn, entry: Entry) -> None:
        if len(self._known) >= _KEPT:
            del self._known[next(iter(self._known))]
        self._known[home] = entry

    def write(self, connection: sqlite3.Connection, staged: dict[Urn, Entry]) -> list[Urn]:
        """Append to the journal, and bring the oldest of what is only there to the table. Give the homes brought."""
        many(
            connection,
            f"INSERT INTO journal (seq, {_COLUMNS}) VALUES ?",
            [(seq, home, *entry) for seq, (home, entry) in enumerate(staged.items(), self._next)],
        )
        moved: list[Urn] = []
        over = len(self._fresh) + len(staged) - FRESH
        oldest = self._next
        for home, (seq, _) in self._fresh.items():
            if home in staged:
                continue
            if (len(moved) >= over and self._next - seq <= JOURNAL) or len(moved) >= max(_PIECE, len(staged)):
                oldest = seq
                break
            moved.append(home)
        if moved:
            many(connection, _TABLE, [(home, *self._fresh[home][1]) for home in moved])
        if oldest - self._first >= FRESH // 2:
            connection.execute("DELETE FROM journal WHERE seq < ?", (oldest,))
            self._first = oldest
        return moved

    def done(self, staged: dict[Urn, Entry], moved: Iterable[Urn]) -> None:
        """The transaction is durable: from now on this is what everybody reads."""
        for home in moved:
            self._keep(home, self._fresh.pop(home)[1])
        for seq, (home, entry) in enumerate(staged.items(), self._next):
            self._fresh.pop(home, None)
            self._known.pop(home, None)
            self._fresh[home] = (seq, entry)
        self._next += len(staged)
