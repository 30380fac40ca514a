"""The lines of a talk, from the nodes of a test file."""

import re
from collections.abc import Callable
from typing import Any

import msgspec

from vaiven.flow.parse.calls import METHODS
from vaiven.flow.parse.reader import Fields, Reader, kind_of
from vaiven.flow.problems import suggest
from vaiven.flow.source import Entry, Node, Scalar, Sequence, to_value
from vaiven.flow.source import Mapping as Map
from vaiven.model.messages import Choice, Location, Media, MessageClass, MessageKind
from vaiven.testing.flowtests.script import (
    Answer,
    Begin,
    Bot,
    Branch,
    Calls,
    Expect,
    Fork,
    Happen,
    Line,
    Me,
    Mock,
    Mocks,
    Refuse,
    Tap,
    Wait,
    Words,
)

VERBS = ("me", "tap", "bot", "wait", "fork", "event", "start", "refuse", "mock", "expect")
ACTS = ("me", "tap", "wait", "event", "start", "refuse")
ME = ("text", "photo", "video", "audio", "document", "sticker", "location", "kind", "payload", "referral", "lang", "sent")
FILES = {
    "photo": "image/jpeg",
    "video": "video/mp4",
    "audio": "audio/ogg",
    "document": "application/pdf",
    "sticker": "sticker/webp",
}
BOT = ("text", "buttons", "class", "media", "template", "none")
ANSWER = ("status", "json", "text", "delay", "fail", "word")
EXPECT = (
    "end", "flow", "step", "state", "vars", "calls", "later_messages", "votes", "rejected", "sessions", "opted_out", "recorded",
)  # fmt: skip

_TIMES = re.compile(r"(.*\S)\s+x([0-9]{1,4})")


def told(reader: Reader) -> Callable[[Node, str], str | None]:
    """Reads a text as it stands: ``3`` and ``yes`` are texts here."""

    def read(node: Node, what: str) -> str | None:
        scalar = reader.written(node, what)
        return None if scalar is None else scalar.raw

    return read


def optional_word(reader: Reader, fields: Fields, key: str) -> str:
    """The word that stands there, empty if none does."""
    return (reader.word(fields[key].value, f"`{key}`") if key in fields else None) or ""


def read_lines(reader: Reader, node: Node) -> tuple[Line, ...]:
    """The lines of a talk or of a branch. A fork is the last of them."""
    items = reader.items(node, "`talk`")
    lines = []
    for item in items:
        line = _line(reader, item)
        if line is not None:
            lines.append(line)
    for line, item in zip(lines[:-1], items, strict=False):
        if isinstance(line, Fork):
            reader.problem("misplaced-key", item, "lines after a fork belong to no branch", "Make `fork` the last line.")
    return tuple(lines)


def _line(reader: Reader, node: Node) -> Line | None:
    fields = reader.fields(node, "a line", (*VERBS, "loose"))
    verbs = [verb for verb in VERBS if verb in fields]
    if len(verbs) != 1:
        if isinstance(node, Map) and not ({entry.key.raw for entry in node.entries} - set(fields)):
            text = "a line says one thing" + (f", not {' and '.join(f'`{verb}`' for verb in verbs)}" if verbs else "")
            reader.problem("two-verbs" if verbs else "no-verb", node, text, f"It has one of: {', '.join(VERBS)}.")
        return None
    verb = verbs[0]
    if "loose" in fields and verb not in ACTS:
        reader.problem("misplaced-key", fields["loose"].key, "`loose` goes with what is done", f"With one of: {', '.join(ACTS)}.")
    loose = reader.boolean(fields["loose"].value, "`loose`") if "loose" in fields else False
    entry = fields[verb]
    return _READ[verb](reader, entry, loose)


