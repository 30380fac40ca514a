"""Random walks through a bot's flows, with nasty answers, until each state was left by each exit, or it is told which never was.

Deterministic by a seed. Whoever stands somewhere with exits that nobody took is walked on from first.
"""

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from vaiven.flow.asking import AskNode
from vaiven.flow.instants import instant_of
from vaiven.flow.source import Position
from vaiven.testing.flowtests.bots import Bots, Cast
from vaiven.testing.flowtests.covering import TRANSITIONS, FlowCoverage
from vaiven.testing.flowtests.reading import CLOCK
from vaiven.testing.flowtests.script import Person, Script
from vaiven.testing.flowtests.stage import Astray, Stage
from vaiven.testing.walk_acts import Act, Acts

HOMES = ("+12025550123", "+12025550124", "+12025550125", "+12025550126")
"""Several, since a split goes by the person."""
ACTS_A_WALK = 8
LONGEST = 60
ENOUGH = 25
"""Acts at a step after which it is certain that nothing leads out of it."""
SPOTS = 600
REPLAYS = 400
WRONG = frozenset(
    {
        "expression_failed", "too_many_steps", "too_many_frames", "no_such_flow", "text_failed", "choices_left_out", "no_parser",
        "parser_failed", "recogniser_failed",
    }
)  # fmt: skip
"""What a bot records when a flow of it is wrong."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a walk begins: at which instant, and who walks."""

    now_ms: int
    home: str


@dataclass(frozen=True, slots=True)
class Fault:
    """What went wrong (a recorded error, ``silence``, ``stuck``, ``loop``, ``raised …``), at which flow/step, how to get there.

    ``odd``: only after a call was answered as no sane server would.
    """

    what: str
    where: str
    origin: Origin
    acts: tuple[Act, ...]
    odd: bool = False


@dataclass(slots=True)
class Walked:
    """What came of it, and in which ``cast``.

    ``taken`` of ``arrows``: transitions of all flows; ``never``: those that nobody took, by file and line.
    """

    cast: Cast
    walks: int = 0
    acts: int = 0
    faults: list[Fault] = field(default_factory=list)
    coverage: list[FlowCoverage] = field(default_factory=list)

    @property
    def taken(self) -> int:
        return sum(each.count(TRANSITIONS)[0] for each in self.coverage)

    @property
    def arrows(self) -> int:
        return sum(each.count(TRANSITIONS)[1] for each in self.coverage)

    @property
    def never(self) -> list[tuple[str, int, str]]:
        return [(each.file, item.line, item.name) for each in self.coverage for item in each.of(TRANSITIONS) if not item.hits]


@dataclass(slots=True)
class _Spot:
    """A person in a situation that nobody was in before, and how they came there."""

    stage: Stage
    origin: Origin
    acts: tuple[Act, ...]
    odd: bool = False
    picks: int = 0


def cast_of(folder: Path, bot: Path | None = None) -> tuple[Cast, Bots]:
    """The bot of this folder of flows, compiled and watched.

    Raises:
        FlowError, SettingsError: every problem of it.
    """
    bots = Bots(given=bot)
    script = Script(str(folder / "walk.test.yaml"), "", Position(1, 1), "", "", {}, (), ())
    return bots.cast(script), bots


def walk(folder: Path, walks: int, seed: int = 0, bot: Path | None = None) -> Walked:
    """So many walks through the flows of a folder, as its bot runs them.

    Raises:
        FlowError, SettingsError: the flows or the bot have errors.
    """
    cast, bots = cast_of(folder, bot)
    return Walker(cast, bots, random.Random(seed)).walk(walks)


