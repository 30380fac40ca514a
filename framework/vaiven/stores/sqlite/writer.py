"""Group commit: what the loop brings while one transaction is on its way to the disk goes into the next.

A transaction is built on the loop's thread, whose data it decides by. Its COMMIT waits for the disk: where that is quick, it
runs there too; where it is slow, on a thread of its own, so that the loop goes on meanwhile. The two threads pass the
interpreter lock at most once a transaction (docs/decisions/0001). There is no timer: an idle store begins at once.
"""

import asyncio
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from queue import SimpleQueue
from typing import Any

import msgspec

from vaiven.model.errors import StoreUnavailable
from vaiven.model.turns import LeaseLost, SessionMoved, Taken, Turn, Verdict
from vaiven.stores.contract import AtOnce, Claiming
from vaiven.stores.sqlite.mirror import Mirror
from vaiven.stores.sqlite.transaction import Transaction

_EVENTS, _TURNS, _SETTLEMENTS, _ERRAND = range(4)

_QUICK_S = 0.005
"""A disk whose syncs take less is waited for on the loop: handing the COMMIT to a thread and back costs more."""

_ENOUGH = 64
"""So many questions begin a transaction at once: sharing it with more saves little."""

_LOOK_AGAIN = 64
"""On a slow disk, one COMMIT in so many is still timed on the loop, since a thread's own time says little beside a busy loop."""

_FAULTS = (sqlite3.OperationalError, sqlite3.DatabaseError, sqlite3.InternalError)
"""What the file can do to us: full, locked, unreadable, damaged. Their other kinds are faults of what was asked."""

Errand = Callable[[Transaction], Any]


class _Asked(msgspec.Struct, eq=False):
    kind: int
    what: Any
    future: "asyncio.Future[Any]"
    claiming: Any = None
    answer: Any = None


