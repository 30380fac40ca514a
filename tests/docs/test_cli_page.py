"""``docs/cli.md`` has every command and every option, and none that is not there."""

import re
from collections.abc import Iterator

import click

from vaiven.edge import cli
from vaiven.edge.cli.talk import HELP


def commands(group: click.Group, name: str) -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for each in group.list_commands(context):
        command = group.get_command(context, each)
        assert command is not None
        yield f"{name} {each}", command
        if isinstance(command, click.Group):
            yield from commands(command, f"{name} {each}")


def options(command: click.Command) -> set[str]:
    return {
        name for option in command.params if isinstance(option, click.Option) for name in option.opts if name.startswith("--")
    }


def test_every_command_has_a_heading_with_its_options(page) -> None:
    told = page("docs/cli.md")
    for name, command in commands(cli.cli, "vaiven"):
        level = "##" if name.count(" ") == 1 else "###"
        section = re.split(r"^### ", told.section(f"{level} {name}"), flags=re.MULTILINE)[0]
        rows = set(re.findall(r"^\| `(--[\w-]+)", section, re.MULTILINE))
        assert rows == options(command), name


def test_every_heading_is_a_command(page) -> None:
    headings = set(re.findall(r"^##+ (vaiven .+)$", page("docs/cli.md").text, re.MULTILINE))
    assert headings == {name for name, _ in commands(cli.cli, "vaiven")}


def test_defaults_are_told(page) -> None:
    told = page("docs/cli.md")
    for name, command in commands(cli.cli, "vaiven"):
        section = told.section(f"{'##' if name.count(' ') == 1 else '###'} {name}")
        for option in command.params:
            if isinstance(option, click.Option) and option.show_default and not option.is_flag:
                (row,) = re.findall(rf"^\| `{option.opts[0]}.*$", section, re.MULTILINE)
                assert str(option.default) in row, f"{name} {option.opts[0]}"


def test_exit_codes_are_told(page) -> None:
    codes = {int(code) for code in re.findall(r"^\| (\d+) \|", page("docs/cli.md").text, re.MULTILINE)}
    assert codes == {0, cli.FINDINGS, cli.USAGE, cli.ENVIRONMENT, cli.INTERRUPTED}


def test_what_can_be_typed_in_a_talk_is_told(page) -> None:
    told = set(re.findall(r"^\| `(:\w+)", page("docs/cli.md").text, re.MULTILINE))
    assert told == {*re.findall(r"^  (:\w+)", HELP, re.MULTILINE), ":help"}
