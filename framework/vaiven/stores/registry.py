"""Stores by URL. Another package adds one under the entry point group ``vaiven.stores``: scheme = ``module:function``."""

import re
from collections.abc import Callable
from importlib.metadata import entry_points
from urllib.parse import unquote

from vaiven.model.errors import SettingsError
from vaiven.stores.contract import Store

_REDIS = ("redis", "rediss", "redis+unix", "redis+cluster", "rediss+cluster")
_PROFILES = {"memory": ("dev",), "sqlite": ("local",), **dict.fromkeys(_REDIS, ("redis-fast", "redis-strict"))}

_CREDENTIALS = re.compile(r"^(?!sqlite:)([^:]*:)//.*@")


def public(url: str) -> str:
    """A store's URL as it may be shown: without user and password."""
    return _CREDENTIALS.sub(r"\1//", url)


def open_store(
    url: str,
    *,
    bot: str = "vaiven",
    profile: str = "",
    partitions: int | None = None,
    clock: Callable[[], int] | None = None,
    read_only: bool = False,
) -> Store:
    """The store that a URL names, not yet opened.

    ``memory://``, ``sqlite:///relative.db``, ``sqlite:////absolute.db``, ``redis://host:6379``, ``redis+cluster://host:6379``
    (and others: ``redis.address``). ``bot`` is what its keys begin with where bots share a store. ``profile`` is what an answer
    of the store is to mean; by default the first that its kind can keep. ``partitions`` counts only when a store is made; an
    existing one must have as many. ``clock`` gives ms since the epoch in place of the store's own, for tests. ``read_only``
    looks at a store that another process may be serving from.

    Raises:
        SettingsError: no store goes by that scheme, the URL lacks something, or such a store cannot keep the profile.
    """
    scheme, separator, rest = url.partition("://")
    known = _PROFILES.get(scheme, ())
    if known and profile and profile not in known:
        raise SettingsError([f"profile: {scheme}:// cannot keep {profile!r}. Write {' or '.join(known)}, or another store."])
    if scheme == "memory" and separator:
        from vaiven.stores.memory import MemoryStore

        return MemoryStore(partitions=partitions, clock=clock)
    if scheme == "sqlite" and separator:
        from vaiven.stores.sqlite import SqliteStore

        if not rest.startswith("/") or rest == "/":
            raise SettingsError([f"store: {url!r} names no file. Write sqlite:///votes.db, or sqlite:////var/lib/votes.db."])
        return SqliteStore(unquote(rest[1:]), partitions=partitions, clock=clock, read_only=read_only)
    if scheme in _REDIS and separator:
        try:
            from vaiven.stores.redis import Durability, RedisStore
            from vaiven.stores.redis.address import read_url
        except ModuleNotFoundError as error:
            told = f"store: {scheme}:// needs the package {error.name}, which is not installed. Run: pip install 'vaiven[redis]'"
            raise SettingsError([told]) from error

        replicas = read_url(url).replicas
        if profile == "redis-fast" and replicas is not None:
            raise SettingsError(["store: replicas= in its URL is for the profile redis-strict. Take it out, or change that."])
        strict = Durability() if replicas is None else Durability(replicas=replicas)
        wait = strict if profile == "redis-strict" else None
        return RedisStore(url, bot=bot, partitions=partitions, clock=clock, read_only=read_only, wait=wait)
    for entry in entry_points(group="vaiven.stores", name=scheme):
        opener = entry.load()
        made: Store = opener(url, bot=bot, profile=profile, partitions=partitions, clock=clock, read_only=read_only)
        return made
    raise SettingsError(
        [
            f"store: nothing is known of {public(url)!r}. Known: memory://, sqlite:///file.db, redis://host:6379, redis+cluster://host:6379."
        ]
    )
