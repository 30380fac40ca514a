"""``vaiven dead``: events that were set aside: to look at, to try again, to forget."""

import json
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from vaiven.edge.cli import FINDINGS
from vaiven.edge.cli.options import of_a_store, table

if TYPE_CHECKING:
    from vaiven.model.turns import DeadLetter
    from vaiven.stores.contract import Store

EVERYTHING = 1 << 31


def _id(_: click.Context, __: click.Parameter, value: str) -> tuple[int, int]:
    partition, _dot, number = value.partition(".")
    if not (partition.isdecimal() and number.isdecimal() and value.isascii() and len(value) < 40):
        raise click.BadParameter(
            f"{value!r} is no id of a dead letter: it is <partition>.<number>, as `vaiven dead list` tells it"
        )
    return int(partition), int(number)


@click.group(short_help="Dead letters: list, show, retry, drop.")
def dead() -> None:
    """Events that were set aside: their turn failed five times, or their owners died over them, or they came too late.

    An id is <partition>.<number>. What people wrote is told by `show` only. `retry` and `drop` work while the bot serves.
    """


@dead.command("list", short_help="Every dead letter, with its reason.")
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True, help="So many of the newest.")
@of_a_store
def list_letters(limit: int, bot: Path, store: str | None, as_json: bool) -> int:
    """Every dead letter, newest first: its id, when it was set aside, what it is and why. No words of people."""
    from vaiven.edge.cli.opening import looked

    letters = looked(bot, store, lambda opened: opened.dead(limit))
    if as_json:
        click.echo(json.dumps({"dead": [summary(letter) for letter in letters]}, indent=2))
    elif not letters:
        click.echo("No dead letters.")
    else:
        rows = [tuple(summary(letter)[key] for key in ("id", "at", "channel", "kind", "reason")) for letter in letters]
        click.echo(table(("id", "at", "channel", "kind", "reason"), rows))
    return 0


@dead.command(short_help="One dead letter, whole.")
@click.argument("id", callback=_id)
@of_a_store
def show(id: tuple[int, int], bot: Path, store: str | None, as_json: bool) -> int:
    """The dead letter ID with everything in it, what the person wrote included. Exit code 1: there is none."""
    from vaiven.edge.cli.opening import looked

    letters = looked(bot, store, lambda opened: opened.dead(EVERYTHING))
    letter = next((each for each in letters if (each.event.partition, each.number) == id), None)
    if letter is None:
        return _none(id)
    whole = {**summary(letter), "event": _plain(letter)}
    click.echo(json.dumps(whole, indent=2, ensure_ascii=False) if as_json else picture(whole))
    return 0


@dead.command(short_help="Put one back into the inbox.")
@click.argument("id", callback=_id)
@of_a_store
def retry(id: tuple[int, int], bot: Path, store: str | None, as_json: bool) -> int:
    """Put the dead letter ID back into its inbox, as if it had just come, to be turned again. Exit code 1: there is none.

    What set it aside may do so again: then it is back among the dead letters under a new id.
    """
    partition, number = id

    async def act(opened: "Store") -> int | None:
        return await opened.revive(partition, number, await opened.now_ms())

    new = _act(bot, store, "revive", act, id)
    if new is None:
        return _none(id)
    told = f"{partition}.{new}"
    click.echo(
        json.dumps({"id": f"{partition}.{number}", "now": told}) if as_json else f"{partition}.{number} is event {told} now."
    )
    return 0


@dead.command(short_help="Forget one for good.")
@click.argument("id", callback=_id)
@of_a_store
def drop(id: tuple[int, int], bot: Path, store: str | None, as_json: bool) -> int:
    """Forget the dead letter ID for good. Exit code 1: there is none."""
    partition, number = id
    if not _act(bot, store, "drop", lambda opened: opened.drop(partition, number), id):
        return _none(id)
    click.echo(json.dumps({"id": f"{partition}.{number}"}) if as_json else f"{partition}.{number} is forgotten.")
    return 0


def _act(bot: Path, store: str | None, do: str, act: Callable[["Store"], Coroutine[Any, Any, Any]], id: tuple[int, int]) -> Any:
    from vaiven.edge.cli.opening import acted

    return acted(bot, store, do, act, partition=id[0], number=id[1])


def _none(id: tuple[int, int]) -> int:
    click.echo(f"no dead letter {id[0]}.{id[1]}. `vaiven dead list` tells which there are.", err=True)
    return FINDINGS


def summary(letter: "DeadLetter") -> dict[str, Any]:
    """A dead letter without a word of a person, or an address."""
    at = datetime.fromtimestamp(letter.at_ms / 1000, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    return {
        "id": f"{letter.event.partition}.{letter.number}",
        "at": at,
        "channel": letter.event.channel,
        "kind": type(letter.event.body).__name__,
        "reason": letter.reason,
    }


def _plain(letter: "DeadLetter") -> dict[str, Any]:
    import msgspec

    # Bytes are what a provider sent: shown as text, as far as they are any.
    found: dict[str, Any] = msgspec.to_builtins(letter.event, builtin_types=(bytes,))
    return {key: _readable(value) for key, value in found.items()}


def _readable(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, dict):
        return {key: _readable(each) for key, each in value.items()}
    return [_readable(each) for each in value] if isinstance(value, list | tuple) else value


def picture(whole: dict[str, Any]) -> str:
    """A dead letter as a person reads it."""
    lines = [f"{key}: {whole[key]}" for key in ("id", "at", "channel", "kind", "reason")]
    event = {key: value for key, value in whole["event"].items() if key not in ("partition", "channel")}
    return "\n".join([*lines, "event:", *_indented(event, 1)])


def _indented(values: dict[str, Any], depth: int) -> list[str]:
    lines = []
    for key, value in values.items():
        if isinstance(value, dict):
            lines += [f"{'  ' * depth}{key}:", *_indented(value, depth + 1)]
        else:
            lines.append(
                f"{'  ' * depth}{key}: {value if isinstance(value, int | float) else json.dumps(value, ensure_ascii=False)}"
            )
    return lines
