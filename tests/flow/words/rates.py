"""How much of what people type is understood: pass rates per type and language, and how long it takes.

    python tests/flow/words/rates.py [--failures | --all-failures] [--markdown] [--record]

*Tuned* phrases were looked at while words were added, *held out* ones were scored, and read when the words were done; the
*second table* was written after that and is only scored. ``--failures`` lists the tuned ones that
fail, ``--all-failures`` all; ``--record`` writes those that fail into phrases/failing.tsv, which the test compares. *wrong*
counts what was taken for another value than it says, which is worse than asking again.
"""

import argparse
import statistics
import time
from collections import Counter, defaultdict
from pathlib import Path

from vaiven.testing.phrases import Phrase, read_phrases

TABLES = sorted((Path(__file__).parent / "phrases").rglob("*.txt"))
PARTS = {"tuned": "Tuned", "held out": "Held out", "second": "Second table"}
KINDS = ("date", "time", "datetime", "integer", "number", "confirm", "many", "phone", "email", "url")


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--failures", action="store_true")
    arguments.add_argument("--all-failures", action="store_true")
    arguments.add_argument("--markdown", action="store_true")
    arguments.add_argument("--record", action="store_true")
    options = arguments.parse_args()
    phrases = [(part_of(table, phrase), phrase) for table in TABLES for phrase in read_phrases(table)]
    counts: dict[tuple[str, str, str], Counter[str]] = defaultdict(Counter)
    took: dict[str, list[float]] = defaultdict(list)
    failures = []
    for phrase in {(one.kind, one.listener.lang): one for _, one in phrases}.values():
        phrase._replace(raw=f"{phrase.raw} xyz").read()
    for part, phrase in phrases:
        found, seconds = timed(phrase)
        took[phrase.kind].append(seconds)
        result = "right" if found == phrase.value else "missed" if found is None else "wrong"
        counts[phrase.kind, phrase.listener.lang, part][result] += 1
        if result != "right" and (options.all_failures or (options.failures and part == "tuned")):
            failures.append((part, phrase, found, result))
    for part, title in PARTS.items():
        print(f"\n{title}: right of all (wrong)\n")
        rows(counts, part, options.markdown)
    print("\nMedian and 95th percentile of one answer, in µs\n")
    for kind in KINDS:
        times = sorted(took[kind])
        print(f"{kind:9} {statistics.median(times) * 1e6:7.0f} {times[int(len(times) * 0.95)] * 1e6:7.0f}")
    if options.record:
        record([phrase for _, phrase in phrases if phrase.read() != phrase.value])
    for part, phrase, found, result in failures:
        print(f"{phrase.listener.lang} {phrase.kind} {part}: {phrase.raw!r} is {phrase.value}, {result} {found or ''}")


def part_of(table: Path, phrase: Phrase) -> str:
    return "second" if table.parent.name == "second" else "held out" if phrase.held_out else "tuned"


def record(failing: list[Phrase]) -> None:
    lines = sorted(f"{one.listener.lang}\t{one.kind}\t{one.raw}\t{one.value or '-'}\t{one.read() or '-'}\n" for one in failing)
    (TABLES[0].parent / "failing.tsv").write_text("".join(lines), "utf-8")


def timed(phrase: Phrase) -> tuple[str | None, float]:
    """The first reading of a phrase: what is loaded and cached for all phrases was loaded by another one."""
    start = time.perf_counter()
    found = phrase.read()
    return found, time.perf_counter() - start


def rows(counts: dict[tuple[str, str, str], Counter[str]], part: str, markdown: bool) -> None:
    langs = sorted({lang for _, lang, _ in counts})
    line = "| {} | {} |" if markdown else "{:9} {}"
    between = " | " if markdown else ""
    print(line.format("type", between.join(f"{lang:>14}" for lang in (*langs, "all"))))
    if markdown:
        print("|---|" + "---|" * (len(langs) + 1))
    for kind in (*KINDS, "all"):
        cells = []
        for lang in (*langs, "all"):
            total = sum(
                (counts[one, other, part] for one in KINDS for other in langs if kind in (one, "all") and lang in (other, "all")),
                Counter(),
            )
            cell = f"{total['right']}/{total.total()}" + (f" ({total['wrong']})" if total["wrong"] else "")
            cells.append(f"{cell:>14}")
        print(line.format(kind, between.join(cells)))


if __name__ == "__main__":
    main()
