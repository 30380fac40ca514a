"""The steps of a flow as they run: what happens when a state is entered, and on the way from one to another."""

from hashlib import blake2b
from typing import Any

from vaiven.flow.chart import state_id
from vaiven.flow.document import End, Route, Say, Set, Split, Step, Tally
from vaiven.flow.draft import Draft
from vaiven.flow.expressions import Expression, ExpressionError, holds
from vaiven.flow.showing import Showing
from vaiven.flow.templates import Template
from vaiven.flow.texts import Saying, Text, failed_text, saying
from vaiven.model import effects
from vaiven.model.effects import TallyOutcome
from vaiven.model.messages import MessageClass

ERROR = "error"
DONE = "done"
_COUNTED = TallyOutcome.COUNTED
NO_MATCH = "no_match"

Sets = tuple[tuple[str, Expression], ...]


def assign(draft: Draft, sets: Sets) -> None:
    """In order, each seeing the ones before it. Raises ExpressionError."""
    for name, expression in sets:
        draft.set_var(name, expression.evaluate(draft.scope))


class Node:
    """A step. ``enter`` is the hook of its state, and ``leave``, where it ``leaves`` with something to do."""

    waits = False

    def __init__(self, step: Step) -> None:
        self.name = step.name
        self.state = state_id(step.name)
        self.keep = step.keep
        self.message_class = MessageClass(step.message_class) if step.message_class else MessageClass.REPLY
        self._sets: Sets = step.enter_set
        self._greeting = saying(step.enter, self.message_class)
        self._last_sets: Sets = step.exit_set
        self._farewell = saying(step.exit, self.message_class)
        self.leaves = bool(step.exit or step.exit_set)

    def enter(self, draft: Draft) -> None:
        draft.step = self.name
        draft.waiting = draft.left = False
        if self._sets:
            assign(draft, self._sets)
        if self._greeting is not None:
            self._greeting.say(draft)
        if self.keep:
            draft.trail = ()
        self.act(draft)
        draft.quiet = False

    def act(self, draft: Draft) -> None:
        """What the verb does. A branch does nothing but choose its way out."""

    def leave(self, draft: Draft) -> None:
        """What is done on the way out: once, also where something fails on that way and another is taken."""
        if draft.left:
            return
        draft.left = True
        if self._farewell is not None:
            self._farewell.say(draft)
        assign(draft, self._last_sets)


class SayNode(Node):
    def __init__(self, step: Step, verb: Say) -> None:
        super().__init__(step)
        said = Saying(verb.parts, self.message_class, verb.apart)
        self._said = Showing(said, verb.media, verb.template) if verb.media or verb.template is not None else said

    def act(self, draft: Draft) -> None:
        self._said.say(draft)


class SetNode(Node):
    def __init__(self, step: Step, verb: Set) -> None:
        super().__init__(step)
        self._values: Sets = verb.values

    def act(self, draft: Draft) -> None:
        assign(draft, self._values)


class SplitNode(Node):
    """One of its outcomes by their weights: always the same for the same contact, in any process."""

    def __init__(self, step: Step, verb: Split, flow: str) -> None:
        super().__init__(step)
        self._weights = verb.weights
        self._total = sum(weight for _, weight in verb.weights)
        self._salt = f"{flow}\0{step.name}\0"

    def act(self, draft: Draft) -> None:
        drawn = blake2b((self._salt + draft.contact.home).encode(), digest_size=8).digest()
        at = int.from_bytes(drawn, "big") % self._total
        for outcome, weight in self._weights:
            at -= weight
            if at < 0:
                draft.outcome = outcome
                return


class EndNode(Node):
    def __init__(self, step: Step, verb: End) -> None:
        super().__init__(step)
        self._text = Text(verb.text) if verb.text is not None else None
        self._outcome = verb.outcome

    def act(self, draft: Draft) -> None:
        if self._text is not None:
            try:
                text = self._text.render(draft)
            except ExpressionError:
                text = failed_text(draft)
            draft.send(text, self.message_class)
        draft.ended = self._outcome


