"""The lattice of delivery statuses: doubled, reordered and late reports end in the same status."""

from functools import reduce
from itertools import permutations

from hypothesis import given
from hypothesis import strategies as st

from vaiven.model.receipts import DeliveryStatus, merge, parse_reference

statuses = st.sampled_from(DeliveryStatus)


@given(st.lists(statuses, min_size=1, max_size=5))
def test_any_order_and_any_doubling_ends_the_same(told: list[DeliveryStatus]) -> None:
    ends = {reduce(merge, order + order[:2], None) for order in permutations(told)}
    assert len(ends) == 1


@given(statuses, statuses)
def test_a_report_never_takes_a_status_down(known: DeliveryStatus, told: DeliveryStatus) -> None:
    after = merge(known, told)
    assert merge(after, known) == after
    assert merge(after, told) == after


def test_a_failure_wins_over_sent_and_yields_to_a_later_delivery() -> None:
    assert merge(DeliveryStatus.SENT, DeliveryStatus.FAILED) is DeliveryStatus.FAILED
    assert merge(DeliveryStatus.FAILED, DeliveryStatus.SENT) is DeliveryStatus.FAILED
    assert merge(DeliveryStatus.FAILED, DeliveryStatus.DELIVERED) is DeliveryStatus.DELIVERED
    assert merge(DeliveryStatus.READ, DeliveryStatus.FAILED) is DeliveryStatus.READ


def test_an_unknown_word_never_wins() -> None:
    assert merge(None, DeliveryStatus.UNKNOWN) is DeliveryStatus.UNKNOWN
    assert merge(DeliveryStatus.ACCEPTED, DeliveryStatus.UNKNOWN) is DeliveryStatus.ACCEPTED


@given(st.integers(0, 9_999), st.integers(0, 2**50))
def test_a_reference_of_ours_is_read_back(partition: int, row: int) -> None:
    assert parse_reference(f"{partition}.{row}") == (partition, row)


@given(st.text(max_size=30))
def test_nothing_else_is_a_reference(text: str) -> None:
    read = parse_reference(text)
    assert read is None or f"{read[0]}.{read[1]}" == text or text.replace(".", "").isdigit()


def test_huge_and_foreign_digits_are_no_reference() -> None:
    assert parse_reference("9" * 100 + ".1") is None
    assert parse_reference("١.٢") is None
    assert parse_reference("-1.2") is None
