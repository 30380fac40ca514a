"""The names that expressions and texts can read, looked up only when one asks."""

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, tzinfo
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from vaiven.flow.expressions import HOURS
from vaiven.flow.folding import without_controls
from vaiven.flow.values import Answer
from vaiven.model.messages import InboundMessage

if TYPE_CHECKING:
    from vaiven.flow.draft import Draft


@lru_cache(maxsize=512)
def zone_of(name: str) -> tzinfo:
    """The IANA zone of that name; UTC if there is none, since a wrong setting of one contact must not stop their talk."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return UTC


class Scope(dict[str, Any]):
    """What is set here wins (``choices``, ``hint``); then built-in names, answers by step name, variables."""

    __slots__ = ("draft",)

    def __init__(self, draft: "Draft") -> None:
        self["params"] = draft.flow.params
        self.draft = draft

    def __missing__(self, name: str) -> Any:
        draft = self.draft
        built_in = BUILT_IN.get(name)
        if built_in is not None:
            return built_in(draft)
        answer = draft.answers.get(name)
        if answer is None:
            return variable(draft, name)
        view = self[name] = Answer(answer) if name in draft.flow.asks else answer
        return view

    def __contains__(self, name: object) -> bool:
        try:
            self[str(name)]
        except KeyError:
            return False
        return True


def variable(draft: "Draft", name: str) -> Any:
    """A variable of the session or the contact, or its default; a step that was not answered yet is null."""
    flow = draft.flow
    if name in flow.contact_vars:
        found = draft.contact_vars.get(name)
    elif name in draft.vars:
        return draft.vars[name]
    elif name in flow.defaults:
        found = None
    elif name in flow.nodes:
        return None
    else:
        raise KeyError(name)
    return flow.defaults.get(name) if found is None else found


def _now(draft: "Draft") -> datetime:
    return datetime.fromtimestamp(draft.now_ms / 1000, zone_of(draft.zone))


def _today(draft: "Draft") -> date:
    return _now(draft).date()


def _contact(draft: "Draft") -> Mapping[str, Any]:
    contact = draft.contact
    name = None if contact.name is None else without_controls(contact.name)
    return {**draft.contact_vars, "id": contact.home, "name": name, "lang": draft.lang, "zone": contact.zone}


def _session(draft: "Draft") -> Mapping[str, Any]:
    return {"id": draft.session_id, "visit": draft.visit}


def _message(draft: "Draft") -> Mapping[str, Any]:
    body = draft.event.body
    if not isinstance(body, InboundMessage):
        return {"id": None, "kind": None, "text": ""}
    return {"id": body.id, "kind": body.kind.value, "text": body.text}


def _queue(draft: "Draft") -> Mapping[str, Any]:
    """``position`` in the queue of this step: on entry those waiting, and one more."""
    name = getattr(draft.flow.nodes[draft.step], "queue", "") if draft.step else ""
    waiting, place = draft.fact(f"queue:{name}"), draft.fact(f"place:{name}")
    return {"name": name, "waiting": waiting, "position": place if place is not None else (waiting or 0) + 1}


def _agent(draft: "Draft") -> Any:
    """Who joined the conversation last."""
    answers: Mapping[str, Any] = draft.answers
    return answers.get("agent")


def _hours(draft: "Draft") -> Callable[[str], bool]:
    """Raises KeyError for hours that the bot does not have."""

    def is_open(name: str) -> bool:
        known = draft.fact(f"open:{name}")
        if known is None:
            raise KeyError(name)
        return known == 1

    return is_open


def _vars(draft: "Draft") -> Mapping[str, Any]:
    contact = {name: draft.contact_vars[name] for name in draft.flow.contact_vars if name in draft.contact_vars}
    return {**draft.flow.defaults, **draft.vars, **contact}


BUILT_IN: Mapping[str, Callable[["Draft"], Any]] = {
    "params": lambda draft: draft.flow.params,  # shown as known; a scope holds it from the start
    "window": lambda draft: draft.flow.window.values,
    "vars": _vars,
    "contact": _contact,
    "channel": lambda draft: draft.event.channel,
    "session": _session,
    "message": _message,
    "input": lambda draft: draft.input,
    "now": _now,
    "today": _today,
    "result": lambda draft: draft.result,
    "item": lambda _: None,  # set while choices are made
    "queue": _queue,
    "agent": _agent,
    HOURS: _hours,
}
