"""The keys of a flow's texts, and of the words that people may write: what translations and lists of texts call them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vaiven.flow.document import Ask, Branch, Call, Command, End, FlowDocument, Part, Position, Route, Say, Step, Then, Use
from vaiven.flow.templates import Template

_NOWHERE = Position(1, 1)


@dataclass(frozen=True, slots=True)
class Spot:
    """One text, or one list of words. ``keys`` are all names that it goes by, the first is the one to use.

    ``kind`` is ``text`` (``value`` is its template) or ``words`` (``value`` has them in ``field``). ``local`` are names that only
    this text can read.
    """

    keys: tuple[str, ...]
    kind: str
    value: Any
    at: Position
    step: str | None = None
    local: frozenset[str] = frozenset()
    field: str = ""

    @property
    def key(self) -> str:
        return self.keys[0]

    @property
    def says(self) -> bool:
        """Whether there is something to translate: letters outside of braces, or texts to choose from."""
        return any(
            any(sign.isalpha() for sign in piece) if isinstance(piece, str) else piece.worded for piece in self.value.pieces
        )


def spots_of(document: FlowDocument) -> Iterator[Spot]:
    """All of them, those of the flow first, then step by step in file order."""
    return _Finder(document).all()


class _Finder:
    def __init__(self, document: FlowDocument) -> None:
        self.document = document
        self.uses: dict[int, Use] = {id(use.piece): use for use in document.uses}

    def all(self) -> Iterator[Spot]:
        document = self.document
        for start in document.starts:
            if start.kind == "keyword":
                keys = tuple(f"keywords.{word}" for word in start.words)
                yield Spot(keys, "words", start, start.at, field="words")
        yield from self.commands("", document.commands)
        for number, text in enumerate(document.default_retry or (), 1):
            yield self.text(text, f"defaults.retry.{number}")
        if document.default_otherwise is not None:
            yield from self.route("defaults.else", document.default_otherwise)
        for timer in document.default_after:
            yield from self.route(f"defaults.after.{timer.name}", timer.route)
        for step in document.steps:
            yield from self.of_step(step)

    def of_step(self, step: Step) -> Iterator[Spot]:
        name, verb = step.name, step.verb
        yield from self.parts(f"{name}.enter", step.enter)
        match verb:
            case Say():
                yield from self.parts(f"{name}.say", verb.parts)
            case Ask():
                yield from self.asked(name, verb)
            case End() if verb.text is not None:
                yield self.text(verb.text, f"{name}.end")
            case Branch():
                yield from self.routes(f"{name}.branch", verb.routes)
            case Call():
                for what, route in (("meanwhile", verb.meanwhile), ("fail", verb.fail)):
                    if route is not None:
                        yield from self.route(f"{name}.{what}", route)
        yield from self.then(name, step.then)
        for timer in step.after:
            yield from self.route(f"{name}.after.{timer.name}", timer.route)
        for event, route in step.when.items():
            yield from self.route(f"{name}.when.{event}", route)
        yield from self.commands(f"{name}.", step.commands)
        yield from self.parts(f"{name}.exit", step.exit)

    def asked(self, name: str, ask: Ask) -> Iterator[Spot]:
        yield from self.parts(f"{name}.ask", ask.question)
        if ask.hint is not None:
            yield self.text(ask.hint, f"{name}.hint")
        for choice in ask.answer.choices:
            key = f"{name}.choices.{choice.id}"
            yield self.text(choice.label, key, f"{key}.label", at=choice.at)
            yield Spot((f"{key}.also",), "words", choice, choice.at, name, field="others")
        if ask.answer.each_label is not None:
            yield self.text(ask.answer.each_label, f"{name}.choices.label")
        for number, text in enumerate(ask.retry or (), 1):
            yield self.text(text, f"{name}.retry.{number}")
        if ask.otherwise is not None:
            yield from self.route(f"{name}.else", ask.otherwise)
        yield from self.named(f"{name}.reject", ask.reject)

    def then(self, name: str, then: Then | None) -> Iterator[Spot]:
        if then is None:
            return
        for outcome, routes in then.outcomes.items():
            yield from self.routes(f"{name}.then.{outcome}", routes)
        yield from self.routes(f"{name}.then.else", then.otherwise)
        yield from self.routes(f"{name}.then", then.routes)

    def named(self, prefix: str, routes: Mapping[str, Route]) -> Iterator[Spot]:
        for what, route in routes.items():
            yield from self.route(f"{prefix}.{what}", route)

    def routes(self, prefix: str, routes: Sequence[Route]) -> Iterator[Spot]:
        for number, route in enumerate(routes, 1):
            yield from self.parts(f"{prefix}.{number}" if len(routes) > 1 else prefix, route.say, "say")

    def route(self, key: str, route: Route) -> Iterator[Spot]:
        yield from self.parts(key, route.say, "say")

    def commands(self, prefix: str, commands: Iterable[Command]) -> Iterator[Spot]:
        for command in commands:
            key = f"{prefix}commands.{command.name}"
            yield Spot((f"{key}.words",), "words", command, command.at, field="words")
            yield from self.parts(f"{key}.say", command.say)

    def parts(self, key: str, parts: Sequence[Part], under: str = "") -> Iterator[Spot]:
        """One text goes by its key, several by their numbers; a route's also by what stands in the file, ``.say``."""
        longer = (f"{key}.{under}",) if under else ()
        if len(parts) == 1:
            names = (key, *longer)
            yield self.text(parts[0].text, *names, *(f"{name}.1" for name in names), at=parts[0].at)
            return
        for number, part in enumerate(parts, 1):
            yield self.text(part.text, *(f"{name}.{number}" for name in (key, *longer)), at=part.at)

    def text(self, text: Template, *keys: str, at: Position | None = None) -> Spot:
        use = self.uses.get(id(text))
        if use is None:
            return Spot(keys, "text", text, at or _NOWHERE)
        return Spot(keys, "text", text, use.at, use.step, use.local)
