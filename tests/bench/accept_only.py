"""Work W3 for vaiven: its real door, intake and store, and nobody who takes the events: as a process with the role web would be.

python tests/bench/accept_only.py tests/bench/bots/poll sqlite:////tmp/bench.db 8080
"""

import os
import sys
from pathlib import Path

from vaiven.edge.http import make_transport
from vaiven.edge.serve import assemble, clock, run, signalled
from vaiven.edge.settings import load_settings
from vaiven.edge.web import Door, Site
from vaiven.runtime.intake import Intake


async def main() -> None:
    """Serve until a signal comes."""
    settings = load_settings(Path(sys.argv[1]), {"store": sys.argv[2]}, os.environ)
    bot = assemble(settings, make_transport(1), ["web"])
    await bot.start()
    # What is accepted stays in the store: nothing is handed over in memory, or it would pile up there.
    channels = {name: line.channel for name, line in bot.lines.items()}
    bot.intake = Intake(bot.store, channels, clock, bot.counts, lambda *accepted: None)
    stop, _ = signalled()
    site = Site(Door(bot, settings.public_url).routes(), "127.0.0.1", int(sys.argv[3]))
    await site.start()
    try:
        await stop.wait()
    finally:
        await site.stop()
        await bot.close()


run(main)
