"""What the serving process keeps in memory of its file. The file alone is the truth: all of it is read back at open."""

# ruff: noqa: S608 - what is put into these statements are our own column names; values are always bound

import json
import sqlite3
from collections.abc import Sequence
from typing import Any

from msgspec.structs import replace

from vaiven.model.outbox import FINAL, OutboxRow, RowState
from vaiven.model.receipts import DeliveryReceipt
from vaiven.stores import codec, rules
from vaiven.stores.contract import Role
from vaiven.stores.leases import Leases
from vaiven.stores.sqlite.contacts import Contacts
from vaiven.stores.sqlite.lanes import Lanes, Line

ROW = "made, state, attempt, unknowns, retry_ms, provider_id, reason, delivery"
"""The columns that ``read_row`` reads."""

WAITING = "state <> 'accepted' AND state <> 'rejected' AND state <> 'suppressed' AND state <> 'expired'"
"""What the index of waiting rows covers: rows on their way, and the unknown ones that an operator looks for."""

WAITING_STATES = frozenset(RowState) - (FINAL - {RowState.UNKNOWN})

PARKED_MS = 7 * 24 * 3_600_000
"""How long a receipt waits for a send that it could belong to, about as long as providers redeliver one."""


class Mirror:
    """Counters, leases, homes lately seen, rows on their way, receipts that came too early."""

    def __init__(self, partitions: int, leases: Leases) -> None:
        self.partitions, self.leases = partitions, leases
        self.numbers: list[int] = []
        self.contacts = Contacts()
        self.lanes = Lanes()
        self.parked: dict[tuple[str, str], DeliveryReceipt] = {}

    def read(self, connection: sqlite3.Connection) -> None:
        """Read everything from the file: at open, and after a transaction that failed half way."""
        self.numbers = json.loads(connection.execute("SELECT value FROM meta WHERE key = 'numbers'").fetchone()[0])
        for role, partition, epoch in connection.execute("SELECT role, partition, epoch FROM epochs"):
            key = (Role(role), partition)
            self.leases.epochs[key] = max(epoch, self.leases.epochs.get(key, 0))
        self.contacts = Contacts()
        self.lanes = Lanes()
        on_their_way = read_lines(connection, f"{WAITING} AND state IN ('queued', 'claimed', 'dialed', 'retry', 'held')")
        for line in sorted(on_their_way, key=lambda line: line.id):
            self.lanes.add(line)
            if line.state in rules.WAITING:
                self.lanes.queue(line)
        parked = connection.execute("SELECT channel, provider_id, receipt FROM parked")
        self.parked = {(channel, provider_id): codec.decode_receipt(receipt) for channel, provider_id, receipt in parked}


def read_row(columns: Sequence[Any]) -> OutboxRow:
    """A row from its columns: as it was made, and what became of it."""
    made, state, attempt, unknowns, retry_ms, provider_id, reason, delivery = columns
    return replace(
        codec.decode_row(made),
        state=rules.STATES[state],
        attempt=attempt,
        unknowns=unknowns,
        retry_ms=retry_ms,
        provider_id=provider_id,
        reason=reason,
        delivery=None if delivery is None else rules.STATUSES[delivery],
    )


def read_lines(connection: sqlite3.Connection, where: str, *values: Any) -> list[Line]:
    rows = connection.execute(f"SELECT id, epoch, dialed_ms, {ROW} FROM outbox WHERE {where}", values)
    return [Line(id_, read_row(columns), epoch, dialed_ms) for id_, epoch, dialed_ms, *columns in rows]
