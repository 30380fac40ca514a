"""Translations: the texts of a flow in another language, from a file beside it, ``vote.es.yaml`` beside ``vote.flow.yaml``.

Keys are those of the flow file below ``steps``: ``pick.ask``, ``pick.retry.2``, ``commands.rules.say``. Nested maps, keys with
dots and lists say the same. What stands under a key is text, never shape.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from pathlib import PurePath
from typing import Any

from vaiven.flow.document import FlowDocument, Translation, Use
from vaiven.flow.parse.reader import Reader, kind_of
from vaiven.flow.problems import Problem, suggest
from vaiven.flow.source import Mapping as Map
from vaiven.flow.source import Node, Position, Scalar, scan
from vaiven.flow.source import Sequence as List
from vaiven.flow.spots import Spot, spots_of
from vaiven.flow.templates import Template
from vaiven.flow.tongues import plain_tag

_FILE = re.compile(r"(?P<stem>.+)\.(?P<lang>[a-z]{2,3}(?:-[A-Za-z0-9]{2,8})*)\.yaml")
_FLOW = ".flow.yaml"
_JOINT = re.compile(r"^--- # (\S+)\n", re.MULTILINE)
"""Between a flow and its translations where they are kept as one text. YAML reads it as the start of another document."""


def language_of_file(file: str) -> str | None:
    """The language of a translation by its file's name, None: it is none."""
    found = _FILE.fullmatch(PurePath(file).name)
    return found["lang"] if found is not None else None


def stem_of(file: str) -> str:
    """What a flow file and its translations have in common: folder and name up to the kind of file."""
    path = PurePath(file)
    found = _FILE.fullmatch(path.name)
    return str(path.parent / (found["stem"] if found is not None else path.name.removesuffix(_FLOW)))


def joined(text: str, translations: Sequence[tuple[str, str]]) -> str:
    """A flow and its translations as one text, which ``parted`` takes apart again, each line where it stood in its file."""
    for file, one in translations:
        between = "" if text.endswith("\n") else "\n"
        text = f"{text}{between}--- # {PurePath(file).name}\n{one}"
    return text


def parted(text: str, file: str) -> tuple[str, list[tuple[str, str]]]:
    """The text of the flow, and (file, text) of each translation in it."""
    found: list[tuple[str, str]] = []
    end = len(text)
    for mark in reversed(list(_JOINT.finditer(text))):
        if language_of_file(mark[1]) is not None:
            found.append((str(PurePath(file).parent / mark[1]), text[mark.end() : end]))
            end = mark.start()
    return text[:end], found[::-1]


def read_translation(text: str, file: str, document: FlowDocument) -> tuple[Translation | None, tuple[Use, ...], list[Problem]]:
    """One translation, where its texts are used, and every problem of its own. None: it cannot be read at all."""
    source, problems = scan(text, file)
    if source is None:
        return None, (), problems
    taker = _Taker(Reader(source), document)
    if isinstance(source.root, Map):
        taker.entries("", source.root)
    else:
        taker.reader.problem("wrong-type", source.root, f"a translation is a map of `key: value`, not {kind_of(source.root)}")
    lang = language_of_file(file) or ""
    if plain_tag(lang) == plain_tag(document.lang or ""):
        cure = f"Write these texts into {PurePath(document.file).name} itself, or name the file by another language."
        problems.append(source.problem("own-language", source.root.at, f"'{lang}' is the flow's own language", cure))
    reader = taker.reader
    translation = Translation(lang, file, source.text, taker.texts, taker.words, taker.places)
    return translation, tuple(reader.uses), [*problems, *reader.problems]


class _Taker:
    """Collects what stands under the keys that the flow has."""

    def __init__(self, reader: Reader, document: FlowDocument) -> None:
        self.reader = reader
        self.spots: dict[str, Spot] = {key: spot for spot in spots_of(document) for key in spot.keys}
        self.beginnings = {key[:at] for key in self.spots for at, sign in enumerate(key) if sign == "."}
        self.texts: dict[str, Template] = {}
        self.words: dict[str, tuple[str, ...]] = {}
        self.places: dict[str, Position] = {}

    def entries(self, prefix: str, node: Map) -> None:
        for entry in node.entries:
            key = f"{prefix}.{entry.key.raw}" if prefix else entry.key.raw
            if key in self.spots or key in self.beginnings:
                self.take(key, entry.value, entry.key)
            else:
                self.unknown(key, entry.key)

    def unknown(self, key: str, node: Node) -> None:
        above = key
        while above and above not in self.beginnings:
            above = above.rpartition(".")[0]
        start = f"{above}." if above else ""
        beside = sorted({start + one[len(start) :].partition(".")[0] for one in self.spots if one.startswith(start)})
        wanted = start + key[len(start) :].partition(".")[0]
        self.reader.problem("unknown-text", node, f"this flow has no text '{key}'", suggest(wanted, beside, "Keys here"))

    def take(self, key: str, node: Node, name: Scalar) -> None:
        spot = self.spots.get(key)
        if spot is not None and (spot.kind == "words" or isinstance(node, Scalar)):
            self.leaf(spot, node, name)
        elif isinstance(node, Map):
            self.entries(key, node)
        elif isinstance(node, List):
            for number, item in enumerate(node.items, 1):
                each = f"{key}.{number}"
                if each in self.spots or each in self.beginnings:
                    self.take(each, item, name)
                else:
                    least = sum(1 for one in self.spots if one.startswith(f"{key}.") and one[len(key) + 1 :].isdecimal())
                    self.reader.problem("unknown-text", item, f"'{key}' has {least} texts in this flow, this is number {number}")
        else:
            within = sorted(one for one in self.spots if one.startswith(f"{key}."))
            cure = f"Its texts: {', '.join(within[:8])}."
            self.reader.problem("wrong-type", node, f"'{key}' is not one text in this flow", cure)

    def leaf(self, spot: Spot, node: Node, name: Scalar) -> None:
        key, reader = spot.key, self.reader
        if key in self.places:
            first = self.places[key]
            text = f"'{key}' is here twice"
            reader.problem("duplicate-key", name, text, f"It already stands at line {first.line}. Keep one of the two.")
            return
        self.places[key] = node.at
        reader.step, reader.local = spot.step, spot.local
        if spot.kind == "words":
            self.words[key] = reader.words(node, f"`{key}`")
        elif (template := reader.text(node, f"`{key}`")) is not None:
            self.texts[key] = template


