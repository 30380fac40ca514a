"""``vaiven inbox`` against a bot that serves: everything an agent does, and every way it can go wrong, told kindly."""

import asyncio
import json
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from vaiven.edge.api import Api
from vaiven.edge.cli import run
from vaiven.edge.inbox_client import PAUSES_S, CannotAsk, Client
from vaiven.edge.reply_settings import CannedReply
from vaiven.edge.web import Site
from vaiven.model.urns import Urn
from vaiven.runtime.conversations import id_of

ZOE, YAN = Urn("tel:+12025550123"), Urn("tel:+12025550124")
SAVED = {
    "hello": CannedReply("hello", {"en": "Hello.", "es": "Hola."}),
    "back": CannedReply("back", {"en": "Hello {{1}}, news."}, "we_are_back"),
}
ESCAPES = "\x1b[31mred\x1b]0;owned\x07 \u202egnp.exe\r\nsecond line"


class Told(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Inbox = Callable[..., Awaitable[Told]]


@pytest.fixture
def store_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'shop.db'}"


@pytest.fixture
async def inbox(office: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    """Runs ``vaiven inbox …`` as an agent."""
    site = Site(Api(office.bot, SAVED).routes(), "127.0.0.1", 0)
    monkeypatch.setenv("VAIVEN_SERVER", f"http://127.0.0.1:{await site.start()}/")

    async def command(*args: str, agent: str = "ana") -> Told:
        monkeypatch.setenv("VAIVEN_TOKEN", office.tokens.get(agent, agent))
        capsys.readouterr()
        code = await asyncio.to_thread(run, ["inbox", *args])
        return Told(code, *capsys.readouterr())

    yield command
    await site.stop()


async def test_a_conversation_from_the_list_to_its_end(office: Any, inbox: Inbox) -> None:
    await office.handed_over()
    listed = await inbox("list")
    assert listed.code == 0
    assert [line.split()[:5] for line in listed.out.splitlines()] == [
        ["waits", "who", "has", "it", "person"],
        ["0", "s", "-", ZOE, "-"],
    ]
    assert (await inbox("take", "+12025550123")).out == "You have it.\n"
    assert (await inbox("reply", ZOE, "Good morning")).out == "Said.\n"
    assert (await inbox("note", ZOE, "Be patient with her")).out == "Noted.\n"
    await office.says("thank you")
    shown = (await inbox("show", id_of(ZOE, "phone"))).out
    assert "You have it. version " in shown
    assert [line[7:] for line in shown.splitlines()[-5:]] == [
        "-- Ana took the conversation",
        "bot: You are talking to Ana.",
        "Ana: Good morning",
        "note by Ana: Be patient with her",
        "them: thank you",
    ]
    assert (await inbox("return", ZOE)).out == "Handed back.\n"
    await office.says("1")
    assert (await inbox("take", ZOE)).code == 0
    assert (await inbox("close", ZOE)).out == "Closed.\n"
    assert "Goodbye." in [row.message.text for row in await office.rows()]
    await office.until(lambda: inbox("list", "--mine"), lambda told: told.out == "No conversations.\n")
    closed = await office.until(lambda: inbox("list", "--state", "closed"), lambda told: ZOE in told.out)
    assert "closed" in closed.out
    assert "Ana closed it" in (await inbox("show", ZOE)).out


async def test_json_is_what_the_api_says(office: Any, inbox: Inbox) -> None:
    await office.handed_over()
    listed = await inbox("list", "--state", "waiting", "--queue", "support", "--json")
    assert [one["person"] for one in listed.json["conversations"]] == [ZOE]
    id_ = listed.json["conversations"][0]["id"]
    taken = await inbox("take", id_, "--json")
    assert taken.json["agent"] == {"id": "ana", "name": "Ana"}
    shown = await inbox("show", id_, "--json", "--limit", "1")
    assert (shown.json["controller"], len(shown.json["items"])) == ("taken", 3)
    refused = await inbox("take", id_, "--json", agent="bea")
    assert (refused.code, refused.json["code"], refused.json["holder"]["name"]) == (1, "taken", "Ana")


async def test_who_has_it_is_told_by_name(office: Any, inbox: Inbox) -> None:
    await office.handed_over()
    await inbox("take", ZOE)
    assert await inbox("take", ZOE, agent="bea") == (1, "", "Ana has this conversation. They can hand it back.\n")
    assert (await inbox("reply", ZOE, "hi", agent="bea")).err == "Ana has this conversation; ask them to hand it back.\n"
    await inbox("return", ZOE)
    await office.says("hello")
    status = await inbox("reply", id_of(ZOE, "phone"), "hi", agent="bea")
    assert (status.code, status.err) == (1, "You do not have it. `vaiven inbox take` first.\n")


async def test_only_at_the_version_that_was_seen(office: Any, inbox: Inbox) -> None:
    await office.handed_over()
    version = (await inbox("show", ZOE, "--json")).json["version"]
    await office.says("place")
    moved = await inbox("take", ZOE, "--if-version", str(version))
    assert moved.code == 1
    assert "Something has happened there meanwhile: it is at version" in moved.err
    version = (await inbox("show", ZOE, "--json")).json["version"]
    assert (await inbox("take", ZOE, "--if-version", str(version))).code == 0


async def test_the_same_key_says_it_once(office: Any, inbox: Inbox) -> None:
    await office.handed_over()
    await inbox("take", ZOE)
    for _ in range(2):
        assert (await inbox("reply", ZOE, "once", "--key", "k1")).out == "Said.\n"
    assert [row.message.text for row in await office.rows()].count("once") == 1


async def test_saved_replies_and_templates(office: Any, inbox: Inbox) -> None:
    await office.handed_over()
    await inbox("take", ZOE)
    assert (await inbox("replies", "--lang", "es")).out == "hello\n  Hola.\nback  (template we_are_back)\n  Hello {{1}}, news.\n"
    assert [one["name"] for one in (await inbox("replies", "--json")).json["replies"]] == ["hello", "back"]
    assert (await inbox("reply", ZOE, "--saved", "hello")).code == 0
    assert "Hello." in [row.message.text for row in await office.rows()]
    unknown = await inbox("reply", ZOE, "--saved", "helo")
    assert (unknown.code, "Did you mean 'hello'?" in unknown.err) == (2, True)
    few = await inbox("reply", ZOE, "--saved", "back")
    assert (few.code, "'back' has 1 blanks" in few.err) == (2, True)
    sms = await inbox("reply", ZOE, "--saved", "back", "--value", "Zoe")
    assert (sms.code, "no templates" in sms.err) == (1, True)
    for wrong in (("reply", ZOE), ("reply", ZOE, "hi", "--saved", "hello"), ("reply", ZOE, "hi", "--value", "x")):
        assert (await inbox(*wrong)).code == 2


async def test_what_people_write_cannot_act_on_the_terminal(office: Any, inbox: Inbox) -> None:
    await office.handed_over()
    await inbox("take", ZOE)
    await office.says(ESCAPES)
    await inbox("note", ZOE, "\x1b[2J note")
    for args in (("show", ZOE), ("list",), ("show", ZOE, "--json")):
        told = await inbox(*args)
        assert told.code == 0
        assert told.out.isascii()
        assert all(one.isprintable() or one == "\n" for one in told.out)
    shown = (await inbox("show", ZOE)).out
    assert r"them: \x1b[31mred\x1b]0;owned\x07 \u202egnp.exe" in shown
    assert "\n             second line\n" in shown


async def test_an_address_that_is_not_in_the_list(office: Any, inbox: Inbox) -> None:
    await office.handed_over()
    told = await inbox("show", YAN)
    assert (told.code, "Nobody of the address" in told.err) == (2, True)
    unknown = await inbox("show", "bm9uZQ")
    assert (unknown.code, "No such conversation" in unknown.err) == (1, True)
    assert (await inbox("show", "../me")).code == 1


async def test_without_a_token_or_with_a_wrong_one(inbox: Inbox, tmp_path: Path) -> None:
    nothing = await inbox("list", agent="")
    assert (nothing.code, "set VAIVEN_TOKEN, or name its file" in nothing.err) == (3, True)
    wrong = await inbox("list", agent="vvn_000000000000_guess")
    assert (wrong.code, "does not take this token" in wrong.err) == (3, True)
    odd = await inbox("list", agent="two words")
    assert (odd.code, "that is no token" in odd.err) == (3, True)
    assert "guess" not in nothing.err + wrong.err


async def test_the_token_in_a_file(office: Any, inbox: Inbox, tmp_path: Path) -> None:
    (tmp_path / "token").write_text(office.tokens["ana"] + "\n")
    assert (await inbox("list", "--token-file", str(tmp_path / "token"), agent="")).out == "No conversations.\n"


async def test_where_nobody_serves(inbox: Inbox) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    told = await inbox("list", "--server", f"http://127.0.0.1:{port}")
    assert told.code == 3
    cure = "Start the bot with `vaiven run`, or say where it is: --server URL, or VAIVEN_SERVER"
    assert told.err == f"nobody serves at http://127.0.0.1:{port}. {cure}\n"


@pytest.mark.parametrize("server", ["ftp://help.example", "help.example", "https://", "https://u@help.example", "http://[::1"])
def test_what_is_no_address(server: str) -> None:
    with pytest.raises(CannotAsk, match="no address of a server"):
        Client(server, "vvn_a_b")


def test_a_token_goes_in_the_clear_to_this_machine_only() -> None:
    with pytest.raises(CannotAsk, match="not https"):
        Client("http://help.example", "vvn_a_b")
    assert Client("https://help.example/", "vvn_a_b").server == "https://help.example"


async def serving(*answers: bytes) -> tuple[asyncio.Server, list[bytes], str]:
    """A server that gives these answers, one a connection, and keeps what it was asked."""
    left, asked = list(answers), []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(left.pop(0))
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    return server, asked, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


def response(status: str, body: str = "{}", headers: str = "") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{headers}Connection: close\r\n\r\n{body}".encode()


async def test_what_may_have_been_done_is_asked_again_under_the_same_key() -> None:
    stored, gone = (
        response("202 Accepted", '{"id": "x", "stored": true}'),
        response("503 Busy", '{"code": "store", "detail": "Later."}'),
    )
    server, asked, url = await serving(stored, b"", gone, response("200 OK", '{"number": 1}'))
    pauses: list[float] = []
    async with server:
        told = await asyncio.to_thread(Client(url, "vvn_a_b", pauses.append).act, "x", "take", "one-key")
    assert (told, pauses) == ({"number": 1}, list(PAUSES_S))
    assert [b"Idempotency-Key: one-key" in each.replace(b"-key:", b"-Key:") for each in asked] == [True] * 4


async def test_a_redirect_does_not_get_the_token() -> None:
    other, asked_other, elsewhere = await serving(response("200 OK"))
    server, _, url = await serving(response("302 Found", headers=f"Location: {elsewhere}/\r\n"))
    async with server, other:
        with pytest.raises(CannotAsk, match="not as vaiven does"):
            await asyncio.to_thread(Client(url, "vvn_a_b").read, "/me")
    assert asked_other == []


async def test_somebody_else_answers_there() -> None:
    server, _, url = await serving(response("200 OK", "<html>"))
    async with server:
        with pytest.raises(CannotAsk, match="is it the right address"):
            await asyncio.to_thread(Client(url, "vvn_a_b").read, "/me")
