"""The ways into a flow: words of people, buttons, events, other programs, and the clock."""

from collections.abc import Callable, Mapping

from vaiven.flow.cron import CronError, read_cron
from vaiven.flow.document import Schedule, Start
from vaiven.flow.parse.reader import Fields, Reader
from vaiven.flow.source import Mapping as Map
from vaiven.flow.source import Node, Scalar

STARTS: Mapping[str, tuple[str, ...]] = {
    "payload": ("payload", "go"),
    "referral": ("referral", "go"),
    "event": ("event", "go"),
    "api": ("api", "go"),
    "keyword": ("keyword", "rest", "go"),
    "answer": ("answer",),
    "intent": ("intent", "go"),
    "fallback": ("fallback", "go"),
    "schedule": ("schedule", "go"),
}
"""The kinds of start, in the order in which they are tried, with their keys."""
_KEYS = tuple(dict.fromkeys(key for keys in STARTS.values() for key in keys))
_EXAMPLES = "One an item: `- keyword: [vote]`, `- answer: step`, `- payload: word`, `- event: order.shipped`, `- fallback: true`."


def starts(reader: Reader, node: Node) -> tuple[Start, ...]:
    found = (_start(reader, item) for item in reader.items(node, "`starts`"))
    return tuple(start for start in found if start is not None)


def _start(reader: Reader, node: Node) -> Start | None:
    entries = reader.mapping(node, "a start")
    kinds = [entry.key for entry in entries if entry.key.raw in STARTS]
    if len(kinds) != 1:
        known = reader.known(entries, "a start", _KEYS)
        if isinstance(node, Map) and len(known) == len(entries):
            text = "a start has one way in, and this has two" if kinds else "this start does not say what starts the flow"
            reader.problem("bad-start", kinds[1] if kinds else node, text, _EXAMPLES)
        return None
    kind = kinds[0].raw
    fields = reader.known(entries, f"a start by `{kind}`", STARTS[kind])
    go = reader.target(fields["go"].value, "go") if "go" in fields else None
    if "go" in fields and "rest" in fields:
        cure = "Remove one of the two: `rest` begins at its step, `go` at another."
        reader.problem("bad-start", fields["go"].key, "a start has `rest` or `go`, not both", cure)
    return _READ.get(kind, _words)(reader, kind, fields, go, node)


def _words(reader: Reader, kind: str, fields: Fields, go: str | None, node: Node) -> Start:
    rest = reader.target(fields["rest"].value, "rest") if "rest" in fields else None
    return Start(kind, node.at, reader.words(fields[kind].value, f"`{kind}`"), rest, go=go)


def _events(reader: Reader, kind: str, fields: Fields, go: str | None, node: Node) -> Start:
    value = fields[kind].value
    nodes = (value,) if isinstance(value, Scalar) else reader.items(value, f"`{kind}`")
    found = (reader.dotted(item, "an event") for item in nodes)
    return Start(kind, node.at, tuple(name for name in found if name is not None), go=go)


def _answer(reader: Reader, kind: str, fields: Fields, _go: str | None, node: Node) -> Start:
    return Start(kind, node.at, step=reader.target(fields[kind].value, "answer"))


def _true(reader: Reader, kind: str, fields: Fields, go: str | None, node: Node) -> Start:
    value = fields[kind].value
    if reader.boolean(value, f"`{kind}`") is False and isinstance(value, Scalar) and value.value is False:
        reader.problem("bad-start", value, f"`{kind}` is `true` or not there at all", f"Write `- {kind}: true`.")
    return Start(kind, node.at, go=go)


def _scheduled(reader: Reader, kind: str, fields: Fields, go: str | None, node: Node) -> Start | None:
    schedule = _schedule(reader, fields[kind].value)
    return None if schedule is None else Start(kind, node.at, go=go, schedule=schedule)


_READ: Mapping[str, Callable[[Reader, str, Fields, str | None, Node], Start | None]] = {
    "event": _events,
    "api": _true,
    "answer": _answer,
    "fallback": _true,
    "schedule": _scheduled,
}


def _schedule(reader: Reader, node: Node) -> Schedule | None:
    """A cron line, or ``{cron, if}``, or ``{before, of, if}``."""
    if isinstance(node, Scalar):
        cron = _cron(reader, node)
        return None if cron is None else Schedule(node.at, cron=cron)
    fields = reader.fields(node, "`schedule`", ("before", "of", "cron", "if"))
    condition = reader.optional(fields, "if", reader.expression)
    if ("cron" in fields) == ("before" in fields or "of" in fields) or ("before" in fields) != ("of" in fields):
        if isinstance(node, Map) and len(fields) == len(node.entries):
            cure = 'Write `schedule: {before: 24h, of: contact.appointment}` or `schedule: "0 9 * * mon-fri"`.'
            reader.problem("bad-start", node, "a schedule has either `before` and `of`, or `cron`", cure)
        return None
    if "cron" in fields:
        cron = _cron(reader, fields["cron"].value)
        return None if cron is None else Schedule(node.at, cron=cron, condition=condition)
    before = reader.optional(fields, "before", reader.span)
    of = reader.optional(fields, "of", reader.expression)
    return None if before is None or of is None else Schedule(node.at, before, of, condition=condition)


def _cron(reader: Reader, node: Node) -> str | None:
    text = reader.word(node, "`cron`")
    if text is None:
        return None
    try:
        read_cron(text)
    except CronError as error:
        cure = 'Minute, hour, day, month, weekday: "0 9 * * mon-fri" is nine o\'clock from Monday to Friday.'
        reader.problem("bad-cron", node, str(error), cure)
        return None
    return " ".join(text.split())
