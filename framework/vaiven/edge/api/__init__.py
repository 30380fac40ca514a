"""The HTTP API of the people's side: what waits for a person, and what they do about it. Under ``/v1``, on the served port.

Every answer is JSON. What somebody wrote is a JSON string in it and nothing else: never markup, a template, a command.
"""

import asyncio
import base64
import binascii
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

import msgspec
from aiohttp import web

from vaiven.edge.api.access import Access
from vaiven.edge.api.openapi import document
from vaiven.edge.api.problems import Refused
from vaiven.edge.api.replies import ready
from vaiven.edge.api.shapes import Acted, Me, Note, Page, Queue, Queues, Reply, Stored
from vaiven.edge.api.streams import Streams
from vaiven.edge.reply_settings import LANG, CannedReply
from vaiven.model.errors import StoreUnavailable
from vaiven.runtime import desk
from vaiven.runtime.bot import Bot
from vaiven.runtime.conversations import CLOSED, TAKEN, WAITING, Agent, Conversations, Done, NoSuchConversation, OtherAct, Summary
from vaiven.runtime.tokens import READ, WRITE, Token

__all__ = ["Api"]

BODY_BYTES = 64 * 1024
BODY_S = 10.0
PAGES = (1, 100)
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
}
"""On every answer: also one opened in a browser by mistake runs nothing."""

_KEY = re.compile(r"[\x21-\x7e]{1,100}\Z")
_ETAG = re.compile(r'"([0-9]{1,15})"\Z')
_NUMBER = re.compile(r"[0-9]{1,15}\Z")

T = TypeVar("T")

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Acting = Callable[[web.Request, Token], Awaitable[web.StreamResponse]]


