"""A cluster: commands find their node, also while slots move and primaries die."""

import asyncio
import time

import pytest

from vaiven.model.errors import StoreUnavailable
from vaiven.stores.redis import topology as topology_module
from vaiven.stores.redis import wire as wire_module
from vaiven.stores.redis.wire import CommandRefused, Durability, Patience, Script, Wire
from vaiven.testing import servers
from vaiven.testing.servers import Cluster, Server, wait_until

COUNT = Script("count", "return redis.call('INCR', KEYS[1])")
BOTH = Script("both", "redis.call('INCR', KEYS[2]) return redis.call('INCR', KEYS[1])")

KEYS = [b"{p%d}n" % i for i in range(64)]
"""Spread over all primaries."""

HASTY = Patience(reply_s=1.0, connect_s=0.5, down_s=0.3)


@pytest.fixture(scope="module")
def _moving_cluster():
    with servers.cluster(replicas=0) as made:
        yield made


@pytest.fixture
def moving_cluster(_moving_cluster: Cluster) -> Cluster:
    """A cluster whose slots may be moved; those that move stay there."""
    _moving_cluster.wait_ok()
    for one in _moving_cluster.servers:
        one.say("FLUSHALL")
        one.say("SCRIPT", "FLUSH")
        one.say("CONFIG", "RESETSTAT")
    return _moving_cluster


def other_than(cluster: Cluster, one: Server) -> Server:
    return next(primary for primary in cluster.primaries() if primary is not one)


def calls(cluster: Cluster, command: str) -> int:
    return sum(one.calls(command) for one in cluster.servers if one.running)


async def test_commands_find_their_node(redis_cluster, opened):
    async with opened(redis_cluster) as wire:
        assert await asyncio.gather(*(wire.run(COUNT, [key], []) for key in KEYS for _ in range(2))) == [1, 2] * len(KEYS)
        assert all(int(one.say("DBSIZE")) > 5 for one in redis_cluster.servers)
        assert sum(await wire.each_primary("DBSIZE")) == len(KEYS)
        assert sorted(wire.facts()) == sorted(f"127.0.0.1:{one.port}" for one in redis_cluster.servers)
        assert {info["cluster_enabled"] for info in (await wire.info("cluster")).values()} == {"1"}


async def test_a_ticks_commands_go_out_in_one_write_a_node(redis_cluster, opened):
    def reads():
        return sum(int(one.info("stats")["total_reads_processed"]) for one in redis_cluster.servers)

    async with opened(redis_cluster) as wire:
        await asyncio.gather(*(wire.run(COUNT, [key], []) for key in KEYS))
        before = reads()
        asking = reads() - before
        await asyncio.gather(*(wire.run(COUNT, [key], []) for key in KEYS * 3))
        assert reads() - before - asking == 3 + asking


async def test_one_living_seed_is_enough(redis_cluster, opened):
    seed = redis_cluster.servers[1]
    async with opened(f"redis+cluster://127.0.0.1:1,127.0.0.1:{seed.port}") as wire:
        assert await asyncio.gather(*(wire.run(COUNT, [key], []) for key in KEYS)) == [1] * len(KEYS)
    with pytest.raises(StoreUnavailable, match=r"127\.0\.0\.1:2"):
        await Wire("redis+cluster://127.0.0.1:1,127.0.0.1:2", patience=HASTY).open()


async def test_a_primary_that_is_away_stops_its_own_slots_only(opened):
    with servers.cluster(replicas=0) as made:
        victim = made.owner(KEYS[0])
        its = [key for key in KEYS if made.owner(key) is victim]
        victim.kill()
        async with opened(made, patience=HASTY) as wire:
            assert not wire.is_up
            answers = await asyncio.gather(*(wire.run(COUNT, [key], []) for key in KEYS), return_exceptions=True)
            assert [isinstance(answer, StoreUnavailable) for answer in answers] == [key in its for key in KEYS]
            await asyncio.to_thread(victim.start)
            await asyncio.to_thread(made.wait_ok)
            async with asyncio.timeout(60):
                while not wire.is_up:
                    await asyncio.sleep(0.02)
            assert await asyncio.gather(*(wire.run(COUNT, [key], []) for key in its)) == [1] * len(its)


async def test_it_closes_at_any_moment_of_a_question_for_the_map(redis_cluster, monkeypatch):
    monkeypatch.setattr(topology_module, "CALM_S", 0.001)
    for passes in range(6):
        wire = Wire(redis_cluster.url)
        await wire.open()
        await asyncio.sleep(0.05)  # now it waits to be told that the map is wrong
        wire._topology.doubt()
        for _ in range(passes):
            await asyncio.sleep(0)
        async with asyncio.timeout(60):
            await wire.close()


