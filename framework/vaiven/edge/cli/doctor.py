"""``vaiven doctor``: what bites in production, each thing with its fix in one line."""

import json
import os
from pathlib import Path

import click

from vaiven.edge.cli import FINDINGS


@click.command(short_help="What bites in production, with the fix.")
@click.argument("bot", type=click.Path(path_type=Path))
@click.option("--store", metavar="URL", help="The store, over bot.yaml.")
@click.option("--profile", metavar="PROFILE", help="What a 2xx means, over bot.yaml.")
@click.option("--public-url", metavar="URL", help="How providers reach us, over bot.yaml.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for tools.")
def doctor(bot: Path, store: str | None, profile: str | None, public_url: str | None, as_json: bool) -> int:
    """Look at the bot in the folder BOT, its machine, its store and its public address, and tell what bites in production.

    Run it where the bot runs, with the bot's environment. It only looks; at the public address it posts one webhook without a
    signature to each channel, which must be refused. Exit code 1: something fails. Warnings do not change the exit code.
    """
    import asyncio

    from vaiven.edge.doctor.findings import Severity, picture, plain
    from vaiven.edge.doctor.visit import visit

    given = {"store": store, "profile": profile, "public_url": public_url}
    overrides = {key: value for key, value in given.items() if value is not None}
    found = asyncio.run(visit(bot, overrides, os.environ))
    if as_json:
        click.echo(json.dumps(plain(found.head, found.findings), indent=2))
    else:
        head = ", ".join(f"{name} {value}" for name, value in found.head.items() if value)
        click.echo(f"{head}\n\n{picture(found.findings)}")
    return FINDINGS if any(finding.severity is Severity.FAIL for finding in found.findings) else 0
