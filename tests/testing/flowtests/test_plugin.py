"""Flow tests in a suite of pytest."""

import subprocess
import sys
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]
FRAMEWORK = Path(__file__).parents[3] / "framework"
BAD = "test: tea\ntalk:\n  - me: tea\n  - fork: {one: [{bot: Which tea?}], two: [{bot: '~ Which'}]}\n"


@pytest.fixture
def suite(pytester, kitchen, monkeypatch):
    """A folder of a suite with the kitchen's flow in it, and no plugin but ours, whether or not it is installed."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.syspathinsert(FRAMEWORK)
    pytester.makefile(".flow.yaml", tea=(kitchen.folder / "tea.flow.yaml").read_text("utf-8"))
    return pytester


def ran(suite, *args):
    return suite.runpytest_inprocess("-p", "vaiven.testing.pytest_plugin", *args)


def test_each_talk_is_a_test(suite):
    suite.makefile(".test.yaml", tea=BAD)
    found = ran(suite, "-v")
    found.assert_outcomes(passed=1, failed=1)
    found.stdout.fnmatch_lines(["*::tea > one FAILED*", "*::tea > two PASSED*", "*wanted Which tea?", "*stands at  kind of tea*"])


def test_one_can_be_chosen(suite):
    suite.makefile(".test.yaml", tea=BAD)
    ran(suite, "-k", "two").assert_outcomes(passed=1, deselected=1)


def test_a_file_that_cannot_be_read_is_an_error_with_its_place(suite):
    suite.makefile(".test.yaml", tea="test: tea\ntalk:\n  - bott: hi\n")
    found = ran(suite)
    found.assert_outcomes(errors=1)
    found.stdout.fnmatch_lines(["*tea.test.yaml:3:5: a line has no key 'bott'*"])


def test_coverage(suite):
    suite.makefile(".test.yaml", tea="test: tea\ntalk:\n  - me: tea\n  - bot: '~ Which'\n")
    found = ran(suite, "--flow-coverage", "--flow-min-coverage", "95")
    assert found.ret == pytest.ExitCode.TESTS_FAILED
    found.stdout.fnmatch_lines(["*coverage of flows*", "tea *", "*of transitions are covered, and 95 % are the least."])


def test_without_flow_tests_nothing_is_loaded(tmp_path):
    (tmp_path / "test_it.py").write_text(
        "import sys\ndef test_it():\n    assert not [name for name in sys.modules if name.startswith('vaiven.flow')]\n"
    )
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "vaiven.testing.pytest_plugin",
        "-p",
        "no:cacheprovider",
    ]
    done = subprocess.run(
        [*command, str(tmp_path)],
        cwd=tmp_path,
        env={"PYTHONPATH": str(FRAMEWORK), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout
