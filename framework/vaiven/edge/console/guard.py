"""Who may look at the console, and who may act in it. Pure: headers in, a refusal or None out.

A page of some other site can make a browser ask us for things, by our address or by a name of its own that it points at us
(DNS rebinding). So the Host must be one of ours for every request, and an act needs the start-up token and a same-origin
Origin as well.
"""

import hmac
from collections.abc import Collection, Mapping
from urllib.parse import urlsplit

ACT_HEADER = "X-Vaiven-Token"
HERE = ("127.0.0.1", "localhost", "[::1]")
"""The names of this machine for itself."""

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
"""On every answer of the console, refusals too."""


def host_name(host: str) -> str:
    """The name of a Host header without its port, in lower case; an IPv6 address keeps its brackets."""
    host = host.strip().lower()
    if host.startswith("["):
        return host[: host.find("]") + 1]
    return host.partition(":")[0].removesuffix(".")


def refuse_look(headers: Mapping[str, str], allowed_hosts: Collection[str]) -> str | None:
    """Why this request may not even look, in words for a person; None if it may."""
    if host_name(headers.get("Host", "")) not in allowed_hosts:
        return "This console answers only under its own address. Open the one that was printed when it started."
    site, mode = headers.get("Sec-Fetch-Site"), headers.get("Sec-Fetch-Mode")
    if site not in (None, "same-origin", "none") and mode != "navigate":
        return "Pages of other sites cannot read this console."
    return None


def refuse_act(headers: Mapping[str, str], allowed_hosts: Collection[str], token: str) -> str | None:
    """Why this request may not act, in words for a person; None if it may."""
    refused = refuse_look(headers, allowed_hosts)
    if refused is not None:
        return refused
    if not _same_origin(headers):
        return "Only this console's own page may act here. A program sends an Origin header with this address."
    if not hmac.compare_digest(headers.get(ACT_HEADER, "").encode("utf-8", "replace"), token.encode()):
        return (
            f"The token is missing or wrong: open the address that was printed at the start. A program sends it as {ACT_HEADER}."
        )
    return None


def _same_origin(headers: Mapping[str, str]) -> bool:
    """At least one of Origin and Sec-Fetch-Site is there, and neither speaks of another site."""
    origin, site = headers.get("Origin"), headers.get("Sec-Fetch-Site")
    if origin is None:
        return site == "same-origin"
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    # The scheme is left out: behind a proxy the browser's is https and ours is not.
    ours = parts.scheme in ("http", "https") and parts.netloc.lower() == headers.get("Host", "").strip().lower()
    return ours and site in (None, "same-origin")
