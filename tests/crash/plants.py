"""Bugs on purpose. Each is one that real systems have had; the judge must find every one of them."""

import asyncio
import functools
import os
import sqlite3
from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

Mark = Callable[[], None]


def none(mark: Mark) -> None:
    """Nothing is wrong: what the judge must let pass."""
    mark()


def no_dedupe(mark: Mark) -> None:
    """A message that comes again is handled again."""
    from vaiven.runtime import decide

    original = decide.seen

    def seen(contact: Any, event_id: str) -> bool:
        if original(contact, event_id):
            mark()
        return False

    decide.seen = seen


def ack_before_append(mark: Mark) -> None:
    """200 is answered before the event is stored."""
    from vaiven.runtime.intake import Intake

    original, pending = Intake.store, set()

    async def later(self: Intake, events: Any) -> None:
        await asyncio.sleep(0.2)
        await original(self, events)

    async def store(self: Intake, events: Any) -> list[Any]:
        mark()
        task = asyncio.create_task(later(self, events))
        pending.add(task)
        task.add_done_callback(pending.discard)
        return []

    Intake.store = store


def out_of_turn(mark: Mark) -> None:
    """Events that wait together are applied the newest first."""
    from vaiven.runtime.queues import Queues
    from vaiven.runtime.turn import TurnLoop

    once, following = TurnLoop.once, Queues.next

    async def slow(self: TurnLoop) -> None:
        await asyncio.sleep(0.03)  # so that more of them wait together
        await once(self)

    def backwards(self: Queues, limit: int) -> list[Any]:
        batch = following(self, limit)
        if len({taken.event.home for taken in batch}) < len(batch):
            mark()
        return batch[::-1]

    TurnLoop.once, Queues.next = slow, backwards


def ahead_of_its_turn(mark: Mark) -> None:
    """An event that is handed over in memory is applied though others of its partition are still to be read from the inbox."""
    from vaiven.runtime.queues import Queues

    original, ahead = Queues.filled, dict[Any, int]()

    def offer(self: Queues, taken: Any) -> None:
        partition = taken.event.partition
        last = self._taken.get(partition)
        if last is None or taken.number <= last:
            return
        self._ready.append(taken)
        if taken.number == last + 1:
            self._taken[partition] = taken.number
        else:
            ahead[taken.event.home] = taken.number
            self._gaps.add(partition)

    def filled(self: Queues, asked: Any, events: Any, complete: bool) -> None:
        if any(taken.number < ahead.get(taken.event.home, 0) for taken in events):
            mark()  # only of the same person's it matters
        original(self, asked, events, complete)

    Queues.offer, Queues.filled = offer, filled


def send_before_commit(mark: Mark, nth: str) -> None:
    """What turns say goes out before they are saved; when the provider has answered the process dies. From the n-th batch on."""
    from vaiven.model.outbox import RowState
    from vaiven.runtime.turn import TurnLoop

    original, left = TurnLoop._apply, [int(nth)]

    async def apply(self: TurnLoop, batch: Any, *rest: Any) -> None:
        left[0] -= 1
        turns = self._decide(batch, await self._load(batch)) if left[0] <= 0 else []
        rows = [replace(row, state=RowState.DIALED, attempt=1) for turn in turns for row in turn.rows]
        if not rows:
            await original(self, batch, *rest)
            return
        self._sender._send(rows)
        while any((row.partition, row.row, row.attempt) in self._sender._flights._under for row in rows):
            await asyncio.sleep(0.01)
        mark()
        os._exit(86)

    TurnLoop._apply = apply


def strays_again(mark: Mark) -> None:
    """What was dialed when an owner died is taken for never sent."""
    from vaiven.model.outbox import RowState, Settlement
    from vaiven.runtime.sender import Sender

    original = Sender.recover

    async def recover(self: Sender, epochs: dict[int, int]) -> None:
        rows = await self._store.strays(epochs)
        if rows:
            mark()
        await self._store.settle(
            [Settlement(row.partition, epochs[row.partition], row.row, row.attempt, RowState.QUEUED) for row in rows]
        )
        await original(self, epochs)

    Sender.recover = recover


