"""Telling the machine what became of an answer."""

from vaiven.flow.answers import Ambiguous, Outside, Understood, fold
from vaiven.flow.asking import AskNode
from vaiven.flow.draft import Draft
from vaiven.flow.driving import drive
from vaiven.flow.taking import Reading
from vaiven.flow.triggers import ANSWER, NO_ANSWER, WHICH, reject_event


def answered(draft: Draft, ask: AskNode, reading: Reading, raw: str) -> None:
    """These words were read so by the question that waits."""
    draft.input = raw
    if isinstance(reading, Understood):
        accept(draft, ask, reading)
    elif isinstance(reading, Ambiguous):
        draft.offered = reading.ids
        drive(draft, WHICH)
    elif isinstance(reading, Outside) and reading.bound in ask.reject:
        draft.input = reading.value
        drive(draft, reject_event(reading.bound))
    else:
        drive(draft, NO_ANSWER)


def accept(draft: Draft, ask: AskNode, answer: Understood) -> None:
    draft.input = answer.raw
    ask.take(draft, answer)
    drive(draft, ANSWER)


def after_keyword(raw: str, rest: str) -> str:
    """What was typed after the keyword, as it was typed, where that can be told; else as it was folded."""
    words = raw.split()
    for start in range(1, len(words)):
        tail = " ".join(words[start:])
        if fold(tail) == rest:
            return tail
    return rest
