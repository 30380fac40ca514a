"""Calls to providers by libcurl's multi interface on the event loop: about 20 µs of CPU a call, with TLS, HTTP/2 and proxies.

libcurl tells which sockets to watch (``M_SOCKETFUNCTION``) and when to call again (``M_TIMERFUNCTION``); the event loop does
both. Source: https://curl.se/libcurl/c/libcurl-multi.html (the multi_socket flavour).
"""

import asyncio
import contextlib
from collections.abc import Callable, Iterator, Mapping
from io import BytesIO
from select import EPOLLIN, EPOLLOUT, epoll

import pycurl

from vaiven.channels.contract import ProviderRequest, ProviderResponse
from vaiven.edge.http import CONNECT_TIMEOUT_S, RESPONSE_LIMIT_BYTES, TIMEOUT_S
from vaiven.runtime.transport import Answer, NoResponse

NOT_SENT = frozenset(
    {
        pycurl.E_COULDNT_CONNECT,
        pycurl.E_COULDNT_RESOLVE_HOST,
        pycurl.E_COULDNT_RESOLVE_PROXY,
        pycurl.E_SSL_CONNECT_ERROR,
        pycurl.E_PEER_FAILED_VERIFICATION,
        pycurl.E_URL_MALFORMAT,
        pycurl.E_UNSUPPORTED_PROTOCOL,
    }
)
"""Errors after which certainly nothing of the request was processed."""

ERRORS = {
    getattr(pycurl, name): name.removeprefix("E_").lower() for name in dir(pycurl) if name.startswith("E_") and name != "E_OK"
}


PRUNED_S = 1.5
"""libcurl looks for dead connections among those it keeps once a second. When we have seen one die, calls take new ones for so
long: a request into a dead one would have an unknown outcome."""


class _Call:
    """One easy handle and what it is busy with. Handles are kept: setting up a new one costs more than a call."""

    __slots__ = ("body", "curl", "done", "fresh", "headers", "method", "overflow", "request_headers", "url")

    def __init__(self) -> None:
        self.curl = pycurl.Curl()
        self.done: Callable[[Answer], None] | None = None
        self.headers: list[bytes] = []
        self.body: list[bytes] = []
        self.overflow = 0
        self.url = self.method = ""
        self.fresh = False
        self.request_headers: tuple[tuple[str, str], ...] = ()
        curl = self.curl
        curl.setopt(pycurl.NOSIGNAL, 1)
        curl.setopt(pycurl.FOLLOWLOCATION, 0)
        curl.setopt(pycurl.PROTOCOLS, pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS)
        curl.setopt(pycurl.TIMEOUT_MS, int(TIMEOUT_S * 1000))
        curl.setopt(pycurl.CONNECTTIMEOUT_MS, int(CONNECT_TIMEOUT_S * 1000))
        curl.setopt(pycurl.TCP_NODELAY, 1)
        curl.setopt(pycurl.POST, 1)
        curl.setopt(pycurl.HEADERFUNCTION, self.headers.append)
        curl.setopt(pycurl.WRITEFUNCTION, self._write)

    def _write(self, data: bytes) -> None:
        self.overflow += len(data)
        if self.overflow <= RESPONSE_LIMIT_BYTES:
            self.body.append(data)

    def begin(self, request: ProviderRequest, done: Callable[[Answer], None], *, fresh: bool) -> None:
        self.done = done
        if fresh is not self.fresh:
            self.curl.setopt(pycurl.FRESH_CONNECT, int(fresh))
            self.fresh = fresh
        self.headers.clear()
        self.body.clear()
        self.overflow = 0
        curl = self.curl
        if request.url != self.url:
            curl.setopt(pycurl.URL, request.url)
            self.url = request.url
        if request.method != self.method:
            curl.setopt(pycurl.CUSTOMREQUEST, request.method)
            self.method = request.method
        # Not POSTFIELDS: with those libcurl posts again by itself when a kept connection closes before the answer, and nobody
        # would know that a message went twice. What it has read from here it cannot read again.
        curl.setopt(pycurl.POSTFIELDSIZE, len(request.body))
        curl.setopt(pycurl.READFUNCTION, BytesIO(request.body).read)
        if request.headers != self.request_headers:
            # Without an empty Expect, libcurl would wait for "100 Continue" before longer bodies.
            curl.setopt(pycurl.HTTPHEADER, [*(f"{name}: {value}" for name, value in request.headers), "Expect:"])
            self.request_headers = request.headers

    def response(self) -> ProviderResponse:
        lines, self.headers[:] = self.headers.copy(), ()
        return ProviderResponse(int(self.curl.getinfo(pycurl.RESPONSE_CODE)), _Headers(lines), b"".join(self.body))


class _Headers(Mapping[str, str]):
    """Response headers by lower-case name, read from their lines when somebody asks: hardly ever, for a send that went well."""

    __slots__ = ("_lines", "_read")

    def __init__(self, lines: list[bytes]) -> None:
        self._lines = lines
        self._read: dict[str, str] | None = None

    def _all(self) -> dict[str, str]:
        if self._read is None:
            self._read = {}
            for line in self._lines:
                if line.startswith(b"HTTP/"):
                    self._read.clear()  # another answer follows a provisional one
                    continue
                name, colon, value = line.partition(b":")
                if colon:
                    self._read[name.decode("latin-1").strip().lower()] = value.decode("latin-1").strip()
        return self._read

    def __getitem__(self, name: str) -> str:
        return self._all()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())


