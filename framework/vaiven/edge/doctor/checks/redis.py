"""The servers of a Redis store, as INFO and CONFIG tell them.

Sources: https://redis.io/docs/latest/operate/oss_and_stack/management/persistence/, /replication/,
https://redis.io/docs/latest/develop/reference/eviction/ (read 2026-11).
"""

from collections.abc import Iterator, Mapping
from typing import Any

from vaiven.edge.doctor.facts import RedisFacts, ServerFacts
from vaiven.edge.doctor.findings import Code, Finding, fail, ok, warn

OLDEST = {"redis": (7, 0), "valkey": (8, 0)}
WAITAOF = {"redis": (7, 2), "valkey": (7, 2)}
FULL = (0.8, 0.95)
"""From these shares of ``maxmemory`` on it is to mind, and fails."""
OF_MACHINE = 0.7
"""What a server may fill of its machine's memory; a rewrite of the append-only file needs the rest."""
FAR_S = 0.005
LATE_S = 10
CLIENTS = 0.8
ALLOW = "Allow +info and +config|get to this user, or look by hand."
STRICT = "redis-strict"

Info = Mapping[str, Any]


def check_redis(facts: RedisFacts, profile: str) -> Iterator[Finding]:
    """Every server, one after the other."""
    for server in facts.servers:
        if server.error:
            told = f"no answer: {server.error}"
            yield fail(Code.REDIS_REACH, told, "See that it runs, its firewall, and the store's URL.", server.name)
    reached = [server for server in facts.servers if not server.error]
    if reached:
        yield ok(Code.REDIS_REACH, f"{', '.join(server.name for server in reached)} answered")
    if reached and not facts.has_password and not facts.is_local:
        told = "the store's URL has no password, and the servers are elsewhere"
        yield warn(Code.REDIS_AUTH, told, "Set one (ACL SETUSER, requirepass), and rediss:// where the network is not yours.")
    for server in reached:
        if server.info is None:
            yield warn(Code.REDIS_VERSION, "not allowed to look: INFO is refused", ALLOW, server.name)
            continue
        yield from _every(server, server.info, facts.wants_cluster, profile)
        if server.info.get("role") == "master":
            yield from _replicas(server, server.info, facts, profile)
            yield _min_replicas(server, server.info, profile)
    for server in facts.replicas:
        yield from _replica(server, profile)


def _replica(server: ServerFacts, profile: str) -> Iterator[Finding]:
    """A single server's replica, which may be the primary tomorrow."""
    if server.error or server.info is None:
        told = f"this replica cannot be asked from here: {server.error or 'INFO is refused'}"
        cure = f"See by hand that it has appendonly yes, maxmemory-policy noeviction, appendfsync {_wanted_fsync(profile)}."
        yield warn(Code.REDIS_REPLICAS, told, cure, server.name)
        return
    yield _version(server, server.info, profile)
    yield _eviction(server, server.info)
    yield _memory(server, server.info)
    yield _aof(server, server.info)
    yield _fsync(server, server.info, profile)


def _wanted_fsync(profile: str) -> str:
    return "always" if profile == STRICT else "everysec"


def _every(server: ServerFacts, info: Info, is_cluster: bool, profile: str) -> Iterator[Finding]:
    """What must be so on primaries and replicas alike: each may be a primary tomorrow."""
    yield _mode(server, info, is_cluster)
    yield _version(server, info, profile)
    yield _role(server, info, is_cluster)
    yield _distance(server)
    yield _eviction(server, info)
    yield _memory(server, info)
    yield _aof(server, info)
    yield _fsync(server, info, profile)
    yield _save(server, info)
    yield _clients(server, info)


