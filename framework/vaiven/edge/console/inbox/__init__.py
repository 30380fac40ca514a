"""The inbox page: where people of the business see who waits, take conversations, answer, and hand them back.

It is files and nothing else. Whatever it shows and does goes through the HTTP API under ``/v1`` of the same origin, with the
token that its reader brings; so it holds no session, and looking at the page alone tells nothing.
"""

from collections.abc import Awaitable, Callable
from pathlib import Path
from urllib.parse import quote

from aiohttp import web

from vaiven.edge.console.guard import HEADERS
from vaiven.runtime.bot import Bot
from vaiven.runtime.tokens import CREATE, REVOKE, SCOPES, change_token, listed, make_token, tokens_home

__all__ = ["address", "routes", "token_for"]

PATH = "/inbox/"
_OWN = Path(__file__).parent / "static"
_SHARED = Path(__file__).parents[1] / "static"
_OF_THE_CONSOLE = ("console.css", "dom.js", "logo.svg")
"""Files that the console's page has too."""
_TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def address(base: str, token: str) -> str:
    """The page under ``base``, signed in by this token, which stands in the fragment: browsers keep that to themselves."""
    return f"{base.rstrip('/')}{PATH}#token={quote(token)}"


def routes() -> list[web.RouteDef]:
    """``/inbox/`` with its files. It needs the HTTP API beside it."""
    found = [web.get(PATH.rstrip("/"), _to_the_page)]
    for file in sorted(_OWN.iterdir()):
        path = PATH if file.name == "index.html" else PATH + file.name
        found.append(web.get(path, _file(file)))
    return found + [web.get(f"{PATH}shared/{name}", _file(_SHARED / name)) for name in _OF_THE_CONSOLE]


async def token_for(bot: Bot, agent: str, name: str) -> str:
    """A new token of this agent's, in place of those they had, for who starts a bot and looks at it on the same machine.

    It counts as soon as the bot runs. Raises StoreUnavailable.
    """
    spec, now_ms = bot.flows.spec, bot.clock()
    (state,) = await bot.store.load([tokens_home(spec.name)])
    for one in listed(state.contact.vars.get("state", {})):
        if one.agent == agent:
            await change_token(bot.store, spec.name, REVOKE, {"id": one.id}, now_ms)
    token, kept = make_token(agent, name, SCOPES, now_ms)
    await change_token(bot.store, spec.name, CREATE, kept, now_ms)
    return token


async def _to_the_page(_: web.Request) -> web.Response:
    return web.Response(status=308, headers={**HEADERS, "Location": PATH})


def _file(file: Path) -> Handler:
    content, content_type = file.read_bytes(), _TYPES[file.suffix]

    async def handle(_: web.Request) -> web.Response:
        headers = {**HEADERS, "Cache-Control": "no-cache"}
        return web.Response(body=content, content_type=content_type, charset="utf-8", headers=headers)

    return handle
