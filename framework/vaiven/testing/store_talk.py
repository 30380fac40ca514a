"""A talk whose every turn goes through a store: accepted, taken, decided, committed and loaded again."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from vaiven.channels.simulator import Simulator
from vaiven.flow.step import Facts, FlowSet
from vaiven.model.contacts import ContactState
from vaiven.model.effects import StartTimer
from vaiven.model.events import Body, Event
from vaiven.model.turns import Committed, Taken
from vaiven.model.urns import partition_of
from vaiven.runtime.decide import Decider, Line
from vaiven.stores.contract import Role, Store
from vaiven.testing.talk import SMS, Talk

T = TypeVar("T")

TTL_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class _Told(Line):
    """A line whose facts are the talk's."""

    told: Facts | None = None

    def facts(self, address: str) -> Facts:
        return self.told or super().facts(address)


class StoreTalk(Talk):
    """The methods of ``Talk``. ``make`` gives a store that is empty and not open yet, by the talk's clock.

    It has an event loop of its own, so its methods are not for use inside another; ``close`` ends it.
    """

    def __init__(
        self, flows: FlowSet, capabilities: Any = SMS, *, make: Callable[[Callable[[], int]], Store], **more: Any
    ) -> None:
        super().__init__(flows, capabilities, **more)
        self._loop = asyncio.new_event_loop()
        self._store = make(lambda: self.now_ms)
        self._epochs: dict[int, int] = {}
        self._run(self._open())

    def close(self) -> None:
        """End the store and the loop."""
        self._run(self._store.close())
        self._loop.close()

    def due(self, timer: StartTimer) -> list[str]:
        """One timer falls due now: by the store's own word if it is armed there, else as a word that comes too late."""
        if self.timers.get(timer.key) != timer:
            return super().due(timer)
        del self.timers[timer.key]
        (taken,) = self._run(self._store.due(self._epochs, self.now_ms, 1))
        return self._came(taken)

    def _happens(self, body: Body) -> list[str]:
        self._events += 1
        home = self.contact.home
        partition = partition_of(home, self._store.partitions)
        return self._came(self._run(self._accept(Event(f"e{self._events}", home, partition, self.channel, self.now_ms, body))))

    def _came(self, taken: Taken) -> list[str]:
        self._run(self._turn(taken))
        return self._heard()

    async def _open(self) -> None:
        await self._store.open()
        self._epochs = await self._store.lease(Role.TURN, "talk", range(self._store.partitions), TTL_MS)

    async def _accept(self, event: Event) -> Taken:
        (number,) = await self._store.accept([event])
        (taken,) = await self._store.take({event.partition: self._epochs[event.partition]}, {event.partition: number - 1}, 1)
        return taken

    async def _turn(self, taken: Taken) -> None:
        event = taken.event
        (state,) = await self._store.load([event.home])
        if not state.contact.version:
            state = ContactState(self.contact)
        line = _Told(Simulator(self.channel, {}), told=self.facts)
        turn = Decider(self.flows, {self.channel: line}).decide(taken, self._epochs[event.partition], state, self.now_ms)
        assert await self._store.commit([turn]) == [Committed(taken.number)]
        (state,) = await self._store.load([event.home])
        self.contact, self.sessions = state.contact, state.sessions
        self.effects = () if turn.record is None else turn.record.effects

    def _run(self, done: Awaitable[T]) -> T:
        return self._loop.run_until_complete(done)
