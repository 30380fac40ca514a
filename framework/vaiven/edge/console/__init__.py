"""The web console: phone simulator, and the board of votes or of bookings.

Every page has a JSON twin that a program can read. Whatever it shows comes from the store, so it works in any process layout;
what is typed on a phone goes through the simulator channel's ``parse`` and the same intake as any webhook.
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec
from aiohttp import web

from vaiven.channels.contract import Channel, WebhookRequest
from vaiven.edge.books import Books
from vaiven.edge.console import bookings, documents, guard, phone, votes
from vaiven.edge.console.typed import SCHEMES, Typed, Unfit, read_address, read_typed
from vaiven.model.errors import StoreUnavailable
from vaiven.model.messages import Capabilities
from vaiven.model.sessions import Session
from vaiven.model.urns import Identity, Urn, is_home, scheme_of
from vaiven.runtime.bot import Bot

__all__ = ["Console", "Link", "under"]

BODY_LIMIT_BYTES = 16 * 1024
BODY_S = 10.0
KNOWN_HOMES = 1024
POLL_NAME = 200
"""So much of a poll's name is repeated when there is none of it."""

_STATIC = Path(__file__).parent / "static"
_TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def address(base: str, token: str) -> str:
    """The console's page under ``base``. The token stands in the fragment, which browsers keep to themselves."""
    return f"{base.rstrip('/')}/console/#token={quote(token)}"


def under(prefix: str, routes: Iterable[web.RouteDef]) -> list[web.RouteDef]:
    """The same routes under ``/prefix``."""
    return [web.RouteDef(route.method, f"/{prefix}{route.path}", route.handler, route.kwargs) for route in routes]


class Link(msgspec.Struct, frozen=True):
    """Another page of this server, for the bar: ``href`` is its path."""

    title: str
    href: str


