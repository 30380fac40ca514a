"""``docs/problems.md`` has every code that there is; what it calls wrong is told so, and what it calls right is."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from vaiven.edge.segments import bills, dearer, expensive
from vaiven.flow.checks import Known
from vaiven.flow.checks.known import Takes
from vaiven.flow.load import load_flows
from vaiven.flow.problems import Problem

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "problems.md").read_text("utf-8")
SECTIONS = dict(re.findall(r"^### ([a-z0-9-]+)\n(.*?)(?=^##|\Z)", PAGE, flags=re.MULTILINE | re.DOTALL))
TABLED = set(re.findall(r"`([a-z-]+)`", "".join(re.findall(r"^\| (`[a-z-]+`[^|]*) \|", PAGE, flags=re.MULTILINE))))
EXAMPLES = {code: told for code, told in SECTIONS.items() if "```yaml" in told}
WITHOUT = {
    "bad-actions",
    "bad-character",
    "empty-file",
    "no-file",
    "no-flow-beside",
    "not-formatted",
    "not-utf-8",
    "second-document",
    "too-deep",
    "too-large",
    "too-many",
    "wrong-param",
    "yaml",
    "yaml-tab",
}
"""What a page cannot show, or what no file of a few lines has."""
KNOWN = Known(
    actions={"desk.ticket": Takes(frozenset({"text"}), frozenset({"text"}))},
    parsers=frozenset({"plate"}),
    resources={"slots": None},
    queues=frozenset({"support"}),
    hours=frozenset({"support"}),
)


def told(text: str) -> list[Problem]:
    """Every problem of the files of an example. What has no steps is a translation of the file before it."""
    files: list[tuple[str, str]] = []
    for number, part in enumerate(text.split("---\n")):
        if re.search(r"^(flow|steps):", part, flags=re.MULTILINE) or not number:
            named = part if re.search(r"^flow:", part, flags=re.MULTILINE) else f"flow: demo\n{part}"
            files.append((f"{number}.flow.yaml", named))
        else:
            files.append((f"{number - 1}.es.yaml", part))
    documents, problems = load_flows(files, {}, KNOWN)
    costs = [bill for document in documents for bill in bills(document, {}, KNOWN)]
    return [*problems, *expensive(costs), *dearer(costs)]


@pytest.mark.parametrize("code", EXAMPLES)
def test_an_example_is_told_as_its_heading_says(code):
    (block,) = re.findall(r"```yaml\n(.*?)```", EXAMPLES[code], flags=re.DOTALL)
    wrong, right = re.fullmatch(r"# wrong\n(.*?)# right\n(.*)", block, flags=re.DOTALL).groups()
    assert code in {problem.code for problem in told(wrong)}
    assert [str(problem) for problem in told(right) if problem.is_error or problem.code == code] == []


@pytest.mark.parametrize("code", EXAMPLES)
def test_a_heading_says_how_severe_it_is(code):
    (block,) = re.findall(r"```yaml\n(.*?)```", EXAMPLES[code], flags=re.DOTALL)
    severity = next(problem.severity for problem in told(block.partition("# right")[0]) if problem.code == code)
    prose = EXAMPLES[code].partition("```")[0].strip()
    assert prose.startswith(f"*{severity.capitalize()}.*") or severity == "error"
    assert not (severity == "error" and prose.startswith(("*Warning.*", "*Hint.*")))


def test_every_code_of_the_source_has_its_place():
    assert codes() - set(SECTIONS) - TABLED == set()


def test_every_place_is_of_a_code_that_there_is():
    assert (set(SECTIONS) | TABLED) - codes() == set()


def test_only_what_cannot_be_shown_has_no_example():
    assert set(SECTIONS) - set(EXAMPLES) == WITHOUT


CODE = re.compile(r"[a-z]+(-[a-z0-9]+)*")
TELLING = {"problem", "warning", "Problem", "say", "tell", "_problem", "_does_not_compile"}
"""Functions that a code is handed to, as the first value or the second."""


def codes() -> set[str]:
    """Every code that a problem is made with, as the source has it."""
    found: set[str] = set()
    for room in ("flow", "edge"):
        for file in sorted((ROOT / "framework/vaiven" / room).rglob("*.py")):
            if "doctor" in file.parts:
                continue  # its findings have a page of their own
            for node in ast.walk(ast.parse(file.read_text("utf-8"))):
                found.update(_codes(node, file.name))
    return found


def _codes(node: ast.AST, file: str) -> Iterator[str]:
    if isinstance(node, ast.Call) and node.args:
        name = getattr(node.func, "id", None) or getattr(node.func, "attr", "")
        if name in TELLING:
            yield from (word for word in _texts(node.args[0]) if CODE.fullmatch(word))
            yield from (word for word in map(_text, node.args[1:2]) if CODE.fullmatch(word) and "-" in word)
        elif name == "_missing" and len(node.args) > 2:
            yield from (f"unknown-{word}" for word in _texts(node.args[2]))
    elif isinstance(node, ast.Return) and isinstance(node.value, ast.Tuple) and file == "source_errors.py":
        yield from (word for word in _texts(node.value.elts[0]) if word.startswith("yaml"))


def _text(node: ast.AST) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def _texts(node: ast.AST) -> list[str]:
    if not isinstance(node, ast.Constant | ast.IfExp):
        return []
    return [each.value for each in ast.walk(node) if isinstance(each, ast.Constant) and isinstance(each.value, str)]
