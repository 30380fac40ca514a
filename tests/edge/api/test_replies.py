"""``GET /v1/replies``: what the settings keep ready, in a language."""

from typing import Any

import aiohttp
import pytest

from vaiven.edge.api import Api
from vaiven.edge.reply_settings import CannedReply
from vaiven.edge.web import Site

SAVED = {
    "hello": CannedReply("hello", {"": "<b>Hello</b> {name}."}),
    "back": CannedReply("back", {"es": "Hola {{1}}.", "en": "Hello {{1}}."}, "we_are_back"),
}


@pytest.fixture
def store_url(tmp_path: Any) -> str:
    return f"sqlite:///{tmp_path / 'shop.db'}"


@pytest.fixture
async def ask(office: Any):
    site = Site(Api(office.bot, SAVED).routes(), "127.0.0.1", 0)
    port = await site.start()

    async def asked(query: str = "", token: str | None = None) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {token or office.tokens['ana']}"}
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"http://127.0.0.1:{port}/v1/replies{query}", headers=headers) as told,
        ):
            return told.status, await told.json(content_type=None)

    yield asked
    await site.stop()


async def test_as_they_were_written_in_the_language_asked_for(ask: Any) -> None:
    hello = {"name": "hello", "text": "<b>Hello</b> {name}.", "lang": "", "template": "", "blanks": 0}
    back = {"name": "back", "text": "Hola {{1}}.", "lang": "es", "template": "we_are_back", "blanks": 1}
    assert await ask("?lang=es-MX") == (200, {"replies": [hello, back]})
    assert (await ask())[1]["replies"][1]["lang"] == "en"


@pytest.mark.parametrize("query", ["?lang=%3Cb%3E", "?lang=es&lang=en", "?language=es"])
async def test_a_query_that_is_none(ask: Any, query: str) -> None:
    status, told = await ask(query)
    assert (status, told["code"]) == (400, "bad_query")


async def test_nobody_else_reads_them(ask: Any) -> None:
    assert (await ask(token="vvn_0_x"))[0] == 401


async def test_a_bot_without_any(office: Any) -> None:
    assert await office.ask("GET", "/replies") == (200, {"replies": []})
