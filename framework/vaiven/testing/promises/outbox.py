"""Promises about claiming and settling."""

import asyncio
from typing import Any

import pytest
from msgspec.structs import replace

from vaiven.model.events import OptedOut
from vaiven.model.messages import AGEING_MS, MessageClass
from vaiven.model.outbox import ROWS_A_TURN, STEP_ASIDE_MS, RowState, Settlement
from vaiven.model.turns import Consent, Timer
from vaiven.stores.contract import Claiming, Role, Store
from vaiven.testing.builders import AT_MS, CHANNEL, HOME, SENDER, make_row, make_state, make_turn
from vaiven.testing.promises.base import OTHER, THIRD, TTL_MS, Owner, Promises, rows_of, states


class OutboxContract(Promises):
    async def test_a_claim_gives_rows_dialed_with_their_attempt_counted(self, owner: Owner) -> None:
        await owner.commit(owner.event(), {"control": 0})
        (row,) = await owner.claim()
        assert (row.state, row.attempt, row.reference) == (RowState.DIALED, 1, f"{row.partition}.{row.row}")
        assert await owner.store.rows(HOME) == [row]
        assert await owner.claim() == []

    async def test_rows_of_a_turn_without_state_and_record_are_the_home_s_too(self, store: Store, owner: Owner) -> None:
        """Whether or not the home has others on their way."""
        for _ in range(3):
            await owner.commit(owner.event(), {}, touching=False, record=None)
        assert len(await store.rows(HOME)) == 3

    async def test_a_claim_keeps_to_its_budget_and_its_channels(self, owner: Owner) -> None:
        for n in range(6):
            await owner.commit(owner.event(f"tel:+1202555010{n}"), {"channel": "sms" if n % 2 else "wa"})
        assert [row.channel for row in await owner.claim(sms=2)] == ["sms", "sms"]
        assert sorted(row.channel for row in await owner.claim(sms=9, wa=1)) == ["sms", "wa"]
        assert await owner.claim(sms=0, other=9) == []

    async def test_a_claim_needs_the_current_epoch(self, store: Store, owner: Owner) -> None:
        await owner.commit(owner.event(), {})
        await store.release(Role.SEND, "owner")
        assert await owner.claim() == []
        newer = await store.lease(Role.SEND, "newer", range(store.partitions), TTL_MS)
        assert await owner.claim() == []
        assert len(await store.claim(newer, AT_MS, {CHANNEL: 9})) == 1

    async def test_rows_of_a_home_and_channel_go_one_at_a_time_in_order(self, owner: Owner) -> None:
        await owner.commit(owner.event(), {}, {}, {"channel": "wa"})
        await owner.commit(owner.event(OTHER), {})
        first = await owner.claim(sms=9, wa=9)
        assert sorted((row.home, row.channel) for row in first) == [(HOME, "sms"), (HOME, "wa"), (OTHER, "sms")]
        mine = next(row for row in first if (row.home, row.channel) == (HOME, "sms"))
        assert mine.row % ROWS_A_TURN == 0
        assert await owner.claim() == []
        assert await owner.settle(mine, RowState.ACCEPTED, provider_id="SM1")
        assert [row.row for row in await owner.claim()] == [mine.row + 1]

    @pytest.mark.parametrize("passing", [MessageClass.CONSENT, MessageClass.OTP, MessageClass.ALERT])
    async def test_passing_classes_pass_and_are_waited_for(self, owner: Owner, passing: MessageClass) -> None:
        await owner.commit(owner.event(), {}, {"message_class": passing}, {})
        claimed = await owner.claim()
        assert {row.row % ROWS_A_TURN for row in claimed} == {0, 1}
        reply = next(row for row in claimed if row.message_class is MessageClass.REPLY)
        assert await owner.settle(reply, RowState.ACCEPTED)
        assert await owner.claim() == []

    @pytest.mark.parametrize(
        ("state", "fields", "goes"),
        [
            (RowState.ACCEPTED, {}, True),
            (RowState.REJECTED, {}, True),
            (RowState.UNKNOWN, {}, True),
            (RowState.HELD, {"retry_ms": AT_MS + STEP_ASIDE_MS}, False),
            (RowState.HELD, {"retry_ms": AT_MS + 60_000}, True),
            (RowState.RETRY, {"retry_ms": AT_MS + STEP_ASIDE_MS}, False),
            (RowState.RETRY, {"retry_ms": AT_MS + STEP_ASIDE_MS + 1}, True),
        ],
    )
    async def test_what_a_row_became_decides_whether_it_holds_the_next(
        self, owner: Owner, state: RowState, fields: dict[str, Any], goes: bool
    ) -> None:
        await owner.commit(owner.event(), {}, {})
        (first,) = await owner.claim()
        assert await owner.settle(first, state, **fields)
        assert [row.row for row in await owner.claim()] == [first.row + 1] * goes

    async def test_a_row_for_much_later_does_not_hold_what_comes_now(self, owner: Owner) -> None:
        await owner.commit(owner.event(), {"not_before_ms": AT_MS + 3_600_000}, {})
        assert [row.row % ROWS_A_TURN for row in await owner.claim()] == [1]
        await owner.commit(owner.event(OTHER), {"not_before_ms": AT_MS + STEP_ASIDE_MS}, {})
        assert await owner.claim() == []
        assert [row.home for row in await owner.claim(AT_MS + STEP_ASIDE_MS)] == [OTHER]

    async def test_a_row_never_dialed_goes_again(self, owner: Owner) -> None:
        await owner.commit(owner.event(), {})
        (first,) = await owner.claim()
        assert await owner.settle(first, RowState.QUEUED)
        assert [(row.row, row.attempt) for row in await owner.claim()] == [(first.row, 2)]

    @pytest.mark.parametrize("state", [RowState.RETRY, RowState.HELD])
    async def test_a_row_goes_again_when_its_instant_has_come(self, owner: Owner, state: RowState) -> None:
        await owner.commit(owner.event(), {})
        (first,) = await owner.claim()
        assert await owner.settle(first, state, retry_ms=AT_MS + 50, reason="429", provider_id="SM1")
        assert await owner.claim(AT_MS + 49) == []
        (again,) = await owner.claim(AT_MS + 50)
        assert (again.attempt, again.unknowns, again.reason) == (2, int(state is RowState.HELD), "429")
        assert await owner.settle(again, RowState.REJECTED, reason="21610")
        last = await owner.row()
        assert (last.state, last.attempt, last.unknowns, last.reason) == (RowState.REJECTED, 2, again.unknowns, "21610")
        assert last.provider_id == "SM1"  # the only name that a provider gave it

    async def test_the_order_is_by_class_with_ageing_then_by_age(self, owner: Owner) -> None:
        made = [
            (MessageClass.MARKETING, AT_MS),
            (MessageClass.REPLY, AT_MS + 1),
            (MessageClass.OTP, AT_MS + 2),
            (MessageClass.REPLY, AT_MS),
            (MessageClass.MARKETING, AT_MS - 3 * AGEING_MS),
        ]
        for n, (kind, at) in enumerate(made):
            await owner.commit(owner.event(f"tel:+1202555010{n}"), {"message_class": kind, "created_ms": at})
        claimed = [(row.message_class, row.created_ms) for row in await owner.claim(AT_MS + 2)]
        assert claimed == [made[2], made[4], made[3], made[1], made[0]]

    async def test_waiting_for_an_instant_is_no_waiting_in_the_queue(self, owner: Owner) -> None:
        later = AT_MS + 100 * AGEING_MS
        await owner.commit(owner.event(), {"message_class": MessageClass.MARKETING, "not_before_ms": later})
        await owner.commit(owner.event(OTHER), {"message_class": MessageClass.OTP, "created_ms": later})
        assert [row.message_class for row in await owner.claim(later, sms=1)] == [MessageClass.OTP]

    async def test_a_row_expires_when_its_time_is_over(self, owner: Owner) -> None:
        await owner.commit(owner.event(), {"not_after_ms": AT_MS + 5}, {"not_after_ms": AT_MS + 6})
        (row,) = await owner.claim(AT_MS + 5)
        assert row.row % ROWS_A_TURN == 1
        assert states(await owner.store.rows(HOME)) == [RowState.EXPIRED, RowState.DIALED]

    async def test_a_stop_committed_before_the_claim_wins(self, store: Store, owner: Owner) -> None:
        await owner.commit(owner.event(), {}, {"sender": "tel:+12025550198"})
        stop = Consent(HOME, SENDER, True, AT_MS, "STOP", "e")
        await owner.commit(owner.event(), {"message_class": MessageClass.CONSENT}, consents=(stop,))
        claimed = await owner.claim()
        assert sorted((row.sender, row.message_class) for row in claimed) == [
            ("tel:+12025550198", MessageClass.REPLY),
            (SENDER, MessageClass.CONSENT),
        ]
        assert (await store.rows(HOME))[0].state is RowState.SUPPRESSED
        start = replace(stop, opted_out=False, word="START")
        await owner.commit(owner.event(), {}, consents=(start,))
        for row in claimed:
            await owner.settle(row, RowState.ACCEPTED)
        assert len(await owner.claim()) == 1

    async def test_a_row_of_an_earlier_controller_is_suppressed(self, store: Store, owner: Owner) -> None:
        await owner.commit(owner.event(), {"control": 0}, {"control": 1}, {"message_class": MessageClass.CONSENT})
        await owner.commit(owner.event(), state=make_state(version=2, control=1))
        claimed = await owner.claim()
        assert {row.row % ROWS_A_TURN for row in claimed} == {1, 2}
        assert states(await store.rows(HOME))[0] is RowState.SUPPRESSED

    async def test_a_commit_claims_its_own_rows(self, store: Store, owner: Owner) -> None:
        verdict = await owner.commit(owner.event(), {}, {}, {"channel": "wa"}, claiming=owner.claiming())
        (row,) = rows_of(verdict)
        assert (row.state, row.attempt, row.row % ROWS_A_TURN) == (RowState.DIALED, 1, 0)
        assert states(await store.rows(HOME)) == [RowState.DIALED, RowState.QUEUED, RowState.QUEUED]
        assert await store.unsettled(["dialed"], 10) == [row]
        assert await owner.claim() == []
        assert await owner.settle(row, RowState.ACCEPTED, provider_id="SM1")
        assert [other.row for other in await owner.claim()] == [row.row + 1]

    async def test_a_commit_claims_no_more_than_its_budget_best_first(self, owner: Owner) -> None:
        homes = [HOME, OTHER, THIRD]
        kinds = [MessageClass.MARKETING, MessageClass.REPLY, MessageClass.OTP]
        events = [owner.event(home) for home in homes]
        numbers = await owner.store.accept(events)
        turns = [
            make_turn(e, n, owner.turns[e.partition], rows=[make_row(e, n, message_class=kind)])
            for e, n, kind in zip(events, numbers, kinds, strict=True)
        ]
        verdicts = await owner.store.commit(turns, owner.claiming(2))
        assert [len(rows_of(verdict)) for verdict in verdicts] == [0, 1, 1]
        assert [row.home for row in await owner.claim()] == [HOME]

    async def test_a_commit_claims_only_what_a_claim_would_give(self, store: Store, owner: Owner) -> None:
        await owner.commit(owner.event(), {})
        verdict = await owner.commit(owner.event(), {}, {"message_class": MessageClass.OTP}, claiming=owner.claiming())
        assert [row.message_class for row in rows_of(verdict)] == [MessageClass.OTP]
        late = await owner.commit(owner.event(OTHER), {"not_before_ms": AT_MS + 1}, claiming=owner.claiming())
        assert rows_of(late) == ()
        stale = Claiming({partition: epoch + 1 for partition, epoch in owner.sends.items()}, {CHANNEL: 9})
        assert rows_of(await owner.commit(owner.event(THIRD), {}, claiming=stale)) == ()

    @pytest.mark.parametrize("timers", [0, 1])
    async def test_a_commit_claims_no_row_behind_one_on_its_way(self, store: Store, owner: Owner, timers: int) -> None:
        said = [Timer(HOME, CHANNEL, "later", AT_MS + 1000, "s", "ask", 1)] * timers
        (first,) = rows_of(await owner.commit(owner.event(), {}, timers=tuple(said), claiming=owner.claiming()))
        assert await store.unsettled(["dialed"], 10) == [first]
        for _ in range(2):
            assert rows_of(await owner.commit(owner.event(), {}, claiming=owner.claiming())) == ()
        assert states(await store.rows(HOME)) == [RowState.DIALED, RowState.QUEUED, RowState.QUEUED]
        assert await owner.settle(first, RowState.ACCEPTED, provider_id="SM1")
        (second,) = await owner.claim()
        assert second.row > first.row

    async def test_a_commit_that_stops_claims_its_confirmation_only(self, store: Store, owner: Owner) -> None:
        stop = Consent(HOME, SENDER, True, AT_MS, "STOP", "e")
        kinds = [
            {"message_class": MessageClass.REPLY},
            {"message_class": MessageClass.CONSENT},
            {"message_class": MessageClass.OTP},
        ]
        verdict = await owner.commit(owner.event(), *kinds, consents=(stop,), claiming=owner.claiming())
        assert [row.message_class for row in rows_of(verdict)] == [MessageClass.CONSENT]
        assert states(await store.rows(HOME)) == [RowState.SUPPRESSED, RowState.DIALED, RowState.SUPPRESSED]

    async def test_a_stop_in_the_same_commit_suppresses_earlier_rows_of_it(self, store: Store, owner: Owner) -> None:
        events = [owner.event(), owner.event()]
        numbers = await store.accept(events)
        stop = Consent(HOME, SENDER, True, AT_MS, "STOP", "e")
        epoch = owner.turns[events[0].partition]
        turns = [
            make_turn(events[0], numbers[0], epoch, 0, rows=[make_row(events[0], numbers[0])]),
            make_turn(events[1], numbers[1], epoch, 1, consents=(stop,)),
        ]
        assert [rows_of(verdict) for verdict in await store.commit(turns, owner.claiming())] == [(), ()]
        assert states(await store.rows(HOME)) == [RowState.SUPPRESSED]

    @pytest.mark.parametrize("by_its_commit", [False, True])
    async def test_a_settle_that_is_stale_is_false(self, store: Store, owner: Owner, by_its_commit: bool) -> None:
        verdict = await owner.commit(owner.event(), {}, claiming=owner.claiming() if by_its_commit else None)
        (row,) = rows_of(verdict) if by_its_commit else await owner.claim()
        told = Settlement(row.partition, owner.sends[row.partition], row.row, 1, RowState.ACCEPTED)
        bad = [replace(told, epoch=told.epoch + 1), replace(told, attempt=2), replace(told, row=told.row + 1)]
        assert [(await store.settle([one]))[0] for one in bad] == [False, False, False]
        assert await store.settle([*bad, told, told]) == [False, False, False, True, False]

    async def test_a_settlement_s_event_is_appended_in_the_same_step(self, store: Store, owner: Owner) -> None:
        await owner.commit(owner.event(), {})
        (row,) = await owner.claim()
        event = owner.event(body=OptedOut(SENDER, "21610"))
        assert await owner.settle(row, RowState.REJECTED, reason="opted_out", event=event)
        assert not await owner.settle(row, RowState.REJECTED, event=event)
        assert [one.event for one in await store.take(owner.turns, {}, 9)] == [event]
        assert (await owner.row()).reason == "opted_out"

    async def test_rows_dialed_under_an_earlier_epoch_are_strays_until_they_are_settled(self, store: Store, owner: Owner) -> None:
        await owner.commit(owner.event(), {}, {})
        (row,) = await owner.claim()
        assert await store.strays(owner.sends) == []
        await store.release(Role.SEND, "owner")
        newer = await Owner.of(store, "newer")
        assert await store.strays(owner.sends) == []
        assert await store.strays(newer.sends) == await store.strays(newer.sends) == [row]
        assert not await owner.settle(row, RowState.ACCEPTED)
        assert await newer.settle(row, RowState.UNKNOWN)
        assert await store.strays(newer.sends) == []
        assert (await newer.row(at=0)).unknowns == 1

    async def test_racing_claims_give_each_row_once(self, store: Store, owner: Owner) -> None:
        for n in range(40):
            await owner.commit(owner.event(f"tel:+1202555{n:04d}"), {})
        door = await self.another_door(store)
        asked = ([store, door][n % 2].claim(owner.sends, AT_MS, {CHANNEL: 3}) for n in range(20))
        rows = [row.reference for rows in await asyncio.gather(*asked) for row in rows]
        assert len(rows) == len(set(rows)) == 40
