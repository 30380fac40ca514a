"""HTTP calls of flows, by aiohttp's client: guarded where they go, bounded in what comes back, the environment left aside.

They are few and slow beside messages, and go to hosts that somebody wrote into a file; so they have a client of their own.
"""

import asyncio
import logging
import re
import socket
import ssl
from collections.abc import Awaitable, Callable, Sequence

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from multidict import CIMultiDict
from yarl import URL

from vaiven import __version__
from vaiven.edge.http_head import HOST, NAME, VALUE
from vaiven.edge.reach import Reach, numeric
from vaiven.model.calls import MAX_ANSWER, HttpCall
from vaiven.runtime.call_outcomes import Answered, NoAnswer

log = logging.getLogger("vaiven.calls")

REDIRECTS = 3
LONGEST_URL = 8 * 1024
LONGEST_HEADERS = 16 * 1024
CONNECT_S = 10.0
LONGEST_PAUSE_S = 3600.0
TOLD = 100
"""So many hosts that are forbidden are told once each; then no more are."""

Lookup = Callable[[str, int], Awaitable[Sequence[str]]]
"""The addresses of a host."""

_METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE"})
_REDIRECTED = frozenset({301, 302, 303, 307, 308})
_URL = re.compile(r"https?://[^\s\\\x00-\x1f\x7f]+\Z", re.IGNORECASE)
_DOTS = re.compile(r"/(?:\.|%2e){1,2}(?:/|\Z)", re.IGNORECASE)
_OURS = frozenset(
    {
        "accept-encoding", "connection", "content-encoding", "content-length", "expect", "host", "idempotency-key", "keep-alive",
        "proxy-authenticate", "proxy-authorization", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade",
    }
)  # fmt: skip
"""Headers that say how a request is framed, where it goes, or who it is: not for a flow to write."""


class Forbidden(Exception):
    """The host may not be called from here."""


class BadRequest(Exception):
    """What is asked for cannot be sent: no address, a header that would end the headers."""


