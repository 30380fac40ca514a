"""A day of conversations on edited flows: whose would differ, where first, and why.

Each home's events of history go in order, with their instants, facts and call answers, through the new flows, from the state
in which they stood. As long as the conversation stays on its way it goes on, whatever the words; where it leaves it, it ends.
"""

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from msgspec.structs import replace as changed

from vaiven.flow.flowset import FlowSet
from vaiven.model.contacts import Contact, ContactState
from vaiven.model.effects import Call, Control, Effect, End, HandOff, Recorded, Send, Tally, Tell
from vaiven.model.events import TimerDue
from vaiven.model.sessions import Frame, Session
from vaiven.model.turns import TurnRecord
from vaiven.model.urns import Urn, scheme_of
from vaiven.runtime.replay import Rethinker, Scene
from vaiven.stores.contract import Store

EXAMPLES = 3
ERRORS = frozenset(
    {
        "expression_failed", "too_many_steps", "too_many_frames", "no_such_flow", "text_failed", "choices_left_out",
        "version_lost", "no_parser", "parser_failed", "recogniser_failed", "call_failed",
    }
)  # fmt: skip
"""What is recorded when something goes wrong."""
STAYS = frozenset({"text", "vars"})
"""Differences after which the conversation goes on all the same."""


@dataclass(frozen=True, slots=True)
class Cause:
    """Why conversations differ: at which flow and step a turn began (empty: nobody stood anywhere), and what is not the same.

    ``what``: ``text`` said, ``vars``, ``votes``, ``call`` or word to somebody, ``route`` to another step, ``end`` with another
    outcome, ``timer`` that falls due at another instant, ``error``.
    """

    flow: str
    step: str
    what: str


@dataclass(frozen=True, slots=True)
class Example:
    """One turn that would differ: whose, its number and instant, what was and what would be.

    The states are those before it, after it, and as the new flows leave it (None: they did not take it).
    """

    home: Urn
    channel: str
    number: int
    at_ms: int
    was: Any
    now: Any
    before: ContactState
    old: ContactState | None
    new: ContactState | None


@dataclass(slots=True)
class Found:
    """One cause: of how many ``homes``, for how many of them it comes ``first``, and its first examples in history."""

    homes: int = 0
    first: int = 0
    examples: list[Example] = field(default_factory=list)


@dataclass(slots=True)
class Against:
    """What came of it. ``homes`` and ``turns`` went through the new flows; ``unknown`` turns did not, for history does not reach
    back to the state before them."""

    homes: int = 0
    turns: int = 0
    unknown: int = 0
    differing: int = 0
    causes: dict[Cause, Found] = field(default_factory=dict)

    def ranked(self) -> list[tuple[Cause, Found]]:
        """What comes first for most stands first."""
        return sorted(
            self.causes.items(), key=lambda each: (-each[1].first, -each[1].homes, each[0].flow, each[0].step, each[0].what)
        )


@dataclass(slots=True)
class _Lane:
    """One home: as it was, and as it would be."""

    old: ContactState | None
    new: ContactState | None = None
    done: bool = False
    causes: set[Cause] = field(default_factory=set)


async def heard(store: Store, since_ms: int) -> Counter[Urn]:
    """Who was heard since then, and in how many turns. Resources are nobody."""
    found: Counter[Urn] = Counter()
    async for record in store.history():
        if record.at_ms >= since_ms and record.after is not None and scheme_of(record.event.home) != "res":
            found[record.event.home] += 1
    return found


async def against(
    store: Store,
    scene: Scene,
    flows: FlowSet,
    homes: Collection[Urn],
    since_ms: int,
    tick: Callable[[int], None] = lambda _: None,
) -> Against:
    """Take everything of these ``heard`` since then through these flows. ``tick`` is told how many more turns are done."""
    thinker, found = scene.rethinker(flows), Against()
    lanes: dict[Urn, _Lane] = {}
    async for record in store.history():
        home = record.event.home
        if home not in homes or record.after is None:
            continue
        lane = lanes.get(home)
        if lane is None:
            lane = lanes[home] = _Lane(ContactState(Contact(home)) if record.previous == 0 else None)
        if lane.old is not None and lane.old.contact.last != record.previous:
            lane.old = lane.new = None
        if record.at_ms >= since_ms:
            tick(1)
            _turn(record, lane, thinker, flows, found)
        lane.old = record.after
    found.homes = len(lanes)
    found.differing = sum(bool(lane.causes) for lane in lanes.values())
    return found


