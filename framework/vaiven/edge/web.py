"""The door on the street: webhooks, health and metrics over HTTP.

In this order: size and time limits (413, 408), the signature (one constant 403), then parsing. Nothing of a request is told
back to its sender (but for a line that is no HTTP, which aiohttp quotes in its 400), and no 200 is given before the store has it.
"""

import asyncio
import logging
import socket
import time
from collections.abc import Awaitable, Callable, Collection
from email.utils import formatdate
from http import HTTPStatus
from typing import Any

from aiohttp import HttpVersion11, web

from vaiven.channels.contract import WebhookAnswer, WebhookRequest
from vaiven.edge.figures import figures as own_figures
from vaiven.edge.metrics import CONTENT_TYPE
from vaiven.model.errors import SignatureMismatch, StoreUnavailable
from vaiven.runtime.bot import Bot

log = logging.getLogger("vaiven.web")

BODY_LIMIT_BYTES = 3 * 1024 * 1024
"""Meta sends up to 3 MB; nobody sends more."""
BODY_S = 10.0
HEADERS_S = 10.0
"""A connection whose first request has not come whole by then is closed."""
IDLE_S = 75.0
SWEEP_S = 2.0
PATIENCE_S = 5.0
"""Requests under way at a stop get this long."""

FORBIDDEN = b"forbidden"

HOOKS = "/hooks/"
"""Where providers post to: this and the channel's name."""

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


class BodyTooLarge(Exception):
    """More than BODY_LIMIT_BYTES."""


async def read_body(request: web.BaseRequest) -> bytes:
    """The raw body.

    Raises:
        BodyTooLarge: by its Content-Length, or by what came.
        TimeoutError: it did not come whole within BODY_S.
    """
    content = request.content
    if content.is_eof():
        return content.read_nowait()  # the usual case: it came with the headers
    if (request.content_length or 0) > BODY_LIMIT_BYTES:
        raise BodyTooLarge
    pieces, size = [], 0
    async with asyncio.timeout(BODY_S):
        while piece := await content.readany():
            size += len(piece)
            if size > BODY_LIMIT_BYTES:
                raise BodyTooLarge
            pieces.append(piece)
    return b"".join(pieces)


class Prepared(web.StreamResponse):
    """An answer that is always the same, as bytes: aiohttp's own costs a third of a webhook to put together.

    Only for a connection that stays open. One object serves every request, since it holds nothing of any.
    """

    def __init__(self, answer: WebhookAnswer) -> None:
        super().__init__(status=answer.status)
        head = f"HTTP/1.1 {answer.status} {HTTPStatus(answer.status).phrase}\r\nContent-Type: {answer.content_type}\r\n"
        self._head = f"{head}Content-Length: {len(answer.body)}\r\nDate: ".encode()
        self._tail = b"\r\n\r\n" + answer.body
        self._bytes, self._second = b"", 0

    @property
    def keep_alive(self) -> bool:
        return True

    async def prepare(self, request: web.BaseRequest) -> None:
        second = int(time.time())
        if second != self._second:
            self._bytes, self._second = self._head + formatdate(second, usegmt=True).encode() + self._tail, second
        if request.transport is not None:
            request.transport.write(self._bytes)

    async def write_eof(self, data: bytes = b"") -> None:
        """All of it was written before."""


