"""Random lives of a store: the same questions to two stores, whose answers must be the same. For whoever writes a third.

    asyncio.run(live(Random(7), 40, mine))       # against memory, which is the reference

``mine`` makes a store of so many partitions with this clock, as the last one was left.
"""

import asyncio
from collections.abc import Awaitable, Callable
from random import Random
from typing import Any

from msgspec.structs import replace

from vaiven.model.calls import TELLS, Told, telling_home
from vaiven.model.effects import Tally, TallyOutcome
from vaiven.model.messages import MessageClass
from vaiven.model.outbox import RowState, Settlement
from vaiven.model.receipts import DeliveryReceipt, DeliveryStatus
from vaiven.model.turns import Consent, Timer, Turn
from vaiven.model.urns import Identity, Urn
from vaiven.stores.contract import Claiming, FlowVersion, Role, Store
from vaiven.stores.memory import MemoryStore
from vaiven.testing.builders import AT_MS, make_event, make_row, make_state, make_turn
from vaiven.testing.clock import Clock

PARTITIONS = 2
HOMES = [Urn(f"tel:+1202555010{n}") for n in range(4)]
CHANNELS = ["sms", "wa"]
SENDERS = ["tel:+12025550198", "tel:+12025550199"]
PROVIDER_IDS = [f"p{n}" for n in range(6)]
Op = Callable[[Store], Awaitable[Any]]

_GROUPED = {"accept": 0, "settle": 0, "commit": 1}
"""A store may do these first, in this order, of what it is asked at once; nobody can tell, since nobody waits within it."""


