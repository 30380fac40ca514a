"""The bench: turns per CPU-second of vaiven beside a hand-written bot and bare aiohttp, under the same load.

    python tests/bench/run.py --works W1,W2,W3,light --rounds 3 --json bench.json

What is measured, and how to read it: docs/bench.md. Nothing here is a test: times are printed and recorded, never asserted.
"""

import argparse
import asyncio
import contextlib
import gc
import json
import os
import platform
import shlex
import signal
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path

HERE = Path(__file__).resolve().parent
FRAMEWORK = HERE.parents[1] / "framework"
sys.path.insert(0, str(FRAMEWORK))

from load import Drive, Result, Sink  # noqa: E402 - the framework need not be installed for its bench
from report import Measured, percentile, summary, table  # noqa: E402
from servers import DidNotStart, Server, Traffic, asked_of, forget_everything, free_port, python, redis_server, running  # noqa: E402
from traffic import ACCOUNT, BOOKING, PUBLIC_URL, SINGLE, TOKEN, VOTES, Talk, talks  # noqa: E402

WARM_UP = 100
"""Contacts that go through the script before the clock starts."""
NOTHING = Traffic(0, 0, 0)
QUIET_S = 0.5
"""Left to the bot after the last turn, before its CPU is read: what it still has to settle is part of the work."""

VAIVEN = "{python} -m vaiven.edge.cli run {bots}/{bot} --store sqlite:///{work}/bench.db --port {port}"
ACCEPT = "{python} {here}/accept_only.py {bots}/{bot} sqlite:///{work}/bench.db {port}"
ON_REDIS = "{python} -m vaiven.edge.cli run {bots}/{bot} --store {redis} --profile redis-fast --port {port}"


@dataclass(frozen=True)
class Work:
    """A kind of load. ``count`` turns (``light``: messages) a round; ``replies``: a turn ends with the reply at the provider."""

    script: tuple[tuple[str, bytes], ...]
    bot: str
    count: int
    targets: tuple[str, ...]
    replies: bool = True
    every_s: float | None = None


WORKS = {
    "W1": Work(VOTES, "poll", 20_000, ("hand", "vaiven", "vaiven-redis", "vaiven-redis-2")),
    "W2": Work(BOOKING, "booking", 15_000, ("hand", "vaiven", "vaiven-redis")),
    "W3": Work(VOTES, "poll", 30_000, ("bare", "hand-accept", "vaiven-accept", "vaiven-redis-accept"), replies=False),
    "light": Work(SINGLE, "poll", 500, ("hand", "vaiven", "vaiven-redis"), every_s=1 / 50),
}


@dataclass(frozen=True)
class Target:
    """A server to be measured: its command line, and what it needs."""

    command: str
    redis: bool = False
    ready: str | None = None


def targets(vaiven: str) -> dict[str, Target]:
    """Every server by its name."""
    return {
        "hand": Target("{python} {here}/hand_bot.py {port}", redis=True),
        "hand-accept": Target("{python} {here}/hand_accept.py {port}", redis=True),
        "bare": Target("{python} {here}/bare.py {port}"),
        "vaiven": Target(vaiven, ready="/health/ready"),
        "vaiven-accept": Target(ACCEPT, ready="/health/ready"),
        "vaiven-redis": Target(ON_REDIS, redis=True, ready="/health/ready"),
        "vaiven-redis-2": Target(f"{ON_REDIS} --workers 2", redis=True, ready="/health/ready"),
        "vaiven-redis-accept": Target(f"{ON_REDIS} --role web", redis=True, ready="/health/ready"),
    }


