"""What INFO, CONFIG and CLUSTER mean: facts in, findings out."""

from typing import Any

import pytest

from vaiven.edge.doctor.checks.cluster import check_cluster
from vaiven.edge.doctor.checks.redis import check_redis
from vaiven.edge.doctor.facts import Node, RedisFacts, ServerFacts
from vaiven.edge.doctor.findings import Code

GIB = 1 << 30
INFO: dict[str, Any] = {
    "redis_version": "7.4.1",
    "cluster_enabled": 0,
    "role": "master",
    "loading": 0,
    "maxmemory": GIB,
    "maxmemory_policy": "noeviction",
    "used_memory": GIB // 10,
    "total_system_memory": 2 * GIB,
    "evicted_keys": 0,
    "aof_enabled": 1,
    "aof_last_write_status": "ok",
    "aof_last_bgrewrite_status": "ok",
    "rdb_last_bgsave_status": "ok",
    "connected_clients": 9,
    "maxclients": 10_000,
    "connected_slaves": 2,
    "slave0": {"ip": "10.0.0.8", "port": 6379, "state": "online", "offset": 9, "lag": 0},
    "slave1": {"ip": "10.0.0.9", "port": 6379, "state": "online", "offset": 9, "lag": 1},
}
CONFIG = {
    "appendfsync": "always",
    "no-appendfsync-on-rewrite": "no",
    "min-replicas-to-write": "1",
    "min-replicas-max-lag": "2",
    "stop-writes-on-bgsave-error": "yes",
}
ALONE = {"connected_slaves": 0, "slave0": None, "slave1": None}


def server(config: dict[str, str] | None = CONFIG, ping_s: float = 0.0005, **info: Any) -> ServerFacts:
    return ServerFacts("10.0.0.7:6379", info={**INFO, **info}, config=config, ping_s=ping_s)


def found(one: ServerFacts, profile: str = "redis-strict", **facts: Any):
    given = {"wants_cluster": False, "has_password": True, "is_local": False, **facts}
    return list(check_redis(RedisFacts(servers=(one,), **given), profile))


@pytest.mark.parametrize("profile", ["redis-fast", "redis-strict"])
def test_a_server_as_it_should_be(told, profile: str) -> None:
    assert set(told(found(server(), profile)).values()) == {"ok"}


@pytest.mark.parametrize(
    ("code", "severity", "info"),
    [
        (Code.REDIS_EVICTION, "fail", {"maxmemory_policy": "allkeys-lru"}),
        (Code.REDIS_EVICTION, "fail", {"maxmemory_policy": "volatile-ttl"}),
        (Code.REDIS_EVICTION, "warn", {"maxmemory_policy": "allkeys-lru", "maxmemory": 0}),
        (Code.REDIS_EVICTION, "fail", {"evicted_keys": 1}),
        (Code.REDIS_MEMORY, "warn", {"maxmemory": 0}),
        (Code.REDIS_MEMORY, "fail", {"maxmemory": 0, "used_memory": int(1.5 * GIB)}),
        (Code.REDIS_MEMORY, "ok", {"used_memory": int(0.79 * GIB)}),
        (Code.REDIS_MEMORY, "warn", {"used_memory": int(0.81 * GIB)}),
        (Code.REDIS_MEMORY, "fail", {"used_memory": int(0.96 * GIB)}),
        (Code.REDIS_AOF, "fail", {"aof_enabled": 0}),
        (Code.REDIS_AOF, "fail", {"aof_last_write_status": "err"}),
        (Code.REDIS_AOF, "warn", {"aof_last_bgrewrite_status": "err"}),
        (Code.REDIS_SAVE, "fail", {"rdb_last_bgsave_status": "err"}),
        (Code.REDIS_CLIENTS, "warn", {"connected_clients": 9_000}),
        (Code.REDIS_ROLE, "fail", {"role": "slave", "master_host": "10.0.0.8", "master_port": 6379}),
        (Code.REDIS_ROLE, "fail", {"loading": 1}),
        (Code.REDIS_MODE, "fail", {"cluster_enabled": 1}),
        (Code.REDIS_REPLICAS, "warn", {"slave1": {"ip": "10.0.0.9", "port": 6379, "state": "wait_bgsave", "lag": 0}}),
        (Code.REDIS_REPLICAS, "fail", {"slave1": None, "slave0": {"ip": "10.0.0.9", "port": 6379, "state": "online", "lag": 60}}),
        (Code.REDIS_REPLICAS, "warn", {"connected_slaves": 1, "slave1": None}),
        (Code.REDIS_REPLICAS, "fail", ALONE),
        (Code.REDIS_MIN_REPLICAS, "fail", ALONE),
        (Code.REDIS_VERSION, "fail", {"redis_version": "6.2.14"}),
        (Code.REDIS_VERSION, "warn", {"redis_version": "7.0.15"}),
        (Code.REDIS_VERSION, "fail", {"redis_version": "7.2.4", "valkey_version": "7.2.5"}),
        (Code.REDIS_VERSION, "ok", {"redis_version": "7.2.4", "valkey_version": "8.0.1"}),
    ],
)
def test_what_bites(told, code: Code, severity: str, info: dict[str, Any]) -> None:
    assert told(found(server(**info)))[code] == severity


