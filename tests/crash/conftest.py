"""Real processes for crash tests: a bot that can be killed or planted with a fault, and a provider that outlives it."""

import asyncio
import contextlib
import os
import random
import shutil
import signal
import socket
import sqlite3
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, closing
from pathlib import Path

import aiohttp
import msgspec
import pytest

from vaiven.model.urns import Urn, urn
from vaiven.stores import open_store
from vaiven.stores.contract import Store
from vaiven.testing import webhooks
from vaiven.testing.judge import Evidence, gather
from vaiven.testing.provider import Send
from vaiven.testing.redelivery import Redelivery

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
ACCOUNT = "AC00000000000000000000000000000001"
TOKEN = "fake-twilio-token"
FIRED = 86
"""The exit code of a bot that died at its failpoint."""
ACTIVE = ("queued", "claimed", "dialed", "retry", "held")
BOT = """
bot: crash-vote
flows: {flows}
store: sqlite:///{db}
public_url: "http://127.0.0.1:{port}"
params: {{opens: "2020-01-01T00:00Z", closes: "2090-01-01T00:00Z", max_votes: 1000}}
channels:
  sms:
    type: twilio
    from: "+12025550100"
    account: {account}
    token: {{env: TOKEN}}
    api: "{api}"
    hold: 1s
"""


