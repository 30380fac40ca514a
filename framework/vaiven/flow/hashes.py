"""Two hashes of a flow. An edit of texts reaches everyone at once; an edit of shape leaves people where they stand.

The *document* hash covers all that was written, the *shape* hash only what decides: steps, verbs, routes, guards, types and
bounds. Both are the same in every process and on every machine, and neither knows comments or line numbers.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from hashlib import sha256
from typing import Any

from vaiven.flow.document import (
    After,
    Ask,
    ChoiceSpec,
    Command,
    End,
    FlowDocument,
    Part,
    Position,
    Route,
    Say,
    Start,
    Step,
    Variable,
)
from vaiven.flow.expressions import Expression
from vaiven.flow.templates import Template

HEX_DIGITS = 16
_PLACES = frozenset({"file", "source", "targets", "uses"})
"""Fields that say where something was written, not what."""


def document_hash(document: FlowDocument) -> str:
    """16 hex digits that name everything the document says."""
    return _digest(_all(document))


def shape_hash(document: FlowDocument) -> str:
    """16 hex digits that name what a session of this flow depends on: not texts, hints, labels, aliases, words, titles."""
    return _digest(
        {
            "flow": document.name,
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


def _digest(value: object) -> str:
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str)
    return sha256(text.encode()).hexdigest()[:HEX_DIGITS]


def _all(value: Any) -> Any:
    """A value as plain data: templates and expressions by their text, positions left out."""
    if isinstance(value, Expression | Template):
        return value.source
    if is_dataclass(value):
        named = {f.name: getattr(value, f.name) for f in fields(value) if f.name not in _PLACES}
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
        "then": None
        if step.then is None
        else [
            _routes(step.then.routes),
            [[outcome, _routes(routes)] for outcome, routes in step.then.outcomes.items()],
            _routes(step.then.otherwise),
        ],
        "after": [_after(after) for after in step.after],
        "when": [[event, _route(route)] for event, route in step.when.items()],
        "enter": [_parts(step.enter), _all(step.enter_set)],
        "commands": [_command(command) for command in step.commands],
        "class": step.message_class,
        "keep": step.keep,
    }


def _verb(verb: Any) -> Any:
    if isinstance(verb, Say):
        return [_parts(verb.parts), verb.apart]
    if isinstance(verb, End):
        return verb.outcome
    if not isinstance(verb, Ask):
        return [_routes(verb.routes)] if hasattr(verb, "routes") else _all(verb)
    answer = verb.answer
    return {
        "answer": [answer.kind, _all(answer.min), _all(answer.max), answer.pattern, answer.fold, list(answer.media)],
        "choices": [_choice(choice) for choice in answer.choices],
        "retry": None if verb.retry is None else len(verb.retry),
        "else": _route(verb.otherwise),
        "reject": [[bound, _route(route)] for bound, route in verb.reject.items()],
        "rest": [verb.save, _all(verb.skip), verb.stale, verb.interruptible],
    }


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
    return [command.name, command.go, command.back]


def _start(start: Start) -> Any:
    return [start.kind, start.rest, start.step]


def _variable(variable: Variable) -> Any:
    return [variable.name, variable.type, variable.scope]