@pytest.mark.parametrize(
    ("profile", "version", "config", "severity"),
    [
        ("redis-fast", "7.0.15", {"appendfsync": "everysec"}, "ok"),
        ("redis-fast", "7.4.1", {"appendfsync": "no"}, "fail"),
        ("redis-fast", "7.4.1", {"no-appendfsync-on-rewrite": "yes"}, "warn"),
        ("redis-strict", "7.4.1", {"appendfsync": "everysec"}, "fail"),
        ("redis-strict", "7.0.15", {"appendfsync": "everysec"}, "fail"),
        ("redis-strict", "7.0.15", {}, "ok"),
        ("redis-strict", "7.4.1", {"no-appendfsync-on-rewrite": "yes"}, "fail"),
    ],
)
def test_fsync_is_judged_by_the_profile(told, profile: str, version: str, config: dict[str, str], severity: str) -> None:
    one = server({**CONFIG, **config}, redis_version=version)
    assert told(found(one, profile))[Code.REDIS_FSYNC] == severity


def test_alone_it_is_worth_its_disk_and_that_is_said() -> None:
    alone = server({**CONFIG, "min-replicas-to-write": "0"}, **ALONE)
    (finding,) = [each for each in found(alone, wants_replicas=0) if each.fix]
    assert (finding.severity, "worth this server's disk" in finding.told) == ("warn", True)
    (finding,) = [each for each in found(alone) if each.fix]
    assert (finding.severity, "answered 503" in finding.told, "?replicas=0" in finding.fix) == ("fail", True, True)


def test_strict_wants_a_replica_more_than_it_waits_for(told) -> None:
    two = server()
    severities = [told(found(two, wants_replicas=count))[Code.REDIS_REPLICAS] for count in (0, 1, 2, 3)]
    assert severities == ["ok", "ok", "warn", "fail"]
    assert told(found(two, "redis-fast"))[Code.REDIS_REPLICAS] == "ok"


@pytest.mark.parametrize(
    ("code", "severity", "config", "info"),
    [
        (Code.REDIS_FSYNC, "fail", {**CONFIG, "appendfsync": "everysec"}, {}),
        (Code.REDIS_AOF, "fail", CONFIG, {"aof_enabled": 0}),
        (Code.REDIS_EVICTION, "fail", CONFIG, {"maxmemory_policy": "allkeys-lru"}),
    ],
)
def test_a_replica_is_looked_at_as_the_primary_of_tomorrow(
    code: Code, severity: str, config: dict[str, str], info: dict[str, Any]
) -> None:
    replica = ServerFacts("10.0.0.8:6379", info={**INFO, "role": "slave", **info}, config=config)
    (finding,) = [each for each in found(server(), replicas=(replica,)) if each.fix]
    assert (finding.code, finding.severity, finding.about) == (code, severity, "10.0.0.8:6379")
    assert not [each for each in found(server(), replicas=(replica,)) if each.code is Code.REDIS_ROLE and each.fix]


def test_a_replica_that_cannot_be_asked_from_here_is_no_failure() -> None:
    (finding,) = [each for each in found(server(), replicas=(ServerFacts("10.0.0.8:6379", error="nothing in 2 s"),)) if each.fix]
    assert (finding.code, finding.severity, "appendfsync always" in finding.fix) == (Code.REDIS_REPLICAS, "warn", True)


def test_without_a_minimum_of_replicas_a_failover_forgets(told) -> None:
    one = server({**CONFIG, "min-replicas-to-write": "0"})
    assert told(found(one, "redis-fast"))[Code.REDIS_MIN_REPLICAS] == "warn"
    assert told(found(one, "redis-strict"))[Code.REDIS_MIN_REPLICAS] == "ok"


