"""What can be wrong with the params of a booking bot. Pure."""

import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any
from urllib.parse import urlsplit

from booking_day import OPEN

LEAST = {
    "seats": 1,
    "every": 1,
    "lasts": 1,
    "last": 0,
    "hold": 1,
    "offer": 1,
    "remind": 0,
    "per_day": 1,
    "waiting": 0,
    "offered": 1,
    "keep": 0,
}
"""The numbers that a place may have of its own, and the bot for all; each with the least that it can be."""
OF_PLACE = ("id", "label", "hours", *LEAST)
OF_BOT = ("name", "place", "places", "api", "hours", *LEAST)
_ID = re.compile(r"[A-Za-z0-9_-]{1,40}\Z")
_HOSTS = ("http", "https")

Problem = tuple[tuple[str | int, ...], str, str]


def wrong(params: Mapping[str, Any], hours: Mapping[str, Any]) -> Iterator[Problem]:
    """Each problem with its path, what is so, and what would be right. A value of None is not known here, and passes."""
    for name in params:
        if name not in OF_BOT and (near := get_close_matches(name, OF_BOT, 1, 0.8)):  # flows may have more params of their own
            yield (name,), "is not known", f"Did you mean '{near[0]}'?"
    yield from _numbers((), params)
    api = params.get("api")
    if api is not None and api != "" and not _is_address(api):
        yield ("api",), "must be a web address, without a slash at its end", "For example: https://tables.example"
    places = params.get("places")
    if places is None and "places" in params:
        return
    if not isinstance(places, list) or not (places or api):
        yield ("places",), "must be a list of places", "For example: places: [{id: room, label: Dining room, seats: 24}]"
        return
    for index, place in enumerate(places):
        yield from _of_place(index, place, places, params, None if api else hours)
    if len(places) == 1 and isinstance(places[0], Mapping) and params.get("place") not in (None, places[0].get("id")):
        yield ("place",), "names no place", f"The one that there is: {places[0].get('id')}"


def _of_place(
    index: int, place: Any, places: list[Any], params: Mapping[str, Any], hours: Mapping[str, Any] | None
) -> Iterator[Problem]:
    """``hours`` None: another system knows when it is open."""
    at = ("places", index)
    if not isinstance(place, Mapping):
        yield at, "must be a map", "For example: {id: room, label: Dining room, seats: 24}"
        return
    for name in place:
        if name not in OF_PLACE:
            near = get_close_matches(name, OF_PLACE, 1)
            yield (*at, name), "is not known", f"Did you mean '{near[0]}'?" if near else f"Known: {', '.join(OF_PLACE)}"
    named = place.get("id")
    if not isinstance(named, str) or not _ID.match(named):
        yield (*at, "id"), "must be a name of letters, digits, - and _", "For example: id: room"
    elif named in [each.get("id") for each in places[:index] if isinstance(each, Mapping)]:
        yield (*at, "id"), "is the name of another place, too", "Each has its own."
    label = place.get("label")
    if not isinstance(label, str) and (len(places) > 1 or label is not None):
        yield (*at, "label"), "must be a text: guests choose by it", "For example: label: Dining room"
    yield from _numbers(at, place)
    if hours is None:
        return
    if "seats" not in place and "seats" not in params:
        yield at, "has no seats", "For example: seats: 24"
    open_by = {**params, **place}.get("hours", OPEN)
    if not isinstance(open_by, str) or open_by not in hours:
        known = f"Names under `hours:` are: {', '.join(hours)}." if hours else "The bot has no `hours:`."
        where = (*at, "hours") if "hours" in place else ("hours",) if "hours" in params else at
        yield where, f"has no opening hours: the bot has no `hours` named '{open_by}'", known


def _numbers(at: tuple[str | int, ...], given: Mapping[str, Any]) -> Iterator[Problem]:
    for name, least in LEAST.items():
        value = given.get(name)
        is_number = isinstance(value, int) and not isinstance(value, bool)
        if isinstance(value, str) and value.isdecimal():  # the environment has only texts
            is_number, value = True, int(value)
        if value is not None and not (is_number and value >= least):
            yield (*at, name), f"must be a whole number from {least} on", f"For example: {name}: {max(least, 30)}"


def _is_address(value: Any) -> bool:
    try:
        parts = urlsplit(value) if isinstance(value, str) else None
        return (
            parts is not None
            and parts.scheme in _HOSTS
            and bool(parts.hostname)
            and not (value.endswith("/") or parts.query or parts.fragment or re.search(r"\s", value))
        )
    except ValueError:
        return False
