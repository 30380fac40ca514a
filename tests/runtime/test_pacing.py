"""How fast a sender may go: its connections, and tokens that many processes draw from one bucket."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from vaiven.runtime.pacing import BLOCK_MS, Pace, Pacing
from vaiven.stores.buckets import Buckets

NOW = 1_795_305_600_000


class Process:
    """One process's pace, drawing as its sender does."""

    def __init__(self, buckets: Buckets, pacing: Pacing, number: int = 0) -> None:
        self.buckets, self.pace, self.draws = buckets, Pace(pacing, Random(7 * number)), 0

    def go(self, wanted: int, now_ms: int) -> int:
        """Send at most so many at this instant; each call is over at once."""
        lacking = self.pace.lacking(wanted, now_ms)
        if lacking:
            self.draws += 1
            given = self.buckets.draw("sms", self.pace.rate_per_s or 0, self.pace.block, lacking, now_ms)
            self.pace.drawn(lacking, given, now_ms)
        room = self.pace.reserve(wanted, now_ms)
        self.pace.settled(room)
        return room


def test_room_is_what_is_free_and_comes_back_when_settled() -> None:
    pace = Pace(Pacing(None, 3))
    assert pace.reserve(9, NOW) == 3
    assert pace.reserve(9, NOW) == 0
    pace.refund(1)
    pace.settled(1)
    assert pace.reserve(9, NOW) == 2
    assert pace.lacking(9, NOW) == 0


def test_no_more_is_reserved_than_is_wanted() -> None:
    assert Pace(Pacing(None, 9)).reserve(4, NOW) == 4


@given(st.integers(1, 6), st.sampled_from([0.5, 3.0, 50.0, 480.0]), st.integers(1, 400))
def test_a_rate_holds_over_all_processes_and_is_used(processes: int, rate: float, wanted: int) -> None:
    buckets = Buckets()
    fleet = [Process(buckets, Pacing(rate, 10_000), number) for number in range(processes)]
    span_ms = 4_000
    sent = sum(each.go(wanted, NOW + tick) for tick in range(span_ms + 1) for each in fleet)
    expected = rate * span_ms / 1000
    burst = max(1, int(rate * BLOCK_MS / 1000))
    assert sent <= expected + burst + 1e-6
    assert sent >= 0.9 * min(expected, wanted * processes * span_ms) - 1
    assert all(each.draws <= span_ms / 25 + 20 for each in fleet), "a block at a time, never a question a message"


def test_processes_that_all_have_much_to_say_share_alike() -> None:
    buckets = Buckets()
    fleet = [Process(buckets, Pacing(480.0, 10_000), number) for number in range(4)]
    sent = [0] * 4
    for tick in range(20_000):
        for number, each in enumerate(fleet):
            sent[number] += each.go(400, NOW + tick)
    assert min(sent) > 0.5 * max(sent)


def test_after_a_silence_no_more_goes_at_once_than_the_burst() -> None:
    buckets = Buckets()
    fleet = [Process(buckets, Pacing(100.0, 1_000)) for _ in range(5)]
    for each in fleet:
        each.go(3, NOW)
    assert sum(each.go(1_000, NOW + 60_000) for each in fleet) == 20


def test_tokens_in_hand_are_worth_nothing_after_a_while() -> None:
    process = Process(Buckets(), Pacing(100.0, 1_000))
    process.pace.drawn(20, 20, NOW)
    assert process.pace.reserve(1, NOW + BLOCK_MS - 1) == 1
    assert process.pace.reserve(1, NOW + BLOCK_MS) == 0


def test_a_steady_trickle_draws_a_block_at_a_time() -> None:
    process = Process(Buckets(), Pacing(1_000.0, 1_000))
    assert sum(process.go(1, NOW + 5 * tick) for tick in range(400)) == 400
    assert process.draws < 40


def test_tokens_that_nobody_needs_can_be_put_back() -> None:
    buckets = Buckets()
    one, other = Process(buckets, Pacing(10.0, 99)), Process(buckets, Pacing(10.0, 99))
    one.pace.drawn(2, buckets.draw("sms", 10.0, 2, 2, NOW), NOW)
    assert other.go(1, NOW) == 0
    buckets.draw("sms", 10.0, 2, -one.pace.unused(), NOW)
    assert one.pace.reserve(1, NOW) == 0
    assert other.go(1, NOW + 100) == 1


def test_a_slow_sender_says_when_it_has_room_again() -> None:
    process = Process(Buckets(), Pacing(2.0, 5))
    assert (process.go(1, NOW), process.go(1, NOW)) == (1, 0)
    wait_ms = process.pace.wait_ms(NOW)
    assert wait_ms is not None
    assert process.go(1, NOW + wait_ms) == 1


def test_a_clock_that_is_set_back_does_not_silence_a_sender() -> None:
    process = Process(Buckets(), Pacing(2.0, 5))
    process.go(2, NOW)
    assert process.pace.lacking(1, NOW - 3_600_000) == 1


def test_a_paused_sender_has_no_room() -> None:
    pace = Pace(Pacing(None, 5))
    pace.pause(NOW + 1_000)
    assert pace.reserve(5, NOW + 999) == 0
    assert pace.wait_ms(NOW) == 1_000
    assert pace.reserve(5, NOW + 1_000) == 5
