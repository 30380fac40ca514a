"""``docs/inbox.md`` and ``docs/bots/support.md``: every command they show runs as shown, on the support bot as it is."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from vaiven.edge.settings import read_settings

PAGES = ("docs/inbox.md", "docs/bots/support.md")
PATIENCE_S = 60
PHONE = "tel%3A%2B12025550101"
NAMES = 'vaiven() { "$PYTHON" -m vaiven.edge.cli "$@"; }\npython() { "$PYTHON" "$@"; }\nset -e\n'
SERVERS = ("vaiven dev ", "vaiven run ")


def pairs(text: str) -> list[tuple[str, str]]:
    """Each command of a block with what the page says it prints."""
    found = re.split(r"^\$ (.*)\n", text, flags=re.MULTILINE)[1:]
    return list(zip(found[::2], found[1::2], strict=True))


def as_pattern(expected: str) -> re.Pattern[str]:
    """``…`` alone on a line stands for any lines, in a line for any characters; ports of a server are whatever was free."""
    lines = [
        r"(?:.*\n)*?" if line == "…" else re.sub(r":80\d\d", r":\\d+", re.escape(line)).replace("…", r"[^\n]*?") + r"\n"
        for line in expected.splitlines()
    ]
    return re.compile("".join(lines))


class Served:
    """A command that stays, until it is interrupted."""

    def __init__(self, command: str, folder: Path, env: dict[str, str]) -> None:
        self.printed = folder / "served.txt"
        with self.printed.open("w") as out:
            arguments = [sys.executable, "-m", "vaiven.edge.cli", *command.split()[1:]]
            self._process = subprocess.Popen(arguments, cwd=folder, env=env, stdout=out, stderr=subprocess.STDOUT)

    def shows(self, pattern: re.Pattern[str]) -> str:
        until = time.monotonic() + PATIENCE_S
        while not pattern.fullmatch(told := self.printed.read_text()):
            assert time.monotonic() < until, told
            assert self._process.poll() is None, told
            time.sleep(0.02)
        return told

    def stop(self) -> None:
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
        assert self._process.wait(PATIENCE_S) == 0


Serve = Callable[[str], Served]


@pytest.fixture
def folder(tmp_path: Path, root: Path) -> Path:
    """What a reader has: the bots and the flows."""
    for name in ("bots", "flows"):
        shutil.copytree(root / name / "support", tmp_path / name / "support")
    return tmp_path


@pytest.fixture
def env(root: Path) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(root / "framework"), "PYTHON": sys.executable, "PYTHONUNBUFFERED": "1"}


@pytest.fixture
def serve(folder: Path, env: dict[str, str]) -> Iterator[Serve]:
    served: list[Served] = []

    def start(command: str) -> Served:
        ports = " --port 0 --console-port 0" if command.startswith("vaiven dev ") else " --port 0"
        served.append(Served(command + ports, folder, env))
        return served[-1]

    yield start
    for each in served:
        each.stop()


def bash(script: str, folder: Path, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["bash", "-c", NAMES + script], cwd=folder, env=env, capture_output=True, text=True, timeout=PATIENCE_S)


def types(console: str, *texts: str) -> None:
    """Somebody types these on the simulated phone, each when the last one was answered."""
    base, _, token = console.partition("/console/#token=")
    for text in texts:
        body = b'{"text": "%s"}' % text.encode()
        headers = {"Content-Type": "application/json", "Origin": base, "X-Vaiven-Token": token}
        with urlopen(Request(f"{base}/console/phones/{PHONE}/messages", body, headers)) as accepted:
            assert accepted.status == 202
        wait_for(base, text)


def wait_for(base: str, text: str) -> None:
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        with urlopen(f"{base}/console/phones/{PHONE}.json") as seen:
            if f'"{text}"' in seen.read().decode():
                return
        time.sleep(0.02)
    pytest.fail(f"{text!r} was not heard")


@pytest.mark.parametrize("name", PAGES)
def test_every_command_does_what_the_page_says(page: Any, name: str, folder: Path, env: dict[str, str], serve: Serve) -> None:
    done, console, lasting, server = 0, "", "", None
    if "inbox list" in page(name).text:
        open_all_hours(page(name).text, folder / "bots/support/bot.yaml")
    for block in page(name).blocks():
        if block.language != "console":
            continue
        for command, expected in pairs(block.text):
            done += 1
            if command.startswith(SERVERS):
                env |= exported(lasting)
                if server is not None:
                    server.stop()
                server = serve(command)
                told = server.shows(as_pattern(expected))
                console = next(iter(re.findall(r"http://\S+/console/#token=\S+", told)), "")
                here = re.findall(r"on (http://[\d.:]+)", told)[0]
                env["VAIVEN_SERVER"] = here
                continue
            if command == "vaiven inbox list":
                types(console, "support", "person")
            if "VAIVEN_SERVER=" in command:
                continue  # the port is another one here
            if command.startswith("export ") and "$(" not in command:
                lasting += command + "\n"
            came = bash(
                lasting + command + (' && printf %s "$VAIVEN_TOKEN" > token' if "VAIVEN_TOKEN" in command else ""), folder, env
            )
            assert came.returncode == 0, f"{command}\n{came.stderr}"
            assert as_pattern(expected).fullmatch(came.stdout + came.stderr), f"{command}\n{came.stdout}{came.stderr}"
            if (folder / "token").exists():
                env["VAIVEN_TOKEN"] = (folder / "token").read_text()
    assert done > 5


def open_all_hours(told: str, file: Path) -> None:
    """What the page tells its reader to set while they try."""
    (hours,) = set(re.findall(r"`(hours: \{support: \{mon-sun: [^`]+)`", told))
    text, changed = re.subn(r"^hours: .*$", lambda _: hours, file.read_text(), flags=re.MULTILINE)
    assert changed == 1
    file.write_text(text)


def exported(script: str) -> dict[str, str]:
    """Variables that a reader has set; what they fill in themselves is invented."""
    return dict(re.findall(r"(\w+)=(\S+)", script.replace("AC…", f"AC{'0' * 32}").replace("…", "0" * 32)))


def test_the_saved_replies_are_taken(page: Any, folder: Path) -> None:
    (replies,) = [block.text for block in page("docs/inbox.md").blocks() if block.language == "yaml"]
    file = folder / "bots/support/bot.yaml"
    text = re.sub(r"^replies:.*?(?=^\w)", lambda _: replies, file.read_text(), flags=re.MULTILINE | re.DOTALL)
    file.write_text(text)
    settings, problems = read_settings(file)
    assert settings is not None, problems
    assert {name: sorted(reply.texts) for name, reply in settings.replies.items()} == {
        "moment": [""],
        "greeting": ["en", "es"],
        "we_are_back": ["en"],
    }


def test_files_and_settings_that_the_page_names_are_there(page: Any, root: Path) -> None:
    text = page("docs/bots/support.md").section("# Customer support")
    for path in re.findall(r"`((?:bots|flows)/support/[\w.]+)`", text):
        assert (root / path).exists(), path
    settings, problems = read_settings(root / "bots/support")
    assert settings is not None, problems
    assert set(settings.params) == {"api", "site"}
