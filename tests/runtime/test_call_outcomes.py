"""What a call came to, what becomes of its row, and what the flow is told."""

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from vaiven.model.calls import CALLS, MAX_ANSWER, ActionCall, HttpCall, OutboundCall
from vaiven.model.events import CallAnswered
from vaiven.model.outbox import RowState
from vaiven.runtime.call_outcomes import (
    LONGEST_PAUSE_MS,
    LOST,
    Answered,
    Came,
    NoAnswer,
    answer,
    ending,
    gave,
    heard,
    lost,
    overdue,
    raised,
    valid_ms,
)
from vaiven.runtime.errands import Ending
from vaiven.stores import codec
from vaiven.testing.builders import AT_MS, make_event, make_row

GET = OutboundCall(HttpCall("GET", "https://api.example/"), "sms", "s1", "slots", 7, timeout_ms=8_000, retries=2)
POST = replace(GET, request=HttpCall("POST", "https://api.example/", body=b"{}"))
KEYED = replace(POST, key="s1:7")
ACT = replace(GET, request=ActionCall("desk.ticket"))
JITTER = random.Random(7)


def row_of(call: OutboundCall, attempt: int = 1, **fields: Any):
    event = make_event(partitions=1)
    return make_row(event, 3, channel=CALLS, sender="", call=call, state=RowState.DIALED, attempt=attempt, **fields)


def ended(call: OutboundCall, came: Came, attempt: int = 1, **fields: Any) -> Ending:
    return ending(row_of(call, attempt, **fields), call, came, AT_MS, JITTER)


@pytest.mark.parametrize(
    ("told", "came"),
    [
        (Answered(200, b'{"a": [1, 2.5, null, "x"]}'), Came("", 200, {"a": [1, 2.5, None, "x"]})),
        (Answered(201, b"3"), Came("", 201, 3)),
        (Answered(204, b""), Came("", 204)),
        (Answered(200, b"<html>"), Came("no json", 200)),
        (Answered(200, b'{"a": 1} x'), Came("no json", 200)),
        (Answered(200, b"\xff"), Came("no json", 200)),
        (Answered(200, b'{"a": "\\u0000b"}'), Came("", 200, {"a": "b"})),
        (Answered(200, b'"\\ud83c"'), Came("", 200, "\ufffd")),
        (Answered(200, b"NaN"), Came("no json", 200)),
        (Answered(200, b"", None, "too big"), Came("too big", 200)),
        (Answered(404, b'{"error": "none"}'), Came("http 404", 404, {"error": "none"})),
        (Answered(404, b"<html>"), Came("http 404", 404)),
        (Answered(302, b""), Came("http 302", 302)),
        (Answered(500, b""), Came("http 500", 500, passing=True)),
        (Answered(503, b"", 7.0), Came("http 503", 503, passing=True, undone=True, after_ms=7_000)),
        (Answered(429, b"", 0.0), Came("http 429", 429, passing=True, undone=True)),
        (NoAnswer("timeout", sent=True), Came("timeout", passing=True)),
        (NoAnswer("timeout", sent=False), Came("timeout", passing=True, undone=True)),
        (NoAnswer("refused", sent=False), Came("refused", passing=True, undone=True)),
        (NoAnswer("unknown", sent=True), Came("unknown", passing=True)),
        (NoAnswer("forbidden", sent=False), Came("forbidden", undone=True)),
        (NoAnswer("bad request", sent=False), Came("bad request", undone=True)),
    ],
)
def test_what_an_http_call_came_to(told: Answered | NoAnswer, came: Came) -> None:
    assert heard(told) == came


@pytest.mark.parametrize("depth", [33, 5_000, 8_000])
def test_a_deep_answer_is_no_json(depth: int) -> None:
    assert heard(Answered(200, b"[" * depth + b"]" * depth)).reason == "no json"


@pytest.mark.parametrize("number", [b"1" * 21, b"1" * 5_000, b"-" + b"9" * 20, str(1 << 64).encode(), b"1e999"])
def test_a_number_that_stores_cannot_keep(number: bytes) -> None:
    came = heard(Answered(200, number))
    assert came.reason == "no json" or codec.encode(came.result)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(max_size=3),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers(), inner),
    max_leaves=20,
)


@given(VALUES)
def test_whatever_an_action_gives_can_be_stored_or_has_failed(value: Any) -> None:
    came = gave(value)
    assert came.reason in ("", "no json", "too big")
    event = make_event(body=CallAnswered("s", "x", 1, result=came.result, reason=came.reason))
    assert codec.decode_event(codec.encode(event)) == event


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, ""),
        ({"score": 0.7, "text": "Hello"}, ""),
        ("x" * (MAX_ANSWER - 2), ""),
        ("x" * (MAX_ANSWER - 1), "too big"),
        (object(), "no json"),
        ({1: object()}, "no json"),
        (1 << 70, "no json"),
        ("\ud800", "no json"),
        ((n for n in "abc"), "no json"),
    ],
)
def test_what_an_action_gave(value: Any, reason: str) -> None:
    assert gave(value).reason == reason


def test_what_an_action_gave_is_what_its_json_says() -> None:
    import datetime

    assert gave({"day": datetime.date(2026, 11, 27), "pair": (1, 2)}).result == {"day": "2026-11-27", "pair": [1, 2]}
    assert gave(float("nan")).result is None


def test_a_list_in_itself_is_no_json() -> None:
    circle: list[Any] = []
    circle.append(circle)
    assert gave(circle).reason == "no json"


