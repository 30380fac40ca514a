"""Starting and stopping a bot: what ``vaiven run`` does in one process. ``workers`` has many of them."""

import asyncio
import contextlib
import errno
import gc
import logging
import os
import secrets
import signal
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import click
from aiohttp import web

from vaiven.channels.registry import make_channel
from vaiven.channels.simulator import answer as simulated
from vaiven.edge import books
from vaiven.edge.actions import load_registry
from vaiven.edge.api import Api
from vaiven.edge.calling import HttpCaller
from vaiven.edge.console import inbox
from vaiven.edge.control import Act, beside, control
from vaiven.edge.figures import Siblings, figures, pack
from vaiven.edge.http import InProcess, make_transport
from vaiven.edge.paths import flow_files
from vaiven.edge.reach import Reach
from vaiven.edge.settings import BotSettings
from vaiven.edge.status import look_at_crew, pack_crew
from vaiven.edge.store_settings import public
from vaiven.edge.surroundings import known_of
from vaiven.edge.web import Door, Site
from vaiven.flow.load import load_flows
from vaiven.flow.problems import FlowError
from vaiven.flow.step import FlowSet
from vaiven.model.errors import VaivenError
from vaiven.runtime.bot import Bot
from vaiven.runtime.decide import Line
from vaiven.runtime.publishing import published
from vaiven.runtime.registry import Registry
from vaiven.runtime.tokens import change_token
from vaiven.runtime.transport import Transport
from vaiven.stores import open_store
from vaiven.stores.contract import Role
from vaiven.stores.sqlite import SqliteStore

log = logging.getLogger("vaiven.serve")

SIMULATOR = "simulator"
DRAIN_S = 1.0
"""After SIGTERM a load balancer is told 503 for so long, and requests are still taken."""

WEB = "web"
EVERYTHING = (WEB, *map(str, Role))
"""What a process can do: take webhooks, turn, send."""


class CannotListen(VaivenError):
    """The address is taken or not ours."""


@dataclass(frozen=True, slots=True)
class Serving:
    """How a process serves. ``listening`` and ``console_listening``: sockets that listen already, in place of ``host`` and
    ``port``. ``siblings`` serve the same port."""

    host: str
    port: int
    console_port: int | None = None
    roles: Collection[str] = EVERYTHING
    listening: socket.socket | None = None
    console_listening: socket.socket | None = None
    console_token: str | None = None
    siblings: Siblings | None = None


def clock() -> int:
    """Now, ms since the epoch."""
    return time.time_ns() // 1_000_000


def read_flows(settings: BotSettings, registry: Registry | None = None) -> FlowSet:
    """The bot's flow files, checked and compiled. ``registry`` is what its Python brings; it is loaded unless given.

    Raises:
        FlowError: every problem of every file.
        SettingsError: its Python cannot be run.
    """
    if registry is None:
        registry = load_registry(settings.file)
    known, wrong = known_of(settings)
    files = [(str(path), path.read_text("utf-8")) for path in flow_files(settings.flows)]
    documents, problems = load_flows(files, settings.params, known)
    problems = [*wrong, *problems]
    if any(problem.is_error for problem in problems):
        raise FlowError(problems)
    return FlowSet.build(settings.spec, documents, parsers=registry.parsers, recogniser=registry.recogniser)


def assemble(settings: BotSettings, transport: Transport, roles: Collection[str] = EVERYTHING) -> Bot:
    """A bot from its settings, not started yet, in these of its roles. Raises FlowError, SettingsError."""
    lines = {each.name: Line(make_channel(each.name, each.settings), each.stop_reply) for each in settings.channels}
    registry = load_registry(settings.file)
    return Bot(
        store=open_store(settings.store, bot=settings.bot, profile=settings.profile),
        lines=lines,
        flows=read_flows(settings, registry),
        transport=InProcess(SIMULATOR, simulated, transport),
        clock=clock,
        owner=f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(3)}",
        pacing={each.name: each.pacing for each in settings.channels},
        roles=[role for role in Role if role in roles],
        retention_days=settings.retention_days,
        caller=HttpCaller(Reach(settings.call_hosts)),
        registry=registry,
        hours=settings.hours,
        hooks=settings.events,
        hook_caller=HttpCaller(Reach(settings.call_hosts), redirects=0) if settings.events else None,
    )


