"""The judge of a run with crashes in it, from outside: what clients were told, what the provider saw, what the store keeps.

    findings = judge(await gather(store, clients.told, provider.sends, crashes=dialed_at_each_kill))
    assert findings == []

Pure: a run is evidence, and each law is one function over it. The provider is taken to answer every call it gets, and no
receipts to come, so that a row can be in doubt for no other reason than a crash. A run in which nothing went wrong proves
nothing: whoever calls the judge must see to that.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from itertools import pairwise

import msgspec

from vaiven.model.effects import OptIn, OptOut, Send, Tally
from vaiven.model.messages import InboundMessage, MessageClass, UnknownPolicy, unknown_policy
from vaiven.model.outbox import FINAL, ROWS_A_TURN, OutboxRow, RowState
from vaiven.model.turns import DeadLetter, TurnRecord
from vaiven.model.urns import Urn, urn
from vaiven.stores.contract import Counts, Store, Total
from vaiven.testing import provider


class Law(StrEnum):
    """What must hold whatever crashes."""

    LOST = "lost"
    """A message that was acknowledged has its turn."""
    TWICE = "twice"
    """A message has one turn at most, acknowledged or not; and one that nobody sent has none."""
    ORDER = "order"
    """A contact's turns are in the order of their messages, versions and numbers rising without a gap in the versions."""
    TALLY = "tally"
    """The totals are what the turns counted, and so is each contact's own count."""
    ROW = "row"
    """The rows are what the turns said, and a send is a row: this text, to this person."""
    BOUND = "bound"
    """A row goes out as often as its class allows: never again, or once more, where its outcome is unknown."""
    UNSAID = "unsaid"
    """A row listed as accepted has been at the provider."""
    SEQUENCE = "sequence"
    """A contact hears the replies in the order they were said, but for those of which nobody knows when they went."""
    DOUBT = "doubt"
    """Only rows that were dialed at a crash are listed unknown or go twice, and those that were are not passed over."""
    CONSENT = "consent"
    """After a STOP is stored nothing goes out but one confirmation."""
    REST = "rest"
    """In the end nothing is left to do, and nothing was set aside."""


class Finding(msgspec.Struct, frozen=True, order=True):
    """One breach, told by ids."""

    law: Law
    what: str


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """One run.

    ``told``: by home, the provider ids of its messages in the order sent, and whether each was acknowledged. ``crashes``: for
    each crash, the rows that the file showed as dialed, by reference and attempt. ``claimed_ms``: when a row was last claimed, by
    reference, where that is known (for ``CONSENT``); ``records`` are in number order within a partition.
    """

    told: Mapping[Urn, Mapping[str, bool]]
    records: Sequence[TurnRecord]
    rows: Sequence[OutboxRow]
    totals: Sequence[Total]
    dead: Sequence[DeadLetter]
    counts: Counts
    sends: Sequence[provider.Send]
    crashes: Sequence[frozenset[tuple[str, int]]] = ()
    claimed_ms: Mapping[str, int] = {}


async def gather(
    store: Store,
    told: Mapping[Urn, Mapping[str, bool]],
    sends: Iterable[provider.Send],
    crashes: Sequence[frozenset[tuple[str, int]]] = (),
    claimed_ms: Mapping[str, int] | None = None,
) -> Evidence:
    """Read everything that the store kept of the run."""
    records = [record async for record in store.history()]
    homes = {record.event.home: None for record in records} | dict.fromkeys(told)
    return Evidence(
        told=told,
        records=records,
        rows=[row for home in homes for row in await store.rows(home)],
        totals=await store.totals(),
        dead=await store.dead(1 << 20),
        counts=await store.counts(),
        sends=list(sends),
        crashes=crashes,
        claimed_ms=claimed_ms or {},
    )


def judge(evidence: Evidence) -> list[Finding]:
    """Every breach of every law, by law; empty if all hold."""
    return sorted({finding for law in LAWS for finding in law(evidence)})


