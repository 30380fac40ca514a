"""Where a step goes, and what is said on the way: parts of a text, routes, ``then``, timers, events and commands."""

from collections.abc import Set

from vaiven.flow.document import After, Command, Part, Route, Then
from vaiven.flow.expressions import Expression
from vaiven.flow.parse.reader import Reader
from vaiven.flow.source import Entry, Mapping, Node, Scalar, Sequence

ROUTE_KEYS = ("go", "if", "say", "set", "quiet")
RESERVED = frozenset({"if", "go", "say", "set", "quiet", "else", "each", "id", "label"})
"""Words of the language that can be neither an outcome nor a choice."""


def parts(reader: Reader, node: Node, what: str) -> tuple[Part, ...]:
    """A text, or a list of texts and ``{if, text}``."""
    if not isinstance(node, Sequence):
        text = reader.text(node, what)
        return () if text is None else (Part(text, None, node.at),)
    if not node.items:
        reader.problem("empty", node, f"{what} is empty", "Write at least one text.")
    found = (_part(reader, item, what) for item in node.items)
    return tuple(part for part in found if part is not None)


def _part(reader: Reader, node: Node, what: str) -> Part | None:
    if not isinstance(node, Mapping):
        text = reader.text(node, what)
        return None if text is None else Part(text, None, node.at)
    fields = reader.fields(node, f"a part of {what}", ("if", "text"))
    condition = reader.expression(fields["if"].value, "`if`") if "if" in fields else None
    if "text" not in fields:
        reader.problem("missing-key", node, f"a part of {what} needs `text`", "Write it as `{if: ..., text: ...}`.")
        return None
    text = reader.text(fields["text"].value, "`text`")
    return None if text is None else Part(text, condition, node.at)


def assignments(reader: Reader, node: Node) -> tuple[tuple[str, Expression], ...]:
    """Variables and the expressions they are set to, in file order."""
    found = []
    entries = reader.mapping(node, "`set`")
    if isinstance(node, Mapping) and not entries:
        reader.problem("empty", node, "`set` is empty", "Write `set: {name: expression}`.")
    for entry in entries:
        name = reader.variable(entry.key, "set")
        value = reader.expression(entry.value, f"the value of '{entry.key.raw}'")
        if name is not None and value is not None:
            found.append((name, value))
    return tuple(found)


def route(reader: Reader, node: Node, key: str, *, may_stay: bool = False) -> Route | None:
    """A step's name, or a map with ``go``. With ``may_stay`` a map without ``go`` stays in the step."""
    if isinstance(node, Scalar):
        go = reader.target(node, key)
        return None if go is None else Route(node.at, go)
    if isinstance(node, Sequence):
        reader.problem("wrong-type", node, f"`{key}` is one step or one route here, not a list")
        return None
    fields = reader.fields(node, "a route", ROUTE_KEYS)
    quiet = "quiet" in fields and reader.boolean(fields["quiet"].value, "`quiet`")
    said = parts(reader, fields["say"].value, "`say`") if "say" in fields else ()
    values = assignments(reader, fields["set"].value) if "set" in fields else ()
    condition = reader.expression(fields["if"].value, "`if`") if "if" in fields else None
    go = reader.target(fields["go"].value, key, quiet=quiet) if "go" in fields else None
    known = isinstance(node, Mapping) and len(fields) == len(node.entries)
    if known and "go" not in fields and not (may_stay and ("say" in fields or "set" in fields)):
        needs = "`go`, `say` or `set`" if may_stay else "`go`"
        reader.problem("missing-key", node, f"a route of `{key}` needs {needs}", f"Write `{key}: step`, or a map with {needs}.")
    if go is None and not may_stay:
        return None
    return Route(node.at, go, condition, said, values, quiet)


def routes(reader: Reader, node: Node, key: str) -> tuple[Route, ...]:
    """One route, or a list of which the first that holds is taken."""
    if not isinstance(node, Sequence):
        one = route(reader, node, key)
        return () if one is None else (one,)
    if not node.items:
        reader.problem("empty", node, f"`{key}` is an empty list", "Write at least one route.")
    found = (route(reader, item, key) for item in node.items)
    return tuple(one for one in found if one is not None)


