"""Asks scripts about partitions: many in one call on a single server, a call each on a cluster, all of one tick in one write."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from vaiven.model.errors import StoreUnavailable
from vaiven.stores.redis.keys import Keys
from vaiven.stores.redis.packing import encode
from vaiven.stores.redis.scripts import script
from vaiven.stores.redis.wire import Script, Wire

MANY = 64
"""So many partitions are looked at in one call of a single server, so that nobody waits long behind it."""

T = TypeVar("T")


class Asking:
    """The scripts of one bot on one wire. Remembers what is under way, so that closing can wait for it."""

    def __init__(self, wire: Wire, keys: Keys, partitions: int, origin: bytes) -> None:
        self.wire, self.keys, self.partitions = wire, keys, partitions
        self.cluster = wire.cluster
        self._origin = origin
        self._one = (keys.of(0, b"own"),)
        self._flying: set[asyncio.Future[Any]] = set()
        self.closed = False

    def take_over(self) -> None:
        """Before anything is written to a server that may have lost its last words, let the leases there end (``reign.lua``)."""
        of_slot: dict[int, list[int]] = {}
        for partition in range(self.partitions):
            of_slot.setdefault(self.wire.slot(self.keys.of(partition, "own")), []).append(partition)

        def oath(run: str, slot: int) -> tuple[Script, Sequence[bytes], Sequence[bytes]] | None:
            partitions = of_slot.get(slot)
            if partitions is None:
                return None
            asked = encode((run, partitions))
            return script("reign"), self._keys(partitions[0]), (self.keys.base, self._origin, asked)

        self.wire.precede(oath)

    def _fly(self, future: "asyncio.Future[T]") -> "asyncio.Future[T]":
        self._flying.add(future)
        future.add_done_callback(self._flying.discard)
        return future

    def _keys(self, partition: int) -> Sequence[bytes]:
        return self.keys.guarded(partition) if self.cluster else self._one

    def run(self, name: str, partition: int, asked: Any, blobs: Sequence[bytes] = ()) -> "asyncio.Future[Any]":
        """Run a script that writes; ``partition`` is the one it works on, or any on a single server."""
        return self.run_on(name, self._keys(partition), asked, blobs)

    def run_on(self, name: str, keys: Sequence[bytes], asked: Any, blobs: Sequence[bytes] = ()) -> "asyncio.Future[Any]":
        """Run a script that writes, on keys that it gets by name."""
        self._check()
        return self._fly(self.wire.run(script(name), keys, (self.keys.base, self._origin, encode(asked), *blobs)))

    def read(self, name: str, partition: int, asked: Any) -> "asyncio.Future[Any]":
        """Run a script that writes nothing."""
        self._check()
        arguments = (self.keys.base, self._origin, encode(asked))
        return self._fly(self.wire.read(script(name), self._keys(partition), arguments))

    def ask(self, key: bytes, *command: bytes | str | int) -> "asyncio.Future[Any]":
        """One plain command that reads."""
        self._check()
        return self._fly(self.wire.ask(key, *command, write=False))

    def _check(self) -> None:
        if self.closed:
            raise StoreUnavailable(f"{self.wire.name}: the store is closed")

    def groups(self, partitions: Iterable[int]) -> list[list[int]]:
        """Partitions as they go into calls."""
        size = 1 if self.cluster else MANY
        every = list(partitions)
        return [every[at : at + size] for at in range(0, len(every), size)]

    async def each(self, call: Callable[..., "asyncio.Future[Any]"], name: str, asked: Callable[[list[int]], Any]) -> list[Any]:
        """The answers of a script about all partitions, put end to end."""
        return await self.over(call, name, range(self.partitions), asked)

    async def over(
        self, call: Callable[..., "asyncio.Future[Any]"], name: str, partitions: Iterable[int], asked: Callable[[list[int]], Any]
    ) -> list[Any]:
        """The answers of a script about these partitions, put end to end."""
        found, away = await self.reached(call, name, partitions, asked)
        if away is not None:
            raise away
        return found

    async def reached(
        self, call: Callable[..., "asyncio.Future[Any]"], name: str, partitions: Iterable[int], asked: Callable[[list[int]], Any]
    ) -> tuple[list[Any], StoreUnavailable | None]:
        """The answers about those of these partitions whose node answers, and what names the others."""
        groups = self.groups(partitions)
        answers, away = await self.apart({group[0]: call(name, group[0], asked(group)) for group in groups})
        return [one for answer in answers.values() for one in answer], away

    async def apart(self, calls: Mapping[int, Awaitable[T]]) -> tuple[dict[int, T], StoreUnavailable | None]:
        """What calls about a partition each come to, once all have ended; and what names those that nobody answered.

        Raises:
            StoreUnavailable: on a single server, which has them all.
        """
        answers = await asyncio.gather(*calls.values(), return_exceptions=True)
        found: dict[int, T] = {}
        away: dict[int, StoreUnavailable] = {}
        for partition, answer in zip(calls, answers, strict=True):
            if not isinstance(answer, BaseException):
                found[partition] = answer
            elif self.cluster and isinstance(answer, StoreUnavailable):
                away[partition] = answer
            else:
                raise answer
        if not away:
            return found, None
        first = next(iter(away.values()))
        return found, StoreUnavailable(str(first), first.retry_after_s, away)

    async def share(
        self,
        epochs: Mapping[int, int],
        limit: int,
        ask: Callable[[Sequence[tuple[int, int]], int], Awaitable[Sequence[T]]],
        size: Callable[[Sequence[T]], int] = len,
    ) -> list[T]:
        """At most ``limit`` of what ``ask(partitions and epochs, limit)`` finds.

        Partitions that are asked apart get an equal share first; what is left over goes to those that had more. Those whose node
        does not answer are left out, unless all are such.
        """
        if not self.cluster:
            return list(await ask(list(epochs.items()), limit)) if epochs else []
        answers: list[T] = []
        left, open_, gone = limit, list(epochs.items()), 0
        while left > 0 and open_:
            part = max(1, left // len(open_))
            wave, open_ = open_[:left], open_[left:]
            found, away = await self.apart({one[0]: ask([one], part) for one in wave})
            for partition, answer in found.items():
                answers += answer
                left -= size(answer)
                if size(answer) >= part:
                    open_.append((partition, epochs[partition]))
            gone += len(away.partitions) if away is not None else 0
            if away is not None and gone == len(epochs):
                raise StoreUnavailable(str(away), away.retry_after_s, epochs)
        return answers

    async def rest(self) -> None:
        """Wait until nothing is under way."""
        while self._flying:
            await asyncio.wait(set(self._flying))
            await asyncio.sleep(0)
