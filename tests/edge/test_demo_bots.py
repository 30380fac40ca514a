"""The demo at its doors: what the start page says to say works on every bot, each with its own file, prefix and pages."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

import vaiven
from vaiven.edge.cli.serve import DEMO_BOTS
from vaiven.edge.demo_bots import BOTS

FRAMEWORK = Path(vaiven.__file__).parents[1]
ENV = {**os.environ, "PYTHONPATH": str(FRAMEWORK), "PYTHONUNBUFFERED": "1"}
PHONE = "tel:+12025550101"
PATIENCE_S = 60.0


class Demo:
    """A running demo, its base address and what it printed."""

    def __init__(self, *options: str) -> None:
        command = [sys.executable, "-m", "vaiven", "demo", "--port", "0", "--no-crowd", *options]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=ENV)
        assert self.process.stdout is not None
        self.told = ""
        while "Ctrl-C" not in self.told:
            line = self.process.stdout.readline()
            assert line, self.told
            self.told += line
        found = re.search(r"(http://\S+)/#token=([^&\s]+)(?:&inbox=(\S+))?", self.told)
        assert found is not None
        self.base, self.token, self.agent = found[1], found[2], found[3]

    def ask(self, path: str, body: object = None, **headers: str) -> tuple[int, Any]:
        data = None if body is None else json.dumps(body).encode()
        sent = {"Content-Type": "application/json", **{name.replace("_", "-"): value for name, value in headers.items()}}
        try:
            with urllib.request.urlopen(urllib.request.Request(self.base + path, data, sent), timeout=PATIENCE_S) as answer:
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as refused:
            with refused:
                return refused.code, json.loads(refused.read() or b"null")

    def say(self, bot: str, text: str) -> list[str]:
        """Everything that the bot has said on this phone, once it has answered this."""
        phone = f"/{bot}/console/phones/{quote(PHONE, safe='')}"
        before = len(self.replies(phone))
        status, _ = self.ask(phone + "/messages", {"text": text}, Origin=self.base, X_Vaiven_Token=self.token)
        assert status == 202
        until = time.monotonic() + PATIENCE_S
        while len(said := self.replies(phone)) == before:
            assert time.monotonic() < until, (text, said)
            time.sleep(0.02)
        return said

    def replies(self, phone: str) -> list[str]:
        _, seen = self.ask(phone + ".json")
        return [each["text"] for each in seen["messages"] if each["direction"] == "out"]

    def stop(self) -> int:
        self.process.send_signal(signal.SIGINT)
        try:
            return self.process.wait(PATIENCE_S)
        finally:
            self.process.kill()
            assert self.process.stdout is not None
            self.process.stdout.close()


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Demo]:
    running = Demo("--db", str(tmp_path / "kept"))
    yield running
    running.stop()


ENDS = {"tv_vote": "You are unsubscribed", "support": "You are number 1.", "booking": "Your code is"}
"""What the last of a bot's suggested words leads to."""


def test_what_the_start_page_suggests_leads_through_every_bot(demo: Demo, tmp_path: Path) -> None:
    status, page = demo.ask("/index.json")
    assert (status, [bot["name"] for bot in page["bots"]]) == (200, [bot.name for bot in BOTS])
    for bot in page["bots"]:
        for text in bot["say"]:
            said = demo.say(bot["name"], text)
        assert ENDS[bot["name"]] in "\n".join(said[-2:]), said
        for text in bot["say"]:
            assert text in demo.told

    # Each has its own file, its own numbers, and its own part of the people's and the books' pages.
    assert {file.name for file in (tmp_path / "kept").glob("*.db")} == {f"{bot.name}.db" for bot in BOTS}
    assert demo.ask("/booking/console/bookings.json")[1]["days"][0]["bookings"][0]["people"] == 4
    assert demo.ask("/support/console/bookings.json")[0] == 404
    assert [poll["counted"] for poll in demo.ask("/tv_vote/console/votes.json")[1]["polls"]] == [2]
    assert demo.ask("/booking/console/votes.json")[1]["polls"] == []
    for bot in BOTS:
        assert demo.ask(f"/{bot.name}/health/ready") == (200, {"ready": True})


def test_the_api_and_the_inbox_are_the_support_bots(demo: Demo) -> None:
    for text in ("SUPPORT", "person"):
        demo.say("support", text)
    status, found = demo.ask("/v1/conversations", Authorization=f"Bearer {demo.agent}")
    assert (status, [each["state"] for each in found["conversations"]]) == (200, ["waiting"])
    assert demo.ask("/v1/conversations")[0] == 401
    assert f'curl -H "Authorization: Bearer {demo.agent}" {demo.base}/v1/conversations' in demo.told
    with urllib.request.urlopen(demo.base + "/inbox/", timeout=PATIENCE_S) as page:
        assert page.status == 200


@pytest.mark.parametrize("path", ["/", "/index.json", "/start/start.js", "/support/console/index.json"])
def test_a_foreign_host_sees_nothing_of_it(demo: Demo, path: str) -> None:
    status, said = demo.ask(path, Host="evil.example")
    assert (status, list(said)) == (403, ["error"])


def test_a_second_demo_on_its_files_is_told_and_a_later_one_goes_on_with_a_new_token(demo: Demo, tmp_path: Path) -> None:
    demo.say("booking", "BOOK")
    again = ["--port", "0", "--db", str(tmp_path / "kept")]
    second = subprocess.run(
        [sys.executable, "-m", "vaiven", "demo", *again], capture_output=True, text=True, timeout=PATIENCE_S, env=ENV, check=False
    )
    assert (second.returncode, second.stdout) == (3, "")
    assert "another process serves from this file" in second.stderr
    assert "Traceback" not in second.stderr
    assert demo.stop() == 0

    later = Demo("--db", str(tmp_path / "kept"))
    try:
        assert "Which day?" in later.say("booking", "3")[-1]
        assert later.ask("/v1/me", Authorization=f"Bearer {demo.agent}")[0] == 401, "an earlier demo's token counts no more"
        assert later.ask("/v1/me", Authorization=f"Bearer {later.agent}")[0] == 200
    finally:
        assert later.stop() == 0


def test_only_one_bot_is_served_where_that_is_asked_for(tmp_path: Path) -> None:
    demo = Demo("--db", str(tmp_path), "--bot", "booking")
    try:
        assert [bot["name"] for bot in demo.ask("/index.json")[1]["bots"]] == ["booking"]
        assert demo.agent is None
        with pytest.raises(json.JSONDecodeError):
            demo.ask("/tv_vote/console/index.json")
        links = demo.ask("/booking/console/index.json")[1]["links"]
        assert [link["href"] for link in links] == ["/", "/booking/console/"]
    finally:
        assert demo.stop() == 0
    assert {file.name for file in tmp_path.glob("*.db")} == {"booking.db"}


def test_its_files_stand_in_a_folder(tmp_path: Path) -> None:
    file = tmp_path / "votes.db"
    file.touch()
    done = subprocess.run(
        [sys.executable, "-m", "vaiven", "demo", "--db", str(file), "--port", "0"],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        env=ENV,
        check=False,
    )
    assert done.returncode == 2
    assert "is a file" in done.stderr


def test_the_command_knows_every_bot_of_the_demo() -> None:
    assert [bot.name for bot in BOTS] == DEMO_BOTS
