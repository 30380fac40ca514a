"""Boxes and arrows to places on a page: layers from top to bottom, few crossings, labels that cover nothing.

The classic way of layered drawing: turn arrows that lead back, put each box one layer below what leads to it, split long arrows
over the layers, order each layer by the middle of its neighbours, then let boxes move towards them. Source: Sugiyama, Tagawa,
Toda, 1981; Gansner, Koutsofios, North, Vo, 1993.
"""

from bisect import bisect_right, insort
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

GAP = 28.0
LAYER_GAP = 26.0
_THIN = 10.0
_SWEEPS = 24


@dataclass(slots=True)
class Cell:
    """A box, the label of an arrow, or a bend in it. ``x`` and ``y`` are its middle once it has been placed, ``room`` the height
    of its layer.
    """

    width: float
    height: float
    x: float = 0.0
    y: float = 0.0
    layer: int = 0
    room: float = 0.0
    above: list["Cell"] = field(default_factory=list)
    below: list["Cell"] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Way:
    """An arrow as it is drawn: the middles of its bends from source to target, the one that bears its label among them."""

    source: int
    target: int
    bends: tuple[Cell, ...]
    label: Cell | None


def lay_out(
    sizes: Sequence[tuple[float, float]], arrows: Sequence[tuple[int, int, float, float]]
) -> tuple[list[Cell], list[Way], float, float]:
    """Place boxes of these sizes, joined by arrows (source, target, width and height of the label; 0: none).

    Gives the boxes, the arrows in their order, and width and height of it all. An arrow from a box to itself has no bends.
    """
    boxes = [Cell(width, height) for width, height in sizes]
    turned = _leading_back(len(boxes), [(source, target) for source, target, _, _ in arrows])
    downward = [(target, source) if index in turned else (source, target) for index, (source, target, _, _) in enumerate(arrows)]
    for box, layer in zip(boxes, _layers(len(boxes), downward), strict=True):
        box.layer = 2 * layer
    cells = list(boxes)
    ways = []
    for index, (source, target, width, height) in enumerate(arrows):
        upper, lower = downward[index]
        bends = _bends(boxes[upper], boxes[lower], width, height) if upper != lower else []
        label = next((bend for bend in bends if bend.width > _THIN), None)
        cells += bends
        ways.append(Way(source, target, tuple(reversed(bends) if index in turned else bends), label))
    layers = _ordered(cells)
    _spread(layers)
    width, height = _settle(layers)
    return boxes, ways, width, height


def _leading_back(count: int, arrows: Sequence[tuple[int, int]]) -> set[int]:
    """The arrows that close a circle, found by walking from the first box on."""
    following: list[list[tuple[int, int]]] = [[] for _ in range(count)]
    for index, (source, target) in enumerate(arrows):
        following[source].append((target, index))
    back: set[int] = set()
    state = [0] * count
    for start in range(count):
        if state[start]:
            continue
        state[start] = 1
        stack = [(start, iter(following[start]))]
        while stack:
            box, rest = stack[-1]
            for target, index in rest:
                if state[target] == 1:
                    back.add(index)
                elif not state[target]:
                    state[target] = 1
                    stack.append((target, iter(following[target])))
                    break
            else:
                state[box] = 2
                stack.pop()
    return back


def _layers(count: int, arrows: Sequence[tuple[int, int]]) -> list[int]:
    """The layer of each box: one below the lowest of those that lead to it; what nothing leads to, one above what it leads to."""
    into: list[set[int]] = [set() for _ in range(count)]
    out: list[set[int]] = [set() for _ in range(count)]
    for upper, lower in arrows:
        if upper != lower:
            into[lower].add(upper)
            out[upper].add(lower)
    waiting = [len(upper) for upper in into]
    ready = [box for box in range(count) if not waiting[box]]
    found = [0] * count
    for box in ready:
        for lower in out[box]:
            found[lower] = max(found[lower], found[box] + 1)
            waiting[lower] -= 1
            if not waiting[lower]:
                ready.append(lower)
    for box in range(count):
        if not into[box] and out[box]:
            found[box] = min(found[lower] for lower in out[box]) - 1
    return [layer - min(found, default=0) for layer in found]


