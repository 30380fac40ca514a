"""One transaction: what many callers asked, decided in memory and written in few statements.

It is built on the loop's thread while nothing else is being written, so everything it reads is as the last commit left it.
"""

import json
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence

from msgspec.structs import replace

from vaiven.model.contacts import ContactState
from vaiven.model.events import Event
from vaiven.model.outbox import ACCEPTED, DIALED, FINAL, QUEUED, OutboxRow, Settlement
from vaiven.model.turns import AlreadyHandled, Committed, Consent, LeaseLost, SessionMoved, Timer, Turn, Verdict
from vaiven.model.urns import Urn
from vaiven.stores import codec, rules
from vaiven.stores.contract import SEND, TURN, Claiming
from vaiven.stores.sqlite.contacts import NEVER_SEEN, Entry, write
from vaiven.stores.sqlite.files import SHIFT
from vaiven.stores.sqlite.lanes import Line
from vaiven.stores.sqlite.mirror import Mirror
from vaiven.stores.sqlite.receipts import Deliveries
from vaiven.stores.sqlite.statements import blob, many

_OUTBOX = """INSERT INTO outbox (id, before, created_ms, channel, made, state, attempt, unknowns, retry_ms, provider_id, reason,
    delivery, epoch, dialed_ms) VALUES ?"""
_UNTOLD = """INSERT INTO outbox (id, before, created_ms, channel, made, state, attempt, unknowns, retry_ms, epoch, dialed_ms)
    VALUES ?"""
_MOVED = """WITH now (id, state, attempt, unknowns, retry_ms, provider_id, reason, delivery, epoch, dialed_ms) AS (VALUES ?)
    UPDATE outbox SET state = now.state, attempt = now.attempt, unknowns = now.unknowns, retry_ms = now.retry_ms,
    provider_id = now.provider_id, reason = now.reason, delivery = now.delivery, epoch = now.epoch, dialed_ms = now.dialed_ms
    FROM now WHERE outbox.id = now.id"""
_ACCEPTED = """WITH now (id, provider_id) AS (VALUES ?)
    UPDATE outbox SET state = 'accepted', provider_id = now.provider_id FROM now WHERE outbox.id = now.id"""
_TALLIES = """INSERT INTO tallies SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]'),
    json_extract(value, '$[3]'), json_extract(value, '$[4]') FROM json_each(?) WHERE true
    ON CONFLICT DO UPDATE SET count = count + excluded.count"""
_DISARMED = """DELETE FROM timers WHERE (home, key) IN
    (SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]') FROM json_each(?))"""
_ARMED = """INSERT INTO timers (home, key, partition, due_ms, channel, session, step, visit) VALUES ?
    ON CONFLICT (home, key) DO UPDATE SET partition = excluded.partition, due_ms = excluded.due_ms, channel = excluded.channel,
    session = excluded.session, step = excluded.step, visit = excluded.visit"""

_Columns = tuple[str, int, int, int, str | None, str | None, str | None, int, int]


