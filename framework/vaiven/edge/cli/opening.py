"""Opening a store for a command: to look at it while others serve, or to act on it by whoever serves."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from vaiven.edge.control import NobodyServes, ask, beside
from vaiven.edge.settings import Where, where
from vaiven.model.errors import SettingsError, StoreInUse
from vaiven.stores import open_store
from vaiven.stores.contract import Store
from vaiven.stores.sqlite import SqliteStore

T = TypeVar("T")


class Asked(NamedTuple):
    """What somebody else did for us."""

    answer: Any


def looked(bot: Path, url: str | None, read: Callable[[Store], Coroutine[Any, Any, T]]) -> T:
    """What ``read`` gives of the bot's store, opened for reading only.

    Raises:
        SettingsError, StoreError: it cannot be found, or read.
    """

    async def main() -> T:
        async with opened(find(bot, url), read_only=True) as store:
            return await read(store)

    return asyncio.run(main())


def acted(bot: Path, url: str | None, do: str, act: Callable[[Store], Coroutine[Any, Any, Any]], **arguments: Any) -> Any:
    """What came of an act on the bot's store: by the process that serves from it where only one can, else by ourselves.

    Raises:
        SettingsError, StoreError: it cannot be found, or written.
    """

    async def main() -> Any:
        place = find(bot, url)
        store = _made(place, read_only=False)
        if isinstance(store, SqliteStore):
            try:
                return await ask(beside(store.path), do, **arguments)
            except NobodyServes:
                if not store.path.exists():
                    return await _look_for(place)
        try:
            async with opened(place, read_only=False) as own:
                return await act(own)
        except StoreInUse as error:
            raise StoreInUse(
                f"{error.args[0].partition(': ')[0]}: a process serves from it that cannot be asked. Stop it first."
            ) from error

    return asyncio.run(main())


async def _look_for(place: Where) -> None:
    """Say that there is no such file, as reading it would; to act must not make one."""
    async with opened(place, read_only=True):
        return


def find(bot: Path, url: str | None) -> Where:
    """Raises SettingsError."""
    place = where(bot, os.environ, url)
    if not place.bot and url is not None and url.startswith("redis"):
        raise SettingsError(
            [f"--store: bots share a server, each under its name. Which one? --bot PATH says it; no bot.yaml is in {bot}."]
        )
    return place


def _made(place: Where, *, read_only: bool) -> Store:
    return open_store(place.store, bot=place.bot, profile=place.profile, read_only=read_only)


@asynccontextmanager
async def opened(place: Where, *, read_only: bool) -> AsyncIterator[Store]:
    store = _made(place, read_only=read_only)
    await store.open()
    try:
        yield store
    finally:
        await store.close()
