"""A short way for webhooks that came whole, past what aiohttp makes for every request: that costs as much as their turn.

aiohttp parses, keeps connections and their time limits, and has every request that is not just like most webhooks: one whose body
is not there yet, that upgrades, closes or waits for "100 Continue", or goes elsewhere. From such a one on aiohttp has the
whole connection. The short way needs names of aiohttp's that are not public (docs/decisions/0004); where an aiohttp does not
have them, everything goes its own way, slower.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from aiohttp import HttpVersion11, StreamReader, web
from aiohttp.base_protocol import BaseProtocol
from aiohttp.http_parser import HttpRequestParser, RawRequestMessage
from aiohttp.web_protocol import RequestHandler

log = logging.getLogger("vaiven.web")

Shortcut = Callable[[str, str, Mapping[str, str], bytes], Awaitable[tuple[bytes, bool]]]
"""From method, target, headers and body to the bytes of the answer, and whether the connection is to be closed."""

_NEEDED = {
    *("_close", "_force_close", "_handler_waiter", "_keepalive", "_keepalive_handle", "_keepalive_timeout", "_manager"),
    *("_messages", "_msg_queue_resume_size", "_next_keepalive_close_time", "_request_in_progress", "_task_handler", "_waiter"),
    *("_buffer_paused", "_loop", "_parser", "transport"),
}

_SERVER = ("request_handler", "request_factory", "handler_cancellation", "requests_count", "_loop", "_kwargs")

_FAILED = (
    b"HTTP/1.1 500 Internal Server Error\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 25\r\n"
    b"Connection: close\r\n\r\n500 Internal Server Error"
)


def fits() -> bool:
    """Whether this aiohttp is made as the short way needs it."""
    slots = {*RequestHandler.__slots__, *BaseProtocol.__slots__}
    methods = ("_process_keepalive", "_resume_reading_if_drained", "_drain_helper", "writing_paused", "force_close")
    made = slots >= _NEEDED and all(hasattr(RequestHandler, name) for name in methods)
    return made and hasattr(HttpRequestParser, "message_consumed") and hasattr(web.AppRunner, "_make_server")


class _Connection(RequestHandler):
    """One connection, on the short way as long as all that comes is made for it."""

    __slots__ = ("_shortcuts",)

    def __init__(self, server: "_Server", shortcuts: Mapping[str, Shortcut], **settings: Any) -> None:
        self._shortcuts = shortcuts
        super().__init__(server, **settings)

    def _shortcut(self, message: RawRequestMessage, content: StreamReader) -> Shortcut | None:
        if (
            message.method != "POST"
            or message.should_close
            or message.upgrade
            or message.version != HttpVersion11
            or not content.is_eof()
            or "Expect" in message.headers
        ):
            return None
        return self._shortcuts.get(message.path.partition("?")[0])

    async def start(self) -> None:
        loop = self._loop
        while not self._force_close:
            if not self._messages:
                try:
                    self._waiter = loop.create_future()
                    await self._waiter
                finally:
                    self._waiter = None
            message, content = self._messages[0]
            # What could not be parsed is no request; aiohttp answers it.
            if not isinstance(message, RawRequestMessage) or (shortcut := self._shortcut(message, content)) is None:
                # This waits as long as the connection lives: it must not keep its first message.
                del message, content
                await super().start()
                return
            self._took()
            last = await self._answer(shortcut, message, content.read_nowait())
            if self._messages:
                # Thousands fit into one piece, and what is refused waits for nothing: others have their turn in between.
                await asyncio.sleep(0)
            if last or self._close or self._force_close:
                break
            self._keepalive = True
            self._next_keepalive_close_time = closes_s = loop.time() + self._keepalive_timeout
            if self._keepalive_handle is None:
                self._keepalive_handle = loop.call_at(closes_s, self._process_keepalive)
        if not self._force_close:
            self._task_handler = None
            if self.transport is not None:
                self.transport.close()

    def _took(self) -> None:
        """The first of the messages is ours: the parser may go on behind it."""
        self._messages.popleft()
        if self._manager is not None:
            self._manager.requests_count += 1
        if self._parser is not None:
            self._parser.message_consumed()
        if self._buffer_paused and len(self._messages) <= self._msg_queue_resume_size:
            self._resume_reading_if_drained()

    async def _answer(self, shortcut: Shortcut, message: RawRequestMessage, body: bytes) -> bool:
        """Whether the connection is to be closed."""
        self._request_in_progress = True
        try:
            try:
                answer, last = await shortcut(message.method, message.path, message.headers, body)
            except Exception:
                log.exception("a webhook could not be answered")
                answer, last = _FAILED, True
            if self.transport is not None:
                self.transport.write(answer)
                if self.writing_paused:
                    # Who sends and sends, and reads nothing, waits.
                    await self._drain_helper()
        except ConnectionError:
            return True
        except asyncio.CancelledError:
            self.force_close()
            raise
        finally:
            self._request_in_progress = False
            if self._handler_waiter is not None and not self._handler_waiter.done():
                self._handler_waiter.set_result(None)
        return last


class _Server(web.Server):
    """Makes connections that know the short way; else as ``other``."""

    def __init__(self, other: web.Server, shortcuts: Mapping[str, Shortcut]) -> None:
        super().__init__(
            other.request_handler,
            request_factory=other.request_factory,
            handler_cancellation=other.handler_cancellation,
            loop=other._loop,
            **other._kwargs,
        )
        self._shortcuts = shortcuts

    def __call__(self) -> RequestHandler:
        return _Connection(self, self._shortcuts, loop=self._loop, **self._kwargs)


class _Runner(web.AppRunner):
    """An application with short ways beside its router."""

    __slots__ = ("_shortcuts",)

    def __init__(self, app: web.Application, shortcuts: Mapping[str, Shortcut], **settings: Any) -> None:
        super().__init__(app, **settings)
        self._shortcuts = shortcuts

    async def _make_server(self) -> web.Server:
        own = await super()._make_server()
        return _Server(own, self._shortcuts) if all(hasattr(own, name) for name in _SERVER) else own


def runner(app: web.Application, shortcuts: Mapping[str, Shortcut], **settings: Any) -> web.AppRunner:
    """What serves this application, with these short ways by path. ``settings`` are those of ``web.AppRunner``."""
    if not shortcuts or not fits():
        return web.AppRunner(app, **settings)
    return _Runner(app, shortcuts, **settings)
