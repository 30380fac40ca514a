"""What is asked for seldom, and done within a transaction one by one: leases, takes, timers due, homes, flows."""

# ruff: noqa: S608 - what is put into these statements are our own column names; values are always bound

from collections.abc import Mapping, Sequence

from vaiven.model.turns import Taken, Timer
from vaiven.model.urns import Identity, Urn
from vaiven.stores import codec, rules
from vaiven.stores.contract import FlowVersion, Role
from vaiven.stores.sqlite.files import SHIFT
from vaiven.stores.sqlite.transaction import Transaction


def lease(tx: Transaction, role: Role, owner: str, partitions: Sequence[int], ttl_ms: int) -> dict[int, int]:
    held, new = tx.mirror.leases.take(role, owner, partitions, ttl_ms)
    tx.undo.append(lambda: tx.mirror.leases.forget(role, new))
    tx.db.executemany("INSERT OR REPLACE INTO epochs VALUES (?, ?, ?)", [(str(role), *item) for item in new.items()])
    return held


def take(tx: Transaction, epochs: Mapping[int, int], after: Mapping[int, int], limit: int) -> list[Taken]:
    waiting: list[tuple[int, int, int, bytes]] = []
    for partition in tx.mirror.leases.current(Role.TURN, epochs):
        first, last = partition << SHIFT | after.get(partition, 0), (partition + 1 << SHIFT) - 1
        sql = "SELECT id, takes, event FROM inbox WHERE id > ? AND id <= ? ORDER BY id LIMIT ?"
        rows = tx.db.execute(sql, (first, last, limit))
        waiting += [(id_ - (partition << SHIFT), id_, takes, event) for id_, takes, event in rows]
    given = sorted(waiting)[:limit]
    if given:
        ids = [id_ for _, id_, _, _ in given]
        tx.db.execute("UPDATE inbox SET takes = takes + 1 WHERE id IN (SELECT value FROM json_each(?))", (f"{ids}",))
    return [Taken(number, codec.decode_event(event), takes) for number, _, takes, event in given]


def due(tx: Transaction, epochs: Mapping[int, int], now_ms: int, limit: int) -> list[Taken]:
    held = [*tx.mirror.leases.current(Role.TURN, epochs)]
    sql = """SELECT id, home, channel, key, due_ms, session, step, visit FROM timers WHERE due_ms <= ?
        AND partition IN (SELECT value FROM json_each(?)) ORDER BY due_ms, home, key LIMIT ?"""
    ripe = tx.db.execute(sql, (now_ms, f"{held}", limit)).fetchall()
    if not ripe:
        return []
    tx.db.execute("DELETE FROM timers WHERE id IN (SELECT value FROM json_each(?))", (f"{[row[0] for row in ripe]}",))
    events = [rules.timer_event(Timer(*timer), tx.mirror.partitions, now_ms) for _, *timer in ripe]
    return [Taken(number, event) for number, event in zip(tx.accept(events), events, strict=True)]


def identify(tx: Transaction, identities: Sequence[Identity]) -> list[Urn]:
    homes = []
    for identity in identities:
        addresses = (identity.stable, *identity.others)
        marks = ",".join("?" * len(addresses))
        known = dict(tx.db.execute(f"SELECT address, home FROM aliases WHERE address IN ({marks})", addresses).fetchall())
        home = next((known[address] for address in addresses if address in known), identity.stable)
        unbound = [(address, home) for address in dict.fromkeys(addresses) if address not in known]
        tx.db.executemany("INSERT INTO aliases VALUES (?, ?)", unbound)
        homes.append(Urn(home))
    return homes


def publish(tx: Transaction, versions: Sequence[FlowVersion]) -> None:
    for version in versions:
        values = (version.hash, version.flow, version.shape, version.source, version.at_ms)
        tx.db.execute(
            "INSERT INTO flows (hash, flow, shape, source, at_ms) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING", values
        )
        tx.db.execute("INSERT OR REPLACE INTO current VALUES (?, ?)", (version.flow, version.hash))
