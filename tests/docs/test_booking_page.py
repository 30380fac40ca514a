"""``docs/bots/booking.md``: every command it shows runs as shown, on the bot as it is shipped; what it names is there."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from vaiven.edge.settings import read_settings

NAME = "docs/bots/booking.md"
PATIENCE_S = 60
PHONE = "tel%3A%2B12025550101"
TALK = {
    "book": "For how many",
    "4": "Which day",
    "tomorrow": "Which time",
    "20:00": "And the name",
    "Ana": "Shall I book it",
    "yes": "Booked at",
}


def as_pattern(expected: str) -> re.Pattern[str]:
    """``…`` alone on a line stands for any lines, in a line for any characters; ports are whatever was free."""
    lines = [
        r"(?:.*\n)*?" if line == "…" else re.sub(r":80\d\d", r":\\d+", re.escape(line)).replace("…", r"[^\n]*?") + r"\n"
        for line in expected.splitlines()
    ]
    return re.compile("".join(lines))


@pytest.fixture
def folder(tmp_path: Path, root: Path) -> Path:
    """What a reader has: the bot and its flows. It is open every day, so that this test is, too."""
    for name in ("bots", "flows"):
        shutil.copytree(root / name / "booking", tmp_path / name / "booking", ignore=shutil.ignore_patterns("__pycache__"))
    file = tmp_path / "bots/booking/bot.yaml"
    text, changed = re.subn(r"(?m)^  open: .*$", '  open: {mon-sun: "13:00-16:00, 20:00-23:30"}', file.read_text())
    assert changed == 1
    file.with_name("later.yaml").write_text(text)
    return tmp_path


@pytest.fixture
def served(folder: Path, root: Path) -> Iterator[dict[str, Any]]:
    """The server that the page starts, once it has."""
    found: dict[str, Any] = {"env": {**os.environ, "PYTHONPATH": str(root / "framework"), "PYTHONUNBUFFERED": "1"}}
    yield found
    if "process" in found:
        found["process"].send_signal(signal.SIGINT)
        assert found["process"].wait(PATIENCE_S) == 0


def start(command: list[str], expected: str, folder: Path, served: dict[str, Any]) -> str:
    (folder / "bots/booking/later.yaml").replace(folder / "bots/booking/bot.yaml")
    printed = folder / "served.txt"
    with printed.open("w") as out:
        line = [sys.executable, "-m", "vaiven", *command, "--port", "0", "--console-port", "0"]
        served["process"] = subprocess.Popen(line, cwd=folder, env=served["env"], stdout=out, stderr=subprocess.STDOUT)
    until = time.monotonic() + PATIENCE_S
    while not as_pattern(expected).fullmatch(told := printed.read_text()):
        assert time.monotonic() < until, told
        assert served["process"].poll() is None, told
        time.sleep(0.02)
    return re.findall(r"http://\S+/console/#token=\S+", told)[0]


def talk(console: str) -> None:
    """Somebody types what the page says, each when the last was answered."""
    base, _, token = console.partition("/console/#token=")
    for text, answer in TALK.items():
        headers = {"Content-Type": "application/json", "Origin": base, "X-Vaiven-Token": token}
        with urlopen(Request(f"{base}/console/phones/{PHONE}/messages", b'{"text": "%s"}' % text.encode(), headers)) as accepted:
            assert accepted.status == 202
        until = time.monotonic() + PATIENCE_S
        while answer not in (seen := urlopen(f"{base}/console/phones/{PHONE}.json").read().decode()):
            assert time.monotonic() < until, seen
            time.sleep(0.02)


def test_every_command_does_what_the_page_says(page: Any, folder: Path, served: dict[str, Any]) -> None:
    done = 0
    for block in page(NAME).blocks():
        if block.file is not None:
            (folder / block.file).write_text(block.text)
        found = re.split(r"^\$ vaiven (.*)\n", block.text, flags=re.MULTILINE)[1:] if block.language == "console" else []
        for command, expected in zip(found[::2], found[1::2], strict=True):
            done += 1
            if command.startswith("dev "):
                talk(start(command.split(), expected, folder, served))
                continue
            line = [sys.executable, "-m", "vaiven", *command.split()]
            came = subprocess.run(line, cwd=folder, env=served["env"], capture_output=True, text=True, timeout=PATIENCE_S)
            assert came.returncode == 0, f"{command}\n{came.stdout}{came.stderr}"
            assert as_pattern(expected).fullmatch(came.stdout + came.stderr), f"{command}\n{came.stdout}{came.stderr}"
    assert done == 9


def test_the_words_of_guests_are_those_of_the_flow(page: Any, root: Path) -> None:
    flow = (root / "flows/booking/booking.flow.yaml").read_text()
    told = [row for row in page(NAME).section("## Try it").splitlines() if row.startswith("| `")]
    words = {word for row in told for word in re.findall(r"`([A-Z]+)`", row.split("|")[1])}
    assert words == {word.upper() for found in re.findall(r"keyword: \[([^]]+)\]", flow) for word in re.split(r",\s*", found)}


def test_a_practice_is_set_as_it_is_shown(page: Any, root: Path, tmp_path: Path) -> None:
    (block,) = (each.text for each in page(NAME).blocks() if each.language == "yaml")
    head = f"bot: dental\nflows: {root / 'flows/booking'}\nzone: Europe/Madrid\nchannels: {{phone: {{type: simulator}}}}\n"
    (tmp_path / "bot.yaml").write_text(head + block)
    settings, problems = read_settings(tmp_path)
    assert settings is not None, problems
    assert {each["hours"] for each in settings.params["places"]} == set(settings.hours)


def test_every_setting_is_told(page: Any, root: Path) -> None:
    settings, _ = read_settings(root / "bots/booking")
    assert settings is not None
    told = set(re.findall(r"[a-z_]+", " ".join(re.findall(r"`([^`]+)`", page(NAME).prose()))))
    python = "".join(file.read_text() for file in (root / "bots/booking").glob("*.py"))
    assert told >= set(settings.params) | set(re.findall(r'(?:minutes|number)\("(\w+)"', python)) | {"hours", "seats", "label"}


def test_the_example_of_a_system_works(page: Any, tmp_path: Path, root: Path) -> None:
    (block,) = (each for each in page(NAME).blocks() if each.language == "python")
    (tmp_path / str(block.file)).write_text(block.text)
    line = [sys.executable, "-m", "pytest", "-q", "-o", "asyncio_mode=auto", "-p", "no:cacheprovider", str(block.file)]
    env = {**os.environ, "PYTHONPATH": str(root / "framework")}
    came = subprocess.run(line, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=PATIENCE_S)
    assert came.returncode == 0, came.stdout


def test_the_table_of_requests_is_the_fake_one_s(page: Any, root: Path) -> None:
    rows = [
        re.sub(r"`+", "`", row)
        for text in (
            page(NAME).section("## Your own booking system"),
            (root / "framework/vaiven/testing/bookings.py").read_text(),
        )
        for row in re.findall(r"^\| `+(?:GET|POST|DELETE) .*$", text, re.MULTILINE)
    ]
    requests = [re.findall(r"`((?:GET|POST|DELETE) [^`]+)`", row)[0] for row in rows]
    assert requests[:6] == requests[6:]
