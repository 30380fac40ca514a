"""Steps at which a conversation stands still, other than a question: calls, waits, flows run, queues of people, people."""

from collections.abc import Sequence
from typing import Any

from vaiven.flow.document import After, Step
from vaiven.flow.draft import Draft
from vaiven.flow.expressions import ExpressionError
from vaiven.flow.instants import instant_of
from vaiven.flow.nodes import Node
from vaiven.flow.requests import arguments_of, http_call, plain, text_of
from vaiven.flow.triggers import CALL_TIMER, WAIT_TIMER
from vaiven.flow.verbs import ActionTarget, Call, Handoff, HttpTarget, Relay, ResourceTarget, Run, Wait
from vaiven.model import effects
from vaiven.model.calls import ActionCall
from vaiven.model.urns import resource_home

SLACK_MS = 30_000
"""So much longer than its timeout an attempt of a call may take, with what lies between it and the next."""
TRANSCRIPT = "transcript"
"""What ``share`` names to let people read the whole conversation."""


class WaitingNode(Node):
    """``after`` are its timers, armed at each visit. ``timer_events``, ``command_events`` (by folded word) and ``when_events``
    map what may happen to events of the machine.

    ``asks``: it is a question. ``interruptible``: other flows' keywords are heard. ``runs``: a flow of its own lies on top.
    ``holds``: messages are held. ``urgent``: what happens is not put off while another flow lies on top.
    """

    waits = True
    asks = False
    interruptible = False
    runs = False
    holds = False
    urgent = False

    def __init__(self, step: Step, after: Sequence[After]) -> None:
        super().__init__(step)
        self.after = tuple(after)
        self.idle = tuple(timer for timer in after if timer.idle)
        self.timer_events: dict[str, str] = {}
        self.command_events: dict[str, str] = {}
        self.when_events: dict[str, str] = {}

    def act(self, draft: Draft) -> None:
        draft.wait_at(self)

    def put(self, draft: Draft) -> None:
        """What there is to say to somebody who is here again: there is no question."""
        because, draft.because = draft.because, ""
        draft.send(because, self.message_class)

    def leave(self, draft: Draft) -> None:
        if not draft.left:
            self.release(draft, draft.visit)
        super().leave(draft)

    def release(self, draft: Draft, visit: int) -> None:
        """Give back what was taken on entry. However the step is left, this is called once."""


class CallNode(WaitingNode):
    """Nothing is locked while it runs: its answer is an event of this visit."""

    def __init__(self, step: Step, verb: Call, after: Sequence[After]) -> None:
        super().__init__(step, after)
        self.holds = verb.meanwhile is None
        self._verb = verb

    def act(self, draft: Draft) -> None:
        draft.wait_at(self)
        draft.drop_answer(self.name)
        # What was offered from the last answer is no question any more to which BACK could lead.
        draft.trail = tuple(name for name in draft.trail if self.name not in draft.flow.asks[name].made_of)
        try:
            errand = self._errand(draft)
        except ExpressionError:
            # Nothing is called, so nothing is waited for: the step goes on by ``fail``.
            draft.record("expression_failed", draft.where)
            draft.result = {"reason": "request"}
            draft.drop_timers()
            draft.waiting = False
            return
        draft.effects.append(errand)
        draft.arm(CALL_TIMER, self._longest_ms())

    def _longest_ms(self) -> int:
        if isinstance(self._verb.target, ResourceTarget):
            return self._verb.timeout_ms
        return (self._verb.retries + 1) * (self._verb.timeout_ms + SLACK_MS)

    def _errand(self, draft: Draft) -> effects.Effect:
        verb, target, scope = self._verb, self._verb.target, draft.scope
        key = None if verb.key is None else text_of(verb.key, scope)
        where = (draft.session_id, self.name, draft.visit)
        match target:
            case HttpTarget():
                return effects.Call(http_call(target, scope), *where, verb.timeout_ms, verb.retries, key)
            case ActionTarget():
                asked = ActionCall(target.name, arguments_of(target.arguments, scope))
                return effects.Call(asked, *where, verb.timeout_ms, verb.retries, key)
            case ResourceTarget():
                home = resource_home(draft.flows.spec.name, target.name, text_of(target.of, scope))
                told = arguments_of(target.arguments, scope)
                return effects.Tell(home, target.do, told, session=draft.session_id, step=self.name, visit=draft.visit)

    def answered(self, draft: Draft, result: Any) -> None:
        """Its answer is ``result`` in its own routes, and stays under the step's name."""
        draft.result = result
        draft.put_answer(self.name, result)


