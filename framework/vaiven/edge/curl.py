"""Calls to providers by libcurl's multi interface on the event loop: about 20 µs of CPU a call, with TLS, HTTP/2 and proxies.

libcurl tells which sockets to watch (``M_SOCKETFUNCTION``) and when to call again (``M_TIMERFUNCTION``); the event loop does
both. Source: https://curl.se/libcurl/c/libcurl-multi.html (the multi_socket flavour).
"""

import asyncio
import logging
from collections.abc import Callable

import pycurl

from vaiven.channels.contract import ProviderRequest, ProviderResponse
from vaiven.edge.http import CONNECT_TIMEOUT_S, RESPONSE_LIMIT_BYTES, TIMEOUT_S
from vaiven.runtime.transport import Answer, NoResponse

log = logging.getLogger("vaiven.http")

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


class _Call:
    """One easy handle and what it is busy with. Handles are kept: setting up a new one costs more than a call."""

    __slots__ = ("body", "curl", "done", "headers", "overflow")

    def __init__(self) -> None:
        self.curl = pycurl.Curl()
        self.done: Callable[[Answer], None] | None = None
        self.headers: list[bytes] = []
        self.body: list[bytes] = []
        self.overflow = 0
        curl = self.curl
        curl.setopt(pycurl.NOSIGNAL, 1)
        curl.setopt(pycurl.FOLLOWLOCATION, 0)
        curl.setopt(pycurl.PROTOCOLS, pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS)
        curl.setopt(pycurl.TIMEOUT_MS, int(TIMEOUT_S * 1000))
        curl.setopt(pycurl.CONNECTTIMEOUT_MS, int(CONNECT_TIMEOUT_S * 1000))
        curl.setopt(pycurl.TCP_NODELAY, 1)
        curl.setopt(pycurl.HEADERFUNCTION, self.headers.append)
        curl.setopt(pycurl.WRITEFUNCTION, self._write)

    def _write(self, data: bytes) -> None:
        self.overflow += len(data)
        if self.overflow <= RESPONSE_LIMIT_BYTES:
            self.body.append(data)

    def begin(self, request: ProviderRequest, done: Callable[[Answer], None]) -> None:
        self.done = done
        self.headers.clear()
        self.body.clear()
        self.overflow = 0
        curl = self.curl
        curl.setopt(pycurl.URL, request.url)
        curl.setopt(pycurl.CUSTOMREQUEST, request.method)
        curl.setopt(pycurl.POSTFIELDS, request.body)
        # Without an empty Expect, libcurl would wait for "100 Continue" before longer bodies.
        curl.setopt(pycurl.HTTPHEADER, [*(f"{name}: {value}" for name, value in request.headers), "Expect:"])

    def response(self) -> ProviderResponse:
        status = int(self.curl.getinfo(pycurl.RESPONSE_CODE))
        headers: dict[str, str] = {}
        for line in self.headers:
            if line.startswith(b"HTTP/"):
                headers.clear()
                continue
            name, colon, value = line.partition(b":")
            if colon:
                headers[name.decode("latin-1").strip().lower()] = value.decode("latin-1").strip()
        return ProviderResponse(status, headers, b"".join(self.body))


class CurlTransport:
    """At most ``connections`` calls at a time to all hosts; more wait in order."""

    def __init__(self, connections: int) -> None:
        self._loop = asyncio.get_running_loop()
        self._multi = pycurl.CurlMulti()
        self._multi.setopt(pycurl.M_SOCKETFUNCTION, self._on_socket)
        self._multi.setopt(pycurl.M_TIMERFUNCTION, self._on_timer)
        self._multi.setopt(pycurl.M_MAXCONNECTS, connections)
        self._multi.setopt(pycurl.M_MAX_TOTAL_CONNECTIONS, connections)
        self._idle: list[_Call] = []
        self._busy: dict[pycurl.Curl, _Call] = {}
        self._watched: dict[int, int] = {}
        self._timer: asyncio.TimerHandle | asyncio.Handle | None = None

    def send(self, request: ProviderRequest, done: Callable[[Answer], None]) -> None:
        call = self._idle.pop() if self._idle else _Call()
        call.begin(request, done)
        self._busy[call.curl] = call
        self._multi.add_handle(call.curl)

    async def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        for call in list(self._busy.values()):
            self._multi.remove_handle(call.curl)
            if call.done is not None:
                call.done(NoResponse(True, "closed"))
        self._busy.clear()
        for descriptor in list(self._watched):
            self._unwatch(descriptor)
        for call in self._idle:
            call.curl.close()
        self._idle.clear()
        self._multi.close()

    def _on_timer(self, timeout_ms: int) -> None:
        """libcurl wants to be called after so long (-1: not at all)."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if timeout_ms == 0:
            self._timer = self._loop.call_soon(self._act, pycurl.SOCKET_TIMEOUT, 0)
        elif timeout_ms > 0:
            self._timer = self._loop.call_later(timeout_ms / 1000, self._act, pycurl.SOCKET_TIMEOUT, 0)

    def _on_socket(self, what: int, descriptor: int, _multi: object, _data: object) -> None:
        """libcurl wants this socket watched for these events."""
        if what == pycurl.POLL_REMOVE:
            self._unwatch(descriptor)
            return
        watched = self._watched.get(descriptor, 0)
        wanted = what & (pycurl.POLL_IN | pycurl.POLL_OUT)
        if wanted & pycurl.POLL_IN and not watched & pycurl.POLL_IN:
            self._loop.add_reader(descriptor, self._act, descriptor, pycurl.CSELECT_IN)
        if watched & pycurl.POLL_IN and not wanted & pycurl.POLL_IN:
            self._loop.remove_reader(descriptor)
        if wanted & pycurl.POLL_OUT and not watched & pycurl.POLL_OUT:
            self._loop.add_writer(descriptor, self._act, descriptor, pycurl.CSELECT_OUT)
        if watched & pycurl.POLL_OUT and not wanted & pycurl.POLL_OUT:
            self._loop.remove_writer(descriptor)
        self._watched[descriptor] = wanted

    def _unwatch(self, descriptor: int) -> None:
        watched = self._watched.pop(descriptor, 0)
        if watched & pycurl.POLL_IN:
            self._loop.remove_reader(descriptor)
        if watched & pycurl.POLL_OUT:
            self._loop.remove_writer(descriptor)

    def _act(self, descriptor: int, events: int) -> None:
        self._multi.socket_action(descriptor, events)
        queued = 1
        while queued:
            queued, succeeded, failed = self._multi.info_read()
            for curl in succeeded:
                self._finish(curl, None)
            for curl, code, text in failed:
                self._finish(curl, NoResponse(code not in NOT_SENT, f"curl:{code}"))
                log.debug("call failed: %s %s", code, text)

    def _finish(self, curl: pycurl.Curl, failure: NoResponse | None) -> None:
        call = self._busy.pop(curl)
        self._multi.remove_handle(curl)
        answer: Answer = call.response() if failure is None else failure
        done, call.done = call.done, None
        self._idle.append(call)
        if done is not None:
            done(answer)
