"""What may be typed on a phone, and by which addresses phones go. Pure."""

import re

import msgspec

from vaiven.model.messages import Choice, Location, Media
from vaiven.model.urns import Urn

SCHEMES = ("tel", "whatsapp", "messenger")
"""Each is a skin of the page and a table of capabilities."""


class Unfit(Exception):
    """The request cannot be served; ``status`` and the text say why."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


class Typed(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """One message from a phone: words, a tap, a place, or files. ``id`` makes a second try the same message."""

    text: str | None = None
    choice: Choice | None = None
    location: Location | None = None
    media: tuple[Media, ...] | None = None
    id: str | None = None


_ADDRESS = re.compile(r"tel:\+[1-9][0-9]{6,14}|whatsapp:[0-9A-Za-z._-]{1,128}|messenger:[0-9]{1,32}")
_ID = re.compile(r"[0-9A-Za-z_-]{1,64}")
_decoder = msgspec.json.Decoder(Typed)


def read_address(text: str) -> Urn:
    """The address of a phone. Raises Unfit."""
    if not _ADDRESS.fullmatch(text):
        raise Unfit(404, "There is no such phone. Addresses look like tel:+12025550101, whatsapp:447700900001 or messenger:7001.")
    return Urn(text)


def read_typed(body: bytes, content_type: str) -> Typed:
    """What was typed. Raises Unfit."""
    if content_type != "application/json":
        raise Unfit(415, "A message to a phone is sent as application/json.")
    try:
        typed = _decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Unfit(400, f"The message cannot be read: {error}") from None
    said = [field for field in (typed.text, typed.choice, typed.location, typed.media) if field is not None]
    if len(said) != 1 or typed.text == "":
        raise Unfit(400, 'A message has one of "text", "choice", "location" and "media".')
    place = typed.location
    if place is not None and not (abs(place.latitude) <= 90 and abs(place.longitude) <= 180):
        raise Unfit(400, "A latitude is -90 to 90, a longitude -180 to 180.")
    if typed.id is not None and not _ID.fullmatch(typed.id):
        raise Unfit(400, 'An "id" has 1 to 64 letters, digits, - and _.')
    return typed
