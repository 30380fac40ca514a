"""`schema`: takes what the parser takes, refuses what it refuses as far as a schema can say, and names every key."""

import re
from pathlib import Path
from typing import Any

import pytest

from vaiven.flow.parse import parse_all
from vaiven.flow.parse.ask import ANSWERS
from vaiven.flow.parse.flow import TOP
from vaiven.flow.parse.starts import STARTS
from vaiven.flow.parse.verbs import VERBS
from vaiven.flow.schema import flow_schema
from vaiven.flow.source import scan, to_value

ROOT = Path(__file__).parents[3]
GOOD = [*sorted((ROOT / "tests/flow/front/pages").glob("*.flow.yaml")), *sorted((ROOT / "flows").rglob("*.flow.yaml"))]
BROKEN = sorted((ROOT / "tests/flow/front/broken").glob("*.flow.yaml"))
BEYOND = {
    "bad-header",
    "bad-text",
    "bad-url",
    "bad-zone",
    "cut-by-comment",
    "missing-key",
    "too-many",
    "bad-cron",
    "bad-expression",
}
"""What stands inside a text, or between keys, a schema cannot say."""
SCHEMA = flow_schema()
TYPES: dict[str, Any] = {
    "object": dict,
    "array": list,
    "string": str,
    "number": (int, float),
    "integer": int,
    "boolean": bool,
    "null": type(None),
}
KNOWN = {
    "$schema", "$id", "$ref", "title", "description", "definitions", "type", "properties", "required", "additionalProperties",
    "patternProperties", "propertyNames", "minProperties", "maxProperties", "items", "minItems", "enum", "const", "pattern",
    "minLength", "maxLength", "minimum", "maximum", "allOf", "anyOf", "oneOf", "not",
}  # fmt: skip


def valid(schema: Any, value: Any) -> bool:
    """Draft-07, the words of it that our schema uses."""
    if isinstance(schema, bool):
        return schema
    if "$ref" in schema:
        return valid(SCHEMA["definitions"][schema["$ref"].removeprefix("#/definitions/")], value)
    return _typed(schema, value) and _combined(schema, value) and _shaped(schema, value)


def _typed(schema: dict[str, Any], value: Any) -> bool:
    types = schema.get("type", list(TYPES))
    named = [types] if isinstance(types, str) else types
    fits = any(isinstance(value, TYPES[name]) and (name == "boolean" or not isinstance(value, bool)) for name in named)
    return fits and value in schema.get("enum", [value]) and value == schema.get("const", value)


def _combined(schema: dict[str, Any], value: Any) -> bool:
    return (
        all(valid(one, value) for one in schema.get("allOf", ()))
        and ("anyOf" not in schema or any(valid(one, value) for one in schema["anyOf"]))
        and ("oneOf" not in schema or sum(valid(one, value) for one in schema["oneOf"]) == 1)
        and ("not" not in schema or not valid(schema["not"], value))
    )


def _shaped(schema: dict[str, Any], value: Any) -> bool:
    if isinstance(value, dict):
        return _object(schema, value)
    if isinstance(value, list):
        return len(value) >= schema.get("minItems", 0) and all(valid(schema.get("items", True), item) for item in value)
    if isinstance(value, str):
        sized = schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", len(value))
        return sized and re.search(schema.get("pattern", ""), value) is not None
    if isinstance(value, int | float):
        return schema.get("minimum", value) <= value <= schema.get("maximum", value)
    return True


def _object(schema: dict[str, Any], value: dict[str, Any]) -> bool:
    properties, patterns = schema.get("properties", {}), schema.get("patternProperties", {})
    if not schema.get("minProperties", 0) <= len(value) <= schema.get("maxProperties", len(value)):
        return False
    if not set(schema.get("required", ())) <= set(value):
        return False
    for key, inner in value.items():
        found = [properties[key]] if key in properties else []
        found += [one for pattern, one in patterns.items() if re.search(pattern, key)]
        if not all(valid(one, inner) for one in found or [schema.get("additionalProperties", True)]):
            return False
    return all(valid(schema.get("propertyNames", True), key) for key in value)


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.name)
def test_a_good_flow_is_valid(path):
    source, _ = scan(path.read_text("utf-8"), path.name)
    assert valid(SCHEMA, to_value(source.root))


@pytest.mark.parametrize("path", BROKEN, ids=lambda path: path.name)
def test_of_broken_flows_it_refuses_those_of_a_wrong_structure(path):
    source, _ = scan(path.read_bytes().decode(), path.name)
    if source is None:
        return
    wrong = {problem.code for problem in parse_all(source).problems if problem.is_error}
    if valid(SCHEMA, to_value(source.root)):
        assert wrong <= BEYOND
    else:
        assert wrong


def test_every_key_of_the_language_is_in_it():
    assert set(SCHEMA["properties"]) == set(TOP)
    steps = {step["title"]: set(step["properties"]) for step in SCHEMA["definitions"]["step"]["oneOf"]}
    assert steps == {word: {word, *shape.own, *shape.common} for word, shape in VERBS.items()}
    starts = {start["required"][0]: set(start["properties"]) for start in SCHEMA["definitions"]["start"]["oneOf"]}
    assert starts == {kind: set(keys) for kind, keys in STARTS.items()}
    assert set(SCHEMA["definitions"]["answer"]["anyOf"][1]["properties"]) == set(ANSWERS)


def test_every_key_says_what_it_is_for():
    steps = SCHEMA["definitions"]["step"]["oneOf"]
    silent = [key for step in steps for key, value in step["properties"].items() if not value.get("description")]
    assert silent == []


def test_it_uses_only_words_of_draft_07_and_points_nowhere_else():
    def words(schema: Any, names: bool = False) -> set[str]:
        if isinstance(schema, list):
            return set().union(*(words(one) for one in schema))
        if not isinstance(schema, dict):
            return set()
        inner = [words(value, key in ("properties", "patternProperties", "definitions")) for key, value in schema.items()]
        return (set() if names else set(schema)).union(*inner)

    assert words(SCHEMA) <= KNOWN
    pointed = set(re.findall(r"'\$ref': '#/definitions/(\w+)'", str(SCHEMA)))
    assert pointed <= set(SCHEMA["definitions"])