def door(bot: Bot, settings: BotSettings, roles: Collection[str] = EVERYTHING, siblings: Siblings | None = None) -> Door:
    """The bot's health and metrics, and its webhooks where it is to take any. ``siblings`` serve the same port."""
    inside = [each.name for each in settings.channels if each.type == SIMULATOR or WEB not in roles]
    return Door(bot, settings.public_url, inside, lambda: figures(bot, siblings))


def people_side(bot: Bot, settings: BotSettings) -> list[web.RouteDef]:
    """What people of the business work with: the HTTP API, and the inbox page upon it."""
    return [*Api(bot, settings.replies, settings.public_url).routes(), *inbox.routes()]


async def serve(
    bot: Bot,
    sites: Sequence[Site],
    stop: asyncio.Event,
    started: Callable[[list[int]], None],
    drain_s: Callable[[], float],
    siblings: Siblings | None = None,
) -> None:
    """Run a started bot behind its sites until ``stop``; then finish what is under way.

    Raises whatever ended the bot, if it was not ``stop``.
    """
    running = asyncio.create_task(bot.run())
    listening: list[Site] = []
    try:
        ports = []
        for site in sites:
            try:
                ports.append(await site.start())
            except OSError as error:
                raise CannotListen(why(site.host, site.port, error)) from error
            listening.append(site)
        async with _controlled(bot, siblings):
            started(ports)
            waiting = asyncio.create_task(stop.wait())
            await asyncio.wait({running, waiting}, return_when=asyncio.FIRST_COMPLETED)
            waiting.cancel()
            bot.ready = False
            if not running.done():
                await asyncio.sleep(drain_s())
    finally:
        for site in listening:
            await site.stop()
        if not running.done():
            await bot.stop()
        try:
            await running
        finally:
            await bot.close()


@asynccontextmanager
async def _controlled(bot: Bot, siblings: Siblings | None) -> AsyncIterator[None]:
    """Other commands can ask: of the one process that serves from a file, and workers of each other."""
    path = beside(bot.store.path) if isinstance(bot.store, SqliteStore) else None if siblings is None else siblings.socket
    if path is None or not hasattr(socket, "AF_UNIX"):
        yield
        return
    async with control(path, acts(bot)):
        yield


def acts(bot: Bot) -> dict[str, Act]:
    """What other commands may ask of a serving process."""

    async def crew(_: Mapping[str, Any]) -> Any:
        return pack_crew(await look_at_crew(bot.store))

    async def revive(asked: Mapping[str, Any]) -> int | None:
        partition = int(asked["partition"])
        number = await bot.store.revive(partition, int(asked["number"]), bot.clock())
        bot.turns.look([partition])
        return number

    async def drop(asked: Mapping[str, Any]) -> bool:
        return await bot.store.drop(int(asked["partition"]), int(asked["number"]))

    async def counts(_: Mapping[str, Any]) -> Any:
        return pack(bot.counts)

    async def publish(asked: Mapping[str, Any]) -> Any:
        documents, problems = load_flows([(str(file), str(text)) for file, text in asked["sources"]], bot.flows.spec.params)
        if any(problem.is_error for problem in problems):
            return {"refused": [str(problem) for problem in problems if problem.is_error], "published": []}
        done = await published(bot.store, documents, bot.clock())
        await bot.turns.renew_flows()
        return done

    async def token(asked: Mapping[str, Any]) -> bool:
        await change_token(bot.store, bot.flows.spec.name, str(asked["name"]), dict(asked["data"]), bot.clock())
        bot.turns.look(range(bot.store.partitions))
        return True

    async def say(asked: Mapping[str, Any]) -> int:
        said = await books.tell(bot.store, bot.flows.spec.name, asked["words"], bot.clock())
        bot.turns.look(range(bot.store.partitions))
        return said

    return {"token": token, books.TELL: say, "crew": crew, "revive": revive, "drop": drop, "counts": counts, "publish": publish}


def look_free(host: str, port: int) -> None:
    """Find out that a port is taken before anything is made or opened. Raises CannotListen."""
    listen(host, port).close()