class Door:
    """Answers providers. ``public_url`` is the address they were given: what is signed is read from there, never from Host.

    ``inside`` are the channels that nobody outside posts to: the simulator's. ``figures`` gives the text of ``/metrics``.
    """

    def __init__(
        self, bot: Bot, public_url: str, inside: Collection[str] = (), figures: Callable[[], Awaitable[str]] | None = None
    ) -> None:
        self._bot = bot
        self._figures = figures or (lambda: own_figures(bot))
        self._inside = inside
        self._public_url = public_url.rstrip("/")
        self._said_s = 0.0

    def webhook(self, name: str) -> Handler:
        """The handler of one channel's webhook."""
        bot, intake, counts, public_url = self._bot, self._bot.intake, self._bot.counts, self._public_url
        channel = self._bot.lines[name].channel
        accepted = channel.answer()
        prepared = Prepared(accepted)
        forbidden = WebhookAnswer(403, FORBIDDEN)

        async def handle(request: web.BaseRequest) -> web.StreamResponse:
            try:
                body = await read_body(request)
            except BodyTooLarge:
                return self._refuse(name, 413, "too large")
            except TimeoutError:
                return self._refuse(name, 408, "too slow")
            except ConnectionError as error:
                # The stream keeps its error, whose traceback keeps what had come of the body: a circle of up to 3 MB.
                error.__traceback__ = None
                return self._refuse(name, 400, "cut off")
            target = request.raw_path
            if not target.isascii():
                # A byte that is no UTF-8 comes from aiohttp as a surrogate, which nothing behind this door could write.
                target = target.encode("utf-8", "replace").decode()
            path, _, query = target.partition("?")
            webhook = WebhookRequest(request.method, public_url + path, request.headers, body, query)
            try:
                if webhook.method == "GET":
                    answer = channel.handshake(webhook)
                    if answer is not None:
                        return _answer(answer)
                await intake.receive(name, webhook)
            except SignatureMismatch as error:
                counts["refused", name, "signature"] += 1
                log.info("webhook refused: channel %s: %s", name, error)
                return _answer(forbidden)
            except StoreUnavailable as error:
                self._unstored(name, error)
                counts["webhooks", name, "503"] += 1
                return web.Response(status=503, headers={"Retry-After": str(error.retry_after_s)})
            counts["webhooks", name, "200"] += 1
            if request.keep_alive and request.version >= HttpVersion11 and bot.ready:
                return prepared
            return self._last(accepted)

        return handle

    def _last(self, answer: WebhookAnswer) -> web.Response:
        """While we stop, connections are closed with an answer: one closed in silence may be just bringing another request."""
        response = _answer(answer)
        if not self._bot.ready:
            response.force_close()
        return response

    def _unstored(self, name: str, error: StoreUnavailable) -> None:
        """Said once a second: a full disk under load must not fill the log's disk, too."""
        now_s = time.monotonic()
        if now_s - self._said_s >= 1:
            self._said_s = now_s
            log.warning("webhooks are not stored: channel %s: %s", name, error)

    def _refuse(self, name: str, status: int, reason: str) -> web.Response:
        self._bot.counts["refused", name, reason] += 1
        response = web.Response(status=status, body=reason.encode())
        response.force_close()
        return response

    async def live(self, _: web.Request) -> web.Response:
        return web.json_response({"live": True})

    async def ready(self, _: web.Request) -> web.Response:
        return web.json_response({"ready": self._bot.ready}, status=200 if self._bot.ready else 503)

    async def metrics(self, _: web.Request) -> web.Response:
        text = await self._figures()
        return web.Response(body=text.encode(), headers={"Content-Type": CONTENT_TYPE})

    def routes(self) -> list[web.RouteDef]:
        """Everything under the public address."""
        routes = [
            web.get("/health/live", self.live),
            web.get("/health/ready", self.ready),
            web.get("/metrics", self.metrics),
        ]
        for name in self._bot.lines:
            if name not in self._inside:
                routes.append(web.post(HOOKS + name, self.webhook(name)))
                routes.append(web.get(HOOKS + name, self.webhook(name), allow_head=False))
        return routes


def _answer(answer: WebhookAnswer) -> web.Response:
    return web.Response(status=answer.status, body=answer.body, content_type=answer.content_type)


class Site:
    """One listening socket with its routes. ``listening``: a socket that listens already, in place of one of our own."""

    def __init__(self, routes: list[web.RouteDef], host: str, port: int, listening: socket.socket | None = None) -> None:
        self._listening = listening
        self._hooks: dict[str, Any] = {
            route.path: route.handler for route in routes if route.method == "POST" and route.path.startswith(HOOKS)
        }
        app = web.Application(client_max_size=BODY_LIMIT_BYTES)
        app.router.add_routes(routes)
        # Webhooks are signed as they are sent: an encoded body is not decoded, so no small body can become a large one.
        self._runner = web.AppRunner(
            app,
            access_log=None,
            auto_decompress=False,
            keepalive_timeout=IDLE_S,
            lingering_time=1.0,
            handle_signals=False,
            shutdown_timeout=PATIENCE_S,
        )
        self.host = host
        self.port = port
        self._sweeper: asyncio.Task[None] | None = None

    async def start(self) -> int:
        """Listen; give the port. Raises OSError if it is taken."""
        await self._runner.setup()
        self._shorten()
        site: web.BaseSite
        if self._listening is None:
            site = web.TCPSite(self._runner, self.host, self.port, backlog=1024, reuse_address=True)
        else:
            site = web.SockSite(self._runner, self._listening, backlog=1024)
        await site.start()
        self._sweeper = asyncio.create_task(self._sweep())
        return int(self._runner.addresses[0][1])

    def _shorten(self) -> None:
        """Lead webhooks past the application's router: it costs each of them as much as checking its signature."""
        server = self._runner.server
        if server is None:
            return
        hooks = self._hooks
        others: Handler = server.request_handler

        async def handle(request: web.BaseRequest) -> web.StreamResponse:
            # Who asks "Expect: 100-continue" waits for what only the long way answers.
            short = request.method == "POST" and "Expect" not in request.headers
            hook = hooks.get(request.raw_path.partition("?")[0]) if short else None
            return await (others if hook is None else hook)(request)

        server.request_handler = handle

    async def stop(self) -> None:
        """Listen no more, let requests under way finish."""
        if self._sweeper is not None:
            self._sweeper.cancel()
        await self._runner.cleanup()

    async def _sweep(self) -> None:
        """Close connections that never got a first request through: half-sent headers are held only so long."""
        first_seen: dict[web.RequestHandler, float] = {}
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(SWEEP_S)
            now, still = loop.time(), {}
            for connection in self._runner.server.connections if self._runner.server else ():
                # aiohttp has no time limit for headers; this count is how its handler knows of its first request.
                if connection._request_count:
                    continue
                still[connection] = first_seen.get(connection, now)
                if now - still[connection] >= HEADERS_S - SWEEP_S:
                    connection.force_close()
            first_seen = still
