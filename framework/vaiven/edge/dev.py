"""What ``vaiven dev`` does: serves a bot with phones to type on, and takes up every edit as it is saved.

An edited flow is published into the running bot. After an edit of ``bot.yaml`` or of its Python the bot is opened anew, in the
same process and on the same store. Either way conversations go on.
"""

import asyncio
import contextlib
import os
import secrets
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from vaiven.edge.console import Console, address, inbox
from vaiven.edge.console.bookings import books_of
from vaiven.edge.http import make_transport
from vaiven.edge.paths import ACTIONS, flow_files, from_here
from vaiven.edge.serve import SIMULATOR, assemble, door, listen, people_side, run, serve, signalled
from vaiven.edge.settings import BotSettings, bot_file, read_settings
from vaiven.edge.store_settings import public
from vaiven.edge.surroundings import known_of
from vaiven.edge.web import Site
from vaiven.flow.document import FlowDocument
from vaiven.flow.hashes import document_hash
from vaiven.flow.load import load_flows
from vaiven.flow.problems import Problem
from vaiven.model.errors import VaivenError
from vaiven.runtime.bot import Bot
from vaiven.runtime.conversations import Conversations
from vaiven.runtime.publishing import Outlook, outlooks, publish

HOST = "127.0.0.1"
POLL_S = 0.2
"""So often files are looked at."""

Stamps = Mapping[Path, tuple[int, int]]
"""Each file's instant of change and size."""


@dataclass(frozen=True, slots=True)
class Dressed:
    """A bot's settings as they are served here.

    ``phone`` is its simulator, ``left_out`` are channels whose settings are not all there.
    """

    settings: BotSettings
    phone: str
    left_out: tuple[str, ...] = ()


def dress(bot: Path, overrides: Mapping[str, Any], environ: Mapping[str, str]) -> tuple[Dressed | None, list[Problem]]:
    """The bot with phones to type on. Channels and webhooks that lack secrets are left out: nobody needs them to try a flow."""
    settings, problems = read_settings(bot, overrides, environ)
    channels: dict[str, Any] = {}
    left_out: list[str] = []
    kept = settings
    if settings is None:
        kept, found = read_settings(bot, overrides)
        if kept is None:
            return None, found
        left_out = [each.name for each in kept.channels if each.type != SIMULATOR]
        channels = dict.fromkeys(left_out)
    assert kept is not None
    phone = next((each.name for each in kept.channels if each.type == SIMULATOR), None)
    if phone is None:
        phone = "phones" if any(each.name == "phone" for each in kept.channels) else "phone"
        channels[phone] = {"type": SIMULATOR}
    if channels or (settings is None and kept.events):
        local: dict[str, Any] = {"public_url": f"http://{HOST}"} if left_out else {}
        local |= {"events": None} if settings is None else {}
        settings, problems = read_settings(bot, {**overrides, **local, "channels": channels}, environ)
    return (None, problems) if settings is None else (Dressed(settings, phone, tuple(left_out)), [])


def stamps(files: Sequence[Path]) -> Stamps:
    """As they are now; a file that is not there is left out."""
    found = {}
    for file in files:
        with contextlib.suppress(OSError):
            told = file.stat()
            found[file] = (told.st_mtime_ns, told.st_size)
    return found


class Watched:
    """The files of a bot, and which of them were saved since they were last asked for."""

    def __init__(self, bot: Path, flows: Path | None) -> None:
        self._file = bot_file(bot)
        self._flows = flows
        self._own = stamps(self._bots())
        self._theirs = stamps(self._texts())

    def _bots(self) -> list[Path]:
        folder = self._file.parent
        return [self._file, folder / ACTIONS, *sorted(folder.glob("*.py"))]

    def _texts(self) -> list[Path]:
        return flow_files(self._flows) if self._flows is not None else []

    def changed(self) -> tuple[list[Path], list[Path]]:
        """Of the bot's own files, and of its flows and translations, those that were saved, came or went."""
        own, theirs = stamps(self._bots()), stamps(self._texts())
        found = _differing(self._own, own), _differing(self._theirs, theirs)
        self._own, self._theirs = own, theirs
        return found


