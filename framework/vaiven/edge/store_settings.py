"""Where a bot keeps everything, and what a 2xx is to mean there."""

from collections.abc import Mapping
from urllib.parse import urlsplit

from vaiven.edge.places import Place, Reader
from vaiven.flow.problems import suggest
from vaiven.model.errors import SettingsError
from vaiven.stores.registry import public as public

REDIS = ("redis-fast", "redis-strict")
PROFILES: dict[str, tuple[str, ...]] = {
    "sqlite": ("local",),
    "memory": ("dev",),
    "redis": REDIS,
    "rediss": REDIS,
    "redis+cluster": REDIS,
    "rediss+cluster": REDIS,
    "redis+unix": REDIS,
}
"""The profiles that each kind of store can keep, the usual one first.

``local``: on this disk. ``dev``: in memory. ``redis-fast``: in the server's memory, and soon in its append-only file.
``redis-strict``: on the disks that the server is told to wait for.
"""

NAMES = ("local", "redis-fast", "redis-strict", "dev")
SHARED = frozenset({scheme for scheme, profiles in PROFILES.items() if profiles == REDIS})
"""Schemes of stores that many processes can serve from."""


def is_shared(url: str) -> bool:
    """Whether many processes can serve from this store. One that another package brings is taken at its word."""
    scheme = url.partition("://")[0]
    return scheme in SHARED or scheme not in PROFILES


def read_store(reader: Reader, place: Place) -> str | None:
    value = reader.text(place, "sqlite:///votes.db")
    if value is None:
        return None
    scheme, _, rest = value.partition(":")
    if scheme in SHARED:
        return _redis(reader, place, value)
    if (scheme == "sqlite" and rest.startswith("///") and len(rest) > 3) or value == "memory://":
        return value
    if scheme not in PROFILES and _is_brought(scheme):
        return value
    cure = (
        "Write sqlite:///votes.db for a file, sqlite:////var/lib/votes.db for one from the root on, redis://host:6379, "
        "redis+cluster://host:6379, or memory:// for a trial."
    )
    reader.say(place, "wrong-store", f"'{place.name}' names no store that is known here", cure)
    return None


def _redis(reader: Reader, place: Place, url: str) -> str | None:
    from vaiven.stores.redis.address import read_url

    if not place.is_option and reader.holds_literal(place) and not reader.variables(place) and "@" in urlsplit(url).netloc:
        reader.hide(place)
        cure = "Put the whole of it into the environment: store: {env: STORE_URL}"
        reader.say(place, "secret-in-file", f"'{place.name}' has a password in it", cure)
        return None
    try:
        read_url(url)
    except SettingsError as error:
        reader.hide(place)
        reader.say(
            place,
            "wrong-store",
            f"'{place.name}' cannot be read as the address of a server",
            error.problems[0].partition(". ")[2],
        )
        return None
    return url


def _is_brought(scheme: str) -> bool:
    """Whether another package brings a store under this scheme."""
    from importlib.metadata import entry_points

    return bool(entry_points(group="vaiven.stores", name=scheme))


def read_profile(reader: Reader, place: Place) -> str | None:
    value = reader.text(place, NAMES[0])
    if value is not None and value not in NAMES:
        told = f"'{place.name}' cannot be {reader.shown(place, value)}"
        reader.say(place, "wrong-setting", told, suggest(value, NAMES, "It is one of"))
        return None
    return value


def profile(reader: Reader, places: Mapping[str, Place], store: str, written: str | None) -> str:
    """The profile that holds; a problem if the store cannot keep it."""
    can = PROFILES.get(store.partition(":")[0]) or (written or "local",)
    if written is None or written in can:
        return written or can[0]
    if "store" in places and places["store"].is_option and not places["profile"].is_option:
        return can[0]  # a store given over the file brings its own profile, unless that is given too
    shown = "" if "store" in places and reader.variables(places["store"]) else f" {public(store)}"
    told = f"the store{shown} cannot keep the profile {reader.shown(places['profile'], written)}"
    cure = (
        f"Write profile: {' or '.join(can)}, or change the store. local is a SQLite file, dev is memory://, redis-… are redis://."
    )
    reader.say(places["profile"], "wrong-profile", told, cure)
    return written
