"""The board's JSON twins, and what happens when the store does not answer."""

import asyncio
from typing import Any
from urllib.parse import quote

import pytest

from vaiven.edge.console import Console
from vaiven.edge.web import Site
from vaiven.model.errors import StoreUnavailable

SMS = "tel:+12025550101"


# -- votes ---------------------------------------------------------------------------------------------------------------


async def test_the_board_is_there_before_the_first_vote(desk) -> None:
    _, board = await desk.get("/console/votes.json")
    (poll,) = board["polls"]
    assert poll["poll"] == "final"
    assert (poll["accepted"], poll["counted"], poll["rejected"], poll["per_second"], poll["sampled_ms"]) == (0, 0, {}, 0.0, 0)
    assert poll["labels"] == {"anna": "Anna & Luca", "bea": "Bea & Tom", "cleo": "Cleo & Max"}
    assert poll["options"] == {"anna": 0, "bea": 0, "cleo": 0}


async def test_accepted_is_counted_plus_rejected_and_the_rate_comes_from_the_store(desk) -> None:
    await desk.get("/console/votes/final.json")
    for text in ("vote 1", "vote 1", "vote bea", "vote 1", "vote 2"):
        await desk.say(SMS, {"text": text})
    desk.clock.advance(s=2)
    _, poll = await desk.get("/console/votes/final.json")
    assert (poll["accepted"], poll["counted"]) == (5, 3)
    assert poll["rejected"] == {"capped": 2}
    assert poll["options"] == {"anna": 2, "bea": 1, "cleo": 0}
    assert poll["accepted"] == poll["counted"] + sum(poll["rejected"].values())
    assert (poll["per_second"], poll["sampled_ms"]) == (2.5, 2_000)
    assert poll["at_ms"] == desk.clock.at_ms
    _, board = await desk.get("/console/votes.json")
    assert board["polls"] == [poll]


async def test_the_rate_forgets_what_is_long_ago(desk) -> None:
    await desk.get("/console/votes/final.json")
    await desk.say(SMS, {"text": "vote 1"})
    for _ in range(7):
        desk.clock.advance(s=1)
        _, poll = await desk.get("/console/votes/final.json")
    assert (poll["per_second"], poll["sampled_ms"]) == (0.0, 5_000)
    for minutes in (5, -60):
        desk.clock.advance(minutes=minutes)
        _, poll = await desk.get("/console/votes/final.json")
        assert (poll["per_second"], poll["sampled_ms"]) == (0.0, 0)


async def test_many_lookers_are_one_read_of_the_store(desk, monkeypatch: pytest.MonkeyPatch) -> None:
    reads, totals = [], desk.bot.store.totals

    async def counted(poll: str | None = None) -> Any:
        reads.append(poll)
        return await totals(poll)

    monkeypatch.setattr(desk.bot.store, "totals", counted)
    await asyncio.gather(*(desk.get("/console/votes.json") for _ in range(20)))
    assert len(reads) == 1


async def test_of_a_poll_that_nobody_knows_the_answer_names_those_there_are(desk) -> None:
    status, said = await desk.get("/console/votes/semi%2Ffinal%3Cb%3E.json")
    assert (status, said) == (404, {"error": "no poll 'semi/final<b>'", "polls": ["final"]})
    status, said = await desk.get(f"/console/votes/{'x' * 5_000}.json")
    assert (status, len(said["error"])) == (404, len("no poll ''") + 200)


# -- the rest ------------------------------------------------------------------------------------------------------------


async def test_the_index_tells_what_the_page_needs(desk) -> None:
    _, index = await desk.get("/console/index.json")
    assert index["bot"] == "tv-vote"
    assert index["openings"] == ["desk", "vote"]
    assert index["polls"] == ["final"]
    assert index["channel"] == "phone"
    assert index["skins"]["tel"]["sms"] is True
    assert index["skins"]["whatsapp"]["buttons"] == 3


async def test_a_store_that_does_not_answer_is_a_503_to_come_back_to(desk, monkeypatch: pytest.MonkeyPatch) -> None:
    async def down(*_: object) -> Any:
        raise StoreUnavailable("disk is full", retry_after_s=7)

    for name in ("totals", "load", "accept"):
        monkeypatch.setattr(desk.bot.store, name, down)
    assert (await desk.get("/console/votes.json"))[0] == 503
    assert (await desk.get(f"/console/phones/{quote(SMS)}.json"))[0] == 503
    status, said = await desk.post(SMS, {"text": "VOTE"})
    assert status == 503
    assert "disk" not in said["error"]
    async with desk.session.get(f"{desk.url}/console/votes.json") as response:
        assert response.headers["Retry-After"] == "7"
    monkeypatch.undo()


async def test_a_bot_without_phones_still_has_its_board(desk) -> None:
    console = Console(desk.bot, channel="absent", token="start-up-token")
    site = Site(console.routes(), "127.0.0.1", 0)
    desk.host = f"127.0.0.1:{await site.start()}"
    desk.url = f"http://{desk.host}"
    try:
        assert (await desk.get("/console/index.json"))[1]["skins"] == {}
        assert (await desk.get("/console/votes/final.json"))[0] == 200
        assert (await desk.get(f"/console/phones/{quote(SMS)}.json"))[0] == 404
        assert (await desk.post(SMS, {"text": "VOTE"}))[0] == 404
    finally:
        await site.stop()