def test_what_may_not_be_looked_at_is_said_and_does_not_fail(told) -> None:
    hidden = {finding.code: finding for finding in found(server(None))}
    assert {code for code, finding in hidden.items() if finding.severity == "warn"} == {Code.REDIS_FSYNC, Code.REDIS_MIN_REPLICAS}
    assert "not allowed to look" in hidden[Code.REDIS_FSYNC].told
    nothing = told(found(ServerFacts("10.0.0.7:6379")))
    assert nothing == {Code.REDIS_REACH: "ok", Code.REDIS_VERSION: "warn"}


def test_a_server_that_does_not_answer(told) -> None:
    (finding,) = found(ServerFacts("10.0.0.7:6379", error="Connection refused"))
    assert (finding.code, finding.severity) == (Code.REDIS_REACH, "fail")
    assert "Connection refused" in finding.told


def test_far_away(told) -> None:
    assert told(found(server(ping_s=0.02)))[Code.REDIS_DISTANCE] == "warn"


@pytest.mark.parametrize(
    ("has_password", "is_local", "warned"), [(False, False, True), (True, False, False), (False, True, False)]
)
def test_servers_elsewhere_want_a_password(told, has_password: bool, is_local: bool, warned: bool) -> None:
    assert (Code.REDIS_AUTH in told(found(server(), has_password=has_password, is_local=is_local))) is warned


# -- clusters -------------------------------------------------------------------------------------------------------------

STATE = {"cluster_state": "ok", "cluster_slots_ok": "16384"}


def node(number: int, flags: str, primary: str = "", slots: int = 0, linked: bool = True, moving: bool = False) -> Node:
    return Node(f"id{number}", f"10.0.0.{number}:6379", frozenset(flags.split(",")), primary, linked, slots, moving)


NODES = (node(1, "myself,master", slots=16_384), node(2, "slave", "id1"))


def clustered(*nodes: Node, state: dict[str, str] | None = STATE, profile: str = "redis-fast", coverage: str = "no"):
    one = server({**CONFIG, "cluster-require-full-coverage": coverage}, cluster_enabled=1)
    return list(check_cluster(RedisFacts(True, True, False, (one,), cluster=state, nodes=nodes or NODES), profile))


def test_a_cluster_as_it_should_be(told) -> None:
    assert set(told(clustered()).values()) == {"ok"}
    assert told(found(server(cluster_enabled=1), wants_cluster=True))[Code.REDIS_MODE] == "ok"


@pytest.mark.parametrize("state", [{**STATE, "cluster_state": "fail"}, {**STATE, "cluster_slots_ok": "16000"}])
def test_slots_that_nobody_serves(told, state: dict[str, str]) -> None:
    assert told(clustered(state=state))[Code.CLUSTER_STATE] == "fail"


@pytest.mark.parametrize(
    ("second", "severity"),
    [
        (node(2, "slave,fail", "id1"), "fail"),
        (node(2, "slave,noaddr", "id1"), "fail"),
        (node(2, "slave", "id1", linked=False), "fail"),
        (node(2, "slave,fail?", "id1"), "warn"),
    ],
)
def test_nodes_that_are_lost_or_in_doubt(told, second: Node, severity: str) -> None:
    assert told(clustered(NODES[0], second))[Code.CLUSTER_NODES] == severity


def test_a_primary_without_a_replica_that_lives(told) -> None:
    assert told(clustered(NODES[0]))[Code.CLUSTER_REPLICAS] == "warn"
    assert told(clustered(NODES[0], node(2, "slave,fail", "id1")))[Code.CLUSTER_REPLICAS] == "warn"
    assert told(clustered(*NODES, node(3, "master")))[Code.CLUSTER_REPLICAS] == "ok"


def test_one_replica_each_is_too_few_where_a_write_waits_for_it(told) -> None:
    assert told(clustered(profile="redis-strict"))[Code.CLUSTER_REPLICAS] == "warn"
    assert told(clustered(*NODES, node(3, "slave", "id1"), profile="redis-strict"))[Code.CLUSTER_REPLICAS] == "ok"


def test_a_cluster_that_one_lost_primary_stops(told) -> None:
    assert told(clustered(coverage="yes"))[Code.CLUSTER_COVERAGE] == "warn"
    assert told(clustered())[Code.CLUSTER_COVERAGE] == "ok"


def test_slots_on_their_way(told) -> None:
    assert told(clustered(node(1, "myself,master", slots=16_384, moving=True), NODES[1]))[Code.CLUSTER_MOVING] == "warn"


def test_a_cluster_that_may_not_be_looked_at(told) -> None:
    assert told(clustered(state=None)) == {Code.CLUSTER_STATE: "warn"}


def test_in_a_cluster_replicas_are_told_once(told) -> None:
    assert Code.REDIS_REPLICAS not in told(found(server(cluster_enabled=1, **ALONE), wants_cluster=True))
