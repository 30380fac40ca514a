"""The pages that users read say what the code does."""

import re
from pathlib import Path

from vaiven.flow.load import load_flow
from vaiven.flow.parse.flow import TOP
from vaiven.flow.parse.verbs import COMMON, VERBS

ROOT = Path(__file__).parents[3]
LANGUAGE = (ROOT / "docs" / "flow-language.md").read_text("utf-8")


def test_every_key_of_the_language_is_told():
    keys = {*TOP, *COMMON, *VERBS, *(key for shape in VERBS.values() for key in shape.own)}
    assert {key for key in keys if f"`{key}`" not in LANGUAGE and f"`{key}:" not in LANGUAGE} == set()


def test_the_first_example_has_no_problem():
    (example,) = re.findall(r"```yaml\n(flow: .*?)```", LANGUAGE, flags=re.DOTALL)
    assert load_flow(example, "pizza.flow.yaml", {})[1] == []
