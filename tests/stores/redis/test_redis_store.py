"""What only a shared server can do: be somebody else's, be away, lose its scripts, move its slots, be looked at meanwhile."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from msgspec.structs import replace

from vaiven.model.contacts import ContactState
from vaiven.model.effects import Tally, TallyOutcome
from vaiven.model.errors import SettingsError, StoreError, StoreMismatch, StoreUnavailable
from vaiven.model.messages import OutboundMessage
from vaiven.model.outbox import RowState, Settlement
from vaiven.model.receipts import DeliveryStatus
from vaiven.model.turns import AlreadyHandled, Committed, Consent, LeaseLost, SessionMoved, Taken, Timer, Turn, Verdict
from vaiven.model.urns import Identity, Urn
from vaiven.stores import open_store
from vaiven.stores.contract import FlowVersion, Role, Total
from vaiven.stores.redis import Durability, RedisStore, keys
from vaiven.stores.redis.store import PARTITIONS
from vaiven.stores.redis.topology import slot_of
from vaiven.stores.redis.wire import Patience
from vaiven.testing.builders import AT_MS, CHANNEL, HOME, SENDER, make_event, make_row, make_state, make_turn
from vaiven.testing.promises.at_once import Turner
from vaiven.testing.promises.base import rows_of
from vaiven.testing.proxy import Fault, Proxy
from vaiven.testing.servers import Cluster, Server, primary_and_replica
from vaiven.testing.stores import Owner

QUICK = Patience(reply_s=1.0, connect_s=1.0, down_s=0.2)


async def opened(url: str, bot: str = "vaiven", partitions: int | None = None, read_only: bool = False) -> RedisStore:
    store = RedisStore(url, bot=bot, partitions=partitions, read_only=read_only, patience=QUICK)
    await store.open()
    return store


@pytest.fixture
async def store(redis_server: Server) -> AsyncIterator[RedisStore]:
    store = await opened(redis_server.url)
    yield store
    await store.close()


# -- opening ---------------------------------------------------------------------------------------------------------------


async def test_a_new_store_has_256_partitions_and_another_number_is_refused(store: RedisStore, redis_server: Server) -> None:
    assert store.partitions == PARTITIONS == 256
    for read_only in (False, True):
        with pytest.raises(StoreMismatch, match="it has 256 partitions, not 8"):
            await opened(redis_server.url, partitions=8, read_only=read_only)
    small = await opened(redis_server.url, bot="small", partitions=4)
    await small.close()
    again = await opened(redis_server.url, bot="small", read_only=True)
    assert again.partitions == 4
    await again.close()


async def test_a_newer_schema_is_refused(store: RedisStore, redis_server: Server) -> None:
    redis_server.say("HSET", "vaiven:meta", "schema", 99)
    for read_only in (False, True):
        with pytest.raises(StoreMismatch, match=r"made by a newer version \(schema 99, known 4\)"):
            await opened(redis_server.url, read_only=read_only)


async def test_a_layout_from_before_the_first_release_is_refused(store: RedisStore, redis_server: Server) -> None:
    redis_server.say("HSET", "vaiven:meta", "schema", 1)
    for read_only in (False, True):
        with pytest.raises(StoreMismatch, match=r"before the first release \(schema 1, known 4\)"):
            await opened(redis_server.url, read_only=read_only)


async def test_doors_that_open_a_new_store_at_once_agree(redis_server: Server) -> None:
    asked = [opened(redis_server.url, partitions=count) for count in (4, 4, 8, 8)]
    stores = await asyncio.gather(*asked, return_exceptions=True)
    assert sorted(type(store).__name__ for store in stores) == ["RedisStore", "RedisStore", "StoreMismatch", "StoreMismatch"]
    for store in stores:
        if isinstance(store, RedisStore):
            await store.close()


async def test_a_handle_that_only_reads_writes_nothing(store: RedisStore, redis_server: Server) -> None:
    with pytest.raises(StoreError, match="there is no store of this bot"):
        await opened(redis_server.url, bot="other", read_only=True)
    owner = await Owner.of(store)
    await owner.commit(owner.event(), {})
    await store.attend(Role.TURN, "owner", 60_000)
    before = redis_server.info("stats"), redis_server.say("DBSIZE")
    look = await opened(redis_server.url, read_only=True)
    assert await look.rows(HOME) == await store.rows(HOME)
    assert await look.load([HOME]) == await store.load([HOME])
    assert [record.number async for record in look.history()] == [1]
    assert (await look.counts(), await look.lags(), await look.totals(), await look.dead(9)) == (await store.counts(), [], [], [])
    assert await look.held() == await store.held()
    assert await look.attend(Role.TURN, "nobody", 0) == ["owner"]
    for asked in (look.accept([make_event()]), look.lease(Role.TURN, "me", [0], 1000), look.identify([]), look.publish([])):
        with pytest.raises(StoreUnavailable, match="not open for serving"):
            await asked
    await look.close()
    assert redis_server.say("DBSIZE") == before[1]


@pytest.mark.parametrize(
    ("url", "profile", "said"),
    [
        ("redis://127.0.0.1:1", "local", "cannot keep 'local'. Write redis-fast or redis-strict"),
        ("redis+cluster://127.0.0.1:1", "dev", "cannot keep 'dev'"),
        ("sqlite:///x.db", "redis-fast", "cannot keep 'redis-fast'. Write local"),
        ("memory://", "redis-strict", "cannot keep 'redis-strict'. Write dev"),
        ("redis://127.0.0.1:1?what=1", "", "cannot be read"),
        ("rubbish://x", "", "nothing is known"),
    ],
)
def test_urls_and_profiles_that_do_not_fit_are_refused(url: str, profile: str, said: str) -> None:
    with pytest.raises(SettingsError, match=said.replace("(", r"\(")):
        open_store(url, profile=profile)


def test_a_bot_whose_name_would_break_hash_tags_is_refused() -> None:
    for bot in ("", "a{b}", "two words"):
        with pytest.raises(SettingsError, match="cannot begin the names of keys"):
            open_store("redis://127.0.0.1:1", bot=bot)
    assert isinstance(open_store("redis://127.0.0.1:1", bot="tv-vote", profile="redis-strict"), RedisStore)


# -- fencing ---------------------------------------------------------------------------------------------------------------


async def test_an_owner_that_was_replaced_can_change_nothing(store: RedisStore, redis_server: Server) -> None:
    old = await Owner.of(store, "old")
    verdict = await old.commit(old.event(), {}, claiming=old.claiming())
    (row,) = rows_of(verdict)
    late = old.event()
    number = await old.accept(late)
    for role in Role:
        await store.release(role, "old")
    door = await opened(redis_server.url)
    new = await Owner.of(door, "new")
    for count in (0, 1, 2):
        rows = [make_row(late, number, n) for n in range(count)]
        turn = make_turn(late, number, old.turns[late.partition], 1, rows=rows)
        assert await store.commit([turn], old.claiming()) == [LeaseLost(late.partition)]
    assert not await old.settle(row, RowState.ACCEPTED)
    assert not await old.settle(row, RowState.HELD)
    assert (await store.take(old.turns, {}, 9), await store.due(old.turns, AT_MS, 9)) == ([], [])
    assert (await old.claim(), await store.strays(old.sends)) == ([], [])
    assert await store.prune(old.turns, AT_MS * 2, 99) == 0
    assert await door.strays(new.sends) == [row]
    assert isinstance((await door.commit([make_turn(late, number, new.turns[late.partition], 1)]))[0], Committed)
    await door.close()


async def test_a_commit_claims_nothing_under_a_stale_send_epoch(store: RedisStore) -> None:
    owner = await Owner.of(store)
    await store.release(Role.SEND, "owner")
    await store.lease(Role.SEND, "somebody", range(store.partitions), 30_000)
    verdict = await owner.commit(owner.event(), {}, claiming=owner.claiming())
    assert rows_of(verdict) == ()
    assert (await owner.row()).state is RowState.QUEUED


# -- failing ---------------------------------------------------------------------------------------------------------------


async def test_a_closed_store_refuses(store: RedisStore) -> None:
    await store.close()
    for asked in (store.accept([make_event()]), store.counts()):
        with pytest.raises(StoreUnavailable):
            await asked


async def test_scripts_forgotten_by_the_server_are_given_again(store: RedisStore, redis_server: Server) -> None:
    owner = await Owner.of(store)
    for _ in range(2):
        redis_server.say("SCRIPT", "FLUSH")
        row = rows_of(await owner.commit(owner.event(), {}, claiming=owner.claiming()))[0]
        redis_server.say("SCRIPT", "FLUSH")
        assert await owner.settle(row, RowState.ACCEPTED)


async def test_a_row_settled_already_is_not_found_in_what_is_told_of_others(redis_server: Server) -> None:
    store = await opened(redis_server.url, partitions=1)
    owner = await Owner.of(store)
    homes = [f"tel:+1202555010{each}" for each in range(3)]
    rows = [rows_of(await owner.commit(owner.event(home), {}, claiming=owner.claiming()))[0] for home in homes]
    # Of what is told of the last two, the end of the one and the beginning of the other read like the id of the first.
    for row, settled in ((rows[0], True), (rows[0], False), (rows[1], True), (rows[2], True)):
        assert await owner.settle(row, RowState.ACCEPTED) is settled
    assert [(await owner.row(Urn(home))).state for home in homes] == [RowState.ACCEPTED] * 3
    await store.close()


AFTER_A_CALL = [RowState.ACCEPTED, RowState.REJECTED, RowState.RETRY, RowState.HELD, RowState.UNKNOWN, RowState.QUEUED]


@pytest.mark.parametrize("state", AFTER_A_CALL)
async def test_a_full_server_takes_nothing_more_and_what_is_under_way_is_finished(own_server: Server, state: RowState) -> None:
    store = await opened(own_server.url)
    owner = await Owner.of(store)
    dialed = [*rows_of(await owner.commit(owner.event(), {}, claiming=owner.claiming()))]
    waits = owner.event("tel:+12025550101")
    number = await owner.accept(waits)
    own_server.say("CONFIG", "SET", "maxmemory", "1")
    with pytest.raises(StoreUnavailable, match="OOM"):
        await owner.accept(owner.event("tel:+12025550102"))
    turn = make_turn(waits, number, owner.turns[waits.partition], rows=[make_row(waits, number)])
    dialed += rows_of((await store.commit([turn], owner.claiming()))[0])
    assert [await owner.settle(row, state, provider_id=f"SM{row.row}", retry_ms=AT_MS) for row in dialed] == [True, True]
    assert {row.state for home in (HOME, waits.home) for row in await store.rows(home)} == {state}
    await store.close()


async def test_a_full_server_takes_what_a_settlement_tells(own_server: Server) -> None:
    store = await opened(own_server.url)
    owner = await Owner.of(store)
    (row,) = rows_of(await owner.commit(owner.event(), {}, claiming=owner.claiming()))
    event = owner.event()
    own_server.say("CONFIG", "SET", "maxmemory", "1")
    assert await owner.settle(row, RowState.REJECTED, event=event)
    assert [taken.event for taken in await store.take(owner.turns, {}, 9)] == [event]
    await store.close()


async def test_on_a_full_server_leases_are_held_and_what_falls_due_goes(own_server: Server) -> None:
    store = await opened(own_server.url)
    owner = await Owner.of(store)
    timer = Timer(HOME, CHANNEL, "k", AT_MS, "s", "ask", 1)
    await owner.commit(owner.event(), {}, timers=(timer,))
    own_server.say("CONFIG", "SET", "maxmemory", "1")
    assert (await Owner.of(store)).turns == owner.turns
    (due,) = await store.due(owner.turns, AT_MS, 9)
    assert await store.draw(SENDER, 10.0, 5, 3, AT_MS) == 3
    (row,) = await owner.claim()
    assert await owner.settle(row, RowState.RETRY, retry_ms=AT_MS + 1)
    turn = make_turn(due.event, due.number, owner.turns[due.event.partition], 1, rows=[make_row(due.event, due.number)])
    assert isinstance((await store.commit([turn]))[0], Committed)
    assert (await store.prune(owner.turns, AT_MS + 9, 9)) > 0
    await store.close()


async def test_on_a_full_server_what_was_left_dialed_is_settled_by_the_next(own_server: Server) -> None:
    store = await opened(own_server.url)
    owner = await Owner.of(store)
    (row,) = rows_of(await owner.commit(owner.event(), {}, claiming=owner.claiming()))
    own_server.say("CONFIG", "SET", "maxmemory", "1")
    await store.release(Role.SEND, "owner")
    assert await store.attend(Role.SEND, "newer", 30_000) == ["newer"]
    newer = await store.lease(Role.SEND, "newer", range(store.partitions), 30_000)
    assert [each.row for each in await store.strays(newer)] == [row.row]
    assert await store.settle([Settlement(row.partition, newer[row.partition], row.row, 1, RowState.UNKNOWN)]) == [True]
    await store.close()


async def test_rows_that_move_while_they_are_listed_are_listed_once(redis_server: Server) -> None:
    """Each row's receipt gives it a line of its own, where it is met again."""
    store = await opened(redis_server.url, partitions=1)
    owner = await Owner.of(store)
    homes = [Urn(f"tel:+1202555{each:04}") for each in range(100, 160)]
    rows = [rows_of(await owner.commit(owner.event(home), {}, claiming=owner.claiming()))[0] for home in homes]
    receipts = [owner.receipt(DeliveryStatus.SENT, row.home, reference=row.reference) for row in rows]
    listed, *_ = await asyncio.gather(store.unsettled([RowState.DIALED], 200), *receipts)
    assert sorted(row.row for row in listed) == [row.row for row in rows]
    await store.close()


