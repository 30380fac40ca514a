"""A running bot: store, channels and flows, put together. Everything that touches the world is handed in."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping

from vaiven.flow.step import FlowSet
from vaiven.model.errors import StoreUnavailable
from vaiven.runtime.counts import Counts
from vaiven.runtime.decide import Decider, Line
from vaiven.runtime.intake import Intake
from vaiven.runtime.leases import RENEW_S, Leases
from vaiven.runtime.pacing import Pace, Pacing
from vaiven.runtime.sender import Sender
from vaiven.runtime.transport import Transport
from vaiven.runtime.turn import SWEEP_S, TurnLoop
from vaiven.stores.contract import FlowVersion, Role, Store

log = logging.getLogger("vaiven.bot")

PATIENCE_S = 20.0


class Bot:
    """One bot, all roles in one process.

    ``start`` opens the store and takes the leases; ``run`` turns and sends until ``stop``. Events come in by ``intake``.
    """

    def __init__(
        self,
        store: Store,
        lines: Mapping[str, Line],
        flows: FlowSet,
        transport: Transport,
        clock: Callable[[], int],
        owner: str,
        pacing: Mapping[str, Pacing] | None = None,
    ) -> None:
        self.store = store
        self.lines = lines
        self.counts = Counts()
        self.clock = clock
        self.ready = False
        self._to_recover = False
        self._leases = Leases(store, owner, (Role.TURN, Role.SEND))
        channels = {name: line.channel for name, line in lines.items()}
        paces = {name: Pace((pacing or {}).get(name, Pacing()), clock()) for name in channels}
        self.sender = Sender(store, channels, paces, transport, self._leases.epochs[Role.SEND], clock, self.counts, self._look)
        self.turns = TurnLoop(store, Decider(flows, lines), self.sender, self._leases.epochs[Role.TURN], clock, self.counts)
        self.intake = Intake(store, channels, clock, self.counts, self.turns.hand_over)
        self.flows = flows
        self._transport = transport
        self._stopped = asyncio.Event()
        self._turned = asyncio.Event()

    def _look(self, partitions: Iterable[int]) -> None:
        self.turns.look(partitions)

    async def start(self) -> None:
        """Open the store, publish the flows, take the leases, and account for what an earlier owner left dialed.

        Raises:
            StoreInUse, StoreMismatch, StoreUnavailable: nothing was started.
        """
        await self.store.open()
        try:
            await self.store.publish([FlowVersion(*version, self.clock()) for version in self.flows.flow_versions()])
            await self._renew()
        except BaseException:
            await self.store.close()
            raise
        self.store.turn_at_once(self.turns)
        self.ready = True

    async def run(self) -> None:
        """Turn and send until ``stop``. An error that no part could handle ends all of them and is raised."""
        try:
            async with asyncio.TaskGroup() as group:
                turning = group.create_task(self.turns.run())
                group.create_task(self.sender.run())
                group.create_task(self._maintain())
                turning.add_done_callback(lambda _: self._turned.set())
        finally:
            self.ready = False

    async def stop(self, patience_s: float = PATIENCE_S) -> None:
        """Finish what is under way, then let ``run`` return: events in memory are applied, calls dialed are settled.

        Call it when no more webhooks come in. What does not finish in time stays stored, for the next start.
        """
        self.ready = False
        self._stopped.set()
        self.turns.stop()
        try:
            async with asyncio.timeout(patience_s):
                await self._turned.wait()
        except TimeoutError:
            log.warning("turns did not finish within %.0f s: what is left is stored", patience_s)
        await self.sender.stop(patience_s)
        await self._transport.close()

    async def close(self) -> None:
        """Let go of the leases and the store, after ``run`` has returned."""
        try:
            await self._leases.release()
        except StoreUnavailable as error:
            log.warning("leases could not be given back: %s", error)
        await self.store.close()

    async def _renew(self) -> None:
        acquired = await self._leases.renew()
        self.turns.queues.own(acquired[Role.TURN])
        self._to_recover = self._to_recover or bool(acquired[Role.SEND])
        if self._to_recover:
            await self.sender.recover()
            self._to_recover = False

    async def _maintain(self) -> None:
        """Once a second: timers due, inboxes looked at; now and then the leases."""
        renewed_s = asyncio.get_running_loop().time()
        while not self._stopped.is_set():
            try:
                if asyncio.get_running_loop().time() - renewed_s >= RENEW_S:
                    renewed_s = asyncio.get_running_loop().time()
                    await self._renew()
                await self.turns.sweep()
            except StoreUnavailable as error:
                self.counts["store_errors", "maintain"] += 1
                log.warning("store unavailable: %s", error)
            try:
                async with asyncio.timeout(SWEEP_S):
                    await self._stopped.wait()
            except TimeoutError:
                continue
