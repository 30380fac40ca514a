"""What the flows of a bot need of each other and of the bot: subflows that are there and come back, actions, queues, hours."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from vaiven.flow.checks.edges import BREAKS, FALL, after_verb, when_done
from vaiven.flow.checks.view import View
from vaiven.flow.checks.words import all_commands, word_at
from vaiven.flow.document import ActionTarget, Ask, Call, End, FlowDocument, Handoff, Position, Relay, ResourceTarget, Run, Step
from vaiven.flow.problems import Problem, suggest


def registered(view: View) -> Iterator[Problem]:
    """What the file names and the bot's Python or settings have, is there."""
    known = view.known
    for step in view.document.steps:
        verb = step.verb
        if isinstance(verb, Call) and isinstance(verb.target, ActionTarget):
            yield from _action(view, step, verb.target)
        elif isinstance(verb, Call) and isinstance(verb.target, ResourceTarget):
            yield from _resource(view, step, verb.target)
        elif isinstance(verb, Ask) and verb.answer.parser is not None:
            yield from _missing(
                view, step, "parser", verb.answer.parser, known.parsers, '`@parser("{}")` in the bot\'s actions.py'
            )
        elif isinstance(verb, Handoff | Relay):
            yield from _missing(view, step, "queue", verb.queue, known.queues, "`queues: {{{}: ...}}` in bot.yaml")
    if known.hours is not None:
        for use in view.document.uses:
            for name in sorted(use.piece.hours - known.hours):
                cure = suggest(name, sorted(known.hours), "Hours") or f"Declare them in bot.yaml: `hours: {{{name}: ...}}`."
                yield view.problem("unknown-hours", use.at, f"the bot has no opening hours '{name}'", cure)


def _action(view: View, step: Step, target: ActionTarget) -> Iterator[Problem]:
    actions = view.known.actions
    names = None if actions is None else frozenset(actions)
    yield from _missing(view, step, "action", target.name, names, '`@action("{}")` in actions.py')
    takes = (actions or {}).get(target.name)
    if takes is None:
        return
    given = [name for name, _ in target.arguments]
    wrong = [f"'{name}' is missing" for name in sorted(takes.required.difference(given))]
    wrong += [f"'{name}' is not taken" for name in given if takes.names is not None and name not in takes.names]
    if wrong:
        cure = "It takes anything." if takes.names is None else f"It takes: {', '.join(sorted(takes.names)) or 'nothing'}."
        at = word_at(view, step.at, target.name)
        yield view.problem(
            "action-arguments", at, f"the action '{target.name}': {', '.join(wrong)}", cure, width=len(target.name)
        )


def _resource(view: View, step: Step, target: ResourceTarget) -> Iterator[Problem]:
    resources = view.known.resources
    names = None if resources is None else frozenset(resources)
    yield from _missing(view, step, "resource", target.name, names, '`@resource("{}")` in actions.py')
    words = (resources or {}).get(target.name)
    if words is not None and target.do not in words:
        cure = suggest(target.do, sorted(words), "Its words")
        text = f"the resource '{target.name}' does not know the word '{target.do}'"
        yield view.problem("unknown-resource", word_at(view, step.at, target.do), text, cure)


def _missing(view: View, step: Step, what: str, name: str, known: frozenset[str] | None, where: str) -> Iterator[Problem]:
    if known is not None and name not in known:
        cure = suggest(name, sorted(known), f"{what.capitalize()}s") or f"Register it: {where.format(name)}."
        at = word_at(view, step.at, name)
        yield view.problem(f"unknown-{what}", at, f"the bot has no {what} '{name}'", cure, width=len(name))


# ---- subflows


def runs(views: Sequence[View], named: Iterable[str] | None) -> Iterator[Problem]:
    """Subflows are there, get variables that they have, and each of their outcomes leads somewhere.

    ``named`` are the names of all flows of the bot, also of those that could not be read; None: there may be more.
    """
    flows = {view.document.name: view.document for view in views}
    names = None if named is None else sorted({*named, *flows})
    for view in views:
        for command in all_commands(view):
            if command.run is not None and names is not None and command.run not in names:
                yield _no_flow(view, command.run, command.at, names)
        for step in view.document.steps:
            if not isinstance(step.verb, Run):
                continue
            child = flows.get(step.verb.flow)
            if child is not None:
                yield from _given(view, step.verb, child)
                yield from _covered(view, step, child)
            elif names is not None and step.verb.flow not in names:
                yield _no_flow(view, step.verb.flow, step.verb.at, names)


