"""H1 to H7: the invariants of a conversation with people, over HTTP, on SQLite and Redis."""

import asyncio
from typing import Any

from vaiven.model.outbox import RowState
from vaiven.model.urns import Urn

ZOE = Urn("tel:+12025550123")
YAN = Urn("tel:+12025550124")
HOSTILE = [
    "<script>alert(1)</script>",
    "{{7*7}} ${7*7} {agent.name} {0.__class__}",
    '=HYPERLINK("https://example.net")',
    "STOP; rm -rf / `id`",
    "%s%n ../../etc/passwd",
]


def words(shown: Any, by: str) -> list[str]:
    return [item["text"] for item in shown["items"] if item["by"] == by]


async def test_h1_exactly_one_takes_a_conversation(office):
    await office.handed_over()
    agents = ["ana", "bea"] * 4
    answers = await asyncio.gather(*(office.act(agent, "take") for agent in agents))
    winners = {agent for agent, (status, _) in zip(agents, answers, strict=True) if status == 200}
    assert len(winners) == 1
    for agent, (status, told) in zip(agents, answers, strict=True):
        assert (status == 200) == (agent in winners)
        if status != 200:
            assert (status, told["code"], told["holder"]["id"]) == (409, "taken", *winners)
    shown = await office.show()
    assert (shown["controller"], shown["agent"]["id"]) == ("taken", *winners)


async def test_h1_what_was_refused_is_not_told_as_done(office):
    await office.handed_over()
    assert (await office.act("ana", "take"))[0] == 200
    assert (await office.act("bea", "take"))[0] == 409
    assert (await office.act("bea", "close"))[0] == 409
    told = [(item["event"], item["agent"]) for item in (await office.show())["items"] if item.get("event") and item.get("agent")]
    assert told == [("agent.joined", "ana"), ("refused:taken", "bea"), ("refused:not_yours", "bea")]


async def test_h3_who_waits_in_a_queue_that_flows_call_otherwise_by_now_is_seen(make_office, tmp_path, monkeypatch):
    url = f"sqlite:///{tmp_path}/renamed.db"
    before = await make_office(url, "shop").open()
    await before.handed_over()
    await before.close()
    words = make_office.__init__.__globals__
    monkeypatch.setitem(
        words,
        "SUPPORT",
        words["SUPPORT"].replace("queue: support", "queue: helpdesk").replace("relay: support", "relay: helpdesk"),
    )
    after = await make_office(url, "shop").open()
    try:
        assert [(one["person"], one["queue"]) for one in await after.listed()] == [(ZOE, "support")]
        assert (await after.act("ana", "take"))[0] == 200
        await after.until(lambda: after.listed("?state=taken"), lambda found: [one["queue"] for one in found] == ["support"])
    finally:
        await after.close()


async def test_h1_control_goes_to_people_and_back(office):
    await office.says("hello")
    assert (await office.show())["controller"] == "bot"
    assert (await office.act("ana", "take"))[1]["code"] == "not_waiting"
    await office.says("1")
    assert (await office.show())["controller"] == "waiting"
    assert (await office.act("ana", "take"))[0] == 200
    await office.says("is this the bot?")
    assert words(await office.show(), "bot")[-1] == "You are talking to Ana."
    assert (await office.act("ana", "return"))[0] == 200
    shown = await office.show()
    assert (shown["controller"], shown["agent"]) == ("bot", None)
    assert (await office.act("ana", "reply", {"text": "still me"}))[1]["code"] == "not_yours"
    found = await office.until(office.listed, lambda found: not found)
    assert found == []


async def test_h1_closing_goes_on_at_the_end_of_the_flow(office):
    await office.handed_over()
    await office.act("ana", "take")
    assert (await office.act("bea", "close"))[1]["code"] == "not_yours"
    assert (await office.act("ana", "close"))[0] == 200
    shown = await office.show()
    assert shown["controller"] == "bot"
    assert words(shown, "bot")[-1] == "Goodbye."


async def test_h2_bot_rows_not_yet_dialed_are_suppressed_with_a_record(office):
    await office.says("hello")
    await office.until(office.rows, lambda rows: [row.state for row in rows] == [RowState.ACCEPTED])
    office.provider.holding = True
    await office.says("1")
    await office.says("place")
    rows = await office.until(office.rows, lambda rows: rows[1].state is RowState.DIALED)
    assert rows[2].state is RowState.QUEUED
    assert (await office.act("ana", "take"))[0] == 200
    await office.act("ana", "reply", {"text": "Hi, Ana here."})
    office.provider.let_go()
    rows = await office.until(office.rows, lambda rows: rows[-1].state is RowState.ACCEPTED)
    told = {row.message.text: row.state for row in rows}
    assert told["You are in line."] is RowState.SUPPRESSED
    assert told["You are talking to Ana."] is told["Hi, Ana here."] is RowState.ACCEPTED
    shown = await office.show()
    assert [item["outcome"] for item in shown["items"] if item["text"] == "You are in line."] == ["suppressed"]