def _mode(server: ServerFacts, info: Info, wants_cluster: bool) -> Finding:
    is_cluster = str(info.get("cluster_enabled")) == "1"
    if is_cluster and not wants_cluster:
        return fail(Code.REDIS_MODE, "it is a node of a cluster", "Write redis+cluster:// in the store's URL.", server.name)
    if wants_cluster and not is_cluster:
        return fail(Code.REDIS_MODE, "it is no node of a cluster", "Write redis:// in the store's URL.", server.name)
    return ok(
        Code.REDIS_MODE, "a cluster's node, as the URL says" if is_cluster else "a single server, as the URL says", server.name
    )


def _version(server: ServerFacts, info: Info, profile: str) -> Finding:
    kind, written = _kind(info)
    version, shown = _numbers(written), f"{kind.capitalize()} {written}"
    if version < OLDEST[kind]:
        told = f"{shown} is too old"
        return fail(Code.REDIS_VERSION, told, "Redis 7.0 or newer (7.2 for redis-strict), or Valkey 8 or newer.", server.name)
    if profile == STRICT and version < WAITAOF[kind]:
        told = f"{shown} has no WAITAOF: under redis-strict its replicas answer for their memory only"
        return warn(Code.REDIS_VERSION, told, "Redis 7.2 or newer, or Valkey 8 or newer.", server.name)
    return ok(Code.REDIS_VERSION, shown, server.name)


def _role(server: ServerFacts, info: Info, is_cluster: bool) -> Finding:
    if int(info.get("loading", 0) or 0):
        return fail(Code.REDIS_ROLE, "it is still loading its data", "Wait; webhooks are answered 503 meanwhile.", server.name)
    if info.get("role") == "master" or is_cluster:
        return ok(Code.REDIS_ROLE, "a part of its cluster" if is_cluster else "takes writes", server.name)
    told = f"it is a replica of {info.get('master_host')}:{info.get('master_port')}, so it refuses writes"
    return fail(Code.REDIS_ROLE, told, "Name the primary in the store's URL, or a name that follows it.", server.name)


def _distance(server: ServerFacts) -> Finding:
    told = f"a round trip takes {server.ping_s * 1000:.1f} ms"
    if server.ping_s > FAR_S:
        return warn(Code.REDIS_DISTANCE, told, "Every reply waits for four of them: put the bot near its store.", server.name)
    return ok(Code.REDIS_DISTANCE, told, server.name)


def _eviction(server: ServerFacts, info: Info) -> Finding:
    policy, limit = info.get("maxmemory_policy"), int(info.get("maxmemory", 0) or 0)
    evicted = int(info.get("evicted_keys", 0) or 0)
    cure = "CONFIG SET maxmemory-policy noeviction, and the same in the server's configuration file."
    if evicted:
        told = f"{evicted} keys were evicted since its start: contacts, messages or votes are lost"
        return fail(Code.REDIS_EVICTION, told, f"{cure} Keep caches on another server.", server.name)
    if policy is None:
        return warn(Code.REDIS_EVICTION, "its eviction policy is not told", "See that it is noeviction.", server.name)
    if policy != "noeviction":
        told = f"maxmemory-policy is {policy}: " + (
            "it deletes state when memory is full" if limit else "no maxmemory is set yet"
        )
        return (fail if limit else warn)(Code.REDIS_EVICTION, told, cure, server.name)
    return ok(Code.REDIS_EVICTION, "maxmemory-policy noeviction", server.name)


def _memory(server: ServerFacts, info: Info) -> Finding:
    used, limit = int(info.get("used_memory", 0) or 0), int(info.get("maxmemory", 0) or 0)
    machine = int(info.get("total_system_memory", 0) or 0)
    if not limit:
        told = f"{_size(used)} used, and no maxmemory: at the end of the machine's memory the kernel kills it"
        if machine:
            cure = f"CONFIG SET maxmemory {int(machine * OF_MACHINE) >> 20}mb (70 % of its {_size(machine)}), and in its file."
        else:
            cure = "CONFIG SET maxmemory to 70 % of the machine's memory, and in its file."
        is_full = machine and used > machine * OF_MACHINE
        return (fail if is_full else warn)(Code.REDIS_MEMORY, told, cure, server.name)
    told = f"{_size(used)} of {_size(limit)} used"
    cure = "Raise maxmemory, add primaries, or prune history: when it is full writes are refused and webhooks answered 503."
    if used >= limit * FULL[1]:
        return fail(Code.REDIS_MEMORY, told, cure, server.name)
    return (
        warn(Code.REDIS_MEMORY, told, cure, server.name) if used >= limit * FULL[0] else ok(Code.REDIS_MEMORY, told, server.name)
    )


