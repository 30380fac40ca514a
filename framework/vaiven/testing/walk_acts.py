"""What a random walk can do next: answers that fit, answers that do not, silence, old taps, and what calls come to meanwhile."""

import json
import random
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from vaiven.flow.asking import AskNode
from vaiven.flow.document import Ask, Call, FlowDocument
from vaiven.flow.expressions import Expression
from vaiven.flow.flowset import FlowSet
from vaiven.flow.source import Position
from vaiven.model.events import Happened, StartFlow
from vaiven.model.messages import Choice, InboundMessage, Location, Media, MessageKind
from vaiven.testing.flowtests.script import Answer, Mock
from vaiven.testing.flowtests.stage import Stage

NOWHERE = Position(1, 1)
NASTY = (
    "", "👍", "x" * 4000, "שלום עולם", "‮abc", "0", "-1", "99999999999999999999", "{x}", "null", "1 2 3", "STOP", "START", "HELP",
    "a\nb", "٣", "yes", "no", "back", "🏳️‍🌈 ok?", "'; --", "\u200b",
)  # fmt: skip
KINDS = ("sticker", "photo", "audio", "document", "location", "unsupported")
_MIMES = {"sticker": "sticker/webp", "photo": "image/jpeg", "audio": "audio/ogg", "document": "application/pdf"}
_FITTING = {
    "integer": ["1", "2", "3", "5", "10"],
    "number": ["1", "2.5", "10"],
    "date": ["tomorrow", "in 3 days", "2026-02-03", "yesterday"],
    "time": ["19:00", "7 am"],
    "datetime": ["tomorrow 19:00", "2026-02-03 09:00"],
    "phone": ["+12025550177"],
    "email": ["ana@example.com"],
    "url": ["https://shop.example/a"],
    "confirm": ["yes", "no"],
    "text": ["Ana", "123456", "AB123456", "a longer text of some words"],
    "many_of": ["1", "1 and 2", "all"],
}
_WHEN = "2026-02-03T19:00"
_SHORT = 20
_NEAR_MS = 3_600_000
"""A poll that closes within so long may close while somebody votes."""
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


@dataclass(frozen=True, slots=True)
class Act:
    """One thing that happens. ``line`` is how a test file says it: a verb and its value. ``answer`` is what every call comes to
    from now on (None: as it was); ``odd``: an answer that no sane server gives."""

    line: Mapping[str, Any]
    answer: Answer | None = None
    odd: bool = False

    @property
    def verb(self) -> str:
        return next(iter(self.line))

    @property
    def mock(self) -> Mapping[str, Any]:
        """How a test file says the answer."""
        answer = self.answer
        if answer is None:
            return {}
        told: dict[str, Any] = {"word": answer.word} if answer.word else {}
        if answer.delay_ms:
            told["delay"] = f"{answer.delay_ms // 1000}s"
        if answer.fail:
            return {"fail": answer.fail}
        return {**told, **({"status": answer.status} if answer.status != 200 else {}), "json": answer.json}

    def plainer(self) -> Iterator["Act"]:
        """The same with less in it, the plainest first."""
        if self.answer is not None:
            yield replace(self, answer=None, odd=False)
            if self.answer.delay_ms:
                yield replace(self, answer=replace(self.answer, delay_ms=0))
        text = self.line.get("me")
        if isinstance(text, str) and len(text) > _SHORT:
            yield from (replace(self, line={"me": text[:length]}) for length in (1, _SHORT, 200) if length < len(text))

    def perform(self, stage: Stage) -> None:
        """Let it happen. Raises whatever the bot raises, and Astray."""
        if self.answer is not None:
            stage.set_mocks([Mock("*", NOWHERE, (self.answer,))])
        value = self.line[self.verb]
        match self.verb:
            case "me":
                stage.happens(_message(stage, value))
            case "tap":
                choice = Choice(value["id"])
                stage.happens(InboundMessage(id=f"t{stage.turns + 1}", sender=stage.home, kind=MessageKind.CHOICE, choice=choice))
            case "wait":
                stage.wait(stage.now_ms + seconds(value) * 1000)
            case "event":
                ((name, data),) = value.items()
                stage.happens(Happened(name, dict(data)))
            case "start":
                stage.happens(StartFlow(value, {}))


def _message(stage: Stage, value: Any) -> InboundMessage:
    name = f"t{stage.turns + 1}"
    if isinstance(value, str):
        return InboundMessage(id=name, sender=stage.home, text=value)
    ((kind, what),) = value.items()
    if kind == "location":
        return InboundMessage(id=name, sender=stage.home, kind=MessageKind.LOCATION, location=Location(41.4, 2.2))
    if kind == "payload":
        return InboundMessage(id=name, sender=stage.home, kind=MessageKind.CHOICE, choice=Choice(what))
    if kind == "referral":
        return InboundMessage(id=name, sender=stage.home, kind=MessageKind.REFERRAL, referral=what)
    if kind == "kind":
        return InboundMessage(id=name, sender=stage.home, kind=MessageKind(what))
    file = Media(_MIMES[kind], url=f"https://files.example/{kind}", name=what)
    return InboundMessage(id=name, sender=stage.home, kind=MessageKind.MEDIA, media=(file,))