class Life:
    """Thinks up what might be asked next, knowing what both stores answered so far."""

    def __init__(self, random: Random, reference: MemoryStore, partitions: int) -> None:
        self.random, self.reference, self.partitions = random, reference, partitions
        self.now_ms, self.serial = AT_MS, 0
        self.turns: dict[int, int] = {}
        self.sends: dict[int, int] = {}
        self.events: list[tuple[int, Any]] = []

    def chance(self, share: float) -> bool:
        return self.random.random() < share

    def event(self, **fields: Any) -> Any:
        self.serial += 1
        home, channel = self.random.choice(HOMES), self.random.choice(CHANNELS)
        return make_event(home, partitions=self.partitions, id=f"e{self.serial}", at_ms=self.now_ms, channel=channel, **fields)

    async def receipt(self) -> DeliveryReceipt:
        status = self.random.choice(list(DeliveryStatus))
        rows = await self.reference.rows(self.random.choice(HOMES))
        kind = self.random.randrange(3)
        if kind == 0 and rows:
            return DeliveryReceipt(status, reference=self.random.choice(rows).reference, error="e", provider_id=self.maybe_id())
        if kind == 1:
            return DeliveryReceipt(status, watermark_ms=self.now_ms - self.random.randrange(3000))
        return DeliveryReceipt(status, provider_id=self.random.choice(PROVIDER_IDS), word="w")

    def maybe_id(self) -> str | None:
        return self.random.choice([None, *PROVIDER_IDS])

    def row(self, event: Any, number: int, index: int) -> Any:
        pick = self.random
        return make_row(
            event,
            number,
            index,
            channel=pick.choice(CHANNELS),
            sender=pick.choice(SENDERS),
            message_class=pick.choice([MessageClass.REPLY, MessageClass.REPLY, *MessageClass]),
            control=pick.choice([0, 0, 0, 1, 2]),
            created_ms=self.now_ms - pick.randrange(0, 90_000, 1000),
            not_before_ms=pick.choice([0, 0, 0, self.now_ms + pick.randrange(9000)]),
            not_after_ms=pick.choice([None, None, self.now_ms + pick.randrange(-10, 9000)]),
        )

    def word(self, event: Any, number: int, index: int) -> Any:
        """A row that tells another home something."""
        to = self.random.choice(HOMES)
        return make_row(
            event,
            number,
            index,
            home=telling_home(event.partition, to),
            channel=TELLS,
            sender="",
            to=to,
            created_ms=self.now_ms,
            tell=Told(to, event.home, "word", {"n": self.serial}),
        )

    async def turn(self, versions: dict[Urn, int]) -> Turn:
        pick = self.random
        number, event = pick.choice(self.events)
        base = version = versions[event.home]
        if not self.chance(0.9):
            base += pick.choice([-1, 1]) if version else 1
        touching = self.chance(0.7)
        state = make_state(event.home, base + 1, last=number, control=pick.choice([0, 0, 0, 1]), vars={"n": self.serial})
        turn = make_turn(
            event,
            number,
            self.turns.get(event.partition, 0) + (-1 if self.chance(0.05) else 0),
            base,
            state=state if touching else None,
            rows=[(self.word if self.chance(0.15) else self.row)(event, number, index) for index in range(pick.randrange(4))],
            timers=tuple(self.timer(event.home) for _ in range(pick.randrange(2))),
            cancelled=tuple(pick.sample("ab", pick.randrange(2))),
            tallies=tuple(Tally(pick.choice("xy"), "a", pick.choice(list(TallyOutcome))) for _ in range(pick.randrange(2))),
            consents=(self.consent(event),) if self.chance(0.1) else (),
            receipt=await self.receipt() if self.chance(0.3) else None,
            buried="why" if self.chance(0.05) else None,
        )
        if turn.record is not None:
            turn = replace(turn, record=replace(turn.record, at_ms=self.now_ms) if self.chance(0.95) else None)
        if turn.receipt is not None and turn.receipt.provider_id is not None:
            # Ids of one provider are of one person, so those of two partitions are never the same.
            told = replace(turn.receipt, provider_id=f"{turn.receipt.provider_id}.{event.partition}")
            turn = replace(turn, receipt=told)
        if touching and self.chance(0.9):
            versions[event.home] = base + 1
        return turn

    def timer(self, home: Urn) -> Timer:
        return Timer(home, "sms", self.random.choice("ab"), self.now_ms + self.random.randrange(5000), "s", "ask", self.serial)

    def consent(self, event: Any) -> Consent:
        return Consent(event.home, self.random.choice(SENDERS), self.chance(0.6), self.now_ms, "STOP", event.id)

    async def settlement(self) -> Settlement | None:
        dialed = await self.reference.unsettled([RowState.DIALED], 99)
        if not dialed:
            return None
        row = self.random.choice(dialed)
        states = ["accepted", "accepted", "rejected", "retry", "held", "unknown", "queued"]
        return Settlement(
            row.partition,
            self.sends.get(row.partition, 0) - (1 if self.chance(0.05) else 0),
            row.row,
            row.attempt + (1 if self.chance(0.05) else 0),
            RowState(self.random.choice(states)),
            provider_id=None if (id_ := self.maybe_id()) is None else f"{id_}.{row.partition}",
            reason=self.random.choice([None, "r"]),
            retry_ms=self.now_ms + self.random.choice([0, 2000, 9000]),
            event=self.event() if self.chance(0.1) else None,
        )

    def budget(self) -> dict[str, int]:
        return {channel: self.random.randrange(4) for channel in (*CHANNELS, TELLS) if self.chance(0.8)}

    async def op(self) -> tuple[str, Op]:
        kind = self.random.choices(
            ["accept", "commit", "settle", "claim", "due", "take", "strays", "identify", "publish", "draw", "revive", "drop"],
            [4, 8, 5, 3, 1, 1, 1, 1, 1, 1, 0.5, 0.5],
        )[0]
        return kind, await getattr(self, f"ask_{kind}")()

    async def ask_accept(self) -> Op:
        events = [self.event() for _ in range(self.random.randrange(1, 4))]
        return lambda store: store.accept(events)

    async def ask_commit(self) -> Op:
        versions = {state.contact.home: state.contact.version for state in await self.reference.load(HOMES)}
        turns = [await self.turn(versions) for _ in range(self.random.randrange(1, 5))] if self.events else []
        claiming = Claiming(self.sends, self.budget()) if self.chance(0.6) else None
        return lambda store: store.commit(turns, claiming)

    async def ask_settle(self) -> Op:
        asked = [told for _ in range(self.random.randrange(1, 4)) if (told := await self.settlement()) is not None]
        return lambda store: store.settle(asked)

    async def ask_claim(self) -> Op:
        budget, now_ms = self.budget(), self.now_ms
        epochs = {p: e for p, e in self.sends.items() if self.chance(0.9)}
        return lambda store: store.claim(epochs, now_ms, budget)

    async def ask_due(self) -> Op:
        limit, now_ms = self.random.randrange(1, 4), self.now_ms
        return lambda store: store.due(self.turns, now_ms, limit)

    async def ask_take(self) -> Op:
        after, limit = {0: self.random.randrange(5)}, self.random.randrange(1, 9)
        return lambda store: store.take(self.turns, after, limit)

    async def ask_strays(self) -> Op:
        return lambda store: store.strays(self.sends)

    async def ask_identify(self) -> Op:
        urns = [Urn(f"whatsapp:{n}") for n in range(6)]
        asked = [Identity(self.random.choice(urns), tuple(self.random.sample(urns, 2))) for _ in range(2)]
        return lambda store: store.identify(asked)

    async def ask_publish(self) -> Op:
        flow, number = self.random.choice("fg"), self.random.randrange(5)
        version = FlowVersion(flow, f"{flow}-{number}", f"{flow}-shape-{number % 2}", "source", self.now_ms)
        return lambda store: store.publish([version])

    async def ask_draw(self) -> Op:
        wanted, rate, now_ms = self.random.randrange(-2, 5), self.random.choice([0.5, 3.0, 10.0]), self.now_ms
        return lambda store: store.draw("sms", rate, 4, wanted, now_ms)

    async def letter(self) -> tuple[int, int]:
        letters = await self.reference.dead(9)
        if not letters or self.chance(0.2):
            return self.random.randrange(self.partitions), 99
        letter = self.random.choice(letters)
        return letter.event.partition, letter.number

    async def ask_revive(self) -> Op:
        (partition, number), now_ms = await self.letter(), self.now_ms
        return lambda store: store.revive(partition, number, now_ms)

    async def ask_drop(self) -> Op:
        partition, number = await self.letter()
        return lambda store: store.drop(partition, number)


