"""A stored conversation, turn by turn, from history alone; and the proof that each turn would be decided the same again."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import tzinfo
from typing import Any

import msgspec
from msgspec.structs import replace as changed

from vaiven.flow.compile import compile_flow
from vaiven.flow.flow import Flow
from vaiven.flow.load import load_flow
from vaiven.flow.scope import zone_of
from vaiven.flow.step import BotSpec, FlowSet
from vaiven.model.contacts import Contact, ContactState
from vaiven.model.errors import SettingsError
from vaiven.model.turns import Taken, TurnRecord
from vaiven.model.urns import Urn
from vaiven.runtime.decide import Decider, Line
from vaiven.runtime.facts import FactReader
from vaiven.runtime.hours import Hours
from vaiven.runtime.people import BUILT_IN
from vaiven.runtime.registry import Registry
from vaiven.runtime.resources import About, Resources
from vaiven.stores.contract import FlowVersion, Store

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(TurnRecord).decode


class Recollection(FactReader):
    """What a step was told: by the record of its turn, else by the opening hours, which can be known of any instant."""

    def __init__(self, hours: Mapping[str, Hours], zone: tzinfo, bot: str) -> None:
        super().__init__(frozenset(f"open:{name}" for name in hours), hours, zone, bot)
        self.told: Mapping[str, int] = {}

    @property
    def is_asked(self) -> bool:
        return True

    def ask(self, asks: Any) -> None:
        """Every opening hour is at hand, whatever a flow asks for."""
        if not self._hours:
            super().ask(asks)

    def known(self, home: Urn, channel: str, now_ms: int) -> Mapping[str, int]:
        return {**super().known(home, channel, now_ms), **self.told}


@dataclass(slots=True)
class Scene:
    """What of a bot its turns are decided with, besides the flows."""

    lines: Mapping[str, Line]
    registry: Registry = field(default_factory=Registry)
    hours: Mapping[str, Hours] = field(default_factory=dict)

    def rethinker(self, flows: FlowSet) -> "Rethinker":
        """Decides turns of history by these flows."""
        spec = flows.spec
        reader = Recollection(self.hours, zone_of(spec.zone), spec.name)
        resources = Resources({**self.registry.resources, **BUILT_IN}, About.of(spec, self.hours))
        return Rethinker(Decider(flows, self.lines, resources=resources, reader=reader), reader)


@dataclass(slots=True)
class Rethinker:
    """A decider that is told what the record of a turn tells."""

    decider: Decider
    reader: Recollection

    def again(self, record: TurnRecord, before: ContactState) -> TurnRecord | None:
        """The turn of this record, decided again on that state; None: nothing comes of it. As a store gives it back.

        Raises whatever the step raises.
        """
        self.reader.told = record.facts
        turn = self.decider.decide(Taken(record.number, record.event), 0, before, record.at_ms)
        return None if turn.record is None or turn.state is None else _decode(_encode(turn.record))


@dataclass(frozen=True, slots=True)
class Difference:
    """What of a turn came out otherwise, as recorded and as decided now.

    ``what``: ``effects``, ``sessions``, ``contact``, ``flow``, ``facts``, or ``raised`` and ``turn`` where nothing came out.
    """

    what: str
    recorded: Any
    replayed: Any


@dataclass(frozen=True, slots=True)
class Replayed:
    """One turn. ``before`` None: history does not reach back to it. ``unchecked`` says why it was not decided again, if so."""

    record: TurnRecord
    before: ContactState | None
    differences: Sequence[Difference] = ()
    unchecked: str = ""


class Past:
    """A bot's flows as they were at each turn of one contact. ``flows`` are those of now, and say what is not versioned."""

    def __init__(self, store: Store, flows: FlowSet) -> None:
        self._store = store
        self._now = flows
        self._by_hash: dict[str, Flow | None] = {}
        self._by_shape: dict[str, Flow | None] = {}
        self._sets: dict[tuple[Any, ...], FlowSet] = {}

    async def version(self, hash_: str) -> Flow | None:
        """The flow of this hash; None: the store has it no more, or it does not compile any more."""
        if hash_ not in self._by_hash:
            own = next((flow for flow in self._now.flows.values() if flow.hash == hash_), None)
            self._by_hash[hash_] = own or self._compiled(await self._store.flow(hash_))
        return self._by_hash[hash_]

    async def shape(self, shape: str) -> Flow | None:
        """A flow of this shape, with its newest words."""
        if shape not in self._by_shape:
            self._by_shape[shape] = self._now.shapes.get(shape) or self._compiled(await self._store.shape(shape))
        return self._by_shape[shape]

    def _compiled(self, version: FlowVersion | None) -> Flow | None:
        if version is None:
            return None
        spec = self._now.spec
        document, _ = load_flow(version.source, f"{version.flow}@{version.hash}", spec.params)
        try:
            return None if document is None else compile_flow(document, spec, self._now.parsers)
        except SettingsError:
            return None

    async def at(self, seen: Mapping[str, str], states: Sequence[ContactState]) -> FlowSet:
        """The flows of the time at which these versions were the latest ``seen`` (name to hash), for people in these states."""
        latest = [flow for flow in [await self.version(hash_) for hash_ in seen.values()] if flow is not None]
        shapes: dict[str, Flow] = {}
        for state in states:
            for session in state.sessions.values():
                for frame in session.frames:
                    flow = await self.shape(frame.shape)
                    if flow is not None:
                        shapes[frame.shape] = flow
        key = (*sorted(flow.hash for flow in latest), None, *sorted(shapes))
        if key not in self._sets:
            now = self._now
            current = {**now.flows, **{flow.name: flow for flow in latest}}
            runnable = {**now.shapes, **shapes, **{flow.shape: flow for flow in latest}}
            self._sets[key] = FlowSet(now.spec, current, runnable, now.parsers, now.recogniser)
        return self._sets[key]


