"""States and arrows to a python-statemachine class: the definition of a flow's machine, and its reference.

The chart is flat. Every callback takes one argument, ``draft``, and only reads it or adds to it. Callbacks are bound methods:
the library looks plain functions up by their name, and two of one name would be one.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import new_class
from typing import Any, cast

from statemachine import Event, State, StateChart
from statemachine.transition_list import TransitionList

from vaiven.flow.draft import Draft
from vaiven.flow.source import Position

Guard = Callable[[Draft], bool]
Action = Callable[[Draft], None]

BEGIN = "begin"
OVER = "over"
RETURNING = "returning"


def state_id(step: str) -> str:
    """Prefixed, since a state called ``send`` or ``model`` would shadow the library's own."""
    return f"s_{step}"


@dataclass(frozen=True, slots=True)
class Place:
    """A state to be: ``enter`` runs whenever it is entered, ``leave`` whenever it is left."""

    id: str
    enter: Action | None = None
    final: bool = False
    leave: Action | None = None


@dataclass(frozen=True, slots=True)
class Arrow:
    """A transition to be. ``target`` None: the state is not left, only ``action`` runs.

    ``at`` is where the file draws it; None: it is there in every flow, or nothing can take it.
    """

    source: str
    event: str
    target: str | None
    guard: Guard | None = None
    action: Action | None = None
    at: Position | None = None


def build_chart(name: str, places: Sequence[Place], arrows: Sequence[Arrow]) -> type[StateChart[Any]]:
    """The machine's class. The first place is the initial one; arrows of one source and event are tried in order."""
    states = {
        place.id: State(place.id, initial=at == 0, final=place.final, enter=place.enter, exit=place.leave)
        for at, place in enumerate(places)
    }
    events: dict[str, TransitionList] = {}
    for arrow in arrows:
        source = states[arrow.source]
        # Without a target nothing is left or entered. The library's internal self-transitions do enter their state again.
        target = None if arrow.target is None else states[arrow.target]
        transitions = source.to(target, cond=arrow.guard, on=arrow.action)
        known = events.get(arrow.event)
        events[arrow.event] = transitions if known is None else known | transitions
    body: dict[str, Any] = {
        **states,
        **{event: Event(transitions, id=event) for event, transitions in events.items()},
        # Loud, all of it: by default an action that raises is swallowed and an unknown event ignored.
        "catch_errors_as_events": False,
        "allow_event_without_transition": False,
        # What can be reached is the checker's to prove, over the file, where it can name line and column.
        "validate_disconnected_states": False,
        "validate_trap_states": False,
        "validate_final_reachability": False,
    }
    return cast("type[StateChart[Any]]", new_class(name, (StateChart,), exec_body=lambda namespace: namespace.update(body)))