class CurlTransport:
    """At most ``connections`` calls at a time to all hosts; more wait in order.

    libcurl's sockets stand on an epoll of our own, of which the event loop watches only one descriptor: to watch each of them
    by the loop costs it a dozen system calls a call.
    """

    def __init__(self, connections: int) -> None:
        self._loop = asyncio.get_running_loop()
        self._epoll = epoll()
        self._loop.add_reader(self._epoll.fileno(), self._ready)
        self._multi = pycurl.CurlMulti()
        self._multi.setopt(pycurl.M_SOCKETFUNCTION, self._on_socket)
        self._multi.setopt(pycurl.M_TIMERFUNCTION, self._on_timer)
        self._multi.setopt(pycurl.M_MAXCONNECTS, connections)
        self._multi.setopt(pycurl.M_MAX_TOTAL_CONNECTIONS, connections)
        self._idle: list[_Call] = []
        self._busy: dict[pycurl.Curl, _Call] = {}
        self._resting: set[int] = set()
        self._fresh_until_s = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._due_s = 0.0
        self._kicked = False

    def send(self, request: ProviderRequest, done: Callable[[Answer], None]) -> None:
        call = self._idle.pop() if self._idle else _Call()
        call.begin(request, done, fresh=self._fresh_until_s > 0 and self._loop.time() < self._fresh_until_s)
        self._busy[call.curl] = call
        self._multi.add_handle(call.curl)

    async def close(self) -> None:
        self._loop.remove_reader(self._epoll.fileno())
        if self._timer is not None:
            self._timer.cancel()
        for call in list(self._busy.values()):
            self._multi.remove_handle(call.curl)
            if call.done is not None:
                call.done(NoResponse(True, "closed"))
        self._multi.close()
        for call in (*self._busy.values(), *self._idle):
            call.curl.close()
        self._busy.clear()
        self._idle.clear()
        self._epoll.close()

    def _on_socket(self, what: int, descriptor: int, _multi: object, _data: object) -> None:
        """libcurl wants this socket watched for these events."""
        if what == pycurl.POLL_REMOVE:
            # A connection that is kept for the next call stays on the epoll: taking it off and putting it on costs two system
            # calls a call. One that libcurl closes is off the epoll by itself.
            self._resting.add(descriptor)
            return
        self._resting.discard(descriptor)
        events = (EPOLLIN if what & pycurl.POLL_IN else 0) | (EPOLLOUT if what & pycurl.POLL_OUT else 0)
        try:
            self._epoll.modify(descriptor, events)
        except FileNotFoundError:  # a new connection, perhaps under the number of one that was closed
            self._epoll.register(descriptor, events)

    def _on_timer(self, timeout_ms: int) -> None:
        """libcurl wants to be called after so long (-1: not at all). Being called too early does no harm, so one timer serves."""
        if timeout_ms == 0:
            if not self._kicked:
                self._kicked = True
                self._loop.call_soon(self._kick)
        elif timeout_ms > 0:
            due_s = self._loop.time() + timeout_ms / 1000
            if self._timer is None or due_s < self._due_s:
                if self._timer is not None:
                    self._timer.cancel()
                self._due_s = due_s
                self._timer = self._loop.call_at(due_s, self._time_out)

    def _kick(self) -> None:
        self._kicked = False
        if not self._epoll.closed:
            self._multi.socket_action(pycurl.SOCKET_TIMEOUT, 0)
            self._collect()

    def _time_out(self) -> None:
        self._timer = None
        self._kick()
        wait_ms = self._multi.timeout()
        if wait_ms > 0:
            self._on_timer(wait_ms)

    def _ready(self) -> None:
        for descriptor, events in self._epoll.poll(0):
            if descriptor in self._resting:  # nobody waits for anything: the provider has closed it
                self._resting.discard(descriptor)
                with contextlib.suppress(OSError):  # libcurl may have closed it a moment ago
                    self._epoll.unregister(descriptor)
                self._fresh_until_s = self._loop.time() + PRUNED_S
                continue
            action = pycurl.CSELECT_OUT if events & EPOLLOUT else 0
            if events & ~EPOLLOUT:
                action |= pycurl.CSELECT_IN
            self._multi.socket_action(descriptor, action)
        self._collect()

    def _collect(self) -> None:
        queued = 1
        while queued:
            queued, succeeded, failed = self._multi.info_read()
            for curl in succeeded:
                self._finish(curl, None)
            for curl, code, _ in failed:
                sent = code not in NOT_SENT and curl.getinfo(pycurl.REQUEST_SIZE) > 0
                self._finish(curl, NoResponse(sent, f"curl:{ERRORS.get(code, code)}"))

    def _finish(self, curl: pycurl.Curl, failure: NoResponse | None) -> None:
        call = self._busy.pop(curl)
        self._multi.remove_handle(curl)
        answer: Answer = call.response() if failure is None else failure
        done, call.done = call.done, None
        self._idle.append(call)
        if done is not None:
            done(answer)
