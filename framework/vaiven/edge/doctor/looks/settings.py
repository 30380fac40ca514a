"""What ``bot.yaml``, the environment and the flow files say."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vaiven.edge.doctor.facts import SettingsFacts, Variable
from vaiven.edge.paths import flow_files, from_here
from vaiven.edge.places import Layer, Place, Reader
from vaiven.edge.settings import BotSettings, Where, bot_file, read_settings, where
from vaiven.flow.load import load_flows
from vaiven.flow.problems import Problem
from vaiven.flow.source import scan
from vaiven.model.errors import SettingsError


@dataclass(frozen=True, slots=True)
class Read:
    """The facts, and what they were read from.

    ``settings`` is None where something is wrong; ``place``, which store it is, may still be known.
    """

    facts: SettingsFacts
    settings: BotSettings | None
    place: Where


def read(path: Path, overrides: Mapping[str, Any], environ: Mapping[str, str]) -> Read:
    """Everything that can be known without asking anybody.

    Raises:
        SettingsError: there is no such file, or it cannot be read at all.
    """
    settings, problems = read_settings(path, overrides, environ)
    if any(problem.code == "no-bot" for problem in problems):
        raise SettingsError([str(problem) for problem in problems])
    # Without the environment more of it can be read: enough to check its flows.
    known = settings or read_settings(path, overrides, None)[0]
    place = _where(path, overrides, environ) if settings is None else Where(settings.store, settings.bot, settings.profile)
    errors, warnings, flows = ((), (), 0) if known is None else _flows(known)
    facts = SettingsFacts(
        scheme=place.store.partition(":")[0],
        profile=place.profile,
        variables=tuple(_variables(bot_file(path), overrides, environ)),
        problems=tuple(_line(problem) for problem in problems if problem.code != "missing-variable"),
        flows=flows,
        flow_errors=errors,
        flow_warnings=warnings,
    )
    return Read(facts, settings, place)


def _where(path: Path, overrides: Mapping[str, Any], environ: Mapping[str, str]) -> Where:
    """Which store it is, whatever else is wrong."""
    try:
        return where(path, environ, overrides.get("store"))
    except SettingsError:
        return Where("", "", "")


def _line(problem: Problem) -> str:
    where = f"{problem.file}:{problem.line}: " if problem.line else ""
    return f"{where}{problem.text}"


def _flows(settings: BotSettings) -> tuple[tuple[str, ...], tuple[str, ...], int]:
    """Errors and warnings as lines, and how many files there are."""
    texts, unread = [], []
    for file in flow_files(from_here(settings.flows)):
        try:
            texts.append((str(file), file.read_bytes().decode()))
        except (OSError, UnicodeDecodeError):
            unread.append(f"{file}: it cannot be read")
    _, problems = load_flows(texts, settings.params)
    errors = tuple(_line(problem) for problem in problems if problem.is_error)
    warnings = tuple(_line(problem) for problem in problems if not problem.is_error)
    return (*unread, *errors), warnings, len(texts)


def _variables(file: Path, overrides: Mapping[str, Any], environ: Mapping[str, str]) -> Iterator[Variable]:
    """Every environment variable that counts of those the file names; its value is looked at only for being there."""
    source, problems = scan(file.read_bytes().decode(), str(file))
    if source is None or problems:
        return
    named: dict[str, list[str]] = {}
    reader = Reader(environ)
    for place in _places(Place("", (Layer(source, None, source.root),))):
        for name in () if place.name.partition(".")[0] in overrides else reader.variables(place):
            named.setdefault(name, []).append(place.name)
    for name, settings in sorted(named.items()):
        yield Variable(name, tuple(settings), bool(environ.get(name, "").strip()))


def _places(place: Place) -> Iterator[Place]:
    if place.is_map and not place.is_env:
        for child in place.children().values():
            yield from _places(child)
    else:
        yield place
