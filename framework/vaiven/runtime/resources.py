"""Resources: homes that are nobody's, with a small machine of their own. A table of slots, a pool of codes, a queue of people.

A resource is a pure function in the bot's ``actions.py``. Whatever it is told comes one at a time, and what it decides is saved
in one commit, so it needs no lock to give a slot once.

    @resource("slots")
    def slots(state, word, now):
        taken = state.setdefault("taken", {})
        match word.name:
            case "reserve" if len(taken) < 12:
                taken[word.sender] = "held"
                return state, [word.answer("reserved"), word.start_timer("expire", now + 600_000, word.sender)]
            case "confirm" if word.sender in taken:
                taken[word.sender] = "booked"
                return state, [word.answer("booked"), word.cancel_timer("expire", word.sender)]
            case "expire":
                taken.pop(word.key, None)
                return state, []
        return state, [word.answer("full")]
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from typing import Any, Self

import msgspec
from msgspec.structs import replace as changed

from vaiven.flow.scope import zone_of
from vaiven.flow.spec import BotSpec
from vaiven.model.calls import ReplyTo
from vaiven.model.contacts import Contact
from vaiven.model.effects import CancelTimer, Effect, Recorded, StartTimer, Tell
from vaiven.model.events import Event, Happened, TimerDue
from vaiven.model.urns import Urn, path_of, resource_home
from vaiven.runtime.hours import Hours

SCHEME = "res:"
ALLOWED = (Tell, StartTimer, CancelTimer, Recorded)

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(dict[str, Any]).decode


@dataclass(frozen=True, slots=True)
class About:
    """What a resource knows of its bot: the name, the zone of its clocks, its params and its opening hours by name."""

    bot: str = ""
    zone: tzinfo = UTC
    params: Mapping[str, Any] = field(default_factory=dict)
    hours: Mapping[str, Hours] = field(default_factory=dict)

    @classmethod
    def of(cls, spec: BotSpec, hours: Mapping[str, Hours]) -> Self:
        return cls(spec.name, zone_of(spec.zone), spec.params, hours)


NO_BOT = About()


@dataclass(frozen=True, slots=True)
class Word:
    """What a resource is told: ``name`` and ``data``; or that a timer of its own, of this name and ``key``, fell due.

    ``id`` names the happening itself. ``sender`` is the home that says it: a person, another resource; None: a timer, or the
    business. ``asker`` is who waits for an answer, if somebody does. ``resource`` and ``of`` are our own name: the ``slots`` of
    a day. ``about`` is the bot as it is set now.
    """

    name: str
    data: Mapping[str, Any]
    id: str
    resource: str
    of: str
    sender: Urn | None = None
    asker: ReplyTo | None = None
    key: str = ""
    about: About = NO_BOT

    def home(self, resource: str, of: str) -> Urn:
        """Where another resource of this bot lives, to be told something."""
        return resource_home(self.about.bot, resource, of)

    def answer(self, name: str, /, **data: Any) -> Tell | None:
        """Say this to who waits for an answer; nothing, if nobody does. ``data`` is JSON."""
        if self.asker is None:
            return None
        return Tell(self.asker.home, name, data, to=self.asker)

    def tell(self, home: Urn, name: str, /, channel: str = "", **data: Any) -> Tell:
        """Say something unasked. A person's flow hears it as ``<resource>.<name>``, in their session on ``channel``."""
        heard = name if is_resource(home) else f"{self.resource}.{name}"
        return Tell(Urn(home), heard, data, channel=channel)

    def start_timer(self, name: str, due_ms: int, key: str = "") -> StartTimer:
        """Come back with this name and key at that instant (ms since the epoch). The same again sets it anew."""
        return StartTimer(f"{name}:{key}", due_ms, "", "", 0)

    def cancel_timer(self, name: str, key: str = "") -> CancelTimer:
        return CancelTimer(f"{name}:{key}")


Resource = Callable[[dict[str, Any], Word, int], tuple[dict[str, Any], Iterable[Effect | None]]]
"""State, word and instant (ms since the epoch) in; the next state and what to do, out. It may change the state it is given.

The state is JSON, empty at first. What may be done: ``Tell``, ``StartTimer``, ``CancelTimer``, ``Recorded``; None is nothing.
One that raises leaves everything as it was: the word comes again, and is set aside after a few times.
"""


def is_resource(home: str) -> bool:
    return home.startswith(SCHEME)


class Resources:
    """The resources of one bot, by name."""

    def __init__(self, functions: Mapping[str, Resource], about: About = NO_BOT) -> None:
        self._functions = functions
        self._about = about

    def __contains__(self, home: object) -> bool:
        """Whether there is one whose home this is."""
        return isinstance(home, str) and _name_of(home)[0] in self._functions

    def step(self, contact: Contact, event: Event, now_ms: int) -> tuple[Contact, tuple[Effect, ...]]:
        """What one event does to the resource whose home it is for; the contact as it came, if nothing of it changes.

        Raises:
            TypeError: the function gave something that a resource cannot.
        """
        name, of = _name_of(contact.home)
        timers: dict[str, int] = contact.vars.get("timers", {})
        word = _heard(event, name, of, self._about)
        if isinstance(body := event.body, TimerDue):
            if timers.get(body.key) != body.due_ms:
                # It was on its way already when it was cancelled or set anew.
                return contact, (Recorded("timer", "late"),)
            timers = {key: due_ms for key, due_ms in timers.items() if key != body.key}
        if word is None:
            return contact, (Recorded("unheard", type(body).__name__),)
        # A copy, so that one that raises half way has changed nothing, and as JSON leaves it, so that every store gives the same.
        before = _encode(contact.vars.get("state", {}))
        state, told = self._functions[name](_decode(before), word, now_ms)
        effects = tuple(effect for effect in told if effect is not None)
        for effect in effects:
            match effect:
                case StartTimer(key=key, due_ms=due_ms):
                    timers = {**timers, key: due_ms}
                case CancelTimer(key=key):
                    timers = {each: due_ms for each, due_ms in timers.items() if each != key}
                case _ if not isinstance(effect, ALLOWED):
                    raise TypeError(f"resource {name} cannot {type(effect).__name__}")
        after = _encode(state)
        if after == before and timers == contact.vars.get("timers", {}):
            return contact, effects
        kept = _decode(after)
        return changed(contact, vars={"state": kept, "timers": timers} if timers else {"state": kept}), effects


def _name_of(home: str) -> tuple[str, str]:
    """Its name, and which of them it is."""
    _, _, path = path_of(home).partition("/")
    name, _, of = path.partition("/")
    return name, of


def _heard(event: Event, name: str, of: str, about: About) -> Word | None:
    match event.body:
        case Happened() as body:
            return Word(body.name, body.data, event.id, name, of, body.sender, body.answer_to, about=about)
        case TimerDue() as body:
            timer, _, key = body.key.partition(":")
            return Word(timer, {}, event.id, name, of, key=key, about=about)
        case _:
            return None
