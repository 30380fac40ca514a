"""Places where a bot can die, each named for what it had done last. Each dies at its n-th passing, as by kill -9."""

import asyncio
import functools
import inspect
import os
import sqlite3
from collections.abc import Callable
from typing import Any

FIRED = 86

Mark = Callable[[], None]


class Trap:
    """Counts passings; ``sprung`` at the one that is fatal."""

    def __init__(self, mark: Mark, nth: str) -> None:
        self._mark, self._left = mark, int(nth)

    def sprung(self) -> bool:
        self._left -= 1
        return self._left == 0

    def die(self) -> None:
        self._mark()
        os._exit(FIRED)

    def passed(self) -> None:
        if self.sprung():
            self.die()


def before(owner: Any, name: str, trap: Trap, when: Callable[..., Any] = lambda *_: True) -> None:
    """Die before this method does anything, if ``when`` its arguments are such."""
    original = getattr(owner, name)

    @functools.wraps(original)
    def wrapped(self: Any, *args: Any, **kwargs: Any) -> Any:
        if when(self, *args):
            trap.passed()
        return original(self, *args, **kwargs)

    setattr(owner, name, wrapped)


def after(owner: Any, name: str, trap: Trap, when: Callable[[Any], Any] = lambda _: True) -> None:
    """Die when this method has done it and nobody knows, if ``when`` its result is such."""
    original = getattr(owner, name)

    @functools.wraps(original)
    def plain(self: Any, *args: Any, **kwargs: Any) -> Any:
        result = original(self, *args, **kwargs)
        if when(result):
            trap.passed()
        return result

    @functools.wraps(original)
    async def awaited(self: Any, *args: Any, **kwargs: Any) -> Any:
        result = await original(self, *args, **kwargs)
        if when(result):
            trap.passed()
        return result

    setattr(owner, name, awaited if inspect.iscoroutinefunction(original) else plain)


# -- in ----------------------------------------------------------------------------------------------------------------


def read(mark: Mark, nth: str) -> None:
    """The webhook is read and proven; nothing of it is stored."""
    from vaiven.runtime.intake import Intake

    before(Intake, "store", Trap(mark, nth))


def stored(mark: Mark, nth: str) -> None:
    """The event is stored; nobody has been answered."""
    from vaiven.runtime.intake import Intake

    after(Intake, "store", Trap(mark, nth))


def acknowledged(mark: Mark, nth: str) -> None:
    """The answer has gone out; the turn has not begun."""
    from vaiven.runtime.turn import TurnLoop

    trap, original = Trap(mark, nth), TurnLoop._apply

    async def apply(self: TurnLoop, batch: Any, *rest: Any) -> None:
        if trap.sprung():
            await asyncio.sleep(0.1)
            trap.die()
        await original(self, batch, *rest)

    setattr(TurnLoop, "_apply", apply)  # noqa: B010 - the type checker knows that methods are not for replacing


def decided(mark: Mark, nth: str) -> None:
    """The turn is decided; nothing of it is saved."""
    from vaiven.runtime.turn import TurnLoop

    after(TurnLoop, "_decide", Trap(mark, nth))


# -- out ---------------------------------------------------------------------------------------------------------------


def queued(mark: Mark, nth: str) -> None:
    """A row waits for room to be claimed."""
    from vaiven.runtime.sender import Sender

    before(Sender, "_claim", Trap(mark, nth), when=lambda sender: sender.under_way and sender._waiting)


def undialed(mark: Mark, nth: str) -> None:
    """The row is marked dialed; no byte has gone."""
    from vaiven.runtime.sender import Sender

    before(Sender, "_send", Trap(mark, nth), when=lambda _, rows: rows)


def dialed(mark: Mark, nth: str) -> None:
    """The provider has the call, and has not answered."""
    from vaiven.runtime.sender import Sender

    trap, original = Trap(mark, nth), Sender._call

    def call(self: Sender, *args: Any) -> None:
        original(self, *args)
        if trap.sprung():
            asyncio.get_running_loop().call_later(0.15, trap.die)

    setattr(Sender, "_call", call)  # noqa: B010


def answered(mark: Mark, nth: str) -> None:
    """The provider has said yes; nothing of it is saved."""
    from vaiven.runtime.sender import Sender

    before(Sender, "_finish", Trap(mark, nth))


# -- at the COMMIT -----------------------------------------------------------------------------------------------------

KINDS = {
    "accept": "INTO inbox",
    "turn": "INTO history",
    "settle": "UPDATE outbox",
    "due": "FROM timers WHERE id",
    "start": "INTO epochs",
}
"""What a transaction writes, by which its kind is known."""


def at_commit(kind: str, done: bool, mark: Mark, nth: str) -> None:
    """Die at the COMMIT of a transaction of this kind: before it, or when it is ``done`` and nobody has been told."""
    trap, connect = Trap(mark, nth), sqlite3.connect

    class Watched(sqlite3.Connection):
        ours = False

        def execute(self, sql: str, *args: Any) -> sqlite3.Cursor:
            if sql.startswith("BEGIN"):
                self.ours = False
            self.ours = self.ours or KINDS[kind] in sql
            fatal = sql == "COMMIT" and self.ours and trap.sprung()
            if fatal and not done:
                trap.die()
            cursor = super().execute(sql, *args)
            if fatal:
                trap.die()
            return cursor

        def executemany(self, sql: str, *args: Any) -> sqlite3.Cursor:
            self.ours = self.ours or KINDS[kind] in sql
            return super().executemany(sql, *args)

    sqlite3.connect = functools.partial(connect, factory=Watched)


# -- timers, stopping --------------------------------------------------------------------------------------------------


def due(mark: Mark, nth: str) -> None:
    """A timer is in the inbox; its turn has not begun."""
    from vaiven.stores.sqlite import SqliteStore

    after(SqliteStore, "due", Trap(mark, nth), when=bool)


def stopping(where: str, mark: Mark, nth: str) -> None:
    """SIGTERM came, and everything before this step of the stop is done."""
    from vaiven.edge.web import Site
    from vaiven.runtime.bot import Bot
    from vaiven.runtime.sender import Sender

    owner, name = {"sites": (Site, "stop"), "turns": (Bot, "stop"), "sender": (Sender, "stop"), "close": (Bot, "close")}[where]
    before(owner, name, Trap(mark, nth))


ALL: dict[str, Callable[..., None]] = {
    **{point.__name__: point for point in (read, stored, acknowledged, decided, queued, undialed, dialed, answered, due)},
    **{f"{kind}-before": functools.partial(at_commit, kind, False) for kind in KINDS},
    **{f"{kind}-after": functools.partial(at_commit, kind, True) for kind in KINDS},
    **{f"stopping-{where}": functools.partial(stopping, where) for where in ("sites", "turns", "sender", "close")},
}
