"""Where steps lead: every step can be reached, every path ends or waits, nothing turns in circles without waiting."""

from collections.abc import Iterable, Iterator

from vaiven.flow.checks.view import View
from vaiven.flow.document import Ask, Branch, End, FlowDocument, Route, Step, Then
from vaiven.flow.problems import Problem

FALL = ""
"""The way to the next step of the file."""
_SHOWN = 10


def after_verb(step: Step) -> Iterator[str]:
    """Where a step leads when its verb is done: names of steps, and FALL if it may fall to the next one."""
    verb = step.verb
    if isinstance(verb, End):
        return
    if isinstance(verb, Branch):
        yield from (route.go for route in verb.routes if route.go)
        if all(route.condition for route in verb.routes):
            yield FALL
    elif isinstance(verb, Ask) and verb.answer.kind == "choices":
        yield from (choice.go for choice in verb.answer.choices if choice.go)
        if verb.skip or not all(choice.go for choice in verb.answer.choices):
            yield from _then(step.then)
    else:
        yield from _then(step.then)
        if isinstance(verb, Ask) and verb.skip and step.then and step.then.outcomes and not step.then.otherwise:
            yield FALL  # a question that is skipped has no outcome


def _then(then: Then | None) -> Iterator[str]:
    if then is None:
        yield FALL
    elif then.outcomes or then.otherwise:
        for routes in (*then.outcomes.values(), then.otherwise):
            if routes:
                yield from _first_that_holds(routes)
    else:
        yield from _first_that_holds(then.routes)


def _first_that_holds(routes: Iterable[Route]) -> Iterator[str]:
    for route in routes:
        if route.go:
            yield route.go
        if route.condition is None:
            return
    yield FALL


def while_waiting(document: FlowDocument, step: Step) -> Iterator[str]:
    """Where a waiting step can be left to without its answer."""
    ask = step.verb
    if not isinstance(ask, Ask):
        return
    routes: list[Route | None] = [ask.otherwise or document.default_otherwise, *ask.reject.values(), *step.when.values()]
    routes.extend(timer.route for timer in step.after or document.default_after)
    yield from (route.go for route in routes if route is not None and route.go)
    yield from (command.go for command in (*step.commands, *document.commands) if command.go)


def entries(document: FlowDocument) -> Iterator[str]:
    """Steps that a flow can begin at."""
    yield document.steps[0].name
    for start in document.starts:
        yield from (name for name in (start.rest, start.step) if name)
    if document.window:
        yield from (name for name in (document.window.early, document.window.late) if name)


def _resolved(view: View, step: Step, ways: Iterable[str]) -> list[str]:
    """Names of steps that are there, FALL turned into the next one."""
    named = (way or view.following[step.name] for way in ways)
    return [way for way in dict.fromkeys(named) if way in view.steps]


def falls_off(view: View) -> Iterator[Problem]:
    """The last step does not fall to a next one, since there is none."""
    last = view.document.steps[-1]
    if FALL in after_verb(last):
        text = f"'{last.name}' is the last step and leads nowhere"
        yield view.problem("falls-off", last.at, text, 'Add `then: step`, or end the flow after it: `bye: {end: ""}`.')


def unreachable(view: View) -> Iterator[Problem]:
    """Every step can be come to from a start."""
    document = view.document
    reached: set[str] = set()
    waiting = [name for name in entries(document) if name in view.steps]
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            step = view.steps[name]
            waiting.extend(_resolved(view, step, (*after_verb(step), *while_waiting(document, step))))
    for step in document.steps:
        if step.name not in reached:
            cure = "Go to it from somewhere, or remove it."
            yield view.problem("unreachable", step.at, f"nothing leads to step '{step.name}'", cure)


def endless(view: View) -> Iterator[Problem]:
    """No circle of steps without a wait in it. One that only a skipped question breaks is a warning."""
    for skipping in (False, True):
        for circle in _circles(view, skipping):
            asks = [name for name in circle if isinstance(view.steps[name].verb, Ask)]
            if bool(asks) != skipping:
                continue
            first = view.steps[circle[0]]
            shown = circle if len(circle) <= _SHOWN else [*circle[: _SHOWN - 2], "…", circle[-1]]
            way = " → ".join((*shown, circle[0]))
            if skipping:
                text = f"if the questions are skipped, these steps turn in a circle: {way}"
                cure = f"Make sure that `skip` of '{asks[0]}' does not hold every time."
                yield view.warning("endless", first.at, text, cure)
            else:
                text = f"these steps turn in a circle without waiting for anybody: {way}"
                yield view.problem("endless", first.at, text, "Put an `ask` into the circle, or lead out of it.")


def _circles(view: View, skipping: bool) -> Iterator[list[str]]:
    """One circle for each group of steps that can go round, beginning at its first step in the file."""
    edges = {
        step.name: _resolved(view, step, after_verb(step))
        for step in view.document.steps
        if not isinstance(step.verb, Ask) or (skipping and step.verb.skip)
    }
    edges = _without_ends(_without_ends(edges), backwards=True)
    done: set[str] = set()
    for start in edges:
        if start not in done and (circle := _way_back(edges, start)):
            done |= _same_group(edges, start)
            yield circle


def _without_ends(edges: dict[str, list[str]], backwards: bool = False) -> dict[str, list[str]]:
    """Without the steps that lead to no circle; ``backwards``: that none leads to. Of most flows nothing is left."""
    ahead = {name: [to for to in ways if to in edges] for name, ways in edges.items()}
    behind: dict[str, list[str]] = {name: [] for name in edges}
    for name, ways in ahead.items():
        for to in ways:
            behind[to].append(name)
    leading, coming = (behind, ahead) if backwards else (ahead, behind)
    count = {name: len(ways) for name, ways in leading.items()}
    loose = [name for name, ways in count.items() if not ways]
    gone = set(loose)
    while loose:
        for name in coming[loose.pop()]:
            count[name] -= 1
            if not count[name]:
                gone.add(name)
                loose.append(name)
    return {name: [to for to in ways if to not in gone] for name, ways in ahead.items() if name not in gone}


def _way_back(edges: dict[str, list[str]], start: str) -> list[str]:
    """The shortest way from a step to itself."""
    came: dict[str, str] = {}
    frontier = [start]
    while frontier:
        following = []
        for name in frontier:
            for to in edges[name]:
                if to == start:
                    way = [name]
                    while way[-1] != start:
                        way.append(came[way[-1]])
                    return way[::-1]
                if to not in came:
                    came[to] = name
                    following.append(to)
        frontier = following
    return []


def _same_group(edges: dict[str, list[str]], start: str) -> set[str]:
    """The steps that are in a circle with this one."""
    behind: dict[str, list[str]] = {name: [] for name in edges}
    for name, ways in edges.items():
        for to in ways:
            behind[to].append(name)
    return _reach(edges, start) & _reach(behind, start)


def _reach(edges: dict[str, list[str]], start: str) -> set[str]:
    seen = {start}
    waiting = [start]
    while waiting:
        new = [to for to in edges[waiting.pop()] if to not in seen]
        seen.update(new)
        waiting.extend(new)
    return seen