class Console:
    """The console's pages over one bot. ``channel`` is the simulator's name in the bot; ``token`` is made up if not given.

    ``allowed_hosts`` are the names that a request's Host may bear, any port. ``links`` are other pages of this server, ``books``
    those of a booking bot. The pages know themselves only by where they
    stand, so their routes may be served under any prefix (``under``).
    """

    def __init__(
        self,
        bot: Bot,
        channel: str = "phone",
        token: str | None = None,
        allowed_hosts: Collection[str] = guard.HERE,
        links: Sequence[Link] = (),
        books: Books | None = None,
    ) -> None:
        self.token = token or secrets.token_urlsafe(24)
        self._bot = bot
        self._channel = channel
        self._links = links
        self._books = books
        self._hosts = frozenset(map(str.lower, allowed_hosts))
        self._documents = documents.Documents(bot.store)
        self._sampler = votes.Sampler(bot.store, bot.clock)
        self._homes: dict[Urn, Urn] = {}

    def url(self, base: str) -> str:
        """The page's address under ``base``."""
        return address(base, self.token)

    def routes(self) -> list[web.RouteDef]:
        """``/``, ``/console/`` with its files, and the JSON twins."""
        pages: list[tuple[str, Handler]] = [
            ("/", self._front),
            ("/console", self._front),
            ("/console/index.json", self._index),
            ("/console/phones/{address:[^/]+}.json", self._phone),
            ("/console/phones/{address:[^/]+}.test.yaml", self._recorded),
            ("/console/bookings.json", self._bookings),
            ("/console/votes.json", self._polls),
            ("/console/votes/{poll:.+}.json", self._poll),
        ]
        for file in sorted(_STATIC.iterdir()):
            path = "/console/" if file.name == "index.html" else f"/console/{file.name}"
            pages.append((path, _file(file.read_bytes(), _TYPES[file.suffix])))
        routes = [web.get(path, self._guarded(handler, self._refuse_look)) for path, handler in pages]
        routes.append(web.post("/console/phones/{address:[^/]+}/messages", self._guarded(self._type, self._refuse_act)))
        return routes

    # -- the door ------------------------------------------------------------------------------------------------------

    def _refuse_look(self, request: web.Request) -> str | None:
        return guard.refuse_look(request.headers, self._hosts)

    def _refuse_act(self, request: web.Request) -> str | None:
        return guard.refuse_act(request.headers, self._hosts, self.token)

    def _guarded(self, handler: Handler, refuse: Callable[[web.Request], str | None]) -> Handler:
        async def handle(request: web.Request) -> web.StreamResponse:
            refused = refuse(request)
            response: web.StreamResponse
            if refused is not None:
                response = _error(403, refused)
                response.force_close()  # whatever body comes with it stays unread
            else:
                try:
                    response = await handler(request)
                except Unfit as unfit:
                    response = _error(unfit.status, str(unfit))
                    response.force_close()
                except StoreUnavailable as error:
                    response = _error(503, "The store does not answer just now. Nothing is lost; please try again.")
                    response.headers["Retry-After"] = str(error.retry_after_s)
            response.headers.update(guard.HEADERS)
            return response

        return handle

    # -- pages ---------------------------------------------------------------------------------------------------------

    async def _front(self, _: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": "console/"})

    async def _index(self, _: web.Request) -> web.Response:
        line = self._bot.lines.get(self._channel)
        labels, sample = await self._board()
        return _json(
            {
                "bot": self._bot.flows.spec.name,
                "channel": self._channel,
                "sender": line and line.channel.sender,
                "openings": documents.openings(await self._documents.current()),
                "skins": {scheme: _skin(line.channel.capabilities(scheme)) for scheme in SCHEMES if line},
                "polls": votes.names(labels, sample),
                "bookings": self._books is not None,
                "links": self._links,
            }
        )

    async def _phone(self, request: web.Request) -> web.Response:
        address = read_address(request.match_info["address"])
        sms = self._simulator().capabilities(scheme_of(address)).sms
        store, home = self._bot.store, await self._home(address)
        (state,) = await store.load([home])
        records = [record async for record in store.history(home, newest=phone.NEWEST + 1)] if state.contact.version else []
        rows = await store.rows(home)
        plain = await self._plain(state.sessions.values())
        return _json(phone.view(address, self._channel, sms, state, records, rows, plain))

    async def _recorded(self, request: web.Request) -> web.Response:
        """What was said on a phone, as a test file to keep: the newest turns, from where no session was open."""
        from vaiven.testing.flowtests.recording import conversation, recorded  # asked for by few, and seldom

        address = read_address(request.match_info["address"])
        self._simulator()
        found = await conversation(self._bot.store, await self._home(address), newest=phone.SAVED)
        try:
            text = recorded(found.records, found.documents, channel=self._channel, params=self._bot.flows.spec.params)
        except ValueError as error:
            raise Unfit(404, f"There is nothing to save yet: {error}.") from None
        name = "".join(sign if sign.isalnum() else "_" for sign in address)
        headers = {"Content-Disposition": f'attachment; filename="{name}.test.yaml"', "Cache-Control": "no-store"}
        return web.Response(text=text, content_type="application/yaml", charset="utf-8", headers=headers)

    async def _type(self, request: web.Request) -> web.Response:
        address = read_address(request.match_info["address"])
        self._simulator()
        typed = read_typed(await _body(request), request.content_type)
        taken = await self._bot.intake.take(self._channel, _as_webhook(address, typed))
        return _json({"accepted": [{"id": each.event.id, "number": each.number} for each in taken]}, status=202)

    async def _polls(self, _: web.Request) -> web.Response:
        labels, sample = await self._board()
        names = votes.names(labels, sample)
        return _json({"polls": [votes.summary(name, sample, self._sampler.rate(name), labels.get(name, ())) for name in names]})

    async def _poll(self, request: web.Request) -> web.Response:
        name = request.match_info["poll"]
        labels, sample = await self._board()
        names = votes.names(labels, sample)
        if name not in names:
            return _json({"error": f"no poll {name[:POLL_NAME]!r}", "polls": names}, status=404)
        return _json(votes.summary(name, sample, self._sampler.rate(name), labels.get(name, ())))

    async def _bookings(self, _: web.Request) -> web.Response:
        if self._books is None:
            raise Unfit(404, "This bot keeps no books of bookings.")
        return _json(await bookings.summary(self._books, self._bot.store, self._bot.clock()))

    # -- what they need ------------------------------------------------------------------------------------------------

    def _simulator(self) -> Channel:
        """The channel that the phones speak. Without one there is still the board to look at."""
        line = self._bot.lines.get(self._channel)
        if line is None:
            raise Unfit(404, f"This bot has no phones: give it a channel {self._channel!r} of type simulator.")
        return line.channel

    async def _board(self) -> tuple[dict[str, list[documents.Labelled]], votes.Sample]:
        return documents.polls(await self._documents.current()), await self._sampler.sample()

    async def _plain(self, sessions: Iterable[Session]) -> phone.Plain:
        found = {shape: await self._documents.of_shape(shape) for shape in {session.top.shape for session in sessions}}
        shapes = {shape: documents.plain([document]) for shape, document in found.items() if document is not None}
        return phone.Plain(documents.plain(await self._documents.current()), shapes)

    async def _home(self, address: Urn) -> Urn:
        """The home of a phone; asked of the store once, then remembered."""
        if is_home(address):
            return address
        home = self._homes.get(address)
        if home is None:
            (home,) = await self._bot.store.identify([Identity(address)])
            if len(self._homes) >= KNOWN_HOMES:
                self._homes.clear()
            self._homes[address] = home
        return home


def _as_webhook(address: Urn, typed: Typed) -> WebhookRequest:
    """What the simulator channel parses. The id is made here unless the page gave one, so that it may try again."""
    body = {**msgspec.to_builtins(typed), "from": address, "id": typed.id or secrets.token_hex(12)}
    headers = {"content-type": "application/json"}
    return WebhookRequest("POST", f"/console/phones/{address}/messages", headers, msgspec.json.encode(body))


async def _body(request: web.Request) -> bytes:
    """The request's body, within its limits of size and time."""
    pieces, size = [], request.content_length or 0
    try:
        async with asyncio.timeout(BODY_S):
            while size <= BODY_LIMIT_BYTES and (piece := await request.content.readany()):
                pieces.append(piece)
                size = sum(map(len, pieces))
    except TimeoutError:
        raise Unfit(408, "The message did not come whole in time.") from None
    if size > BODY_LIMIT_BYTES:
        raise Unfit(413, f"A message to a phone has at most {BODY_LIMIT_BYTES // 1024} KB.")
    return b"".join(pieces)


def _skin(can: Capabilities) -> dict[str, Any]:
    return {
        "sms": can.sms,
        "buttons": can.buttons,
        "list_rows": can.list_rows,
        "quick_replies": can.quick_replies,
        "media": can.media,
    }


def _json(value: object, status: int = 200) -> web.Response:
    body = msgspec.json.encode(value)
    return web.Response(status=status, body=body, content_type="application/json", headers={"Cache-Control": "no-store"})


def _error(status: int, text: str) -> web.Response:
    return _json({"error": text}, status)


def _file(content: bytes, content_type: str) -> Handler:
    async def handle(_: web.Request) -> web.Response:
        return web.Response(body=content, content_type=content_type, charset="utf-8", headers={"Cache-Control": "no-cache"})

    return handle
