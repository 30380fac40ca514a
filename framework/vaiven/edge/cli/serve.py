"""``vaiven run`` and ``vaiven demo``: the two that serve."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from vaiven.edge.settings import BotSettings

LEVELS = ["debug", "info", "warning", "error"]
PORT = click.IntRange(0, 65_535)
ROLES = ("web", "turn", "send")
DEMO_BOTS = ["tv_vote", "support", "booking"]
PROFILES = ["local", "redis-fast", "redis-strict", "dev"]


def _roles(_: click.Context, __: click.Parameter, value: str) -> tuple[str, ...]:
    """``web``, ``turn``, ``send``, some of them with commas between, or ``all``."""
    named = [each.strip() for each in value.split(",")]
    if unknown := [each for each in named if each not in (*ROLES, "all")]:
        raise click.BadParameter(f"{unknown[0]!r} is not one of {', '.join(ROLES)}, all")
    return tuple(each for each in ROLES if each in named or "all" in named)


@click.command(short_help="Serve a bot: webhooks in, replies out.")
@click.argument("bot", type=click.Path(path_type=Path))
@click.option("--store", metavar="URL", help="Where everything is kept, over bot.yaml: sqlite:///votes.db, redis://host, …")
@click.option(
    "--profile", type=click.Choice(PROFILES), help="What a 2xx means, over bot.yaml. The store must be able to keep it."
)
@click.option("--role", callback=_roles, default="all", show_default=True, metavar="ROLES", help="web, turn, send: some, or all.")
@click.option("--workers", type=click.IntRange(1, 256), default=1, show_default=True, help="So many processes on this port.")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on; 0.0.0.0 for every one.")
@click.option("--port", type=PORT, default=8080, show_default=True, help="The port to listen on; 0 for any free one.")
@click.option("--public-url", metavar="URL", help="How providers reach us, over bot.yaml. They sign it.")
@click.option("--console-port", type=PORT, help="Serve the console (phones, votes) on this port of 127.0.0.1.")
@click.option("--log-format", type=click.Choice(["text", "json"]), default="text", show_default=True, help="How a line reads.")
@click.option("--log-level", type=click.Choice(LEVELS), default="info", show_default=True, help="From where on.")
def run(
    bot: Path,
    store: str | None,
    profile: str | None,
    role: tuple[str, ...],
    workers: int,
    host: str,
    port: int,
    public_url: str | None,
    console_port: int | None,
    log_format: str,
    log_level: str,
) -> int:
    """Serve the bot in the folder BOT (the one with its bot.yaml) until it is told to stop.

    Webhooks are taken at POST /hooks/<channel>, health is told at /health/live and /health/ready, numbers at /metrics.
    Ctrl-C or SIGTERM stops it: what is under way is finished, and nothing that was acknowledged is lost.

    Every setting that is missing or wrong is told at once, before the port opens.

    With a store that many processes can share (redis://), --role and --workers say what this one does and how many do it. SIGUSR1
    to the parent of workers replaces them, one after the other.
    """
    from vaiven.edge import logs
    from vaiven.edge.serve import Serving, run_bot

    given = {"store": store, "profile": profile, "public_url": public_url}
    overrides = {key: value for key, value in given.items() if value is not None}
    settings = _settings(bot, overrides, role, workers)
    logs.setup(log_format, log_level)
    serving = Serving(host, port, console_port, role)
    if workers == 1:
        return run_bot(settings, serving)
    from vaiven.edge.workers import run_workers

    return run_workers(workers, lambda: _settings(bot, overrides, role, workers), serving)


def _settings(bot: Path, overrides: Mapping[str, Any], roles: tuple[str, ...], workers: int) -> "BotSettings":
    """The bot's settings, and what only their store makes wrong of our options: all of it at once."""
    from vaiven.edge.settings import read_settings, where
    from vaiven.edge.store_settings import is_shared, public
    from vaiven.model.errors import SettingsError

    settings, problems = read_settings(bot, overrides, os.environ)
    told = [str(problem) for problem in problems]
    try:
        url = settings.store if settings is not None else where(bot, os.environ, overrides.get("store")).store
    except SettingsError:
        url = ""
    if url and not is_shared(url):
        cure = f"one process does everything on {public(url)}; with redis:// or redis+cluster:// many can share"
        if workers > 1:
            told.append(f"options: --workers {workers}: {cure}")
        if roles != ROLES:
            told.append(f"options: --role {','.join(roles)}: {cure}")
    if settings is None or told:
        raise SettingsError(told)
    return settings


@click.command(short_help="Three bots with phones to type on: a TV vote, support, bookings.")
@click.option("--bot", type=click.Choice(DEMO_BOTS), help="Only this one.")
@click.option("--no-crowd", is_flag=True, help="Without the simulated viewers: only your own phones vote.")
@click.option(
    "--db",
    metavar="FOLDER",
    type=click.Path(file_okay=False),
    help="Keep everything in this folder, a file for each bot, and go on with it.",
)
@click.option("--port", type=PORT, default=8000, show_default=True, help="The port on 127.0.0.1; 0 for any free one.")
def demo(bot: str | None, no_crowd: bool, db: str | None, port: int) -> int:
    """Start the bots that come with vaiven: a TV vote with its board and a simulated crowd, customer support with the inbox of
    the people behind it, and a restaurant's bookings, with phones to type on.

    Nothing to set up: no account, no Docker, no database server. It prints the address to open. Ctrl-C stops it.
    """
    from vaiven.edge import logs
    from vaiven.edge.demo import run_demo

    logs.setup("text", "warning")
    return run_demo(port=port, db=db, crowd=not no_crowd, only=bot)
