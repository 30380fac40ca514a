"""One live connection: batches of commands out in one write, replies matched to them in order."""

import asyncio
from collections import deque
from typing import Any, Protocol, cast

from hiredis import HiredisError, Reader

from vaiven.model.errors import StoreUnavailable
from vaiven.stores.redis.durability import Gate
from vaiven.stores.redis.resp import MORE, Refusal, error_of


class Call:
    """One command, packed, and whoever waits for its reply. ``slot`` is -1 if it belongs to no key."""

    __slots__ = ("asking", "ends", "future", "loading", "packed", "script", "slot", "tries", "write")

    def __init__(
        self, packed: bytes, future: "asyncio.Future[Any]", slot: int = -1, script: Any = None, write: bool = False
    ) -> None:
        self.packed, self.future, self.slot, self.script, self.write = packed, future, slot, script, write
        self.asking = False
        self.ends = 0.0
        self.tries = 0
        self.loading: asyncio.Future[Any] | None = None

    def fail(self, error: Exception) -> None:
        """Tell the caller, if it still waits."""
        if not self.future.done():
            self.future.set_exception(error)


class Oath(Call):
    """What must precede the first write to a slot over a connection. Nobody waits for it; one that is refused is said again."""

    __slots__ = ()


def unheard(packed: bytes, loop: asyncio.AbstractEventLoop) -> Call:
    """A command whose reply nobody waits for: what became of it shows in those behind it."""
    call = Call(packed, loop.create_future())
    call.future.add_done_callback(seen)
    return call


def seen(future: "asyncio.Future[Any]") -> None:
    """Nobody needs to hear of its error."""
    if not future.cancelled():
        future.exception()


class Owner(Protocol):
    """Who holds a link."""

    def refused(self, call: Call, refusal: Refusal) -> None:
        """A command got an error reply; its future still waits."""

    def drained(self) -> None:
        """There is room for another batch."""

    def lost(self, link: "Link", why: str) -> None:
        """The connection ended; its calls have been failed."""


class _Batch:
    __slots__ = ("answered", "calls", "gate", "held", "sent_at", "size")

    def __init__(self, calls: list[Call], gate: Gate | None, sent_at: float, size: int) -> None:
        self.calls, self.gate, self.sent_at, self.size = calls, gate, sent_at, size
        self.answered = 0
        self.held: list[tuple[Call, Any]] = []


class Link(asyncio.Protocol):
    """Made by ``loop.create_connection``; lives once. Without an owner, error replies go to the callers as they are."""

    def __init__(self, server: str, loop: asyncio.AbstractEventLoop) -> None:
        self.server, self._loop = server, loop
        self.owner: Owner | None = None
        self.alive = False
        self.paused = False
        self.bytes = 0
        self.heard_at = self.born_at = loop.time()
        self._why = ""
        self._batches: deque[_Batch] = deque()
        self._reader = Reader(replyError=Refusal, notEnoughData=MORE)
        self._transport: asyncio.Transport | None = None

    # -- out -----------------------------------------------------------------------------------------------------------

    def send(self, calls: list[Call], gate: Gate | None, size: int) -> None:
        """Write these commands, and the gate behind them, at once."""
        assert self._transport is not None
        self._batches.append(_Batch(calls, gate, self._loop.time(), size))
        self.bytes += size
        if gate is None and len(calls) == 1:
            self._transport.write(calls[0].packed)
            return
        parts = [call.packed for call in calls]
        if gate is not None:
            parts.append(gate.packed)
        self._transport.write(b"".join(parts))

    @property
    def batches(self) -> int:
        """How many are under way."""
        return len(self._batches)

    def waiting_s(self) -> float:
        """For how long the oldest batch under way has waited."""
        return self._loop.time() - self._batches[0].sent_at if self._batches else 0.0

    def end(self, why: str) -> None:
        """Cut the connection; what is under way fails with ``why``."""
        self._why = self._why or why
        if self._transport is not None:
            self._transport.abort()

    def hand_over(self, protocol: asyncio.Protocol) -> asyncio.Transport:
        """Let another protocol have the connection, with nothing under way."""
        assert self._transport is not None
        self._transport.set_protocol(protocol)
        return self._transport

    # -- in ------------------------------------------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        self._reader.feed(data)
        self.heard_at = self._loop.time()
        try:
            self._read()
        except HiredisError as error:
            self.end(f"speaks no RESP: {error}")
            return
        if self.owner is not None:
            self.owner.drained()

    def _read(self) -> None:
        gets, batches = self._reader.gets, self._batches
        while batches:
            batch = batches[0]
            calls, at, gate = batch.calls, batch.answered, batch.gate
            while at < len(calls):
                reply = gets()
                if reply is MORE:
                    batch.answered = at
                    return
                call = calls[at]
                at += 1
                if reply.__class__ is Refusal:
                    self._refused(call, reply)
                elif gate is not None:
                    batch.held.append((call, reply))
                elif not call.future.done():
                    call.future.set_result(reply)
            if gate is not None:
                while at < len(calls) + gate.commands:
                    reply = gets()
                    if reply is MORE:
                        batch.answered = at
                        return
                    at += 1
                self._judge(batch, gate, reply)
            batches.popleft()
            self.bytes -= batch.size
        if gets() is not MORE:
            self.end("answered what nobody asked")

    def _judge(self, batch: _Batch, gate: Gate, reply: Any) -> None:
        lack = reply.text if reply.__class__ is Refusal else gate.lack(reply)
        for call, held in batch.held:
            if lack is not None:
                call.fail(StoreUnavailable(f"{self.server}: written, but {lack}", 1))
            elif not call.future.done():
                call.future.set_result(held)

    def _refused(self, call: Call, refusal: Refusal) -> None:
        if self.owner is not None:
            self.owner.refused(call, refusal)
        else:
            call.fail(error_of(refusal, self.server))

    # -- what the loop tells -------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's own is none by class
        self.alive = True

    def connection_lost(self, exc: Exception | None) -> None:
        self.alive = False
        why = self._why or (f"connection lost: {exc}" if exc else "connection closed by the server")
        batches, self._batches = self._batches, deque()
        for batch in batches:
            # Those behind were written and may have been applied; those before have their answer, or go another way.
            for call in [*(call for call, _ in batch.held), *batch.calls[batch.answered :]]:
                call.fail(StoreUnavailable(f"{self.server}: {why}", 1))
        if self.owner is not None:
            self.owner.lost(self, why)

    def pause_writing(self) -> None:
        self.paused = True

    def resume_writing(self) -> None:
        self.paused = False
        if self.owner is not None:
            self.owner.drained()