def _turn(record: TurnRecord, lane: _Lane, thinker: Rethinker, flows: FlowSet, found: Against) -> None:
    if lane.done:
        return
    if lane.old is None:
        found.unknown += 1
        return
    if lane.new is None:
        lane.new = _in_new_shapes(lane.old, flows)
    found.turns += 1
    try:
        again = None if (late := _timers(record, lane.old, lane.new)) else thinker.again(record, lane.new)
        differences = [late] if late else _compare(record, again)
    except Exception as error:  # noqa: BLE001 - whatever new flows or the bot's Python come to is told, and the others go on
        again, differences = None, [("error", "", type(error).__name__)]
    flow, step = _where(lane.old, record.event.channel)
    if any(cause.what == "vars" for cause in lane.causes):
        differences = [each for each in differences if each[0] != "vars"]  # once other, they stay so
    for what, was, now in differences:
        cause = Cause(flow, step, what)
        if cause not in lane.causes:
            known = found.causes.setdefault(cause, Found())
            known.homes += 1
            known.first += not lane.causes
            if len(known.examples) < EXAMPLES:
                known.examples.append(
                    Example(
                        home=record.event.home,
                        channel=record.event.channel,
                        number=record.number,
                        at_ms=record.at_ms,
                        was=was,
                        now=now,
                        before=lane.old,
                        old=record.after,
                        new=None if again is None else again.after,
                    )
                )
            lane.causes.add(cause)
    lane.done = again is None or any(what not in STAYS for what, _, _ in differences)
    lane.new = None if again is None else again.after


def _in_new_shapes(state: ContactState, flows: FlowSet) -> ContactState:
    """Who stands in a flow stands in its new version from the beginning, where that has their step."""

    def moved(frame: Frame) -> Frame:
        flow = flows.flows.get(frame.flow)
        return changed(frame, shape=flow.shape) if flow is not None and frame.step in flow.waits else frame

    sessions = {name: changed(each, frames=tuple(map(moved, each.frames))) for name, each in state.sessions.items()}
    return ContactState(state.contact, sessions)


def _where(state: ContactState, channel: str) -> tuple[str, str]:
    session = state.sessions.get(channel)
    return ("", "") if session is None else (session.top.flow, session.top.step)


Told = tuple[str, Any, Any]


def _timers(record: TurnRecord, old: ContactState, new: ContactState) -> Told | None:
    """A timer that falls due in one of both only, before this event or by it."""
    body, channel = record.event.body, record.event.channel
    was, now = _armed(old, channel), _armed(new, channel)
    if isinstance(body, TimerDue) and was.get(body.key) == body.due_ms != now.get(body.key):
        return "timer", {body.key: body.due_ms}, {body.key: now.get(body.key)}
    early = {key: due for key, due in now.items() if due < record.event.at_ms and was.get(key) != due}
    return ("timer", {key: was.get(key) for key in early}, early) if early else None


def _armed(state: ContactState, channel: str) -> Mapping[str, int]:
    session = state.sessions.get(channel)
    return {**state.contact.timers, **(session.timers if session is not None else {})}


def _compare(record: TurnRecord, again: TurnRecord | None) -> list[Told]:
    """What of the turn is not as recorded; of several things that leave the way the gravest."""
    if again is None or again.after is None or record.after is None:
        return [("error", "a turn", "nothing")]
    channel = record.event.channel
    differences: list[Told] = []

    def hold(what: str, was: Any, now: Any) -> None:
        if was != now:
            differences.append((what, was, now))

    hold("text", _said(record.effects), _said(again.effects))
    hold("vars", _values(record.after, channel), _values(again.after, channel))
    hold("votes", _of(record.effects, Tally), _of(again.effects, Tally))
    hold("call", _asked(record.effects), _asked(again.effects))
    hold("end", _of(record.effects, End), _of(again.effects, End))
    hold("route", _stack(record.after, channel), _stack(again.after, channel))
    hold("error", _wrong(record.effects), _wrong(again.effects))
    grave = [each for each in differences if each[0] not in STAYS]
    return [grave[-1]] if grave else differences


def _said(effects: Sequence[Effect]) -> list[Any]:
    """Each message: its text, or with what hangs on it a map."""
    found: list[Any] = []
    for each in effects:
        if isinstance(each, Send):
            more = {"options": [option.title for option in each.options], "media": [file.url for file in each.media]}
            more = {name: values for name, values in more.items() if values}
            template = {} if each.template is None else {"template": each.template.name}
            found.append({"text": each.text, **more, **template} if more or template else each.text)
    return found


def _of(effects: Sequence[Effect], kind: type) -> list[Effect]:
    return [effect for effect in effects if isinstance(effect, kind)]


def _asked(effects: Sequence[Effect]) -> list[Any]:
    """Calls by step and request, words to others, and who has the conversation: answers of history are theirs only."""
    found: list[Any] = []
    for effect in effects:
        if isinstance(effect, Call):
            found.append((effect.step, effect.request))
        elif isinstance(effect, Tell | Control | HandOff):
            found.append(effect)
    return found


def _wrong(effects: Sequence[Effect]) -> Counter[str]:
    return Counter(effect.what for effect in effects if isinstance(effect, Recorded) and effect.what in ERRORS)


def _stack(state: ContactState, channel: str) -> list[str]:
    session = state.sessions.get(channel)
    return [] if session is None else [f"{frame.flow}/{frame.step}" for frame in session.frames]


def _values(state: ContactState, channel: str) -> list[Any]:
    session: Session | None = state.sessions.get(channel)
    return [state.contact.vars, *((frame.vars, frame.answers) for frame in (session.frames if session is not None else ()))]
