"""The pages that users read say what the code does."""

import re
from pathlib import Path

import pytest

from vaiven.flow.load import load_flow
from vaiven.flow.parse.flow import TOP
from vaiven.flow.parse.verbs import COMMON, VERBS

ROOT = Path(__file__).parents[3]
FLOW_ROOM = ROOT / "framework" / "vaiven" / "flow"
PROBLEMS = (ROOT / "docs" / "problems.md").read_text("utf-8")
LANGUAGE = (ROOT / "docs" / "flow-language.md").read_text("utf-8")
BROKEN = Path(__file__).parent / "broken"

ROWS = re.findall(r"^\| (`[^|]*) \|", PROBLEMS, flags=re.MULTILINE)
CODES = [code for row in ROWS for code in re.findall(r"`([a-z-]+)`", row)]
TOLD = set(re.findall(r"\[([a-z-]+)\]$", "".join(path.read_text("utf-8") for path in BROKEN.glob("*.txt")), flags=re.MULTILINE))
ELSEWHERE = {"bad-key", "too-deep", "too-large", "same-flow", "yaml"}
"""Codes that no small file of the corpus can show; the other tests of this folder do, ``yaml`` is what we know no words for."""


def test_every_code_that_is_told_has_a_line():
    assert TOLD - set(CODES) == {"vote"}  # a cure that ends in `keyword: [vote]`


def test_every_code_that_has_a_line_is_told():
    assert set(CODES) - TOLD == ELSEWHERE


@pytest.mark.parametrize("code", CODES)
def test_every_code_stands_in_the_source(code):
    files = [*FLOW_ROOM.glob("*.py"), *(FLOW_ROOM / "parse").glob("*.py"), *(FLOW_ROOM / "checks").glob("*.py")]
    assert any(f'"{code}"' in path.read_text("utf-8") for path in files)


def test_no_code_has_two_lines():
    assert len(CODES) == len(set(CODES))


def test_every_key_of_the_language_is_told():
    keys = {*TOP, *COMMON, *VERBS, *(key for shape in VERBS.values() for key in shape.own)}
    assert {key for key in keys if f"`{key}`" not in LANGUAGE and f"`{key}:" not in LANGUAGE} == set()


def test_the_first_example_has_no_problem():
    (example,) = re.findall(r"```yaml\n(flow: .*?)```", LANGUAGE, flags=re.DOTALL)
    assert load_flow(example, "pizza.flow.yaml", {})[1] == []
