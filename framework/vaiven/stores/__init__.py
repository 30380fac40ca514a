"""Memory: promises kept, no opinions."""

from vaiven.stores.registry import open_store

__all__ = ["open_store"]
