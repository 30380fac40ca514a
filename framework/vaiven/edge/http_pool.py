"""Calls to providers over connections that are kept: where the calls wait, who connects, and when one is given up."""

import asyncio
import logging
import socket
import ssl
from collections import deque
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import aiohappyeyeballs

from vaiven.channels.contract import ProviderRequest
from vaiven.edge.http import CONNECT_TIMEOUT_S, TIMEOUT_S
from vaiven.edge.http_connection import Call, Connection
from vaiven.edge.http_head import CannotBeCalled, Origin, head_of
from vaiven.runtime.transport import Answer, NoResponse

log = logging.getLogger("vaiven.http")

IDLE_S = 30.0
"""Not used for so long, and at most twice that: closed before the provider, or a NAT on the way, drops it under a request."""
ADDRESSES_S = 10.0
"""A host's addresses are good for so long. A burst of connections asks for them once."""
SECOND_ADDRESS_S = 0.25
"""So long has an address before the next one is tried beside it. Source: RFC 8305."""

AddrInfo = tuple[int, int, int, str, tuple[Any, ...]]


class _Site:
    """What there is of one origin. ``idle``: the one used last is the last; ``waiting``: in the order of their sends."""

    __slots__ = ("addresses", "asking", "connecting", "idle", "known_until_s", "origin", "waiting")

    def __init__(self, origin: Origin) -> None:
        self.origin = origin
        self.idle: list[Connection] = []
        self.waiting: deque[Call] = deque()
        self.connecting = 0
        self.asking = asyncio.Lock()
        self.addresses: Sequence[AddrInfo] = []
        self.known_until_s = 0.0


