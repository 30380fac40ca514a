"""How processes share partitions. Pure: each decides for itself, from the same list of who attends."""

from collections.abc import Collection, Container, Iterable, Sequence


def quota(partitions: int, attending: Sequence[str], me: str) -> int:
    """How many partitions are mine. The quotas of all who attend add up, so nobody takes what another will have to."""
    if me not in attending:
        return 0
    each, rest = divmod(partitions, len(attending))
    return each + (sorted(attending).index(me) < rest)


def surplus(held: Collection[int], quota: int, wanted: Container[int]) -> list[int]:
    """Which of those held to give back: not those that are ``wanted`` for their other lease, as far as possible."""
    return sorted(held, key=lambda partition: (partition in wanted, -partition))[: max(0, len(held) - quota)]


def choose(free: Iterable[int], want: int, wanted: Container[int], place: int) -> list[int]:
    """Which of the free ones to take: those ``wanted`` for their other lease first, then from my own ``place`` on, so that two
    who come at the same time seldom ask for the same."""
    return sorted(free, key=lambda partition: (partition not in wanted, partition < place, partition))[: max(0, want)]
