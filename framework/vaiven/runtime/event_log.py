"""The log of what happened in conversations with people, read: what came after a place, and whether that is all of it."""

from typing import NamedTuple

import msgspec

from vaiven.model.events import Happened
from vaiven.model.turns import TurnRecord
from vaiven.runtime.happenings import KINDS, event_id, log_home
from vaiven.stores.contract import Store

LONGEST = 1_000
"""So many events are told again to who asks for what came after a place; whoever missed more has to look for themselves."""


class By(msgspec.Struct, frozen=True):
    """Somebody of the business."""

    id: str
    name: str = ""


class LogEvent(msgspec.Struct, frozen=True):
    """One happening. ``number`` is its place in the log, which rises; ``id`` names it for good. ``at`` is ms since the epoch.

    ``by``: person, bot or agent. ``agent`` is who it was, or to whom the conversation went.
    """

    kind: str
    id: str
    number: int
    conversation: str
    channel: str
    queue: str
    by: str
    at: int
    agent: By | None = None


class After(NamedTuple):
    """What came after a place in the log, oldest first; ``last`` is where the log stands. ``whole`` False: some are gone."""

    events: list[LogEvent]
    last: int
    whole: bool


class EventLog:
    """The log of one bot. Its calls may raise StoreUnavailable; asking again is then safe."""

    def __init__(self, store: Store, bot: str) -> None:
        self._store = store
        self._home = log_home(bot)

    async def last(self) -> int:
        """The number of the newest event; 0: there has been none."""
        (state,) = await self._store.load([self._home])
        return state.contact.last

    async def after(self, number: int) -> After:
        """What came after this place. One that the log has not come to yet is of another log, so nothing of it is known."""
        last = await self.last()
        if number >= last:
            return After([], last, number == last)
        found: list[LogEvent] = []
        previous, newest = last, 0
        async for record in self._store.history(self._home, newest=LONGEST):
            if record.number <= number:
                previous = record.number
                break
            newest, previous = newest or record.number, record.previous
            if (event := told(record)) is not None:
                found.append(event)
        return After(found[::-1], max(newest, last), previous <= number)


def told(record: TurnRecord) -> LogEvent | None:
    """What a turn of the log tells; None: nothing that happened in a conversation."""
    body = record.event.body
    if not isinstance(body, Happened) or body.name not in KINDS or body.sender is None:
        return None
    return of(body.name, event_id(record.event), record.number, body.data)


def of(kind: str, id_: str, number: int, data: dict[str, object]) -> LogEvent:
    """An event from what its word bears."""
    return msgspec.convert({"kind": kind, "id": id_, "number": number, **data}, LogEvent)
