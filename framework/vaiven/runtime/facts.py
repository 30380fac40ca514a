"""Facts read beforehand: what flows may ask for that is neither theirs nor their contact's. Nothing else is read."""

from collections.abc import Collection, Mapping
from datetime import tzinfo
from typing import Any

from vaiven.model.contacts import ContactState
from vaiven.model.urns import Urn
from vaiven.runtime.hours import Hours
from vaiven.runtime.people import queue_home
from vaiven.stores.contract import Store

FRESH_MS = 1_000
"""Lists of who waits may be so old."""
MINUTE_MS = 60_000
NOTHING: Mapping[str, int] = {}


class FactReader:
    """What is known beside a contact, as numbers by name.

    ``open:<hours>`` is 1 while they are open, else 0; ``queue:<name>`` how many wait in a queue of people; ``place:<name>`` the
    contact's own place in it, from 1, left out for who is not in it. ``asks`` are the names that the bot's flows can ask for.
    """

    def __init__(self, asks: Collection[str], hours: Mapping[str, Hours], zone: tzinfo, bot: str) -> None:
        self._every = hours
        self._asked: Collection[str] = ()
        self._hours: Mapping[str, Hours] = {}
        self._queues: list[str] = []
        self._zone = zone
        self._bot = bot
        self._read_ms: int | None = None
        self._waiting: dict[str, int] = {}
        self._places: dict[str, dict[tuple[Urn, str], int]] = {}
        self._minute = -1
        self._open: dict[str, int] = {}
        self.ask(asks)

    def ask(self, asks: Collection[str]) -> None:
        """From now on, read these."""
        if asks == self._asked:
            return
        self._asked = asks
        kinds = [(kind, name) for kind, _, name in (ask.partition(":") for ask in sorted(asks))]
        self._hours = {name: self._every[name] for kind, name in kinds if kind == "open" and name in self._every}
        self._queues = sorted({name for kind, name in kinds if kind in ("queue", "place")})
        self._read_ms, self._minute = None, -1
        self._waiting, self._places, self._open = {}, {}, {}

    @property
    def queues(self) -> tuple[str, ...]:
        """The queues whose states are learnt, in the order of ``learn``."""
        return tuple(self._queues)

    @property
    def is_asked(self) -> bool:
        """Whether any flow asks for anything."""
        return bool(self._hours or self._queues)

    def fresh(self, now_ms: int) -> bool:
        """Whether nothing need be read now."""
        return not self._queues or (self._read_ms is not None and abs(now_ms - self._read_ms) < FRESH_MS)

    async def read(self, store: Store, now_ms: int) -> None:
        """Read who waits."""
        queues = self._queues
        states = await store.load([queue_home(self._bot, name) for name in queues])
        if queues is self._queues:  # else other flows have been published meanwhile, which ask for others
            self.learn(states, now_ms)

    def learn(self, states: list[ContactState], now_ms: int) -> None:
        """The states of the queues, in the order in which ``read`` asks for them."""
        for name, state in zip(self._queues, states, strict=True):
            waiting: list[dict[str, Any]] = state.contact.vars.get("state", {}).get("waiting", [])
            self._waiting[f"queue:{name}"] = len(waiting)
            self._places[f"place:{name}"] = {(one["home"], one["channel"]): at for at, one in enumerate(waiting, 1)}
        self._read_ms = now_ms

    def known(self, home: Urn, channel: str, now_ms: int) -> Mapping[str, int]:
        """What a step for this contact, on this channel, is told."""
        if not self._hours and not self._queues:
            return NOTHING
        if now_ms // MINUTE_MS != self._minute:
            self._minute = now_ms // MINUTE_MS
            self._open = {f"open:{name}": int(hours.is_open(now_ms, self._zone)) for name, hours in self._hours.items()}
        own = {name: place for name, places in self._places.items() if (place := places.get((home, channel))) is not None}
        return {**self._open, **self._waiting, **own}
