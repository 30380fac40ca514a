"""``vaiven draw``: a flow as a picture, from the machine that it compiles to."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from vaiven.edge.cli import FINDINGS
from vaiven.edge.paths import bot_of

if TYPE_CHECKING:
    from vaiven.flow.flow import Flow

_SUFFIXES = {".mmd": "mermaid", ".dot": "dot", ".gv": "dot", ".svg": "svg"}


@click.command(short_help="Draw a flow: Mermaid, DOT or SVG.")
@click.argument("flow", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--format", "form", type=click.Choice(["mermaid", "dot", "svg"]), help="By default what FILE ends in, else Mermaid."
)
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="Write to this file.")
def draw(flow: Path, form: str | None, output: Path | None) -> int:
    """Draw the steps of a FLOW file and the ways between them, as the machine has them that runs it.

    What each state has, errors and BACK, is left out; what many have, such as a command, is drawn once, from "any step".
    """
    from vaiven.flow.drawing import as_dot, as_mermaid
    from vaiven.flow.drawing import draw as drawn
    from vaiven.flow.drawing_svg import as_svg

    compiled = _compiled(flow)
    if compiled is None:
        return FINDINGS
    kind = form or (_SUFFIXES.get(output.suffix, "mermaid") if output is not None else "mermaid")
    text = {"mermaid": as_mermaid, "dot": as_dot, "svg": as_svg}[kind](drawn(compiled))
    if output is None:
        click.echo(text, nl=False)
    else:
        output.write_text(text, "utf-8")
    return 0


def _compiled(path: Path) -> "Flow | None":
    """The flow, compiled with the params of its bot; None if it has errors, which are told."""
    from vaiven.edge.settings import read_settings
    from vaiven.flow.compile import compile_flow
    from vaiven.flow.load import load_flow
    from vaiven.flow.spec import BotSpec

    bot = bot_of(path.parent)
    settings = None if bot is None else read_settings(bot)[0]
    try:
        text = path.read_bytes().decode()
    except UnicodeDecodeError:
        click.echo(f"{path}: the file is not UTF-8", err=True)
        return None
    document, problems = load_flow(text, str(path), None if settings is None else settings.params)
    if document is None:
        for problem in problems:
            click.echo(f"{problem}\n", err=True)
        return None
    # When it opens is no part of the picture, and without its bot it need not be known.
    window = document.window and replace(document.window, opens=None, closes=None)
    parsers = {step.verb.answer.parser for step in document.steps if hasattr(step.verb, "answer") and step.verb.answer.parser}
    spec = BotSpec("draw") if settings is None else settings.spec
    return compile_flow(replace(document, window=window), spec, {name: lambda _text: None for name in parsers})
