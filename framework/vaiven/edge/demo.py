"""What ``vaiven demo`` does: the TV vote on an embedded file, phones to type on, a crowd, a provider that is not real."""

import asyncio
import socket
import tempfile
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click

from vaiven.edge.console import Console
from vaiven.edge.http import make_transport
from vaiven.edge.paths import demo_bot_dir
from vaiven.edge.serve import assemble, door, run, serve, signalled
from vaiven.edge.settings import BotSettings, load_settings
from vaiven.edge.web import Site
from vaiven.testing.crowd import Crowd, Line, TwilioLine, WhatsAppLine
from vaiven.testing.provider import Accounts, FakeProvider

HOST = "127.0.0.1"
CROWD_PER_S = 15.0
VIEWERS = 1_000
KEPT_SENDS = 1_000
OPEN_FOR = timedelta(days=7)


def run_demo(port: int, db: str | None, crowd: bool) -> int:
    """Serve the demo until Ctrl-C. Gives the exit code. ``db`` None: a file that is gone afterwards."""

    async def main() -> None:
        stop, drain_s = signalled()
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
                await serve(bot, [site], stop, _greeting(console, db, crowd), drain_s)
            finally:
                stop.set()
                if crowding is not None:
                    await crowding

    run(main)
    return 0


def demo_settings(public_url: str, file: str, provider: FakeProvider) -> BotSettings:
    """The TV vote's own ``bot.yaml``, open now, with both its providers replaced by the one that is not real."""
    accounts: Accounts = provider.accounts
    now = datetime.now(UTC)
    overrides: dict[str, Any] = {
        "store": f"sqlite:///{Path(file).resolve()}",
        "params": {"opens": _instant(now - timedelta(hours=1)), "closes": _instant(now + OPEN_FOR)},
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
    return load_settings(demo_bot_dir(), overrides, environ)


def _instant(moment: datetime) -> str:
    return moment.replace(minute=0, second=0, microsecond=0).isoformat().replace("+00:00", "Z")


async def _crowd(settings: BotSettings, stop: asyncio.Event) -> None:
    accounts = Accounts()
    lines: list[Line] = [TwilioLine(token=accounts.twilio_token), WhatsAppLine(secret=accounts.meta_secret)]
    url = settings.public_url
    await Crowd(url, url, lines, rate_per_s=CROWD_PER_S, contacts=VIEWERS, seed=time.time_ns()).run(stop)


def _greeting(console: Console, db: str | None, crowd: bool) -> Callable[[list[int]], None]:
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
            "  In another terminal:           vaiven talk flows/tv_vote/vote.flow.yaml",
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
