"""What settings a channel needs, so that everything missing or wrong is told at once."""

import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any

import msgspec

URL = r"https?://[^\s?#]+"
API = r"https?://[^\s?#@/]+(?:/[^\s?#]*)?"
"""Without a user's name: credentials have settings of their own."""
NUMBER = r"\+[1-9][0-9]{6,14}"
DIGITS = r"[0-9]+"


class Setting(msgspec.Struct, frozen=True):
    """One setting: what it ``says`` to a person, the ``pattern`` its whole value fits, and an example of that.

    A ``secret`` may be a list of two while it is being rotated, or have its successor under ``<name>_next``.
    """

    name: str
    says: str
    pattern: str = r"\S.*"
    like: str = ""
    required: bool = True
    secret: bool = False


COMMON = (
    Setting("type", "the kind of channel"),
    Setting("api", "base URL of the provider's API", API, "https://api.example.com", required=False),
    Setting("rate", "how fast it may send", like="100/s", required=False),
    Setting("connections", "calls that may be under way at once", "[1-9][0-9]{0,3}", "256", required=False),
    Setting("hold", "how long a message of unknown outcome waits for a receipt", "[1-9][0-9]{0,3}[sm]", "60s", required=False),
    Setting("stop_reply", "who confirms a STOP", "ours|provider", "ours or provider", required=False),
    Setting("country", "the country of numbers without a country code", "[A-Za-z]{2}", "ES", required=False),
    Setting("public_url", "where providers reach this server", URL, "https://bot.example.com", required=False),
)
"""Settings that every channel may have, whether or not it uses them."""


def check_settings(known: Sequence[Setting], settings: Mapping[str, Any]) -> list[str]:
    """A line for each setting that is missing, wrong or unknown, in the order of ``known``.

    No line shows a value: one may be a secret that landed under another name.
    """
    names = {setting.name: setting for setting in (*COMMON, *known)}
    problems = [line for setting in names.values() for line in _problems(setting, settings)]
    allowed = [*names, *(f"{setting.name}_next" for setting in known if setting.secret)]
    for key in settings:
        if key not in allowed:
            close = get_close_matches(str(key), allowed, 1)
            problems.append(f"{key}: there is no such setting" + (f"; did you mean {close[0]}?" if close else ""))
    return problems


def _problems(setting: Setting, settings: Mapping[str, Any]) -> list[str]:
    values = _values(setting, settings)
    if not values:
        return [f"{setting.name}: missing: {setting.says}"] if setting.required else []
    if setting.secret and len(values) > 2:
        return [f"{setting.name}: two at most, the present one and the next"]
    return [line for value in values for line in _wrong(setting, value)]


def _values(setting: Setting, settings: Mapping[str, Any]) -> list[Any]:
    told = settings.get(setting.name)
    values = list(told) if setting.secret and isinstance(told, list | tuple) else [told]
    if setting.secret:
        values.append(settings.get(f"{setting.name}_next"))
    return [value for value in values if value is not None and value != ""]


def _wrong(setting: Setting, value: object) -> list[str]:
    text = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else None
    if text is not None and re.fullmatch(setting.pattern, text):
        return []
    like = f", like {setting.like}" if setting.like else ""
    return [f"{setting.name}: must be {setting.says}{like}"]


def secrets(settings: Mapping[str, Any], name: str) -> list[str]:
    """The active values of a secret, the present one first: ``name`` (one, or a list) and ``<name>_next``."""
    return [str(value) for value in _values(Setting(name, "", secret=True), settings)]


def text(settings: Mapping[str, Any], name: str, default: str = "") -> str:
    """One value as text; the default if it is absent."""
    value = settings.get(name)
    return default if value is None else str(value)


def base_url(settings: Mapping[str, Any], name: str, default: str = "") -> str:
    """A URL without the slash at its end."""
    return text(settings, name, default).rstrip("/")
