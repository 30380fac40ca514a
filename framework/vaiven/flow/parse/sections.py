"""Sections unrolled: what the steps of a section share is put onto each of them, so that what runs is flat."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from vaiven.flow.document import (
    After,
    Ask,
    Branch,
    Call,
    Command,
    End,
    Handoff,
    Relay,
    Route,
    Run,
    Step,
    Then,
    Wait,
)

WAITING = (Ask, Call, Run, Handoff, Relay, Wait)
"""Verbs at which a conversation stands still: what a section shares is heard at these of its steps."""


@dataclass(frozen=True, slots=True)
class Shared:
    """What stands beside ``section``."""

    then: Then | None = None
    after: tuple[After, ...] = ()
    when: Mapping[str, Route] = field(default_factory=dict)
    commands: tuple[Command, ...] = ()
    message_class: str | None = None
    keep: bool = False
    tags: tuple[str, ...] = ()


def unrolled(steps: list[Step], shared: Shared) -> list[Step]:
    """The steps with what they share. Of two of one name the inner one wins; the last step goes on as the section does."""
    found = [_with(step, shared) for step in steps]
    if found and shared.then is not None:
        found[-1] = _falling_to(found[-1], shared.then.routes)
    return found


def _with(step: Step, shared: Shared) -> Step:
    waits = isinstance(step.verb, WAITING)
    named = {command.name for command in step.commands}
    armed = {timer.name for timer in step.after}
    return replace(
        step,
        commands=(*step.commands, *(one for one in shared.commands if waits and one.name not in named)),
        after=(*step.after, *(one for one in shared.after if waits and one.name not in armed)),
        when={**shared.when, **step.when} if waits else step.when,
        message_class=step.message_class or shared.message_class,
        keep=step.keep or shared.keep,
        tags=(*step.tags, *(one for one in shared.tags if one not in step.tags)),
    )


def _falling_to(step: Step, routes: tuple[Route, ...]) -> Step:
    """Where this step would fall to the next one, it takes these routes."""
    if isinstance(step.verb, End | Handoff | Relay):
        return step
    if isinstance(step.verb, Branch):
        return replace(step, verb=Branch(_then_these(step.verb.routes, routes)))
    then = step.then or Then()
    outcomes = {outcome: _then_these(ways, routes) for outcome, ways in then.outcomes.items()}
    if then.otherwise:
        return replace(step, then=replace(then, outcomes=outcomes, otherwise=_then_these(then.otherwise, routes)))
    return replace(step, then=replace(then, outcomes=outcomes, routes=_then_these(then.routes, routes)))


def _then_these(first: tuple[Route, ...], routes: tuple[Route, ...]) -> tuple[Route, ...]:
    """These routes after the first ones, unless one of those always holds."""
    return first if any(route.condition is None for route in first) else (*first, *routes)
