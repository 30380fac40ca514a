"""The OpenAPI 3.1 document of the HTTP API, made from the shapes that are read and written."""

from typing import Any

import msgspec

from vaiven import __version__
from vaiven.edge.api import shapes
from vaiven.edge.api.problems import KNOWN
from vaiven.edge.api.replies import Replies
from vaiven.edge.reply_settings import LANG
from vaiven.runtime.conversations import Conversation
from vaiven.runtime.event_log import LogEvent
from vaiven.runtime.tokens import READ, WRITE

_SHAPES = (
    shapes.Reply,
    shapes.Note,
    shapes.Acted,
    shapes.Stored,
    shapes.Page,
    shapes.Queues,
    shapes.Me,
    shapes.Problem,
    shapes.Hello,
    shapes.Missed,
    Replies,
    Conversation,
    LogEvent,
)
_WORDS = {
    400: "The request cannot be read",
    401: "No valid token",
    403: "Not in the token's scopes",
    404: "No such conversation",
    405: "Not a method of this address",
    408: "The body did not come in time",
    409: "It cannot be done as things stand; 'holder' has the conversation",
    412: "Something has happened there meanwhile",
    413: "The body is too large",
    415: "The body is not plain JSON",
    422: "The request makes no sense",
    426: "Only by WebSocket",
    429: "Too many requests",
    503: "The store does not answer; send the same again",
}
_LOOKED = (400, 401, 403, 404, 405, 429, 503)
_ACTED = (400, 401, 403, 404, 405, 408, 409, 412, 413, 422, 429, 503)


def document(bot: str) -> dict[str, Any]:
    """The document, for this bot."""
    _, components = msgspec.json.schema_components(_SHAPES, ref_template="#/components/schemas/{name}")
    one = "/v1/conversations/{id}"
    return {
        "openapi": "3.1.0",
        "info": {"title": f"vaiven: {bot}", "version": __version__, "description": _DESCRIPTION},
        "paths": {
            "/v1/openapi.json": {"get": _operation("openapi", "This document", {"type": "object"}, (405,), security=[])},
            "/v1/me": {"get": _operation("me", "Whose token this is", _ref("Me"), (401, 405, 429, 503))},
            "/v1/queues": {"get": _operation("queues", "The queues, and who waits", _ref("Queues"), _LOOKED, scope=READ)},
            "/v1/replies": {"get": _operation("replies", "Canned replies", _ref("Replies"), _LOOKED, [_SPOKEN], scope=READ)},
            "/v1/events": {"get": _listening()},
            "/v1/conversations": {
                "get": _operation("list", "Who waits, who has whom; longest wait first", _ref("Page"), _LOOKED, _LIST, scope=READ)
            },
            one: {"get": _operation("show", "One conversation", _ref("Conversation"), _LOOKED, [_ID, *_SHOW], scope=READ)},
            f"{one}/take": {"post": _acting("take", "Take it: from then on you speak, and the bot is silent")},
            f"{one}/reply": {"post": _acting("reply", "Say something to the person", "Reply")},
            f"{one}/note": {"post": _acting("note", "Leave a note for colleagues", "Note")},
            f"{one}/return": {"post": _acting("return", "Hand it back to the bot")},
            f"{one}/close": {"post": _acting("close", "Close it: the flow goes on at its end")},
        },
        "webhooks": {"event": {"post": _told()}},
        "components": {
            "schemas": components,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer", "description": "Made by `vaiven tokens create`."}},
        },
        "security": [{"token": []}],
    }


_DESCRIPTION = (
    "The people's side of conversations. Exactly one has control of a conversation: the bot, or one agent. Instants are "
    "milliseconds since the epoch. A refusal is a problem (RFC 9457), whose `code` is one of: " + ", ".join(KNOWN) + "."
)

