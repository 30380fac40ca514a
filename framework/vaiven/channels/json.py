"""JSON bodies from outside, read so that nothing in them can hurt: nesting, endless numbers, broken text."""

import re
from typing import TypeVar

import msgspec

from vaiven.model.errors import Unreadable

T = TypeVar("T")

_ESCAPES = re.compile(rb"\\\\|\\u0000|\\u[dD][89aAbB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[dD][89a-fA-F][0-9a-fA-F]{2}")


def read_json(decoder: msgspec.json.Decoder[T], body: bytes) -> T:
    """Decode a body. NUL is taken out, half of a surrogate pair becomes U+FFFD; of a name that comes twice the last counts.

    Raises:
        Unreadable: it is no JSON, not of this shape, nested too deep, holds a number beyond 64 bits, or is no UTF-8.
    """
    if b"\\u0000" in body:
        body = _mend(body)
    try:
        return decoder.decode(body)
    except (ValueError, RecursionError) as error:
        # A message cut off in the middle of an emoji must not take the rest of the batch with it.
        mended = _mend(body) if isinstance(error, msgspec.DecodeError) and b"\\u" in body else body
        if mended == body:
            raise Unreadable(_what(error)) from None
    try:
        return decoder.decode(mended)
    except (ValueError, RecursionError) as error:
        raise Unreadable(_what(error)) from None


def _mend(body: bytes) -> bytes:
    return _ESCAPES.sub(lambda found: _mended(found[0]), body)


def _mended(escape: bytes) -> bytes:
    if escape == b"\\u0000":
        return b""
    return b"\\ufffd" if len(escape) == 6 else escape


def _what(error: Exception) -> str:
    """What is wrong, without a word of what was sent."""
    if isinstance(error, RecursionError):
        return "nested too deep"
    if isinstance(error, UnicodeDecodeError):
        return "no UTF-8"
    return "not of the shape that is documented" if isinstance(error, msgspec.ValidationError) else "no JSON"
