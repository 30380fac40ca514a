"""The desk: notes that people left and ratings they gave, in a SQLite file. Put your ticket system in its place.

``python bots/support/support_desk.py`` writes them out, a line of JSON each. ``SUPPORT_DESK`` names the file.
"""

import json
import os
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

SCHEMA = """CREATE TABLE IF NOT EXISTS entries (
    number INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, contact TEXT NOT NULL, told TEXT NOT NULL,
    at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ')))"""


class Desk:
    """Entries in a file; each key makes one of them, however often it comes."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def put(self, key: str, kind: str, contact: str, told: dict[str, Any]) -> int:
        """Gives the entry's number: that of the first time, if the key came before."""
        with closing(self._open()) as db, db:
            values = (key, kind, contact, json.dumps(told, ensure_ascii=False))
            db.execute("INSERT INTO entries (key, kind, contact, told) VALUES (?, ?, ?, ?) ON CONFLICT (key) DO NOTHING", values)
            (number,) = db.execute("SELECT number FROM entries WHERE key = ?", (key,)).fetchone()
            return int(number)

    def entries(self) -> Iterator[dict[str, Any]]:
        """All of them, oldest first."""
        with closing(self._open()) as db:
            for number, kind, contact, told, at in db.execute(
                "SELECT number, kind, contact, told, at FROM entries ORDER BY number"
            ):
                yield {"number": number, "kind": kind, "contact": contact, "at": at, **json.loads(told)}

    def _open(self) -> sqlite3.Connection:
        if not self._file.exists():
            self._file.touch(mode=0o600)  # people's words are in it
        db = sqlite3.connect(self._file, timeout=5)
        db.execute(SCHEMA)
        return db


def desk() -> Desk:
    """The desk that the environment names."""
    return Desk(Path(os.environ.get("SUPPORT_DESK", "support_desk.db")))


if __name__ == "__main__":
    for entry in desk().entries():
        sys.stdout.write(json.dumps(entry, ensure_ascii=False) + "\n")
