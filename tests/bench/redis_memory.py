"""What things cost in a Redis store, in bytes of its memory: measured over many of a kind.

    python tests/bench/redis_memory.py [count]

Starts a server of its own, ``redis-server`` where it is installed. The messages, states and records are those of ``bench_store``.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Sequence

from bench_store import AT_MS, turn
from msgspec.structs import replace

from vaiven.model.contacts import ContactState
from vaiven.model.events import Event
from vaiven.model.messages import InboundMessage, MessageClass
from vaiven.model.outbox import RowState, Settlement
from vaiven.model.sessions import Frame, Session
from vaiven.model.turns import Committed, Consent, Timer, Turn
from vaiven.model.urns import Urn, partition_of
from vaiven.stores.contract import Claiming, Role
from vaiven.stores.redis import RedisStore
from vaiven.testing import servers
from vaiven.testing.servers import Server

BATCH = 100


class Measure:
    """One store, and whoever talks to it."""

    def __init__(self, store: RedisStore, server: Server, homes: Sequence[Urn]) -> None:
        self.store, self.server, self.homes = store, server, homes
        self.turns: dict[int, int] = {}
        self.sends: dict[int, int] = {}

    def used(self) -> int:
        return int(self.server.info("memory")["used_memory"])

    async def accept(self, homes: Sequence[Urn]) -> list[tuple[int, Event]]:
        events = [
            Event(f"SM{home}", home, partition_of(home, self.store.partitions), "sms", AT_MS, InboundMessage(f"SM{home}", home))
            for home in homes
        ]
        return [*zip(await self.store.accept(events), events, strict=True)]

    async def commit(self, homes: Sequence[Urn], make: Callable[[int, Event, ContactState], Turn], claim: bool = False) -> None:
        taken = await self.accept(homes)
        states = await self.store.load(homes)
        turns = [make(number, event, state) for (number, event), state in zip(taken, states, strict=True)]
        verdicts = await self.store.commit(turns, Claiming(self.sends, {"sms": BATCH}) if claim else None)
        assert all(isinstance(verdict, Committed) for verdict in verdicts), verdicts
        rows = [row for verdict in verdicts if isinstance(verdict, Committed) for row in verdict.dialed]
        told = [
            Settlement(row.partition, self.sends[row.partition], row.row, 1, RowState.ACCEPTED, provider_id=f"SM{row.row:032x}")
            for row in rows
        ]
        await self.store.settle(told)

    def bare(self, number: int, event: Event, state: ContactState) -> Turn:
        return Turn(self.turns[event.partition], number, event, state.contact.version, state)

    async def each(self, what: str, act: Callable[[Sequence[Urn]], Awaitable[None]]) -> None:
        before = self.used()
        for at in range(0, len(self.homes), BATCH):
            await act(self.homes[at : at + BATCH])
        print(f"{what:60}{(self.used() - before) / len(self.homes):8.0f}", flush=True)


async def main(count: int) -> None:
    program = next((path for path in servers.programs() if "redis-server" in path), None)
    with servers.server(program=program) as server:
        store = RedisStore(server.url)
        await store.open()
        one = Measure(store, server, [Urn(f"tel:+1202{n:07d}") for n in range(count)])
        one.turns = await store.lease(Role.TURN, "bench", range(store.partitions), 3_600_000)
        one.sends = await store.lease(Role.SEND, "bench", range(store.partitions), 3_600_000)
        await one.commit([Urn("tel:+447700900199")] * 1, one.bare)
        await run(one)
        await store.close()


async def run(one: Measure) -> None:
    frame = Frame("vote", "9f2c1c0d3e4b5a69", "choose", 3, vars={"act": "3"}, answers={"name": "Ann"}, asked=3)
    session = {"sms": Session("s3", "sms", AT_MS, (frame,))}

    def resting(sessions: dict[str, Session], **fields: object) -> Callable[[int, Event, ContactState], Turn]:
        def make(number: int, event: Event, state: ContactState) -> Turn:
            contact = replace(state.contact, version=state.contact.version + 1, last=number, **fields)
            return replace(one.bare(number, event, state), state=ContactState(contact, sessions))

        return make

    common = {"lang": "en", "addresses": {"sms": Urn("tel:+12025550100")}}
    await one.each("a contact without a session", lambda homes: one.commit(homes, resting({}, **common)))
    await one.each("+ an open session with one frame", lambda homes: one.commit(homes, resting(session)))
    await one.each("+ votes in a first poll", lambda homes: one.commit(homes, resting(session, votes={"final": 7})))
    await one.each("+ votes in a second", lambda homes: one.commit(homes, resting(session, votes={"final": 7, "semi": 3})))
    ring = bytes(64 * 14)
    await one.each("+ the ring of message ids, full", lambda homes: one.commit(homes, resting(session, ring=ring)))

    def voting(number: int, event: Event, state: ContactState) -> Turn:
        return turn(event, number, one.turns[event.partition], state)

    async def vote(homes: Sequence[Urn]) -> None:
        await one.commit(homes, voting, claim=True)

    await one.each("a settled vote: its record and its row", vote)
    await one.each("a second settled vote", vote)

    def later(number: int, event: Event, state: ContactState) -> Turn:
        made = voting(number, event, state)
        row = replace(made.rows[0], message_class=MessageClass.REMINDER, not_before_ms=AT_MS + 9_000_000, not_after_ms=None)
        return Turn(made.epoch, number, event, rows=(row,))

    await one.each("a row that waits for its hour", lambda homes: one.commit(homes, later))

    def arming(number: int, event: Event, state: ContactState) -> Turn:
        timer = Timer(event.home, "sms", "sms.0.remind", AT_MS + 9_000_000, "s3", "choose", 3)
        return Turn(one.turns[event.partition], number, event, timers=(timer,))

    await one.each("an armed timer", lambda homes: one.commit(homes, arming))

    def stopping(number: int, event: Event, state: ContactState) -> Turn:
        told = Consent(event.home, "tel:+12025550199", True, AT_MS, "STOP", event.id)
        return Turn(one.turns[event.partition], number, event, consents=(told,))

    await one.each("a STOP: its line in the ledger, and the opt-out", lambda homes: one.commit(homes, stopping))

    async def wait(homes: Sequence[Urn]) -> None:
        await one.accept(homes)

    await one.each("an event that waits in the inbox", wait)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 20_000))
