"""Every broken flow of the corpus is told as its golden file tells it."""

from pathlib import Path

import pytest

from vaiven.flow.load import load_flow
from vaiven.flow.source import scan

SUFFIX = ".flow.yaml"
BROKEN = sorted((Path(__file__).parent / "broken").glob("*" + SUFFIX))
WITH_BOT = {"opens": "2026-12-05T20:00Z", "closes": "2026-12-05T22:15Z"}


def text_of(path: Path) -> str:
    return path.read_bytes().decode()


@pytest.mark.parametrize("path", BROKEN, ids=lambda path: path.name.removesuffix(SUFFIX))
def test_a_broken_flow_is_told_with_place_line_and_cure(path, golden):
    params = WITH_BOT if "with_bot" in path.name else None
    _, problems = load_flow(text_of(path), path.name, params)
    assert problems
    golden(path.with_name(path.name.removesuffix(SUFFIX) + ".txt"), "\n".join(map(str, problems)) + "\n")


@pytest.mark.parametrize("path", BROKEN, ids=lambda path: path.name.removesuffix(SUFFIX))
def test_both_yaml_parsers_read_the_same(path):
    fast, said_fast = scan(text_of(path), path.name)
    pure, said_pure = scan(text_of(path), path.name, pure=True)
    assert fast == pure
    assert [(problem.code, problem.line) for problem in said_fast] == [(problem.code, problem.line) for problem in said_pure]


def test_the_corpus_is_large():
    assert len(BROKEN) >= 70
