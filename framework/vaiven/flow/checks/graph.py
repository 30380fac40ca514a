"""Where steps lead: every step can be reached, every path ends or waits, nothing turns in circles without waiting."""

from collections.abc import Iterator

from vaiven.flow.checks.edges import BREAKS, FALL, after_verb
from vaiven.flow.checks.view import View
from vaiven.flow.document import Ask, Call, Handoff, Relay
from vaiven.flow.problems import Problem

_SHOWN = 10


def falls_off(view: View) -> Iterator[Problem]:
    """The last step does not fall to a next one, since there is none."""
    last = view.document.steps[-1]
    if FALL in after_verb(last):
        text = f"'{last.name}' is the last step and leads nowhere"
        yield view.problem("falls-off", last.at, text, 'Add `then: step`, or end the flow after it: `bye: {end: ""}`.')


def unreachable(view: View) -> Iterator[Problem]:
    """Every step and every section can be come to."""
    reached = view.reached
    lost: dict[str, list[str]] = {}
    for step in view.document.steps:
        if step.section is not None:
            lost.setdefault(step.section, []).append(step.name)
    empty = {section for section, names in lost.items() if reached.isdisjoint(names) and len(names) > 1}
    told: set[str] = set()
    for step in view.document.steps:
        if step.name in reached:
            continue
        cure = "Go to it from somewhere, or remove it."
        if step.section not in empty:
            yield view.problem("unreachable", step.at, f"nothing leads to step '{step.name}'", cure)
        elif step.section not in told:
            told.add(step.section)
            name = step.section.rpartition("/")[2]
            text = f"nothing leads into the section '{name}': none of its {len(lost[step.section])} steps is ever come to"
            yield view.problem("unused-section", view.section_at(step), text, cure, width=len(name))


def never_left(view: View) -> Iterator[Problem]:
    """Whoever is with a person, or waits for one, can come back from there."""
    for step in view.document.steps:
        if isinstance(step.verb, Handoff | Relay) and not view.ways(step):
            what = "handoff" if isinstance(step.verb, Handoff) else "relay"
            event = "agent.joined" if what == "handoff" else "agent.closed"
            text = f"nothing leads out of step '{step.name}': a `{what}` is left by `when`, `after` and commands, never by itself"
            yield view.problem(
                "never-left", step.at, text, f"Add for instance `when: {{{event}: step}}` or `after: {{30m: step}}`."
            )


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
            calls = [name for name in circle if isinstance(view.steps[name].verb, Call)]
            if skipping:
                text = f"if the questions are skipped, these steps turn in a circle: {way}"
                cure = f"Make sure that `skip` of '{asks[0]}' does not hold every time."
                yield view.warning("endless", first.at, text, cure)
                continue
            text = f"these steps turn in a circle without waiting for anybody: {way}"
            cure = "Put an `ask` or a `wait` into the circle, or lead out of it."
            if calls:
                cure = f"A `call` such as '{calls[0]}' waits for no person. {cure}"
            yield view.problem("endless", first.at, text, cure)


def _circles(view: View, skipping: bool) -> Iterator[list[str]]:
    """One circle for each group of steps that can go round, beginning at its first step in the file."""
    edges = {
        step.name: view.resolved(step, after_verb(step))
        for step in view.document.steps
        if not isinstance(step.verb, BREAKS) or (skipping and isinstance(step.verb, Ask) and step.verb.skip)
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