def turns(evidence: Evidence) -> Iterator[Finding]:
    """LOST, TWICE and ORDER, home by home."""
    by_home: dict[Urn, list[TurnRecord]] = defaultdict(list)
    for record in evidence.records:
        if record.version:
            by_home[record.event.home].append(record)
    buried = {letter.event.body.id for letter in evidence.dead if isinstance(letter.event.body, InboundMessage)}
    for home, told in evidence.told.items():
        mine = sorted(by_home[home], key=lambda record: record.version)
        messages = [record.event.body.id for record in mine if isinstance(record.event.body, InboundMessage)]
        handled = Counter(messages)
        for id_, acked in told.items():
            if acked and not handled[id_] and id_ not in buried:
                yield Finding(Law.LOST, id_)
        for id_, count in handled.items():
            if count > 1 or id_ not in told:
                yield Finding(Law.TWICE, f"{id_}: {count} turns")
        if all(count == 1 for count in handled.values()) and messages != [id_ for id_ in told if id_ in handled]:
            yield Finding(Law.ORDER, f"{home}: turns of {messages}")
        if [record.version for record in mine] != list(range(1, len(mine) + 1)):
            yield Finding(Law.ORDER, f"{home}: versions {[record.version for record in mine]}")
        if any(later.number <= earlier.number for earlier, later in pairwise(mine)):
            yield Finding(Law.ORDER, f"{home}: numbers {[record.number for record in mine]}")


def tallies(evidence: Evidence) -> Iterator[Finding]:
    """TALLY: in all, and contact by contact."""
    cast: Counter[tuple[str, str, str]] = Counter()
    counted: Counter[tuple[Urn, str]] = Counter()
    newest: dict[Urn, TurnRecord] = {}
    for record in evidence.records:
        home = record.event.home
        if record.after is not None and (home not in newest or record.version > newest[home].version):
            newest[home] = record
        for effect in record.effects:
            if isinstance(effect, Tally):
                cast[effect.poll, effect.option, str(effect.outcome)] += 1
                counted[home, effect.poll] += effect.outcome == "counted"
    totals = {(total.poll, total.option, total.outcome): total.count for total in evidence.totals}
    for key in sorted(cast.keys() | totals.keys()):
        if totals.get(key, 0) != cast[key]:
            yield Finding(Law.TALLY, f"{'/'.join(key)}: {totals.get(key, 0)} in all, {cast[key]} in turns")
    for (home, poll), count in counted.items():
        after = newest[home].after
        kept = 0 if after is None else after.contact.votes.get(poll, 0)
        if kept != count:
            yield Finding(Law.TALLY, f"{home} {poll}: {kept} of the contact, {count} in turns")


