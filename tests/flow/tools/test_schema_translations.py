"""The schema of translations: takes every key that a flow has, in every form; of one flow, no other."""

import re
from pathlib import Path
from typing import Any

import pytest

from vaiven.flow.load import load_flow
from vaiven.flow.schema_translations import AT_STEPS, translation_schema
from vaiven.flow.source import scan, to_value
from vaiven.flow.spots import spots_of

ROOT = Path(__file__).parents[3]
PAGES = [*sorted((ROOT / "tests/flow/front/pages").glob("*.flow.yaml")), *sorted((ROOT / "flows").rglob("*.flow.yaml"))]
FLOWS = [(path, document) for path in PAGES if (document := load_flow(path.read_text("utf-8"), str(path))[0]) is not None]
SHIPPED = sorted((ROOT / "flows").rglob("*.es.yaml")) + sorted((ROOT / "framework/vaiven/templates").rglob("*.es.yaml"))
HEAD = "flow: a\nstarts: [{fallback: true}]\nsteps:\n"
TYPES: dict[str, Any] = {"string": str, "number": (int, float), "boolean": bool, "array": list, "object": dict}


def valid(whole: Any, schema: Any, value: Any) -> bool:
    """Draft-07, the words of it that these schemas use."""
    assert set(schema) <= {
        "$schema", "$id", "$ref", "title", "description", "definitions", "type", "properties", "patternProperties",
        "additionalProperties", "anyOf", "allOf", "items", "minItems", "maxItems",
    }  # fmt: skip
    if "$ref" in schema:
        return valid(whole, whole["definitions"][schema["$ref"].removeprefix("#/definitions/")], value)
    types = [schema["type"]] if isinstance(schema.get("type", []), str) else schema.get("type", list(TYPES))
    if not any(isinstance(value, TYPES[each]) for each in types):
        return False
    if "anyOf" in schema and not any(valid(whole, each, value) for each in schema["anyOf"]):
        return False
    if not all(valid(whole, each, value) for each in schema.get("allOf", ())):
        return False
    if isinstance(value, list):
        sized = schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value))
        return sized and all(valid(whole, schema.get("items", {}), each) for each in value)
    return not isinstance(value, dict) or all(entry(whole, schema, key, below) for key, below in value.items())


def entry(whole: Any, schema: Any, key: str, value: Any) -> bool:
    told = [schema["properties"][key]] if key in schema.get("properties", {}) else []
    told += [each for pattern, each in schema.get("patternProperties", {}).items() if re.search(pattern, key)]
    more = schema.get("additionalProperties", True)
    if not told:
        return more if isinstance(more, bool) else valid(whole, more, value)
    return all(valid(whole, each, value) for each in told)


def nested(keys: dict[str, Any]) -> dict[str, Any]:
    """Maps in each other, for keys with dots."""
    found: dict[str, Any] = {}
    for key, value in keys.items():
        place = found
        *above, last = key.split(".")
        for part in above:
            place = place.setdefault(part, {})
        place[last] = value
    return found


def texts(document: Any) -> dict[str, Any]:
    return {spot.key: "x" if spot.kind == "text" else ["x", "y"] for spot in spots_of(document)}


@pytest.mark.parametrize(("path", "document"), FLOWS, ids=[path.name for path, _ in FLOWS])
def test_every_key_in_every_form(path: Path, document: Any) -> None:
    exact, any_flow = translation_schema(document), translation_schema()
    flat = texts(document)
    # A choice is a text, or a map with its label and more words: not both at once.
    label = {key: f"{key}.label" for key in flat if f"{key}.also" in flat}
    both = nested({label.get(key, key): value for key, value in flat.items()})
    for written in (flat, both):
        assert valid(exact, exact, written), path
        if path.parent.name != "pages" or written is both:
            assert valid(any_flow, any_flow, written), path
    for spot in spots_of(document):
        for key in spot.keys:
            assert valid(exact, exact, {key: "x"}), key


def test_lists_stand_for_numbers() -> None:
    document, _ = load_flow(
        HEAD + "  q: {ask: Q, as: text, retry: [one, two], else: b}\n  b: {end: ''}\n",
        "a.flow.yaml",
    )
    schema = translation_schema(document)
    assert valid(schema, schema, {"q": {"retry": ["uno", "dos"]}})
    assert valid(schema, schema, {"q": {"retry": {"1": "uno"}}})
    assert not valid(schema, schema, {"q": {"retry": ["uno", "dos", "tres"]}})
    assert not valid(schema, schema, {"q": {"retry": "uno"}})


def test_of_one_flow_it_knows_no_other_key() -> None:
    document, _ = load_flow(HEAD + "  q: {ask: Q, as: text}\n  b: {end: ''}\n", "a.flow.yaml")
    schema = translation_schema(document)
    for wrong in ({"p": {"ask": "x"}}, {"q": {"say": "x"}}, {"q.say": "x"}, {"q": "x"}, {"q": {"ask": {"es": "x"}}}):
        assert not valid(schema, schema, wrong), wrong


def test_a_flow_without_texts_has_no_keys() -> None:
    document, _ = load_flow(HEAD + "  bye: {end: ''}\n", "a.flow.yaml")
    schema = translation_schema(document)
    assert valid(schema, schema, {})
    assert not valid(schema, schema, {"bye.say": "x"})


def test_of_any_flow_it_knows_what_steps_have() -> None:
    schema = translation_schema()
    assert not valid(schema, schema, {"q": {"asks": "x"}})
    assert not valid(schema, schema, {"Q": {"ask": "x"}})
    assert not valid(schema, schema, {"q": "x"})
    seen = {spot.key.split(".")[1] for _, document in FLOWS for spot in spots_of(document) if spot.step is not None}
    assert seen <= set(AT_STEPS)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_what_is_shipped_is_well(path: Path) -> None:
    source, problems = scan(path.read_text("utf-8"), str(path))
    assert source is not None
    assert problems == []
    schema = translation_schema()
    assert valid(schema, schema, to_value(source.root))