def _bends(upper: Cell, lower: Cell, width: float, height: float) -> list[Cell]:
    """A cell in each layer between; the first one holds the label."""
    bends = []
    before = upper
    for layer in range(upper.layer + 1, lower.layer):
        labelled = width > 0 and layer == upper.layer + 1
        bend = Cell(width if labelled else _THIN, height if labelled else 0.0, layer=layer)
        before.below.append(bend)
        bend.above.append(before)
        bends.append(bend)
        before = bend
    before.below.append(lower)
    lower.above.append(before)
    return bends


def _ordered(cells: Sequence[Cell]) -> list[list[Cell]]:
    """The cells of each layer from left to right, with few crossings between neighbours."""
    layers: list[list[Cell]] = [[] for _ in range(1 + max((cell.layer for cell in cells), default=0))]
    for cell in cells:
        layers[cell.layer].append(cell)
    best, least = [list(layer) for layer in layers], _crossings(layers)
    for sweep in range(_SWEEPS):
        down = sweep % 2 == 0
        for layer in layers if down else reversed(layers):
            _sort(layer, layers, down)
        if (found := _crossings(layers)) < least:
            best, least = [list(layer) for layer in layers], found
    return best


def _sort(layer: list[Cell], layers: list[list[Cell]], down: bool) -> None:
    places = {id(cell): place for each in layers for place, cell in enumerate(each)}

    def middle(cell: Cell) -> float:
        beside = cell.above if down else cell.below
        return sum(places[id(one)] for one in beside) / len(beside) if beside else float(places[id(cell)])

    wanted = {id(cell): middle(cell) for cell in layer}
    layer.sort(key=lambda cell: wanted[id(cell)])


def _crossings(layers: list[list[Cell]]) -> int:
    total = 0
    for upper, lower in pairwise(layers):
        places = {id(cell): place for place, cell in enumerate(lower)}
        ends = [place for cell in upper for place in sorted(places[id(one)] for one in cell.below if id(one) in places)]
        passed: list[int] = []
        for end in ends:
            total += len(passed) - bisect_right(passed, end)
            insort(passed, end)
    return total


def _spread(layers: list[list[Cell]]) -> None:
    """Horizontal places: packed at first, then again and again towards the middle of the neighbours, nobody passing another."""
    for layer in layers:
        _pack(layer, [0.0] * len(layer))
    for round_ in range(_SWEEPS):
        for layer in layers if round_ % 2 == 0 else reversed(layers):
            wanted = []
            for cell in layer:
                beside = (cell.above if round_ % 2 == 0 else cell.below) or cell.above or cell.below
                wanted.append(sum(one.x for one in beside) / len(beside) if beside else cell.x)
            _pack(layer, wanted)


def _pack(layer: list[Cell], wanted: list[float]) -> None:
    """Each cell as near to where it wants to be as its neighbours allow: groups that touch move together to their mean."""
    groups: list[tuple[float, list[Cell], float]] = []  # left edge wished for, cells, width
    for cell, x in zip(layer, wanted, strict=True):
        left, cells, width = x - cell.width / 2, [cell], cell.width
        while groups and groups[-1][0] + groups[-1][2] + GAP > left:
            before_left, before, before_width = groups.pop()
            joined = before_width + GAP + width
            weight = len(before)
            left = (before_left * weight + (left - before_width - GAP) * len(cells)) / (weight + len(cells))
            cells, width = [*before, *cells], joined
        groups.append((left, cells, width))
    for left, cells, _ in groups:
        for cell in cells:
            cell.x = left + cell.width / 2
            left += cell.width + GAP


def _settle(layers: list[list[Cell]]) -> tuple[float, float]:
    """Vertical places, all shifted to begin at 0; the size of the whole."""
    y = 0.0
    for layer in layers:
        height = max((cell.height for cell in layer), default=0.0)
        for cell in layer:
            cell.y, cell.room = y + height / 2, height
        y += height + LAYER_GAP
    cells = [cell for layer in layers for cell in layer]
    left = min((cell.x - cell.width / 2 for cell in cells), default=0.0)
    right = max((cell.x + cell.width / 2 for cell in cells), default=0.0)
    for cell in cells:
        cell.x -= left
    return right - left, max(0.0, y - LAYER_GAP)
