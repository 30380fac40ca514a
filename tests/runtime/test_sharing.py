"""Partitions shared by many processes: fair, whole, at rest when nobody comes or goes, and quick when somebody does."""

import asyncio
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vaiven.model.errors import StoreUnavailable
from vaiven.runtime.leases import TTL_MS, Leases
from vaiven.runtime.sharing import choose, quota, surplus
from vaiven.stores.contract import Role
from vaiven.stores.memory import MemoryStore
from vaiven.testing.clock import Clock

BOTH = (Role.TURN, Role.SEND)


@given(st.integers(1, 64), st.sets(st.text(min_size=1, max_size=3), min_size=1, max_size=9))
def test_quotas_add_up_to_everything_and_differ_by_one_at_most(partitions: int, attending: set[str]) -> None:
    quotas = [quota(partitions, sorted(attending), each) for each in attending]
    assert sum(quotas) == partitions
    assert max(quotas) - min(quotas) <= 1


def test_who_does_not_attend_has_no_share() -> None:
    assert quota(16, ["a"], "b") == quota(16, [], "b") == 0


def test_what_the_other_lease_wants_is_kept_and_taken_first() -> None:
    assert surplus({0, 1, 2, 3}, 2, {3}) == [2, 1]
    assert surplus({0, 1}, 2, ()) == []
    assert choose([0, 1, 2, 3, 4], 3, {1}, 3) == [1, 3, 4]
    assert choose([0, 1], -1, (), 0) == []


class Process:
    """The leases of a process that finishes at once whatever it has in hand."""

    def __init__(self, fleet: "Fleet", name: str, roles: tuple[Role, ...]) -> None:
        self.fleet, self.name = fleet, name
        self.leases = Leases(fleet.store, name, roles, lambda: fleet.clock.now_ms() / 1000)
        self.lost: list[int] = []

    async def tick(self) -> None:
        moves = await self.leases.renew()
        self.lost += (partition for role in Role for partition in moves.lost[role])
        for role in self.leases.roles:
            await self.leases.give_back(role, list(self.leases.leaving[role]))
        await self.leases.fill()

    def held(self, role: Role) -> set[int]:
        return {*self.leases.epochs[role]}


class Fleet:
    def __init__(self, partitions: int = 16) -> None:
        self.clock = Clock()
        self.store = MemoryStore(partitions=partitions, clock=self.clock.now_ms)
        self.alive: list[Process] = []
        self.born = 0

    def join(self, roles: tuple[Role, ...] = BOTH) -> Process:
        self.born += 1
        self.alive.append(Process(self, f"p{self.born:02d}", roles))
        return self.alive[-1]

    async def rounds(self, count: int, random: Random | None = None) -> None:
        """So many seconds, in each of which everybody ticks once, in any order."""
        for _ in range(count):
            self.clock.advance(s=1)
            for process in (random or Random(count)).sample(self.alive, len(self.alive)):
                await process.tick()

    def shares(self, role: Role) -> list[int]:
        return sorted(len(process.held(role)) for process in self.alive if role in process.leases.roles)

    def settled(self, role: Role) -> bool:
        able = [process for process in self.alive if role in process.leases.roles]
        everything = sorted(partition for process in able for partition in process.held(role))
        return not able or (
            everything == [*range(self.store.partitions)] and max(self.shares(role)) - min(self.shares(role)) <= 1
        )


async def test_a_newcomer_has_its_share_within_seconds() -> None:
    fleet = Fleet()
    fleet.join()
    await fleet.rounds(1)
    assert fleet.shares(Role.TURN) == [16]
    for expected in ([8, 8], [5, 5, 6], [4, 4, 4, 4]):
        fleet.join()
        await fleet.rounds(3)
        assert fleet.shares(Role.TURN) == fleet.shares(Role.SEND) == expected
    assert all(process.held(Role.TURN) == process.held(Role.SEND) for process in fleet.alive)


async def test_more_processes_than_partitions_leave_some_without() -> None:
    fleet = Fleet(partitions=2)
    for _ in range(4):
        fleet.join()
    await fleet.rounds(4)
    assert fleet.shares(Role.TURN) == [0, 0, 1, 1]


