"""A provider that is not real but stands on a real socket: Twilio's and Meta's send calls, faults on request, and the truth.

    async with FakeProvider() as provider:
        ...                                    # the bot's api setting is provider.url
        provider.script(throttle(2), reset())  # the next request is throttled; the one after is taken and reset
        await provider.wait_for(3)
        assert [send.text for send in provider.sends if send.sent] == ["Thank you.", "Thank you."]

Everything that is asked of it is recorded before it is answered, so the record is the truth from outside the system. It also
runs as a process of its own that outlives a bot being killed: ``python -m vaiven.testing.provider --port 0 --log FILE``.
"""

import argparse
import asyncio
import os
import re
import secrets
import signal
import sys
import time
from collections import Counter, deque
from collections.abc import Callable
from pathlib import Path
from typing import Self

import msgspec
from aiohttp import web

from vaiven.testing import wire
from vaiven.testing.faults import ACCEPT, Answer, Ending, fail, garbage, hang, refuse, reset, slow, throttle
from vaiven.testing.receipts import Receipts, ReceiptSender

__all__ = [
    "ACCEPT",
    "Accounts",
    "Answer",
    "FakeProvider",
    "Receipts",
    "Send",
    "fail",
    "garbage",
    "hang",
    "refuse",
    "reset",
    "slow",
    "throttle",
]

TWILIO_PATH = re.compile(r"/2010-04-01/Accounts/([^/]+)/Messages\.json")
META_PATH = re.compile(r"/v\d+\.\d+/([^/]+)/messages")


class Accounts(msgspec.Struct, frozen=True):
    """Who may send, and the secrets that receipts are signed with. Give the bot the same."""

    twilio_account: str = "AC00000000000000000000000000000001"
    twilio_token: str = "fake-twilio-token"
    meta_token: str = "fake-meta-token"
    meta_secret: str = "fake-meta-secret"


class Send(msgspec.Struct, frozen=True, omit_defaults=True):
    """One send call as it arrived. ``at`` is Unix time in seconds.

    ``decision`` is the name of the answer ("accepted", "throttled", "unauthorised", …); ``sent`` the truth: whether the message
    goes out to the person. ``id`` is the provider's id of a message that goes out; ``body`` the request's bytes as text.
    """

    at: float
    channel: str
    sender: str
    to: str
    text: str
    reference: str | None
    decision: str
    sent: bool
    id: str | None
    body: str


