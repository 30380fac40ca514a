"""``vaiven status``: who owns what, what waits and since when."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from vaiven.edge.cli import FINDINGS

if TYPE_CHECKING:
    from vaiven.edge.status import Status
    from vaiven.stores.contract import Store


@click.command(short_help="Who owns what, what waits and since when.")
@click.argument("bot", type=click.Path(path_type=Path))
@click.option("--store", metavar="URL", help="The store, over bot.yaml.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for tools.")
def status(bot: Path, store: str | None, as_json: bool) -> int:
    """Tell how the bot in the folder BOT stands: partitions and their owners, events that wait and since when, messages under
    way by class, unknown outcomes, dead letters. It only looks.

    Exit code 1: there are partitions that nobody owns, so what waits there goes on waiting.
    """
    from vaiven.edge.cli.opening import looked
    from vaiven.edge.status import picture, plain, unowned

    found = looked(bot, store, _look)
    click.echo(json.dumps(plain(found), indent=2) if as_json else picture(found))
    return FINDINGS if any(unowned(found).values()) else 0


async def _look(store: "Store") -> "Status":
    from vaiven.edge.control import NobodyServes, ask, beside
    from vaiven.edge.status import NOBODY, look, unpack_crew
    from vaiven.stores.sqlite import SqliteStore

    if not isinstance(store, SqliteStore):
        return await look(store)
    try:
        crew = unpack_crew(await ask(beside(store.path), "crew"))  # only the process that serves from a file knows
    except NobodyServes:
        crew = NOBODY
    return await look(store, crew)