def _me(reader: Reader, entry: Entry, loose: bool) -> Me | None:
    node = entry.value
    if isinstance(node, Scalar):
        if node.style == "plain" and not node.raw:
            reader.problem("empty", node, "`me` is empty", 'An empty message is written as "".')
        return Me(node.at, {"text": node.raw}, node.raw, loose)
    fields = reader.fields(node, "`me`", ME)
    text = reader.optional(fields, "text", told(reader)) or ""
    found: dict[str, Any] = {"text": text} if text else {}
    shown = [text] if text else []
    files = [key for key in FILES if key in fields]
    for key in files:
        name = told(reader)(fields[key].value, f"`{key}`") or ""
        mime = name if "/" in name else FILES[key]
        file = Media(mime, url=f"https://files.example/{key}", name=None if "/" in name else name)
        found["media"] = (*found.get("media", ()), file)
        found["kind"] = MessageKind.MEDIA
        shown.append(f"[{key} {name}]")
    if "location" in fields:
        found |= {"kind": MessageKind.LOCATION, "location": _location(reader, fields["location"].value)}
        shown.append("[location]")
    for key in ("lang", "referral"):
        if (word := reader.optional(fields, key, reader.word)) is not None:
            found[key] = word
    if "payload" in fields:
        word = reader.word(fields["payload"].value, "`payload`") or ""
        found |= {"kind": MessageKind.CHOICE, "choice": Choice(word, text)}
        shown.append(f"[payload {word}]")
    if "kind" in fields:
        kinds = [kind.value for kind in MessageKind]
        found["kind"] = MessageKind(reader.one_of(fields["kind"].value, "`kind`", kinds) or "text")
        shown.append(f"[{found['kind'].value}]")
    elif "referral" in found and not text:
        found["kind"] = MessageKind.REFERRAL
        shown.append(f"[referral {found['referral']}]")
    if not found:
        reader.problem("empty", node, "`me` says nothing", f"It has one of: {', '.join(ME)}.")
    return Me(node.at, found, " ".join(shown), loose, reader.optional(fields, "sent", reader.word))


def _location(reader: Reader, node: Node) -> Location:
    fields = reader.fields(node, "`location`", ("latitude", "longitude", "name", "address"))
    degrees: list[float] = []
    for key, most in (("latitude", 90), ("longitude", 180)):
        value = to_value(fields[key].value) if key in fields else None
        if not isinstance(value, int | float) or isinstance(value, bool) or abs(value) > most:
            at = fields[key].value if key in fields else node
            reader.problem(
                "wrong-type", at, f"`{key}` is a number from -{most} to {most}", "location: {latitude: 41.4, longitude: 2.2}"
            )
            value = 0
        degrees.append(float(value))
    name, address = reader.optional(fields, "name", told(reader)), reader.optional(fields, "address", told(reader))
    return Location(degrees[0], degrees[1], name, address)


def _tap(reader: Reader, entry: Entry, loose: bool) -> Tap | None:
    if isinstance(entry.value, Map):
        fields = reader.fields(entry.value, "`tap`", ("id",))
        word = reader.optional(fields, "id", told(reader))
        return None if word is None else Tap(entry.value.at, word, True, loose)
    title = told(reader)(entry.value, "`tap`")
    return None if title is None else Tap(entry.value.at, title, False, loose)


def _wait(reader: Reader, entry: Entry, loose: bool) -> Wait | None:
    if isinstance(entry.value, Map):
        fields = reader.fields(entry.value, "`wait`", ("until",))
        until = reader.optional(fields, "until", reader.word)
        return None if until is None else Wait(entry.value.at, None, until, loose)
    span = reader.span(entry.value, "`wait`")
    return None if span is None else Wait(entry.value.at, span, loose=loose)


def _named(reader: Reader, entry: Entry, what: str) -> tuple[str, dict[str, Any]] | None:
    """A name, or a map of one name with what goes along."""
    node = entry.value
    if isinstance(node, Map):
        if len(node.entries) != 1:
            reader.problem(
                "wrong-type", node, f"{what} is a name, or one name with its data", "event: {agent.joined: {name: Ana}}"
            )
            return None
        only = node.entries[0]
        value = to_value(only.value)
        if value is None:
            value = {}
        if not isinstance(value, dict):
            reader.problem("wrong-type", only.value, f"the data of {what} is a map, not {kind_of(only.value)}")
            return None
        return only.key.raw, value
    name = reader.word(node, what)
    return None if name is None else (name, {})


