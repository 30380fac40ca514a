"""The load and the provider's end of it, in one process on raw protocols: sends webhooks, answers send calls, takes the times."""

import asyncio
import re
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from urllib.parse import unquote_to_bytes

from traffic import Talk

CONNECTIONS = 64
IN_FLIGHT = 256
LOST_AFTER_S = 20.0
TO = re.compile(rb"(?:^|&)To=([^&]*)")
LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
CREATED = (
    b'{"account_sid": "AC00000000000000000000000000000001", "api_version": "2010-04-01", "body": "Thank you.", "date_created": '
    b'"Sat, 05 Dec 2026 20:00:00 +0000", "date_sent": null, "date_updated": "Sat, 05 Dec 2026 20:00:00 +0000", "direction": '
    b'"outbound-api", "error_code": null, "error_message": null, "from": "+12025550100", "messaging_service_sid": null, '
    b'"num_media": "0", "num_segments": "1", "price": null, "price_unit": "USD", "sid": "SM%032x", "status": "queued", "to": '
    b'"+12025550143", "uri": "/2010-04-01/Accounts/AC00000000000000000000000000000001/Messages.json"}'
)
ANSWER = b"HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(CREATED % 0) + CREATED


class Messages(asyncio.Protocol):
    """Cuts a stream into HTTP messages with a Content-Length and hands each on as head and body."""

    def __init__(self) -> None:
        self._buffer = b""
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        buffer = self._buffer + data if self._buffer else data
        while (end := buffer.find(b"\r\n\r\n")) >= 0:
            found = LENGTH.search(buffer, 0, end + 2)
            size = end + 4 + (int(found[1]) if found else 0)
            if len(buffer) < size:
                break
            self.message(buffer[:end], buffer[end + 4 : size])
            buffer = buffer[size:]
        self._buffer = buffer

    def message(self, head: bytes, body: bytes) -> None:
        raise NotImplementedError


class SinkConnection(Messages):
    """One connection of the bot's to the provider: every send call is taken."""

    count = 0

    def __init__(self, replied: Callable[[bytes, bytes], None]) -> None:
        super().__init__()
        self._replied = replied

    def message(self, head: bytes, body: bytes) -> None:
        SinkConnection.count += 1
        self.transport.write(ANSWER % SinkConnection.count)
        if found := TO.search(body):
            self._replied(unquote_to_bytes(found[1]), body)


class Line(Messages):
    """One of the connections to the bot: one request at a time, kept alive."""

    def __init__(self, drive: "Drive") -> None:
        super().__init__()
        self._drive = drive
        self.talk: Talk | None = None

    def send(self, talk: Talk) -> None:
        self.talk = talk
        talk.sent_at = time.perf_counter()
        self.transport.write(talk.requests[talk.at])

    def message(self, head: bytes, body: bytes) -> None:
        talk, self.talk = self.talk, None
        self._drive.acked(self, talk, head[9:12])

    def connection_lost(self, exc: Exception | None) -> None:
        self._drive.line_lost(self)


@dataclass
class Result:
    """What a drive came to; times in seconds. ``errors`` by kind: any is worth a look, and none belongs in a valid run."""

    turns: int = 0
    wall_s: float = 0.0
    acks: list[float] = field(default_factory=list)
    replies: list[float] = field(default_factory=list)
    errors: Counter[str] = field(default_factory=Counter)


