"""The text of a test file to a ``Script``, strictly: every problem at once, each with line, column and what would be right."""

import re
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from vaiven.flow.parse.reader import Fields, Reader
from vaiven.flow.problems import Problem, in_file_order
from vaiven.flow.source import Entry, Node, Scalar, Sequence, Source, resolve, scan, to_value
from vaiven.flow.source import Mapping as Map
from vaiven.testing.flowtests.lines import optional_word, read_lines, read_mocks, told
from vaiven.testing.flowtests.script import Person, Script, Talk

TOP = ("test", "title", "bot", "params", "clock", "contact", "mocks", "table", "talk")
CONTACT = ("id", "channel", "lang", "zone", "name", "vars", "votes")
CLOCK = "2026-01-05T12:00:00Z"
"""Where the clock stands unless the file says: a Monday."""

_BLANK = re.compile(r"\{row\.([a-z][a-z0-9_]*)\}")


def read_script(text: str, file: str) -> tuple[Script | None, list[Problem]]:
    """The script, None if anything is wrong with it, and every problem in file order."""
    source, problems = scan(text, file)
    if source is None or problems:
        return None, problems
    reader = Reader(source)
    script = _script(reader, source)
    found = in_file_order(reader.problems)
    return (None if found else script), found


def read_file(path: Path) -> tuple[Script | None, list[Problem]]:
    """The same of a file on disk."""
    try:
        text = path.read_bytes().decode()
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        return None, [Problem("not-utf-8", str(path), line, 1, "the file is not UTF-8", "Save it as UTF-8.")]
    except OSError as error:
        return None, [Problem("no-file", str(path), 0, 0, f"the file cannot be read: {error.strerror}")]
    return read_script(text, str(path))


def _script(reader: Reader, source: Source) -> Script:
    fields = reader.fields(source.root, "a test file", TOP)
    if isinstance(source.root, Map):
        for key, example in (("test", "test: tv-vote"), ("talk", "talk: [{me: VOTE}, {bot: ~ Who gets}]")):
            if key not in fields:
                at = source.root.entries[0].key if source.root.entries else source.root
                reader.problem("missing-key", at, f"the file has no `{key}:`", f"For example: {example}")
    name = fields.get("test")
    params = reader.optional(fields, "params", _plain_map(reader))
    return Script(
        file=source.file,
        flow=(reader.flow(name.value, "a flow") if name is not None else None) or "",
        at=source.root.at if name is None else name.value.at,
        title=optional_word(reader, fields, "title"),
        bot=optional_word(reader, fields, "bot"),
        params=params or {},
        talks=tuple(_talks(reader, fields)),
        lines=source.lines,
    )


def _talks(reader: Reader, fields: Fields) -> list[Talk]:
    if "table" not in fields:
        return [_talk(reader, fields, "")]
    talks = []
    for name, row in _rows(reader, fields["table"].value):
        filled = {key: Entry(entry.key, _fill(reader, entry.value, row)) for key, entry in fields.items() if key != "table"}
        talks.append(_talk(reader, filled, name))
    return talks


def _rows(reader: Reader, node: Node) -> list[tuple[str, dict[str, Scalar]]]:
    """The rows of a table by name: a list of maps is numbered, a map of maps has names."""
    if isinstance(node, Map):
        named = [(entry.key.raw, entry.value) for entry in node.entries]
    else:
        named = [(str(number), item) for number, item in enumerate(reader.items(node, "`table`"), 1)]
    if not named and isinstance(node, Map | Sequence):
        reader.problem("empty", node, "the table has no rows", "Write a row: `- {say: VOTE 1, act: Anna}`.")
    rows: list[tuple[str, dict[str, Scalar]]] = []
    for name, item in named:
        row: dict[str, Scalar] = {}
        for entry in reader.mapping(item, "a row of the table"):
            if isinstance(entry.value, Scalar):
                row[entry.key.raw] = entry.value
            else:
                reader.problem("wrong-type", entry.value, "a cell of the table is a single value")
        rows.append((name, row))
    return rows


def _fill(reader: Reader, node: Node, row: Mapping[str, Scalar]) -> Node:
    """The node with a row's values in place of ``{row.name}``; a value that is exactly one of these keeps its type."""
    if isinstance(node, Map):
        return Map(tuple(Entry(entry.key, _fill(reader, entry.value, row)) for entry in node.entries), node.at, node.end)
    if isinstance(node, Sequence):
        return Sequence(tuple(_fill(reader, item, row) for item in node.items), node.at, node.end)
    for blank in _BLANK.finditer(node.raw):
        if blank[1] not in row:
            known = ", ".join(row)
            reader.problem(
                "unknown-name", node, f"the table has no column '{blank[1]}'", f"Its columns: {known}." if known else ""
            )
            return node
    whole = _BLANK.fullmatch(node.raw)
    if whole is not None:
        cell = row[whole[1]]
        return Scalar(cell.value, cell.raw, cell.style, node.at, node.end)
    raw = _BLANK.sub(lambda blank: row[blank[1]].raw, node.raw)
    return node if raw == node.raw else Scalar(resolve(raw, node.style), raw, node.style, node.at, node.end)


def _talk(reader: Reader, fields: Fields, row: str) -> Talk:
    return Talk(
        row=row,
        clock=(reader.optional(fields, "clock", _clock(reader)) or CLOCK),
        person=_person(reader, fields["contact"].value) if "contact" in fields else Person(),
        mocks=read_mocks(reader, fields["mocks"].value) if "mocks" in fields else (),
        lines=read_lines(reader, fields["talk"].value) if "talk" in fields else (),
    )


def _clock(reader: Reader) -> Any:
    def read(node: Node, what: str) -> str | None:
        word = reader.word(node, what)
        try:
            if word is not None and datetime.fromisoformat(word).tzinfo is None:
                raise ValueError
        except ValueError:
            reader.problem(
                "bad-instant", node, f"'{word}' is no instant with its zone", 'Write clock: "2026-11-20T12:00:00+01:00".'
            )
            return None
        return word

    return read


def _plain_map(reader: Reader) -> Any:
    def read(node: Node, what: str) -> dict[str, Any]:
        return {entry.key.raw: to_value(entry.value) for entry in reader.mapping(node, what)}

    return read


def _person(reader: Reader, node: Node) -> Person:
    fields = reader.fields(node, "`contact`", CONTACT)
    plain = _plain_map(reader)
    votes = reader.optional(fields, "votes", plain) or {}
    if not all(type(count) is int and count >= 0 for count in votes.values()):
        reader.problem("wrong-type", fields["votes"].value, "`votes` has a number for each poll")
    zone = reader.optional(fields, "zone", reader.word)
    if zone is not None:
        try:
            ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError):
            reader.problem("bad-zone", fields["zone"].value, f"'{zone}' is no time zone", "Write it as Europe/Madrid.")
    return Person(
        id=optional_word(reader, fields, "id"),
        channel=optional_word(reader, fields, "channel"),
        lang=reader.optional(fields, "lang", reader.language),
        zone=zone,
        name=reader.optional(fields, "name", told(reader)),
        vars=reader.optional(fields, "vars", plain) or {},
        votes=votes,
    )
