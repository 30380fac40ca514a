"""Flow tests in your own suite: pytest collects every ``*.test.yaml``, a test a talk.

Entry point ``vaiven`` of the group ``pytest11``. Where there is no such file nothing of the framework is imported.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from vaiven.testing.flowtests.bots import Bots, Cast
    from vaiven.testing.flowtests.playing import Case, Result

ENDING = ".test.yaml"
_BOTS = pytest.StashKey["Bots"]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("vaiven", "tests of flows")
    group.addoption("--flow-bot", metavar="PATH", help="the bot of all *.test.yaml: its folder")
    group.addoption("--flow-coverage", action="store_true", help="tell at the end what the flow tests cover")
    group.addoption(
        "--flow-min-coverage", type=float, metavar="PERCENT", help="fail if the flow tests cover fewer of the flows' transitions"
    )


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> "FlowTests | None":
    return FlowTests.from_parent(parent, path=file_path) if file_path.name.endswith(ENDING) else None


class Broken(Exception):
    """A test file that cannot be played."""


class FlowTests(pytest.File):
    """One ``*.test.yaml``."""

    def collect(self) -> Iterator[pytest.Item]:
        from vaiven.testing.flowtests.playing import cases
        from vaiven.testing.flowtests.suite import prepared

        script, cast, problems = prepared(self._shown(), _bots(self.config))
        if script is None or cast is None:
            raise Broken("\n\n".join(map(str, problems)))
        for case in cases(script):
            yield FlowTest.from_parent(self, name=case.name, case=case, cast=cast)

    def _shown(self) -> Path:
        """As a person would write it who stands in the root of the suite."""
        root = self.config.rootpath
        return self.path.relative_to(root) if self.path.is_relative_to(root) and Path.cwd() == root else self.path

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], *args: Any, **more: Any) -> Any:
        if isinstance(excinfo.value, Broken):
            return str(excinfo.value)
        return super().repr_failure(excinfo, *args, **more)


class Failed(Exception):
    """A talk that is not as its file says."""

    def __init__(self, result: "Result") -> None:
        super().__init__(result.case.name)
        self.result = result


class FlowTest(pytest.Item):
    """One talk."""

    def __init__(self, *, case: "Case", cast: "Cast", **more: Any) -> None:
        super().__init__(**more)
        self.case, self.cast = case, cast

    def runtest(self) -> None:
        from vaiven.testing.flowtests.playing import play_case

        result = play_case(self.case, self.cast)
        if result.failure is not None:
            raise Failed(result)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], *args: Any, **more: Any) -> Any:
        if isinstance(excinfo.value, Failed):
            from vaiven.testing.flowtests.telling import told

            return told(excinfo.value.result)
        return super().repr_failure(excinfo, *args, **more)

    def reportinfo(self) -> tuple[Path, int, str]:
        return self.path, self.case.at.line - 1, self.name


def _bots(config: pytest.Config) -> "Bots":
    from vaiven.testing.flowtests.bots import Bots

    if _BOTS not in config.stash:
        given = config.getoption("--flow-bot")
        config.stash[_BOTS] = Bots(Path(given) if given else None)
    return config.stash[_BOTS]


def _is_short(config: pytest.Config) -> bool:
    least = config.getoption("--flow-min-coverage")
    if least is None or _BOTS not in config.stash:
        return False
    from vaiven.testing.flowtests.reports import percent

    return percent(config.stash[_BOTS].coverage.report()) < float(least)


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    if exitstatus == pytest.ExitCode.OK and _is_short(session.config):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    if _BOTS not in config.stash:
        return
    from vaiven.testing.flowtests.reports import percent, text

    found = config.stash[_BOTS].coverage.report()
    if config.getoption("--flow-coverage"):
        terminalreporter.section("coverage of flows")
        terminalreporter.write_line(text(found))
    if _is_short(config):
        least = config.getoption("--flow-min-coverage")
        terminalreporter.write_line(
            f"{percent(found):.1f} % of transitions are covered, and {least:g} % are the least.", red=True
        )
