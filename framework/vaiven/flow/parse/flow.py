"""The whole file: its head, its ways in, its variables, and its steps in order."""

from collections.abc import Callable, Mapping
from datetime import date, datetime, time
from typing import Any

import msgspec

from vaiven.flow.document import FlowDocument, Step, Variable, Window
from vaiven.flow.parse import ask, routes
from vaiven.flow.parse.reader import Fields, Reader
from vaiven.flow.parse.starts import starts
from vaiven.flow.parse.steps import Steps, outline
from vaiven.flow.problems import Problem, in_file_order
from vaiven.flow.source import Entry, Node, Scalar, Source, to_value
from vaiven.flow.source import Mapping as Map

TOP = (
    "flow", "version", "lang", "zone", "title", "channels", "window", "starts", "params", "vars", "defaults", "commands", "steps",
    "migrate",
)  # fmt: skip
MOST_STEPS = 1000
TYPES: Mapping[str, type | tuple[type, ...]] = {
    "text": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "date": str,
    "time": str,
    "datetime": str,
    "list": list,
}
_MOMENTS: Mapping[str, tuple[Callable[[str], object], str]] = {
    "date": (date.fromisoformat, "2026-12-24"),
    "time": (time.fromisoformat, "19:00"),
    "datetime": (datetime.fromisoformat, "2026-12-24T19:00"),
}


class Parsed(msgspec.Struct, frozen=True):
    """What could be read of a flow file. ``unread`` are steps that stand in ``document`` without their verb."""

    document: FlowDocument | None
    problems: tuple[Problem, ...]
    unread: frozenset[str] = frozenset()


def parse_all(source: Source) -> Parsed:
    """Read as much as can be read. Where there are errors the document is only good for checks, never for compiling."""
    reader = Reader(source, _outline(source.root))
    fields = reader.fields(source.root, "a flow", TOP)
    if not isinstance(source.root, Map):
        return Parsed(None, tuple(reader.problems))
    name = _flow_name(reader, fields, source)
    found, unread = _steps(reader, fields, source)
    optional = _optional(reader, fields)
    document = FlowDocument(
        name=name,
        file=source.file,
        source=source.text,
        steps=found,
        sections={name: step for name, step in reader.steps.items() if name != step},
        **optional,
        targets=tuple(sorted(reader.targets, key=lambda target: target.at)),
        uses=tuple(sorted(reader.uses, key=lambda use: use.at)),
    )
    return Parsed(document, tuple(in_file_order(reader.problems)), frozenset(unread))


def parse(source: Source) -> tuple[FlowDocument | None, list[Problem]]:
    """The flow, and every problem of its structure in file order. There is no document where one of them is an error."""
    parsed = parse_all(source)
    failed = any(problem.is_error for problem in parsed.problems)
    return None if failed else parsed.document, list(parsed.problems)


def _flow_name(reader: Reader, fields: Fields, source: Source) -> str:
    if "flow" not in fields:
        reader.problem(
            "missing-key", _first(source.root), "the file has no `flow:`", "Its first line is the flow's name: `flow: tv-vote`."
        )
        return ""
    return reader.flow(fields["flow"].value, "a flow") or ""


def _outline(root: Node) -> dict[str, str]:
    steps = root.get("steps") if isinstance(root, Map) else None
    return outline(steps.entries) if isinstance(steps, Map) else {}


def _first(node: Node) -> Node:
    return node.entries[0].key if isinstance(node, Map) and node.entries else node


def _steps(reader: Reader, fields: Fields, source: Source) -> tuple[tuple[Step, ...], list[str]]:
    if "steps" not in fields:
        cure = "A flow has at least one step: `steps: {hello: {say: ...}}`."
        reader.problem("missing-key", _first(source.root), "the file has no `steps:`", cure)
        return (), []
    entries = reader.mapping(fields["steps"].value, "`steps`")
    if isinstance(fields["steps"].value, Map) and not entries:
        reader.problem("empty", fields["steps"].key, "there are no steps", "A flow has at least one: `hello: {say: ...}`.")
    found = Steps(reader)
    steps = tuple(found.read(entries))
    if len(steps) > MOST_STEPS:
        text = f"the flow has {len(steps)} steps, and {MOST_STEPS} are the most"
        reader.problem("too-many", fields["steps"].key, text, "Divide it: `run` leads to another flow.")
    return steps, found.unread


def _optional(reader: Reader, fields: Fields) -> dict[str, Any]:
    """Everything at the top that may be absent."""
    found: dict[str, Any] = {"version": 1}
    if "version" in fields:
        found["version"] = reader.integer(fields["version"].value, "`version`", 1) or 1
    if "lang" in fields:
        found["lang"] = reader.language(fields["lang"].value, "`lang`")
    if "zone" in fields:
        found["zone"] = _zone(reader, fields["zone"].value)
    if "title" in fields:
        found["title"] = reader.word(fields["title"].value, "`title`")
    if "channels" in fields:
        found["channels"] = reader.words(fields["channels"].value, "`channels`")
    if "window" in fields:
        found["window"] = _window(reader, fields["window"])
    if "starts" in fields:
        found["starts"] = starts(reader, fields["starts"].value)
    if "params" in fields:
        found["params"] = _params(reader, fields["params"].value)
    if "vars" in fields:
        found["vars"] = _vars(reader, fields["vars"].value)
    if "defaults" in fields:
        found.update(_defaults(reader, fields["defaults"].value))
    if "commands" in fields:
        found["commands"] = routes.commands(reader, fields["commands"].value)
    if "migrate" in fields:
        found["migrate"] = _migrate(reader, fields["migrate"].value)
    return found


