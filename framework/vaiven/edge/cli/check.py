"""``vaiven check``: every problem of flow files and bots at once, with its place and what would be right."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from vaiven.edge.cli import FINDINGS, USAGE
from vaiven.edge.cli.options import table
from vaiven.edge.paths import BOT_FILE, FLOWS, bot_of, from_here

if TYPE_CHECKING:
    from vaiven.edge.segments import Bill
    from vaiven.edge.settings import BotSettings
    from vaiven.flow.problems import Problem


@click.command(short_help="Find every problem in flow files and bots.")
@click.argument("paths", nargs=-1, type=click.Path(exists=True, path_type=Path))
@click.option("--format", "form", type=click.Choice(["human", "json", "sarif", "github"]), default="human", help="For whom.")
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@click.option("--strict", is_flag=True, help="Exit code 1 for warnings, too.")
@click.option("--segments", is_flag=True, help="List every text with the SMS segments that it takes at worst.")
def check(paths: tuple[Path, ...], form: str, as_json: bool, strict: bool, segments: bool) -> int:
    """Check flow files, folders of them, and bots, and tell every problem at once: where, what is so, what would be right.

    PATHS are files or folders; without any, flows and bots of this folder. Flows in flows/NAME are checked with the params of
    bots/NAME where that is there. Values from the environment are taken to be right. Exit code 1: there is an error.
    """
    folders, bots, single = _sort(paths or [path for path in (Path("flows"), Path("bots")) if path.is_dir()] or [Path()])
    if not (folders or bots or single):
        click.echo(f"No {FLOWS} or {BOT_FILE} there. Name a flow file, a folder, or a bot.", err=True)
        return USAGE
    form = "json" if as_json else form
    found = _check(folders, bots, single)
    problems = found.problems
    errors = sum(problem.is_error for problem in problems)
    warnings = sum(problem.severity == "warning" for problem in problems)
    if form == "human":
        for problem in problems:
            click.echo(f"{problem}\n")
        if segments:
            click.echo(_bill(found.bills))
        hints = len(problems) - errors - warnings
        told = f"{_count(errors, 'error')}, {_count(warnings, 'warning')}" + (f", {_count(hints, 'hint')}" if hints else "")
        click.echo(f"{_count(found.flows, 'flow')}, {_count(len(bots), 'bot')}: {told if problems else 'no problems'}.")
    else:
        totals: dict[str, Any] = {"errors": errors, "warnings": warnings, "flows": found.flows, "bots": len(bots)}
        if segments:
            totals["texts"] = [bill.plain() for bill in found.bills]
        from vaiven.edge.reports import REPORTS

        click.echo(REPORTS[form](problems, totals))
    return FINDINGS if errors or (strict and warnings) else 0


def _sort(paths: Iterable[Path]) -> tuple[list[Path], list[Path], list[Path]]:
    """Folders of flows, bots' files, and single flow files, each once. A flow's bot, and a bot's flows, come along."""
    folders: dict[Path, None] = {}
    bots: dict[Path, None] = {}
    single: dict[Path, None] = {}
    for path in paths:
        if path.is_file():
            (bots if path.name == BOT_FILE else single)[path] = None
            continue
        folders |= dict.fromkeys(sorted({each.parent for each in path.rglob(FLOWS) if not _is_hidden(each, path)}))
        bots |= dict.fromkeys(sorted(each for each in path.rglob(BOT_FILE) if not _is_hidden(each, path)))
    bots |= dict.fromkeys(bot for bot in map(bot_of, [*folders, *(path.parent for path in single)]) if bot is not None)
    return list(folders), list(_once(bots)), list(single)


def _is_hidden(path: Path, under: Path) -> bool:
    return any(part.startswith(".") for part in path.relative_to(under).parts)


def _once(paths: Iterable[Path]) -> Iterable[Path]:
    return {path.resolve(): path for path in reversed(list(paths))}.values()


@dataclass(slots=True)
class _Found:
    problems: list["Problem"]
    flows: int
    bills: list["Bill"]


def _check(folders: list[Path], bots: list[Path], single: list[Path]) -> _Found:
    """Every problem in file order, how many flow files were read, and what their texts cost."""
    from vaiven.edge.segments import bills, expensive
    from vaiven.edge.settings import read_settings
    from vaiven.edge.surroundings import known_of
    from vaiven.flow.checks import NOTHING
    from vaiven.flow.load import load_flows
    from vaiven.flow.problems import in_file_order

    problems: list[Problem] = []
    told: list[Bill] = []
    known: dict[Path, BotSettings] = {}
    for bot in bots:
        settings, found = read_settings(bot)
        problems += found
        if settings is not None:
            known[settings.flows] = settings
    sets = {folder.resolve(): sorted(folder.glob(FLOWS)) for folder in folders}
    for folder in known:
        sets.setdefault(folder, sorted(from_here(folder).glob(FLOWS)))
    whole = set(sets)
    for path in single:
        files = sets.setdefault(path.parent.resolve(), [])
        if path.resolve() not in {each.resolve() for each in files}:
            files.append(path)
    for folder, files in sets.items():
        texts, unread = _read(files)
        settings = known.get(folder)
        around, wrong = (NOTHING, []) if settings is None else known_of(settings)
        params = None if settings is None else settings.params
        documents, found = load_flows(texts, params, around, complete=folder in whole and not unread)
        problems += [*wrong, *unread, *found]
        costs = [bill for document in documents for bill in bills(document, params, around)]
        problems += expensive(costs)
        told += costs
        if settings is not None and not any(problem.is_error for problem in found):
            problems += _missing_flows(settings, {document.name for document in documents})
    return _Found(in_file_order(problems), sum(map(len, sets.values())), told)


def _read(files: Iterable[Path]) -> tuple[list[tuple[str, str]], list["Problem"]]:
    from vaiven.flow.problems import Problem

    texts, problems = [], []
    for file in files:
        try:
            texts.append((str(file), file.read_bytes().decode()))
        except UnicodeDecodeError as error:
            line = error.object.count(b"\n", 0, error.start) + 1
            problems.append(Problem("not-utf-8", str(file), line, 1, "the file is not UTF-8", "Save it as UTF-8."))
        except OSError as error:
            problems.append(Problem("no-file", str(file), 0, 0, f"the file cannot be read: {error.strerror}"))
    return texts, problems


def _missing_flows(settings: "BotSettings", names: set[str]) -> Iterable["Problem"]:
    from vaiven.flow.problems import Problem, suggest
    from vaiven.flow.source import Position

    named = [("errors.flow", settings.error_flow, Position(1, 1))]
    named += [(f"commands.{command.name}.go", command.go, command.at) for command in settings.commands]
    for where, flow, at in named:
        if flow is not None and flow not in names:
            text = f"'{where}' names the flow '{flow}', which this bot does not have"
            yield Problem("no-flow", str(settings.file), at.line, at.column, text, suggest(flow, sorted(names), "Flows"))


def _bill(bills: Iterable["Bill"]) -> str:
    """A row for each text: where, what it is, how it goes over the air, how many segments at worst."""
    rows = [
        (
            f"{bill.file}:{bill.at.line}",
            bill.what,
            bill.lang,
            bill.encoding,
            bill.units,
            f"{'' if bill.bounded else '≥'}{bill.segments}",
        )
        for bill in bills
    ]
    return table(("text", "", "lang", "encoding", "units", "segments"), rows) + "\n"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
