"""The embedded store: one file, one serving process, every answer durable."""

from vaiven.stores.sqlite.store import SqliteStore

__all__ = ["SqliteStore"]
