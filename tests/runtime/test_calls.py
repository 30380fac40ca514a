"""Calls of flows on the road: made beside the turns, answered once, whatever dies in between."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from msgspec.structs import replace

from vaiven.flow.step import Stepped
from vaiven.model.calls import CALLS, ActionCall, HttpCall
from vaiven.model.contacts import ContactState
from vaiven.model.effects import Call, Effect, End, OptOut, Send
from vaiven.model.events import CallAnswered, Event
from vaiven.model.messages import InboundMessage
from vaiven.model.outbox import RowState
from vaiven.model.sessions import Frame, Session
from vaiven.runtime.call_outcomes import Answered, NoAnswer
from vaiven.runtime.registry import Registry, action, collect
from vaiven.stores.contract import Role

GET = Call(HttpCall("GET", "https://api.example/slots"), "", "slots", 0, timeout_ms=8_000)
POST = replace(GET, request=HttpCall("POST", "https://api.example/bookings", body=b"{}"))


class Desk:
    """The other side of HTTP calls: answers what it is told, or nothing until it is let go."""

    def __init__(self) -> None:
        self.calls: list[tuple[HttpCall, str | None, float]] = []
        self.answers: list[Answered | NoAnswer] = []
        self.open = asyncio.Event()
        self.open.set()
        self.busy = self.most = 0
        self.closed = False

    async def call(self, request: HttpCall, key: str | None, timeout_s: float) -> Answered | NoAnswer:
        self.calls.append((request, key, timeout_s))
        self.busy += 1
        self.most = max(self.most, self.busy)
        await self.open.wait()
        self.busy -= 1
        return self.answers.pop(0) if self.answers else Answered(200, b'{"code": "K7"}')

    async def close(self) -> None:
        self.closed = True


class Script:
    """A flow by hand: any word makes these calls and waits in the last; their answers are said; STOP ends it."""

    def __init__(self, *calls: Call) -> None:
        self.calls = calls
        self.heard: list[CallAnswered] = []
        self.held: list[str] = []

    def __call__(self, flows: Any, state: ContactState, event: Event, facts: Any, now_ms: int) -> Stepped:
        session, visit, body = state.sessions.get(event.channel), state.contact.version + 1, event.body
        effects: list[Effect] = []
        if isinstance(body, CallAnswered):
            self.heard.append(body)
            if session is not None and session.top.visit == body.visit:
                effects = [Send(body.reason or str(body.result)), End("f", "done")]
                session = None
        elif isinstance(body, InboundMessage) and body.text == "STOP":
            effects, session = [OptOut("STOP")], None
        elif isinstance(body, InboundMessage) and session is not None:
            self.held.append(body.text)
        elif isinstance(body, InboundMessage):
            session = Session(f"s{visit}", event.channel, now_ms, (Frame("f", "shape", self.calls[-1].step, visit=visit),))
            effects = [replace(call, session=session.id, visit=visit) for call in self.calls]
        return Stepped(state.contact, session, tuple(effects))


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
async def started(make_road, desk: Desk) -> AsyncIterator[Callable[..., Any]]:
    roads = []

    async def start(*calls: Call, **more: Any):
        road = make_road(caller=desk, **more)
        road.script = Script(*calls)
        road.bot.turns._decider._step = road.script
        await road.start()
        roads.append(road)
        return road

    yield start
    for road in reversed(roads):
        await road.stop()


async def quiet(road, times: int = 30) -> None:
    for _ in range(times):
        await asyncio.sleep(0)
    await road.rest()


async def test_a_call_is_made_and_its_answer_comes_by_the_first_door(started, desk: Desk) -> None:
    road = await started(POST)
    await road.say("book")
    await quiet(road)
    assert desk.calls == [(POST.request, None, 8.0)]
    assert road.script.heard == [CallAnswered("s1", "slots", 1, 200, {"code": "K7"})]
    call, said = await road.rows()
    assert (call.channel, call.state, said.message.text) == (CALLS, RowState.ACCEPTED, "{'code': 'K7'}")
    assert road.bot.counts["calls", "http", "answered"] == 1
    assert road.bot.counts["turns", "CallAnswered"] == 1
    assert len(road.wire.calls) == 1


async def test_nothing_is_locked_while_a_call_runs(started, desk: Desk) -> None:
    road = await started(POST)
    desk.open.clear()
    await road.bot.intake.receive("sms", road.webhook("book"))
    await road.bot.intake.receive("sms", road.webhook("are you there?"))
    await road.bot.intake.receive("sms", road.webhook("book", "+12025550124"))
    for _ in range(30):
        await asyncio.sleep(0)
    assert road.script.held == ["are you there?"]
    assert len(desk.calls) == 2
    desk.open.set()
    await quiet(road)
    assert len(road.script.heard) == 2


async def test_calls_of_a_home_go_one_at_a_time(started, desk: Desk) -> None:
    road = await started(replace(GET, step="b"), replace(POST, step="b"))
    await road.say("book")
    await quiet(road)
    assert [request.method for request, *_ in desk.calls] == ["GET"]
    assert desk.most == 1
    # Its answer ended the session, so the second one has nobody who waits for it.
    await road.tick()
    await quiet(road)
    assert [row.reason for row in await road.rows() if row.channel == CALLS] == [None, "nobody waits"]


async def test_no_more_calls_at_a_time_than_there_are_connections(started, desk: Desk, monkeypatch) -> None:
    monkeypatch.setattr("vaiven.runtime.bot.CONNECTIONS", 3)
    road = await started(GET)
    desk.open.clear()
    for n in range(10):
        await road.bot.intake.receive("sms", road.webhook("book", f"+1202555010{n}"))
    for _ in range(50):
        await asyncio.sleep(0)
    assert (desk.busy, len(desk.calls)) == (3, 3)
    desk.open.set()
    for _ in range(5):
        await road.tick()
        await quiet(road)
    assert (len(road.script.heard), desk.most) == (10, 3)


@pytest.mark.parametrize("key", [None, "k"])
async def test_what_may_go_better_is_tried_again_after_a_pause(started, desk: Desk, key: str | None) -> None:
    road = await started(replace(POST, retries=2, key=key))
    desk.answers = [Answered(503, b""), NoAnswer("refused", sent=False)]
    await road.say("book")
    await quiet(road)
    assert (len(desk.calls), road.script.heard) == (1, [])
    assert (await road.rows())[0].state is RowState.RETRY
    for tries in (2, 3):
        await road.tick(3)
        await quiet(road)
        assert [told for _, told, _ in desk.calls] == [key] * tries
    assert [heard.result for heard in road.script.heard] == [{"code": "K7"}]
    assert road.bot.counts["calls", "http", "again"] == 2


async def test_a_failure_is_told_with_its_reason(started, desk: Desk) -> None:
    road = await started(POST)
    desk.answers = [Answered(503, b'{"retry": "later"}')]
    await road.say("book")
    await quiet(road)
    assert road.script.heard == [CallAnswered("s1", "slots", 1, 503, {"retry": "later"}, "http 503")]
    call, said = await road.rows()
    assert (call.state, call.reason, said.message.text) == (RowState.REJECTED, "http 503", "http 503")
    assert road.bot.counts["calls", "http", "http"] == 1


async def test_a_post_whose_outcome_nobody_knows_is_not_made_again(started, desk: Desk) -> None:
    road = await started(replace(POST, retries=5))
    desk.answers = [NoAnswer("timeout", sent=True)]
    await road.say("book")
    await quiet(road)
    await road.tick(60)
    assert (len(desk.calls), [heard.reason for heard in road.script.heard]) == (1, ["timeout"])


async def test_a_call_whose_session_has_moved_on_is_not_made(started, desk: Desk) -> None:
    road = await started(replace(POST, retries=2))
    desk.answers = [Answered(503, b"")]
    await road.say("book")
    await quiet(road)
    await road.say("STOP")
    await road.tick(5)
    await quiet(road)
    call = (await road.rows())[0]
    assert (len(desk.calls), call.state, call.reason) == (1, RowState.REJECTED, "nobody waits")
    assert road.script.heard == []
    assert road.bot.counts["calls", "http", "nobody waits"] == 1


async def test_a_call_under_way_at_a_stop_ends_and_means_nothing(started, desk: Desk) -> None:
    road = await started(POST)
    desk.open.clear()
    await road.bot.intake.receive("sms", road.webhook("book"))
    for _ in range(30):
        await asyncio.sleep(0)
    await road.bot.intake.receive("sms", road.webhook("STOP"))
    desk.open.set()
    await quiet(road)
    assert len(road.script.heard) == 1
    assert await road.said() == [""]


async def test_a_call_that_waited_too_long_is_not_made_but_answered(started, desk: Desk, make_road) -> None:
    road = await started(replace(POST, retries=1))
    desk.answers = [Answered(503, b"")]
    await road.say("book")
    await quiet(road)
    await road.tick(3_600)
    await quiet(road)
    assert (len(desk.calls), [heard.reason for heard in road.script.heard]) == (1, ["timeout"])


# -- dying -------------------------------------------------------------------------------------------------------------


async def die(road) -> None:
    """As by kill -9: nothing is settled, nothing given back; the leases run out."""
    road._running.cancel()
    await asyncio.gather(road._running, return_exceptions=True)
    for errand in road.bot._errands.values():
        await errand.close()
    road._running = None
    road.store.turn_at_once(None)
    for role in Role:
        await road.store.release(role, "test")


@pytest.mark.parametrize(
    ("call", "made", "told"),
    [
        (GET, 2, [""]),
        (replace(POST, key="k"), 2, [""]),
        (POST, 1, ["unknown"]),
        (replace(GET, request=ActionCall("desk.ticket")), 0, ["unknown"]),
    ],
)
async def test_a_call_whose_owner_died(started, desk: Desk, make_road, call: Call, made: int, told: list[str]) -> None:
    first = await started(call)
    desk.open.clear()
    if isinstance(call.request, ActionCall):

        @action("desk.ticket")
        async def ticket() -> None:
            await desk.open.wait()

        first.bot._errands[CALLS]._actions = collect([ticket]).actions
    await first.bot.intake.receive("sms", first.webhook("book"))
    for _ in range(30):
        await asyncio.sleep(0)
    assert first.bot.sender.under_way == 1
    await die(first)
    desk.open.set()
    second = await started(call, store=first.store, clock=first.clock, owner="second")
    for _ in range(3):
        await second.tick(1)
        await quiet(second)
    assert [(request, key) for request, key, _ in desk.calls] == [(call.request, call.key)] * made
    assert [heard.reason for heard in second.script.heard] == told
    assert second.bot.sender.under_way == 0


async def test_a_stop_waits_for_calls_under_way(started, desk: Desk, make_road) -> None:
    road = await started(POST)
    desk.open.clear()
    await road.bot.intake.receive("sms", road.webhook("book"))
    for _ in range(30):
        await asyncio.sleep(0)
    stopping = asyncio.create_task(road.bot.stop(5.0))
    for _ in range(30):
        await asyncio.sleep(0)
    assert not stopping.done()
    desk.open.set()
    await stopping
    assert desk.closed
    (row,) = await road.rows()
    assert row.state is RowState.ACCEPTED
    taken = await road.store.take(await road.store.lease(Role.TURN, "next", range(4), 1_000), {}, 9)
    assert [type(one.event.body) for one in taken] == [CallAnswered]


async def test_a_call_that_outlasts_a_stop_stays_for_the_next_owner(started, desk: Desk) -> None:
    road = await started(POST)
    desk.open.clear()
    await road.bot.intake.receive("sms", road.webhook("book"))
    for _ in range(30):
        await asyncio.sleep(0)
    await road.bot.stop(0.05)
    await road._running
    assert [row.state for row in await road.rows()] == [RowState.DIALED]


# -- actions -----------------------------------------------------------------------------------------------------------


def registry(*functions: Any) -> Registry:
    return collect(functions)


@pytest.fixture
def acts() -> Call:
    return replace(GET, request=ActionCall("faq.answer", {"question": "hours?"}))


async def test_an_action_gets_what_the_flow_gives_it(started, acts: Call) -> None:
    @action("faq.answer")
    async def answer(question: str, lang: str = "en") -> dict[str, Any]:
        await asyncio.sleep(0)
        return {"text": f"{question} {lang}", "score": 0.9}

    road = await started(acts, registry=registry(answer))
    await road.say("hi")
    await quiet(road)
    assert [heard.result for heard in road.script.heard] == [{"text": "hours? en", "score": 0.9}]
    assert road.bot.counts["calls", "action", "answered"] == 1


async def test_an_action_that_asks_for_it_gets_the_key(started, acts: Call) -> None:
    @action("faq.answer")
    async def answer(question: str, *, idempotency_key: str | None) -> str | None:
        return idempotency_key

    road = await started(replace(acts, key="s1:7"), registry=registry(answer))
    await road.say("hi")
    await quiet(road)
    assert [heard.result for heard in road.script.heard] == ["s1:7"]


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ValueError("Ola, +48501502503"), "raised ValueError"),
        (SystemExit(3), "raised SystemExit"),
        (asyncio.CancelledError(), "raised CancelledError"),
        (TimeoutError(), "raised TimeoutError"),
    ],
)
async def test_an_action_that_raises(started, acts: Call, caplog, error: BaseException, reason: str) -> None:
    @action("faq.answer")
    async def answer(question: str) -> str:
        raise error

    road = await started(acts, registry=registry(answer))
    await road.say("hi")
    await quiet(road)
    assert [heard.reason for heard in road.script.heard] == [reason]
    assert "Ola" not in " ".join(record.getMessage() for record in caplog.records)
    assert road.bot.counts["calls", "action", "raised"] == 1


async def test_an_action_that_takes_other_arguments_has_raised(started, acts: Call) -> None:
    @action("faq.answer")
    async def answer(text: str) -> str:
        return text

    road = await started(acts, registry=registry(answer))
    await road.say("hi")
    await quiet(road)
    assert [heard.reason for heard in road.script.heard] == ["raised TypeError"]


async def test_an_action_that_nobody_registered(started, acts: Call) -> None:
    road = await started(acts)
    await road.say("hi")
    await quiet(road)
    assert [heard.reason for heard in road.script.heard] == ["no action"]


@pytest.mark.parametrize("stubborn", [False, True])
async def test_an_action_that_takes_too_long(started, acts: Call, stubborn: bool) -> None:
    ended = asyncio.Event()

    @action("faq.answer")
    async def answer(question: str) -> str:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            if not stubborn:
                raise
        await ended.wait()
        return "late"

    road = await started(replace(acts, timeout_ms=20), registry=registry(answer))
    await road.say("hi")
    for _ in range(50):
        if road.script.heard:
            break
        await asyncio.sleep(0.01)
    ended.set()
    await quiet(road)
    assert [heard.reason for heard in road.script.heard] == ["timeout"]


@pytest.mark.parametrize(("gives", "reason"), [(object(), "no json"), ("x" * 20_000, "too big"), ({1, 2}, ""), (None, "")])
async def test_an_action_that_gives_what_is_no_answer(started, acts: Call, gives: Any, reason: str) -> None:
    @action("faq.answer")
    async def answer(question: str) -> Any:
        return gives

    road = await started(acts, registry=registry(answer))
    await road.say("hi")
    await quiet(road)
    assert [heard.reason for heard in road.script.heard] == [reason]


# -- where things go wrong ---------------------------------------------------------------------------------------------


async def test_a_way_out_that_breaks_leaves_nobody_waiting(started, desk: Desk) -> None:
    road = await started(POST)

    async def broken(*_: Any) -> Any:
        raise RuntimeError("Ola")

    desk.call = broken
    await road.say("book")
    await quiet(road)
    assert [heard.reason for heard in road.script.heard] == ["unknown"]


async def test_a_store_that_is_away_for_a_moment_costs_no_call(started, desk: Desk) -> None:
    from vaiven.model.errors import StoreUnavailable

    road = await started(POST)
    courier = road.bot._errands[CALLS]
    load, away = courier._load, [True]

    async def sometimes(homes: Any) -> Any:
        if away:
            away.pop()
            raise StoreUnavailable("away")
        return await load(homes)

    courier._load = sometimes
    await road.say("book")
    await quiet(road)
    await road.tick(1)
    await quiet(road)
    assert (len(desk.calls), [heard.reason for heard in road.script.heard]) == (1, [""])


async def test_without_a_way_out_calls_are_forbidden(make_road) -> None:
    road = make_road()
    road.script = Script(GET)
    road.bot.turns._decider._step = road.script
    await road.start()
    await road.say("book")
    await quiet(road)
    assert [heard.reason for heard in road.script.heard] == ["forbidden"]
    await road.stop()