class PooledTransport:
    """At most ``connections`` calls under way or connecting at a time; more wait in order. Idle connections take no room.

    ``connections`` is meant to be what all callers together have under way: then no origin waits for another, not even for one
    that takes no connections. Needs a running event loop.
    """

    def __init__(self, connections: int) -> None:
        self._loop = asyncio.get_running_loop()
        self._limit = connections
        self._sites: dict[Origin, _Site] = {}
        self._open: dict[Connection, _Site] = {}
        self._connecting = 0
        self._connects: set[asyncio.Task[None]] = set()
        self._calls: dict[Call, None] = {}
        """All that have no answer, in the order of their sends, which is that of their ends."""
        self._waiting = 0
        self._clock: asyncio.TimerHandle | None = None
        self._sweep: asyncio.TimerHandle | None = None
        self._closed = False

    def send(self, request: ProviderRequest, done: Callable[[Answer], None]) -> None:
        if self._closed:
            self._loop.call_soon(done, NoResponse(False, "closed"))
            return
        try:
            origin, head = head_of(request.method, request.url, request.headers)
        except CannotBeCalled as error:
            self._loop.call_soon(done, NoResponse(False, str(error)))
            return
        data = b"%b%d\r\n\r\n%b" % (head, len(request.body), request.body)
        call = Call(origin, data, done, self._loop.time() + TIMEOUT_S)
        if self._clock is None:
            self._clock = self._loop.call_at(call.due_s, self._time_out)
        site = self._sites.get(origin)
        if site is None:
            site = self._sites[origin] = _Site(origin)
        connection = self._take(site) if not self._waiting and self._has_room() else None
        self._calls[call] = None
        if connection is not None:
            connection.ask(call)
            return
        site.waiting.append(call)
        self._waiting += 1
        self._serve()

    async def close(self) -> None:
        self._closed = True
        for timer in (self._clock, self._sweep):
            if timer is not None:
                timer.cancel()
        for task in self._connects:
            task.cancel()
        await asyncio.gather(*self._connects, return_exceptions=True)
        calls, self._calls, self._waiting = list(self._calls), {}, 0
        for connection in list(self._open):
            self._let_go(connection)
        for call in calls:
            _tell(call, NoResponse(call.connection is not None, "closed"))
        await asyncio.sleep(0)  # sockets close in the loop's next round

    # Owner of connections

    def ended(self, connection: Connection, call: Call, answer: Answer) -> None:
        del self._calls[call]
        if connection.keeps:
            self._keep(connection, self._open[connection])
        else:
            self._let_go(connection)
        if self._waiting:
            self._serve()
        _tell(call, answer)

    def lost(self, connection: Connection) -> None:
        site = self._open.pop(connection, None)
        if site is None:
            return
        if connection in site.idle:
            # The provider closes: likely all that it has idle, and a request into a dead one would have an unknown outcome.
            site.idle.remove(connection)
            while site.idle:
                self._let_go(site.idle.pop())

    # Connections

    def _has_room(self) -> bool:
        return len(self._calls) - self._waiting + self._connecting < self._limit

    def _take(self, site: _Site) -> Connection | None:
        """The connection that was used last and can be used again."""
        while site.idle:
            connection = site.idle.pop()
            if connection.is_clean():
                return connection
            self._let_go(connection)
        return None

    def _keep(self, connection: Connection, site: _Site) -> None:
        connection.free_since_s = self._loop.time()
        site.idle.append(connection)
        if self._sweep is None:
            self._sweep = self._loop.call_later(IDLE_S, self._close_idle)

    def _let_go(self, connection: Connection) -> None:
        del self._open[connection]
        connection.drop()

    def _serve(self) -> None:
        """As far as there is room, the calls that wait get a connection, or somebody connects for them."""
        while self._waiting and not self._closed and self._has_room():
            served = [
                site for site in self._sites.values() if site.waiting and (site.idle or len(site.waiting) > site.connecting)
            ]
            if not served:
                return
            site = min(served, key=lambda site: site.waiting[0].due_s)
            connection = self._take(site)
            if connection is not None:
                self._waiting -= 1
                connection.ask(site.waiting.popleft())
            elif len(site.waiting) > site.connecting:
                site.connecting += 1
                self._connecting += 1
                task = self._loop.create_task(self._connect(site))
                self._connects.add(task)
                task.add_done_callback(self._connects.discard)

    async def _connect(self, site: _Site) -> None:
        connection, reason = None, ""
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                connection = await self._connected(site)
        except (OSError, UnicodeError) as error:  # among them TimeoutError, and all of ssl
            reason = type(error).__name__
        except Exception as error:
            # Whatever it was, who waits must hear of it.
            log.exception("cannot connect: %s", type(error).__name__)
            reason = type(error).__name__
        finally:
            site.connecting -= 1
            self._connecting -= 1
        if connection is not None and connection.is_open():
            self._open[connection] = site
            if site.waiting:  # not by way of the idle ones: what TLS says after its handshake may lie in the socket
                self._waiting -= 1
                connection.ask(site.waiting.popleft())
            else:
                self._keep(connection, site)
            self._serve()
            return
        site.known_until_s = 0.0
        if site.waiting:
            self._waiting -= 1
            call = site.waiting.popleft()
            del self._calls[call]
            _tell(call, NoResponse(False, f"no connection: {reason or 'closed at once'}"))
        self._serve()

    async def _connected(self, site: _Site) -> Connection:
        origin = site.origin
        found = await aiohappyeyeballs.start_connection(
            await self._addresses(site), loop=self._loop, happy_eyeballs_delay=SECOND_ADDRESS_S
        )
        # From here on the socket is the event loop's, which closes it if this is cancelled.
        _, connection = await self._loop.create_connection(
            lambda: Connection(self),
            sock=found,
            ssl=self._tls if origin.secure else None,
            server_hostname=origin.host if origin.secure else None,
        )
        return connection

    async def _addresses(self, site: _Site) -> Sequence[AddrInfo]:
        async with site.asking:
            if self._loop.time() >= site.known_until_s:
                site.addresses = await self._loop.getaddrinfo(site.origin.host, site.origin.port, type=socket.SOCK_STREAM)
                site.known_until_s = self._loop.time() + ADDRESSES_S
            return site.addresses

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        context = ssl.create_default_context()
        context.set_alpn_protocols(["http/1.1"])
        return context

    # What the clock ends

    def _time_out(self) -> None:
        now = self._loop.time()
        over = []
        for call in self._calls:
            if call.due_s > now:
                break
            over.append(call)
        for call in over:
            del self._calls[call]
            if call.connection is not None:
                self._let_go(call.connection)
            else:
                self._waiting -= 1
                self._sites[call.origin].waiting.remove(call)  # the first there: none has waited longer
        first = next(iter(self._calls), None)
        self._clock = None if first is None else self._loop.call_at(first.due_s, self._time_out)
        self._serve()
        for call in over:
            _tell(call, NoResponse(call.connection is not None, "timeout"))

    def _close_idle(self) -> None:
        self._sweep = None
        before_s = self._loop.time() - IDLE_S
        for site in self._sites.values():
            while site.idle and site.idle[0].free_since_s <= before_s:
                self._let_go(site.idle.pop(0))
        if any(site.idle for site in self._sites.values()):
            self._sweep = self._loop.call_later(IDLE_S, self._close_idle)


def _tell(call: Call, answer: Answer) -> None:
    """What one caller makes of an answer must not keep another from its own."""
    try:
        call.done(answer)
    except Exception as error:
        log.exception("the answer to a call was not taken: %s", type(error).__name__)