def _no_flow(view: View, flow: str, at: Position, names: list[str]) -> Problem:
    cure = suggest(flow, names, "Flows") or "The flows of a bot lie in one folder."
    return view.problem("no-flow", word_at(view, at, flow), f"there is no flow '{flow}' in this bot", cure, width=len(flow))


def _given(view: View, verb: Run, child: FlowDocument) -> Iterator[Problem]:
    for name, _ in verb.arguments:
        if name not in child.vars:
            cure = suggest(name, child.vars, f"Variables of '{child.name}'") or f"Declare it there: `vars: {{{name}: text}}`."
            at = word_at(view, verb.at, name)
            yield view.problem("unknown-variable", at, f"the flow '{child.name}' has no variable '{name}'", cure)


def _covered(view: View, step: Step, child: FlowDocument) -> Iterator[Problem]:
    then = step.then
    if then is None or then.at is None or not (then.outcomes or then.otherwise):
        return
    possible = outcomes_of(child)
    for outcome in then.outcomes:
        if outcome not in possible and outcome not in _OF_THE_ENGINE:
            cure = suggest(outcome, sorted(possible), f"Outcomes of '{child.name}'")
            at = word_at(view, then.at, outcome)
            yield view.problem("unknown-outcome", at, f"the flow '{child.name}' has no outcome '{outcome}'", cure)
    missing = [outcome for outcome in possible if outcome not in then.outcomes]
    if missing and not then.otherwise and not then.routes:
        shown = " and ".join(f"'{outcome}'" for outcome in missing)
        text = f"`then` does not say what follows {shown} of the flow '{child.name}'"
        cure = f"Add `{missing[0]}: step`, or `else: step` for all that are not named."
        yield view.problem("uncovered-outcome", then.at, text, cure)


_OF_THE_ENGINE = frozenset({"done", "error", "no_match", "expired", "opted_out", "left"})
"""Outcomes that a flow can have without an `end` that says so."""


def outcomes_of(document: FlowDocument) -> tuple[str, ...]:
    """The outcomes that the ends of a flow name, in file order."""
    return tuple(dict.fromkeys(step.verb.outcome for step in document.steps if isinstance(step.verb, End)))


# ---- subflows that come back


def endless_runs(views: Sequence[View]) -> Iterator[Problem]:
    """No flows that run each other at once and for ever, and no circle that only seems to wait because it runs a flow."""
    flows = {view.document.name: view for view in views}
    passing = _passing(flows)
    told: set[str] = set()
    at_once = {name: list(_runs_at_once(view, passing)) for name, view in flows.items()}
    for name, view in flows.items():
        way = _circle({one: [run.flow for run in runs if run.flow in flows] for one, runs in at_once.items()}, name)
        if way and not told.intersection(way):
            told.update(way)
            first = next(run for run in at_once[name] if run.flow == way[1])
            text = f"these flows run each other without waiting for anybody: {' → '.join(way)}"
            yield view.problem("endless-run", first.at, text, "Let one of them `ask` or `wait` before it runs the next.")
    for view in views:
        yield from _circles_by_runs(view, passing)
    returning = _returning(flows)
    for name, view in flows.items():
        if name not in returning and name not in told and (run := _recursive(flows, name)) is not None:
            text = f"the flow '{name}' never comes back: every way through it runs it again, on top of itself"
            yield view.problem("endless-run", run.at, text, "Go to a step instead, or `end` before.", severity="warning")


def _passing(flows: Mapping[str, View]) -> frozenset[str]:
    """The flows that somebody can come through without being waited for."""
    found: set[str] = set()
    while more := {name for name, view in flows.items() if name not in found and _passes(view, found)}:
        found |= more
    return frozenset(found)


def _passes(view: View, passing: Iterable[str]) -> bool:
    return any(
        isinstance(step.verb, End) or (FALL in after_verb(step) and not view.following[step.name])
        for step in _at_once(view, passing)
    )


