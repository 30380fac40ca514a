"""The ``channels:`` of a bot: what each end of the line is, resolved, and proven by the channel's own rules."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from vaiven.channels.registry import channel_problems
from vaiven.edge.places import UNKNOWN, Place, Reader
from vaiven.runtime.pacing import Pacing

_NAME = re.compile(r"[a-z][a-z0-9_-]{0,30}\Z")
_RATE = re.compile(r"([0-9]{1,6}(?:\.[0-9]{1,3})?)\s*/\s*(s|m|h)\Z")
_UNIT_S = {"s": 1, "m": 60, "h": 3600}
_SECRET = re.compile(r"token|secret|password|key\b|_key")
_ENV = "from the environment"
_QUOTED = 4
"""Characters from which on a value that is found in a line was quoted there, and is not a word that the line has anyway."""


@dataclass(frozen=True, slots=True)
class ChannelSettings:
    """One channel. ``settings`` is what its class is made from, secrets included, so it is never shown.

    ``pacing`` is how fast it sends. ``stop_reply``: who confirms a STOP, ``ours`` or ``provider``.
    """

    name: str
    type: str
    settings: Mapping[str, Any] = field(repr=False)
    pacing: Pacing = field(default_factory=Pacing)
    stop_reply: str = "ours"


def read_channels(
    reader: Reader, place: Place, shared: Mapping[str, Any], unsure: frozenset[str]
) -> tuple[tuple[ChannelSettings, ...], frozenset[str]]:
    """Every channel that is right, and which of the bot's own settings channels asked for and did not get.

    ``shared`` are settings of the bot that every channel gets too, ``unsure`` those whose value is wrong or not known.
    """
    found: list[ChannelSettings] = []
    wanted: set[str] = set()
    for name, child in reader.children(place).items():
        if not child.is_map and reader.value(child) is None:
            continue  # taken away by what is given over the file
        if not _NAME.match(name):
            cure = "It stands in the webhook's address: small letters, digits, - and _, a letter first."
            reader.say(child, "wrong-setting", f"'{name}' is no name for a channel", cure, at_key=True)
        channel = _channel(reader, name, child, shared, unsure, wanted)
        if channel is not None:
            found.append(channel)
    if not found and not reader.problems:
        reader.say(place, "no-channels", "the bot has no channels", "For example: phone: {type: simulator}")
    return tuple(found), frozenset(wanted)


def _channel(
    reader: Reader, name: str, place: Place, shared: Mapping[str, Any], unsure: frozenset[str], wanted: set[str]
) -> ChannelSettings | None:
    places = reader.children(place)
    before = len(reader.problems)
    for key, child in places.items():
        if _SECRET.search(key):
            _secret(reader, child)
    values = {key: reader.value(child) for key, child in places.items()}
    unknown = {key for key, value in values.items() if _is_unknown(value)} | (unsure - values.keys())
    settings = {**shared, **dict.fromkeys(unsure, _ENV), **values, **dict.fromkeys(unknown, _ENV)}
    for line in channel_problems(name, settings):
        key, _, told = line.removeprefix(f"channels.{name}.").partition(": ")
        if key in unknown:
            continue
        if key not in places and key in ("public_url", "country"):
            wanted.add(key)
            continue
        at, told = places.get(key, place), _concealed(told, reader, places, values)
        if key in places and (variables := reader.variables(at)) and told.startswith("must be "):
            told = f"what {' or '.join(variables)} holds is not {told.removeprefix('must be ')}"
        reader.say(at, "wrong-channel", f"'channels.{name}.{key}': {told}", at_key=key not in places)
    rate = _rate(reader, places["rate"], values["rate"]) if values.get("rate") is not None else None
    if len(reader.problems) > before:
        return None
    chosen = {key: value for key, value in values.items() if value is not None and key not in unknown}
    pacing = Pacing(
        rate_per_s=rate,
        connections=int(chosen.get("connections", Pacing().connections)),
        hold_ms=_hold_ms(chosen["hold"]) if "hold" in chosen else Pacing().hold_ms,
    )
    return ChannelSettings(name, str(settings["type"]), settings, pacing, str(settings.get("stop_reply") or "ours"))


def _concealed(told: str, reader: Reader, places: Mapping[str, Place], values: Mapping[str, Any]) -> str:
    """What a channel tells, without values that are secret or that the environment holds: a channel of others may quote them."""
    for key, value in values.items():
        if _SECRET.search(key) or reader.variables(places[key]):
            for each in value if isinstance(value, list) else [value]:
                if isinstance(each, str) and len(each) >= _QUOTED:
                    told = told.replace(each, "…")
    return told


def _is_unknown(value: object) -> bool:
    return value is UNKNOWN or (isinstance(value, list) and UNKNOWN in value)


def _hold_ms(value: object) -> int:
    """``60s`` or ``5m``, proven by its pattern before."""
    return int(str(value)[:-1]) * _UNIT_S[str(value)[-1]] * 1000


def _secret(reader: Reader, place: Place) -> None:
    """A secret comes from the environment, or is handed in by code; in a file, everybody who reads the file would read it."""
    reader.hide(place)
    if not place.is_option and reader.holds_literal(place):
        variable = re.sub(r"[^A-Z0-9]+", "_", place.name.removeprefix("channels.").upper())
        cure = f"Put it into the environment and write its name: {{env: {variable}}}"
        reader.say(place, "secret-in-file", f"'{place.name}' is a secret and stands in the file", cure)


def _rate(reader: Reader, place: Place, value: object) -> float | None:
    found = _RATE.match(value) if isinstance(value, str) else None
    if value is UNKNOWN:
        return None
    if found is None or float(found[1]) <= 0:
        reader.say(place, "wrong-rate", f"'{place.name}' must be messages a time", "For example: 100/s, 600/m, 1000/h")
        return None
    return float(found[1]) / _UNIT_S[found[2]]
