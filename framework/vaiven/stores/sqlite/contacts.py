"""What the writer knows of each home, with the homes lately seen kept at hand."""

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from vaiven.model.urns import Urn
from vaiven.stores.sqlite.statements import blob, many

# ruff: noqa: S608 - what is put into these statements are our own column names; values are always bound

KEPT = 4096
"""Homes kept at hand, a good kilobyte each."""

_PIECE = 64

_COLUMNS = "home, version, control, turn, row, opt_outs, state"
_INSERT = f"INSERT INTO contacts ({_COLUMNS}) VALUES ?"
_UPDATE = "UPDATE contacts SET version = ?, control = ?, turn = ?, row = ?, opt_outs = ?, state = ? WHERE home = ?"


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


def read(connection: sqlite3.Connection, homes: Sequence[Urn]) -> dict[Urn, Entry]:
    """The entries in the file of these homes; one never seen is left out."""
    found: dict[Urn, Entry] = {}
    for at in range(0, len(homes), _PIECE):
        piece = homes[at : at + _PIECE]
        size = 1 << (len(piece) - 1).bit_length()
        asked = (*piece, *[piece[-1]] * (size - len(piece)))
        sql = f"SELECT {_COLUMNS} FROM contacts WHERE home IN ({','.join('?' * size)})"
        found.update((home, Entry(*entry)) for home, *entry in connection.execute(sql, asked))
    return found


def write(connection: sqlite3.Connection, entries: dict[Urn, Entry], before: Mapping[Urn, Entry]) -> None:
    """Write what became of the entries that were as ``before``. An upsert would cost twice as much as what is known to be one."""
    new, there = [], []
    for home, entry in entries.items():
        *columns, state = entry
        if before.get(home, NEVER_SEEN) is NEVER_SEEN:
            new.append((home, *columns, blob(state)))
        else:
            there.append((*columns, blob(state), home))
    many(connection, _INSERT, new)
    connection.executemany(_UPDATE, there)


class Contacts:
    """Entries as of the last commit that was answered. A transaction keeps its own until it is one."""

    def __init__(self) -> None:
        self._known: dict[Urn, Entry] = {}

    def get(self, connection: sqlite3.Connection, homes: Iterable[Urn]) -> dict[Urn, Entry]:
        """The entries of these homes, those not at hand in one query."""
        known, found, missing = self._known, {}, []
        for home in homes:
            if (entry := known.get(home)) is not None:
                found[home] = entry
            else:
                missing.append(home)
        if missing:
            there = read(connection, missing)
            for home in missing:
                found[home] = self._keep(home, there.get(home, NEVER_SEEN))
        return found

    def _keep(self, home: Urn, entry: Entry) -> Entry:
        if len(self._known) >= KEPT:
            del self._known[next(iter(self._known))]
        self._known[home] = entry
        return entry

    def done(self, entries: dict[Urn, Entry]) -> None:
        """This is durable: from now on it is what everybody reads."""
        for home, entry in entries.items():
            self._known.pop(home, None)
            self._keep(home, entry)