async def test_a_dead_one_s_partitions_are_taken_after_its_time_and_not_before() -> None:
    fleet = Fleet()
    dead, heir = fleet.join(), fleet.join()
    await fleet.rounds(4)
    fleet.alive.remove(dead)
    await fleet.rounds(TTL_MS // 1000 - 1)
    assert fleet.shares(Role.TURN) == [8]
    await fleet.rounds(2)
    assert heir.held(Role.TURN) == heir.held(Role.SEND) == {*range(16)}


async def test_a_paused_one_goes_on_with_what_it_still_has() -> None:
    fleet = Fleet()
    paused = fleet.join()
    fleet.join()
    await fleet.rounds(4)
    before = {**paused.leases.epochs[Role.TURN]}
    fleet.alive.remove(paused)
    await fleet.rounds(20)
    moves = await paused.leases.renew()
    assert sorted(moves.lost[Role.TURN]) == sorted(before)
    assert paused.held(Role.TURN) == set()
    fleet.alive.append(paused)
    await fleet.rounds(4)
    assert fleet.shares(Role.TURN) == [8, 8]


async def test_one_who_leaves_makes_room_at_once() -> None:
    fleet = Fleet()
    leaver, heir = fleet.join(), fleet.join()
    await fleet.rounds(4)
    fleet.alive.remove(leaver)
    await leaver.leases.end()
    assert leaver.held(Role.TURN), "what is in hand is still finished under its lease"
    await fleet.rounds(3)
    await leaver.leases.renew()
    assert len(leaver.held(Role.TURN)) == 8
    for role in Role:
        await leaver.leases.release(role)
    await fleet.rounds(1)
    assert heir.held(Role.TURN) == {*range(16)}


@pytest.mark.parametrize("late_s", [0, 1, 4, TTL_MS // 1000 - 1])
async def test_after_a_silence_of_the_store_nobody_grabs_what_others_still_have(late_s: int) -> None:
    """Not even if another one comes back later: its leases have run out, but it may have rows dialed."""
    fleet = Fleet()
    one, other = fleet.join(), fleet.join()
    await fleet.rounds(4)
    epochs = [{**process.leases.epochs[Role.TURN]} for process in (one, other)]
    fleet.clock.advance(s=TTL_MS / 1000 + 5)
    fleet.alive.remove(other)
    await fleet.rounds(late_s)
    fleet.alive.append(other)
    await fleet.rounds(3)
    assert [process.leases.epochs[Role.TURN] for process in (one, other)] == epochs


async def test_what_one_had_who_died_in_a_silence_of_the_store_is_taken_in_the_end() -> None:
    fleet = Fleet()
    dead, heir = fleet.join(), fleet.join()
    await fleet.rounds(4)
    fleet.alive.remove(dead)
    fleet.clock.advance(s=TTL_MS / 1000 + 5)
    await fleet.rounds(TTL_MS // 1000)
    assert fleet.shares(Role.TURN) == [8]
    await fleet.rounds(2)
    assert heir.held(Role.TURN) == heir.held(Role.SEND) == {*range(16)}


async def test_what_is_given_back_after_a_silence_is_taken_at_once_among_what_has_run_out() -> None:
    fleet = Fleet(partitions=24)
    dead, leaver, heir, other = (fleet.join() for _ in range(4))
    await fleet.rounds(5)
    fleet.alive.remove(dead)
    fleet.clock.advance(s=TTL_MS / 1000 + 5)
    await fleet.rounds(1)
    fleet.alive.remove(leaver)
    left = leaver.held(Role.TURN)
    await leaver.leases.end()
    for role in Role:
        await leaver.leases.release(role)
    fleet.alive.remove(heir)  # the other one would rather have what is the dead one's
    await fleet.rounds(2)
    assert other.held(Role.TURN) >= left
    assert len(other.held(Role.TURN)) == 12


async def test_leases_are_renewed_while_nobody_can_say_who_attends() -> None:
    fleet = Fleet()
    one, other = fleet.join(), fleet.join()
    await fleet.rounds(4)
    attend = fleet.store.attend

    async def away(*_):
        raise StoreUnavailable("its node is away")

    fleet.store.attend = away
    await fleet.rounds(2 * TTL_MS // 1000)
    assert len(await fleet.store.held()) == 2 * 16
    with pytest.raises(StoreUnavailable):
        await Process(fleet, "new", BOTH).tick()
    fleet.store.attend = attend
    fleet.join()
    await fleet.rounds(4)
    assert fleet.shares(Role.TURN) == [5, 5, 6]
    assert not one.lost + other.lost, "a newcomer took what others had"


async def test_what_was_given_back_is_taken_while_nobody_can_say_who_attends() -> None:
    fleet = Fleet(partitions=18)
    one, other = fleet.join(), fleet.join()
    await fleet.rounds(4)
    newcomer = fleet.join()
    for process in (newcomer, one, newcomer, other):
        await process.tick()
    assert len(newcomer.held(Role.TURN)) == 3

    async def away(*_):
        raise StoreUnavailable("its node is away")

    fleet.store.attend = away
    fleet.clock.advance(s=TTL_MS / 1000 * 0.6)
    await fleet.rounds(2)
    assert fleet.shares(Role.TURN) == fleet.shares(Role.SEND) == [6, 6, 6]


async def test_what_was_given_back_is_taken_for_both_roles_though_the_rest_of_a_share_is_away() -> None:
    fleet = Fleet(partitions=18)
    one = fleet.join()
    fleet.join()
    await fleet.rounds(4)
    newcomer = fleet.join()
    for process in (newcomer, one, newcomer):
        await process.tick()
    has = newcomer.held(Role.TURN)
    assert len(has) == 3
    away = set(range(18)) - has - one.held(Role.TURN)
    lease, held = fleet.store.lease, fleet.store.held

    async def part(role, owner, partitions, *rest):
        if gone := dict.fromkeys(away.intersection(partitions), 0):
            raise StoreUnavailable("its node is away", 1, gone)
        return await lease(role, owner, partitions, *rest)

    async def seen():
        return [lease for lease in await held() if lease.partition not in away]

    fleet.store.lease, fleet.store.held = part, seen
    given = sorted(one.held(Role.TURN))[:2]
    for role in Role:
        await one.leases.give_back(role, given)
    fleet.alive.remove(one)
    await newcomer.tick()
    assert newcomer.held(Role.TURN) == newcomer.held(Role.SEND) == has | {*given}


async def test_what_was_taken_is_told_though_the_store_fails_before_the_rest_is() -> None:
    fleet = Fleet(partitions=8)
    process = fleet.join((Role.SEND,))
    await fleet.store.attend(Role.SEND, "other", TTL_MS)
    await process.leases.renew()
    lease, asked = fleet.store.lease, list[int]()

    async def broken(role, owner, partitions, *rest):
        asked.append(len(partitions))
        if len(asked) == 2:
            raise StoreUnavailable("the connection broke")
        return await lease(role, owner, partitions[:3], *rest)

    fleet.store.lease = broken
    moves = await process.leases.fill()
    assert sorted(moves.acquired[Role.SEND]) == sorted(process.held(Role.SEND))
    assert (len(process.held(Role.SEND)), asked) == (3, [4, 1])


async def test_turning_and_sending_can_be_different_processes() -> None:
    fleet = Fleet()
    for roles in ((Role.TURN,), (Role.TURN,), (Role.SEND,), BOTH):
        fleet.join(roles)
    await fleet.rounds(5)
    assert fleet.shares(Role.TURN) == [5, 5, 6]
    assert fleet.shares(Role.SEND) == [8, 8]


async def test_a_lease_whose_answer_was_lost_is_found_again() -> None:
    fleet = Fleet(partitions=2)
    process = fleet.join()
    lease, failed = fleet.store.lease, []

    async def lossy(*args):
        held = await lease(*args)
        if not failed:
            failed.append(held)
            raise StoreUnavailable("the answer was lost")
        return held

    fleet.store.lease = lossy
    with pytest.raises(StoreUnavailable):
        await process.tick()
    assert failed
    await process.tick()
    assert process.held(Role.TURN) == {0, 1}


@settings(max_examples=40, deadline=None)
@given(st.randoms(use_true_random=False), st.integers(1, 24))
def test_whatever_comes_and_goes_the_shares_are_fair_again_and_then_at_rest(random: Random, partitions: int) -> None:
    async def live() -> None:
        fleet = Fleet(partitions)
        fleet.join()
        for _ in range(12):
            what = random.random()
            if what < 0.45 or not fleet.alive:
                fleet.join(random.choice([BOTH, BOTH, BOTH, (Role.TURN,), (Role.SEND,)]))
            elif what < 0.7:
                fleet.alive.remove(random.choice(fleet.alive))  # it dies
            else:
                gone = fleet.alive.pop(random.randrange(len(fleet.alive)))
                await gone.leases.end()
                for role in Role:
                    await gone.leases.release(role)
            await fleet.rounds(random.randrange(4), random)
        await fleet.rounds(TTL_MS // 1000 + 6, random)
        assert fleet.settled(Role.TURN)
        assert fleet.settled(Role.SEND)
        epochs = [{role: {**process.leases.epochs[role]} for role in Role} for process in fleet.alive]
        await fleet.rounds(5, random)
        assert epochs == [{role: {**process.leases.epochs[role]} for role in Role} for process in fleet.alive]

    asyncio.run(live())
