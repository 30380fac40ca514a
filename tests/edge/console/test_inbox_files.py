"""The inbox page's files at their door: what they forbid, and that nothing of theirs comes from elsewhere."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from vaiven.edge.console import inbox
from vaiven.edge.web import Site

STATIC = Path(inbox.__file__).parent / "static"


@pytest.fixture
async def base() -> AsyncIterator[str]:
    site = Site(inbox.routes(), "127.0.0.1", 0)
    yield f"http://127.0.0.1:{await site.start()}"
    await site.stop()


async def test_every_file_that_the_page_names_is_there_and_forbids_what_it_does_not_need(base: str) -> None:
    async with aiohttp.ClientSession() as session:
        seen, left = set(), ["/inbox/"]
        while left:
            path = left.pop()
            seen.add(path)
            async with session.get(base + path) as response:
                assert response.status == 200, path
                policy = response.headers["Content-Security-Policy"]
                assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'")
                assert "unsafe" not in policy
                assert response.headers["X-Content-Type-Options"] == "nosniff"
                assert response.headers["Referrer-Policy"] == "no-referrer"
                assert "Set-Cookie" not in response.headers
                text = await response.text()
            named = re.findall(r'(?:href|src)="(/inbox/[^"#]+)"', text) + re.findall(r'from "(/inbox/[^"]+)"', text)
            named += ["/inbox/" + name for name in re.findall(r'from "\./([^"]+)"', text)]
            left += [name for name in named if name not in seen]
    own = {f"/inbox/{file.name}" for file in STATIC.iterdir() if file.name != "index.html"}
    assert own <= seen


async def test_the_page_is_found_without_its_slash_and_nothing_else_is(base: str) -> None:
    async with aiohttp.ClientSession() as session:
        async with session.get(base + "/inbox") as response:
            assert response.url.path == "/inbox/"
        for path in ("/inbox/..%2f__init__.py", "/inbox/shared/console.js", "/inbox/nothing.js"):
            async with session.get(base + path) as response:
                assert response.status == 404


def test_no_inline_code_no_markup_out_of_texts_nothing_from_elsewhere() -> None:
    page = (STATIC / "index.html").read_text()
    assert "<style" not in page
    assert "style=" not in page
    assert not re.search(r"\son\w+=", page)
    assert page.count("<script") == page.count('<script type="module" src="/inbox/inbox.js"></script>') == 1
    for file in STATIC.iterdir():
        text = file.read_text()
        assert not re.search(r"https?://(?!\))", text.replace("^https?:", "")), file.name
        for word in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function", "localStorage"):
            assert word not in text, (file.name, word)


def test_the_token_stands_where_browsers_do_not_send_it() -> None:
    assert inbox.address("http://127.0.0.1:8000/", "vvn_a/b") == "http://127.0.0.1:8000/inbox/#token=vvn_a/b"