def said(evidence: Evidence) -> Iterator[Finding]:
    """ROW: turns against rows, rows against sends."""
    partitions = {(row.home, row.row // ROWS_A_TURN): row.partition for row in evidence.rows}
    of_turn = Counter((row.home, row.row // ROWS_A_TURN) for row in evidence.rows)
    for record in evidence.records:
        key = (record.event.home, record.number)
        wanted = sum(isinstance(effect, Send) for effect in record.effects)
        # A long text is cut into several rows, none is ever said in fewer.
        if of_turn.pop(key, 0) < wanted or partitions.get(key, record.event.partition) != record.event.partition:
            yield Finding(Law.ROW, f"{key[0]} turn {key[1]}: {wanted} said")
    for home, number in of_turn:
        yield Finding(Law.ROW, f"{home} turn {number}: rows without a turn")
    rows = {row.reference: row for row in evidence.rows}
    for send in evidence.sends:
        row = rows.get(send.reference or "")
        if row is None:
            yield Finding(Law.ROW, f"{send.reference}: sent, and no row")
        elif row.message.text != send.text or row.to != urn("tel", send.to):
            yield Finding(Law.ROW, f"{send.reference}: not what the row says")


def sent(evidence: Evidence) -> Iterator[Finding]:
    """BOUND, UNSAID and DOUBT, row by row."""
    seen = Counter(send.reference for send in evidence.sends if send.sent)
    # One that dies while it starts has not accounted for the last one's calls yet: the same attempt is dialed at both crashes.
    dialed = Counter(reference for reference, _ in frozenset().union(*evidence.crashes))
    for row in evidence.rows:
        reference, policy = row.reference, unknown_policy(row.message_class)
        times, doubts = seen[reference], dialed[reference]
        bound = {UnknownPolicy.NEVER: 1, UnknownPolicy.HOLD: 2}.get(policy, times)
        if times > bound:
            yield Finding(Law.BOUND, f"{reference} ({row.message_class}): {times} times")
        if row.state is RowState.ACCEPTED and not times:
            yield Finding(Law.UNSAID, f"{reference} ({row.message_class})")
        if row.state in (RowState.SUPPRESSED, RowState.EXPIRED) and times > row.attempt:
            yield Finding(Law.CONSENT, f"{reference}: {row.state}, and sent")
        if times > 1 + doubts or row.unknowns > doubts:
            yield Finding(Law.DOUBT, f"{reference}: {row.unknowns} times unknown, {times} sent, dialed at {doubts} crashes")
        final = {UnknownPolicy.NEVER: 1, UnknownPolicy.HOLD: 2}.get(policy, 1 << 20)
        if (row.state is RowState.UNKNOWN) != (doubts >= final) and row.delivery is None:
            yield Finding(Law.DOUBT, f"{reference} ({row.message_class}): {row.state}, dialed at {doubts} crashes")


def heard(evidence: Evidence) -> Iterator[Finding]:
    """SEQUENCE: first arrivals of each contact's rows, but for confirmations, which may pass.

    One that was in doubt holds nothing up any more when it is given up. Whoever had dialed it may only have stood still.
    """
    rows = {row.reference: row for row in evidence.rows}
    doubted = {reference for reference, _ in frozenset().union(*evidence.crashes)}
    last: dict[tuple[Urn, str], tuple[int, int]] = {}
    arrived: set[str] = set()
    for send in evidence.sends:
        row = rows.get(send.reference or "")
        if row is None or row.reference in arrived or row.message_class is MessageClass.CONSENT:
            continue
        arrived.add(row.reference)
        if row.state is RowState.UNKNOWN and row.reference in doubted:
            continue
        key = (row.home, row.channel)
        if last.get(key, (row.partition, -1)) > (row.partition, row.row):
            yield Finding(Law.SEQUENCE, f"{row.reference} after {last[key][1]}")
        last[key] = (row.partition, row.row)


def consents(evidence: Evidence) -> Iterator[Finding]:
    """CONSENT: one confirmation a STOP, no row made after it, none claimed after it."""
    stops: dict[Urn, TurnRecord] = {}
    for record in evidence.records:
        if any(isinstance(effect, OptOut) for effect in record.effects):
            stops[record.event.home] = record
        elif any(isinstance(effect, OptIn) for effect in record.effects):
            stops.pop(record.event.home, None)
    arrivals: dict[str, list[float]] = defaultdict(list)
    for send in evidence.sends:
        if send.sent and send.reference:
            arrivals[send.reference].append(send.at)
    rows: dict[Urn, list[OutboxRow]] = defaultdict(list)
    for row in evidence.rows:
        rows[row.home].append(row)
    for home, record in stops.items():
        yield from _stopped(record.number, rows[home], arrivals, evidence.claimed_ms)


def _stopped(
    number: int, rows: Sequence[OutboxRow], arrivals: Mapping[str, Sequence[float]], claimed_ms: Mapping[str, int]
) -> Iterator[Finding]:
    mine = [row for row in rows if row.message_class is MessageClass.CONSENT and row.row // ROWS_A_TURN == number]
    confirmed = [at for row in mine for at in arrivals.get(row.reference, ())]
    # One that was dialed at a crash may have been sent: DOUBT sees to those.
    wrong = len(mine) != 1 or (mine[0].state is not RowState.UNKNOWN and (mine[0].state is RowState.ACCEPTED) != bool(confirmed))
    if wrong or len(confirmed) > 1:
        yield Finding(Law.CONSENT, f"turn {number}: {len(mine)} confirmations made, {len(confirmed)} sent")
    for row in rows:
        if row.message_class is MessageClass.CONSENT:
            continue
        if row.row // ROWS_A_TURN > number and (row.state is not RowState.SUPPRESSED or row.reference in arrivals):
            yield Finding(Law.CONSENT, f"{row.reference}: {row.state}, said after the STOP of turn {number}")
        # Where the confirmation is out, the STOP was stored before: whatever is claimed later passed it by.
        if confirmed and row.reference in arrivals and claimed_ms.get(row.reference, 0) > confirmed[0] * 1000 + 1:
            yield Finding(Law.CONSENT, f"{row.reference}: claimed after the STOP of turn {number}")


def rest(evidence: Evidence) -> Iterator[Finding]:
    """REST: liveness."""
    if evidence.counts.inbox:
        yield Finding(Law.REST, f"{evidence.counts.inbox} events wait")
    for row in evidence.rows:
        if row.state not in FINAL:
            yield Finding(Law.REST, f"{row.reference}: {row.state}")
    for letter in evidence.dead:
        yield Finding(Law.REST, f"set aside: {letter.event.id}: {letter.reason}")


LAWS = (turns, tallies, said, sent, heard, consents, rest)