class Walker:
    """Walks through one bot."""

    def __init__(self, cast: Cast, bots: Bots, rng: random.Random) -> None:
        self._cast = cast
        self._bots = bots
        self._rng = rng
        self._acts = Acts(cast.flows, rng)
        self._spots: dict[tuple[Any, ...], _Spot] = {}
        self._tried: Counter[str] = Counter()
        self._left: set[str] = set()
        self._reached: dict[str, _Spot] = {}
        self._faults: dict[tuple[str, str], Fault] = {}
        self._untaken: Counter[str] = Counter()

    def walk(self, walks: int) -> Walked:
        """All of them; each fault that was found once, with the shortest way to it."""
        found = Walked(self._cast)
        for origin in self._origins():
            spot = _Spot(self._stage(origin), origin, ())
            self._spots[("origin", origin)] = spot
        for number in range(walks):
            if number % 8 == 0:
                self._look()
            spot = self._pick()
            for _ in range(ACTS_A_WALK):
                if len(spot.acts) >= LONGEST:
                    break
                going = self._go(spot)
                found.acts += 1
                if going is None:
                    break
                spot = going
            found.walks += 1
        for step, tried in sorted(self._tried.items()):
            if tried >= ENOUGH and step not in self._left:
                spot = self._reached[step]
                self._faults["stuck", step] = Fault("stuck", step, spot.origin, spot.acts)
        found.faults = [self._shrunk(fault) for _, fault in sorted(self._faults.items())]
        found.coverage = self._bots.coverage.report()
        return found

    # ---- where to begin

    def _origins(self) -> list[Origin]:
        """Inside and outside of each window, in office hours and at night, for several people."""
        clocks = {int(instant_of(CLOCK, "UTC", 0).timestamp() * 1000): None}
        (noon,) = clocks
        windows = [flow.window for flow in self._cast.flows.flows.values()]
        for window in windows:
            opens, closes = window.opens_ms, window.closes_ms
            if opens is not None:
                clocks |= {opens - 3_600_000: None, opens + 60_000: None}
            if closes is not None:
                clocks |= {closes - 60_000: None, closes + 1000: None}
        clocks |= {noon + 15 * 3_600_000: None, noon - 24 * 3_600_000 + 15 * 3_600_000: None}
        return [Origin(at_ms, home) for at_ms in clocks for home in HOMES]

    def _stage(self, origin: Origin) -> Stage:
        return self._cast.stage(Person(id=origin.home), origin.now_ms)

    def _look(self) -> None:
        """Which steps have exits that nobody took yet."""
        self._untaken = Counter(
            item.name.partition(", ")[0]
            for each in self._bots.coverage.report()
            for item in each.of(TRANSITIONS)
            if not item.hits
        )

    def _pick(self) -> _Spot:
        spots = list(self._spots.values())
        weights = [(1 + 6 * self._untaken[_step(spot.stage) or "begin"]) / (1 + spot.picks) ** 1.5 for spot in spots]
        (spot,) = self._rng.choices(spots, weights)
        spot.picks += 1
        return spot

    # ---- one act

    def _go(self, spot: _Spot) -> _Spot | None:
        """The same person after one more act; None: it ended in a fault."""
        stage, act = spot.stage.copy(), self._acts.next(spot.stage)
        after = _Spot(stage, spot.origin, (*spot.acts, act), spot.odd or act.odd)
        what, where = done(self._cast, stage, act)
        place = _place(spot.stage)
        if place:
            self._tried[place] += 1
            self._reached.setdefault(place, spot)
            if _leaves(spot.stage, stage):
                self._left.add(place)
        if what:
            known = self._faults.get((what, where))
            if known is None or (known.odd, len(known.acts)) > (after.odd, len(after.acts)):
                self._faults[what, where] = Fault(what, where, spot.origin, after.acts, after.odd)
            return None
        key = _situation(stage)
        held = self._spots.get(key)
        if held is None and len(self._spots) < SPOTS:
            self._spots[key] = after
        elif held is not None and len(after.acts) < len(held.acts) and held.odd >= after.odd:
            self._spots[key] = replace(after, picks=held.picks)
        return after

    # ---- shorter

    def _shrunk(self, fault: Fault) -> Fault:
        """The same fault by as few acts as can be: without any one of these it would not be."""
        acts, size, replays = list(fault.acts), max(1, len(fault.acts) // 2), 0
        while size and replays < REPLAYS:
            at, before = 0, len(acts)
            while at < len(acts) and replays < REPLAYS:
                fewer = acts[:at] + acts[at + size :]
                replays += 1
                if self._fails(fault, fewer):
                    acts = fewer
                else:
                    at += size
            size = size if size == 1 and len(acts) < before else size // 2
        for at in range(len(acts)):
            for plainer in acts[at].plainer():
                if self._fails(fault, [*acts[:at], plainer, *acts[at + 1 :]]):
                    acts[at] = plainer
                    break
        return replace(fault, acts=tuple(acts), odd=any(act.odd for act in acts))

    def _fails(self, fault: Fault, acts: Sequence[Act]) -> bool:
        stage = self._stage(fault.origin)
        for number, act in enumerate(acts, 1):
            what, where = done(self._cast, stage, act)
            if what:
                return (what, where) == (fault.what, fault.where) and number == len(acts)
        return fault.what == "stuck" and _place(stage) == fault.where


def done(cast: Cast, stage: Stage, act: Act) -> tuple[str, str]:
    """Let an act happen. Gives what went wrong and where; empty: nothing."""
    place, before, said, was_out = _place(stage), stage.state, stage.said, stage.opted_out
    recorded, attempts, withheld = len(stage.recorded), len(stage.attempts), stage.withheld
    try:
        act.perform(stage)
    except Astray:
        return "loop", place
    except Exception as error:  # noqa: BLE001 - a walk is there to find whatever can rise
        return f"raised {type(error).__name__}", place
    for record in stage.recorded[recorded:]:
        if record.what in WRONG:
            return record.what, record.detail or place
    session = before.sessions.get(stage.channel)
    if act.verb != "me" or session is None or was_out or stage.opted_out:  # to who comes back the provider may speak
        return "", ""
    asks = isinstance(cast.flows.shapes[session.top.shape].waits[session.top.step], AskNode)
    now = stage.state.sessions.get(stage.channel)
    still = now is not None and now.frames[-1].visit == session.top.visit and now.id == session.id
    quiet = len(stage.said) == len(said) and len(stage.attempts) == attempts and stage.withheld == withheld
    return ("silence", place) if asks and still and quiet else ("", "")


def _place(stage: Stage) -> str:
    session = stage.state.sessions.get(stage.channel)
    return "" if session is None else f"{session.top.flow}/{session.top.step}"


def _step(stage: Stage) -> str:
    return _place(stage).partition("/")[2]


def _leaves(before: Stage, after: Stage) -> bool:
    """Whether the step that one stood on was left, other than by opting out or by what lies on top of it for a while."""
    old, new = before.state.sessions[before.channel], after.state.sessions.get(after.channel)
    if after.opted_out:
        return False
    if new is None or new.id != old.id:
        return True
    depth = len(old.frames)
    return len(new.frames) < depth or (new.frames[depth - 1].flow, new.frames[depth - 1].step) != (old.top.flow, old.top.step)


def _situation(stage: Stage) -> tuple[Any, ...]:
    """What two people have in common who need not both be walked on from."""
    session = stage.state.sessions.get(stage.channel)
    frames = () if session is None else tuple((frame.flow, frame.step, min(frame.tries, 3)) for frame in session.frames)
    values = tuple(sorted((name, _rough(value)) for name, value in stage.values().items())) if session is not None else ()
    votes = min(12, sum(stage.state.contact.votes.values()))
    return (stage.home if session is None else "", frames, values, bool(stage.pending), stage.opted_out, votes)


def _rough(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return str(value)
    if isinstance(value, int) and abs(value) <= 5:
        return str(value)
    return f"{type(value).__name__}{'' if value else ' empty'}"
