"""What ``vaiven demo`` does: the bots that come with vaiven on embedded files, phones to type on, the inbox of the people behind
them, a crowd that votes, a provider and a shop that are not real. One process, one port, a prefix and a file for each bot."""

import asyncio
import os
import secrets
import shlex
import shutil
import socket
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import click
from aiohttp import web

from vaiven.edge.console import Console, Link, inbox, start, under
from vaiven.edge.console.bookings import books_of
from vaiven.edge.demo_bots import BOTS, ORDERS, Around, DemoBot
from vaiven.edge.http import make_transport
from vaiven.edge.paths import FLOWS, from_here
from vaiven.edge.serve import CannotListen, assemble, door, look_free, people_side, run, serve, signalled, why
from vaiven.edge.settings import BotSettings
from vaiven.edge.web import Site
from vaiven.model.errors import SettingsError
from vaiven.runtime.bot import Bot
from vaiven.runtime.tokens import CREATE, REVOKE, SCOPES, change_token, listed, make_token, tokens_home
from vaiven.testing.crowd import Crowd, Line, TwilioLine, WhatsAppLine
from vaiven.testing.provider import Accounts, FakeProvider
from vaiven.testing.shop import FakeShop

HOST = "127.0.0.1"
CROWD_PER_S = 15.0
VIEWERS = 1_000
KEPT_SENDS = 1_000
VOTE = "tv_vote"
AGENT, AGENT_NAME = "sam", "Sam"
"""Who somebody is in the demo's inbox."""


@dataclass(frozen=True, slots=True)
class Running:
    """One of the bots, running. ``ended`` is done when it has stopped, whatever the reason."""

    of: DemoBot
    bot: Bot
    settings: BotSettings
    ended: asyncio.Task[None]


def run_demo(port: int, db: str | None, crowd: bool, only: str | None = None) -> int:
    """Serve the demo until Ctrl-C. Gives the exit code.

    ``db`` is the folder of the bots' files; None: one that is gone afterwards. ``only`` names one bot in place of all.
    """
    chosen = [each for each in BOTS if only in (None, each.name)]

    async def main() -> None:
        stop, drain_s = signalled()
        look_free(HOST, port)
        async with AsyncExitStack() as stack:
            folder = stack.enter_context(_folder(db))
            provider = await stack.enter_async_context(FakeProvider(keep=KEPT_SENDS))
            shop = await stack.enter_async_context(FakeShop(ORDERS))
            base = f"http://{HOST}:{port or free_port()}"
            around = Around(base, folder, provider.url, provider.accounts, shop.url, shop.host)
            bots = [await stack.enter_async_context(_running(each, around)) for each in chosen]
            token, agent = secrets.token_urlsafe(24), await _hire(bots)
            site = Site(_routes(bots, around, token), HOST, int(base.rpartition(":")[2]))
            await stack.enter_async_context(_listening(site))
            crowding = asyncio.create_task(_crowd(around, stop)) if crowd and VOTE in [each.of.name for each in bots] else None
            _greet(bots, start.address(base, token, agent), agent, db, crowding is not None)
            try:
                waiting = asyncio.create_task(stop.wait())
                await asyncio.wait({waiting, *(each.ended for each in bots)}, return_when=asyncio.FIRST_COMPLETED)
                waiting.cancel()
                for each in bots:
                    each.bot.ready = False
                if not any(each.ended.done() for each in bots):
                    await asyncio.sleep(drain_s())
            finally:
                stop.set()
                if crowding is not None:
                    await crowding

    run(main)
    return 0


@contextmanager
def _folder(db: str | None) -> Iterator[Path]:
    """Where the bots' files are, and the support bot's desk with them."""
    if db is None:
        with tempfile.TemporaryDirectory(prefix="vaiven-demo-") as made:
            yield _with_desk(Path(made))
        return
    folder = Path(db)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsError([f"options: --db {db}: {error.strerror}; name a folder, in which each bot has its file"]) from error
    yield _with_desk(folder)


def _with_desk(folder: Path) -> Path:
    os.environ["SUPPORT_DESK"] = str(folder / "support_desk.db")  # its Python reads the environment
    return folder


