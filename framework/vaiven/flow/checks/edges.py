"""Which step can follow which, as a document tells it: the edges that the proofs go along."""

from collections.abc import Iterable, Iterator

from vaiven.flow.document import Ask, Branch, Call, End, FlowDocument, Handoff, Relay, Route, Run, Step, Then, Wait

FALL = ""
"""The way to the next step of the file."""
BREAKS = (Ask, Handoff, Relay, Wait, Run)
"""Verbs that a turn stops at. A subflow is taken to; that it does is proven over all flows of a bot."""
LISTENS = (*BREAKS, Call)
"""Verbs at which somebody may write, a timer may ring or an event may come."""


def after_verb(step: Step) -> Iterator[str]:
    """Where a step leads when its verb is done or has failed: names of steps, and FALL if it may fall to the next one."""
    yield from when_done(step)
    if isinstance(step.verb, Call) and step.verb.fail is not None and step.verb.fail.go:
        yield step.verb.fail.go


def when_done(step: Step) -> Iterator[str]:
    """Where a step leads when its verb has done what it does."""
    verb = step.verb
    if isinstance(verb, End | Handoff | Relay):
        return
    if isinstance(verb, Branch):
        yield from _first_that_holds(verb.routes)
    elif isinstance(verb, Ask) and verb.answer.kind == "choices" and not verb.answer.each:
        yield from (choice.go for choice in verb.answer.choices if choice.go)
        if verb.skip or not all(choice.go for choice in verb.answer.choices):
            yield from _then(step.then)
    else:
        yield from _then(step.then)
        if isinstance(verb, Ask) and verb.skip and step.then and step.then.outcomes:
            # A question that is skipped has no outcome.
            yield from _first_that_holds((*step.then.otherwise, *step.then.routes))


def _then(then: Then | None) -> Iterator[str]:
    if then is None:
        yield FALL
        return
    for routes in then.outcomes.values():
        yield from _first_that_holds(routes)
    rest = (*then.otherwise, *then.routes)
    if rest or not then.outcomes:
        yield from _first_that_holds(rest)


def _first_that_holds(routes: Iterable[Route]) -> Iterator[str]:
    for route in routes:
        if route.go:
            yield route.go
        if route.condition is None:
            return
    yield FALL


def while_waiting(document: FlowDocument, step: Step) -> Iterator[str]:
    """Where a step can be left to while it stands still, without its answer."""
    verb = step.verb
    if not isinstance(verb, LISTENS):
        return
    routes: list[Route | None] = list(step.when.values())
    timers = step.after
    if isinstance(verb, Ask):
        routes += [verb.otherwise or document.default_otherwise, *verb.reject.values()]
        timers = step.after or document.default_after
    if isinstance(verb, Call):
        routes.append(verb.meanwhile)
    routes.extend(timer.route for timer in timers)
    yield from (route.go for route in routes if route is not None and route.go)
    # Who talks to a person is heard by that person: only what the step itself names comes between.
    shared = () if isinstance(verb, Relay) else document.commands
    yield from (command.go for command in (*step.commands, *shared) if command.go)


def entries(document: FlowDocument) -> Iterator[str]:
    """Steps that a flow can begin at, or be moved to from an earlier version."""
    yield document.steps[0].name
    for start in document.starts:
        yield from (name for name in (start.rest, start.step, start.go) if name)
    if document.window:
        yield from (name for name in (document.window.early, document.window.late) if name)
    yield from document.migrate.values()
