"""Real processes for crash tests: a bot that can be killed, and a provider that outlives it."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

ROOT = Path(__file__).parents[2]
ACCOUNT = "AC00000000000000000000000000000001"
TOKEN = "fake-twilio-token"
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
    hold: {hold}
"""


class Process:
    """One started program, ended by its pid."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    async def end(self, sign: signal.Signals) -> int:
        if self.process.returncode is None:
            self.process.send_signal(sign)
        return await self.process.wait()


class Rig:
    """A bot's folder, its file, and the processes around it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.db = folder / "crash.db"
        self.log = folder / "provider.jsonl"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.started: list[Process] = []

    async def provider(self, latency_s: float) -> str:
        """Start the provider; give its URL."""
        arguments = ["-m", "vaiven.testing.provider", "--log", str(self.log), "--latency", str(latency_s)]
        process = await self.start(*arguments, stdout=asyncio.subprocess.PIPE)
        assert process.process.stdout is not None
        return (await process.process.stdout.readline()).decode().strip()

    def settle_bot(self, api: str, hold: str) -> None:
        text = BOT.format(flows=ROOT / "flows/tv_vote", db=self.db, port=self.port, account=ACCOUNT, api=api, hold=hold)
        (self.folder / "bot.yaml").write_text(text)

    async def bot(self) -> Process:
        """Start the bot; return once it is ready."""
        process = await self.start("-m", "vaiven.edge.cli", "run", str(self.folder), "--port", str(self.port))
        async with aiohttp.ClientSession() as session:
            for _ in range(600):
                assert process.process.returncode is None, "the bot did not start"
                try:
                    async with session.get(f"{self.url}/health/ready") as response:
                        if response.status == 200:
                            return process
                except aiohttp.ClientError:
                    await asyncio.sleep(0.02)
        raise AssertionError("the bot is not ready after 12 s")

    async def start(self, *arguments: str, stdout: int | None = None) -> Process:
        environ = {**os.environ, "PYTHONPATH": str(ROOT / "framework"), "TOKEN": TOKEN}
        process = Process(await asyncio.create_subprocess_exec(sys.executable, *arguments, env=environ, stdout=stdout))
        self.started.append(process)
        return process


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    made = Rig(tmp_path)
    yield made
    for process in reversed(made.started):
        await process.end(signal.SIGKILL)
