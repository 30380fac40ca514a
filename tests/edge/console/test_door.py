"""Who may look at the console, who may act in it, and what is refused kindly."""

from pathlib import Path
from urllib.parse import quote

import pytest

from vaiven.edge.console import Console

ROOT = Path(__file__).parents[3]
SMS = "tel:+12025550101"


# -- who may look --------------------------------------------------------------------------------------------------------

LOOKS = ["/", "/console/", "/console/console.js", "/console/index.json", "/console/votes.json", "/console/votes/final.json"]


@pytest.mark.parametrize("path", [*LOOKS, f"/console/phones/{quote(SMS)}.json"])
@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:80", "", "[::1", "127.0.0.2"])
async def test_a_foreign_host_sees_nothing(desk, path: str, host: str) -> None:
    status, said = await desk.get(path, Host=host)
    assert status == 403
    assert list(said) == ["error"]


@pytest.mark.parametrize("host", ["127.0.0.1", "LOCALHOST:9000", "localhost.", "[::1]:80", "[::1]"])
async def test_our_own_names_may_look(desk, host: str) -> None:
    assert (await desk.get("/console/votes.json", Host=host))[0] == 200


async def test_pages_of_other_sites_cannot_read_the_twins(desk) -> None:
    assert (await desk.get("/console/votes.json", **{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}))[0] == 403
    assert (await desk.get("/console/votes.json", **{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}))[0] == 200


async def test_every_answer_forbids_what_the_page_does_not_need(desk) -> None:
    for path, headers in [("/", {}), ("/console/", {}), ("/console/votes.json", {}), ("/console/", {"Host": "evil.example"})]:
        async with desk.session.get(desk.url + path, headers=headers, allow_redirects=False) as response:
            policy = response.headers["Content-Security-Policy"]
            assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'")
            assert "unsafe" not in policy
            assert "frame-ancestors 'none'" in policy
            assert response.headers["X-Content-Type-Options"] == "nosniff"
            assert response.headers["Referrer-Policy"] == "no-referrer"


async def test_the_page_loads_nothing_from_elsewhere_and_has_no_inline_code() -> None:
    static = ROOT / "framework/vaiven/edge/console/static"
    page = (static / "index.html").read_text()
    assert "<style" not in page
    assert "style=" not in page
    assert page.count("<script") == page.count('<script type="module" src="console.js"></script>') == 1
    for file in static.iterdir():
        text = file.read_text().replace("http://www.w3.org/2000/svg", "")
        assert "http://" not in text, file.name
        assert "https://" not in text, file.name
        assert "innerHTML" not in text, file.name


async def test_the_front_leads_to_the_console_and_its_files_have_their_types(desk) -> None:
    types = {"/console/": "text/html", "/console/console.js": "text/javascript", "/console/skins.css": "text/css"}
    for path, content_type in types.items():
        async with desk.session.get(desk.url + path) as response:
            assert (response.status, response.content_type) == (200, content_type)
    async with desk.session.get(desk.url + "/") as response:
        assert response.url.path == "/console/"
    async with desk.session.get(desk.url + "/console/..%2f__init__.py") as response:
        assert response.status == 404


async def test_the_address_has_the_token_where_browsers_do_not_send_it(desk) -> None:
    assert desk.console.url("http://127.0.0.1:9000/") == "http://127.0.0.1:9000/console/#token=start-up-token"
    assert len(Console(desk.bot).token) >= 32
    assert Console(desk.bot).token != Console(desk.bot).token


# -- who may act ---------------------------------------------------------------------------------------------------------

REFUSED = {
    "no token": {"X_Vaiven_Token": None},
    "a wrong token": {"X_Vaiven_Token": "start-up-tokem"},
    "a token that is no ASCII": {"X_Vaiven_Token": "\u00fcber"},
    "another origin": {"Origin": "http://evil.example"},
    "another port": {"Origin": "http://127.0.0.1:1"},
    "no origin at all": {"Origin": None},
    "the null origin": {"Origin": "null"},
    "an origin that is none": {"Origin": "http://[::"},
    "a page of another site": {"Sec_Fetch_Site": "cross-site"},
    "a page of a sister site": {"Origin": None, "Sec_Fetch_Site": "same-site"},
    "a foreign host": {"Host": "evil.example", "Origin": "http://evil.example"},
}


@pytest.mark.parametrize("changes", REFUSED.values(), ids=REFUSED)
async def test_nobody_types_but_the_page(desk, changes: dict[str, str | None]) -> None:
    status, said = await desk.post(SMS, {"text": "VOTE"}, **changes)
    assert status == 403
    assert list(said) == ["error"]
    assert (await desk.bot.store.counts()).inbox == 0
    assert (await desk.phone(SMS))["contact"]["version"] == 0


async def test_the_page_types_with_either_proof_of_origin(desk) -> None:
    assert (await desk.post(SMS, {"text": "VOTE"}))[0] == 202
    assert (await desk.post(SMS, {"text": "1"}, Origin=None, Sec_Fetch_Site="same-origin"))[0] == 202


BAD = {
    "no JSON": (b"VOTE", 400),
    "not an object": (b"[1]", 400),
    "nothing said": (b"{}", 400),
    "an empty text": (b'{"text": ""}', 400),
    "two things at once": (b'{"text": "a", "choice": {"id": "b"}}', 400),
    "a choice without id": (b'{"choice": {"title": "b"}}', 400),
    "somebody else's name": (b'{"text": "a", "from": "tel:+12025550199"}', 400),
    "half a character": (b'{"text": "\\ud800"}', 400),
    "invalid UTF-8": (b'{"text": "\xff"}', 400),
    "no place on earth": (b'{"location": {"latitude": 91, "longitude": 0}}', 400),
    "a place of many digits": (b'{"location": {"latitude": 0, "longitude": ' + b"9" * 5000 + b"}}", 400),
    "a strange id": (b'{"text": "a", "id": "a b"}', 400),
    "deep nesting": (b'{"x":' * 3000, 400),
    "too much": (b'{"text": "' + b"a" * 16_400 + b'"}', 413),
}


@pytest.mark.parametrize(("body", "expected"), BAD.values(), ids=BAD)
async def test_what_cannot_be_read_is_told_kindly_and_stored_nowhere(desk, body: bytes, expected: int) -> None:
    status, said = await desk.post(SMS, body)
    assert status == expected
    assert said["error"]
    assert (await desk.phone(SMS))["turns"] == []


async def test_a_form_of_another_page_is_no_message(desk) -> None:
    assert (await desk.post(SMS, {"text": "VOTE"}, Content_Type="text/plain"))[0] == 415


@pytest.mark.parametrize("address", ["tel:12025550101", "tel:+0123456789", "res:slots", "messenger:me", "whatsapp:<b>", "x"])
async def test_only_phones_are_phones(desk, address: str) -> None:
    assert (await desk.get(f"/console/phones/{quote(address, safe='')}.json"))[0] == 404
    assert (await desk.post(address, {"text": "VOTE"}))[0] == 404
