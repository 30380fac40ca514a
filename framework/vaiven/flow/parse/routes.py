"""Where a step goes, and what is said on the way: parts of a text, routes, ``then``, timers, events and commands."""

from collections.abc import Set

from vaiven.flow.document import After, Command, Part, Route, Then
from vaiven.flow.expressions import Expression
from vaiven.flow.parse.reader import Reader
from vaiven.flow.source import Entry, Mapping, Node, Scalar, Sequence

ROUTE_KEYS = ("go", "if", "say", "set", "quiet")
MOST_ENTRIES = 100
"""So many timers, events and commands one step can have: each becomes an arrow of each step that it covers."""
RESULT = frozenset({"result"})
"""The name that only the routes of a call and of an event have."""
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
        cure = (
            "A choice leads where its own `go` says: `red: {label: Red, go: step}`."
            if what.endswith("`choices`")
            else "Only `tally`, `run`, `split` and `as: confirm` have outcomes. "
            "Write `then: step`, a route `{go: step}`, or a list of routes."
        )
        reader.problem("no-outcomes", node.entries[0].key, f"{what} has no outcomes", cure)
        return Then(at=node.at)
    found: dict[str, tuple[Route, ...]] = {}
    for entry in node.entries:
        if entry.key.raw in RESERVED - {"else"}:
            reserved(reader, entry.key, "an outcome")
        else:
            found[entry.key.raw] = routes(reader, entry.value, "then")
    otherwise = found.pop("else", ())
    if not node.entries:
        reader.problem("empty", node, "`then` is an empty map", "Write `then: step`, or a step for each outcome.")
    return Then(outcomes=found, otherwise=otherwise, at=node.at)


def reserved(reader: Reader, key: Scalar, what: str) -> bool:
    """Whether this is a word of the language; then a problem says so."""
    if key.raw not in RESERVED:
        return False
    cure = f"Take another one; these are taken: {', '.join(sorted(RESERVED))}."
    reader.problem("reserved-word", key, f"'{key.raw}' is a word of the language and cannot be {what}", cure)
    return True


def _looks_like_route(node: Mapping) -> bool:
    return any(entry.key.raw in ROUTE_KEYS for entry in node.entries)


def few(reader: Reader, node: Node, what: str) -> tuple[Entry, ...]:
    """The entries of a map that may not have very many."""
    entries = reader.mapping(node, what)
    if len(entries) > MOST_ENTRIES:
        text = f"{what} has {len(entries)} entries, and {MOST_ENTRIES} are the most"
        reader.problem("too-many", entries[MOST_ENTRIES].key, text, "Divide the flow: `run` leads to another one.")
    return entries[:MOST_ENTRIES]


def after(reader: Reader, node: Node) -> tuple[After, ...]:
    """Timers: ``30m`` or ``idle 30m`` to a step, a route, or something to say."""
    found = []
    for entry in few(reader, node, "`after`"):
        name = " ".join(entry.key.raw.split())
        idle = name.startswith("idle ")
        delay = reader.duration(entry.key, name.removeprefix("idle "))
        one = route(reader, entry.value, "after", may_stay=True)
        if delay is not None and one is not None:
            found.append(After(name, delay, idle, one))
    return tuple(found)


def when(reader: Reader, node: Node) -> dict[str, Route]:
    """External events to routes, in which ``result`` is what came with the event."""
    found = {}
    for entry in few(reader, node, "`when`"):
        name = reader.dotted(entry.key, "an event")
        with reader.offering(RESULT):
            one = route(reader, entry.value, "when", may_stay=True)
        if one is not None and name is not None:
            found[name] = one
    return found


def passing(reader: Reader, node: Node, key: str) -> tuple[tuple[Part, ...], tuple[tuple[str, Expression], ...]]:
    """What is said and set on the way in or out of a step, by ``enter`` or ``exit``."""
    fields = reader.fields(node, f"`{key}`", ("say", "set"))
    if isinstance(node, Mapping) and not node.entries:
        reader.problem("empty", node, f"`{key}` is empty", f"Write `{key}: {{say: ...}}` or `{key}: {{set: {{...}}}}`.")
    said = parts(reader, fields["say"].value, "`say`") if "say" in fields else ()
    return said, assignments(reader, fields["set"].value) if "set" in fields else ()


def commands(reader: Reader, node: Node) -> tuple[Command, ...]:
    found = (command(reader, entry) for entry in few(reader, node, "`commands`"))
    return tuple(one for one in found if one is not None)


def command(reader: Reader, entry: Entry, *, of_bot: bool = False) -> Command | None:
    """Words, and a step to go to, a flow to run, or a text to say. One ``of_bot`` has no steps: its ``go`` is a flow, too."""
    name = reader.name(entry.key, "a command")
    fields = reader.fields(entry.value, f"the command '{entry.key.raw}'", ("words", "go", "run", "say", "back"))
    said = parts(reader, fields["say"].value, "`say`") if "say" in fields else ()
    go = run = None
    if "go" in fields:
        go = reader.flow(fields["go"].value, "a flow") if of_bot else reader.target(fields["go"].value, "go")
    if "run" in fields:
        run = reader.flow(fields["run"].value, "a flow")
    back = "back" in fields and reader.boolean(fields["back"].value, "`back`")
    words = reader.words(fields["words"].value, "`words`") if "words" in fields else ()
    if isinstance(entry.value, Mapping):
        _command_is_whole(reader, entry, fields.keys(), back, "flow" if of_bot else "step")
    if name is None or not words:
        return None
    if of_bot:
        go, run = go or run, None
    return Command(name, words, entry.key.at, go, said, back, run)


def _command_is_whole(reader: Reader, entry: Entry, keys: Set[str], back: bool, target: str) -> None:
    name = entry.key.raw
    if "words" not in keys:
        cure = f"Write what people type: `words: [{name}]`."
        reader.problem("missing-key", entry.key, f"the command '{name}' needs `words`", cure)
    ways = [f"`{key}`" for key in ("go", "run", "say") if key in keys]
    if len(ways) != 1:
        cure = (
            f"It goes to a {target} by `go`, runs a flow by `run`, or says something and asks again: "
            "`{words: [...], say: ..., back: true}`."
        )
        has = f"both {ways[0]} and {ways[1]}" if ways else "neither `go`, `run` nor `say`"
        reader.problem("command-shape", entry.key, f"the command '{name}' has {has}", cure)
    elif ways == ["`say`"] and not back:
        cure = "Add `back: true`: its text comes with the question again."
        reader.problem("command-shape", entry.key, f"the command '{name}' says something and needs `back: true`", cure)
    elif ways != ["`say`"] and "back" in keys:
        does = f"goes to a {target}" if "go" in keys else "runs a flow"
        text = f"the command '{name}' {does}, so `back` means nothing"
        reader.problem("command-shape", entry.key, text, "Remove `back`.")
