"""A picture as SVG: one file that any browser shows, without scripts, in the colours of the page it stands on."""

from collections.abc import Iterable
from html import escape
from itertools import pairwise

from vaiven.flow.drawing import Box, Line, Picture
from vaiven.flow.layout import Cell, Way, lay_out

_TITLE, _SMALL = 14, 11
_WIDE = 0.62
"""Width of a character of these fonts, as a part of its height; capitals are wider, so it is on the generous side."""
_LEADING = 1.35
_PAD = 10.0
_MARGIN = 24.0
_LINE = 26
"""Characters of a line of text in a box."""
_LABEL = 32
_KINDS = {
    "begin": "#475569",
    "over": "#475569",
    "any": "#64748b",
    "ask": "#2563eb",
    "say": "#0d9488",
    "end": "#475569",
    "call": "#c2410c",
    "run": "#7c3aed",
    "branch": "#a16207",
    "split": "#a16207",
    "tally": "#be185d",
    "set": "#a16207",
    "wait": "#0369a1",
    "handoff": "#15803d",
    "relay": "#15803d",
}
_STYLE = """
.page{fill:#ffffff}.box{fill:#ffffff;stroke-width:1.5}.title{fill:#0f172a;font-weight:600}.verb,.text{fill:#475569}
.way{stroke:#334155;fill:none;stroke-width:1.4}.aside{stroke:#94a3b8;fill:none;stroke-width:1.2;stroke-dasharray:5 4}
.label{fill:#334155}.plate{fill:#ffffff}.tip{fill:#334155}.tip-aside{fill:#94a3b8}
@media (prefers-color-scheme:dark){.page,.box,.plate{fill:#0f172a}.title{fill:#f1f5f9}.verb,.text,.label{fill:#cbd5e1}
.way{stroke:#cbd5e1}.tip{fill:#cbd5e1}.aside{stroke:#64748b}.tip-aside{fill:#64748b}}
""".replace("\n", "")


def as_svg(picture: Picture) -> str:
    """The picture, laid out from top to bottom."""
    places = {box.id: number for number, box in enumerate(picture.boxes)}
    texts = [_wrapped(box.text, _LINE) for box in picture.boxes]
    sizes = [_size(box, text) for box, text in zip(picture.boxes, texts, strict=True)]
    labels = [[part for line in one.label.splitlines() for part in _wrapped(line, _LABEL)] for one in picture.lines]
    arrows = [
        (places[line.source], places[line.target], *_label_size(label)) for line, label in zip(picture.lines, labels, strict=True)
    ]
    cells, ways, width, height = lay_out(sizes, arrows)
    width, height = width + 2 * _MARGIN, height + 2 * _MARGIN
    body = [_arrow(line, way, cells) for line, way in zip(picture.lines, ways, strict=True)]
    body += [_label(way, label, cells) for way, label in zip(ways, labels, strict=True) if label]
    body += [_box(box, text, cell) for box, text, cell in zip(picture.boxes, texts, cells, strict=True)]
    return (
        "\n".join(
            [
                f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
                f'viewBox="{-_MARGIN:.0f} {-_MARGIN:.0f} {width:.0f} {height:.0f}" role="img" '
                f'font-family="system-ui, sans-serif">',
                f"<title>{_safe(picture.title)}</title>",
                f"<style>{_STYLE}</style>",
                '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto">'
                '<path class="tip" d="M0 0L8 4L0 8z"/></marker>'
                '<marker id="tip-aside" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto">'
                '<path class="tip-aside" d="M0 0L8 4L0 8z"/></marker></defs>',
                f'<rect class="page" x="{-_MARGIN:.0f}" y="{-_MARGIN:.0f}" width="{width:.0f}" height="{height:.0f}"/>',
                *body,
                "</svg>",
            ]
        )
        + "\n"
    )


def _wrapped(text: str, width: int) -> list[str]:
    """Lines of about this many characters, three at most."""
    lines: list[str] = []
    for word in text.split():
        if lines and len(lines[-1]) + 1 + len(word) <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(word if len(word) <= width else f"{word[: width - 1]}…")
    return lines if len(lines) <= 3 else [*lines[:2], f"{lines[2][: width - 1]}…"]


def _wide(text: str, size: int) -> float:
    return sum(1.0 if one > "\u2e80" else _WIDE for one in text) * size


def _size(box: Box, text: list[str]) -> tuple[float, float]:
    if box.kind in ("begin", "over"):
        return 54.0, 30.0
    head = _wide(box.title, _TITLE) + (_wide(box.kind, _SMALL) + 12 if box.kind != "any" else 0)
    wide = max([head, *(_wide(line, _SMALL) for line in text)])
    return max(90.0, wide + 2 * _PAD), 2 * _PAD + _TITLE + len(text) * _SMALL * _LEADING + (3 if text else 0)


