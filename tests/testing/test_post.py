"""``python -m vaiven.testing.post``: a signed text message to a bot that serves, by the bot's own settings."""

import http.server
import threading
from collections.abc import Iterator
from urllib.parse import parse_qs

import pytest

from vaiven.channels.signing import sign_twilio
from vaiven.testing.post import main

ENV = {"PUBLIC_URL": "https://bot.example/", "TWILIO_ACCOUNT_SID": "AC1", "TWILIO_AUTH_TOKEN": "secret"}


class Door(http.server.BaseHTTPRequestHandler):
    """Takes what is signed by the right token."""

    seen: dict[str, list[str]]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        type(self).seen = parse_qs(body)
        fields = {name: value for name, (value,) in self.seen.items()}
        signed = sign_twilio("https://bot.example/hooks/sms", fields, "secret")
        self.send_response(200 if self.headers["X-Twilio-Signature"] == signed else 403)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def url(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    for name, value in ENV.items():
        monkeypatch.setenv(name, value)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Door)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}/hooks/sms"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_message_is_signed_for_the_public_address(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([url, "+12025550123", "hello you", "--id", "SM7"]) == 0
    assert capsys.readouterr().out == "200\n"
    assert {name: Door.seen[name] for name in ("From", "To", "Body", "MessageSid", "AccountSid")} == {
        "From": ["+12025550123"],
        "To": ["+12025550100"],
        "Body": ["hello you"],
        "MessageSid": ["SM7"],
        "AccountSid": ["AC1"],
    }


def test_each_message_is_another_unless_it_is_said(url: str) -> None:
    ids = []
    for _ in range(2):
        main([url, "+12025550123", "hello"])
        ids += Door.seen["MessageSid"]
    assert len(set(ids)) == 2


def test_a_refusal_is_told(url: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TWILIO_AUTH_TOKEN", "guessed")
    assert main([url, "+12025550123", "hello"]) == 1
    assert capsys.readouterr().out == "403\n"


def test_nobody_there(capsys: pytest.CaptureFixture[str], url: str) -> None:
    assert main(["http://127.0.0.1:1/hooks/sms", "+12025550123", "hello"]) == 1
    assert "does not answer" in capsys.readouterr().err


def test_what_is_missing_is_told(capsys: pytest.CaptureFixture[str], url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TWILIO_AUTH_TOKEN")
    monkeypatch.delenv("PUBLIC_URL")
    with pytest.raises(SystemExit, match="2"):
        main([url, "+12025550123", "hello"])
    assert "PUBLIC_URL, TWILIO_AUTH_TOKEN" in capsys.readouterr().err
    monkeypatch.setenv("TWILIO_AUTH_TOKEN", "x")
    monkeypatch.setenv("PUBLIC_URL", "x")
    with pytest.raises(SystemExit, match="2"):
        main(["file:///etc/hosts", "+12025550123", "hello"])
