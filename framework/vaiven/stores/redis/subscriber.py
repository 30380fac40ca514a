"""Pub/sub on a connection of its own, which mends itself. What is published while it is away is not heard."""

import asyncio
import random
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from hiredis import HiredisError, Reader

from vaiven.model.errors import StoreError
from vaiven.stores.redis.address import Address
from vaiven.stores.redis.lane import PAUSES_S, Greeting, Patience
from vaiven.stores.redis.link import Link
from vaiven.stores.redis.resp import MORE, Refusal, pack

_PING = pack(("PING",))

Heard = Callable[[bytes], None]


class Subscriber:
    """One connection to whichever server is reachable; on a cluster every node hears what any node publishes."""

    def __init__(self, addresses: Callable[[], list[Address]], greet: Callable[[Address], Any], patience: Patience) -> None:
        self._addresses, self._greet, self._patience = addresses, greet, patience
        self._heard: dict[bytes, list[Heard]] = {}
        self._ear: _Ear | None = None
        self._task: asyncio.Task[None] | None = None

    def add(self, channel: bytes, heard: Heard) -> None:
        """Call ``heard`` with every message of this channel, on the loop."""
        known = channel in self._heard
        self._heard.setdefault(channel, []).append(heard)
        if self._task is not None and self._ear is not None and not known:
            self._ear.say(pack(("SUBSCRIBE", channel)))

    @property
    def wanted(self) -> bool:
        """Whether anybody wants to hear anything."""
        return bool(self._heard)

    @property
    def up(self) -> bool:
        """Whether its connection stands."""
        return self._ear is not None and not self._ear.ended.is_set()

    def open(self) -> None:
        """Begin to listen, once."""
        self._task = self._task or asyncio.get_running_loop().create_task(self._listen())

    async def close(self) -> None:
        """Listen no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def _listen(self) -> None:
        pause = PAUSES_S[0]
        while True:
            for address in self._addresses():
                with suppress(StoreError):
                    await self._hear(await self._greet(address))
                    pause = PAUSES_S[0]
            await asyncio.sleep(pause * (1 - random.random() / 2))  # noqa: S311 - spread, not secrecy
            pause = min(pause * 2, PAUSES_S[1])

    async def _hear(self, greeting: Greeting) -> None:
        ear = _Ear(greeting.link, self._heard)
        self._ear = ear
        try:
            if self._heard:
                ear.say(pack(("SUBSCRIBE", *self._heard)))
            while not ear.ended.is_set():
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._patience.idle_s):
                        await ear.ended.wait()
                    return
                if ear.silent_s() > self._patience.idle_s + self._patience.reply_s:
                    return
                ear.say(_PING)
        finally:
            self._ear = None
            ear.end()


class _Ear(asyncio.Protocol):
    """Takes over a greeted connection: from now on its server speaks unasked."""

    def __init__(self, link: Link, heard: dict[bytes, list[Heard]]) -> None:
        self._loop = asyncio.get_running_loop()
        self._transport = link.hand_over(self)
        self._heard = heard
        self._reader = Reader(replyError=Refusal, notEnoughData=MORE)
        self._heard_at = self._loop.time()
        self.ended = asyncio.Event()

    def say(self, packed: bytes) -> None:
        """Write these bytes."""
        self._transport.write(packed)

    def silent_s(self) -> float:
        """Since when nothing came, not even the answer to a ping."""
        return self._loop.time() - self._heard_at

    def end(self) -> None:
        """Cut the connection."""
        self._transport.abort()

    def data_received(self, data: bytes) -> None:
        self._heard_at = self._loop.time()
        self._reader.feed(data)
        try:
            while (said := self._reader.gets()) is not MORE:
                if isinstance(said, list) and said[0] == b"message":
                    for heard in self._heard.get(said[1], ()):
                        heard(said[2])
                elif isinstance(said, Refusal):
                    self.end()
        except HiredisError:
            self.end()

    def connection_lost(self, _exc: Exception | None) -> None:
        self.ended.set()
