"""The verb ``ask``: the question, what it takes, and what becomes of an answer that it does not take."""

from collections.abc import Mapping
from dataclasses import replace

from vaiven.flow.document import AnswerSpec, Ask, ChoiceSpec, Route, Verb
from vaiven.flow.parse import approved, routes
from vaiven.flow.parse.reader import Fields, Reader
from vaiven.flow.source import Entry, Node, Scalar
from vaiven.flow.source import Mapping as Map
from vaiven.flow.templates import Template

KEYS = ("as", "choices", "save", "hint", "retry", "else", "reject", "skip", "stale", "interruptible", "template")
NAMES = frozenset({"choices", "hint"})
"""Names that only the texts of an ``ask`` have."""
ANSWERS: Mapping[str, tuple[str, ...]] = {
    "text": ("min", "max", "pattern", "fold", "media"),
    "integer": ("min", "max"),
    "number": ("min", "max"),
    "date": ("min", "max", "prefer"),
    "time": ("min", "max"),
    "datetime": ("min", "max", "prefer"),
    "phone": (),
    "email": (),
    "url": (),
    "location": (),
    "media": (),
    "confirm": (),
    "one_of": (),
    "many_of": ("min", "max"),
    "custom": (),
}
"""The types of an answer, with their options."""
MEDIA = ("image", "video", "audio", "document", "sticker")
_OF_CHOICES = {"one_of": "choices", "many_of": "many_of"}
_CHOICE_KEYS = ("label", "also", "go")
_ITEM = frozenset({"item"})


def ask(reader: Reader, node: Node, fields: Fields) -> Verb | None:
    with reader.offering(NAMES - {"hint"}):
        hint = reader.optional(fields, "hint", reader.text)
    with reader.offering(NAMES):
        question = routes.parts(reader, node, "`ask`")
        retry = retries(reader, fields["retry"].value) if "retry" in fields else None
        otherwise = routes.route(reader, fields["else"].value, "else") if "else" in fields else None
        rejected = _reject(reader, fields)
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
        skip=reader.optional(fields, "skip", reader.expression),
        stale=stale or "explain",
        interruptible="interruptible" not in fields or reader.boolean(fields["interruptible"].value, "`interruptible`"),
        template=approved.template(reader, fields["template"].value) if "template" in fields else None,
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
    if "as" in fields:
        typed = _typed(reader, fields["as"].value)
        if typed is None or typed.kind in _OF_CHOICES.values():
            return None if typed is None else _with_choices(reader, fields, typed)
        if "choices" in fields:
            cure = "Remove one of the two; `as: many_of` and `as: one_of` are the types that take `choices`."
            reader.problem("two-answers", fields["as"].key, f"an `ask` has choices or `as: {typed.kind}`, not both", cure)
            return None
        return typed
    if "choices" in fields:
        return _choices(reader, fields["choices"], AnswerSpec("choices", fields["choices"].key.at))
    cure = f"Add `choices: {{id: Label}}`, or `as:` with one of the types {', '.join(ANSWERS)}."
    reader.problem("missing-key", node, "this `ask` does not say what it takes", cure)
    return None


def _with_choices(reader: Reader, fields: Fields, typed: AnswerSpec) -> AnswerSpec | None:
    if "choices" in fields:
        return _choices(reader, fields["choices"], typed)
    cure = "Add `choices: {id: Label}` beside it."
    reader.problem("missing-key", fields["as"].key, "this answer is among choices, and there are none", cure)
    return None


