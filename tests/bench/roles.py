"""What each role costs a vote: web, turn and send as processes of their own on one Redis. The figures of docs/sizing.md.

    python tests/bench/roles.py --count 20000 --rounds 3

The load is that of W1 (docs/bench.md). The Redis writes an append-only file, synced each second.
"""

import argparse
import asyncio
import contextlib
import shlex
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from statistics import median

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "framework"))

from load import Sink  # noqa: E402 - the framework need not be installed for its bench
from run import QUIET_S, WARM_UP, WORKS, environment, one_drive  # noqa: E402
from servers import Server, asked_of, forget_everything, free_port, python, redis_server, running  # noqa: E402
from traffic import talks  # noqa: E402

ROLES = ("web", "turn", "send")
COMMAND = "{python} -m vaiven.edge.cli run {bots}/poll --store {redis} --profile redis-fast --port {port} --role {role}"


@contextlib.contextmanager
def fleet(redis: Server, provider_url: str, folder: Path) -> Iterator[dict[str, Server]]:
    """A process a role, all ready."""
    with contextlib.ExitStack() as stack:
        found = {}
        for role in ROLES:
            port, work = free_port(), folder / role
            work.mkdir()
            store = f"redis://127.0.0.1:{redis.port}/0"
            command = COMMAND.format(python=python()[0], bots=HERE / "bots", redis=store, port=port, role=role)
            server = running(shlex.split(command), port, environment(provider_url, redis), work, "/health/ready")
            found[role] = stack.enter_context(server)
        yield found


async def measure(redis: Server, sink: Sink, provider_url: str, count: int, seconds: float) -> dict[str, float]:
    """µs of CPU a vote by role, and what it meant to Redis."""
    work = WORKS["W1"]
    forget_everything(redis)
    with tempfile.TemporaryDirectory(prefix="vaiven-roles-") as folder, fleet(redis, provider_url, Path(folder)) as servers:
        web = servers["web"]
        await one_drive(work, list(talks(WARM_UP, work.script)), web, sink, seconds, warming=True)
        said = list(talks(count // len(work.script), work.script, first=WARM_UP + 1))
        await asyncio.sleep(QUIET_S)
        cpu_s, redis_s = {role: server.cpu_s() for role, server in servers.items()}, redis.cpu_s()
        asked = asked_of(redis)
        result = await one_drive(work, said, web, sink, seconds)
        await asyncio.sleep(QUIET_S)
        if result.errors or not result.turns:
            raise SystemExit(f"not measured: {dict(result.errors)} after {result.turns} votes")
        told = asked_of(redis)
        found = {f"{role}_us": (server.cpu_s() - cpu_s[role]) * 1e6 / result.turns for role, server in servers.items()}
        return found | {
            "redis_us": (redis.cpu_s() - redis_s) * 1e6 / result.turns,
            "aof_bytes": (told.aof_bytes - asked.aof_bytes) / result.turns,
            "wire_bytes": (told.bytes - asked.bytes) / result.turns,
            "trips": (told.reads - asked.reads) / result.turns,
        }


async def bench(count: int, rounds: int, seconds: float) -> list[dict[str, float]]:
    """Every round's figures."""
    sink = Sink()
    provider_url = await sink.start()
    with tempfile.TemporaryDirectory(prefix="vaiven-roles-redis-") as folder, redis_server(Path(folder), aof=True) as redis:
        try:
            return [await measure(redis, sink, provider_url, count, seconds) for _ in range(rounds)]
        finally:
            sink.close()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=20_000, help="votes a round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=60.0)
    limits = parser.parse_args()
    found = asyncio.run(bench(limits.count, limits.rounds, limits.seconds))
    for name in found[0]:
        values = sorted(each[name] for each in found)
        print(f"{name:12} {median(values):9,.1f}   ({values[0]:,.1f} to {values[-1]:,.1f})")
    return 0


if __name__ == "__main__":
    sys.exit(main())
