"""Many test files: found, read, played, and what came of each."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from vaiven.flow.problems import Problem, suggest
from vaiven.model.errors import FlowError, SettingsError
from vaiven.testing.flowtests.bots import Bots, Cast
from vaiven.testing.flowtests.playing import Case, Result, play
from vaiven.testing.flowtests.reading import read_file
from vaiven.testing.flowtests.script import Script

TESTS = "*.test.yaml"


@dataclass(frozen=True, slots=True)
class Played:
    """What came of a file. ``problems`` are why it could not be played, none where it could."""

    file: str
    results: tuple[Result, ...] = ()
    problems: tuple[Problem | str, ...] = field(default_factory=tuple)

    @property
    def failed(self) -> int:
        return sum(result.failure is not None for result in self.results)

    @property
    def holds(self) -> bool:
        return not self.problems and not self.failed


def find(paths: Iterable[Path]) -> list[Path]:
    """The test files that these are, or that lie under them, each once. Hidden folders are passed over."""
    found: dict[Path, Path] = {}
    for path in paths:
        files = [path] if path.is_file() else sorted(each for each in path.rglob(TESTS) if not _is_hidden(each, path))
        for file in files:
            found.setdefault(file.resolve(), file)
    return list(found.values())


def _is_hidden(path: Path, under: Path) -> bool:
    return any(part.startswith(".") for part in path.relative_to(under).parts)


def prepared(file: Path, bots: Bots) -> tuple[Script | None, Cast | None, Sequence[Problem | str]]:
    """The script and its bot; without both, why not."""
    script, problems = read_file(file)
    if script is None:
        return None, None, problems
    try:
        cast = bots.cast(script)
    except (FlowError, SettingsError) as error:
        return script, None, [one if isinstance(one, Problem) else str(one) for one in error.problems]
    if script.flow not in cast.flows.flows:
        line = script.lines[script.at.line - 1]
        cure = suggest(script.flow, cast.flows.flows, "Flows")
        text = f"there is no flow '{script.flow}' in this bot"
        return (
            script,
            None,
            [Problem("no-flow", script.file, script.at.line, script.at.column, text, cure, len(script.flow), line)],
        )
    return script, cast, ()


def play_all(files: Iterable[Path], bots: Bots, word: str = "") -> Iterator[Played]:
    """Play file after file. ``word``: only cases in whose file and name all of its words stand."""
    words = word.casefold().split()

    def wanted(case: Case) -> bool:
        name = f"{case.script.file} {case.name}".casefold()
        return all(each in name for each in words)

    for file in files:
        script, cast, problems = prepared(file, bots)
        if script is None or cast is None:
            yield Played(str(file), problems=tuple(problems))
            continue
        try:
            results = tuple(play(script, cast, wanted))
        except SettingsError as error:
            yield Played(str(file), problems=tuple(error.problems))
        else:
            yield Played(str(file), results)