class Api:
    """The API over one bot, in any process that takes requests. ``replies`` are the canned ones of its settings."""

    def __init__(self, bot: Bot, replies: Mapping[str, CannedReply] | None = None, public_url: str = "") -> None:
        self._own_lang = bot.flows.spec.lang
        self._canned = replies or {}
        self._conversations = Conversations(bot)
        self._access = Access(bot)
        self._streams = Streams(bot, self._access, public_url)
        self._document = msgspec.json.encode(document(bot.flows.spec.name))

    def routes(self) -> list[web.RouteDef]:
        """Everything under ``/v1``."""
        one = "/v1/conversations/{id}"
        table: list[tuple[str, str, Handler]] = [
            ("GET", "/v1/openapi.json", self._answering(self._openapi)),
            ("GET", "/v1/me", self._for(None, self._me)),
            ("GET", "/v1/queues", self._for(READ, self._queues)),
            ("GET", "/v1/replies", self._for(READ, self._replies)),
            ("GET", "/v1/events", self._answering(self._events)),
            ("GET", "/v1/conversations", self._for(READ, self._list)),
            ("GET", one, self._for(READ, self._show)),
            ("POST", one + "/take", self._for(WRITE, self._act(desk.JOINED))),
            ("POST", one + "/reply", self._for(WRITE, self._reply)),
            ("POST", one + "/note", self._for(WRITE, self._note)),
            ("POST", one + "/return", self._for(WRITE, self._act(desk.RETURNED))),
            ("POST", one + "/close", self._for(WRITE, self._act(desk.CLOSED))),
        ]
        routes = []
        for method, path, handler in table:
            routes.append(web.RouteDef(method, path, handler, {"allow_head": False} if method == "GET" else {}))
            routes.append(web.route("*", path, self._answering(_not_a_method(method))))
        return [*routes, web.route("*", "/v1/{rest:.*}", self._answering(_nowhere))]

    # -- the door ------------------------------------------------------------------------------------------------------

    def _for(self, scope: str | None, act: Acting) -> Handler:
        async def handle(request: web.Request) -> web.StreamResponse:
            return await act(request, await self._access.token(request.headers, scope))

        return self._answering(handle)

    def _answering(self, handler: Handler) -> Handler:
        async def handle(request: web.Request) -> web.StreamResponse:
            response: web.StreamResponse
            try:
                response = await handler(request)
            except Refused as refused:
                response = _refusal(refused)
            except NoSuchConversation:
                response = _refusal(Refused("no_conversation"))
            except OtherAct:
                response = _refusal(Refused("key_reused"))
            except StoreUnavailable as error:
                response = _refusal(Refused("store", headers={"Retry-After": str(error.retry_after_s)}))
            response.headers.update(HEADERS)
            if not request.content.is_eof():
                response.force_close()  # whatever else comes with it stays unread
            return response

        return handle

    # -- looking -------------------------------------------------------------------------------------------------------

    async def _openapi(self, _: web.Request) -> web.Response:
        return web.Response(body=self._document, content_type="application/json")

    async def _me(self, _: web.Request, token: Token) -> web.Response:
        return _json(Me(_agent(token), list(token.scopes)))

    async def _queues(self, _: web.Request, __: Token) -> web.Response:
        everything = await self._conversations.listed()
        told = []
        for name in await self._conversations.queues():
            here = [one for one in everything if one.queue == name]
            waits = [one.since for one in here if one.state == WAITING]
            told.append(Queue(name, len(waits), len(here) - len(waits), min(waits, default=None)))
        return _json(Queues(told))

    async def _replies(self, request: web.Request, _: Token) -> web.Response:
        lang = _query(request, {"lang"}).get("lang", "")
        if lang and not LANG.match(lang):
            raise Refused("bad_query", "'lang' is a language such as en or pt-BR.")
        return _json(ready(self._canned, lang, self._own_lang))

    async def _events(self, request: web.Request) -> web.StreamResponse:
        return await self._streams.handle(request, _number(_query(request, {"since"}), "since", 0, 10**15))

    async def _list(self, request: web.Request, _: Token) -> web.Response:
        query = _query(request, {"queue", "state", "agent", "limit", "cursor"})
        state, queue, agent = query.get("state", ""), query.get("queue", ""), query.get("agent", "")
        if state not in ("", WAITING, TAKEN, CLOSED):
            raise Refused("bad_query", f"'state' is {WAITING}, {TAKEN} or {CLOSED}.")
        limit = _number(query, "limit", *PAGES) or 50
        if state == CLOSED:
            found = await self._conversations.closed(queue, agent)
        else:
            found = await self._conversations.listed(queue, state, agent)
        if "cursor" in query:
            last = _cursor(query["cursor"])
            found = [one for one in found if _place(one) > last]
        page = found[:limit]
        next_ = _as_cursor(_place(page[-1])) if len(found) > limit else None
        return _json(Page(await self._conversations.with_people(page), next_))

    async def _show(self, request: web.Request, _: Token) -> web.Response:
        query = _query(request, {"before", "limit"})
        limit = _number(query, "limit", *PAGES) or 50
        shown = await self._conversations.shown(request.match_info["id"], _number(query, "before", 1, 10**15), limit)
        return _json(shown, headers={"ETag": f'"{shown.version}"'})

    # -- acting --------------------------------------------------------------------------------------------------------

    def _act(self, name: str) -> Acting:
        async def act(request: web.Request, token: Token) -> web.Response:
            if (await _body(request)).strip() not in (b"", b"{}"):
                raise Refused("bad_body", "This act takes no body.")
            return await self._done(request, token, name)

        return act

    async def _reply(self, request: web.Request, token: Token) -> web.Response:
        reply = await _read(request, Reply)
        if not (reply.text.strip() or reply.media or reply.template):
            raise Refused("empty")
        data: dict[str, Any] = {"text": reply.text}
        if reply.media:
            data["media"] = [{"mime": one.type, "url": one.url} | ({"name": one.name} if one.name else {}) for one in reply.media]
        if reply.template is not None:
            can, _ = await self._conversations.can(request.match_info["id"])
            if not can.templates:
                raise Refused("no_templates")
            data["template"] = msgspec.to_builtins(reply.template)
        return await self._done(request, token, desk.SAYS, **data)

    async def _note(self, request: web.Request, token: Token) -> web.Response:
        note = await _read(request, Note)
        return await self._done(request, token, desk.NOTED, text=note.text)

    async def _done(self, request: web.Request, token: Token, name: str, **data: Any) -> web.Response:
        """Do it once, wherever the request came before, and tell what it came to."""
        id_, key, version = request.match_info["id"], request.headers.get("Idempotency-Key", ""), None
        if not _KEY.match(key):
            raise Refused("bad_key")
        if (seen := request.headers.get("If-Match")) is not None:
            found = _ETAG.match(seen)
            if found is None:
                raise Refused("bad_version")
            version = int(found[1])
        done = await self._conversations.act(id_, name, _agent(token), f"{token.id}:{key}", version, **data)
        return _told(id_, done)


