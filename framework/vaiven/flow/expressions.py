"""The small language of guards and bounds: pure, typed, our own allow-list over a parsed tree, never ``eval`` of a text."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from vaiven.flow.grammar import Binary, Call, ExpressionError, ListOf, Literal, Logic, Name, Node, Unary, parse_expression
from vaiven.flow.values import COMPARE, FUNCTIONS, Answer, calculate, compare, contains, kind_of, number

__all__ = ["HOURS", "Answer", "Expression", "ExpressionError", "compile_expression", "holds"]

Scope = Mapping[str, Any]
Evaluate = Callable[[Scope], Any]

HOURS = "business_open()"
"""Under this name, which no flow can write, a scope offers what ``business_open`` asks: the name of hours to open or not."""
_BUSINESS_OPEN = "business_open"


@dataclass(frozen=True, slots=True)
class Expression:
    """A compiled expression.

    ``names`` are the dotted names it reads (``count.cast``, ``params.max_votes``), ``hours`` the opening hours that it asks for.
    ``evaluate(scope)`` looks up top names in ``scope`` and raises ExpressionError.
    """

    source: str
    names: frozenset[str]
    evaluate: Evaluate
    hours: frozenset[str] = frozenset()


def compile_expression(text: str) -> Expression:
    """Parse and compile. Raises ExpressionError, with the offset of what is wrong and what would be right."""
    tree = parse_expression(text)
    nodes = list(_walked(tree))
    names = frozenset(".".join(node.parts) for node in nodes if isinstance(node, Name))
    evaluate = _build(tree)
    hours = frozenset(_hours(node) for node in nodes if isinstance(node, Call) and node.function == _BUSINESS_OPEN)
    return Expression(text, names, evaluate, hours)


def holds(condition: Expression, scope: Scope) -> bool:
    """Whether a condition is true; null is not. Raises ExpressionError if it is neither true, false nor null."""
    return _truth(condition.evaluate(scope), 0)


def _truth(value: Any, at: int) -> bool:
    if value is True or value is False:
        return value
    if value is None:
        return False
    raise ExpressionError(
        f"a condition is true or false, this is {kind_of(value)}", at, "compare it, as name != null or count > 0"
    )


def _walked(node: Node) -> Iterator[Node]:
    yield node
    match node:
        case Unary():
            yield from _walked(node.operand)
        case Binary():
            yield from _walked(node.left)
            yield from _walked(node.right)
        case Logic(conditions=items) | ListOf(items=items) | Call(arguments=items):
            for item in items:
                yield from _walked(item)
        case Literal() | Name():
            pass


def _build(node: Node) -> Evaluate:
    match node:
        case Literal():
            value = node.value
            return lambda _scope: value
        case Name():
            return _name(node)
        case Logic():
            return _logic(node)
        case ListOf():
            items = [_build(item) for item in node.items]
            return lambda scope: [item(scope) for item in items]
        case Call():
            return _call(node)
        case Unary():
            return _unary(node)
        case Binary():
            return _binary(node)


def _name(node: Name) -> Evaluate:
    parts, at = node.parts, node.at
    if len(parts) == 1:
        top = parts[0]

        def load_top(scope: Scope) -> Any:
            try:
                value = scope[top]
            except KeyError:
                raise _unknown(top, scope, at) from None
            return value.get("value") if value.__class__ is Answer else value

        return load_top
    if len(parts) == 2:
        first, second = parts

        def load_field(scope: Scope) -> Any:
            try:
                value = scope[first][second]
            except (KeyError, TypeError):
                value = _walk(parts, scope, at)
            return value.get("value") if value.__class__ is Answer else value

        return load_field
    return lambda scope: _walk(parts, scope, at)


def _walk(parts: tuple[str, ...], scope: Scope, at: int) -> Any:
    """Field by field. A field that is not there is null, and so is any field of null."""
    if parts[0] not in scope:
        raise _unknown(parts[0], scope, at)
    value = scope[parts[0]]
    for index, part in enumerate(parts[1:], 1):
        if value is None:
            return None
        if not isinstance(value, Mapping):
            raise ExpressionError(
                f"'{'.'.join(parts[:index])}' is {kind_of(value)} and has no fields", at, f"write {'.'.join(parts[:index])}"
            )
        value = value.get(part)
    return value.get("value") if value.__class__ is Answer else value


def _unknown(name: str, scope: Scope, at: int) -> ExpressionError:
    close = get_close_matches(name, [key for key in scope if isinstance(key, str)], 1)
    return ExpressionError(f"'{name}' is not known here", at, f"did you mean '{close[0]}'?" if close else "")


def _logic(node: Logic) -> Evaluate:
    conditions = [(_build(condition), condition.at) for condition in node.conditions]
    decides = node.operator == "or"

    def logic(scope: Scope) -> bool:
        for condition, at in conditions:
            value = condition(scope)
            if (value if value.__class__ is bool else _truth(value, at)) is decides:
                return decides
        return not decides

    return logic


def _unary(node: Unary) -> Evaluate:
    operand, at = _build(node.operand), node.at
    if node.operator == "not":
        return lambda scope: not _truth(operand(scope), at)

    def negative(scope: Scope) -> Any:
        try:
            return -number(operand(scope))
        except ExpressionError as error:
            raise _placed(error, at) from None

    return negative


def _placed(error: ExpressionError, at: int) -> ExpressionError:
    return error if error.offset else ExpressionError(str(error), at, error.cure)


def _binary(node: Binary) -> Evaluate:
    left, right, sign, at = _build(node.left), _build(node.right), node.operator, node.at
    if sign in COMPARE:
        return _comparison(left, right, sign, at)

    def binary(scope: Scope) -> Any:
        one, other = left(scope), right(scope)
        try:
            return contains(one, other) if sign == "in" else calculate(sign, one, other)
        except ExpressionError as error:
            raise _placed(error, at) from None

    return binary


def _comparison(left: Evaluate, right: Evaluate, sign: str, at: int) -> Evaluate:
    plain = COMPARE[sign]

    def comparison(scope: Scope) -> bool:
        one, other = left(scope), right(scope)
        kind = one.__class__
        if kind is other.__class__ and (kind is int or kind is str):
            return plain(one, other)
        try:
            return compare(sign, one, other)
        except ExpressionError as error:
            raise _placed(error, at) from None

    return comparison


def _call(node: Call) -> Evaluate:
    if node.function == _BUSINESS_OPEN:
        return _business_open(node)
    function, at = FUNCTIONS.get(node.function), node.at
    if function is None:
        known = (*FUNCTIONS, _BUSINESS_OPEN)
        close = get_close_matches(node.function, known, 1)
        cure = f"did you mean '{close[0]}'?" if close else f"functions are {', '.join(known)}"
        raise ExpressionError(f"there is no function '{node.function}'", at, cure)
    least, most, call = function
    if not least <= len(node.arguments) <= most:
        wanted = str(least) if least == most else f"{least} to {most}"
        raise ExpressionError(f"{node.function} takes {wanted} values, here are {len(node.arguments)}", at, "")
    arguments = [_build(argument) for argument in node.arguments]

    def run(scope: Scope) -> Any:
        values = [argument(scope) for argument in arguments]
        try:
            return call(*values)
        except ExpressionError as error:
            raise _placed(error, at) from None

    return run


def _hours(node: Call) -> str:
    """The hours that this asks for. They are a text as it stands, so that what a flow asks is known before anybody writes."""
    match node.arguments:
        case (Literal(value=str() as name),) if name:
            return name
    raise ExpressionError(f"{_BUSINESS_OPEN} takes the name of opening hours", node.at, f"as {_BUSINESS_OPEN}('support')")


def _business_open(node: Call) -> Evaluate:
    name, at = _hours(node), node.at

    def ask(scope: Scope) -> bool:
        try:
            return bool(scope[HOURS](name))
        except KeyError:
            raise ExpressionError(f"the hours '{name}' are not known here", at, "name them in bot.yaml, hours:") from None

    return ask
