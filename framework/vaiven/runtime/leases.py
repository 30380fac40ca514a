"""Holding the turn and send leases of this process's partitions."""

import logging
from collections.abc import Sequence

from vaiven.stores.contract import Role, Store

log = logging.getLogger("vaiven.leases")

TTL_MS = 15_000
RENEW_S = 4.0


class Leases:
    """The epochs this process holds, by role. The two maps are read by the loops and changed only here."""

    def __init__(self, store: Store, owner: str, roles: Sequence[Role]) -> None:
        self.epochs: dict[Role, dict[int, int]] = {role: {} for role in roles}
        self._store = store
        self._owner = owner

    async def renew(self) -> dict[Role, list[int]]:
        """Take what is free, renew what is held; give the partitions newly acquired a role. Lost ones are forgotten."""
        acquired: dict[Role, list[int]] = {}
        told = {role: await self._store.lease(role, self._owner, range(self._store.partitions), TTL_MS) for role in self.epochs}
        for role, held in self.epochs.items():
            now = told[role]
            acquired[role] = [partition for partition, epoch in now.items() if held.get(partition) != epoch]
            lost = [partition for partition in held if partition not in now]
            if lost:
                log.warning("lost the %s lease of %d partitions", role, len(lost))
            held.clear()
            held.update(now)
        return acquired

    async def release(self) -> None:
        for role, held in self.epochs.items():
            held.clear()
            await self._store.release(role, self._owner)