async def test_a_server_that_dies_refuses_and_the_same_calls_are_safe_when_it_is_back(own_server: Server) -> None:
    store = await opened(own_server.url)
    owner = await Owner.of(store)
    event = owner.event()
    number = await owner.accept(event)
    turn = make_turn(event, number, owner.turns[event.partition], rows=[make_row(event, number)])
    await asyncio.to_thread(own_server.kill)
    with pytest.raises(StoreUnavailable):
        await store.commit([turn], owner.claiming())
    with pytest.raises(StoreUnavailable):
        await store.accept([owner.event()])
    await asyncio.to_thread(own_server.start)
    async with asyncio.timeout(60):
        while True:
            try:
                (verdict,) = await store.commit([turn], owner.claiming())
                break
            except StoreUnavailable:
                await asyncio.sleep(0.05)
    assert verdict == LeaseLost(event.partition)  # a server that was away may have forgotten who held it
    before, owner = owner, await Owner.of(store)
    assert owner.turns[event.partition] > before.turns[event.partition]
    turn = replace(turn, epoch=owner.turns[event.partition])
    (row,) = rows_of((await store.commit([turn], owner.claiming()))[0])
    assert row.row == turn.rows[0].row
    assert await store.commit([turn]) == [AlreadyHandled(event.id)]
    assert await owner.accept(owner.event()) > number + 1
    await store.close()