@asynccontextmanager
async def _running(of: DemoBot, around: Around) -> AsyncIterator[Running]:
    """The bot, started, as long as the context lasts. Raises whatever ended it before."""
    settings = of.settings(around)
    bot = assemble(settings, make_transport(sum(each.pacing.connections for each in settings.channels)))
    await bot.start()
    quit_, ready = asyncio.Event(), asyncio.Event()
    ended = asyncio.create_task(serve(bot, [], quit_, lambda _: ready.set(), lambda: 0.0))
    try:
        waiting = asyncio.create_task(ready.wait())
        await asyncio.wait({ended, waiting}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        yield Running(of, bot, settings, ended)
    finally:
        quit_.set()
        await ended


@asynccontextmanager
async def _listening(site: Site) -> AsyncIterator[None]:
    try:
        await site.start()
    except OSError as error:
        raise CannotListen(why(site.host, site.port, error)) from error
    try:
        yield
    finally:
        await site.stop()


def _routes(bots: Sequence[Running], around: Around, token: str) -> list[web.RouteDef]:
    """The start page, each bot under its prefix, and the people's side of the one that has it."""
    bar = [Link("Start", "/"), *(Link(each.of.title, _phones(each.of)) for each in bots)]
    bar += [Link("Inbox", inbox.PATH) for each in bots if each.of.people]
    routes = start.routes([_card(each.of) for each in bots])
    for each in bots:
        # What providers sign has the prefix in its path already.
        hooks = door(each.bot, replace(each.settings, public_url=around.base)).routes()
        routes += under(each.of.name, [*hooks, *_console(each, token, bar).routes()])
        if each.of.people:
            routes += people_side(each.bot, each.settings)
    return routes


def _console(running: Running, token: str, bar: Sequence[Link]) -> Console:
    return Console(running.bot, token=token, links=bar, books=books_of(running.settings))


def _phones(of: DemoBot) -> str:
    return f"/{of.name}/console/"


def _card(of: DemoBot) -> start.Card:
    links = [Link(of.phones, _phones(of))]
    if of.people:
        links += [Link("Inbox", inbox.PATH), Link("API", "/v1/openapi.json")]
    return start.Card(of.name, of.title, of.about, of.say, links)


async def _hire(bots: Sequence[Running]) -> str | None:
    """A new token of whoever answers in the inbox, in place of those of earlier demos; None if there is none to answer in."""
    for bot in [each.bot for each in bots if each.of.people]:
        name, now_ms = bot.flows.spec.name, bot.clock()
        (state,) = await bot.store.load([tokens_home(name)])
        for old in listed(state.contact.vars.get("state", {})):
            if old.agent == AGENT:
                await change_token(bot.store, name, REVOKE, {"id": old.id}, now_ms)
        token, kept = make_token(AGENT, AGENT_NAME, SCOPES, now_ms)
        await change_token(bot.store, name, CREATE, kept, now_ms)
        bot.turns.look(range(bot.store.partitions))
        return token
    return None


async def _crowd(around: Around, stop: asyncio.Event) -> None:
    accounts: Accounts = around.accounts
    lines: list[Line] = [TwilioLine(token=accounts.twilio_token), WhatsAppLine(secret=accounts.meta_secret)]
    url = f"{around.base}/{VOTE}"
    await Crowd(url, url, lines, rate_per_s=CROWD_PER_S, contacts=VIEWERS, seed=time.time_ns()).run(stop)


def this_command(argv0: str, on_path: str | None) -> str:
    """How a person in this folder calls the ``vaiven`` that runs now: the script, or ``python -m vaiven`` where there is none.

    ``argv0`` is what was called, ``on_path`` the script that the bare name calls, if any.
    """
    script = Path(argv0).absolute()
    if script.stem != "vaiven" or not script.is_file():
        return f"{_typed(Path(sys.executable))} -m vaiven"
    if on_path is not None and Path(on_path).absolute() == script:
        return "vaiven"
    return _typed(script)


def _typed(program: Path) -> str:
    """A program by its path, as a shell takes it: a bare name would be looked for elsewhere."""
    path = from_here(program)
    return shlex.quote(f"./{path}" if len(path.parts) == 1 else str(path))


def _greet(bots: Sequence[Running], page: str, agent: str | None, db: str | None, crowd: bool) -> None:
    first = bots[0]
    flow, *_ = sorted(Path(first.settings.flows).glob(FLOWS))
    talk = f"{this_command(sys.argv[0], shutil.which('vaiven'))} talk {shlex.quote(str(from_here(flow)))}"
    base = page.partition("#")[0].rstrip("/")
    lines = ["vaiven demo: " + ", ".join(each.of.title for each in bots) + ".", "", f"  Look here   {page}", ""]
    for each in bots:
        lines.append(f"  {each.of.title:<19} {'   '.join(each.of.say)}")
    lines += [
        "",
        f"  For programs        {base}/index.json",
        f"  Numbers             {base}/{first.of.name}/metrics",
        f"  Files               {from_here(Path(db).resolve())}"
        if db
        else "  Files               gone when you stop; --db FOLDER keeps them",
        f"  In a terminal       {talk}",
    ]
    if agent is not None:
        lines.append(f'  The support API     curl -H "Authorization: Bearer {agent}" {base}/v1/conversations')
    if crowd:
        lines += ["", "  A crowd is voting by signed Twilio and WhatsApp webhooks (leave it out with --no-crowd)."]
    click.echo("\n".join([*lines, "", "  Ctrl-C stops it."]))


def free_port() -> int:
    """A port that nobody listens on. The providers' callbacks need to know it before the server starts."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
