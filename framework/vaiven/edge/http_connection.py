"""One connection to a provider: a request is written, its answer read by httptools (llhttp), and the connection is free again."""

import asyncio
import select
from collections.abc import Callable, Iterator, Mapping
from typing import Protocol, cast

import httptools

from vaiven.channels.contract import ProviderResponse
from vaiven.edge.http import RESPONSE_LIMIT_BYTES
from vaiven.edge.http_head import Origin
from vaiven.runtime.transport import Answer, NoResponse


class Call:
    """A request on its way."""

    __slots__ = ("connection", "data", "done", "due_s", "origin")

    def __init__(self, origin: Origin, data: bytes, done: Callable[[Answer], None], due_s: float) -> None:
        self.origin = origin
        self.data = data
        self.done = done
        self.due_s = due_s
        self.connection: Connection | None = None
        """Where it was written; None as long as nothing of it was."""


class Owner(Protocol):
    """Who keeps connections. ``ended`` is called once for each call that was asked, unless it was dropped; ``lost`` once."""

    def ended(self, connection: "Connection", call: Call, answer: Answer) -> None: ...
    def lost(self, connection: "Connection") -> None: ...


class Connection(asyncio.Protocol):
    """Carries one call at a time. ``keeps`` is False once it can carry no other."""

    def __init__(self, owner: Owner) -> None:
        self.keeps = True
        self.free_since_s = 0.0
        self._owner = owner
        self._call: Call | None = None
        self._socket: asyncio.Transport
        self._unread = select.poll()
        self._parser = httptools.HttpResponseParser(self)

    def ask(self, call: Call) -> None:
        """Write the call. Only on a connection that is open and has no other."""
        call.connection = self
        self._call = call
        self._status = self._taken = 0
        self._headed = self._whole = False
        self._socket.write(call.data)

    def is_open(self) -> bool:
        return self.keeps and not self._socket.is_closing()

    def is_clean(self) -> bool:
        """It is open, and nothing lies in the socket that the event loop has yet to read: its end, or what nobody asked for."""
        return self.is_open() and not self._unread.poll(0)

    def drop(self) -> None:
        """Let go of the connection, and of the call on it: nobody is told of its end."""
        self.keeps = False
        self._call = None
        self._socket.abort()

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._socket = cast(asyncio.Transport, transport)
        self._unread.register(transport.get_extra_info("socket").fileno(), select.POLLIN)

    def data_received(self, data: bytes) -> None:
        if self._call is None:
            # Nobody has asked, so this would be taken for the answer to what is asked next. (Some servers say 408 as they close.)
            self.drop()
            return
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self.keeps = False  # what comes behind a whole answer does not undo it
            if not self._whole:
                self._end(NoResponse(True, "no answer in HTTP"))
                return
        if self._whole:
            if self._socket.get_write_buffer_size():
                self.keeps = False  # it has answered without taking the rest of what was asked
            self._end(self._response())
            return
        self._taken += len(data)
        if self._taken > RESPONSE_LIMIT_BYTES:
            self.keeps = False
            self._end(self._response() if self._headed else NoResponse(True, "no end of headers"))

    def eof_received(self) -> None:
        """The provider has ended what it says; over TLS, in so many words. Not what a cut line or a reset looks like."""
        self.keeps = False
        if self._call is not None:
            until_the_end = self._headed and not self._framed()
            self._end(self._response() if until_the_end else NoResponse(True, "connection lost"))

    def connection_lost(self, _error: Exception | None) -> None:
        self.keeps = False
        if self._call is not None:
            self._end(NoResponse(True, "connection lost"))
        self._owner.lost(self)
        del self._parser  # which holds us: there is no need to wait for the garbage collector

    # What the parser reads

    def on_message_begin(self) -> None:
        if self._whole:
            self.keeps = False  # a second answer to one call
            return
        self._headers: list[tuple[bytes, bytes]] = []
        self._body: list[bytes] = []

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._headed:
            self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        if not self._whole:
            self._status = self._parser.get_status_code()
            self._headed = self._status >= 200  # before it may come provisional ones

    def on_body(self, data: bytes) -> None:
        if not self._whole:
            self._body.append(data)

    def on_message_complete(self) -> None:
        if self._headed and not self._whole:
            self._whole = True
            self.keeps = self.keeps and self._parser.should_keep_alive()

    def _framed(self) -> bool:
        return any(name.lower() in (b"content-length", b"transfer-encoding") for name, _ in self._headers)

    def _response(self) -> ProviderResponse:
        return ProviderResponse(self._status, _Headers(self._headers), b"".join(self._body))

    def _end(self, answer: Answer) -> None:
        call, self._call = self._call, None
        if not self.keeps:
            self._socket.abort()
        if call is not None:
            self._owner.ended(self, call, answer)


class _Headers(Mapping[str, str]):
    """By lower-case name, read when somebody asks: hardly ever, for a send that went well."""

    __slots__ = ("_pairs", "_read")

    def __init__(self, pairs: list[tuple[bytes, bytes]]) -> None:
        self._pairs = pairs
        self._read: dict[str, str] | None = None

    def _all(self) -> dict[str, str]:
        if self._read is None:
            self._read = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in self._pairs}
        return self._read

    def __getitem__(self, name: str) -> str:
        return self._all()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())