def attached(document: FlowDocument, translations: Sequence[Translation], uses: Sequence[Use] = ()) -> FlowDocument:
    """The document with these translations in its texts and words. ``uses`` are those of the translations."""
    others: dict[int, dict[str, Template]] = {}
    edits: dict[int, dict[str, Any]] = {}
    for spot in spots_of(document):
        for each in translations:
            if spot.kind == "text" and spot.key in each.texts:
                others.setdefault(id(spot.value), {})[each.lang] = each.texts[spot.key]
            elif spot.key in each.words:
                _add_words(edits.setdefault(id(spot.value), {}), spot, each)
    edits |= {key: {"others": texts} for key, texts in others.items()}
    files = [(each.file, each.source) for each in translations]
    edited: FlowDocument = _edited(document, edits)
    return replace(
        edited,
        source=joined(document.source, files),
        translations={each.lang: each for each in translations},
        uses=(*edited.uses, *uses),
    )


def _add_words(edit: dict[str, Any], spot: Spot, translation: Translation) -> None:
    more = translation.words[spot.key]
    if spot.field == "others":
        edit.setdefault("others", {})[translation.lang] = more
    else:
        # Whoever writes a keyword or a command in a language may not have said yet that it is theirs.
        before = edit.get("words", spot.value.words)
        edit["words"] = (*before, *(word for word in more if word not in before))


def in_language(document: FlowDocument, lang: str) -> FlowDocument:
    """The flow as those hear it who speak this language, as if its translation had been written alone: choices, commands and
    starts stand where it has something of them, else at its top."""
    translation = document.translations[lang]
    edits: dict[int, dict[str, Any]] = {}
    for spot in spots_of(document):
        if spot.kind == "text":
            if spot.value.others and lang in spot.value.others:
                edits[id(spot.value)] = {"": spot.value.others[lang]}
            continue
        own = spot.key.removesuffix(".also")
        at = translation.places.get(own) or translation.places.get(spot.key) or Position(1, 1)
        edits[id(spot.value)] = {"at": at}
        if spot.field == "others" and spot.value.others and lang in spot.value.others:
            edits[id(spot.value)]["also"] = (*spot.value.also, *spot.value.others[lang])
    edited: FlowDocument = _edited(document, edits)
    return replace(edited, lang=lang, file=translation.file, source=translation.source)


def _edited(value: Any, edits: Mapping[int, Mapping[str, Any]]) -> Any:
    """The value with fields changed in those of its parts that ``edits`` has by their id; what has none of them stays itself."""
    own = edits.get(id(value))
    if isinstance(value, Template):
        return value if own is None else own.get("") or replace(value, **own)
    if is_dataclass(value) and not isinstance(value, type):
        named = {f.name: (old, _edited(old, edits)) for f in fields(value) if (old := getattr(value, f.name)) is not None}
        changes = {name: new for name, (old, new) in named.items() if new is not old} | dict(own or {})
        return replace(value, **changes) if changes else value
    if isinstance(value, tuple):
        items = tuple(_edited(item, edits) for item in value)
        return items if any(new is not old for new, old in zip(items, value, strict=True)) else value
    if isinstance(value, Mapping):
        entries = {key: _edited(item, edits) for key, item in value.items()}
        return entries if any(entries[key] is not value[key] for key in value) else value
    return value


@dataclass(frozen=True, slots=True)
class Untranslated:
    """A text that a language lacks."""

    lang: str
    key: str
    at: Position


def untranslated(document: FlowDocument) -> Iterator[Untranslated]:
    """Every text of a flow that one of its languages lacks, in the order of the flow's file."""
    if not document.translations:
        return
    told: set[int] = set()
    for spot in spots_of(document):
        if spot.kind != "text" or id(spot.value) in told or not spot.says:
            continue
        told.add(id(spot.value))
        for lang in document.translations:
            if lang not in (spot.value.others or ()):
                yield Untranslated(lang, spot.key, spot.at)
