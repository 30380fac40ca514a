"""Queues of people: who waits for somebody of the business to talk to them. A resource that every bot has (``QUEUE``).

Its state is ``{"waiting": [{"home", "channel", "session", "visit", "since", …}, …]}``, first come first; and where people talk,
``"taken": [{"home", "channel", "agent", "name", "since"}, …]``: which of its conversations somebody of the business has.
``QUEUES`` knows every queue that anybody ever waited in: a flow may have another name for it by now, and they wait all the same.
"""

from typing import Any

from vaiven.model.calls import ReplyTo
from vaiven.model.effects import HandOff, Tell
from vaiven.model.urns import Urn, resource_home
from vaiven.runtime.happenings import CLOSINGS, EVENTS, keep
from vaiven.runtime.resources import Resource, Word
from vaiven.runtime.tokens import TOKENS, tokens

QUEUE = "queue"
QUEUES = "queues"
OPENED = "opened"
TAKEN = "taken"
FREED = "freed"


def queue_home(bot: str, name: str) -> Urn:
    return resource_home(bot, QUEUE, name)


def queues_home(bot: str) -> Urn:
    """Who knows the names of all queues (``names``)."""
    return resource_home(bot, QUEUES, "all")


def queue_word(effect: HandOff, bot: str) -> Tell:
    """What the queue is told when a session comes to wait in it, or waits there no more."""
    data: dict[str, Any] = {"skills": effect.skills} if effect.skills else {}
    if effect.shared:
        data["shared"] = effect.shared
    name = "leave" if effect.left else "enqueue"
    return Tell(queue_home(bot, effect.queue), name, data, session=effect.session, visit=effect.visit)


def queue(state: dict[str, Any], word: Word, now_ms: int) -> tuple[dict[str, Any], list[Tell]]:
    """One queue. Who waits already and comes again, at another visit, goes to its end."""
    waiting, who = state.get("waiting", []), word.asker
    taken = state.get("taken", [])
    if word.name in (TAKEN, FREED) and word.sender is not None:
        key = (word.sender, word.data["channel"])
        taken = [one for one in taken if (one["home"], one["channel"]) != key]
        if word.name == TAKEN:
            taken = [*taken, {"home": word.sender, **word.data}]
        return _kept(waiting, taken), []
    if who is None:
        return state, []
    match word.name:
        case "enqueue":
            others = [one for one in waiting if (one["home"], one["channel"]) != (who.home, who.channel)]
            place = {"home": who.home, "channel": who.channel, "session": who.session, "visit": who.visit, "since": now_ms}
            waiting = [*others, place | dict(word.data)]
        case "leave":
            waiting = [one for one in waiting if not _is_left(one, who)]
    told = [word.tell(word.home(QUEUES, "all"), OPENED, queue=word.of)] if not state and word.about.bot else []
    return _kept(waiting, taken), told


def _kept(waiting: list[Any], taken: list[Any]) -> dict[str, Any]:
    return {"waiting": waiting, "taken": taken} if taken else {"waiting": waiting}


def queues(state: dict[str, Any], word: Word, _: int) -> tuple[dict[str, Any], list[Tell]]:
    """The names of all queues."""
    if word.name == OPENED:
        return {"names": sorted({*state.get("names", []), word.data["queue"]})}, []
    return state, []


def _is_left(place: dict[str, Any], who: ReplyTo) -> bool:
    """Whether it was this visit that took the place, or an earlier one of its session."""
    return (place["home"], place["session"]) == (who.home, who.session) and place["visit"] <= who.visit


BUILT_IN: dict[str, Resource] = {QUEUE: queue, QUEUES: queues, TOKENS: tokens, EVENTS: keep, CLOSINGS: keep}
