"""Who attends, and who owns a partition, in one process's memory: for stores that a single process serves."""

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import NamedTuple

from vaiven.stores.contract import Held, Role


class Lease(NamedTuple):
    owner: str
    epoch: int
    until_ms: int


class Leases:
    """Leases by role and partition. ``epochs`` holds the highest epoch ever given, and never goes down."""

    def __init__(self, clock: Callable[[], int]) -> None:
        self.clock = clock
        self._held: dict[tuple[Role, int], Lease] = {}
        self._attending: dict[tuple[Role, str], int] = {}
        self.epochs: dict[tuple[Role, int], int] = {}

    def take(
        self, role: Role, owner: str, partitions: Iterable[int], ttl_ms: int, expired: bool = True
    ) -> tuple[dict[int, int], dict[int, int]]:
        """Take what is free, and if asked to what is expired; renew what is the owner's.

        Give the epochs now held, and the new ones among them.
        """
        now, held, new = self.clock(), {}, {}
        for partition in partitions:
            key = (role, partition)
            lease = self._held.get(key)
            if lease is not None and lease.owner == owner:
                # Even an expired one: nobody took it meanwhile, and its owner, who was only paused, knows what it has dialed.
                epoch = lease.epoch
            elif lease is not None and (now < lease.until_ms or not expired):
                continue
            else:
                epoch = new[partition] = self.epochs.get(key, 0) + 1
                self.epochs[key] = epoch
            held[partition] = epoch
            self._held[key] = Lease(owner, epoch, now + ttl_ms)
        return held, new

    def forget(self, role: Role, partitions: Iterable[int]) -> None:
        """Take back leases that could not be saved. Their epochs are spent."""
        for partition in partitions:
            self._held.pop((role, partition), None)

    def release(self, role: Role, owner: str, partitions: Collection[int] | None = None) -> list[int]:
        """Let go of these leases of an owner, or of all and of its attendance; give the partitions that it held."""
        if partitions is None:
            self._attending.pop((role, owner), None)
        given_back = [
            partition
            for (of, partition), lease in self._held.items()
            if of is role and lease.owner == owner and (partitions is None or partition in partitions)
        ]
        self.forget(role, given_back)
        return given_back

    def attend(self, role: Role, owner: str, ttl_ms: int) -> list[str]:
        now = self.clock()
        self._attending[role, owner] = now + ttl_ms
        for key in [key for key, until_ms in self._attending.items() if until_ms <= now]:
            del self._attending[key]
        return sorted(name for of, name in self._attending if of is role)

    def held(self) -> list[Held]:
        now = self.clock()
        found = [
            Held(role, partition, lease.owner, lease.epoch, lease.until_ms)
            for (role, partition), lease in self._held.items()
            if now < lease.until_ms
        ]
        return sorted(found, key=lambda one: (one.role, one.partition))

    def clear(self) -> None:
        self._held.clear()
        self._attending.clear()

    def is_current(self, role: Role, partition: int, epoch: int) -> bool:
        """Whether this epoch still owns the partition. An expired lease does until somebody else takes it."""
        lease = self._held.get((role, partition))
        return lease is not None and lease.epoch == epoch

    def current(self, role: Role, epochs: Mapping[int, int]) -> dict[int, int]:
        """Those of these epochs that own their partition."""
        return {partition: epoch for partition, epoch in epochs.items() if self.is_current(role, partition, epoch)}
