"""What a store's promises tell: asked of a real one, and judged."""

from dataclasses import replace
from pathlib import Path

import pytest

from vaiven.edge.doctor.checks.store import check_store
from vaiven.edge.doctor.facts import Failing, StoreFacts
from vaiven.edge.doctor.findings import Code
from vaiven.edge.doctor.looks.store import ask, look_at_store
from vaiven.edge.settings import Where
from vaiven.stores import open_store
from vaiven.stores.contract import Counts, Held, Role
from vaiven.stores.redis.store import RedisStore
from vaiven.testing.builders import make_event
from vaiven.testing.servers import server

NOW_MS = 1_000_000_000
IDLE = Counts(inbox=0, oldest_inbox_ms=None, rows={}, timers=0, dead=0)
HELD = tuple(Held(role, partition, "a", 1, NOW_MS + 9) for role in Role for partition in range(4))
GOOD = StoreFacts(NOW_MS, partitions=4, counts=IDLE, held=HELD, unsure_ms=1)


def waiting(inbox: int = 0, age_ms: int = 0, dead: int = 0, **rows: int) -> Counts:
    return Counts(inbox, NOW_MS - age_ms if inbox else None, rows, 0, dead, {"reply": 7} if rows else {})


def test_a_store_at_work(told) -> None:
    assert set(told(check_store(GOOD)).values()) == {"ok"}


@pytest.mark.parametrize(
    ("code", "severity", "facts"),
    [
        (Code.STORE, "fail", {"error": "127.0.0.1:1: refused"}),
        (Code.STORE, "warn", {"error": "votes.db: there is no such file.", "is_new": True}),
        (Code.CLOCK, "ok", {"offset_ms": 800}),
        (Code.CLOCK, "warn", {"offset_ms": -1_500}),
        (Code.CLOCK, "fail", {"offset_ms": 31_000}),
        (Code.CLOCK, "ok", {"offset_ms": 1_500, "unsure_ms": 700}),
        (Code.OWNERS, "warn", {"held": ()}),
        (Code.OWNERS, "fail", {"held": HELD[:-1]}),
        (Code.OWNERS, "fail", {"held": HELD[4:]}),
        (Code.LAG, "ok", {"counts": waiting(9, 9_000)}),
        (Code.LAG, "warn", {"counts": waiting(9, 11_000)}),
        (Code.LAG, "fail", {"counts": waiting(9, 61_000)}),
        (Code.BACKLOG, "ok", {"counts": waiting(queued=7), "oldest_row_ms": NOW_MS - 1_000}),
        (Code.BACKLOG, "warn", {"counts": waiting(queued=7), "oldest_row_ms": NOW_MS - 700_000}),
        (Code.UNKNOWN, "warn", {"counts": waiting(unknown=1)}),
        (Code.DEAD, "warn", {"counts": waiting(dead=1)}),
        (Code.CHANNEL, "warn", {"failing": (Failing("sms", {"twilio:20003": 11}),)}),
        (Code.CHANNEL, "ok", {"failing": (Failing("sms", {"twilio:20429": 3}),)}),
    ],
)
def test_what_bites(told, code: Code, severity: str, facts: dict[str, object]) -> None:
    assert told(check_store(replace(GOOD, **facts)))[code] == severity


def test_it_is_said_in_full() -> None:
    facts = replace(
        GOOD,
        counts=waiting(12, 150_000, queued=7, unknown=1),
        oldest_row_ms=NOW_MS - 7_300_000,
        failing=(Failing("sms", {"twilio:20003": 11, "http:500": 2}),),
        held=HELD[:-1],
    )
    found = {finding.code: finding for finding in check_store(facts)}
    assert found[Code.LAG].told == "12 events waiting, the oldest for 2 min"
    assert found[Code.BACKLOG].told == "7 messages to be sent, the oldest made 2 h ago (7 reply)"
    assert found[Code.CHANNEL].told == "13 messages to be tried again: 11 twilio:20003, 2 http:500"
    assert found[Code.CHANNEL].about == "sms"
    assert found[Code.OWNERS].told == "1 of 4 partitions have nobody who sends"
    assert found[Code.UNKNOWN].told == "1 message whose outcome nobody knows"


async def test_a_real_store_is_asked_while_it_serves(tmp_path: Path, told) -> None:
    url = f"sqlite:///{tmp_path / 'votes.db'}"
    new = await look_at_store(Where(url, "hello", "local"))
    assert new.is_new
    store = open_store(url)
    await store.open()
    try:
        await store.accept([make_event()])
        facts = await look_at_store(Where(url, "hello", "local"))
    finally:
        await store.close()
    assert facts.counts is not None
    assert (facts.error, facts.counts.inbox, facts.partitions) == ("", 1, store.partitions)
    assert abs(facts.offset_ms) <= facts.unsure_ms + 50
    found = told(check_store(facts))
    assert found[Code.CLOCK] == "ok"
    assert Code.OWNERS not in found  # only the process that serves a file knows its leases


async def test_a_store_that_many_share_tells_who_owns_what(told) -> None:
    with server() as one:
        store, other = RedisStore(one.url, bot="hello"), RedisStore(one.url, bot="hello", read_only=True)
        await store.open()
        await store.lease(Role.TURN, "a", range(256), 60_000)
        await store.lease(Role.SEND, "b", range(250), 60_000)
        await store.accept([make_event()])
        await other.open()
        facts = await ask(other)
        await other.close()
        await store.close()
    found = {finding.code: finding.told for finding in check_store(facts)}
    assert found[Code.PARTITIONS] == "256 recorded in the store"
    assert found[Code.OWNERS] == "6 of 256 partitions have nobody who sends"
    assert found[Code.LAG].startswith("1 event waiting")
    assert abs(facts.offset_ms) <= facts.unsure_ms + 50


async def test_a_file_that_is_no_store_is_not_new(tmp_path: Path) -> None:
    (tmp_path / "votes.db").write_text("Dear diary, " * 100)
    facts = await look_at_store(Where(f"sqlite:///{tmp_path / 'votes.db'}", "hello", "local"))
    assert facts.error
    assert not facts.is_new


async def test_a_store_of_no_kind_that_is_known() -> None:
    facts = await look_at_store(Where("paper://drawer", "hello", "local"))
    assert "paper://drawer" in facts.error
    assert not facts.is_new
