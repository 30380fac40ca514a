"""Plays a script: each leaf of its tree is a case, whose lines are held against what the bot really says."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from vaiven.flow.expressions import ExpressionError
from vaiven.flow.instants import instant_of
from vaiven.flow.source import Position
from vaiven.model.events import Happened, OptedOut, StartFlow
from vaiven.model.messages import Choice, InboundMessage, MessageKind
from vaiven.model.outbox import OutboxRow
from vaiven.testing.flowtests.bots import Cast
from vaiven.testing.flowtests.expecting import Mismatch, expect, same
from vaiven.testing.flowtests.script import (
    Begin,
    Bot,
    Expect,
    Fork,
    Happen,
    Line,
    Me,
    Mock,
    Mocks,
    Refuse,
    Script,
    Talk,
    Tap,
    Wait,
)
from vaiven.testing.flowtests.stage import Astray, Stage


@dataclass(frozen=True, slots=True)
class Heard:
    """One thing of a talk so far: at which instant, who (``me``, ``bot``, or what happened), and what."""

    at_ms: int
    who: str
    text: str


@dataclass(frozen=True, slots=True)
class Standing:
    """Where the session stood when the talk failed: each flow with its step, and the step's file and line, the top one last.

    ``zone`` is the one that its clock is shown in.
    """

    places: tuple[tuple[str, str, str, int], ...]
    vars: Mapping[str, Any]
    zone: str


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a talk failed. ``wanted`` and ``real`` are None where there are no two things to compare."""

    at: Position
    text: str
    wanted: str | None
    real: str | None
    cure: str
    heard: tuple[Heard, ...]
    standing: Standing


