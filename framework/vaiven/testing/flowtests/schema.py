"""Test files as a JSON Schema, draft-07, for editors. Which keys stand where comes from the reader's own tables."""

from typing import Any

from vaiven.flow.schema import DRAFT
from vaiven.model.messages import MessageClass, MessageKind
from vaiven.testing.flowtests.lines import ACTS, ANSWER, BOT, EXPECT, FILES, ME, VERBS
from vaiven.testing.flowtests.reading import CONTACT, TOP

Schema = dict[str, Any]

_TEXT: Schema = {"type": ["string", "number", "boolean"]}
_ANY: Schema = {}
_MAP: Schema = {"type": "object"}
_DURATION: Schema = {"type": "string", "pattern": "^([1-9][0-9]*[wdhms])+$"}
_COUNT: Schema = {"type": "integer", "minimum": 0}
_TRUTH: Schema = {"type": "boolean"}
_TEXTS: Schema = {"anyOf": [_TEXT, {"type": "array", "items": _TEXT}]}
_FILLED: Schema = {"type": "string", "pattern": r"\{row\.[a-z]"}
"""A blank of the table may stand in place of anything."""


def test_schema() -> Schema:
    """The schema of a test file, made anew at each call."""
    return {
        "$schema": DRAFT,
        "$id": "https://github.com/vaiven/vaiven/test.schema.json",
        "title": "A test of a flow",
        "description": "Talks with one flow: what people do, what the bot says, and what is so then.",
        **_map({key: _TOP[key] for key in TOP}, "test", "talk"),
        "definitions": {"talk": {"type": "array", "items": {"oneOf": [_line(verb) for verb in VERBS]}}, "mocks": _mocks()},
    }


def _map(properties: dict[str, Schema], *required: str) -> Schema:
    found: Schema = {"type": "object", "properties": properties, "additionalProperties": False}
    return found | ({"required": list(required)} if required else {})


def _told(schema: Schema, text: str) -> Schema:
    return {**schema, "description": text}


def _or_blank(schema: Schema) -> Schema:
    return {"anyOf": [schema, _FILLED]}


_MANY: Schema = {"$ref": "#/definitions/talk"}
_CALLS: Schema = {"$ref": "#/definitions/mocks"}


def _named_rows() -> Schema:
    row = {"type": "object", "additionalProperties": {"type": ["string", "number", "boolean", "null"]}}
    return {"anyOf": [{"type": "array", "items": row, "minItems": 1}, {"type": "object", "additionalProperties": row}]}


def _mocks() -> Schema:
    values: dict[str, Schema] = {
        "status": _told({"type": "integer", "minimum": 100}, "The answer's status; 200 unless given."),
        "json": _told(_ANY, "The answer's JSON; what an action gives."),
        "text": _told({"type": "string"}, "The answer's body, as it is."),
        "delay": _told(_DURATION, "Answered after so long: only `wait` gets there."),
        "fail": _told({"type": "string"}, "No answer, for this reason: timeout, refused, unknown; of an action its error."),
        "word": _told({"type": "string"}, "What a resource answers."),
    }
    answer = _map({key: values[key] for key in ANSWER})
    return {"type": "object", "additionalProperties": {"anyOf": [answer, {"type": "array", "items": answer, "minItems": 1}]}}


def _line(verb: str) -> Schema:
    more = {"loose": _told(_TRUTH, "What the bot says until the next act may go unlisted.")} if verb in ACTS else {}
    return _map({verb: _LINES[verb], **more}, verb)


def _contact() -> Schema:
    values: dict[str, Schema] = {
        "id": _told(_TEXT, "Their address."),
        "channel": _told(_TEXT, "One of the bot's, or sms, whatsapp, messenger."),
        "lang": _told(_TEXT, "BCP 47: en-GB."),
        "zone": _told(_TEXT, "Europe/Madrid."),
        "name": _TEXT,
        "vars": _MAP,
        "votes": _told({"type": "object", "additionalProperties": _or_blank(_COUNT)}, "Votes cast before, by poll."),
    }
    return _map({key: values[key] for key in CONTACT})


def _me() -> Schema:
    place = _map({"latitude": {"type": "number"}, "longitude": {"type": "number"}, "name": _TEXT, "address": _TEXT},
                 "latitude", "longitude")  # fmt: skip
    kinds = {"enum": [kind.value for kind in MessageKind]}
    values: dict[str, Schema] = dict.fromkeys(ME, _TEXT) | dict.fromkeys(FILES, _told(_TEXT, "A MIME type, or a name."))
    values |= {"location": place, "kind": _or_blank(kinds)}
    return {"anyOf": [_TEXT, {**_map(values), "minProperties": 1}]}


def _bot() -> Schema:
    classes: Schema = {"enum": [each.value for each in MessageClass]}
    values: dict[str, Schema] = {"text": _TEXT, "buttons": _TEXTS, "class": _or_blank(classes), "media": _TEXTS,
                                 "template": _TEXT, "none": {"const": True}}  # fmt: skip
    whole = {**_map({key: values[key] for key in BOT}), "minProperties": 1}
    return {"anyOf": [_told(_TEXT, "The text, /a pattern/, or ~ what it contains."), whole]}


def _expect() -> Schema:
    counts = {"type": "object", "additionalProperties": {"anyOf": [_COUNT, {"type": "object"}, _FILLED]}}
    values: dict[str, Schema] = dict.fromkeys(EXPECT, _TEXT)
    values |= {
        "vars": _told(_MAP, "Variables and answers by name."),
        "calls": _told(_TEXTS, '"POST */bookings x1"; [] for none.'),
        "votes": _told(counts, "Counted votes by poll, or by poll and option."),
        "rejected": _told(counts, "Rejected votes by poll, or by poll and reason."),
        "later_messages": _told(_or_blank(_COUNT), "So many would follow if they never wrote again."),
        "sessions": _or_blank(_COUNT),
        "opted_out": _or_blank(_TRUTH),
        "recorded": _TEXTS,
    }
    return {**_map(values), "minProperties": 1}


_NAMED: Schema = {"anyOf": [_TEXT, {"type": "object", "minProperties": 1, "maxProperties": 1}]}
_LINES: dict[str, Schema] = {
    "me": _told(_me(), "They write or send this."),
    "tap": _told({"anyOf": [_TEXT, _map({"id": _TEXT}, "id")]}, "They tap the newest button of that title."),
    "bot": _told(_bot(), "The bot says this."),
    "wait": _told({"anyOf": [_DURATION, _FILLED, _map({"until": _TEXT}, "until")]}, "Time passes."),
    "fork": _told({"type": "object", "minProperties": 1, "additionalProperties": _MANY}, "Branches by name."),
    "event": _told(_NAMED, "Something outside happens."),
    "start": _told(_NAMED, "The business begins a flow."),
    "refuse": _told(_TEXT, "The provider tells that they opted out."),
    "mock": _told(_CALLS, "Other answers from here on."),
    "expect": _told(_expect(), "What is so now."),
}
_TOP: dict[str, Schema] = {
    "test": _told({"type": "string"}, "The flow."),
    "title": _told(_TEXT, "What the talks are called."),
    "bot": _told(_TEXT, "The bot's folder, from here."),
    "params": _told(_MAP, "Over the bot's."),
    "clock": _told(_TEXT, "An instant with its zone. Only `wait` moves it."),
    "contact": _told(_contact(), "The person."),
    "mocks": _told(_CALLS, "What calls come to."),
    "table": _told(_named_rows(), "The talk is played once for each row, with {row.name} filled in."),
    "talk": _told(_MANY, "The lines."),
}