async def test_rows_dialed_by_a_call_whose_answer_was_lost_are_given_by_a_later_claim(redis_server: Server) -> None:
    async with Proxy("127.0.0.1", redis_server.port) as proxy:
        store = await opened(f"redis://127.0.0.1:{proxy.port}")
        owner = await Owner.of(store)
        kept = rows_of(await owner.commit(owner.event("tel:+447700900102"), {}, claiming=owner.claiming()))[0]
        event = owner.event()
        number = await owner.accept(event)
        turn = make_turn(event, number, owner.turns[event.partition], rows=[make_row(event, number)])
        proxy.down.hold()
        asked = asyncio.ensure_future(store.commit([turn], owner.claiming()))
        await proxy.acted(Fault.HOLD)
        with pytest.raises(StoreUnavailable):
            await asked
        proxy.heal(release=False)
        async with asyncio.timeout(60):
            while True:
                try:
                    assert await store.commit([turn], owner.claiming()) == [AlreadyHandled(event.id)]
                    break
                except StoreUnavailable:
                    await asyncio.sleep(0.05)
        assert await owner.claim(AT_MS, other=5) == []
        (row,) = await owner.claim()
        assert (row.row, row.state, row.attempt) == (turn.rows[0].row, RowState.DIALED, 1)
        assert await owner.claim() == []
        assert await owner.settle(row, RowState.ACCEPTED)
        assert await owner.settle(kept, RowState.ACCEPTED)
        assert await owner.claim() == []
        await store.close()