def _label_size(label: list[str]) -> tuple[float, float]:
    if not label:
        return 0.0, 0.0
    return max(_wide(line, _SMALL) for line in label) + 8, len(label) * _SMALL * _LEADING + 4


def _box(box: Box, text: list[str], cell: Cell) -> str:
    left, top = cell.x - cell.width / 2, cell.y - cell.height / 2
    colour = _KINDS.get(box.kind, "#475569")
    round_ = 15 if box.kind in ("begin", "over", "end") else 6
    out = [
        f'<g><rect class="box" x="{left:.1f}" y="{top:.1f}" width="{cell.width:.1f}" height="{cell.height:.1f}" rx="{round_}" '
        f'stroke="{colour}"{" stroke-dasharray=" + chr(34) + "3 3" + chr(34) if box.kind == "any" else ""}/>'
    ]
    if box.kind in ("begin", "over"):
        out.append(_words(box.title, cell.x, cell.y + _SMALL * 0.36, _SMALL, "verb", "middle"))
        return "".join((*out, "</g>"))
    line = top + _PAD + _TITLE * 0.85
    out.append(_words(box.title, left + _PAD, line, _TITLE, "title"))
    if box.kind != "any":
        out.append(_words(box.kind, left + cell.width - _PAD, line, _SMALL, "verb", "end"))
    for number, words in enumerate(text, 1):
        out.append(_words(words, left + _PAD, line + 3 + number * _SMALL * _LEADING, _SMALL, "text"))
    return "".join((*out, "</g>"))


def _words(text: str, x: float, y: float, size: int, kind: str, anchor: str = "start") -> str:
    at = f' text-anchor="{anchor}"' if anchor != "start" else ""
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" font-size="{size}"{at}>{_safe(text)}</text>'


def _safe(text: str) -> str:
    return escape("".join(one if one.isprintable() else " " for one in text))


def _arrow(line: Line, way: Way, cells: list[Cell]) -> str:
    source, target = cells[way.source], cells[way.target]
    tip = "tip" if line.kind == "way" else "tip-aside"
    return f'<path class="{line.kind}" d="{_path(source, target, way.bends)}" marker-end="url(#{tip})"/>'


def _path(source: Cell, target: Cell, bends: Iterable[Cell]) -> str:
    """A smooth line through the bends; it leaves and enters boxes at their upper or lower side."""
    middle = list(bends)
    if source is target:
        right, y = source.x + source.width / 2, source.y
        return f"M{right:.1f} {y - 8:.1f}C{right + 36:.1f} {y - 22:.1f} {right + 36:.1f} {y + 22:.1f} {right + 1:.1f} {y + 8:.1f}"
    down = target.layer > source.layer
    side = 1 if down else -1
    points = [(source.x + _aside(source, middle[0] if middle else target), source.y + side * source.height / 2)]
    for bend in middle:
        half = bend.room / 2  # straight past the boxes of its layer
        points += [(bend.x, bend.y - side * half), (bend.x, bend.y + side * half)]
    points.append((target.x + _aside(target, middle[-1] if middle else source), target.y - side * (target.height / 2 + 1)))
    drawn = f"M{points[0][0]:.1f} {points[0][1]:.1f}"
    for (x, y), (to_x, to_y) in pairwise(points):
        if abs(x - to_x) < 0.5:
            drawn += f"L{to_x:.1f} {to_y:.1f}"
        else:
            half_way = (y + to_y) / 2
            drawn += f"C{x:.1f} {half_way:.1f} {to_x:.1f} {half_way:.1f} {to_x:.1f} {to_y:.1f}"
    return drawn


def _aside(box: Cell, other: Cell) -> float:
    """How far from its middle a line meets a box: towards where it goes, so that several do not fall into one."""
    reach = max(0.0, box.width / 2 - 14)
    return max(-reach, min(reach, (other.x - box.x) * 0.5))


def _label(way: Way, label: list[str], cells: list[Cell]) -> str:
    if way.label is not None:
        x, top, width, height = way.label.x, way.label.y - way.label.height / 2, way.label.width, way.label.height
        plate = f'<rect class="plate" x="{x - width / 2:.1f}" y="{top:.1f}" width="{width:.1f}" height="{height:.1f}" rx="3"/>'
        anchor = "middle"
    else:
        box = cells[way.source]
        x, top, plate, anchor = box.x + box.width / 2 + 32, box.y - len(label) * _SMALL * _LEADING / 2, "", "start"
    lines = [
        _words(line, x, top + 2 + (number + 0.78) * _SMALL * _LEADING, _SMALL, "label", anchor)
        for number, line in enumerate(label)
    ]
    return plate + "".join(lines)
