"""Events are applied strictly by number, whatever order they are handed over in."""

from hypothesis import given
from hypothesis import strategies as st

from vaiven.model.events import Event, Notice
from vaiven.model.turns import Taken
from vaiven.model.urns import Urn
from vaiven.runtime.queues import ALONE, Queues


def taken(number: int, partition: int = 0, takes: int = 0) -> Taken:
    event = Event(f"e{partition}.{number}", Urn("tel:+12025550123"), partition, "sms", 0, Notice("x"))
    return Taken(number, event, takes)


def numbers(queues: Queues, limit: int = 100) -> list[int]:
    return [each.number for each in queues.next(limit)]


def started(*partitions: int) -> Queues:
    """Queues whose inboxes were looked at and found empty."""
    queues = Queues()
    queues.own(partitions)
    queues.filled(dict(queues.after()), [], complete=True)
    return queues


def test_a_partition_just_acquired_is_read_from_the_inbox_first() -> None:
    queues = Queues()
    queues.own([0])
    queues.offer(taken(4))
    assert queues.after() == {0: 0}
    assert numbers(queues) == []
    queues.filled({0: 0}, [taken(3), taken(4)], complete=True)
    assert numbers(queues) == [3, 4]


def test_the_next_number_is_used_as_handed_over() -> None:
    queues = started(0)
    queues.offer(taken(1))
    queues.offer(taken(2))
    assert numbers(queues) == [1, 2]
    assert not queues.gaps


def test_a_number_that_is_not_the_next_makes_a_gap_and_is_read_in_order() -> None:
    queues = started(0, 1)
    queues.offer(taken(2))
    queues.offer(taken(1, partition=1))
    assert queues.after() == {0: 0}
    assert numbers(queues) == [1]  # the other partition goes on
    queues.filled({0: 0}, [taken(1), taken(2)], complete=True)
    assert numbers(queues) == [1, 2]


def test_what_was_taken_is_not_used_again_when_it_is_handed_over_late() -> None:
    queues = started(0)
    queues.gap(0)
    queues.filled({0: 0}, [taken(1)], complete=True)
    queues.offer(taken(1))
    assert numbers(queues) == [1]


def test_a_rewound_turn_and_all_behind_it_are_read_again() -> None:
    queues = started(0)
    for number in (1, 2, 3):
        queues.offer(taken(number))
    assert numbers(queues, 2) == [1, 2]
    queues.rewind(0, 2)
    assert numbers(queues) == []
    assert queues.after() == {0: 1}


def test_an_event_taken_before_runs_alone() -> None:
    queues = started(0)
    queues.gap(0)
    queues.filled({0: 0}, [taken(1), taken(2, takes=ALONE), taken(3)], complete=True)
    assert [numbers(queues), numbers(queues), numbers(queues)] == [[1], [2], [3]]


def test_events_taken_for_the_first_time_run_together() -> None:
    queues = started(0)
    queues.gap(0)
    queues.filled({0: 0}, [taken(1), taken(2), taken(3)], complete=True)
    assert numbers(queues) == [1, 2, 3]


def test_only_the_first_of_a_partition_bears_how_often_it_was_taken() -> None:
    queues = started(0)
    queues.gap(0)
    queues.filled({0: 0}, [taken(1, takes=6), taken(2, takes=6)], complete=True)
    assert [each.takes for each in queues.next(1) + queues.next(1)] == [6, ALONE]


def test_a_partition_that_is_lost_is_forgotten() -> None:
    queues = started(0)
    queues.offer(taken(1))
    queues.disown(0)
    assert numbers(queues) == []
    queues.offer(taken(2))
    assert numbers(queues) == []
    assert not queues.gaps


@given(st.permutations(list(range(1, 9))), st.integers(1, 4))
def test_any_order_of_handing_over_is_applied_by_number(order: list[int], limit: int) -> None:
    queues, inbox, applied = started(0), [], []
    for number in order:
        inbox.append(number)
        queues.offer(taken(number))
        if queues.gaps and len(inbox) == max(inbox):
            asked = dict(queues.after())
            queues.filled(asked, [taken(n) for n in sorted(inbox) if n > asked[0]], complete=True)
        applied += numbers(queues, limit)
    while batch := numbers(queues, limit):
        applied += batch
    assert applied == sorted(order)


def test_what_lies_where_nobody_answers_waits_with_all_behind_it_and_others_pass() -> None:
    queues = started(0, 1)
    queues.filled({0: 0, 1: 0}, [taken(1), taken(1, 1), taken(2), taken(2, 1)], complete=True)
    queues.park(queues.next(1))
    queues.offer(taken(3))
    assert [(each.event.partition, each.number) for each in queues.next(9)] == [(1, 1), (1, 2)]
    assert queues.partitions() == {0}
    assert queues.expected([0]) == {}
    queues.offer(taken(4))
    queues.unpark([0, 1])
    assert numbers(queues) == [1, 2, 3, 4]
    assert queues.partitions() == set()


def test_what_is_parked_is_forgotten_with_its_partition_and_read_again_when_it_is_rewound() -> None:
    queues = started(0, 1)
    queues.filled({0: 0, 1: 0}, [taken(1), taken(2), taken(1, 1)], complete=True)
    batch = queues.next(9)
    queues.rewind(0, 2)
    queues.park(batch)
    queues.disown(1)
    queues.unpark([0, 1])
    assert (numbers(queues), queues.after()) == ([1], {0: 1})