async def test_strictly_an_answer_waits_for_the_replica_s_disk_also_one_about_an_earlier_call() -> None:
    with primary_and_replica() as (primary, replica):
        wait = Durability(timeout_ms=200)
        store = RedisStore(primary.url, wait=wait, patience=QUICK)
        await store.open()
        owner = await Owner.of(store)
        event = owner.event()
        turn = make_turn(event, await owner.accept(event), owner.turns[event.partition])
        replica.pause()
        for _ in range(2):  # what the first call saved is no better for being asked twice
            with pytest.raises(StoreUnavailable):
                await store.commit([turn])
        replica.resume()
        async with asyncio.timeout(60):
            while (verdicts := await _unless_away(store, turn)) is None:
                await asyncio.sleep(0.05)
        assert verdicts == [AlreadyHandled(event.id)]
        await store.close()


async def _unless_away(store: RedisStore, turn: Turn) -> list[Verdict] | None:
    try:
        return await store.commit([turn])
    except StoreUnavailable:
        return None


async def test_a_slot_that_moves_holds_its_partition_up_and_breaks_nothing(own_cluster: Cluster) -> None:
    store = await opened(own_cluster.url)
    owner = await Owner.of(store)
    event = owner.event()
    other = next(home for n in range(99) if (home := f"tel:+1202555{n:04d}") and owner.event(home).partition != event.partition)
    await owner.commit(event, {}, claiming=owner.claiming())
    key = keys.Keys("vaiven").of(event.partition, "own")
    source = own_cluster.owner(key)
    target = next(one for one in own_cluster.primaries() if one is not source)
    moving = own_cluster.move(slot_of(key), target)
    moving.begin()
    moving.carry(2)
    with pytest.raises(StoreUnavailable, match=r"TRYAGAIN|ASK"):
        await owner.commit(owner.event(), {}, base=1)
    assert isinstance(await owner.commit(owner.event(other)), Committed)
    await asyncio.to_thread(moving.finish)
    assert await owner.commit(owner.event(), {}, base=1) == LeaseLost(event.partition)
    owner = await Owner.of(store)
    verdict = await owner.commit(owner.event(), {}, base=1, claiming=owner.claiming())
    assert isinstance(verdict, Committed)
    assert (await store.load([HOME]))[0].contact.version == 2
    assert [record.version async for record in store.history(HOME)] == [2, 1]
    assert [row.state for row in await store.rows(HOME)] == [RowState.DIALED, RowState.QUEUED]
    await store.close()


