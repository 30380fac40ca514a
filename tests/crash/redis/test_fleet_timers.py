"""Timers armed by workers that die before they are due fire once each, at whoever has their partitions then."""

import asyncio
from collections import Counter

import pytest

from vaiven.model.events import TimerDue
from vaiven.testing.judge import judge
from vaiven.testing.numbers import north_american
from vaiven.testing.provider import FakeProvider

FLOW = """
flow: reminder
version: 1
lang: en
starts:
  - keyword: [hello]
steps:
  name:
    ask: "And your name?"
    as: text
    retry: ["Just the name."]
    else: gone
    after: {4s: gone}
  gone: {end: "Still there?", outcome: idle}
"""
CONTACTS = 120


@pytest.mark.crash
async def test_timers_fire_once_whoever_dies(rig, figures) -> None:
    (rig.folder / "reminder.flow.yaml").write_text(FLOW)
    async with FakeProvider() as provider:
        rig.settle_bot(provider.url, flows=rig.folder)
        members = await rig.fleet(3, fault="short:none")
        async with rig.doors(members) as clients:
            numbers = [north_american(100 + index) for index in range(CONTACTS)]
            await asyncio.gather(*(clients.deliver(*rig.message(number, 0, "hello")) for number in numbers))
            await provider.wait_for(CONTACTS)
            await rig.quiet()
            await asyncio.gather(*(rig.kill(member) for member in members[:2]))  # before they are due
            begun = provider.total
            members[0] = await rig.member(fault="short:none", url=members[0].url)
            await provider.wait_for(CONTACTS + CONTACTS // 6)
            await rig.kill(members[2])  # while they fire
            members[2] = await rig.launch(fault="short:none", url=members[2].url)
            await provider.wait_for(2 * CONTACTS)
            await rig.quiet()
            await rig.end([members[0], members[2]])
            evidence = await rig.evidence(clients.told, provider.sends)
    assert judge(evidence) == []
    assert begun < CONTACTS * 2, "all had fired before anybody died"
    once = {send.reference: send.text for send in provider.sends}  # what was under way at a kill may go twice
    assert Counter(once.values()) == {"And your name?": CONTACTS, "Still there?": CONTACTS}
    fired = [record.event for record in evidence.records if isinstance(record.event.body, TimerDue)]
    assert Counter(event.home for event in fired) == dict.fromkeys(clients.told, 1)
    assert all(event.at_ms >= event.body.due_ms for event in fired)
    assert evidence.counts.timers == 0
    late_ms = [event.at_ms - event.body.due_ms for event in fired]
    figures |= {"timers": len(fired), "fired before the kills": begun - CONTACTS, "latest in s": round(max(late_ms) / 1000, 1)}