class TallyNode(Node):
    """Decides a vote from the contact's own count. What is counted here is never undone, so BACK stops at it."""

    def __init__(self, step: Step, verb: Tally) -> None:
        super().__init__(step)
        self.keep = True
        self._poll = Text(verb.poll)
        self._option = verb.option
        self._cap = verb.cap

    def act(self, draft: Draft) -> None:
        poll = self._poll.render(draft)
        option = as_text(self._option, draft)
        cap = None if self._cap is None else as_count(self._cap, draft)
        cast = draft.votes.get(poll, 0)
        if draft.flow.window.judge(draft.event.happened_ms) is not None:
            outcome = TallyOutcome.CLOSED
        elif cap is not None and cast >= cap:
            outcome = TallyOutcome.CAPPED
        else:
            outcome = _COUNTED
            cast += 1
            draft.votes = {**draft.votes, poll: cast}
        draft.put_answer(self.name, {"cast": cast, "left": None if cap is None else max(0, cap - cast), "option": option})
        draft.effects.append(effects.Tally(poll, option, outcome))
        draft.outcome = str(outcome)

    def turned_away(self, draft: Draft, fallback: str, outcome: TallyOutcome) -> effects.Tally | None:
        """The vote of a start outside the window: accepted, and rejected with its reason. None if the poll has no name."""
        try:
            poll = self._poll.render(draft)
        except ExpressionError:
            draft.record("expression_failed", f"{draft.flow.name}/{self.name}")
            return None
        try:
            option = as_text(self._option, draft)
        except ExpressionError:
            option = fallback
        return effects.Tally(poll, option, outcome)


def as_text(template: Template, draft: Draft) -> str:
    """Raises ExpressionError, also for null: a vote for nobody is no vote."""
    value = template.value(draft.scope)
    if value is None:
        raise ExpressionError("the option of a vote is null")
    return value if isinstance(value, str) else str(value)


def as_count(template: Template, draft: Draft) -> int:
    """Raises ExpressionError unless it is a whole number."""
    value: Any = template.value(draft.scope)
    try:
        return int(value)
    except (TypeError, ValueError):
        raise ExpressionError(f"a cap is a whole number, not {value!r}") from None


class OverNode:
    """The end that no ``end`` step wrote: fallen off the last step, failed, given up, unsubscribed."""

    def enter(self, draft: Draft) -> None:
        draft.waiting = False
        draft.ended = draft.ending


class Leave:
    """The way to that end, with its outcome. ``apologise``: the bot's error flow follows, or its error text is said."""

    __slots__ = ("_apologise", "_outcome")

    def __init__(self, outcome: str, apologise: bool = False) -> None:
        self._outcome = outcome
        self._apologise = apologise

    def take(self, draft: Draft) -> None:
        draft.ending = self._outcome
        if not self._apologise:
            return
        error_flow = draft.flows.error_flow
        if error_flow is not None and not draft.has_open(error_flow.name):
            draft.next_flow = error_flow.name
        else:
            draft.send(draft.words.error)


class Path:
    """A way from one step to another: when it is open (``holds``), and what happens on it (``take``)."""

    __slots__ = ("_condition", "_outcome", "_quiet", "_said", "_sets")

    def __init__(
        self,
        outcome: str | None = None,
        condition: Expression | None = None,
        said: Saying | None = None,
        sets: Sets = (),
        quiet: bool = False,
    ) -> None:
        self._outcome = outcome
        self._condition = condition
        self._said = said
        self._sets = sets
        self._quiet = quiet

    @classmethod
    def of(cls, route: Route, message_class: MessageClass, outcome: str | None = None) -> "Path":
        return cls(outcome, route.condition, saying(route.say, message_class), route.set, route.quiet)

    @property
    def guarded(self) -> bool:
        return self._outcome is not None or self._condition is not None

    @property
    def busy(self) -> bool:
        return self._said is not None or bool(self._sets) or self._quiet

    def holds(self, draft: Draft) -> bool:
        if self._outcome is not None and draft.outcome != self._outcome:
            return False
        return self._condition is None or holds(self._condition, draft.scope)

    def take(self, draft: Draft) -> None:
        if self._sets:
            assign(draft, self._sets)
        if self._said is not None:
            self._said.say(draft)
        draft.quiet = self._quiet


class RunAside:
    """A command that puts a flow on top of a step that waits, and comes back to it."""

    __slots__ = ("_flow", "_said")

    def __init__(self, flow: str, said: Saying | None) -> None:
        self._flow = flow
        self._said = said

    def take(self, draft: Draft) -> None:
        if self._said is not None:
            self._said.say(draft)
        draft.child = (self._flow, {})


class Returning:
    """Where BACK passes through on its way to the last question."""

    __slots__ = ("_target",)

    def __init__(self, target: str = "") -> None:
        self._target = target

    def can(self, draft: Draft) -> bool:
        return bool(draft.trail)

    def enter(self, draft: Draft) -> None:
        draft.waiting = False
        draft.returning = True

    def is_last(self, draft: Draft) -> bool:
        return draft.trail[-1] == self._target
