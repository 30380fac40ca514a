"""``GET /v1/events``: what happens in conversations with people, as it happens, by WebSocket.

The log in the store is read, whichever process wrote it: nothing is told from memory alone. One reader a process serves all who
listen. Who takes too slowly what is told is let go, and may come again with the number of the last event they had.
"""

import asyncio
import contextlib
import logging
from collections.abc import Mapping

import msgspec
from aiohttp import WSCloseCode, hdrs, web

from vaiven.edge.api.access import Access
from vaiven.edge.api.problems import Refused
from vaiven.edge.api.shapes import Hello, Missed
from vaiven.model.errors import StoreUnavailable
from vaiven.runtime.bot import Bot
from vaiven.runtime.event_log import After, EventLog, LogEvent
from vaiven.runtime.tokens import READ, Token

log = logging.getLogger("vaiven.events")

PROTOCOL = "vaiven"
POLL_S = 0.25
HEARTBEAT_S = 25.0
BEHIND = 1_000
"""So many events may wait for a reader who does not take them."""
SLOW_S = 10.0
CLOSING_S = 2.0
HEARD_BYTES = 1024
EACH, ALL = 20, 2_000
"""So many connections of one token, and of all of them, in one process."""

REVOKED = 4401
SLOW = 4408

Told = LogEvent | Missed | Hello


class Listener:
    """One connection: what waits to be told there, up to which ``number`` of the log."""

    def __init__(self, token: Token, number: int) -> None:
        self.token = token
        self.number = number
        self.waiting: asyncio.Queue[Told] = asyncio.Queue(BEHIND)
        self.code: int = WSCloseCode.OK
        self.ended = asyncio.Event()

    def take(self, after: After) -> None:
        """What came in the log, as far as it is new here."""
        if after.whole:
            for event in after.events:
                if event.number > self.number:
                    self.tell(event)
            self.number = max(self.number, after.last)
        elif self.number != after.last:
            self.tell(Missed("missed", after.last))
            self.number = after.last

    def tell(self, told: Told) -> None:
        try:
            self.waiting.put_nowait(told)
        except asyncio.QueueFull:
            self.end(SLOW)

    def end(self, code: int) -> None:
        """Let it go, with this code."""
        if not self.ended.is_set():
            self.code = code
            self.ended.set()


class Streams:
    """Everybody who listens to one bot in this process. Pages of ``public_url`` are its own, whatever a proxy makes of Host."""

    def __init__(self, bot: Bot, access: Access, public_url: str = "") -> None:
        self._own = _host(public_url.partition("://")[2].partition("/")[0])
        self._bot = bot
        self._access = access
        self._log = EventLog(bot.store, bot.flows.spec.name)
        self._listeners: set[Listener] = set()
        self._reader: asyncio.Task[None] | None = None

    async def handle(self, request: web.Request, since: int | None) -> web.StreamResponse:
        """Serve one connection until it ends; first what came after ``since``. Raises Refused, StoreUnavailable: it is none."""
        _is_fit(request, self._own)
        token = await self._access.token(_bearer(request.headers), READ)
        if sum(each.token.id == token.id for each in self._listeners) >= EACH or len(self._listeners) >= ALL:
            raise Refused("too_many", headers={"Retry-After": "5"})
        after = After([], await self._log.last(), True) if since is None else await self._log.after(since)
        socket = web.WebSocketResponse(
            heartbeat=HEARTBEAT_S, protocols=(PROTOCOL,), max_msg_size=HEARD_BYTES, compress=False, timeout=CLOSING_S
        )
        try:
            await socket.prepare(request)
        except web.HTTPBadRequest:
            raise Refused("upgrade", headers=_UPGRADE) from None
        listener = Listener(token, after.last)
        # Not past what comes now: who is cut off in between asks again from here.
        listener.tell(Hello("hello", since if since is not None and after.whole else after.last))
        first: list[Told] = [*after.events] if after.whole else [Missed("missed", after.last)]
        self._join(listener)
        try:
            await _served(socket, listener, first)
        finally:
            self._leave(listener)
            if listener.code == SLOW and request.transport is not None:
                request.transport.abort()  # what it never read would be kept for it
        return socket

    def _join(self, listener: Listener) -> None:
        self._listeners.add(listener)
        if self._reader is None:
            self._reader = asyncio.create_task(self._read())

    def _leave(self, listener: Listener) -> None:
        self._listeners.discard(listener)
        if not self._listeners and self._reader is not None:
            self._reader.cancel()
            self._reader = None

    async def _read(self) -> None:
        """Tell everybody what comes, for as long as somebody listens."""
        while True:
            try:
                await self._look()
            except StoreUnavailable as error:
                log.warning("store unavailable while events are read: %s", error)
            except Exception:
                log.exception("events could not be read")
            await asyncio.sleep(POLL_S)

    async def _look(self) -> None:
        for listener in self._listeners:
            if not self._bot.ready:
                listener.end(WSCloseCode.GOING_AWAY)
        after = await self._log.after(min(listener.number for listener in self._listeners))
        for listener in list(self._listeners):
            if await self._access.counts(listener.token):
                listener.take(after)
            else:
                listener.end(REVOKED)


