"""Real servers, asked: single, with a replica, a cluster; with users that may not ask, and none at all."""

import asyncio
from pathlib import Path

import pytest

from vaiven.edge.doctor.checks.cluster import check_cluster
from vaiven.edge.doctor.checks.redis import check_redis
from vaiven.edge.doctor.findings import Code
from vaiven.edge.doctor.looks.redis import look_at_redis, read_nodes
from vaiven.testing.proxy import Fault, Proxy
from vaiven.testing.servers import cluster, primary_and_replica, programs, server, wait_until


def look(url: str):
    return asyncio.run(look_at_redis(url))


@pytest.mark.parametrize("program", programs(), ids=lambda program: Path(program).name)
def test_a_server_with_a_replica(told, program: str) -> None:
    with primary_and_replica(appendfsync="always", program=program) as (primary, replica):
        for each in (primary, replica):
            each.say("CONFIG", "SET", "maxmemory", "100mb")
        wait_until(lambda: "state=online" in primary.info("replication")["slave0"], "its replica is online")
        facts = look(primary.url)
        found = told(check_redis(facts, "redis-fast"))
        assert {code for code, severity in found.items() if severity != "ok"} == {Code.REDIS_MIN_REPLICAS}
        assert [each.name for each in facts.replicas] == [f"127.0.0.1:{replica.port}"]
        replica.say("CONFIG", "SET", "appendfsync", "everysec")
        strict = [each for each in check_redis(look(primary.url), "redis-strict") if each.code is Code.REDIS_FSYNC and each.fix]
        assert [each.about for each in strict] == [f"127.0.0.1:{replica.port}"]
        primary.say("CONFIG", "SET", "min-replicas-to-write", "1", "min-replicas-max-lag", "2")
        assert set(told(check_redis(look(primary.url), "redis-fast")).values()) == {"ok"}
        assert told(check_redis(look(replica.url), "redis-fast"))[Code.REDIS_ROLE] == "fail"


def test_what_is_set_wrong_is_seen(told) -> None:
    with server(appendfsync="no", maxmemory=3 << 20, extra=("--save", "60 1")) as one:
        one.say("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
        for number in range(40):
            one.say("SET", f"key{number}", "x" * 100_000)
        found = told(check_redis(look(f"{one.url}?replicas=0"), "redis-strict"))
    assert {code: found[code] for code in (Code.REDIS_EVICTION, Code.REDIS_FSYNC, Code.REDIS_REPLICAS)} == {
        Code.REDIS_EVICTION: "fail",
        Code.REDIS_FSYNC: "fail",
        Code.REDIS_REPLICAS: "warn",
    }


def test_a_user_who_may_not_ask(told) -> None:
    with server(appendfsync="always", maxmemory=100 << 20) as one:
        one.say("ACL", "SETUSER", "bot", "on", ">fake-password", "~*", "+@all", "-config", "-acl")
        facts = look(f"redis://bot:fake-password@127.0.0.1:{one.port}")
        assert facts.has_password
        assert facts.is_local
        assert told(check_redis(facts, "redis-fast"))[Code.REDIS_FSYNC] == "warn"
        one.say("ACL", "SETUSER", "bot", "-info")
        assert (
            told(check_redis(look(f"redis://bot:fake-password@127.0.0.1:{one.port}"), "redis-fast"))[Code.REDIS_VERSION] == "warn"
        )
        (answered,) = look(f"redis://bot:wrong@127.0.0.1:{one.port}").servers
        assert answered.error == "it refuses the user or the password"


def test_nobody_there() -> None:
    (silent,) = look("redis://127.0.0.1:1").servers
    assert silent.error == "Connection refused"


async def test_a_server_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vaiven.edge.doctor.looks.redis.PATIENCE_S", 0.1)
    async with Proxy("127.0.0.1", 1) as proxy:
        proxy.partition()
        (silent,) = (await look_at_redis(f"redis://127.0.0.1:{proxy.port}")).servers
        assert silent.error.startswith("nothing in")
        assert proxy.fired[Fault.HOLD]


def test_a_cluster_with_a_node_that_dies(told) -> None:
    with cluster(appendfsync="everysec") as formed:
        facts = look(formed.url)
        assert len(facts.servers) == len(facts.nodes) == 6
        assert sum(node.slots for node in facts.nodes) == 16_384
        found = told(check_redis(facts, "redis-fast")) | told(check_cluster(facts, "redis-fast"))
        del found[Code.REDIS_DISTANCE]  # a busy machine is far from everything
        assert {code for code, severity in found.items() if severity != "ok"} == {Code.REDIS_MEMORY, Code.REDIS_MIN_REPLICAS}

        single = told(check_redis(look(formed.servers[0].url), "redis-fast"))
        assert single[Code.REDIS_MODE] == "fail"

        victim = formed.replica(formed.servers[0])
        victim.kill()
        facts = look(formed.url)
        assert told(check_redis(facts, "redis-fast"))[Code.REDIS_REACH] == "fail"

        move = formed.move(0, formed.servers[1])
        move.begin()
        assert told(check_cluster(look(formed.url), "redis-fast"))[Code.CLUSTER_MOVING] == "warn"
        formed.servers[1].kill()
        assert [answered.name for answered in look(formed.url).servers if answered.error]


def test_a_single_server_that_should_be_a_cluster(told) -> None:
    with server() as one:
        facts = look(one.url.replace("redis://", "redis+cluster://"))
        assert facts.cluster is None
        assert told(check_redis(facts, "redis-fast"))[Code.REDIS_MODE] == "fail"


def test_lines_of_cluster_nodes() -> None:
    text = (
        "a1 :6379@16379,host.example myself,master - 0 0 7 connected 0-99 200 [93-<-b2]\n"
        "b2 10.0.0.2:6379@16379,, slave,fail? a1 1 2 7 disconnected\n"
    )
    first, second = read_nodes(text, "10.0.0.1:6379")
    assert (first.name, first.slots, first.is_moving, first.is_linked) == ("10.0.0.1:6379", 101, True, True)
    assert (second.primary, second.flags, second.slots, second.is_linked) == ("a1", {"slave", "fail?"}, 0, False)