class Drive:
    """Leads talks: a turn is done when the 200 is back and (``replies``) the reply is at the provider; then the next begins."""

    def __init__(self, talks: Iterator[Talk], *, replies: bool, deadline_s: float) -> None:
        self.result = Result()
        self._talks = talks
        self._replies = replies
        self._ends = time.perf_counter() + deadline_s
        self._talking: dict[bytes, Talk] = {}
        self._waiting: deque[Talk] = deque()
        self._idle: deque[Line] = deque()
        self._lines: set[Line] = set()
        self._done = asyncio.Event()
        self._closing = False
        self._more = True
        self._paced = False

    async def run(self, port: int, in_flight: int = IN_FLIGHT, every_s: float | None = None) -> Result:
        """Drive the bot at ``port`` until talks or time are used up; ``every_s``: begin a talk this often, come what may."""
        loop = asyncio.get_running_loop()
        for _ in range(CONNECTIONS):
            _, line = await loop.create_connection(lambda: Line(self), "127.0.0.1", port)
            self._lines.add(line)
        self._idle = deque(self._lines)  # in turn, so that none stays unused: a server may close such
        watching = asyncio.create_task(self._watch())
        began = time.perf_counter()
        self._paced = every_s is not None
        if every_s is None:
            for _ in range(in_flight):
                self._begin()
        else:
            await self._pace(every_s)
        if self._talking:
            await self._done.wait()
        self.result.wall_s = time.perf_counter() - began
        watching.cancel()
        self._closing = True
        for line in self._lines:
            line.transport.close()
        return self.result

    async def _pace(self, every_s: float) -> None:
        due = time.perf_counter()
        while self._begin():
            due += every_s
            await asyncio.sleep(max(0.0, due - time.perf_counter()))

    def _begin(self) -> bool:
        talk = next(self._talks, None) if self._more and time.perf_counter() < self._ends else None
        if talk is None:
            self._more = False
            if not self._talking:
                self._done.set()
            return False
        self._done.clear()
        self._talking[talk.contact] = talk
        self._submit(talk)
        return True

    def _submit(self, talk: Talk) -> None:
        talk.acked, talk.replied = False, not self._replies
        talk.sent_at = time.perf_counter()
        if self._idle:
            self._idle.popleft().send(talk)
        else:
            self._waiting.append(talk)

    def acked(self, line: Line, talk: Talk | None, status: bytes) -> None:
        if self._waiting:
            line.send(self._waiting.popleft())
        else:
            self._idle.append(line)
        if talk is None or self._talking.get(talk.contact) is not talk:
            self.result.errors["late answer"] += 1
        elif status != b"200":
            self.result.errors[f"status {status.decode('ascii', 'replace')}"] += 1
            self._end(talk)
        else:
            self.result.acks.append(time.perf_counter() - talk.sent_at)
            talk.acked = True
            if talk.replied:
                self._turn_done(talk)

    def replied(self, contact: bytes, body: bytes) -> None:
        """The provider has a reply for this contact."""
        if not self._replies:
            return
        talk = self._talking.get(contact)
        if talk is None or talk.replied:
            self.result.errors["unasked reply"] += 1
            return
        if talk.wants[talk.at] not in body:
            self.result.errors["wrong reply"] += 1
        self.result.replies.append(time.perf_counter() - talk.sent_at)
        talk.replied = True
        if talk.acked:
            self._turn_done(talk)

    def _turn_done(self, talk: Talk) -> None:
        self.result.turns += 1
        talk.at += 1
        if talk.at < len(talk.requests) and time.perf_counter() < self._ends:
            self._submit(talk)
        else:
            self._end(talk)

    def _end(self, talk: Talk) -> None:
        self._talking.pop(talk.contact, None)
        if not self._paced:
            self._begin()
        elif not self._talking:
            self._done.set()

    def line_lost(self, line: Line) -> None:
        if self._closing:
            return
        self.result.errors["connection lost"] += 1
        self._lines.discard(line)
        if line in self._idle:
            self._idle.remove(line)
        if line.talk is not None:
            self._end(line.talk)
        if not self._lines:
            self._more = False
            self._talking.clear()
            self._done.set()

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(1.0)
            late = time.perf_counter() - LOST_AFTER_S
            for talk in [talk for talk in self._talking.values() if talk.sent_at < late]:
                self.result.errors["lost: no reply" if talk.acked else "lost: no answer"] += 1
                self._end(talk)


class Sink:
    """The provider: a server that takes every message and tells the drive of the day."""

    def __init__(self) -> None:
        self.drive: Drive | None = None
        self._server: asyncio.Server | None = None

    async def start(self) -> str:
        """Listen; its URL."""
        self._server = await asyncio.get_running_loop().create_server(lambda: SinkConnection(self._replied), "127.0.0.1", 0)
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    def _replied(self, contact: bytes, body: bytes) -> None:
        if self.drive is not None:
            self.drive.replied(contact, body)

    def close(self) -> None:
        if self._server is not None:
            self._server.close()
