"""Stores by URL. Another package adds one under the entry point group ``vaiven.stores``: scheme = ``module:function``."""

from collections.abc import Callable
from importlib.metadata import entry_points
from urllib.parse import unquote

from vaiven.model.errors import SettingsError
from vaiven.stores.contract import Store


def open_store(
    url: str,
    *,
    bot: str = "vaiven",
    profile: str = "",
    partitions: int | None = None,
    clock: Callable[[], int] | None = None,
    read_only: bool = False,
) -> Store:
    """The store that a URL names, not yet opened: ``memory://``, ``sqlite:///relative.db``, ``sqlite:////absolute.db``.

    ``partitions`` counts only when a store is made; an existing one must have as many. ``clock`` gives ms since the epoch.
    ``read_only`` looks at a store that another process may be serving from.

    Raises:
        SettingsError: no store goes by that scheme, or the URL lacks something.
    """
    scheme, separator, rest = url.partition("://")
    if scheme == "memory" and separator:
        from vaiven.stores.memory import MemoryStore

        return MemoryStore(partitions=partitions, clock=clock)
    if scheme == "sqlite" and separator:
        from vaiven.stores.sqlite import SqliteStore

        if not rest.startswith("/") or rest == "/":
            raise SettingsError([f"store: {url!r} names no file. Write sqlite:///votes.db, or sqlite:////var/lib/votes.db."])
        return SqliteStore(unquote(rest[1:]), partitions=partitions, clock=clock, read_only=read_only)
    for entry in entry_points(group="vaiven.stores", name=scheme):
        made: Store = entry.load()(url, partitions=partitions, clock=clock, read_only=read_only)
        return made
    raise SettingsError([f"store: nothing is known of {url!r}. Known: memory://, sqlite:///file.db."])