async def seen(store: Store) -> dict[str, Any]:
    """Everything that can be read of a store."""
    return {
        "states": await store.load(HOMES),
        "rows": [await store.rows(home) for home in HOMES],
        "talks": [[record async for record in store.history(home)] for home in HOMES],
        "newest": [record async for record in store.history(HOMES[0], 2)],
        "history": [record async for record in store.history()],
        "totals": await store.totals(),
        # What happened at one instant in two partitions has no order.
        "consents": sorted(await store.consents(), key=lambda consent: (consent.at_ms, consent.event)),
        "ledgers": [await store.consents(home) for home in HOMES],
        "dead": sorted(await store.dead(500), key=lambda letter: (letter.at_ms, letter.event.partition, letter.number)),
        "counts": await store.counts(),
        "current": await store.current(),
        "shapes": [await store.shape(f"{flow}-shape-{n}") for flow in "fg" for n in (0, 1)],
        "unsettled": await store.unsettled([RowState.UNKNOWN, RowState.QUEUED, RowState.HELD], 20),
    }


async def compare(store: Store, reference: Store) -> None:
    got, expected = await seen(store), await seen(reference)
    for name, value in expected.items():
        assert got[name] == value, name


async def live(
    random: Random, steps: int, make: Callable[[int, Callable[[], int]], Store], partitions: int = PARTITIONS, burst: int = 4
) -> None:
    """Ask both stores the same for so many steps, bursts of questions at once of the one, and compare all that can be read."""
    clock = Clock()
    memory = MemoryStore(partitions=partitions, clock=clock.now_ms)
    store = make(partitions, clock.now_ms)
    stores: list[Store] = [memory, store]
    for each in stores:
        await each.open()
    life = Life(random, memory, partitions)

    async def both(op: Op) -> Any:
        expected, got = [await op(store) for store in stores]
        assert got == expected
        return expected

    async def own() -> None:
        for each in stores:
            await each.release(Role.TURN, "me")
            await each.release(Role.SEND, "me")
        life.turns = await both(lambda store: store.lease(Role.TURN, "me", range(partitions), 1000))
        life.sends = await both(lambda store: store.lease(Role.SEND, "me", range(partitions), 1000))

    try:
        await own()
        for _ in range(steps):
            life.now_ms += random.randrange(2000)
            if life.chance(0.04):
                for each in stores:
                    await each.close()
                    await each.open()
                await own()
            elif life.chance(0.03):
                await own()
            asked = [await life.op() for _ in range(random.randrange(1, burst + 1))]
            asked.sort(key=lambda op: _GROUPED.get(op[0], 2))
            got = await asyncio.gather(*(op(store) for _, op in asked))
            expected = [await op(memory) for _, op in asked]
            for (kind, _), answer, right in zip(asked, got, expected, strict=True):
                assert answer == right, kind
            handled = life.events[:1]
            life.events = [(one.number, one.event) for one in await both(lambda store: store.take(life.turns, {}, 12))] + handled
        await compare(store, memory)
        await store.close()
        await store.open()
        await compare(store, memory)
    finally:
        for each in stores:
            await each.close()
