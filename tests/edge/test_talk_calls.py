"""``vaiven talk`` really makes the calls of a flow: a bot's folder, a server on this machine, typed lines."""

import io
import json
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from vaiven.edge.cli import main

FLOW = """
flow: desk
version: 1
lang: en
starts: [{keyword: [get]}, {keyword: [act], go: act}, {keyword: [slow], go: slow}, {keyword: [far], go: far}]
steps:
  get: {call: {get: "{params.api}/get"}, retries: 2, then: again, fail: failed}
  again: {call: {post: "{params.api}/post", json: {code: "{get.code}"}}, then: said, fail: failed}
  said: {end: "Answer {get.code}, {again.code}."}
  act: {call: desk.ticket, with: {text: Hello}, then: acted, fail: failed}
  acted: {end: "Ticket {act.code}."}
  slow: {call: {post: "{params.api}/fail"}, retries: 2, then: failed, fail: failed}
  far: {call: {get: "https://169.254.169.254/latest"}, then: failed, fail: failed}
  failed: {end: "It failed."}
"""
BOT = """
bot: desk
flows: ../../flows/desk
params: {{api: "http://127.0.0.1:{port}"}}
calls: {{allow: ["127.0.0.1"]}}
channels: {{phone: {{type: simulator}}}}
"""
ACTIONS = """
from vaiven import action

@action("desk.ticket")
async def ticket(text: str) -> dict[str, str]:
    return {"code": f"{text} T1"}
"""


class Desk(BaseHTTPRequestHandler):
    asked: list[str] = []

    def do_GET(self) -> None:
        self.asked.append(f"{self.command} {self.path}")
        fails = self.path == "/fail" or len(self.asked) == 1
        body = json.dumps({"code": f"K{len(self.asked)}"}).encode()
        self.send_response(500 if fails else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        self.do_GET()

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def flow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setattr(Desk, "asked", [])
    server = ThreadingHTTPServer(("127.0.0.1", 0), Desk)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    for folder in ("flows/desk", "bots/desk"):
        (tmp_path / folder).mkdir(parents=True)
    file = tmp_path / "flows/desk/desk.flow.yaml"
    file.write_text(FLOW)
    (tmp_path / "bots/desk/bot.yaml").write_text(BOT.format(port=server.server_address[1]))
    (tmp_path / "bots/desk/actions.py").write_text(ACTIONS)
    yield file
    server.shutdown()
    server.server_close()


@pytest.fixture
def talked(flow: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[[str], list[str]]:
    def talk(lines: str) -> list[str]:
        monkeypatch.setattr(sys, "stdin", io.StringIO(lines))
        monkeypatch.setattr(sys, "argv", ["vaiven", "talk", str(flow)])
        with pytest.raises(SystemExit) as ended:
            main()
        told = capsys.readouterr()
        assert not ended.value.code, told
        return [line for line in told.out.splitlines() if line]

    return talk


def test_calls_are_made_until_there_are_none(talked: Callable[[str], list[str]]) -> None:
    told = talked("get\n")
    assert [line.replace(line[line.find("127.0.0.1") : line.find(": ", 20)], "here") for line in told[1:3]] == [
        "     (GET here: 200)",
        "     (POST here: 200)",
    ]
    assert told[3:] == ["bot> Answer K2, K3."]
    assert Desk.asked == ["GET /get", "GET /get", "POST /post"], "the first one failed, and was made again"


def test_what_may_have_been_done_is_not_done_again(talked: Callable[[str], list[str]]) -> None:
    told = talked("slow\n")
    assert told[-1] == "bot> It failed."
    assert told[-2].endswith(": http 500)")
    assert Desk.asked == ["POST /fail"]


def test_actions_of_the_bot_are_run(talked: Callable[[str], list[str]]) -> None:
    assert talked("act\n")[1:] == ["     (desk.ticket: done)", "bot> Ticket Hello T1."]


def test_calls_may_go_only_where_the_bot_lets_them(talked: Callable[[str], list[str]]) -> None:
    assert talked("far\n")[1:] == ["     (GET 169.254.169.254: forbidden)", "bot> It failed."]
