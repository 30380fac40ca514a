"""The steps, in order: each has exactly one verb, its own keys, and the keys that any step may have. Sections are flattened."""

from collections.abc import Iterable
from typing import Any

from vaiven.flow.document import Ask, Branch, Position, Set, Step, Verb
from vaiven.flow.parse import routes
from vaiven.flow.parse.reader import Fields, Reader, kind_of
from vaiven.flow.parse.sections import WAITING, Shared, unrolled
from vaiven.flow.parse.verbs import OUTCOMES, VERBS, VerbShape
from vaiven.flow.problems import closest, suggest
from vaiven.flow.source import Entry, Mapping, Node, Scalar
from vaiven.model.messages import MessageClass

CLASSES = tuple(word.value for word in MessageClass)
_SECTION = "section"
_OWNERS_TOLD = 3
_LEFT = "It is left by its `when`, `after` and `commands` only: `when: {agent.closed: rate}`."
_FIRST = "A section shares `commands`, `after`, `when`, `class`, `keep` and `tags`; put this on its first step."
_MISPLACED = {
    ("handoff", "then"): _LEFT,
    ("relay", "then"): _LEFT,
    ("section", "enter"): _FIRST,
    ("section", "exit"): _FIRST.replace("first", "last"),
}
"""What to do about a key that is not there for a reason."""


class Steps:
    """All steps of a file. ``unread`` are those that stand among ``found`` without their verb, which could not be read."""

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        self.unread: list[str] = []
        self.places: dict[str, Position] = {}

    def read(self, entries: Iterable[Entry], path: str | None = None) -> list[Step]:
        """These steps and those in their sections, in file order. ``path``: the sections that they stand in."""
        found: list[Step] = []
        for entry in entries:
            self._name_is_free(entry)
            inner = _inside(entry.value)
            if inner is not None and isinstance(entry.value, Mapping):
                found += self._section(entry.key, entry.value, inner, path)
                continue
            one = step(self.reader, entry, path)
            if one is None:
                self.unread.append(entry.key.raw)
                one = Step(entry.key.raw, entry.key.at, Set(()), section=path)
            found.append(one)
        return found

    def _name_is_free(self, entry: Entry) -> None:
        name = entry.key.raw
        first = self.places.setdefault(name, entry.key.at)
        if first != entry.key.at:
            cure = f"It already stands at line {first.line}. Names are for the whole flow, sections and their steps included."
            self.reader.problem("same-step", entry.key, f"there are two steps '{name}'", cure)

    def _section(self, key: Scalar, value: Mapping, inner: Mapping, path: str | None) -> list[Step]:
        reader, name = self.reader, key.raw
        reader.name(key, "a section")
        fields = _keys(reader, value, _SECTION, VERBS[_SECTION])
        common = _common(reader, fields, None, _SECTION)
        if not inner.entries:
            cure = f"A section has at least one step: `{name}: {{section: {{hello: {{say: ...}}}}}}`."
            reader.problem("empty", fields[_SECTION].key, f"the section '{name}' has no steps", cure)
        found = self.read(inner.entries, name if path is None else f"{path}/{name}")
        self._is_heard(name, found, fields)
        return unrolled(found, Shared(**common))

    def _is_heard(self, name: str, steps: list[Step], fields: Fields) -> None:
        """What a section shares has no effect where none of its steps waits."""
        shared = next((key for key in ("commands", "after", "when") if key in fields), None)
        if shared is None or not steps or any(isinstance(one.verb, WAITING) or one.name in self.unread for one in steps):
            return
        text = f"`{shared}` of section '{name}' does nothing: none of its steps waits"
        self.reader.problem("never-waits", fields[shared].key, text, "Remove it.", severity="warning")


def _inside(value: Node) -> Mapping | None:
    """The steps in a section; None if this is none, or has another verb besides."""
    inner = value.get(_SECTION) if isinstance(value, Mapping) else None
    if not isinstance(value, Mapping) or not isinstance(inner, Mapping):
        return None
    verbs = sum(each.key.raw in VERBS for each in value.entries)
    return inner if verbs == 1 else None


def outline(entries: Iterable[Entry]) -> dict[str, str]:
    """Every step's name to itself, every section's to its first step: what a name means that is gone to."""
    found: dict[str, str] = {}
    for entry in entries:
        inner = _inside(entry.value)
        below = outline(inner.entries) if inner is not None else {}
        found[entry.key.raw] = next(iter(below.values()), entry.key.raw)
        found |= below
    return found


