"""A compiled flow as a picture: the states and arrows of its machine, with the words of its file on them.

What is the same everywhere is drawn once: an arrow that leads from many steps to one place for one reason, such as a command of
the flow, comes from a box named *any step*. What every state has, errors and BACK, is left out.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape

from vaiven.flow.chart import BEGIN, OVER, RETURNING, state_id
from vaiven.flow.document import Ask, Branch, Call, End, FlowDocument, Route, Say, Start, Step, Then
from vaiven.flow.flow import Flow
from vaiven.flow.triggers import (
    ANSWER,
    ARRIVED,
    BACK,
    CHILD,
    FAIL,
    FAILED,
    GO_ON,
    MEANWHILE,
    NO_ANSWER,
    REPEAT,
    START,
    WHICH,
    part_of_id,
)

ANYWHERE = "any step"
_MANY = 3
"""From so many steps on the same arrow is drawn once."""
_TEXT = 60
_SILENT = frozenset({FAILED, BACK, REPEAT, WHICH})


@dataclass(frozen=True, slots=True)
class Box:
    """``kind`` is the verb of a step, ``begin``, ``over`` or ``any``; ``text`` what it says first, cut."""

    id: str
    title: str
    kind: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """``kind`` is ``way`` for what follows, ``aside`` for what leads out otherwise: timers, commands, events, failures."""

    source: str
    target: str
    label: str
    kind: str


@dataclass(frozen=True, slots=True)
class Picture:
    title: str
    boxes: tuple[Box, ...]
    lines: tuple[Line, ...]


def draw(flow: Flow) -> Picture:
    """The picture of a flow, its steps in file order."""
    document = flow.document
    steps = {state_id(step.name): step for step in document.steps}
    lines = _joined(list(dict.fromkeys(_lines(flow, steps))))
    drawn = {end for line in lines for end in (line.source, line.target)}
    boxes = [Box(BEGIN, "begin", "begin")]
    boxes += [Box(ANYWHERE, ANYWHERE, "any")] if ANYWHERE in drawn else []
    boxes += [Box(state, step.name, _kind(step), _text(step)) for state, step in steps.items()]
    boxes += [Box(OVER, "over", "over")] if OVER in drawn else []
    return Picture(document.title or document.name, tuple(boxes), tuple(_gathered(lines)))


def _kind(step: Step) -> str:
    return type(step.verb).__name__.lower()


def _text(step: Step) -> str:
    """The first words that people see at a step."""
    verb = step.verb
    said = verb.question if isinstance(verb, Ask) else verb.parts if isinstance(verb, Say) else step.enter
    text = said[0].text.source if said else ""
    if isinstance(verb, End):
        text = verb.text.source if verb.text is not None else ""
    text = " ".join(text.split())
    return text if len(text) <= _TEXT else text[: _TEXT - 1].rstrip() + "…"


def _lines(flow: Flow, steps: dict[str, Step]) -> Iterator[Line]:
    """The transitions of the chart that lead somewhere, each with why."""
    for state in flow.chart.states:
        for transition in state.transitions:
            target = transition.target.id if transition.target is not None else None
            if target is None or RETURNING in (state.id, target):
                continue
            for event in map(str, transition.events):
                if event in _SILENT or event.startswith("move_"):
                    continue
                if state.id == BEGIN:
                    label = _start(flow.document, event)
                    if label is not None:
                        yield Line(BEGIN, target, label, "way")
                elif state.id in steps:
                    named = steps[target].name if target in steps else None
                    yield from _from(flow.document, steps[state.id], event, named, state.id, target)


def _start(document: FlowDocument, event: str) -> str | None:
    """Why a flow begins there; None: only other flows and programs begin it so."""
    if event in ("early", "late"):
        return event
    if event == START:
        return None if document.starts else ""
    kind, _, number = event.rpartition("_")
    start = document.starts[int(number)]
    if kind == "start" and start.kind == "answer":
        return None
    return _way_in(start) + (" + answer" if kind == "rest" and start.kind == "keyword" else "")


def _way_in(start: Start) -> str:
    if start.kind == "keyword":
        return " / ".join(word.upper() for word in start.words[:3])
    if start.kind == "answer":
        return "answer"
    return f"{start.kind} {', '.join(start.words[:3])}".strip()


def _from(document: FlowDocument, step: Step, event: str, target: str | None, source: str, goal: str) -> Iterator[Line]:
    """The line for one event. Where several routes lead to one place the machine has an arrow each, and so has the picture."""
    if event == GO_ON and isinstance(step.verb, Call):
        event = FAIL  # the request could not even be made
    if event in (ANSWER, GO_ON, ARRIVED, CHILD):
        for label in _answers(step, target, event):
            yield Line(source, goal, label, "way")
        return
    yield Line(source, goal, _reason(document, step, event), "aside")


def _answers(step: Step, target: str | None, event: str) -> Iterator[str]:
    verb = step.verb
    if isinstance(verb, Ask) and event == GO_ON:
        yield f"skipped if {verb.skip.source}" if verb.skip else "skipped"
        return
    found = False
    if isinstance(verb, Ask):
        for choice in verb.answer.choices:
            if choice.go == target:
                found = True
                yield choice.label.source
        if verb.answer.choices and all(choice.go for choice in verb.answer.choices):
            return  # every answer goes its own way, so none takes what follows the step
    for label, route in _routes(step):
        if route.go == target:
            found = True
            yield " ".join(filter(None, (label, f"if {route.condition.source}" if route.condition else "")))
    if not found:
        routes = (*verb.routes,) if isinstance(verb, Branch) else step.then.routes if step.then else ()
        plain = "answered" if isinstance(verb, Ask) and verb.skip else ""
        yield "else" if routes or (step.then and step.then.outcomes) else plain


def _routes(step: Step) -> Iterator[tuple[str, Route]]:
    then = step.then or Then()
    for outcome, routes in then.outcomes.items():
        yield from ((outcome, route) for route in routes)
    always = "else" if then.outcomes else ""
    yield from ((always, route) for route in (*then.otherwise, *then.routes))
    if isinstance(step.verb, Branch):
        yield from (("" if route.condition else "else", route) for route in step.verb.routes)


def _reason(document: FlowDocument, step: Step, event: str) -> str:
    """What makes people leave a step that waits for something else."""
    if event == NO_ANSWER:
        return "not understood"
    if event == FAIL:
        return "fails"
    if event == MEANWHILE:
        return "meanwhile"
    if event.startswith("reject_"):
        return "above max" if event.endswith("max") else "below min"
    for timer in (*step.after, *document.default_after):
        if event == f"timer_{part_of_id(timer.name)}":
            return f"after {timer.name}"
    for command in (*step.commands, *document.commands):
        if event == f"cmd_{part_of_id(command.name)}":
            return command.words[0].upper()
    for name in step.when:
        if event.startswith(f"when_{part_of_id(name)}"):
            return name
    return event


def _joined(lines: list[Line]) -> list[Line]:
    """Arrows aside that many steps have alike become one, from any step."""
    sources: dict[tuple[str, str], list[str]] = {}
    for line in lines:
        if line.kind == "aside":
            sources.setdefault((line.target, line.label), []).append(line.source)
    common = {key for key, steps in sources.items() if len(steps) >= _MANY}
    found = [
        Line(ANYWHERE, line.target, line.label, "aside") if line.kind == "aside" and (line.target, line.label) in common else line
        for line in lines
    ]
    return list(dict.fromkeys(found))


def _gathered(lines: list[Line]) -> Iterator[Line]:
    """Several reasons for one arrow stand on it together."""
    labels: dict[tuple[str, str, str], list[str]] = {}
    for line in lines:
        labels.setdefault((line.source, line.target, line.kind), []).append(line.label)
    for (source, target, kind), all_of_them in labels.items():
        told = list(dict.fromkeys(filter(None, all_of_them)))
        label = "\n".join(told[:4]) + (f"\n… {len(told) - 4} more" if len(told) > 4 else "")
        yield Line(source, target, label, kind)


# ---- as text for other programs


def as_mermaid(picture: Picture) -> str:
    """A Mermaid flowchart, from top to bottom."""
    ids = {box.id: f"n{number}" for number, box in enumerate(picture.boxes)}
    out = [f"---\ntitle: {_yaml(picture.title)}\n---", "flowchart TD"]
    for box in picture.boxes:
        text = "<br/>".join(map(_mermaid, filter(None, (box.title, box.text))))
        left, right = _MERMAID.get(box.kind, ("[", "]"))
        out.append(f'  {ids[box.id]}{left}"{text}"{right}')
    for line in picture.lines:
        arrow = "-->" if line.kind == "way" else "-.->"
        label = f'|"{"<br/>".join(map(_mermaid, line.label.splitlines()))}"|' if line.label else ""
        out.append(f"  {ids[line.source]} {arrow}{label} {ids[line.target]}")
    return "\n".join(out) + "\n"


_MERMAID = {
    "ask": ("(", ")"),
    "begin": ("((", "))"),
    "over": ("((", "))"),
    "end": ("([", "])"),
    "branch": ("{", "}"),
    "any": (">", "]"),
}


def _mermaid(text: str) -> str:
    """What would end a label, or mean something in it to Mermaid or to HTML, in a form that means nothing and looks the same."""
    shown = "".join(one if one.isprintable() else " " for one in text)
    return escape(shown.translate(_LOOKS), quote=False)


_LOOKS = str.maketrans({'"': "'", "`": "'", "#": "\u266f", "\\": "\u2216"})


def _yaml(text: str) -> str:
    return '"' + re.sub(r'[\\"<>\x00-\x1f]', " ", text) + '"'


def as_dot(picture: Picture) -> str:
    """A graph in the DOT language of Graphviz."""
    ids = {box.id: f"n{number}" for number, box in enumerate(picture.boxes)}
    out = [f"digraph {_dot(picture.title)} {{", '  node [shape=box, style=rounded, fontname="sans-serif"];']
    out.append('  edge [fontname="sans-serif", fontsize=10];')
    for box in picture.boxes:
        label = "\n".join(filter(None, (box.title, box.text)))
        shape = _DOT.get(box.kind)
        out.append(f"  {ids[box.id]} [label={_dot(label)}{f', shape={shape}' if shape else ''}];")
    for line in picture.lines:
        style = ", style=dashed" if line.kind == "aside" else ""
        out.append(f"  {ids[line.source]} -> {ids[line.target]} [label={_dot(line.label)}{style}];")
    return "\n".join([*out, "}"]) + "\n"


_DOT = {"begin": "circle", "over": "doublecircle", "end": "ellipse", "branch": "diamond", "any": "note"}


def _dot(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return '"' + "".join(one if one.isprintable() else " " for one in escaped) + '"'
