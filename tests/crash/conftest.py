"""The rig of the crash tests on SQLite: one process and its file. Those on Redis have theirs below, in ``redis``."""

import shutil
import signal
import sqlite3
import sys
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest

from vaiven.model.urns import Urn
from vaiven.stores import open_store
from vaiven.stores.contract import Store

sys.path.insert(0, str(Path(__file__).parent))

from crash_rig import ROOT, Process, Rig


class FileRig(Rig):
    """A bot's folder, its file, and the processes around it.

    ``crashes`` has, for each kill, the rows that the file showed as dialed when the process was dead.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.db = folder / "crash.db"

    # -- processes -----------------------------------------------------------------------------------------------------

    def settle_bot(self, api: str, flows: Path = ROOT / "flows/tv_vote", **channel: str | int) -> None:
        """Write its bot.yaml; ``channel`` are more settings of the channel."""
        self.write_bot(f"sqlite:///{self.db}", api, flows, channel)

    async def bot(self, fault: str | None = None, *options: str) -> Process:
        """Start the bot, with a fault planted if one is named; return once it is ready."""
        process = await self.launch(fault, *options)
        await self.ready(process)
        return process

    async def launch(self, fault: str | None = None, *options: str) -> Process:
        """Start the bot and wait for nothing."""
        return await self.run(self.port, fault, options)

    async def kill(self, bot: Process) -> None:
        """kill -9, and note what was dialed."""
        await bot.end(signal.SIGKILL)
        await self.note_crash()

    async def note_crash(self) -> None:
        """The process is dead: note which rows its file shows as dialed."""
        async with self.copy() as store:
            dialed = await store.unsettled(["dialed"], 1 << 20)
        self.crashes.append(frozenset((row.reference, row.attempt) for row in dialed))

    async def words(self, process: Process) -> int:
        async with self.copy() as store:
            rows = await store.unsettled(["queued", "dialed"], 1 << 20)
        return sum(row.tell is not None for row in rows)

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

    async def claimed(self, store: Store, homes: Iterable[Urn]) -> dict[str, int]:
        return {f"{id_ >> 48}.{id_ & (1 << 48) - 1}": at for id_, at in self.query("SELECT id, dialed_ms FROM outbox")}

    def query(self, sql: str) -> list[tuple[object, ...]]:
        with closing(sqlite3.connect(self.db)) as connection:
            return connection.execute(sql).fetchall()


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[FileRig]:
    made = FileRig(tmp_path)
    yield made
    for process in reversed(made.started):
        await process.end(signal.SIGKILL)


@pytest.fixture
def figures(record_property) -> Iterator[dict[str, object]]:
    """What a run counted: kept with its report, and shown at the end."""
    told: dict[str, object] = {}
    yield told
    for name, value in told.items():
        record_property(name, value)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reports = (report for each in terminalreporter.stats.values() for report in each if isinstance(report, pytest.TestReport))
    for report in sorted(reports, key=lambda report: report.nodeid):
        if report.when == "teardown" and report.user_properties and "crash" in report.keywords:
            told = ", ".join(f"{name} {value}" for name, value in report.user_properties)
            terminalreporter.write_line(f"{report.nodeid.partition('::')[2]}: {told}")
