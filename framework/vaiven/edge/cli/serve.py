"""``vaiven run`` and ``vaiven demo``: the two that serve."""

import os
from pathlib import Path
from typing import Any

import click

LEVELS = ["debug", "info", "warning", "error"]
PORT = click.IntRange(0, 65_535)


@click.command(short_help="Serve a bot: webhooks in, replies out.")
@click.argument("bot", type=click.Path(path_type=Path))
@click.option("--store", metavar="URL", help="Where everything is kept, over bot.yaml: sqlite:///votes.db, or memory://.")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on; 0.0.0.0 for every one.")
@click.option("--port", type=PORT, default=8080, show_default=True, help="The port to listen on; 0 for any free one.")
@click.option("--public-url", metavar="URL", help="How providers reach us, over bot.yaml. They sign it.")
@click.option("--console-port", type=PORT, help="Serve the console (phones, votes) on this port of 127.0.0.1.")
@click.option("--log-format", type=click.Choice(["text", "json"]), default="text", show_default=True, help="How a line reads.")
@click.option("--log-level", type=click.Choice(LEVELS), default="info", show_default=True, help="From where on.")
def run(
    bot: Path,
    store: str | None,
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
    """
    from vaiven.edge import logs
    from vaiven.edge.serve import run_bot
    from vaiven.edge.settings import load_settings

    overrides: dict[str, Any] = {"store": store, "public_url": public_url}
    settings = load_settings(bot, {key: value for key, value in overrides.items() if value is not None}, os.environ)
    logs.setup(log_format, log_level)
    return run_bot(settings, host, port, console_port)


@click.command(short_help="The TV vote, with phones to type on and a simulated crowd.")
@click.option("--no-crowd", is_flag=True, help="Without the simulated viewers: only your own phones vote.")
@click.option("--db", metavar="FILE", type=click.Path(dir_okay=False), help="Keep everything in this file, and go on with it.")
@click.option("--port", type=PORT, default=8000, show_default=True, help="The port on 127.0.0.1; 0 for any free one.")
def demo(no_crowd: bool, db: str | None, port: int) -> int:
    """Start the TV-vote bot with a phone simulator, a live vote board and a simulated crowd.

    Nothing to set up: no account, no Docker, no database server. It prints the address to open. Ctrl-C stops it.
    """
    from vaiven.edge import logs
    from vaiven.edge.demo import run_demo

    logs.setup("text", "warning")
    return run_demo(port=port, db=db, crowd=not no_crowd)
