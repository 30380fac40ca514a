"""``vaiven dev``: a bot under one's hands."""

from pathlib import Path

import click

from vaiven.edge.cli.serve import PORT


@click.command(short_help="Serve a bot with phones to type on; edits are taken up as you save.")
@click.argument("bot", type=click.Path(path_type=Path))
@click.option("--store", metavar="URL", help="Where everything is kept, over bot.yaml.")
@click.option("--port", type=PORT, default=8080, show_default=True, help="The port of webhooks on 127.0.0.1; 0 for any free one.")
@click.option("--console-port", type=PORT, default=8081, show_default=True, help="The port of the phones; 0 for any free one.")
def dev(bot: Path, store: str | None, port: int, console_port: int) -> int:
    """Serve the bot in the folder BOT with the console and its phones, and watch its flow files, translations, bot.yaml and
    actions.py.

    A flow that is saved is checked and published into the running bot; it is told what was text and what was shape, and who
    stands where. After an edit of bot.yaml or actions.py the bot is opened anew on the same store. Conversations go on. What has
    an error is told and not taken up.

    Channels whose settings are not all there, such as secrets, are left out; phones are added to a bot that has none.
    """
    from vaiven.edge import logs
    from vaiven.edge.dev import run_dev

    logs.setup("text", "warning")
    return run_dev(bot, {} if store is None else {"store": store}, port, console_port)
