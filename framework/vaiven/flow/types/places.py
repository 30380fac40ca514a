"""Places and files: what a message carries, and coordinates in a text."""

import re
from collections.abc import Collection

from vaiven.flow.answers import Understood
from vaiven.flow.types import Asked
from vaiven.model.messages import InboundMessage, Media

_PAIR = r"([+-]?\d{1,2}(?:\.\d{1,15})?)\s*[,;\s]\s*([+-]?\d{1,3}(?:\.\d{1,15})?)"
_BARE = re.compile(rf"\s*(?:geo:)?\(?{_PAIR}\)?\s*", re.ASCII)
_DEGREES = re.compile(
    r"\s*(\d{1,2}(?:\.\d{1,15})?)\s*°?\s*([NS])[\s,;]+(\d{1,3}(?:\.\d{1,15})?)\s*°?\s*([EWO])\s*", re.ASCII | re.I
)
_LINK = re.compile(
    rf"https?://\S{{1,200}}?(?:@|[?&](?:q|ll|query|center|daddr)=(?:loc:)?|!3d)(?:{_PAIR}|([+-]?\d{{1,2}}\.\d+)!4d([+-]?\d{{1,3}}\.\d+))",
    re.ASCII,
)
_MOST = 500


def _read_coordinates(raw: str, _asked: Asked) -> Understood | None:
    """Coordinates as people paste them (WGS 84 degrees), or a map's link that bears them. No address is looked up."""
    if len(raw) > _MOST:
        return None
    if match := _DEGREES.fullmatch(raw):
        latitude = float(match[1]) * (-1 if match[2] in "sS" else 1)
        longitude = float(match[3]) * (1 if match[4] in "eE" else -1)
        return _place(latitude, longitude, raw)
    if match := _BARE.fullmatch(raw):
        # Two small whole numbers are no place: "4 5".
        return _place(float(match[1]), float(match[2]), raw) if "." in match[1] and "." in match[2] else None
    links = list(_LINK.finditer(raw.replace("%2C", ",").replace("%2c", ",")))
    if len(links) != 1 or raw.count("://") != 1:
        return None
    first, second = (links[0][1], links[0][2]) if links[0][1] is not None else (links[0][3], links[0][4])
    return _place(float(first), float(second), raw)


def _place(latitude: float, longitude: float, raw: str, name: str | None = None, address: str | None = None) -> Understood | None:
    if not (-90 <= latitude <= 90 and -180 <= longitude <= 180):
        return None
    return Understood({"latitude": latitude, "longitude": longitude, "name": name, "address": address}, raw)


def read_location(message: InboundMessage) -> Understood | None:
    """The place that a message carries: ``latitude`` and ``longitude`` in WGS 84 degrees, ``name`` and ``address`` or null."""
    place = message.location
    if place is None:
        return None
    return _place(place.latitude, place.longitude, message.text, place.name, place.address)


def kind_of_file(media: Media) -> str:
    """``image``, ``audio``, ``video`` or ``document``, by its MIME type."""
    family = media.mime.partition("/")[0].lower()
    return family if family in ("image", "audio", "video") else "document"


def read_media(message: InboundMessage, kinds: Collection[str] = ()) -> Understood | None:
    """The files of a message, as a list of ``{mime, url, ref, name}``. ``raw`` is the text beside them.

    ``kinds`` are the kinds that are an answer; empty: any. One file of another kind makes it None.
    """
    if not message.media or (kinds and any(kind_of_file(file) not in kinds for file in message.media)):
        return None
    return Understood(
        [{"mime": file.mime, "url": file.url, "ref": file.ref, "name": file.name} for file in message.media], message.text
    )


READERS = {"location": _read_coordinates}