def test_a_good_answer_is_told_once_under_the_row_s_name() -> None:
    row = row_of(GET)
    told = ended(GET, Came("", 200, {"slots": []}))
    assert (told.state, told.reason) == (RowState.ACCEPTED, None)
    assert told.event is not None
    assert (told.event.id, told.event.home, told.event.channel) == (f"call:{row.reference}", row.home, "sms")
    assert told.event.body == CallAnswered("s1", "slots", 7, 200, {"slots": []})


@pytest.mark.parametrize(
    ("call", "came", "again"),
    [
        (GET, Came("http 500", 500, passing=True), True),
        (GET, Came("timeout", passing=True), True),
        (GET, Came("http 404", 404), False),
        (GET, Came("no json", 200), False),
        (GET, Came("forbidden", undone=True), False),
        (POST, Came("timeout", passing=True), False),
        (POST, Came("unknown", passing=True), False),
        (POST, Came("http 500", 500, passing=True), False),
        (POST, Came("http 503", 503, passing=True, undone=True), True),
        (POST, Came("refused", passing=True, undone=True), True),
        (KEYED, Came("timeout", passing=True), True),
        (KEYED, Came("http 502", 502, passing=True), True),
        (ACT, raised(ValueError()), False),
        (replace(ACT, key="k"), raised(ValueError()), True),
    ],
)
def test_what_is_made_again(call: OutboundCall, came: Came, again: bool) -> None:
    """What may have been done is done again only if that is harmless; what another time would change nothing, never."""
    told = ended(call, came)
    assert (told.state is RowState.RETRY) is again
    assert (told.event is None) is again
    if again:
        assert AT_MS < told.retry_ms <= AT_MS + 1_000
        assert told.reason == came.reason


def test_attempts_come_to_an_end() -> None:
    came = Came("http 503", 503, passing=True, undone=True)
    assert [ended(GET, came, attempt).state for attempt in (1, 2, 3)] == [RowState.RETRY, RowState.RETRY, RowState.REJECTED]
    told = ended(GET, came, 3).event
    assert told is not None
    assert told.body == CallAnswered("s1", "slots", 7, 503, None, "http 503")


def test_an_attempt_that_an_owner_died_over_is_not_one_of_its_retries() -> None:
    came = Came("timeout", passing=True)
    assert ended(GET, came, 4, unknowns=2).state is RowState.RETRY
    assert ended(GET, came, 5, unknowns=2).state is RowState.REJECTED


@given(st.integers(1, 30))
def test_pauses_grow_and_are_bounded(attempt: int) -> None:
    told = ended(replace(GET, retries=40), Came("timeout", passing=True), attempt)
    assert AT_MS + 500 <= told.retry_ms <= AT_MS + LONGEST_PAUSE_MS


def test_a_pause_that_is_asked_for_is_kept_or_is_too_long() -> None:
    assert ended(GET, Came("http 429", 429, None, True, True, 9_000)).retry_ms == AT_MS + 9_000
    assert ended(GET, Came("http 429", 429, None, True, True, 60_000)).state is RowState.REJECTED


@pytest.mark.parametrize("call", [GET, KEYED])
def test_a_lost_call_that_is_harmless_goes_again_whatever_its_retries(call: OutboundCall) -> None:
    told = lost(row_of(replace(call, retries=0)), call, AT_MS)
    assert told == Ending(RowState.HELD, "unknown", AT_MS)
    last = lost(row_of(call, LOST + 1, unknowns=LOST), call, AT_MS)
    assert last.state is RowState.UNKNOWN
    assert last.event is not None


@pytest.mark.parametrize("call", [POST, ACT])
def test_a_lost_call_that_may_have_been_done_is_told_as_unknown(call: OutboundCall) -> None:
    told = lost(row_of(call), call, AT_MS)
    assert (told.state, told.reason) == (RowState.UNKNOWN, "unknown")
    assert told.event is not None
    assert told.event.body == CallAnswered("s1", "slots", 7, reason="unknown")


def test_a_call_is_not_made_when_its_time_is_over() -> None:
    row = row_of(POST)
    assert overdue(row, POST, AT_MS + valid_ms(POST) - 1) is None
    assert overdue(row, POST, AT_MS + valid_ms(POST)) == Came("timeout")
    assert overdue(replace(row, unknowns=1), POST, AT_MS + valid_ms(POST)) == Came("unknown")


def test_how_long_a_call_may_be_made() -> None:
    assert valid_ms(replace(POST, retries=0)) == 8_000 + 300_000
    assert valid_ms(POST) == 3 * 8_000 + 2 * LONGEST_PAUSE_MS + 300_000


@given(
    st.sampled_from([GET, POST, KEYED, ACT]),
    st.integers(1, 9),
    st.integers(0, 8),
    st.text(max_size=9),
    st.booleans(),
    st.booleans(),
)
def test_every_ending_waits_or_tells(
    call: OutboundCall, attempt: int, unknowns: int, why: str, passing: bool, undone: bool
) -> None:
    for told in (
        ended(call, Came(why, passing=passing, undone=undone), attempt, unknowns=unknowns),
        lost(row_of(call, attempt, unknowns=unknowns), call, AT_MS),
        answer(row_of(call), call, Came(why), AT_MS),
    ):
        waits = told.state in (RowState.RETRY, RowState.HELD)
        assert waits is (told.event is None)
        assert told.state in (RowState.RETRY, RowState.HELD, RowState.ACCEPTED, RowState.REJECTED, RowState.UNKNOWN)
