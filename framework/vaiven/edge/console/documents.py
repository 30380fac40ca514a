"""What the published flows tell about polls and variables: labels for the board, and what must be masked.

Read from the store, so it is known in every process layout.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

import msgspec

from vaiven.flow.document import Ask, FlowDocument, Tally
from vaiven.flow.load import load_flow
from vaiven.flow.templates import Locale, Template
from vaiven.stores.contract import FlowVersion, Store

MASKED = "•••"
_PLAIN = Locale()
KEPT = 256
"""So many documents are remembered; a bot has fewer."""


class Documents:
    """Documents by hash, each parsed once."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._parsed: dict[str, FlowDocument | None] = {}
        self._shapes: dict[str, FlowVersion] = {}

    async def current(self) -> list[FlowDocument]:
        """The current document of every flow, as far as it can be read."""
        documents = [self._parse(version) for version in await self._store.current()]
        return [document for document in documents if document is not None]

    async def of_shape(self, shape: str) -> FlowDocument | None:
        """A document with this shape: which variables are personal is part of the shape."""
        version = self._shapes.get(shape)
        if version is None:
            version = await self._store.shape(shape)
            if version is None:
                return None
            _make_room(self._shapes)
            self._shapes[shape] = version
        return self._parse(version)

    def _parse(self, version: FlowVersion) -> FlowDocument | None:
        if version.hash not in self._parsed:
            _make_room(self._parsed)
            self._parsed[version.hash], _ = load_flow(version.source, version.flow)
        return self._parsed[version.hash]


def _make_room(cache: dict[str, Any]) -> None:
    if len(cache) >= KEPT:
        cache.clear()


def openings(documents: Collection[FlowDocument]) -> list[str]:
    """The first word of every keyword start, in the order of the files: what one may say to begin."""
    words = (start.words[0] for document in documents for start in document.starts if start.kind == "keyword" and start.words)
    return list(dict.fromkeys(words))


class Labelled(msgspec.Struct, frozen=True):
    """One option of a poll as a person calls it."""

    id: str
    label: str


def polls(documents: Collection[FlowDocument]) -> dict[str, list[Labelled]]:
    """Every poll that a flow names outright, with the options it offers, in file order; what is computed cannot be known."""
    found: dict[str, list[Labelled]] = {}
    for document in documents:
        for step in document.steps:
            if isinstance(step.verb, Tally) and not step.verb.poll.expressions:
                options = found.setdefault(step.verb.poll.render({}, _PLAIN), [])
                known = {option.id for option in options}
                options += [option for option in _options(document, step.verb.option) if option.id not in known]
    return found


def _options(document: FlowDocument, option: Template) -> Iterator[Labelled]:
    """The choices of the step that ``{step.id}`` names; of a plain text, itself."""
    if not option.expressions:
        plain = option.render({}, _PLAIN)
        yield Labelled(plain, plain)
        return
    asked = [name.removesuffix(".id") for name in option.names if option.source.strip("{} ") == name and name.endswith(".id")]
    for step in document.steps:
        if step.name in asked and isinstance(step.verb, Ask):
            for choice in step.verb.answer.choices:
                yield Labelled(choice.id, choice.id if choice.label.expressions else choice.label.render({}, _PLAIN))


def plain(documents: Collection[FlowDocument]) -> frozenset[str]:
    """The names of variables that some of these flows declare and none declares ``pii``."""
    personal = {name for document in documents for name, variable in document.vars.items() if variable.pii}
    return frozenset(name for document in documents for name in document.vars if name not in personal)


def masked(variables: Mapping[str, Any], shown: Collection[str]) -> dict[str, Any]:
    """The variables as a page may show them: whatever is not known to be plain is masked."""
    return {name: value if name in shown else MASKED for name, value in variables.items()}