def _told(id_: str, done: Done) -> web.Response:
    if done.record is None:
        return _json(Stored(id_, True), 202)
    version = done.record.version
    if done.refused:
        raise Refused(done.refused, holder=done.holder, version=version)
    return _json(Acted(id_, done.record.number, version, done.holder), headers={"ETag": f'"{version}"'})


def _agent(token: Token) -> Agent:
    return Agent(token.agent, token.name)


async def _read(request: web.Request, shape: type[T]) -> T:
    """The body as this shape. Raises Refused."""
    if request.content_type != "application/json":
        raise Refused("encoding")
    try:
        return msgspec.json.decode(await _body(request), type=shape)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Refused("bad_body", f"{error}." if isinstance(error, msgspec.DecodeError) else "It is no JSON.") from None


async def _body(request: web.Request) -> bytes:
    if "Content-Encoding" in request.headers:
        raise Refused("encoding")
    pieces, size = [], request.content_length or 0
    try:
        async with asyncio.timeout(BODY_S):
            while size <= BODY_BYTES and (piece := await request.content.readany()):
                pieces.append(piece)
                size = sum(map(len, pieces))
    except TimeoutError:
        raise Refused("too_slow") from None
    if size > BODY_BYTES:
        raise Refused("too_large")
    return b"".join(pieces)


def _query(request: web.Request, known: set[str]) -> Mapping[str, str]:
    """The query, each parameter known and given once. Raises Refused."""
    wrong = sorted(set(request.query) - known)
    if wrong or len(request.query) != len(set(request.query)):
        raise Refused("bad_query", f"This address takes {', '.join(sorted(known))}, each once.")
    return request.query


def _number(query: Mapping[str, str], name: str, least: int, most: int) -> int | None:
    if name not in query:
        return None
    text = query[name]
    if not _NUMBER.match(text) or not least <= int(text) <= most:
        raise Refused("bad_query", f"'{name}' is a whole number from {least} to {most}.")
    return int(text)


def _place(one: Summary) -> tuple[bool, int, str]:
    """Where a conversation stands in its list; the next page goes on behind it, whoever left meanwhile."""
    return one.state != WAITING, -one.since if one.state == CLOSED else one.since, one.id


def _as_cursor(place: tuple[bool, int, str]) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(place)).decode().rstrip("=")


def _cursor(text: str) -> tuple[bool, int, str]:
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        return msgspec.json.decode(raw, type=tuple[bool, int, str])
    except (ValueError, binascii.Error, msgspec.DecodeError):
        raise Refused("bad_query", "'cursor' is what 'next' of the page before said.") from None


def _not_a_method(allowed: str) -> Handler:
    async def handle(_: web.Request) -> web.StreamResponse:
        raise Refused("method", allowed, headers={"Allow": allowed})

    return handle


async def _nowhere(_: web.Request) -> web.StreamResponse:
    raise Refused("not_found")


def _json(value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    return web.Response(status=status, body=msgspec.json.encode(value), content_type="application/json", headers=headers)


def _refusal(refused: Refused) -> web.Response:
    body = msgspec.json.encode(refused.problem)
    problem = refused.problem
    return web.Response(status=problem.status, body=body, content_type="application/problem+json", headers=refused.headers)
