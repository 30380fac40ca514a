"""How much each profile loses of what was acknowledged, when a disk or a primary is lost: measured, and judged from outside.

A process that dies loses nothing under any profile, so nothing here counts on that. What can be lost is what a replica has not
heard of when it is promoted, and what a disk has not synced when its machine goes. Both are made to happen while two processes
serve a crowd: the replica follows through a proxy that stops carrying; the file is cut behind the last write of which the server
itself says that it is synced. Then the same crowd goes on, and everything must hold but for what was lost.
"""

import asyncio
import itertools
import random
import signal
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

import msgspec
import pytest
from crash_rig import Process
from msgspec.structs import replace

from vaiven.model.messages import InboundMessage
from vaiven.model.outbox import RowState
from vaiven.model.urns import partition_of, urn
from vaiven.runtime.leases import TTL_MS
from vaiven.stores import open_store
from vaiven.stores.contract import Role
from vaiven.stores.redis.store import PARTITIONS
from vaiven.testing import servers
from vaiven.testing.judge import Evidence, Finding, Law, judge
from vaiven.testing.numbers import north_american
from vaiven.testing.provider import FakeProvider, slow
from vaiven.testing.proxy import Fault, Proxy
from vaiven.testing.redelivery import Redelivery
from vaiven.testing.servers import Server

CONTACTS = 40
STOPPED_S = 1.5
"""So long the replica hears nothing."""


class Crowd:
    """People who vote one message after the other until they go home.

    ``said``: when each message was posted first; ``acked``: when it was acknowledged.
    """

    def __init__(self, rig, clients: Redelivery) -> None:
        self.clients = clients
        self.said: dict[str, float] = {}
        self.acked: dict[str, float] = {}
        self._rig = rig
        self.failed_at = self.taken_over_at = 0.0
        """When the store was gone, and when there was one again."""
        self._over = asyncio.Event()
        self._voting = asyncio.gather(*(self._viewer(north_american(100 + each)) for each in range(CONTACTS)))

    async def say_once(self, numbers: Sequence[str]) -> None:
        """These people, who are none of us, say the same message each time that they are asked to."""
        one = [self._rig.message(number, 0, "vote 1") for number in numbers]
        await asyncio.gather(*(self.clients.deliver(*each) for each in one))
        self.acked |= {id_: time.time() for _, id_, _ in one}

    async def more(self, count: int) -> None:
        """Return once so many more messages have been acknowledged."""
        await self.clients.reached(self.clients.acks + count)

    async def go_home(self) -> None:
        self._over.set()
        await self._voting

    async def vanish(self) -> None:
        """They give up at once: nobody is there any more."""
        self._voting.cancel()
        with suppress(asyncio.CancelledError):
            await self._voting

    def said_and_acked(self, since: float) -> int:
        """How many messages were posted after this and acknowledged before the failure."""
        return sum(at < self.failed_at and self.said[id_] > since for id_, at in self.acked.items())

    async def _viewer(self, number: str) -> None:
        chance = random.Random(number)
        for turn in itertools.count():
            home, id_, webhook = self._rig.message(number, turn, chance.choice(["vote 1", "vote 2", "vote cleo", "RULES"]))
            self.said[id_] = time.time()
            await self.clients.deliver(home, id_, webhook)
            self.acked[id_] = time.time()
            if self._over.is_set():
                return
            await asyncio.sleep(chance.random() / 10)


class Loss(msgspec.Struct):
    """What a failure cost. ``acked`` messages before it; of those without a turn afterwards, how many and how old they were then.

    ``sent``: messages that went out and of which the survivor knows nothing. ``again``: those that went out again, since it knew
    of the event and not of its turn.
    """

    acked: int
    lost: int
    oldest_ms: int
    newest_ms: int
    sent: int
    again: int


@asynccontextmanager
async def serving(rig) -> AsyncIterator[tuple[Crowd, FakeProvider, list[Process]]]:
    """Two processes and a crowd, until the crowd has gone home and nothing is left to do."""
    async with FakeProvider(answer=slow(0.01)) as provider:
        rig.settle_bot(provider.url, connections=50)
        members = await rig.fleet(2)
        async with rig.doors(members) as clients:
            crowd = Crowd(rig, clients)
            await crowd.more(200)
            yield crowd, provider, members
            await crowd.more(200)
            await crowd.go_home()
        await rig.quiet()
        await rig.end(members)


