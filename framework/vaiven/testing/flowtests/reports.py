"""Coverage as a table, as JSON, and as one page of HTML with the lines of the flows marked."""

import re
from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

from vaiven.testing.flowtests.covering import KINDS, TRANSITIONS, FlowCoverage, Item

_PLACE = re.compile(r"^([A-Za-z-]+ )?[0-9]+:[0-9]+ ")
"""Which text it is, before what it says."""


def percent(coverages: Iterable[FlowCoverage], kind: str = TRANSITIONS) -> float:
    """How much of all that there is of a kind was touched, 100 where there is none."""
    counts = [coverage.count(kind) for coverage in coverages]
    whole = sum(total for _, total in counts)
    return 100 * sum(touched for touched, _ in counts) / whole if whole else 100.0


def text(coverages: Sequence[FlowCoverage]) -> str:
    """A row a flow, and under them what no test touched, by file and line."""
    rows: list[tuple[str, ...]] = [("flow", *KINDS, "")]
    for coverage in coverages:
        counts = [coverage.count(kind) for kind in KINDS]
        told = f"{percent([coverage]):.1f} % of transitions"
        rows.append((coverage.flow, *(f"{touched}/{total}" for touched, total in counts), told))
    if len(coverages) > 1:
        rows.append(("all", *(f"{percent(coverages, kind):.1f} %" for kind in KINDS), ""))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    for coverage in coverages:
        for item in sorted(
            (item for item in coverage.items if not item.hits),
            key=lambda item: (item.file != coverage.file, item.file, item.line, item.kind),
        ):
            lines.append(f"{item.file}:{item.line}: no test: {_one(item)}")
    return "\n".join(lines)


def _one(item: Item) -> str:
    name = _PLACE.sub("", item.name) if item.kind == "texts" else item.name.strip()
    return f"{item.kind.removesuffix('s')} {name}"


def plain(coverages: Sequence[FlowCoverage]) -> dict[str, Any]:
    """The same for programs, with how often each thing was touched."""
    return {
        "total": {kind: round(percent(coverages, kind), 2) for kind in KINDS},
        "flows": [
            {
                "flow": coverage.flow,
                "file": coverage.file,
                "implied": {"covered": coverage.implied[0], "total": coverage.implied[1]},
                **{
                    kind: {
                        "covered": coverage.count(kind)[0],
                        "total": coverage.count(kind)[1],
                        "items": [
                            {"name": item.name.strip(), "line": item.line, "hits": item.hits} for item in coverage.of(kind)
                        ],
                    }
                    for kind in KINDS
                },
            }
            for coverage in coverages
        ],
    }


_STYLE = """
:root { color-scheme: light dark; --all: #2e7d3233; --some: #f9a82544; --none: #c6282833; --rule: #8884; }
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 75rem; padding: 0 1rem; }
table { border-collapse: collapse; margin: 1rem 0; } th, td { padding: .25rem .75rem; text-align: left; }
th { border-bottom: 2px solid var(--rule); } td { border-bottom: 1px solid var(--rule); }
pre { font: 13px/1.45 ui-monospace, monospace; overflow-x: auto; padding: .5rem 0; }
pre { border: 1px solid var(--rule); border-radius: .4rem; }
pre span { display: block; padding: 0 .75rem; white-space: pre; } pre i { opacity: .55; font-style: normal; margin-right: 1rem; }
.all { background: var(--all); } .some { background: var(--some); } .none { background: var(--none); }
small { opacity: .7; }
"""


def html(coverages: Sequence[FlowCoverage]) -> str:
    """One page that needs nothing else."""
    heads = "".join(f"<th>{head}</th>" for head in ("flow", *KINDS, "in every flow"))
    rows = "".join(
        f'<tr><td><a href="#{escape(coverage.flow)}">{escape(coverage.flow)}</a></td>'
        + "".join(f"<td>{_share(*coverage.count(kind))}</td>" for kind in KINDS)
        + f"<td>{_share(*coverage.implied)}</td></tr>"
        for coverage in coverages
    )
    return (
        '<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n<meta name="viewport" content="width=device-width">\n'
        f"<title>Coverage of flows</title>\n<style>{_STYLE}</style>\n<h1>Coverage of flows</h1>\n"
        f"<table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>\n"
        "<p><small>A line is green where tests touched everything on it, yellow where they touched some, red where none. "
        "Hold the pointer over a line to see what stands on it.</small></p>\n"
        + "\n".join(_source(coverage) for coverage in coverages)
        + "\n</html>\n"
    )


def _share(touched: int, total: int) -> str:
    return f"{touched}/{total}" + (f" <small>{100 * touched / total:.0f} %</small>" if total else "")


def _source(coverage: FlowCoverage) -> str:
    head = f'<h2 id="{escape(coverage.flow)}">{escape(coverage.flow)}</h2>'
    return "\n".join([head, *(_lines(coverage, file, lines) for file, lines in coverage.sources.items())])


def _lines(coverage: FlowCoverage, file: str, source: Sequence[str]) -> str:
    """One file, its lines marked."""
    by_line: dict[int, list[Item]] = {}
    for item in coverage.items:
        if item.file == file and item.kind != "languages":
            by_line.setdefault(item.line, []).append(item)
    lines = []
    width = len(str(len(source)))
    for number, line in enumerate(source, 1):
        items = by_line.get(number, [])
        touched = sum(item.hits > 0 for item in items)
        mark = "" if not items else "all" if touched == len(items) else "some" if touched else "none"
        told = "\n".join(f"{item.hits:>5} × {_one(item)}" for item in items)
        hint = f' class="{mark}" title="{escape(told)}"' if items else ""
        lines.append(f"<span{hint}><i>{number:>{width}}</i>{escape(line)}</span>")
    return f"<h3>{escape(file)}</h3>\n<pre>{''.join(lines)}</pre>"
