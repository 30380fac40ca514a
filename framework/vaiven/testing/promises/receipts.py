"""Promises about receipts, and what is read besides the road."""

import asyncio
from typing import Any

import pytest
from msgspec.structs import replace

from vaiven.model.effects import Tally, TallyOutcome
from vaiven.model.events import TimerDue
from vaiven.model.outbox import STEP_ASIDE_MS, OutboxRow, RowState
from vaiven.model.receipts import DeliveryReceipt, DeliveryStatus
from vaiven.model.turns import Committed, Consent, Timer
from vaiven.stores.contract import FlowVersion, Store
from vaiven.testing.builders import AT_MS, CHANNEL, HOME, SENDER, make_state, make_turn
from vaiven.testing.promises.base import Owner, Promises, rows_of


class ReceiptContract(Promises):
    async def _sent(self, owner: Owner, state: RowState = RowState.ACCEPTED, **fields: Any) -> OutboxRow:
        await owner.commit(owner.event(), {})
        (row,) = await owner.claim()
        assert await owner.settle(row, state, **fields)
        return row

    async def test_a_receipt_by_reference_never_lowers_the_delivery(self, owner: Owner) -> None:
        row = await self._sent(owner)
        for status in (DeliveryStatus.DELIVERED, DeliveryStatus.SENT, DeliveryStatus.FAILED, DeliveryStatus.DELIVERED):
            assert isinstance(await owner.receipt(status, reference=row.reference), Committed)
            assert (await owner.row()).delivery is DeliveryStatus.DELIVERED

    async def test_a_receipt_in_one_commit_with_its_successor(self, store: Store, owner: Owner) -> None:
        row = await self._sent(owner)
        told = [DeliveryReceipt(s, reference=row.reference) for s in (DeliveryStatus.FAILED, DeliveryStatus.READ)]
        events = [owner.event(body=receipt) for receipt in told]
        numbers = await store.accept(events)
        epoch = owner.turns[events[0].partition]
        turns = [make_turn(e, n, epoch, touching=False, receipt=r) for e, n, r in zip(events, numbers, told, strict=True)]
        await store.commit(turns)
        assert ((await owner.row()).delivery, (await owner.row()).reason) == (DeliveryStatus.READ, None)

    async def test_a_receipt_that_names_no_row_of_its_partition_and_channel_changes_nothing(
        self, store: Store, owner: Owner
    ) -> None:
        row = await self._sent(owner)
        for reference in ("nonsense", f"{row.partition}.{row.row + 1}", f"{row.partition + 1}.{row.row}"):
            assert isinstance(await owner.receipt(DeliveryStatus.READ, reference=reference), Committed)
        event = owner.event(channel="other", body=DeliveryReceipt(DeliveryStatus.READ, reference=row.reference))
        await owner.commit(event, touching=False, receipt=event.body)
        assert (await owner.row()).delivery is None

    @pytest.mark.parametrize("state", [RowState.HELD, RowState.UNKNOWN])
    @pytest.mark.parametrize(
        ("status", "end"),
        [
            (DeliveryStatus.SENT, RowState.ACCEPTED),
            (DeliveryStatus.UNKNOWN, RowState.ACCEPTED),
            (DeliveryStatus.FAILED, RowState.REJECTED),
        ],
    )
    async def test_a_receipt_settles_a_row_held_or_unknown(
        self, owner: Owner, state: RowState, status: DeliveryStatus, end: RowState
    ) -> None:
        row = await self._sent(owner, state, retry_ms=AT_MS)
        await owner.receipt(status, reference=row.reference, error="30003", provider_id="SM9")
        settled = await owner.row()
        assert (settled.state, settled.delivery, settled.provider_id) == (end, status, "SM9")
        assert settled.reason == ("30003" if end is RowState.REJECTED else None)
        assert await owner.claim() == []
        await owner.receipt(DeliveryStatus.DELIVERED, reference=row.reference)
        assert (await owner.row()).state is RowState.ACCEPTED

    async def test_a_row_settled_by_a_receipt_frees_the_next(self, owner: Owner) -> None:
        await owner.commit(owner.event(), {}, {})
        (row,) = await owner.claim()
        await owner.settle(row, RowState.HELD, retry_ms=AT_MS + STEP_ASIDE_MS)
        assert await owner.claim() == []
        await owner.receipt(DeliveryStatus.SENT, reference=row.reference)
        assert [other.row for other in await owner.claim()] == [row.row + 1]

    @pytest.mark.parametrize(
        ("status", "state", "end"),
        [
            (DeliveryStatus.SENT, RowState.UNKNOWN, RowState.ACCEPTED),
            (DeliveryStatus.SENT, RowState.RETRY, RowState.ACCEPTED),
            (DeliveryStatus.SENT, RowState.REJECTED, RowState.ACCEPTED),
            (DeliveryStatus.FAILED, RowState.ACCEPTED, RowState.ACCEPTED),
            (DeliveryStatus.FAILED, RowState.UNKNOWN, RowState.REJECTED),
        ],
    )
    async def test_a_row_told_by_a_receipt_settles_by_it(
        self, owner: Owner, status: DeliveryStatus, state: RowState, end: RowState
    ) -> None:
        await owner.commit(owner.event(), {})
        (row,) = await owner.claim()
        await owner.receipt(status, reference=row.reference, error="30003")
        assert (await owner.row()).state is RowState.DIALED
        assert await owner.settle(row, state)
        settled = await owner.row()
        assert (settled.state, settled.delivery) == (end, status)
        assert settled.reason == ("30003" if status is DeliveryStatus.FAILED else None)

    async def test_a_receipt_by_provider_id_finds_the_row_of_its_home(self, owner: Owner) -> None:
        await self._sent(owner, provider_id="SM1")
        await self._sent(owner, provider_id="SM2")
        await owner.receipt(DeliveryStatus.DELIVERED, provider_id="SM1", recipient=HOME)
        assert [row.delivery for row in await owner.store.rows(HOME)] == [DeliveryStatus.DELIVERED, None]

    async def test_an_early_receipt_is_parked_and_met_by_its_settle(self, owner: Owner) -> None:
        await owner.commit(owner.event(), {}, {})
        (row,) = await owner.claim()
        for status in (DeliveryStatus.DELIVERED, DeliveryStatus.SENT):
            await owner.receipt(status, provider_id="SM1", recipient=HOME)
        assert await owner.settle(row, RowState.ACCEPTED, provider_id="SM1")
        assert (await owner.row(at=0)).delivery is DeliveryStatus.DELIVERED
        (other,) = await owner.claim()
        assert await owner.settle(other, RowState.ACCEPTED, provider_id="SM1")
        assert (await owner.row()).delivery is None

    async def test_a_watermark_tells_of_every_accepted_row_dialed_by_then(self, owner: Owner) -> None:
        for n in range(4):
            await owner.commit(owner.event(), {})
            (row,) = await owner.claim(AT_MS + n)
            await owner.settle(row, RowState.REJECTED if n == 1 else RowState.ACCEPTED)
        await owner.receipt(DeliveryStatus.DELIVERED, watermark_ms=AT_MS + 2)
        await owner.receipt(DeliveryStatus.READ, watermark_ms=AT_MS)
        told = [row.delivery for row in await owner.store.rows(HOME)]
        assert told == [DeliveryStatus.READ, None, DeliveryStatus.DELIVERED, None]

    async def test_a_watermark_goes_back_as_far_as_a_row_that_knows_as_much(self, owner: Owner) -> None:
        first = await self._sent(owner, RowState.UNKNOWN)
        await self._sent(owner)
        await owner.receipt(DeliveryStatus.DELIVERED, watermark_ms=AT_MS)
        await owner.receipt(DeliveryStatus.SENT, reference=first.reference)
        await owner.receipt(DeliveryStatus.DELIVERED, watermark_ms=AT_MS)
        assert [row.delivery for row in await owner.store.rows(HOME)] == [DeliveryStatus.SENT, DeliveryStatus.DELIVERED]
        await owner.receipt(DeliveryStatus.READ, watermark_ms=AT_MS)
        assert [row.delivery for row in await owner.store.rows(HOME)] == [DeliveryStatus.READ] * 2

    @pytest.mark.parametrize("by", ["reference", "provider_id"])
    async def test_a_receipt_and_its_settle_at_the_same_time(self, store: Store, owner: Owner, by: str) -> None:
        await owner.commit(owner.event(), {})
        (row,) = await owner.claim()
        reference, provider_id = (row.reference, None) if by == "reference" else (None, "SM1")
        receipt = DeliveryReceipt(DeliveryStatus.READ, reference=reference, provider_id=provider_id)
        event = owner.event(body=receipt)
        turn = make_turn(event, await owner.accept(event), owner.turns[event.partition], touching=False, receipt=receipt)
        await asyncio.gather(store.commit([turn]), owner.settle(row, RowState.ACCEPTED, provider_id="SM1"))
        settled = await owner.row()
        assert (settled.state, settled.delivery) == (RowState.ACCEPTED, DeliveryStatus.READ)

    async def test_publish_keeps_versions_and_what_is_current(self, store: Store) -> None:
        one, two = FlowVersion("vote", "h1", "s1", "text 1", 1), FlowVersion("vote", "h2", "s1", "text 2", 2)
        three, other = FlowVersion("vote", "h3", "s3", "text 3", 3), FlowVersion("help", "h4", "s4", "text", 4)
        await store.publish([one, two, other])
        assert await store.current() == [other, two]
        assert [await store.flow(name) for name in ("h1", "h2", "nope")] == [one, two, None]
        await store.publish([three])
        assert [await store.shape(name) for name in ("s1", "s3", "nope")] == [two, three, None]
        await store.publish([replace(one, source="changed")])
        assert await store.current() == [other, one]
        assert await store.current_hashes() == {"vote": "h1", "help": "h4"}
        assert (await store.flow("h1"), await store.shape("s1")) == (one, one)

    async def test_unsettled_gives_rows_in_these_states_oldest_first(self, owner: Owner) -> None:
        for n in range(4):
            await owner.commit(owner.event(f"tel:+1202555010{n}"), {"created_ms": AT_MS - n})
        rows = sorted(await owner.claim(), key=lambda row: row.created_ms)
        for row, state in zip(rows, [RowState.UNKNOWN, RowState.ACCEPTED, RowState.UNKNOWN], strict=False):
            await owner.settle(row, state)
        unknown = await owner.store.unsettled([RowState.UNKNOWN], 9)
        assert [row.row for row in unknown] == [rows[0].row, rows[2].row]
        assert len(await owner.store.unsettled(["unknown", "accepted", "dialed"], 3)) == 3

    async def test_counts_tell_how_much_waits(self, store: Store, owner: Owner) -> None:
        assert (await store.counts()).oldest_inbox_ms is None
        await owner.commit(owner.event(), {}, {}, timers=(Timer(HOME, CHANNEL, "k", AT_MS, "s", "ask", 1),))
        await owner.store.accept([owner.event(at_ms=AT_MS + 7), owner.event(at_ms=AT_MS + 5)])
        (row,) = await owner.claim()
        counts = await store.counts()
        assert (counts.inbox, counts.oldest_inbox_ms, counts.timers, counts.dead) == (2, AT_MS + 5, 1, 0)
        assert counts.rows == {"dialed": 1, "queued": 1}
        await owner.settle(row, RowState.UNKNOWN)
        await owner.settle((await owner.claim())[0], RowState.ACCEPTED)
        assert (await store.counts()).rows == {"unknown": 1}

    async def test_after_a_restart_everything_answered_is_there(self, store: Store, owner: Owner) -> None:
        timer = Timer(HOME, CHANNEL, "k", AT_MS + 5, "s", "ask", 1)
        stop = Consent(HOME, SENDER, True, AT_MS, "STOP", "e")
        vote = Tally("final", "a", TallyOutcome.COUNTED)
        dialed = rows_of(await owner.commit(owner.event(), {}, {}, timers=(timer,), tallies=(vote,), claiming=owner.claiming()))
        await owner.receipt(DeliveryStatus.SENT, provider_id="early", recipient=HOME)
        await owner.commit(owner.event(), consents=(stop,), state=make_state(version=2, vars={"x": 1}))
        waiting = await owner.accept(owner.event(id="waits"))
        before = (await store.load([HOME]), await store.rows(HOME), await store.totals(), await store.consents())
        store = await self.reopen(store)
        if not self.durable:
            await store.close()
            return
        again = await Owner.of(store, "next")
        assert (await store.load([HOME]), await store.rows(HOME), await store.totals(), await store.consents()) == before
        assert all(again.turns[partition] > epoch for partition, epoch in owner.turns.items())
        assert [one.number for one in await store.take(again.turns, {}, 9)] == [waiting]
        assert await store.strays(again.sends) == list(dialed)
        assert await again.settle(dialed[0], RowState.ACCEPTED, provider_id="early")
        assert await again.claim() == []
        assert [(row.state, row.delivery) for row in await store.rows(HOME)] == [
            (RowState.ACCEPTED, DeliveryStatus.SENT),
            (RowState.SUPPRESSED, None),
        ]
        assert await again.accept(again.event()) == waiting + 1
        due = await store.due(again.turns, AT_MS + 5, 9)
        assert [one.event.body for one in due] == [TimerDue("k", "s", "ask", 1, AT_MS + 5)]

    async def test_close_finishes_what_was_asked(self, store: Store, owner: Owner) -> None:
        asked = [asyncio.ensure_future(store.accept([owner.event()])) for _ in range(20)]
        await asyncio.sleep(0)
        await store.close()
        assert sorted(number for (number,) in await asyncio.gather(*asked)) == list(range(1, 21))
        await store.open()