def _event(reader: Reader, entry: Entry, loose: bool) -> Happen | None:
    named = _named(reader, entry, "`event`")
    return None if named is None else Happen(entry.value.at, *named, loose=loose)


def _start(reader: Reader, entry: Entry, loose: bool) -> Begin | None:
    named = _named(reader, entry, "`start`")
    return None if named is None else Begin(entry.value.at, *named, loose=loose)


def _refuse(reader: Reader, entry: Entry, loose: bool) -> Refuse | None:
    reason = reader.word(entry.value, "`refuse`")
    return None if reason is None else Refuse(entry.value.at, reason, loose)


def words(reader: Reader, node: Node, what: str) -> Words | None:
    """What a text must be."""
    if not isinstance(node, Scalar) or (not node.raw and node.style == "plain"):
        reader.written(node, what)
        return None
    text = node.raw
    if len(text) > 1 and text[0] == text[-1] == "/":
        try:
            return Words(text, pattern=re.compile(text[1:-1], re.MULTILINE))
        except re.error as error:
            reader.problem("bad-pattern", node, f"{text} is no regular expression: {error}")
            return None
    if text.startswith("~"):
        return Words(text, within=text[1:].strip())
    return Words(text)


def _many(reader: Reader, node: Node, what: str) -> tuple[Words, ...]:
    nodes = node.items if isinstance(node, Sequence) else (node,)
    return tuple(found for item in nodes if (found := words(reader, item, what)) is not None)


def _bot(reader: Reader, entry: Entry, _loose: bool) -> Bot | None:
    node = entry.value
    if isinstance(node, Scalar):
        text = words(reader, node, "`bot`")
        return None if text is None else Bot(node.at, text)
    fields = reader.fields(node, "`bot`", BOT)
    if "none" in fields:
        if len(fields) > 1 or not reader.boolean(fields["none"].value, "`none`"):
            reader.problem("misplaced-key", fields["none"].key, "`none: true` stands alone: the bot says nothing")
        return Bot(node.at, nothing=True)
    if not fields and isinstance(node, Map) and not node.entries:
        reader.problem("empty", node, "`bot` says nothing of its message", f"Its keys: {', '.join(BOT)}.")
    classes = [each.value for each in MessageClass]
    return Bot(
        node.at,
        words(reader, fields["text"].value, "`text`") if "text" in fields else None,
        _many(reader, fields["buttons"].value, "`buttons`") if "buttons" in fields else None,
        reader.one_of(fields["class"].value, "`class`", classes) if "class" in fields else None,
        _many(reader, fields["media"].value, "`media`") if "media" in fields else None,
        reader.optional(fields, "template", reader.word),
    )


def _fork(reader: Reader, entry: Entry, _loose: bool) -> Fork:
    entries = reader.mapping(entry.value, "`fork`")
    if isinstance(entry.value, Map) and not entries:
        reader.problem("empty", entry.value, "the fork has no branches", "Write one: `happy path: [{me: …}]`.")
    branches = tuple(Branch(each.key.raw, each.key.at, read_lines(reader, each.value)) for each in entries)
    return Fork(entry.key.at, branches)


# ---- mocks


def read_mocks(reader: Reader, node: Node) -> tuple[Mock, ...]:
    return tuple(_mock(reader, entry) for entry in reader.mapping(node, "`mocks`"))


def _mock(reader: Reader, entry: Entry) -> Mock:
    name = entry.key.raw.strip()
    method, blank, _ = name.partition(" ")
    methods = [each.upper() for each in METHODS]
    if blank and method not in (*methods, "*"):
        reader.problem("unknown-word", entry.key, f"'{method}' is no method", suggest(method, methods, "Methods"))
    nodes = entry.value.items if isinstance(entry.value, Sequence) else (entry.value,)
    if not nodes:
        reader.problem(
            "empty", entry.value, "a mock has at least one answer", "For example: {json: {code: K7}}, or {status: 503}."
        )
    return Mock(name, entry.key.at, tuple(_answer(reader, item) for item in nodes))


