"""What is read beside the road. It comes in pages, and nothing here writes."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from heapq import nsmallest
from operator import itemgetter
from typing import Any

import msgspec

from vaiven.model.contacts import ContactState
from vaiven.model.events import Event
from vaiven.model.outbox import FINAL, OutboxRow, RowState
from vaiven.model.turns import Consent, DeadLetter, TurnRecord
from vaiven.model.urns import Urn, partition_of
from vaiven.stores import rules
from vaiven.stores.contract import Counts, FlowVersion, Lag, Total
from vaiven.stores.redis import packing
from vaiven.stores.redis.asking import Asking
from vaiven.stores.redis.packing import BLOCK, LINE_MARK

PAGE = 256
"""Rows, records or lines read at a time."""

SCANNED = 1000
"""Keys that a server looks at in one go while everybody is read: a millisecond of its time or less."""

_FIRST = 8
"""The oldest of so many events in front of an inbox is told: numbers rise with time, but for doors that accept at once."""

_decode_version = msgspec.msgpack.Decoder(FlowVersion).decode


# -- flows -----------------------------------------------------------------------------------------------------------------


async def versions(on: Asking, hashes: Sequence[str]) -> list[FlowVersion | None]:
    """The versions with these hashes."""
    found = await on.ask(on.keys.versions, "HMGET", on.keys.versions, *hashes)
    return [None if value is None else _decode_version(value) for value in found]


async def current(on: Asking) -> list[FlowVersion]:
    hashes = [hash_.decode() for hash_ in (await _hash(on, on.keys.current)).values()]
    found = await versions(on, hashes) if hashes else []
    return sorted((version for version in found if version is not None), key=lambda version: version.flow)


async def current_hashes(on: Asking) -> dict[str, str]:
    return {flow.decode(): hash_.decode() for flow, hash_ in (await _hash(on, on.keys.current)).items()}


async def shape(on: Asking, shape: str) -> FlowVersion | None:
    known = await on.ask(on.keys.shapes, "HGET", on.keys.shapes, shape)
    if known is None:
        return None
    now = set((await _hash(on, on.keys.current)).values())
    hashes = packing.decode_hashes(known)
    chosen = next((hash_ for hash_ in hashes if hash_.encode() in now), hashes[-1])
    return (await versions(on, [chosen]))[0]


async def _hash(on: Asking, key: bytes) -> dict[bytes, bytes]:
    flat = await on.ask(key, "HGETALL", key)
    return dict(zip(flat[::2], flat[1::2], strict=True))


# -- history ---------------------------------------------------------------------------------------------------------------


async def first(records: AsyncIterator[TurnRecord], count: int) -> AsyncIterator[TurnRecord]:
    if count > 0:
        async for record in records:
            yield record
            count -= 1
            if count == 0:
                return


async def talk(on: Asking, home: Urn) -> AsyncIterator[TurnRecord]:
    """The records of a home, newest first."""
    partition = partition_of(home, on.partitions)
    starts, _, _ = await on.read("heads", partition, (partition, home))
    seen: set[int] = set()
    for start in starts:
        at = start
        while at and at not in seen:
            page = await on.read("turns", partition, (partition, at, PAGE))
            fresh = [(number, value) for number, value in page if number not in seen]
            seen.update(number for number, _ in fresh)
            for number, value in fresh:
                yield packing.read_record(number, value)
            at = packing.before_of(page[-1][1]) if len(page) == PAGE else 0


async def everybody(on: Asking) -> AsyncIterator[TurnRecord]:
    """All records, in number order within each partition."""
    for partition in range(on.partitions):
        async for block, fields in _blocks(on, partition):
            for field in sorted(field for field in fields if len(field) == 1):
                yield packing.read_record(block * BLOCK + field[0], fields[field])


async def _blocks(on: Asking, partition: int) -> AsyncIterator[tuple[int, dict[bytes, bytes]]]:
    """The blocks of a partition's history that the sweep has not passed, with their fields."""
    last, swept, gaps = await on.read("marks", partition, partition)
    every = list[int]()
    for first, end in [*gaps, (last + 1, last + 1)]:
        every += range((swept + 1) // BLOCK, (first - 1) // BLOCK + 1)
        swept = end
    for at in range(0, len(every), 4):
        keys = [on.keys.of(partition, f"h:{block}") for block in every[at : at + 4]]
        for block, fields in zip(every[at : at + 4], await asyncio.gather(*(_hash(on, key) for key in keys)), strict=True):
            yield block, fields


# -- rows ------------------------------------------------------------------------------------------------------------------


async def rows(on: Asking, home: Urn) -> list[OutboxRow]:
    """Every row of a home."""
    partition = partition_of(home, on.partitions)
    _, starts, _ = await on.read("heads", partition, (partition, home))
    found: dict[int, OutboxRow] = {}
    for start in starts:
        at = start
        while at and at not in found:
            page = await on.read("rows", partition, (partition, at, PAGE))
            found.update((id_, packing.read_row(partition, id_, value)) for id_, value in page)
            at = packing.row_before(page[-1][1]) if len(page) == PAGE else 0
    return [found[id_] for id_ in sorted(found)]


async def unsettled(on: Asking, states: Sequence[str], limit: int) -> list[OutboxRow]:
    """The oldest rows in these states. Unknown ones have an index; others are looked for among all that wait, or all."""
    wanted = {rules.STATES[state] for state in states}
    oldest: list[OutboxRow] = []
    if RowState.UNKNOWN in wanted:
        oldest += await _unknown(on, limit)
    if wanted - FINAL:
        for partition in range(on.partitions):
            oldest = _oldest(oldest + [row async for row in _on_their_way(on, partition) if row.state in wanted], limit)
    if finals := (wanted & FINAL) - {RowState.UNKNOWN}:
        for partition in range(on.partitions):
            async for block, fields in _blocks(on, partition):
                oldest = _oldest(oldest + [row for row in _final(partition, block, fields) if row.state in finals], limit)
    return _oldest(oldest, limit)


def _oldest(rows: list[OutboxRow], limit: int) -> list[OutboxRow]:
    return nsmallest(limit, rows, key=lambda row: (row.created_ms, row.partition, row.row))


async def _unknown(on: Asking, limit: int) -> list[OutboxRow]:
    found = await on.each(on.read, "tops", lambda group: ("unknown", limit, 0, group))
    first = nsmallest(limit, ((float(score), partition, int(id_)) for partition, id_, score in found))

    async def read(partition: int, id_: int) -> OutboxRow | None:
        name, field = packing.field_of(id_)
        key = on.keys.of(partition, name)
        line, made = await on.ask(key, "HMGET", key, field + LINE_MARK, field)
        return None if line is None else packing.read_row(partition, id_, line + made)

    rows = await asyncio.gather(*(read(partition, id_) for _, partition, id_ in first))
    return [row for row in rows if row is not None]


async def _on_their_way(on: Asking, partition: int) -> AsyncIterator[OutboxRow]:
    """Rows that are not final, each once, though it may move while these are read."""

    async def made_with(id_: int) -> bytes | None:
        name, field = packing.field_of(id_)
        key = on.keys.of(partition, name)
        made: bytes | None = await on.ask(key, "HGET", key, field)
        return made

    own, dialed = on.keys.of(partition, "own"), set[int]()  # no more than the senders have connections
    for id_, line in packing.briefs(await on.ask(own, "GET", own)):
        dialed.add(id_)
        if (made := await made_with(id_)) is not None:
            yield packing.read_row(partition, id_, line + made)
    for name in ("dial", "wait"):
        key, cursor = on.keys.of(partition, name), b"0"
        while True:
            cursor, flat = await on.ask(key, "HSCAN", key, cursor, "COUNT", PAGE)
            lines = {id_: line for name_, line in zip(flat[::2], flat[1::2], strict=True) if (id_ := int(name_)) not in dialed}
            if name == "dial":
                dialed.update(lines)
            for (id_, line), made in zip(lines.items(), await asyncio.gather(*map(made_with, lines)), strict=True):
                if made is not None:  # it has become final meanwhile, and old
                    yield packing.read_row(partition, id_, line + made)
            if cursor == b"0":
                break


def _final(partition: int, block: int, fields: dict[bytes, bytes]) -> list[OutboxRow]:
    lines = ((field[:2], value) for field, value in fields.items() if len(field) == 3)
    return [packing.read_row(partition, packing.id_of(block, field), line + fields[field]) for field, line in lines]


# -- totals, ledger, dead letters, counts ----------------------------------------------------------------------------------


async def totals(on: Asking, poll: str | None) -> list[Total]:
    sums: dict[tuple[str, str, str], int] = {}
    for name, field, count in await on.each(on.read, "totals", lambda group: (poll or "", group)):
        option, _, outcome = field.decode().rpartition("\0")
        key = (name.decode(), option, outcome)
        sums[key] = sums.get(key, 0) + count
    return [Total(*key, count) for key, count in sorted(sums.items())]


async def consents(on: Asking, home: Urn) -> list[Consent]:
    """A home's lines of the ledger, oldest first."""
    partition = partition_of(home, on.partitions)
    _, _, at = await on.read("heads", partition, (partition, home))
    found: list[Consent] = []
    while at:
        page = await on.read("consents", partition, (partition, at.decode(), PAGE))
        found += (packing.decode_consent(value) for _, value, _ in page)
        at = page[-1][2] if page else b""
    return found[::-1]


async def ledger(on: Asking) -> list[Consent]:
    """Everybody's lines, by their instants, then by the clock of their server."""
    found: list[tuple[int, int, int, int, Consent]] = []
    for partition in range(on.partitions):
        key, last = on.keys.of(partition, "ledger"), b"-"
        while page := await on.ask(key, "XRANGE", key, last, "+", "COUNT", PAGE):
            for id_, (_, value, *_) in page:
                ms, _, more = id_.partition(b"-")
                consent = packing.decode_consent(value)
                found.append((consent.at_ms, int(ms), partition, int(more), consent))
            last = b"(" + page[-1][0]
    return [consent for *_, consent in sorted(found, key=itemgetter(0, 1, 2, 3))]


async def dead(on: Asking, limit: int) -> list[DeadLetter]:
    """The newest events set aside."""
    found = await on.each(on.read, "tops", lambda group: ("dead", limit, 1, group))
    newest = nsmallest(limit, ((-float(score), -int.from_bytes(number, "big"), partition) for partition, number, score in found))

    async def read(partition: int, number: int) -> DeadLetter | None:
        key = on.keys.of(partition, "letters")
        value = await on.ask(key, "HGET", key, number)
        return None if value is None else packing.read_letter(number, value)

    letters = await asyncio.gather(*(read(partition, -number) for _, number, partition in newest))
    return [letter for letter in letters if letter is not None]


async def letter(on: Asking, partition: int, number: int, now_ms: int) -> Event | None:
    """The event of a dead letter as if it came now."""
    key = on.keys.of(partition, "letters")
    value = await on.ask(key, "HGET", key, number)
    return None if value is None else rules.revived(packing.read_letter(number, value).event, now_ms)


async def people(on: Asking) -> AsyncIterator[ContactState]:
    """Everybody who has a state. Each page of keys is read in one go; a key that comes twice is told once."""
    told: set[bytes] = set()
    async for keys in on.wire.scan(on.keys.everybody, SCANNED):
        fresh = [key for key in dict.fromkeys(keys) if key not in told]
        told.update(fresh)
        for key, value in zip(fresh, await asyncio.gather(*(on.ask(key, "GET", key) for key in fresh)), strict=True):
            home = Urn(on.keys.home_in(key))
            if value is not None and len(value) > packing.HEAD:
                yield packing.read_state(home, value)


async def lags(on: Asking) -> list[Lag]:
    found: list[Any] = await on.each(on.read, "lags", lambda group: (_FIRST, group))
    return [
        Lag(partition, waits, min(packing.decode_event(event).at_ms for event in events)) for partition, waits, events in found
    ]


async def counts(on: Asking) -> Counts:
    inboxes = await lags(on)
    groups = on.groups(range(on.partitions))
    timers = dead = unknown = 0
    states: dict[str, int] = {}
    classes: dict[str, int] = {}
    for few in await asyncio.gather(*(on.read("counts", group[0], group) for group in groups)):
        timers, dead, unknown = timers + few[0], dead + few[1], unknown + few[2]
        for name, count in zip(few[3::2], few[4::2], strict=True):
            state, kind = map(int, name.split(b"."))
            if count:
                states[packing.STATES[state]] = states.get(packing.STATES[state], 0) + count
                classes[packing.CLASSES[kind]] = classes.get(packing.CLASSES[kind], 0) + count
    if unknown:
        states[RowState.UNKNOWN] = unknown
    oldest = min((lag.oldest_ms for lag in inboxes), default=None)
    rows = {str(state): count for state, count in states.items()}
    return Counts(
        sum(lag.inbox for lag in inboxes), oldest, rows, timers, dead, {str(kind): count for kind, count in classes.items()}
    )