# -- keys ------------------------------------------------------------------------------------------------------------------


async def busy(store: RedisStore, day: int) -> None:
    """A day with something of everything, all of it done at its end."""
    owner = await Owner.of(store, f"owner {day}")
    at_ms = AT_MS + day
    homes = [f"tel:+1202555{n:04d}" for n in range(6)]
    await _talks(store, owner, homes, at_ms)
    while rows := await store.claim(owner.sends, at_ms + 9_000_000, {CHANNEL: 50}):
        told = [Settlement(row.partition, owner.sends[row.partition], row.row, row.attempt, RowState.ACCEPTED) for row in rows]
        assert all(await store.settle(told))
    for taken in await store.take(owner.turns, {}, 999):
        base = (await store.load([taken.event.home]))[0].contact.version
        turn = make_turn(taken.event, taken.number, owner.turns[taken.event.partition], base)
        assert isinstance((await store.commit([turn]))[0], Committed)
    for letter in await store.dead(99):
        await store.drop(letter.event.partition, letter.number)
    for role in Role:
        await store.release(role, f"owner {day}")


async def _talks(store: RedisStore, owner: Owner, homes: list[str], at_ms: int) -> None:
    await store.attend(Role.TURN, "owner", 60_000)
    await store.draw("sms", 5.0, 5, 2, at_ms)
    await store.identify([Identity(Urn("whatsapp:user-1"), (Urn("whatsapp:12025550101"),))])
    await store.publish([FlowVersion("vote", "hash", "shape", "text", at_ms)])
    for home in homes:
        tallies, made = (Tally("final", "a", TallyOutcome.COUNTED),), {"created_ms": at_ms}
        verdict = await owner.commit(owner.event(home, at_ms=at_ms), made, tallies=tallies, claiming=owner.claiming())
        (row,) = rows_of(verdict)
        await owner.receipt(DeliveryStatus.SENT, home, provider_id=f"SM{row.row}")
        assert await owner.settle(row, RowState.ACCEPTED, provider_id=f"SM{row.row}")
        stop = Consent(Urn(home), "other", True, at_ms, "STOP", "e")
        timer = Timer(Urn(home), CHANNEL, "k", at_ms, "s", "ask", 1)
        said = [made, {**made, "not_before_ms": at_ms + 9_000}, made]
        event = owner.event(home, at_ms=at_ms)
        verdict = await owner.commit(event, *said, consents=(stop,), timers=(timer,), claiming=owner.claiming(1))
        assert await owner.settle(rows_of(verdict)[0], RowState.RETRY, retry_ms=at_ms + 1)
        await owner.receipt(DeliveryStatus.SENT, home, reference=row.reference)
        await owner.commit(owner.event(home, at_ms=at_ms), touching=False, buried="why")
    for row in await owner.claim(at_ms + 1):
        await owner.settle(row, RowState.UNKNOWN)
    assert await store.due(owner.turns, at_ms, 99)
    await store.take(owner.turns, {}, 3)


