"""``vaiven new``: a project from nothing, that is well at once."""

import json
import re
from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

import click

from vaiven.edge.cli import ENVIRONMENT
from vaiven.edge.paths import ACTIONS, BOT_FILE

TEMPLATES = {
    "vote": "On a phone of the console, type:  VOTE, then 2.",
    "booking": "On a phone of the console, type:  BOOK, then 4, then next friday.",
    "support": "On a phone of the console, type:  HELLO, then human.",
    "otp": "On a phone of the console, type:  CODE, then the code that comes.",
    "blank": "On a phone of the console, type:  HELLO.",
}
"""What there is, and what to try first."""

_COMMON = {
    "README.md": "README.md",
    "requirements.txt": "requirements.txt",
    "env.example": ".env.example",
    "gitignore": ".gitignore",
    "vscode/settings.json": ".vscode/settings.json",
    "vscode/extensions.json": ".vscode/extensions.json",
    "github/check.yml": ".github/workflows/check.yml",
}
"""What every project has, with what its template adds; without leading dots in the package, where tools would leave them out."""


def _name(_: click.Context, __: click.Parameter, value: str) -> str:
    if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", value) or len(value) > 40:
        raise click.BadParameter(f"{value!r} is no name of small letters, digits and hyphens, such as table-booking")
    return value


@click.command(short_help="A project from nothing: a bot, its flow, its tests.")
@click.argument("name", callback=_name)
@click.option("--template", type=click.Choice(list(TEMPLATES)), default="blank", show_default=True, help="What it begins as.")
def new(name: str, template: str) -> int:
    """Make the folder NAME with a bot, its flow and tests, editor support and a CI file. `vaiven check` and `vaiven test` are
    well with it from the first moment. Nothing that is there is written over. Exit code 3: the folder is not empty.
    """
    into = Path(name)
    if into.exists() and (not into.is_dir() or any(into.iterdir())):
        click.echo(f"{into} is there already, and not empty. Choose another name, or another folder to be in.", err=True)
        return ENVIRONMENT
    for path, text in sorted(project(name, template)):
        file = into / path
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("x", encoding="utf-8", newline="\n") as out:
            out.write(text)
    folder = name.replace("-", "_")
    click.echo(
        f"{into}: a project of the template {template}.\n\n"
        f"  cd {name}\n  vaiven check\n  vaiven test\n  vaiven dev bots/{folder}\n\n{TEMPLATES[template]}"
    )
    return 0


def project(name: str, template: str) -> Iterator[tuple[str, str]]:
    """Every file of a new project: its path and its text."""
    from vaiven.flow.schema import flow_schema
    from vaiven.flow.schema_translations import translation_schema
    from vaiven.testing.flowtests.schema import test_schema

    folder, root = name.replace("-", "_"), files("vaiven") / "templates"
    values = {"NAME": name, "FOLDER": folder, "TRY": TEMPLATES[template]}
    for source, path in _COMMON.items():
        more = root / template / source
        text = _filled(root / "common" / source, values)
        yield path, text + (_filled(more, values) if more.is_file() else "")
    for each in (root / template).iterdir():
        if each.is_file() and each.name not in _COMMON:
            under = "bots" if each.name in (BOT_FILE, ACTIONS) else "flows"
            yield f"{under}/{folder}/{each.name}", _filled(each, values)
    for kind, schema in {"flow": flow_schema(), "test": test_schema(), "translation": translation_schema()}.items():
        yield f".vscode/{kind}.schema.json", json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def _filled(file: Traversable, values: dict[str, str]) -> str:
    return re.sub(r"\b(NAME|FOLDER|TRY)\b", lambda found: values[found[0]], file.read_text("utf-8"))