def span(total_s: int) -> str:
    """Seconds as a duration of a test file."""
    told = []
    for unit, size in (("d", 86_400), ("h", 3600), ("m", 60), ("s", 1)):
        count, total_s = divmod(total_s, size)
        told += [f"{count}{unit}"] if count else []
    return "".join(told) or "1s"


def seconds(told: str) -> int:
    return sum(int(count) * {"d": 86_400, "h": 3600, "m": 60, "s": 1}[unit] for count, unit in re.findall(r"(\d+)([dhms])", told))


class Acts:
    """Thinks of acts for the people of one bot. All chance comes from ``rng``."""

    def __init__(self, flows: FlowSet, rng: random.Random) -> None:
        self._flows = flows
        self._rng = rng
        self._documents = [flow.document for flow in flows.flows.values()]
        self._shapes = [shape for document in self._documents for shape in _results(document)]

    def next(self, stage: Stage, known: Sequence[Act] = ()) -> Act:
        """Something to do now; ``known`` acts that fit here are as good as any."""
        rng = self._rng
        kinds: list[Iterator[Mapping[str, Any]]] = (
            [self._fitting(stage)] * 5 + [self._nasty(stage)] * 2 + [self._later(stage)] * 2
        )
        lines = list(rng.choice(kinds))
        if not lines:
            lines = [*self._fitting(stage), *self._nasty(stage)]
        answer, odd = self._answer()
        return Act(rng.choice(lines), answer, odd)

    # ---- what fits

    def _fitting(self, stage: Stage) -> Iterator[Mapping[str, Any]]:
        session = stage.state.sessions.get(stage.channel)
        if session is None:
            yield from self._starts()
            return
        frame = session.top
        flow = self._flows.shapes[frame.shape]
        node = flow.waits[frame.step]
        verb = next(step.verb for step in flow.document.steps if step.name == frame.step)
        if isinstance(node, AskNode) and isinstance(verb, Ask):
            yield from _answers(verb, [label for _, label in frame.offered])
        for word in node.command_events:
            yield {"me": word}
        for name in node.when_events:
            yield {"event": {name: {"name": "Ana"}}}
        for option in stage.shown[-4:]:
            yield {"tap": {"id": option.id}}

    def _starts(self) -> Iterator[Mapping[str, Any]]:
        for document in self._documents:
            asks = {step.name: step.verb for step in document.steps if isinstance(step.verb, Ask)}
            for start in document.starts:
                answered = asks.get(start.rest or start.step or "")
                answers = [line["me"] for line in _answers(answered, []) if isinstance(line["me"], str)] if answered else []
                match start.kind:
                    case "keyword":
                        yield from ({"me": word} for word in start.words)
                        yield from ({"me": f"{start.words[0]} {answer}"} for answer in answers)
                    case "answer":
                        yield from ({"me": answer} for answer in answers)
                    case "payload" | "referral":
                        yield from ({"me": {start.kind: word}} for word in start.words)
                    case "event":
                        yield from ({"event": {word: {}}} for word in start.words)
                    case "api":
                        yield {"start": document.name}
                    case "fallback":
                        yield {"me": "something"}

    # ---- what does not, and time

    def _nasty(self, stage: Stage) -> Iterator[Mapping[str, Any]]:
        yield from ({"me": text} for text in NASTY)
        yield from ({"me": {kind: "odd"}} for kind in KINDS[:4])
        yield {"me": {"location": {"latitude": 41.4, "longitude": 2.2}}}
        yield {"me": {"kind": "unsupported"}}
        yield from ({"me": start.words[0]} for each in self._documents for start in each.starts if start.kind == "keyword")
        yield from ({"tap": {"id": option.id}} for option in stage.shown[:-4][-6:])

    def _later(self, stage: Stage) -> Iterator[Mapping[str, Any]]:
        due = [timer.due_ms for timer in stage.timers.values()] + [each.due_ms for each in stage.pending]
        for at_ms in sorted(due)[:3]:
            left_s = -(-(at_ms - stage.now_ms) // 1000)
            if left_s > 0:
                yield {"wait": span(left_s)}
        for flow in self._flows.flows.values():
            closes_ms = flow.window.closes_ms
            if closes_ms is not None and 0 < closes_ms - stage.now_ms <= _NEAR_MS:
                yield {"wait": span((closes_ms - stage.now_ms) // 1000 + 1)}
        yield {"wait": "31m"}

    # ---- calls

    def _answer(self) -> tuple[Answer | None, bool]:
        """What calls come to from now on, and whether that is odd."""
        if not self._shapes:
            return None, False
        rng = self._rng
        chance = rng.random()
        if chance < 0.1:
            return Answer(fail="timeout"), False
        if chance < 0.2:
            return Answer(status=503, json={}, body=b"{}"), False
        if chance < 0.25:
            odds: list[Any] = [None, [], "text", {"": {}}, 7]
            odd = rng.choice(odds)
            return Answer(body=json.dumps(odd).encode(), json=odd, word="odd"), True
        found: dict[str, Any] = {}
        for name, kind, constants in self._shapes:
            _put(found, name, self._value(kind, constants))
        named = found.get("word")
        word = named if isinstance(named, str) else "ok"
        # Now and then it takes its time, so that people write meanwhile.
        delay_ms = 3000 if chance > 0.9 else 0
        return Answer(body=json.dumps(found).encode(), json=found, word=word, delay_ms=delay_ms), False

    def _value(self, kind: str, constants: Sequence[Any]) -> Any:
        rng = self._rng
        match kind:
            case "list":
                items = [dict.fromkeys(constants, _WHEN) | {"id": f"i{at}"} for at in range(3)]
                return items[: rng.choice([0, 1, 2, 3])]
            case "number":
                return rng.choice([0, 1, 2, 10, *constants, *(each + 1 for each in constants), *(each - 1 for each in constants)])
            case "text":
                return rng.choice(["text", *constants])
            case "flag":
                return rng.random() < 0.5
            case _:
                return _WHEN


def _answers(ask: Ask, offered: Sequence[str]) -> Iterator[Mapping[str, Any]]:
    """Answers to a question that its type may take, at its bounds and beyond them too."""
    spec = ask.answer
    for at, choice in enumerate(spec.choices, 1):
        yield {"me": str(at)}
        yield from ({"me": word} for word in choice.also[:1])
    for at, label in enumerate(offered, 1):
        yield {"me": str(at)}
        yield {"me": label}
    yield from ({"me": text} for text in _FITTING.get(spec.kind, ()))
    if spec.kind in ("integer", "number"):
        for bound in (spec.min, spec.max):
            for number in _NUMBER.findall(bound.source) if bound is not None else ():
                yield from ({"me": str(int(float(number)) + by)} for by in (-1, 0, 1))
    if spec.kind == "location":
        yield {"me": {"location": {"latitude": 41.4, "longitude": 2.2}}}
    if spec.kind == "media" or spec.media:
        yield from ({"me": {kind: "file"}} for kind in KINDS[:4])
    if spec.kind == "custom" or spec.pattern:
        texts = [ask.hint, *(part.text for part in ask.question), *(ask.retry or ())]
        words = {word for text in texts if text is not None for word in re.findall(r"[\w-]{2,}", text.source)}
        yield from ({"me": word} for word in sorted(words))


def _results(document: FlowDocument) -> Iterator[tuple[str, str, Sequence[Any]]]:
    """Fields of calls' answers that a flow uses: the name, what kind of value it must be, and values that would matter."""
    calls = {step.name for step in document.steps if isinstance(step.verb, Call)}
    if calls:
        yield "ok", "flag", ()
    items = {
        expression: sorted({name.split(".")[1] for use in document.uses if use.step == step.name
                            for name in use.piece.names if name.startswith("item.")})
        for step in document.steps if isinstance(step.verb, Ask) and step.verb.answer.each is not None
        for expression in [step.verb.answer.each.source]
    }  # fmt: skip
    for use in document.uses:
        for name in sorted(use.piece.names):
            head, _, path = name.partition(".")
            if not path or (head != "result" and head not in calls) or path in ("reason", "status", "body"):
                continue
            source = use.piece.source
            listed = next((fields for each, fields in items.items() if each.partition(".")[2] == path), None)
            if listed is not None:
                yield path, "list", listed
            elif isinstance(use.piece, Expression):
                yield path, *_kind(name, source)
            elif re.search(re.escape(name) + r"\|(date|time|datetime)", source):
                yield path, "instant", ()


def _kind(name: str, source: str) -> tuple[str, Sequence[Any]]:
    here = re.escape(name)
    if re.search(rf"size\({here}\)", source):
        return "list", ()
    if texts := re.findall(rf"{here}\s*(?:==|!=)\s*(?:'([^']*)'|\"([^\"]*)\")", source):
        return "text", [one or other for one, other in texts]
    if numbers := re.findall(rf"{here}\s*(?:==|!=|<=?|>=?|[-+*/])\s*(-?\d+(?:\.\d+)?)", source):
        return "number", [float(number) if "." in number else int(number) for number in numbers]
    return ("number", ()) if re.search(rf"{here}\s*[-+*/<>]|[-+*/<>]=?\s*{here}", source) else ("flag", ())


def _put(found: dict[str, Any], path: str, value: Any) -> None:
    """Set a field; what is more than a flag wins over one that is only that."""
    *above, last = path.split(".")
    for name in above:
        inner = found.setdefault(name, {})
        if not isinstance(inner, dict):
            return
        found = inner
    if last not in found or isinstance(found[last], bool):
        found[last] = value
