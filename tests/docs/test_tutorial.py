"""The tutorial, done as it says: every fenced block of it is written or run, in order, by real processes in an empty folder."""

import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

PATIENCE_S = 60.0
SERVERS = ("vaiven run ", "python -m vaiven.testing.provider ")
"""Commands that stay: the reader leaves them in their terminal until Ctrl-C, which the page shows as ``^C``."""
READERS = ("cat ", "vaiven votes ")
"""Commands that only look. What they look for may be a moment away, so they are asked again for a while."""


def as_pattern(expected: str) -> re.Pattern[str]:
    """Expected output as a pattern: a line of only ``…`` stands for any lines or none, ``…`` in a line for any characters."""
    lines = [
        r"(?:.*\n)*?" if line.strip() == "…" else r"[^\n]*?".join(map(re.escape, line.split("…"))) + r"[ ]*\n"
        for line in expected.splitlines()
    ]
    return re.compile("".join(lines))


class Reader:
    """Somebody who follows a page: a folder, an environment, and terminals with servers in them."""

    def __init__(self, folder: Path, env: dict[str, str], ports: dict[str, str]) -> None:
        self.folder = folder
        self.env = env
        self.ports = ports
        self.servers: list[subprocess.Popen[bytes]] = []

    def do(self, block) -> None:
        text = block.text
        for written, free in self.ports.items():
            text = text.replace(written, free)
        if block.file is not None:
            (self.folder / block.file).write_text(text, "utf-8")
        elif block.language == "console":
            for command, expected in commands(text):
                self.run(command, expected)
        else:
            pytest.fail(f"line {block.line}: a {block.language} block has no file name above it, so nobody could follow it")

    def run(self, command: str, expected: str) -> None:
        if command.startswith("export "):
            name, _, value = command.removeprefix("export ").partition("=")
            self.env[name] = value
        elif command.startswith(SERVERS):
            self.serve(command, expected)
        else:
            self.finish(command, expected)

    def finish(self, command: str, expected: str) -> None:
        """A command that ends: what it prints is what the page says, all of it."""
        typed = "".join(f"{line.removeprefix('you> ')}\n" for line in expected.splitlines() if line.startswith("you> "))
        pattern, until = as_pattern(expected), time.monotonic() + PATIENCE_S
        while True:
            done = subprocess.run(
                shlex.split(command),
                cwd=self.folder,
                env=self.env,
                input=typed,
                text=True,
                capture_output=True,
                timeout=PATIENCE_S,
            )
            told = done.stdout + done.stderr
            if pattern.fullmatch(told):
                return
            if not command.startswith(READERS) or time.monotonic() > until:
                pytest.fail(f"$ {command}\nshould print\n{expected}\nbut prints\n{told}")
            time.sleep(0.05)

    def serve(self, command: str, expected: str) -> None:
        """A command that stays until Ctrl-C, or that says at once why it does not."""
        interrupted = expected.endswith("^C\n")
        pattern = as_pattern(expected.removesuffix("^C\n"))
        terminal, until = (
            self.folder.with_name(f"terminal-{len(list(self.folder.parent.iterdir()))}"),
            time.monotonic() + PATIENCE_S,
        )
        with terminal.open("w") as printed:
            server = subprocess.Popen(
                shlex.split(command), cwd=self.folder, env=self.env, stdout=printed, stderr=subprocess.STDOUT
            )
        self.servers.append(server)
        while not pattern.fullmatch(told := terminal.read_text("utf-8")):
            if time.monotonic() > until:
                pytest.fail(f"$ {command}\nshould print\n{expected}\nbut prints\n{told}")
            time.sleep(0.02)
        if interrupted:
            self.stop()

    def stop(self) -> None:
        """Ctrl-C in every terminal. What ended by itself has told why."""
        for server in self.servers:
            server.send_signal(signal.SIGINT)
            assert server.wait(PATIENCE_S) in (0, 3)
        self.close()

    def close(self) -> None:
        for server in self.servers:
            if server.poll() is None:
                server.kill()
                server.wait(PATIENCE_S)
        self.servers.clear()


def commands(text: str) -> Iterator[tuple[str, str]]:
    """Each command of a console block with the output that follows it."""
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        command, _, expected = part.partition("\n")
        yield command, expected


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
def reader(tmp_path: Path, root: Path) -> Iterator[Reader]:
    tools, folder = tmp_path / "tools", tmp_path / "work"
    tools.mkdir()
    folder.mkdir()
    for name, run in {"vaiven": "-m vaiven", "python": ""}.items():
        shim = tools / name
        shim.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} {run} "$@"\n')
        shim.chmod(0o755)
    env = {name: os.environ[name] for name in ("HOME", "LANG", "LC_ALL", "TMPDIR") if name in os.environ}
    env |= {
        "PATH": f"{tools}:{os.environ['PATH']}",
        "PYTHONPATH": str(root / "framework"),
        "PYTHONUNBUFFERED": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONWARNINGS": "ignore::DeprecationWarning",  # those of test plugins are none of the page's
    }
    # The page says 8080; here any free port must do.
    found = Reader(folder, env, {written: str(free_port()) for written in ("8080", "8090", "8070")})
    yield found
    found.close()


def test_the_tutorial_does_what_it_says(page, reader: Reader) -> None:
    for block in page("docs/tutorial.md").blocks():
        reader.do(block)
    reader.stop()


def test_output_that_differs_is_seen() -> None:
    assert as_pattern("a\n…\nb …\n").fullmatch("a\nx\ny\nb 7\n")
    assert as_pattern("a\n…\nb\n").fullmatch("a\nb\n")
    assert not as_pattern("a\nb\n").fullmatch("a\nb\nc\n")
    assert not as_pattern("b …\n").fullmatch("b\n7\n")