async def test_what_any_node_publishes_is_heard(redis_cluster, opened):
    async with opened(redis_cluster) as wire:
        heard = []
        wire.subscribe(b"turn", heard.append)
        listeners = lambda: sum(one.say("PUBSUB", "NUMSUB", "turn")[1] for one in redis_cluster.servers)  # noqa: E731
        await asyncio.to_thread(wait_until, listeners, "it listens")
        for place, one in enumerate(redis_cluster.servers):
            one.say("PUBLISH", "turn", place)
        async with asyncio.timeout(60):
            while len(heard) < 3:
                await asyncio.sleep(0.01)
        assert sorted(heard) == [b"0", b"1", b"2"]


async def test_a_moved_slot_is_followed_and_the_map_asked_for_once(moving_cluster, opened):
    async with opened(moving_cluster) as wire:
        await wire.run(COUNT, [KEYS[0]], [])
        target = other_than(moving_cluster, moving_cluster.owner(KEYS[0]))
        await asyncio.to_thread(moving_cluster.move(KEYS[0], target).run)
        maps = calls(moving_cluster, "cluster|slots")
        answers = await asyncio.gather(*(wire.run(COUNT, [KEYS[0]], []) for _ in range(500)))
        assert sorted(answers) == list(range(2, 502))
        await asyncio.sleep(0.5)
        assert calls(moving_cluster, "cluster|slots") == maps + 1
        reads = calls(moving_cluster, "evalsha")
        assert await wire.run(COUNT, [KEYS[0]], []) == 502
        assert calls(moving_cluster, "evalsha") == reads + 1  # at once where it belongs


async def test_a_key_that_is_not_there_yet_is_asked_for_where_its_slot_goes(moving_cluster, opened):
    async with opened(moving_cluster) as wire:
        source = moving_cluster.owner(KEYS[1])
        target = other_than(moving_cluster, source)
        move = moving_cluster.move(KEYS[1], target)
        move.begin()
        # The target does not even know the script: it comes with the question.
        assert sorted(await asyncio.gather(*(wire.run(COUNT, [KEYS[1]], []) for _ in range(20)))) == list(range(1, 21))
        assert (source.say("DBSIZE"), target.say("DBSIZE")) == (0, 1)
        await asyncio.to_thread(move.finish)
        assert await wire.run(COUNT, [KEYS[1]], []) == 21


async def test_keys_on_both_sides_are_waited_for(moving_cluster, opened):
    here, there = b"{p2}here", b"{p2}there"
    async with opened(moving_cluster) as wire:
        await wire.run(BOTH, [here, there], [])
        move = moving_cluster.move(here, other_than(moving_cluster, moving_cluster.owner(here)))
        move.begin()
        move.carry_keys(here)
        waiting = [wire.run(BOTH, [here, there], []) for _ in range(5)]
        await asyncio.sleep(0.2)
        assert not any(call.done() for call in waiting)
        await asyncio.to_thread(move.finish)
        assert sorted(await asyncio.gather(*waiting)) == [2, 3, 4, 5, 6]
        assert moving_cluster.owner(here).say("MGET", here, there) == ["6", "6"]


async def test_keys_that_stay_on_both_sides_make_it_unavailable(moving_cluster, monkeypatch, opened):
    monkeypatch.setattr(wire_module, "RETRY_S", 0.2)
    here, there = b"{p3}here", b"{p3}there"
    async with asyncio.timeout(60), opened(moving_cluster) as wire:
        await wire.run(BOTH, [here, there], [])
        move = moving_cluster.move(here, other_than(moving_cluster, moving_cluster.owner(here)))
        move.begin()
        move.carry_keys(here)
        with pytest.raises(StoreUnavailable, match="TRYAGAIN"):
            await wire.run(BOTH, [here, there], [])
        await asyncio.to_thread(move.finish)
        assert await wire.run(BOTH, [here, there], []) == 2


