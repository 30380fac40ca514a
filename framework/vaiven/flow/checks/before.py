"""Answers are read where they have been given: on every way to a step, what it reads was asked, counted or called for.

An answer that is not there yet is null: it prints as nothing, and a comparison with it fails. Told is only what some way through
the file leads to, with that way; who compares the answer with null anywhere knows, and is told nothing.
"""

from collections.abc import Iterator, Mapping

from vaiven.flow.checks.edges import when_done, while_waiting
from vaiven.flow.checks.view import View, tree
from vaiven.flow.document import Ask, Call, Use
from vaiven.flow.grammar import Binary, ListOf, Literal, Logic, Name, Node, Unary
from vaiven.flow.grammar import Call as FunctionCall
from vaiven.flow.problems import Problem
from vaiven.flow.templates import Template

_SHOWN = 6

Edges = dict[str, list[tuple[str, bool]]]


def read_before_given(view: View) -> Iterator[Problem]:
    """No step reads an answer that may not be there."""
    reads = [(use, dotted) for use in view.document.uses for dotted in sorted(use.piece.names) if _is_foreign(view, use, dotted)]
    if not reads:
        return
    edges = _edges(view)
    there = _always_there(view, edges)
    minded = _minded(view)
    told: set[tuple[str, str]] = set()
    for use, dotted in reads:
        answer, step = dotted.partition(".")[0], use.step or ""
        if answer in minded or (step, answer) in told or answer in there[step]:
            continue
        told.add((step, answer))
        if _can_follow(edges, answer, step):
            way = _way_without(view, edges, answer, step)
            shown = way if len(way) <= _SHOWN else [*way[:2], "…", *way[-3:]]
            text = f"'{answer}' may not be there yet: step '{step}' can be reached without it, by {' → '.join(shown)}"
            cure = f"Ask it on every way here, or say what holds without it: `if: {answer} != null`."
        else:
            text = f"'{answer}' is never there yet: no way leads from step '{answer}' to step '{step}'"
            cure = f"Read it after step '{answer}', or use a variable that is set before."
        yield view.warning("read-too-early", view.place_of(use, dotted), text, cure)


def _is_foreign(view: View, use: Use, dotted: str) -> bool:
    """Whether this reads, in a step that can be reached, the answer of another one."""
    top = dotted.partition(".")[0]
    return use.step in view.reached and top in view.answers and top != use.step and top not in use.local


def _edges(view: View) -> Edges:
    """From each step to those that may follow, and whether its answer is there then."""
    found: Edges = {}
    for step in view.document.steps:
        gives = step.name in view.answers and not (isinstance(step.verb, Ask) and step.verb.skip)
        failed = step.verb.fail.go if isinstance(step.verb, Call) and step.verb.fail is not None else None
        done = view.resolved(step, when_done(step))
        others = view.resolved(step, (*filter(None, (failed,)), *while_waiting(view.document, step)))
        found[step.name] = [(name, gives) for name in done] + [(name, False) for name in others]
    return found


def _always_there(view: View, edges: Edges) -> dict[str, "_Answers"]:
    """For each step that can be reached, the answers that are there on every way to it: the greatest solution of that."""
    bits = {name: 1 << number for number, name in enumerate(view.answers)}
    everything = (1 << len(bits)) - 1
    there = {name: 0 if name in view.entries else everything for name in view.reached}
    waiting = list(view.entries)
    seen: set[str] = set()
    while waiting:
        name = waiting.pop()
        seen.add(name)
        for to, given in edges[name]:
            after = there[to] & (there[name] | (bits[name] if given else 0))
            if after != there[to] or to not in seen:
                there[to] = after
                waiting.append(to)
    return {name: _Answers(bits, found) for name, found in there.items()}


class _Answers:
    """A set of answers, as the bits of a number: a large flow has a set of hundreds at each of its hundreds of steps."""

    __slots__ = ("_bits", "_found")

    def __init__(self, bits: Mapping[str, int], found: int) -> None:
        self._bits = bits
        self._found = found

    def __contains__(self, answer: str) -> bool:
        return bool(self._bits[answer] & self._found)


def _way_without(view: View, edges: Edges, answer: str, step: str) -> list[str]:
    """A shortest way to the step on which this answer is not given."""
    came: dict[str, str] = dict.fromkeys((one.name for one in view.document.steps if one.name in view.entries), "")
    frontier = list(came)
    while step not in came and frontier:
        following = []
        for name in frontier:
            for to, given in edges[name]:
                if to not in came and not (given and name == answer):
                    came[to] = name
                    following.append(to)
        frontier = following
    way = [step]
    while came.get(way[-1]):
        way.append(came[way[-1]])
    return way[::-1]


def _can_follow(edges: Edges, answer: str, step: str) -> bool:
    """Whether the step can come after the answer was given; of a question that may be skipped, after it at all."""
    gives = any(given for _, given in edges[answer])
    waiting = [to for to, given in edges[answer] if given or not gives]
    seen: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name == step:
            return True
        if name not in seen:
            seen.add(name)
            waiting.extend(to for to, _ in edges[name])
    return False


def _minded(view: View) -> frozenset[str]:
    """The answers that are compared with null somewhere in the flow."""
    found: set[str] = set()
    for use in view.document.uses:
        pieces = [one for _, one in use.piece.expressions] if isinstance(use.piece, Template) else [use.piece]
        for piece in pieces:
            if "null" in piece.source:
                found.update(_compared_with_null(tree(piece.source)))
    return frozenset(found)


def _compared_with_null(node: Node) -> Iterator[str]:
    match node:
        case Binary(left=Name() as name, right=Literal(value=None)) | Binary(left=Literal(value=None), right=Name() as name):
            yield name.parts[0]
        case Binary():
            yield from _compared_with_null(node.left)
            yield from _compared_with_null(node.right)
        case Unary():
            yield from _compared_with_null(node.operand)
        case Logic(conditions=items) | ListOf(items=items) | FunctionCall(arguments=items):
            for item in items:
                yield from _compared_with_null(item)
