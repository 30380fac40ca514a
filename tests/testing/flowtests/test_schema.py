"""The schema of test files takes what the reader takes, and refuses what it refuses as far as a schema can say."""

import json
import re
from pathlib import Path

import pytest

from vaiven.edge.cli import run
from vaiven.flow.source import scan, to_value
from vaiven.testing.flowtests.schema import test_schema as schema_of_tests

ROOT = Path(__file__).parents[3]
SCHEMA = schema_of_tests()
TYPES = {
    "object": dict,
    "array": list,
    "string": str,
    "number": (int, float),
    "integer": int,
    "boolean": bool,
    "null": type(None),
}


def valid(schema, value):
    """Draft-07, the words of it that our schema uses."""
    if "$ref" in schema:
        return valid(SCHEMA["definitions"][schema["$ref"].removeprefix("#/definitions/")], value)
    types = schema.get("type", list(TYPES))
    types = [types] if isinstance(types, str) else types
    if not any(isinstance(value, TYPES[each]) and (each == "boolean" or not isinstance(value, bool)) for each in types):
        return False
    if ("const" in schema and schema["const"] != value) or ("enum" in schema and value not in schema["enum"]):
        return False
    if isinstance(value, str) and not re.search(schema.get("pattern", ""), value):
        return False
    if isinstance(value, int | float) and value < schema.get("minimum", value):
        return False
    if "anyOf" in schema and not any(valid(each, value) for each in schema["anyOf"]):
        return False
    if "oneOf" in schema and sum(valid(each, value) for each in schema["oneOf"]) != 1:
        return False
    if isinstance(value, list):
        return len(value) >= schema.get("minItems", 0) and all(valid(schema.get("items", {}), each) for each in value)
    return not isinstance(value, dict) or _map(schema, value)


def _map(schema, value):
    known, rest = schema.get("properties", {}), schema.get("additionalProperties", {})
    if not set(schema.get("required", ())) <= set(value) or len(value) < schema.get("minProperties", 0):
        return False
    if len(value) > schema.get("maxProperties", len(value)) or (rest is False and not set(value) <= set(known)):
        return False
    return all(valid(known.get(key, rest or {}), each) for key, each in value.items())


@pytest.mark.parametrize(
    "file", [*ROOT.glob("flows/**/*.test.yaml"), *ROOT.glob("tests/testing/**/*.test.yaml")], ids=lambda file: file.name
)
def test_it_takes_every_test_file_that_there_is(file):
    source, _ = scan(file.read_text("utf-8"), str(file))
    assert valid(SCHEMA, to_value(source.root))


@pytest.mark.parametrize(
    "text",
    [
        "talk: [{me: hi}]",
        "test: tea\ntlak: []\ntalk: []",
        "test: tea\ntalk: [{bott: hi}]",
        "test: tea\ntalk: [{me: hi, bot: ho}]",
        "test: tea\ntalk: [{bot: hi, loose: true}]",
        "test: tea\ntalk: [{wait: soon}]",
        "test: tea\ntalk: [{bot: {class: recipt}}]",
        "test: tea\ntalk: [{expect: {vras: {}}}]",
        "test: tea\ntalk: [{fork: {a: [{bott: hi}]}}]",
        "test: tea\ntalk: [{me: {kind: stickr}}]",
        "test: tea\nmocks: {a: {jsno: 1}}\ntalk: []",
    ],
)
def test_it_refuses_what_the_reader_refuses(text):
    source, _ = scan(text, "a.test.yaml")
    assert not valid(SCHEMA, to_value(source.root))


def test_the_command_prints_it(capsys):
    assert run(["schema", "--tests"]) == 0
    assert json.loads(capsys.readouterr().out) == SCHEMA