def step(reader: Reader, entry: Entry, path: str | None = None) -> Step | None:
    """Read one step. None: it has no verb that could be read, and a problem says why."""
    name = reader.name(entry.key, "a step")
    if not isinstance(entry.value, Mapping):
        verbs = ", ".join(VERBS)
        cure = f"A step is a map with one verb, for instance `{entry.key.raw}: {{say: ...}}`. The verbs: {verbs}."
        reader.problem("no-verb", entry.key, f"step '{entry.key.raw}' is {kind_of(entry.value)} and not a map", cure)
        return None
    words = _verb_words(reader, entry, entry.value)
    reader.step = entry.key.raw
    try:
        if len(words) == 1:
            return _whole(reader, entry, entry.value, words[0], name, path)
        # What stands in it is read all the same, so that every problem is told at once.
        fields = {each.key.raw: each for each in entry.value.entries}
        for each in words:
            VERBS[each].read(reader, fields[each].value, fields)
        return None
    finally:
        reader.step = None


def _whole(reader: Reader, entry: Entry, value: Mapping, word: str, name: str | None, path: str | None) -> Step | None:
    shape = VERBS[word]
    fields = _keys(reader, value, word, shape)
    with reader.offering(shape.names):
        verb = shape.read(reader, fields[word].value, fields)
        common = _common(reader, fields, verb, word)
    if word == _SECTION:
        reader.mapping(fields[word].value, "`section`")
    if isinstance(verb, Branch) and (then := common.pop("then", None)):
        # Where no route of a branch holds its `then` follows, which is what more routes at its end are.
        verb = Branch((*verb.routes, *then.routes))
    return None if verb is None or name is None else Step(name, entry.key.at, verb, section=path, **common)


def _verb_words(reader: Reader, entry: Entry, value: Mapping) -> list[str]:
    """The verbs of this step; a problem if they are not exactly one."""
    name, keys = entry.key.raw, [each.key for each in value.entries]
    found = [key for key in keys if key.raw in VERBS]
    known = {key for shape in VERBS.values() for key in (*shape.own, *shape.common)}
    if len(found) > 1:
        words = " and ".join(f"`{key.raw}`" for key in found)
        cure = "A step has exactly one verb: make a step of its own for the other."
        reader.problem("two-verbs", found[1], f"step '{name}' has {words}", cure)
    if found:
        return [key.raw for key in found]
    strange = next((key for key in keys if key.raw not in known), None)
    verbs = f"The verbs: {', '.join(VERBS)}."
    if strange is None:
        reader.problem("no-verb", entry.key, f"step '{name}' has no verb", verbs)
    else:
        near = closest(strange.raw, VERBS)
        cure = verbs + (f" Did you mean '{near}'?" if near else "")
        reader.problem("unknown-verb", strange, f"step '{name}' has no verb, and '{strange.raw}' is none", cure)
    return []


def _keys(reader: Reader, value: Mapping, word: str, shape: VerbShape) -> Fields:
    """The keys of the step that its verb allows; for the others, a problem that names the verb they belong to."""
    allowed = (word, *shape.own, *shape.common)
    fields: Fields = {}
    for entry in value.entries:
        key = entry.key.raw
        if key in allowed:
            fields[key] = entry
            continue
        owners = [f"`{name}`" for name, other in VERBS.items() if key in (*other.own, *other.common)]
        if owners:
            cure = _MISPLACED.get((word, key)) or f"Keys of {_a(word)} step: {', '.join(allowed)}."
            belongs = f"`{key}` belongs to {' and '.join(owners)}, and this step's verb is `{word}`"
            text = belongs if len(owners) <= _OWNERS_TOLD else f"{_a(word)} step has no `{key}`"
            reader.problem("misplaced-key", entry.key, text, cure)
        else:
            cure = suggest(key, allowed, f"Keys of {_a(word)} step")
            reader.problem("unknown-key", entry.key, f"{_a(word)} step has no key '{key}'", cure)
    return fields


def _a(word: str) -> str:
    return f"an `{word}`" if word[0] in "ae" else f"a `{word}`"


def _common(reader: Reader, fields: Fields, verb: Verb | None, word: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    kind = verb.answer.kind if isinstance(verb, Ask) else word
    what = f"{_a(word)} for `{kind}`" if isinstance(verb, Ask) else _a(word)
    if "then" in fields:
        with reader.offering(VERBS[word].routed):
            found["then"] = routes.then(reader, fields["then"].value, what, kind in OUTCOMES)
    if "after" in fields:
        found["after"] = routes.after(reader, fields["after"].value)
    if "when" in fields:
        found["when"] = routes.when(reader, fields["when"].value)
    if "enter" in fields:
        found["enter"], found["enter_set"] = routes.passing(reader, fields["enter"].value, "enter")
    if "exit" in fields:
        found["exit"], found["exit_set"] = routes.passing(reader, fields["exit"].value, "exit")
    if "commands" in fields:
        found["commands"] = routes.commands(reader, fields["commands"].value)
    if "class" in fields:
        found["message_class"] = reader.one_of(fields["class"].value, "`class`", CLASSES)
    if "keep" in fields:
        found["keep"] = reader.boolean(fields["keep"].value, "`keep`")
    if "note" in fields:
        reader.written(fields["note"].value, "`note`")
    if "tags" in fields:
        found["tags"] = reader.words(fields["tags"].value, "`tags`")
    return found
