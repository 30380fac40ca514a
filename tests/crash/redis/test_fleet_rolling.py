"""Web, turn and send in processes of their own: replaced one by one without anybody noticing, then killed, one of each."""

import asyncio
import signal
from collections import Counter

import aiohttp
import pytest

from vaiven.model.outbox import RowState
from vaiven.stores.contract import Role
from vaiven.testing.judge import judge
from vaiven.testing.provider import FakeProvider, slow

FLEET = ("web", "turn", "send")
CONNECTIONS = 64
"""As many as the crowd has at once; each may be cut off by each of two workers that end."""


CUT_OFF = {"ClientOSError", "ServerDisconnectedError"}
"""An idle connection was closed while a request was on its way: a busy client learns that late, and says it again."""


def told(refused) -> dict[str, int]:
    """What clients were told that was no 200."""
    return {how: count for how, count in refused.items() if how not in CUT_OFF}


def everything_once(evidence, clients) -> None:
    """Everybody was answered 200, and each row went out once."""
    assert told(clients.refused) == {}
    assert clients.refused.total() <= CONNECTIONS * 2
    assert {row.state for row in evidence.rows} == {RowState.ACCEPTED}
    assert set(Counter(send.reference for send in evidence.sends).values()) == {1}


@pytest.mark.crash
async def test_processes_of_one_role_each_are_replaced_and_killed(rig, figures) -> None:
    async def replace(old, role: str) -> object:
        """As a balancer and its operator do it: the new one first, the old one out of the rotation once it says so."""
        new = await rig.member(role=role, fault="short:none")
        if role == "web":
            clients.urls.append(f"{new.url}/hooks/sms")
        old.send(signal.SIGTERM)
        async with aiohttp.ClientSession() as session:
            while old.running and await rig.readiness(session, old.url) == 200:
                await asyncio.sleep(0.01)
        if role == "web":
            clients.urls.remove(f"{old.url}/hooks/sms")
        assert await old.ended() == 0
        return new

    async with FakeProvider(answer=slow(0.05)) as provider:
        rig.settle_bot(provider.url)
        members = list(await asyncio.gather(*(rig.member(role=role, fault="short:none") for role in FLEET)))
        await rig.shared(1)
        async with rig.doors(members[:1]) as clients:
            async with rig.load(clients, seed=9, rate_per_s=250):
                await clients.reached(100)
                for at, role in enumerate(FLEET):
                    members[at] = await replace(members[at], role)
                refused_rolling = told(clients.refused)
                await rig.shared(1)
                rolled = clients.acks
                for at in (0, 2, 1):
                    await clients.reached(clients.acks + 60)
                    await rig.kill(members[at])
                    members[at] = await rig.launch(role=FLEET[at], fault="short:none", url=members[at].url)
                await clients.reached(clients.acks + 60)
            evidence, counted = await rig.verdict(clients, provider, members)
    figures |= {"acks while rolling": rolled, **counted}
    assert refused_rolling == {}
    assert judge(evidence) == []
    assert clients.refused, "nobody was refused by the door that was dead"
    assert [bool(crash) for crash in evidence.crashes] == [False, True, False], "only who sends has calls under way"


@pytest.mark.crash
async def test_workers_are_replaced_under_load_and_nobody_notices(rig, figures) -> None:
    async with FakeProvider(answer=slow(0.05)) as provider:
        rig.settle_bot(provider.url)
        parent = await rig.member(fault="short:none", workers=2)
        await rig.shared(2)
        async with rig.doors([parent]) as clients:
            async with rig.load(clients, seed=10, rate_per_s=250):
                await clients.reached(100)
                before = await rig.owners(Role.TURN)
                parent.send(signal.SIGUSR1)
                while await rig.owners(Role.TURN) & before:
                    await clients.reached(clients.acks + 20)
                await rig.shared(2)
                await clients.reached(clients.acks + 60)
            evidence, counted = await rig.verdict(clients, provider, [parent])
    figures |= counted
    assert judge(evidence) == []
    everything_once(evidence, clients)
