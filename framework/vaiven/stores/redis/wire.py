"""Commands to one server or to a cluster: what one tick of the loop brings goes out in one write a node."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from hashlib import sha1
from typing import Any

from vaiven.model.errors import StoreUnavailable
from vaiven.stores.redis.address import Address, read_url
from vaiven.stores.redis.durability import Durability, ServerFacts, read_info
from vaiven.stores.redis.lane import GATED_BATCHES, Greeting, Lane, Patience, connect
from vaiven.stores.redis.link import Call, unheard
from vaiven.stores.redis.resp import CommandRefused, Refusal, Word, error_of, pack
from vaiven.stores.redis.subscriber import Subscriber
from vaiven.stores.redis.topology import Node, Topology, named, slot_of

__all__ = ["CommandRefused", "Durability", "Patience", "Script", "Wire"]

RETRY_S = 3.0
"""For so long a command that was refused unapplied goes out again by itself: its slot moves, or its script is not there."""

MOVING_PAUSE_S = 0.02
"""Before a command goes out again that needs all its keys on one side of a slot that moves, or was sent from one to the other."""

HASTY_TRIES = 4
"""So many times a command follows to another node at once; then it pauses, for the nodes do not agree."""

_ASKING = pack(("ASKING",))


@dataclass(frozen=True, slots=True)
class Script:
    """A Lua text; the server keeps it by its SHA-1."""

    name: str
    text: str
    sha: bytes = field(init=False)

    def __post_init__(self) -> None:
        # Redis names scripts so; nothing here rests on its strength.
        object.__setattr__(self, "sha", sha1(self.text.encode(), usedforsecurity=False).hexdigest().encode())


class Wire:
    """The one door to Redis or Valkey. Belongs to the loop that opened it.

    Each call gives a future. It fails with ``StoreUnavailable`` if the server or the network could not do it, or if nobody knows
    whether it did; then nothing was retried behind the caller's back, and the caller may call again. It fails with
    ``CommandRefused`` if the command itself is wrong. What surely was not applied is sent again by itself, for a few seconds:
    to another node (``MOVED``, ``ASK``), a little later (``TRYAGAIN``), with its script (``NOSCRIPT``), or over a new connection.
    So commands of one node take effect in the order of the calls, but for those that were sent again.
    """

    def __init__(self, url: str, *, wait: Durability | None = None, patience: Patience | None = None) -> None:
        """``url`` as ``address.read_url`` takes it. With ``wait``, a write is answered only when so many disks have it.

        Raises:
            SettingsError: the URL cannot be read.
            ValueError: ``wait`` lasts so long that a slow replica would be taken for a dead connection.
        """
        self._place, self._wait, self._patience = read_url(url), wait, patience or Patience()
        if wait is not None and wait.longest_s * GATED_BATCHES >= self._patience.reply_s:
            raise ValueError(f"timeout_ms is too long: reply_s must be more than {wait.longest_s * GATED_BATCHES:g}")
        self.cluster = self._place.cluster
        self._node: Node | None = None
        self._topology: Topology | None = None
        self._loop: asyncio.AbstractEventLoop
        self._subscriber = Subscriber(self._somebody, self._greet, self._patience)
        self._loading: dict[tuple[Lane, bytes], asyncio.Future[Any]] = {}
        self._listening = False
        self._oath: Callable[[str, int], tuple[Script, Sequence[bytes], Sequence[Word]] | None] | None = None

    @property
    def name(self) -> str:
        """The servers, as errors and logs name them: without user and password."""
        return self._place.name

    @property
    def is_up(self) -> bool:
        """Whether every connection that is needed stands just now."""
        nodes = self._primaries()
        return bool(nodes) and all(node.up for node in nodes)

    @property
    def is_listening(self) -> bool:
        """Whether the connection for ``subscribe`` stands just now."""
        return self._subscriber.up

    # -- open and close ------------------------------------------------------------------------------------------------

    async def open(self) -> None:
        """Connect to the server, or to the primaries of the cluster; of those, some may be away.

        Raises:
            StoreUnavailable: it is not there, or does not let us in; opening again is safe.
            StoreMismatch: it is another kind of server than the URL says, too old, or cannot keep ``wait``.
        """
        self._loop = asyncio.get_running_loop()
        try:
            if self.cluster:
                self._topology = Topology(self._place.seeds, self._make, self._greet, self._dispatch)
                await self._topology.open()
            else:
                self._node = self._make(self._place.seeds[0])
            await self._ready()
        except BaseException:
            await self.close()
            raise
        self._listening = True
        if self._subscriber.wanted:
            self._subscriber.open()

    async def _ready(self) -> None:
        lanes = [lane for node in self._primaries() for lane in node.lanes]
        problems = await asyncio.gather(*(lane.ready() for lane in lanes), return_exceptions=True)
        found = [problem for problem in problems if problem is not None]
        for problem in found:
            if not isinstance(problem, StoreUnavailable) or len(found) == len(lanes) or not self.cluster:
                raise problem

    async def close(self) -> None:
        """Cut every connection. Calls under way fail: await them first."""
        self._listening = False
        await self._subscriber.close()
        if self._topology is not None:
            await self._topology.close()
        if self._node is not None:
            for lane in self._node.lanes:
                lane.close()

    def _make(self, address: Address) -> Node:
        read = Lane(address, self._greet, self, self._patience)
        write = read if self._wait is None else Lane(address, self._greet_for_writes, self, self._patience)
        return Node(address, write, read)

    async def _greet(self, address: Address) -> Greeting:
        return await connect(address, self._place, None, self._patience)

    async def _greet_for_writes(self, address: Address) -> Greeting:
        return await connect(address, self._place, self._wait, self._patience)

    # -- asking --------------------------------------------------------------------------------------------------------

    def run(self, script: Script, keys: Sequence[bytes], args: Sequence[Word]) -> "asyncio.Future[Any]":
        """Run a script that writes, where the slot of its first key lives. The durability asked for is waited for.

        The wait covers what was written over this connection until then. So a script whose answer rests on what an *earlier* call
        wrote ("already handled"), and which writes nothing itself, would be answered before that is safe: let it write something.
        While a slot of a cluster moves, a script is refused unapplied unless all its keys are there (``TRYAGAIN``); and one that
        touches a key that it has not declared, or that it has itself removed, stops half-way.
        """
        packed = pack((b"EVALSHA", script.sha, len(keys), *keys, *args))
        return self._send(Call(packed, self._loop.create_future(), self.slot(keys[0]), script, write=True))

    def read(self, script: Script, keys: Sequence[bytes], args: Sequence[Word]) -> "asyncio.Future[Any]":
        """Run a script that writes nothing (the server sees to that). It waits for no disk, and is not in order with writes."""
        packed = pack((b"EVALSHA_RO", script.sha, len(keys), *keys, *args))
        return self._send(Call(packed, self._loop.create_future(), self.slot(keys[0]), script))

    def precede(self, oath: Callable[[str, int], tuple[Script, Sequence[bytes], Sequence[Word]] | None]) -> None:
        """From now on, let a script go before the first write to a slot over each connection to a server, in the same write.

        ``oath`` gives it with keys and arguments, for which run of a server (each start has a name) and which slot;
        None: that slot needs none. So nothing is written to a server that took another one's place before it knows what it must.
        """
        self._oath = oath

    def ask(self, key: bytes, *command: Word, write: bool = True) -> "asyncio.Future[Any]":
        """One plain command, where the slot of ``key`` lives."""
        return self._send(Call(pack(command), self._loop.create_future(), self.slot(key), write=write))

    def slot(self, key: bytes) -> int:
        """The slot of this key; always 0 on a single server."""
        return slot_of(key) if self.cluster else 0

    def ask_any(self, *command: Word) -> "asyncio.Future[Any]":
        """One plain command that belongs to no key, to a server that is there, if one is."""
        nodes = self._primaries()
        return next((node for node in nodes if node.read.up), nodes[0]).read.ask(*command)

    async def each_primary(self, *command: Word) -> list[Any]:
        """The reply of every primary to a command that belongs to no key, by address."""
        return await asyncio.gather(*(node.read.ask(*command) for node in self._primaries()))

    async def scan(self, pattern: bytes, count: int) -> AsyncIterator[list[bytes]]:
        """The keys that match, of every primary, about ``count`` at a time. A key may come twice while slots move."""
        for node in self._primaries():
            cursor = b"0"
            while True:
                cursor, keys = await node.read.ask("SCAN", cursor, "MATCH", pattern, "COUNT", count)
                yield keys
                if cursor == b"0":
                    break

    async def info(self, *sections: str) -> dict[str, dict[str, str]]:
        """What ``INFO`` says, by address of the primary: its fields, as text."""
        replies = await self.each_primary("INFO", *sections)
        return {str(node.address): read_info(reply) for node, reply in zip(self._primaries(), replies, strict=True)}

    def facts(self) -> dict[str, ServerFacts]:
        """Version and kind of every primary that we are connected to, by address."""
        return {str(node.address): node.read.facts for node in self._primaries() if node.read.facts is not None}

    def subscribe(self, channel: bytes, on_message: Callable[[bytes], None]) -> None:
        """Call ``on_message`` with what is published in this channel. What comes while the connection is away is not heard."""
        self._subscriber.add(channel, on_message)
        if self._listening:
            self._subscriber.open()

    # -- where to ------------------------------------------------------------------------------------------------------

    def _send(self, call: Call) -> "asyncio.Future[Any]":
        node = self._node
        if node is None:
            self._dispatch(call)
        else:
            (node.write if call.write else node.read).send(call)
        return call.future

    def _dispatch(self, call: Call) -> None:
        """Send to whoever has the call's slot."""
        node = self._node
        if node is None and self._topology is not None:
            node = self._topology.slots[call.slot]
            if node is None:
                self._topology.doubt()
        if node is None:
            call.fail(StoreUnavailable(f"{self.name}: no server has slot {call.slot}", 1))
        else:
            node.lane(call).send(call)

    def _primaries(self) -> list[Node]:
        if self._topology is not None:
            return self._topology.primaries()
        return [self._node] if self._node is not None else []

    def _somebody(self) -> list[Address]:
        """Whom to listen to: who is up first."""
        nodes = self._primaries()
        random.shuffle(nodes)
        return [node.address for node in sorted(nodes, key=lambda node: not node.read.up)] or list(self._place.seeds)

    # -- what lanes report ---------------------------------------------------------------------------------------------

    def lost(self, _lane: Lane) -> None:
        """A connection went away: in a cluster, somebody else may have its slots now."""
        if self._topology is not None:
            self._topology.doubt()

    def oath(self, facts: ServerFacts, slot: int) -> bytes | None:
        """What precedes the first write to this slot over a connection to this server."""
        told = None if self._oath is None or not facts.run else self._oath(facts.run, slot)
        if told is None:
            return None
        script, keys, args = told
        return pack((b"EVAL", script.text, len(keys), *keys, *args))

    def refused(self, lane: Lane, call: Call, refusal: Refusal) -> None:
        """A command was refused: send it again if it surely was not applied and may yet be, else tell the caller."""
        code, now = refusal.code, self._loop.time()
        call.ends = call.ends or now + RETRY_S
        if now < call.ends and self._again(lane, call, code, refusal.text):
            return
        if code == "READONLY":
            self._demoted(lane)
        elif code == "CLUSTERDOWN":
            self.lost(lane)
        call.fail(error_of(refusal, str(lane.address)))

    def _demoted(self, lane: Lane) -> None:
        if self._topology is not None:
            self._topology.doubt()
        else:
            # Its name may lead to another server by now, where a proxy or DNS follows the primary.
            lane.renew("the server became a replica")

    def _again(self, lane: Lane, call: Call, code: str, text: str) -> bool:
        if code == "NOSCRIPT" and call.script is not None:
            return self._load(lane, call)
        topology = self._topology
        if topology is None or code not in ("MOVED", "ASK", "TRYAGAIN"):
            return False
        call.asking = False
        call.tries += 1
        if code == "MOVED":
            _, slot, server = text.split(" ", 2)
            topology.moved(int(slot), _redirected(server, lane.address))
        if code == "TRYAGAIN" or call.tries > HASTY_TRIES:
            self._loop.call_later(MOVING_PAUSE_S * (1 + random.random()), self._dispatch, call)  # noqa: S311 - spread
        elif code == "MOVED":
            self._dispatch(call)
        else:
            target = topology.node(_redirected(text.split(" ", 2)[2], lane.address)).lane(call)
            self._put_asking(target, call)
        return True

    def _load(self, lane: Lane, call: Call) -> bool:
        """Give the server the script, once for all calls of this tick, and the call again behind it."""
        if call.loading is not None and call.loading.done() and (problem := call.loading.exception()) is not None:
            call.fail(StoreUnavailable(str(problem)) if isinstance(problem, StoreUnavailable) else CommandRefused(str(problem)))
            return True
        script: Script = call.script
        key = (lane, script.sha)
        if key not in self._loading:
            load = unheard(pack(("SCRIPT", "LOAD", script.text)), self._loop)
            self._loading[key] = load.future
            self._loop.call_soon(self._loading.pop, key)
            lane.send(load)
        call.loading = self._loading[key]
        if call.asking:
            self._put_asking(lane, call)
        else:
            lane.send(call)
        return True

    def _put_asking(self, lane: Lane, call: Call) -> None:
        lane.send(unheard(_ASKING, self._loop))
        call.asking = True
        lane.send(call)


def _redirected(server: str, asked: Address) -> Address:
    host, _, port = server.rpartition(":")
    return named(host, int(port), asked)
