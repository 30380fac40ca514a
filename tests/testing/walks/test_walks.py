"""Random walks: a corpus of flows with faults that no check can see, and flows without any."""

import re
import shutil
from pathlib import Path

import pytest

from vaiven.edge.cli import run
from vaiven.flow.load import load_flows
from vaiven.testing.flowtests.bots import Bots
from vaiven.testing.flowtests.suite import play_all
from vaiven.testing.walk import Walked, walk
from vaiven.testing.walk_acts import seconds, span
from vaiven.testing.walk_tests import as_test

ROOT = Path(__file__).parents[3]
FAULTY = sorted((Path(__file__).parent / "faulty").glob("*.flow.yaml"))
WALKS = 150


@pytest.fixture
def alone(tmp_path: Path):
    """A copy of one flow, in a folder of its own."""

    def copy(file: Path) -> Path:
        shutil.copy(file, tmp_path)
        return tmp_path

    return copy


def told(found: Walked) -> list[tuple[str, str, bool, list]]:
    return [(fault.what, fault.where, fault.odd, [act.line for act in fault.acts]) for fault in found.faults]


def test_the_corpus_is_large_enough() -> None:
    assert len(FAULTY) >= 12


@pytest.mark.parametrize("file", FAULTY, ids=lambda file: file.name.partition(".")[0])
def test_a_planted_fault_is_found_and_printed_as_a_test(file: Path, alone) -> None:
    text = file.read_text()
    _, problems = load_flows([(str(file), text)])
    assert not any(problem.is_error for problem in problems), "check sees it: no fault for a walk"
    what, step = re.findall(r"# fault: (\w+) at (\w+)", text)[0]
    folder = alone(file)
    found = walk(folder, WALKS)
    (fault,) = [each for each in found.faults if each.what == what and not each.odd and each.where.endswith(f"/{step}")]
    assert len(fault.acts) <= 7
    (flow,) = found.cast.flows.flows
    (folder / "found.test.yaml").write_text(as_test(fault, found.cast, flow))
    (played,) = play_all([folder / "found.test.yaml"], Bots())
    assert not played.problems
    assert played.holds, [result.failure for result in played.results]


@pytest.mark.parametrize("template", ["vote", "booking", "support", "otp", "blank"])
def test_a_template_has_no_fault_and_every_exit_is_taken(template: str, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["new", "mine", "--template", template]) == 0
    found = walk(tmp_path / "mine/flows/mine", 2000)
    assert [each for each in told(found) if not each[2]] == []
    assert found.never == []


def test_the_same_seed_walks_the_same_way() -> None:
    first, again, other = (walk(ROOT / "flows/tv_vote", 60, seed) for seed in (1, 1, 2))
    assert (first.acts, first.taken, told(first)) == (again.acts, again.taken, told(again))
    assert (first.acts, first.coverage) != (other.acts, other.coverage)


def test_what_was_never_taken_is_told_with_its_line(tmp_path) -> None:
    text = "flow: f\nversion: 1\nstarts: [{keyword: [go]}]\nvars: {n: {type: integer, default: 1}}\nsteps:\n"
    text += "  a: {ask: Yes?, as: {text: {max: 9}}, retry: [], else: b, then: [{if: n > 1, go: c}, {go: b}]}\n"
    text += "  b: {end: B, outcome: b}\n  c: {end: C, outcome: c}\n"
    (tmp_path / "f.flow.yaml").write_text(text)
    found = walk(tmp_path, 60)
    assert [(line, name) for _, line, name in found.never] == [(6, "a, answer -> c")]


def test_durations_of_test_files() -> None:
    assert [span(each) for each in (1, 90, 86_400, 0)] == ["1s", "1m30s", "1d", "1s"]
    assert seconds("1d2h3m4s") == 86_400 + 2 * 3600 + 3 * 60 + 4


def test_check_walks_when_it_is_asked_to(alone, monkeypatch, capsys) -> None:
    folder = alone(FAULTY[0])
    monkeypatch.chdir(folder)
    assert run(["check", str(FAULTY[0].name)]) == 0
    capsys.readouterr()
    assert run(["check", str(FAULTY[0].name), "--walk", "100", "--seed", "3"]) == 1
    out = capsys.readouterr().out
    assert "100 walks, " in out
    assert "seed 3" in out
    assert "  test: bound-of-what-was-skipped\n" in out
    assert run(["check", str(FAULTY[0].name), "--walk", "100", "--seed", "3"]) == 1
    assert capsys.readouterr().out == out
