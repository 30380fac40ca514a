"""Findings as other programs read them: our own JSON, SARIF 2.1.0, and the commands that a GitHub job prints.

Source: OASIS SARIF 2.1.0, sections 3.13 to 3.58; GitHub's workflow commands for annotations.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from vaiven import __version__
from vaiven.flow.problems import Problem

PROBLEMS_PAGE = "https://github.com/vaiven/vaiven/blob/main/docs/problems.md"
"""Where every code is told, each under a heading of its own."""
_SARIF_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_SARIF_LEVELS = {"error": "error", "warning": "warning", "hint": "note"}
_GITHUB_LEVELS = {"error": "error", "warning": "warning", "hint": "notice"}
_PLAIN = ("code", "severity", "file", "line", "column", "width", "text", "cure")

Report = Callable[[Sequence[Problem], Mapping[str, Any]], str]


def as_json(problems: Sequence[Problem], totals: Mapping[str, Any]) -> str:
    """One object: ``problems``, then the totals."""
    told = [{name: getattr(problem, name) for name in _PLAIN} for problem in problems]
    return json.dumps({"problems": told, **totals}, indent=2)


def as_sarif(problems: Sequence[Problem], _totals: Mapping[str, Any]) -> str:
    """A SARIF log of one run. Columns count code points; a finding about a whole file has no region."""
    codes = sorted({problem.code for problem in problems})
    driver = {
        "name": "vaiven",
        "semanticVersion": __version__,
        "informationUri": PROBLEMS_PAGE,
        "rules": [{"id": code, "helpUri": f"{PROBLEMS_PAGE}#{code}"} for code in codes],
    }
    results = [_result(problem, codes.index(problem.code)) for problem in problems]
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
    return json.dumps({"$schema": _SARIF_SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2)


def _result(problem: Problem, rule: int) -> dict[str, Any]:
    place: dict[str, Any] = {"artifactLocation": {"uri": _uri(problem.file)}}
    if problem.line:
        place["region"] = {
            "startLine": problem.line,
            "startColumn": max(1, problem.column),
            "endColumn": max(1, problem.column) + problem.width,
        }
        if problem.snippet:
            place["region"]["snippet"] = {"text": problem.snippet}
    return {
        "ruleId": problem.code,
        "ruleIndex": rule,
        "level": _SARIF_LEVELS[problem.severity],
        "message": {"text": _whole(problem)},
        "locations": [{"physicalLocation": place}],
    }


def _uri(file: str) -> str:
    path = Path(file)
    return path.as_uri() if path.is_absolute() else quote(path.as_posix())


def _whole(problem: Problem) -> str:
    return f"{problem.text}\n{problem.cure}" if problem.cure else problem.text


def as_github(problems: Sequence[Problem], _totals: Mapping[str, Any]) -> str:
    """One workflow command a finding, which the job's page shows beside the line."""
    return "\n".join(map(_command, problems))


def _command(problem: Problem) -> str:
    fields = {"file": problem.file}
    if problem.line:
        column = max(1, problem.column)
        fields |= {"line": str(problem.line), "col": str(column), "endColumn": str(column + problem.width)}
    fields["title"] = problem.code
    told = ",".join(f"{name}={_property(value)}" for name, value in fields.items())
    return f"::{_GITHUB_LEVELS[problem.severity]} {told}::{_data(_whole(problem))}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


REPORTS: Mapping[str, Report] = {"json": as_json, "sarif": as_sarif, "github": as_github}
