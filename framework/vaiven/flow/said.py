"""Every message that a flow can say, as long as it can become: what its bill at worst is reckoned from."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from vaiven.flow.document import Ask, Call, ChoiceSpec, End, FlowDocument, Part, Position, Route, Say, Step, Tally
from vaiven.flow.expressions import Expression, ExpressionError
from vaiven.flow.plurals import find_block
from vaiven.flow.templates import Locale, Template

_UNKNOWN = 20
"""Characters that a value is taken to have where nothing bounds it."""
_ITEMS = 5
"""Choices that a list made at run time is taken to have."""
_BY_NAME = {"today": 10, "now": 22, "window.from": 22, "window.to": 22, "session.visit": 4, "queue.position": 3}
_BY_FILTER = {"date": 17, "time": 8, "number": 12, "money": 14}
_BY_KIND = {"date": 10, "time": 5, "datetime": 22, "phone": 16, "email": 40, "url": 60}


@dataclass(frozen=True, slots=True)
class Said:
    """One message. ``what`` names it, ``pick.ask``; ``bounded`` False: some value in it could be longer than it is here.
    ``first`` is the text that it begins with."""

    what: str
    at: Position
    text: str
    bounded: bool
    first: Template


def said(document: FlowDocument, params: Mapping[str, Any] | None = None) -> Iterator[Said]:
    """All messages of a flow in its main language, in the order of its steps, every part of each of them said."""
    return _Sayer(document, {**document.params, **(params or {})}).all()


class _Sayer:
    def __init__(self, document: FlowDocument, params: Mapping[str, Any]) -> None:
        self.document = document
        self.params = params
        self.steps = {step.name: step for step in document.steps}
        self.saved = {step.verb.save: step for step in document.steps if isinstance(step.verb, Ask) and step.verb.save}
        self.places = {id(use.piece): use.at for use in document.uses}
        self.bounded = True

    def all(self) -> Iterator[Said]:
        document = self.document
        for command in document.commands:
            yield from self.parts(f"commands.{command.name}", command.say)
        for timer in document.default_after:
            yield from self.parts(f"defaults.after.{timer.name}", timer.route.say)
        for step in document.steps:
            yield from self.of_step(step)

    def of_step(self, step: Step) -> Iterator[Said]:
        name, verb = step.name, step.verb
        yield from self.parts(f"{name}.enter", step.enter)
        if isinstance(verb, Say):
            for part in verb.parts if verb.apart else ():
                yield from self.parts(f"{name}.say", (part,))
            yield from self.parts(f"{name}.say", () if verb.apart else verb.parts)
        elif isinstance(verb, Ask):
            yield from self.asked(step, verb)
        elif isinstance(verb, End) and verb.text is not None:
            yield self.message(f"{name}.end", step.at, [verb.text])
        for timer in step.after:
            yield from self.parts(f"{name}.after.{timer.name}", timer.route.say)
        for event, route in step.when.items():
            yield from self.parts(f"{name}.when.{event}", route.say)
        for command in step.commands:
            yield from self.parts(f"{name}.commands.{command.name}", command.say)
        for route in _routes(step):
            yield from self.parts(f"{name}.then", route.say)
        if isinstance(verb, Call):
            yield from self.parts(f"{name}.fail", verb.fail.say if verb.fail else ())
            yield from self.parts(f"{name}.meanwhile", verb.meanwhile.say if verb.meanwhile else ())
        yield from self.parts(f"{name}.exit", step.exit)

    def asked(self, step: Step, ask: Ask) -> Iterator[Said]:
        texts = [part.text for part in ask.question]
        yield self.message(f"{step.name}.ask", ask.question[0].at, texts, step, with_choices=True)
        retry = ask.retry if ask.retry is not None else self.document.default_retry
        for number, text in enumerate(retry or (), 1):
            yield self.message(f"{step.name}.retry.{number}", step.at, [text], step)
        if retry is None and ask.hint is not None:
            yield self.message(f"{step.name}.hint", step.at, [ask.hint, *texts], step, with_choices=True)
        for what, route in (("else", ask.otherwise), *((f"reject.{bound}", one) for bound, one in ask.reject.items())):
            yield from self.parts(f"{step.name}.{what}", route.say if route else ())

    def parts(self, what: str, parts: Iterable[Part]) -> Iterator[Said]:
        found = tuple(parts)
        if found:
            yield self.message(what, found[0].at, [part.text for part in found])

    def message(
        self, what: str, at: Position, texts: list[Template], step: Step | None = None, with_choices: bool = False
    ) -> Said:
        self.bounded = True
        text = "\n".join(self.filled(one, step) for one in texts)
        if with_choices and step is not None and not any("choices" in one.names for one in texts):
            text += "".join(f"\n{line}" for line in self.choices(step))
        return Said(what, self.places.get(id(texts[0]), at), text, self.bounded, texts[0])

    def filled(self, template: Template, step: Step | None) -> str:
        """The text with something as long as it can be in each of its braces."""
        if not template.expressions:
            return template.render({}, Locale())
        return self.inside(template.source, step, _brace).replace("{{", "{").replace("}}", "}")

    def inside(self, source: str, step: Step | None, brace: Callable[[str, int], int]) -> str:
        out, at = [], 0
        while (opening := brace(source, at)) >= 0:
            out.append(source[at:opening])
            block = find_block(source, opening)
            if block is not None:
                branches = [self.inside(source[start:end], step, _any_brace) for start, end in block.branches.values()]
                longest = max(branches, key=len)
                out.append(longest.replace("#", "xxx") if block.kind != "select" else longest)
                at = block.end
                continue
            closing = source.index("}", opening)
            out.append(self.value(source[opening + 1 : closing], step))
            at = closing + 1
        return "".join((*out, source[at:]))

    def value(self, inside: str, step: Step | None) -> str:
        name, *filters = (piece.strip() for piece in inside.split("|"))
        if step is not None and name == "choices":
            return "\n".join(self.choices(step))
        if step is not None and name == "hint" and isinstance(step.verb, Ask):
            return self.filled(step.verb.hint, None) if step.verb.hint else ""
        if filters and (length := _BY_FILTER.get(filters[0].partition("(")[0].strip())):
            return "x" * length
        known = self.known(name)
        if known is None:
            self.bounded = False
            return "x" * _UNKNOWN
        return known

    def known(self, name: str) -> str | None:
        """A value as long as this name's can be; None: nothing bounds it."""
        if name in _BY_NAME:
            return "x" * _BY_NAME[name]
        top, _, field = name.partition(".")
        if top == "params" and field in self.params:
            return str(self.params[field])
        step = self.steps.get(top) or self.saved.get(name.removeprefix("vars."))
        if step is None:
            return None
        if isinstance(step.verb, Tally):
            cap = None if step.verb.cap is None else self.constant(step.verb.cap)
            return ("x" * 3 if cap is None else str(cap)) if field in ("cast", "left") else None
        return self.of_answer(step.verb, field) if isinstance(step.verb, Ask) else None

    def of_answer(self, ask: Ask, field: str) -> str | None:
        answer = ask.answer
        if answer.choices and answer.kind == "choices":
            labels = [self.filled(choice.label, None) if field == "label" else choice.id for choice in answer.choices]
            return max(labels, key=len)
        most = self.constant(answer.max)
        if answer.kind == "text" and isinstance(most, int):
            return "x" * min(most, 1600)
        if answer.kind in ("integer", "number") and isinstance(most, int | float):
            return "x" * len(str(most))
        length = _BY_KIND.get(answer.kind)
        return None if length is None else "x" * length

    def choices(self, step: Step) -> list[str]:
        answer = step.verb.answer if isinstance(step.verb, Ask) else None
        if answer is None:
            return []
        if answer.each_label is not None:
            self.bounded = False
            labels = [self.filled(answer.each_label, None)] * _ITEMS
        else:
            labels = [self.label(choice) for choice in answer.choices]
        return [f"{number} {label}" for number, label in enumerate(labels, 1)]

    def label(self, choice: ChoiceSpec) -> str:
        return self.filled(choice.label, None)

    def constant(self, piece: Expression | Template | None) -> Any:
        """The value of what reads nothing but params."""
        if piece is None or any(name.partition(".")[0] != "params" for name in piece.names):
            return None
        scope = {"params": self.params}
        try:
            value = piece.value(scope) if isinstance(piece, Template) else piece.evaluate(scope)
        except ExpressionError:
            return None
        return int(value) if isinstance(value, str) and value.isdecimal() else value


def _brace(text: str, start: int) -> int:
    """Where the next value begins: a brace that is not doubled."""
    at = text.find("{", start)
    while at >= 0 and text.startswith("{{", at):
        at = text.find("{", at + 2)
    return at


def _any_brace(text: str, start: int) -> int:
    """In a branch no brace is doubled."""
    return text.find("{", start)


def _routes(step: Step) -> Iterator[Route]:
    then = step.then
    if then is not None:
        yield from (*then.routes, *then.otherwise)
        for routes in then.outcomes.values():
            yield from routes
    yield from getattr(step.verb, "routes", ())
