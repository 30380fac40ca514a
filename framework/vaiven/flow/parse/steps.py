"""One step: exactly one verb, its own keys, and the keys that any step may have."""

from typing import Any

from vaiven.flow.document import Ask, Branch, Step, Verb
from vaiven.flow.parse import routes
from vaiven.flow.parse.reader import Fields, Reader, kind_of
from vaiven.flow.parse.verbs import OUTCOMES, VERBS, VerbShape
from vaiven.flow.problems import closest, suggest
from vaiven.flow.source import Entry, Mapping
from vaiven.model.messages import MessageClass

CLASSES = tuple(word.value for word in MessageClass)


def step(reader: Reader, entry: Entry) -> Step | None:
    """Read one step. None: it has no verb that could be read, and a problem says why."""
    name = reader.name(entry.key, "a step")
    reader.step = entry.key.raw
    if not isinstance(entry.value, Mapping):
        verbs = ", ".join(VERBS)
        cure = f"A step is a map with one verb, for instance `{entry.key.raw}: {{say: ...}}`. The verbs: {verbs}."
        reader.problem("no-verb", entry.key, f"step '{entry.key.raw}' is {kind_of(entry.value)} and not a map", cure)
        return None
    words = _verb_words(reader, entry, entry.value)
    if len(words) != 1:
        # What stands in it is read all the same, so that every problem is told at once.
        fields = {each.key.raw: each for each in entry.value.entries}
        for each in words:
            VERBS[each].read(reader, fields[each].value, fields)
        reader.step = None
        return None
    word = words[0]
    fields = _keys(reader, entry.value, word, VERBS[word])
    verb = VERBS[word].read(reader, fields[word].value, fields)
    common = _common(reader, fields, verb, word)
    reader.step = None
    if isinstance(verb, Branch) and (then := common.pop("then", None)):
        # Where no route of a branch holds its `then` follows, which is what more routes at its end are.
        verb = Branch((*verb.routes, *then.routes))
    return None if verb is None or name is None else Step(name, entry.key.at, verb, **common)


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
            cure = f"Keys of {_a(word)} step: {', '.join(allowed)}."
            text = f"`{key}` belongs to {' and '.join(owners)}, and this step's verb is `{word}`"
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
        found["then"] = routes.then(reader, fields["then"].value, what, kind in OUTCOMES)
    if "after" in fields:
        found["after"] = routes.after(reader, fields["after"].value)
    if "when" in fields:
        found["when"] = routes.when(reader, fields["when"].value)
    if "enter" in fields:
        found["enter"], found["enter_set"] = routes.enter(reader, fields["enter"].value)
    if "commands" in fields:
        found["commands"] = routes.commands(reader, fields["commands"].value)
    if "class" in fields:
        found["message_class"] = reader.one_of(fields["class"].value, "`class`", CLASSES)
    if "keep" in fields:
        found["keep"] = reader.boolean(fields["keep"].value, "`keep`")
    if "note" in fields:
        reader.written(fields["note"].value, "`note`")
    if "tags" in fields:
        reader.words(fields["tags"].value, "`tags`")
    return found
