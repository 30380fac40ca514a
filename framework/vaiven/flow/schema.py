"""The flow language as a JSON Schema, draft-07: what an editor needs to complete and to check while somebody types.

Which keys stand where comes from the parser's own tables, so the schema cannot know a verb that the parser does not; here is
what the value of each key looks like, and a sentence about it. The schema takes all that ``check`` takes. It cannot say all that
``check`` says: names of steps and variables, and what follows what, are beyond it.
"""

from collections.abc import Mapping
from typing import Any

from vaiven.flow.parse.ask import ANSWERS, MEDIA
from vaiven.flow.parse.calls import METHODS
from vaiven.flow.parse.flow import TOP, TYPES
from vaiven.flow.parse.routes import RESERVED, ROUTE_KEYS
from vaiven.flow.parse.starts import STARTS
from vaiven.flow.parse.steps import CLASSES
from vaiven.flow.parse.verbs import VERBS

DRAFT = "http://json-schema.org/draft-07/schema#"

Schema = dict[str, Any]

_NAME = "^[a-z][a-z0-9_]*$"
_VARIABLE = r"^([a-z][a-z0-9_]*|contact\.lang)$"
_DOTTED = r"^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*$"
_FLOW = "^[a-z][a-z0-9_-]{0,63}$"
_DURATION = "([1-9][0-9]{0,5}w)?([1-9][0-9]{0,5}d)?([1-9][0-9]{0,5}h)?([1-9][0-9]{0,5}m)?([1-9][0-9]{0,5}s)?"


def flow_schema() -> Schema:
    """The schema of a flow file, made anew at each call."""
    return {
        "$schema": DRAFT,
        "$id": "https://github.com/vaiven/vaiven/flow.schema.json",
        "title": "A flow",
        "description": "One conversation: its ways in, its variables, and its steps in order.",
        **_map({key: {**value, "description": told} for key, (value, told) in _top().items()}, ("flow", "steps")),
        "definitions": _definitions(),
    }


def _ref(name: str) -> Schema:
    return {"$ref": f"#/definitions/{name}"}


def _map(properties: Mapping[str, Schema], required: tuple[str, ...] = ()) -> Schema:
    found: Schema = {"type": "object", "properties": dict(properties), "additionalProperties": False}
    return found | ({"required": list(required)} if required else {})


def _named(value: Schema, pattern: str = _NAME) -> Schema:
    """A map whose keys are names."""
    return {"type": "object", "patternProperties": {pattern: value}, "additionalProperties": False}