def _zone(reader: Reader, node: Node) -> str | None:
    word = reader.word(node, "`zone`")
    if word is None:
        return None
    from zoneinfo import ZoneInfo  # loaded here: few flows have a zone of their own

    try:
        ZoneInfo(word)
    except (KeyError, ValueError, OSError):
        reader.problem("bad-zone", node, f"there is no time zone '{word}'", "Write it as IANA does: Europe/Madrid, UTC.")
        return None
    return word


def _window(reader: Reader, entry: Entry) -> Window:
    fields = reader.fields(entry.value, "`window`", ("from", "to", "early", "late"))
    for bound, step in (("from", "early"), ("to", "late")):
        if (bound in fields) != (step in fields):
            has, needs = (bound, step) if bound in fields else (step, bound)
            cure = f"`{bound}` is when it {'opens' if bound == 'from' else 'closes'}, `{step}` the step for who comes too {step}."
            reader.problem("missing-key", fields[has].key, f"a window with `{has}` needs `{needs}`", cure)
    return Window(
        opens=reader.template(fields["from"].value, "`from`") if "from" in fields else None,
        closes=reader.template(fields["to"].value, "`to`") if "to" in fields else None,
        early=reader.target(fields["early"].value, "early") if "early" in fields else None,
        late=reader.target(fields["late"].value, "late") if "late" in fields else None,
        at=entry.key.at,
    )


def _migrate(reader: Reader, node: Node) -> dict[str, str]:
    """Steps of earlier versions, and where who stands there goes on."""
    found = {}
    for entry in reader.mapping(node, "`migrate`"):
        old = reader.name(entry.key, "a step")
        new = reader.target(entry.value, "migrate")
        if old is not None and new is not None:
            found[old] = new
    return found


def _params(reader: Reader, node: Node) -> dict[str, Any]:
    found = {}
    for entry in reader.mapping(node, "`params`"):
        name = reader.name(entry.key, "a param")
        if name is not None:
            found[name] = to_value(entry.value)
    return found


def _vars(reader: Reader, node: Node) -> dict[str, Variable]:
    found = {}
    for entry in reader.mapping(node, "`vars`"):
        name = reader.name(entry.key, "a variable")
        if name is not None:
            found[name] = _variable(reader, name, entry)
    return found


def _variable(reader: Reader, name: str, entry: Entry) -> Variable:
    """``name: text``, or ``name: {type, default, scope, pii}``."""
    if isinstance(entry.value, Scalar):
        return Variable(name, entry.key.at, reader.one_of(entry.value, f"the type of '{name}'", TYPES) or "text")
    fields = reader.fields(entry.value, f"the variable '{name}'", ("type", "default", "scope", "pii"))
    kind = reader.one_of(fields["type"].value, f"the type of '{name}'", TYPES) if "type" in fields else "text"
    scope = reader.one_of(fields["scope"].value, "`scope`", ("session", "contact")) if "scope" in fields else "session"
    default = None
    if "default" in fields:
        default = _default(reader, name, kind or "text", fields["default"].value)
    pii = "pii" in fields and reader.boolean(fields["pii"].value, "`pii`")
    return Variable(name, entry.key.at, kind or "text", default, scope or "session", pii)


def _default(reader: Reader, name: str, kind: str, node: Node) -> Any:
    value = to_value(node)
    if kind == "text" and isinstance(node, Scalar) and value is not None:
        return node.raw
    if not (value is None or _fits(value, kind)):
        cure = f"Write it as ISO 8601 does: {_MOMENTS[kind][1]}." if kind in _MOMENTS else ""
        reader.problem("wrong-type", node, f"the default of '{name}' is not of its type, {kind}", cure)
    return value


def _fits(value: Any, kind: str) -> bool:
    if kind in _MOMENTS:
        try:
            return isinstance(value, str) and _MOMENTS[kind][0](value) is not None
        except ValueError:
            return False
    return isinstance(value, TYPES[kind]) and (kind == "boolean") == isinstance(value, bool)


def _defaults(reader: Reader, node: Node) -> dict[str, Any]:
    fields = reader.fields(node, "`defaults`", ("retry", "else", "after"))
    found: dict[str, Any] = {}
    with reader.offering(ask.NAMES):
        if "retry" in fields:
            found["default_retry"] = ask.retries(reader, fields["retry"].value)
        if "else" in fields:
            found["default_otherwise"] = routes.route(reader, fields["else"].value, "else")
        if "after" in fields:
            found["default_after"] = routes.after(reader, fields["after"].value)
    return found
