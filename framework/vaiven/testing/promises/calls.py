"""Promises about rows that are no messages but calls of flows."""

import pytest
from msgspec.structs import replace

from vaiven.model.calls import CALLS, MAX_ANSWER, ActionCall, HttpCall, OutboundCall
from vaiven.model.events import CallAnswered, Event
from vaiven.model.messages import OutboundMessage
from vaiven.model.outbox import RowState
from vaiven.model.turns import Consent
from vaiven.stores.contract import Claiming, Role, Store
from vaiven.testing.builders import AT_MS, HOME, SENDER, make_state
from vaiven.testing.promises.base import OTHER, TTL_MS, Owner, Promises, rows_of

HTTP = HttpCall("POST", "https://api.example/b?q=%C3%A9", (("X-Key", "é"),), b'{"n": 4, "s": "\xf0\x9f\x8e\x89"}')
ACTION = ActionCall("desk.ticket", {"text": "Hello\n", "n": 4, "list": [1.5, None, {"deep": True}]})
CALL = OutboundCall(HTTP, "sms", "session-1", "book", 7, timeout_ms=8_000, retries=2, key="session-1:7")
ROW = {"channel": CALLS, "sender": "", "message": OutboundMessage("")}


class CallContract(Promises):
    @pytest.mark.parametrize("request_", [HTTP, ACTION, HttpCall("GET", "https://api.example/")])
    async def test_a_call_comes_back_as_it_was_made(self, store: Store, owner: Owner, request_: HttpCall | ActionCall) -> None:
        call = replace(CALL, request=request_)
        await owner.commit(owner.event(), {**ROW, "call": call}, {})
        (row,) = await owner.claim(**{CALLS: 9})
        assert (row.call, row.state, row.attempt) == (call, RowState.DIALED, 1)
        assert [kept.call for kept in await store.rows(HOME)] == [call, None]
        assert await store.unsettled(["dialed"], 9) == [row]
        assert [one.call for one in await owner.claim(sms=9)] == [None]

    async def test_a_commit_claims_its_own_call(self, store: Store, owner: Owner) -> None:
        claiming = Claiming(owner.sends, {CALLS: 9, "sms": 9})
        verdict = await owner.commit(owner.event(), {}, {**ROW, "call": CALL}, claiming=claiming)
        assert [row.call for row in rows_of(verdict)] == [None, CALL]
        assert await owner.claim(**{CALLS: 9}) == []
        (alone,) = rows_of(await owner.commit(owner.event(OTHER), {**ROW, "call": CALL}, claiming=claiming))
        assert (alone.call, alone.state, alone.attempt) == (CALL, RowState.DIALED, 1)
        assert await store.rows(OTHER) == [alone]

    async def test_calls_of_a_home_go_one_at_a_time_beside_its_messages(self, owner: Owner) -> None:
        await owner.commit(owner.event(), {**ROW, "call": CALL}, {**ROW, "call": replace(CALL, visit=8)}, {})
        await owner.commit(owner.event(OTHER), {**ROW, "call": CALL})
        first = await owner.claim(**{CALLS: 9, "sms": 9})
        assert sorted((row.home, row.channel) for row in first) == [(HOME, CALLS), (HOME, "sms"), (OTHER, CALLS)]
        mine = next(row for row in first if (row.home, row.channel) == (HOME, CALLS))
        assert await owner.settle(mine, RowState.ACCEPTED)
        (second,) = await owner.claim(**{CALLS: 9})
        assert second.call is not None
        assert second.call.visit == 8

    async def test_no_opt_out_stops_a_call(self, owner: Owner) -> None:
        stop = Consent(HOME, SENDER, True, AT_MS, "STOP", "e")
        await owner.commit(owner.event(), {**ROW, "call": CALL}, {}, consents=(stop,))
        assert [row.channel for row in await owner.claim(**{CALLS: 9, "sms": 9})] == [CALLS]

    async def test_a_call_of_an_earlier_controller_is_suppressed(self, store: Store, owner: Owner) -> None:
        await owner.commit(owner.event(), {**ROW, "call": CALL, "control": 0})
        await owner.commit(owner.event(), state=make_state(version=2, control=1))
        assert await owner.claim(**{CALLS: 9}) == []
        assert (await owner.row()).state is RowState.SUPPRESSED

    async def test_a_call_s_answer_is_appended_once_in_the_step_that_settles_it(self, store: Store, owner: Owner) -> None:
        await owner.commit(owner.event(), {**ROW, "call": CALL})
        (row,) = await owner.claim(**{CALLS: 9})
        body = CallAnswered("session-1", "book", 7, 200, {"code": "K7", "list": [1, 2.5, None]})
        event = Event(f"call:{row.reference}", HOME, row.partition, "sms", AT_MS, body)
        assert await owner.settle(row, RowState.ACCEPTED, event=event)
        assert not await owner.settle(row, RowState.ACCEPTED, event=event)
        assert [taken.event for taken in await store.take(owner.turns, {}, 9)] == [event]
        kept = await owner.row()
        assert (kept.state, kept.call) == (RowState.ACCEPTED, CALL)

    async def test_the_largest_answer_is_kept_whole(self, store: Store, owner: Owner) -> None:
        await owner.commit(owner.event(), {**ROW, "call": CALL})
        (row,) = await owner.claim(**{CALLS: 9})
        body = CallAnswered(
            "session-1", "book", 7, 200, {"text": "é" * (MAX_ANSWER // 2), "most": (1 << 64) - 1, "least": -(1 << 63)}
        )
        event = Event(f"call:{row.reference}", HOME, row.partition, "sms", AT_MS, body)
        assert await owner.settle(row, RowState.ACCEPTED, event=event)
        assert [taken.event.body for taken in await store.take(owner.turns, {}, 9)] == [body]

    async def test_a_call_that_is_tried_again_keeps_what_it_asks(self, owner: Owner) -> None:
        await owner.commit(owner.event(), {**ROW, "call": CALL})
        (first,) = await owner.claim(**{CALLS: 9})
        assert await owner.settle(first, RowState.RETRY, retry_ms=AT_MS + 50, reason="http 503")
        assert await owner.claim(AT_MS + 49, **{CALLS: 9}) == []
        (again,) = await owner.claim(AT_MS + 50, **{CALLS: 9})
        assert (again.call, again.attempt, again.unknowns) == (CALL, 2, 0)
        assert await owner.settle(again, RowState.HELD, retry_ms=AT_MS + 60, reason="unknown")
        (third,) = await owner.claim(AT_MS + 60, **{CALLS: 9})
        assert (third.call, third.attempt, third.unknowns) == (CALL, 3, 1)

    async def test_a_call_dialed_under_an_earlier_epoch_is_a_stray(self, store: Store, owner: Owner) -> None:
        await owner.commit(owner.event(), {**ROW, "call": CALL})
        (row,) = await owner.claim(**{CALLS: 9})
        await store.release(Role.SEND, "owner")
        newer = await store.lease(Role.SEND, "newer", range(store.partitions), TTL_MS)
        assert await store.strays(newer) == [row]

    async def test_a_call_outlives_the_process(self, store: Store, owner: Owner) -> None:
        if not self.durable:
            return
        await owner.commit(owner.event(), {**ROW, "call": CALL})
        again = await Owner.of(await self.reopen(store), "again")
        assert [row.call for row in await again.claim(**{CALLS: 9})] == [CALL]
