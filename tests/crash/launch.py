"""Starts the command line with one fault in it: ``launch.py FAULT FIRED [OPTION …] -- run BOT --port N``.

The faults are here and not in the software, so that no way leads to them but this one. FIRED is a file that is written when the
fault has happened: a test whose fault did not happen proves nothing. A fault may bear settings, ``apart:FAULT``:

- ``apart``: events are accepted and turned in two steps, as where something is in the way of doing both in one (on SQLite);
- ``together``: they are accepted once nothing is in the way, so that both are done in one step (on SQLite);
- ``slowly``: a word to another home is on its way for 50 ms, so that somebody who is killed had some to tell;
- ``brief``, ``short``: leases end after 3 or 6 s and are shared twice a second, so that a test need not wait for longer.
"""

import asyncio
import functools
import os
import sys
from collections.abc import Callable
from typing import Any

import failpoints
import plants

BRIEF_MS, SHORT_MS = 3_000, 6_000


def apart() -> None:
    from vaiven.stores.sqlite import SqliteStore

    setattr(SqliteStore, "turn_at_once", lambda *_: None)  # noqa: B010 - the type checker knows that methods are not for replacing


def together() -> None:
    from vaiven.runtime.turn import TurnLoop
    from vaiven.stores.sqlite import SqliteStore

    accept, turn_at_once, sweep, turns = SqliteStore.accept, SqliteStore.turn_at_once, TurnLoop.sweep, []

    def remembered(self: SqliteStore, who: Any) -> None:
        turns.append(who)
        turn_at_once(self, who)

    async def alone(self: SqliteStore, events: Any) -> list[int]:
        while turns[0].queues.gaps or turns[0].queues or turns[0]._batch:
            await asyncio.sleep(0.001)
        return await accept(self, events)

    async def once(self: TurnLoop) -> None:
        """For a moment after each sweep its gaps are in the way."""
        TurnLoop.sweep = later
        await sweep(self)

    async def later(self: TurnLoop) -> None:
        self.hand_over(await self._store.due(dict(self._epochs), self._clock(), 1))

    SqliteStore.turn_at_once, SqliteStore.accept, TurnLoop.sweep = remembered, alone, once


def leases_of(ttl_ms: int) -> None:
    from vaiven.runtime import bot, leases

    leases.TTL_MS, bot.SHARE_S = ttl_ms, 0.5


def slowly() -> None:
    from vaiven.runtime.telling import Telling

    begin = Telling.begin

    def later(self: Telling, *args: Any) -> None:
        asyncio.get_running_loop().call_later(0.05, begin, self, *args)

    setattr(Telling, "begin", later)  # noqa: B010


SETTINGS: dict[str, Callable[[], None]] = {
    "slowly": slowly,
    "apart": apart,
    "together": together,
    "brief": functools.partial(leases_of, BRIEF_MS),
    "short": functools.partial(leases_of, SHORT_MS),
}


def main() -> None:
    end = sys.argv.index("--")
    name, fired, *options = sys.argv[1:end]
    del sys.argv[1 : end + 1]
    faults: dict[str, Callable[..., None]] = {**failpoints.ALL, **plants.ALL}

    def mark() -> None:
        said = os.open(fired, os.O_CREAT | os.O_WRONLY | os.O_APPEND)
        os.write(said, b".")
        os.close(said)

    *settings, fault = name.split(":")
    for setting in settings:
        SETTINGS[setting]()
    faults[fault](mark, *options)

    from vaiven.edge.cli import main

    main()


if __name__ == "__main__":
    main()