async def test_slots_that_move_under_load_lose_and_double_nothing(moving_cluster, opened):
    async with opened(moving_cluster) as wire:
        stop = asyncio.Event()
        told = dict.fromkeys(KEYS, 0)

        async def count(key):
            while not stop.is_set():
                told[key] += 1
                assert await wire.run(BOTH, [key, key + b"2"], []) == told[key]

        async with asyncio.TaskGroup() as group:
            for key in KEYS:
                group.create_task(count(key))
            for key in KEYS[:12]:
                move = moving_cluster.move(key, other_than(moving_cluster, moving_cluster.owner(key)))
                for step in (move.begin, lambda move=move: move.carry(1), lambda move=move: move.carry(1), move.finish):
                    await asyncio.to_thread(step)
                    await asyncio.sleep(0.02)
            stop.set()
        # A new map may have come before the command that it would have redirected.
        assert min(refusals(moving_cluster, code) for code in ("MOVED", "ASK", "TRYAGAIN")) >= 6
        assert min(told.values()) > 10
        for key, count in told.items():
            assert moving_cluster.owner(key).say("MGET", key, key + b"2") == [str(count)] * 2


def refusals(cluster: Cluster, code: str) -> int:
    stats = (one.info("errorstats").get(f"errorstat_{code}", "count=0") for one in cluster.servers)
    return sum(int(stat.removeprefix("count=")) for stat in stats)


async def test_keys_of_several_slots_are_a_bug(redis_cluster, opened):
    async with opened(redis_cluster) as wire:
        with pytest.raises(CommandRefused, match="CROSSSLOT"):
            await wire.run(BOTH, [b"{a}1", b"{b}1"], [])


class Counting:
    """Counters that go on through whatever happens, and what is known of each: acknowledged, and perhaps applied."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self.told = dict.fromkeys(KEYS, 0)
        self.unknown = dict.fromkeys(KEYS, 0)
        self.refused = 0
        self.longest_s = 0.0
        self.stop = asyncio.Event()

    async def count(self, key: bytes) -> None:
        while not self.stop.is_set():
            begun = time.monotonic()
            try:
                await self.wire.run(COUNT, [key], [])
                self.told[key] += 1
            except StoreUnavailable:
                self.unknown[key] += 1
                self.refused += 1
            self.longest_s = max(self.longest_s, time.monotonic() - begun)
            await asyncio.sleep(0.005)

    async def progress(self, keys: list[bytes], within_s: float = 60.0) -> None:
        """Wait until each of these counted once more."""
        before = {key: self.told[key] for key in keys}
        async with asyncio.timeout(within_s):
            while any(self.told[key] == before[key] for key in keys):
                await asyncio.sleep(0.02)

    def check(self, cluster: Cluster) -> None:
        for key in KEYS:
            found = int(cluster.owner(key).say("GET", key) or 0)
            assert self.told[key] <= found <= self.told[key] + self.unknown[key], key


@pytest.mark.parametrize("how", ["kill", "pause"])
async def test_a_primary_that_dies_is_replaced_and_nothing_acknowledged_is_lost(own_cluster, how, opened):
    strict = Durability(local=1, replicas=1, timeout_ms=300)
    async with opened(own_cluster, wait=strict, patience=HASTY) as wire:
        counting = Counting(wire)
        async with asyncio.TaskGroup() as group:
            for key in KEYS:
                group.create_task(counting.count(key))
            await counting.progress(KEYS)
            victim = own_cluster.owner(KEYS[0])
            replica = own_cluster.replica(victim)
            its = [key for key in KEYS if own_cluster.owner(key) is victim]
            others = [key for key in KEYS if key not in its]
            getattr(victim, how)()
            while own_cluster.owner(KEYS[0]) is not replica:
                await counting.progress(others)
            told = counting.told[KEYS[0]]
            await counting.progress(others)
            assert counting.told[KEYS[0]] == told  # it has no replica yet
            if how == "kill":
                await asyncio.to_thread(victim.start)
            else:
                victim.resume()
            await asyncio.to_thread(own_cluster.wait_ok)
            await counting.progress(KEYS)
            counting.stop.set()
        assert own_cluster.owner(KEYS[0]) is replica
        assert counting.refused > 0
        assert counting.longest_s < 10
        counting.check(own_cluster)


async def test_a_planned_failover_costs_a_moment(own_cluster, opened):
    async with opened(own_cluster, patience=HASTY) as wire:
        before = {key: await wire.run(COUNT, [key], []) for key in KEYS}
        wait_until(lambda: all(one.info("replication").get("master_link_status") != "down" for one in own_cluster.servers), "ok")
        victim = own_cluster.owner(KEYS[0])
        victim.say("WAIT", 1, 1000)
        await asyncio.to_thread(own_cluster.take_over, own_cluster.replica(victim))
        assert {key: await wire.run(COUNT, [key], []) for key in KEYS} == {key: n + 1 for key, n in before.items()}
