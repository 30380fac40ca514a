"""What a call begins with: where it goes, and the lines before its body. Source: RFC 9110 and RFC 9112."""

import re
from functools import lru_cache
from typing import NamedTuple

from yarl import URL

from vaiven import __version__
from vaiven.edge.reach import numeric
from vaiven.model.errors import VaivenError

NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")
VALUE = re.compile(r"[^\x00-\x08\x0a-\x1f\x7f\ud800-\udfff]*\Z")
"""Of a header: nothing that would end it."""

HOST = re.compile(r"[a-z0-9_][a-z0-9._-]*\Z", re.IGNORECASE)
"""The name of one; or an address, which ``numeric`` knows."""

_PLAIN = re.compile(r"[!-~]+\Z")
_FRAMING = frozenset({"connection", "content-length", "transfer-encoding"})
"""Who writes the request says where it ends."""
_USUAL = (("Accept", "*/*"), ("User-Agent", f"vaiven/{__version__}"))


class CannotBeCalled(VaivenError):
    """This URL, method or header makes no request."""


class Origin(NamedTuple):
    """Calls to one origin share connections."""

    secure: bool
    host: str
    port: int


@lru_cache(maxsize=512)
def head_of(method: str, url: str, headers: tuple[tuple[str, str], ...]) -> tuple[Origin, bytes]:
    """Where a call goes; and its head as far as the length of its body. Raises CannotBeCalled, which quotes no value."""
    target = _parsed(url)
    if method.upper() in ("CONNECT", "HEAD") or not NAME.match(method):
        raise CannotBeCalled(f"no call is made by {method!r}")
    given = {name.lower() for name, _ in headers}
    lines = [f"{method} {target.raw_path_qs} HTTP/1.1"]
    if "host" not in given:
        lines.append(f"Host: {target.host_port_subcomponent}")
    lines += [f"{name}: {value}" for name, value in _USUAL if name.lower() not in given]
    for name, value in headers:
        if not NAME.match(name) or not VALUE.match(value):
            raise CannotBeCalled(f"the header {name!r} cannot be written")
        if name.lower() not in _FRAMING:
            lines.append(f"{name}: {value}")
    lines.append("Content-Length: ")
    return Origin(target.scheme == "https", target.raw_host or "", target.port or 0), "\r\n".join(lines).encode()


def _parsed(url: str) -> URL:
    try:
        parsed = URL(url, encoded=_PLAIN.match(url) is not None)
        host, port = parsed.raw_host or "", parsed.port
    except ValueError as error:
        raise CannotBeCalled("no address to call") from error
    if (
        parsed.scheme not in ("http", "https")
        or not port
        or "@" in parsed.raw_authority
        or not (HOST.match(host) or numeric(host))
    ):
        raise CannotBeCalled("no address to call: http:// or https:// and a host, without a user's name")
    return parsed
