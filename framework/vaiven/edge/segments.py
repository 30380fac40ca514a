"""What the texts of a flow cost as SMS, at worst, and which of them cost more than they need to."""

import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from vaiven.channels.gsm import is_gsm
from vaiven.channels.text import count_segments, to_gsm
from vaiven.flow.checks import Known
from vaiven.flow.document import FlowDocument, Position, Translation
from vaiven.flow.problems import Problem
from vaiven.flow.said import Said, said
from vaiven.flow.source import split_lines
from vaiven.flow.translations import in_language

TEXT_LIMIT = 1600
"""Characters that one message may have where the channel is not known: the least of the SMS providers that we speak to."""


@dataclass(frozen=True, slots=True)
class Bill:
    """One text as it is billed. ``limit`` is how many characters the channel takes at once; ``bounded`` as in ``Said``."""

    file: str
    line: str
    at: Position
    what: str
    lang: str
    text: str
    encoding: str
    units: int
    segments: int
    bounded: bool
    limit: int

    def plain(self) -> dict[str, Any]:
        told = ("file", "what", "lang", "encoding", "units", "segments", "bounded")
        return {"line": self.at.line} | {name: getattr(self, name) for name in told}


def bills(document: FlowDocument, params: Mapping[str, Any] | None, known: Known) -> Iterator[Bill]:
    """The messages of a flow that can go out as SMS, in file order; none if it serves no such channel."""
    if not known.is_billed_by_segments(document.channels):
        return
    limit = known.text_limit(document.channels, TEXT_LIMIT)
    own = Translation(document.lang or "en", document.file, document.source)
    yield from _billed(said(document, params), own, limit)
    for lang, translation in document.translations.items():
        theirs = {id(text) for text in translation.texts.values()}
        # What is not translated is on the flow's own bill.
        spoken = (each for each in said(in_language(document, lang), params) if id(each.first) in theirs)
        yield from _billed(spoken, translation, limit)


def _billed(texts: Iterable[Said], translation: Translation, limit: int) -> Iterator[Bill]:
    file, lang, lines = translation.file, translation.lang, split_lines(translation.source)
    for each in texts:
        text = to_gsm(each.text)
        found = count_segments(text)
        line = lines[each.at.line - 1] if each.at.line <= len(lines) else ""
        yield Bill(
            file, line, each.at, each.what, lang, text, str(found.encoding), found.units, found.segments, each.bounded, limit
        )


def expensive(costs: Iterable[Bill]) -> Iterator[Problem]:
    """Texts that a sign makes dearer, no letter but a mark or an emoji, and texts that do not go out as one message."""
    for bill in costs:
        strange = sorted({one for one in bill.text if not is_gsm(one)}) if not bill.text.isascii() else []
        if strange and not any(unicodedata.category(one)[0] in "LMN" for one in strange):
            cheap = count_segments("".join("." if one in strange else one for one in bill.text)).segments
            if cheap < bill.segments:
                shown = " ".join(strange[:5])
                text = f"'{bill.what}' takes {bill.segments} SMS segments at worst, and {cheap} without {shown}"
                cure = f"Such a sign makes 70 characters of 160. Leave out {shown}, or let it be worth that."
                yield _problem("expensive-character", bill, text, cure)
        if bill.units > bill.limit:
            text = f"'{bill.what}' is longer than {bill.limit} characters at worst, so it goes out as several messages"
            yield _problem("long-text", bill, text, "Shorten it, or give what is typed into it a `max`.")


def dearer(costs: Iterable[Bill]) -> Iterator[Problem]:
    """Texts of translations that take more SMS segments than the flow's own; ``costs`` are of one flow after another."""
    own: dict[str, Bill] = {}
    flow = ""
    for bill in costs:
        if bill.file.endswith(".flow.yaml"):
            own = own if bill.file == flow else {}
            flow = bill.file
            own[bill.what] = bill
        elif (first := own.get(bill.what)) is not None and bill.segments > first.segments:
            text = f"'{bill.what}' takes {bill.segments} SMS segments at worst, and {first.segments} in '{first.lang}'"
            strange = sorted({one for one in bill.text if not is_gsm(one)})
            why = f" {' '.join(strange[:5])} make 70 characters of 160." if strange else ""
            yield _problem("dearer-translation", bill, text, f"Shorten it, or let it be worth that.{why}")


def _problem(code: str, bill: Bill, text: str, cure: str) -> Problem:
    return Problem(code, bill.file, bill.at.line, bill.at.column, text, cure, 1, bill.line, "warning")
