"""A conversation in the demo, at its door: recorded, replayed, made into a test, and seen to fail on a flow broken on purpose."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

import vaiven

FRAMEWORK = Path(vaiven.__file__).parents[1]
ROOT = FRAMEWORK.parent
PHONE = "tel:+12025550101"
SAID = ["vote", "7", "anna", "rules", "2"]
PATIENCE_S = 60.0
ENV = {**os.environ, "PYTHONPATH": str(FRAMEWORK), "PYTHONUNBUFFERED": "1"}


class Demo:
    """``vaiven demo`` as somebody sees it who has its page open."""

    def __init__(self, printed: Path, folder: Path) -> None:
        command = [sys.executable, "-m", "vaiven", "demo", "--no-crowd", "--port", "0", "--bot", "tv_vote", "--db", str(folder)]
        with printed.open("w") as out:
            self.process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, env=ENV)
        self.base, self.token = self._address(printed)
        self.phone = f"{self.base}/tv_vote/console/phones/{quote(PHONE, safe='')}"

    def _address(self, printed: Path) -> tuple[str, str]:
        until = time.monotonic() + PATIENCE_S
        while (found := re.search(r"(http://[^/\s]+)/#token=([^&\s]+)", printed.read_text())) is None:
            assert self.process.poll() is None, printed.read_text()
            assert time.monotonic() < until, printed.read_text()
            time.sleep(0.02)
        return found[1], found[2]

    def get(self, url: str) -> str:
        with urllib.request.urlopen(url, timeout=PATIENCE_S) as answer:
            told: str = answer.read().decode()
            return told

    def say(self, text: str) -> None:
        """Type it on the phone, and wait until its turn is done and what it says is there."""
        headers = {"Origin": self.base, "X-Vaiven-Token": self.token, "Content-Type": "application/json"}
        request = urllib.request.Request(f"{self.phone}/messages", json.dumps({"text": text}).encode(), headers)
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
            (accepted,) = json.loads(answer.read())["accepted"]
        until = time.monotonic() + PATIENCE_S
        while all(turn["number"] != accepted["number"] for turn in json.loads(self.get(f"{self.phone}.json"))["turns"]):
            assert time.monotonic() < until
            time.sleep(0.02)

    def stop(self) -> None:
        self.process.send_signal(signal.SIGINT)
        assert self.process.wait(PATIENCE_S) == 0


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "demo" / "tv_vote.db"


@pytest.fixture
def demo(tmp_path: Path, file: Path) -> Iterator[Demo]:
    running = Demo(tmp_path / "demo.txt", file.parent)
    yield running
    if running.process.poll() is None:
        running.process.kill()
        running.process.wait()


def vaiven_says(here: Path, *command: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "vaiven", *command], cwd=here, env=ENV, capture_output=True, text=True, timeout=PATIENCE_S
    )
    return done.returncode, done.stdout + done.stderr


def test_a_conversation_of_the_demo_becomes_a_test_that_finds_a_broken_flow(demo: Demo, tmp_path: Path, file: Path) -> None:
    for text in SAID:
        demo.say(text)

    # Recorded: by the page's "Save as test", and by the command, while the demo runs.
    saved = demo.get(f"{demo.phone}.test.yaml")
    assert [line.partition("me: ")[2].strip('"') for line in saved.splitlines() if "me: " in line] == SAID
    (params,) = re.findall(r"^params: \{(.*)\}$", saved, re.MULTILINE)
    given = [f"--param={name}={value}" for name, value in re.findall(r'(\w+): "?([^",}]+)"?', params)]
    store = ["--bot", str(ROOT / "bots/tv_vote"), "--store", f"sqlite:///{file}"]
    assert vaiven_says(tmp_path, "test", "--record", PHONE, *store, *given) == (0, saved)

    # Replayed, from history alone.
    code, told = vaiven_says(tmp_path, "replay", PHONE, *store, *given)
    assert code == 0, told
    assert told.endswith("5 turns: all as recorded.\n")
    assert "> Vote 2 of 10 for Bea & Tom counted.\n" in told
    demo.stop()
    assert vaiven_says(tmp_path, "replay", PHONE, *store, *given) == (0, told)

    # A test that holds.
    for folder in ("bots/tv_vote", "flows/tv_vote"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("*.test.yaml", "*.db*", "__pycache__"))
    (tmp_path / "flows/tv_vote/saved.test.yaml").write_text(saved)
    code, told = vaiven_says(tmp_path, "test")
    assert (code, told.splitlines()[0]) == (0, "ok      flows/tv_vote/saved.test.yaml  1 talk"), told

    # The flow, broken on purpose: a number means the act before it.
    flow = tmp_path / "flows/tv_vote/vote.flow.yaml"
    broken = flow.read_text().replace('option: "{pick.id}"', "option: anna")
    assert broken != flow.read_text()
    broken = broken.replace("Vote {count.cast} of", "Vote {count.left} of")
    flow.write_text(broken)
    assert vaiven_says(tmp_path, "check", "flows")[0] == 0, "what is wrong with it no check can see"
    code, told = vaiven_says(tmp_path, "test")
    assert code == 1, told
    line = 1 + next(number for number, each in enumerate(saved.splitlines()) if "Vote 1 of 10" in each)
    assert f"flows/tv_vote/saved.test.yaml:{line}:" in told
    assert "wanted Vote 1 of 10 for Anna & Luca counted." in told
    assert "real Vote 9 of 10 for Anna & Luca counted." in told
    where = 1 + next(number for number, each in enumerate(broken.splitlines()) if each.strip() == "pick:")
    assert f"stands at  pick of tv-vote  (flows/tv_vote/vote.flow.yaml:{where})" in told

    # And taken through the edited flow, it is the one conversation of the day that would differ.
    code, told = vaiven_says(tmp_path, "replay", "--against", "flows/tv_vote", "--fail", *store, *given)
    assert (code, told.splitlines()[0]) == (1, "1 person, 5 turns: the conversations of 1 person would differ."), told
