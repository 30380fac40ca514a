"""``vaiven dev``: a real process, a person on one of its phones, and edits while they talk."""

import json
import os
import queue
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

import vaiven
from vaiven.edge.console.guard import ACT_HEADER
from vaiven.edge.dev import Watched, dress
from vaiven.edge.serve import SIMULATOR

FLOW = """\
flow: hello
version: 1
starts: [{keyword: [hello]}]
steps:
  name: {ask: What name?, as: {text: {max: 40}}, retry: [A name please.]}
  greet: {call: greeting, with: {name: "{name}"}, timeout: 5s, fail: done}
  done: {end: "{greet.text}", outcome: done}
"""
ACTIONS = """\
from vaiven import action

@action("greeting")
async def greeting(name: str) -> dict:
    return {"text": f"Hello {name}."}
"""
BOT = """\
bot: hello
flows: ../../flows/hello
channels: {sms: {type: twilio, from: "+12025550100", account: {env: A}, token: {env: B}}}
"""
PUBLIC = "public_url: {env: PUBLIC_URL}\n"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "bots/hello").mkdir(parents=True)
    (tmp_path / "flows/hello").mkdir(parents=True)
    (tmp_path / "bots/hello/bot.yaml").write_text(BOT + PUBLIC + "store: sqlite:///hello.db\n")
    (tmp_path / "bots/hello/actions.py").write_text(ACTIONS)
    (tmp_path / "flows/hello/hello.flow.yaml").write_text(FLOW)
    monkeypatch.chdir(tmp_path)
    return tmp_path


class Running:
    """``vaiven dev`` as a process of its own, with what it told."""

    def __init__(self, project: Path) -> None:
        command = [sys.executable, "-u", "-m", "vaiven", "dev", "bots/hello", "--port", "0", "--console-port", "0"]
        environment = {**os.environ, "PYTHONPATH": str(Path(vaiven.__file__).parents[1])}
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=project, env=environment
        )
        self.told: list[str] = []
        self._lines: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()
        page = self.until("phones   ")
        self.base, self.token = re.findall(r"(http://127.0.0.1:\d+)/console/#token=(\S+)", page)[0]
        self.until("Ctrl-C stops it.")

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(line.rstrip("\n"))

    def until(self, words: str) -> str:
        """The next line with these words in it."""
        while True:
            try:
                line = self._lines.get(timeout=20)
            except queue.Empty:
                raise AssertionError(f"never told {words!r}, but {self.told}") from None
            self.told.append(line)
            if words in line:
                return line

    def ask(self, path: str, body: dict | None = None) -> dict:
        headers = {ACT_HEADER: self.token, "Origin": self.base, "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(urllib.request.Request(f"{self.base}{path}", data, headers), timeout=20) as answer:
            return json.load(answer)

    def say(self, text: str, answer: str) -> None:
        """Type on a phone, and wait for the bot's answer."""
        self.ask("/console/phones/tel:+12025550123/messages", {"text": text})
        until = time.monotonic() + 20
        while answer not in (shown := json.dumps(self.ask("/console/phones/tel:+12025550123.json"))):
            assert time.monotonic() < until, shown
            time.sleep(0.02)


@pytest.fixture
def running(project: Path) -> Iterator[Running]:
    made = Running(project)
    yield made
    made.process.send_signal(signal.SIGINT)
    assert made.process.wait(timeout=20) == 0


def edit(project: Path, file: str, old: str, new: str) -> None:
    text = (project / file).read_text()
    assert old in text
    (project / file).write_text(text.replace(old, new))


@pytest.mark.crash
def test_edits_are_taken_up_while_somebody_talks(project, running) -> None:
    assert any("without  sms" in line for line in running.told)
    running.say("hello", "What name?")
    flow, bot = "flows/hello/hello.flow.yaml", "bots/hello"
    edit(project, flow, "What name?", "Which name?")
    running.until("hello: text only")
    running.until("1 on name: goes on, with the new words")
    edit(project, flow, "done: {end", "done: [{end")
    running.until("[yaml-bracket]")
    running.until("Not taken up: the bot goes on with the flows it has.")
    edit(project, flow, "done: [{end", "done: {end")
    running.until("Nothing that matters has changed.")
    running.say("hello", "Which name?")
    edit(project, f"{bot}/actions.py", "Hello {name}.", "Good day, {name}.")
    saved = time.monotonic()
    running.until("opened anew; conversations go on")
    running.until("It serves again.")
    assert time.monotonic() - saved < 10
    running.say("Ana", "Good day, Ana.")
    edit(project, f"{bot}/actions.py", "async def", "async deff")
    running.until("Not taken up: the bot goes on as it was.")
    edit(project, f"{bot}/actions.py", "async deff", "async def")
    running.until("It serves again.")
    edit(project, flow, "max: 40", "max: 20")
    running.until("hello: shape")


def test_channels_without_their_settings_are_left_out(project) -> None:
    dressed, problems = dress(Path("bots/hello"), {}, {})
    assert dressed is not None, problems
    assert (dressed.left_out, dressed.phone) == (("sms",), "phone")
    assert [each.type for each in dressed.settings.channels] == [SIMULATOR]
    environ = {"A": "AC00000000000000000000000000000001", "B": "secret", "PUBLIC_URL": "https://bot.example"}
    dressed, problems = dress(Path("bots/hello"), {}, environ)
    assert dressed is not None, problems
    assert (dressed.left_out, [each.name for each in dressed.settings.channels]) == ((), ["sms", "phone"])


def test_a_bot_that_is_wrong_is_told_with_every_problem(project) -> None:
    (project / "bots/hello/bot.yaml").write_text("bot: Hello\nflows: nowhere\n")
    dressed, problems = dress(Path("bots/hello"), {}, {})
    assert dressed is None
    assert {problem.code for problem in problems} >= {"wrong-setting", "no-flows"}


def test_what_was_saved_is_told_once(project) -> None:
    watched = Watched(Path("bots/hello"), project / "flows/hello")
    assert watched.changed() == ([], [])
    edit(project, "flows/hello/hello.flow.yaml", "What name?", "Which?")
    (project / "flows/hello/hello.es.yaml").write_text("name.ask: ¿Nombre?\n")
    (project / "bots/hello/helper.py").write_text("")
    own, theirs = watched.changed()
    assert ([file.name for file in own], [file.name for file in theirs]) == (["helper.py"], ["hello.es.yaml", "hello.flow.yaml"])
    assert watched.changed() == ([], [])
    (project / "flows/hello/hello.flow.yaml").unlink()
    assert [file.name for file in watched.changed()[1]] == ["hello.es.yaml", "hello.flow.yaml"]
