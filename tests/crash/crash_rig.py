"""What crash tests have in common: real processes that can be killed or planted with a fault, and the people who talk to them.

Not a test module: ``conftest.py`` here, and those below, put this folder on the path and take their rigs from it.
"""

import asyncio
import contextlib
import itertools
import os
import random
import signal
import socket
import sys
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import msgspec

from vaiven.model.urns import Urn, urn
from vaiven.stores.contract import Counts, Store
from vaiven.testing import webhooks
from vaiven.testing.judge import Evidence, gather
from vaiven.testing.provider import Send
from vaiven.testing.redelivery import Redelivery

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
ACCOUNT = "AC00000000000000000000000000000001"
TOKEN = "fake-twilio-token"
ACTIVE = ("queued", "claimed", "dialed", "retry", "held")
PATIENCE_S = 60.0
"""So long a busy machine may take for anything."""
LOOKS = 200
"""So often a process is halted to find it busy with what it is to be killed at."""
BOT = """
bot: crash-vote
flows: {flows}
store: "{store}"
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
    """One started program, ended by its pid. ``url`` is where it serves, if it does."""

    def __init__(self, process: asyncio.subprocess.Process, url: str = "") -> None:
        self.process = process
        self.pid = process.pid
        self.url = url

    @property
    def running(self) -> bool:
        return self.process.returncode is None

    def send(self, sign: signal.Signals) -> None:
        if self.running:
            self.process.send_signal(sign)

    async def ended(self) -> int:
        async with asyncio.timeout(PATIENCE_S):
            return await self.process.wait()

    async def end(self, sign: signal.Signals) -> int:
        self.send(sign)
        return await self.ended()


class Rig(ABC):
    """A bot's folder and the processes around it; ``hook`` is the address that providers sign.

    ``crashes`` has, for each kill, the rows that the store showed as dialed by whoever was killed.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
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

    def write_bot(self, store: str, api: str, flows: Path, channel: Mapping[str, str | int]) -> None:
        """Write its bot.yaml; ``channel`` are more settings of the channel."""
        text = BOT.format(flows=flows, store=store, port=self.port, account=ACCOUNT, api=api)
        (self.folder / "bot.yaml").write_text(text + "".join(f"    {name}: {value}\n" for name, value in channel.items()))

    async def run(self, port: int, fault: str | None, options: Sequence[str], *arguments: str) -> Process:
        """Start ``vaiven run`` on this port, with a fault in it if one is named, and wait for nothing."""
        run = ["run", str(self.folder), "--port", str(port), "--log-level", self.log_level, *arguments]
        if fault is None:
            process = await self.start("-m", "vaiven.edge.cli", *run)
        else:
            process = await self.start(str(HERE / "launch.py"), fault, str(self.fired), *options, "--", *run)
        process.url = f"http://127.0.0.1:{port}"
        return process

    async def start(self, *arguments: str, stdout: int | None = None, stderr: int | None = None) -> Process:
        environ = {**os.environ, "PYTHONPATH": str(ROOT / "framework"), "TOKEN": TOKEN}
        process = Process(
            await asyncio.create_subprocess_exec(sys.executable, *arguments, env=environ, stdout=stdout, stderr=stderr)
        )
        self.started.append(process)
        return process

    async def ready(self, process: Process) -> None:
        """Return once this process says that it is ready."""
        async with aiohttp.ClientSession() as session:
            for _ in range(int(PATIENCE_S * 100)):
                assert process.running, "the bot did not start"
                if await self.readiness(session, process.url) == 200:
                    return
                await asyncio.sleep(0.01)
        raise AssertionError(f"the bot is not ready after {PATIENCE_S:.0f} s")

    async def halted_with_words(self, choose: Callable[[], Process]) -> tuple[Process, int]:
        """A process that stands still while it has words between homes on their way, and how many: one to be killed.

        Few are at any instant, so it is looked for until there is one.
        """
        for _ in range(LOOKS):
            process = choose()
            process.send(signal.SIGSTOP)
            if words := await self.words(process):
                return process, words
            process.send(signal.SIGCONT)
            await asyncio.sleep(0.02)
        raise AssertionError(f"no word was on its way in {LOOKS} looks")

    @abstractmethod
    async def words(self, process: Process) -> int:
        """How many words between homes this process, which stands still, has on their way."""

    async def readiness(self, session: aiohttp.ClientSession, url: str) -> int | None:
        """What /health/ready answers; None if nobody does."""
        try:
            async with session.get(f"{url}/health/ready") as response:
                return response.status
        except aiohttp.ClientError:
            return None

    # -- looking -------------------------------------------------------------------------------------------------------

    @abstractmethod
    def store(self) -> contextlib.AbstractAsyncContextManager[Store]:
        """The bot's store, read only."""

    @abstractmethod
    async def claimed(self, store: Store, homes: Iterable[Urn]) -> dict[str, int]:
        """When rows were last claimed, by reference, ms since the epoch."""

    async def quiet(self, timeout_s: float = PATIENCE_S) -> None:
        """Return once nothing is left to do: liveness after the last fault."""
        counts: Counts | None = None
        rests = 0
        async with self.store() as store:
            for _ in range(int(timeout_s * 20)):
                counts = await store.counts()
                busy = counts.inbox or any(counts.rows.get(state) for state in ACTIVE)
                # Twice: on Redis an event may pass from the rows to the inbox between two parts of a count.
                rests = 0 if busy else rests + 1
                if rests == 2:
                    return
                await asyncio.sleep(0.05)
        raise AssertionError(f"not quiet {timeout_s} s after the last fault: {counts}")

    async def until(self, holds: Callable[[], bool], progress: Callable[[], object], patience_s: float = PATIENCE_S) -> None:
        """Return once this ``holds``. A busy machine has all the time it needs, as long as ``progress`` gives something new."""
        loop = asyncio.get_running_loop()
        seen, since_s = progress(), loop.time()
        while not holds():
            await asyncio.sleep(0.01)
            if (now := progress()) != seen:
                seen, since_s = now, loop.time()
            assert loop.time() - since_s < patience_s, f"nothing has moved for {patience_s:.0f} s: {seen}"

    def sends(self) -> list[Send]:
        """What the provider that is a process of its own has logged."""
        whole = self.log.read_bytes().rpartition(b"\n")[0] if self.log.exists() else b""
        return [msgspec.json.decode(line, type=Send) for line in whole.splitlines()]

    async def evidence(self, told: Mapping[Urn, Mapping[str, bool]], sends: Iterable[Send] | None = None) -> Evidence:
        """All there is to judge by, once the bot has ended."""
        async with self.store() as store:
            claimed = await self.claimed(store, told)
            return await gather(store, told, self.sends() if sends is None else sends, self.crashes, claimed)

    # -- people --------------------------------------------------------------------------------------------------------

    @asynccontextmanager
    async def clients(self, *hooks: str) -> AsyncIterator[Redelivery]:
        """Those who post, to these addresses in turn; by default to the one that is signed."""
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
            yield Redelivery(session, *(hooks or (self.hook,)), longest_s=PATIENCE_S * 5)

    def message(self, number: str, turn: int, text: str) -> tuple[Urn, str, webhooks.Webhook]:
        """Home, id and webhook of a message from this number."""
        sid = f"SM{number[1:]:0>24}{turn:08d}"
        webhook = webhooks.twilio_message(self.hook, TOKEN, account=ACCOUNT, sid=sid, sender=number, to="+12025550100", text=text)
        return urn("tel", number), sid, webhook

    async def crowd(
        self,
        clients: Redelivery,
        numbers: Sequence[str],
        votes: int,
        seed: int,
        at_once: int = 64,
        rate_per_s: float | None = None,
        stop: asyncio.Event | None = None,
    ) -> None:
        """Each number sends ``votes`` messages in order, some RULES, a fifth of them twice, some given up when refused.

        With ``rate_per_s`` no faster than that, all together; nobody begins another one after ``stop``.
        """
        chance, room = random.Random(seed), asyncio.Semaphore(at_once)
        pause_s = 0.0 if rate_per_s is None else 2 * len(numbers) / rate_per_s

        async def viewer(number: str) -> None:
            for turn in range(votes):
                if pause_s:
                    await asyncio.sleep(chance.uniform(0, pause_s))
                if stop is not None and stop.is_set():
                    return
                text = "RULES" if turn and chance.randrange(20) == 0 else chance.choice(["vote 1", "vote 2", "vote cleo"])
                copies, together = chance.choices([(1, False), (2, False), (2, True)], [80, 10, 10])[0]
                patience = 1 if chance.randrange(20) == 0 else None
                async with room:
                    await clients.deliver(*self.message(number, turn, text), copies, together, patience)

        await asyncio.gather(*map(viewer, numbers))

    async def regret(self, clients: Redelivery, numbers: Sequence[str], votes: int, chance: random.Random) -> int:
        """Everybody votes ``votes`` times; a half of them then says STOP, and votes once more. Give how many that are."""
        stopping = set(chance.sample(numbers, len(numbers) // 2))

        async def viewer(number: str) -> None:
            for turn in range(votes):
                await clients.deliver(*self.message(number, turn, "vote 1"))
            if number in stopping:
                await asyncio.sleep(chance.uniform(0, 1.2))
                await clients.deliver(*self.message(number, votes, "STOP"), copies=chance.choice([1, 2]))
                await clients.deliver(*self.message(number, votes + 1, "vote 2"))

        await asyncio.gather(*map(viewer, numbers))
        return len(stopping)


def free_port() -> int:
    """A port of this worker's own, so that it is still free when a process that was to have it starts, or starts again."""
    while True:
        port = next(_PORTS)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


_WORKERS = 4
_WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % _WORKERS
# Above the ports of servers that tests start, below those that outgoing connections take.
_PORTS = itertools.cycle(random.SystemRandom().sample(range(30_000 + _WORKER, 32_000, _WORKERS), 500))
