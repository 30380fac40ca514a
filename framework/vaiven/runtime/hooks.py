"""Events for webhooks of the business: each is a row of the outbox, told until it is heard or a day has passed.

Signed as Standard Webhooks 1.0 has it (https://www.standardwebhooks.com, read 2026-11): HMAC-SHA256 over id, instant and body.
What nobody took in a day becomes a dead letter, from which somebody can put it back.
"""

import asyncio
import base64
import hmac
import logging
import random
from collections import Counter
from collections.abc import Callable, Mapping

import msgspec

from vaiven.model.calls import HttpCall, Told
from vaiven.model.events import Event, Happened
from vaiven.model.outbox import ROWS_A_TURN, OutboxRow, RowState
from vaiven.model.urns import path_of
from vaiven.runtime.call_outcomes import Answered, NoAnswer
from vaiven.runtime.calls import Caller
from vaiven.runtime.counts import Counts
from vaiven.runtime.errands import Ending
from vaiven.runtime.event_log import of
from vaiven.runtime.happenings import GAVE_UP, UNDELIVERED, Hook

log = logging.getLogger("vaiven.hooks")

PATIENCE_MS = 24 * 3_600_000
"""So long an event is told again to who does not take it."""
FIRST_MS = 1_000
LONGEST_PAUSE_MS = 3_600_000
TIMEOUT_S = 15.0
SHARE = 16
"""Calls to one webhook under way in a process: one that hangs must leave room for the others. More are told a little later."""
UNKNOWN = "no such webhook"
GONE = 410
"""The other side's word that nobody will ever take anything there."""


def signed(hook: Hook, id_: str, at_s: int, body: bytes) -> dict[str, str]:
    """The headers by which the other side knows that this came from us, and when."""
    content = f"{id_}.{at_s}.".encode() + body
    digests = (hmac.digest(secret, content, "sha256") for secret in hook.secrets)
    signature = " ".join(f"v1,{base64.b64encode(digest).decode()}" for digest in digests)
    return {"webhook-id": id_, "webhook-timestamp": str(at_s), "webhook-signature": signature}


def body_of(row: OutboxRow, told: Told) -> bytes:
    """The event as it is told: the same bytes at every attempt."""
    data = {name: value for name, value in told.data.items() if name not in ("id", "number")}
    return msgspec.json.encode(of(told.name, told.data["id"], number_of(row, told), data))


def number_of(row: OutboxRow, told: Told) -> int:
    """The event's place in the log: that of the turn that made its row, or what it bears, if it was put back."""
    return int(told.data.get("number") or row.row // ROWS_A_TURN)


def pause_ms(row: OutboxRow, jitter: random.Random) -> int:
    """How long to wait before the next attempt: doubling from a second to an hour, half of it by chance."""
    longest = min(LONGEST_PAUSE_MS, FIRST_MS << min(row.attempt - 1, 16))
    return longest // 2 + jitter.randrange(longest // 2 + 1)


class Hooks:
    """The errand of rows named ``HOOKS``. ``caller`` follows no redirect: what is told is for this address."""

    def __init__(
        self,
        hooks: Mapping[str, Hook],
        caller: Caller,
        clock: Callable[[], int],
        counts: Counts,
        jitter: random.Random | None = None,
    ) -> None:
        self._hooks = hooks
        self._caller = caller
        self._clock = clock
        self._counts = counts
        self._jitter = jitter or random.SystemRandom()
        self._tasks: set[asyncio.Task[None]] = set()
        self._under_way: Counter[str] = Counter()

    def begin(self, row: OutboxRow, done: Callable[[Ending], None]) -> None:
        if self._under_way[row.to] >= SHARE:
            self._counts["hooks", path_of(row.to), "busy"] += 1
            done(Ending(RowState.RETRY, "busy", self._clock() + pause_ms(row, self._jitter)))
            return
        self._under_way[row.to] += 1
        task = asyncio.get_running_loop().create_task(self._attempt(row, done))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(lambda _: self._under_way.subtract([row.to]))

    def lost(self, row: OutboxRow, now_ms: int) -> Ending:  # noqa: ARG002 - as every errand is asked
        """Told again, since nobody knows whether it was heard: the other side knows it by its id."""
        return Ending(RowState.HELD, "unknown", now_ms)

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._caller.close()

    async def _attempt(self, row: OutboxRow, done: Callable[[Ending], None]) -> None:
        told = row.tell
        if told is None:
            done(Ending(RowState.REJECTED, "no event"))
            return
        name = path_of(told.home)
        try:
            reason, after_ms = await self._told(name, row, told)
        except Exception as error:
            log.exception("an event could not be told: %s", type(error).__name__)
            reason, after_ms = f"raised {type(error).__name__}", 0
        ending = self._ending(name, row, told, reason, after_ms)
        outcome = {RowState.ACCEPTED: "told", RowState.RETRY: "again"}.get(ending.state, "gave up")
        self._counts["hooks", name, outcome] += 1
        done(ending)

    async def _told(self, name: str, row: OutboxRow, told: Told) -> tuple[str, int]:
        """Why it was not heard, empty if it was; and how long the other side asks us to wait."""
        hook = self._hooks.get(name)
        if hook is None:
            return UNKNOWN, 0  # taken out of the settings, or not yet in those of this process
        body = body_of(row, told)
        headers = signed(hook, told.data["id"], self._clock() // 1000, body)
        request = HttpCall("POST", hook.url, tuple(headers.items()), body)
        answer: Answered | NoAnswer = await self._caller.call(request, None, TIMEOUT_S)
        if isinstance(answer, NoAnswer):
            return answer.reason, 0
        if 200 <= answer.status < 300:
            return "", 0
        return f"http {answer.status}", int((answer.after_s or 0) * 1000)

    def _ending(self, name: str, row: OutboxRow, told: Told, reason: str, after_ms: int) -> Ending:
        if not reason:
            return Ending(RowState.ACCEPTED)
        now_ms = self._clock()
        retry_ms = now_ms + max(pause_ms(row, self._jitter), min(after_ms, LONGEST_PAUSE_MS))
        if retry_ms < row.created_ms + PATIENCE_MS and reason != f"http {GONE}":
            return Ending(RowState.RETRY, reason, retry_ms)
        log.warning("webhook %s: an event was not taken (%s); see `vaiven dead list`", name, reason)
        event = {**told.data, "number": number_of(row, told)}
        body = Happened(UNDELIVERED, {"hook": name, "kind": told.name, "event": event, "reason": reason, GAVE_UP: now_ms})
        back = Event(f"hook:{row.reference}", told.sender, row.partition, "", now_ms, body)
        return Ending(RowState.REJECTED, reason, event=back)
