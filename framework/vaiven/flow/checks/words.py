"""Every word that people may type is heard by what it stands for: no rule of the road, answer or command comes before it."""

from collections.abc import Iterator
from re import escape, search

from vaiven.flow.answers import fold, legal_clash
from vaiven.flow.checks.edges import LISTENS
from vaiven.flow.checks.view import View, literal
from vaiven.flow.document import Ask, ChoiceSpec, Command, Position, Relay, Step
from vaiven.flow.problems import Problem

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


def legal_words(view: View) -> Iterator[Problem]:
    """No choice, command or keyword is a word that carriers take before any flow."""
    document = view.document
    sms = view.known.takes_sms_words(document.channels)
    for _, ask in view.asks():
        for choice in ask.answer.choices:
            for word in spellings(choice):
                yield from _legal(view, choice.at, word, f"the choice '{choice.id}'", sms)
    for command in all_commands(view):
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


def all_commands(view: View) -> Iterator[Command]:
    """Each once, though a section puts one onto many steps."""
    found = [command for step in view.document.steps for command in step.commands]
    return iter({command.at: command for command in (*view.document.commands, *found)}.values())


def commands(view: View) -> Iterator[Problem]:
    """A command word stands for one command, and no choice of a question hides it."""
    yield from _same_words(view, view.document.commands)
    for step in view.document.steps:
        yield from _same_words(view, step.commands)
    for step, ask in view.asks():
        taken = {fold(word): choice.id for choice in ask.answer.choices for word in spellings(choice)}
        for command in _heard_at(view, step):
            for word in command.words:
                if fold(word) in taken:
                    choice = taken[fold(word)]
                    text = f"at step '{step.name}' the word '{word}' is the choice '{choice}', not the command '{command.name}'"
                    yield view.warning(
                        "hidden-command", word_at(view, command.at, word), text, "An answer goes before a command."
                    )


def back_words(view: View) -> Iterator[Problem]:
    """BACK is a command of every flow: one that takes its word hides it."""
    for command in all_commands(view):
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


def spelled(view: View) -> Iterator[tuple[Position, str]]:
    """Every word that people may type, with the place of what it belongs to."""
    for _, ask in view.asks():
        yield from ((choice.at, word) for choice in ask.answer.choices for word in spellings(choice))
    yield from ((command.at, word) for command in all_commands(view) for word in command.words)
    yield from ((start.at, word) for start in view.document.starts if start.kind == "keyword" for word in start.words)


def empty_words(view: View) -> Iterator[Problem]:
    """Every alias and command word has a letter or a digit or an emoji: of punctuation nothing is left to compare."""
    words = [(choice.at, word) for _, ask in view.asks() for choice in ask.answer.choices for word in (choice.id, *choice.also)]
    words += [(command.at, word) for command in all_commands(view) for word in command.words]
    words += [(start.at, word) for start in view.document.starts if start.kind == "keyword" for word in start.words]
    for at, word in words:
        if not fold(word):
            text = f"'{word}' can never be matched: punctuation is not compared"
            yield view.problem("never-matches", at, text, "Use a word, a number or an emoji.")


def unheard_commands(view: View) -> Iterator[Problem]:
    """Every command is heard somewhere: at a step where somebody can write, by a word that nothing takes before it."""
    listening = [step for step in view.document.steps if step.name in view.reached and isinstance(step.verb, LISTENS)]
    heard: set[int] = set()
    for step in listening:
        taken = {fold(word) for choice in _choices(step) for word in spellings(choice)}
        for command in _heard_at(view, step):
            words = {fold(word) for word in command.words}
            if words - taken:
                heard.add(id(command))
            taken |= words
    heard |= {id(command) for command in _doubles(view)}
    of_steps = [command for step in view.document.steps if step.name in view.reached for command in step.commands]
    for command in dict.fromkeys((*view.document.commands, *of_steps)):
        if id(command) not in heard and (command in view.document.commands or listening):
            text = f"the command '{command.name}' is never heard: at every step something else takes its words"
            if all(isinstance(step.verb, Relay) for step in listening):
                text = f"the command '{command.name}' is never heard: no step that hears commands waits for anybody"
            yield view.warning("unheard-command", command.at, text, "Give it a word of its own, or remove it.")


def _doubles(view: View) -> Iterator[Command]:
    """Commands of which another one beside them has every word: that is told by itself."""
    for group in (view.document.commands, *(step.commands for step in view.document.steps)):
        seen: set[str] = set()
        for command in group:
            words = {fold(word) for word in command.words}
            if words <= seen:
                yield command
            seen |= words


def _heard_at(view: View, step: Step) -> list[Command]:
    """The commands of a step, its own before the flow's; of two of one name the step's. In a relay only its own are heard."""
    if isinstance(step.verb, Relay):
        return [*step.commands]
    named = {command.name for command in step.commands}
    return [*step.commands, *(command for command in view.document.commands if command.name not in named)]


def _choices(step: Step) -> tuple[ChoiceSpec, ...]:
    return step.verb.answer.choices if isinstance(step.verb, Ask) else ()