def _aof(server: ServerFacts, info: Info) -> Finding:
    cure = "CONFIG SET appendonly yes, and the same in its file: without it a restart forgets what was acknowledged."
    if str(info.get("aof_enabled")) != "1":
        return fail(Code.REDIS_AOF, "it keeps no append-only file", cure, server.name)
    if info.get("aof_last_write_status", "ok") != "ok":
        return fail(Code.REDIS_AOF, "its last write to the append-only file failed", "See its disk and its log.", server.name)
    if info.get("aof_last_bgrewrite_status", "ok") != "ok":
        told = "its last rewrite of the append-only file failed, so the file grows"
        return warn(Code.REDIS_AOF, told, "See its disk and memory: a rewrite needs room for a second copy.", server.name)
    return ok(Code.REDIS_AOF, "appendonly yes", server.name)


def _fsync(server: ServerFacts, info: Info, profile: str) -> Finding:
    if server.config is None:
        return warn(Code.REDIS_FSYNC, "not allowed to look: CONFIG is refused", ALLOW, server.name)
    fsync, strict = server.config.get("appendfsync", ""), profile == STRICT
    if fsync == "no":
        told = "appendfsync is no: the kernel syncs when it likes, some 30 s late"
        return fail(Code.REDIS_FSYNC, told, f"CONFIG SET appendfsync {_wanted_fsync(profile)}", server.name)
    if strict and fsync != "always":
        told = f"appendfsync is {fsync}: redis-strict does not start"
        if info.get("role") != "master":
            told = f"appendfsync is {fsync} on this replica: it may acknowledge before its file is synced, or once a second"
        return fail(Code.REDIS_FSYNC, told, "CONFIG SET appendfsync always, and in its file", server.name)
    if server.config.get("no-appendfsync-on-rewrite") == "yes":
        told = "no-appendfsync-on-rewrite is yes: during a rewrite nothing is synced"
        return (fail if strict else warn)(Code.REDIS_FSYNC, told, "CONFIG SET no-appendfsync-on-rewrite no", server.name)
    return ok(Code.REDIS_FSYNC, f"appendfsync {fsync}", server.name)


def _save(server: ServerFacts, info: Info) -> Finding:
    if info.get("rdb_last_bgsave_status", "ok") != "ok":
        stops = server.config is None or server.config.get("stop-writes-on-bgsave-error", "yes") == "yes"
        told = "its last snapshot failed" + (", and until one succeeds it refuses writes" if stops else "")
        cure = "See its disk; the append-only file needs no snapshots: CONFIG SET save ''"
        return (fail if stops else warn)(Code.REDIS_SAVE, told, cure, server.name)
    return ok(Code.REDIS_SAVE, "no snapshot has failed", server.name)


def _clients(server: ServerFacts, info: Info) -> Finding:
    connected, most = int(info.get("connected_clients", 0) or 0), int(info.get("maxclients", 0) or 0)
    told = f"{connected} clients" + (f" of at most {most}" if most else "")
    if most and connected > most * CLIENTS:
        return warn(Code.REDIS_CLIENTS, told, "CONFIG SET maxclients higher, or find who does not close.", server.name)
    return ok(Code.REDIS_CLIENTS, told, server.name)


