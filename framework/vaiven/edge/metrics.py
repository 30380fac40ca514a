"""Numbers for Prometheus, in its text format.  Source: https://prometheus.io/docs/instrumenting/exposition_formats/ (0.0.4)."""

from collections.abc import Iterator, Mapping, Sequence
from re import compile as pattern

from vaiven.edge.status import Status, age_s, unowned
from vaiven.runtime.counts import NAMES
from vaiven.stores.contract import Role

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
"""The Content-Type of what ``Metrics.render`` gives."""

_METRIC_NAME = pattern(r"[a-zA-Z_:][a-zA-Z0-9_:]*\Z")
_LABEL_NAME = pattern(r"(?!__|le\Z)[a-zA-Z_][a-zA-Z0-9_]*\Z")
_LABEL_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n"})
_HELP_ESCAPES = str.maketrans({"\\": "\\\\", "\n": "\\n"})


class Family:
    """Every value of one metric name, by label values. One without labels has its single value from the start, zero."""

    def __init__(self, name: str, kind: str, help: str, labels: Sequence[str]) -> None:
        if not _METRIC_NAME.match(name):
            raise ValueError(f"{name!r} is no metric name")
        for label in labels:
            if not _LABEL_NAME.match(label):
                raise ValueError(f"{label!r} is no label name of {name}")
        self.name, self.kind, self.help, self.labels = name, kind, help, tuple(labels)
        self._values: dict[tuple[str, ...], float] = {} if labels else {(): 0}

    def set(self, value: float, *labels: str) -> None:
        """The value under these label values, in the order of the label names."""
        if len(labels) != len(self.labels):
            raise ValueError(f"{self.name} has the labels {self.labels}, not {len(labels)} of them")
        self._values[labels] = value

    def lines(self) -> Iterator[str]:
        """This family in the text format, in the order of label values."""
        yield f"# HELP {self.name} {self.help.translate(_HELP_ESCAPES)}"
        yield f"# TYPE {self.name} {self.kind}"
        for labels, value in sorted(self._values.items()):
            pairs = (f'{name}="{label.translate(_LABEL_ESCAPES)}"' for name, label in zip(self.labels, labels, strict=True))
            yield f"{self.name}{{{','.join(pairs)}}} {_number(value)}" if labels else f"{self.name} {_number(value)}"


class Metrics:
    """Every number of one process."""

    def __init__(self) -> None:
        self._families: dict[str, Family] = {}

    def counter(self, name: str, help: str, labels: Sequence[str] = ()) -> Family:
        """A number that only rises. By custom its name ends in ``_total``."""
        return self._declare(Family(name, "counter", help, labels))

    def gauge(self, name: str, help: str, labels: Sequence[str] = ()) -> Family:
        """A number that goes up and down."""
        return self._declare(Family(name, "gauge", help, labels))

    def render(self) -> str:
        """Everything in the text format, by name. Ends in a line break, as the format asks."""
        return "".join(f"{line}\n" for _, family in sorted(self._families.items()) for line in family.lines())

    def _declare(self, family: Family) -> Family:
        if family.name in self._families:
            raise ValueError(f"{family.name} is declared already")
        self._families[family.name] = family
        return family


def _number(value: float) -> str:
    # repr of a float may say inf or 1e+16; the format wants +Inf, and whole numbers read better without a point.
    if value != value or value in (float("inf"), float("-inf")):
        return {"inf": "+Inf", "-inf": "-Inf"}.get(str(float(value)), "NaN")
    return str(int(value)) if value == int(value) else repr(value)


def road(counts: Mapping[tuple[str, ...], float], status: Status | None) -> Metrics:
    """The numbers of a running bot: what its runtime counted, by ``counts.NAMES``, and how it stands (None: the store is silent).

    Made anew for each request of ``/metrics``, so that counting on the road costs no more than a dictionary add.
    """
    metrics = Metrics()
    families = {name: metrics.counter(f"vaiven_{name}_total", told, labels) for name, (told, labels) in NAMES.items()}
    for (name, *labels), value in counts.items():
        families[name].set(value, *labels)
    if status is not None:
        _stands(metrics, status)
    return metrics


def _stands(metrics: Metrics, status: Status) -> None:
    counts = status.counts
    metrics.gauge("vaiven_inbox_waiting", "Events accepted and not yet applied.").set(counts.inbox)
    oldest = metrics.gauge("vaiven_oldest_unapplied_seconds", "Age of the oldest event not yet applied.")
    oldest.set(age_s(status.now_ms, counts.oldest_inbox_ms))
    metrics.gauge("vaiven_partitions", "Partitions there are.").set(status.partitions)
    metrics.gauge("vaiven_partitions_waiting", "Partitions in which events wait.").set(len(status.lags))
    metrics.gauge("vaiven_timers", "Timers armed.").set(counts.timers)
    metrics.gauge("vaiven_dead_letters", "Events set aside.").set(counts.dead)
    rows = metrics.gauge("vaiven_outbox_rows", "Outbox rows by state.", ("state",))
    for state, count in counts.rows.items():
        rows.set(count, state)
    classes = metrics.gauge("vaiven_outbox_backlog", "Outbox rows under way by message class.", ("class",))
    for name, count in counts.classes.items():
        classes.set(count, name)
    owned = metrics.gauge("vaiven_partitions_owned", "Partitions that some process owns, by role.", ("role",))
    processes = metrics.gauge("vaiven_processes", "Processes that share the partitions, by role.", ("role",))
    free = unowned(status)
    for role in Role:
        owned.set(status.partitions - len(free[role]), role)
        processes.set(len(status.crew.attending[role]), role)