STEP = 48
"""The same string may cost a few steps of the allocator more: less than six bytes a day come to in ``DAYS``."""
DAYS = 10


async def test_every_key_is_on_the_map_and_none_grows_once_all_is_settled_and_pruned(redis_server: Server) -> None:
    store = await opened(redis_server.url, bot="tv-vote", partitions=3)
    sizes = []
    for day in range(DAYS):
        await busy(store, day)
        names = {keys.known(name, "tv-vote") for name in _names(redis_server)}
        assert None not in names
        owner = await Owner.of(store, "pruner")
        while await store.prune(owner.turns, AT_MS + 365 * 86_400_000, 7):
            pass
        assert [record async for record in store.history()] == []
        assert [await store.rows(Urn(f"tel:+1202555{n:04d}")) for n in range(6)] == [[]] * 6
        for role in Role:
            await store.release(role, "pruner")
        counts = await store.counts()
        assert (counts.inbox, counts.rows, counts.timers, counts.dead, counts.classes) == (0, {}, 0, 0, {})
        sizes.append({name: redis_server.say("MEMORY", "USAGE", name) for name in _names(redis_server)})
    ledger = {name for name in sizes[-1] if name.endswith(b"}:ledger")}
    assert {*sizes[0]} == {*sizes[-1]}
    strings = {name for name in sizes[-1] if redis_server.say("TYPE", name) == "string"}
    assert b"tv-vote:{0}:own" in strings
    most = {name: size + (STEP if name in strings else 0) for name, size in sizes[1].items()}
    grown = {name: size for name, size in sizes[-1].items() if name not in ledger and size > most[name]}
    assert grown == {}
    kinds = {keys.known(name, "tv-vote") for name in sizes[-1]}
    assert kinds == {
        "own",
        "lease",
        "in",
        "c:…",
        "o:…",
        "ledger",
        "waits",
        "tally:…",
        "polls",
        "meta",
        "alias:…",
        "rate:…",
        "attend:…",
    } | {
        "{flows}:versions",
        "{flows}:current",
        "{flows}:shapes",
    }
    await store.close()


