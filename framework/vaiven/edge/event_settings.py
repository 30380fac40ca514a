"""The ``events:`` of a bot: webhooks of the business that are told what happens in conversations with people."""

import base64
import binascii
import re
from collections.abc import Collection
from urllib.parse import urlsplit

from vaiven.edge.places import UNKNOWN, Place, Reader
from vaiven.edge.reach import Reach
from vaiven.flow.problems import suggest
from vaiven.runtime.happenings import KINDS, Hook

MOST = 10
PREFIX = "whsec_"
KEY_BYTES = (24, 64)
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,62}\Z")
_SECRETS = ("secret", "secret_next")
_CURE = "Make one with: python -c \"import base64,secrets; print('whsec_' + base64.b64encode(secrets.token_bytes(32)).decode())\""
_UNREAD = b"?" * KEY_BYTES[0]


def read_events(reader: Reader, place: Place, allow: Collection[str] = ()) -> dict[str, Hook]:
    """``{desk: {url: https://…, secret: {env: DESK_SECRET}, kinds: [conversation.opened]}}``. ``allow`` is ``calls.allow``."""
    if not place.is_map and reader.value(place) is None:
        return {}  # taken away by what is given over the file
    places = reader.children(place)
    if len(places) > MOST:
        reader.say(place, "wrong-setting", f"'{place.name}' has {len(places)} webhooks", f"At most {MOST} are told.", at_key=True)
    found = {}
    for name, child in places.items():
        if not _NAME.match(name):
            reader.say(child, "wrong-setting", f"'{name}' is no name for a webhook", "Write it as help_desk.", at_key=True)
            continue
        hook = _hook(reader, name, child, Reach(allow))
        if hook is not None:
            found[name] = hook
    return found


def _hook(reader: Reader, name: str, place: Place, reach: Reach) -> Hook | None:
    parts = reader.children(place, ("url", *_SECRETS, "kinds"))
    for key in ("url", "secret"):
        if place.is_map and key not in parts:
            example = "url: https://desk.example/vaiven" if key == "url" else f"secret: {{env: {name.upper()}_SECRET}}"
            reader.missing(place, key, f"For example: {example}")
    secrets = [_secret(reader, parts[key]) for key in _SECRETS if key in parts]
    url = _url(reader, parts["url"], reach) if "url" in parts else None
    kinds = _kinds(reader, parts["kinds"]) if "kinds" in parts else frozenset(KINDS)
    if not url or not secrets or not kinds or None in secrets:
        return None
    return Hook(name, url, tuple(secret for secret in secrets if secret is not None), kinds)


def _url(reader: Reader, place: Place, reach: Reach) -> str | None:
    if reader.value(place) is UNKNOWN:
        return "https://unread.example"
    value = reader.text(place, "https://desk.example/vaiven")
    if value is None:
        return None
    try:
        parts = urlsplit(value)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        host, port = "", None
    good = host and parts.scheme in ("https", "http") and not (parts.username or parts.password or parts.fragment)
    if not good or re.search(r"[\s\\]", value):
        reader.say(place, "wrong-url", f"'{place.name}' must be a web address", "For example: https://desk.example/vaiven")
        return None
    if parts.scheme == "http" and not _is_allowed(reach, host, port or 80):
        cure = f"Or name {host} in calls.allow, if it is a host of yours."
        reader.say(place, "wrong-url", f"'{place.name}' must be https", cure)
        return None
    return value


def _is_allowed(reach: Reach, host: str, port: int) -> bool:
    return reach.names(host, port) or reach.permits(host, port, [host], secure=False)


def _secret(reader: Reader, place: Place) -> bytes | None:
    """The key that it stands for: never shown, and only from the environment."""
    reader.hide(place)
    if not place.is_option and reader.holds_literal(place):
        variable = re.sub(r"[^A-Z0-9]+", "_", place.name.upper())
        cure = f"Put it into the environment and write its name: {{env: {variable}}}"
        reader.say(place, "secret-in-file", f"'{place.name}' is a secret and stands in the file", cure)
        return None
    value = reader.value(place)
    if value is UNKNOWN:
        return _UNREAD
    try:
        key = base64.b64decode(value.removeprefix(PREFIX), validate=True) if isinstance(value, str) else b""
    except (ValueError, binascii.Error):
        key = b""
    if not isinstance(value, str) or not value.startswith(PREFIX) or not KEY_BYTES[0] <= len(key) <= KEY_BYTES[1]:
        told = f"'{place.name}' must be {PREFIX} and {KEY_BYTES[0]} to {KEY_BYTES[1]} random bytes in base64"
        reader.say(place, "wrong-setting", told, _CURE)
        return None
    return key


def _kinds(reader: Reader, place: Place) -> frozenset[str] | None:
    value = reader.value(place)
    if value is UNKNOWN:
        return frozenset(KINDS)
    if not isinstance(value, list) or not value or not all(isinstance(kind, str) for kind in value):
        cure = f"For example: [{KINDS[0]}, {KINDS[-1]}]"
        reader.say(place, "wrong-setting", f"'{place.name}' must be a list of kinds of events", cure)
        return None
    unknown = [kind for kind in value if kind not in KINDS]
    for kind in unknown:
        reader.say(place, "wrong-setting", f"'{kind}' is no kind of event", suggest(kind, KINDS, "Kinds"))
    return None if unknown else frozenset(value)
