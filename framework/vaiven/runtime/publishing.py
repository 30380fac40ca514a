"""New versions of flows while people stand in the old ones: who stands where, what a publish would do, and doing it."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vaiven.flow.diff import Change, Fate, Kind, changes, fate, kind_of
from vaiven.flow.document import FlowDocument
from vaiven.flow.hashes import document_hash, shape_hash
from vaiven.flow.load import load_flow
from vaiven.model.errors import PublishRefused
from vaiven.stores.contract import FlowVersion, Store


@dataclass(frozen=True, slots=True)
class Standing:
    """How many open conversations stand on this step of this shape, on top or paused below another flow."""

    flow: str
    shape: str
    step: str
    people: int


@dataclass(frozen=True, slots=True)
class Outlook:
    """What publishing one flow would do. ``old`` None: nobody has published it yet; ``new`` None: it is in the store only.

    ``fates``: who stands where, what becomes of them, and the step of the new version they would stand on.
    """

    flow: str
    kind: Kind | None
    changes: Sequence[Change]
    fates: Sequence[tuple[Standing, Fate, str]]

    @property
    def stranded(self) -> Sequence[Standing]:
        """Those for whom a new version has neither a rule nor a step of the same name."""
        return [standing for standing, fate, _ in self.fates if fate is Fate.STRANDED]


async def standings(store: Store) -> list[Standing]:
    """Who stands where, by flow, shape and step. Reads everybody: a matter of seconds for a million people."""
    counted: Counter[tuple[str, str, str]] = Counter()
    async for state in store.people():
        for session in state.sessions.values():
            for frame in session.frames:
                counted[frame.flow, frame.shape, frame.step] += 1
    return [Standing(*place, people) for place, people in sorted(counted.items())]


async def outlooks(store: Store, documents: Iterable[FlowDocument]) -> list[Outlook]:
    """What publishing these documents would do, flow by flow."""
    current = {version.flow: version for version in await store.current()}
    where: dict[str, list[Standing]] = {}
    for standing in await standings(store):
        where.setdefault(standing.flow, []).append(standing)
    found = []
    for new in documents:
        shape = shape_hash(new)
        fates = [(each, *fate(new, shape, each.shape, each.step)) for each in where.get(new.name, ())]
        old = _document(current.get(new.name))
        kind = None if old is None else kind_of(old, new)
        found.append(Outlook(new.name, kind, [] if old is None else changes(old, new), fates))
    return found


def _document(version: FlowVersion | None) -> FlowDocument | None:
    """A version as published; None also for one that today's language reads no more."""
    return None if version is None else load_flow(version.source, f"{version.flow}@{version.hash}")[0]


async def publish(store: Store, documents: Sequence[FlowDocument], now_ms: int) -> list[FlowVersion]:
    """Make these the current versions of their flows; give those that were not before.

    Raises:
        PublishRefused: a new version moves people (``migrate``), and some stand on a step for which it has no rule.
    """
    known = await store.current_hashes()
    new = [document for document in documents if known.get(document.name) != document_hash(document)]
    if any(document.migrate for document in new):
        refused = [_stranded(look, {document.name: document for document in new}) for look in await outlooks(store, new)]
        if problems := [line for lines in refused for line in lines]:
            raise PublishRefused(problems)
    versions = [FlowVersion(each.name, document_hash(each), shape_hash(each), each.source, now_ms) for each in documents]
    await store.publish(versions)
    names = {document.name for document in new}
    return [version for version in versions if version.flow in names]


async def published(store: Store, documents: Sequence[FlowDocument], now_ms: int) -> dict[str, Any]:
    """The same, as data: ``refused`` has a line for each that would be stranded, and then nothing was ``published``."""
    try:
        new = await publish(store, documents, now_ms)
    except PublishRefused as error:
        return {"refused": [str(problem) for problem in error.problems], "published": []}
    return {"refused": [], "published": [{"flow": each.flow, "hash": each.hash, "shape": each.shape} for each in new]}


def _stranded(look: Outlook, documents: Mapping[str, FlowDocument]) -> list[str]:
    file = documents[look.flow].file
    return [
        f"{file}: {each.people} stand on step {each.step} of an earlier version, and neither a rule nor a step of that name is "
        f"in this one: write  migrate: {{{each.step}: <step>}}"
        for each in look.stranded
    ]
