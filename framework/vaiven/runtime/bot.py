"""A running bot: store, channels and flows, put together. Everything that touches the world is handed in."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping

from vaiven.flow.scope import zone_of
from vaiven.flow.step import FlowSet
from vaiven.model.calls import CALLS, HOOKS, TELLS
from vaiven.model.errors import StoreUnavailable
from vaiven.runtime.calls import CONNECTIONS, Caller, Courier, NoCaller
from vaiven.runtime.clock import StoreClock
from vaiven.runtime.counts import from_zero
from vaiven.runtime.decide import Decider, Line
from vaiven.runtime.errands import Errand
from vaiven.runtime.facts import FactReader
from vaiven.runtime.feed import Feed, hands_over
from vaiven.runtime.happenings import Hook
from vaiven.runtime.hooks import Hooks
from vaiven.runtime.hours import Hours
from vaiven.runtime.intake import Intake
from vaiven.runtime.leases import SHARE_S, Leases, Moves
from vaiven.runtime.pacing import Pace, Pacing
from vaiven.runtime.people import BUILT_IN
from vaiven.runtime.publishing import publish
from vaiven.runtime.registry import NOTHING, Registry
from vaiven.runtime.resources import About, Resources
from vaiven.runtime.sender import Elsewhere, Sender
from vaiven.runtime.telling import Telling
from vaiven.runtime.transport import Transport
from vaiven.runtime.turn import BATCH, SWEEP_S, Outbound, TurnLoop
from vaiven.stores.contract import Role, Store

log = logging.getLogger("vaiven.bot")

PATIENCE_S = 20.0
MOVING_S = 0.2
"""While partitions change hands, they are looked at so often."""
FORGOTTEN_MS = 10_000
"""What has waited so long in an inbox of ours, and is not in hand, was missed."""
PRUNED_ROWS = 200
"""So much of what is too old to be kept is removed in a second, at most."""
PRUNE_REST_MS = 60_000
DAY_MS = 24 * 3_600_000


class Bot:
    """One bot, in the ``roles`` that this process has; without any it only takes events in.

    ``start`` opens the store and takes leases; ``run`` turns and sends until ``stop``. Events come in by ``intake``.
    ``retention_days``: what is older is removed from history and outbox, slowly; None keeps everything. ``caller`` makes the HTTP
    calls of flows, ``registry`` has what else the bot brings in Python. ``hours`` are its opening hours.
    ``hooks`` are webhooks that are told what happens in conversations with people, by ``hook_caller``.
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
        roles: Collection[Role] = (Role.TURN, Role.SEND),
        retention_days: float | None = None,
        caller: Caller | None = None,
        registry: Registry = NOTHING,
        hours: Mapping[str, Hours] | None = None,
        hooks: Mapping[str, Hook] | None = None,
        hook_caller: Caller | None = None,
    ) -> None:
        self.store = store
        self.lines = lines
        self.counts = from_zero()
        self.clock = StoreClock(clock)
        self.ready = False
        self.leases = Leases(store, owner, roles)
        channels = {name: line.channel for name, line in lines.items()}
        paces = {name: Pace((pacing or {}).get(name, Pacing())) for name in channels}
        epochs = self.leases.epochs
        self._errands: dict[str, Errand] = {
            CALLS: Courier(store.load, caller or NoCaller(), self.clock, self.counts, registry.actions),
            TELLS: Telling(lambda events: self.intake.store(events), store.partitions, self.clock),
        }
        if hooks or hands_over(flows):
            self._errands[HOOKS] = Hooks(hooks or {}, hook_caller or NoCaller(), self.clock, self.counts)
        paces |= {name: Pace(Pacing(connections=CONNECTIONS)) for name in self._errands}
        self.sender = Sender(
            store, channels, paces, transport, epochs[Role.SEND], self.clock, self.counts, self._look, errands=self._errands
        )
        outbound: Outbound = self.sender if Role.SEND in roles else Elsewhere()
        reader = FactReader(flows.asks, hours or {}, zone_of(flows.spec.zone), flows.spec.name)
        resources = Resources({**registry.resources, **BUILT_IN}, About.of(flows.spec, hours or {}))
        feed = Feed(flows.spec.name, {name: hook.kinds for name, hook in (hooks or {}).items()})
        decider = Decider(flows, lines, resources=resources, reader=reader, feed=feed)
        self.turns = TurnLoop(store, decider, outbound, epochs[Role.TURN], self.clock, self.counts)
        hand_over = self.turns.hand_over if Role.TURN in roles else lambda _: None
        self.intake = Intake(store, channels, self.clock, self.counts, hand_over)
        self._roles = roles
        self._transport = transport
        self._retention_ms = None if retention_days is None else int(retention_days * DAY_MS)
        self._prune_ms = self._searched_ms = 0
        self._to_recover: dict[int, int] = {}
        self._stopped = asyncio.Event()
        self._turned = asyncio.Event()
        self._ended = asyncio.Event()

    @property
    def flows(self) -> FlowSet:
        """Those of now."""
        return self.turns.flows

    def _look(self, partitions: Iterable[int]) -> None:
        """Somebody appended events in these partitions, or may have."""
        if not self.leases.epochs[Role.TURN].keys().isdisjoint(partitions):
            self.turns.look(partitions)

    def _look_out(self, partitions: Iterable[int]) -> None:
        """Somebody appended rows in these partitions, or may have."""
        if not self.leases.epochs[Role.SEND].keys().isdisjoint(partitions):
            self.sender.look()

    async def start(self) -> None:
        """Open the store, publish the flows, take leases, and account for what an earlier owner left dialed.

        Raises:
            StoreInUse, StoreMismatch, StoreUnavailable: nothing was started.
            PublishRefused: a flow would leave people nowhere to go; nothing was started.
        """
        self.store.listen(Role.TURN, self._look)
        self.store.listen(Role.SEND, self._look_out)
        await self.store.open()
        try:
            await self.clock.measure(self.store)
            await publish(self.store, [flow.document for flow in self.turns.flows.flows.values()], self.clock())
            await self.turns.renew_flows()
            await self.share()
        except BaseException:
            await self.store.close()
            raise
        if Role.TURN in self._roles:
            self.store.turn_at_once(self.turns)
        self.ready = True

    async def run(self) -> None:
        """Turn and send until ``stop``. An error that no part could handle ends all of them and is raised."""
        try:
            async with asyncio.TaskGroup() as group:
                if Role.TURN in self._roles:
                    turning = group.create_task(self.turns.run())
                    turning.add_done_callback(lambda _: self._turned.set())
                    group.create_task(self._sweep())
                else:
                    self._turned.set()
                if Role.SEND in self._roles:
                    group.create_task(self.sender.run())
                group.create_task(self._share())
        finally:
            self.ready = False

    async def stop(self, patience_s: float = PATIENCE_S) -> None:
        """Finish what is under way, then let ``run`` return: events in memory are applied, calls dialed are settled.

        Call it when no more webhooks come in. What does not finish in time stays stored, for the next owner. Others may have our
        partitions as soon as nothing of them is in hand.
        """
        self.ready = False
        self._stopped.set()
        await self._try(self.leases.end())
        self.turns.stop()
        try:
            async with asyncio.timeout(patience_s):
                await self._turned.wait()
        except TimeoutError:
            log.warning("turns did not finish within %.0f s: what is left is stored", patience_s)
            for partition in self.turns.in_hand():
                self.turns.queues.disown(partition)
            await self._turned.wait()
        await self._try(self.leases.release(Role.TURN))
        await self.sender.stop(patience_s)
        for errand in self._errands.values():
            await errand.close()
        await self._transport.close()
        self._ended.set()

    async def close(self) -> None:
        """Let go of the leases and the store, after ``run`` has returned."""
        for role in self.leases.roles:
            await self._try(self.leases.release(role))
        await self.store.close()

    async def _try(self, letting_go: Awaitable[None]) -> None:
        try:
            await letting_go
        except StoreUnavailable as error:
            log.warning("leases could not be given back: %s", error)

    # -- sharing -------------------------------------------------------------------------------------------------------

    async def share(self) -> None:
        """Renew the leases, take what is due to us, give back what is due to others."""
        self._apply(await self.leases.renew())
        await self._move()

    async def _move(self) -> None:
        in_hand = self.turns.in_hand() if self.leases.leaving[Role.TURN] else ()
        await self.leases.give_back(Role.TURN, [each for each in self.leases.leaving[Role.TURN] if each not in in_hand])
        finished = self.sender.finished()
        self.sender.forget(finished)
        await self.leases.give_back(Role.SEND, finished)
        self._apply(await self.leases.fill())
        if self._to_recover:
            await self.sender.recover(self._to_recover)
            self._to_recover = {}

    def _apply(self, moves: Moves) -> None:
        for partition in moves.lost[Role.TURN]:
            self.turns.queues.disown(partition)
        for partition in moves.leaving[Role.TURN]:
            self.turns.queues.leave(partition)
        # Also one that was refused and is ours all the same: a store that lost its last words may give the same epoch again.
        leaving = self.leases.leaving[Role.TURN]
        ours = [each for each in self.leases.epochs[Role.TURN] if each not in leaving and not self.turns.queues.owns(each)]
        if ours:
            self.turns.queues.own(ours)
            self.turns.look(ours)
        self.sender.forget(moves.lost[Role.SEND])
        self.sender.leave(moves.leaving[Role.SEND])
        self._to_recover.update(moves.acquired[Role.SEND])
        sending = self.leases.epochs[Role.SEND]
        self._to_recover = {each: epoch for each, epoch in self._to_recover.items() if sending.get(each) == epoch}

    async def _share(self) -> None:
        """Until everything in hand is finished: leases are renewed while a stop waits for it, too."""
        loop = asyncio.get_running_loop()
        shared_s = loop.time()
        while not self._ended.is_set():
            try:
                if loop.time() - shared_s >= SHARE_S:
                    shared_s = loop.time()
                    await self.clock.measure(self.store)
                    await self.share()
                else:
                    await self._move()
            except StoreUnavailable as error:
                self._unavailable("lease", error)
            await _wait(self._ended, MOVING_S if self.leases.moving else max(0.0, shared_s + SHARE_S - loop.time()))

    async def _sweep(self) -> None:
        """Once a second: timers due, inboxes looked at, new versions of flows taken up, what is too old removed."""
        while not self._stopped.is_set():
            try:
                await self.turns.sweep()
                await self.turns.renew_flows()
                await self._search()
                await self._prune()
            except StoreUnavailable as error:
                self._unavailable("sweep", error)
            await _wait(self._stopped, SWEEP_S)

    async def _search(self) -> None:
        """Now and then, look for events that were passed over: a server that lost its last words gives numbers again."""
        now_ms, queues = self.clock(), self.turns.queues
        if now_ms - self._searched_ms < FORGOTTEN_MS or len(queues) >= BATCH:
            return
        self._searched_ms = now_ms
        old = [lag.partition for lag in await self.store.lags() if now_ms - lag.oldest_ms >= FORGOTTEN_MS]
        busy = self.turns.in_hand() | queues.after().keys()
        forgotten = [partition for partition in old if partition not in busy and queues.owns(partition)]
        if forgotten:
            log.warning("events were passed over in %d partitions: they are taken now", len(forgotten))
            queues.own(forgotten)
            self.turns.look(forgotten)

    async def _prune(self) -> None:
        now_ms = self.clock()
        if self._retention_ms is None or now_ms < self._prune_ms or self.turns.queues:
            return
        gone = await self.store.prune(dict(self.leases.epochs[Role.TURN]), now_ms - self._retention_ms, PRUNED_ROWS)
        self._prune_ms = now_ms if gone else now_ms + PRUNE_REST_MS

    def _unavailable(self, call: str, error: StoreUnavailable) -> None:
        self.counts["store_errors", call] += 1
        log.warning("store unavailable: %s", error)


async def _wait(event: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return
