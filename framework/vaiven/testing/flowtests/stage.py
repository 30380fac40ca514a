"""One person and the bot behind them: the real decider, a clock that only waiting moves, calls answered by mocks.

What happens here is what happens in a server, in the same order: an event, one turn decided by ``runtime.decide.Decider``, its
rows dialed at once, its timers and calls due at their instant. Everything that a stage holds is replaced and never changed in
place, so a copy of it is cheap and goes its own way.
"""

import heapq
import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import msgspec
from msgspec.structs import replace as changed

from vaiven.model.calls import ActionCall, HttpCall, OutboundCall, Told
from vaiven.model.contacts import Contact, ContactState
from vaiven.model.effects import Control, End, Recorded, Tally
from vaiven.model.events import Body, Event, Happened, TimerDue
from vaiven.model.messages import MessageClass, Option
from vaiven.model.outbox import OutboxRow, RowState
from vaiven.model.turns import Taken, Timer, Turn, TurnRecord
from vaiven.model.urns import Urn
from vaiven.runtime import call_outcomes
from vaiven.runtime.call_outcomes import Answered, Came, NoAnswer
from vaiven.runtime.calls import awaits
from vaiven.runtime.decide import Decider, Line
from vaiven.runtime.people import BUILT_IN, queue_home
from vaiven.runtime.resources import Resources, is_resource
from vaiven.runtime.telling import event_of
from vaiven.testing.flowtests.covering import Glimpse
from vaiven.testing.flowtests.script import Answer, Mock

MOST_TURNS = 10_000
"""So many turns of one talk are no conversation any more."""
_NOT_SENT = frozenset({"refused", "forbidden"})
"""Reasons for which certainly nothing of a call went out."""
_CALL_REASONS = ("timeout", "unknown", "refused", "forbidden", "too big", "no json", "bad request")

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(ContactState).decode


class Astray(Exception):
    """The talk cannot go on: what the bot did is not provided for. ``cure`` says what would be right."""

    def __init__(self, text: str, cure: str = "") -> None:
        super().__init__(text)
        self.cure = cure


@dataclass(frozen=True, slots=True)
class Due:
    """An attempt of a call that comes to this at its instant."""

    due_ms: int
    number: int
    row: OutboxRow
    came: Came

    def __lt__(self, other: "Due") -> bool:
        return (self.due_ms, self.number) < (other.due_ms, other.number)


