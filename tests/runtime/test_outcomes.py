"""What becomes of a row after each outcome, and how fast a sender may go."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from vaiven.channels.contract import Outcome, Result
from vaiven.model.events import OptedOut
from vaiven.model.messages import MessageClass, OutboundMessage, UnknownPolicy, unknown_policy
from vaiven.model.outbox import OutboxRow, RowState
from vaiven.model.urns import Urn
from vaiven.runtime.outcomes import TEMPORARY_ATTEMPTS, settle
from vaiven.runtime.pacing import LONGEST_RETRY_MS, backoff_ms

NOW = 1_795_305_600_000
HOLD_MS = 5_000
ROW = OutboxRow(
    partition=3,
    row=512,
    home=Urn("tel:+12025550123"),
    channel="sms",
    sender="+12025550100",
    to=Urn("tel:+12025550123"),
    message=OutboundMessage("Booked."),
    message_class=MessageClass.REPLY,
    created_ms=NOW,
    attempt=1,
)


def settled(outcome: Outcome, row: OutboxRow = ROW):
    return settle(row, 7, outcome, NOW, HOLD_MS, random.Random(1))


@pytest.mark.parametrize("result", [Result.ACCEPTED, "accepted"])  # a channel of somebody's may give the word
def test_accepted_keeps_the_provider_id_and_the_epoch(result: Result) -> None:
    done = settled(Outcome(result, provider_id="SM1"))
    assert (done.settlement.state, done.settlement.provider_id, done.settlement.epoch) == (RowState.ACCEPTED, "SM1", 7)
    assert done.pause_until_ms is None


@pytest.mark.parametrize("message_class", list(MessageClass))
def test_an_unknown_outcome_follows_the_class(message_class: MessageClass) -> None:
    first = settled(Outcome(Result.AMBIGUOUS), replace(ROW, message_class=message_class)).settlement
    second = settled(Outcome(Result.AMBIGUOUS), replace(ROW, message_class=message_class, unknowns=1)).settlement
    assert second.state is RowState.UNKNOWN
    match unknown_policy(message_class):
        case UnknownPolicy.NEVER:
            assert first.state is RowState.UNKNOWN
        case UnknownPolicy.AT_ONCE:
            assert (first.state, first.retry_ms) == (RowState.HELD, NOW)
        case UnknownPolicy.HOLD:
            assert (first.state, first.retry_ms) == (RowState.HELD, NOW + HOLD_MS)


def test_what_must_never_come_twice_is_never_sent_again() -> None:
    never = {each for each in MessageClass if unknown_policy(each) is UnknownPolicy.NEVER}
    assert never == {
        MessageClass.CONSENT,
        MessageClass.OTP,
        MessageClass.RECEIPT,
        MessageClass.MARKETING,
        MessageClass.PREMIUM,
    }


def test_a_throttled_sender_rests_as_long_as_the_provider_says() -> None:
    done = settled(Outcome(Result.THROTTLED, after_s=7))
    assert (done.settlement.state, done.settlement.retry_ms) == (RowState.RETRY, NOW + 7_000)
    assert done.pause_until_ms == NOW + 7_000


def test_a_sender_that_is_not_fit_rests_and_keeps_its_queue() -> None:
    done = settled(Outcome(Result.CONFIG, reason="twilio:20003"))
    assert done.settlement.state is RowState.RETRY
    assert done.pause_until_ms == done.settlement.retry_ms > NOW


def test_a_recipient_out_of_reach_is_tried_a_few_times_only() -> None:
    bad = Outcome(Result.BAD_RECIPIENT, temporary=True)
    assert settled(bad).settlement.state is RowState.RETRY
    assert settled(bad, replace(ROW, attempt=TEMPORARY_ATTEMPTS)).settlement.state is RowState.REJECTED
    assert settled(Outcome(Result.BAD_RECIPIENT)).settlement.state is RowState.REJECTED


def test_an_opt_out_the_provider_knows_comes_in_by_the_first_door() -> None:
    done = settled(Outcome(Result.OPTED_OUT, reason="twilio:21610")).settlement
    assert done.state is RowState.REJECTED
    assert done.event is not None
    assert done.event.body == OptedOut("+12025550100", "twilio:21610")
    assert (done.event.home, done.event.partition) == (ROW.home, 3)


@pytest.mark.parametrize("result", [Result.REJECTED, Result.OUT_OF_WINDOW, Result.BLOCKED_POLICY])
def test_a_refusal_is_final(result: Result) -> None:
    assert settled(Outcome(result, reason="x")).settlement.state is RowState.REJECTED


@given(st.integers(1, 60), st.integers())
def test_waits_double_within_bounds(attempt: int, seed: int) -> None:
    wait_ms = backoff_ms(replace(ROW, attempt=attempt), random.Random(seed))
    longest = min(LONGEST_RETRY_MS, 1_000 * 2 ** (attempt - 1))
    assert longest // 2 <= wait_ms <= longest