class Writer:
    """The one who writes. Every question waits for the commit of its transaction, so an answer is durable."""

    def __init__(self, connection: sqlite3.Connection, mirror: Mirror, name: str) -> None:
        self._db, self._mirror, self._name = connection, mirror, name
        self._loop = asyncio.get_running_loop()
        self._asked: list[_Asked] = []
        self._busy = self._closing = False
        self._stale = False
        self.at_once: AtOnce | None = None
        self._sync_s, self._commits = 0.0, 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._jobs: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="vaiven-commit", daemon=True)
        self._thread.start()

    # -- asking --------------------------------------------------------------------------------------------------------

    def accept(self, events: Any) -> "asyncio.Future[Any]":
        return self._ask(_EVENTS, events)

    def commit(self, turns: Any, claiming: Any) -> "asyncio.Future[Any]":
        return self._ask(_TURNS, turns, claiming)

    def settle(self, settlements: Any) -> "asyncio.Future[Any]":
        return self._ask(_SETTLEMENTS, settlements)

    def run(self, errand: Errand) -> "asyncio.Future[Any]":
        return self._ask(_ERRAND, errand)

    def _ask(self, kind: int, what: Any, claiming: Any = None) -> "asyncio.Future[Any]":
        if self._closing:
            raise StoreUnavailable(f"{self._name}: the store is closed")
        future = self._loop.create_future()
        self._asked.append(_Asked(kind, what, future, claiming))
        if not self._busy:
            self._busy = True
            self._idle.clear()
            self._loop.call_soon(self._gather, 0)
        return future

    async def close(self) -> None:
        """Finish what was asked, then close the connection, which also tidies the file."""
        self._closing = True
        await self._idle.wait()
        closed = self._loop.create_future()

        def close() -> None:
            with suppress(sqlite3.Error):
                self._db.close()
            self._loop.call_soon_threadsafe(closed.set_result, None)

        self._jobs.put(close)
        self._jobs.put(None)
        await closed
        self._thread.join()

    # -- one transaction -----------------------------------------------------------------------------------------------

    def _gather(self, before: int) -> None:
        """Begin when a turn of the loop has brought nothing more: under load a transaction's fixed cost is shared by many."""
        if before < len(self._asked) < _ENOUGH:
            self._loop.call_soon(self._gather, len(self._asked))
        else:
            self._begin()

    def _begin(self) -> None:
        group, self._asked = self._asked, []
        self._write(group)

    def _write(self, group: list[_Asked]) -> None:
        transaction = Transaction(self._db, self._mirror)
        turned = _Turned()
        try:
            if self._stale:
                self._mirror.read(self._db)
                self._stale = False
            self._db.execute("BEGIN IMMEDIATE")
            changes = self._db.total_changes
            self._build(transaction, group, turned)
            unchanged = self._db.total_changes == changes
            if unchanged:
                self._db.execute("COMMIT")
        except Exception as error:  # noqa: BLE001 - whatever it is, the callers get it and the file stays as it was
            self._failed(transaction, group, turned, error)
        else:
            if unchanged:  # nothing to wait for: a look at an empty queue, a lease renewed
                self._finish(transaction, group, turned, None)
            else:
                self._sync(transaction, group, turned)

    def _sync(self, transaction: Transaction, group: list[_Asked], turned: "_Turned") -> None:
        self._commits += 1
        if self._sync_s >= _QUICK_S and self._commits % _LOOK_AGAIN:
            self._jobs.put(lambda: self._commit_apart(transaction, group, turned))
            return
        began = time.perf_counter()
        failure = self._commit()
        took_s = time.perf_counter() - began
        # The quickest of late is the disk's own time: others had more to write, or a checkpoint to make.
        self._sync_s = min(took_s, self._sync_s + took_s / 16)
        self._finish(transaction, group, turned, failure)

    def _commit(self) -> sqlite3.Error | None:
        try:
            self._db.execute("COMMIT")
        except sqlite3.Error as error:
            return error
        return None

    def _commit_apart(self, transaction: Transaction, group: list[_Asked], turned: "_Turned") -> None:
        """On the committer's thread."""
        failure = self._commit()
        with suppress(RuntimeError):  # the loop was closed without closing the store; nobody waits any more
            self._loop.call_soon_threadsafe(self._finish, transaction, group, turned, failure)

    def _finish(self, transaction: Transaction, group: list[_Asked], turned: "_Turned", failure: sqlite3.Error | None) -> None:
        if failure is not None:
            self._failed(transaction, group, turned, failure)
            return
        transaction.done()
        if self.at_once is not None and turned.turns:
            self.at_once.decided(turned.turns, turned.claiming, turned.verdicts)
        for asked in group:
            if not asked.future.done():
                asked.future.set_result(asked.answer)
        self._next()

    def _failed(self, transaction: Transaction, group: list[_Asked], turned: "_Turned", error: Exception) -> None:
        """Nothing of the group is saved. A fault of the file refuses all of it; any other is looked for one by one."""
        self._stale = True
        if self.at_once is not None and turned.turns:
            self.at_once.decided(turned.turns, turned.claiming, ())
        for undo in transaction.undo:
            undo()
        with suppress(sqlite3.Error):
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
        if len(group) > 1 and type(error) not in _FAULTS:
            self._asked[:0] = group[1:]
            self._write(group[:1])
            return
        if type(error) in _FAULTS:
            refusal = StoreUnavailable(f"{self._name}: {error}")
            refusal.__cause__ = error
            error = refusal
        for asked in group:
            if not asked.future.done():
                asked.future.set_exception(error)
        self._next()

    def _next(self) -> None:
        if self._asked:
            self._loop.call_soon(self._gather, 0)
        else:
            self._busy = False
            self._idle.set()

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()

    def _build(self, transaction: Transaction, group: Iterable[_Asked], turned: "_Turned") -> None:
        """All of one kind together, so that each table is written once. Nobody waits for an answer of the same transaction,
        so any order is as good; settlements come first since receipts read what they tell, and what is turned at once last.
        """
        turns = [turn for asked in group if asked.kind == _TURNS for turn in asked.what]
        accepted, errands = [], []
        for asked in group:
            if asked.kind == _SETTLEMENTS:
                asked.answer = transaction.settle(asked.what)
            elif asked.kind == _EVENTS:
                asked.answer = transaction.accept(asked.what)
                accepted.append(asked)
            elif asked.kind == _ERRAND:
                errands.append(asked)
        if turns:
            transaction.prepare(turns)
        refused = False
        for asked in group:
            if asked.kind == _TURNS:
                asked.answer = transaction.commit(asked.what, asked.claiming)
                refused = refused or any(isinstance(verdict, SessionMoved | LeaseLost) for verdict in asked.answer)
        if accepted and self.at_once is not None and not refused:  # nobody overtakes a turn that must run again
            new = [taken for asked in accepted for taken in map(Taken, asked.answer, asked.what)]
            turned.turns, turned.claiming = self.at_once.decide(new, transaction.states, bool(turns))
            if turned.turns:
                transaction.prepare(turned.turns)
                turned.verdicts = transaction.commit(turned.turns, turned.claiming)
        for asked in errands:
            transaction.flush()
            asked.answer = asked.what(transaction)
        transaction.seal()


class _Turned:
    """What was turned in the step that accepted it."""

    __slots__ = ("claiming", "turns", "verdicts")

    def __init__(self) -> None:
        self.turns: Sequence[Turn] = ()
        self.claiming: Claiming | None = None
        self.verdicts: Sequence[Verdict] = ()
