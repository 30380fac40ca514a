"""What a single step says is possible: its outcomes, its routes, its timers, the window."""

from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise
from typing import Any

from vaiven.flow.checks.edges import LISTENS
from vaiven.flow.checks.view import View
from vaiven.flow.checks.words import word_at
from vaiven.flow.document import Ask, Branch, Route, Split, Step, Tally
from vaiven.flow.expressions import ExpressionError
from vaiven.flow.problems import Problem, suggest
from vaiven.flow.templates import Template


def outcomes(view: View) -> Iterator[Problem]:
    """A map of outcomes names those that the step can have, and all of them."""
    for step in view.document.steps:
        possible, later = outcomes_of(view, step)
        then = step.then
        if not possible or then is None or then.at is None or not (then.outcomes or then.otherwise):
            continue
        for outcome in then.outcomes:
            at = word_at(view, then.at, outcome)
            if outcome in later:
                text = f"'{outcome}' never happens at step '{step.name}': {later[outcome]}"
                yield view.warning("impossible-outcome", at, text, "Remove it.")
            elif outcome not in possible:
                cure = suggest(outcome, possible, "Outcomes")
                yield view.problem("unknown-outcome", at, f"step '{step.name}' has no outcome '{outcome}'", cure)
        missing = [outcome for outcome in possible if outcome not in then.outcomes]
        if missing and not then.otherwise and not then.routes:
            named = " and ".join(f"'{outcome}'" for outcome in missing)
            cure = f"Add `{missing[0]}: step`, or `else: step` for all that are not named."
            yield view.problem("uncovered-outcome", then.at, f"`then` does not say what follows {named}", cure)


def outcomes_of(view: View, step: Step) -> tuple[list[str], dict[str, str]]:
    """The outcomes that a step can have, and those of its verb that it cannot have here, with the reason.

    Those of a subflow are known only where all flows of a bot are.
    """
    if isinstance(step.verb, Split):
        never = {name: "its weight is 0" for name, weight in step.verb.weights if not weight}
        return [name for name, weight in step.verb.weights if weight], never
    if isinstance(step.verb, Ask) and step.verb.answer.kind == "confirm":
        return ["accept", "decline"], {}
    if not isinstance(step.verb, Tally):
        return [], {}
    possible = ["counted"]
    never = {}
    if step.verb.cap is None:
        never["capped"] = "the tally has no `cap`"
    else:
        possible.append("capped")
    if view.document.window is None:
        never["closed"] = "the flow has no `window`"
    else:
        possible.append("closed")
    return possible, never


def dead_routes(view: View) -> Iterator[Problem]:
    """No route stands behind one that always holds."""
    for step in view.document.steps:
        then = step.then
        groups: list[tuple[Route, ...]] = [step.verb.routes] if isinstance(step.verb, Branch) else []
        if then is not None:
            groups += [then.routes, then.otherwise, *then.outcomes.values()]
        for routes in groups:
            for route, following in pairwise(routes):
                if route.condition is None:
                    text = f"this route of step '{step.name}' is never taken: the one before it always holds"
                    yield view.problem("dead-route", following.at, text, "Put the route without `if` last.", width=1)
                    break


def never_waits(view: View) -> Iterator[Problem]:
    """Timers, events and commands stand where somebody is waited for."""
    for step in view.document.steps:
        if isinstance(step.verb, LISTENS):
            continue
        for key, written in (("after", step.after), ("when", step.when), ("commands", step.commands)):
            if written:
                text = f"`{key}` of step '{step.name}' does nothing: this step does not wait"
                at = word_at(view, step.at, key)
                yield view.warning("never-waits", at, text, f"Put `{key}` on the step where it is meant: one that waits.")


def quiet_targets(view: View) -> Iterator[Problem]:
    """Only a question can be entered without asking it."""
    for target in view.document.targets:
        step = view.steps.get(target.name)
        if target.quiet and step is not None and not isinstance(step.verb, Ask):
            text = f"`quiet` means nothing here: step '{target.name}' asks nothing"
            yield view.warning("quiet-target", target.at, text, "Remove `quiet`.")


def window(view: View) -> Iterator[Problem]:
    """The window's instants are instants, and it opens before it closes."""
    found = view.document.window
    if found is None:
        return
    instants = []
    for key, text in (("from", found.opens), ("to", found.closes)):
        value = None if text is None else _known_value(view, text)
        if value is None:
            continue
        try:
            instants.append(datetime.fromisoformat(str(value)))
        except ValueError:
            cure = 'Write it as ISO 8601 does, "2026-12-05T20:00Z", here or in the param.'
            at = word_at(view, found.at, key)
            yield view.problem("bad-instant", at, f"`{key}` of the window is no instant: '{value}'", cure)
    if len(instants) == 2 and (instants[0].tzinfo is None) == (instants[1].tzinfo is None) and instants[0] >= instants[1]:
        at = word_at(view, found.at, "to")
        yield view.problem("bad-instant", at, "the window closes before it opens", "Exchange `from` and `to`.")


def caps(view: View) -> Iterator[Problem]:
    """A cap that is known is a whole number from 1."""
    for step in view.document.steps:
        cap = step.verb.cap if isinstance(step.verb, Tally) else None
        value = None if cap is None else _known_value(view, cap)
        if value is None:
            continue
        text = str(value).strip()
        if not (text.isascii() and text.isdecimal() and int(text) >= 1):
            at = word_at(view, step.at, "cap")
            cure = 'Write `cap: 10` or `cap: "{params.max_votes}"`.'
            yield view.problem("bad-cap", at, f"`cap` is a whole number from 1, not '{value}'", cure)


def _known_value(view: View, text: Template) -> Any:
    """The value of a text that reads nothing but params that are declared; None if it cannot be known before somebody writes."""
    params = {**view.document.params, **(view.params or {})}
    if any(name.partition(".")[0] != "params" or name.removeprefix("params.") not in params for name in text.names):
        return None
    try:
        return text.value({"params": params})
    except ExpressionError:
        return None