def _answer(reader: Reader, node: Node) -> Answer:
    fields = reader.fields(node, "a mock", ANSWER)
    status = reader.integer(fields["status"].value, "`status`", 100) if "status" in fields else 200
    bodies = [key for key in ("json", "text", "fail") if key in fields]
    if len(bodies) > 1:
        reader.problem("misplaced-key", fields[bodies[1]].key, f"a mock has `{bodies[0]}` or `{bodies[1]}`, not both")
    json = to_value(fields["json"].value) if "json" in fields else None
    body = msgspec.json.encode(json) if "json" in fields else b""
    if "text" in fields:
        body = (told(reader)(fields["text"].value, "`text`") or "").encode()
    return Answer(
        status=status or 200,
        body=body,
        json=json,
        fail=optional_word(reader, fields, "fail"),
        delay_ms=(reader.span(fields["delay"].value, "`delay`") if "delay" in fields else None) or 0,
        word=optional_word(reader, fields, "word"),
    )


def _mocks(reader: Reader, entry: Entry, _loose: bool) -> Mocks:
    return Mocks(entry.key.at, read_mocks(reader, entry.value))


# ---- expect


def _expect(reader: Reader, entry: Entry, _loose: bool) -> Expect:
    fields = reader.fields(entry.value, "`expect`", EXPECT)
    if isinstance(entry.value, Map) and not entry.value.entries:
        reader.problem("empty", entry.value, "`expect` names nothing", f"Its keys: {', '.join(EXPECT)}.")
    wanted = {key: _EXPECTED[key](reader, field.value, f"`{key}`") for key, field in fields.items()}
    return Expect(entry.key.at, wanted, {key: field.key.at for key, field in fields.items()})


def _values(reader: Reader, node: Node, what: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for entry in reader.mapping(node, what):
        value = entry.value
        text = isinstance(value, Scalar) and isinstance(value.value, str) and bool(value.value)
        found[entry.key.raw] = words(reader, value, what) if text else to_value(value)
    return found


def _calls(reader: Reader, node: Node, what: str) -> tuple[Calls, ...]:
    found = []
    for item in node.items if isinstance(node, Sequence) else (node,):
        written = reader.word(item, what)
        if written is not None:
            times = _TIMES.fullmatch(written)
            found.append(Calls(written, times[1] if times else written, int(times[2]) if times else None))
    return tuple(found)


def _count(reader: Reader, node: Node, what: str) -> int | None:
    return reader.integer(node, what, 0)


def _counts(reader: Reader, node: Node, what: str) -> dict[str, Any]:
    """Of each poll a number, or one for each of its options or outcomes."""
    found: dict[str, Any] = {}
    for entry in reader.mapping(node, what):
        if isinstance(entry.value, Map):
            found[entry.key.raw] = {each.key.raw: _count(reader, each.value, what) for each in entry.value.entries}
        else:
            found[entry.key.raw] = _count(reader, entry.value, what)
    return found


def _word(reader: Reader, node: Node, what: str) -> str | None:
    return reader.word(node, what)


def _list(reader: Reader, node: Node, what: str) -> tuple[str, ...]:
    return reader.words(node, what)


_EXPECTED: dict[str, Callable[[Reader, Node, str], Any]] = {
    "end": _word,
    "flow": _word,
    "step": _word,
    "state": _word,
    "vars": _values,
    "calls": _calls,
    "later_messages": _count,
    "votes": _counts,
    "rejected": _counts,
    "sessions": _count,
    "opted_out": lambda reader, node, what: reader.boolean(node, what),
    "recorded": _list,
}

_READ: dict[str, Callable[[Reader, Entry, bool], Line | None]] = {
    "me": _me,
    "tap": _tap,
    "bot": _bot,
    "wait": _wait,
    "fork": _fork,
    "event": _event,
    "start": _start,
    "refuse": _refuse,
    "mock": _mocks,
    "expect": _expect,
}
