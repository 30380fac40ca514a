"""``vaiven tokens``: who may use the API, beside a bot that serves and before one does."""

import asyncio
import json
import re
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from vaiven.edge.cli import run
from vaiven.edge.control import beside, control
from vaiven.edge.serve import acts


class Told(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def store_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'shop.db'}"


@pytest.fixture
def tokens(tmp_path: Path, capsys: pytest.CaptureFixture[str], store_url: str):
    """Runs ``vaiven tokens …`` for the bot of this name."""

    async def command(*args: str, name: str) -> Told:
        text = f"bot: {name}\nflows: flows\nstore: {store_url}\nchannels: {{phone: {{type: simulator}}}}\n"
        (tmp_path / "bot.yaml").write_text(text)
        capsys.readouterr()
        code = await asyncio.to_thread(run, ["tokens", *args, "--bot", str(tmp_path)])
        return Told(code, *capsys.readouterr())

    return command


@pytest.fixture
async def serving(office):
    """An office that other commands can ask."""
    async with control(beside(office.bot.store.path), acts(office.bot)):
        yield office


async def can(office, token, path="/me"):
    office.tokens["new"] = token
    return (await office.ask("GET", path, "new"))[0]


async def test_a_token_is_made_shown_once_and_counts(serving, tokens):
    told = await tokens("create", "cyn", "--name", "Cyn", name=serving.name)
    token = told.out.strip()
    assert (told.code, re.fullmatch(r"vvn_[0-9a-f]{12}_[\w-]{43}", token) is not None) == (0, True)
    assert "not shown again" in told.err
    assert token not in told.err
    await serving.until(lambda: can(serving, token), lambda status: status == 200)
    assert (await serving.ask("GET", "/me", "new"))[1] == {
        "agent": {"id": "cyn", "name": "Cyn"},
        "scopes": ["conversations:read", "conversations:write"],
    }
    told = await tokens("list", name=serving.name)
    assert (told.code, "cyn" in told.out, token.split("_", 2)[2] in told.out) == (0, True, False)


async def test_its_scopes_and_its_end(serving, tokens):
    made = (await tokens("create", "cyn", "--scope", "conversations:write", "--json", name=serving.name)).json
    assert set(made) == {"id", "token"}
    await serving.until(lambda: can(serving, made["token"]), lambda status: status == 200)
    assert await can(serving, made["token"], "/queues") == 403
    listed = (await tokens("list", "--json", name=serving.name)).json["tokens"]
    (one,) = [one for one in listed if one["id"] == made["id"]]
    assert (one["agent"], one["name"], one["scopes"]) == ("cyn", "cyn", ["conversations:write"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", one["created"])
    told = await tokens("revoke", made["id"], name=serving.name)
    assert (told.code, told.out) == (0, f"Token {made['id']} is revoked.\n")
    await serving.until(lambda: can(serving, made["token"]), lambda status: status == 401)
    assert all(one["id"] != made["id"] for one in (await tokens("list", "--json", name=serving.name)).json["tokens"])


async def test_what_is_not_there_is_told(serving, tokens):
    told = await tokens("revoke", "0123456789ab", name=serving.name)
    assert (told.code, "see `vaiven tokens list`" in told.err) == (1, True)
    assert (await tokens("revoke", "0123456789ab", "--json", name=serving.name)).json["revoked"] is False


@pytest.mark.parametrize("args", [("create", "Ana B"), ("create",), ("create", "ana", "--scope", "all"), ("revoke",)])
async def test_wrong_words_are_refused(tokens, args):
    told = await tokens(*args, name="shop")
    assert (told.code, told.out) == (2, "")


async def test_made_before_it_serves_it_counts_as_soon_as_it_does(tokens, make_office, store_url):
    first = await make_office(store_url, "early").open()
    await first.close()
    token = (await tokens("create", "cyn", name="early")).out.strip()
    office = await make_office(store_url, "early").open()
    try:
        await office.until(lambda: can(office, token), lambda status: status == 200)
    finally:
        await office.close()


async def test_no_token_is_kept_as_it_is(serving, tokens, tmp_path):
    token = (await tokens("create", "cyn", name=serving.name)).out.strip()
    await serving.until(lambda: can(serving, token), lambda status: status == 200)
    secret = token.split("_", 2)[2].encode()
    kept = b"".join(file.read_bytes() for file in tmp_path.glob("shop.db*") if file.is_file())
    assert len(kept) > 1000
    assert secret not in kept
