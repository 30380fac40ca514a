"""The reference names all that the code knows, by the code's own tables: nothing undocumented can land, and nothing can go."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

import vaiven
from vaiven.edge import cli
from vaiven.edge.api.openapi import document
from vaiven.edge.api.problems import KNOWN
from vaiven.edge.web import HOOKS
from vaiven.flow.expressions import HOURS
from vaiven.flow.filters import FILTERS
from vaiven.flow.legal import SMS_WORDS
from vaiven.flow.parse import ask, calls, flow, routes, starts, steps, verbs
from vaiven.flow.plurals import _CATEGORIES
from vaiven.flow.scope import BUILT_IN
from vaiven.flow.values import FUNCTIONS
from vaiven.model.messages import MessageClass
from vaiven.runtime.registry import KINDS

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "framework/vaiven"
LANGUAGE = "docs/flow-language.md"
_CODE = re.compile(r"`([^`]+)`")
_WORD = re.compile(r"[a-z][a-z_]*")


def table(section: str, number: int = 0) -> list[list[str]]:
    """The rows of a section's table, its head left out."""
    tables = re.findall(r"^\|[^\n]*\|\n\|(?:---\|)+\n((?:\|[^\n]*\|\n)+)", section, re.MULTILINE)
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in tables[number].splitlines()]


def named(cells: list[str]) -> set[str]:
    """What stands in them in code, one word each: ``vars`` of ``vars.…``, ``media`` of ``media: [image]``."""
    return {found[0] for cell in cells for code in _CODE.findall(cell) if (found := re.match(r"[a-z]\w*", code))}


