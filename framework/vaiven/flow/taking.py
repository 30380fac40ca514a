"""What is taken for an answer to a question, by its type."""

from collections.abc import Callable, Mapping
from typing import Any

from vaiven.flow.answers import Ambiguous, Offered, Outside, Understood, parse_text
from vaiven.flow.document import AnswerSpec
from vaiven.flow.draft import Draft
from vaiven.flow.expressions import Expression, ExpressionError
from vaiven.flow.offering import Choices
from vaiven.flow.requests import plain
from vaiven.flow.types import TYPES, Listener
from vaiven.model.messages import InboundMessage

Reading = Understood | Outside | Ambiguous | None
Parser = Callable[[str], Any]
"""A registered parser: what a text means, None if it is no answer."""


class Taker:
    """The base: nothing is an answer but a file, where the type takes it."""

    def __init__(self, answer: AnswerSpec) -> None:
        self._answer = answer

    def exact(self, _draft: Draft, _folded: str, _raw: str) -> Reading:
        """What leaves no doubt: it comes before commands."""
        return None

    def typed(self, _draft: Draft, _folded: str, _raw: str) -> Reading:
        """What comes after them. Raises ExpressionError if a bound fails."""
        return None

    def plain(self, draft: Draft, folded: str, raw: str) -> Reading:
        """What may start a flow."""
        return self.exact(draft, folded, raw)

    def chosen(self, choice: Offered, raw: str) -> Understood:
        """A choice that was tapped."""
        return Understood(choice.id, raw or choice.label, choice.id, choice.label)

    def received(self, message: InboundMessage) -> Understood | None:
        if self._answer.kind != "media" and not self._answer.media:
            return None
        from vaiven.flow.types.places import read_media  # only questions that take files need it

        return read_media(message, self._answer.media)


class ChoiceTaker(Taker):
    """One of the choices."""

    def __init__(self, answer: AnswerSpec, choices: Choices) -> None:
        super().__init__(answer)
        self._choices = choices

    def exact(self, draft: Draft, folded: str, raw: str) -> Reading:
        return self._choices.now(draft).prepared.exact(folded, raw)

    def typed(self, draft: Draft, folded: str, raw: str) -> Reading:
        return self._choices.now(draft).prepared.close(folded, raw)


class ManyTaker(ChoiceTaker):
    """Some of the choices: the value is the list of their ids, in the order in which they are offered."""

    def __init__(self, answer: AnswerSpec, choices: Choices) -> None:
        super().__init__(answer, choices)
        from vaiven.flow.types.many import read_many  # a plain vote never needs it

        self._read = read_many

    def exact(self, draft: Draft, _folded: str, raw: str) -> Reading:
        return self._several(draft, raw, close=False)

    def typed(self, draft: Draft, _folded: str, raw: str) -> Reading:
        return self._several(draft, raw, close=True)

    def chosen(self, choice: Offered, raw: str) -> Understood:
        return Understood([choice.id], raw or choice.label, None, choice.label)

    def _several(self, draft: Draft, raw: str, close: bool) -> Reading:
        least, most = bound(draft, self._answer.min), bound(draft, self._answer.max)
        return self._read(self._choices.now(draft).prepared, raw, least, most, close)


class TextTaker(Taker):
    """Any text, or one of a pattern."""

    def typed(self, draft: Draft, _folded: str, raw: str) -> Reading:
        answer = self._answer
        return parse_text(raw, bound(draft, answer.min), bound(draft, answer.max), answer.pattern, answer.fold)


class TypedTaker(Taker):
    """A value that is read in the person's own language, country and zone."""

    def __init__(self, answer: AnswerSpec) -> None:
        super().__init__(answer)
        self._type = TYPES[answer.kind]

    def typed(self, draft: Draft, _folded: str, raw: str) -> Reading:
        answer, scope = self._answer, draft.scope
        least = None if answer.min is None else answer.min.evaluate(scope)
        most = None if answer.max is None else answer.max.evaluate(scope)
        return self._type.read(raw, listener(draft), least, most, answer.prefer)

    def plain(self, draft: Draft, folded: str, raw: str) -> Reading:
        return self.typed(draft, folded, raw)

    def received(self, message: InboundMessage) -> Understood | None:
        if self._answer.kind == "location" and message.location is not None:
            from vaiven.flow.types.places import read_location  # only questions for a place need it

            return read_location(message)
        return super().received(message)


class ConfirmTaker(TypedTaker):
    """Yes or no: certain as soon as it is understood, so it comes before commands."""

    def exact(self, draft: Draft, _folded: str, raw: str) -> Reading:
        return self._type.read(raw, listener(draft))

    def typed(self, _draft: Draft, _folded: str, _raw: str) -> Reading:
        return None

    def plain(self, draft: Draft, folded: str, raw: str) -> Reading:
        return self.exact(draft, folded, raw)


class CustomTaker(Taker):
    """A parser of the bot's own. One that raises has not understood, and history tells."""

    def __init__(self, answer: AnswerSpec, parser: Parser | None) -> None:
        super().__init__(answer)
        self._parser = parser

    def typed(self, draft: Draft, _folded: str, raw: str) -> Reading:
        if self._parser is None:
            draft.record("no_parser", self._answer.parser or "")
            return None
        try:
            value = self._parser(raw)
        except Exception as error:  # noqa: BLE001  whatever it is, the event must not come again and again
            draft.record("parser_failed", f"{self._answer.parser} {type(error).__name__}")
            return None
        return None if value is None else Understood(plain(value), raw)


def taker(answer: AnswerSpec, choices: Choices | None, parsers: Mapping[str, Parser]) -> Taker:
    """Who takes the answers of this question."""
    match answer.kind:
        case "many_of" if choices is not None:
            return ManyTaker(answer, choices)
        case "confirm":
            return ConfirmTaker(answer)
        case "text":
            return TextTaker(answer)
        case "media":
            return Taker(answer)
        case "custom":
            return CustomTaker(answer, parsers.get(answer.parser or ""))
    return TypedTaker(answer) if choices is None else ChoiceTaker(answer, choices)


def listener(draft: Draft) -> Listener:
    return Listener(draft.lang or draft.flow.lang, draft.flows.spec.country, draft.zone, draft.now_ms)


def bound(draft: Draft, expression: Expression | None) -> int | None:
    """A bound of a length or a count. Raises ExpressionError."""
    value = None if expression is None else expression.evaluate(draft.scope)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ExpressionError(f"a bound is a number, not {value!r}")
    return int(value)