class Process:
    """One started program, ended by its pid."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.pid = process.pid

    @property
    def running(self) -> bool:
        return self.process.returncode is None

    def send(self, sign: signal.Signals) -> None:
        if self.running:
            self.process.send_signal(sign)

    async def ended(self, timeout_s: float = 30) -> int:
        async with asyncio.timeout(timeout_s):
            return await self.process.wait()

    async def end(self, sign: signal.Signals) -> int:
        self.send(sign)
        return await self.ended()


class Rig:
    """A bot's folder, its file, and the processes around it.

    ``crashes`` has, for each kill, the rows that the file showed as dialed when the process was dead.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.db = folder / "crash.db"
        self.log = folder / "provider.jsonl"
        self.fired = folder / "fired"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.hook = f"{self.url}/hooks/sms"
        self.started: list[Process] = []
        self.crashes: list[frozenset[tuple[str, int]]] = []
        self.log_level = "warning"

    # -- processes -----------------------------------------------------------------------------------------------------

    async def provider(self, latency_s: float) -> str:
        """Start the provider; give its URL."""
        arguments = ["-m", "vaiven.testing.provider", "--log", str(self.log), "--latency", str(latency_s)]
        process = await self.start(*arguments, stdout=asyncio.subprocess.PIPE)
        assert process.process.stdout is not None
        return (await process.process.stdout.readline()).decode().strip()

    def settle_bot(self, api: str, flows: Path = ROOT / "flows/tv_vote", **channel: str | int) -> None:
        """Write its bot.yaml; ``channel`` are more settings of the channel."""
        text = BOT.format(flows=flows, db=self.db, port=self.port, account=ACCOUNT, api=api)
        (self.folder / "bot.yaml").write_text(text + "".join(f"    {name}: {value}\n" for name, value in channel.items()))

    async def bot(self, fault: str | None = None, *options: str) -> Process:
        """Start the bot, with a fault planted if one is named; return once it is ready."""
        process = await self.launch(fault, *options)
        await self.ready(process)
        return process

    async def ready(self, process: Process) -> None:
        """Return once this process says that it is ready."""
        async with aiohttp.ClientSession() as session:
            for _ in range(1500):
                assert process.running, "the bot did not start"
                if await self.readiness(session) == 200:
                    return
                await asyncio.sleep(0.01)
        raise AssertionError("the bot is not ready after 15 s")

    async def launch(self, fault: str | None = None, *options: str) -> Process:
        """Start the bot and wait for nothing."""
        run = ["run", str(self.folder), "--port", str(self.port), "--log-level", self.log_level]
        if fault is None:
            return await self.start("-m", "vaiven.edge.cli", *run)
        return await self.start(str(HERE / "launch.py"), fault, str(self.fired), *options, "--", *run)

    async def readiness(self, session: aiohttp.ClientSession) -> int | None:
        """What /health/ready answers; None if nobody does."""
        try:
            async with session.get(f"{self.url}/health/ready") as response:
                return response.status
        except aiohttp.ClientError:
            return None

    async def kill(self, bot: Process) -> None:
        """kill -9, and note what was dialed."""
        await bot.end(signal.SIGKILL)
        await self.note_crash()

    async def note_crash(self) -> None:
        """The process is dead: note which rows its file shows as dialed."""
        async with self.copy() as store:
            dialed = await store.unsettled(["dialed"], 1 << 20)
        self.crashes.append(frozenset((row.reference, row.attempt) for row in dialed))

    async def start(self, *arguments: str, stdout: int | None = None, stderr: int | None = None) -> Process:
        environ = {**os.environ, "PYTHONPATH": str(ROOT / "framework"), "TOKEN": TOKEN}
        process = Process(
            await asyncio.create_subprocess_exec(sys.executable, *arguments, env=environ, stdout=stdout, stderr=stderr)
        )
        self.started.append(process)
        return process

    # -- looking -------------------------------------------------------------------------------------------------------

    @asynccontextmanager
    async def store(self, path: Path | None = None) -> AsyncIterator[Store]:
        """The bot's file, read only."""
        store = open_store(f"sqlite:///{path or self.db}", read_only=True)
        await store.open()
        try:
            yield store
        finally:
            await store.close()

    @asynccontextmanager
    async def copy(self) -> AsyncIterator[Store]:
        """A copy of a dead bot's file: reading the file itself would tidy it up before the bot gets to."""
        folder = self.folder / "copy"
        folder.mkdir()
        for name in (self.db.name, f"{self.db.name}-wal"):
            if (self.folder / name).exists():
                shutil.copyfile(self.folder / name, folder / name)
        async with self.store(folder / self.db.name) as store:
            yield store
        shutil.rmtree(folder)

    async def quiet(self, timeout_s: float = 30) -> None:
        """Return once nothing is left to do: liveness after the last fault."""
        async with self.store() as store:
            for _ in range(int(timeout_s * 20)):
                counts = await store.counts()
                if not counts.inbox and not any(counts.rows.get(state) for state in ACTIVE):
                    return
                await asyncio.sleep(0.05)
        raise AssertionError(f"not quiet {timeout_s} s after the last fault: {counts}")

    async def until(self, holds: Callable[[], bool], progress: Callable[[], object], patience_s: float = 30) -> None:
        """Return once this ``holds``. A busy machine has all the time it needs, as long as ``progress`` gives something new."""
        loop = asyncio.get_running_loop()
        seen, since_s = progress(), loop.time()
        while not holds():
            await asyncio.sleep(0.01)
            if (now := progress()) != seen:
                seen, since_s = now, loop.time()
            assert loop.time() - since_s < patience_s, f"nothing has moved for {patience_s:.0f} s: {seen}"

    async def evidence(self, told: Mapping[Urn, Mapping[str, bool]], sends: Sequence[Send] | None = None) -> Evidence:
        """All there is to judge by, once the bot has ended."""
        if sends is None:
            sends = [msgspec.json.decode(line, type=Send) for line in self.log.read_bytes().splitlines()]
        claimed = {f"{id_ >> 48}.{id_ & (1 << 48) - 1}": at for id_, at in self.query("SELECT id, dialed_ms FROM outbox")}
        async with self.store() as store:
            return await gather(store, told, sends, self.crashes, claimed)

    def query(self, sql: str) -> list[tuple[object, ...]]:
        with closing(sqlite3.connect(self.db)) as connection:
            return connection.execute(sql).fetchall()

    # -- people --------------------------------------------------------------------------------------------------------

    @asynccontextmanager
    async def clients(self) -> AsyncIterator[Redelivery]:
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
            yield Redelivery(session, self.hook)

    def message(self, number: str, turn: int, text: str) -> tuple[Urn, str, webhooks.Webhook]:
        """Home, id and webhook of a message from this number."""
        sid = f"SM{number[1:]:0>24}{turn:08d}"
        webhook = webhooks.twilio_message(self.hook, TOKEN, account=ACCOUNT, sid=sid, sender=number, to="+12025550100", text=text)
        return urn("tel", number), sid, webhook

    async def crowd(self, clients: Redelivery, numbers: Sequence[str], votes: int, seed: int, at_once: int = 64) -> None:
        """Each number sends ``votes`` messages in order, some RULES, a fifth of them twice, some given up when refused."""
        chance, room = random.Random(seed), asyncio.Semaphore(at_once)

        async def viewer(number: str) -> None:
            for turn in range(votes):
                text = "RULES" if turn and chance.randrange(20) == 0 else chance.choice(["vote 1", "vote 2", "vote cleo"])
                copies, together = chance.choices([(1, False), (2, False), (2, True)], [80, 10, 10])[0]
                patience = 1 if chance.randrange(20) == 0 else None
                async with room:
                    await clients.deliver(*self.message(number, turn, text), copies, together, patience)

        await asyncio.gather(*map(viewer, numbers))


def free_port() -> int:
    """A port below those that outgoing connections take, so that it is still free after a restart."""
    while True:
        port = random.SystemRandom().randrange(20_000, 32_000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    made = Rig(tmp_path)
    yield made
    for process in reversed(made.started):
        await process.end(signal.SIGKILL)


_FIGURES = pytest.StashKey[list[str]]()


@pytest.fixture
def figures(request: pytest.FixtureRequest, record_property) -> Iterator[dict[str, object]]:
    """What a run counted: kept with its report, and shown at the end."""
    told: dict[str, object] = {}
    yield told
    for name, value in told.items():
        record_property(name, value)
    line = f"{request.node.name}: " + ", ".join(f"{name} {value}" for name, value in told.items())
    request.config.stash.setdefault(_FIGURES, []).append(line)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for line in config.stash.get(_FIGURES, []):
        terminalreporter.write_line(line)