def _names(server: Server) -> list[bytes]:
    return [name.encode() if isinstance(name, str) else name for name in server.say("KEYS", "*")]


def test_the_map_knows_its_own_names_and_no_others() -> None:
    made = keys.Keys("tv-vote")
    assert keys.known(made.of(7, b"c:tel:+12025550100"), "tv-vote") == "c:…"
    assert keys.known(made.alone("alias", "whatsapp:1"), "tv-vote") == "alias:…"
    assert keys.known(made.versions, "tv-vote") == "{flows}:versions"
    for name in (b"other:{7}:own", b"tv-vote:{7}:owner", b"tv-vote:own", b"tv-vote:{7}:c:", b"tv-vote:{x}:own"):
        assert keys.known(name, "tv-vote") is None


async def test_what_a_prune_leaves_behind_is_still_found_and_goes_later(store: RedisStore) -> None:
    owner = await Owner.of(store)
    later = AT_MS + 9_000_000
    first = rows_of(
        await owner.commit(owner.event(), {"not_before_ms": later}, {"created_ms": later}, claiming=owner.claiming())
    )[0]
    await owner.commit(owner.event(at_ms=AT_MS + 1), {}, base=1, claiming=owner.claiming())
    assert await owner.settle(first, RowState.ACCEPTED)
    (second,) = await owner.claim(AT_MS + 5)
    assert await owner.settle(second, RowState.ACCEPTED)
    assert await store.prune(owner.turns, AT_MS + 100, 99) == 3
    assert [record async for record in store.history(HOME)] == []
    kept = [row.row for row in await store.rows(HOME)]
    assert len(kept) == 2
    (waiting,) = await owner.claim(later)
    assert await owner.settle(waiting, RowState.REJECTED)
    assert [row.row for row in await store.rows(HOME)] == kept
    assert await store.prune(owner.turns, later, 99) == 1
    assert [row.row for row in await store.rows(HOME)] == [first.row]
    assert await store.prune(owner.turns, later + 1, 99) == 1
    assert await store.rows(HOME) == []


async def test_two_bots_share_a_server_without_meeting(store: RedisStore, redis_server: Server) -> None:
    owner = await Owner.of(store)
    await owner.commit(owner.event(), {})
    other = await opened(redis_server.url, bot="other")
    assert (await other.rows(HOME), [record async for record in other.history()], await other.held()) == ([], [], [])
    theirs = await Owner.of(other, "theirs")
    assert theirs.turns[0] == 1
    await other.close()


# -- usual turns go by fixed places (docs/decisions/0033) ------------------------------------------------------------------

TEXTS = ["final", "Élu ☃ 🎉", "x" * 300, "a\0b", "\0", "\0\0\0"]


@pytest.mark.parametrize("text", TEXTS, ids=ascii)
async def test_a_turn_s_names_may_be_any_text(store: RedisStore, text: str) -> None:
    owner, home = await Owner.of(store), Urn(f"channel:{text}")
    tallies = (Tally(text, f"{text}-1", TallyOutcome.COUNTED),)
    for turn in range(2):
        made = {"home": home, "message": OutboundMessage(text)}
        (row,) = rows_of(await owner.commit(owner.event(home), made, tallies=tallies, claiming=owner.claiming()))
        assert row.state is RowState.DIALED
        assert await owner.settle(row, RowState.ACCEPTED, provider_id=f"SM{text}{turn}", reason=text)
    assert await store.totals() == [Total(text, f"{text}-1", TallyOutcome.COUNTED, 2)]
    rows = await store.rows(home)
    assert [(row.state, row.home, row.message.text, row.reason) for row in rows] == [(RowState.ACCEPTED, home, text, text)] * 2
    assert [row.provider_id for row in rows] == [f"SM{text}0", f"SM{text}1"]
    assert [record.version async for record in store.history(home)] == [2, 1]
    (state,) = await store.load([home])
    assert state.contact.version == 2


