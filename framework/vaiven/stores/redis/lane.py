"""A road to one server that mends itself: what one tick of the loop brings goes out in one write."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol

from vaiven.model.errors import StoreMismatch, StoreUnavailable
from vaiven.stores.redis.address import Address, Place
from vaiven.stores.redis.durability import OLDEST, Durability, Gate, ServerFacts, facts_of, gate_for, read_info
from vaiven.stores.redis.link import Call, Link, Oath, seen, unheard
from vaiven.stores.redis.resp import CommandRefused, Refusal, Word, error_of, pack

PAUSES_S = (0.02, 1.0)
"""The first and the longest pause between two attempts to connect; each is twice the last, less up to half of it."""

CALL_BYTES = 600
"""What a waiting call costs besides its own bytes, for the memory bound."""

GATED_BATCHES = 2
"""While the server waits for replicas it reads nothing more from this connection: what comes meanwhile shares the next gate."""

_PING = pack(("PING",))
_NAME = pack(("CLIENT", "SETNAME", "vaiven"))
_CLOSED = "the store is closed"
_RETIRED = "no longer a primary of the cluster"


@dataclass(frozen=True, slots=True)
class Patience:
    """How long things may take, in seconds, and how many bytes may wait for one server.

    A connection without a reply for ``reply_s`` is dead; one that was idle for ``idle_s`` is asked. While a server is away,
    commands wait for it until it was away for ``down_s``; from then on they fail at once, until it is back.
    """

    reply_s: float = 5.0
    connect_s: float = 2.0
    down_s: float = 1.0
    idle_s: float = 10.0
    waiting_bytes: int = 64 << 20


@dataclass(frozen=True, slots=True)
class Greeting:
    """A connection that is ready, and what its server said."""

    link: Link
    facts: ServerFacts
    gate: Gate | None


async def connect(address: Address, place: Place, wait: Durability | None, patience: Patience) -> Greeting:
    """Connect and greet: authenticate, choose the database, ask who it is.

    Raises:
        StoreUnavailable: it could not be reached, or does not let us in.
        StoreMismatch: it is another kind of server than the URL says, too old, or cannot keep the durability asked for.
    """
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(patience.connect_s):
            link = await _dial(loop, address, place)
            try:
                return await _greet(link, place, wait)
            except BaseException:
                link.end("greeting failed")
                raise
    except TimeoutError:
        raise StoreUnavailable(f"{address}: no answer in {patience.connect_s:g} s", 1) from None
    except (OSError, CommandRefused) as error:
        raise StoreUnavailable(f"{address}: {error}", 1) from error


async def _dial(loop: asyncio.AbstractEventLoop, address: Address, place: Place) -> Link:
    def made() -> Link:
        return Link(str(address), loop)

    if address.path:
        _, link = await loop.create_unix_connection(made, address.path)
    else:
        _, link = await loop.create_connection(made, address.host, address.port, ssl=place.tls)
    return link


async def _greet(link: Link, place: Place, wait: Durability | None) -> Greeting:
    words: list[tuple[str, ...]] = [("INFO", "server", "persistence", "cluster")]
    if place.db:
        words.insert(0, ("SELECT", str(place.db)))
    if place.password or place.user:
        words.insert(0, ("AUTH", place.user, place.password) if place.user else ("AUTH", place.password))
    facts = facts_of(read_info((await _say(link, words))[-1]))
    link.send([unheard(_NAME, asyncio.get_running_loop())], None, 0)  # for CLIENT LIST; some users may not
    if facts.version < OLDEST:
        raise StoreMismatch(f"{link.server} is {facts}: Redis 7.0 or newer is needed, or Valkey")
    if facts.cluster != place.cluster:
        hint = "write redis+cluster://" if facts.cluster else "write redis://"
        raise StoreMismatch(f"{link.server} is {'a node' if facts.cluster else 'no node'} of a cluster: {hint}")
    gate = None
    if wait is not None:
        try:
            told = (await _say(link, [("CONFIG", "GET", "appendfsync")]))[0]
            fsync = told[1].decode() if told else None
        except (StoreUnavailable, CommandRefused):
            fsync = None  # hosted servers do not let anybody read their configuration
        gate = gate_for(wait, facts, fsync)
    return Greeting(link, facts, gate)


async def _say(link: Link, commands: list[tuple[str, ...]]) -> list[Any]:
    loop = asyncio.get_running_loop()
    calls = [unheard(pack(words), loop) for words in commands]
    link.send(calls, None, 0)
    return [await call.future for call in calls]


class Boss(Protocol):
    """Who decides what becomes of a refused command."""

    def refused(self, lane: "Lane", call: Call, refusal: Refusal) -> None:
        """A command got an error reply; its future still waits."""

    def lost(self, lane: "Lane") -> None:
        """A lane lost its connection, and is mending it."""

    def oath(self, facts: ServerFacts, slot: int) -> bytes | None:
        """What is to precede the first write to this slot over a connection to this server, packed; None: nothing yet."""


class Lane:
    """Commands to one server, in order, over one connection at a time."""

    def __init__(
        self,
        address: Address,
        greet: Callable[[Address], Awaitable[Greeting]],
        boss: Boss,
        patience: Patience,
    ) -> None:
        self.address = address
        self.facts: ServerFacts | None = None
        self._greet, self._boss, self._patience = greet, boss, patience
        self._loop = asyncio.get_running_loop()
        self._link: Link | None = None
        self._gate: Gate | None = None
        self._out: list[Call] = []
        self._out_bytes = 0
        self._sworn: set[int] = set()
        self._flushing = False
        self._retired = False
        self._closed = ""
        self._why: Exception | None = None
        self._pause_s = PAUSES_S[0]
        self._gives_up_at = self._loop.time() + patience.down_s
        self._giving_up = self._loop.call_at(self._gives_up_at, self._give_up)
        self._mending = self._loop.create_task(self._mend())
        self._watching = self._loop.call_later(self._tick_s(), self._watch)

    # -- out -----------------------------------------------------------------------------------------------------------

    def send(self, call: Call) -> None:
        """Send with what else this tick brings. While the server is away the call waits a moment; then it fails."""
        link, size = self._link, len(call.packed) + CALL_BYTES
        if self._closed or (link is None and self._loop.time() >= self._gives_up_at):
            call.fail(self._away())
            return
        if self._out_bytes + size + (link.bytes if link is not None else 0) > self._patience.waiting_bytes:
            call.fail(StoreUnavailable(f"{self.address}: {self._patience.waiting_bytes:,} bytes of commands wait already", 1))
            return
        self._out.append(call)
        self._out_bytes += size
        if link is not None and not self._flushing:
            self._flushing = True
            self._loop.call_soon(self._flush)

    def ask(self, *command: Word) -> "asyncio.Future[Any]":
        """One command that belongs to no key."""
        call = Call(pack(command), self._loop.create_future())
        self.send(call)
        return call.future

    def _flush(self) -> None:
        self._flushing = False
        link, gate = self._link, self._gate
        # If any of these holds, what ends it flushes again.
        if link is None or link.paused or not self._out or (gate is not None and link.batches >= GATED_BATCHES):
            return
        calls, self._out = self._out, []
        size, self._out_bytes = self._out_bytes, 0
        new = {call.slot for call in calls if call.write and call.slot not in self._sworn and not call.asking}
        link.send(calls if not new else [*self._oaths(new), *calls], gate, size)

    def _oaths(self, slots: set[int]) -> list[Call]:
        assert self.facts is not None
        oaths: list[Call] = []
        for slot in slots:
            packed = self._boss.oath(self.facts, slot)
            if packed is not None:
                self._sworn.add(slot)
                future = self._loop.create_future()
                future.add_done_callback(seen)
                oaths.append(Oath(packed, future, slot))
        return oaths

    def _away(self) -> Exception:
        if self._closed:
            return StoreUnavailable(f"{self.address}: {self._closed}")
        return StoreUnavailable(str(self._why or f"{self.address}: not connected yet"), 1)

    # -- the link's owner ----------------------------------------------------------------------------------------------

    def refused(self, call: Call, refusal: Refusal) -> None:
        if call.__class__ is Oath:
            self._sworn.discard(call.slot)
            call.fail(error_of(refusal, str(self.address)))
        else:
            self._boss.refused(self, call, refusal)

    def drained(self) -> None:
        if self._out and not self._flushing:
            self._flush()

    def lost(self, link: Link, why: str) -> None:
        if link is not self._link:
            return
        self._link = None
        self._why = StoreUnavailable(f"{self.address}: {why}", 1)
        now = self._loop.time()
        if now - link.born_at > PAUSES_S[1]:
            self._pause_s = PAUSES_S[0]
        if self._retired:
            self.close(_RETIRED)
        elif not self._closed:
            self._gives_up_at = now + self._patience.down_s
            self._giving_up = self._loop.call_at(self._gives_up_at, self._give_up)
            self._mending = self._loop.create_task(self._mend())
            self._boss.lost(self)

    # -- going away and coming back ------------------------------------------------------------------------------------

    @property
    def up(self) -> bool:
        """Whether a connection stands."""
        return self._link is not None

    async def ready(self) -> None:
        """Wait until the connection stands.

        Raises:
            StoreUnavailable, StoreMismatch: it does not, and why.
        """
        while self._link is None:
            late = self._loop.time() >= self._gives_up_at
            if self._closed or isinstance(self._why, StoreMismatch) or (late and self._why is not None):
                raise self._why or self._away()
            await asyncio.sleep(PAUSES_S[0] / 2)

    def renew(self, why: str) -> None:
        """Let the connection go and make another: its server is no longer the one that we want."""
        if self._link is not None:
            self._link.end(why)

    def retire(self) -> list[Call]:
        """Close once nothing is under way; give what was not sent."""
        self._retired = True
        if self._link is None:
            self.close(_RETIRED)
        return self.unsent()

    def unsent(self) -> list[Call]:
        """Give up the calls of which no byte was written."""
        calls, self._out = self._out, []
        self._out_bytes = 0
        return calls

    def close(self, why: str = _CLOSED) -> None:
        """Cut the connection and connect no more. Calls under way fail."""
        self._closed = self._closed or why
        self._mending.cancel()
        self._watching.cancel()
        self._give_up()
        if self._link is not None:
            self._link.end(why)

    async def _mend(self) -> None:
        while True:
            if self._pause_s > PAUSES_S[0]:
                await asyncio.sleep(self._pause_s * (1 - random.random() / 2))  # noqa: S311 - spread, not secrecy
            self._pause_s = min(self._pause_s * 2, PAUSES_S[1])
            try:
                greeting = await self._greet(self.address)
            except (StoreUnavailable, StoreMismatch) as error:
                self._why = error
                continue
            link = greeting.link
            if not link.alive:
                continue
            self._link, self._gate, self.facts = link, greeting.gate, greeting.facts
            self._sworn = set()
            link.owner = self
            self._giving_up.cancel()
            self._flush()
            return

    def _give_up(self) -> None:
        self._giving_up.cancel()
        for call in self.unsent():
            call.fail(self._away())

    def _tick_s(self) -> float:
        return min(self._patience.reply_s / 5, 1.0)

    def _watch(self) -> None:
        self._watching = self._loop.call_later(self._tick_s(), self._watch)
        link = self._link
        if link is None:
            return
        if link.batches:
            if link.waiting_s() > self._patience.reply_s:
                link.end(f"no reply in {self._patience.reply_s:g} s")
        elif self._retired:
            self.close(_RETIRED)
        elif self._loop.time() - link.heard_at > self._patience.idle_s:
            link.send([unheard(_PING, self._loop)], None, 0)