def _replicas(server: ServerFacts, info: Info, facts: RedisFacts, profile: str) -> Iterator[Finding]:
    replicas = [each for key, each in sorted(info.items()) if key.startswith("slave") and isinstance(each, Mapping)]
    late = [each for each in replicas if each.get("state") != "online" or int(each.get("lag", 0) or 0) > LATE_S]
    if late:
        where = ", ".join(f"{each.get('ip')}:{each.get('port')} {each.get('state')}, {each.get('lag')} s" for each in late)
        told = f"replicas that do not follow: {where}"
        cure = "See their log and the network between: a failover to them would lose what they lack."
        yield (fail if profile == STRICT and len(late) == len(replicas) else warn)(Code.REDIS_REPLICAS, told, cure, server.name)
    elif replicas and (profile != STRICT or len(replicas) > facts.wants_replicas or facts.wants_cluster):
        yield ok(Code.REDIS_REPLICAS, f"{len(replicas)} follow" if len(replicas) > 1 else "one follows", server.name)
    elif not facts.wants_cluster:  # a cluster's are told as a whole
        yield _too_few(server, len(replicas), facts.wants_replicas, profile)


def _too_few(server: ServerFacts, replicas: int, wanted: int, profile: str) -> Finding:
    cure = "Add a replica on another machine (replicaof), with appendonly yes"
    if profile != STRICT:
        told = "no replica: when this server is down every webhook is answered 503, and its disk is the only copy"
        return warn(Code.REDIS_REPLICAS, told, f"{cure}.", server.name)
    cure = f"{cure} and appendfsync always"
    if not wanted:
        told = "?replicas=0: redis-strict is then worth this server's disk, no more; if that is lost, so is what was acknowledged"
        return warn(Code.REDIS_REPLICAS, told, f"{cure}; take ?replicas=0 out of the store's URL.", server.name)
    if replicas < wanted:
        told = f"{replicas or 'no'} replica: redis-strict waits for {wanted}, so every webhook is answered 503"
        return fail(Code.REDIS_REPLICAS, told, f"{cure}. Or ?replicas=0 in the store's URL: its own disk only.", server.name)
    told = f"{replicas} follow, and redis-strict waits for {wanted}: while one is away, and after a failover, every answer is 503"
    return warn(Code.REDIS_REPLICAS, told, f"{cure}, one more than is waited for.", server.name)


def _min_replicas(server: ServerFacts, info: Info, profile: str) -> Finding:
    if server.config is None:
        return warn(Code.REDIS_MIN_REPLICAS, "not allowed to look: CONFIG is refused", ALLOW, server.name)
    wanted, lag = server.config.get("min-replicas-to-write", "0"), server.config.get("min-replicas-max-lag", "10")
    connected = int(info.get("connected_slaves", 0) or 0)
    if not connected:
        if wanted not in ("", "0"):
            told = f"min-replicas-to-write is {wanted} and no replica is there: it refuses writes"
            return fail(
                Code.REDIS_MIN_REPLICAS, told, "Bring the replicas back, or CONFIG SET min-replicas-to-write 0", server.name
            )
        return ok(Code.REDIS_MIN_REPLICAS, "min-replicas-to-write 0, there being none", server.name)
    if profile != STRICT and wanted in ("", "0"):
        told = "min-replicas-to-write is 0: cut off from its replicas it goes on taking writes that a failover then forgets"
        cure = "CONFIG SET min-replicas-to-write 1 and min-replicas-max-lag 2, or the profile redis-strict."
        return warn(Code.REDIS_MIN_REPLICAS, told, cure, server.name)
    return ok(Code.REDIS_MIN_REPLICAS, f"min-replicas-to-write {wanted}, min-replicas-max-lag {lag}", server.name)


def _kind(info: Info) -> tuple[str, str]:
    """Redis or Valkey, and which version, as it is written."""
    if info.get("valkey_version"):
        return "valkey", str(info["valkey_version"])
    return "redis", str(info.get("redis_version", "0"))


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdecimal())


def _size(count: int) -> str:
    return f"{count / 2**30:.1f} GiB" if count >= 2**30 else f"{count / 2**20:.1f} MiB"
