"""Numbers for Prometheus, in its text format.  Source: https://prometheus.io/docs/instrumenting/exposition_formats/ (0.0.4).

A family is asked for once and its cells (one a set of label values) are kept by the caller: a cell's ``inc`` is one addition,
cheap enough for every message. One event loop writes; a reader in another thread sees a number at most late.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import accumulate
from re import compile as pattern
from typing import Generic, Protocol, TypeVar

from vaiven.runtime.counts import NAMES
from vaiven.stores.contract import Counts

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
"""The Content-Type of what ``Metrics.render`` gives."""

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds for durations, seconds."""

_METRIC_NAME = pattern(r"[a-zA-Z_:][a-zA-Z0-9_:]*\Z")
_LABEL_NAME = pattern(r"(?!__|le\Z)[a-zA-Z_][a-zA-Z0-9_]*\Z")
_LABEL_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n"})
_HELP_ESCAPES = str.maketrans({"\\": "\\\\", "\n": "\\n"})


class Number:
    """One counter or gauge under one set of label values."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value: float = 0

    def inc(self, by: float = 1) -> None:
        self.value += by

    def set(self, value: float) -> None:
        self.value = value

    def samples(self) -> Iterator[tuple[str, str, float]]:
        yield "", "", self.value


class Histogram:
    """How many values fell under each bound, and their sum."""

    __slots__ = ("_bounds", "_counts", "_sum")

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = tuple(bounds)
        self._counts = [0] * (len(self._bounds) + 1)
        self._sum: float = 0

    def observe(self, value: float) -> None:
        # bisect_left: a value equal to a bound belongs under it, since ``le`` is less than or equal.
        self._counts[bisect_left(self._bounds, value)] += 1
        self._sum += value

    def samples(self) -> Iterator[tuple[str, str, float]]:
        bounds = (*(_number(bound) for bound in self._bounds), "+Inf")
        total = 0
        for bound, total in zip(bounds, accumulate(self._counts), strict=True):
            yield "_bucket", f'le="{bound}"', total
        yield "_sum", "", self._sum
        yield "_count", "", total


class _Cell(Protocol):
    def samples(self) -> Iterator[tuple[str, str, float]]: ...


CellT = TypeVar("CellT", bound=_Cell)


class Family(Generic[CellT]):
    """Every cell of one metric name, by label values. One without labels has its single cell from the start, at zero."""

    def __init__(self, name: str, kind: str, help: str, labels: Sequence[str], make: Callable[[], CellT]) -> None:
        if not _METRIC_NAME.match(name):
            raise ValueError(f"{name!r} is no metric name")
        for label in labels:
            if not _LABEL_NAME.match(label):
                raise ValueError(f"{label!r} is no label name of {name}")
        self.name, self.kind, self.help, self.label_names = name, kind, help, tuple(labels)
        self._make = make
        self._cells: dict[tuple[str, ...], CellT] = {}
        if not self.label_names:
            self.labels()

    def labels(self, *values: str) -> CellT:
        """The cell of these label values, in the order of the label names; made at first use. Keep it where it is hot."""
        cell = self._cells.get(values)
        if cell is None:
            if len(values) != len(self.label_names):
                raise ValueError(f"{self.name} has the labels {self.label_names}, not {len(values)} of them")
            cell = self._cells[values] = self._make()
        return cell

    def lines(self) -> Iterator[str]:
        """This family in the text format, its cells in the order of their label values."""
        yield f"# HELP {self.name} {self.help.translate(_HELP_ESCAPES)}"
        yield f"# TYPE {self.name} {self.kind}"
        for values, cell in sorted(self._cells.items()):
            pairs = [f'{name}="{value.translate(_LABEL_ESCAPES)}"' for name, value in zip(self.label_names, values, strict=True)]
            for suffix, extra, value in cell.samples():
                inside = ",".join([*pairs, extra] if extra else pairs)
                yield f"{self.name}{suffix}{{{inside}}} {_number(value)}" if inside else f"{self.name}{suffix} {_number(value)}"


class Metrics:
    """Every number of one process. Asking for a name again gives the same family, if kind and labels are the same."""

    def __init__(self) -> None:
        self._numbers: dict[str, Family[Number]] = {}
        self._histograms: dict[str, Family[Histogram]] = {}

    def counter(self, name: str, help: str, labels: Sequence[str] = ()) -> Family[Number]:
        """A number that only rises. By custom its name ends in ``_total``."""
        return self._number(name, "counter", help, labels)

    def gauge(self, name: str, help: str, labels: Sequence[str] = ()) -> Family[Number]:
        """A number that goes up and down."""
        return self._number(name, "gauge", help, labels)

    def histogram(self, name: str, help: str, bounds: Sequence[float] = SECONDS, labels: Sequence[str] = ()) -> Family[Histogram]:
        """Values counted under fixed upper bounds, which rise; the last one, +Inf, is always there."""
        if list(bounds) != sorted(set(bounds)):
            raise ValueError(f"the bounds of {name} must rise")
        held = self._histograms.get(name)
        if held is None:
            self._free(name)
            held = self._histograms[name] = Family(name, "histogram", help, labels, lambda: Histogram(bounds))
        _same(held, "histogram", labels)
        return held

    def render(self) -> str:
        """Everything in the text format, by name. Ends in a line break, as the format asks."""
        families: list[Family[Number] | Family[Histogram]] = [*self._numbers.values(), *self._histograms.values()]
        return "".join(f"{line}\n" for family in sorted(families, key=lambda each: each.name) for line in family.lines())

    def _number(self, name: str, kind: str, help: str, labels: Sequence[str]) -> Family[Number]:
        held = self._numbers.get(name)
        if held is None:
            self._free(name)
            held = self._numbers[name] = Family(name, kind, help, labels, Number)
        _same(held, kind, labels)
        return held

    def _free(self, name: str) -> None:
        if name in self._numbers or name in self._histograms:
            raise ValueError(f"{name} is declared already as something else")


def _same(family: Family[CellT], kind: str, labels: Sequence[str]) -> None:
    if (family.kind, family.label_names) != (kind, tuple(labels)):
        raise ValueError(f"{family.name} is declared already as a {family.kind} with labels {family.label_names}")


def _number(value: float) -> str:
    # repr of a float may say inf or 1e+16; the format wants +Inf, and whole numbers read better without a point.
    if value != value or value in (float("inf"), float("-inf")):
        return {"inf": "+Inf", "-inf": "-Inf"}.get(str(float(value)), "NaN")
    return str(int(value)) if value == int(value) else repr(value)


def road(counts: Mapping[tuple[str, ...], float], waiting: Counts | None, now_ms: int) -> Metrics:
    """The numbers of a running bot: what its runtime counted, by ``counts.NAMES``, and what waits in its store (None: unknown).

    Made anew for each request of ``/metrics``, so that counting on the road costs no more than a dictionary add.
    """
    metrics = Metrics()
    families = {name: metrics.counter(f"vaiven_{name}_total", told, labels) for name, (told, labels) in NAMES.items()}
    for (name, *labels), value in counts.items():
        families[name].labels(*labels).set(value)
    if waiting is not None:
        oldest_s = 0.0 if waiting.oldest_inbox_ms is None else max(0.0, (now_ms - waiting.oldest_inbox_ms) / 1000)
        metrics.gauge("vaiven_inbox_waiting", "Events accepted and not yet applied.").labels().set(waiting.inbox)
        metrics.gauge("vaiven_oldest_unapplied_seconds", "Age of the oldest event not yet applied.").labels().set(oldest_s)
        metrics.gauge("vaiven_timers", "Timers armed.").labels().set(waiting.timers)
        metrics.gauge("vaiven_dead_letters", "Events set aside.").labels().set(waiting.dead)
        rows = metrics.gauge("vaiven_outbox_rows", "Outbox rows by state.", ("state",))
        for state, count in waiting.rows.items():
            rows.labels(state).set(count)
    return metrics
