"""A compiled flow: its machine, its steps as they run, and what routing needs to know of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from statemachine import StateChart

from vaiven.flow.asking import AskNode
from vaiven.flow.document import FlowDocument, Schedule
from vaiven.flow.draft import Draft
from vaiven.flow.nodes import Node, TallyNode
from vaiven.flow.table import Table
from vaiven.flow.waiting import WaitingNode


@dataclass(frozen=True, slots=True)
class OpenHours:
    """The window of a flow, half-open, ms since the epoch. ``early``, ``late``: whether a start outside has a step to go to."""

    opens_ms: int | None = None
    closes_ms: int | None = None
    early: bool = False
    late: bool = False
    values: Mapping[str, datetime | None] = field(default_factory=dict)

    def judge(self, at_ms: int) -> str | None:
        """``early`` or ``late`` for an instant outside, None inside."""
        if self.opens_ms is not None and at_ms < self.opens_ms:
            return "early"
        if self.closes_ms is not None and at_ms >= self.closes_ms:
            return "late"
        return None

    def goes(self, verdict: str) -> bool:
        return self.early if verdict == "early" else self.late


@dataclass(frozen=True, slots=True)
class Entry:
    """One way in. ``event`` starts at the beginning; ``rest_event`` enters the step ``rest`` without asking.

    Words of a keyword are folded. ``schedule`` says when a flow begins by itself.
    """

    kind: str
    event: str
    words: tuple[str, ...] = ()
    rest: str | None = None
    rest_event: str = ""
    schedule: Schedule | None = None


@dataclass(slots=True)
class Flow:
    """``fire`` takes (state, event, draft) and gives the next state: the table's, which tests compare with the library's.

    ``waits`` are the steps at which a conversation can stand, ``asks`` those of them that are questions. ``asked`` are the keys
    of ``Facts.known`` that it can ask for.
    """

    name: str
    document: FlowDocument
    hash: str
    shape: str
    chart: type[StateChart[Any]]
    table: Table
    nodes: Mapping[str, Node]
    waits: Mapping[str, WaitingNode]
    asks: Mapping[str, AskNode]
    tallies: tuple[TallyNode, ...]
    entries: tuple[Entry, ...]
    window: OpenHours
    params: Mapping[str, Any]
    defaults: Mapping[str, Any]
    contact_vars: frozenset[str]
    lang: str
    zone: str
    asked: frozenset[str]
    begin: str
    fire: Callable[[str, str, Draft], str]

    def takes(self, channel: str) -> bool:
        """Whether it may be started on this channel."""
        return not self.document.channels or channel in self.document.channels

    def keyword(self, words: list[str]) -> tuple[Entry, str] | None:
        """The keyword entry that these folded words begin with, and the words after the keyword."""
        for entry in self.entries:
            if entry.kind == "keyword":
                for word in entry.words:
                    length = word.count(" ") + 1
                    if " ".join(words[:length]) == word:
                        return entry, " ".join(words[length:])
        return None
