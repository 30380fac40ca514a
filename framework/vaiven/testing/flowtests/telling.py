"""How a failure reads: the talk so far, what was wanted and what is so, where the session stands, with files and lines."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from vaiven.flow.scope import zone_of
from vaiven.testing.flowtests.playing import Case, Failure, Heard, Result

_NEWEST = 24
"""So many things of a talk are shown, the last ones."""
_VALUE = 100


def told(result: Result) -> str:
    """A failed case as a person reads it; empty for one that holds."""
    return "" if result.failure is None else "\n".join(_lines(result.case, result.failure))


def place(case: Case, failure: Failure) -> str:
    return f"{case.script.file}:{failure.at.line}:{failure.at.column}"


def _lines(case: Case, failure: Failure) -> Iterator[str]:
    yield f"{place(case, failure)}: {failure.text}"
    line = case.script.lines[failure.at.line - 1] if failure.at.line <= len(case.script.lines) else ""
    if line.strip():
        yield f"  {failure.at.line} | {line.strip()}"
    yield f"  in {case.name}"
    yield ""
    yield from _talk(failure.heard, failure.standing.zone)
    if failure.wanted is not None and failure.real is not None:
        yield ""
        yield from _difference(failure.wanted, failure.real)
    yield ""
    places = failure.standing.places
    for flow, step, file, number in places:
        yield f"  stands at  {step} of {flow}  ({file}:{number})"
    if not places:
        yield "  stands     nowhere: no session is open"
    for name, value in failure.standing.vars.items():
        yield f"  value      {name} = {_value(value)}"
    if failure.cure:
        yield f"  {failure.cure}"


def _talk(heard: Sequence[Heard], zone: str) -> Iterator[str]:
    shown = heard[-_NEWEST:]
    if len(shown) < len(heard):
        yield f"  … {len(heard) - len(shown)} before"
    if not shown:
        yield "  (nothing was said yet)"
    day = ""
    for each in shown:
        at = datetime.fromtimestamp(each.at_ms / 1000, zone_of(zone))
        if f"{at:%Y-%m-%d}" != day:
            day = f"{at:%Y-%m-%d}"
            yield f"  {day}, {zone}"
        first, *more = each.text.split("\n") or [""]
        yield f"  {at:%H:%M:%S}  {each.who:>6}  {first}"
        yield from (f"  {'':16}  {line}" for line in more)


def _difference(wanted: str, real: str) -> Iterator[str]:
    """Both, line by line; a caret under where a single line begins to differ."""
    yield from _marked("wanted", wanted)
    yield from _marked("real", real)
    if wanted and real and "\n" not in wanted + real and wanted not in real:
        same = next((at for at, pair in enumerate(zip(wanted, real, strict=False)) if pair[0] != pair[1]), None)
        same = min(len(wanted), len(real)) if same is None else same
        if same:
            yield f"  {'':8} {' ' * same}^"


def _marked(head: str, text: str) -> Iterator[str]:
    for number, line in enumerate(text.split("\n") if text else ["(nothing)"]):
        yield f"  {head if not number else '':>8} {line}"


def _value(value: Any) -> str:
    if isinstance(value, Mapping) and "raw" in value and "value" in value:
        value = value.get("id") or value["value"]
    written = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return written if len(written) <= _VALUE else f"{written[: _VALUE - 1]}…"


def plain(results: Iterable[Result]) -> list[dict[str, Any]]:
    """The results for programs."""
    return [_plain(result) for result in results]


def _plain(result: Result) -> dict[str, Any]:
    case, failure = result.case, result.failure
    found: dict[str, Any] = {"file": case.script.file, "flow": case.script.flow, "name": case.name, "passed": failure is None}
    if failure is not None:
        found["failure"] = {
            "line": failure.at.line,
            "column": failure.at.column,
            "text": failure.text,
            "wanted": failure.wanted,
            "real": failure.real,
            "cure": failure.cure,
            "talk": [{"at_ms": each.at_ms, "who": each.who, "text": each.text} for each in failure.heard],
            "stands": [
                {"flow": flow, "step": step, "file": file, "line": line} for flow, step, file, line in failure.standing.places
            ],
            "values": {name: _value(value) for name, value in failure.standing.vars.items()},
        }
    return found
