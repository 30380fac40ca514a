"""Every broken flow of the corpus is told as its golden file tells it."""

from pathlib import Path

import pytest

from vaiven.flow.checks.known import NOTHING, Known, Takes
from vaiven.flow.load import load_flow, load_flows
from vaiven.flow.source import scan
from vaiven.model.messages import Capabilities

SUFFIX = ".flow.yaml"
BROKEN = sorted((Path(__file__).parent / "broken").glob("*" + SUFFIX))
WITH_BOT = {"opens": "2026-12-05T20:00Z", "closes": "2026-12-05T22:15Z"}
WITH_PYTHON = Known(
    actions={"desk.ticket": Takes(frozenset({"text"}), frozenset({"text", "order"}))},
    parsers=frozenset({"plate"}),
    resources={"slots": frozenset({"reserve", "release"})},
    queues=frozenset({"support"}),
    hours=frozenset({"support"}),
    channels={"sms": Capabilities(text_limit=1600, sms=True, sms_words=True), "chat": Capabilities(text_limit=2000, buttons=3)},
)
BOTS = sorted(path for path in (Path(__file__).parent / "broken" / "bots").iterdir() if path.is_dir())


def text_of(path: Path) -> str:
    return path.read_bytes().decode()


@pytest.mark.parametrize("path", BROKEN, ids=lambda path: path.name.removesuffix(SUFFIX))
def test_a_broken_flow_is_told_with_place_line_and_cure(path, golden):
    params = WITH_BOT if "with_bot" in path.name else None
    known = WITH_PYTHON if "with_python" in path.name else NOTHING
    _, problems = load_flow(text_of(path), path.name, params, known)
    assert problems
    golden(path.with_name(path.name.removesuffix(SUFFIX) + ".txt"), "\n".join(map(str, problems)) + "\n")


@pytest.mark.parametrize("folder", BOTS, ids=lambda path: path.name)
def test_a_broken_bot_is_told_flow_by_flow(folder, golden):
    files = [(file.name, text_of(file)) for file in sorted(folder.glob("*" + SUFFIX))]
    _, problems = load_flows(files, {})
    assert problems
    golden(folder.with_suffix(".txt"), "\n".join(map(str, problems)) + "\n")


@pytest.mark.parametrize("path", BROKEN, ids=lambda path: path.name.removesuffix(SUFFIX))
def test_both_yaml_parsers_read_the_same(path):
    fast, said_fast = scan(text_of(path), path.name)
    pure, said_pure = scan(text_of(path), path.name, pure=True)
    assert fast == pure
    assert [(problem.code, problem.line) for problem in said_fast] == [(problem.code, problem.line) for problem in said_pure]


def test_the_corpus_is_large():
    assert len(BROKEN) + len(BOTS) >= 120