async def test_h3_nothing_inbound_is_lost_across_a_handoff(office):
    await office.handed_over()

    async def writes() -> None:
        for number in range(10):
            await office.says(f"line {number}")

    await asyncio.gather(writes(), office.act("ana", "take"))
    shown = await office.show()
    assert words(shown, "person") == ["hello", "1", *(f"line {number}" for number in range(10))]
    assert words(shown, "bot")[0].startswith("How can we help?")
    assert shown["unanswered_since"] is not None
    await office.act("ana", "reply", {"text": "Let me see."})
    assert (await office.show())["unanswered_since"] is None


async def test_h3_a_long_transcript_comes_in_pages(office):
    await office.handed_over()
    await office.act("ana", "take")
    for number in range(7):
        await office.says(f"line {number}")
    path = f"/conversations/{(await office.show())['id']}"
    seen: list[str] = []
    before, pages = "", 0
    while True:
        _, page = await office.ask("GET", f"{path}?limit=3{before}")
        seen = [*words(page, "person"), *seen]
        pages += 1
        if page["before"] is None:
            break
        before = f"&before={page['before']}"
    assert pages > 2
    assert seen == words(await office.show(), "person")


async def test_h4_the_window_counts_when_it_is_sent(office, monkeypatch):
    day_ms = 24 * 3_600_000
    can = office.bot.lines["phone"].channel.capabilities("tel")
    windowed = type(can)(text_limit=can.text_limit, window_ms=day_ms)
    monkeypatch.setattr(type(office.bot.lines["phone"].channel), "capabilities", lambda _, __: windowed)
    heard_ms = office.bot.clock() - day_ms + 3_600_000
    await office.handed_over(at_ms=heard_ms)
    await office.act("ana", "take")
    shown = await office.show()
    assert shown["window"] == {"closes": heard_ms + day_ms, "open": True, "templates": False}
    assert (await office.act("ana", "reply", {"text": "in time"}))[0] == 200
    rows = await office.rows()
    assert rows[-1].not_after_ms == shown["window"]["closes"]
    await office.handed_over(YAN, at_ms=office.bot.clock() - day_ms - 1)
    await office.act("ana", "take", home=YAN)
    assert not (await office.show(YAN))["window"]["open"]
    status, told = await office.act("ana", "reply", {"text": "too late"}, home=YAN)
    assert (status, told["code"]) == (409, "window")
    assert "template" in told["detail"]
    assert (await office.act("ana", "reply", {"template": {"name": "hello_again"}}))[1]["code"] == "no_templates"


async def test_h5_two_cannot_answer_unaware(office):
    await office.handed_over()
    await office.act("ana", "take")
    status, told = await office.act("bea", "reply", {"text": "me too"})
    assert (status, told["code"], told["holder"]) == (409, "not_yours", {"id": "ana", "name": "Ana"})
    seen = f'"{(await office.show())["version"]}"'
    await office.says("one more thing")
    status, told = await office.act("ana", "reply", {"text": "unaware"}, If_Match=seen)
    assert (status, told["code"]) == (412, "moved")
    aware = f'"{(await office.show())["version"]}"'
    answers = await asyncio.gather(
        office.act("ana", "reply", {"text": "aware"}, If_Match=aware),
        office.act("ana", "reply", {"text": "twice"}, If_Match=aware),
    )
    assert sorted(status for status, _ in answers) == [200, 412]
    assert len(words(await office.show(), "agent")) == 1


async def test_h6_another_bot_knows_neither_tokens_nor_people(office, make_office, tmp_path):
    await office.handed_over()
    url = f"sqlite:///{tmp_path / 'other.db'}"
    other = await make_office(url, "other").open()
    try:
        other.tokens["eve"] = office.tokens["ana"]
        assert (await other.ask("GET", "/me", "eve"))[0] == 401
        assert await other.listed() == []
        assert (await other.act("ana", "take"))[1]["code"] == "no_conversation"
        assert (await office.act("ana", "take", home=YAN))[1]["code"] == "no_conversation"
        assert (await office.act("ana", "note", {"text": "x"}, home=Urn("res:shop/queue/support")))[0] == 404
    finally:
        await other.close()


async def test_h7_words_are_only_words(office):
    await office.handed_over()
    await office.act("ana", "take")
    for text in HOSTILE:
        await office.says(text)
        assert (await office.act("ana", "reply", {"text": text}))[0] == 200
        assert (await office.act("ana", "note", {"text": text}))[0] == 200
    shown = await office.show()
    assert words(shown, "person")[2:] == words(shown, "agent") == words(shown, "note") == HOSTILE
    sent = [row.message.text for row in await office.rows()]
    assert all(text in sent for text in HOSTILE)
