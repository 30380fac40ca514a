"""What commands have in common: options of those that look at a store, params of a bot, and how a table reads."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import click


def of_a_store(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that say which store is read, and how the answer reads."""
    command = click.option("--json", "as_json", is_flag=True, help="One JSON object, for tools.")(command)
    command = click.option("--store", metavar="URL", help="The store itself, in place of the bot's.")(command)
    help_text = "The bot whose store is read: its folder. This folder, unless given."
    return click.option("--bot", type=click.Path(path_type=Path), default=Path(), help=help_text)(command)


def of_a_bot(command: Callable[..., Any]) -> Callable[..., Any]:
    """The option that gives params over the bot's, as a map by their names."""
    option = click.option(
        "--param",
        "params",
        multiple=True,
        callback=_params,
        metavar="NAME=VALUE",
        help="A param over the bot's; as often as needed.",
    )
    return option(command)


def _params(_: click.Context, __: click.Parameter, written: tuple[str, ...]) -> dict[str, Any]:
    """``NAME=VALUE`` as a file would read it: a number is a number."""
    from vaiven.flow.source import resolve

    found = {}
    for each in written:
        name, equals, value = each.partition("=")
        if not equals or not name:
            raise click.UsageError(f"--param {each}: write NAME=VALUE.")
        found[name] = resolve(value, "plain")
    return found


def table(heads: tuple[str, ...], rows: Iterable[tuple[Any, ...]]) -> str:
    """Columns: texts to the left, numbers to the right."""
    cells = [heads, *(tuple(str(cell) for cell in row) for row in rows)]
    widths = [max(len(row[index]) for row in cells) for index in range(len(heads))]
    numeric = [all(row[index][:1].isdigit() for row in cells[1:]) for index in range(len(heads))]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if number else cell.ljust(width) for cell, width, number in zip(row, widths, numeric, strict=True)
        ).rstrip()
        for row in cells
    )