class WaitNode(WaitingNode):
    """Left by its time or its event, and if the time is past already, at once."""

    interruptible = True

    def __init__(self, step: Step, verb: Wait, after: Sequence[After]) -> None:
        super().__init__(step, after)
        self._delay_ms = verb.delay_ms
        self._until = verb.until

    def act(self, draft: Draft) -> None:
        due_ms = self._due_ms(draft)
        if due_ms is not None and due_ms <= draft.now_ms:
            return
        draft.wait_at(self)
        if due_ms is not None:
            draft.arm_at(WAIT_TIMER, due_ms)

    def arrived(self, draft: Draft, data: Any) -> None:
        """What came with the event stays under the step's name."""
        draft.put_answer(self.name, data)

    def _due_ms(self, draft: Draft) -> int | None:
        if self._until is not None:
            return until_ms(self._until.value(draft.scope), draft)
        return None if self._delay_ms is None else draft.now_ms + self._delay_ms


def until_ms(value: Any, draft: Draft) -> int:
    """The instant that a value names, in the conversation's time zone where it names none. Raises ExpressionError."""
    return int(instant_of(value, draft.zone, draft.now_ms).timestamp() * 1000)


class RunNode(WaitingNode):
    """Puts a flow on top. Its own timers go on meanwhile."""

    runs = True

    def __init__(self, step: Step, verb: Run, after: Sequence[After]) -> None:
        super().__init__(step, after)
        self._flow = verb.flow
        self._arguments = verb.arguments

    def act(self, draft: Draft) -> None:
        values = {name: plain(template.value(draft.scope)) for name, template in self._arguments}
        draft.wait_at(self)
        draft.returned = ""
        draft.child = (self._flow, values)


class HandoffNode(WaitingNode):
    """Waits in a queue of people."""

    urgent = True

    def __init__(self, step: Step, verb: Handoff, after: Sequence[After]) -> None:
        super().__init__(step, after)
        self.queue = verb.queue
        self.leaves = True
        self._skills = verb.skills
        self._share = verb.share

    def act(self, draft: Draft) -> None:
        skills = "" if self._skills is None else text_of(self._skills, draft.scope)
        shared = {name: True if name == TRANSCRIPT else _shared(draft, name) for name in self._share}
        draft.wait_at(self)
        draft.effects.append(effects.HandOff(self.queue, draft.session_id, draft.visit, skills, shared))

    def release(self, draft: Draft, visit: int) -> None:
        draft.effects.append(effects.HandOff(self.queue, draft.session_id, visit, left=True))


def _shared(draft: Draft, name: str) -> Any:
    try:
        return plain(draft.scope[name])
    except KeyError:
        raise ExpressionError(f"'{name}' is not known here") from None


class RelayNode(WaitingNode):
    """A person speaks, and the bot is silent. Who has control is told by a number that only rises."""

    urgent = True

    def __init__(self, step: Step, verb: Relay, after: Sequence[After]) -> None:
        super().__init__(step, after)
        self.queue = verb.queue
        self.leaves = True

    def act(self, draft: Draft) -> None:
        draft.wait_at(self)
        draft.control += 1
        draft.effects.append(effects.Control("agent", self.queue))

    def release(self, draft: Draft, _visit: int) -> None:
        draft.control += 1
        draft.effects.append(effects.Control("bot", self.queue))
