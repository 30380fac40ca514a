"""The demo's start page: which bots are here, what each is, what to say first, and where its pages are.

Its JSON twin is ``/index.json``. It is told nothing that is secret: the tokens come in the address's fragment, which stays in
the browser, and the page hands them on to the pages that it leads to.
"""

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from urllib.parse import urlencode

import msgspec
from aiohttp import web

from vaiven.edge.console import Link, guard

__all__ = ["Card", "address", "routes"]

PATH = "/start/"
_OWN = Path(__file__).parent / "static"
_SHARED = Path(__file__).parents[1] / "static"
_OF_THE_CONSOLE = ("api.js", "console.css", "dom.js", "logo.svg")
_TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Card(msgspec.Struct, frozen=True):
    """One bot on the page: ``say`` is a talk to begin with, message by message; ``links`` are its pages."""

    name: str
    title: str
    about: str
    say: Sequence[str]
    links: Sequence[Link]


def address(base: str, token: str, inbox: str | None = None) -> str:
    """The page under ``base``, with the consoles' token and, where there is one, the inbox's."""
    known = {"token": token} | ({"inbox": inbox} if inbox is not None else {})
    return f"{base.rstrip('/')}/#{urlencode(known)}"


def routes(cards: Sequence[Card]) -> list[web.RouteDef]:
    """``/`` with its files, and its JSON twin."""
    told = msgspec.json.encode({"bots": cards})
    found = [web.get("/index.json", _answering(told, "application/json"))]
    files = [*sorted(_OWN.iterdir()), *(_SHARED / name for name in _OF_THE_CONSOLE)]
    for file in files:
        path = "/" if file.name == "index.html" else PATH + file.name
        found.append(web.get(path, _answering(file.read_bytes(), _TYPES[file.suffix])))
    return found


def _answering(content: bytes, content_type: str) -> Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        refused = guard.refuse_look(request.headers, guard.HERE)
        headers = {**guard.HEADERS, "Cache-Control": "no-cache"}
        if refused is not None:
            body = msgspec.json.encode({"error": refused})
            return web.Response(status=403, body=body, content_type="application/json", headers=headers)
        return web.Response(body=content, content_type=content_type, charset="utf-8", headers=headers)

    return handle