async def published_flows(store: Store, spec: BotSpec, registry: Registry) -> FlowSet:
    """The current version of every flow, as published.

    Raises:
        SettingsError: one cannot be read or run with these settings.
    """
    documents, problems = [], []
    for version in await store.current():
        document, found = load_flow(version.source, f"{version.flow}@{version.hash}", spec.params)
        if document is None:
            problems += [str(problem) for problem in found]
        else:
            documents.append(document)
    if problems:
        raise SettingsError(problems)
    return FlowSet.build(spec, documents, parsers=registry.parsers, recogniser=registry.recogniser)


async def replay(store: Store, home: Urn, scene: Scene, flows: FlowSet) -> AsyncIterator[Replayed]:
    """Every turn of this home, the oldest first, each decided again by the flow that its record names.

    Receipts and notices are left out: they concern no state. Settings, params and Python are those of now.
    """
    records = [record async for record in store.history(home)]
    past, seen = Past(store, flows), {}
    thinkers: dict[int, Rethinker] = {}
    before: ContactState | None = None
    for record in reversed(records):
        if record.after is None:
            continue
        if record.previous == 0:
            before = ContactState(Contact(home))
        elif before is not None and before.contact.last != record.previous:
            before = None
        if record.flow and (flow := await past.version(record.flow)) is not None:
            seen[flow.name] = record.flow
        if before is None:
            yield Replayed(record, None, unchecked="history does not reach back to the state before it")
        elif record.flow and await past.version(record.flow) is None:
            yield Replayed(record, before, unchecked=f"the store has no version {record.flow} that can be run")
        else:
            then = await past.at(seen, (before, record.after))
            thinker = thinkers.setdefault(id(then), scene.rethinker(then))
            yield Replayed(record, before, compare(record, before, thinker))
        before = record.after


def compare(record: TurnRecord, before: ContactState, thinker: Rethinker) -> list[Difference]:
    """Where the turn, decided again, is not what was recorded."""
    try:
        again = thinker.again(record, before)
    except Exception as error:  # noqa: BLE001 - whatever rises from a bot's own Python is told, and the next turn is looked at
        return [Difference("raised", "", type(error).__name__)]
    if again is None or again.after is None or record.after is None:
        return [Difference("turn", "a turn", "nothing")]
    # The floor belongs to the ring of known ids, which history does not keep.
    contact = changed(again.after.contact, floor_ms=record.after.contact.floor_ms)
    pairs = (
        ("effects", record.effects, again.effects),
        ("sessions", record.after.sessions, again.after.sessions),
        ("contact", record.after.contact, contact),
        ("flow", record.flow, again.flow),
        ("facts", record.facts, again.facts),
    )
    return [Difference(what, old, new) for what, old, new in pairs if old != new]
