"""Starting and stopping a bot: what ``vaiven run`` does."""

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
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import click

from vaiven.channels.registry import make_channel
from vaiven.channels.simulator import answer as simulated
from vaiven.edge.http import InProcess, make_transport
from vaiven.edge.settings import BotSettings
from vaiven.edge.web import Door, Site
from vaiven.flow.load import load_flows
from vaiven.flow.problems import FlowError
from vaiven.flow.step import FlowSet
from vaiven.model.errors import VaivenError
from vaiven.runtime.bot import Bot
from vaiven.runtime.decide import Line
from vaiven.runtime.transport import Transport
from vaiven.stores import open_store

log = logging.getLogger("vaiven.serve")

SIMULATOR = "simulator"
DRAIN_S = 1.0
"""After SIGTERM a load balancer is told 503 for so long, and requests are still taken."""


class CannotListen(VaivenError):
    """The address is taken or not ours."""


def clock() -> int:
    """Now, ms since the epoch."""
    return time.time_ns() // 1_000_000


def read_flows(settings: BotSettings) -> FlowSet:
    """The bot's flow files, checked and compiled.

    Raises:
        FlowError: every problem of every file.
    """
    files = [(str(path), path.read_text("utf-8")) for path in sorted(Path(settings.flows).glob("*.flow.yaml"))]
    documents, problems = load_flows(files, settings.params)
    if any(problem.severity == "error" for problem in problems):
        raise FlowError(problems)
    return FlowSet.build(settings.spec, documents)


def assemble(settings: BotSettings, transport: Transport) -> Bot:
    """A bot from its settings, not started yet. Raises FlowError, SettingsError."""
    lines = {each.name: Line(make_channel(each.name, each.settings), each.stop_reply) for each in settings.channels}
    return Bot(
        store=open_store(settings.store, clock=clock),
        lines=lines,
        flows=read_flows(settings),
        transport=InProcess(SIMULATOR, simulated, transport),
        clock=clock,
        owner=f"{os.getpid()}-{secrets.token_hex(4)}",
        pacing={each.name: each.pacing for each in settings.channels},
    )


def door(bot: Bot, settings: BotSettings) -> Door:
    """The bot's webhooks, health and metrics."""
    return Door(bot, settings.public_url, [each.name for each in settings.channels if each.type == SIMULATOR])


async def serve(
    bot: Bot, sites: Sequence[Site], stop: asyncio.Event, started: Callable[[list[int]], None], drain_s: Callable[[], float]
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
                raise CannotListen(_why(site.host, site.port, error)) from error
            listening.append(site)
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


def look_free(host: str, port: int) -> None:
    """Find out that a port is taken before anything is made or opened. Raises CannotListen."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise CannotListen(_why(host, port, error)) from error


def _why(host: str, port: int, error: OSError) -> str:
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


def run_bot(settings: BotSettings, host: str, port: int, console_port: int | None = None) -> int:
    """Serve until a signal comes. Gives the exit code.

    Raises:
        FlowError, SettingsError, StoreError, CannotListen: nothing was served.
    """

    async def main() -> None:
        stop, drain_s = signalled()
        look_free(host, port)
        bot = assemble(settings, make_transport(sum(each.pacing.connections for each in settings.channels)))
        await bot.start()
        sites = [Site(door(bot, settings).routes(), host, port)]
        if console_port is not None:
            from vaiven.edge.console import Console

            console = Console(bot)
            sites.append(Site(console.routes(), "127.0.0.1", console_port))

        def started(ports: list[int]) -> None:
            click.echo(f"vaiven: {settings.bot} on http://{host}:{ports[0]}, store {settings.store}")
            for each in settings.channels:
                if each.type != SIMULATOR:
                    click.echo(f"  {each.name}: POST {settings.public_url}/hooks/{each.name}")
            if console_port is not None:
                click.echo(f"  console: {console.url(f'http://127.0.0.1:{ports[1]}')}")

        await serve(bot, sites, stop, started, drain_s)

    run(main)
    return 0


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
