"""The ``commands:`` of a bot: heard at every question of every flow, after the flow's own, and when no question waits."""

from collections.abc import Iterator, Mapping
from typing import Any

from vaiven.edge.places import Place, Reader
from vaiven.flow.answers import fold, legal_clash
from vaiven.flow.checks.names import BUILT_IN
from vaiven.flow.document import Command, Use
from vaiven.flow.parse.reader import Reader as FlowReader
from vaiven.flow.parse.routes import command as read_command
from vaiven.flow.problems import suggest
from vaiven.flow.source import Entry

_KNOWN = tuple(name for name in BUILT_IN if name not in ("vars", "session", "window"))
"""Names that mean the same in every flow, and without one."""


def read_commands(reader: Reader, place: Place, params: Mapping[str, Any]) -> tuple[Command, ...]:
    """Every command that could be read: as in a flow, but ``go`` names a flow, and its texts read nothing of one."""
    found: list[Command] = []
    owners: dict[str, str] = {}
    for child in reader.children(place).values():
        if child.top.key is None:
            continue
        source = child.top.source
        inside = FlowReader(source)
        command = read_command(inside, Entry(child.top.key, child.top.node), of_bot=True)
        reader.problems += inside.problems
        for use in inside.uses:
            for told, cure in _unknown(use, params):
                reader.problems.append(source.problem("unknown-name", use.at, told, cure))
        if command is not None:
            for told in _unheard(command, owners):
                reader.say(child, "wrong-command", told, "Take another word.", at_key=True)
            found.append(command)
    return tuple(found)


def _unknown(use: Use, params: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for dotted in sorted(use.piece.names):
        top, _, name = dotted.partition(".")
        if top not in _KNOWN:
            yield f"'{top}' is not known to a command of the bot", suggest(top, _KNOWN, "Known")
        elif top == "params" and name not in params:
            cure = suggest(name, sorted(params), "Params") or f"Declare it: `params: {{{name}: ...}}`."
            yield f"the bot has no param '{name}'", cure


def _unheard(command: Command, owners: dict[str, str]) -> Iterator[str]:
    """Words of this command that something else takes first."""
    for word in command.words:
        folded = fold(word)
        owner = owners.setdefault(folded, command.name)
        if not folded:
            yield f"'{word}' can never be matched: punctuation is not compared"
        elif legal_clash(word, sms=True) is not None:
            yield f"'{word}' is a word that carriers take, so the command '{command.name}' would never hear it"
        elif folded == "back":
            yield f"BACK is a command of every flow, so the command '{command.name}' would never hear it"
        elif owner != command.name:
            yield f"'{word}' is both the command '{owner}' and the command '{command.name}'"
