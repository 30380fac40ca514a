"""Closed conversations in lists: the last one first, no longer than they are closed, and never more than so many."""

from vaiven.model.urns import Urn
from vaiven.runtime import conversations
from vaiven.runtime.conversations import id_of
from vaiven.runtime.people import FREED, queue_home

PEOPLE = [Urn(f"tel:+120255501{number}") for number in (23, 24, 25)]


async def freed(office):
    """How often the queue has heard that a conversation is nobody's any more: the last of the words about one."""
    records = office.bot.store.history(queue_home(office.bot.flows.spec.name, "support"), newest=50)
    return sum([getattr(record.event.body, "name", "") == FREED async for record in records])


async def closed(office, home, agent="ana"):
    await office.handed_over(home)
    before = await freed(office)
    await office.act(agent, "take", home=home)
    assert (await office.act(agent, "close", home=home))[0] == 200
    await office.until(lambda: freed(office), lambda count: count > before)
    return await office.until(lambda: office.listed("?state=closed"), lambda found: any(one["person"] == home for one in found))


async def test_they_stand_in_their_list_and_in_no_other(office):
    found = await closed(office, PEOPLE[0])
    assert [(one["id"], one["state"], one["queue"], one["agent"]["name"]) for one in found] == [
        (id_of(PEOPLE[0], "phone"), "closed", "support", "Ana")
    ]
    assert 0 <= office.bot.clock() - found[0]["since"] < 60_000
    await office.until(office.listed, lambda open_: open_ == [])
    assert (await office.show(PEOPLE[0]))["controller"] == "bot"


async def test_they_can_be_chosen_and_turned_over(office):
    for home, agent in zip(PEOPLE, ("ana", "bea", "ana"), strict=True):
        await closed(office, home, agent)
    everybody = [one["person"] for one in await office.listed("?state=closed")]
    assert everybody == PEOPLE[::-1]
    assert [one["person"] for one in await office.listed("?state=closed&agent=bea")] == [PEOPLE[1]]
    assert await office.listed("?state=closed&queue=other") == []
    seen, cursor = [], ""
    while cursor is not None:
        query = "?state=closed&limit=1" + (f"&cursor={cursor}" if cursor else "")
        _, page = await office.ask("GET", f"/conversations{query}")
        seen += [one["person"] for one in page["conversations"]]
        cursor = page["next"]
    assert seen == everybody


async def test_who_comes_again_is_no_longer_closed_and_may_be_closed_again(office):
    (first,) = await closed(office, PEOPLE[0])
    await office.handed_over(PEOPLE[0])
    assert await office.listed("?state=closed") == []
    await office.act("bea", "take", home=PEOPLE[0])
    await office.act("bea", "close", home=PEOPLE[0])
    (again,) = await office.until(lambda: office.listed("?state=closed"), bool)
    assert (again["agent"]["id"], again["since"] > first["since"]) == ("bea", True)


async def test_what_is_handed_back_is_not_closed(office):
    await office.handed_over(PEOPLE[0])
    await office.act("ana", "take", home=PEOPLE[0])
    await office.act("ana", "return", home=PEOPLE[0])
    await closed(office, PEOPLE[1])
    assert [one["person"] for one in await office.listed("?state=closed")] == [PEOPLE[1]]


async def test_no_more_than_so_many_are_looked_at(office, monkeypatch):
    for home in PEOPLE:
        await closed(office, home)
    monkeypatch.setattr(conversations, "CLOSINGS", 2)
    assert [one["person"] for one in await office.listed("?state=closed")] == [PEOPLE[2], PEOPLE[1]]


async def test_another_state_is_refused(office):
    assert (await office.ask("GET", "/conversations?state=done"))[1]["code"] == "bad_query"