def _typed(reader: Reader, node: Node) -> AnswerSpec | None:
    """``as: integer``, or ``as: {integer: {min: 1}}``. ``custom`` and ``media`` may be followed by a name or kinds."""
    if isinstance(node, Scalar):
        kind = reader.one_of(node, "`as`", ANSWERS)
        if kind == "custom":
            cure = "Name the registered parser: `as: {custom: plate}`."
            reader.problem("missing-key", node, "`custom` does not say which parser", cure)
            return None
        return None if kind is None else AnswerSpec(_OF_CHOICES.get(kind, kind), node.at)
    entries = tuple(reader.fields(node, "`as`", ANSWERS).values())
    if len(entries) != 1:
        if isinstance(node, Map) and (entries or not node.entries):
            reader.problem("wrong-type", node, "`as` takes one type", "For instance `as: {integer: {min: 1, max: 12}}`.")
        return None
    kind, value = entries[0].key.raw, entries[0].value
    if kind == "custom":
        parser = reader.dotted(value, "a parser")
        return None if parser is None else AnswerSpec(kind, node.at, parser=parser)
    if kind == "media":
        return AnswerSpec(kind, node.at, media=_kinds_of_media(reader, value))
    fields = reader.fields(value, f"`{kind}`", ANSWERS[kind])
    return AnswerSpec(
        _OF_CHOICES.get(kind, kind),
        node.at,
        min=reader.optional(fields, "min", reader.expression),
        max=reader.optional(fields, "max", reader.expression),
        pattern=_pattern(reader, fields["pattern"].value) if "pattern" in fields else None,
        fold=reader.one_of(fields["fold"].value, "`fold`", ("upper", "lower")) if "fold" in fields else None,
        media=_kinds_of_media(reader, fields["media"].value) if "media" in fields else (),
        prefer=reader.one_of(fields["prefer"].value, "`prefer`", ("future", "past")) if "prefer" in fields else None,
    )


def _pattern(reader: Reader, node: Node) -> str | None:
    scalar = reader.written(node, "`pattern`")
    return None if scalar is None else scalar.raw


def _kinds_of_media(reader: Reader, node: Node) -> tuple[str, ...]:
    nodes = (node,) if isinstance(node, Scalar) else reader.items(node, "`media`")
    found = (reader.one_of(item, "`media`", MEDIA) for item in nodes)
    return tuple(kind for kind in found if kind is not None)


def _choices(reader: Reader, entry: Entry, typed: AnswerSpec) -> AnswerSpec | None:
    entries = reader.mapping(entry.value, "`choices`")
    if any(each.key.raw == "each" for each in entries):
        return _each(reader, entry.value, typed)
    choices = [_choice(reader, each) for each in entries]
    if isinstance(entry.value, Map) and not choices:
        reader.problem("empty", entry.key, "there is nothing to choose", "Write `choices: {id: Label}`.")
    found = tuple(choice for choice in choices if choice is not None)
    return replace(typed, choices=found) if found else None


def _each(reader: Reader, node: Node, typed: AnswerSpec) -> AnswerSpec | None:
    """``{each: list, id: "{item.id}", label: "{item.name}"}``: one choice for each item, made when the question is asked."""
    fields = reader.fields(node, "`choices` with `each`", ("each", "id", "label"))
    for key in ("id", "label"):
        if key not in fields:
            cure = 'Write `choices: {each: slots.slots, id: "{item.id}", label: "{item.name}"}`.'
            reader.problem("missing-key", fields["each"].key, f"`choices` with `each` needs `{key}`", cure)
    each = reader.optional(fields, "each", reader.expression)
    with reader.offering(_ITEM):
        made = reader.optional(fields, "id", reader.template)
        label = reader.optional(fields, "label", reader.text)
    if each is None or made is None or label is None:
        return None
    return replace(typed, each=each, each_id=made, each_label=label)


def _choice(reader: Reader, entry: Entry) -> ChoiceSpec | None:
    """``id: Label``, or ``id: {label, also, go}`` where a label that is not given is the id itself."""
    name, value = entry.key.raw, entry.value
    if routes.reserved(reader, entry.key, "the id of a choice"):
        return None
    if not isinstance(value, Map):
        label = reader.text(value, f"the label of '{name}'")
        return None if label is None else ChoiceSpec(name, label, (), entry.key.at)
    fields = reader.known(value.entries, f"the choice '{name}'", _CHOICE_KEYS)
    label = reader.text(fields["label"].value if "label" in fields else entry.key, f"the label of '{name}'")
    also = reader.words(fields["also"].value, "`also`") if "also" in fields else ()
    go = reader.target(fields["go"].value, "go") if "go" in fields else None
    return None if label is None else ChoiceSpec(name, label, also, entry.key.at, go)