_ID = {
    "name": "id",
    "in": "path",
    "required": True,
    "schema": {"type": "string", "minLength": 1, "maxLength": 400, "pattern": "^[A-Za-z0-9_-]+$"},
}
_LIMIT = {"name": "limit", "in": "query", "schema": {"type": "integer", "minimum": 1, "maximum": 100, "default": 50}}
_LIST = [
    {"name": "queue", "in": "query", "schema": {"type": "string"}},
    {"name": "state", "in": "query", "schema": {"enum": ["waiting", "taken", "closed"]}},
    {"name": "agent", "in": "query", "schema": {"type": "string"}, "description": "Only what this agent has."},
    _LIMIT,
    {"name": "cursor", "in": "query", "schema": {"type": "string"}, "description": "`next` of the page before."},
]
_SINCE = {
    "name": "since",
    "in": "query",
    "schema": {"type": "integer", "minimum": 0, "maximum": 10**15 - 1},
    "description": "The `number` of the last event you have: what came after it is told first.",
}
_SPOKEN = {
    "name": "lang",
    "in": "query",
    "schema": {"type": "string", "pattern": "^" + LANG.pattern.replace(r"\Z", "$")},
    "description": "In this language; else in the bot's own.",
}
_SHOW = [
    {
        "name": "before",
        "in": "query",
        "schema": {"type": "integer", "minimum": 1, "maximum": 10**15 - 1},
        "description": "`before` of what came later: only turns before that one.",
    },
    _LIMIT,
]
_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": True,
    "schema": {"type": "string", "pattern": "^[!-~]{1,100}$"},
    "description": "The same key again does nothing and tells the same, for the next 64 messages and acts of the conversation.",
}
_MATCH = {
    "name": "If-Match",
    "in": "header",
    "schema": {"type": "string", "pattern": '^"[0-9]{1,15}"$'},
    "description": "The ETag that was seen: act only if nothing has happened since.",
}


def _ref(name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{name}"}


def _operation(
    id_: str,
    summary: str,
    answer: dict[str, Any],
    problems: tuple[int, ...],
    parameters: list[dict[str, Any]] | None = None,
    security: list[Any] | None = None,
    scope: str = "",
) -> dict[str, Any]:
    told: dict[str, Any] = {"200": {"description": "Done", "content": {"application/json": {"schema": answer}}}}
    problem = {"application/problem+json": {"schema": _ref("Problem")}}
    told |= {str(status): {"description": _WORDS[status], "content": problem} for status in problems}
    operation: dict[str, Any] = {"operationId": id_, "summary": summary, "parameters": parameters or [], "responses": told}
    if scope:
        operation["description"] = f"Needs the scope `{scope}`."
    return operation if security is None else operation | {"security": security}


def _listening() -> dict[str, Any]:
    operation = _operation("events", "What happens, as it happens", {}, (400, 401, 403, 405, 426, 429, 503), [_SINCE], scope=READ)
    del operation["responses"]["200"]
    operation["responses"]["101"] = {"description": "A WebSocket: each text is a Hello, a LogEvent or a Missed"}
    operation["description"] += " By WebSocket, with the subprotocols `vaiven` and the token."
    return operation


def _told() -> dict[str, Any]:
    """What the webhooks in ``events:`` of the settings are told."""
    headers = ("webhook-id", "webhook-timestamp", "webhook-signature")
    return {
        "operationId": "told",
        "summary": "What happens, told to a webhook of yours",
        "description": "Signed as Standard Webhooks has it. Anything but 2xx is told again.",
        "security": [],
        "parameters": [{"name": name, "in": "header", "required": True, "schema": {"type": "string"}} for name in headers],
        "requestBody": {"required": True, "content": {"application/json": {"schema": _ref("LogEvent")}}},
        "responses": {"2XX": {"description": "You have it"}},
    }


def _acting(id_: str, summary: str, body: str = "") -> dict[str, Any]:
    problems = (*_ACTED, 415)
    operation = _operation(id_, summary, _ref("Acted"), problems, [_ID, _KEY, _MATCH], scope=WRITE)
    stored = {"description": "Durable; its turn has not come yet", "content": {"application/json": {"schema": _ref("Stored")}}}
    operation["responses"]["202"] = stored
    if body:
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": _ref(body)}}}
    return operation
