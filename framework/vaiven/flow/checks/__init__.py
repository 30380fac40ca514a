"""FlowDocument to problems: what cannot work, proven before anybody is asked anything. A rule is a function."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from vaiven.flow.checks import answers, before, bot, graph, kinds, names, starts, steps, texts, words
from vaiven.flow.checks.known import NOTHING, Known
from vaiven.flow.checks.view import View
from vaiven.flow.document import FlowDocument
from vaiven.flow.problems import Problem, in_file_order

__all__ = ["NAME_RULES", "NOTHING", "RULES", "Known", "check", "check_names", "check_set"]

Rule = Callable[[View], Iterator[Problem]]

NAME_RULES: tuple[Rule, ...] = (
    names.targets,
    names.names,
    names.taken_names,
    texts.secrets,
    texts.secret_values,
    texts.hidden_characters,
)
"""Rules that hold for a file that could only be read in part, too."""

RULES: tuple[Rule, ...] = (
    *NAME_RULES,
    names.ask_texts,
    names.unused_variables,
    names.unused_params,
    names.unused_answers,
    names.kinds_of_params,
    kinds.kinds,
    kinds.variables,
    before.read_before_given,
    graph.falls_off,
    graph.unreachable,
    graph.never_left,
    graph.endless,
    steps.outcomes,
    steps.dead_routes,
    steps.never_waits,
    steps.quiet_targets,
    steps.window,
    steps.caps,
    answers.same_choices,
    answers.same_when_cut,
    answers.numbers_as_words,
    answers.bounds,
    answers.patterns,
    answers.always_skipped,
    answers.second_tries,
    words.legal_words,
    words.commands,
    words.back_words,
    words.empty_words,
    words.unheard_commands,
    texts.mixed_scripts,
    starts.start_steps,
    starts.keywords,
    starts.own_clashes,
    bot.registered,
)


def check(document: FlowDocument, bot_params: Mapping[str, Any] | None = None, known: Known = NOTHING) -> list[Problem]:
    """Every problem of one flow, in file order. ``bot_params`` None: the bot is not known, so its params cannot be checked."""
    return _run(RULES, View(document, bot_params, known=known))


def check_names(document: FlowDocument, bot_params: Mapping[str, Any] | None, unread: frozenset[str]) -> list[Problem]:
    """What can be said of a flow that could only be read in part; ``unread`` are the steps without their verb."""
    return _run(NAME_RULES, View(document, bot_params, unread))


def check_set(
    documents: Sequence[FlowDocument], named: Iterable[str] | None = None, bot_params: Mapping[str, Any] | None = None
) -> list[Problem]:
    """Problems between the flows of one bot, in the order of files and lines.

    ``named`` are the names of all its flows, those that could not be read included; None: there may be others, so nobody is told
    that one is missing.
    """
    views = [View(document, bot_params) for document in documents if document.steps]
    found = [*starts.set_clashes(documents), *starts.hidden_starts(documents), *bot.runs(views, named), *bot.endless_runs(views)]
    return in_file_order([*found, *(bot.never_set(views) if named is not None else ())])


def _run(rules: Iterable[Rule], view: View) -> list[Problem]:
    if not view.document.steps:
        return []
    return in_file_order(problem for rule in rules for problem in rule(view))
