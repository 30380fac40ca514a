"""The flows that we ship and those of the language's page, tested as people write it."""

from pathlib import Path

import pytest

from vaiven.edge.cli import run
from vaiven.testing.flowtests.bots import Bots
from vaiven.testing.flowtests.reports import percent, text
from vaiven.testing.flowtests.suite import find, play_all

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("folder", ["flows", "tests/testing/flowtests/bistro"])
def test_their_tests_hold_and_cover_them(folder, capsys):
    bots = Bots()
    played = list(play_all(find([ROOT / folder]), bots))
    assert [(each.file, each.problems, [r.failure for r in each.results if r.failure]) for each in played if not each.holds] == []
    covered = bots.coverage.report()
    with capsys.disabled():
        print(f"\n{text(covered)}")
    assert all(percent([each]) >= 95 for each in covered)


def test_the_example_of_the_page_runs_as_it_is_printed(bistro):
    (played,) = play_all([bistro / "page.test.yaml"], Bots())
    assert played.holds
    assert [result.case.path for result in played.results] == [
        ("happy path",),
        ("silence, then a late answer",),
        ("stop beats everything",),
        ("server down",),
    ]


def test_the_command_says_it(monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    assert run(["test", "flows", "--min-coverage", "95"]) == 0
    assert "all hold" in capsys.readouterr().out