class FakeProvider:
    """Twilio's ``Messages.json`` and Meta's ``messages`` on 127.0.0.1, with a memory.

    ``sends`` has every request in order of arrival, the last ``keep`` of them where that is given; ``total`` and
    ``decisions`` count all. ``log``: each one is also appended to this file as a line of JSON before it is answered.
    ``answer`` is what happens where the script says nothing, or a function of the request that says it.
    """

    def __init__(
        self,
        *,
        port: int = 0,
        accounts: Accounts | None = None,
        log: Path | str | None = None,
        keep: int | None = None,
        answer: Answer | Callable[[wire.Request], Answer] = ACCEPT,
        receipts: Receipts | None = None,
    ) -> None:
        self.accounts = accounts or Accounts()
        self.answer = answer
        self.sends: deque[Send] = deque(maxlen=keep)
        self.decisions: Counter[str] = Counter()
        self.total = 0
        self.receipts = ReceiptSender(receipts, self.accounts.twilio_token, self.accounts.meta_secret)
        self._port = port
        self._log_path = log
        self._log: int | None = None
        self._script: deque[Answer] = deque()
        self._closing = asyncio.Event()
        self._waiters: list[tuple[int, asyncio.Future[None]]] = []
        # A provider that is started again must not give out the same ids.
        self._ids = secrets.token_hex(8)
        self._runner: web.ServerRunner | None = None

    @property
    def url(self) -> str:
        """Where it listens, ``http://127.0.0.1:<port>``."""
        return f"http://127.0.0.1:{self._port}"

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.close()

    async def start(self) -> None:
        """Listen. With port 0 the system picks one, told by ``url``."""
        if self._log_path is not None:
            self._log = os.open(self._log_path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self._runner = web.ServerRunner(web.Server(self._serve, access_log=None), shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port)
        await site.start()
        self._port = self._runner.addresses[0][1]

    async def close(self) -> None:
        """Stop listening, drop what hangs, and leave the record readable."""
        self._closing.set()
        if self._runner is not None:
            await self._runner.cleanup()
        await self.receipts.close()
        if self._log is not None:
            os.close(self._log)
            self._log = None

    def script(self, *answers: Answer) -> None:
        """What to do with the next requests, one answer each; afterwards ``answer`` holds again."""
        self._script.extend(answers)

    async def wait_for(self, total: int, timeout_s: float = 60.0) -> None:
        """Return once ``total`` requests have arrived since the start.

        Raises:
            TimeoutError: they did not.
        """
        if self.total < total:
            arrived = asyncio.get_running_loop().create_future()
            self._waiters.append((total, arrived))
            async with asyncio.timeout(timeout_s):
                await arrived

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        body = await request.read()
        path = request.path
        if request.method == "POST" and (found := TWILIO_PATH.fullmatch(path)):
            asked = wire.read_twilio(found[1], body)
            allowed = wire.basic_auth(request.headers.get("Authorization")) == (
                self.accounts.twilio_account,
                self.accounts.twilio_token,
            )
            allowed = allowed and found[1] == self.accounts.twilio_account
        elif request.method == "POST" and (found := META_PATH.fullmatch(path)):
            asked = wire.read_meta(found[1], body)
            token = request.headers.get("Authorization") or f"Bearer {request.query.get('access_token')}"
            allowed = token == f"Bearer {self.accounts.meta_token}"
        else:
            return web.Response(status=404, body=wire.refused(wire.TWILIO, 404, None), content_type="application/json")
        answer = self._decide(asked, allowed)
        send = self._record(asked, answer, body)
        if answer.latency_s:
            await asyncio.sleep(answer.latency_s)
        if send.sent:
            await self.receipts.sent(asked, send.id or "", self.accounts.twilio_account)
        return await self._finish(request, asked, answer, send)

    def _decide(self, asked: wire.Request, allowed: bool) -> Answer:
        if not allowed:
            return Answer(name="unauthorised", status=401)
        if asked.fault is not None:
            return refuse(asked.fault)
        if asked.quiet:
            return Answer(name="quiet")
        if self._script:
            return self._script.popleft()
        return self.answer if isinstance(self.answer, Answer) else self.answer(asked)

    def _record(self, asked: wire.Request, answer: Answer, body: bytes) -> Send:
        self.total += 1
        message_id = self._new_id(asked) if answer.sends else None
        send = Send(
            time.time(),
            asked.channel,
            asked.sender,
            asked.to,
            asked.text,
            asked.reference,
            answer.name,
            answer.sends,
            message_id,
            body.decode("utf-8", "replace"),
        )
        if self._log is not None:
            os.write(self._log, msgspec.json.encode(send) + b"\n")
        self.sends.append(send)
        self.decisions[answer.name] += 1
        if self._waiters:
            self._wake()
        return send

    def _new_id(self, asked: wire.Request) -> str:
        number = f"{self._ids}{self.total:016x}"
        if asked.channel == wire.TWILIO:
            return f"SM{number}"
        return f"wamid.{number}" if asked.channel == wire.WHATSAPP else f"m_{number}"

    def _wake(self) -> None:
        for total, arrived in self._waiters:
            if self.total >= total and not arrived.done():
                arrived.set_result(None)
        self._waiters = [waiter for waiter in self._waiters if not waiter[1].done()]

    async def _finish(self, request: web.BaseRequest, asked: wire.Request, answer: Answer, send: Send) -> web.StreamResponse:
        if answer.ending is Ending.HANG:
            await self._closing.wait()
        if answer.ending is not Ending.ANSWER and answer.ending is not Ending.GARBAGE:
            if request.transport is not None:
                request.transport.abort()
            return web.Response()
        if answer.ending is Ending.GARBAGE:
            return web.Response(body=b"<html>\x00\xff{]", content_type="text/html")
        if answer.status < 300:
            status, body = wire.accepted(asked, send.id or "", self.accounts.twilio_account)
            return web.Response(status=status, body=body, content_type="application/json")
        headers = None if answer.retry_after_s is None else {"Retry-After": str(answer.retry_after_s)}
        body = wire.refused(asked.channel, answer.status, answer.code)
        return web.Response(status=answer.status, body=body, headers=headers, content_type="application/json")


async def serve(port: int, log: Path | None, keep: int | None, latency_s: float) -> None:
    """Run one until SIGINT or SIGTERM; its URL is the first line printed."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for sign in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(sign, stopping.set)
    async with FakeProvider(port=port, log=log, keep=keep, answer=slow(latency_s)) as provider:
        sys.stdout.write(f"{provider.url}\n")
        sys.stdout.flush()
        await stopping.wait()


def main() -> None:
    """The command line of ``python -m vaiven.testing.provider``."""
    parser = argparse.ArgumentParser(
        prog="python -m vaiven.testing.provider", description="A fake Twilio and Meta that records the truth."
    )
    parser.add_argument("--port", type=int, default=0, help="0: the system picks one")
    parser.add_argument("--log", type=Path, help="append every request to this file, a line of JSON each")
    parser.add_argument("--keep", type=int, default=1000, help="how many requests to hold in memory (default 1000)")
    parser.add_argument("--latency", type=float, default=0.0, metavar="SECONDS", help="how long every answer takes")
    given = parser.parse_args()
    try:
        asyncio.run(serve(given.port, given.log, given.keep, given.latency))
    except OSError as error:
        sys.exit(f"{error.strerror or error}. Another port: --port N")


if __name__ == "__main__":
    main()
