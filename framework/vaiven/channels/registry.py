"""From ``type:`` in a bot's settings to a channel. A type's module is imported when a bot names it, not before.

Other packages bring channels under the entry point group ``vaiven.channels``: a name, and a class like those here.
"""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol

from vaiven.channels.contract import Channel
from vaiven.model.errors import SettingsError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP = "vaiven.channels"

BUILT_IN = {
    "messenger": "vaiven.channels.messenger:Messenger",
    "simulator": "vaiven.channels.simulator:Simulator",
    "twilio": "vaiven.channels.twilio:Twilio",
    "whatsapp-cloud": "vaiven.channels.whatsapp:WhatsAppCloud",
}


class ChannelType(Protocol):
    """A class of channels: called with a name and settings it makes one."""

    def __call__(self, name: str, settings: Mapping[str, Any]) -> Channel: ...

    def problems(self, settings: Mapping[str, Any]) -> list[str]:
        """A line for each setting that is missing or wrong, beginning with its name."""


def make_channel(name: str, settings: Mapping[str, Any]) -> Channel:
    """Make the channel ``name``. Values from the environment already stand in ``settings``.

    Raises:
        SettingsError: something is missing or wrong; ``problems`` has all of it.
    """
    problems = channel_problems(name, settings)
    if problems:
        raise SettingsError(problems)
    return _load(settings["type"])(name, settings)


def channel_problems(name: str, settings: Mapping[str, Any]) -> list[str]:
    """A line for each setting of this channel that is missing or wrong: ``channels.sms.token: missing: …``."""
    kind = settings.get("type")
    if kind not in tuple(BUILT_IN) and kind not in (known := channel_types()):
        close = get_close_matches(str(kind), known, 1)
        told = "missing" if kind is None else f"there is no channel type {kind!r}"
        hint = f" Did you mean {close[0]}?" if close else ""
        return [f"channels.{name}.type: {told}. There are: {', '.join(known)}.{hint}"]
    return [f"channels.{name}.{problem}" for problem in _load(kind).problems(settings)]


def channel_types() -> list[str]:
    """Every type there is, built in or brought by other packages, in order of name."""
    return sorted({*BUILT_IN, *(point.name for point in _brought())})


def _load(kind: str) -> ChannelType:
    if kind in BUILT_IN:
        module, _, name = BUILT_IN[kind].partition(":")
        found: ChannelType = getattr(import_module(module), name)
        return found
    point = next(point for point in _brought() if point.name == kind)
    brought: ChannelType = point.load()
    return brought


def _brought() -> "Iterable[EntryPoint]":
    """What other packages bring. Looking through all that is installed is slow, so only a type that is not ours asks."""
    from importlib.metadata import entry_points

    return entry_points(group=GROUP)
