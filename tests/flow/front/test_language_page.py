"""Every example of the language's page is read without a problem."""

import re
from pathlib import Path

import pytest

from vaiven.flow.parse import parse
from vaiven.flow.source import read_source

PAGE = (Path(__file__).parents[3] / "docs" / "flow-language.md").read_text("utf-8")
BLOCKS = re.findall(r"```yaml\n(.*?)```", PAGE, flags=re.DOTALL)
STEP_LEVEL = [
    part for block in BLOCKS if block.startswith("then:") for part in re.split(r"^(?=then:)", block, flags=re.MULTILINE) if part
]
STEPS = [block for block in BLOCKS if not block.startswith(("then:", "flow:", "commands:"))]
TOP_LEVEL = [block for block in BLOCKS if block.startswith("commands:")]


def indented(text: str, by: int) -> str:
    return "".join(f"{' ' * by}{line}\n" if line else "\n" for line in text.splitlines())


def problems(text: str) -> list[str]:
    return [str(problem) for problem in parse(read_source(text, "page.yaml"))[1]]


def test_there_are_examples_of_all_kinds():
    assert (len(STEP_LEVEL), len(STEPS) > 4, len(TOP_LEVEL)) == (4, True, 1)


@pytest.mark.parametrize("block", STEPS)
def test_steps(block):
    assert problems(f"flow: page\nsteps:\n{indented(block, 2)}") == []


@pytest.mark.parametrize("block", TOP_LEVEL)
def test_keys_at_the_top(block):
    assert problems(f"flow: page\n{block}steps: {{bye: {{end: ''}}}}\n") == []


@pytest.mark.parametrize("block", STEP_LEVEL)
def test_keys_of_a_step(block):
    assert problems(f"flow: page\nsteps:\n  one:\n    run: other\n{indented(block, 4)}") == []


@pytest.mark.parametrize(
    "written",
    re.findall(r"^\| `((?:payload|referral|event|api|keyword|answer|intent|fallback|schedule): .*?)` \|", PAGE, re.MULTILINE),
)
def test_starts(written):
    assert problems(f"flow: page\nstarts:\n  - {written}\nsteps: {{pick: {{ask: Q, as: integer}}}}\n") == []


@pytest.mark.parametrize("written", re.findall(r"`((?:call|wait|split|set|tally): [^`]*[}a-z0-9])`(?: \||,|;)", PAGE))
def test_verbs(written):
    then = "\n    then: one" if written.startswith("split") else ""
    assert problems(f"flow: page\nsteps:\n  one:\n    {written}{then}\n") == []
