"""The health of a Redis Cluster, as its nodes tell it.

Source: https://redis.io/docs/latest/commands/cluster-nodes/ (read 2026-11).
"""

from collections import Counter
from collections.abc import Iterator, Sequence

from vaiven.edge.doctor.checks.redis import STRICT
from vaiven.edge.doctor.facts import Node, RedisFacts
from vaiven.edge.doctor.findings import NAMED, Code, Finding, fail, ok, warn

SLOTS = 16_384
LOST = frozenset({"fail", "noaddr"})
DOUBTED = frozenset({"fail?", "handshake"})


def check_cluster(facts: RedisFacts, profile: str) -> Iterator[Finding]:
    """State, slots, nodes, and whether each primary can be replaced."""
    if not facts.wants_cluster or not any(not server.error for server in facts.servers):
        return
    if facts.cluster is None:
        yield warn(Code.CLUSTER_STATE, "not allowed to look: CLUSTER is refused", "Allow +cluster|info +cluster|nodes.")
        return
    state, covered = facts.cluster.get("cluster_state"), int(facts.cluster.get("cluster_slots_ok", 0))
    if state != "ok" or covered < SLOTS:
        told = f"state {state}, {covered} of {SLOTS} slots are served: contacts on the others get 503"
        yield fail(Code.CLUSTER_STATE, told, "redis-cli --cluster check HOST:PORT, then --cluster fix")
    else:
        yield ok(Code.CLUSTER_STATE, f"state ok, all {SLOTS} slots served")
    yield from _nodes(facts.nodes)
    yield from _replicas(facts.nodes, facts.wants_replicas if profile == STRICT else 0)
    yield _coverage(facts)
    moving = [node.name for node in facts.nodes if node.is_moving]
    if moving:
        told = f"slots are being moved at {', '.join(moving)}"
        yield warn(Code.CLUSTER_MOVING, told, "If nobody is moving them now: redis-cli --cluster fix HOST:PORT")
    else:
        yield ok(Code.CLUSTER_MOVING, "no slot is being moved")


def _nodes(nodes: Sequence[Node]) -> Iterator[Finding]:
    lost = [node.name for node in nodes if node.flags & LOST or not (node.is_linked or "myself" in node.flags)]
    doubted = [node.name for node in nodes if node.flags & DOUBTED and node.name not in lost]
    if lost:
        cure = "Bring it back; if it is gone for good: redis-cli --cluster del-node, and add another."
        yield fail(Code.CLUSTER_NODES, f"lost: {', '.join(lost)}", cure)
    if doubted:
        yield warn(Code.CLUSTER_NODES, f"in doubt: {', '.join(doubted)}", "Look again in a moment; see the network to it.")
    if not lost and not doubted:
        yield ok(Code.CLUSTER_NODES, f"{len(nodes)} nodes, all well")


def _coverage(facts: RedisFacts) -> Finding:
    setting = "cluster-require-full-coverage"
    told = [server.name for server in facts.servers if server.config is not None and server.config.get(setting) == "yes"]
    if told:
        where = ", ".join(told[:NAMED]) + (f" and {len(told) - NAMED} more" if len(told) > NAMED else "")
        what = f"{setting} is yes on {where}: when one primary is lost, all refuse, and every webhook is answered 503"
        return warn(Code.CLUSTER_COVERAGE, what, f"CONFIG SET {setting} no on every node, and in its file.")
    return ok(Code.CLUSTER_COVERAGE, "what is lost with one primary stops no other")


def _replicas(nodes: Sequence[Node], wanted: int) -> Iterator[Finding]:
    """``wanted``: how many a write waits for."""
    followed = Counter(node.primary for node in nodes if "slave" in node.flags and not node.flags & (LOST | DOUBTED))
    primaries = [node for node in nodes if "master" in node.flags and node.slots]
    bare = [node.name for node in primaries if not followed[node.id]]
    few = [node.name for node in primaries if 0 < followed[node.id] <= wanted]
    if few:
        told = f"redis-strict waits for {wanted} replica each, and {', '.join(few)} have no more: after a failover such a shard "
        told += "acknowledges nothing until the old primary is back as a replica"
        yield warn(Code.CLUSTER_REPLICAS, told, "One more for each: redis-cli --cluster add-node NEW EXISTING --cluster-slave")
    if bare:
        told = f"no replica of {', '.join(bare)}: when it is lost its contacts get 503 until it is back"
        yield warn(Code.CLUSTER_REPLICAS, told, "redis-cli --cluster add-node NEW EXISTING --cluster-slave")
    elif not few:
        yield ok(Code.CLUSTER_REPLICAS, "every primary has a replica" if not wanted else "every primary has replicas to spare")