def _differing(old: Stamps, new: Stamps) -> list[Path]:
    return sorted(file for file in {*old, *new} if old.get(file) != new.get(file))


class Dev:
    """One bot under development. ``tell`` gets what a person should read."""

    def __init__(self, bot: Path, overrides: Mapping[str, Any], tell: Callable[[str], None]) -> None:
        self._bot = bot
        self._overrides = dict(overrides)
        self._tell = tell
        self._token = secrets.token_urlsafe(24)
        self._agent = ""
        self._greeted = False

    async def main(self, port: int, console_port: int) -> None:
        """Serve until a signal comes. Raises CannotListen."""
        stop, _ = signalled()
        hooks = listen(HOST, port)
        with hooks, listen(HOST, console_port) as phones, tempfile.TemporaryDirectory(prefix="vaiven-dev-") as folder:
            while not stop.is_set():
                dressed = self._read(folder)
                watched = Watched(self._bot, dressed.settings.flows if dressed is not None else None)
                try:
                    if dressed is not None:
                        bot = assemble(dressed.settings, make_transport(8))
                        await bot.start()
                        if not self._agent and await Conversations(bot).queues():
                            self._agent = await inbox.token_for(bot, "dev", "You")
                        sites = self._sites(bot, dressed, hooks, phones)
                        await self._serve(bot, dressed, sites, watched, stop)
                        continue
                except VaivenError as error:
                    self._tell(f"{error}\nNot served: mend it and save.")
                await self._saved(watched, stop)

    def _read(self, folder: str) -> Dressed | None:
        """The settings as they are now; what is wrong is told."""
        dressed, problems = dress(self._bot, self._overrides, os.environ)
        for problem in problems:
            self._tell(str(problem))
        if dressed is None:
            self._tell("Not served: mend it and save.")
        elif dressed.settings.store.startswith("memory:"):
            # What is only in memory would be gone after an edit of bot.yaml.
            self._overrides |= {"store": f"sqlite:///{folder}/dev.db", "profile": "local"}
            return self._read(folder)
        return dressed

    def _sites(self, bot: Bot, dressed: Dressed, hooks: Any, phones: Any) -> list[Site]:
        """Copies of the listening sockets: the ports stay ours while the bot is opened anew."""
        console = Console(bot, channel=dressed.phone, token=self._token, books=books_of(dressed.settings))
        # A site owns its socket and closes it.
        people = people_side(bot, dressed.settings)
        first = Site([*door(bot, dressed.settings).routes(), *people], HOST, 0, hooks.dup())
        return [first, Site([*console.routes(), *people], HOST, 0, phones.dup())]

    async def _serve(self, bot: Bot, dressed: Dressed, sites: Sequence[Site], watched: Watched, stop: asyncio.Event) -> None:
        over = asyncio.Event()
        watching = asyncio.create_task(self._watch(bot, dressed, watched, stop, over))
        try:
            await serve(bot, sites, over, lambda ports: self._greet(dressed, ports), lambda: 0.0)
        finally:
            watching.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await watching

    async def _watch(self, bot: Bot, dressed: Dressed, watched: Watched, stop: asyncio.Event, over: asyncio.Event) -> None:
        """Until there is a signal, or the bot must be opened anew."""
        try:
            while True:
                own, theirs = await self._saved(watched, stop)
                if stop.is_set():
                    return
                self._tell(_heading([*own, *theirs]))
                if own:
                    if self._mends():
                        return
                elif await self._take_up(bot, dressed.settings):
                    return
        finally:
            over.set()

    async def _saved(self, watched: Watched, stop: asyncio.Event) -> tuple[list[Path], list[Path]]:
        """Wait until something is saved, or a signal comes."""
        while not stop.is_set():
            own, theirs = watched.changed()
            if own or theirs:
                return own, theirs
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), POLL_S)
        return [], []

    def _mends(self) -> bool:
        """Whether the bot can be opened with what was saved. While it cannot, it goes on as it is."""
        dressed, problems = dress(self._bot, self._overrides, os.environ)
        documents: list[FlowDocument] = []
        if dressed is not None:
            documents, found = _flows(dressed.settings)
            problems = [*problems, *found]
        self._show(problems)
        if dressed is None or any(problem.is_error for problem in problems):
            self._tell("  Not taken up: the bot goes on as it was.")
            return False
        self._tell(f"  The bot is opened anew; conversations go on. {_count(len(documents), 'flow')}.")
        return True

    async def _take_up(self, bot: Bot, settings: BotSettings) -> bool:
        """Publish the flows as they were saved. True: a flow was taken away, so the bot must be opened anew."""
        documents, problems = _flows(settings)
        self._show(problems)
        if any(problem.is_error for problem in problems):
            self._tell("  Not taken up: the bot goes on with the flows it has.")
            return False
        if set(bot.flows.flows) - {document.name for document in documents}:
            self._tell("  A flow is gone. The bot is opened anew; conversations go on.")
            return True
        hashes = {name: flow.hash for name, flow in bot.flows.flows.items()}
        new = [each for each in documents if hashes.get(each.name) != document_hash(each)]
        try:
            looks = await outlooks(bot.store, new)
            await publish(bot.store, documents, bot.clock())
            await bot.turns.renew_flows()
        except VaivenError as error:
            self._tell(f"  {error}\n  Not taken up.")
            return False
        self._tell("\n".join(map(_pictured, looks)) if looks else "  Nothing that matters has changed.")
        return False

    def _show(self, problems: Sequence[Problem]) -> None:
        for problem in problems:
            self._tell(str(problem))

    def _greet(self, dressed: Dressed, ports: Sequence[int]) -> None:
        if self._greeted:
            self._tell("  It serves again.")
            return
        self._greeted = True
        settings = dressed.settings
        told = [f"vaiven dev: {settings.bot} on http://{HOST}:{ports[0]}, store {public(settings.store)}"]
        told.append(f"  phones   {address(f'http://{HOST}:{ports[1]}', self._token)}")
        if self._agent:
            told.append(f"  inbox    {inbox.address(f'http://{HOST}:{ports[1]}', self._agent)}")
        if dressed.left_out:
            told.append(f"  without  {', '.join(dressed.left_out)}: not all of their settings are there")
        told.append(
            f"  Save a flow, a translation, {from_here(settings.file)} or {ACTIONS}, and it is taken up. Ctrl-C stops it."
        )
        self._tell("\n".join(told))


