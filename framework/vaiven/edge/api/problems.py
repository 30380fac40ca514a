"""Refusals of the HTTP API, as RFC 9457 problems that say what would be right."""

from collections.abc import Mapping

from vaiven.edge.api.shapes import Problem
from vaiven.runtime.conversations import Agent

TYPE = "urn:vaiven:problem:"

KNOWN: Mapping[str, tuple[int, str, str]] = {
    "unauthorized": (401, "No valid token", "Send a token as 'Authorization: Bearer vvn_…'; `vaiven tokens create` makes one."),
    "forbidden": (403, "Not in the token's scopes", "A token with the scope {more} may do this."),
    "not_found": (404, "No such address", "The document at /v1/openapi.json lists every address."),
    "origin": (403, "Another page's request", "Connect from a page of this host, or without an Origin."),
    "no_conversation": (404, "No such conversation", "Ids come from GET /v1/conversations; take them as they are."),
    "method": (405, "Not a method of this address", "This address takes {more}."),
    "too_slow": (408, "The body did not come in time", "Send the whole body within 10 s."),
    "too_large": (413, "The body is too large", "A body has at most 64 KB; files are sent by their address."),
    "encoding": (415, "The body is not plain JSON", "Send 'Content-Type: application/json', without a Content-Encoding."),
    "bad_key": (400, "No usable Idempotency-Key", "Send one of 1 to 100 visible ASCII characters, a new one for each act."),
    "bad_version": (400, "If-Match cannot be read", 'Send the ETag of the conversation as it came, such as If-Match: "12".'),
    "bad_query": (400, "A query parameter is wrong", "{more}"),
    "bad_body": (400, "The body cannot be read", "{more}"),
    "upgrade": (426, "Only by WebSocket", "Send an upgrade: new WebSocket('wss://…/v1/events', ['vaiven', token])."),
    "empty": (422, "There is nothing to say", "A reply has a text, files, or a template."),
    "no_templates": (422, "This channel has no templates", "Send a text."),
    "key_reused": (422, "This key did something else", "Use a new Idempotency-Key for another act."),
    "too_many": (429, "Too many requests", "Wait as long as Retry-After says."),
    "store": (503, "The store does not answer", "Send the same again, with the same Idempotency-Key, after Retry-After seconds."),
    "taken": (409, "Somebody else has this conversation", "Look at it again; 'holder' can hand it back."),
    "not_waiting": (409, "Nobody waits there", "Only a conversation in a queue can be taken: see GET /v1/conversations."),
    "not_yours": (409, "You do not have this conversation", "Take it first: POST …/take. If 'holder' is somebody, ask them."),
    "moved": (412, "Something has happened there meanwhile", "Read the conversation again, then act with its new ETag."),
    "window": (409, "The channel's window has closed", "Send a template, or wait until the person writes again."),
    "opted_out": (409, "The person said STOP", "Nothing may be sent to them until they say START."),
    "not_heard": (409, "The flow has no way out for this", "Its relay step needs `when: {agent.returned: …, agent.closed: …}`."),
}


class Refused(Exception):
    """A request that gets a problem for an answer. ``more`` fills the cure, ``headers`` go along."""

    def __init__(
        self,
        code: str,
        more: str = "",
        holder: Agent | None = None,
        version: int | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(code)
        status, title, cure = KNOWN[code]
        detail = cure.replace("{more}", more)
        self.problem = Problem(TYPE + code, title, status, detail, code, holder, version)
        self.headers = dict(headers or {})
