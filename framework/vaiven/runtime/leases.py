"""Holding a fair share of the turn and send leases: taking what is free, giving back what is too much, never in a hurry."""

import asyncio
import logging
from collections.abc import Callable, Collection, Container, Iterable, Sequence

from vaiven.model.errors import StoreUnavailable
from vaiven.runtime.sharing import choose, quota, surplus
from vaiven.stores.contract import Role, Store

log = logging.getLogger("vaiven.leases")

TTL_MS = 10_000
"""A process that says nothing for so long has lost its partitions to whoever takes them."""
SHARE_S = 1.0
"""So often a process says that it is there, and looks who else is."""
SILENT = 0.5
"""After this part of ``TTL_MS`` without the store others may have been silent, too. When it is back they have as long as ever to
say that they are there: until then only what was given back is taken, not what has run out."""


class Moves:
    """What changed, by role: partitions ``acquired`` and ``leaving`` with their epochs, and those ``lost``."""

    def __init__(self) -> None:
        self.acquired: dict[Role, dict[int, int]] = {role: {} for role in Role}
        self.leaving: dict[Role, dict[int, int]] = {role: {} for role in Role}
        self.lost: dict[Role, list[int]] = {role: [] for role in Role}


class Leases:
    """The epochs this process holds, by role. The maps are read by the loops and changed only here.

    A partition that is given back first *leaves*: its lease is still renewed while what is in hand is finished. A turn lease
    stays among ``epochs`` meanwhile, so that its turns can commit; a send lease does not, so that nothing more is claimed.
    """

    def __init__(self, store: Store, owner: str, roles: Iterable[Role], now_s: Callable[[], float] | None = None) -> None:
        self.owner = owner
        self.roles = tuple(role for role in Role if role in roles)
        self.epochs: dict[Role, dict[int, int]] = {role: {} for role in Role}
        self.leaving: dict[Role, dict[int, int]] = {role: {} for role in Role}
        self._store = store
        self._now_s = now_s or (lambda: asyncio.get_running_loop().time())
        self._heard_s: float | None = None
        self._attending: dict[Role, list[str]] = {role: [] for role in Role}
        self._patient_until_s = 0.0
        self._ending = False
        self._one_at_a_time = asyncio.Lock()  # a renewal under way when something is given back would take it again

    @property
    def moving(self) -> bool:
        """Whether partitions are being given back, or are due to us."""
        takes = not self._ending and not self._is_patient
        return any(self.leaving.values()) or (takes and any(self._short(role) > 0 for role in self.roles))

    async def renew(self) -> Moves:
        """Renew what is held, say that we are there, and choose what to give back."""
        async with self._one_at_a_time:
            now_s, ttl_s = self._now_s(), TTL_MS / 1000
            if self._heard_s is not None and now_s - self._heard_s > ttl_s * SILENT:
                self._patient_until_s = now_s + ttl_s
            moves = Moves()
            kept = await asyncio.gather(*(self._keep(role) for role in self.roles))
            heard = await self._attend()
            for role, held in zip(self.roles, kept, strict=True):
                self._kept(role, held, moves)
            if heard:
                self._heard_s = now_s
                for role in self.roles if not self._ending else ():
                    self._give(role, moves)
            return moves

    async def fill(self) -> Moves:
        """Take what is free, as far as it is due to us."""
        moves = Moves()
        if self._ending or not any(self._short(role) > 0 for role in self.roles):
            return moves
        async with self._one_at_a_time:
            # Ours that we do not know of count as free: the answer was lost when we took them.
            taken = {(lease.role, lease.partition) for lease in await self._store.held() if lease.owner != self.owner}
            try:
                for role in self.roles:
                    await self._fill(role, taken, moves)
            except StoreUnavailable:
                # What was taken is told all the same, or nobody would look for what its last owner had dialed.
                if not any(moves.acquired.values()):
                    raise
        return moves

    async def give_back(self, role: Role, partitions: Collection[int]) -> None:
        """What was in hand of these is finished."""
        if not partitions:
            return
        async with self._one_at_a_time:
            for partition in partitions:
                self.epochs[role].pop(partition, None)
                self.leaving[role].pop(partition, None)
            await self._store.release(role, self.owner, partitions)

    async def end(self) -> None:
        """From now on take nothing more, and let others have a larger share; what is held is still renewed."""
        self._ending = True
        async with self._one_at_a_time:
            for role in self.roles:
                await self._store.attend(role, self.owner, 0)

    async def release(self, role: Role) -> None:
        """Give back everything at once."""
        async with self._one_at_a_time:
            self.epochs[role].clear()
            self.leaving[role].clear()
            if role in self.roles:
                await self._store.release(role, self.owner)

    # -- inside --------------------------------------------------------------------------------------------------------

    @property
    def _is_patient(self) -> bool:
        return self._now_s() < self._patient_until_s

    async def _attend(self) -> bool:
        """Say that we are there, and learn who is. False: nobody answers where that lies, while what we hold was renewed."""
        ttl_ms = 0 if self._ending else TTL_MS
        try:
            told = await asyncio.gather(*(self._store.attend(role, self.owner, ttl_ms) for role in self.roles))
        except StoreUnavailable as error:
            if not any((*self.epochs.values(), *self.leaving.values())):
                raise
            log.warning("store unavailable: %s: partitions are kept, and change hands no more", error)
            return False
        self._attending.update(zip(self.roles, told, strict=True))
        return True

    async def _keep(self, role: Role) -> dict[int, int]:
        """What we hold; so far as anybody knows, also where nobody answers."""
        ours = self.epochs[role] | self.leaving[role]
        held, away = await self._lease(role, sorted(ours))
        return held | {partition: ours[partition] for partition in away if partition in ours}

    async def _fill(self, role: Role, taken: Container[tuple[Role, int]], moves: Moves) -> None:
        ours = self.epochs[role].keys() | self.leaving[role].keys()
        free = [each for each in range(self._store.partitions) if (role, each) not in taken and each not in ours]
        # Some that seem free are not to be had: expired ones for now, and those whose node does not answer.
        while asked := self._pick(role, free):
            acquired = await self._take(role, asked)
            self.epochs[role].update(acquired)
            moves.acquired[role].update(acquired)
            free = sorted({*free}.difference(asked))

    async def _take(self, role: Role, partitions: Sequence[int]) -> dict[int, int]:
        """The epochs of those of these partitions that were to be had; none where nobody answers for any of them."""
        try:
            return (await self._lease(role, partitions, expired=not self._is_patient))[0]
        except StoreUnavailable as error:
            if not error.partitions:
                raise
            return {}

    async def _lease(self, role: Role, partitions: Sequence[int], expired: bool = True) -> tuple[dict[int, int], Collection[int]]:
        """The epochs of those of these partitions that are ours now, and those where nobody answers."""
        if not partitions:
            return {}, ()
        try:
            return await self._store.lease(role, self.owner, partitions, TTL_MS, expired), ()
        except StoreUnavailable as error:
            rest = [each for each in partitions if each not in error.partitions]
            if not error.partitions or not rest:
                raise
            held, away = await self._lease(role, rest, expired)
            return held, {*away, *error.partitions}

    def _kept(self, role: Role, held: dict[int, int], moves: Moves) -> None:
        """A lease that expired and was taken is lost; one that is held under a new epoch was lost and is acquired."""
        for ours in (self.epochs[role], self.leaving[role]):
            for partition, epoch in list(ours.items()):
                if held.get(partition) != epoch:
                    del ours[partition]
                    if partition not in moves.lost[role]:
                        moves.lost[role].append(partition)
        if moves.lost[role]:
            log.warning("lost the %s lease of %d partitions", role, len(moves.lost[role]))
        again = {partition: held[partition] for partition in moves.lost[role] if partition in held}
        self.epochs[role].update(again)
        moves.acquired[role] = again

    def _give(self, role: Role, moves: Moves) -> None:
        ours = self._ours(role)
        if self._follows(role):
            back = sorted(ours - self._ours(Role.TURN))
        else:
            other = Role.SEND if role is Role.TURN else Role.TURN
            back = surplus(ours, self._quota(role), self._ours(other))
        for partition in back:
            epoch = self.epochs[role][partition] if role is Role.TURN else self.epochs[role].pop(partition)
            self.leaving[role][partition] = moves.leaving[role][partition] = epoch
        if back:
            log.info("giving back the %s lease of %d partitions", role, len(back))

    def _pick(self, role: Role, free: Sequence[int]) -> list[int]:
        if self._follows(role):
            return sorted(self._ours(Role.TURN).intersection(free))
        other = Role.SEND if role is Role.TURN else Role.TURN
        place = self._place(role)
        return choose(free, self._short(role), self._ours(other), place)

    def _short(self, role: Role) -> int:
        """How many partitions more are due to us."""
        if self._follows(role):
            return len(self._ours(Role.TURN) - self._ours(role))
        return self._quota(role) - len(self._ours(role))

    def _ours(self, role: Role) -> set[int]:
        """The partitions that we hold and mean to keep."""
        return self.epochs[role].keys() - self.leaving[role].keys()

    def _quota(self, role: Role) -> int:
        return quota(self._store.partitions, self._attending[role], self.owner)

    def _place(self, role: Role) -> int:
        attending = self._attending[role]
        at = attending.index(self.owner) if self.owner in attending else 0
        return at * self._store.partitions // max(1, len(attending))

    def _follows(self, role: Role) -> bool:
        """Where everybody does both, who turns a partition sends for it, too: so a commit can claim its own rows."""
        both = Role.TURN in self.roles and self._attending[Role.TURN] == self._attending[Role.SEND]
        return role is Role.SEND and both
