"""A phone's conversation, saved as a test."""

from pathlib import Path
from urllib.parse import quote

from vaiven.testing.flowtests.reading import read_script

SMS = "tel:+12025550101"


async def saved(desk, address):
    async with desk.session.get(f"{desk.url}/console/phones/{quote(address, safe='')}.test.yaml") as response:
        return response.status, response.headers, await response.text()


async def test_it_is_a_test_file_to_download(desk) -> None:
    for text in ("desk", "Ann", "Leeds"):
        await desk.say(SMS, {"text": text})
    status, headers, text = await saved(desk, SMS)
    assert (status, headers["Content-Type"]) == (200, "application/yaml; charset=utf-8")
    assert headers["Content-Disposition"] == 'attachment; filename="tel__12025550101.test.yaml"'
    script, problems = read_script(text, "saved.test.yaml")
    assert problems == []
    assert script.flow == "desk"
    assert "Leeds" not in text
    assert "2025550101" not in text
    assert (
        "  - me: desk\n  - bot: Who are you?\n  - me: Xxx\n  - bot: From where?\n  - me: Xxxxx\n  - bot: What do you eat?\n"
        in text
    )


async def test_without_a_conversation_there_is_nothing_to_save(desk) -> None:
    status, _, text = await saved(desk, SMS)
    assert status == 404
    assert "nothing to save" in text


async def test_a_strange_host_gets_nothing(desk) -> None:
    await desk.say(SMS, {"text": "VOTE"})
    path = f"/console/phones/{quote(SMS, safe='')}.test.yaml"
    assert (await desk.get(path, Host="evil.example"))[0] == 403


def test_the_page_offers_it() -> None:
    page = Path(__file__).parents[3] / "framework/vaiven/edge/console/static/inspector.js"
    assert "Save as test" in page.read_text("utf-8")


async def test_the_params_that_the_flow_reads_come_along(desk) -> None:
    await desk.say(SMS, {"text": "VOTE 2"})
    _, _, text = await saved(desk, SMS)
    assert 'params: {opens: "2020-01-01T00:00Z", closes: "2090-01-01T00:00Z", max_votes: 3}\n' in text
