"""What tests have touched of the flows: states entered, arrows taken, texts said, languages spoken.

Counted where it happens: each row of a flow's compiled table gets one hook more, and each text that can be said a listener. The
decisions stay those of the table, and every call of a hook is one of a counter.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast

from vaiven.flow.arrows import Arrows
from vaiven.flow.chart import BEGIN, OVER, RETURNING, Arrow
from vaiven.flow.document import FlowDocument
from vaiven.flow.draft import Draft
from vaiven.flow.flow import Flow
from vaiven.flow.flowset import FlowSet
from vaiven.flow.nodes import TallyNode
from vaiven.flow.offering import Choices
from vaiven.flow.source import Position, split_lines
from vaiven.flow.table import Hook, Table
from vaiven.flow.templates import Locale, Template
from vaiven.flow.texts import Saying, Text
from vaiven.flow.translations import parted

STATES, TRANSITIONS, TEXTS, LANGUAGES = KINDS = ("states", "transitions", "texts", "languages")

Key = tuple[str, str, str]
"""Of which flow, by its file; of which kind; and its name."""
Place = tuple[str, int]
"""A file and a line of it."""


@dataclass(frozen=True, slots=True)
class Item:
    """Something that tests can touch: what, where it stands, and how often they did."""

    kind: str
    name: str
    file: str
    line: int
    hits: int


@dataclass(frozen=True, slots=True)
class FlowCoverage:
    """One flow. ``sources`` are the lines of its file and of its translations.

    ``implied`` are the arrows that are there in every flow, errors and BACK: how many were taken, and are.
    """

    flow: str
    file: str
    sources: Mapping[str, tuple[str, ...]]
    items: tuple[Item, ...]
    implied: tuple[int, int]

    def of(self, kind: str) -> list[Item]:
        return [item for item in self.items if item.kind == kind]

    def count(self, kind: str) -> tuple[int, int]:
        """How many of this kind were touched, and are."""
        items = self.of(kind)
        return sum(item.hits > 0 for item in items), len(items)


@dataclass(slots=True)
class Glimpse:
    """Where the machine was last: the values of the frame that it ran in, also of one that has ended since."""

    flow: str = ""
    vars: Mapping[str, Any] = field(default_factory=dict)
    answers: Mapping[str, Any] = field(default_factory=dict)


class Coverage:
    """What was touched, by whatever compiled sets it ``watch``es. ``glimpse`` is where any of them was last."""

    def __init__(self) -> None:
        self.glimpse = Glimpse()
        self._hits: Counter[Key] = Counter()
        self._implied: dict[str, dict[str, bool]] = {}
        self._known: dict[str, tuple[FlowDocument, dict[Key, Place]]] = {}

    def watch(self, flows: FlowSet) -> None:
        """Count from now on what these flows do."""
        for flow in flows.flows.values():
            document = flow.document
            _, items = self._known.setdefault(document.file, (document, {}))
            arrows = list(Arrows(document, flows.parsers).arrows())
            if flows.recogniser is None:
                unheard = {f"start_{number}" for number, start in enumerate(document.starts) if start.kind == "intent"}
                arrows = [replace(arrow, at=None) if arrow.event in unheard else arrow for arrow in arrows]
            self._watch_arrows(flow, arrows, items)
            self._watch_texts(flow, items)

    def report(self, tested: Sequence[str] = ()) -> list[FlowCoverage]:
        """Each flow that was watched, in order of its file; of those named only, if any are."""
        found = []
        for file, (document, items) in sorted(self._known.items()):
            if tested and document.name not in tested:
                continue
            covered = tuple(Item(kind, name, *at, self._hits[file, kind, name]) for (_, kind, name), at in items.items())
            implied = self._implied.get(file, {})
            sources = {file: split_lines(parted(document.source, file)[0])}
            sources |= {each.file: split_lines(each.source) for each in document.translations.values()}
            found.append(FlowCoverage(document.name, file, sources, covered, (sum(implied.values()), len(implied))))
        return found

    # ---- arrows

    def _watch_arrows(self, flow: Flow, arrows: Sequence[Arrow], items: dict[Key, Place]) -> None:
        file, lines = flow.document.file, {node.state: name for name, node in flow.nodes.items()}
        for step in flow.document.steps:
            items.setdefault((file, STATES, step.name), (file, step.at.line))
        drawn: dict[tuple[str, str], list[Arrow]] = {}
        for arrow in arrows:
            drawn.setdefault((arrow.source, arrow.event), []).append(arrow)
        rows = {}
        for state, events in flow.table.rows.items():
            rows[state] = {
                event: tuple(
                    (guard, (self._marker(flow, arrow, lines, items), *hooks), target)
                    for (guard, hooks, target), arrow in zip(taken, drawn[state, event], strict=True)
                )
                for event, taken in events.items()
            }
        flow.fire = Table(rows).fire

    def _marker(self, flow: Flow, arrow: Arrow, names: Mapping[str, str], items: dict[Key, Place]) -> Hook:
        """What runs before everything else that an arrow does."""
        file, hits, glimpse, name = flow.document.file, self._hits, self.glimpse, flow.name
        told = _told(arrow, names)
        entered = (file, STATES, names[arrow.target]) if arrow.target is not None and arrow.target in names else None
        implied = self._implied.setdefault(file, {})
        key = (file, TRANSITIONS, told)
        if arrow.at is None:
            implied.setdefault(told, False)
        else:
            while key in items and items[key] != (file, arrow.at.line):
                key = (file, TRANSITIONS, f"{key[2]} ")  # another arrow with the same ends, of another line
            items.setdefault(key, (file, arrow.at.line))

        def mark(draft: Draft) -> None:
            if arrow.at is None:
                implied[told] = True
            else:
                hits[key] += 1
            if entered is not None:
                hits[entered] += 1
            glimpse.flow, glimpse.vars, glimpse.answers = name, draft.vars, draft.answers

        return mark

    # ---- texts

    def _watch_texts(self, flow: Flow, items: dict[Key, Place]) -> None:
        document = flow.document
        places = _places(flow)
        for lang in (flow.lang, *document.translations):
            file = document.translations[lang].file if lang in document.translations else document.file
            items.setdefault((document.file, LANGUAGES, lang), (file, 1))
        for text in _texts(flow):
            place = places.get(id(text.template.render))
            if place is None:
                continue
            file, at, lang = place
            own = "" if file == document.file else f"{lang} "
            key = (document.file, TEXTS, f"{own}{at.line}:{at.column} {_short(text.template.source)}")
            items.setdefault(key, (file, at.line))
            heard = _Heard(text.template, self._sayer(key, (document.file, LANGUAGES, lang)))
            text.static, text.template = None, cast("Template", heard)

    def _sayer(self, key: Key, lang: Key) -> Callable[[], None]:
        hits = self._hits

        def said() -> None:
            hits[key] += 1
            hits[lang] += 1

        return said


class _Heard:
    """A text that tells when it is said."""

    __slots__ = ("_said", "_template")

    def __init__(self, template: Template, said: Callable[[], None]) -> None:
        self._template, self._said = template, said

    def render(self, scope: Mapping[str, Any], locale: Locale) -> str:
        self._said()
        return self._template.render(scope, locale)


def _places(flow: Flow) -> dict[int, tuple[str, Position, str]]:
    """Where each text stands and in which language, by its renderer: copies of a template share that, and nothing else has it."""
    document = flow.document
    found = {id(use.piece.render): (document.file, use.at, flow.lang) for use in document.uses if isinstance(use.piece, Template)}
    for lang, translation in document.translations.items():
        for key, template in translation.texts.items():
            found[id(template.render)] = (translation.file, translation.places[key], lang)
    return found


def _texts(flow: Flow) -> Iterator[Text]:
    """Every text in every language that the flow's compiled steps and arrows can say."""
    waiting: list[Any] = [*flow.nodes.values()]
    waiting += [hook.__self__ for events in flow.table.rows.values() for rows in events.values() for _, hooks, _ in rows
                for hook in hooks if hasattr(hook, "__self__")]  # fmt: skip
    seen: set[int] = set()
    while waiting:
        one = waiting.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        if isinstance(one, Text):
            if one.tongues is not None:
                waiting += [one.tongues.own, *one.tongues.values()]
            elif isinstance(one.template, Template):
                yield one
        elif isinstance(one, dict):
            waiting += one.values()
        elif isinstance(one, tuple | list):
            waiting += one
        elif type(one).__module__.startswith("vaiven.flow.") and not isinstance(one, Template | Choices):
            if isinstance(one, Saying):
                one.static = one._only = None  # else a text that never changes would be said without being rendered
            left_out = {"_poll"} if isinstance(one, TallyNode) else set()
            waiting += [getattr(one, name) for name in _attributes(one) if name not in left_out and hasattr(one, name)]


def _attributes(one: object) -> Iterator[str]:
    for each in type(one).__mro__:
        yield from (name for name in getattr(each, "__slots__", ()) if name != "__weakref__")
    yield from getattr(one, "__dict__", ())


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= 60 else f"{text[:59]}…"


_EVENTS = {"go_on": "then", "no_match": "no match", "child": "returned", "fail": "fails", "arrived": "arrives"}
_PREFIXES = {
    "timer_": "after ",
    "cmd_": "command ",
    "when_": "when ",
    "reject_": "reject ",
    "start_": "start ",
    "rest_": "rest of start ",
}


def _told(arrow: Arrow, names: Mapping[str, str]) -> str:
    """``people, no match -> agent``."""
    ends = {BEGIN: "begin", OVER: "over", RETURNING: "back"}
    source = names.get(arrow.source) or ends.get(arrow.source, arrow.source)
    event = _EVENTS.get(arrow.event, arrow.event)
    for prefix, word in _PREFIXES.items():
        if event.startswith(prefix):
            event = f"{word}{event[len(prefix) :].replace('_', ' ')}"
    if arrow.target is None:
        return f"{source}, {event}, stays"
    return f"{source}, {event} -> {names.get(arrow.target) or ends.get(arrow.target, arrow.target)}"
