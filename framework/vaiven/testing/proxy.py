"""A TCP proxy for fault tests: it stands between two programs, and its faults are switched while they talk.

    async with Proxy("127.0.0.1", 6379) as proxy:
        store = open_store(f"redis://127.0.0.1:{proxy.port}")
        proxy.down.hold()                    # replies stay away, requests still arrive
        await proxy.acted(Fault.HOLD)
        proxy.heal(release=False)            # what was held is lost, so its connections are reset
        assert not proxy.unfired()           # a test whose fault never acted proves nothing

``up`` is the way from the client to the server, ``down`` the way back. A stream never gets a hole: where bytes were lost the
connection is reset, as TCP would have it.
"""

import asyncio
import random
import socket
import struct
from collections import Counter, deque
from collections.abc import Iterable
from contextlib import suppress
from typing import Self

from vaiven.testing.lanes import Fault, Lane, Record, Way

__all__ = ["Fault", "Lane", "Proxy", "Way"]

CHUNK = 1 << 16
"""Bytes read at a time."""
IN_FLIGHT = 1 << 20
"""Bytes kept of one direction of a connection; then nothing more is read, as when a peer's window is full."""
_LINGER_0 = struct.pack("ii", 1, 0)


class _Pump:
    """One direction of one connection: takes from one side, gives the other what the lane lets through."""

    def __init__(self, link: "_Link", lane: Lane, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.has_lost = False
        self._link, self._lane = link, lane
        self._reader, self._writer = reader, writer
        self._pieces: asyncio.Queue[tuple[float, bytes | None]] = asyncio.Queue()
        """What came and when: bytes, empty for the end, None for a reset."""
        self._kept, self._room = 0, asyncio.Event()
        self.under_way: deque[bytes] = deque()
        """What came and has not gone on yet."""

    @property
    def is_waiting(self) -> bool:
        """Whether something came and has not gone on yet."""
        return self._kept > 0

    async def take(self) -> None:
        """Read until this side has ended."""
        data: bytes | None = b"more"
        while data:
            try:
                data = await self._reader.read(CHUNK)
            except OSError:
                data = None
            self._kept += 1 + len(data or b"")
            self.under_way.append(data or b"")
            self._pieces.put_nowait((asyncio.get_running_loop().time(), data))
            while self._kept > IN_FLIGHT:
                self._room.clear()
                await self._room.wait()

    async def give(self) -> None:
        """Write until the side that is read has ended, and that was told."""
        data: bytes | None = b"more"
        while data:
            came_s, data = await self._pieces.get()
            if not self._link.is_over and not await self._lane.let_through(came_s):
                self.has_lost = True
            elif not self._link.is_over:
                await self._tell(data)
            self._kept -= 1 + len(data or b"")
            self.under_way.popleft()
            self._room.set()

    async def _tell(self, data: bytes | None) -> None:
        # A side that is gone cannot be told. Its own direction tells the other one.
        with suppress(OSError, RuntimeError):
            if data is None:
                self._link.end(reset=True)
            elif not data:
                self._writer.write_eof()
            else:
                await self._write(data)

    async def _write(self, data: bytes) -> None:
        while data and not self._link.is_over:
            count = await self._lane.grant(len(data))
            broken = self._lane.cut_at(count)
            count = count if broken is None else broken
            self._writer.write(data[:count])
            self._lane.bytes += count
            if broken is not None:
                self._link.end(reset=self._lane.break_resets)
                return
            await self._writer.drain()
            data = data[count:]


class _Link:
    """One connection of a client, and ours to the server for it."""

    def __init__(self, proxy: "Proxy", reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.is_over = False
        """Nothing is carried any more, though a side may still be open."""
        self._proxy = proxy
        self._client = reader
        self._sides = {Way.DOWN: writer}
        self._pumps: list[_Pump] = []

    @property
    def has_lost(self) -> bool:
        return any(pump.has_lost for pump in self._pumps)

    @property
    def is_waiting(self) -> bool:
        """Whether something is under way in it, even if only the connection to the server."""
        return not self._pumps or any(pump.is_waiting for pump in self._pumps)

    def under_way(self, way: Way) -> Iterable[bytes]:
        """What has come on this way and has not gone on yet."""
        return self._pumps[way is Way.DOWN].under_way if self._pumps else ()

    async def run(self) -> None:
        """Carry it until both sides have ended."""
        try:
            server, writer = await self._connect()
        except OSError:
            self.end(reset=True)
            return
        self._sides[Way.UP] = writer
        up = _Pump(self, self._proxy.up, self._client, writer)
        down = _Pump(self, self._proxy.down, server, self._sides[Way.DOWN])
        self._pumps = [up, down]
        try:
            async with asyncio.TaskGroup() as group:
                for pump in self._pumps:
                    group.create_task(pump.take())
                    group.create_task(pump.give())
        finally:
            self.end(reset=False)

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection to the server, once the way up is open."""
        while self._proxy.up.is_shut:
            self._proxy.up.record.acted(Fault.HOLD if self._proxy.up.holds else Fault.SWALLOW)
            await self._proxy.up.changed.wait()
        if self.is_over:
            raise ConnectionResetError
        return await asyncio.open_connection(*self._proxy.upstream)

    def end(self, *, reset: bool, toward: Way | None = None) -> None:
        """Close it now; ``toward``: only this side, the other one stays open and is not told."""
        self.is_over = True
        for way, writer in self._sides.items():
            if toward in (None, way):
                _close(writer, reset=reset)


def _close(writer: asyncio.StreamWriter, *, reset: bool) -> None:
    if reset:
        line = writer.get_extra_info("socket")
        with suppress(OSError):
            if line is not None:  # uvloop: None once it is closed
                line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_0)
        writer.transport.abort()
    else:
        writer.close()


class Proxy:
    """Listens on a free port of 127.0.0.1 and carries each connection to ``upstream``, (host, port), which may be changed.

    ``seed`` is of the jitter. Use it as a context, or ``start`` and ``stop`` it.
    """

    def __init__(self, host: str, port: int, seed: int = 0) -> None:
        self.upstream = (host, port)
        self.port = 0
        self._more = asyncio.Event()
        self._record = Record(self._more)
        chance = random.Random(seed)
        self.up = Lane(Record(self._more), chance)
        self.down = Lane(Record(self._more), chance)
        self._refuses = False
        self._links: dict[_Link, asyncio.Task[None]] = {}
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self, port: int = 0) -> int:
        """Listen; give the port."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", port, backlog=1024)
        self.port = int(self._server.sockets[0].getsockname()[1])
        return self.port

    async def stop(self) -> None:
        """Listen no more, and close every connection."""
        if self._server is not None:
            self._server.close()
        tasks = list(self._links.values())
        for link, task in list(self._links.items()):
            link.end(reset=True)
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._server is not None:
            await self._server.wait_closed()

    # -- faults --------------------------------------------------------------------------------------------------------

    def cut(self, toward: Way | None = None) -> int:
        """Close every connection; give how many there were. ``toward``: only that side, which leaves the other half open."""
        return self._end(Fault.CUT, toward)

    def reset(self, toward: Way | None = None) -> int:
        """Close every connection by RST; give how many there were. ``toward`` as in ``cut``."""
        return self._end(Fault.RESET, toward)

    def refuse(self) -> None:
        """Reset each new connection at once, as a balancer without a server does. Those that are open go on."""
        self._record.asked.add(Fault.REFUSE)
        self._refuses = True

    def partition(self) -> None:
        """``hold`` both ways. New connections are taken, and get nowhere."""
        self.up.hold()
        self.down.hold()

    def heal(self, *, release: bool = True) -> int:
        """Switch every fault off; give how many connections had to be reset because they lost something.

        What was held goes on, or with ``release=False`` is lost.
        """
        broken = [link for link in self._links if link.has_lost or (not release and link.is_waiting)]
        for link in broken:
            link.end(reset=True)
        self._refuses = False
        self.up.clear()
        self.down.clear()
        return len(broken)

    # -- looking -------------------------------------------------------------------------------------------------------

    @property
    def connections(self) -> int:
        """How many are carried."""
        return sum(not link.is_over for link in self._links)

    def under_way(self, way: Way) -> bytes:
        """What has come on this way and has not gone on, of all connections."""
        return b"".join(piece for link in self._links for piece in link.under_way(way))

    @property
    def fired(self) -> Counter[Fault]:
        """How often each fault really acted, both ways together."""
        return self._record.fired + self.up.fired + self.down.fired

    def unfired(self) -> dict[str, set[Fault]]:
        """Faults that were switched on and never acted, by where: ``up``, ``down`` or ``line``. Empty if all did."""
        records = {"line": self._record, Way.UP.value: self.up.record, Way.DOWN.value: self.down.record}
        found = {where: {fault for fault in record.asked if not record.fired[fault]} for where, record in records.items()}
        return {where: faults for where, faults in found.items() if faults}

    async def acted(self, fault: Fault, times: int = 1) -> None:
        """Return once this fault has acted so often, in all."""
        while self.fired[fault] < times:
            self._more.clear()
            await self._more.wait()

    # -- connections ---------------------------------------------------------------------------------------------------

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._refuses:
            self._record.acted(Fault.REFUSE)
            _close(writer, reset=True)
            return
        link = _Link(self, reader, writer)
        self._links[link] = asyncio.create_task(self._carry(link))

    async def _carry(self, link: _Link) -> None:
        try:
            await link.run()
        finally:
            del self._links[link]

    def _end(self, fault: Fault, toward: Way | None) -> int:
        self._record.asked.add(fault)
        links = [link for link in self._links if not link.is_over]
        for link in links:
            self._record.acted(fault)
            link.end(reset=fault is Fault.RESET, toward=toward)
        return len(links)
