"""The HTTP API at its door: who gets in, what the same key does twice, what a refusal says, lists and pages."""

import asyncio

import pytest

from vaiven.edge.api import access
from vaiven.model.urns import Urn
from vaiven.runtime.tokens import READ, REVOKE, change_token, tokens_home

ZOE = Urn("tel:+12025550123")


@pytest.fixture
def store_url(tmp_path):
    return f"sqlite:///{tmp_path / 'shop.db'}"


async def test_without_a_token_nobody_gets_in(office):
    office.tokens["eve"] = "vvn_000000000000_guess"
    for path in ("/me", "/queues", "/conversations", "/conversations/abc"):
        for agent in ("nobody", "eve"):
            status, told = await office.ask("GET", path, agent)
            assert (status, told["code"], told["status"]) == (401, "unauthorized", 401)
    status, told = await office.act("nobody", "take")
    assert status == 401


async def test_a_scope_is_all_that_a_token_may(office):
    await office.hire("rex", (READ,))
    await office.handed_over()
    assert len(await office.listed(agent="rex")) == 1
    status, told = await office.act("rex", "take")
    assert (status, told["code"]) == (403, "forbidden")
    assert "conversations:write" in told["detail"]


async def test_a_revoked_token_ends(office, monkeypatch):
    monkeypatch.setattr(access, "FRESH_MS", 0)
    id_ = await office.hire("tim")
    await change_token(office.bot.store, office.name, REVOKE, {"id": id_}, office.bot.clock())
    office.bot.turns.look(range(office.bot.store.partitions))
    await office.until(lambda: office.ask("GET", "/me", "tim"), lambda answer: answer[0] == 401)


async def test_the_store_keeps_no_secret(office):
    (state,) = await office.bot.store.load([tokens_home(office.name)])
    secret = office.tokens["ana"].split("_", 2)[2]
    assert secret not in str(state)
    assert "digest" in str(state)


async def test_the_same_key_does_it_once_and_tells_the_same(office):
    await office.handed_over()
    await office.act("ana", "take")
    answers = await asyncio.gather(*(office.act("ana", "reply", {"text": "hi"}, Idempotency_Key="k") for _ in range(5)))
    answers.append(await office.act("ana", "reply", {"text": "hi"}, Idempotency_Key="k"))
    assert all(answer == answers[0] and answer[0] == 200 for answer in answers)
    assert [row.message.text for row in await office.rows()].count("hi") == 1
    status, told = await office.act("ana", "reply", {"text": "other"}, Idempotency_Key="k")
    assert (status, told["code"]) == (422, "key_reused")
    status, _ = await office.act("ana", "note", {"text": "hi"}, Idempotency_Key="k")
    assert status == 422


async def test_a_key_is_one_tokens_own(office):
    await office.handed_over()
    assert (await office.act("ana", "note", {"text": "one"}, Idempotency_Key="k"))[0] == 200
    assert (await office.act("bea", "note", {"text": "two"}, Idempotency_Key="k"))[0] == 200


async def test_a_refused_act_stays_refused_under_its_key(office):
    await office.handed_over()
    first = await office.act("ana", "reply", {"text": "hi"}, Idempotency_Key="k")
    await office.act("ana", "take")
    assert first[1]["code"] == "not_yours"
    assert await office.act("ana", "reply", {"text": "hi"}, Idempotency_Key="k") == first


