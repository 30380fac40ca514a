"""The verbs: what a step does. A verb is read from all the keys of its step that are its own."""

from collections.abc import Callable, Mapping

import msgspec

from vaiven.flow.document import AnswerSpec, Ask, Branch, ChoiceSpec, End, Route, Say, Set, Tally, Verb
from vaiven.flow.parse import routes
from vaiven.flow.parse.reader import Fields, Reader
from vaiven.flow.source import Entry, Node, Scalar
from vaiven.flow.source import Mapping as Map
from vaiven.flow.templates import Template

COMMON = ("then", "after", "when", "enter", "commands", "class", "keep", "note", "tags")
"""Keys that a step may have beside its verb and the verb's own."""
ASK_NAMES = frozenset({"choices", "hint"})
"""Names that only the texts of an ``ask`` have."""
OUTCOMES: Mapping[str, tuple[str, ...]] = {"tally": ("counted", "capped", "closed"), "confirm": ("accept", "decline")}
_ANSWERS = {"text": ("min", "max", "pattern", "fold", "media"), "integer": ("min", "max"), "confirm": ()}
_MEDIA = ("image", "video", "audio", "document")
_CHOICE_KEYS = ("label", "also", "go")


def _say(reader: Reader, node: Node, fields: Fields) -> Verb | None:
    apart = "apart" in fields and reader.boolean(fields["apart"].value, "`apart`")
    said = routes.parts(reader, node, "`say`")
    return Say(said, apart) if said else None


def _ask(reader: Reader, node: Node, fields: Fields) -> Verb | None:
    reader.local = ASK_NAMES - {"hint"}
    hint = reader.text(fields["hint"].value, "`hint`") if "hint" in fields else None
    reader.local = ASK_NAMES
    question = routes.parts(reader, node, "`ask`")
    retry = retries(reader, fields["retry"].value) if "retry" in fields else None
    otherwise = routes.route(reader, fields["else"].value, "else") if "else" in fields else None
    rejected = _reject(reader, fields)
    reader.local = frozenset()
    answer = _answer(reader, node, fields)
    stale = reader.one_of(fields["stale"].value, "`stale`", ("explain", "accept", "ignore")) if "stale" in fields else None
    if answer is None or not question:
        return None
    _rejects_a_bound(reader, fields, answer)
    return Ask(
        question,
        answer,
        save=reader.variable(fields["save"].value, "save") if "save" in fields else None,
        hint=hint,
        retry=retry,
        otherwise=otherwise,
        reject=rejected,
        skip=reader.expression(fields["skip"].value, "`skip`") if "skip" in fields else None,
        stale=stale or "explain",
        interruptible="interruptible" not in fields or reader.boolean(fields["interruptible"].value, "`interruptible`"),
    )


def retries(reader: Reader, node: Node) -> tuple[Template, ...]:
    """One text a try; an empty list: no second try."""
    nodes = (node,) if isinstance(node, Scalar) else reader.items(node, "`retry`")
    found = (reader.text(item, "a text of `retry`") for item in nodes)
    return tuple(text for text in found if text is not None)


def _reject(reader: Reader, fields: Fields) -> dict[str, Route]:
    if "reject" not in fields:
        return {}
    found = {}
    for bound, entry in reader.fields(fields["reject"].value, "`reject`", ("min", "max")).items():
        one = routes.route(reader, entry.value, "reject")
        if one is not None:
            found[bound] = one
    return found


def _rejects_a_bound(reader: Reader, fields: Fields, answer: AnswerSpec) -> None:
    value = fields["reject"].value if "reject" in fields else None
    for entry in value.entries if isinstance(value, Map) else ():
        bound = entry.key.raw
        if bound in ("min", "max") and getattr(answer, bound) is None:
            cure = f"Give the answer a bound, for instance `as: {{integer: {{{bound}: 12}}}}`, or remove the route."
            reader.problem("reject-without-bound", entry.key, f"the answer has no `{bound}` to be rejected by", cure)


def _answer(reader: Reader, node: Node, fields: Fields) -> AnswerSpec | None:
    if "as" in fields and "choices" in fields:
        reader.problem("two-answers", fields["as"].key, "an `ask` has `as` or `choices`, not both", "Remove one of the two.")
        return None
    if "choices" in fields:
        return _choices(reader, fields["choices"])
    if "as" in fields:
        return _typed(reader, fields["as"].value)
    cure = "Add `choices: {id: Label}`, or `as: text`, `as: integer` or `as: confirm`."
    reader.problem("missing-key", node, "this `ask` does not say what it takes", cure)
    return None