def _at_once(view: View, passing: Iterable[str]) -> list[Step]:
    """The steps that are come to from the first one before anybody is waited for."""
    seen: dict[str, None] = {}
    waiting = [view.document.steps[0].name]
    while waiting:
        name = waiting.pop()
        step = view.steps[name]
        if name in seen or (isinstance(step.verb, BREAKS) and not isinstance(step.verb, Run)):
            continue
        seen[name] = None
        if not isinstance(step.verb, Run) or step.verb.flow in passing:
            waiting.extend(view.resolved(step, after_verb(step)))
    return [view.steps[name] for name in seen]


def _runs_at_once(view: View, passing: Iterable[str]) -> Iterator[Run]:
    return (step.verb for step in _at_once(view, passing) if isinstance(step.verb, Run))


def _circle(edges: Mapping[str, Sequence[str]], start: str) -> list[str]:
    """The shortest way from a name back to itself, empty if there is none."""
    ways = [[start]]
    seen: set[str] = set()
    while ways:
        way = ways.pop(0)
        for to in edges.get(way[-1], ()):
            if to == start:
                return [*way, start]
            if to not in seen:
                seen.add(to)
                ways.append([*way, to])
    return []


def _circles_by_runs(view: View, passing: Iterable[str]) -> Iterator[Problem]:
    edges: dict[str, list[str]] = {}
    for step in view.document.steps:
        through = isinstance(step.verb, Run) and step.verb.flow in passing
        if through or not isinstance(step.verb, BREAKS):
            edges[step.name] = view.resolved(step, after_verb(step))
    told: set[str] = set()
    for step in view.document.steps:
        way = _circle(edges, step.name) if isinstance(step.verb, Run) and step.name in edges else []
        if way and not told.intersection(way):
            told.update(way)
            text = f"these steps turn in a circle without waiting for anybody: {' → '.join(way)}"
            cure = f"The flow '{step.verb.flow}' can end without asking anything." if isinstance(step.verb, Run) else ""
            yield view.problem("endless", step.at, text, f"{cure} Put an `ask` or a `wait` into the circle, or lead out of it.")


def _returning(flows: Mapping[str, View]) -> frozenset[str]:
    """The flows that have a way to an end on which every flow they run comes back, too."""
    found: set[str] = set()
    while more := {name for name, view in flows.items() if name not in found and _returns(view, flows, found)}:
        found |= more
    return frozenset(found)


def _returns(view: View, flows: Mapping[str, View], returning: Iterable[str]) -> bool:
    seen: set[str] = set()
    waiting = list(view.entries)
    while waiting:
        name = waiting.pop()
        step = view.steps[name]
        if name in seen:
            continue
        seen.add(name)
        if isinstance(step.verb, End) or (FALL in when_done(step) and not view.following[name]):
            return True
        if not isinstance(step.verb, Run) or step.verb.flow in returning or step.verb.flow not in flows:
            waiting.extend(view.ways(step))
    return False


def _recursive(flows: Mapping[str, View], name: str) -> Run | None:
    """The run by which a flow comes to be run again from within itself."""
    edges = {
        one: [step.verb.flow for step in view.document.steps if isinstance(step.verb, Run) and step.verb.flow in flows]
        for one, view in flows.items()
    }
    way = _circle(edges, name)
    steps = flows[name].document.steps
    return next((step.verb for step in steps if way and isinstance(step.verb, Run) and step.verb.flow == way[1]), None)


# ---- variables that others give


def never_set(views: Sequence[View]) -> Iterator[Problem]:
    """A variable that is read gets a value somewhere: by default, here, or from a flow that runs this one."""
    given = {
        (step.verb.flow, name)
        for view in views
        for step in view.document.steps
        if isinstance(step.verb, Run)
        for name, _ in step.verb.arguments
    }
    for view in views:
        document = view.document
        if any(start.kind in ("api", "event") for start in document.starts):
            continue  # who starts it may give values along
        written = {target.name for target in document.targets if target.variable}
        for variable in document.vars.values():
            if variable.scope == "contact" or variable.default is not None or variable.name in written:
                continue
            use = next((use for use in document.uses if {variable.name, f"vars.{variable.name}"} & use.piece.names), None)
            if use is not None and (document.name, variable.name) not in given:
                text = f"the variable '{variable.name}' is read at line {use.at.line}, and nothing ever sets it"
                cure = "Set it, `save` an answer into it, give it a `default`, or give it `with` a `run` of this flow."
                yield view.warning("never-set", variable.at, text, cure)
