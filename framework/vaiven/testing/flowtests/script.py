"""A test file as values: what was written, with where it was written. Made by ``reading``, played by ``playing``."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from vaiven.flow.source import Position


@dataclass(frozen=True, slots=True)
class Words:
    """What a text must be: exactly this, ``/a pattern/`` that is found in it, or ``~ something`` that it contains."""

    written: str
    pattern: re.Pattern[str] | None = None
    within: str | None = None

    def fits(self, text: str) -> bool:
        if self.pattern is not None:
            return self.pattern.search(text) is not None
        return self.within in text if self.within is not None else text == self.written


@dataclass(frozen=True, slots=True)
class Me:
    """What the person sends, as fields of an ``InboundMessage``. ``sent``: when the provider took it, as it was written.

    ``loose``: lines of the bot up to the next act may go unlisted.
    """

    at: Position
    fields: Mapping[str, Any]
    shown: str
    loose: bool = False
    sent: str | None = None


@dataclass(frozen=True, slots=True)
class Tap:
    """The newest button of that title, or with ``by_id`` whatever bears that id."""

    at: Position
    title: str
    by_id: bool = False
    loose: bool = False


@dataclass(frozen=True, slots=True)
class Wait:
    """Time passes: ``span_ms``, or until an instant or a time of day as it was written."""

    at: Position
    span_ms: int | None
    until: str = ""
    loose: bool = False


@dataclass(frozen=True, slots=True)
class Happen:
    """Something outside the conversation."""

    at: Position
    name: str
    data: Mapping[str, Any]
    loose: bool = False


@dataclass(frozen=True, slots=True)
class Begin:
    """The business begins a flow by its ``api`` start."""

    at: Position
    flow: str
    vars: Mapping[str, Any]
    loose: bool = False


@dataclass(frozen=True, slots=True)
class Refuse:
    """The provider refuses a message of ours: they opted out with it."""

    at: Position
    reason: str
    loose: bool = False


@dataclass(frozen=True, slots=True)
class Bot:
    """One message of the bot. What is None is not looked at. ``nothing``: no message at all."""

    at: Position
    text: Words | None = None
    buttons: tuple[Words, ...] | None = None
    message_class: str | None = None
    media: tuple[Words, ...] | None = None
    template: str | None = None
    nothing: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """What one attempt of a mocked call comes to. ``fail``: a reason in place of an answer. ``word``: that of a resource."""

    status: int = 200
    body: bytes = b""
    json: Any = None
    fail: str = ""
    delay_ms: int = 0
    word: str = ""


@dataclass(frozen=True, slots=True)
class Mock:
    """Answers to calls whose name fits, one an attempt, the last one again and again. ``name`` may hold ``*``."""

    name: str
    at: Position
    answers: tuple[Answer, ...]


@dataclass(frozen=True, slots=True)
class Mocks:
    at: Position
    mocks: tuple[Mock, ...]


@dataclass(frozen=True, slots=True)
class Calls:
    """How often calls of this name were attempted; ``times`` None: at least once."""

    written: str
    name: str
    times: int | None


@dataclass(frozen=True, slots=True)
class Expect:
    """What is so now. ``wanted`` maps a key of ``expect`` to what stands there, ``places`` to where."""

    at: Position
    wanted: Mapping[str, Any]
    places: Mapping[str, Position]


@dataclass(frozen=True, slots=True)
class Branch:
    name: str
    at: Position
    lines: tuple["Line", ...]


@dataclass(frozen=True, slots=True)
class Fork:
    """A tree: each branch goes on from the lines above."""

    at: Position
    branches: tuple[Branch, ...]


Act = Me | Tap | Wait | Happen | Begin | Refuse
Line = Act | Bot | Mocks | Expect | Fork


@dataclass(frozen=True, slots=True)
class Person:
    """``id`` is an address, whole or as the channel writes it; empty: one that belongs to nobody."""

    id: str = ""
    channel: str = ""
    lang: str | None = None
    zone: str | None = None
    name: str | None = None
    vars: Mapping[str, Any] = field(default_factory=dict)
    votes: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Talk:
    """One row of a file: everything in it, the row's values filled in. ``row`` is its name, empty where there is no table."""

    row: str
    clock: str
    person: Person
    mocks: tuple[Mock, ...]
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Script:
    """A test file. ``bot`` is the folder or file of the bot, as written; ``params`` go over the bot's."""

    file: str
    flow: str
    at: Position
    title: str
    bot: str
    params: Mapping[str, Any]
    talks: tuple[Talk, ...]
    lines: tuple[str, ...]