class Stage:
    """``said`` are the rows that went out and that nobody has looked at yet, ``records`` the person's history.

    ``control``: who has the conversation, ``bot`` or ``agent``. ``attempts`` are the names of calls in the order that they were
    made; ``ended`` is the outcome of the session that ended last.
    """

    def __init__(
        self, decider: Decider, resources: Resources, glimpse: Glimpse, state: ContactState, line: Line, now_ms: int
    ) -> None:
        self.decider = decider
        self.glimpse = glimpse
        self.resources = resources
        self.home = state.contact.home
        self.channel = line.channel.name
        self.sender = line.channel.sender
        self.now_ms = now_ms
        self.states: dict[Urn, ContactState] = {self.home: state}
        self.timers: dict[tuple[Urn, str], Timer] = {}
        self.pending: list[Due] = []
        self.mocks: tuple[Mock, ...] = ()
        self.answered: dict[str, int] = {}
        self.said: tuple[OutboxRow, ...] = ()
        self.withheld = 0
        self.shown: tuple[Option, ...] = ()
        self.attempts: tuple[str, ...] = ()
        self.tallies: tuple[Tally, ...] = ()
        self.records: tuple[TurnRecord, ...] = ()
        self.recorded: tuple[Recorded, ...] = ()
        self.control = "bot"
        self.ended: str | None = None
        self.values_at_end: Mapping[str, Any] = {}
        self.turns = 0
        self._errands: tuple[OutboxRow, ...] = ()

    def copy(self) -> "Stage":
        """The same person at the same moment, whose life goes its own way."""
        other = Stage.__new__(Stage)
        other.__dict__.update(self.__dict__)
        other.states, other.timers = dict(self.states), dict(self.timers)
        other.pending, other.answered = list(self.pending), dict(self.answered)
        return other

    @property
    def state(self) -> ContactState:
        return self.states[self.home]

    @property
    def opted_out(self) -> bool:
        return self.sender in self.state.contact.opt_outs

    # ---- what happens

    def happens(self, body: Body) -> None:
        """Something happens to the person, now."""
        self._take(self._event(self.home, self.channel, body))
        self._to_rest()

    def wait(self, until_ms: int) -> None:
        """Time passes. What falls due on the way happens at its instant, in order."""
        while (at_ms := self._next_ms()) is not None and at_ms <= until_ms:
            self.fall_due()
        self.now_ms = max(self.now_ms, until_ms)

    def fall_due(self) -> bool:
        """Go to the instant at which something is due next, and let it happen. False: nothing ever is."""
        at_ms = self._next_ms()
        if at_ms is None:
            return False
        self.now_ms = max(self.now_ms, at_ms)
        if self.pending and self.pending[0].due_ms <= at_ms:
            due = heapq.heappop(self.pending)
            self._came(due.row, due.came)
        else:
            timer = min(self.timers.values(), key=lambda each: (each.due_ms, each.home, each.key))
            del self.timers[timer.home, timer.key]
            body = TimerDue(timer.key, timer.session, timer.step, timer.visit, timer.due_ms)
            self._take(self._event(timer.home, timer.channel, body))
        self._to_rest()
        return True

    def _next_ms(self) -> int | None:
        timers = min((timer.due_ms for timer in self.timers.values()), default=None)
        calls = self.pending[0].due_ms if self.pending else None
        return min((each for each in (timers, calls) if each is not None), default=None)

    def values(self) -> dict[str, Any]:
        """Variables and answers by name, of the flow on top before those below it; after the end, of the flow that ended."""
        open_now = self.channel in self.state.sessions
        return {**self.state.contact.vars, **(_values(self.state, self.channel) if open_now else self.values_at_end)}

    # ---- one turn

    def _event(self, home: Urn, channel: str, body: Body) -> Event:
        return Event(f"t{self.turns + 1}", home, 0, channel, self.now_ms, body)

    def _to_rest(self) -> None:
        """Run the errands of what happened, and of what comes of them, until nothing is left that takes no time."""
        while self._errands:
            row, *more = self._errands
            self._errands = tuple(more)
            if row.tell is not None:
                self._tell(row, row.tell)
            elif row.call is not None:
                self._call(row, row.call)

    def _take(self, event: Event) -> None:
        self.turns += 1
        if self.turns > MOST_TURNS:
            raise Astray(f"this talk has more than {MOST_TURNS} turns")
        home = event.home
        state = self.states.get(home)
        # As a store gives it back, so that nothing lives on that cannot be saved.
        state = ContactState(Contact(home)) if state is None else _decode(_encode(state))
        self._learn()
        self.glimpse.flow = ""
        turn = self.decider.decide(Taken(self.turns, event), 0, state, self.now_ms)
        if turn.buried is not None:
            raise Astray(f"nobody takes this: {turn.buried}")
        if turn.state is None:
            return
        self.states[home] = turn.state
        for key in turn.cancelled:
            self.timers.pop((home, key), None)
        for timer in turn.timers:
            self.timers[home, timer.key] = timer
        if home == self.home:
            self._note(turn, state)
        for row in turn.rows:
            if row.tell is None and row.call is None:
                self._say(row)
            else:
                self._errands += (row,)

    def _learn(self) -> None:
        """Who waits in which queue, as the runtime would have read it."""
        reader = self.decider.reader
        if reader is not None and reader.queues:
            homes = [queue_home(self.decider.flows.spec.name, name) for name in reader.queues]
            reader.learn([self.states.get(home) or ContactState(Contact(home)) for home in homes], self.now_ms)

    def _note(self, turn: Turn, before: ContactState) -> None:
        """What of a turn is looked at later."""
        self.tallies += turn.tallies
        if turn.record is None:
            return
        self.records += (turn.record,)
        for effect in turn.record.effects:
            match effect:
                case End(outcome=outcome):
                    self.ended = outcome
                    self.values_at_end = _last_values(self.glimpse, before, self.channel)
                case Control(by=by):
                    self.control = by
                case Recorded():
                    self.recorded += (effect,)
                case _:
                    pass

    # ---- rows

    def _say(self, row: OutboxRow) -> None:
        """Dial it, unless the claim would not."""
        contact = self.state.contact
        stopped = row.message_class is not MessageClass.CONSENT and (
            row.sender in contact.opt_outs or row.control < contact.control
        )
        if stopped:
            self.withheld += 1
            return
        self.said += (row,)
        self.shown += row.message.options

    def _tell(self, row: OutboxRow, word: Told) -> None:
        """A word to another home: heard there at once, or by a mock in its place."""
        _, _, path = word.home.partition("/")
        resource, _, _ = path.partition("/")
        name = f"{resource}.{word.name}"
        if resource not in BUILT_IN and is_resource(word.home):
            self.attempts += (name,)
            mock = self._mock(name)
            if mock is not None and not (mock.name == "*" and word.home in self.resources):
                self._mocked_word(word, self._answer(mock), name)
                return
            if word.home not in self.resources:
                raise Astray(f"nothing answers {name}", f'Mock it: "{name}": {{word: reserved}}')
        if word.home == self.home or is_resource(word.home):
            self._take(event_of(row, word, 1, self.now_ms))

    def _mocked_word(self, word: Told, answer: Answer, name: str) -> None:
        asker = word.answer_to
        if asker is None or answer.fail == "timeout":
            return
        if not answer.word:
            raise Astray(f"the mock of {name} says nothing", f'A resource answers by a word: "{name}": {{word: reserved}}')
        data = answer.json if isinstance(answer.json, dict) else {}
        body = Happened(answer.word, data, asker.session, asker.step, asker.visit, sender=word.home)
        self._take(self._event(self.home, asker.channel, body))

    def _call(self, row: OutboxRow, call: OutboundCall) -> None:
        """Attempt it. What takes no time is done with now; pauses between attempts are left out."""
        attempt = row
        while awaits(self.state, call):
            attempt = changed(attempt, attempt=attempt.attempt + 1)
            name = name_of(call.request)
            mock = self._mock(name)
            if mock is None:
                cure = f'Mock it: "{_bare(name)}": {{json: {{…}}}}'
                raise Astray(f"no mock answers {name}", cure)
            self.attempts += (name,)
            answer = self._answer(mock)
            came, took_ms = _came_to(call, answer)
            if took_ms:
                heapq.heappush(self.pending, Due(self.now_ms + took_ms, self.turns, attempt, came))
                return
            if self._settled(attempt, call, came):
                return

    def _came(self, row: OutboxRow, came: Came) -> None:
        """An attempt that took its time has come to its end."""
        call = row.call
        if call is not None and not self._settled(row, call, came):
            self._call(row, call)

    def _settled(self, row: OutboxRow, call: OutboundCall, came: Came) -> bool:
        """Tell the flow, unless it is tried again."""
        ending = call_outcomes.ending(row, call, came, self.now_ms, random.Random(0))
        if ending.state is RowState.RETRY:
            return False
        if ending.event is not None and awaits(self.state, call):
            self._take(changed(ending.event, id=f"t{self.turns + 1}"))
        return True

    def _mock(self, name: str) -> Mock | None:
        bare = _bare(name)
        return next((mock for mock in reversed(self.mocks) if fits(mock.name, name) or fits(mock.name, bare)), None)

    def _answer(self, mock: Mock) -> Answer:
        """The next of its answers; the last one again and again."""
        at = self.answered.get(mock.name, 0)
        self.answered[mock.name] = at + 1
        return mock.answers[min(at, len(mock.answers) - 1)]

    def set_mocks(self, mocks: Sequence[Mock]) -> None:
        """From now on these answer, before those that were there."""
        names = {mock.name for mock in mocks}
        self.mocks = (*(mock for mock in self.mocks if mock.name not in names), *mocks)
        for name in names:
            self.answered.pop(name, None)

    def ever(self, most: int = 200, within_ms: int = 32 * 86_400_000) -> int:
        """How many messages would still go out if the person never wrote again."""
        other = self.copy()
        other.said = ()
        until_ms = self.now_ms + within_ms
        for _ in range(most):
            at_ms = other._next_ms()
            if at_ms is None or at_ms > until_ms:
                break
            other.fall_due()
        return len(other.said)


