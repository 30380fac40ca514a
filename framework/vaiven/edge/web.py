"""The door on the street: webhooks, health and metrics over HTTP.

In this order: size and time limits (413, 408), the signature (one constant 403), then parsing. Nothing of a request is told
back to its sender (but for a line that is no HTTP, which aiohttp quotes in its 400), and no 200 is given before the store has it.
"""

import asyncio
import logging
import socket
import time
from collections.abc import Awaitable, Callable, Collection, Mapping
from email.utils import formatdate
from http import HTTPStatus
from typing import NamedTuple

from aiohttp import StreamReader, web

from vaiven.channels.contract import WebhookAnswer, WebhookRequest
from vaiven.edge.figures import figures as own_figures
from vaiven.edge.metrics import CONTENT_TYPE
from vaiven.edge.street import Shortcut, runner
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


async def read_body(content: StreamReader, length: int | None) -> bytes:
    """The raw body, of which so many bytes are announced.

    Raises:
        BodyTooLarge: by its Content-Length, or by what came.
        TimeoutError: it did not come whole within BODY_S.
    """
    if content.is_eof():
        return content.read_nowait()  # the usual case: it came with the headers
    if (length or 0) > BODY_LIMIT_BYTES:
        raise BodyTooLarge
    pieces, size = [], 0
    async with asyncio.timeout(BODY_S):
        while piece := await content.readany():
            size += len(piece)
            if size > BODY_LIMIT_BYTES:
                raise BodyTooLarge
            pieces.append(piece)
    return b"".join(pieces)


class Said(NamedTuple):
    """What a webhook is answered. ``last``: nothing more is read from its connection."""

    answer: WebhookAnswer
    retry_after_s: int | None = None
    last: bool = False

    def response(self) -> web.Response:
        """For aiohttp to send."""
        answer = self.answer
        response = web.Response(status=answer.status, body=answer.body, content_type=answer.content_type)
        if self.retry_after_s is not None:
            response.headers["Retry-After"] = str(self.retry_after_s)
        if self.last:
            response.force_close()
        return response

    def encoded(self) -> bytes:
        """As it goes over the line."""
        answer = self.answer
        head = f"HTTP/1.1 {answer.status} {HTTPStatus(answer.status).phrase}\r\nContent-Type: {answer.content_type}\r\n"
        head += f"Content-Length: {len(answer.body)}\r\nDate: {formatdate(usegmt=True)}\r\n"
        if self.retry_after_s is not None:
            head += f"Retry-After: {self.retry_after_s}\r\n"
        if self.last:
            head += "Connection: close\r\n"
        return f"{head}\r\n".encode() + answer.body


class Hook:
    """One channel's webhook: for aiohttp's own way by ``handle``, for the short one by ``take``."""

    def __init__(self, bot: Bot, name: str, public_url: str, unstored: Callable[[str, StoreUnavailable], None]) -> None:
        self._bot, self._name, self._public_url, self._unstored = bot, name, public_url, unstored
        self._channel = bot.lines[name].channel
        self._accepted = Said(self._channel.answer())
        self._bytes, self._second = b"", 0

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer a request of aiohttp's."""
        said = await self._said(request)
        return said.response()

    async def take(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> tuple[bytes, bool]:
        """Answer a request that came whole; tell whether it was the last of its connection."""
        said = await self._judged(method, target, headers, body)
        if said is not self._accepted:
            return said.encoded(), said.last
        second = int(time.time())
        if second != self._second:
            self._bytes, self._second = said.encoded(), second
        return self._bytes, False

    async def _said(self, request: web.BaseRequest) -> Said:
        try:
            body = await read_body(request.content, request.content_length)
        except BodyTooLarge:
            return self._refused(413, "too large")
        except TimeoutError:
            return self._refused(408, "too slow")
        except ConnectionError as error:
            # The stream keeps its error, whose traceback keeps what had come of the body: a circle of up to 3 MB.
            error.__traceback__ = None
            return self._refused(400, "cut off")
        return await self._judged(request.method, request.raw_path, request.headers, body)

    async def _judged(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Said:
        bot, name, counts = self._bot, self._name, self._bot.counts
        if not target.isascii():
            # A byte that is no UTF-8 comes from aiohttp as a surrogate, which nothing behind this door could write.
            target = target.encode("utf-8", "replace").decode()
        path, _, query = target.partition("?")
        webhook = WebhookRequest(method, self._public_url + path, headers, body, query)
        try:
            if method == "GET":
                answer = self._channel.handshake(webhook)
                if answer is not None:
                    return Said(answer)
            await bot.intake.receive(name, webhook)
        except SignatureMismatch as error:
            counts["refused", name, "signature"] += 1
            log.info("webhook refused: channel %s: %s", name, error)
            return Said(WebhookAnswer(403, FORBIDDEN))
        except StoreUnavailable as error:
            self._unstored(name, error)
            counts["webhooks", name, "503"] += 1
            return Said(WebhookAnswer(503), error.retry_after_s)
        counts["webhooks", name, "200"] += 1
        # While we stop, connections are closed with an answer: one closed in silence may be just bringing another request.
        return self._accepted if bot.ready else self._accepted._replace(last=True)

    def _refused(self, status: int, reason: str) -> Said:
        self._bot.counts["refused", self._name, reason] += 1
        return Said(WebhookAnswer(status, reason.encode()), last=True)


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
        return Hook(self._bot, name, self._public_url, self._unstored).handle

    def _unstored(self, name: str, error: StoreUnavailable) -> None:
        """Said once a second: a full disk under load must not fill the log's disk, too."""
        now_s = time.monotonic()
        if now_s - self._said_s >= 1:
            self._said_s = now_s
            log.warning("webhooks are not stored: channel %s: %s", name, error)

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


class Site:
    """One listening socket with its routes. ``listening``: a socket that listens already, in place of one of our own."""

    def __init__(self, routes: list[web.RouteDef], host: str, port: int, listening: socket.socket | None = None) -> None:
        self._listening = listening
        hooks: dict[str, Shortcut] = {
            route.path: hook.take
            for route in routes
            if route.method == "POST" and isinstance(hook := getattr(route.handler, "__self__", None), Hook)
        }
        app = web.Application(client_max_size=BODY_LIMIT_BYTES)
        app.router.add_routes(routes)
        # Webhooks are signed as they are sent: an encoded body is not decoded, so no small body can become a large one.
        self._runner = runner(
            app,
            hooks,
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
        site: web.BaseSite
        if self._listening is None:
            site = web.TCPSite(self._runner, self.host, self.port, backlog=1024, reuse_address=True)
        else:
            site = web.SockSite(self._runner, self._listening, backlog=1024)
        await site.start()
        self._sweeper = asyncio.create_task(self._sweep())
        return int(self._runner.addresses[0][1])

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
