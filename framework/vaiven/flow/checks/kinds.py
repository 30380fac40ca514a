"""Types of expressions: what each name can be, and where no value it can have would do.

Kinds are the words of ``values.kind_of``. A name may have several; only what fails with every one of them is told, so that what
is told is certain. What operators take is asked of the operators themselves, on a sample of each kind.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from itertools import product
from typing import Any

from vaiven.flow.checks.view import View, tree
from vaiven.flow.document import Ask, Branch, Call, Route, Say, Set, Step, Tally, Use
from vaiven.flow.expressions import Expression
from vaiven.flow.grammar import Binary, ExpressionError, ListOf, Literal, Logic, Name, Node, Unary
from vaiven.flow.grammar import Call as FunctionCall
from vaiven.flow.problems import Problem
from vaiven.flow.values import COMPARE, FUNCTIONS, calculate, compare, contains, kind_of, number

Kinds = frozenset[str]

SAMPLES: Mapping[str, Any] = {
    "null": None,
    "true or false": True,
    "text": "2026-12-05",
    "number": 2,
    "instant": datetime(2026, 12, 5, 20, tzinfo=UTC),
    "day": date(2026, 12, 5),
    "duration": timedelta(days=1),
    "list": [2],
    "group": {"a": 2},
}
ANY: Kinds = frozenset(SAMPLES)
BOOLEAN: Kinds = frozenset({"true or false"})
_NULL: Kinds = frozenset({"null"})
_UNKNOWN_INSIDE: Kinds = frozenset({"list", "group"})

_MOMENTS: Kinds = frozenset({"day", "instant"})
_TOO_EARLY_MS = 10**11
"""Of 1973: nobody writes such an instant as ms."""

_TEXT, _NUMBER, _INSTANT, _DAY = (frozenset({kind}) for kind in ("text", "number", "instant", "day"))
_OF_VARIABLES: Mapping[str, Kinds] = {
    "text": _TEXT,
    "integer": _NUMBER,
    "number": _NUMBER,
    "boolean": BOOLEAN,
    "date": _DAY | _TEXT,
    "time": _TEXT,
    "datetime": _INSTANT | _TEXT,
    "list": frozenset({"list"}),
}
_OF_ANSWERS: Mapping[str, Kinds] = {
    "choices": _TEXT,
    "text": _TEXT,
    "integer": _NUMBER,
    "number": _NUMBER,
    "date": _DAY | _TEXT,
    "datetime": _INSTANT | _TEXT,
    "time": _TEXT,
    "phone": _TEXT,
    "email": _TEXT,
    "url": _TEXT,
    "many_of": frozenset({"list"}),
}
"""What the value of an answer can be; a date is a text once it has been stored."""
_BUILT_IN: Mapping[str, Kinds] = {
    "channel": _TEXT,
    "session.id": _TEXT,
    "session.visit": _NUMBER,
    "message.text": _TEXT,
    "now": _INSTANT,
    "today": _DAY,
    "window.from": _INSTANT | _NULL,
    "window.to": _INSTANT | _NULL,
    "queue.position": _NUMBER,
}
_OF_TALLIES: Mapping[str, Kinds] = {"cast": _NUMBER, "left": _NUMBER | _NULL, "option": _TEXT}


def kinds(view: View) -> Iterator[Problem]:
    """No comparison, calculation, call or condition that can only fail."""
    conditions = {id(piece) for piece in _conditions(view)}
    for use in view.document.uses:
        for piece in [use.piece] if isinstance(use.piece, Expression) else [one for _, one in use.piece.expressions]:
            yield from _Inference(view, use, piece).problems(id(piece) in conditions)


def variables(view: View) -> Iterator[Problem]:
    """What is put into a variable is of its type."""
    for name, expression in _assignments(view):
        variable = view.document.vars.get(name)
        use = next((use for use in view.document.uses if use.piece is expression), None)
        if variable is None or use is None:
            continue
        wanted = _OF_VARIABLES.get(variable.type, ANY) | _NULL
        given = _Inference(view, use, expression).whole()
        if given and given.isdisjoint(wanted):
            text = f"the variable '{name}' is {_a(variable.type)}, and this is {_shown(given)}"
            cure = f"Set it to {_a(variable.type)}, or declare it otherwise under `vars`."
            yield view.problem("wrong-kind", use.at, text, cure, width=len(expression.source))


class _Inference:
    """One expression: its tree, and the problems found on the way up. No kinds at all: it has failed below, once is enough."""

    def __init__(self, view: View, use: Use, piece: Expression) -> None:
        self.view = view
        self.use = use
        self.piece = piece
        self.found: list[tuple[str, int, str, str]] = []

    def whole(self) -> Kinds:
        return self.of(tree(self.piece.source))

    def problems(self, is_condition: bool) -> Iterator[Problem]:
        got = self.of(tree(self.piece.source))
        if is_condition:
            self.condition(got, 0)
        for code, offset, text, cure in self.found:
            at = self.view.place_in(self.use, self.piece, offset)
            yield self.view.problem(code, at, text, cure)

    def tell(self, code: str, at: int, text: str, cure: str) -> None:
        self.found.append((code, at, text, cure))

    def say(self, at: int, error: ExpressionError) -> Kinds:
        cure = error.cure and error.cure[0].upper() + error.cure[1:] + ("" if error.cure[-1] in ".?" else ".")
        self.tell("wrong-kind", at, f"this fails whenever it is reached: {error}", cure)
        return frozenset()

    def condition(self, got: Kinds, at: int) -> None:
        if got and not got & BOOLEAN and got != _NULL:
            text = f"a condition is true or false, this is {_shown(got - _NULL)}"
            self.tell("wrong-kind", at, text, "Compare it, as `name != null` or `count > 0`.")

    def of(self, node: Node) -> Kinds:
        match node:
            case Literal():
                return frozenset({kind_of(node.value)})
            case Name():
                return of_name(self.view, self.use, node.parts)
            case ListOf():
                for item in node.items:
                    self.of(item)
                return frozenset({"list"})
            case Logic():
                for one in node.conditions:
                    self.condition(self.of(one), one.at)
                return BOOLEAN
            case Unary():
                inner = self.of(node.operand)
                if node.operator == "not":
                    self.condition(inner, node.at)
                    return BOOLEAN
                return self.tried(node.at, ("-",), (inner,))
            case Binary():
                if problem := self.hours_to_a_day(node):
                    return self.say(node.at, problem)
                left, right = self.of(node.left), self.of(node.right)
                if node.operator in COMPARE:
                    self.beside_a_day(node.left, right)
                    self.beside_a_day(node.right, left)
                return self.tried(node.at, (node.operator,), (left, right))
            case FunctionCall():
                arguments = tuple(self.of(argument) for argument in node.arguments)
                if node.function not in FUNCTIONS or node.function == "business_open":
                    return ANY
                return self.tried(node.at, (node.function, "()"), arguments)

    def hours_to_a_day(self, node: Binary) -> ExpressionError | None:
        """A day and a written duration that is no number of days: the one case where the kinds alone do not tell."""
        left, right = node.left, node.right
        if node.operator not in "+-" or not isinstance(left, Name) or not isinstance(right, Literal):
            return None
        if not isinstance(right.value, timedelta) or of_name(self.view, self.use, left.parts) != _DAY:
            return None
        try:
            calculate(node.operator, SAMPLES["day"], right.value)
        except ExpressionError as error:
            return error
        return None

    def beside_a_day(self, node: Node, other: Kinds) -> None:
        """A day that is none, written beside one. A number is ms since 1970 there; a small one was meant for something else."""
        if not other & _MOMENTS or not other <= _MOMENTS | _TEXT | _NULL:
            return
        value = _fixed(node)
        if value is not None and abs(value) < _TOO_EARLY_MS:
            text = f"{_shown(other & _MOMENTS)} is compared with the number {value:g}"
            cure = "A day in an expression stands in quotes: '2026-12-24'. Without them it is a calculation."
            self.tell("not-a-day", node.at, text, cure)
        elif isinstance(node, Literal) and isinstance(node.value, str) and not is_moment(node.value):
            text = f"{_shown(other & _MOMENTS)} is compared with '{node.value}', which is none"
            self.tell("not-a-day", node.at, text, "Write a day that there is, such as '2026-12-24'.")

    def tried(self, at: int, operation: tuple[str, ...], arguments: tuple[Kinds, ...]) -> Kinds:
        """The kinds that come out, tried on every kind that can go in; a problem if all of them fail."""
        if not all(arguments):
            return frozenset()
        if operation[-1] == "()" and (len(arguments) > 3 or not _UNKNOWN_INSIDE.isdisjoint(frozenset().union(*arguments))):
            return ANY
        error: ExpressionError | None = None
        out: set[str] = set()
        # What is null now may be set by then: null only counts where nothing else can be there.
        for given in product(*((one - _NULL) or one for one in arguments)):
            result = _result(operation, given)
            if isinstance(result, ExpressionError):
                error = error or result
            else:
                out.add(result)
        return frozenset(out) if out or error is None else self.say(at, error)


def is_moment(value: Any) -> bool:
    """Whether a day can be compared with it."""
    try:
        compare("<", SAMPLES["day"], value)
    except ExpressionError:
        return False
    return True


def _fixed(node: Node) -> float | None:
    """The number that this comes to whoever is there; None if it is no number, or not always the same."""
    match node:
        case Literal(value) if isinstance(value, int | float) and not isinstance(value, bool):
            return value
        case Unary("-", operand) if (inner := _fixed(operand)) is not None:
            return -inner
        case Binary(operator, left, right) if operator not in COMPARE and operator != "in":
            one, other = _fixed(left), _fixed(right)
            try:
                return None if one is None or other is None else number(calculate(operator, one, other))
            except ExpressionError:
                return None
    return None


@lru_cache(maxsize=2048)
def _result(operation: tuple[str, ...], given: tuple[str, ...]) -> str | ExpressionError:
    """The kind that an operator or function makes of values of these kinds, or why it cannot."""
    values = [SAMPLES[kind] for kind in given]
    try:
        if operation[-1] == "()":
            return kind_of(FUNCTIONS[operation[0]].call(*values))
        if len(values) == 1:
            return kind_of(-number(values[0]))
        if operation[0] in COMPARE:
            return kind_of(compare(operation[0], values[0], values[1]))
        if operation[0] == "in":
            return kind_of(contains(values[0], values[1]))
        return kind_of(calculate(operation[0], values[0], values[1]))
    except ExpressionError as error:
        return error


def of_name(view: View, use: Use, parts: tuple[str, ...]) -> Kinds:
    """What a name can be here. Null is among it wherever it may not be there yet."""
    top, *fields = parts
    dotted = ".".join(parts)
    document = view.document
    if top in use.local and dotted not in _BUILT_IN:
        return ANY
    if dotted in _BUILT_IN:
        return _BUILT_IN[dotted]
    if top == "params" and len(parts) == 2:
        return _of_param(view, fields[0])
    if top in view.steps and top in view.answers:
        return _of_answer(view.steps[top], fields)
    name = fields[0] if top == "vars" and len(parts) == 2 else top
    variable = document.vars.get(name)
    if variable is not None and len(parts) == (2 if top == "vars" else 1):
        return _OF_VARIABLES.get(variable.type, ANY) | (_NULL if variable.default is None else frozenset())
    return ANY


def _of_param(view: View, name: str) -> Kinds:
    given = {**view.document.params, **(view.params or {})}
    if view.params is None or name not in given:
        # Whoever runs the flow may give another value, though of what kind the flow's own default tells.
        return _kind(view.document.params.get(name)) if view.document.params.get(name) is not None else ANY
    return _kind(given[name]) if given[name] is not None else ANY


def _kind(value: Any) -> Kinds:
    try:
        return frozenset({kind_of(value)})
    except ExpressionError:
        return ANY


def _of_answer(step: Step, fields: list[str]) -> Kinds:
    verb = step.verb
    if isinstance(verb, Tally):
        return _OF_TALLIES.get(fields[0], ANY) if len(fields) == 1 else ANY
    if isinstance(verb, Ask) and not verb.answer.media:
        if not fields or fields == ["value"]:
            return _OF_ANSWERS.get(verb.answer.kind, ANY) | _NULL
        if len(fields) == 1 and fields[0] in ("id", "label", "raw"):
            return _TEXT | _NULL
    return ANY


def routes_of(view: View) -> Iterator[Route]:
    """Every route of the flow."""
    document = view.document
    if document.default_otherwise:
        yield document.default_otherwise
    yield from (timer.route for timer in document.default_after)
    for step in document.steps:
        verb, then = step.verb, step.then
        yield from step.when.values()
        yield from (timer.route for timer in step.after)
        if then is not None:
            yield from then.routes
            yield from then.otherwise
            for some in then.outcomes.values():
                yield from some
        if isinstance(verb, Branch):
            yield from verb.routes
        elif isinstance(verb, Ask):
            yield from verb.reject.values()
            yield from (one for one in (verb.otherwise,) if one is not None)
        elif isinstance(verb, Call):
            yield from (one for one in (verb.meanwhile, verb.fail) if one is not None)


def _conditions(view: View) -> Iterator[Expression]:
    for route in routes_of(view):
        if route.condition is not None:
            yield route.condition
        yield from (part.condition for part in route.say if part.condition is not None)
    for step in view.document.steps:
        verb = step.verb
        said = (*step.enter, *step.exit, *(verb.parts if isinstance(verb, Say) else ()))
        if isinstance(verb, Ask):
            said += verb.question
            yield from (one for one in (verb.skip,) if one is not None)
        yield from (part.condition for part in said if part.condition is not None)
    for start in view.document.starts:
        if start.schedule is not None and start.schedule.condition is not None:
            yield start.schedule.condition


def _assignments(view: View) -> Iterator[tuple[str, Expression]]:
    for route in routes_of(view):
        yield from route.set
    for step in view.document.steps:
        yield from step.enter_set
        yield from step.exit_set
        if isinstance(step.verb, Set):
            yield from step.verb.values


def _shown(kinds: Iterable[str]) -> str:
    return " or ".join(_a(kind) if kind not in ("null", "true or false") else kind for kind in sorted(kinds))


def _a(word: str) -> str:
    return f"an {word}" if word[0] in "aeiou" else f"a {word}"
