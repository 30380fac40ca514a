"""``docs/sizing.md`` reckons right: every result is what its formula gives over the figures above it.

A figure that is not measured yet stands as ⟦its name⟧, and so does every result that needs it.
"""

import ast
import math
import re
from collections.abc import Iterator

ROW = re.compile(r"^\| `(\w+)` \| (?:`([^`]+)`|[^|]*) \| (⟦\w+⟧|[\d,.]+) \|", re.MULTILINE)
OPERATORS = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.Div: lambda a, b: a / b,
}


class NotMeasured(Exception):
    """A figure that the formula needs is still open."""


def rows(page) -> Iterator[tuple[str, str, str]]:
    """Name, formula (empty for a given figure) and value of each line, as written."""
    return (found.groups(default="") for found in ROW.finditer(page("docs/sizing.md").text))


def reckon(node: ast.AST, known: dict[str, float | None]) -> float:
    """What a formula of numbers, names, + - * / and ceil() comes to."""
    match node:
        case ast.Expression(body):
            return reckon(body, known)
        case ast.Constant(int() | float() as number):
            return number
        case ast.Name(name):
            value = known[name]
            if value is None:
                raise NotMeasured(name)
            return value
        case ast.BinOp(left, operator, right):
            return OPERATORS[type(operator)](reckon(left, known), reckon(right, known))
        case ast.Call(ast.Name("ceil"), [argument]):
            # What is a whole number but for the last bit of a float is that number.
            return math.ceil(round(reckon(argument, known), 9))
    raise AssertionError(f"not understood: {ast.dump(node)}")


def test_every_line_is_read(page) -> None:
    text = page("docs/sizing.md").text
    assert len(list(rows(page))) == len(re.findall(r"^\| `", text, re.MULTILINE)) > 20


def test_every_result_is_what_its_formula_gives(page) -> None:
    known: dict[str, float | None] = {}
    wrong = []
    for name, formula, written in rows(page):
        assert name not in known, f"{name} twice"
        known[name] = None if written == f"⟦{name}⟧" else float(written.replace(",", ""))
        if not formula:
            continue
        try:
            value = reckon(ast.parse(formula, mode="eval"), known | {name: None})
        except NotMeasured:
            if known[name] is not None:
                wrong.append(f"{name} cannot be known yet")
            continue
        decimals = len(written.partition(".")[2])
        shown = known[name]
        if shown is None or not math.isclose(round(value, decimals), shown):
            wrong.append(f"{name} = {value:,.2f}")
        known[name] = value
    assert wrong == []


def test_a_wrong_result_is_seen() -> None:
    assert reckon(ast.parse("ceil(a * 3 / 10)", mode="eval"), {"a": 7.0}) == 3
    assert reckon(ast.parse("a / 0.7 - 1", mode="eval"), {"a": 7.0}) == 9
    assert reckon(ast.parse("ceil(a / 0.1)", mode="eval"), {"a": 0.3}) == 3
