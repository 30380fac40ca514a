"""Every answer can be given: no two choices alike, no word that a rule of the road takes first, no bound that shuts all out."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from math import ceil, floor
from typing import Any

from vaiven.flow.answers import fold
from vaiven.flow.checks.kinds import is_moment
from vaiven.flow.checks.patterns import never_fits, why_not
from vaiven.flow.checks.view import View, constant, literal
from vaiven.flow.checks.words import spellings, word_at
from vaiven.flow.document import AnswerSpec, Ask, ChoiceSpec
from vaiven.flow.expressions import Expression, ExpressionError
from vaiven.flow.problems import Problem
from vaiven.flow.values import compare


def same_choices(view: View) -> Iterator[Problem]:
    """No two choices of a question can be meant by the same word."""
    for step, ask in view.asks():
        owners: dict[str, ChoiceSpec] = {}
        for choice in ask.answer.choices:
            for word in spellings(choice):
                owner = owners.setdefault(fold(word), choice)
                if owner is not choice:
                    text = f"'{word}' means both '{owner.id}' and '{choice.id}' in step '{step.name}'"
                    cure = "Case, accents and punctuation do not tell words apart. Give one of them another word."
                    yield view.problem("same-choice", word_at(view, choice.at, word), text, cure, width=len(word))
                    break


def numbers_as_words(view: View) -> Iterator[Problem]:
    """A number that is the id or alias of one choice is not the position of another."""
    for _, ask in view.asks():
        choices = ask.answer.choices
        labels = [literal(choice.label) for choice in choices]
        if any(label is not None and fold(label).isdecimal() for label in labels):
            continue
        for position, choice in enumerate(choices, 1):
            for word in (choice.id, *choice.also):
                number = fold(word)
                if number.isdecimal() and int(number) != position and 1 <= int(number) <= len(choices):
                    other = choices[int(number) - 1]
                    text = f"'{word}' stands for '{choice.id}', but choice number {number} in the list is '{other.id}'"
                    cure = "People type the number they see. Reorder the choices, or take another word."
                    yield view.problem("number-clash", word_at(view, choice.at, word), text, cure)


def same_when_cut(view: View) -> Iterator[Problem]:
    """No two labels look alike where a channel shows only their beginning."""
    for step, ask in view.asks():
        labels = [(choice, label) for choice in ask.answer.choices if (label := literal(choice.label)) is not None]
        for channel, longest in view.known.titles(view.document.channels, len(labels)):
            seen: dict[str, str] = {}
            for choice, label in labels:
                owner = seen.setdefault(fold(label[:longest]), label)
                if owner != label and fold(owner) != fold(label):
                    where = f"on channel '{channel}'" if channel != "buttons" else "on a button"
                    text = f"{where} '{owner}' and '{label}' of step '{step.name}' look alike: {longest} characters are shown"
                    cure = f"Let them differ in their first {longest} characters."
                    yield view.warning("same-when-cut", word_at(view, choice.at, label), text, cure)
                    break


_NUMERIC = frozenset({"integer", "number", "text", "many_of"})
_MOMENTS = frozenset({"date", "datetime"})
_SOME_DAY = {"today": date(2026, 12, 5), "now": datetime(2026, 12, 5, 20, tzinfo=UTC)}
"""A day to reckon with: whether `today` comes before `today + 60d` is the same on all of them."""


def bounds(view: View) -> Iterator[Problem]:
    """Something lies between ``min`` and ``max``."""
    for _, ask in view.asks():
        answer = ask.answer
        if answer.kind in _NUMERIC:
            yield from _numbers(view, answer)
        elif answer.kind in _MOMENTS:
            yield from _moments(view, answer)


def _numbers(view: View, answer: AnswerSpec) -> Iterator[Problem]:
    least, most = constant(answer.min), constant(answer.max)
    for bound, value in (("min", least), ("max", most)):
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
            at = word_at(view, answer.at, bound)
            yield view.problem("bad-bound", at, f"`{bound}` is a number, not '{value}'", "For instance `max: 12`.")
            return
    at = word_at(view, answer.at, "min")
    if least is not None and answer.kind == "many_of" and answer.choices and least > len(answer.choices):
        text = f"nobody can choose {least} of {len(answer.choices)}"
        yield view.problem("bad-bound", at, text, "Lower `min`, or offer more choices.")
    elif least is not None and most is not None and least > most:
        yield view.problem("bad-bound", at, f"nothing is at least {least} and at most {most}", "Exchange `min` and `max`.")
    elif least is not None and most is not None and answer.kind != "number" and ceil(least) > floor(most):
        yield view.problem("bad-bound", at, f"no whole number lies between {least} and {most}", "Take wider bounds.")


def _moments(view: View, answer: AnswerSpec) -> Iterator[Problem]:
    least, most = _on_some_day(answer.min), _on_some_day(answer.max)
    for bound, value in (("min", least), ("max", most)):
        # A number would do, as ms since 1970, but nobody means that by a bound.
        if value is not None and (isinstance(value, int | float) or not is_moment(value)):
            text = f"`{bound}` is a day or an instant, and {_named(value)} is none"
            cure = "Write a day that there is, in quotes, since it is an expression: \"'2026-12-24'\". Or reckon: `today + 60d`."
            yield view.problem("bad-bound", word_at(view, answer.at, bound), text, cure)
            return
    if least is not None and most is not None and compare(">", least, most):
        text = "no day is so late and so early: `min` comes after `max`"
        yield view.problem("bad-bound", word_at(view, answer.at, "min"), text, "Exchange `min` and `max`.")


def _named(value: Any) -> str:
    return f"'{value}'" if isinstance(value, str) else f"{value:g}" if isinstance(value, float) else f"{value}"


def _on_some_day(expression: Expression | None) -> Any:
    if expression is None or not expression.names <= set(_SOME_DAY):
        return None
    try:
        return expression.evaluate(_SOME_DAY)
    except ExpressionError:
        return None


def patterns(view: View) -> Iterator[Problem]:
    """A pattern is a regular expression that cannot be made to run for ever, and that something fits."""
    for _, ask in view.asks():
        answer = ask.answer
        if answer.pattern is None:
            continue
        at = word_at(view, answer.at, "pattern")
        if told := why_not(answer.pattern):
            yield view.problem("bad-pattern", at, *told)
        elif told := never_fits(answer.pattern, answer.fold, constant(answer.min), constant(answer.max)):
            yield view.problem("never-matches", at, *told)


def always_skipped(view: View) -> Iterator[Problem]:
    """A question that is always skipped is none."""
    for step, ask in view.asks():
        if constant(ask.skip) is True:
            text = f"the question of step '{step.name}' is never asked: its `skip` always holds"
            yield view.warning("always-skipped", word_at(view, step.at, "skip"), text, "Remove the step, or say when to skip it.")


def second_tries(view: View) -> Iterator[Problem]:
    """Who is not understood comes to somewhere the file names."""
    document = view.document
    for step, ask in view.asks():
        retry = document.default_retry if ask.retry is None else ask.retry
        if retry == () and _otherwise(view, ask) is None:
            text = f"the first answer that '{step.name}' does not take ends in the bot's error text"
            cure = "Add `else: step`, or give a second try in `retry:`."
            yield view.warning("no-else", word_at(view, step.at, "retry"), text, cure)


def _otherwise(view: View, ask: Ask) -> object:
    return ask.otherwise or view.document.default_otherwise
