"""A flow document to a compiled flow: its steps become places of a chart, its routes arrows, in file order."""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from vaiven.flow.answers import fold
from vaiven.flow.asking import Aside, AskNode
from vaiven.flow.chart import BEGIN, OVER, RETURNING, Action, Arrow, Place, build_chart
from vaiven.flow.document import Ask, Branch, Command, End, FlowDocument, Route, Say, Set, Start, Step, Tally, Then
from vaiven.flow.expressions import ExpressionError
from vaiven.flow.flow import Entry, Flow, OpenHours
from vaiven.flow.hashes import document_hash, shape_hash
from vaiven.flow.nodes import DONE, ERROR, NO_MATCH, EndNode, Leave, Node, OverNode, Path, Returning, SayNode, SetNode, TallyNode
from vaiven.flow.scope import zone_of
from vaiven.flow.spec import BotSpec
from vaiven.flow.table import compile_table
from vaiven.flow.templates import Template
from vaiven.flow.texts import Saying, saying
from vaiven.model.errors import SettingsError

GO_ON, ANSWER, NO_ANSWER, REPEAT, WHICH, BACK, FAILED, START = (
    "go_on",
    "answer",
    "no_match",
    "repeat",
    "which",
    "back",
    "failed",
    "start",
)
BACK_WORD = "back"


def reject_event(bound: str) -> str:
    return f"reject_{bound}"


def compile_flow(document: FlowDocument, spec: BotSpec) -> Flow:
    """Compile one document for one bot, whose params win over the flow's.

    Raises:
        SettingsError: the window needs a param that the bot does not give, or not as an instant.
    """
    params = {**document.params, **spec.params}
    window = _window(document, params, spec)
    compiler = _Compiler(document)
    arrows = list(compiler.arrows())
    chart = build_chart(_class_name(document.name), compiler.places(), arrows)
    table = compile_table(chart)
    return Flow(
        name=document.name,
        document=document,
        hash=document_hash(document),
        shape=shape_hash(document),
        chart=chart,
        table=table,
        nodes=compiler.nodes,
        asks=compiler.asks,
        tallies=tuple(node for node in compiler.nodes.values() if isinstance(node, TallyNode)),
        entries=tuple(compiler.entries()),
        window=window,
        params=params,
        defaults={name: variable.default for name, variable in document.vars.items()},
        contact_vars=frozenset(name for name, variable in document.vars.items() if variable.scope == "contact"),
        begin=BEGIN,
        fire=table.fire,
    )


def _class_name(name: str) -> str:
    return "".join(part.capitalize() for part in re.split(r"\W|_", name) if part) + "Chart"


def _window(document: FlowDocument, params: Mapping[str, Any], spec: BotSpec) -> OpenHours:
    window = document.window
    if window is None:
        return OpenHours()
    opens = _instant(document, "from", window.opens, params, spec)
    closes = _instant(document, "to", window.closes, params, spec)
    return OpenHours(
        opens_ms=None if opens is None else int(opens.timestamp() * 1000),
        closes_ms=None if closes is None else int(closes.timestamp() * 1000),
        early=window.early is not None,
        late=window.late is not None,
        values={"from": opens, "to": closes},
    )


def _instant(
    document: FlowDocument, key: str, bound: Template | None, params: Mapping[str, Any], spec: BotSpec
) -> datetime | None:
    if bound is None:
        return None
    try:
        value = bound.value({"params": params})
        if value is None:
            raise ValueError("it is not set")
        instant = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    except (ExpressionError, ValueError) as error:
        text = f"flow {document.name}: window.{key} {bound.source!r} is no instant such as 2026-12-05T20:00Z: {error}"
        raise SettingsError([text]) from None
    return instant.replace(tzinfo=zone_of(spec.zone)) if instant.tzinfo is None else instant.astimezone(UTC)


