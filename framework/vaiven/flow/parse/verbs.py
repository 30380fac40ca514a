"""The verbs: what a step does. A verb is read from all the keys of its step that are its own."""

from collections.abc import Callable, Mapping

import msgspec

from vaiven.flow.document import Branch, End, Handoff, MediaSpec, Relay, Run, Say, Set, Split, Tally, Verb, Wait
from vaiven.flow.expressions import ExpressionError
from vaiven.flow.instants import instant_of
from vaiven.flow.parse import approved, ask, calls, routes
from vaiven.flow.parse.reader import Fields, Reader
from vaiven.flow.source import Mapping as Map
from vaiven.flow.source import Node, Scalar, Sequence

COMMON = ("then", "after", "when", "enter", "exit", "commands", "class", "keep", "note", "tags")
"""Keys that a step may have beside its verb and the verb's own."""
_WITHOUT_THEN = COMMON[1:]
_SHARED = ("then", "after", "when", "commands", "class", "keep", "note", "tags")
OUTCOMES = frozenset({"tally", "confirm", "run", "split"})
"""Verbs, and the type of an answer, that have outcomes."""
_PEOPLE = frozenset({"queue", "agent"})


def _say(reader: Reader, node: Node, fields: Fields) -> Verb | None:
    apart = "apart" in fields and reader.boolean(fields["apart"].value, "`apart`")
    media = _media(reader, fields["media"].value) if "media" in fields else ()
    template = approved.template(reader, fields["template"].value) if "template" in fields else None
    silent = isinstance(node, Scalar) and node.raw == "" and node.style in ("single", "double")
    if silent and ("media" in fields or "template" in fields):
        return Say((), apart, media, template)
    said = routes.parts(reader, node, "`say`")
    return Say(said, apart, media, template) if said else None


def _media(reader: Reader, node: Node) -> tuple[MediaSpec, ...]:
    """``{image: url}``, with a ``name`` for the file if need be, or a list of these."""
    nodes = node.items if isinstance(node, Sequence) else (node,)
    if not nodes:
        reader.problem("empty", node, "`media` is an empty list", 'Write `media: {image: "https://..."}`.')
    found = (_file(reader, item) for item in nodes)
    return tuple(one for one in found if one is not None)


def _file(reader: Reader, node: Node) -> MediaSpec | None:
    cure = 'Write `media: {image: "https://..."}`; the kinds: ' + ", ".join(ask.MEDIA) + "."
    fields = reader.fields(node, "`media`", (*ask.MEDIA, "name"))
    kinds = [kind for kind in ask.MEDIA if kind in fields]
    if len(kinds) != 1:
        if isinstance(node, Map) and len(fields) == len(node.entries):
            text = "one file has one kind, and this has two" if kinds else "`media` does not say what it is"
            reader.problem("missing-key" if not kinds else "bad-media", node, text, cure)
        return None
    where = fields[kinds[0]].value
    url = reader.template(where, f"`{kinds[0]}`")
    if url is not None and not url.source.startswith(("https://", "{")):
        reader.problem("bad-url", where, "a file needs an absolute https address", cure)
    name = reader.optional(fields, "name", reader.text)
    return None if url is None else MediaSpec(kinds[0], url, where.at, name)


def _tally(reader: Reader, node: Node, _fields: Fields) -> Verb | None:
    own = reader.fields(node, "`tally`", ("poll", "option", "cap"))
    texts = {name: reader.template(entry.value, f"`{name}`") for name, entry in own.items()}
    for name in ("poll", "option"):
        if isinstance(node, Map) and name not in own:
            cure = 'Write `tally: {poll: final, option: "{pick.id}"}`.'
            reader.problem("missing-key", node, f"`tally` needs `{name}`", cure)
    poll, option = texts.get("poll"), texts.get("option")
    return None if poll is None or option is None else Tally(poll, option, texts.get("cap"))


def _branch(reader: Reader, node: Node, _fields: Fields) -> Verb | None:
    found = tuple(one for item in reader.items(node, "`branch`") if (one := routes.route(reader, item, "branch")) is not None)
    return Branch(found) if found else None


def _split(reader: Reader, node: Node, fields: Fields) -> Verb | None:
    weights = []
    for entry in reader.mapping(node, "`split`"):
        name = None if routes.reserved(reader, entry.key, "an outcome") else reader.name(entry.key, "an outcome")
        weight = reader.integer(entry.value, f"the weight of '{entry.key.raw}'", 0)
        if name is not None and weight is not None:
            weights.append((name, weight))
    if isinstance(node, Map) and "then" not in fields:
        names = [name for name, _ in weights] or ["red", "blue"]
        cure = f"Add `then: {{{', '.join(f'{name}: step' for name in names)}}}`."
        reader.problem("missing-key", node, "this `split` does not say where its ways lead", cure)
    if isinstance(node, Map) and not any(weight for _, weight in weights) and len(weights) == len(node.entries):
        reader.problem("empty", node, "nobody can be chosen by this `split`", "Write `split: {red: 1, blue: 1}`.")
        return None
    return Split(tuple(weights)) if weights else None


def _set(reader: Reader, node: Node, _fields: Fields) -> Verb | None:
    values = routes.assignments(reader, node)
    return Set(values) if values else None