async def test_a_turn_is_not_committed_before_what_took_the_place_of_one_before_it(redis_server: Server) -> None:
    """The first is refused, as another door's event has its number; the second gets its own all the same, by that very shift."""
    store, door = await opened(redis_server.url, partitions=1), await opened(redis_server.url, partitions=1)
    owner, other = await Owner.of(store), Urn("tel:+12025550101")

    def turn(taken: Taken, state: ContactState) -> Turn:
        timers = (Timer(other, CHANNEL, "k", AT_MS, "s", "ask", 1),) if taken.event.home == other else ()
        return make_turn(taken.event, taken.number, owner.turns[0], state.contact.version, timers=timers)

    turner = Turner(turn)
    store.turn_at_once(turner)
    for home in (HOME, other):  # their states are at hand from now on
        await store.accept([owner.event(home)])
    (before,) = await door.accept([owner.event(other)])
    told = len(turner.told)
    (first,), (second,) = await asyncio.gather(store.accept([owner.event()]), store.accept([owner.event(other)]))
    assert {first, second} == {before + 1, before + 2}
    assert not any(isinstance(verdict, Committed) for verdict in turner.told[told:])
    assert [taken.number for taken in await store.take(owner.turns, {}, 9)] == [before, before + 1, before + 2]
    for each in (store, door):
        await each.close()


@pytest.mark.parametrize("size", [100, 4_000, 5_000, 100_000])
async def test_a_turn_of_a_contact_of_any_size_is_committed_on_its_newest_state_only(store: RedisStore, size: int) -> None:
    owner = await Owner.of(store)
    for version in range(1, 4):
        state = make_state(version=version, name="x" * size)
        assert isinstance(await owner.commit(owner.event(), {}, state=state, claiming=owner.claiming()), Committed)
    moved = await owner.commit(owner.event(), {}, state=make_state(name="x" * size), base=1, claiming=owner.claiming())
    assert moved == SessionMoved(HOME, 3)
    assert (await store.load([HOME]))[0].contact.name == "x" * size
    assert [row.state for row in await store.rows(HOME)] == [RowState.DIALED, RowState.QUEUED, RowState.QUEUED]


@pytest.mark.parametrize("text", ["x" * 70_000, "☃" * 22_000, "🎉" * 30_000], ids=["x", "snow", "party"])
async def test_an_id_or_a_reason_of_any_length_harms_no_row(store: RedisStore, text: str) -> None:
    owner, other = await Owner.of(store), Urn("tel:+12025550101")
    (row,) = rows_of(await owner.commit(owner.event(), {}, claiming=owner.claiming()))
    (again,) = rows_of(await owner.commit(owner.event(other), {}, claiming=owner.claiming()))
    assert await owner.settle(row, RowState.ACCEPTED, provider_id=text, reason=text)
    assert await owner.settle(again, RowState.RETRY, provider_id=text, reason=text, retry_ms=AT_MS + 1)
    (claimed,) = await owner.claim(AT_MS + 2)
    (settled,) = await store.rows(HOME)
    kept = text[:10_000]
    assert (settled.state, settled.provider_id, settled.reason) == (RowState.ACCEPTED, kept, kept)
    assert (claimed.state, claimed.home, claimed.provider_id, claimed.reason) == (RowState.DIALED, other, kept, kept)
    await owner.receipt(DeliveryStatus.DELIVERED, provider_id=text)
    assert (await store.rows(HOME))[0].delivery is DeliveryStatus.DELIVERED
