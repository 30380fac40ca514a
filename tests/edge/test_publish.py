"""``vaiven diff`` and ``vaiven publish``: on a file that nobody serves, and beside the process that serves from it."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import vaiven
from vaiven.edge.cli import run

BOT = "bot: hello\nflows: ../../flows/hello\nchannels: {phone: {type: simulator}}\nstore: sqlite:///hello.db\n"
FLOW = """\
flow: hello
version: 1
starts: [{keyword: [hello]}]
steps:
  name: {ask: What name?, as: {text: {max: 40}}}
  done: {end: "Hello {name}.", outcome: done}
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "bots/hello").mkdir(parents=True)
    (tmp_path / "flows/hello").mkdir(parents=True)
    (tmp_path / "bots/hello/bot.yaml").write_text(BOT)
    (tmp_path / "flows/hello/hello.flow.yaml").write_text(FLOW)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def serving(project: Path) -> Iterator[subprocess.Popen[str]]:
    """``vaiven run`` as a process of its own."""
    command = [sys.executable, "-m", "vaiven", "run", "bots/hello", "--port", "0"]
    environment = {**os.environ, "PYTHONPATH": str(Path(vaiven.__file__).parents[1])}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=project, env=environment)
    assert process.stdout is not None
    assert "hello on http" in process.stdout.readline()
    yield process
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=20)


def edit(project: Path, old: str, new: str) -> None:
    file = project / "flows/hello/hello.flow.yaml"
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def told(capsys: pytest.CaptureFixture[str], *command: str) -> tuple[int, dict]:
    code = run([*command, "bots/hello", "--json"])
    return code, json.loads(capsys.readouterr().out)


def test_a_publish_without_a_store_says_how_there_will_be_one(project, capsys) -> None:
    assert run(["publish", "bots/hello"]) == 3
    assert "hello.db" in capsys.readouterr().err


@pytest.mark.crash
def test_a_serving_process_takes_up_what_is_published(project, serving, capsys) -> None:
    assert told(capsys, "publish") == (0, {"published": []})
    edit(project, "What name?", "What is your name?")
    code, found = told(capsys, "diff")
    (flow,) = found["flows"]
    assert (code, flow["change"], flow["changes"]) == (0, "text", [{"what": "step name", "how": "text"}])
    assert run(["diff", "bots/hello"]) == 0
    assert "hello: text only: everyone has it at once\n  text     step name\n" in capsys.readouterr().out
    code, found = told(capsys, "publish")
    assert (code, [each["flow"] for each in found["published"]]) == (0, ["hello"])
    assert told(capsys, "diff")[1]["flows"][0]["change"] == "same"
    edit(project, "max: 40", "max: 400000")
    edit(project, "ask:", "aks:")
    assert run(["publish", "bots/hello"]) == 1
    said = capsys.readouterr().err
    assert "Did you mean 'ask'?" in said
    assert "nothing was published" in said
    assert serving.poll() is None


@pytest.mark.crash
def test_one_that_does_not_serve_any_more_leaves_the_file_to_us(project, serving, capsys) -> None:
    serving.send_signal(signal.SIGINT)
    for _ in range(200):
        if serving.poll() is not None:
            break
        time.sleep(0.05)
    edit(project, "max: 40", "max: 20")
    code, found = told(capsys, "diff")
    assert (code, found["flows"][0]["change"]) == (0, "shape")
    assert told(capsys, "publish")[1]["published"][0]["flow"] == "hello"
