"""``vaiven publish`` and ``vaiven diff``: new versions of flows, while people stand in the old ones."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from vaiven.edge.cli import FINDINGS

if TYPE_CHECKING:
    from vaiven.flow.document import FlowDocument
    from vaiven.runtime.publishing import Outlook
    from vaiven.stores.contract import Store

_BOT = click.argument("bot", type=click.Path(path_type=Path))
_STORE = click.option("--store", metavar="URL", help="The store, over bot.yaml.")
_JSON = click.option("--json", "as_json", is_flag=True, help="One JSON object, for tools.")


@click.command(short_help="What publishing the flows of a bot would change, and for whom.")
@_BOT
@_STORE
@_JSON
def diff(bot: Path, store: str | None, as_json: bool) -> int:
    """Compare the flow files of BOT with what is published in its store: what is text, what is shape, who stands where now, and
    what would become of them.

    Texts (words, labels, hints, translations) reach everyone at once. After an edit of shape (steps, routes, types, bounds)
    people go on in the version they began, unless the flow has `migrate`. Exit code 1: publishing would be refused.
    """
    from vaiven.edge.cli.opening import looked
    from vaiven.runtime.publishing import outlooks

    documents = _documents(bot)
    found = looked(bot, store, lambda opened: outlooks(opened, documents))
    if as_json:
        click.echo(json.dumps({"flows": [plain(look) for look in found]}, indent=2))
    else:
        click.echo("\n".join(picture(look) for look in found))
    return FINDINGS if any(look.stranded for look in found) else 0


@click.command(short_help="Make the flows of a bot current, while it serves.")
@_BOT
@_STORE
@_JSON
def publish(bot: Path, store: str | None, as_json: bool) -> int:
    """Make the flow files of BOT the current versions in its store. Processes that serve take them up within a second or two;
    `vaiven run` does the same at its start.

    Exit code 1: a file has an error, or a version that moves people (`migrate`) has no rule for somebody. Then nothing was
    published: `vaiven diff` tells who stands where.
    """
    from vaiven.edge.cli.opening import acted
    from vaiven.model.errors import PublishRefused

    documents = _documents(bot)

    async def act(opened: "Store") -> dict[str, Any]:
        from vaiven.runtime.publishing import published

        return await published(opened, documents, await opened.now_ms())

    sources = [[document.file, document.source] for document in documents]
    done = acted(bot, store, "publish", act, sources=sources)
    if done["refused"]:
        raise PublishRefused(done["refused"])
    if as_json:
        click.echo(json.dumps({"published": done["published"]}, indent=2))
    elif not done["published"]:
        click.echo("Nothing new: these are the current versions already.")
    else:
        for each in done["published"]:
            click.echo(f"{each['flow']}: version {each['hash']} is current.")
    return 0


def _documents(bot: Path) -> "list[FlowDocument]":
    """The checked flows of the bot in this folder. Raises FlowError, SettingsError."""
    from vaiven.edge.paths import flow_files
    from vaiven.edge.settings import read_settings
    from vaiven.flow.load import load_flows
    from vaiven.model.errors import FlowError, SettingsError

    settings, problems = read_settings(bot)
    if settings is None:
        raise SettingsError([str(problem) for problem in problems])
    files = [(str(path), path.read_text("utf-8")) for path in flow_files(settings.flows)]
    documents, found = load_flows(files, settings.params)
    if any(problem.is_error for problem in found):
        raise FlowError([problem for problem in found if problem.is_error])
    return documents


def plain(look: "Outlook") -> dict[str, Any]:
    """An outlook as data."""
    return {
        "flow": look.flow,
        "change": "new" if look.kind is None else look.kind.value,
        "changes": [{"what": change.what, "how": change.how} for change in look.changes],
        "people": [
            {"step": each.step, "shape": each.shape, "people": each.people, "fate": fate.name.lower(), "to": to}
            for each, fate, to in look.fates
        ],
    }


_KINDS = {
    None: "new: nobody has published it yet",
    "same": "nothing has changed",
    "text": "text only: everyone has it at once",
    "shape": "shape",
}


def picture(look: "Outlook") -> str:
    """An outlook as a person reads it."""
    lines = [f"{look.flow}: {_KINDS[look.kind]}"]
    lines += [f"  {change.how:<8} {change.what}" for change in look.changes]
    for each, fate, to in look.fates:
        where = f" to {to}" if to and to != each.step else ""
        lines.append(f"  {each.people:>6} on {each.step}: {fate.value}{where}")
    return "\n".join(lines)
