"""``vaiven fmt``: flows, translations and tests in one form, every comment kept, in the order in which they were written."""

import difflib
from collections.abc import Iterable
from pathlib import Path

import click

from vaiven.edge.cli import FINDINGS, USAGE
from vaiven.edge.paths import FLOWS, TESTS, with_translations


@click.command(short_help="Write flows, translations and tests in their canonical form.")
@click.argument("paths", nargs=-1, type=click.Path(exists=True, path_type=Path))
@click.option("--check", "only_check", is_flag=True, help="Write nothing; exit code 1 if a file would change.")
@click.option("--diff", "show_diff", is_flag=True, help="Write nothing; show what would change.")
def fmt(paths: tuple[Path, ...], only_check: bool, show_diff: bool) -> int:
    """Indent by two, quote alike, one blank line at most: comments, order and meaning stay.

    PATHS are files, or folders whose flows, translations and tests are meant; without any, those of this folder. A file that
    cannot be read as YAML is told and left alone. Exit code 1: a file could not be read, or with --check one would change.
    """
    files = list(_files(paths or [Path("flows") if Path("flows").is_dir() else Path()]))
    if not files:
        click.echo(f"No {FLOWS} or {TESTS} there. Name a file or a folder.", err=True)
        return USAGE
    from vaiven.flow.formatting import format_flow
    from vaiven.model.errors import FlowError

    failed, changed = 0, 0
    for file in files:
        try:
            text = file.read_bytes().decode()
            formatted = format_flow(text, str(file))
        except FlowError as error:
            click.echo(f"{error}\n", err=True)
            failed += 1
            continue
        except (UnicodeDecodeError, OSError) as error:
            click.echo(f"{file}: cannot be read: {error}\n", err=True)
            failed += 1
            continue
        if formatted == text:
            continue
        changed += 1
        if show_diff:
            click.echo(_difference(file, text, formatted), nl=False)
        elif only_check:
            click.echo(f"{file}: would change")
        else:
            file.write_bytes(formatted.encode())
            click.echo(f"{file}: written")
    told = (
        f"{len(files)} file{'' if len(files) == 1 else 's'}: {changed} {'would change' if only_check or show_diff else 'written'}"
    )
    click.echo(f"{told}, {failed} could not be read." if failed else f"{told}.", err=show_diff)
    return FINDINGS if failed or (only_check and changed) else 0


def _files(paths: Iterable[Path]) -> Iterable[Path]:
    found: dict[Path, Path] = {}
    for path in paths:
        for file in _inside(path) if path.is_dir() else [path]:
            found.setdefault(file.resolve(), file)
    return found.values()


def _inside(folder: Path) -> list[Path]:
    """The flows of a folder and of those in it, with the translations beside them, and the tests."""
    files = [*with_translations(folder.rglob(FLOWS)), *folder.rglob(TESTS)]
    return sorted(file for file in files if not any(part.startswith(".") for part in file.relative_to(folder).parts))


def _difference(file: Path, before: str, after: str) -> str:
    lines = difflib.unified_diff(
        before.splitlines(keepends=True), after.splitlines(keepends=True), f"{file}", f"{file} (formatted)"
    )
    return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)