class Transaction:
    """Its answers are true once it is committed: then ``done`` tells the mirror. If it fails, ``undo`` does."""

    def __init__(self, connection: sqlite3.Connection, mirror: Mirror) -> None:
        self.db, self.mirror = connection, mirror
        self.undo: list[Callable[[], None]] = []
        self.deliveries = Deliveries()
        self._present: set[int] = set()
        self._before: dict[Urn, Entry] = {}
        self._staged: dict[Urn, Entry] = {}
        self._inbox: dict[int, Event] = {}
        self._accepted = False
        self._handled: list[int] = []
        self._records: list[tuple[int, int, bytearray | None]] = []
        self._new: dict[int, tuple[Line, int, OutboxRow]] = {}
        self._touched: dict[int, Line] = {}
        self._accepted_as: dict[int, str | None] = {}
        self._timers: dict[tuple[Urn, str], tuple[int, Timer] | None] = {}
        self._tallies: dict[tuple[int, str, str, str], int] = {}
        self._consents: list[tuple[str, str, bool, int, str, str]] = []
        self._dead: list[tuple[int, bytes, str, int]] = []

    # -- in ------------------------------------------------------------------------------------------------------------

    def accept(self, events: Iterable[Event]) -> list[int]:
        numbers, given = self.mirror.numbers, []
        for event in events:
            number = numbers[event.partition] = numbers[event.partition] + 1
            self._inbox[event.partition << SHIFT | number] = event
            given.append(number)
            self._accepted = True
        return given

    def states(self, homes: Sequence[Urn]) -> list[ContactState]:
        """The state of each home as this transaction leaves it, in order."""
        self.look_up(homes)
        found = [(home, self.entry(home).state) for home in homes]
        return [codec.fresh(home) if state is None else codec.decode_state(state) for home, state in found]

    # -- turns ---------------------------------------------------------------------------------------------------------

    def prepare(self, turns: Sequence[Turn]) -> None:
        """Read what committing these turns needs, in one query a table."""
        ids = [id_ for turn in turns if (id_ := turn.event.partition << SHIFT | turn.number) not in self._inbox]
        sql = "SELECT group_concat(id) FROM inbox WHERE id IN (SELECT value FROM json_each(?))"
        there: str | None = self.db.execute(sql, (f"{ids}",)).fetchone()[0] if ids else None
        self._present = set(map(int, there.split(","))) if there else set()
        homes = {turn.event.home for turn in turns}
        homes.update(consent.home for turn in turns for consent in turn.consents)
        self.look_up(homes)
        self.deliveries.prepare(self, turns)

    def look_up(self, homes: Iterable[Urn]) -> None:
        unknown = [home for home in homes if home not in self._before and home not in self._staged]
        self._before.update(self.mirror.contacts.get(self.db, unknown))

    def entry(self, home: Urn) -> Entry:
        return self._staged.get(home) or self._before.get(home, NEVER_SEEN)

    def commit(self, turns: Sequence[Turn], claiming: Claiming | None) -> list[Verdict]:
        """Decide and stage turns that were ``prepare``d."""
        refused: set[Urn] = set()
        made: list[tuple[int, int, Line, OutboxRow]] = []
        verdicts = []
        for at, turn in enumerate(turns):
            verdict = self._verdict(turn, refused)
            if isinstance(verdict, Committed):
                self._save(turn, at, made)
            else:
                refused.add(turn.event.home)
            verdicts.append(verdict)
        if claiming is not None and made:
            for at, dialed in self._claim_own(made, turns, claiming).items():
                verdicts[at] = Committed(turns[at].number, tuple(dialed))
        for _, _, line, _ in made:
            if line.state is QUEUED:
                self.mirror.lanes.queue(line)
        return verdicts

    def _verdict(self, turn: Turn, refused: set[Urn]) -> Verdict:
        home, partition = turn.event.home, turn.event.partition
        if not self.mirror.leases.is_current(TURN, partition, turn.epoch):
            return LeaseLost(partition)
        id_ = partition << SHIFT | turn.number
        new = id_ in self._inbox
        if not new and id_ not in self._present:
            return AlreadyHandled(turn.event.id)
        version = self.entry(home).version
        early = rules.tells(turn) and self._waits_before(id_)
        if home in refused or early or (turn.state is not None and turn.base != version):
            return SessionMoved(home, version)
        if new:
            del self._inbox[id_]  # accepted and turned in one step: it never waits
        else:
            self._present.discard(id_)
            self._handled.append(id_)
        return Committed(turn.number)

    def _waits_before(self, id_: int) -> bool:
        """Whether an earlier event of the partition is still to be handled."""
        first = id_ >> SHIFT << SHIFT
        if any(first < other < id_ for other in self._inbox):
            return True
        handled, sql = set(self._handled), "SELECT id FROM inbox WHERE id > ? AND id < ?"
        return any(other not in handled for (other,) in self.db.execute(sql, (first, id_)))

    def _save(self, turn: Turn, at: int, made: list[tuple[int, int, Line, OutboxRow]]) -> None:
        event, record = turn.event, turn.record
        home, id_ = event.home, event.partition << SHIFT | turn.number
        version, control, newest, row_id, opt_outs, state = entry = self.entry(home)
        if turn.state is not None:
            version, control, state = turn.base + 1, turn.state.contact.control, codec.encode(turn.state)
        if record is not None:
            self._records.append((id_, newest, blob(codec.encode(record))))
            newest = id_
        for row in turn.rows:
            line = Line(row.partition << SHIFT | row.row, row)
            self.mirror.lanes.add(line)
            self._new[line.id] = (line, row_id if row.home == home else 0, row)
            row_id = line.id if row.home == home else row_id
            made.append((at, 0 if record is None else record.at_ms, line, row))
        changed = Entry(version, control, newest, row_id, opt_outs, state)
        if changed != entry:
            self._staged[home] = changed
        for consent in turn.consents:
            self._consent(consent)
        for key in turn.cancelled:
            self._timers[home, key] = None
        for timer in turn.timers:
            self._timers[timer.home, timer.key] = (event.partition, timer)
        for tally in turn.tallies:
            vote = (event.partition, tally.poll, tally.option, str(tally.outcome))
            self._tallies[vote] = self._tallies.get(vote, 0) + 1
        if turn.receipt is not None:
            self.deliveries.deliver(self, event, turn.receipt)
        if turn.buried is not None:
            self._dead.append((turn.number, codec.encode(event), turn.buried, event.at_ms if record is None else record.at_ms))

    def _consent(self, consent: Consent) -> None:
        entry = self.entry(consent.home)
        senders = {*entry.opted_out_of} - {consent.sender}
        if consent.opted_out:
            senders.add(consent.sender)
        self._staged[consent.home] = entry._replace(opt_outs="\n".join(sorted(senders)))
        self._consents.append((consent.home, consent.sender, consent.opted_out, consent.at_ms, consent.word, consent.event))

    # -- out -----------------------------------------------------------------------------------------------------------

    def _claim_own(
        self, made: Sequence[tuple[int, int, Line, OutboxRow]], turns: Sequence[Turn], claiming: Claiming
    ) -> dict[int, list[OutboxRow]]:
        """Claim rows that these turns made, as far as ``claim`` would. What becomes of one may free another of its lane."""
        held, room = self.mirror.leases.current(SEND, claiming.epochs), dict(claiming.budget)
        waiting = [item for item in made if item[2].partition in held and turns[item[0]].record is not None]
        waiting.sort(key=lambda item: item[2].rank)
        dialed: dict[int, list[OutboxRow]] = {}
        freed = True
        while freed:
            freed = False
            for item in waiting:
                at, at_ms, line, row = item
                if line.state is not QUEUED or room.get(line.channel, 0) <= 0:
                    continue
                if not self.mirror.lanes.may_go(line, at_ms):
                    continue
                if not self._dial(line, held[line.partition], at_ms):
                    freed = True
                    break
                room[line.channel] -= 1
                dialed.setdefault(at, []).append(replace(row, state=DIALED, attempt=line.attempt))
        return dialed

    def claim(self, epochs: Mapping[int, int], now_ms: int, budget: Mapping[str, int]) -> list[OutboxRow]:
        held = self.mirror.leases.current(SEND, epochs)
        claimed: list[Line] = []
        for channel, room in budget.items():
            left = room
            while left > 0 and (picked := self.mirror.lanes.pick(channel, now_ms, left, held)):
                self.look_up({line.home for line in picked})
                dialed = [line for line in picked if self._dial(line, held[line.partition], now_ms)]
                claimed += dialed
                left -= len(dialed)
        return self._rows(sorted(claimed, key=lambda line: line.rank))

    def _dial(self, line: Line, epoch: int, now_ms: int) -> bool:
        """Mark a row dialed; or settle it for good when it must not go any more."""
        entry = self.entry(line.home)
        doom = line.doom(entry.opted_out_of, entry.control, now_ms)
        if doom is None:
            line.dial(epoch, now_ms)
        else:
            line.state = doom
            self.mirror.lanes.changed(line)
        self.touch(line)
        return doom is None

    def _rows(self, lines: Sequence[Line]) -> list[OutboxRow]:
        """These rows in full, as they stand in this transaction."""
        sql = "SELECT id, made FROM outbox WHERE id IN (SELECT value FROM json_each(?))"
        made = dict(self.db.execute(sql, (f"{[line.id for line in lines]}",)).fetchall()) if lines else {}
        return [line.as_row(codec.decode_row(made[line.id])) for line in lines]

    def settle(self, settlements: Sequence[Settlement]) -> list[bool]:
        return [self._settle(settlement) for settlement in settlements]

    def _settle(self, told: Settlement) -> bool:
        line = self.mirror.lanes.lines.get(told.partition << SHIFT | told.row)
        if line is None or not self.mirror.leases.is_current(SEND, told.partition, told.epoch):
            return False
        if line.state is not DIALED or line.attempt != told.attempt:
            return False
        if self._is_usual(line, told):
            line.state, line.provider_id = ACCEPTED, told.provider_id or line.provider_id
            self.mirror.lanes.changed(line)
            self.deliveries.final[line.id] = line
            self._accepted_as[line.id] = line.provider_id
            return True
        line.state = rules.settled(line.delivery, told.state)
        line.unknowns += line.state in rules.UNCERTAIN
        line.retry_ms = told.retry_ms
        line.provider_id = told.provider_id or line.provider_id
        line.reason = told.reason or (line.reason if line.delivery else None)
        if told.provider_id is not None:
            self.deliveries.meet(self, line, told.provider_id)
        self.mirror.lanes.changed(line)
        self.touch(line)
        if told.event is not None:
            self.accept((told.event,))
        return True

    def _is_usual(self, line: Line, told: Settlement) -> bool:
        """Accepted, and nothing else of it changes but the provider's id: half as much to write."""
        return (
            told.state is ACCEPTED
            and line.delivery is None
            and told.retry_ms == line.retry_ms
            and told.reason is line.reason is None
            and told.event is None
            and line.id not in self._touched
            and line.id not in self._new
            and (line.channel, told.provider_id) not in self.mirror.parked
        )

    def strays(self, epochs: Mapping[int, int]) -> list[OutboxRow]:
        held = self.mirror.leases.current(SEND, epochs)
        lines = self.mirror.lanes.lines
        strays = [line for line in lines.values() if line.state is DIALED and line.epoch < held.get(line.partition, 0)]
        return self._rows(sorted(strays, key=lambda line: line.id))

    def touch(self, line: Line) -> None:
        """This row has changed. One that this transaction has still to write is written as it stands then."""
        if line.state in FINAL:
            self.deliveries.final[line.id] = line
        if line.id not in self._new:
            self._touched[line.id] = line

    # -- writing -------------------------------------------------------------------------------------------------------

    def flush(self) -> None:
        """Write what is staged, but for the homes; it may be called again."""
        if self._inbox:
            new = [(id_, event.at_ms, blob(codec.encode(event))) for id_, event in self._inbox.items()]
            many(self.db, "INSERT INTO inbox (id, at_ms, event) VALUES ?", new)
            self._inbox = {}
        if self._accepted:
            self.db.execute("UPDATE meta SET value = ? WHERE key = 'numbers'", (json.dumps(self.mirror.numbers),))
            self._accepted = False
        if self._handled:
            self.db.execute("DELETE FROM inbox WHERE id IN (SELECT value FROM json_each(?))", (f"{self._handled}",))
            self._handled = []
        if self._records:
            many(self.db, "INSERT INTO history (id, before, record) VALUES ?", self._records)
            self._records = []
        self.flush_rows()
        self._flush_rare()

    def flush_rows(self) -> None:
        if self._new:
            untold, told = [], []
            for line, before, row in self._new.values():
                made = (line.id, before, row.created_ms, line.channel, blob(codec.encode(row)))
                if line.provider_id is line.reason is line.delivery is None:
                    untold.append(
                        (*made, str(line.state), line.attempt, line.unknowns, line.retry_ms, line.epoch, line.dialed_ms)
                    )
                else:
                    told.append((*made, *_columns(line)))
            many(self.db, _UNTOLD, untold)
            many(self.db, _OUTBOX, told)
            self._new = {}
        if self._accepted_as:
            many(self.db, _ACCEPTED, [*self._accepted_as.items()])
            self._accepted_as = {}
        if self._touched:
            many(self.db, _MOVED, [(line.id, *_columns(line)) for line in self._touched.values()])
            self._touched = {}

    def _flush_rare(self) -> None:
        if self._tallies:
            self.db.execute(_TALLIES, (json.dumps([(*key, count) for key, count in self._tallies.items()]),))
            self._tallies = {}
        if self._timers:
            if gone := [key for key, timer in self._timers.items() if timer is None]:
                self.db.execute(_DISARMED, (json.dumps(gone),))
            armed = [
                (timer.home, timer.key, partition, timer.due_ms, timer.channel, timer.session, timer.step, timer.visit)
                for partition, timer in filter(None, self._timers.values())
            ]
            many(self.db, _ARMED, armed)
            self._timers = {}
        if self._consents:
            many(self.db, "INSERT INTO consents (home, sender, opted_out, at_ms, word, event) VALUES ?", self._consents)
            self._consents = []
        if self._dead:
            many(self.db, "INSERT INTO dead (number, event, reason, at_ms) VALUES ?", self._dead)
            self._dead = []
        self.deliveries.flush(self)

    def seal(self) -> None:
        """Write everything that is left. Nothing is staged after this."""
        self.flush()
        if self._staged:
            write(self.db, self._staged, self._before)

    def done(self) -> None:
        self.mirror.contacts.done(self._staged)


def _columns(line: Line) -> _Columns:
    return (
        str(line.state),
        line.attempt,
        line.unknowns,
        line.retry_ms,
        line.provider_id,
        line.reason,
        None if line.delivery is None else str(line.delivery),
        line.epoch,
        line.dialed_ms,
    )