async def look_up(host: str, port: int) -> Sequence[str]:
    """The addresses that this machine finds for a host. Raises OSError."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(each[4][0]) for each in found))


class _Guarded(AbstractResolver):
    """Gives only addresses that may be called; to these aiohttp connects, so nobody can answer otherwise in between."""

    def __init__(self, reach: Reach, look_up: Lookup, *, secure: bool, named: bool) -> None:
        self._reach, self._look_up, self._secure, self._named = reach, look_up, secure, named

    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC) -> list[ResolveResult]:
        found = await self._look_up(host, port)
        if not found:
            raise OSError(f"{host} has no address")
        if not self._reach.permits(host, port, found, secure=self._secure, named=self._named):
            raise Forbidden
        families = (socket.AF_INET6 if ":" in address else socket.AF_INET for address in found)
        return [
            ResolveResult(hostname=host, host=address, port=port, family=kind, proto=0, flags=socket.AI_NUMERICHOST)
            for address, kind in zip(found, families, strict=True)
            if family in (socket.AF_UNSPEC, kind)
        ]

    async def close(self) -> None: ...


class _Hop:
    """One request of a call, of which a redirect makes another."""

    __slots__ = ("body", "headers", "method", "named", "url")

    def __init__(self, call: HttpCall, key: str | None) -> None:
        self.method, self.url, self.body, self.named = call.method, _url(call.url), call.body, True
        self.headers = _headers(call, key)

    def follow(self, status: int, location: str) -> bool:
        """Become the request that this redirect asks for; False if it is not to be followed."""
        try:
            target = _url(str(self.url.join(URL(location))))
        except (BadRequest, ValueError):
            return False
        if status == 303 or (status in (301, 302) and self.method == "POST"):
            self.method, self.body = "GET", None
            self.headers.pop("Content-Type", None)
        if target.origin() != self.url.origin():
            # Another host gets neither what a person wrote nor what proves us; and it was not the flow that chose it.
            if self.method != "GET":
                return False
            self.headers, self.named = _usual(), False
        self.url = target
        return True


class HttpCaller:
    """Makes HTTP calls of flows. Sessions are opened when first needed.

    GETs share connections that are kept. Others have one each: into one that the other side is about to close, a request may be
    lost or not, and nobody would know. ``trust`` says whose certificates count, by default those of this machine. At most so many
    ``redirects`` are followed.
    """

    def __init__(
        self, reach: Reach, look_up: Lookup = look_up, trust: ssl.SSLContext | None = None, redirects: int = REDIRECTS
    ) -> None:
        self._reach = reach
        self._redirects = redirects
        self._look_up = look_up
        self._trust = True if trust is None else trust
        self._sessions: dict[tuple[bool, bool, bool], aiohttp.ClientSession] = {}
        self._told: set[str] = set()

    async def call(self, request: HttpCall, key: str | None, timeout_s: float) -> Answered | NoAnswer:
        """Make this call: redirects and all, it may take so long. ``key`` goes along as ``Idempotency-Key``."""
        sent: list[bool] = []
        try:
            async with asyncio.timeout(timeout_s):
                return await self._follow(_Hop(request, key), sent)
        except TimeoutError:
            return NoAnswer("timeout", bool(sent))
        except Forbidden:
            self._tell(request.url)
            return NoAnswer("forbidden", bool(sent))
        except BadRequest:
            return NoAnswer("bad request", bool(sent))
        except (aiohttp.ClientError, OSError, ValueError) as error:
            log.info("a call came to nothing: %s", type(error).__name__)
            return NoAnswer("unknown" if sent else "refused", bool(sent))

    async def close(self) -> None:
        """Let go of every connection."""
        sessions, self._sessions = self._sessions, {}
        for session in sessions.values():
            await session.close()

    async def _follow(self, hop: _Hop, sent: list[bool]) -> Answered | NoAnswer:
        for left in range(self._redirects, -1, -1):
            async with self._session(hop).request(
                hop.method,
                hop.url,
                headers=hop.headers,
                data=hop.body,
                allow_redirects=False,
                trace_request_ctx=sent,
            ) as response:
                location = response.headers.get("Location", "") if response.status in _REDIRECTED else ""
                if not location or not left or not hop.follow(response.status, location):
                    return await _read(response)
        raise AssertionError("the last hop answers")

    def _session(self, hop: _Hop) -> aiohttp.ClientSession:
        """The session for what this hop may do. Raises Forbidden for an address that may not be called."""
        host, port, secure = hop.url.raw_host or "", hop.url.port or 0, hop.url.scheme == "https"
        # Only names are looked up: an address stands for itself, in whatever way it is written.
        if numeric(host) and not self._reach.permits(host, port, [host], secure=secure, named=hop.named):
            raise Forbidden
        which = (secure, hop.named, hop.method == "GET")
        session = self._sessions.get(which)
        if session is None:
            session = self._sessions[which] = self._open(secure=secure, named=hop.named, kept=hop.method == "GET")
        return session

    def _open(self, *, secure: bool, named: bool, kept: bool) -> aiohttp.ClientSession:
        trace = aiohttp.TraceConfig()
        trace.on_request_headers_sent.append(_headers_sent)
        resolver = _Guarded(self._reach, self._look_up, secure=secure, named=named)
        return aiohttp.ClientSession(
            # Looked up for every connection: an address that was fit is no promise for the next one.
            connector=aiohttp.TCPConnector(
                resolver=resolver, use_dns_cache=False, limit=0, force_close=not kept, ssl=self._trust
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S),
            auto_decompress=False,
            trust_env=False,
            requote_redirect_url=False,
            skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
            trace_configs=[trace],
        )

    def _tell(self, url: str) -> None:
        host = URL(url).host or ""
        if host not in self._told and len(self._told) < TOLD:
            self._told.add(host)
            log.warning("calls may not go to %s: name it in calls.allow of bot.yaml if they are to", host)


async def _headers_sent(_session: object, context: object, _sent: object) -> None:
    """From now on nobody knows what the other side has done, until it answers."""
    told = getattr(context, "trace_request_ctx", None)
    if isinstance(told, list):
        told.append(True)


async def _read(response: aiohttp.ClientResponse) -> Answered | NoAnswer:
    """The answer as far as it is wanted: what is too long is not read to its end."""
    status, pause = response.status, response.headers.get("Retry-After", "")
    after_s = min(float(pause), LONGEST_PAUSE_S) if pause.isascii() and pause.isdigit() and len(pause) < 9 else None
    if response.headers.get("Content-Encoding", "identity").lower() != "identity":
        return Answered(status, b"", after_s, "no json")  # it was asked not to; packed, it could be of any size
    body = b""
    while piece := await response.content.readany():
        body += piece
        if len(body) > MAX_ANSWER:
            return Answered(status, b"", after_s, "too big")
    return Answered(status, body, after_s)


def _url(text: str) -> URL:
    """An address that is fit to be called, as it is written. Raises BadRequest."""
    if len(text) > LONGEST_URL or not _URL.match(text):
        raise BadRequest
    try:
        url = URL(text, encoded=text.isascii())
        host = url.raw_host or ""
        port = url.port
    except ValueError as error:
        raise BadRequest from error
    if url.raw_user is not None or url.raw_password is not None or not port or not (numeric(host) or HOST.match(host)):
        raise BadRequest
    if _DOTS.search(text.partition("://")[2].partition("?")[0].partition("#")[0]):
        raise BadRequest  # a value put into a path must not lead out of it
    return url.with_fragment(None)


def _usual() -> CIMultiDict[str]:
    return CIMultiDict({"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": f"vaiven/{__version__}"})


def _headers(call: HttpCall, key: str | None) -> CIMultiDict[str]:
    """The flow's headers over the usual ones. Raises BadRequest."""
    if call.method not in _METHODS:
        raise BadRequest
    headers, size = _usual(), 0
    if call.body is not None:
        headers["Content-Type"] = "application/json"
    for name, value in (*call.headers, *([("Idempotency-Key", key)] if key is not None else ())):
        size += len(name) + len(value)
        ours = name.lower() in _OURS and name != "Idempotency-Key"
        if ours or size > LONGEST_HEADERS or not NAME.match(name) or not VALUE.match(value):
            raise BadRequest
        headers[name] = value
    return headers
