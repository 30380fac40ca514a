"""``vaiven check``: every problem of flow files and bots at once, with its place and what would be right."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from vaiven.edge.cli import FINDINGS, USAGE
from vaiven.edge.cli.options import table
from vaiven.edge.paths import BOT_FILE, FLOWS, bot_of, flow_files, from_here, with_translations

if TYPE_CHECKING:
    from vaiven.edge.segments import Bill
    from vaiven.edge.settings import BotSettings
    from vaiven.flow.checks import Known
    from vaiven.flow.problems import Problem


@click.command(short_help="Find every problem in flow files and bots.")
@click.argument("paths", nargs=-1, type=click.Path(exists=True, path_type=Path))
@click.option("--format", "form", type=click.Choice(["human", "json", "sarif", "github"]), default="human", help="For whom.")
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@click.option("--strict", is_flag=True, help="Exit code 1 for warnings, too.")
@click.option("--segments", is_flag=True, help="List every text with the SMS segments that it takes at worst.")
@click.option(
    "--walk",
    type=click.IntRange(1),
    is_flag=False,
    flag_value=400,
    metavar="N",
    help="Drive the flows by N random walks, 400 unless given.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="With --walk: other walks.")
def check(paths: tuple[Path, ...], form: str, as_json: bool, strict: bool, segments: bool, walk: int | None, seed: int) -> int:
    """Check flow files, folders of them, and bots, and tell every problem at once: where, what is so, what would be right.

    PATHS are files or folders; without any, flows and bots of this folder. Flows in flows/NAME are checked with the params of
    bots/NAME where that is there. Values from the environment are taken to be right. Exit code 1: there is an error.

    With --walk, flows without an error are then driven with answers that fit and with nasty ones, until each step was left by
    each exit, or it is told which never was. What goes wrong is told with the shortest way to it, as a test file. Put --walk
    behind PATHS.
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
    walks = _walks(found, walk, seed) if walk is not None and not errors else []
    if form == "human":
        for problem in problems:
            click.echo(f"{problem}\n")
        if segments:
            click.echo(_bill(found.bills))
        hints = len(problems) - errors - warnings
        told = f"{_count(errors, 'error')}, {_count(warnings, 'warning')}" + (f", {_count(hints, 'hint')}" if hints else "")
        click.echo(f"{_count(found.flows, 'flow')}, {_count(len(bots), 'bot')}: {told if problems else 'no problems'}.")
        for each in walks:
            click.echo(f"\n{each['told']}")
    else:
        totals: dict[str, Any] = {"errors": errors, "warnings": warnings, "flows": found.flows, "bots": len(bots)}
        if segments:
            totals["texts"] = [bill.plain() for bill in found.bills]
        if walks:
            totals["walks"] = [{key: value for key, value in each.items() if key != "told"} for each in walks]
        from vaiven.edge.reports import REPORTS

        click.echo(REPORTS[form](problems, totals))
    failed = any(fault["fails"] for each in walks for fault in each["faults"])
    return FINDINGS if errors or failed or (strict and warnings) else 0


def _walks(found: "_Found", walks: int, seed: int) -> list[dict[str, Any]]:
    """What random walks through each folder of flows came to."""
    from vaiven.edge.cli.walk import walked

    return [walked(folder, bot, walks, seed) for folder, bot in found.sets]


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
    sets: list[tuple[Path, Path | None]]


def _check(folders: list[Path], bots: list[Path], single: list[Path]) -> _Found:
    """Every problem in file order, how many flow files were read, and what their texts cost."""
    from vaiven.edge.segments import bills, dearer, expensive
    from vaiven.flow.checks import NOTHING
    from vaiven.flow.load import load_flows
    from vaiven.flow.problems import in_file_order

    known, problems = _settings(bots) if bots else ({}, [])
    told: list[Bill] = []
    sets = {folder.resolve(): flow_files(folder) for folder in folders}
    for folder in known:
        sets.setdefault(folder, flow_files(from_here(folder)))
    whole = set(sets)
    for path in with_translations(single):
        files = sets.setdefault(path.parent.resolve(), [])
        if path.resolve() not in {each.resolve() for each in files}:
            files.append(path)
    for folder, files in sets.items():
        texts, unread = _read(files)
        settings = known.get(folder)
        around, wrong = (NOTHING, []) if settings is None else _around(settings)
        params = None if settings is None else settings.params
        documents, found = load_flows(texts, params, around, complete=folder in whole and not unread)
        problems += [*wrong, *unread, *found]
        costs = [bill for document in documents for bill in bills(document, params, around)]
        problems += [*expensive(costs), *dearer(costs)]
        told += costs
        if settings is not None and not any(problem.is_error for problem in found):
            problems += _missing_flows(settings, {document.name for document in documents})
            problems += _missing_words(settings, {lang for document in documents for lang in document.translations})
    number = sum(path.match(FLOWS) for files in sets.values() for path in files)
    folders_and_bots = [(from_here(folder), known[folder].file if folder in known else None) for folder in sets]
    return _Found(in_file_order(problems), number, told, folders_and_bots)


def _settings(bots: Iterable[Path]) -> tuple[dict[Path, "BotSettings"], list["Problem"]]:
    """The bots' settings by the folder of their flows, as far as they can be read."""
    from vaiven.edge.settings import read_settings

    known: dict[Path, BotSettings] = {}
    problems: list[Problem] = []
    for bot in bots:
        settings, found = read_settings(bot)
        problems += found
        if settings is not None:
            known[settings.flows] = settings
    return known, problems


def _around(settings: "BotSettings") -> tuple["Known", list["Problem"]]:
    from vaiven.edge.surroundings import known_of

    return known_of(settings)


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


def _missing_words(settings: "BotSettings", langs: set[str]) -> Iterable["Problem"]:
    """Texts that the bot gives in its own language and not in another that its flows speak."""
    from vaiven.flow.bot_words import built_in
    from vaiven.flow.problems import Problem

    plain = built_in(settings.lang)
    for lang in sorted(langs - {settings.lang}):
        for name, text in settings.words.items():
            if text != getattr(plain, name) and name not in settings.words_by_lang.get(lang, {}):
                told = f"'words.{name}' is not there in '{lang}', which the flows of this bot speak, so it is said as it is"
                cure = f"Add it: `words: {{{lang}: {{{name}: ...}}}}`."
                yield Problem("untranslated", str(settings.file), 1, 1, told, cure, severity="warning")


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
