"""What YAML's own scanner complains of, retold: the place, what is so, and what to type instead."""

import re
from typing import Any, NamedTuple

from vaiven.flow.problems import Problem

_QUOTES = 'Put the text in quotes: {key}"{text}"'
_TWO_COLONS = re.compile(r"^(?P<before>[\s-]*(?:- )?)(?P<key>[^\s:][^:]*): +(?P<text>\S.*)$")
_CUT = re.compile(r"\s#(?=\S|\s)")
_ODD_STARTS = "@`%&*!|>]},"


def retell(error: Any, file: str, lines: tuple[str, ...]) -> Problem:
    """The scanner's or parser's error as a problem of ours."""
    complaint = str(getattr(error, "problem", None) or error)
    context = str(getattr(error, "context", None) or "")
    at = _place(getattr(error, "problem_mark", None), lines) or _Place(0, 0)
    began = _place(getattr(error, "context_mark", None), lines)
    told = _quote_left_open(complaint, began) or _not_closed(began, lines)
    code, at_line, at_column, text, cure = told or _on_line(complaint, context, at, began, lines)
    return Problem(code, file, at_line + 1, at_column + 1, text, cure, 1, lines[at_line])


_Told = tuple[str, int, int, str, str]


class _Place(NamedTuple):
    """As YAML counts: both from 0."""

    line: int
    column: int


def _place(mark: Any, lines: tuple[str, ...]) -> _Place | None:
    """Where a mark is, or the end of the last line with something on it, for what is only noticed at the end of the file."""
    if mark is None:
        return None
    if mark.line < len(lines) and lines[mark.line].strip():
        return _Place(mark.line, mark.column)
    line = min(mark.line, len(lines) - 1)
    while line > 0 and not lines[line].strip():
        line -= 1
    return _Place(line, len(lines[line].rstrip()))


def _quote_left_open(complaint: str, began: _Place | None) -> _Told | None:
    if "unexpected end of stream" in complaint and began is not None:
        return "yaml-quote", began.line, began.column, "this quote is never closed", "Close it with the same quote mark."
    return None


def _not_closed(began: _Place | None, lines: tuple[str, ...]) -> _Told | None:
    """A ``{`` or ``[`` whose other end is missing, most often because `` #`` has begun a comment."""
    opening = "" if began is None else lines[began.line][began.column : began.column + 1]
    if began is None or opening not in ("{", "["):
        return None
    if cut := _CUT.search(lines[began.line], began.column):
        text = "what follows ` #` is a comment, so this is never closed"
        return "yaml-comment", began.line, cut.start() + 1, text, 'A text with # stands in quotes: "Win #1 now".'
    closing = "}" if opening == "{" else "]"
    cure = (
        f"Between `{opening}` and `{closing}` stand entries with commas between them; a text that starts with `{opening}` "
        "or has a comma or `: ` in it stands in quotes."
    )
    return "yaml-bracket", began.line, began.column, f"`{opening}` is not closed as it should be", cure


def _on_line(complaint: str, context: str, at: _Place, began: _Place | None, lines: tuple[str, ...]) -> _Told:
    line, column = at
    shown = lines[line]
    indent = shown[: len(shown) - len(shown.lstrip())]
    if "\t" in indent or shown[column : column + 1] == "\t":
        tab = indent.find("\t") if "\t" in indent else column
        return "yaml-tab", line, tab, "a tab stands where the indentation is", "Indent with spaces, two a level."
    if "mapping values" in complaint:
        return _second_colon(line, column, shown)
    start = began.column if began is not None and began.line == line else column
    if "escape" in complaint or "hexadecimal" in complaint:
        cure = "Use single quotes, where a backslash is just a backslash, or write it twice."
        return "yaml-escape", line, column, "this escape is not known in double quotes", cure
    if "':'" in complaint and began is not None:
        cure = "Every line is `key: value` or `- item`. A text that goes on over lines stands in quotes or under `|`."
        first = len(lines[began.line]) - len(lines[began.line].lstrip())
        return "yaml-colon", began.line, first, "this line has no `key:`", cure
    if shown[start : start + 1] in tuple(_ODD_STARTS):
        rest = shown[start:].rstrip()
        cure = _QUOTES.format(key=_key_before(shown, start), text=rest.replace('"', "'"))
        return "yaml-start", line, start, f"a text cannot start with `{shown[start]}` unless it is in quotes", cure
    if quoted := _after_value(shown, column):
        return "yaml-quotes", line, column, quoted[0], quoted[1]
    if "expected" in complaint or "did not find" in complaint:
        cure = "Lines of one level start in the same column; a text that goes on over lines stands in quotes or under `|`."
        return "yaml-indent", line, column, "this line's indentation fits no level above it", cure
    told = f"{context}, {complaint}" if context else complaint
    return "yaml", line, column, f"this is not YAML: {told}", ""


def _second_colon(line: int, column: int, shown: str) -> _Told:
    indented = _TWO_COLONS.match(shown)
    if indented and ":" in indented["text"]:
        key = indented["key"] + ": "
        cure = _QUOTES.format(key=key, text=indented["text"].rstrip().replace('"', "'"))
        return "yaml-colon", line, column, "a second `: ` on one line", cure
    cure = "Lines of one level start in the same column, and a key with a value of its own has none below it."
    start = len(shown) - len(shown.lstrip())
    return "yaml-indent", line, start, "this line's indentation fits no level above it", cure


def _key_before(shown: str, start: int) -> str:
    before = shown[:start].strip()
    return f"{before} " if before.endswith((":", "-")) else ""


def _after_value(shown: str, column: int) -> tuple[str, str] | None:
    """Something follows a value that had already ended: ``{name} is here``, ``"Hi" there``."""
    before = shown[:column].rstrip()
    if not before or before[-1] not in "}]\"'":
        return None
    value = before.partition(": ")[2] or before.strip().removeprefix("- ")
    rest = (value + shown[len(before) :]).rstrip()
    if before[-1] in "}]":
        told = f"`{value[:1]}` at the start makes this a map or a list, and text follows it"
        return told, _QUOTES.format(key=_key_before(shown, shown.find(value)), text=rest.replace('"', "'"))
    return (
        "text follows after the closing quote",
        "Put the whole text between the quotes; for a quote inside, use the other kind.",
    )