def _flows(settings: BotSettings) -> tuple[list[FlowDocument], list[Problem]]:
    known, wrong = known_of(settings)
    texts, problems = [], []
    for path in flow_files(settings.flows):
        try:
            texts.append((str(from_here(path)), path.read_text("utf-8")))
        except (OSError, UnicodeDecodeError) as error:
            problems.append(Problem("no-file", str(path), 0, 0, f"the file cannot be read: {type(error).__name__}"))
    documents, found = load_flows(texts, settings.params, known)
    return documents, [*wrong, *problems, *found]


def _heading(files: Sequence[Path]) -> str:
    return f"\n{time.strftime('%H:%M:%S')} {', '.join(str(from_here(file)) for file in files)}"


def _pictured(look: Outlook) -> str:
    from vaiven.edge.cli.publish import picture

    return "\n".join(f"  {line}" for line in picture(look).splitlines())


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def run_dev(bot: Path, overrides: Mapping[str, Any], port: int, console_port: int) -> int:
    """Serve the bot of this folder, and take up what is saved, until a signal comes. Gives the exit code.

    Raises:
        CannotListen: a port is taken.
    """
    # A second edit within one second and of one size would else be taken for the first one, from its cache.
    sys.dont_write_bytecode = True
    dev = Dev(bot, overrides, lambda text: click.echo(text))
    run(lambda: dev.main(port, console_port))
    return 0
