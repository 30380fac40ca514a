"""From the text of an expression to a small tree. What the tree cannot say cannot be done: no attributes, no power, no code.

or < and < not < comparisons, in < + - < * / % < unary minus < literals, dotted.names, calls(), [lists], (parentheses)
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, NoReturn

MAX_SOURCE = 500
MAX_NESTING = 32
MAX_NUMBER = 2**63 - 1
MAX_DURATION = timedelta(days=36_525)


class ExpressionError(Exception):
    """It does not parse, or it failed at run time. ``offset`` is where in the text, from 0; ``cure`` what would be right."""

    def __init__(self, text: str, offset: int = 0, cure: str = "") -> None:
        super().__init__(text)
        self.offset = offset
        self.cure = cure


@dataclass(frozen=True, slots=True)
class Literal:
    value: Any
    at: int


@dataclass(frozen=True, slots=True)
class Name:
    parts: tuple[str, ...]
    at: int


@dataclass(frozen=True, slots=True)
class Unary:
    operator: str
    operand: "Node"
    at: int


@dataclass(frozen=True, slots=True)
class Binary:
    operator: str
    left: "Node"
    right: "Node"
    at: int


@dataclass(frozen=True, slots=True)
class Logic:
    """``and`` or ``or`` over two or more conditions, left to right, stopping at the first that decides."""

    operator: str
    conditions: tuple["Node", ...]
    at: int


@dataclass(frozen=True, slots=True)
class ListOf:
    items: tuple["Node", ...]
    at: int


@dataclass(frozen=True, slots=True)
class Call:
    function: str
    arguments: tuple["Node", ...]
    at: int


Node = Literal | Name | Unary | Binary | Logic | ListOf | Call


@dataclass(frozen=True, slots=True)
class Token:
    """``kind`` is ``number text name duration word end`` or the operator itself; ``value`` is what a literal means."""

    kind: str
    value: Any
    at: int


_TOKEN = re.compile(
    r"(?P<number>[0-9]+(?:\.[0-9]+)?)(?P<unit>[A-Za-z_][A-Za-z0-9_]*)?"
    r"|(?P<name>[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*)"
    r"|(?P<quoted>'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")"
    r"|(?P<operator>==|!=|<=|>=|[-+*/%<>(),\[\]])",
    re.DOTALL,
)
_SPACE = re.compile(r"\s*")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_ESCAPES = {"n": "\n", "'": "'", '"': '"', "\\": "\\"}
_CONSTANTS = {"true": True, "false": False, "null": None}
_OPERATOR_WORDS = frozenset({"not", "and", "or", "in"})
_COMPARISONS = frozenset({"==", "!=", "<", "<=", ">", ">=", "in"})
_POWER = {"+": 5, "-": 5, "*": 6, "/": 6, "%": 6}
_COMPARISON_POWER = 4

# Longest first: what people bring along from other languages, and what it is called here.
_FOREIGN = (
    ("===", "write =="),
    ("!==", "write !="),
    ("&&", "write and"),
    ("||", "write or"),
    ("<>", "write !="),
    ("=>", "write >="),
    ("=<", "write <="),
    ("**", "there is no power; multiply"),
)
_FOREIGN_CHARACTERS = {
    "!": "write not",
    "=": "write ==",
    "&": "write and",
    "|": "filters stand in texts only: {name|upper}",
    "^": "there is no power; multiply",
    "?": "write the choice as two routes, each with its own if",
    "{": "an expression stands without braces",
    "}": "an expression stands without braces",
    "\u2018": "write straight quotes: '",
    "\u2019": "write straight quotes: '",
    "\u201c": 'write straight quotes: "',
    "\u201d": 'write straight quotes: "',
    ".": "write a number as 0.5, a field as name.field",
}
_FOREIGN_WORDS = {"none": "null", "nil": "null", "undefined": "null", "elif": "or"}


def parse_expression(text: str) -> Node:
    """The tree of this text. Raises ExpressionError, with the offset of what is wrong and what would be right."""
    if len(text) > MAX_SOURCE:
        raise ExpressionError(
            f"an expression has at most {MAX_SOURCE} characters, this one has {len(text)}", MAX_SOURCE, "split it with set"
        )
    return _Parser(tokens(text), text).whole()


def tokens(text: str) -> list[Token]:
    """The tokens of this text, the last of kind ``end``."""
    found: list[Token] = []
    at = _skip_space(text, 0)
    while at < len(text):
        for foreign, cure in _FOREIGN:
            if text.startswith(foreign, at):
                raise ExpressionError(f"'{foreign}' is not an operator here", at, cure)
        match = _TOKEN.match(text, at)
        if match is None:
            _refuse_character(text, at)
        found.append(_token(match, at))
        at = _skip_space(text, match.end())
    found.append(Token("end", None, len(text)))
    return found


def _skip_space(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at


def _refuse_character(text: str, at: int) -> NoReturn:
    character = text[at]
    if character in "'\"":
        raise ExpressionError("this text has no closing quote", at, f"end it with {character}")
    if character.isalpha():
        raise ExpressionError(f"names are written in plain letters, not '{character}'", at, "a to z, 0 to 9 and _")
    shown = character if character.isprintable() else f"U+{ord(character):04X}"
    raise ExpressionError(f"'{shown}' has no meaning in an expression", at, _FOREIGN_CHARACTERS.get(character, ""))


def _token(match: re.Match[str], at: int) -> Token:
    number, unit, name, quoted, operator = match.group("number", "unit", "name", "quoted", "operator")
    if number is not None:
        return _number(number, unit, at)
    if name is not None:
        return _word(name, at)
    if quoted is not None:
        return Token("text", _unquote(quoted, at), at)
    return Token(operator, None, at)


def _number(number: str, unit: str | None, at: int) -> Token:
    if unit is None:
        value = float(number) if "." in number else int(number)
        if abs(value) > MAX_NUMBER:
            raise ExpressionError("this number is too big", at, f"at most {MAX_NUMBER}")
        return Token("number", value, at)
    if unit not in _UNITS or "." in number:
        if unit.startswith("_"):
            raise ExpressionError(f"'{number}{unit}' is not a number", at, "digits only, as 1000")
        raise ExpressionError(
            f"'{number}{unit}' is neither a number nor a duration", at, "a duration is a whole number and s m h d w"
        )
    seconds = int(number) * _UNITS[unit]
    if seconds > MAX_DURATION.total_seconds():
        raise ExpressionError("this duration is too long", at, f"at most {MAX_DURATION.days}d")
    return Token("duration", timedelta(seconds=seconds), at)


def _word(name: str, at: int) -> Token:
    if name in _CONSTANTS:
        return Token("constant", _CONSTANTS[name], at)
    if name in _OPERATOR_WORDS:
        return Token(name, None, at)
    lowered = name.lower()
    if lowered in _FOREIGN_WORDS:
        raise ExpressionError(f"'{name}' is not a word of this language", at, f"write {_FOREIGN_WORDS[lowered]}")
    if lowered != name and (lowered in _CONSTANTS or lowered in _OPERATOR_WORDS):
        raise ExpressionError(f"'{name}' is written in small letters", at, f"write {lowered}")
    if "__" in name:
        raise ExpressionError(f"'{name}' is not a name that can be read", at, "a name has no double underscore")
    return Token("name", tuple(name.split(".")), at)


def _unquote(quoted: str, at: int) -> str:
    inner = quoted[1:-1]
    if "\\" not in inner:
        return inner
    out, index = [], 0
    while index < len(inner):
        character = inner[index]
        if character == "\\":
            index += 1
            if inner[index] not in _ESCAPES:
                raise ExpressionError(f"'\\{inner[index]}' is not an escape", at + index, "\\' \\\" \\\\ or \\n")
            character = _ESCAPES[inner[index]]
        out.append(character)
        index += 1
    return "".join(out)


class _Parser:
    def __init__(self, found: list[Token], text: str) -> None:
        self.tokens = found
        self.text = text
        self.index = 0
        self.nesting = 0

    @property
    def token(self) -> Token:
        return self.tokens[self.index]

    def take(self) -> Token:
        token = self.tokens[self.index]
        self.index += 1
        return token

    def shown(self, token: Token) -> str:
        if token.kind == "end":
            return "the end"
        following = self.tokens[self.tokens.index(token) + 1].at
        return f"'{self.text[token.at : following].strip()}'"

    def whole(self) -> Node:
        if self.token.kind == "end":
            raise ExpressionError("the expression is empty", 0, "for instance count.cast < 10")
        node = self.logic("or", lambda: self.logic("and", self.negation))
        token = self.token
        if token.kind == "end":
            return node
        if token.kind == "[":
            raise ExpressionError("lists are not indexed here", token.at, "name a field, as result.code")
        if token.kind == "(":
            raise ExpressionError("only the functions of the language can be called", token.at, "")
        raise ExpressionError(f"{self.shown(token)} is not expected here", token.at, "an operator such as and, or, ==, <, +")

    def expression(self) -> Node:
        """One nested expression: the only way deeper, so the only place that counts."""
        self.nesting += 1
        if self.nesting > MAX_NESTING:
            raise ExpressionError(f"more than {MAX_NESTING} levels deep", self.token.at, "split it with set")
        node = self.logic("or", lambda: self.logic("and", self.negation))
        self.nesting -= 1
        return node

    def logic(self, word: str, condition: Callable[[], Node]) -> Node:
        at = self.token.at
        conditions = [condition()]
        while self.token.kind == word:
            self.take()
            conditions.append(condition())
        return conditions[0] if len(conditions) == 1 else Logic(word, tuple(conditions), at)

    def negation(self) -> Node:
        negations = []
        while self.token.kind == "not":
            negations.append(self.take())
        node = self.comparison()
        if len(negations) > 1:
            raise ExpressionError("'not' stands twice", negations[1].at, "leave both out")
        return Unary("not", node, negations[0].at) if negations else node

    def comparison(self) -> Node:
        left = self.sum(_COMPARISON_POWER + 1)
        operator = self.comparison_operator()
        if operator is None:
            return left
        negated, token = operator
        right = self.sum(_COMPARISON_POWER + 1)
        if self.comparison_operator() is not None:
            raise ExpressionError("comparisons do not chain", self.tokens[self.index - 1].at, "write a < b and b < c")
        node = Binary(token.kind, left, right, token.at)
        return Unary("not", node, token.at) if negated else node

    def comparison_operator(self) -> tuple[bool, Token] | None:
        if self.token.kind == "not" and self.tokens[self.index + 1].kind == "in":
            self.take()
            return True, self.take()
        return (False, self.take()) if self.token.kind in _COMPARISONS else None

    def sum(self, power: int) -> Node:
        left = self.signed()
        while _POWER.get(self.token.kind, 0) >= power:
            token = self.take()
            left = Binary(token.kind, left, self.sum(_POWER[token.kind] + 1), token.at)
        return left

    def signed(self) -> Node:
        if self.token.kind not in ("-", "+"):
            return self.primary()
        token = self.take()
        if self.token.kind in ("-", "+"):
            raise ExpressionError("two signs stand together", self.token.at, "one is enough")
        if token.kind == "+":
            raise ExpressionError("a plus sign before a value has no meaning", token.at, "leave it out")
        return Unary("-", self.primary(), token.at)

    def primary(self) -> Node:
        token = self.take()
        match token.kind:
            case "number" | "text" | "duration" | "constant":
                return Literal(token.value, token.at)
            case "name" if self.token.kind == "(":
                self.take()
                return Call(".".join(token.value), self.items(")"), token.at)
            case "name":
                return Name(token.value, token.at)
            case "(":
                node = self.expression()
                self.expect(")")
                return node
            case "[":
                return ListOf(self.items("]"), token.at)
        if token.kind == "end":
            raise ExpressionError("the expression ends too early", token.at, "a value or a name is missing")
        raise ExpressionError(f"{self.shown(token)} is not expected here", token.at, "a value or a name")

    def items(self, closing: str) -> tuple[Node, ...]:
        found: list[Node] = []
        while self.token.kind != closing:
            found.append(self.expression())
            if self.token.kind == ",":
                self.take()
            else:
                break
        self.expect(closing)
        return tuple(found)

    def expect(self, kind: str) -> None:
        if self.token.kind != kind:
            raise ExpressionError(
                f"{self.shown(self.token)} stands where '{kind}' was expected", self.token.at, f"close with {kind}"
            )
        self.take()