def then(reader: Reader, node: Node, what: str, outcomes: bool) -> Then:
    """What follows a step: a name, a route, a list of routes, or outcome to route where the verb has outcomes."""
    if not isinstance(node, Mapping) or _looks_like_route(node):
        return Then(routes(reader, node, "then"), at=node.at)
    if node.entries and not outcomes:
        cure = "Only `tally` and `as: confirm` have outcomes. Write `then: step`, a route `{go: step}`, or a list of routes."
        reader.problem("no-outcomes", node.entries[0].key, f"{what} has no outcomes", cure)
        return Then(at=node.at)
    found: dict[str, tuple[Route, ...]] = {}
    for entry in node.entries:
        outcome = entry.key.raw
        found[outcome] = routes(reader, entry.value, "then")
    otherwise = found.pop("else", ())
    if not node.entries:
        reader.problem("empty", node, "`then` is an empty map", "Write `then: step`, or a step for each outcome.")
    return Then(outcomes=found, otherwise=otherwise, at=node.at)


def _looks_like_route(node: Mapping) -> bool:
    return any(entry.key.raw in ROUTE_KEYS for entry in node.entries)


def after(reader: Reader, node: Node) -> tuple[After, ...]:
    """Timers: ``30m`` or ``idle 30m`` to a step, a route, or something to say."""
    found = []
    for entry in reader.mapping(node, "`after`"):
        name = " ".join(entry.key.raw.split())
        idle = name.startswith("idle ")
        delay = reader.duration(entry.key, name.removeprefix("idle "))
        one = route(reader, entry.value, "after", may_stay=True)
        if delay is not None and one is not None:
            found.append(After(name, delay, idle, one))
    return tuple(found)


def when(reader: Reader, node: Node) -> dict[str, Route]:
    """External events to routes."""
    found = {}
    for entry in reader.mapping(node, "`when`"):
        one = route(reader, entry.value, "when", may_stay=True)
        if one is not None:
            found[entry.key.raw] = one
    return found


def enter(reader: Reader, node: Node) -> tuple[tuple[Part, ...], tuple[tuple[str, Expression], ...]]:
    """What is said and set when the step is entered."""
    fields = reader.fields(node, "`enter`", ("say", "set"))
    if isinstance(node, Mapping) and not node.entries:
        reader.problem("empty", node, "`enter` is empty", "Write `enter: {say: ...}` or `enter: {set: {...}}`.")
    said = parts(reader, fields["say"].value, "`say`") if "say" in fields else ()
    return said, assignments(reader, fields["set"].value) if "set" in fields else ()


def commands(reader: Reader, node: Node) -> tuple[Command, ...]:
    found = (command(reader, entry) for entry in reader.mapping(node, "`commands`"))
    return tuple(one for one in found if one is not None)


def command(reader: Reader, entry: Entry, *, of_bot: bool = False) -> Command | None:
    """Words, and a step to go to or a text to say. One ``of_bot`` goes to a flow."""
    name = reader.name(entry.key, "a command")
    fields = reader.fields(entry.value, f"the command '{entry.key.raw}'", ("words", "go", "say", "back"))
    said = parts(reader, fields["say"].value, "`say`") if "say" in fields else ()
    go = None
    if "go" in fields:
        go = reader.word(fields["go"].value, "a flow") if of_bot else reader.target(fields["go"].value, "go")
    back = "back" in fields and reader.boolean(fields["back"].value, "`back`")
    words = reader.words(fields["words"].value, "`words`") if "words" in fields else ()
    if isinstance(entry.value, Mapping):
        _command_is_whole(reader, entry, fields.keys(), back, "flow" if of_bot else "step")
    if name is None or not words:
        return None
    return Command(name, words, entry.key.at, go, said, back)


def _command_is_whole(reader: Reader, entry: Entry, keys: Set[str], back: bool, target: str) -> None:
    name = entry.key.raw
    if "words" not in keys:
        cure = f"Write what people type: `words: [{name}]`."
        reader.problem("missing-key", entry.key, f"the command '{name}' needs `words`", cure)
    if ("go" in keys) == ("say" in keys):
        cure = f"It either goes to a {target}, or says something and asks again: `{{words: [...], say: ..., back: true}}`."
        has = "both `go` and `say`" if "go" in keys else "neither `go` nor `say`"
        reader.problem("command-shape", entry.key, f"the command '{name}' has {has}", cure)
    elif "say" in keys and not back:
        cure = "Add `back: true`: its text comes with the question again."
        reader.problem("command-shape", entry.key, f"the command '{name}' says something and needs `back: true`", cure)
    elif "go" in keys and "back" in keys:
        reader.problem(
            "command-shape", entry.key, f"the command '{name}' goes to a {target}, so `back` means nothing", "Remove `back`."
        )
