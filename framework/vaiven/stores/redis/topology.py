"""Which server has which slot of a cluster, asked anew whenever a server says otherwise."""

import asyncio
import random
from binascii import crc_hqx
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from vaiven.model.errors import StoreError, StoreUnavailable
from vaiven.stores.redis.address import Address
from vaiven.stores.redis.lane import Greeting, Lane
from vaiven.stores.redis.link import Call

SLOTS = 16384

CALM_S = 0.1
"""The least time between two questions for the map; while a primary is away it is asked for about twice as rarely."""

ASK_S = 1.0


def slot_of(key: bytes) -> int:
    """The slot of a key: a CRC of what its first braces hold, else of all of it. Source: the Redis Cluster specification."""
    start = key.find(b"{")
    if start >= 0:
        end = key.find(b"}", start + 1)
        if end > start + 1:
            key = key[start + 1 : end]
    return crc_hqx(key, 0) % SLOTS


class Node:
    """One primary: a lane for writes and one for reads, which are the same where writes do not wait for disks."""

    __slots__ = ("address", "read", "write")

    def __init__(self, address: Address, write: Lane, read: Lane) -> None:
        self.address, self.write, self.read = address, write, read

    @property
    def lanes(self) -> tuple[Lane, ...]:
        """Each lane once."""
        return (self.write,) if self.write is self.read else (self.write, self.read)

    @property
    def up(self) -> bool:
        """Whether all of its connections stand."""
        return self.write.up and self.read.up

    def lane(self, call: Call) -> Lane:
        """The one for this call."""
        return self.write if call.write else self.read


def named(host: str, port: int, asked: Address) -> Address:
    """The address that a server gave for a node. Where it knows no name (none, or ``?``), it is as we asked."""
    return Address(host if host not in ("", "?") else asked.host, port)


def read_slots(reply: Sequence[Any], asked: Address) -> tuple[list[tuple[int, int, Address]], list[Address]]:
    """What ``CLUSTER SLOTS`` says: slot ranges (last one included) with their primaries, and every address it names."""
    ranges: list[tuple[int, int, Address]] = []
    everybody: dict[Address, None] = {}
    for first, last, *servers in reply:
        for place, (host, port, *_) in enumerate(servers):
            address = named(host.decode() if host else "", port, asked)
            everybody[address] = None
            if place == 0:
                ranges.append((first, last, address))
    return ranges, list(everybody)


class Topology:
    """The map, and the one task that renews it."""

    def __init__(
        self,
        seeds: Sequence[Address],
        make: Callable[[Address], Node],
        greet: Callable[[Address], Awaitable[Greeting]],
        dispatch: Callable[[Call], None],
    ) -> None:
        self.slots: list[Node | None] = [None] * SLOTS
        self.nodes: dict[Address, Node] = {}
        self._seeds, self._known = tuple(seeds), list[Address]()
        self._make, self._greet, self._dispatch = make, greet, dispatch
        self._primaries: set[Address] = set()
        self._stale = asyncio.Event()
        self._keeping: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Learn the map, then keep it.

        Raises:
            StoreUnavailable, StoreMismatch: no seed could tell it.
        """
        problem = await self._renew()
        if problem is not None:
            raise problem
        self._keeping = asyncio.get_running_loop().create_task(self._keep())

    async def close(self) -> None:
        """Stop asking; cut every connection."""
        if self._keeping is not None:
            self._keeping.cancel()
            await asyncio.gather(self._keeping, return_exceptions=True)
        for node in self.nodes.values():
            for lane in node.lanes:
                lane.close()

    def doubt(self) -> None:
        """A server said that the map is wrong: ask anew, soon, once."""
        self._stale.set()

    def moved(self, slot: int, address: Address) -> Node:
        """A server said who has this slot now."""
        node = self.slots[slot] = self.node(address)
        self._primaries.add(address)
        self.doubt()
        return node

    def node(self, address: Address) -> Node:
        """The node at this address, made if it is new."""
        found = self.nodes.get(address)
        if found is None:
            found = self.nodes[address] = self._make(address)
        return found

    def primaries(self) -> list[Node]:
        """The nodes that have slots."""
        return [self.nodes[address] for address in sorted(self._primaries, key=str)]

    async def _keep(self) -> None:
        while True:
            away = any(not node.up for node in self.primaries())
            if not away and not self._stale.is_set():
                # A primary that goes away without a word to us is noticed here, not only by who writes to it.
                try:
                    async with asyncio.timeout(ASK_S):
                        await self._stale.wait()
                except TimeoutError:
                    continue
            self._stale.clear()
            await self._renew()
            await asyncio.sleep(CALM_S * (1 + random.random() + away))  # noqa: S311 - spread, not secrecy

    async def _renew(self) -> StoreError | None:
        problem: StoreError = StoreUnavailable("no node of the cluster is known")
        for address in self._candidates():
            try:
                # Not wait_for, which before Python 3.12 forgets that it was cancelled when the answer comes at that moment.
                async with asyncio.timeout(ASK_S):
                    reply = await self._ask(address)
                ranges, everybody = read_slots(reply, address)
            except TimeoutError:
                problem = StoreUnavailable(f"{address}: no answer in {ASK_S:g} s")
            except (TypeError, ValueError, AttributeError):
                problem = StoreUnavailable(f"{address}: CLUSTER SLOTS cannot be understood")
            except StoreError as error:
                problem = error
            else:
                if ranges:
                    self._apply(ranges, everybody)
                    return None
                problem = StoreUnavailable(f"{address}: knows of no slots")
        return problem

    def _candidates(self) -> list[Address]:
        """Whom to ask: those that we are connected to, then everybody heard of, then those that the URL names."""
        up = [address for address, node in self.nodes.items() if node.read.up]
        random.shuffle(up)
        known = [*self._known]
        random.shuffle(known)
        return list(dict.fromkeys([*up, *known, *self._seeds]))

    async def _ask(self, address: Address) -> Any:
        node = self.nodes.get(address)
        if node is not None and node.read.up:
            return await node.read.ask("CLUSTER", "SLOTS")
        link = (await self._greet(address)).link
        try:
            future = asyncio.get_running_loop().create_future()
            link.send([Call(_CLUSTER_SLOTS, future)], None, 0)
            return await future
        finally:
            link.end("asked")

    def _apply(self, ranges: list[tuple[int, int, Address]], everybody: list[Address]) -> None:
        slots: list[Node | None] = [None] * SLOTS
        for first, last, address in ranges:
            slots[first : last + 1] = [self.node(address)] * (last + 1 - first)
        self.slots, self._known = slots, everybody
        self._primaries = {address for _, _, address in ranges}
        for address in [address for address in self.nodes if address not in self._primaries]:
            self._reroute([call for lane in self.nodes.pop(address).lanes for call in lane.retire()])
        for node in self.nodes.values():
            for lane in node.lanes:
                if not lane.up:
                    self._reroute(lane.unsent())

    def _reroute(self, calls: list[Call]) -> None:
        for call in calls:
            if call.slot >= 0:
                self._dispatch(call)
            else:
                call.fail(StoreUnavailable("the cluster changed", 1))


_CLUSTER_SLOTS = b"*2\r\n$7\r\nCLUSTER\r\n$5\r\nSLOTS\r\n"