@dataclass(frozen=True, slots=True)
class Case:
    """A leaf of the tree: the names of its branches from the root, and of its row."""

    script: Script
    talk: Talk
    path: tuple[str, ...]
    lines: tuple[Line, ...]

    @property
    def at(self) -> Position:
        """Where its last line stands."""
        return self.lines[-1].at if self.lines else self.script.at

    @property
    def name(self) -> str:
        row = [f"[{self.talk.row}]"] if self.talk.row else []
        return " > ".join([self.script.title or self.script.flow, *self.path, *row])


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a case. Cases that fail on the lines that they share bear the same failure."""

    case: Case
    failure: Failure | None


def cases(script: Script) -> list[Case]:
    """Every case of a script, in file order, row by row."""
    return [case for talk in script.talks for case in _leaves(script, talk, (), talk.lines)]


def _leaves(script: Script, talk: Talk, path: tuple[str, ...], lines: Sequence[Line]) -> Iterator[Case]:
    *above, last = lines or (None,)
    if not isinstance(last, Fork):
        yield Case(script, talk, path, tuple(lines))
        return
    for branch in last.branches:
        whole = (*(line for line in above if line is not None), *branch.lines)
        yield from _leaves(script, talk, (*path, branch.name), whole)


def play(script: Script, cast: Cast, wanted: Callable[[Case], bool] = lambda _: True) -> list[Result]:
    """Play every case that is wanted. What branches share is played once, and each goes on from there by itself.

    Raises:
        SettingsError: the person's channel is none of the bot's.
    """
    results: list[Result] = []
    for talk in script.talks:
        chosen = {case.path: case for case in _leaves(script, talk, (), talk.lines) if wanted(case)}
        if chosen:
            _grow(_Player.of(script, cast, talk), (), talk.lines, chosen, results)
    return results


def play_case(case: Case, cast: Cast) -> Result:
    """Play one case from its beginning."""
    player = _Player.of(case.script, cast, case.talk)
    return Result(case, player.run(case.lines) or player.finish())


def _grow(
    player: "_Player", path: tuple[str, ...], lines: Sequence[Line], chosen: Mapping[tuple[str, ...], Case], results: list[Result]
) -> None:
    fork = lines[-1] if lines and isinstance(lines[-1], Fork) else None
    failure = player.run(lines if fork is None else lines[:-1])
    if fork is None:
        results.append(Result(chosen[path], failure or player.finish()))
        return
    for branch in fork.branches:
        below = (*path, branch.name)
        inner = {name: case for name, case in chosen.items() if name[: len(below)] == below}
        if failure is not None:
            results.extend(Result(case, failure) for case in inner.values())
        elif inner:
            _grow(player.copy(), below, branch.lines, inner, results)


class _Player:
    """One person going through lines. ``loose``: what the bot says until the next act may go unlisted."""

    def __init__(self, script: Script, cast: Cast, stage: Stage) -> None:
        self.script, self.cast, self.stage = script, cast, stage
        self.heard: tuple[Heard, ...] = ()
        self.loose = False
        self.at = script.at

    @classmethod
    def of(cls, script: Script, cast: Cast, talk: Talk) -> "_Player":
        now_ms = int(instant_of(talk.clock, "UTC", 0).timestamp() * 1000)
        stage = cast.stage(talk.person, now_ms)
        player = cls(script, cast, stage)
        player._mock(talk.mocks)
        return player

    def copy(self) -> "_Player":
        other = _Player(self.script, self.cast, self.stage.copy())
        other.heard, other.loose, other.at = self.heard, self.loose, self.at
        return other

    def run(self, lines: Sequence[Line]) -> Failure | None:
        """Go through the lines. Gives why it failed, None if it did not."""
        for line in lines:
            self.at = line.at
            try:
                failure = self._line(line)
            except Astray as astray:
                self._hear(self.stage.said)
                return self._failed(line.at, str(astray), cure=astray.cure)
            except (ArithmeticError, LookupError, TypeError, ValueError, AttributeError, RuntimeError) as error:
                return self._failed(line.at, f"the turn raised {type(error).__name__}: {error}")
            if failure is not None:
                return failure
        return None

    def finish(self) -> Failure | None:
        return None if self.loose else self.leftover(self.at, last=True)

    def leftover(self, at: Position, *, last: bool = False) -> Failure | None:
        """What the bot said and no line lists."""
        if not self.stage.said:
            return None
        row = self.stage.said[0]
        self._hear(self.stage.said[:1])
        cure = (
            f"If that is right, list it{' at the end' if last else ' above this line'}, or say `loose: true` at the act before."
        )
        return self._failed(at, "the bot said what no line lists", "", _shown(row), cure)

    # ---- lines

    def _line(self, line: Line) -> Failure | None:
        match line:
            case Bot():
                return self._bot(line)
            case Expect():
                return self._expect(line)
            case Mocks(mocks=mocks):
                self._mock(mocks)
                return None
            case Fork():
                return None
        if not self.loose and (failure := self.leftover(line.at)):
            return failure
        self._hear(self.stage.said)
        self.stage.said = ()
        self.loose = line.loose
        self._act(line)
        return None

    def _act(self, line: Me | Tap | Wait | Happen | Begin | Refuse) -> None:
        stage = self.stage
        match line:
            case Me():
                self._say("me", line.shown)
                stage.happens(self._message(line.fields, line.sent))
            case Tap():
                choice = self._choice(line)
                self._say("tap", choice.title or choice.id)
                stage.happens(self._message({"kind": MessageKind.CHOICE, "choice": choice, "text": choice.title}, None))
            case Wait(span_ms=span_ms):
                until_ms = self._instant(line.until) if span_ms is None else stage.now_ms + span_ms
                self._say("wait", line.until or _span(span_ms or 0))
                stage.wait(until_ms)
            case Happen():
                self._say("event", line.name)
                stage.happens(Happened(line.name, dict(line.data)))
            case Begin():
                self._say("start", line.flow)
                stage.happens(StartFlow(line.flow, dict(line.vars)))
            case Refuse():
                self._say("refuse", line.reason)
                stage.happens(OptedOut(stage.sender, line.reason))

    def _instant(self, written: str) -> int:
        spec = self.cast.flows.spec
        zone = self.stage.state.contact.zone or spec.zone
        try:
            found = int(instant_of(written, zone, self.stage.now_ms).timestamp() * 1000)
        except ExpressionError as error:
            cure = "Write 2026-12-05T20:30Z, or 09:00 for the next time it is that."
            raise Astray(f"'{written}' is no instant: {error}", cure) from None
        if found < self.stage.now_ms:
            raise Astray(f"{written} is past already", "The clock goes forward only.")
        return found

    def _message(self, fields: Mapping[str, Any], sent: str | None) -> InboundMessage:
        stage = self.stage
        more = dict(fields)
        if sent is not None:
            more["provider_ms"] = int(instant_of(sent, self.cast.flows.spec.zone, stage.now_ms).timestamp() * 1000)
        return InboundMessage(id=f"t{stage.turns + 1}", sender=stage.home, **more)

    def _choice(self, line: Tap) -> Choice:
        shown = self.stage.shown
        found = next((each for each in reversed(shown) if (each.id if line.by_id else each.title) == line.title), None)
        if found is not None:
            return Choice(found.id, found.title)
        if line.by_id:
            return Choice(line.title)
        titles = list(dict.fromkeys(each.title for each in reversed(shown)))
        cure = f"Buttons shown: {', '.join(titles)}." if titles else "No buttons were shown on this channel: type it with `me`."
        raise Astray(f"there is no button '{line.title}'", cure)

    def _bot(self, line: Bot) -> Failure | None:
        stage = self.stage
        if line.nothing:
            return self._leftover_of_none(line)
        if not stage.said:
            return self._failed(line.at, "the bot said nothing more", _wanted(line), "")
        rows = stage.said
        if self.loose:
            at = next((at for at, row in enumerate(rows) if not same(line, row)), 0)
            self._hear(rows[:at])
            rows = rows[at:]
        mismatches = same(line, rows[0])
        if mismatches:
            stage.said = rows
            first = mismatches[0]
            self._hear(rows[:1])
            return self._failed(first.at or line.at, first.text, first.wanted, first.real, first.cure)
        self._hear(rows[:1])
        stage.said = rows[1:]
        return None

    def _leftover_of_none(self, line: Bot) -> Failure | None:
        if not self.stage.said:
            return None
        row = self.stage.said[0]
        self._hear(self.stage.said[:1])
        return self._failed(line.at, "the bot was to say nothing", "", _shown(row))

    def _expect(self, line: Expect) -> Failure | None:
        found: Mismatch | None = expect(line, self.stage, self.cast.params(self.script.flow))
        if found is None:
            return None
        return self._failed(found.at or line.at, found.text, found.wanted, found.real, found.cure)

    def _mock(self, mocks: Sequence[Mock]) -> None:
        params = self.cast.params(self.script.flow)
        self.stage.set_mocks([replace(mock, name=_filled(mock.name, params)) for mock in mocks])

    # ---- what is told

    def _say(self, who: str, text: str) -> None:
        self.heard += (Heard(self.stage.now_ms, who, text),)

    def _hear(self, rows: Sequence[OutboxRow]) -> None:
        self.heard += tuple(Heard(row.created_ms, "bot", _shown(row)) for row in rows)

    def _failed(self, at: Position, text: str, wanted: str | None = None, real: str | None = None, cure: str = "") -> Failure:
        return Failure(at, text, wanted, real, cure, self.heard, standing(self.cast, self.stage))


def standing(cast: Cast, stage: Stage) -> Standing:
    """Where the session stands; after its end where it was last."""
    session = stage.state.sessions.get(stage.channel)
    places = []
    for frame in session.frames if session is not None else ():
        flow = cast.flows.shapes.get(frame.shape)
        step = next((step for step in flow.document.steps if step.name == frame.step), None) if flow is not None else None
        if flow is not None and step is not None:
            places.append((frame.flow, frame.step, flow.document.file, step.at.line))
    return Standing(tuple(places), stage.values(), stage.state.contact.zone or cast.flows.spec.zone)


def _filled(name: str, params: Mapping[str, Any]) -> str:
    for key, value in params.items():
        name = name.replace(f"{{params.{key}}}", str(value))
    return name


def _shown(row: OutboxRow) -> str:
    """A message as a phone shows it."""
    message = row.message
    files = [f"[{file.mime} {file.url or file.name or ''}]".replace(" ]", "]") for file in message.media]
    template = [f"[template {message.template.name}]"] if message.template is not None else []
    buttons = [f"[{option.title}]" for option in message.options]
    return "\n".join(filter(None, [*files, *template, message.text, " ".join(buttons)]))


def _wanted(line: Bot) -> str:
    told = [line.text.written] if line.text is not None else []
    told += [f"[template {line.template}]"] if line.template is not None else []
    told += [" ".join(f"[{words.written}]" for words in line.buttons)] if line.buttons else []
    return "\n".join(told) or f"a message of class {line.message_class}"


def _span(span_ms: int) -> str:
    told, rest = [], span_ms // 1000
    for unit, seconds in (("d", 86_400), ("h", 3600), ("m", 60), ("s", 1)):
        count, rest = divmod(rest, seconds)
        told += [f"{count}{unit}"] if count else []
    return "".join(told) or "0s"
