"""A flow document to a compiled flow: its machine, its ways in, its window, and what it will ask to know."""

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from vaiven.flow.answers import fold
from vaiven.flow.arrows import Arrows
from vaiven.flow.asking import AskNode
from vaiven.flow.chart import BEGIN, build_chart
from vaiven.flow.document import FlowDocument
from vaiven.flow.expressions import ExpressionError
from vaiven.flow.flow import Entry, Flow, OpenHours
from vaiven.flow.hashes import document_hash, shape_hash
from vaiven.flow.nodes import Node, TallyNode
from vaiven.flow.scope import zone_of
from vaiven.flow.spec import BotSpec
from vaiven.flow.table import compile_table
from vaiven.flow.taking import Parser
from vaiven.flow.templates import Template
from vaiven.flow.waiting import HandoffNode, RelayNode, WaitingNode
from vaiven.model.errors import SettingsError


def compile_flow(document: FlowDocument, spec: BotSpec, parsers: Mapping[str, Parser] | None = None) -> Flow:
    """Compile one document for one bot, whose params win over the flow's. ``parsers`` are those the bot has registered.

    Raises:
        SettingsError: the window needs a param that the bot does not give, or not as an instant.
    """
    params = {**document.params, **spec.params}
    zone = document.zone or spec.zone
    window = _window(document, params, zone)
    arrows = Arrows(document, parsers or {})
    drawn = list(arrows.arrows())
    chart = build_chart(_class_name(document.name), arrows.places(), drawn)
    table = compile_table(chart)
    nodes = arrows.nodes
    return Flow(
        name=document.name,
        document=document,
        hash=document_hash(document),
        shape=shape_hash(document),
        chart=chart,
        table=table,
        nodes=nodes,
        waits={name: node for name, node in nodes.items() if isinstance(node, WaitingNode)},
        asks={name: node for name, node in nodes.items() if isinstance(node, AskNode)},
        tallies=tuple(node for node in nodes.values() if isinstance(node, TallyNode)),
        entries=tuple(_entries(document)),
        window=window,
        params=params,
        defaults={name: variable.default for name, variable in document.vars.items()},
        contact_vars=frozenset(name for name, variable in document.vars.items() if variable.scope == "contact"),
        lang=document.lang or spec.lang,
        zone=zone,
        asked=_asked(document, nodes.values()),
        begin=BEGIN,
        fire=table.fire,
    )


def _class_name(name: str) -> str:
    return "".join(part.capitalize() for part in re.split(r"\W|_", name) if part) + "Chart"


def _entries(document: FlowDocument) -> Iterator[Entry]:
    for number, start in enumerate(document.starts):
        words = tuple(fold(word) for word in start.words) if start.kind == "keyword" else start.words
        rest = start.rest or start.step
        yield Entry(start.kind, f"start_{number}", words, rest, f"rest_{number}" if rest else "", start.schedule)


def _asked(document: FlowDocument, nodes: Iterable[Node]) -> frozenset[str]:
    """The keys of ``Facts.known`` that this flow can ask for."""
    found = {f"open:{hours}" for use in document.uses for hours in use.piece.hours}
    if any(name.partition(".")[0] == "queue" for use in document.uses for name in use.piece.names):
        queues = {node.queue for node in nodes if isinstance(node, HandoffNode | RelayNode)}
        found.update(f"{kind}:{queue}" for kind in ("queue", "place") for queue in queues)
    return frozenset(found)


def _window(document: FlowDocument, params: Mapping[str, Any], zone: str) -> OpenHours:
    window = document.window
    if window is None:
        return OpenHours()
    opens = _instant(document, "from", window.opens, params, zone)
    closes = _instant(document, "to", window.closes, params, zone)
    return OpenHours(
        opens_ms=None if opens is None else int(opens.timestamp() * 1000),
        closes_ms=None if closes is None else int(closes.timestamp() * 1000),
        early=window.early is not None,
        late=window.late is not None,
        values={"from": opens, "to": closes},
    )


def _instant(document: FlowDocument, key: str, bound: Template | None, params: Mapping[str, Any], zone: str) -> datetime | None:
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
    return instant.replace(tzinfo=zone_of(zone)) if instant.tzinfo is None else instant.astimezone(UTC)
