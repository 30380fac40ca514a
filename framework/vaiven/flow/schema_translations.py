"""Translations as a JSON Schema, draft-07, for editors: of any flow, or with every key of one flow."""

from dataclasses import dataclass, field
from typing import Any

from vaiven.flow.document import FlowDocument
from vaiven.flow.schema import DRAFT
from vaiven.flow.spots import spots_of

Schema = dict[str, Any]

_TEXT: Schema = {"type": ["string", "number", "boolean"]}
_WORDS: Schema = {"anyOf": [_TEXT, {"type": "array", "items": _TEXT, "minItems": 1}]}
_SAID: Schema = {"$ref": "#/definitions/said"}
_STEP = "^(?!(keywords|commands|defaults)$)[a-z][a-z0-9_]*$"
_DOTTED = r"^[a-z][a-z0-9_]*\..+$"


def translation_schema(document: FlowDocument | None = None) -> Schema:
    """The schema of a translation file, made anew at each call: of this flow, else of any."""
    head = {
        "$schema": DRAFT,
        "$id": "https://github.com/vaiven/vaiven/translation.schema.json",
        "title": "A translation" if document is None else f"A translation of {document.name}",
        "description": "The texts of a flow in another language, by where they stand in it.",
    }
    return {**head, **(_any_flow() if document is None else _of_flow(document))}


def _told(schema: Schema, text: str) -> Schema:
    return {"allOf": [schema], "description": text}


def _any_flow() -> Schema:
    properties = {name: _told(_SAID, told) for name, told in AT_STEPS.items()}
    words = {"type": "object", "additionalProperties": _WORDS}
    return {
        "type": "object",
        "properties": {
            "keywords": _told(words, "More words that start the flow, by the flow's own word."),
            "commands": _told(_SAID, "Commands of the flow by name: more words, and what they say."),
            "defaults": _told(_SAID, "Texts of the flow's defaults: retry, else, after."),
        },
        "patternProperties": {
            _STEP: {
                "type": "object",
                "properties": properties,
                "patternProperties": {_DOTTED: _SAID},
                "additionalProperties": False,
            },
            _DOTTED: _SAID,
        },
        "additionalProperties": False,
        "definitions": {
            "said": {
                "anyOf": [_TEXT, {"type": "array", "items": _SAID}, {"type": "object", "additionalProperties": _SAID}],
            }
        },
    }


AT_STEPS = {
    "say": "What the step says.",
    "ask": "The question.",
    "end": "The last words.",
    "enter": "What is said when the step is entered.",
    "exit": "What is said when it is left.",
    "hint": "What to type, for {hint}.",
    "retry": "One text for each further try.",
    "choices": "Labels by the choices' ids, or {label, also}: more words for it.",
    "reject": "What is said to an answer out of bounds, by min and max.",
    "else": "What is said when tries are used up.",
    "fail": "What is said when a call failed.",
    "meanwhile": "What is said to messages while a call runs.",
    "after": "What timers say, by their time.",
    "when": "What is said on events, by their names.",
    "then": "What ways on say, by outcome or by number.",
    "branch": "What routes say, by number.",
    "commands": "Commands of the step by name: more words, and what they say.",
}
"""What a step can have of text, and a sentence about it."""


@dataclass
class _Place:
    """What may stand under a key: one text, words, further keys."""

    text: bool = False
    words: bool = False
    children: dict[str, "_Place"] = field(default_factory=dict)

    def schema(self) -> Schema:
        found = [_TEXT] if self.text else []
        found += [_WORDS] if self.words else []
        if self.children:
            found.append({"type": "object", "properties": dict(self.paths()), "additionalProperties": False})
            numbered = [each.schema() for name, each in self.children.items() if name.isdecimal()]
            if numbered:
                found.append({"type": "array", "items": {"anyOf": numbered}, "maxItems": len(numbered)})
        return found[0] if len(found) == 1 else {"anyOf": found}

    def paths(self) -> list[tuple[str, Schema]]:
        """Every key below, also with dots: ``retry``, ``retry.1``."""
        found = []
        for name, each in self.children.items():
            found.append((name, each.schema()))
            found += [(f"{name}.{path}", below) for path, below in each.paths()]
        return found


def _of_flow(document: FlowDocument) -> Schema:
    root = _Place()
    for spot in spots_of(document):
        for key in spot.keys:
            place = root
            for part in key.split("."):
                place = place.children.setdefault(part, _Place())
            if spot.kind == "words":
                place.words = True
            else:
                place.text = True
    return root.schema() if root.children else {"type": "object", "additionalProperties": False}