def _values(state: ContactState, channel: str) -> dict[str, Any]:
    session = state.sessions.get(channel)
    found: dict[str, Any] = {}
    for frame in session.frames if session is not None else ():
        found |= {**frame.answers, **frame.vars}
    return found


def _last_values(glimpse: Glimpse, before: ContactState, channel: str) -> dict[str, Any]:
    """What was known when a session ended: as the machine left it, or where it did not run, as it was."""
    return {**glimpse.answers, **glimpse.vars} if glimpse.flow else _values(before, channel)


def name_of(request: HttpCall | ActionCall) -> str:
    """What a call is mocked by: ``GET https://…``, or the name of an action."""
    return f"{request.method} {request.url}" if isinstance(request, HttpCall) else request.name


def _bare(name: str) -> str:
    """Without the query."""
    return name.partition("?")[0]


@lru_cache(maxsize=4096)
def _pattern(name: str) -> re.Pattern[str]:
    return re.compile(".*".join(map(re.escape, name.split("*"))), re.DOTALL)


def fits(name: str, called: str) -> bool:
    return _pattern(name).fullmatch(called) is not None


def _came_to(call: OutboundCall, answer: Answer) -> tuple[Came, int]:
    """What an attempt comes to, and after how long (ms)."""
    action = isinstance(call.request, ActionCall)
    if answer.fail == "timeout" or answer.delay_ms >= call.timeout_ms:
        return call_outcomes.heard(NoAnswer("timeout", sent=True)), call.timeout_ms
    if answer.fail:
        if answer.fail in _CALL_REASONS:
            return call_outcomes.heard(NoAnswer(answer.fail, sent=answer.fail not in _NOT_SENT)), answer.delay_ms
        return Came(f"raised {answer.fail}" if action else answer.fail, passing=action), answer.delay_ms
    if action:
        if answer.status >= 400:
            return Came(f"http {answer.status}", answer.status), answer.delay_ms
        return call_outcomes.gave(answer.json), answer.delay_ms
    return call_outcomes.heard(Answered(answer.status, answer.body)), answer.delay_ms
