"""What a bot's settings and its Python tell about the flows' surroundings. Nothing of the Python is run."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from vaiven.flow.checks import Known
from vaiven.flow.checks.known import Takes
from vaiven.flow.problems import Problem
from vaiven.model.messages import Capabilities

if TYPE_CHECKING:
    from vaiven.edge.settings import BotSettings

_CAPABILITIES = {
    "twilio": ("vaiven.channels.twilio", "SMS"),
    "simulator": ("vaiven.channels.twilio", "SMS"),
    "whatsapp-cloud": ("vaiven.channels.whatsapp", "WHATSAPP"),
    "messenger": ("vaiven.channels.messenger", "MESSENGER"),
}
"""Where each type of channel says what it can show. A simulated phone is taken for the one that can show least."""


def known_of(settings: "BotSettings") -> tuple[Known, list[Problem]]:
    """What flows of this bot can name, and what is wrong with the Python that registers it."""
    from vaiven.edge.actions import read_registered

    registered, problems = read_registered(settings.file)
    known = Known(
        actions={
            name: Takes(takes.required, None if takes.anything else takes.names) for name, takes in registered.actions.items()
        },
        parsers=registered.parsers,
        resources=dict.fromkeys(registered.resources),
        hours=frozenset(settings.hours),
        channels=_channels({channel.name: channel.type for channel in settings.channels}),
    )
    return known, problems


def _channels(types: Mapping[str, str]) -> dict[str, Capabilities] | None:
    """What each can show; None where one is of a type that another package brings."""
    from importlib import import_module

    if not set(types.values()) <= set(_CAPABILITIES):
        return None
    found = {}
    for name, kind in types.items():
        module, constant = _CAPABILITIES[kind]
        found[name] = getattr(import_module(module), constant)
    return found
