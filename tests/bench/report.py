"""From the rounds of a bench to its table: medians, spread, and ratios taken round by round."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

BASE = {"W1": "hand", "W2": "hand", "W3": "bare", "light": "hand"}
"""What each work is measured against."""


@dataclass
class Measured:
    """One bot under one work in one round: times in ms, memory in MB, and a turn: CPU in µs, trips and bytes of Redis."""

    work: str
    bot: str
    round: int
    turns: int
    wall_s: float
    cpu_us: float
    redis_us: float
    redis_trips: float
    redis_bytes: float
    rss_mb: float
    ack_p50: float | None
    ack_p99: float | None
    reply_p50: float | None
    reply_p99: float | None
    errors: dict[str, int] = field(default_factory=dict)

    @property
    def per_cpu_s(self) -> float:
        """Turns per CPU-second of the bot's processes."""
        return 1e6 / self.cpu_us if self.cpu_us else 0.0


def percentile(values: Sequence[float], share: float) -> float | None:
    """The value, times 1000, that ``share`` of ``values`` stay within; None if there are none."""
    ranked = sorted(values)
    return ranked[min(len(ranked) - 1, int(share * len(ranked)))] * 1000 if ranked else None


def summary(rounds: Iterable[Measured]) -> list[dict[str, object]]:
    """A row a work and bot: the median of the rounds of each figure, the spread, the ratios to the work's base."""
    grouped: dict[tuple[str, str], list[Measured]] = defaultdict(list)
    for measured in rounds:
        grouped[measured.work, measured.bot].append(measured)
    rows = []
    for (work, bot), found in grouped.items():
        base = {measured.round: measured for measured in grouped.get((work, BASE[work]), [])}
        rates = [measured.per_cpu_s for measured in found]
        rows.append(
            {
                "work": work,
                "bot": bot,
                "rounds": len(found),
                "turns": sum(measured.turns for measured in found),
                "per_cpu_s": median(rates),
                "least": min(rates),
                "most": max(rates),
                **{name: _median(found, name) for name in _FIGURES},
                "ratio": _ratio(found, base, "per_cpu_s"),
                "ack_p50_ratio": _ratio(found, base, "ack_p50"),
                "reply_p50_ratio": _ratio(found, base, "reply_p50"),
                "reply_p99_ratio": _ratio(found, base, "reply_p99"),
                "errors": _errors(found),
            }
        )
    return rows


_FIGURES = ("cpu_us", "redis_us", "redis_trips", "redis_bytes", "rss_mb", "ack_p50", "ack_p99", "reply_p50", "reply_p99")


def _median(found: Sequence[Measured], name: str) -> float | None:
    values = [value for measured in found if (value := getattr(measured, name)) is not None]
    return median(values) if values else None


def _ratio(found: Sequence[Measured], base: Mapping[int, Measured], name: str) -> float | None:
    """The median of the ratios of each round: the machine drifts between rounds, less within one."""
    ratios = []
    for measured in found:
        other = base.get(measured.round)
        mine, theirs = getattr(measured, name), getattr(other, name) if other is not None else None
        if mine is not None and theirs:
            ratios.append(mine / theirs)
    return median(ratios) if ratios else None


def _errors(found: Sequence[Measured]) -> dict[str, int]:
    total: dict[str, int] = defaultdict(int)
    for measured in found:
        for kind, count in measured.errors.items():
            total[kind] += count
    return dict(total)


_COLUMNS = (
    ("work", "work", ""),
    ("bot", "bot", ""),
    ("turns/CPU-s", "per_cpu_s", ",.0f"),
    ("least", "least", ",.0f"),
    ("most", "most", ",.0f"),
    ("x base", "ratio", ".2f"),
    ("us/turn", "cpu_us", ".0f"),
    ("redis us", "redis_us", ".0f"),
    ("trips", "redis_trips", ".2f"),
    ("bytes", "redis_bytes", ",.0f"),
    ("ack p50", "ack_p50", ".2f"),
    ("p99 ms", "ack_p99", ".1f"),
    ("reply p50", "reply_p50", ".2f"),
    ("p99 ms", "reply_p99", ".1f"),
    ("RSS MB", "rss_mb", ".0f"),
    ("errors", "errors", ""),
)


def table(rows: Sequence[Mapping[str, object]]) -> str:
    """The rows as text, one line each."""
    lines = [[title for title, _, _ in _COLUMNS], *[[_cell(row[name], form) for _, name, form in _COLUMNS] for row in rows]]
    widths = [max(len(line[column]) for line in lines) for column in range(len(_COLUMNS))]
    return "\n".join(
        "  ".join(_pad(cell, width, column) for column, (cell, width) in enumerate(zip(line, widths, strict=True)))
        for line in lines
    )


def _pad(cell: str, width: int, column: int) -> str:
    return cell.ljust(width) if column < 2 else cell.rjust(width)


def _cell(value: object, form: str) -> str:
    if value is None:
        return "-"
    if isinstance(value, dict):
        return ", ".join(f"{count} {kind}" for kind, count in value.items()) or "0"
    return format(value, form)
