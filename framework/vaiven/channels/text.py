"""SMS text: which encoding it needs, what it is billed as, and how it becomes cheaper without saying anything else."""

import re
import unicodedata
from collections.abc import Iterable
from enum import StrEnum

import msgspec

from vaiven.channels.graphemes import clusters
from vaiven.channels.gsm import cost, is_gsm, septets, utf16_units
from vaiven.channels.splitting import split

__all__ = ["Encoding", "Segments", "count_segments", "encoding_of", "split", "to_gsm"]


class Encoding(StrEnum):
    """How an SMS goes over the air."""

    GSM7 = "GSM-7"
    UCS2 = "UCS-2"


class Segments(msgspec.Struct, frozen=True, gc=False):
    """What a text is billed as. ``units`` are septets in GSM-7 and UTF-16 code units in UCS-2."""

    encoding: Encoding
    units: int
    segments: int


_ALONE = {Encoding.GSM7: 160, Encoding.UCS2: 70}
_PART = {Encoding.GSM7: 153, Encoding.UCS2: 67}


def encoding_of(text: str) -> Encoding:
    """GSM-7 if its alphabet writes every character, else UCS-2: one emoji or curly quote is enough."""
    return Encoding.GSM7 if is_gsm(text) else Encoding.UCS2


def count_segments(text: str) -> Segments:
    """Count the SMS segments this text is billed as, at least 1.

    GSM-7 text fits 160 septets alone or 153 a part; any other character makes it UCS-2: 70 UTF-16 units alone or 67 a part.
    The extension table (``€ [ ] { } ^ ~ \\ |``) costs two septets. Neither an escape pair nor a cluster of characters that
    fits a part is cut. Source: 3GPP TS 23.038, TS 23.040.
    """
    encoding = encoding_of(text)
    units = septets(text) if encoding is Encoding.GSM7 else utf16_units(text)
    if units <= _ALONE[encoding]:
        return Segments(encoding, units, 1)
    part = _PART[encoding]
    if encoding is Encoding.GSM7:
        uncut = units == len(text)
        pieces: Iterable[int] = () if uncut else map(cost, text)
    else:
        uncut, pieces = False, _cluster_units(text, part)
    return Segments(encoding, units, -(-units // part) if uncut else _filled(pieces, part))


def _cluster_units(text: str, part: int) -> Iterable[int]:
    """The size of each cluster; one that is larger than a part falls into its characters."""
    for cluster in clusters(text):
        units = utf16_units(cluster)
        if units <= part:
            yield units
        else:
            yield from map(utf16_units, cluster)


def _filled(pieces: Iterable[int], part: int) -> int:
    """How many parts it takes to hold the pieces in order, none of them cut."""
    parts, used = 1, 0
    for units in pieces:
        used += units
        if used > part:
            parts, used = parts + 1, units
    return parts


_FOLDS = str.maketrans(
    {
        **dict.fromkeys("‘’‚‛′‹›", "'"),
        **dict.fromkeys("“”„‟″«»", '"'),
        **dict.fromkeys("‐‑‒–—―−", "-"),
        "…": "...",
        "\t": " ",
        # Number and date formats love the no-break spaces, and one of them doubles the bill.
        **dict.fromkeys("\u00a0\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B))), " "),
        **dict.fromkeys("\u2028\u2029", "\n"),
        # Nothing to see: zero width, soft hyphen, direction marks.
        **dict.fromkeys("\u200b\u200c\u200d\u200e\u200f\u2060\ufeff\u00ad", ""),
        **dict.fromkeys(map(chr, (*range(0x202A, 0x202F), *range(0x2066, 0x206A))), ""),
    }
)
_URL = re.compile(r"\S*(?:://|www\.)\S*")


def to_gsm(text: str) -> str:
    """The text in GSM-7 if that takes no more than typography: quotes, dashes, ellipsis, spaces, what has no width.

    All or nothing: where a letter or an emoji needs UCS-2 anyway the text stays as it is, for then nothing is cheaper. No
    letter becomes another one, no address is changed, and of ASCII only the tab. Folding twice is folding once.
    """
    if is_gsm(text):
        return text
    folded = _folded(text)
    return folded if is_gsm(folded) and all(_folded(url) == url for url in _URL.findall(text)) else text


def _folded(text: str) -> str:
    return unicodedata.normalize("NFC", text).translate(_FOLDS)