@pytest.mark.parametrize(
    ("act", "body", "headers", "status", "code"),
    [
        ("reply", {"text": "hi"}, {"Idempotency_Key": ""}, 400, "bad_key"),
        ("reply", {"text": "hi"}, {"Idempotency_Key": "k" * 101}, 400, "bad_key"),
        ("reply", {"text": "hi"}, {"If_Match": "12"}, 400, "bad_version"),
        ("reply", {"text": " "}, {}, 422, "empty"),
        ("reply", {"text": "x" * 4097}, {}, 400, "bad_body"),
        ("reply", {"text": "hi", "to": "someone else"}, {}, 400, "bad_body"),
        ("reply", {"media": [{"url": "javascript:alert(1)", "type": "image/png"}]}, {}, 400, "bad_body"),
        ("reply", {"media": [{"url": "file:///etc/passwd", "type": "image/png"}]}, {}, 400, "bad_body"),
        ("reply", ["hi"], {}, 400, "bad_body"),
        ("reply", {"text": "x" * 70_000}, {}, 413, "too_large"),
        ("reply", {"text": "hi"}, {"Content_Encoding": "gzip"}, 415, "encoding"),
        ("take", {"agent": "bea"}, {}, 400, "bad_body"),
    ],
)
async def test_what_is_wrong_is_refused_in_words(office, act, body, headers, status, code):
    await office.says("hello")
    got, told = await office.act("ana", act, body, **headers)
    assert (got, told["code"], told["type"]) == (status, code, f"urn:vaiven:problem:{code}")
    assert told["detail"]


async def test_addresses_that_are_none(office):
    assert (await office.ask("GET", "/nothing"))[1]["code"] == "not_found"
    assert (await office.ask("DELETE", "/conversations"))[1]["code"] == "method"
    for id_ in ("x", "%00", "..", "cGhvbmUKdGVsOg=="):
        assert (await office.ask("GET", f"/conversations/{id_}"))[0] == 404
    for query in ("limit=0", "limit=x", "cursor=!", "state=lost", "page=2", "limit=1&limit=2"):
        assert (await office.ask("GET", f"/conversations?{query}"))[1]["code"] == "bad_query"


async def test_lists_by_state_and_agent_longest_wait_first_in_pages(office):
    people = [Urn(f"tel:+120255501{number}") for number in range(10, 15)]
    for person in people:
        await office.handed_over(person)
    await office.act("ana", "take", home=people[0])
    await office.until(lambda: office.listed("?state=taken"), lambda found: len(found) == 1)
    waiting = await office.listed("?state=waiting&queue=support")
    assert [one["person"] for one in waiting] == people[1:]
    assert [one["agent"]["name"] for one in await office.listed("?agent=ana")] == ["Ana"]
    assert await office.listed("?agent=bea") == []
    assert await office.listed("?queue=other") == []
    seen, cursor = [], ""
    while cursor is not None:
        _, page = await office.ask("GET", f"/conversations?limit=2{cursor}")
        seen += [one["person"] for one in page["conversations"]]
        cursor = None if page["next"] is None else f"&cursor={page['next']}"
    assert seen == [*people[1:], people[0]]
    _, queues = await office.ask("GET", "/queues")
    (queue,) = queues["queues"]
    assert (queue["waiting"], queue["taken"], queue["oldest_wait"]) == (4, 1, waiting[0]["since"])


async def test_who_said_stop_is_not_written_to(office):
    await office.handed_over()
    await office.act("ana", "take")
    await office.says("STOP")
    assert (await office.show())["opted_out"]
    status, told = await office.act("ana", "reply", {"text": "but"})
    assert (status, told["code"]) == (409, "not_yours")  # STOP ended the talk, so the bot has it
    await office.until(office.listed, lambda found: found == [])


async def test_too_many_requests_are_held_up(office, monkeypatch):
    monkeypatch.setattr(access, "BURST", 3)
    monkeypatch.setattr(access, "RATE_PER_S", 0.001)
    await office.hire("max")
    answers = [await office.ask("GET", "/me", "max") for _ in range(5)]
    assert answers[-1][1]["code"] == "too_many"


async def test_files_and_who_did_what_are_in_the_transcript(office):
    await office.handed_over()
    await office.act("ana", "take")
    await office.act("ana", "reply", {"media": [{"url": "https://example.com/a.png", "type": "image/png", "name": "<b>"}]})
    await office.act("bea", "note", {"text": "careful"})
    await office.act("ana", "return")
    shown = await office.show()
    done = [(item["agent"], item["by"], item.get("event", "")) for item in shown["items"] if item.get("agent")]
    assert ("ana", "event", "agent.joined") in done
    assert ("bea", "note", "") in done
    assert ("ana", "event", "agent.returned") in done
    assert any("https://example.com/a.png" in item["text"] or item.get("media") for item in shown["items"])