def listen(host: str, port: int) -> socket.socket:
    """A bound socket. Raises CannotListen."""
    bound = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
    except OSError as error:
        bound.close()
        raise CannotListen(why(host, port, error)) from error
    return bound


def why(host: str, port: int, error: OSError) -> str:
    """Why nobody can listen there, and what to do."""
    if error.errno == errno.EADDRINUSE:
        return f"{host}:{port} is already in use. Choose another with --port."
    return f"cannot listen on {host}:{port}: {error.strerror or type(error).__name__}. Choose another with --host or --port."


def signalled() -> tuple[asyncio.Event, Callable[[], float]]:
    """An event that SIGINT and SIGTERM set, and how long to drain after it. A second signal changes nothing."""
    stop, drain = asyncio.Event(), [0.0]

    def on_term() -> None:
        drain[0] = DRAIN_S
        stop.set()

    loop = asyncio.get_running_loop()
    with contextlib.suppress(NotImplementedError, AttributeError):  # Windows has no signal handlers on its loop
        loop.add_signal_handler(signal.SIGINT, stop.set)
        loop.add_signal_handler(signal.SIGHUP, stop.set)  # its terminal was closed
        loop.add_signal_handler(signal.SIGTERM, on_term)
    return stop, lambda: drain[0]


def run_bot(
    settings: BotSettings, serving: Serving, ready: Callable[[list[int]], None] | None = None, orphaned: int | None = None
) -> int:
    """Serve until a signal comes. Gives the exit code.

    ``ready`` gets the ports once it serves (default: they are told on standard output). It also stops when ``orphaned``, a
    descriptor, comes to its end.

    Raises:
        FlowError, SettingsError, StoreError, CannotListen: nothing was served.
    """

    async def main() -> None:
        stop, drain_s = signalled()
        if orphaned is not None:
            asyncio.get_running_loop().add_reader(orphaned, stop.set)
        if serving.listening is None:
            look_free(serving.host, serving.port)
        roles = serving.roles
        bot = assemble(settings, make_transport(sum(each.pacing.connections for each in settings.channels)), roles)
        await bot.start()
        routes = door(bot, settings, roles, serving.siblings).routes()
        people = people_side(bot, settings)
        if WEB in roles:
            routes += people
        sites = [Site(routes, serving.host, serving.port, serving.listening)]
        token = serving.console_token or secrets.token_urlsafe(24)
        if serving.console_port is not None:
            from vaiven.edge.console import Console
            from vaiven.edge.console.bookings import books_of

            console = Console(bot, token=token, books=books_of(settings))
            sites.append(Site([*console.routes(), *people], "127.0.0.1", serving.console_port, serving.console_listening))

        def started(ports: list[int]) -> None:
            (ready or (lambda ports: greet(settings, serving, ports, token)))(ports)

        await serve(bot, sites, stop, started, drain_s, serving.siblings)

    run(main)
    return 0


def greet(settings: BotSettings, serving: Serving, ports: Sequence[int], token: str) -> None:
    """Tell on standard output where it serves."""
    as_ = "" if set(serving.roles) == {*EVERYTHING} else f" ({', '.join(each for each in EVERYTHING if each in serving.roles)})"
    click.echo(f"vaiven: {settings.bot}{as_} on http://{serving.host}:{ports[0]}, store {public(settings.store)}")
    for each in settings.channels if WEB in serving.roles else ():
        if each.type != SIMULATOR:
            click.echo(f"  {each.name}: POST {settings.public_url}/hooks/{each.name}")
    if serving.console_port is not None:
        from vaiven.edge.console import address

        click.echo(f"  console: {address(f'http://127.0.0.1:{ports[1]}', token)}")


def run(main: Callable[[], Awaitable[None]]) -> None:
    """Run on uvloop where it is installed, else on asyncio's own loop."""
    try:
        import uvloop

        factory = uvloop.new_event_loop
    except ImportError:
        factory = None

    async def entry() -> None:
        # What is loaded stays, so collections need not look at it. A turn makes a hundred objects or so and leaves no cycles:
        # fewer, larger collections keep the tail of latencies short at little memory.
        gc.collect()
        gc.freeze()
        gc.set_threshold(200_000, 20, 20)
        await main()

    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(entry())
