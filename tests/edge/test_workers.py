"""A parent and its workers, as real processes: they start, die and are replaced, and none outlives the parent."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

FRAMEWORK = Path(__file__).parents[2] / "framework"
PATIENCE_S = 60.0

PROGRAM = """
import os, select, signal, sys, time
from vaiven.edge.workers import Workers

LOG = os.open(sys.argv[1], os.O_CREAT | os.O_WRONLY | os.O_APPEND)

def say(*words):
    os.write(LOG, (" ".join(map(str, words)) + "\\n").encode())

def child(number, tell, life):
    if os.path.exists(sys.argv[1] + f"-sick{number}"):
        say("sick", number)
        return 3
    told = []
    signal.signal(signal.SIGTERM, lambda *_: told.append("TERM"))
    signal.signal(signal.SIGINT, lambda *_: told.append("INT"))
    say("born", number, os.getpid())
    os.write(tell, b"1")
    while not told:
        try:
            if select.select([life], [], [], 0.05)[0]:
                told.append("orphan")
        except InterruptedError:
            pass
    say("told", number, os.getpid(), told[0])
    return 0

say("parent", os.getpid())
code = Workers(2, child, lambda: say("started")).run()
say("over", code)
sys.exit(code)
"""


class Rig:
    def __init__(self, folder: Path) -> None:
        self.log = folder / "log"
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(self.log)], env={"PYTHONPATH": str(FRAMEWORK)}, stderr=subprocess.DEVNULL
        )

    def lines(self, word: str) -> list[list[str]]:
        text = self.log.read_text() if self.log.exists() else ""
        return [line.split()[1:] for line in text.splitlines() if line.split()[0] == word]

    def until(self, word: str, count: int) -> list[list[str]]:
        end_s = time.monotonic() + PATIENCE_S
        while len(found := self.lines(word)) < count:
            assert time.monotonic() < end_s, self.log.read_text()
            time.sleep(0.01)
        return found

    def sicken(self, number: int) -> None:
        self.log.with_name(f"log-sick{number}").touch()

    def heal(self, number: int) -> None:
        self.log.with_name(f"log-sick{number}").unlink()


def gone(pid: str) -> bool:
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    return Path(f"/proc/{pid}/stat").read_text().split()[2] == "Z"


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    made = Rig(tmp_path)
    yield made
    if made.process.poll() is None:
        made.process.kill()
    made.process.wait()


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_is_passed_on_and_all_end(rig: Rig, how: signal.Signals) -> None:
    rig.until("started", 1)
    rig.process.send_signal(how)
    assert rig.process.wait(PATIENCE_S) == 0
    assert sorted(words[2] for words in rig.lines("told")) == [how.name.removeprefix("SIG")] * 2


def test_one_that_dies_is_started_again(rig: Rig) -> None:
    rig.until("started", 1)
    (number, pid), _ = rig.lines("born")
    os.kill(int(pid), signal.SIGKILL)
    born = rig.until("born", 3)
    assert born[-1][0] == number
    rig.process.terminate()
    assert rig.process.wait(PATIENCE_S) == 0
    assert len(rig.lines("told")) == 2


def test_they_are_replaced_one_after_the_other(rig: Rig) -> None:
    rig.until("started", 1)
    rig.process.send_signal(signal.SIGUSR1)
    rig.until("told", 2)
    born = rig.until("born", 4)
    order = [line.split()[:2] for line in rig.log.read_text().splitlines() if line.split()[0] in ("born", "told")][2:]
    assert order == [["born", "0"], ["told", "0"], ["born", "1"], ["told", "1"]], "a new one is there before the old one goes"
    assert {pid for _, pid in born[:2]} == {pid for _, pid, _ in rig.lines("told")}
    rig.process.terminate()
    assert rig.process.wait(PATIENCE_S) == 0


def test_when_a_new_one_cannot_start_the_old_ones_stay(rig: Rig) -> None:
    rig.until("started", 1)
    rig.sicken(0)
    rig.process.send_signal(signal.SIGUSR1)
    rig.until("sick", 1)
    rig.heal(0)
    assert rig.lines("told") == []
    while len(rig.lines("born")) < 3:  # one that comes before the sick one is buried is not heard
        rig.process.send_signal(signal.SIGUSR1)
        time.sleep(0.05)
    rig.until("told", 2)
    rig.process.terminate()
    assert rig.process.wait(PATIENCE_S) == 0


def test_if_the_very_first_cannot_start_nothing_does(tmp_path: Path) -> None:
    (tmp_path / "log-sick0").touch()
    rig = Rig(tmp_path)
    assert rig.process.wait(PATIENCE_S) == 3
    assert rig.lines("born") == []
    assert len(rig.lines("sick")) == 1, "told once, not by each of them"


def test_workers_do_not_outlive_their_parent(rig: Rig) -> None:
    rig.until("started", 1)
    rig.process.kill()
    told = rig.until("told", 2)
    assert {words[2] for words in told} == {"orphan"}
    end_s = time.monotonic() + PATIENCE_S
    while not all(gone(pid) for _, pid in rig.lines("born")):
        assert time.monotonic() < end_s
        time.sleep(0.01)
