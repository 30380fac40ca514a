"""Errands: what a flow asks for outside the turn. Each is a row of the outbox that is no message."""

from typing import Any

import msgspec

from vaiven.model.urns import Urn, urn

CALLS = "@calls"
"""The name that rows of calls bear where those of messages bear their channel's. No channel can be named so."""
TELLS = "@tells"
"""The same for words to another home."""
HOOKS = "@hooks"
"""The same for what a webhook of the business is told."""

MAX_ANSWER = 16 * 1024
"""So many bytes of a call's answer are kept, as JSON. A longer one is a failure, never cut."""


class HttpCall(msgspec.Struct, frozen=True, omit_defaults=True, tag="http", tag_field="is", gc=False):
    """One HTTP request, complete. ``body`` is JSON, encoded already; a ``key`` of the call goes along as ``Idempotency-Key``."""

    method: str
    url: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None


class ActionCall(msgspec.Struct, frozen=True, omit_defaults=True, tag="action", tag_field="is", gc=False):
    """A registered async action of the bot, by name, with what it is given."""

    name: str
    arguments: dict[str, Any] = {}


class OutboundCall(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """A call as its row carries it, and whom its answer is for: this session, while it waits at this visit of this step.

    ``key``: the idempotency key; with one, or by GET, a call whose outcome is unknown is made again. ``timeout_ms`` bounds one
    attempt; ``retries`` are the attempts after the first.
    """

    request: HttpCall | ActionCall
    channel: str
    session: str
    step: str
    visit: int
    timeout_ms: int
    retries: int = 0
    key: str | None = None

    @property
    def repeatable(self) -> bool:
        """Whether it may be made again when nobody knows what became of it."""
        return self.key is not None or (isinstance(self.request, HttpCall) and self.request.method == "GET")


class Told(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """A word to another home, as its row carries it: delivered as a ``Happened`` through that home's accept.

    ``sender`` is the home that tells. ``channel`` is the channel of the session that the word is for, where it is for one; empty:
    wherever that home has a session. ``answer_to`` lets the other answer: the home, channel, session, step and visit that wait
    for it. ``to`` is the visit that this answers.
    """

    home: Urn
    sender: Urn
    name: str
    data: dict[str, Any] = {}
    channel: str = ""
    answer_to: "ReplyTo | None" = None
    to: "ReplyTo | None" = None


class ReplyTo(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """Who waits for an answer: one visit of one step of one session."""

    home: Urn
    channel: str
    session: str
    step: str
    visit: int


def telling_home(partition: int, home: str) -> Urn:
    """The home that rows of words bear: one for each home told from a partition, so that they go to it one at a time, in order.

    It is nobody's, so no opt-out and no change of hands stops them.
    """
    return urn("tells", f"{partition}/{home}")
