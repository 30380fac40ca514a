"""Form bodies and query strings, read fast and strictly: this is on the road of every SMS."""

from vaiven.model.errors import Unreadable

FIELDS = 200
"""More fields than any provider sends."""

SIGNED_FIELDS = 10_000
"""Up to so many fields are read to check a signature, so that a signed body is called unreadable and not forged."""

PLAIN = 16_384
"""A form of more bytes is read the long way."""

_NO_SIGNS = bytes(byte for byte in range(256) if byte not in b"=&")
_SIGNS = b"=&" * FIELDS

_HEX = "0123456789ABCDEFabcdef"
_BYTES = {high + low: bytes((int(high + low, 16),)) for high in _HEX for low in _HEX}


def read_form(body: bytes | str, limit: int = FIELDS) -> list[tuple[str, str]]:
    """Names and values of ``a=b&c=d``, in order; blank values are kept, bytes that are no UTF-8 become U+FFFD.

    Raises:
        Unreadable: there are more than ``limit`` fields.
    """
    text = body.decode("utf-8", "replace") if isinstance(body, bytes) else body
    if text.count("&") >= limit:
        raise Unreadable(f"more than {limit} form fields")
    if "+" in text:
        text = text.replace("+", " ")
    if "%" in text:
        # A phone number's plus sign is most of what is escaped, and this spares the long way.
        text = text.replace("%2B", "+").replace("%20", " ")
    pairs = [(name, value) for name, _, value in [field.partition("=") for field in text.split("&") if field]]
    if "%" in text:
        return [(unquote(name) if "%" in name else name, unquote(value) if "%" in value else value) for name, value in pairs]
    return pairs


def read_plain(body: bytes) -> list[str] | None:
    """Names and values of a form, in turn, in half the time; None if it is not as providers write them.

    They are: every field has one equals sign, and there is no NUL. What this gives, ``read_form`` gives as pairs.
    """
    signs = body.translate(None, _NO_SIGNS)
    if not _SIGNS.startswith(signs) or signs[-1:] != b"=" or len(body) > PLAIN:
        return None
    text = body.decode("utf-8", "replace")
    if "+" in text:
        text = text.replace("+", " ")
    if "%" in text:
        text = text.replace("%2B", "+")
    if "\0" in text or ("%" in text and "%00" in text):
        return None
    parts = text.replace("=", "&").split("&")
    return [unquote(part) if "%" in part else part for part in parts] if "%" in text else parts


def unquote(text: str) -> str:
    """Percent escapes as the UTF-8 text they stand for; what is no escape stays as it is."""
    head, *rest = text.encode("utf-8", "replace").split(b"%")
    parts = [head]
    for part in rest:
        byte = _BYTES.get(part[:2].decode("latin-1"))
        parts.append(b"%" + part if byte is None else byte + part[2:])
    return b"".join(parts).decode("utf-8", "replace")


def without_nul(pairs: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """The same without NUL, which no store and no log wants. Only after the signature was checked over what came."""
    return [(name.replace("\0", ""), value.replace("\0", "")) for name, value in pairs]


_SAFE = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_QUOTED = [chr(byte) if byte in _SAFE else f"%{byte:02X}" for byte in range(256)]
_QUOTED[0x20] = "+"
_TABLE = dict(enumerate(_QUOTED[:128]))


def quote(text: str) -> str:
    """One value, escaped for a form body."""
    if text.isascii():
        return text.translate(_TABLE)
    return "".join([_QUOTED[byte] for byte in text.encode("utf-8", "replace")])
