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
SERVERS = ("vaiven run ", "vaiven dev ", "python -m vaiven.testing.provider ")
"""Commands that stay: the reader leaves them in their terminal until Ctrl-C, which the page shows as ``^C``."""
READERS = ("cat ",)
"""Commands that only look. What they look for may be a moment away, so they are asked again for a while."""
PAUSES = re.compile(r"^ *- wait: \d+s\n", re.MULTILINE)
"""A recording tells them between two messages: a busy machine makes some that no reader does."""
PORTS = {"vaiven run ": {"--port": "8080"}, "vaiven dev ": {"--port": "8080", "--console-port": "8081"}}
"""What a command takes that names no port."""


def as_pattern(expected: str) -> re.Pattern[str]:
    """Expected output as a pattern: a line of only ``…`` stands for any lines or none, ``…`` in a line for any characters."""
    lines = [
        r"(?:.*\n)*?" if line.strip() == "…" else r"[^\n]*?".join(map(re.escape, line.split("…"))) + r"[ ]*\n"
        for line in expected.splitlines()
    ]
    return re.compile("".join(lines))


def edited(text: str, diff: str) -> str:
    """The file after a reader has taken out the lines with ``-`` and put in those with ``+``; the others must stand there."""
    lines = diff.splitlines(keepends=True)
    old = "".join(line[1:] for line in lines if line[0] in " -")
    new = "".join(line[1:] for line in lines if line[0] in " +")
    assert text.count(old) == 1, f"this is there {text.count(old)} times, so nobody could tell where:\n{old}\nin\n{text}"
    return text.replace(old, new)


class Terminal:
    """One that a command stays in. ``seen`` is what the page has shown of it so far."""

    def __init__(self, command: list[str], folder: Path, env: dict[str, str], printed: Path) -> None:
        self.command, self.printed, self.seen = command, printed, 0
        with printed.open("w") as out:
            self.process = subprocess.Popen(command, cwd=folder, env=env, stdout=out, stderr=subprocess.STDOUT)

    def shows(self, expected: str) -> None:
        """Wait until what follows there is what the page says."""
        pattern, until = as_pattern(expected), time.monotonic() + PATIENCE_S
        while not pattern.fullmatch(told := self.printed.read_text("utf-8")[self.seen :]):
            if time.monotonic() > until:
                pytest.fail(f"$ {shlex.join(self.command)}\nshould print\n{expected}\nbut prints\n{told}")
            time.sleep(0.02)
        self.seen += len(told)

    def interrupt(self) -> None:
        """Ctrl-C. What ended by itself has told why."""
        self.process.send_signal(signal.SIGINT)
        assert self.process.wait(PATIENCE_S) in (0, 3)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(PATIENCE_S)


class Reader:
    """Somebody who follows a page: a folder, an environment, and terminals with servers in them."""

    def __init__(self, folder: Path, env: dict[str, str], ports: dict[str, str]) -> None:
        self.folder = folder
        self.env = env
        self.ports = ports
        self.terminals: list[Terminal] = []
        self.printed = folder.parent

    def do(self, block) -> None:
        text = block.text
        for written, free in self.ports.items():
            text = text.replace(written, free)
        if block.file is not None:
            file = self.folder / block.file
            file.write_text(edited(file.read_text("utf-8"), text) if block.language == "diff" else text, "utf-8")
        elif block.language == "console":
            further, _, _ = text.partition("$ ")
            if further:
                self.see(further)
            for command, expected in commands(text):
                self.run(command, expected)
        else:
            pytest.fail(f"line {block.line}: a {block.language} block has no file name above it, so nobody could follow it")

    def run(self, command: str, expected: str) -> None:
        if command.startswith("export "):
            name, _, value = command.removeprefix("export ").partition("=")
            self.env[name] = value
        elif command.startswith("cd "):
            self.folder /= command.removeprefix("cd ")
            assert self.folder.is_dir()
        elif command.startswith(SERVERS):
            self.terminals.append(Terminal(self.words(command)[0], self.folder, self.env, self.printed / f"{time.time_ns()}.txt"))
            self.see(expected)
        else:
            self.finish(command, expected)

    def words(self, command: str) -> tuple[list[str], dict[str, str]]:
        """The command line, at ports that are free, and the variables that stand before it."""
        words, env = shlex.split(command), {}
        while re.match(r"[A-Z_]+=", words[0]):
            name, _, value = words.pop(0).partition("=")
            env[name] = value
        for start, ports in PORTS.items():
            for option, port in ports.items() if command.startswith(start) else ():
                words += [option, self.ports[port]] if option not in words else []
        return words, env

    def finish(self, command: str, expected: str) -> None:
        """A command that ends: what it prints is what the page says, all of it."""
        typed = "".join(f"{line.removeprefix('you> ')}\n" for line in expected.splitlines() if line.startswith("you> "))
        pattern, until = as_pattern(expected), time.monotonic() + PATIENCE_S
        words, more = self.words(command)
        while True:
            done = subprocess.run(
                words,
                cwd=self.folder,
                env=self.env | more,
                input=typed,
                text=True,
                capture_output=True,
                timeout=PATIENCE_S,
            )
            told = done.stdout + done.stderr
            if pattern.fullmatch(told) or pattern.fullmatch(PAUSES.sub("", told)):
                return
            if not command.startswith(READERS) or time.monotonic() > until:
                pytest.fail(f"$ {command}\nshould print\n{expected}\nbut prints\n{told}")
            time.sleep(0.05)

    def see(self, expected: str) -> None:
        """What the newest terminal shows further, and its end where the page has ``^C``."""
        assert self.terminals, "no command stays, so nothing is shown further"
        if shown := expected.removesuffix("^C\n"):
            self.terminals[-1].shows(shown)
        if expected.endswith("^C\n"):
            self.terminals.pop().interrupt()

    def stop(self) -> None:
        """Ctrl-C in every terminal."""
        for terminal in self.terminals:
            terminal.interrupt()

    def close(self) -> None:
        for terminal in self.terminals:
            terminal.close()


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
    home = tmp_path / "home"
    home.mkdir()
    env = {
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "PATH": f"{tools}:{os.environ['PATH']}",
        "PYTHONPATH": str(root / "framework"),
        "PYTHONUNBUFFERED": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    # The page says 8080; here any free port must do.
    found = Reader(folder, env, {written: str(free_port()) for written in ("8080", "8081", "8070")})
    yield found
    found.close()


def test_the_tutorial_does_what_it_says(page, reader: Reader) -> None:
    for block in page("docs/tutorial.md").blocks():
        reader.do(block)
    reader.stop()


def test_an_edit_is_made_where_the_page_says() -> None:
    assert edited("a\nb\nc\n", " a\n-b\n+x\n+y\n") == "a\nx\ny\nc\n"
    with pytest.raises(AssertionError, match="there 0 times"):
        edited("a\n", "-b\n")
    with pytest.raises(AssertionError, match="there 2 times"):
        edited("a\na\n", "-a\n")


def test_output_that_differs_is_seen() -> None:
    assert as_pattern("a\n…\nb …\n").fullmatch("a\nx\ny\nb 7\n")
    assert as_pattern("a\n…\nb\n").fullmatch("a\nb\n")
    assert not as_pattern("a\nb\n").fullmatch("a\nb\nc\n")
    assert not as_pattern("b …\n").fullmatch("b\n7\n")
