"""Every law can find something: one good run, and the same with one thing wrong in what was seen of it."""

import signal
from collections.abc import Callable

import pytest
from msgspec.structs import replace

from vaiven.model.messages import MessageClass
from vaiven.model.outbox import RowState
from vaiven.testing.judge import Evidence, Law, judge
from vaiven.testing.provider import FakeProvider

NUMBERS = ["+12025550101", "+12025550102"]


def first(things, **wrong):
    return [replace(things[0], **wrong), *things[1:]]


def told(evidence: Evidence, change) -> Evidence:
    home = next(iter(evidence.told))
    return replace(evidence, told={**evidence.told, home: change(evidence.told[home])})


def without_last(evidence: Evidence) -> Evidence:
    last = max((record for record in evidence.records if record.version), key=lambda record: record.version)
    return replace(evidence, records=[record for record in evidence.records if record is not last])


def stopped_before_all(evidence: Evidence) -> Evidence:
    """As if the confirmation had been at the provider before anything was claimed."""
    consent = {row.reference for row in evidence.rows if row.message_class is MessageClass.CONSENT}
    sends = [replace(send, at=0.0) if send.reference in consent else send for send in evidence.sends]
    return replace(evidence, sends=sends)


def doubted(state: RowState, unknowns: int, *attempts: int) -> Callable[[Evidence], Evidence]:
    """As if a reply had been dialed at a crash under each of these attempts, had gone twice, and ended so."""

    def change(evidence: Evidence) -> Evidence:
        row = next(row for row in evidence.rows if row.message_class is MessageClass.REPLY)
        ended = replace(row, state=state, unknowns=unknowns, attempt=2)
        again = next(send for send in evidence.sends if send.reference == row.reference)
        crashes = [frozenset({(row.reference, attempt)}) for attempt in attempts]
        rows = [ended if each is row else each for each in evidence.rows]
        return replace(evidence, rows=rows, sends=[*evidence.sends, again], crashes=crashes)

    return change


def late(evidence: Evidence) -> Evidence:
    """As if the first receipt had been dialed by somebody who stood still, was given up, and came when all was said."""
    row = next(row for row in evidence.rows if row.message_class is MessageClass.RECEIPT)
    rows = [replace(row, state=RowState.UNKNOWN, unknowns=1) if each is row else each for each in evidence.rows]
    sends = sorted(evidence.sends, key=lambda send: send.reference == row.reference)
    return replace(evidence, rows=rows, sends=sends, crashes=[frozenset({(row.reference, 1)})])


RIGHT = {
    "one call in doubt, once more": doubted(RowState.ACCEPTED, 1, 1),
    "one call in doubt at two crashes, once more": doubted(RowState.ACCEPTED, 1, 1, 1),
    "two calls in doubt": doubted(RowState.UNKNOWN, 2, 1, 2),
    "two calls in doubt, one of them at two crashes": doubted(RowState.UNKNOWN, 2, 1, 1, 2),
    "given up, and late": late,
}

WRONG = {
    "a turn is missing": (Law.LOST, without_last),
    "a turn is there twice": (Law.TWICE, lambda e: replace(e, records=[*e.records, e.records[0]])),
    "a message that nobody sent": (Law.TWICE, lambda e: told(e, lambda ids: dict(list(ids.items())[1:]))),
    "sent in another order": (Law.ORDER, lambda e: told(e, lambda ids: dict(reversed(ids.items())))),
    "a vote too many": (Law.TALLY, lambda e: replace(e, totals=first(e.totals, count=e.totals[0].count + 1))),
    "another text": (Law.ROW, lambda e: replace(e, sends=first(e.sends, text="Hello"))),
    "another person": (Law.ROW, lambda e: replace(e, sends=first(e.sends, to="+12025550199"))),
    "no row": (Law.ROW, lambda e: replace(e, rows=e.rows[1:])),
    "twice at the provider": (Law.BOUND, lambda e: replace(e, sends=[*e.sends, e.sends[0]])),
    "never at the provider": (Law.UNSAID, lambda e: replace(e, sends=e.sends[1:])),
    "replies backwards": (Law.SEQUENCE, lambda e: replace(e, sends=e.sends[::-1])),
    "unknown without a crash": (Law.DOUBT, lambda e: replace(e, rows=first(e.rows, state=RowState.UNKNOWN, unknowns=1))),
    "in doubt, and passed over": (Law.DOUBT, lambda e: replace(e, crashes=[frozenset({(e.rows[0].reference, 1)})])),
    "in doubt twice, and gone on with": (Law.DOUBT, doubted(RowState.ACCEPTED, 1, 1, 2)),
    "in doubt once, and given up": (Law.DOUBT, doubted(RowState.UNKNOWN, 1, 1, 1)),
    "claimed after a STOP": (Law.CONSENT, stopped_before_all),
    "still queued": (Law.REST, lambda e: replace(e, rows=first(e.rows, state=RowState.QUEUED))),
    "still in the inbox": (Law.REST, lambda e: replace(e, counts=replace(e.counts, inbox=1))),
}


@pytest.mark.crash
async def test_each_law_finds_what_breaks_it(rig) -> None:
    async with FakeProvider() as provider, rig.clients() as clients:
        rig.settle_bot(provider.url)
        bot = await rig.bot()
        for number in NUMBERS:
            for turn, text in enumerate(["vote 1", "RULES", "vote 2", "STOP", "vote 3"]):
                await clients.deliver(*rig.message(number, turn, text))
                await rig.quiet()
        assert await bot.end(signal.SIGINT) == 0
        good = await rig.evidence(clients.told, provider.sends)
    assert judge(good) == []
    for name, right in RIGHT.items():
        assert judge(right(good)) == [], name
    for name, (law, wrong) in WRONG.items():
        assert law in {finding.law for finding in judge(wrong(good))}, name
    assert {law for law, _ in WRONG.values()} == set(Law)
