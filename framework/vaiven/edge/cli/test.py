"""``vaiven test``: the tests of flows, as people write them, played without a server."""

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from vaiven.edge.cli import FINDINGS, USAGE
from vaiven.edge.cli.options import of_a_bot

if TYPE_CHECKING:
    from vaiven.testing.flowtests.bots import Bots
    from vaiven.testing.flowtests.suite import Played


@click.command(short_help="Play the tests of flows, and tell what they cover.")
@click.argument("paths", nargs=-1, type=click.Path(exists=True, path_type=Path))
@click.option("-k", "word", default="", metavar="WORDS", help="Only talks in whose file and name all of these words stand.")
@click.option("-v", "--verbose", is_flag=True, help="A line for each talk.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for tools.")
@click.option("--junit", type=click.Path(dir_okay=False, path_type=Path), help="Write the results as JUnit XML to this file.")
@click.option(
    "--coverage",
    type=click.Choice(["text", "json", "html"]),
    help="Tell what the tests cover: as a table, as JSON, or as a page with the lines of the flows marked.",
)
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="Write the coverage to this file.")
@click.option(
    "--min-coverage", type=click.FloatRange(0, 100), metavar="PERCENT", help="Exit code 1 if fewer transitions are covered."
)
@click.option("--bot", type=click.Path(exists=True, path_type=Path), help="The bot of all tests, or of --record: its folder.")
@click.option("--record", metavar="HOME", help="Play nothing; write a test of this contact's stored conversation.")
@click.option(
    "--channel", default="", metavar="NAME", help="With --record: which of their conversations. The newest, unless given."
)
@click.option("--store", metavar="URL", help="With --record: the store, in place of the bot's.")
@of_a_bot
def test(
    paths: tuple[Path, ...],
    word: str,
    verbose: bool,
    as_json: bool,
    junit: Path | None,
    coverage: str | None,
    output: Path | None,
    min_coverage: float | None,
    bot: Path | None,
    record: str | None,
    channel: str,
    store: str | None,
    params: dict[str, Any],
) -> int:
    """Play test files, *.test.yaml: talks with a flow, under a clock of their own, with mocked calls.

    PATHS are files or folders; without any, this folder. A test's bot is the bot.yaml beside it, else bots/NAME for flows/NAME;
    its flows are those of the bot, else those beside it. Nothing is sent or stored. Exit code 1: a talk failed.
    """
    if record is not None:
        return _record(record, bot or Path(), store, channel, params, output)
    if params:
        raise click.UsageError("--param goes with --record; a test file has its own params.")
    from vaiven.testing.flowtests.bots import Bots
    from vaiven.testing.flowtests.suite import find, play_all

    files = find(paths or [Path()])
    if not files:
        click.echo("No *.test.yaml there. Name a test file, or a folder of them.", err=True)
        return USAGE
    bots, begun, played = Bots(bot), time.monotonic(), []
    for each in play_all(files, bots, word):
        played.append(each)
        if not as_json and (each.results or each.problems):
            click.echo(_told(each, verbose))
    seconds = time.monotonic() - begun
    talks, failed = sum(len(each.results) for each in played), sum(each.failed for each in played)
    broken = sum(bool(each.problems) for each in played)
    if junit is not None:
        _junit(junit, played, seconds)
    enough = _covered(bots, played, coverage, output, min_coverage, as_json)
    if as_json:
        click.echo(json.dumps(_plain(played, bots, seconds), indent=2, ensure_ascii=False))
    else:
        told = f"{_count(talks, 'talk')} in {_count(len(played), 'file')}, {seconds:.2f} s: "
        unread = f", {_count(broken, 'file')} could not be played" if broken else ""
        click.echo(told + (f"{failed} failed{unread}." if failed or broken else "all hold."))
    if not talks and not broken:
        click.echo(f"No talk has {word!r} in its name.", err=True)
        return USAGE
    return FINDINGS if failed or broken or not enough else 0


def _told(played: "Played", verbose: bool) -> str:
    """A file: one line, and what went wrong."""
    from vaiven.testing.flowtests.telling import told

    if played.problems:
        return "\n".join([f"BROKEN  {played.file}", *(f"{problem}\n" for problem in played.problems)])
    lines = [f"{'ok' if played.holds else 'FAIL':6}  {played.file}  {_count(len(played.results), 'talk')}"]
    seen: set[int] = set()
    for result in played.results:
        if verbose:
            lines.append(f"  {'ok' if result.failure is None else 'FAIL':4}  {result.case.name}")
        if result.failure is not None and id(result.failure) not in seen:
            seen.add(id(result.failure))
            alike = sum(other.failure is result.failure for other in played.results) - 1
            lines += ["", told(result), *([f"  and so {_count(alike, 'more talk')}"] if alike else []), ""]
    return "\n".join(lines)


def _junit(file: Path, played: list["Played"], seconds: float) -> None:
    from vaiven.testing.flowtests.junit import junit

    results = {each.file: each.results for each in played if each.results}
    broken = {each.file: each.problems for each in played if each.problems}
    file.write_text(junit(results, broken, seconds), "utf-8")


def _covered(
    bots: "Bots", played: list["Played"], form: str | None, output: Path | None, least: float | None, as_json: bool
) -> bool:
    """Tell the coverage as it was asked for; whether it is enough."""
    from vaiven.testing.flowtests.reports import html, percent, plain, text

    if form is None and least is None:
        return True
    found = bots.coverage.report(_tested(played))
    written = {
        "text": lambda: f"{text(found)}\n",
        "json": lambda: f"{json.dumps(plain(found), indent=2)}\n",
        "html": lambda: html(found),
    }
    if form is not None:
        if output is None and form == "html":
            output = Path("coverage.html")
        if output is not None:
            output.write_text(written[form](), "utf-8")
            if not as_json:
                click.echo(f"Coverage: {output}")
        elif not as_json:
            click.echo(written[form](), nl=False)
    reached = percent(found)
    if least is not None and reached < least:
        click.echo(f"{reached:.1f} % of transitions are covered, and {least:g} % are the least.", err=True)
        return False
    return True


def _tested(played: list["Played"]) -> list[str]:
    """The flows that the tests name."""
    return list(dict.fromkeys(result.case.script.flow for each in played for result in each.results))


def _plain(played: list["Played"], bots: "Bots", seconds: float) -> dict[str, Any]:
    from vaiven.testing.flowtests.reports import plain as covered
    from vaiven.testing.flowtests.telling import plain

    results = [result for each in played for result in each.results]
    return {
        "talks": len(results),
        "failed": sum(result.failure is not None for result in results),
        "seconds": round(seconds, 3),
        "results": plain(results),
        "broken": {each.file: [str(problem) for problem in each.problems] for each in played if each.problems},
        "coverage": covered(bots.coverage.report(_tested(played))),
    }


def _record(home: str, bot: Path, store: str | None, channel: str, params: dict[str, Any], output: Path | None) -> int:
    """Write a test of a stored conversation."""
    from vaiven.edge.cli.opening import looked
    from vaiven.testing.flowtests.recording import conversation, recorded

    address = home if ":" in home else f"tel:{home}"
    found = looked(bot, store, lambda opened: conversation(opened, address))
    if not found.records:
        click.echo(f"nobody has written from {address}: an address is whole, as tel:+12025550123", err=True)
        return FINDINGS
    try:
        text = recorded(found.records, found.documents, channel=channel, params=params)
    except ValueError as error:
        click.echo(f"{error}", err=True)
        return FINDINGS
    if output is None:
        click.echo(text, nl=False)
    else:
        output.write_text(text, "utf-8")
    return 0


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