def words(text: str) -> set[str]:
    """Every word that a page has in code, in its text or in a block."""
    blocks = re.findall(r"```\w*\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    prose = re.sub(r"```\w*\n.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    return set(_WORD.findall(" ".join([*blocks, *_CODE.findall(prose)])))


# -- the language of flows ------------------------------------------------------------------------------------------------


def test_keys_at_the_top(page) -> None:
    assert named([row[0] for row in table(page(LANGUAGE).section("## At the top"))]) == set(flow.TOP)


def test_every_verb_with_its_own_keys(page) -> None:
    rows = {row[0].strip("`"): row for row in table(page(LANGUAGE).section("## Steps"))}
    assert set(rows) == set(verbs.VERBS)
    for name, (_, told, own) in rows.items():
        shape = verbs.VERBS[name]
        if name in ("ask", "call"):
            heading = {"ask": "### Asking", "call": "### Calling other programs"}[name]
            assert f"(#{heading.removeprefix('### ').lower().replace(' ', '-')})" in own
            own = " ".join(row[0] for row in table(page(LANGUAGE).section(heading), -1 if name == "call" else 0))
            assert named([own]) == set(shape.own), name
        else:
            assert set(shape.own) <= named([told, own]), name


def test_keys_that_steps_have_beside(page) -> None:
    assert named([row[0] for row in table(page(LANGUAGE).section("## Steps"), 1)]) == set(verbs.COMMON)


def test_every_class_of_message(page) -> None:
    (row,) = [row for row in table(page(LANGUAGE).section("## Steps"), 1) if row[0] == "`class`"]
    assert named([row[1]]) == {each.value for each in MessageClass} == set(steps.CLASSES)


def test_every_key_of_a_question(page) -> None:
    assert named([row[0] for row in table(page(LANGUAGE).section("### Asking"))]) == set(ask.KEYS)


def test_every_type_with_its_options(page) -> None:
    told: dict[str, set[str]] = {}
    for kinds, options, more in table(page(LANGUAGE).section("### Asking"), 1):
        for kind in named([kinds]):
            of_both = set() if kind == "one_of" else named([options]) & {"min", "max", "pattern", "fold", "prefer", "media"}
            told[kind] = of_both | ({"min", "max"} if f"`{kind}` also `min` `max`" in options else set())
        assert more is not None
    assert told == {kind: set(options) for kind, options in ask.ANSWERS.items()}


def test_every_way_in(page) -> None:
    section = page(LANGUAGE).section("## Starts")
    rows = table(section)
    assert {re.match(r"`(\w+):", row[0])[1] for row in rows} == set(starts.STARTS)
    assert list(dict.fromkeys(re.match(r"`(\w+):", row[0])[1] for row in rows)) == list(starts.STARTS)
    keys = {key for keys in starts.STARTS.values() for key in keys}
    assert keys <= words(section)


def test_every_type_of_a_variable(page) -> None:
    assert set(flow.TYPES) <= named([page(LANGUAGE).section("## Variables")])


def test_every_key_of_a_route_and_what_is_no_name(page) -> None:
    section = page(LANGUAGE).section("### Where to go")
    assert set(routes.ROUTE_KEYS) <= words(section)
    (listed,) = re.findall(r"The\s+words\s+`([a-z ]+)`\s+name neither", section)
    assert set(listed.split()) == set(routes.RESERVED)


def test_every_method_of_a_call(page) -> None:
    assert set(calls.METHODS) <= named([row[1] for row in table(page(LANGUAGE).section("### Calling other programs"))])


def test_every_key_that_the_parser_reads(page) -> None:
    """Those in maps of maps, too: whatever a reader of fields is given, by the parser's own source."""
    told = words(page(LANGUAGE).text)
    missing = {f"{file}: {key}" for file, key in read_keys() if key not in told}
    assert missing == set()


def read_keys() -> Iterator[tuple[str, str]]:
    for file in sorted((SOURCE / "flow/parse").glob("*.py")):
        tree = ast.parse(file.read_text("utf-8"))
        for call in ast.walk(tree):
            if isinstance(call, ast.Call) and getattr(call.func, "attr", "") in ("fields", "known") and len(call.args) == 3:
                for each in ast.walk(call.args[2]):
                    if isinstance(each, ast.Constant) and isinstance(each.value, str):
                        yield file.name, each.value


def test_the_parser_is_read_as_it_is_written() -> None:
    assert {("approved.py", "payloads"), ("flow.py", "early"), ("routes.py", "back"), ("ask.py", "each")} <= set(read_keys())


def test_every_name_that_expressions_read(page) -> None:
    rows = table(page(LANGUAGE).section("## Names in expressions and texts"))
    told = {name for row in rows for code in _CODE.findall(row[0]) for name in re.findall(r"^\{?([a-z]+)", code)}
    assert "`vars.guest` too" in rows[0][1]
    assert told | {"vars"} == ({*BUILT_IN} - {HOURS}) | ask.NAMES


# -- expressions and texts ------------------------------------------------------------------------------------------------


def test_every_function(page) -> None:
    rows = table(page("docs/expressions.md").section("## Expressions"), 1)
    assert named([row[0] for row in rows]) == {*FUNCTIONS, "business_open"}


def test_every_filter(page) -> None:
    told = {name for row in table(page("docs/expressions.md").section("## Texts")) for name in re.findall(r"\\\|(\w+)", row[0])}
    assert told == set(FILTERS)


def test_every_form_of_a_plural(page) -> None:
    (listed,) = re.findall(
        r"\(`([a-z ]+)`\)", page("docs/translations.md").section("## Plurals, and other texts that depend on a value")
    )
    assert tuple(listed.split()) == _CATEGORIES


def test_every_word_that_is_law(page) -> None:
    told = page("docs/expressions.md").text
    for word in SMS_WORDS:
        assert f"`{word.upper()}`" in told, word


# -- Python ---------------------------------------------------------------------------------------------------------------


def test_every_decorator(page) -> None:
    told = page("docs/calls.md").text + page("docs/resources.md").text
    for kind in KINDS:
        assert f"from vaiven import {kind}\n" in told, kind
        assert callable(getattr(vaiven, kind))
        assert f"@{kind}(" in told


# -- what history records -------------------------------------------------------------------------------------------------


def recorded() -> set[str]:
    """Every word that a turn records, by the source of the rooms that decide."""
    found: set[str] = set()
    for room in ("flow", "runtime"):
        for file in sorted((SOURCE / room).rglob("*.py")):
            tree = ast.parse(file.read_text("utf-8"))
            constants = {
                target.id: node.value.value
                for node in tree.body
                if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
                for target in node.targets
                if isinstance(target, ast.Name)
            }
            for call in ast.walk(tree):
                name = (getattr(call.func, "id", "") or getattr(call.func, "attr", "")) if isinstance(call, ast.Call) else ""
                if name in ("record", "Recorded") and call.args:
                    what = call.args[0]
                    values = [what.body, what.orelse] if isinstance(what, ast.IfExp) else [what]
                    found |= {each.value for each in values if isinstance(each, ast.Constant)}
                    found |= {constants[each.id] for each in values if isinstance(each, ast.Name) and each.id in constants}
    return found


def test_every_word_that_is_recorded(page) -> None:
    assert {"expression_failed", "no_such_flow", "version_lost"} <= recorded()
    assert named([row[0] for row in table(page("docs/testing.md").section("### What is recorded"))]) == recorded()


# -- HTTP -----------------------------------------------------------------------------------------------------------------


def test_every_address_of_the_api(page) -> None:
    told = set(re.findall(r"^\| `((?:GET|POST|PUT|PATCH|DELETE) [^`?]+)", page("docs/api.md").text, re.MULTILINE))
    told = {each.replace("…/", "/v1/conversations/{id}/") for each in told}
    paths = document("a")["paths"]
    there = {f"{method.upper()} {path}" for path, methods in paths.items() for method in methods}
    assert told == there


def test_every_parameter_of_a_query(page) -> None:
    told = page("docs/api.md").text
    for path, methods in document("a")["paths"].items():
        for operation in methods.values():
            for each in operation.get("parameters", ()):
                assert each["in"] != "query" or f"{each['name']}=" in told, f"{path} {each['name']}"


def test_every_refusal_of_the_api(page) -> None:
    rows = table(page("docs/api.md").section("## Refusals"))
    assert {row[0].strip("`"): int(row[1]) for row in rows} == {code: status for code, (status, _, _) in KNOWN.items()}


def test_every_address_beside_it(page) -> None:
    rows = table(page("docs/run.md").section("## Health"))
    assert {row[0] for row in rows} == {"`GET /health/live`", "`GET /health/ready`", "`GET /metrics`"}
    web = (SOURCE / "edge/web.py").read_text("utf-8")
    served = set(re.findall(r'"(/[a-z/]+)"', web)) - {HOOKS}
    assert served == {_CODE.findall(row[0])[0].removeprefix("GET ") for row in rows}


# -- settings -------------------------------------------------------------------------------------------------------------


def test_every_key_of_a_map_in_bot_yaml(page) -> None:
    section = page("docs/run.md").section("## bot.yaml")
    linked = {page(f"docs/{name}").text for name in re.findall(r"\]\(([\w-]+\.md)", section) if (ROOT / "docs" / name).exists()}
    told = words("\n".join([page("docs/run.md").text, *sorted(linked)]))
    assert {"allow", "text"} <= {key for _, key in read_settings()}
    assert {f"{file}: {key}" for file, key in read_settings() if key not in told} == set()


def read_settings() -> Iterator[tuple[str, str]]:
    """Keys that a reader of settings is given, by the source of those that read them, with tables that stand above."""
    for file in sorted((SOURCE / "edge").glob("*settings.py")):
        tree = ast.parse(file.read_text("utf-8"))
        tables = {
            target.id: node.value
            for node in tree.body
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Tuple | ast.Constant)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        for call in ast.walk(tree):
            if isinstance(call, ast.Call) and getattr(call.func, "attr", "") == "children" and len(call.args) > 1:
                named_here = [
                    tables[each.id] for each in ast.walk(call.args[1]) if isinstance(each, ast.Name) and each.id in tables
                ]
                for each in [found for tree in (call.args[1], *named_here) for found in ast.walk(tree)]:
                    if isinstance(each, ast.Constant) and isinstance(each.value, str) and _WORD.fullmatch(each.value):
                        yield file.name, each.value


def test_every_choice_of_an_option(page) -> None:
    told = page("docs/cli.md")
    for name, option in options(cli.cli, "vaiven"):
        if isinstance(option.type, click.Choice):
            section = told.section(f"{'##' if name.count(' ') == 1 else '###'} {name}")
            (row,) = re.findall(rf"^\| `{option.opts[-1]}.*$", section, re.MULTILINE) or [f"{name} has no row {option.opts}"]
            assert {str(choice) for choice in option.type.choices} <= named([row]) | set(_CODE.findall(row)), name


def test_every_command_that_a_page_shows_is_one(pages) -> None:
    """By its name, with options that it has; a new project by a name that it may have."""
    wrong, seen = [], 0
    for page in pages:
        shown = re.findall(r"`(vaiven [^`]+)`", page.prose())
        shown += [
            line for block in page.blocks() for line in re.findall(r"^(?:\$ |  *)?(vaiven [a-z].*)$", block.text, re.MULTILINE)
        ]
        for line in shown:
            words = re.split(r"  #| && ", line)[0].replace("…", "").split()[1:]
            if words[0].endswith(":") or words[0].isupper():
                continue  # what one prints, or a word for any of them
            command: click.Command | None = cli.cli
            while words and isinstance(command, click.Group) and not words[0].startswith("-"):
                command = command.get_command(click.Context(command), words.pop(0))
            known = {"--help", "--version", "-h"} | {name for each in (command.params if command else ()) for name in each.opts}
            given = {word.partition("=")[0] for word in words if word.startswith("-")}
            seen += 1
            if command is None or not given <= known:
                wrong.append(f"{page.path.name}: {line}")
            if command is not None and command.name == "new" and words and words[0] != "NAME":
                assert re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", words[0]), line
    assert "\n".join(wrong) == ""
    assert seen > 100


def options(group: click.Group, name: str) -> Iterator[tuple[str, click.Option]]:
    for each in group.list_commands(click.Context(group)):
        command = group.get_command(click.Context(group), each)
        if isinstance(command, click.Group):
            yield from options(command, f"{name} {each}")
        elif command is not None:
            yield from ((f"{name} {each}", option) for option in command.params if isinstance(option, click.Option))


# -- the environment ------------------------------------------------------------------------------------------------------


def environment() -> set[str]:
    """Variables that the code asks for by their names, and not because a bot.yaml names them."""
    found = set()
    for file in sorted([*SOURCE.rglob("*.py")]):
        if "testing" in file.parts or "templates" in file.parts:
            continue
        found |= set(re.findall(r'environ(?:\.get\(|\[)"([A-Z_]+)"(?!\] = )', file.read_text("utf-8")))
        found |= set(re.findall(r'getenv\("([A-Z_]+)"', file.read_text("utf-8")))
        found |= set(re.findall(r'envvar="([A-Z_]+)"', file.read_text("utf-8")))
    return found


def test_every_variable_of_the_environment(page) -> None:
    assert named_variables(page("docs/run.md").section("### Environment")) == environment()


def named_variables(section: str) -> set[str]:
    return {row[0].strip("`") for row in table(section)}


@pytest.mark.parametrize("command", ['os.environ.get("A_B")', 'os.environ["A_B"]', 'os.getenv("A_B")'])
def test_a_variable_is_found_however_it_is_asked_for(command: str) -> None:
    assert re.search(r'(environ(?:\.get\(|\[)|getenv\()"([A-Z_]+)"', command)