def _list(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def _either(*schemas: Schema) -> Schema:
    return {"anyOf": list(schemas)}


def _words() -> Schema:
    return _either(_ref("word"), {**_list(_ref("word")), "minItems": 1})


def _dotted() -> Schema:
    return {"type": "string", "pattern": _DOTTED}


_TRUE: Schema = {"type": "boolean"}


def _top() -> dict[str, tuple[Schema, str]]:
    told: dict[str, tuple[Schema, str]] = {
        "flow": ({"type": "string", "pattern": _FLOW}, "The name of the flow."),
        "version": ({"type": "integer", "minimum": 1}, "A number for people; the flow's hashes count for the machine."),
        "lang": (_ref("lang"), "The language that the texts are written in, as en or pt-BR."),
        "zone": ({"type": "string"}, "The time zone of its times where the contact's is not known, as Europe/Madrid."),
        "title": (_ref("word"), "A title for people."),
        "channels": (_words(), "The channels of the bot on which it may start; all of them unless given."),
        "window": (_ref("window"), "When it is open, half-open: from counts, to does not."),
        "starts": (_list(_ref("start")), "The ways in, one an item."),
        "params": ({"type": "object"}, "Values by name, which the bot can replace: {params.name}."),
        "vars": (_named(_ref("variable")), "Variables by name."),
        "defaults": (_ref("defaults"), "What every question has that does not say otherwise."),
        "commands": (_ref("commands"), "Words that are heard at every step that waits."),
        "steps": ({**_named(_ref("step")), "minProperties": 1}, "The steps, in order; one without `then` falls to the next."),
        "migrate": (_named(_ref("name")), "Steps of earlier versions, and where who stands there goes on."),
    }
    return {key: told[key] for key in TOP}


# ---- steps


def _step() -> Schema:
    return {"oneOf": [_verb(word) for word in VERBS]}


def _verb(word: str) -> Schema:
    """A step with this verb: its own keys and those that it may have beside."""
    shape, values = VERBS[word], _own(word)
    properties = {word: _value(*values[word])}
    properties |= {key: _value(*values[key]) for key in shape.own}
    properties |= {key: _value(*_COMMON[key]) for key in shape.common}
    found = {"title": word, **_map(properties, (word,))}
    if word == "split":
        found["required"].append("then")
    if word == "ask":
        found["anyOf"] = [{"required": ["as"]}, {"required": ["choices"]}]
    return found


def _value(schema: Schema, told: str) -> Schema:
    return {"allOf": [schema], "description": told} if "$ref" in schema else {**schema, "description": told}


_COMMON: Mapping[str, tuple[Schema, str]] = {
    "then": (_ref("then"), "What follows: a step, a route, a list of routes, or outcome to step."),
    "after": (_ref("after"), "Timers: what happens when nobody answers for so long."),
    "when": (_named(_ref("reaction"), _DOTTED), "What happens on an event from outside."),
    "enter": (_ref("change"), "What is said or set when the step is entered."),
    "exit": (_ref("change"), "What is said or set when the step is left."),
    "commands": (_ref("commands"), "Words that are heard here, before those of the flow."),
    "class": ({"enum": list(CLASSES)}, "What kind of message this is: its priority, and what becomes of it in doubt."),
    "keep": (_TRUE, "BACK does not undo it."),
    "note": (_ref("word"), "A note for people."),
    "tags": (_words(), "Tags for people and reports."),
}


def _own(word: str) -> Mapping[str, tuple[Schema, str]]:
    """The values of a verb and of the keys that are its own, with what they are for."""
    return _VERBS[word]() if word in _VERBS else {}


def _say() -> dict[str, tuple[Schema, str]]:
    return {
        "say": (_ref("parts"), "Sends one message; a list is its parts."),
        "media": (_either(_ref("file"), _list(_ref("file"))), "Files that go with it."),
        "template": (_ref("template"), "A message that the provider approved, for when the channel's window is closed."),
        "apart": (_TRUE, "Each part is a message of its own."),
    }


def _ask() -> dict[str, tuple[Schema, str]]:
    return {
        "ask": (_ref("parts"), "Asks, and waits for the answer."),
        "as": (_ref("answer"), "The type of the answer."),
        "choices": (_ref("choices"), "The answers to choose from."),
        "save": (_ref("written"), "The variable that keeps the answer, or `contact.lang`."),
        "hint": (_ref("text"), "How to answer, in one sentence."),
        "retry": (_either(_ref("text"), _list(_ref("text"))), "What is said to an answer that does not fit: a text a try."),
        "else": (_ref("target"), "Where who has no tries left goes."),
        "reject": (_map({"min": _ref("target"), "max": _ref("target")}), "Where an answer beyond a bound leads: no retry."),
        "skip": (_ref("expression"), "When it is not asked."),
        "stale": ({"enum": ["explain", "accept", "ignore"]}, "What a tap on an old button of this question does."),
        "interruptible": (_TRUE, "Whether keywords of other flows are heard here."),
        "template": (_ref("template"), "A message that the provider approved, for when the channel's window is closed."),
    }


def _tally() -> dict[str, tuple[Schema, str]]:
    keys = {"poll": _ref("text"), "option": _ref("text"), "cap": _ref("text")}
    return {"tally": (_map(keys, ("poll", "option")), "Counts a vote. Outcomes: counted, capped, closed.")}


def _call() -> dict[str, tuple[Schema, str]]:
    values, texts = {"type": "object"}, {"type": "object", "additionalProperties": _ref("text")}
    http = [_map({method: _ref("text"), "query": texts, "json": {}, "headers": texts}, (method,)) for method in METHODS]
    resource = _map({"resource": _ref("name"), "of": _ref("text"), "do": _dotted(), "with": values}, ("resource", "of", "do"))
    return {
        "call": (_either(_dotted(), {"oneOf": [*http, resource]}), "A request, a registered action, or a word to a resource."),
        "with": (values, "What the action is given."),
        "query": (texts, "Values of the address."),
        "json": ({}, "The body of the request."),
        "headers": (texts, "Headers of the request."),
        "key": (_ref("text"), "The idempotency key: what was done under it is not done again."),
        "timeout": (_ref("duration"), "How long it may take, 5m at most."),
        "retries": ({"type": "integer", "minimum": 0, "maximum": 10}, "How often it is tried again."),
        "meanwhile": (_either(_ref("parts"), _ref("reaction")), "What becomes of who writes meanwhile: hold, a text, a step."),
        "fail": (_ref("target"), "Where it leads when it fails."),
    }


def _split() -> dict[str, tuple[Schema, str]]:
    weights = {**_named({"type": "integer", "minimum": 0}), "minProperties": 1}
    return {"split": (weights, "Chooses a way by weight, always the same for a person.")}


def _handoff() -> dict[str, tuple[Schema, str]]:
    share = _either(_dotted(), _list(_dotted()))
    keys = _map({"queue": _ref("name"), "skills": _ref("text"), "share": share}, ("queue",))
    return {"handoff": (_either(_ref("name"), keys), "Puts the conversation into a queue of people.")}


def _wait() -> dict[str, tuple[Schema, str]]:
    until, event = _map({"until": _ref("text")}, ("until",)), _map({"event": _dotted()}, ("event",))
    return {"wait": (_either(_ref("duration"), until, event), "Waits for a time or an event.")}


_VERBS: Mapping[str, Any] = {
    "say": _say,
    "ask": _ask,
    "tally": _tally,
    "call": _call,
    "branch": lambda: {"branch": ({**_list(_ref("route")), "minItems": 1}, "Goes the first way whose `if` holds.")},
    "split": _split,
    "set": lambda: {"set": (_ref("assignments"), "Sets variables.")},
    "run": lambda: {
        "run": ({"type": "string", "pattern": _FLOW}, "Runs another flow, and returns with its outcome."),
        "with": ({"type": "object", "additionalProperties": _ref("text")}, "Variables of that flow."),
    },
    "handoff": _handoff,
    "relay": lambda: {"relay": (_ref("name"), "A person speaks; the bot is silent.")},
    "wait": _wait,
    "section": lambda: {"section": (_named(_ref("step")), "Steps that share what stands beside them.")},
    "end": lambda: {
        "end": (_ref("perhaps"), 'Ends the flow with a text; "" ends it silently.'),
        "outcome": (_ref("name"), "How it ended, for who ran it and for reports."),
    },
}


# ---- what they consist of


def _definitions() -> Schema:
    route = {
        "go": (_ref("name"), "The step that follows."),
        "if": (_ref("expression"), "When this way is taken."),
        "say": (_ref("parts"), "What is said on the way."),
        "set": (_ref("assignments"), "What is set on the way."),
        "quiet": (_TRUE, "Enters the step without asking its question."),
    }
    keys = {key: _value(*route[key]) for key in ROUTE_KEYS}
    words = {"type": ["string", "number", "boolean"]}
    routes = _either(_ref("target"), {**_list(_ref("target")), "minItems": 1})
    outcome = {"type": "object", "propertyNames": {"not": {"enum": sorted(RESERVED - {"else"})}}, "additionalProperties": routes}
    return {
        "step": _step(),
        "name": {"type": "string", "pattern": _NAME},
        "word": {**words, "minLength": 1},
        "text": {**words, "minLength": 1},
        "perhaps": words,
        "lang": {"type": "string", "pattern": "^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$"},
        "expression": {"type": ["string", "number", "boolean", "null"], "minLength": 1, "maxLength": 500},
        "duration": {"type": "string", "minLength": 2, "pattern": f"^{_DURATION}$"},
        "part": _either(_ref("text"), _map({"if": _ref("expression"), "text": _ref("text")}, ("text",))),
        "parts": _either(_ref("perhaps"), {**_list(_ref("part")), "minItems": 1}),
        "assignments": {**_named(_ref("expression"), _VARIABLE), "minProperties": 1},
        "written": {"type": "string", "pattern": _VARIABLE},
        "route": _either(_ref("name"), _map(keys, ("go",))),
        "target": _either(_ref("name"), _map(keys, ("go",))),
        "reaction": _either(_ref("name"), {**_map(keys), "minProperties": 1}),
        "then": _either(routes, outcome),
        "after": _named(_ref("reaction"), f"^(idle )?{_DURATION}$"),
        "change": {**_map({"say": _ref("parts"), "set": _ref("assignments")}), "minProperties": 1},
        "command": _command(),
        "commands": _named(_ref("command")),
        "file": {"oneOf": [_map({kind: _ref("text"), "name": _ref("text")}, (kind,)) for kind in MEDIA]},
        "template": _either(
            _ref("word"),
            _map(
                {"name": _ref("word"), "lang": _ref("word"), "values": _list(_ref("text")), "payloads": _list(_ref("text"))},
                ("name",),
            ),
        ),
        "answer": _answer(),
        "choices": _choices(),
        "start": {"oneOf": [_start(kind) for kind in STARTS]},
        "window": _map({"from": _ref("text"), "to": _ref("text"), "early": _ref("name"), "late": _ref("name")}),
        "variable": _either(
            {"enum": list(TYPES)},
            _map({"type": {"enum": list(TYPES)}, "default": {}, "scope": {"enum": ["session", "contact"]}, "pii": _TRUE}),
        ),
        "defaults": _map({"retry": _either(_ref("text"), _list(_ref("text"))), "else": _ref("target"), "after": _ref("after")}),
    }


def _command() -> Schema:
    words = _value(_words(), "What people type for it.")
    goes = {"words": words, "go": _value(_ref("name"), "The step that it goes to.")}
    runs = {"words": words, "run": {"type": "string", "pattern": _FLOW, "description": "The flow that it runs on top."}}
    says = {
        "words": words,
        "say": _value(_ref("parts"), "What it says; the question comes again with it."),
        "back": {"const": True, "description": "Back to the question."},
    }
    return {"oneOf": [_map(keys, tuple(keys)) for keys in (goes, runs, says)]}


def _answer() -> Schema:
    options = {
        "min": _ref("expression"),
        "max": _ref("expression"),
        "pattern": _ref("word"),
        "fold": {"enum": ["upper", "lower"]},
        "media": _kinds_of_media(),
        "prefer": {"enum": ["future", "past"]},
    }
    kinds: dict[str, Schema] = {kind: _map({key: options[key] for key in keys}) for kind, keys in ANSWERS.items()}
    kinds |= {"custom": _dotted(), "media": _kinds_of_media()}
    whole = {**_map(kinds), "minProperties": 1, "maxProperties": 1}
    return _either({"enum": [kind for kind in ANSWERS if kind != "custom"]}, whole)


def _kinds_of_media() -> Schema:
    return _either({"enum": list(MEDIA)}, _list({"enum": list(MEDIA)}))


def _choices() -> Schema:
    choice = _either(_ref("text"), _map({"label": _ref("text"), "also": _words(), "go": _ref("name")}))
    made = _map({"each": _ref("expression"), "id": _ref("text"), "label": _ref("text")}, ("each", "id", "label"))
    written = {
        "type": "object",
        "minProperties": 1,
        "propertyNames": {"not": {"enum": sorted(RESERVED)}},
        "additionalProperties": choice,
    }
    return _either(written, made)


def _start(kind: str) -> Schema:
    schedule = _either(
        {"type": "string", "description": "A cron line: minute, hour, day, month, weekday."},
        _map({"cron": {"type": "string"}, "if": _ref("expression")}, ("cron",)),
        _map({"before": _ref("duration"), "of": _ref("expression"), "if": _ref("expression")}, ("before", "of")),
    )
    values: dict[str, tuple[Schema, str]] = {
        "payload": (_words(), "Payloads of buttons."),
        "referral": (_words(), "Codes of links and ads."),
        "event": (_either(_dotted(), _list(_dotted())), "Events of other programs."),
        "api": ({"const": True}, "Started by the API, by its name."),
        "keyword": (_words(), "The first word of a message."),
        "answer": (_ref("name"), "An exact answer to this step starts the flow there."),
        "intent": (_words(), "Where a recogniser is installed."),
        "fallback": ({"const": True}, "What nothing else takes."),
        "schedule": (schedule, "The clock."),
        "rest": (_ref("name"), "The words after the keyword answer this step."),
        "go": (_ref("name"), "The step to begin at, in place of the first."),
    }
    return _map({key: _value(*values[key]) for key in STARTS[kind]}, (kind,))
