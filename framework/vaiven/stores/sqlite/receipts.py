"""Receipts within a transaction: which rows one speaks of, and those that came before the row they belong to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from vaiven.model.events import Event
from vaiven.model.outbox import FINAL, RowState
from vaiven.model.receipts import DeliveryReceipt, DeliveryStatus, merge, parse_reference
from vaiven.model.turns import Turn
from vaiven.stores import codec, rules
from vaiven.stores.sqlite.files import SHIFT
from vaiven.stores.sqlite.lanes import Line
from vaiven.stores.sqlite.mirror import read_lines

if TYPE_CHECKING:
    from vaiven.stores.sqlite.transaction import Transaction

_NEWEST = """WITH RECURSIVE chain (id, before, channel, provider_id, state, delivery, dialed_ms, depth) AS (
        SELECT id, before, channel, provider_id, state, delivery, dialed_ms, 1 FROM outbox WHERE id = ?
        UNION ALL
        SELECT o.id, o.before, o.channel, o.provider_id, o.state, o.delivery, o.dialed_ms, chain.depth + 1
        FROM chain JOIN outbox o ON o.id = chain.before WHERE chain.depth < ?)
    SELECT id, provider_id, state, delivery, dialed_ms FROM chain WHERE channel = ?"""

_Newest = tuple[int, str | None, str, str | None, int]


class Deliveries:
    """The receipts of one transaction, which it is ``within``. Rows that are final already are read when a receipt names them."""

    def __init__(self) -> None:
        self.final: dict[int, Line] = {}
        self._parked: dict[tuple[str, str], tuple[DeliveryReceipt, int] | None] = {}

    def prepare(self, within: Transaction, turns: Sequence[Turn]) -> None:
        """Read all the rows named by reference in one query."""
        ids = [id_ for turn in turns if turn.receipt is not None and (id_ := _named(turn.event, turn.receipt)) is not None]
        self._load(within, ids)

    def _load(self, within: Transaction, ids: Sequence[int]) -> None:
        if unread := [id_ for id_ in ids if self._line(within, id_) is None]:
            lines = read_lines(within.db, "id IN (SELECT value FROM json_each(?))", f"{unread}")
            self.final.update((line.id, line) for line in lines)

    def _line(self, within: Transaction, id_: int) -> Line | None:
        return within.mirror.lanes.lines.get(id_) or self.final.get(id_)

    def deliver(self, within: Transaction, event: Event, receipt: DeliveryReceipt) -> None:
        """Merge a receipt into the rows it speaks of: by our reference, by a watermark, or by the provider's id."""
        if receipt.reference is not None:
            line = self._line(within, id_) if (id_ := _named(event, receipt)) is not None else None
            if line is not None and line.channel == event.channel:
                self._merge(within, line, receipt)
        elif receipt.watermark_ms is not None:
            self._merge_all(within, list(self._under_watermark(within, event, receipt.watermark_ms, receipt.status)), receipt)
        elif receipt.provider_id is not None:
            found = next(
                (id_ for id_, provider_id, *_ in self._newest(within, event) if provider_id == receipt.provider_id), None
            )
            if found is not None:
                self._merge_all(within, [found], receipt)
            else:
                self._park(within, (event.channel, receipt.provider_id), receipt, event.at_ms)

    def _newest(self, within: Transaction, event: Event) -> Iterator[_Newest]:
        """The home's rows on the event's channel, newest first, along the chain; read only as far as it is asked."""
        within.flush_rows()
        newest: Iterator[_Newest] = within.db.execute(_NEWEST, (within.entry(event.home).row, rules.REACH, event.channel))
        return newest

    def _under_watermark(self, within: Transaction, event: Event, watermark_ms: int, status: DeliveryStatus) -> Iterator[int]:
        """Accepted rows dialed by then, newest first, as far as the first that an earlier watermark has told this of."""
        for id_, _, state, told, dialed_ms in self._newest(within, event):
            if state == RowState.ACCEPTED and dialed_ms <= watermark_ms:
                known = None if told is None else rules.STATUSES[told]
                if merge(known, status) is known:
                    return
                yield id_

    def _merge_all(self, within: Transaction, ids: Sequence[int], receipt: DeliveryReceipt) -> None:
        self._load(within, ids)
        for id_ in ids:
            if (line := self._line(within, id_)) is not None:
                self._merge(within, line, receipt)

    def _merge(self, within: Transaction, line: Line, receipt: DeliveryReceipt) -> None:
        was = line.state
        line.state, line.delivery, line.reason = rules.delivered(was, line.delivery, line.reason, receipt)
        line.provider_id = line.provider_id or receipt.provider_id
        if was not in FINAL and line.state is not was:
            within.mirror.lanes.changed(line)
        within.touch(line)

    def _park(self, within: Transaction, key: tuple[str, str], receipt: DeliveryReceipt, at_ms: int) -> None:
        known = within.mirror.parked.get(key)
        if known is None or merge(known.status, receipt.status) is not known.status:
            within.mirror.parked[key] = receipt
            self._parked[key] = (receipt, at_ms)

    def meet(self, within: Transaction, line: Line, provider_id: str) -> None:
        """Merge the receipt that waited for this provider id, if one did. Its lane is told by the caller."""
        receipt = within.mirror.parked.pop((line.channel, provider_id), None)
        if receipt is not None:
            self._parked[line.channel, provider_id] = None
            line.state, line.delivery, line.reason = rules.delivered(line.state, line.delivery, line.reason, receipt)

    def flush(self, within: Transaction) -> None:
        for (channel, provider_id), parked in self._parked.items():
            if parked is None:
                within.db.execute("DELETE FROM parked WHERE channel = ? AND provider_id = ?", (channel, provider_id))
            else:
                values = (channel, provider_id, parked[1], codec.encode(parked[0]))
                within.db.execute("INSERT OR REPLACE INTO parked VALUES (?, ?, ?, ?)", values)
        self._parked.clear()


def _named(event: Event, receipt: DeliveryReceipt) -> int | None:
    """The key of the row that a receipt's reference names, if it lies in the event's partition."""
    named = parse_reference(receipt.reference) if receipt.reference is not None else None
    return named[0] << SHIFT | named[1] if named is not None and named[0] == event.partition else None
