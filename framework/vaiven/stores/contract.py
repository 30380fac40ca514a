"""What a store promises. ``memory`` is the one to read first; each sentence here has a test in ``vaiven.testing.stores``.

Instants are arguments (ms since the epoch), so tests move them; only leases expire by the store's own clock.
Every call takes and gives lists, because round trips are the cost. Every call may raise ``StoreUnavailable``, and the
same call again is then safe.

Where partitions lie in several places, one of which does not answer, the others do. ``commit`` and ``settle`` say so one by
one. What ``load``, ``lease`` and ``strays`` raise names the partitions, so that the rest can be asked for again. ``take``,
``due``, ``claim``, ``prune`` and ``held`` leave them out, and raise only if all are such.
"""

from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Protocol

import msgspec

from vaiven.model.contacts import ContactState
from vaiven.model.events import Event
from vaiven.model.outbox import OutboxRow, Settlement
from vaiven.model.turns import Consent, DeadLetter, Taken, Turn, TurnRecord, Verdict
from vaiven.model.urns import Identity, Urn

States = Callable[[Sequence[Urn]], Sequence[ContactState]]
"""The state of each home, in order."""


class Role(StrEnum):
    """The two leases of a partition: ``TURN`` may take, commit and make due; ``SEND`` may claim and settle."""

    TURN = "turn"
    SEND = "send"


TURN, SEND = Role.TURN, Role.SEND


class FlowVersion(msgspec.Struct, frozen=True):
    """A published flow: its source text under its two hashes (``hash`` of everything, ``shape`` of the machine)."""

    flow: str
    hash: str
    shape: str
    source: str
    at_ms: int


class Total(msgspec.Struct, frozen=True):
    """How many votes of a poll had this option and outcome."""

    poll: str
    option: str
    outcome: str
    count: int


class Claiming(msgspec.Struct, frozen=True):
    """What a commit may claim of its own rows at once: ``epochs`` of the send leases held, ``budget`` rows a channel."""

    epochs: Mapping[int, int]
    budget: Mapping[str, int]


class Counts(msgspec.Struct, frozen=True):
    """How much waits: inbox events, outbox rows by state, timers, dead letters. For health, metrics and tests.

    ``rows`` has the states that are not final, and ``unknown``; ``classes`` counts the rows that are not final by message
    class. A state or class without rows is left out.
    """

    inbox: int
    oldest_inbox_ms: int | None
    rows: dict[str, int]
    timers: int
    dead: int
    classes: dict[str, int] = {}


class Held(msgspec.Struct, frozen=True):
    """A lease that somebody holds; ``until_ms`` by the store's clock."""

    role: Role
    partition: int
    owner: str
    epoch: int
    until_ms: int


class Lag(msgspec.Struct, frozen=True):
    """How many events wait in a partition's inbox, and since when the oldest of them does."""

    partition: int
    inbox: int
    oldest_ms: int


class AtOnce(Protocol):
    """Who turns events in the very step that accepts them (``Store.turn_at_once``). Its calls do not wait for anything."""

    def expected(self, partitions: Iterable[int]) -> Mapping[int, int]:
        """The number that the next event of each must bear to be turned at once. One in which something waits is left out.

        For stores that learn a number only by giving it.
        """

    def decide(self, events: Sequence[Taken], states: States, committing: bool) -> tuple[Sequence[Turn], Claiming | None]:
        """Turns for those of these events that nothing is in the way of, in order; ``states`` are as this step leaves them.

        ``committing``: the turns that ``commit`` was asked for last are saved in this step, before these.
        """

    def decided(self, turns: Sequence[Turn], claiming: Claiming | None, verdicts: Sequence[Verdict]) -> None:
        """What became of the turns it gave: all of it is durable. No verdicts: nothing was saved."""


