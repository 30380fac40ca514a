"""The rows that are still on their way, in memory, ordered so that a claim looks only at those that may go.

A *lane* holds the rows of one home and channel in row order. A waiting row is in one of three places: asleep until its
instant, ready by rank, or blocked behind an earlier row of its lane; whatever changes in a lane wakes its first blocked one.
The file is the truth; this is read from it at open, and again after a transaction that failed.
"""

from collections.abc import Container
from heapq import heappop, heappush

from msgspec.structs import replace

from vaiven.model.messages import PASSING
from vaiven.model.outbox import DIALED, FINAL, OutboxRow, RowState
from vaiven.model.receipts import DeliveryStatus
from vaiven.model.urns import Urn
from vaiven.stores import rules
from vaiven.stores.sqlite.files import SHIFT


class Line:
    """A row as far as the store decides by it. What a row was made with stays, the rest moves."""

    __slots__ = (
        "attempt",
        "blocked",
        "channel",
        "control",
        "delivery",
        "dialed_ms",
        "epoch",
        "home",
        "id",
        "message_class",
        "not_after_ms",
        "not_before_ms",
        "partition",
        "provider_id",
        "rank",
        "reason",
        "retry_ms",
        "sender",
        "stamp",
        "state",
        "unknowns",
        "wake_ms",
    )

    def __init__(self, id_: int, row: OutboxRow, epoch: int = 0, dialed_ms: int = 0) -> None:
        self.id, self.partition = id_, id_ >> SHIFT
        self.home, self.channel, self.sender = row.home, row.channel, row.sender
        self.message_class, self.control = row.message_class, row.control
        self.not_before_ms, self.not_after_ms = row.not_before_ms, row.not_after_ms
        self.rank = (*rules.rank(row.message_class, row.created_ms, row.not_before_ms), id_)
        self.state: RowState = row.state
        self.attempt, self.unknowns, self.retry_ms = row.attempt, row.unknowns, row.retry_ms
        self.provider_id, self.reason = row.provider_id, row.reason
        self.delivery: DeliveryStatus | None = row.delivery
        self.epoch, self.dialed_ms = epoch, dialed_ms
        self.stamp, self.blocked = 0, False
        self.wake_ms = rules.wake_ms(row.state, row.not_before_ms, row.retry_ms)
        """As of when it was last queued: nobody asks it of a row that does not wait."""

    def doom(self, opt_outs: Container[str], controller: int, now_ms: int) -> RowState | None:
        return rules.doom(self.message_class, self.not_after_ms, self.control, self.sender, opt_outs, controller, now_ms)

    def dial(self, epoch: int, now_ms: int) -> None:
        self.state, self.attempt = DIALED, self.attempt + 1
        self.epoch, self.dialed_ms = epoch, now_ms

    def as_row(self, made: OutboxRow) -> OutboxRow:
        """The row as it stands now."""
        return replace(
            made,
            state=self.state,
            attempt=self.attempt,
            unknowns=self.unknowns,
            retry_ms=self.retry_ms,
            provider_id=self.provider_id,
            reason=self.reason,
            delivery=self.delivery,
        )


class Lanes:
    """Every row that is not final. An entry of a heap counts only while it bears its line's present stamp."""

    def __init__(self) -> None:
        self.lines: dict[int, Line] = {}
        self._lanes: dict[tuple[Urn, str], list[Line]] = {}
        self._asleep: dict[str, list[tuple[int, int, int, Line]]] = {}
        self._ready: dict[str, list[tuple[tuple[int, int, int], int, Line]]] = {}

    def add(self, line: Line) -> None:
        """Put a new row into its lane. It can be claimed once it is ``queue``d."""
        self.lines[line.id] = line
        lane = self._lanes.setdefault((line.home, line.channel), [])
        lane.append(line)
        if len(lane) > 1 and lane[-2].id > line.id:
            lane.sort(key=lambda line: line.id)

    def queue(self, line: Line) -> None:
        line.stamp, line.blocked = line.stamp + 1, False
        line.wake_ms = rules.wake_ms(line.state, line.not_before_ms, line.retry_ms)
        heappush(self._asleep.setdefault(line.channel, []), (line.wake_ms, line.id, line.stamp, line))

    def may_go(self, line: Line, now_ms: int) -> bool:
        """Whether its moment has come, and no earlier row of its lane holds it."""
        if line.wake_ms > now_ms:
            return False
        lane = self._lanes[line.home, line.channel]
        if lane[0] is line or line.message_class in PASSING:
            return True
        for earlier in lane:
            if earlier is line:
                break
            if rules.holds(earlier.state, earlier.wake_ms, now_ms):
                return False
        return True

    def pick(self, channel: str, now_ms: int, room: int, partitions: Container[int]) -> list[Line]:
        """Take the first rows that may go, at most ``room``. Each counts as dialed until the caller says otherwise."""
        asleep, ready = self._asleep.get(channel, []), self._ready.setdefault(channel, [])
        while asleep and asleep[0][0] <= now_ms:
            _, _, stamp, line = heappop(asleep)
            if stamp == line.stamp:
                heappush(ready, (line.rank, stamp, line))
        picked: list[Line] = []
        elsewhere = []
        while ready and len(picked) < room:
            entry = heappop(ready)
            line = entry[2]
            if entry[1] != line.stamp:
                continue
            if line.partition not in partitions:
                elsewhere.append(entry)
            elif line.wake_ms > now_ms:
                self.queue(line)
            elif self.may_go(line, now_ms):
                line.stamp += 1
                line.state = DIALED
                picked.append(line)
            else:
                line.stamp, line.blocked = line.stamp + 1, True
        for entry in elsewhere:
            heappush(ready, entry)
        return picked

    def changed(self, line: Line) -> None:
        """A row of a lane has another state: let it go if that is final, queue it if it waits again, wake the next."""
        key = (line.home, line.channel)
        lane = self._lanes[key]
        if line.state in FINAL:
            line.stamp += 1
            del self.lines[line.id]
            if len(lane) == 1:
                del self._lanes[key]
                return
            lane.remove(line)
        elif line.state in rules.WAITING:
            self.queue(line)
        blocked = next((other for other in lane if other.blocked), None)
        if blocked is not None:
            self.queue(blocked)
