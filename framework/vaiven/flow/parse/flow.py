"""The whole file: its head, its ways in, its variables, and its steps in order."""

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from vaiven.flow.document import FlowDocument, Set, Start, Step, Variable, Window
from vaiven.flow.parse import routes, steps, verbs
from vaiven.flow.parse.reader import Fields, Reader
from vaiven.flow.problems import Problem, in_file_order
from vaiven.flow.source import Entry, Node, Scalar, Sequence, Source, to_value
from vaiven.flow.source import Mapping as Map

TOP = (
    "flow", "version", "lang", "title", "channels", "window", "starts", "params", "vars", "defaults", "commands", "steps",
)  # fmt: skip
_FLOW_NAME = re.compile(r"[a-z][a-z0-9_-]{0,63}")
_LANG = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*")
_STARTS = {"keyword": ("keyword", "rest"), "answer": ("answer",), "payload": ("payload",), "fallback": ("fallback",)}
_TYPES: Mapping[str, type | tuple[type, ...]] = {"text": str, "integer": int, "number": (int, float), "boolean": bool}


class Parsed(msgspec.Struct, frozen=True):
    """What could be read of a flow file. ``unread`` are steps that stand in ``document`` without their verb."""

    document: FlowDocument | None
    problems: tuple[Problem, ...]
    unread: frozenset[str] = frozenset()


def parse_all(source: Source) -> Parsed:
    """Read as much as can be read. Where there are errors the document is only good for checks, never for compiling."""
    reader = Reader(source)
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
    node = fields["flow"].value
    word = reader.word(node, "`flow`")
    if word is not None and not _FLOW_NAME.fullmatch(word):
        cure = "A name has lower-case letters, digits, - and _, and starts with a letter."
        reader.problem("bad-name", node, f"'{word}' is no name for a flow", cure)
    return word or ""


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
    found, unread = [], []
    for entry in entries:
        step = steps.step(reader, entry)
        reader.step, reader.local = None, frozenset()
        if step is None:
            unread.append(entry.key.raw)
            step = Step(entry.key.raw, entry.key.at, Set(()))
        found.append(step)
    return tuple(found), unread


def _optional(reader: Reader, fields: Fields) -> dict[str, Any]:
    """Everything at the top that may be absent."""
    found: dict[str, Any] = {"version": 1}
    if "version" in fields:
        found["version"] = reader.integer(fields["version"].value, "`version`", 1) or 1
    if "lang" in fields:
        found["lang"] = _lang(reader, fields["lang"].value)
    if "title" in fields:
        found["title"] = reader.word(fields["title"].value, "`title`")
    if "channels" in fields:
        found["channels"] = reader.words(fields["channels"].value, "`channels`")
    if "window" in fields:
        found["window"] = _window(reader, fields["window"])
    if "starts" in fields:
        found["starts"] = _starts(reader, fields["starts"].value)
    if "params" in fields:
        found["params"] = _params(reader, fields["params"].value)
    if "vars" in fields:
        found["vars"] = _vars(reader, fields["vars"].value)
    if "defaults" in fields:
        found.update(_defaults(reader, fields["defaults"].value))
    if "commands" in fields:
        found["commands"] = routes.commands(reader, fields["commands"].value)
    return found


def _lang(reader: Reader, node: Node) -> str | None:
    word = reader.word(node, "`lang`")
    if word is not None and not _LANG.fullmatch(word):
        reader.problem("bad-language", node, f"'{word}' is no language tag", "Write it as BCP 47 does: en, es, pt-BR.")
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


def _starts(reader: Reader, node: Node) -> tuple[Start, ...]:
    found = (_start(reader, item) for item in reader.items(node, "`starts`"))
    return tuple(start for start in found if start is not None)


def _start(reader: Reader, node: Node) -> Start | None:
    entries = reader.mapping(node, "a start")
    kinds = [entry.key for entry in entries if entry.key.raw in _STARTS]
    if len(kinds) != 1:
        known = reader.known(entries, "a start", ("rest", *_STARTS))
        if isinstance(node, Map) and len(known) == len(entries):
            text = "a start has one way in, and this has two" if kinds else "this start does not say what starts the flow"
            cure = "One an item: `- keyword: [vote]`, `- answer: step`, `- payload: word`, `- fallback: true`."
            reader.problem("bad-start", kinds[1] if kinds else node, text, cure)
        return None
    kind = kinds[0].raw
    fields = reader.known(entries, f"a start by `{kind}`", _STARTS[kind])
    value = fields[kind].value
    if kind == "answer":
        return Start(kind, node.at, step=reader.target(value, "answer"))
    if kind == "fallback":
        if reader.boolean(value, "`fallback`") is False and isinstance(value, Scalar) and value.value is False:
            reader.problem("bad-start", value, "`fallback` is `true` or not there at all", "Write `- fallback: true`.")
        return Start(kind, node.at)
    rest = reader.target(fields["rest"].value, "rest") if "rest" in fields else None
    return Start(kind, node.at, reader.words(value, f"`{kind}`"), rest)


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
        return Variable(name, entry.key.at, reader.one_of(entry.value, f"the type of '{name}'", _TYPES) or "text")
    fields = reader.fields(entry.value, f"the variable '{name}'", ("type", "default", "scope", "pii"))
    kind = reader.one_of(fields["type"].value, f"the type of '{name}'", _TYPES) if "type" in fields else "text"
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
    right = value is None or (isinstance(value, _TYPES[kind]) and (kind == "boolean") == isinstance(value, bool))
    if not right or isinstance(node, Map | Sequence):
        reader.problem("wrong-type", node, f"the default of '{name}' is not of its type, {kind}")
    return value


def _defaults(reader: Reader, node: Node) -> dict[str, Any]:
    fields = reader.fields(node, "`defaults`", ("retry", "else", "after"))
    found: dict[str, Any] = {}
    reader.local = verbs.ASK_NAMES
    if "retry" in fields:
        found["default_retry"] = verbs.retries(reader, fields["retry"].value)
    if "else" in fields:
        found["default_otherwise"] = routes.route(reader, fields["else"].value, "else")
    if "after" in fields:
        found["default_after"] = routes.after(reader, fields["after"].value)
    reader.local = frozenset()
    return found
