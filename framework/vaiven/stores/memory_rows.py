"""The outbox of the memory store: rows, the lanes they wait in, receipts that speak of them."""

import heapq
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

from msgspec.structs import replace

from vaiven.model.events import Event
from vaiven.model.messages import PASSING
from vaiven.model.outbox import FINAL, ROWS_A_TURN, OutboxRow, RowState, Settlement
from vaiven.model.receipts import DeliveryReceipt, DeliveryStatus, merge, parse_reference
from vaiven.model.turns import Turn
from vaiven.model.urns import Urn
from vaiven.stores import rules

Standing = Callable[[Urn], tuple[Collection[str], int]]
"""The senders that a home has opted out of, and the number of its controller."""


class Line:
    """A row and what only the store needs to know of it: the epoch and the instant of its last dial."""

    __slots__ = ("dialed_ms", "epoch", "row")

    def __init__(self, row: OutboxRow) -> None:
        self.row, self.epoch, self.dialed_ms = row, 0, 0

    @property
    def wake_ms(self) -> int:
        return rules.wake_ms(self.row.state, self.row.not_before_ms, self.row.retry_ms)

    @property
    def rank(self) -> tuple[int, int, int, int]:
        row = self.row
        return (*rules.rank(row.message_class, row.created_ms, row.not_before_ms), row.partition, row.row)


