"""What must not stand in a file that everybody reads: keys and tokens, signs that hide, words that only look right."""

import re
import unicodedata
from collections.abc import Iterable, Iterator

from vaiven.flow.checks.view import View
from vaiven.flow.checks.words import spelled, word_at
from vaiven.flow.document import ActionTarget, Call, Group, HttpTarget, ResourceTarget
from vaiven.flow.problems import Problem
from vaiven.flow.templates import Template

_SECRETS = re.compile(
    "|".join(
        (
            r"\b(?:sk|rk|pk)[-_](?:(?:live|test|proj)[-_])?[A-Za-z0-9]{20,}",
            r"\bAKIA[0-9A-Z]{16}\b",
            r"\bgh[pousr]_[A-Za-z0-9]{30,}",
            r"\bxox[abprs]-[A-Za-z0-9-]{10,}",
            r"\b(?:AC|SK)[0-9a-f]{32}\b",
            r"\bEAA[A-Za-z0-9]{40,}",
            r"\bAIza[0-9A-Za-z_-]{35}\b",
            r"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.",
            r"-----BEGIN [A-Z ]*PRIVATE KEY",
            r"\bgithub_pat_[A-Za-z0-9_]{30,}",
            r"\bglpat-[A-Za-z0-9_-]{20,}",
            r"\bwhsec_[A-Za-z0-9]{24,}",
            r"\bSG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}",
            r"\bhf_[A-Za-z0-9]{30,}",
            r"\b[0-9]{8,10}:AA[A-Za-z0-9_-]{32,}",
            r"\b(?:npm|dop_v1|shpat)_[A-Za-z0-9]{30,}",
            r"(?<=://)[^\s/:@{}\"']+:[^\s/@{}\"']{4,}@",
            r"(?<=[Bb]earer )[A-Za-z0-9._~+/-]{20,}",
        )
    )
)
"""The shapes of keys and tokens of the providers that bots talk to."""


_SECRET_NAME = re.compile(r"(?i)(?:^|[_-])(?:authorization|password|passwd|secret|token|api[_-]?key|apikey|private[_-]?key)$")
"""Names of headers, query values and params whose value is nobody else's business."""
_NAMED = re.compile(r"(?i)(?:password|passwd|secret|token|api[_-]?key|private[_-]?key)[\"']?\s*:")
"""A line that has such a name in it is not shown, whatever was found there."""
_IN_ADDRESS = re.compile(r"[?&]([\w-]+)=([^&#{}]+)(?=[&#]|$)")
"""A name and its value in plain letters, in the query of an address."""
_HIDDEN = re.compile(
    "[\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
)
_ESCAPED = re.compile(r"\\(?:u(?:00[aA][dD]|061[cC]|200[bBeEfF]|202[a-eA-E]|206[0-9a-fA-F]|[fF][eE][fF]{2}))")
_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_ALIKE = (frozenset("асеорхуіјѕԁһАВЕКМНОРСТХУІЈЅ"), frozenset("ονρΑΒΕΖΗΙΚΜΝΟΡΤΥΧ"))
"""Letters that look like one of the Latin alphabet."""


def secrets(view: View) -> Iterator[Problem]:
    """No password or token stands in a flow file."""
    cure = "Replace it at its provider, since it was written here, and name it in bot.yaml: `{env: NAME}`."
    for number, line in enumerate(view.lines, 1):
        if found := _SECRETS.search(line):
            text = "this looks like a secret, and flow files are for everybody's eyes"
            shown = "" if _NAMED.search(line) else line[: found.start()] + found.group()[:4] + "…"
            yield Problem("secret", view.document.file, number, found.start() + 1, text, cure, 5, shown)


def secret_values(view: View) -> Iterator[Problem]:
    """What is called a password, a token or a key comes from the bot, not from the file."""
    cure = 'Name it in bot.yaml, `params: {name: {env: NAME}}`, and write `"{params.name}"` here.'
    for step in view.document.steps:
        for name, value in _given(step.verb.target) if isinstance(step.verb, Call) else ():
            line, column = _place(view, step.at.line, name)
            if _SECRET_NAME.search(name) and _is_written(value) and not _SECRETS.search(view.lines[line - 1]):
                text = f"the value of '{name}' stands in the file, and flow files are for everybody's eyes"
                yield Problem("secret", view.document.file, line, column, text, cure, len(name))
    for name, default in view.document.params.items():
        if _SECRET_NAME.search(name) and isinstance(default, str) and len(default) >= 4:
            text = f"the param '{name}' has its value here, and flow files are for everybody's eyes"
            at = word_at(view, view.key_at("params"), name)
            yield Problem("secret", view.document.file, at.line, at.column, text, cure, len(name))


def _given(target: HttpTarget | ActionTarget | ResourceTarget) -> Iterator[tuple[str, object]]:
    """All that a call is given under a name: headers, query (in the address, too), body, arguments."""
    if not isinstance(target, HttpTarget):
        yield from _inside(target.arguments)
        return
    yield from (*target.headers, *target.query)
    yield from ((found[1], found[2]) for found in _IN_ADDRESS.finditer(target.url.source))
    if isinstance(target.json, Group):
        yield from _inside(target.json.items)


def _inside(items: Iterable[tuple[str | None, object]]) -> Iterator[tuple[str, object]]:
    for name, value in items:
        if isinstance(value, Group):
            yield from _inside(value.items)
        elif name is not None:
            yield name, value


def _is_written(value: object) -> bool:
    """Whether more than the name of a scheme stands there in plain letters."""
    if isinstance(value, Template):
        return not value.expressions and len(value.source.strip()) >= 4
    return isinstance(value, str) and len(value.strip()) >= 4


def _place(view: View, line: int, name: str) -> tuple[int, int]:
    for number in range(line, min(line + 20, len(view.lines)) + 1):
        if (column := view.lines[number - 1].find(name)) >= 0:
            return number, column + 1
    return line, 1


def hidden_characters(view: View) -> Iterator[Problem]:
    """No sign without a shape stands in the file: it turns what is read around, or makes two words of one look."""
    for number, line in enumerate(view.lines, 1):
        if line.isascii() and "\\u" not in line:
            continue
        for found in (*_HIDDEN.finditer(line), *_ESCAPED.finditer(line)):
            character = chr(int(found.group()[2:], 16)) if len(found.group()) > 1 else found.group()
            name = unicodedata.name(character, "a control").lower()
            does = "turns the order of what is read around" if character in _BIDI else "cannot be seen"
            text = f"U+{ord(character):04X} ({name}) stands here and {does}"
            yield Problem("hidden-character", view.document.file, number, found.start() + 1, text, "Remove it.", 1, line)


def mixed_scripts(view: View) -> Iterator[Problem]:
    """No word that people type is written with letters that only look like those of their keyboard."""
    for at, word in spelled(view):
        if word.isascii():
            continue
        for each in word.split():
            latin = any("a" <= letter <= "z" for letter in each.lower())
            for alike in _ALIKE:
                strange = next((letter for letter in each if letter in alike), None)
                if latin and strange is not None:
                    name = unicodedata.name(strange).lower()
                    text = f"'{word}' mixes two alphabets: '{strange}' is {name}, so nobody who types it is understood"
                    yield view.warning("mixed-scripts", word_at(view, at, word), text, "Write it in one alphabet.")
