"""A bot's settings as what its turns are decided with, without serving: for history that is looked at again."""

import os
from pathlib import Path

from vaiven.channels.contract import Channel
from vaiven.channels.registry import make_channel
from vaiven.channels.simulator import Simulator
from vaiven.edge.actions import load_registry
from vaiven.edge.channel_settings import ChannelSettings
from vaiven.edge.settings import BotSettings, read_settings
from vaiven.model.errors import SettingsError
from vaiven.runtime.decide import Line
from vaiven.runtime.replay import Scene

_SENDERS = ("from", "number_id", "page_id")
"""Settings that are our own address on a channel, as opt-outs are filed under it."""


def scene(bot: Path) -> tuple[BotSettings, Scene]:
    """The bot of this folder. Secrets need not be there: channels that lack them are ones that can only be looked at.

    Raises:
        SettingsError: its file is wrong, or its Python cannot be run.
    """
    settings, _ = read_settings(bot, environ=os.environ)
    if settings is None:
        settings, problems = read_settings(bot)
        if settings is None:
            raise SettingsError([str(problem) for problem in problems])
    lines = {each.name: Line(_channel(each), each.stop_reply) for each in settings.channels}
    return settings, Scene(lines, load_registry(settings.file), settings.hours)


def _channel(each: ChannelSettings) -> Channel:
    try:
        return make_channel(each.name, each.settings)
    except SettingsError:
        sender = next((str(each.settings[key]) for key in _SENDERS if each.settings.get(key)), each.name)
        return Simulator(each.name, {"from": sender})
