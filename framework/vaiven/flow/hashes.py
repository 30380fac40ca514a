"""Two hashes of a flow. An edit of texts reaches everyone at once; an edit of shape leaves people where they stand.

The *document* hash covers all that was written, the *shape* hash only what decides: steps, verbs, routes, guards, types and
bounds, and what calls, subflows and queues are given. Texts, media, templates, hints, labels, aliases and words of any kind are
no part of the shape; nor are ``migrate``, ``tags`` and the names of sections, whose steps stand flat in it. Both are the same
in every process and on every machine, and neither knows comments or line numbers.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from hashlib import sha256
from typing import Any

from vaiven.flow.document import (
    After,
    AnswerSpec,
    Ask,
    Branch,
    Call,
    ChoiceSpec,
    Command,
    End,
    FlowDocument,
    Handoff,
    Part,
    Position,
    Relay,
    Route,
    Run,
    Say,
    Set,
    Split,
    Start,
    Step,
    Tally,
    Then,
    Variable,
    Verb,
    Wait,
)
from vaiven.flow.expressions import Expression
from vaiven.flow.templates import Template

HEX_DIGITS = 16
_PLACES = frozenset({"file", "source", "targets", "translations", "uses"})
"""Fields that say where something was written, not what."""


def document_hash(document: FlowDocument) -> str:
    """16 hex digits that name everything the document says."""
    return _digest(_all(document))


def shape_hash(document: FlowDocument) -> str:
    """16 hex digits that name what a session of this flow depends on: not texts, hints, labels, aliases, words, titles."""
    return _digest(
        {
            "flow": document.name,
            "zone": document.zone,
            "steps": [_step(step) for step in document.steps],
            "starts": [_start(start) for start in document.starts],
            "window": _all(document.window),
            "vars": [_variable(variable) for variable in document.vars.values()],
            "commands": [_command(command) for command in document.commands],
            "defaults": [
                [_after(after) for after in document.default_after],
                None if document.default_retry is None else len(document.default_retry),
                _route(document.default_otherwise),
            ],
        }
    )


def called(step: Step) -> str:
    """What names the call of a step; empty if it makes none."""
    return _digest(_all(step.verb.target)) if isinstance(step.verb, Call) else ""


def pieces(document: FlowDocument) -> dict[str, tuple[str, str]]:
    """What a flow consists of, by name (``step pick``, ``command rules``): for each the hash of its shape and of all of it."""
    found: dict[str, tuple[object, object]] = {
        f"step {step.name}": (_step(step), {**_all(step), "section": None, "tags": ()}) for step in document.steps
    }
    found |= {f"command {each.name}": (_command(each), _all(each)) for each in document.commands}
    found |= {f"variable {each.name}": (_variable(each), _all(each)) for each in document.vars.values()}
    found["starts"] = ([_start(start) for start in document.starts], _all(document.starts))
    found["window"] = (_all(document.window), None)
    found["zone"] = (document.zone, None)
    found["order of steps"] = ([step.name for step in document.steps], None)
    retries = len(document.default_retry or ())
    found["defaults"] = (
        [[_after(each) for each in document.default_after], retries, _route(document.default_otherwise)],
        _all([document.default_after, document.default_retry, document.default_otherwise]),
    )
    found["texts of the flow"] = (None, [document.title, document.lang, _all(document.params)])
    return {name: (_digest(shape), _digest(whole)) for name, (shape, whole) in found.items()}


def _digest(value: object) -> str:
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str)
    return sha256(text.encode()).hexdigest()[:HEX_DIGITS]


def _all(value: Any) -> Any:
    """A value as plain data: templates and expressions by their text, positions left out."""
    if isinstance(value, Template) and value.others:
        return [value.source, [[lang, other.source] for lang, other in sorted(value.others.items())]]
    if isinstance(value, Expression | Template):
        return value.source
    if is_dataclass(value):
        named = {f.name: getattr(value, f.name) for f in fields(value) if f.name not in _PLACES}
        if named.get("others", ()) is None:
            del named["others"]  # a flow in one language is called what it was called before there were others
        return {"": type(value).__name__} | {name: _all(part) for name, part in named.items() if not isinstance(part, Position)}
    if isinstance(value, Mapping):
        return [[key, _all(part)] for key, part in value.items()]
    if isinstance(value, str) or not isinstance(value, Iterable):
        return value
    return [_all(part) for part in value]


def _step(step: Step) -> Any:
    return {
        "name": step.name,
        "verb": [type(step.verb).__name__, _verb(step.verb)],
        "then": _then(step.then),
        "after": [_after(after) for after in step.after],
        "when": [[event, _route(route)] for event, route in step.when.items()],
        "enter": [_parts(step.enter), _all(step.enter_set)],
        "exit": [_parts(step.exit), _all(step.exit_set)],
        "commands": [_command(command) for command in step.commands],
        "class": step.message_class,
        "keep": step.keep,
    }


def _then(then: Then | None) -> Any:
    if then is None:
        return None
    by_outcome = [[outcome, _routes(routes)] for outcome, routes in then.outcomes.items()]
    return [_routes(then.routes), by_outcome, _routes(then.otherwise)]


def _verb(verb: Verb) -> Any:
    match verb:
        case Say():
            return [_parts(verb.parts), verb.apart]
        case End():
            return verb.outcome
        case Branch():
            return _routes(verb.routes)
        case Ask():
            return _ask(verb)
        case Call():
            bounds = [_all(verb.key), verb.timeout_ms, verb.retries]
            return [_all(verb.target), bounds, _route(verb.meanwhile), _route(verb.fail)]
        case Tally() | Set() | Split() | Run() | Handoff() | Relay() | Wait():
            return _all(verb)


def _ask(ask: Ask) -> Any:
    return {
        "question": _parts(ask.question),
        "answer": _answer(ask.answer),
        "choices": [_choice(choice) for choice in ask.answer.choices],
        "retry": None if ask.retry is None else len(ask.retry),
        "else": _route(ask.otherwise),
        "reject": [[bound, _route(route)] for bound, route in ask.reject.items()],
        "rest": [ask.save, _all(ask.skip), ask.stale, ask.interruptible],
    }


def _answer(answer: AnswerSpec) -> Any:
    taken = [answer.pattern, answer.fold, list(answer.media), answer.prefer, answer.parser]
    return [answer.kind, _all(answer.min), _all(answer.max), taken, _all(answer.each), _all(answer.each_id)]


def _choice(choice: ChoiceSpec) -> Any:
    return [choice.id, choice.go]


def _parts(parts: Iterable[Part]) -> Any:
    """The guards of a text, not its words: only whether something is said under which condition."""
    return [_all(part.condition) for part in parts if part.condition is not None]


def _routes(routes: Iterable[Route]) -> Any:
    return [_route(route) for route in routes]


def _route(route: Route | None) -> Any:
    return None if route is None else [route.go, _all(route.condition), _parts(route.say), _all(route.set), route.quiet]


def _after(after: After) -> Any:
    return [after.name, after.delay_ms, after.idle, _route(after.route)]


def _command(command: Command) -> Any:
    return [command.name, command.go, command.run, _parts(command.say), command.back]


def _start(start: Start) -> Any:
    return [start.kind, start.rest, start.step, start.go, _all(start.schedule)]


def _variable(variable: Variable) -> Any:
    return [variable.name, variable.type, variable.scope]
