"""A cluster: one primary dies and its replica takes over, slots move, and nothing acknowledged is lost; or nobody takes over."""

import asyncio
import signal
from collections.abc import Iterator

import pytest
from launch import BRIEF_MS

from vaiven.model.urns import partition_of, urn
from vaiven.stores.contract import Role
from vaiven.stores.redis.keys import Keys
from vaiven.testing import servers
from vaiven.testing.judge import judge
from vaiven.testing.provider import FakeProvider, slow
from vaiven.testing.servers import Cluster, wait_until

KEYS = Keys("crash-vote")
MOVED = 4
ROUNDS = 3


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    with servers.cluster(appendfsync="always") as formed:
        yield formed


@pytest.mark.crash
async def test_a_primary_dies_and_slots_move_under_load(fleet_at, cluster, figures) -> None:
    """``redis-strict``: what was answered is on the disk of a replica, so whoever takes over has it."""
    rig = fleet_at(cluster.url, "redis-strict")

    def fail_over() -> None:
        primary = cluster.owner(KEYS.of(0, "own"))
        replica = cluster.replica(primary)
        primary.kill()
        wait_until(lambda: replica.info("replication")["role"] == "master", "the replica took over")
        primary.start()
        cluster.wait_ok()
        cluster.wait_durable()

    def move(partition: int) -> None:
        slot = KEYS.of(partition, "own")
        target = next(one for one in cluster.primaries() if one is not cluster.owner(slot))
        moving = cluster.move(slot, target)
        moving.begin()
        while moving.carry(2):
            pass
        moving.finish()

    async with FakeProvider(answer=slow(0.05)) as provider:
        rig.settle_bot(provider.url)
        members = await rig.fleet(2)
        async with rig.doors(members) as clients:
            async with rig.load(clients, seed=8, rate_per_s=200):
                await clients.reached(150)
                await asyncio.to_thread(fail_over)
                await clients.reached(clients.acks + 100)
                for partition in range(MOVED):
                    await asyncio.to_thread(move, partition)
                    await clients.reached(clients.acks + 25)
            evidence, counted = await rig.verdict(clients, provider, members)
    figures |= {"slots moved": MOVED, **counted}
    assert judge(evidence) == []
    assert clients.refused, "nobody was told of the primary's death"
    assert counted["messages"] > 500


@pytest.mark.crash
async def test_a_node_that_is_away_holds_up_its_own_people_only(fleet_at, figures) -> None:
    """Though the processes say there that they attend; for longer than a lease."""
    with servers.cluster(replicas=0, appendfsync="always") as cluster:
        rig = fleet_at(cluster.url)
        victim = cluster.owner(KEYS.alone("attend", Role.TURN))
        people = rig.one_each()
        others = [
            one for one in people if cluster.owner(KEYS.of(partition_of(urn("tel", one), len(people)), "own")) is not victim
        ]

        async def say(clients, number: str, turn: int) -> None:
            await clients.deliver(*rig.message(number, turn, "vote 1"))

        async with FakeProvider(answer=slow(0.05)) as provider:
            rig.settle_bot(provider.url)
            members = await rig.fleet(2, fault="brief:none")
            async with rig.doors(members) as clients:
                async with rig.load(clients, seed=12, rate_per_s=200, contacts=100):
                    await clients.reached(100)
                    await asyncio.to_thread(victim.kill)
                    for turn in range(ROUNDS):
                        await asyncio.gather(*(say(clients, number, turn) for number in others))
                        for number in others:
                            await rig.until(lambda n=number, t=turn: heard(provider, n) > t, lambda: provider.total)
                        await asyncio.sleep(BRIEF_MS / 1000 / 2)
                    refused = clients.refused.total()
                    await asyncio.to_thread(victim.start)
                    await asyncio.to_thread(cluster.wait_ok)
                    await clients.reached(clients.acks + 100)
                evidence, counted = await rig.verdict(clients, provider, members)
    figures |= {"answered meanwhile": ROUNDS * len(others), **counted}
    assert len(people) / 3 < len(others) < len(people)
    assert refused, "nobody was told that the node is away"
    assert judge(evidence) == []


@pytest.mark.crash
async def test_who_hears_late_that_a_node_is_back_has_lost_nothing(fleet_at, figures) -> None:
    """By then its leases have run out, since nobody could say that it attends, and it has rows dialed."""
    with servers.cluster(replicas=0, appendfsync="always") as cluster:
        rig = fleet_at(cluster.url)
        victim = cluster.owner(KEYS.alone("attend", Role.TURN))
        async with FakeProvider(answer=slow(0.3)) as provider:
            rig.settle_bot(provider.url)
            members = await rig.fleet(2, fault="brief:none")
            late = members[1]
            async with rig.doors(members) as clients:
                async with rig.load(clients, seed=13, rate_per_s=200, contacts=100):
                    await clients.reached(100)
                    mine = await rig.sending(late.pid)
                    await asyncio.to_thread(victim.kill)
                    await asyncio.sleep(BRIEF_MS / 1000 * 1.5)
                    late.send(signal.SIGSTOP)
                    await asyncio.to_thread(victim.start)
                    await asyncio.to_thread(cluster.wait_ok)
                    async with rig.store() as store:
                        dialed = await rig._dialed(store, mine)
                    await asyncio.sleep(BRIEF_MS / 1000 / 2)
                    late.send(signal.SIGCONT)
                    await clients.reached(clients.acks + 100)
                evidence, counted = await rig.verdict(clients, provider, members)
    figures |= {"under way": len(dialed), **counted}
    assert dialed, "it had nothing to lose"
    assert judge(evidence) == []


def heard(provider: FakeProvider, number: str) -> int:
    return sum(send.to == number for send in provider.sends)
