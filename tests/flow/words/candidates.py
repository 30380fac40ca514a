"""How well other libraries read the same phrases, for docs/decisions/0030: needs them installed, and is run by hand.

python -m pip install dateparser parsedatetime python-dateutil text2num word2number babel
PYTHONPATH=framework python tests/flow/words/candidates.py
"""

import re
import statistics
import time
import warnings
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from vaiven.testing.phrases import Phrase, read_phrases

warnings.simplefilter("ignore")


def now_of(phrase: Phrase) -> datetime:
    zone = ZoneInfo(phrase.listener.zone)
    return datetime.fromtimestamp(phrase.listener.now_ms / 1000, zone).replace(tzinfo=None)


def shown(kind: str, moment: datetime | None) -> str | None:
    if moment is None:
        return None
    return {"date": moment.date().isoformat(), "time": f"{moment:%H:%M}", "datetime": f"{moment:%Y-%m-%dT%H:%M}"}[kind]


def of_dateparser(phrase: Phrase) -> str | None:
    import dateparser

    settings = {"RELATIVE_BASE": now_of(phrase), "PREFER_DATES_FROM": "future", "DATE_ORDER": "DMY"}
    return shown(phrase.kind, dateparser.parse(phrase.raw, languages=[phrase.listener.lang], settings=settings))


def of_parsedatetime(phrase: Phrase) -> str | None:
    import parsedatetime

    found, how = parsedatetime.Calendar(version=parsedatetime.VERSION_CONTEXT_STYLE).parseDT(phrase.raw, now_of(phrase))
    return shown(phrase.kind, found) if how.hasDateOrTime else None


def of_dateutil(phrase: Phrase) -> str | None:
    from dateutil import parser

    try:
        return shown(phrase.kind, parser.parse(phrase.raw, dayfirst=True, default=now_of(phrase).replace(hour=0, minute=0)))
    except (ValueError, OverflowError):
        return None


def of_text2num(phrase: Phrase) -> str | None:
    from text_to_num import alpha2digit, text2num

    try:
        return str(text2num(phrase.raw.lower(), phrase.listener.lang))
    except ValueError:
        found = re.findall(r"\d+(?:[.,]\d+)?", alpha2digit(phrase.raw.lower(), phrase.listener.lang, 0))
        return found[0] if len(found) == 1 else None


def of_word2number(phrase: Phrase) -> str | None:
    from word2number import w2n

    try:
        return str(w2n.word_to_num(phrase.raw))
    except (ValueError, IndexError):
        return None


def of_babel(phrase: Phrase) -> str | None:
    from babel.numbers import NumberFormatError, parse_decimal

    try:
        found = parse_decimal(phrase.raw, locale=phrase.listener.lang)
    except (NumberFormatError, ValueError):
        return None
    return str(int(found)) if found == int(found) else str(float(found))


def of_vaiven(phrase: Phrase) -> str | None:
    return phrase.read()


ALL = ("en", "es", "fr", "de", "pt", "it")
CANDIDATES: list[tuple[str, Callable[[Phrase], str | None], tuple[str, ...], tuple[str, ...]]] = [
    ("dateparser", of_dateparser, ("date", "time", "datetime"), ALL),
    ("parsedatetime", of_parsedatetime, ("date", "time", "datetime"), ("en",)),
    ("dateutil", of_dateutil, ("date", "time", "datetime"), ("en",)),
    ("vaiven", of_vaiven, ("date", "time", "datetime"), ALL),
    ("text2num", of_text2num, ("integer", "number"), ALL),
    ("word2number", of_word2number, ("integer", "number"), ("en",)),
    ("babel", of_babel, ("integer", "number"), ALL),
    ("vaiven", of_vaiven, ("integer", "number"), ALL),
]


def main() -> None:
    tables = sorted((Path(__file__).parent / "phrases").glob("*.txt"))
    phrases = [phrase for table in tables for phrase in read_phrases(table)]
    print("library, type, language: right / missed / wrong value / taken though it says none; median µs")
    for name, read, kinds, langs in CANDIDATES:
        for kind in kinds:
            for lang in langs:
                measure(name, read, [one for one in phrases if one.kind == kind and one.listener.lang == lang])


def measure(name: str, read: Callable[[Phrase], str | None], phrases: list[Phrase]) -> None:
    read(phrases[0])
    counts: Counter[str] = Counter()
    took = []
    for phrase in phrases:
        start = time.perf_counter()
        try:
            found = read(phrase)
        except (ValueError, TypeError, AttributeError, LookupError, ArithmeticError, RuntimeError):
            found = "raised"
        took.append(time.perf_counter() - start)
        counts[verdict(phrase.value, found)] += 1
    cells = " / ".join(str(counts[one]) for one in ("right", "missed", "wrong", "taken"))
    print(f"{name:14} {phrases[0].kind:9} {phrases[0].listener.lang}  {cells:22} {statistics.median(took) * 1e6:8.0f}")


def verdict(value: str | None, found: str | None) -> str:
    if found == value:
        return "right"
    if found is None:
        return "missed"
    return "taken" if value is None else "wrong"


if __name__ == "__main__":
    main()