def _typed(reader: Reader, node: Node) -> AnswerSpec | None:
    if isinstance(node, Scalar):
        kind = reader.one_of(node, "`as`", _ANSWERS)
        return None if kind is None else AnswerSpec(kind, node.at)
    entries = tuple(reader.fields(node, "`as`", _ANSWERS).values())
    if len(entries) != 1:
        if isinstance(node, Map) and (entries or not node.entries):
            reader.problem("wrong-type", node, "`as` takes one type", "For instance `as: {integer: {min: 1, max: 12}}`.")
        return None
    kind = entries[0].key.raw
    fields = reader.fields(entries[0].value, f"`{kind}`", _ANSWERS[kind])
    return AnswerSpec(
        kind,
        node.at,
        min=reader.expression(fields["min"].value, "`min`") if "min" in fields else None,
        max=reader.expression(fields["max"].value, "`max`") if "max" in fields else None,
        pattern=_pattern(reader, fields["pattern"].value) if "pattern" in fields else None,
        fold=reader.one_of(fields["fold"].value, "`fold`", ("upper", "lower")) if "fold" in fields else None,
        media=_kinds_of_media(reader, fields["media"].value) if "media" in fields else (),
    )


def _pattern(reader: Reader, node: Node) -> str | None:
    scalar = reader.written(node, "`pattern`")
    return None if scalar is None else scalar.raw


def _kinds_of_media(reader: Reader, node: Node) -> tuple[str, ...]:
    nodes = (node,) if isinstance(node, Scalar) else reader.items(node, "`media`")
    found = (reader.one_of(item, "`media`", _MEDIA) for item in nodes)
    return tuple(kind for kind in found if kind is not None)


def _choices(reader: Reader, entry: Entry) -> AnswerSpec | None:
    choices = [_choice(reader, each) for each in reader.mapping(entry.value, "`choices`")]
    if isinstance(entry.value, Map) and not choices:
        reader.problem("empty", entry.key, "there is nothing to choose", "Write `choices: {id: Label}`.")
    found = tuple(choice for choice in choices if choice is not None)
    return AnswerSpec("choices", entry.key.at, choices=found) if found else None


def _choice(reader: Reader, entry: Entry) -> ChoiceSpec | None:
    """``id: Label``, or ``id: {label, also, go}`` where a label that is not given is the id itself."""
    name, value = entry.key.raw, entry.value
    if name in routes.RESERVED:
        text = f"'{name}' is a word of the language and cannot be the id of a choice"
        reader.problem("reserved-word", entry.key, text, "Choose another id; the label can be any text.")
        return None
    if not isinstance(value, Map):
        label = reader.text(value, f"the label of '{name}'")
        return None if label is None else ChoiceSpec(name, label, (), entry.key.at)
    fields = reader.known(value.entries, f"the choice '{name}'", _CHOICE_KEYS)
    label = reader.text(fields["label"].value if "label" in fields else entry.key, f"the label of '{name}'")
    also = reader.words(fields["also"].value, "`also`") if "also" in fields else ()
    go = reader.target(fields["go"].value, "go") if "go" in fields else None
    return None if label is None else ChoiceSpec(name, label, also, entry.key.at, go)


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


def _set(reader: Reader, node: Node, _fields: Fields) -> Verb | None:
    values = routes.assignments(reader, node)
    return Set(values) if values else None


def _end(reader: Reader, node: Node, fields: Fields) -> Verb | None:
    outcome = reader.name(fields["outcome"].value, "an outcome") if "outcome" in fields else "done"
    silent = isinstance(node, Scalar) and node.raw == "" and node.style in ("single", "double")
    text = None if silent else reader.text(node, "`end`")
    return None if outcome is None or (text is None and not silent) else End(text, outcome)


class VerbShape(msgspec.Struct, frozen=True):
    """How a verb is read, and the keys that a step with it may have. ``common``: those that every step may have."""

    read: Callable[[Reader, Node, Fields], Verb | None]
    own: tuple[str, ...] = ()
    common: tuple[str, ...] = COMMON


VERBS: Mapping[str, VerbShape] = {
    "say": VerbShape(_say, ("apart",)),
    "ask": VerbShape(_ask, ("as", "choices", "save", "hint", "retry", "else", "reject", "skip", "stale", "interruptible")),
    "tally": VerbShape(_tally),
    "branch": VerbShape(_branch),
    "set": VerbShape(_set),
    "end": VerbShape(_end, ("outcome",), ("enter", "class", "keep", "note", "tags")),
}