def _run(reader: Reader, node: Node, fields: Fields) -> Verb | None:
    flow = reader.flow(node, "a flow")
    given = []
    for entry in reader.mapping(fields["with"].value, "`with`") if "with" in fields else ():
        name = reader.name(entry.key, "a variable")
        value = reader.template(entry.value, f"'{entry.key.raw}'")
        if name is not None and value is not None:
            given.append((name, value))
    return None if flow is None else Run(flow, node.at, tuple(given))


def _handoff(reader: Reader, node: Node, _fields: Fields) -> Verb | None:
    """The name of a queue, or ``{queue, skills, share}``."""
    if isinstance(node, Scalar):
        queue = reader.name(node, "a queue")
        return None if queue is None else Handoff(queue)
    fields = reader.fields(node, "`handoff`", ("queue", "skills", "share"))
    if "queue" not in fields and isinstance(node, Map):
        reader.problem("missing-key", node, "`handoff` needs `queue`", "Write `handoff: {queue: support}`.")
    queue = reader.name(fields["queue"].value, "a queue") if "queue" in fields else None
    skills = reader.optional(fields, "skills", reader.template)
    share = _share(reader, fields["share"].value) if "share" in fields else ()
    return None if queue is None else Handoff(queue, skills, share)


def _share(reader: Reader, node: Node) -> tuple[str, ...]:
    """Names of what people get to see: variables, answers, and ``transcript``."""
    found = []
    for item in node.items if isinstance(node, Sequence) else (node,):
        name = reader.dotted(item, "what is shared")
        if name is not None and (name == "transcript" or reader.expression(item, "`share`") is not None):
            found.append(name)
    return tuple(found)


def _relay(reader: Reader, node: Node, _fields: Fields) -> Verb | None:
    queue = reader.name(node, "a queue")
    return None if queue is None else Relay(queue)


def _wait(reader: Reader, node: Node, _fields: Fields) -> Verb | None:
    """``2h``, ``{until: "{day} 09:00"}`` or ``{event: order.shipped}``."""
    if isinstance(node, Scalar):
        delay = reader.span(node, "`wait`")
        return None if delay is None else Wait(delay_ms=delay)
    fields = reader.fields(node, "`wait`", ("until", "event"))
    if len(fields) != 1:
        if isinstance(node, Map) and len(fields) == len(node.entries):
            text = "`wait` is until a time or until an event, not both" if fields else "`wait` does not say for what"
            cure = 'Write `wait: 2h`, `wait: {until: "{day} 09:00"}` or `wait: {event: order.shipped}`.'
            reader.problem("bad-wait", node, text, cure)
        return None
    if "until" in fields:
        until = reader.template(fields["until"].value, "`until`")
        if until is not None and not until.expressions:
            try:
                instant_of(until.source, "UTC", 0)
            except ExpressionError:
                cure = 'Write a time, a day, both, or an instant: 09:00, 2026-12-24, "2026-12-24 09:00", 2026-12-24T09:00+01:00.'
                reader.problem("bad-wait", fields["until"].value, f"'{until.source}' is no time to wait for", cure)
                return None
        return None if until is None else Wait(until=until)
    event = reader.dotted(fields["event"].value, "an event")
    return None if event is None else Wait(event=event)


def _section(_reader: Reader, _node: Node, _fields: Fields) -> Verb | None:
    return None  # its steps are read where steps are: a section is none itself


def _end(reader: Reader, node: Node, fields: Fields) -> Verb | None:
    outcome: str | None = "done"
    if "outcome" in fields:
        word = fields["outcome"].value
        taken = isinstance(word, Scalar) and routes.reserved(reader, word, "an outcome")
        outcome = None if taken else reader.name(word, "an outcome")
    silent = isinstance(node, Scalar) and node.raw == "" and node.style in ("single", "double")
    text = None if silent else reader.text(node, "`end`")
    return None if outcome is None or (text is None and not silent) else End(text, outcome)


class VerbShape(msgspec.Struct, frozen=True):
    """How a verb is read, and the keys that a step with it may have.

    ``common``: those that every step may have. ``names`` are there in all that the step says, ``routed`` only in its ``then``.
    """

    read: Callable[[Reader, Node, Fields], Verb | None]
    own: tuple[str, ...] = ()
    common: tuple[str, ...] = COMMON
    names: frozenset[str] = frozenset()
    routed: frozenset[str] = frozenset()


VERBS: Mapping[str, VerbShape] = {
    "say": VerbShape(_say, ("media", "template", "apart")),
    "ask": VerbShape(ask.ask, ask.KEYS),
    "tally": VerbShape(_tally),
    "call": VerbShape(calls.call, calls.KEYS, routed=routes.RESULT),
    "branch": VerbShape(_branch),
    "split": VerbShape(_split),
    "set": VerbShape(_set),
    "run": VerbShape(_run, ("with",)),
    "handoff": VerbShape(_handoff, (), _WITHOUT_THEN, names=_PEOPLE),
    "relay": VerbShape(_relay, (), _WITHOUT_THEN, names=_PEOPLE),
    "wait": VerbShape(_wait),
    "section": VerbShape(_section, (), _SHARED),
    "end": VerbShape(_end, ("outcome",), ("enter", "class", "keep", "note", "tags")),
}
