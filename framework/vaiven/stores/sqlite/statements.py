"""Few statements a batch: many rows in one, in a handful of sizes, so that each is prepared once and then reused."""

import sqlite3
from collections.abc import Sequence
from functools import lru_cache
from itertools import chain
from typing import Any

_LARGEST = 64


@lru_cache(maxsize=256)
def _sized(sql: str, width: int, count: int) -> str:
    row = "(" + ",".join("?" * width) + ")"
    return sql.replace("VALUES ?", "VALUES " + ",".join([row] * count))


def blob(encoded: bytes | None) -> bytearray | None:
    """As sqlite3 binds it at once: for bytes, as for None, it looks for an adapter first, a microsecond each time."""
    return None if encoded is None else bytearray(encoded)


def many(connection: sqlite3.Connection, sql: str, rows: Sequence[tuple[Any, ...]]) -> None:
    """Run a statement whose ``VALUES ?`` stands for all these rows, in pieces whose sizes are powers of two."""
    at, left = 0, len(rows)
    while left:
        count = min(1 << left.bit_length() - 1, _LARGEST)
        connection.execute(_sized(sql, len(rows[0]), count), tuple(chain.from_iterable(rows[at : at + count])))
        at, left = at + count, left - count
