"""What ``vaiven demo`` does: the TV vote on an embedded file, phones to type on, a crowd, a provider that is not real."""

import asyncio
import shlex
import shutil
import socket
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import click

from vaiven.edge.console import Console
from vaiven.edge.http import make_transport
from vaiven.edge.paths import FLOWS, demo_bot_dir, from_here
from vaiven.edge.serve import assemble, door, look_free, run, serve, signalled
from vaiven.edge.settings import BotSettings, load_settings
from vaiven.edge.web import Site
from vaiven.testing.crowd import Crowd, Line, TwilioLine, WhatsAppLine
from vaiven.testing.provider import Accounts, FakeProvider

HOST = "127.0.0.1"
CROWD_PER_S = 15.0
VIEWERS = 1_000
KEPT_SENDS = 1_000
CLOSES_AT = 23
"""The hour of the evening, in the bot's zone, at which the poll closes."""
OPEN_FOR = timedelta(hours=2)
"""At least; when that evening is nearer, it is the next one."""


def run_demo(port: int, db: str | None, crowd: bool) -> int:
    """Serve the demo until Ctrl-C. Gives the exit code. ``db`` None: a file that is gone afterwards."""

    async def main() -> None:
        stop, drain_s = signalled()
        look_free(HOST, port)
        async with AsyncExitStack() as stack:
            provider = await stack.enter_async_context(FakeProvider(keep=KEPT_SENDS))
            file = db or str(Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="vaiven-demo-"))) / "demo.db")
            chosen = port or free_port()
            settings = demo_settings(f"http://{HOST}:{chosen}", file, provider)
            bot = assemble(settings, make_transport(sum(each.pacing.connections for each in settings.channels)))
            await bot.start()
            console = Console(bot)
            site = Site([*door(bot, settings).routes(), *console.routes()], HOST, chosen)
            crowding = asyncio.create_task(_crowd(settings, stop)) if crowd else None
            try:
                await serve(bot, [site], stop, _greeting(console, settings, db, crowd), drain_s)
            finally:
                stop.set()
                if crowding is not None:
                    await crowding

    run(main)
    return 0


def demo_settings(public_url: str, file: str, provider: FakeProvider) -> BotSettings:
    """The TV vote's own ``bot.yaml``, open now, with both its providers replaced by the one that is not real."""
    accounts: Accounts = provider.accounts
    overrides: dict[str, Any] = {
        "store": f"sqlite:///{Path(file).resolve()}",
        "channels": {
            "sms": {"api": provider.url, "rate": "500/s", "stop_reply": "ours"},
            "whatsapp": {
                "type": "whatsapp-cloud",
                "api": provider.url,
                "number_id": WhatsAppLine(secret="").phone_number_id,
                "token": accounts.meta_token,
                "app_secret": accounts.meta_secret,
                "verify_token": "demo",
            },
        },
    }
    environ = {
        "PUBLIC_URL": public_url,
        "TWILIO_ACCOUNT_SID": accounts.twilio_account,
        "TWILIO_AUTH_TOKEN": accounts.twilio_token,
    }
    settings = load_settings(demo_bot_dir(), overrides, environ)
    return replace(settings, params={**settings.params, **open_now(datetime.now(UTC), ZoneInfo(settings.zone))})


def open_now(now: datetime, zone: ZoneInfo) -> dict[str, str]:
    """The params of a poll that opened about an hour ago, and closes this evening or, when that is too near, the next."""
    here = now.astimezone(zone)
    closes = here.replace(hour=CLOSES_AT, minute=0, second=0, microsecond=0)
    if closes.astimezone(UTC) - now.astimezone(UTC) < OPEN_FOR:
        closes += timedelta(days=1)
    opens = now.replace(minute=0, second=0, microsecond=0) - timedelta(hours=1)
    return {"opens": _instant(opens), "closes": _instant(closes)}


def _instant(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


async def _crowd(settings: BotSettings, stop: asyncio.Event) -> None:
    accounts = Accounts()
    lines: list[Line] = [TwilioLine(token=accounts.twilio_token), WhatsAppLine(secret=accounts.meta_secret)]
    url = settings.public_url
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


def _greeting(console: Console, settings: BotSettings, db: str | None, crowd: bool) -> Callable[[list[int]], None]:
    flow, *_ = sorted(Path(settings.flows).glob(FLOWS))
    talk = f"{this_command(sys.argv[0], shutil.which('vaiven'))} talk {shlex.quote(str(from_here(flow)))}"

    def started(ports: list[int]) -> None:
        base = f"http://{HOST}:{ports[0]}"
        lines = [
            "vaiven demo: the TV vote is open.",
            "",
            f"  Look here   {console.url(base)}",
            f"  The count   {base}/console/votes/final.json",
            f"  Metrics     {base}/metrics",
            f"  The file    {db}" if db else "  The file    is gone when you stop; keep one with --db votes.db",
            "",
            "  On a phone of the page, type:  VOTE      then  2      then  anna      then  RULES      then  STOP",
            f"  In another terminal:           {talk}",
        ]
        if crowd:
            lines.append("  A crowd is voting by signed Twilio and WhatsApp webhooks (leave it out with --no-crowd).")
        click.echo("\n".join([*lines, "", "  Ctrl-C stops it."]))

    return started


def free_port() -> int:
    """A port that nobody listens on. The providers' callbacks need to know it before the server starts."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
