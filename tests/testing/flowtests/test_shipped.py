"""The flows that are shipped are covered by their own tests: at least 95 % of the transitions, also of a flow without any."""

import re
from pathlib import Path

import pytest

from vaiven.testing.flowtests.bots import Bots
from vaiven.testing.flowtests.reports import percent, text
from vaiven.testing.flowtests.suite import find, play_all

ROOT = Path(__file__).parents[3]
SHIPPED = sorted({file.parent for file in (ROOT / "flows").rglob("*.flow.yaml")})
LEAST = 95.0


def test_they_are_found() -> None:
    assert {"tv_vote", "support"} <= {folder.name for folder in SHIPPED}


@pytest.mark.parametrize("folder", SHIPPED, ids=lambda folder: folder.name)
def test_its_tests_hold_and_cover_it(folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    bots = Bots()
    played = list(play_all(find([folder.relative_to(ROOT)]), bots, ""))
    failed = [result.case.name for each in played for result in each.results if result.failure is not None]
    assert failed == [each.file for each in played if each.problems] == []
    names = [re.findall(r"^flow: (\S+)", file.read_text("utf-8"), re.MULTILINE)[0] for file in sorted(folder.glob("*.flow.yaml"))]
    report = bots.coverage.report(names)
    with capsys.disabled():
        talks = sum(len(each.results) for each in played)
        print(f"\n{folder.name}: {talks} talks, {percent(report):.1f} % of transitions")
    assert len(report) == len(names), "a flow that no test loads"
    assert percent(report) >= LEAST, text(report)
