"""Every answer can be given: no two choices alike, no word that a rule of the road takes first, no bound that shuts all out."""

from collections.abc import Iterator
from re import escape, search

from vaiven.flow.answers import fold, legal_clash
from vaiven.flow.checks.patterns import why_not
from vaiven.flow.checks.view import View, constant, literal
from vaiven.flow.document import Ask, ChoiceSpec, Command, Position
from vaiven.flow.problems import Problem

_NOT_SMS = frozenset({"whatsapp", "messenger", "telegram", "web"})
_MEANS = {"stop": "unsubscribes", "start": "subscribes again", "help": "asks for help"}


def spellings(choice: ChoiceSpec) -> Iterator[str]:
    """Everything that may be typed for a choice, as far as the file tells."""
    label = literal(choice.label)
    if label is not None:
        yield label
    yield choice.id
    yield from choice.also


def word_at(view: View, at: Position, word: str) -> Position:
    """Where a word of an entry stands: searched from the entry's place on."""
    start = at.column - 1
    for number in range(at.line, min(at.line + 12, len(view.lines) + 1)):
        line = view.lines[number - 1]
        if found := search(rf"(?<!\w){escape(word)}(?!\w)", line[start:]):
            return Position(number, start + found.start() + 1)
        start = 0
    return at


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


def legal_words(view: View) -> Iterator[Problem]:
    """No choice, command or keyword is a word that carriers take before any flow."""
    document = view.document
    sms = not document.channels or not _NOT_SMS.issuperset(document.channels)
    for _, ask in view.asks():
        for choice in ask.answer.choices:
            for word in spellings(choice):
                yield from _legal(view, choice.at, word, f"the choice '{choice.id}'", sms)
    for command in _all_commands(view):
        for word in command.words:
            yield from _legal(view, command.at, word, f"the command '{command.name}'", sms)
    for start in document.starts:
        for word in start.words if start.kind == "keyword" else ():
            # START is a keyword like any other to those who have not opted out.
            if legal_clash(word, sms) != "start":
                yield from _legal(view, start.at, word, "this keyword", sms)


def _legal(view: View, at: Position, word: str, what: str, sms: bool) -> Iterator[Problem]:
    meaning = legal_clash(word, sms)
    if meaning is None:
        return
    where = "" if legal_clash(word, sms=False) else " on SMS"
    text = f"'{word}' {_MEANS[meaning]}{where}, so {what} would never hear it"
    place = word_at(view, at, word)
    if meaning == "start":
        text = f"'{word}' {_MEANS[meaning]} for someone who has opted out, so from them {what} would never hear it"
        yield view.problem("legal-word", place, text, "Take another word.", width=len(word), severity="warning")
    else:
        yield view.problem("legal-word", place, text, "Take another word.", width=len(word))


def _all_commands(view: View) -> Iterator[Command]:
    yield from view.document.commands
    for step in view.document.steps:
        yield from step.commands


def commands(view: View) -> Iterator[Problem]:
    """A command word stands for one command, and no choice of a question hides it."""
    yield from _same_words(view, view.document.commands)
    for step in view.document.steps:
        yield from _same_words(view, step.commands)
    for step, ask in view.asks():
        taken = {fold(word): choice.id for choice in ask.answer.choices for word in spellings(choice)}
        for command in (*step.commands, *view.document.commands):
            for word in command.words:
                if fold(word) in taken:
                    choice = taken[fold(word)]
                    text = f"at step '{step.name}' the word '{word}' is the choice '{choice}', not the command '{command.name}'"
                    yield view.warning(
                        "hidden-command", word_at(view, command.at, word), text, "An answer goes before a command."
                    )


def back_words(view: View) -> Iterator[Problem]:
    """BACK is a command of every flow: one that takes its word hides it."""
    for command in _all_commands(view):
        for word in command.words:
            if fold(word) == "back":
                text = f"the command '{command.name}' takes the word BACK, so people cannot go back where it works"
                yield view.warning("hidden-command", word_at(view, command.at, word), text, "Take another word.")


def _same_words(view: View, group: tuple[Command, ...]) -> Iterator[Problem]:
    owners: dict[str, Command] = {}
    for command in group:
        for word in command.words:
            owner = owners.setdefault(fold(word), command)
            if owner is not command:
                text = f"'{word}' is both the command '{owner.name}' and the command '{command.name}'"
                yield view.problem("same-command", word_at(view, command.at, word), text, "Give one of them another word.")


def empty_words(view: View) -> Iterator[Problem]:
    """Every alias and command word has a letter or a digit or an emoji: of punctuation nothing is left to compare."""
    words = [(choice.at, word) for _, ask in view.asks() for choice in ask.answer.choices for word in (choice.id, *choice.also)]
    words += [(command.at, word) for command in _all_commands(view) for word in command.words]
    words += [(start.at, word) for start in view.document.starts if start.kind == "keyword" for word in start.words]
    for at, word in words:
        if not fold(word):
            text = f"'{word}' can never be matched: punctuation is not compared"
            yield view.problem("never-matches", at, text, "Use a word, a number or an emoji.")


def bounds(view: View) -> Iterator[Problem]:
    """Something lies between ``min`` and ``max``."""
    for _, ask in view.asks():
        least, most = constant(ask.answer.min), constant(ask.answer.max)
        for bound, value in (("min", least), ("max", most)):
            if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
                at = word_at(view, ask.answer.at, bound)
                yield view.problem("bad-bound", at, f"`{bound}` is a number, not '{value}'", "For instance `max: 12`.")
                return
        if least is not None and most is not None and least > most:
            at = word_at(view, ask.answer.at, "min")
            yield view.problem("bad-bound", at, f"nothing is at least {least} and at most {most}", "Exchange `min` and `max`.")


def patterns(view: View) -> Iterator[Problem]:
    """A pattern is a regular expression that cannot be made to run for ever."""
    for _, ask in view.asks():
        pattern = ask.answer.pattern
        told = None if pattern is None else why_not(pattern)
        if told is not None:
            yield view.problem("bad-pattern", word_at(view, ask.answer.at, "pattern"), *told)


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
