"""The steps of a flow document as places of a chart, and its routes as arrows, in file order."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from vaiven.flow.answers import fold
from vaiven.flow.asking import Aside, AskNode
from vaiven.flow.chart import BEGIN, OVER, RETURNING, Action, Arrow, Place
from vaiven.flow.document import (
    After,
    Ask,
    Branch,
    Call,
    Command,
    End,
    FlowDocument,
    Handoff,
    Relay,
    Route,
    Run,
    Say,
    Set,
    Split,
    Start,
    Step,
    Tally,
    Then,
    Wait,
)
from vaiven.flow.nodes import (
    DONE,
    ERROR,
    NO_MATCH,
    EndNode,
    Leave,
    Node,
    OverNode,
    Path,
    Returning,
    RunAside,
    SayNode,
    SetNode,
    SplitNode,
    TallyNode,
)
from vaiven.flow.source import Position
from vaiven.flow.taking import Parser
from vaiven.flow.texts import saying
from vaiven.flow.triggers import (
    ANSWER,
    ARRIVED,
    BACK,
    CALL_TIMER,
    CHILD,
    FAIL,
    FAILED,
    GO_ON,
    MEANWHILE,
    NO_ANSWER,
    REPEAT,
    START,
    WAIT_TIMER,
    WHICH,
    move_event,
    part_of_id,
    reject_event,
)
from vaiven.flow.waiting import CallNode, HandoffNode, RelayNode, RunNode, WaitingNode, WaitNode

BACK_WORD = "back"


class Arrows:
    """``nodes`` are the steps as they run, in file order."""

    def __init__(self, document: FlowDocument, parsers: Mapping[str, Parser]) -> None:
        self.document = document
        self.nodes: dict[str, Node] = {step.name: self._node(step, parsers) for step in document.steps}
        self._asks = [node for node in self.nodes.values() if isinstance(node, AskNode)]
        self._places = {step.name: step.at for step in document.steps}
        self._returning = Returning()
        self._happenings = _event_ids(name for step in document.steps for name in step.when)

    def _node(self, step: Step, parsers: Mapping[str, Parser]) -> Node:
        verb, document, after = step.verb, self.document, step.after
        match verb:
            case Ask():
                retry = verb.retry if verb.retry is not None else document.default_retry
                return AskNode(step, verb, document.name, retry, after or document.default_after, parsers)
            case Say():
                return SayNode(step, verb)
            case Tally():
                return TallyNode(step, verb)
            case Set():
                return SetNode(step, verb)
            case End():
                return EndNode(step, verb)
            case Split():
                return SplitNode(step, verb, document.name)
            case Branch():
                return Node(step)
        return _waiting(step, verb, after)

    # ---- places

    def places(self) -> list[Place]:
        steps = [
            Place(node.state, node.enter, isinstance(node, EndNode), node.leave if node.leaves else None)
            for node in self.nodes.values()
        ]
        returning = [Place(RETURNING, self._returning.enter)] if self._asks else []
        return [Place(BEGIN), *steps, *returning, Place(OVER, OverNode().enter, final=True)]

    # ---- ways in

    def _starting(self) -> Iterator[Arrow]:
        document, first = self.document, self.document.steps[0].name
        yield self._to(BEGIN, START, first)
        for number, start in enumerate(document.starts):
            bare = start.at if start.kind != "answer" else None  # an answer always enters the step it answers
            yield self._to(BEGIN, f"start_{number}", start.go or first, at=bare)
            yield from self._entering(number, start)
        if document.window is not None:
            for event, target in (("early", document.window.early), ("late", document.window.late)):
                if target is not None:
                    yield self._to(BEGIN, event, target, at=document.window.at)
        for target in self.nodes if document.migrate else ():
            yield self._to(BEGIN, move_event(target), target)

    def _entering(self, number: int, start: Start) -> Iterator[Arrow]:
        step = start.rest or start.step
        if step is not None:
            yield self._to(BEGIN, f"rest_{number}", step, Path(quiet=True), start.at)

    # ---- arrows

    def arrows(self) -> Iterator[Arrow]:
        yield from self._starting()
        steps = self.document.steps
        for at, step in enumerate(steps):
            follower = steps[at + 1].name if at + 1 < len(steps) else None
            if not isinstance(step.verb, End):
                yield from self._leaving(step, follower)
        resting = [node.state for node in self.nodes.values() if not isinstance(node, EndNode)]
        for state in (BEGIN, *resting, *([RETURNING] if self._asks else [])):
            yield Arrow(state, FAILED, OVER, action=Leave(ERROR, apologise=True).take)
        for ask in self._asks:
            yield Arrow(RETURNING, GO_ON, ask.state, guard=Returning(ask.name).is_last)

    def _leaving(self, step: Step, follower: str | None) -> Iterator[Arrow]:
        node, verb = self.nodes[step.name], step.verb
        match verb:
            case Branch():
                yield from self._ways(node, GO_ON, Then(routes=verb.routes), follower)
            case Ask() if isinstance(node, AskNode):
                yield from self._asking(step, verb, node, follower)
            case Call():
                yield from self._ways(node, ANSWER, step.then, follower)
                yield from self._failing(node, verb)
            case Wait():
                yield from self._ways(node, ARRIVED, step.then, follower)
                past = self._ways(node, GO_ON, step.then, follower)
                yield from past if verb.until is not None else _never(past)
            case Run():
                yield from self._ways(node, CHILD, step.then, follower)
            case Handoff() | Relay():
                pass
            case _:
                yield from self._ways(node, GO_ON, step.then, follower)
        if isinstance(node, WaitingNode):
            yield from self._waiting(step, node)

    def _ways(self, node: Node, event: str, then: Then | None, follower: str | None) -> Iterator[Arrow]:
        """Outcomes first, then ``else``, then plain routes; where none holds the next step follows."""
        then = then or Then()
        for outcome, routes in then.outcomes.items():
            yield from (self._route(node, event, route, outcome) for route in routes)
            if all(route.condition is not None for route in routes):
                yield from (self._route(node, event, route, outcome) for route in then.routes)
                if all(route.condition is not None for route in then.routes):
                    yield self._next(node, event, follower, Path(outcome))
        # An outcome that is not covered is a load error, so where there are some nothing falls through but a skipped question.
        falls = not then.outcomes or (event == GO_ON and isinstance(node, AskNode))
        plain = (*then.otherwise, *then.routes)
        yield from (self._route(node, event, route) for route in plain)
        if all(route.condition is not None for route in plain):
            onward = self._next(node, event, follower, None)
            yield onward if falls else replace(onward, at=None)

    def _asking(self, step: Step, verb: Ask, node: AskNode, follower: str | None) -> Iterator[Arrow]:
        for choice in verb.answer.choices:
            if choice.go is not None:
                yield self._to(node.state, ANSWER, choice.go, Path(choice.id), choice.at)
        ways = self._ways(node, ANSWER, step.then, follower)
        choices = verb.answer.choices if verb.answer.kind == "choices" else ()
        yield from _never(ways) if choices and all(choice.go is not None for choice in choices) else ways
        if verb.skip is not None:
            yield from self._skipping(step, node, follower)
        for bound, route in verb.reject.items():
            yield self._route(node, reject_event(bound), route)
            if route.condition is not None:
                yield from self._no_match(verb, node, reject_event(bound))
        yield from self._no_match(verb, node, NO_ANSWER)
        yield Arrow(node.state, WHICH, None, action=node.which)

    def _skipping(self, step: Step, node: AskNode, follower: str | None) -> Iterator[Arrow]:
        """What follows a question that is not asked: it has no outcome."""
        then = step.then or Then()
        plain = (*then.otherwise, *then.routes)
        for arrow in self._ways(node, GO_ON, step.then, follower):
            drawn = any(arrow.at == route.at for route in plain) or arrow.at == step.at
            yield arrow if drawn else replace(arrow, at=None)

    def _no_match(self, verb: Ask, node: AskNode, event: str) -> Iterator[Arrow]:
        """A try, or when they are used up ``else``, or the bot's error flow."""
        at = self._places[node.name]
        retries = verb.retry if verb.retry is not None else self.document.default_retry
        yield Arrow(node.state, event, None, guard=node.has_tries, action=node.retry, at=None if retries == () else at)
        otherwise = verb.otherwise or self.document.default_otherwise
        if otherwise is not None:
            yield self._route(node, event, otherwise)
        if otherwise is None or otherwise.condition is not None:
            yield Arrow(node.state, event, OVER, action=Leave(NO_MATCH, apologise=True).take, at=at)

    def _failing(self, node: Node, verb: Call) -> Iterator[Arrow]:
        """``fail``, else the error transition; a request that could not be made takes the same way, without waiting."""
        drawn: list[Arrow] = []
        if verb.fail is not None:
            drawn.append(self._route(node, FAIL, verb.fail))
        if verb.fail is None or verb.fail.condition is not None:
            lost = Leave(ERROR, apologise=True).take
            drawn.append(Arrow(node.state, FAIL, OVER, action=lost, at=self._places[node.name]))
        yield from drawn
        yield from _never(replace(arrow, event=GO_ON) for arrow in drawn)
        if verb.meanwhile is not None:
            yield from self._reaction(node, MEANWHILE, verb.meanwhile)

    def _waiting(self, step: Step, node: WaitingNode) -> Iterator[Arrow]:
        """What may happen at a step that waits, besides what it waits for."""
        yield Arrow(node.state, REPEAT, None, action=node.put)
        if not isinstance(node, RelayNode | RunNode):
            yield from self._back(node)
        for timer in node.after:
            event = node.timer_events[timer.name] = f"timer_{part_of_id(timer.name)}"
            yield from self._reaction(node, event, timer.route)
        if isinstance(node, CallNode):
            node.timer_events[CALL_TIMER] = FAIL
        elif isinstance(step.verb, Wait):
            node.timer_events[WAIT_TIMER] = ARRIVED
            if step.verb.event is not None:
                node.when_events[step.verb.event] = ARRIVED
        for name, route in step.when.items():
            event = node.when_events[name] = self._happenings[name]
            yield from self._reaction(node, event, route)
        # A person speaks in a relay: only what the step itself names comes between.
        shared = () if isinstance(node, RelayNode) else self.document.commands
        yield from self._commands(node, (*step.commands, *shared))

    def _back(self, node: WaitingNode) -> Iterator[Arrow]:
        if self._asks:
            yield Arrow(node.state, BACK, RETURNING, guard=self._returning.can)
        yield Arrow(node.state, BACK, None, action=node.put)

    def _commands(self, node: WaitingNode, named: Sequence[Command]) -> Iterator[Arrow]:
        """The step's before the flow's; of two of one name the step's. BACK is there unless a command took its word."""
        commands: dict[str, Command] = {}
        for command in named:
            commands.setdefault(command.name, command)
        for command in commands.values():
            event = f"cmd_{part_of_id(command.name)}"
            for word in command.words:
                node.command_events.setdefault(fold(word), event)
            said = saying(command.say, node.message_class)
            if command.go is not None:
                yield self._to(node.state, event, command.go, Path(said=said), command.at)
            elif command.run is not None:
                yield Arrow(node.state, event, None, action=RunAside(command.run, said).take, at=command.at)
            else:
                action: Action = Aside(said, node).take if said is not None else node.put
                yield Arrow(node.state, event, None, action=action, at=command.at)
        if not isinstance(node, RelayNode | RunNode):
            node.command_events.setdefault(BACK_WORD, BACK)

    def _reaction(self, node: Node, event: str, route: Route) -> Iterator[Arrow]:
        """What is done about something that may happen: nothing, where the route has a condition that does not hold."""
        yield self._route(node, event, route)
        if route.condition is not None:
            yield Arrow(node.state, event, None)

    # ---- one arrow

    def _route(self, node: Node, event: str, route: Route, outcome: str | None = None) -> Arrow:
        path = Path.of(route, node.message_class, outcome)
        return self._to(node.state, event, route.go, path, route.at)

    def _next(self, node: Node, event: str, follower: str | None, path: Path | None) -> Arrow:
        at = self._places[node.name]
        if follower is not None:
            return self._to(node.state, event, follower, path, at)
        return Arrow(node.state, event, OVER, path.holds if path is not None else None, Leave(DONE).take, at)

    def _to(self, source: str, event: str, step: str | None, path: Path | None = None, at: Position | None = None) -> Arrow:
        target = None if step is None else self.nodes[step].state
        if path is None:
            return Arrow(source, event, target, at=at)
        return Arrow(source, event, target, path.holds if path.guarded else None, path.take if path.busy else None, at)


def _never(arrows: Iterable[Arrow]) -> Iterator[Arrow]:
    """Arrows that no conversation takes as the file draws them: they are there so that the machine has no holes."""
    return (replace(arrow, at=None) for arrow in arrows)


def _waiting(step: Step, verb: Call | Wait | Run | Handoff | Relay, after: Sequence[After]) -> WaitingNode:
    match verb:
        case Call():
            return CallNode(step, verb, after)
        case Wait():
            return WaitNode(step, verb, after)
        case Run():
            return RunNode(step, verb, after)
        case Handoff():
            return HandoffNode(step, verb, after)
        case Relay():
            return RelayNode(step, verb, after)


def _event_ids(names: Iterable[str]) -> dict[str, str]:
    """Ids of external events, each of its own: ``order.shipped`` is not ``order_shipped``."""
    found: dict[str, str] = {}
    taken: set[str] = set()
    for name in names:
        if name not in found:
            event, number = f"when_{part_of_id(name)}", 1
            while event in taken:
                event, number = f"when_{part_of_id(name)}_{number}", number + 1
            found[name] = event
            taken.add(event)
    return found
