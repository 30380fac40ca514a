"""What a turn costs in the store: accept, load, commit with claiming, settle, in batches.

    python tests/bench/bench_store.py [memory:// | sqlite | sqlite?partitions=16] ...

Prints µs of this process's CPU, all its threads, per turn; and the wall time of one batch. The state carries a full ring of
message ids and the record what a turn records, so that bytes are as in life. ``homes`` contacts take turns.
"""

import asyncio
import os
import sys
import tempfile
import time
from itertools import cycle
from pathlib import Path

from vaiven.model.contacts import Contact, ContactState, digest_of, remember
from vaiven.model.effects import Send, Tally, TallyOutcome
from vaiven.model.events import Event
from vaiven.model.messages import InboundMessage, MessageClass, OutboundMessage
from vaiven.model.outbox import ROWS_A_TURN, OutboxRow, RowState, Settlement
from vaiven.model.turns import Committed, Turn, TurnRecord
from vaiven.model.urns import Urn, partition_of
from vaiven.stores import open_store
from vaiven.stores.contract import Claiming, Role, Store

AT_MS = 1_800_000_000_000


def turn(event: Event, number: int, epoch: int, before: ContactState) -> Turn:
    contact, version = before.contact, before.contact.version + 1
    ring, floor_ms = (
        remember(contact, digest_of(event.id), AT_MS) if len(contact.ring) == 64 * 14 else (os.urandom(64 * 14), None)
    )
    rest = {"lang": "en", "addresses": {"sms": event.home}, "votes": {"final": version}}
    after = Contact(home=event.home, version=version, last=number, ring=ring, floor_ms=floor_ms, **rest)
    bare = Contact(home=event.home, version=version, last=number, floor_ms=floor_ms, **rest)
    tally, text = (
        Tally("final", f"act-{number % 9}", TallyOutcome.COUNTED),
        "Thank you! Your vote for act 3 counts. You have 7 votes left.",
    )
    row = OutboxRow(
        partition=event.partition,
        row=number * ROWS_A_TURN,
        home=event.home,
        channel="sms",
        sender="tel:+12025550199",
        to=event.home,
        message=OutboundMessage(text=text),
        message_class=MessageClass.RECEIPT,
        created_ms=AT_MS,
        not_after_ms=AT_MS + 3_600_000,
    )
    return Turn(
        epoch=epoch,
        number=number,
        event=event,
        base=version - 1,
        state=ContactState(after),
        rows=(row,),
        tallies=(tally,),
        record=TurnRecord(
            number=number,
            version=version,
            previous=contact.last,
            at_ms=AT_MS,
            event=event,
            effects=(tally, Send(text=text)),
            after=ContactState(bare),
            flow="8f14e45fceea167a",
        ),
    )


async def batch(store: Store, homes: list[Urn], serial: int, turns: dict[int, int], sends: dict[int, int]) -> None:
    ids = [f"SM{serial:016x}{at:016x}" for at in range(len(homes))]
    events = [
        Event(
            i, h, partition_of(h, store.partitions), "sms", AT_MS, InboundMessage(id=i, sender=h, text="vote 3", raw=b"x" * 120)
        )
        for i, h in zip(ids, homes, strict=True)
    ]
    numbers = await store.accept(events)
    states = await store.load(homes)
    made = [turn(e, n, turns[e.partition], s) for e, n, s in zip(events, numbers, states, strict=True)]
    verdicts = await store.commit(made, Claiming(sends, {"sms": 1_000}))
    rows = [row for verdict in verdicts if isinstance(verdict, Committed) for row in verdict.dialed]
    assert len(rows) == len(homes)
    settled = [
        Settlement(r.partition, sends[r.partition], r.row, 1, RowState.ACCEPTED, provider_id=f"SM{r.row:032x}") for r in rows
    ]
    assert all(await store.settle(settled))


async def bench(url: str, size: int, homes: int, seconds: float = 1.5) -> str:
    with tempfile.TemporaryDirectory() as folder:
        name, _, partitions = url.partition("?partitions=")
        place = f"sqlite:///{Path(folder) / 'bench.db'}" if name == "sqlite" else name
        store = open_store(place, partitions=int(partitions) if partitions else None)
        await store.open()
        everything = range(store.partitions)
        turns = await store.lease(Role.TURN, "bench", everything, 3_600_000)
        sends = await store.lease(Role.SEND, "bench", everything, 3_600_000)
        people = cycle([Urn(f"tel:+1202{n:07d}") for n in range(homes)])
        for serial in range(max(1, min(homes, 512) // size)):
            await batch(store, [next(people) for _ in range(size)], serial, turns, sends)
        count, wall, cpu = 0, time.perf_counter(), time.process_time()
        while time.perf_counter() - wall < seconds:
            await batch(store, [next(people) for _ in range(size)], 1_000_000 + count, turns, sends)
            count += 1
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        await store.close()
        return f"{cpu / count / size * 1e6:6.1f} ({wall / count * 1e3:5.2f} ms)"


def main() -> None:
    sizes, crowds = (1, 10, 32, 64), (256, 100_000)
    print(f"{'µs CPU a turn (wall of a batch)':34}" + "".join(f"{'batch ' + str(size):>20}" for size in sizes))
    for url in sys.argv[1:] or ["memory://", "sqlite"]:
        for homes in crowds:
            results = [asyncio.run(bench(url, size, homes)) for size in sizes]
            print(f"{url + ', ' + str(homes) + ' homes':34}" + "".join(f"{result:>20}" for result in results))


if __name__ == "__main__":
    main()
