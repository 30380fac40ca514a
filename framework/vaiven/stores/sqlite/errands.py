"""What is asked for seldom, and done one by one within a transaction: leases, takes, timers due, homes, dead letters, pruning."""

# ruff: noqa: S608 - what is put into these statements are our own column names; values are always bound

from collections.abc import Mapping, Sequence

from vaiven.model.events import Event
from vaiven.model.outbox import FINAL
from vaiven.model.turns import Taken, Timer
from vaiven.model.urns import Identity, Urn
from vaiven.stores import codec, rules
from vaiven.stores.contract import FlowVersion, Role
from vaiven.stores.sqlite.files import SHIFT
from vaiven.stores.sqlite.transaction import Transaction

_LOOK = 1_000
"""So many final rows are looked at for old ones: some may have to stay."""


def lease(tx: Transaction, role: Role, owner: str, partitions: Sequence[int], ttl_ms: int, expired: bool) -> dict[int, int]:
    leases = tx.mirror.leases
    held, new = leases.take(role, owner, partitions, ttl_ms, expired)
    tx.undo.append(lambda: leases.forget(role, new))
    tx.db.executemany("INSERT OR REPLACE INTO epochs VALUES (?, ?, ?)", [(str(role), *item) for item in new.items()])
    return held


def take(tx: Transaction, epochs: Mapping[int, int], after: Mapping[int, int], limit: int) -> list[Taken]:
    waiting: list[tuple[int, int, tuple[int, int] | None, bytes]] = []
    for partition in tx.mirror.leases.current(Role.TURN, epochs):
        first, last = partition << SHIFT | after.get(partition, 0), (partition + 1 << SHIFT) - 1
        sql = "SELECT id, takes, taken, event FROM inbox WHERE id > ? AND id <= ? ORDER BY id LIMIT ?"
        for id_, takes, epoch, event in tx.db.execute(sql, (first, last, limit)):
            waiting.append((id_ - (partition << SHIFT), partition, (takes, epoch) if epoch else None, event))
    taken, changed, begun = [], [], set[int]()
    for number, partition, known, event in sorted(waiting, key=lambda one: one[:2])[:limit]:
        marked = rules.taken(known, epochs[partition], first=partition not in begun)
        begun.add(partition)
        if marked != known:
            changed.append((*marked, partition << SHIFT | number))
        taken.append(Taken(number, codec.decode_event(event), marked[0]))
    tx.db.executemany("UPDATE inbox SET takes = ?, taken = ? WHERE id = ?", changed)
    return taken


def forgive(tx: Transaction, partitions: Sequence[int]) -> None:
    """What waits here was given back, not left behind: it counts as never taken."""
    sql = "UPDATE inbox SET takes = 0, taken = 0 WHERE id >= ? AND id < ? AND taken"
    tx.db.executemany(sql, [(partition << SHIFT, partition + 1 << SHIFT) for partition in partitions])


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


def revive(tx: Transaction, partition: int, number: int, now_ms: int) -> int | None:
    letter = _letter(tx, partition, number)
    if letter is None:
        return None
    tx.db.execute("DELETE FROM dead WHERE id = ?", (letter[0],))
    return tx.accept([rules.revived(letter[1], now_ms)])[0]


def drop(tx: Transaction, partition: int, number: int) -> bool:
    letter = _letter(tx, partition, number)
    if letter is not None:
        tx.db.execute("DELETE FROM dead WHERE id = ?", (letter[0],))
    return letter is not None


def _letter(tx: Transaction, partition: int, number: int) -> tuple[int, Event] | None:
    for id_, blob in tx.db.execute("SELECT id, event FROM dead WHERE number = ?", (number,)).fetchall():
        event = codec.decode_event(blob)
        if event.partition == partition:
            return id_, event
    return None


def prune(tx: Transaction, epochs: Mapping[int, int], before_ms: int, limit: int) -> int:
    gone = 0
    for partition in tx.mirror.leases.current(Role.TURN, epochs):
        if gone >= limit:
            break
        for table, find in (("history", _old_records), ("outbox", _old_rows)):
            ids = find(tx, partition, before_ms, limit - gone)
            tx.db.execute(f"DELETE FROM {table} WHERE id IN (SELECT value FROM json_each(?))", (f"{ids}",))
            gone += len(ids)
    return gone


def _old_records(tx: Transaction, partition: int, before_ms: int, limit: int) -> list[int]:
    """The first records of a partition, as far as they are old: numbers follow time, so nothing is gone through in vain."""
    sql = "SELECT id, record FROM history WHERE id >= ? AND id < ? ORDER BY id LIMIT ?"
    ids = []
    for id_, record in tx.db.execute(sql, (partition << SHIFT, partition + 1 << SHIFT, limit)):
        if codec.decode_record(record).at_ms >= before_ms:
            break
        ids.append(id_)
    return ids


def _old_rows(tx: Transaction, partition: int, before_ms: int, limit: int) -> list[int]:
    """The first final rows of a partition, as far as they are old and no older row of their home stays, whose chain they bear."""
    final = ",".join(f"'{state}'" for state in sorted(FINAL))
    sql = f"""SELECT o.id, o.created_ms, o.before, EXISTS (SELECT 1 FROM outbox b WHERE b.id = o.before) FROM outbox o
        WHERE o.id >= ? AND o.id < ? AND o.state IN ({final}) ORDER BY o.id LIMIT ?"""
    ids = dict[int, None]()
    for id_, created_ms, before, stays in tx.db.execute(sql, (partition << SHIFT, partition + 1 << SHIFT, max(limit, _LOOK))):
        if created_ms >= before_ms or len(ids) == limit:
            break
        if not stays or before in ids:
            ids[id_] = None
    return [*ids]