async def note_crash(rig, survivor: Server) -> None:
    """The store was just lost: note what is dialed as the survivor knows it, and look there from now on."""
    rig.where = survivor.url
    async with rig.store() as store:
        rig.crashes.append(frozenset((row.reference, row.attempt) for row in await store.unsettled([RowState.DIALED], 1 << 20)))


def in_doubt(evidence: Evidence) -> Evidence:
    """Of the calls under way at the failure, those that nobody knew of any more: most are known, since no process died."""
    known = {row.reference for row in evidence.rows if row.state is RowState.ACCEPTED and not row.unknowns}
    crashes = [frozenset(dialed for dialed in crash if dialed[0] not in known) for crash in evidence.crashes]
    return replace(evidence, crashes=crashes)


def without_again(evidence: Evidence, since: float, until: float) -> tuple[Evidence, int]:
    """Without messages that went out for a turn that was lost, and went out again, the same, when it was made again; how many."""
    known = {reference for crash in evidence.crashes for reference, _ in crash}
    after = {send.reference: (send.to, send.text) for send in evidence.sends if send.at > until and send.reference not in known}
    again = [send for send in evidence.sends if since < send.at < until and after.get(send.reference) == (send.to, send.text)]
    return replace(evidence, sends=[send for send in evidence.sends if send not in again]), len(again)


async def judged(rig, crowd: Crowd, provider: FakeProvider, since: float) -> Loss:
    """What was lost at a failure, of what happened ``since`` then; anything else that is wrong fails the test."""
    everything = await rig.evidence(crowd.clients.told, provider.sends)
    evidence, again = without_again(everything, since, crowd.taken_over_at)
    findings = judge(in_doubt(evidence))
    lost = {finding.what for finding in findings if finding.law is Law.LOST}
    assert all(crowd.acked[id_] < crowd.taken_over_at for id_ in lost), "acknowledged by the survivor, and lost"
    rows = {row.reference for row in evidence.rows}
    unknown = [send for send in evidence.sends if send.reference not in rows]
    assert all(since < send.at < crowd.taken_over_at for send in unknown), "the survivor forgot what it sent"
    excused = {Finding(Law.ROW, f"{send.reference}: sent, and no row") for send in unknown}
    assert [finding for finding in findings if finding.law is not Law.LOST and finding not in excused] == []
    ages = [max(0, round((crowd.failed_at - crowd.acked[id_]) * 1000)) for id_ in lost]
    acked = sum(at <= crowd.taken_over_at for at in crowd.acked.values())
    return Loss(acked, len(lost), max(ages, default=0), min(ages, default=0), len(unknown), again)


class Partitioned(msgspec.Struct):
    """What it cost that a replica was promoted which had heard nothing for a while: ``stopped_s``, with ``meanwhile`` acks."""

    loss: Loss
    meanwhile: int
    stopped_s: float