class Store(Protocol):
    """A place that keeps everything between two events."""

    partitions: int

    async def now_ms(self) -> int:
        """The store's clock, ms since the epoch: processes correct theirs by it."""

    async def open(self) -> None:
        """Make ready to serve: create or upgrade the schema, check the settings recorded in the store.

        Raises:
            StoreInUse: another process serves from it (embedded stores).
            StoreMismatch: it has another number of partitions, or was made by a newer version.
        """

    async def close(self) -> None:
        """Finish what was asked, then let go. Leases held by nobody any more are free at once for the next ``open``."""

    # -- in ------------------------------------------------------------------------------------------------------------

    async def identify(self, identities: Sequence[Identity]) -> list[Urn]:
        """The home of each identity. Only for schemes with several addresses (``urns.is_home`` is false).

        The first one to name a stable address decides its home, once and for all, even in a race: it proposes the home that
        its other addresses already have, else the stable address itself. The other addresses are bound after it, unless
        they already have a home. Asking again gives the same answer.
        """

    async def accept(self, events: Sequence[Event]) -> list[int]:
        """Append each event to the inbox of its partition and give its number there: 1, 2, 3 … without gaps.

        Durable when this returns. All of them or none. No lease is needed; numbers are the store's, so two doors interleave.
        Only a store that may have lost its last words skips some, so that none is given twice.
        """

    def turn_at_once(self, who: AtOnce) -> None:
        """Let events be turned in the step that accepts them, as far as the store can.

        What is not turned then waits in the inbox, as ever. A turn that is not committed leaves its event there, too.
        """

    # -- turns ---------------------------------------------------------------------------------------------------------

    async def lease(self, role: Role, owner: str, partitions: Sequence[int], ttl_ms: int, expired: bool = True) -> dict[int, int]:
        """Take or renew leases; give the epochs of those now held by this owner.

        A free or expired one is taken under an epoch higher than ever before, also than any that a store which lost its last
        words gave and forgot; a renewal keeps its epoch, also of one that expired and that nobody took meanwhile. One held by
        somebody else is left out of the answer; without ``expired`` also one that was, and that was not given back.
        """

    async def release(self, role: Role, owner: str, partitions: Collection[int] | None = None) -> None:
        """Give back leases of this role that this owner holds: those of ``partitions``; by default all, and its attendance.

        Who gives a turn lease back has lost nothing that it took: what waits in that partition counts as never taken.
        """

    async def attend(self, role: Role, owner: str, ttl_ms: int) -> list[str]:
        """Say that this owner works in this role for the next ``ttl_ms``; give everybody who does now, sorted.

        By the store's clock. Who attends shares the partitions with the others; leases alone decide who owns one.
        ``ttl_ms`` 0 only asks, as a handle that only reads may, too: this owner does not attend afterwards.
        """

    async def held(self) -> list[Held]:
        """Every lease held now, by role and partition. Expired ones are left out."""

    def listen(self, role: Role, wake: Callable[[Collection[int]], None]) -> None:
        """Call ``wake`` with partitions in which another handle of this store appended events (``TURN``) or rows (``SEND``).

        Whenever this handle is open, on the loop. A hint, never a promise: it may be late, doubled, of nothing, or never come.
        """

    async def take(self, epochs: Mapping[int, int], after: Mapping[int, int], limit: int) -> list[Taken]:
        """At most ``limit`` events waiting in these partitions, by number, above ``after[partition]`` (0 if absent).

        ``Taken.takes`` says under how many earlier epochs the event was taken and not handled: each epoch counts once, however
        often it takes (so an answer that was lost counts nothing), durably and before the event is given. Only the first
        event given of a partition counts on; those behind it count one at most, since they may be quite innocent.
        A partition whose epoch is not current gives none.
        """

    async def load(self, homes: Sequence[Urn]) -> list[ContactState]:
        """The state of each home, in order; a home never seen gives a fresh contact of version 0."""

    async def commit(self, turns: Sequence[Turn], claiming: Claiming | None = None) -> list[Verdict]:
        """Save all that each turn did, or nothing of it: event handled, state replaced, rows, timers, tallies, consents, record.

        One verdict a turn, in order. A refused turn stops only later turns of its home. The event leaves the inbox by its
        number alone; an event no longer there is ``AlreadyHandled``. The base of a turn with a state must be the home's version,
        else ``SessionMoved``; the epoch the partition's turn epoch, else ``LeaseLost`` (asked first). A cancelled timer is gone
        unless the same turn arms it again. ``Unreached``: nobody answered where it lies.

        A turn with words for other homes is refused as ``SessionMoved``, too, while an earlier event of its partition waits: so
        such rows are made in the order of their numbers. They are none of the event's home (``telling_home``).

        A turn's receipt is merged into its row's delivery, which never goes down (``receipts.merge``). It finds the row by its
        reference, which must lie in the event's partition; else by its watermark: rows of the home and channel that are accepted
        and were last dialed by then, newest first, as far as one that knows as much already; else by its provider id among the
        home's newest rows (``rules.REACH``), and one not known yet is parked and met by its settle.
        A receipt settles a row that is held or unknown: to accepted, whatever the status but failed; failed gives rejected,
        which a later delivery corrects.

        With ``claiming``, rows of these turns that ``claim`` would give at ``record.at_ms`` are claimed, marked dialed
        (attempt 1) and given in ``Committed.dialed``, no more than ``budget`` a channel. Comparisons see all of these turns.
        """

    async def due(self, epochs: Mapping[int, int], now_ms: int, limit: int) -> list[Taken]:
        """Move timers due at ``now_ms`` into the inbox as events, oldest first, and give them numbered, in one step.

        The event's id is ``timer:<home>:<key>:<session>:<visit>:<due_ms>``, its ``at_ms`` is ``now_ms``. A timer is moved once,
        by one owner.
        """

    # -- out -----------------------------------------------------------------------------------------------------------

    async def claim(self, epochs: Mapping[int, int], now_ms: int, budget: Mapping[str, int]) -> list[OutboxRow]:
        """Claim rows that may go now and mark them dialed, at most ``budget[channel]`` of a channel; give them, attempt counted.

        A row may go if it is queued, or its retry or hold has come; ``not_before_ms <= now_ms``; and no earlier row of its
        home and channel is still on its way: dialed, or queued, held or to be retried with its instant at most ``STEP_ASIDE_MS``
        away (``PASSING`` classes pass). By ``rules.rank``: the instant since which it could go plus ``AGEING_MS`` for each step
        of ``PRIORITY``, so that waiting counts as one step up for each ``AGEING_MS``; then by age.

        When its turn comes but it must not go any more, it is settled here instead: ``expired`` when ``not_after_ms <= now_ms``;
        ``suppressed`` when the home has opted out of the row's sender, or has a higher ``control`` than the row (``consent``
        rows skip both checks). So a STOP that was committed before this claim always wins.
        """

    async def settle(self, settlements: Sequence[Settlement]) -> Sequence[bool | None]:
        """Record what became of attempts; False where the epoch is not current or the row is not dialed at that attempt.

        None where nobody answered: settle it again.

        A store keeps at least the first 10,000 characters of a provider id and of a reason.

        A row whose delivery is already told by a receipt settles as accepted, whatever the settlement says (as rejected, where
        the receipt told a failure and the settlement knows of no acceptance). A receipt parked under the provider id is merged
        now. ``unknowns`` counts settlements as held or unknown. The settlement's event is appended to the inbox in the same step.
        """

    async def strays(self, epochs: Mapping[int, int]) -> list[OutboxRow]:
        """Rows dialed under an earlier epoch of these partitions, until they are settled under the current one.

        Their owner died, so nobody knows what became of them; or it lost its lease and has it again, and does.
        """

    async def draw(self, sender: str, rate_per_s: float, burst: int, wanted: int, now_ms: int) -> int:
        """At most ``wanted`` tokens of a sender's bucket, which all handles of this store share: tokens given are spent.

        It fills by ``rate_per_s``, holds at most ``burst``, and is full at first. Asked with an earlier instant than before, it
        fills by nothing. ``wanted`` below 0 puts so many back that were given and not used; it gives 0.
        """

    # -- flows, reading ------------------------------------------------------------------------------------------------

    async def publish(self, versions: Sequence[FlowVersion]) -> None:
        """Keep each version by its hash, and make it its flow's current one. The same again changes only what is current."""

    async def flow(self, hash_: str) -> FlowVersion | None:
        """The version with this hash."""

    async def shape(self, shape: str) -> FlowVersion | None:
        """The version with this shape whose words count: the current one if it has it, else the newest published."""

    async def current(self) -> list[FlowVersion]:
        """The current version of every flow."""

    async def current_hashes(self) -> dict[str, str]:
        """The hash of the current version of every flow, by its name: little enough to be asked for each second."""

    async def totals(self, poll: str | None = None) -> list[Total]:
        """Votes by poll, option and outcome, summed over the partitions."""

    def history(self, home: Urn | None = None, newest: int | None = None) -> AsyncIterator[TurnRecord]:
        """Turn records: of one home, newest first, at most ``newest``; or of everybody, in number order within each partition."""

    def people(self) -> AsyncIterator[ContactState]:
        """Everybody of whom there is a state, in no order, each once, as of some moment while this is read."""

    async def rows(self, home: Urn) -> list[OutboxRow]:
        """Every row kept of this home, by row."""

    async def unsettled(self, states: Sequence[str], limit: int) -> list[OutboxRow]:
        """Rows in these states, oldest first."""

    async def consents(self, home: Urn | None = None) -> list[Consent]:
        """The opt-out ledger, oldest first."""

    async def dead(self, limit: int) -> list[DeadLetter]:
        """Events set aside, newest first."""

    async def revive(self, partition: int, number: int, now_ms: int) -> int | None:
        """Put the dead letter of this number back into its inbox, as if it had just come; give its new number. None: no such.

        A word from another home comes back out of that home's order (``rules.revived``).
        """

    async def drop(self, partition: int, number: int) -> bool:
        """Forget a dead letter for good. False: no such."""

    async def prune(self, epochs: Mapping[int, int], before_ms: int, limit: int) -> int:
        """Remove about ``limit`` history records and final rows of these partitions that were made before then, oldest first.

        Gives how many went. A row that is not final stays. Epochs are the turn leases'; a partition whose epoch is not current
        loses nothing. States, totals, the ledger and dead letters are not touched.
        """

    async def counts(self) -> Counts:
        """How much waits."""

    async def lags(self) -> list[Lag]:
        """The partitions in whose inbox something waits, by number."""
