"""Somebody who owns every partition, and what all parts of the contract share."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from vaiven.model.events import Event
from vaiven.model.outbox import OutboxRow, RowState, Settlement
from vaiven.model.receipts import DeliveryReceipt, DeliveryStatus
from vaiven.model.turns import Committed, Verdict
from vaiven.model.urns import Urn
from vaiven.stores.contract import Claiming, Role, Store
from vaiven.testing.builders import AT_MS, CHANNEL, HOME, make_event, make_row, make_turn
from vaiven.testing.clock import Clock

TTL_MS = 30_000
OTHER = Urn("tel:+12025550101")
THIRD = Urn("tel:+447700900102")


class Owner:
    """Somebody who holds both leases of every partition, and does the common things in one line each."""

    def __init__(self, store: Store, turns: Mapping[int, int], sends: Mapping[int, int]) -> None:
        self.store, self.turns, self.sends = store, dict(turns), dict(sends)

    @classmethod
    async def of(cls, store: Store, name: str = "owner") -> "Owner":
        everything = range(store.partitions)
        turns = await store.lease(Role.TURN, name, everything, TTL_MS)
        return cls(store, turns, await store.lease(Role.SEND, name, everything, TTL_MS))

    def event(self, home: str = HOME, **fields: Any) -> Event:
        return make_event(home, partitions=self.store.partitions, **fields)

    async def accept(self, event: Event) -> int:
        return (await self.store.accept([event]))[0]

    async def commit(
        self,
        event: Event,
        *rows: Mapping[str, Any],
        base: int | None = None,
        touching: bool = True,
        claiming: Claiming | None = None,
        **fields: Any,
    ) -> Verdict:
        """Accept an event and commit its turn, with a row for each of these mappings of a row's fields."""
        number = await self.accept(event)
        if base is None:
            base = (await self.store.load([event.home]))[0].contact.version
        made = [make_row(event, number, index, **row) for index, row in enumerate(rows)]
        turn = make_turn(event, number, self.turns[event.partition], base, rows=made, touching=touching, **fields)
        return (await self.store.commit([turn], claiming))[0]

    async def claim(self, now_ms: int = AT_MS, **budget: int) -> list[OutboxRow]:
        return await self.store.claim(self.sends, now_ms, budget or {CHANNEL: 100})

    async def settle(self, row: OutboxRow, state: RowState, **fields: Any) -> bool:
        told = Settlement(row.partition, self.sends[row.partition], row.row, row.attempt, state, **fields)
        return (await self.store.settle([told]))[0] is True

    async def receipt(self, status: DeliveryStatus, home: str = HOME, **fields: Any) -> Verdict:
        event = self.event(home, body=DeliveryReceipt(status=status, **fields))
        return await self.commit(event, touching=False, receipt=event.body)

    async def row(self, home: Urn = HOME, at: int = -1) -> OutboxRow:
        return (await self.store.rows(home))[at]

    def claiming(self, budget: int = 100) -> Claiming:
        return Claiming(self.sends, {CHANNEL: budget})


def states(rows: Sequence[OutboxRow]) -> list[RowState]:
    return [row.state for row in rows]


def rows_of(verdict: Verdict) -> tuple[OutboxRow, ...]:
    assert isinstance(verdict, Committed)
    return verdict.dialed


class Promises:
    """What every part of the contract needs: a clock that hands move, and ways to a second handle and a second life."""

    durable = False
    """Whether what was answered is still there after the process died."""

    @pytest.fixture
    def clock(self) -> Clock:
        return Clock()

    @pytest.fixture
    async def owner(self, store: Store) -> Owner:
        return await Owner.of(store)

    async def another_door(self, store: Store) -> Store:
        """A second handle on the same store, where it can have one."""
        return store

    async def reopen(self, store: Store) -> Store:
        """The store as the next process finds it."""
        await store.close()
        await store.open()
        return store
