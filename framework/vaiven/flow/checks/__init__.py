"""FlowDocument to problems: what cannot work, proven before anybody is asked anything. A rule is a function."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from vaiven.flow.checks import answers, graph, names, starts, steps
from vaiven.flow.checks.view import View
from vaiven.flow.document import FlowDocument
from vaiven.flow.problems import Problem, in_file_order

Rule = Callable[[View], Iterator[Problem]]

NAME_RULES: tuple[Rule, ...] = (names.targets, names.names, names.taken_names, steps.secrets)
"""Rules that hold for a file that could only be read in part, too."""

RULES: tuple[Rule, ...] = (
    *NAME_RULES,
    names.ask_texts,
    names.unused_variables,
    names.kinds_of_params,
    graph.falls_off,
    graph.unreachable,
    graph.endless,
    steps.outcomes,
    steps.dead_routes,
    steps.never_waits,
    steps.quiet_targets,
    steps.window,
    steps.caps,
    answers.same_choices,
    answers.numbers_as_words,
    answers.legal_words,
    answers.commands,
    answers.back_words,
    answers.empty_words,
    answers.bounds,
    answers.patterns,
    answers.second_tries,
    starts.start_steps,
    starts.keywords,
    starts.own_clashes,
)


def check(document: FlowDocument, bot_params: Mapping[str, Any] | None = None) -> list[Problem]:
    """Every problem of one flow, in file order. ``bot_params`` None: the bot is not known, so its params cannot be checked."""
    return _run(RULES, View(document, bot_params))


def check_names(document: FlowDocument, bot_params: Mapping[str, Any] | None, unread: frozenset[str]) -> list[Problem]:
    """What can be said of a flow that could only be read in part; ``unread`` are the steps without their verb."""
    return _run(NAME_RULES, View(document, bot_params, unread))


def check_set(documents: Sequence[FlowDocument]) -> list[Problem]:
    """Problems between the flows of one bot, in the order of files and lines."""
    return in_file_order(starts.set_clashes(documents))


def _run(rules: Iterable[Rule], view: View) -> list[Problem]:
    if not view.document.steps:
        return []
    return in_file_order(problem for rule in rules for problem in rule(view))