async def partitioned(
    fleet_at, profile: str, appendfsync: str, *, stands_still: bool = False, again: Sequence[str] = ()
) -> Partitioned:
    """A replica hears nothing for a while, then its primary dies and it takes over.

    ``stands_still``: so does one of the processes meanwhile, with answers of the primary that it has not read. ``again``: these
    numbers say something that the replica does not hear, and the same once more when it has taken over.
    """
    with servers.primary_and_replica(appendfsync=appendfsync) as (primary, replica):
        async with Proxy("127.0.0.1", primary.port) as link, Proxy("127.0.0.1", primary.port) as front:
            await asyncio.to_thread(replica.replicate, link.port)
            await asyncio.to_thread(primary.wait_durable)
            rig = fleet_at(f"redis://127.0.0.1:{front.port}", profile)
            async with serving(rig) as (crowd, provider, members):
                since = time.time()
                link.partition()
                stopped_at = time.time()
                await crowd.say_once(again)
                await asyncio.sleep(STOPPED_S)
                await asyncio.wait_for(link.acted(Fault.HOLD), 30)
                if stands_still:
                    members[0].send(signal.SIGSTOP)
                    await asyncio.sleep(0.1)
                await asyncio.to_thread(primary.kill)
                crowd.failed_at = time.time()
                await link.stop()
                await asyncio.to_thread(replica.promote)
                members[0].send(signal.SIGCONT)
                # Whoever has an answer of the dead one has passed it on by then: what is acknowledged later, the survivor did.
                await crowd.clients.answered()
                await note_crash(rig, replica)
                crowd.taken_over_at = time.time()
                front.upstream = ("127.0.0.1", replica.port)
                if profile == "redis-strict":
                    await asyncio.to_thread(primary.start)
                    await asyncio.to_thread(primary.replicate, replica.port)
                if again:
                    await rig.renewed(TTL_MS)
                    await crowd.more(200)  # in each partition somebody is heard, so that the next one is turned at once
                    await crowd.say_once(again)
            loss = await judged(rig, crowd, provider, since)
            return Partitioned(loss, crowd.said_and_acked(stopped_at), crowd.failed_at - since)


@pytest.mark.crash
@pytest.mark.parametrize("stands_still", [False, True])
async def test_fast_loses_what_a_replica_had_not_heard_when_it_was_promoted(stands_still: bool, fleet_at, figures) -> None:
    found = await partitioned(fleet_at, "redis-fast", "everysec", stands_still=stands_still)
    figures |= {**msgspec.structs.asdict(found.loss), "meanwhile": found.meanwhile}
    assert found.loss.lost > 50, "the partition did nothing: the run proves nothing"
    assert found.loss.oldest_ms < (found.stopped_s + 1) * 1000


@pytest.mark.crash
async def test_what_fast_had_lost_has_its_turn_when_it_comes_again(fleet_at, figures) -> None:
    """Though the processes had heard it: what they know from a history that is lost, they must not know any more."""
    busy = {partition_of(urn("tel", north_american(100 + each)), PARTITIONS) for each in range(CONTACTS)}
    others = (north_american(10_000 + each) for each in itertools.count())
    again = list(itertools.islice((one for one in others if partition_of(urn("tel", one), PARTITIONS) in busy), CONTACTS))
    found = await partitioned(fleet_at, "redis-fast", "everysec", again=again)
    figures |= {**msgspec.structs.asdict(found.loss), "again": CONTACTS}
    assert found.loss.lost > 50, "the partition did nothing: the run proves nothing"


@pytest.mark.crash
async def test_strict_loses_nothing_when_a_replica_that_heard_nothing_is_promoted(fleet_at, figures) -> None:
    found = await partitioned(fleet_at, "redis-strict", "always")
    loss = found.loss
    figures |= {**msgspec.structs.asdict(loss), "meanwhile": found.meanwhile}
    assert (loss.lost, loss.sent, loss.again, found.meanwhile) == (0, 0, 0, 0)


# -- the power goes --------------------------------------------------------------------------------------------------------


def cut(server: Server, mark: bytes) -> None:
    """Of the file of this dead server, remove what was written after this mark."""
    (file,) = (server.folder / "appendonlydir").glob("*.incr.aof")
    data = file.read_bytes()
    file.write_bytes(data[: data.rindex(mark) + len(mark) + len(b"\r\n")])


def sync_once(server: Server) -> None:
    """Its file is synced now, and by ``everysec`` not again for a second. It lacks the mark ``unsynced:own`` first."""
    server.say_all(("CONFIG", "SET", "appendfsync", "always"), ("SET", "mark", "synced"), ("WAITAOF", 1, 0, 0))
    server.say_all(("CONFIG", "SET", "appendfsync", "everysec"), ("SET", "mark", "unsynced:own"))


def sync_no_more(primary: Server, replica: Server) -> None:
    """From now on neither disk gets anything. The marks ``own`` and ``theirs`` are the first that they surely lack."""
    primary.say_all(("CONFIG", "SET", "appendfsync", "no"), ("SET", "mark", "unsynced:own"))
    replica.say("CONFIG", "SET", "appendfsync", "no")
    primary.say_all(("SET", "mark", "unsynced:theirs"), ("WAIT", 1, 0))