class Outbox:
    """Every row. Which epochs are current is the caller's business: it hands in those that are."""

    def __init__(self, standing: Standing) -> None:
        self._standing = standing
        self.lines: dict[tuple[int, int], Line] = {}
        self._active: dict[tuple[Urn, str], list[Line]] = defaultdict(list)
        self._of_home: dict[Urn, list[Line]] = defaultdict(list)
        self._parked: dict[tuple[str, str], DeliveryReceipt] = {}

    def add(self, row: OutboxRow) -> None:
        line = self.lines[row.partition, row.row] = Line(row)
        self._active[row.home, row.channel].append(line)
        self._of_home[row.home].append(line)

    def remove(self, line: Line) -> None:
        """Forget a row that is final."""
        del self.lines[line.row.partition, line.row.row]
        self._of_home[line.row.home].remove(line)

    def of(self, home: Urn) -> list[OutboxRow]:
        return sorted((line.row for line in self._of_home.get(home, ())), key=lambda row: row.row)

    def count(self) -> tuple[dict[str, int], dict[str, int]]:
        """Rows that are not final, by state (with the unknown ones) and by class."""
        rows = [line.row for line in self.lines.values() if line.row.state is RowState.UNKNOWN or line.row.state not in FINAL]
        classes = Counter(str(row.message_class) for row in rows if row.state is not RowState.UNKNOWN)
        return dict(Counter(str(row.state) for row in rows)), dict(classes)

    # -- receipts ------------------------------------------------------------------------------------------------------

    def deliver(self, event: Event, receipt: DeliveryReceipt) -> None:
        """Merge a receipt into the rows it speaks of: by our reference, by a watermark, or by the provider's id."""
        if receipt.reference is not None:
            line = self.lines.get(parse_reference(receipt.reference) or (-1, -1))
            if line is not None and (line.row.partition, line.row.channel) == (event.partition, event.channel):
                self._merge(line, receipt)
        elif receipt.watermark_ms is not None:
            for line in self._under_watermark(event, receipt.watermark_ms, receipt.status):
                self._merge(line, receipt)
        elif receipt.provider_id is not None:
            line = next((line for line in self._newest(event) if line.row.provider_id == receipt.provider_id), None)
            if line is not None:
                self._merge(line, receipt)
            else:
                self._park((event.channel, receipt.provider_id), receipt)

    def _park(self, key: tuple[str, str], receipt: DeliveryReceipt) -> None:
        known = self._parked.get(key)
        if known is None or merge(known.status, receipt.status) is not known.status:
            self._parked[key] = receipt

    def _newest(self, event: Event) -> Iterator[Line]:
        newest = reversed(self._of_home[event.home][-rules.REACH :])
        return (line for line in newest if line.row.channel == event.channel)

    def _under_watermark(self, event: Event, watermark_ms: int, status: DeliveryStatus) -> Iterator[Line]:
        """Accepted rows dialed by then, newest first, as far as the first that an earlier watermark has told this of."""
        for line in self._newest(event):
            if line.row.state is RowState.ACCEPTED and line.dialed_ms <= watermark_ms:
                if merge(line.row.delivery, status) is line.row.delivery:
                    return
                yield line

    def _merge(self, line: Line, receipt: DeliveryReceipt) -> None:
        row = line.row
        state, delivery, reason = rules.delivered(row.state, row.delivery, row.reason, receipt)
        provider_id = row.provider_id or receipt.provider_id
        self._set(line, replace(row, state=state, delivery=delivery, reason=reason, provider_id=provider_id))

    def _set(self, line: Line, row: OutboxRow) -> None:
        if row.state in FINAL and line.row.state not in FINAL:
            self._active[row.home, row.channel].remove(line)
        line.row = row

    # -- claiming ------------------------------------------------------------------------------------------------------

    def claim(self, held: Mapping[int, int], now_ms: int, budget: Mapping[str, int]) -> list[OutboxRow]:
        claimed: list[Line] = []
        for channel, room in budget.items():
            lanes = [
                lane for (_, name), lane in self._active.items() if name == channel and lane and lane[0].row.partition in held
            ]
            claimed += self._claim(lanes, held, now_ms, room)
        return [line.row for line in sorted(claimed, key=lambda line: line.rank)]

    def _claim(self, lanes: Iterable[list[Line]], epochs: Mapping[int, int], now_ms: int, room: int) -> list[Line]:
        """Claim the first ``room`` rows of one channel. What becomes of one row may free the next of its lane."""
        queue = [(line.rank, line) for lane in lanes for line in self._may_go(lane, now_ms)]
        heapq.heapify(queue)
        claimed: list[Line] = []
        while queue and len(claimed) < room:
            line = heapq.heappop(queue)[1]
            before = self._may_go(self._active[line.row.home, line.row.channel], now_ms)
            if self._dial(line, epochs[line.row.partition], now_ms):
                claimed.append(line)
                continue
            for freed in self._may_go(self._active[line.row.home, line.row.channel], now_ms):
                if freed not in before:
                    heapq.heappush(queue, (freed.rank, freed))
        return claimed

    def _may_go(self, lane: list[Line], now_ms: int) -> list[Line]:
        """The rows of one home and channel whose moment has come and whom no earlier row holds."""
        ready, held = [], False
        for line in sorted(lane, key=lambda line: line.row.row):
            waits = line.row.state in rules.WAITING
            if waits and line.wake_ms <= now_ms and (not held or line.row.message_class in PASSING):
                ready.append(line)
            held = held or rules.holds(line.row.state, line.wake_ms, now_ms)
        return ready

    def _dial(self, line: Line, epoch: int, now_ms: int) -> bool:
        """Claim a row and mark it dialed; or settle it for good when it must not go any more."""
        row = line.row
        opt_outs, controller = self._standing(row.home)
        doom = rules.doom(row.message_class, row.not_after_ms, row.control, row.sender, opt_outs, controller, now_ms)
        if doom is not None:
            self._set(line, replace(row, state=doom))
            return False
        line.row = replace(row, state=RowState.DIALED, attempt=row.attempt + 1)
        line.epoch, line.dialed_ms = epoch, now_ms
        return True

    def claim_own(
        self, turns: Sequence[Turn], held: Mapping[int, int], budget: Mapping[str, int]
    ) -> dict[tuple[int, int], list[OutboxRow]]:
        """Claim what these turns themselves want sent, as far as ``claim`` would: by rank, each at its turn's instant."""
        room = dict(budget)
        at_ms = {(turn.event.partition, turn.number): turn.record.at_ms for turn in turns if turn.record is not None}
        lines = [self.lines[row.partition, row.row] for turn in turns if turn.record is not None for row in turn.rows]
        waiting = [line for line in sorted(lines, key=lambda line: line.rank) if line.row.partition in held]
        dialed: dict[tuple[int, int], list[OutboxRow]] = defaultdict(list)
        freed = True
        while freed:
            freed = False
            for line in list(waiting):
                row, turn = line.row, (line.row.partition, line.row.row // ROWS_A_TURN)
                lane = self._active[row.home, row.channel]
                if room.get(row.channel, 0) <= 0 or line not in self._may_go(lane, at_ms[turn]):
                    continue
                waiting.remove(line)
                if not self._dial(line, held[row.partition], at_ms[turn]):
                    freed = True
                    break
                room[row.channel] -= 1
                dialed[turn].append(line.row)
        return dialed

    def settle(self, told: Settlement) -> bool:
        """Record what became of an attempt; False if the row is not dialed at it."""
        line = self.lines.get((told.partition, told.row))
        if line is None or line.row.state is not RowState.DIALED or line.row.attempt != told.attempt:
            return False
        row = line.row
        state = rules.settled(row.delivery, told.state)
        self._set(
            line,
            replace(
                row,
                state=state,
                unknowns=row.unknowns + (state in rules.UNCERTAIN),
                retry_ms=told.retry_ms,
                provider_id=told.provider_id or row.provider_id,
                reason=told.reason or (row.reason if row.delivery else None),
            ),
        )
        parked = self._parked.pop((row.channel, told.provider_id), None) if told.provider_id else None
        if parked is not None:
            self._merge(line, parked)
        return True

    def strays(self, held: Mapping[int, int]) -> list[OutboxRow]:
        strays = [
            line
            for lane in self._active.values()
            for line in lane
            if line.row.state is RowState.DIALED and line.epoch < held.get(line.row.partition, 0)
        ]
        return [line.row for line in sorted(strays, key=lambda line: (line.row.partition, line.row.row))]
