"""Calls of flows: made under the send lease, one at a time a home, each answered once by the first door."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol

from vaiven.model.calls import ActionCall, HttpCall, OutboundCall
from vaiven.model.contacts import ContactState
from vaiven.model.errors import StoreUnavailable
from vaiven.model.outbox import OutboxRow, RowState
from vaiven.model.urns import Urn
from vaiven.runtime import call_outcomes
from vaiven.runtime.call_outcomes import Answered, Came, NoAnswer
from vaiven.runtime.counts import Counts
from vaiven.runtime.errands import Ending
from vaiven.runtime.registry import KEY, NO_ACTIONS, Action

log = logging.getLogger("vaiven.calls")

CONNECTIONS = 64
"""Calls under way at once, in one process; so also the most whose outcome a crash can leave unknown."""
NOBODY_WAITS = "nobody waits"
AGAIN = frozenset({RowState.RETRY, RowState.HELD, RowState.QUEUED})


class Caller(Protocol):
    """Makes HTTP calls. The edge brings the sockets."""

    async def call(self, request: HttpCall, key: str | None, timeout_s: float) -> Answered | NoAnswer:
        """Make this call, within this time. ``key`` goes along as ``Idempotency-Key``."""

    async def close(self) -> None:
        """Let go of every connection."""


class NoCaller:
    """Where there is no way out."""

    async def call(self, request: HttpCall, key: str | None, timeout_s: float) -> Answered | NoAnswer:  # noqa: ARG002
        return NoAnswer("forbidden", sent=False)

    async def close(self) -> None: ...


async def make(call: OutboundCall, caller: Caller, actions: Mapping[str, Action]) -> Came:
    """One attempt of a call, within its time."""
    if isinstance(call.request, ActionCall):
        return await _act(call, call.request, actions)
    return call_outcomes.heard(await caller.call(call.request, call.key, call.timeout_ms / 1000))


async def _act(call: OutboundCall, request: ActionCall, actions: Mapping[str, Action]) -> Came:
    action = actions.get(request.name)
    if action is None:
        return Came("no action", undone=True)
    arguments: dict[str, Any] = request.arguments
    if action.takes_key and KEY not in arguments:
        arguments = {**arguments, KEY: call.key}
    task = asyncio.ensure_future(_run(action, arguments))
    try:
        await asyncio.wait({task}, timeout=call.timeout_ms / 1000)
    finally:
        if not task.done():
            # Not waited for: one that catches it would hold up the flow for as long as it likes.
            task.cancel()
    if not task.done():
        return Came("timeout", passing=True)
    if task.cancelled():
        return Came("raised CancelledError", passing=True)
    return task.result()


async def _run(action: Action, arguments: Mapping[str, Any]) -> Came:
    try:
        return call_outcomes.gave(await action.function(**arguments))
    except (Exception, SystemExit) as error:
        log.exception("action %s raised %s", action.name, type(error).__name__)
        return call_outcomes.raised(error)


class Courier:
    """Makes the calls of rows that the sender hands it. ``load`` is the store's."""

    def __init__(
        self,
        load: Callable[[Sequence[Urn]], Awaitable[list[ContactState]]],
        caller: Caller,
        clock: Callable[[], int],
        counts: Counts,
        actions: Mapping[str, Action] = NO_ACTIONS,
        jitter: random.Random | None = None,
    ) -> None:
        self._load = load
        self._caller = caller
        self._actions = actions
        self._clock = clock
        self._counts = counts
        self._jitter = jitter or random.SystemRandom()
        self._tasks: set[asyncio.Task[None]] = set()

    def begin(self, row: OutboxRow, done: Callable[[Ending], None]) -> None:
        task = asyncio.get_running_loop().create_task(self._attempt(row, done))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def lost(self, row: OutboxRow, now_ms: int) -> Ending:
        if row.call is None:
            return Ending(RowState.REJECTED, "no call")
        return self._counted(row.call, call_outcomes.lost(row, row.call, now_ms))

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._caller.close()

    async def _attempt(self, row: OutboxRow, done: Callable[[Ending], None]) -> None:
        call = row.call
        if call is None:
            done(Ending(RowState.REJECTED, "no call"))
            return
        try:
            ending = await self._ending(row, call)
        except StoreUnavailable:
            ending = Ending(RowState.QUEUED)
        except Exception as error:
            # Whatever it was, the flow that waits must be told; and nobody knows how far the call had come.
            log.exception("a call failed: %s", type(error).__name__)
            ending = call_outcomes.ending(row, call, Came("unknown", passing=True), self._clock(), self._jitter)
        done(self._counted(call, ending))

    async def _ending(self, row: OutboxRow, call: OutboundCall) -> Ending:
        (state,) = await self._load([row.home])
        if not awaits(state, call):
            return Ending(RowState.REJECTED, NOBODY_WAITS)
        came = call_outcomes.overdue(row, call, self._clock())
        if came is not None:
            return call_outcomes.answer(row, call, came, self._clock())
        came = await make(call, self._caller, self._actions)
        return call_outcomes.ending(row, call, came, self._clock(), self._jitter)

    def _counted(self, call: OutboundCall, ending: Ending) -> Ending:
        kind = "action" if isinstance(call.request, ActionCall) else "http"
        outcome = "again" if ending.state in AGAIN else _word(ending.reason)
        self._counts["calls", kind, outcome] += 1
        return ending


def awaits(state: ContactState, call: OutboundCall) -> bool:
    """Whether somebody still waits for this call's answer: a STOP, a timer or a word may have moved the session on."""
    session = state.sessions.get(call.channel)
    if session is None or session.id != call.session:
        return False
    # Not by its step: a new version of the flow may have given that another name.
    return any(frame.visit == call.visit for frame in session.frames)


def _word(reason: str | None) -> str:
    """A reason without what would make too many of it: ``http`` of all statuses, ``raised`` of all errors."""
    if reason is None:
        return "answered"
    head = reason.partition(" ")[0]
    return head if head in ("http", "raised") else reason