class _Compiler:
    def __init__(self, document: FlowDocument) -> None:
        self.document = document
        self.nodes: dict[str, Node] = {step.name: self._node(step) for step in document.steps}
        self.asks: dict[str, AskNode] = {name: node for name, node in self.nodes.items() if isinstance(node, AskNode)}
        self._returning = Returning()

    def _node(self, step: Step) -> Node:
        verb, document = step.verb, self.document
        match verb:
            case Ask():
                retry = verb.retry if verb.retry is not None else document.default_retry
                return AskNode(step, verb, document.name, retry, step.after or document.default_after)
            case Say():
                node = Node(step)
                return SayNode(step, Saying(verb.parts, node.message_class, verb.apart))
            case Tally():
                return TallyNode(step, verb)
            case Set():
                return SetNode(step, verb)
            case End():
                return EndNode(step, verb)
            case Branch():
                return Node(step)

    # ---- places

    def places(self) -> list[Place]:
        steps = [Place(node.state, node.enter, isinstance(node, EndNode)) for node in self.nodes.values()]
        returning = [Place(RETURNING, self._returning.enter)] if self.asks else []
        return [Place(BEGIN), *steps, *returning, Place(OVER, OverNode().enter, final=True)]

    # ---- ways in

    def entries(self) -> Iterator[Entry]:
        for number, start in enumerate(self.document.starts):
            words = tuple(fold(word) for word in start.words) if start.kind == "keyword" else start.words
            rest = start.rest or start.step
            yield Entry(start.kind, f"start_{number}", words, rest, f"rest_{number}" if rest else "")

    def _starting(self) -> Iterator[Arrow]:
        document, first = self.document, self.document.steps[0].name
        yield self._to(BEGIN, START, first)
        for number, start in enumerate(document.starts):
            yield self._to(BEGIN, f"start_{number}", first)
            yield from self._entering(number, start)
        if document.window is not None:
            for event, target in (("early", document.window.early), ("late", document.window.late)):
                if target is not None:
                    yield self._to(BEGIN, event, target)

    def _entering(self, number: int, start: Start) -> Iterator[Arrow]:
        step = start.rest or start.step
        if step is not None:
            yield self._to(BEGIN, f"rest_{number}", step, Path(quiet=True))

    # ---- arrows

    def arrows(self) -> Iterator[Arrow]:
        yield from self._starting()
        steps = self.document.steps
        for at, step in enumerate(steps):
            follower = steps[at + 1].name if at + 1 < len(steps) else None
            if not isinstance(step.verb, End):
                yield from self._leaving(step, follower)
        for state in (BEGIN, *self._resting(), *([RETURNING] if self.asks else [])):
            yield Arrow(state, FAILED, OVER, action=Leave(ERROR, apologise=True).take)
        for ask in self.asks.values():
            yield Arrow(RETURNING, GO_ON, ask.state, guard=Returning(ask.name).is_last)

    def _resting(self) -> list[str]:
        return [node.state for node in self.nodes.values() if not isinstance(node, EndNode)]

    def _leaving(self, step: Step, follower: str | None) -> Iterator[Arrow]:
        node, verb = self.nodes[step.name], step.verb
        if isinstance(verb, Branch):
            yield from self._ways(node, GO_ON, Then(routes=verb.routes), follower)
        elif isinstance(node, AskNode) and isinstance(verb, Ask):
            yield from self._asking(step, verb, node, follower)
        else:
            yield from self._ways(node, GO_ON, step.then, follower)
        for event, route in step.when.items():
            yield self._route(node, f"when_{_id(event)}", route)

    def _ways(self, node: Node, event: str, then: Then | None, follower: str | None) -> Iterator[Arrow]:
        """Outcomes first, then ``else``, then plain routes; where none holds the next step follows."""
        then = then or Then()
        for outcome, routes in then.outcomes.items():
            yield from (self._route(node, event, route, outcome) for route in routes)
            if all(route.condition is not None for route in routes):
                yield self._next(node, event, follower, Path(outcome))
        plain = (*then.otherwise, *then.routes)
        yield from (self._route(node, event, route) for route in plain)
        if all(route.condition is not None for route in plain):
            yield self._next(node, event, follower, None)

    def _asking(self, step: Step, verb: Ask, node: AskNode, follower: str | None) -> Iterator[Arrow]:
        for choice in verb.answer.choices:
            if choice.go is not None:
                yield self._to(node.state, ANSWER, choice.go, Path(choice.id))
        yield from self._ways(node, ANSWER, step.then, follower)
        if verb.skip is not None:
            yield from self._ways(node, GO_ON, step.then, follower)
        for bound, route in verb.reject.items():
            yield self._route(node, reject_event(bound), route)
        yield Arrow(node.state, NO_ANSWER, None, guard=node.has_tries, action=node.retry)
        otherwise = verb.otherwise or self.document.default_otherwise
        if otherwise is not None:
            yield self._route(node, NO_ANSWER, otherwise)
        else:
            yield Arrow(node.state, NO_ANSWER, OVER, action=Leave(NO_MATCH, apologise=True).take)
        yield Arrow(node.state, REPEAT, None, action=node.put)
        yield Arrow(node.state, WHICH, None, action=node.which)
        yield Arrow(node.state, BACK, RETURNING, guard=self._returning.can)
        yield Arrow(node.state, BACK, None, action=node.put)
        for timer in node.after:
            event = node.timer_events[timer.name] = f"timer_{_id(timer.name)}"
            yield self._route(node, event, timer.route)
        yield from self._commands(step, node)

    def _commands(self, step: Step, node: AskNode) -> Iterator[Arrow]:
        """The step's before the flow's; of two of one name the step's. BACK is there unless a command took its word."""
        commands: dict[str, Command] = {}
        for command in (*step.commands, *self.document.commands):
            commands.setdefault(command.name, command)
        for command in commands.values():
            event = f"cmd_{_id(command.name)}"
            for word in command.words:
                node.command_events.setdefault(fold(word), event)
            said = saying(command.say, node.message_class)
            if command.go is None:
                action: Action = Aside(said, node).take if said is not None else node.put
                yield Arrow(node.state, event, None, action=action)
            else:
                yield self._to(node.state, event, command.go, Path(said=said))
        node.command_events.setdefault(BACK_WORD, BACK)

    # ---- one arrow

    def _route(self, node: Node, event: str, route: Route, outcome: str | None = None) -> Arrow:
        path = Path.of(route, node.message_class, outcome)
        return self._to(node.state, event, route.go, path)

    def _next(self, node: Node, event: str, follower: str | None, path: Path | None) -> Arrow:
        if follower is not None:
            return self._to(node.state, event, follower, path)
        return Arrow(node.state, event, OVER, path.holds if path is not None else None, Leave(DONE).take)

    def _to(self, source: str, event: str, step: str | None, path: Path | None = None) -> Arrow:
        target = None if step is None else self.nodes[step].state
        if path is None:
            return Arrow(source, event, target)
        return Arrow(source, event, target, path.holds if path.guarded else None, path.take if path.busy else None)


def _id(name: str) -> str:
    """Part of an event's id. No dots: the library matches events by dot prefix."""
    return re.sub(r"\W", "_", name)