async def measure(
    work: Work, target: Target, sink: Sink, provider_url: str, redis: Server | None, limits: argparse.Namespace
) -> Measured:
    """Start the server, warm it up, drive it, read what it cost, end it."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="vaiven-bench-") as folder:
        names = {"python": python()[0], "here": HERE, "bots": HERE / "bots", "bot": work.bot, "work": folder, "port": port}
        names["redis"] = f"redis://127.0.0.1:{redis.port}/0" if redis is not None else ""
        command = shlex.split(target.command.format(**names))
        if target.redis and redis is not None:
            forget_everything(redis)
        with running(command, port, environment(provider_url, redis), Path(folder), target.ready) as server:
            return await drive(work, server, sink, redis if target.redis else None, limits)


def environment(provider_url: str, redis: Server | None) -> dict[str, str]:
    """What a bot is told about the world."""
    found = {
        "PROVIDER_URL": provider_url,
        "PUBLIC_URL": PUBLIC_URL,
        "TWILIO_ACCOUNT_SID": ACCOUNT,
        "TWILIO_AUTH_TOKEN": TOKEN,
        "PYTHONPATH": os.pathsep.join(filter(None, (str(FRAMEWORK), os.environ.get("PYTHONPATH")))),
    }
    return found if redis is None else found | {"REDIS_URL": f"redis://127.0.0.1:{redis.port}/0"}


async def drive(work: Work, server: Server, sink: Sink, redis: Server | None, limits: argparse.Namespace) -> Measured:
    """The measured part: the same contacts saying the same things to whichever server it is."""
    await one_drive(work, list(talks(WARM_UP, work.script)), server, sink, limits.seconds, warming=True)
    contacts = max(1, turns_a_round(work, limits.count) // len(work.script))
    said = list(talks(contacts, work.script, first=WARM_UP + 1))
    await asyncio.sleep(QUIET_S)
    asked = asked_of(redis) if redis else NOTHING
    cpu_s, redis_s = server.cpu_s(), redis.cpu_s() if redis else 0.0
    result = await one_drive(work, said, server, sink, limits.seconds)
    await asyncio.sleep(QUIET_S)
    turns = max(1, result.turns)
    told = asked_of(redis) if redis else NOTHING
    return Measured(
        work="",
        bot="",
        round=0,
        turns=result.turns,
        wall_s=result.wall_s,
        cpu_us=(server.cpu_s() - cpu_s) * 1e6 / turns,
        redis_us=(redis.cpu_s() - redis_s) * 1e6 / turns if redis else 0.0,
        redis_trips=(told.reads - asked.reads) / turns,
        redis_bytes=(told.bytes - asked.bytes) / turns,
        rss_mb=server.peak_rss_mb(),
        ack_p50=percentile(result.acks, 0.5),
        ack_p99=percentile(result.acks, 0.99),
        reply_p50=percentile(result.replies, 0.5),
        reply_p99=percentile(result.replies, 0.99),
        errors=dict(result.errors),
    )


def turns_a_round(work: Work, count: int | None) -> int:
    """How many turns are asked for; a work at a steady rate never does more than its own number, or it would take too long."""
    wanted = count or work.count
    return wanted if work.every_s is None else min(wanted, work.count)


async def one_drive(work: Work, said: list[Talk], server: Server, sink: Sink, seconds: float, warming: bool = False) -> Result:
    """Let these contacts talk. The load's own garbage collector rests meanwhile: its pauses are not the bot's."""
    sink.drive = Drive(iter(said), replies=work.replies, deadline_s=seconds)
    gc.collect()
    gc.disable()
    try:
        return await sink.drive.run(server.port, every_s=None if warming else work.every_s)
    finally:
        gc.enable()
        sink.drive = None


async def bench(limits: argparse.Namespace) -> tuple[list[Measured], list[str]]:
    """All works and servers, round after round; what was measured, and what could not be started."""
    # A bench that is told to stop still ends every server that it started.
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, asyncio.current_task().cancel)
    sink, found, failed = Sink(), [], []
    known = targets(limits.vaiven)
    chosen = [(name, target) for name in limits.works for target in WORKS[name].targets if target in limits.targets]
    with tempfile.TemporaryDirectory(prefix="vaiven-bench-redis-") as folder, contextlib.ExitStack() as stack:
        redis = None
        if any(known[target].redis for _, target in chosen):
            try:
                redis = stack.enter_context(redis_server(Path(folder)))
            except DidNotStart as error:
                failed.append(f"Redis, and so none of what needs it: {error}")
                chosen = [(name, target) for name, target in chosen if not known[target].redis]
        provider_url = await sink.start()
        stack.callback(sink.close)
        for number in range(limits.rounds):
            # Every other round goes backwards, so that no server always comes after the same one.
            for name, target in chosen if number % 2 == 0 else chosen[::-1]:
                try:
                    measured = await measure(WORKS[name], known[target], sink, provider_url, redis, limits)
                except DidNotStart as error:
                    failed.append(f"{name} {target}: {error}")
                    continue
                measured.work, measured.bot, measured.round = name, target, number
                found.append(measured)
                progress(measured)
    return found, failed


def progress(measured: Measured) -> None:
    """One line as each measurement ends."""
    errors = f", errors {measured.errors}" if measured.errors else ""
    text = f"round {measured.round + 1} {measured.work:5} {measured.bot:12} {measured.per_cpu_s:9,.0f} turns/CPU-s"
    print(f"{text}, {measured.turns} turns in {measured.wall_s:.1f} s{errors}", file=sys.stderr, flush=True)


def machine() -> dict[str, object]:
    """Where and with what this was measured."""
    packages = ("aiohttp", "redis", "hiredis", "uvloop", "msgspec", "python-statemachine", "httptools")
    versions = {}
    for name in packages:
        with contextlib.suppress(metadata.PackageNotFoundError):
            versions[name] = metadata.version(name)
    return {
        "date": time.strftime("%Y-%m-%d"),
        "cpu": _cpu_model(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "system": platform.platform(),
        "packages": versions,
    }


def _cpu_model() -> str:
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.machine()


def arguments() -> argparse.Namespace:
    """The command line."""

    def several(known: list[str]):
        def parse(text: str) -> list[str]:
            unknown = [name for name in text.split(",") if name not in known]
            if unknown:
                raise argparse.ArgumentTypeError(f"{unknown[0]!r} is none of {', '.join(known)}")
            return text.split(",")

        return parse

    names = list(targets(VAIVEN))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--works", type=several(list(WORKS)), default=list(WORKS), help="default W1,W2,W3,light")
    parser.add_argument("--targets", type=several(names), default=names, help=f"default {','.join(names)}")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--count", type=int, help="turns a round, instead of each work's own number")
    parser.add_argument("--seconds", type=float, default=30.0, help="no new turn after so long in one drive (default 30)")
    parser.add_argument("--vaiven", default=VAIVEN, help=f"how vaiven is started (default {VAIVEN!r})")
    parser.add_argument("--json", type=Path, help="also write every round and the summary to this file")
    return parser.parse_args()


def main() -> int:
    """Run, print, record; 1 if a server did not start or anything went wrong under load."""
    limits = arguments()
    try:
        import uvloop

        run = uvloop.run
    except ImportError:
        run = asyncio.run
    try:
        found, failed = run(bench(limits))
    except (KeyboardInterrupt, asyncio.CancelledError):
        return 130
    rows = sorted(summary(found), key=lambda row: limits.works.index(str(row["work"])))
    about = machine()
    print(f"{about['date']}, {about['cores']} cores of {about['cpu']}, Python {about['python']}, {limits.rounds} rounds\n")
    print(table(rows))
    if limits.json is not None:
        limits.json.write_text(
            json.dumps({"machine": about, "summary": rows, "rounds": [asdict(one) for one in found]}, indent=1)
        )
    for text in failed:
        print(f"\nnot measured: {text}", file=sys.stderr)
    return 1 if failed or any(one.errors for one in found) else 0


if __name__ == "__main__":
    sys.exit(main())
