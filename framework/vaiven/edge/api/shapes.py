"""What goes over the wire under ``/v1``, in and out. The OpenAPI document is made from these, so it cannot lie about them."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from vaiven.runtime.conversations import Agent, Summary

Text = Annotated[str, Meta(max_length=4096)]
Short = Annotated[str, Meta(max_length=200)]
Url = Annotated[str, Meta(max_length=2000, pattern=r"^https://[^\s/][^\s]*$")]
Value = Annotated[str, Meta(max_length=1024)]


class OutFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file to send, by an https address that the provider can fetch."""

    url: Url
    type: Annotated[str, Meta(max_length=100, pattern=r"^[a-z]+/[a-z0-9.+-]+$")]
    name: Short | None = None


class OutTemplate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A message that the provider approved beforehand, with what fills its blanks, in order."""

    name: Annotated[str, Meta(min_length=1, max_length=200)]
    lang: Annotated[str, Meta(max_length=20)] = ""
    values: Annotated[list[Value], Meta(max_length=20)] = []


class Reply(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What to say: a text, files, or both; or a template, whose ``text`` is then only for the transcript."""

    text: Text = ""
    media: Annotated[list[OutFile], Meta(max_length=10)] = []
    template: OutTemplate | None = None


class Note(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A note for colleagues. The person never sees it."""

    text: Annotated[str, Meta(min_length=1, max_length=4096)]


class Acted(msgspec.Struct):
    """What an act did. ``version`` is the conversation's after it; ``agent`` has it now. ``number`` is its turn's."""

    id: str
    number: int
    version: int
    agent: Agent | None


class Stored(msgspec.Struct):
    """The act is durable, but its turn has not come yet. Ask again with the same key to learn what it came to."""

    id: str
    stored: bool


class Page(msgspec.Struct):
    """Conversations, and how to ask for the next ones; ``next`` null: there are no more."""

    conversations: list[Summary]
    next: str | None


class Queue(msgspec.Struct):
    """A queue. ``oldest_wait``: since when the first one waits, ms since the epoch."""

    name: str
    waiting: int
    taken: int
    oldest_wait: int | None


class Queues(msgspec.Struct):
    queues: list[Queue]


class Me(msgspec.Struct):
    """Whose token this is."""

    agent: Agent
    scopes: list[str]


class Hello(msgspec.Struct, frozen=True):
    """The first word of a WebSocket: where the log of events stands."""

    kind: Literal["hello"]
    number: int


class Missed(msgspec.Struct, frozen=True):
    """The log no longer reaches back to what was asked for: read the lists again. It stands at ``number`` now."""

    kind: Literal["missed"]
    number: int


class Problem(msgspec.Struct, omit_defaults=True):
    """What went wrong, and what would be right (RFC 9457). ``code`` is for programs, ``holder`` has the conversation."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    holder: Agent | None = None
    version: int | None = None