async def kept(server: Server) -> set[str]:
    """The messages that a store has, turned or waiting, as an auditor finds it who comes when every lease has ended."""
    store = open_store(server.url, bot="crash-vote", clock=lambda: int(time.time() * 1000) + 3_600_000)
    await store.open()
    try:
        epochs = await store.lease(Role.TURN, "auditor", range(store.partitions), 60_000)
        events = [record.event async for record in store.history()]
        events += [taken.event for taken in await store.take(epochs, {}, 1 << 20)]
    finally:
        await store.close()
    return {event.body.id for event in events if isinstance(event.body, InboundMessage)}


def lost(crowd: Crowd, there: set[str]) -> Loss:
    """What was acknowledged before the failure and is not there."""
    acked = {id_: at for id_, at in crowd.acked.items() if at <= crowd.failed_at}
    ages = [round((crowd.failed_at - at) * 1000) for id_, at in acked.items() if id_ not in there]
    return Loss(len(acked), len(ages), max(ages, default=0), min(ages, default=0), 0, 0)


@asynccontextmanager
async def until_the_power_goes(fleet_at, where: str, profile: str) -> AsyncIterator[Crowd]:
    """Two processes and a crowd; at the end of the block all of them are gone."""
    rig = fleet_at(where, profile)
    async with FakeProvider(answer=slow(0.01)) as provider:
        rig.settle_bot(provider.url, connections=50)
        members = await rig.fleet(2)
        async with rig.doors(members) as clients:
            crowd = Crowd(rig, clients)
            await crowd.more(200)
            yield crowd
            crowd.failed_at = crowd.failed_at or time.time()
            await asyncio.gather(*(member.end(signal.SIGKILL) for member in members))
            await crowd.vanish()


@pytest.mark.crash
async def test_fast_loses_what_came_since_a_disk_was_synced(fleet_at, figures) -> None:
    with servers.server(appendfsync="everysec") as one:
        async with until_the_power_goes(fleet_at, one.url, "redis-fast") as crowd:
            for _ in range(20):
                await asyncio.to_thread(sync_once, one)
                synced_at = time.time()
                await asyncio.sleep(0.7)
                one.pause()
                crowd.failed_at = time.time()
                if crowd.failed_at - synced_at < 0.95:
                    break
                one.resume()  # on a busy machine it has synced again, and this could not tell what
            await asyncio.to_thread(one.kill)
        cut(one, b"unsynced:own")
        await asyncio.to_thread(one.start)
        loss = lost(crowd, await kept(one))
    figures |= msgspec.structs.asdict(loss)
    assert loss.lost > 20, "the run proves nothing"
    assert loss.oldest_ms < 1_000


@pytest.mark.crash
@pytest.mark.parametrize("profile", ["redis-fast", "redis-strict"])
async def test_strict_loses_nothing_of_either_disk_where_fast_would(profile: str, fleet_at, figures) -> None:
    with servers.primary_and_replica(appendfsync="always") as (primary, replica):
        async with until_the_power_goes(fleet_at, primary.url, profile) as crowd:
            await asyncio.to_thread(sync_no_more, primary, replica)
            stopped_at = time.time()
            await asyncio.sleep(0.7)
            await asyncio.to_thread(primary.kill)
            await asyncio.to_thread(replica.kill)
        cut(primary, b"unsynced:own")
        cut(replica, b"unsynced:theirs")
        losses = []
        for server in (primary, replica):
            await asyncio.to_thread(server.start)
            losses.append(lost(crowd, await kept(server)))
    meanwhile = crowd.said_and_acked(stopped_at)
    figures |= {"acked": losses[0].acked, "of primary": losses[0].lost, "of replica": losses[1].lost, "meanwhile": meanwhile}
    if profile == "redis-strict":
        assert [loss.lost for loss in losses] + [meanwhile] == [0, 0, 0]
    else:
        assert min(loss.lost for loss in losses) > 20, "the disks got everything: the other run proves nothing"
