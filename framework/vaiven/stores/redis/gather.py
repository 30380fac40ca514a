"""What is accepted together goes out together: while one call is under way the next gathers, and nobody waits when idle."""

import asyncio
from collections.abc import Callable

LARGEST = 256
"""Events in one call at most: about half a millisecond of the server."""

_Asked = tuple[list[str], list[bytes], "asyncio.Future[list[int]]"]


class Gather:
    """Joins lists of events into one call, and parts its answer again. ``send`` takes their partitions, and each encoded."""

    def __init__(self, send: Callable[[list[str], list[bytes]], "asyncio.Future[list[int]]"]) -> None:
        self._send = send
        self._loop = asyncio.get_running_loop()
        self._waiting: list[_Asked] = []
        self._busy = False

    def put(self, partitions: list[str], events: list[bytes]) -> "asyncio.Future[list[int]]":
        """The numbers of these events, once they are durable."""
        future: asyncio.Future[list[int]] = self._loop.create_future()
        self._waiting.append((partitions, events, future))
        if not self._busy:
            self._busy = True
            self._loop.call_soon(self._go)
        return future

    def _go(self) -> None:
        group: list[_Asked] = []
        size = 0
        for each in self._waiting:
            if group and size + len(each[0]) > LARGEST:
                break
            group.append(each)
            size += len(each[0])
        del self._waiting[: len(group)]
        try:
            if len(group) == 1:
                sent = self._send(group[0][0], group[0][1])
            else:
                sent = self._send([one for each in group for one in each[0]], [one for each in group for one in each[1]])
        except Exception as error:  # noqa: BLE001 - the callers get it
            self._done(group, None, error)
        else:
            sent.add_done_callback(lambda future: self._answered(group, future))

    def _answered(self, group: list[_Asked], sent: "asyncio.Future[list[int]]") -> None:
        error = asyncio.CancelledError() if sent.cancelled() else sent.exception()
        self._done(group, None if error else sent.result(), error)

    def _done(self, group: list[_Asked], numbers: list[int] | None, error: BaseException | None) -> None:
        at = 0
        for partitions, _, future in group:
            if not future.done():
                if numbers is None:
                    future.set_exception(error or RuntimeError("no answer"))
                else:
                    future.set_result(numbers[at : at + len(partitions)])
            at += len(partitions)
        if self._waiting:
            self._go()
        else:
            self._busy = False

    async def rest(self) -> None:
        """Wait until nothing waits or is under way."""
        while self._busy:
            futures = [future for _, _, future in self._waiting]
            if futures:
                await asyncio.wait(futures)
            await asyncio.sleep(0)