async def _served(socket: web.WebSocketResponse, listener: Listener, first: list[Told]) -> None:
    """Until either side ends it."""
    tasks = [
        asyncio.create_task(_write(socket, listener, first)),
        asyncio.create_task(_hear(socket, listener)),
        asyncio.create_task(listener.ended.wait()),
    ]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    with contextlib.suppress(ConnectionError, TimeoutError):
        async with asyncio.timeout(2 * CLOSING_S):
            await socket.close(code=listener.code)


async def _write(socket: web.WebSocketResponse, listener: Listener, first: list[Told]) -> None:
    try:
        await _say(socket, await listener.waiting.get())
        for told in first:
            await _say(socket, told)
        while True:
            await _say(socket, await listener.waiting.get())
    except TimeoutError:
        listener.end(SLOW)
    except ConnectionError:
        listener.end(WSCloseCode.OK)


async def _say(socket: web.WebSocketResponse, told: Told) -> None:
    async with asyncio.timeout(SLOW_S):
        await socket.send_str(msgspec.json.encode(told).decode())


async def _hear(socket: web.WebSocketResponse, listener: Listener) -> None:
    """Nobody has anything to say to us here, but that they go."""
    async for _ in socket:
        listener.end(WSCloseCode.POLICY_VIOLATION)


_UPGRADE = {"Upgrade": "websocket", "Connection": "Upgrade"}


def _is_fit(request: web.Request, own: str) -> None:
    """Whether this asks for a WebSocket, and from no page but one of our own. Raises Refused."""
    if request.headers.get(hdrs.UPGRADE, "").lower() != "websocket":
        raise Refused("upgrade", headers=_UPGRADE)
    origin = request.headers.get(hdrs.ORIGIN)
    if origin is not None and _host(origin.partition("://")[2]) not in (_host(request.headers.get(hdrs.HOST, "")), own or None):
        raise Refused("origin")


def _host(text: str) -> str:
    """A host with its port, if that is not the usual one."""
    return text.lower().removesuffix(":443").removesuffix(":80")


def _bearer(headers: Mapping[str, str]) -> Mapping[str, str]:
    """A browser can set no headers, so it says its token behind the protocol's name: not in the address, which logs keep."""
    offered = [each.strip() for each in headers.get(hdrs.SEC_WEBSOCKET_PROTOCOL, "").split(",")]
    if hdrs.AUTHORIZATION not in headers and len(offered) == 2 and offered[0] == PROTOCOL:
        return {hdrs.AUTHORIZATION: f"Bearer {offered[1]}"}
    return headers