def stop_at_enqueue(mark: Mark) -> None:
    """The opt-out is looked at when a row is made, and not when it is claimed."""
    from vaiven.model.messages import MessageClass
    from vaiven.runtime.decide import Decider
    from vaiven.stores import rules

    doom, decide = rules.doom, Decider.decide

    def careless(message_class: Any, not_after: Any, control: int, sender: str, opt_outs: Any, *rest: Any) -> Any:
        if sender in opt_outs and message_class is not MessageClass.CONSENT:
            mark()
        return doom(message_class, not_after, control, sender, (), *rest)

    def looked_at(self: Decider, *args: Any) -> Any:
        turn = decide(self, *args)
        if turn.state is None:
            return turn
        out = turn.state.contact.opt_outs
        rows = (row for row in turn.rows if row.message_class is MessageClass.CONSENT or row.sender not in out)
        return replace(turn, rows=tuple(rows))

    rules.doom, Decider.decide = careless, looked_at


def stop_at_enqueue_in_scripts(mark: Mark) -> None:
    """The same where scripts look at opt-outs."""
    stop_at_enqueue(mark)
    _in_scripts(lambda _: mark(), r"if person\.ledger == 1 and redis\.call\('HEXISTS'", "if false and redis.call('HEXISTS'")


def no_epoch_check(mark: Mark) -> None:
    """Scripts do what anybody asks of a partition, whoever owns it now."""
    asked = r"(?:asked\[each \+ 1\]|ASKED\[each \+ 1\]|ASKED\[4\]|turn\[2\]|told\[2\]|epoch\b|send\b)"
    _in_scripts(lambda _: None, rf"(?:row\.)?(?:at|own)\.(?:turn|send) ~= {asked}", "false")
    _in_scripts(lambda name: mark() if name == "claim" else None, rf"(?:row\.)?(?:at|own)\.(?:turn|send) == {asked}", "true")


def _in_scripts(told: Callable[[str], None], what: str, instead: str) -> None:
    """Replace this wherever a script has it; tell in which."""
    import re

    from vaiven.stores.redis import scripts

    read = scripts._read

    def changed(name: str) -> str:
        text, count = re.subn(what, instead, read(name))
        if count:
            told(name)
        return text

    scripts._read = changed


def tally_apart(mark: Mark) -> None:
    """Votes are counted in a transaction of their own, a moment after the turn's."""
    from vaiven.stores.sqlite import SqliteStore

    original, pending = SqliteStore.commit, set()

    async def commit(self: SqliteStore, turns: Any, claiming: Any = None) -> Any:
        verdicts = await original(self, [replace(turn, tallies=()) for turn in turns], claiming)
        task = asyncio.create_task(count(self, turns))
        pending.add(task)
        task.add_done_callback(pending.discard)
        return verdicts

    async def count(self: SqliteStore, turns: Any) -> None:
        await asyncio.sleep(0.05)

        def add(tx: Any) -> None:
            for turn in turns:
                for tally in turn.tallies:
                    tx._tallies[turn.event.partition, tally.poll, tally.option, str(tally.outcome)] += 1

        mark()
        await self._errand(add)

    SqliteStore.commit = commit


def full(mark: Mark, pages: str) -> None:
    """The file may grow by so many pages and no more, until the process gets SIGUSR1."""
    import signal

    connect, room = sqlite3.connect, [int(pages)]

    class Limited(sqlite3.Connection):
        limited = False

        def execute(self, sql: str, *args: Any) -> sqlite3.Cursor:
            if sql.startswith("BEGIN IMMEDIATE") and (not self.limited or not room):
                (count,) = super().execute("PRAGMA page_count").fetchone()
                super().execute(f"PRAGMA max_page_count = {count + (room[0] if room else 1_000_000)}")
                self.limited = True
            try:
                return super().execute(sql, *args)
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_FULL:
                    mark()
                raise

    signal.signal(signal.SIGUSR1, lambda *_: room.clear())
    sqlite3.connect = functools.partial(connect, factory=Limited)


ALL: dict[str, Callable[..., None]] = {
    plant.__name__.replace("_", "-"): plant
    for plant in (
        none,
        no_dedupe,
        ack_before_append,
        out_of_turn,
        ahead_of_its_turn,
        send_before_commit,
        strays_again,
        stop_at_enqueue,
        stop_at_enqueue_in_scripts,
        no_epoch_check,
        tally_apart,
        full,
    )
}
