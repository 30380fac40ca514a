"""What is wrong in a file, where it stands, and what would be right. Every code is told in ``docs/problems.md``."""

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from vaiven.model.errors import FlowError as FlowError

_LINE_SHOWN = 120
_TEXT_SHOWN = 500
_LISTED = 16


@dataclass(frozen=True, slots=True)
class Problem:
    """One finding. ``line`` and ``column`` count from 1; 0 is the file itself. ``width`` is how many characters the carets cover.

    ``code`` is a stable word for tools, ``snippet`` the line as it stands in the file, ``severity`` ``error`` (the file
    does not load), ``warning`` (it loads, and somebody will be surprised) or ``hint`` (it works, and could be better).
    ``str(problem)`` is the finding as a person reads it.
    """

    code: str
    file: str
    line: int
    column: int
    text: str
    cure: str = ""
    width: int = 1
    snippet: str = ""
    severity: str = "error"

    @property
    def is_error(self) -> bool:
        return self.severity == "error"

    def __str__(self) -> str:
        return render(self)


def render(problem: Problem) -> str:
    """The finding, the line itself with carets under what is wrong, and what would be right."""
    warning = "" if problem.is_error else f"{problem.severity}: "
    where = f"{problem.file}:{problem.line}:{problem.column}" if problem.line else problem.file
    told = [f"{where}: {warning}{_cut(problem.text)} [{problem.code}]"]
    if problem.snippet.strip():
        number, shown, skipped = str(problem.line), problem.snippet, 0
        if problem.column > _LINE_SHOWN // 2 and len(shown) > _LINE_SHOWN:
            skipped = problem.column - _LINE_SHOWN // 2
        line = _printable(shown[skipped : skipped + _LINE_SHOWN])
        column = problem.column - 1 - skipped
        carets = "^" * max(1, _cells(line[column : column + problem.width]))
        told.append(f"  {number} | {line}".rstrip())
        told.append(f"  {' ' * len(number)} | {' ' * _cells(line[:column])}{carets}")
    told.extend(f"  {_cut(line)}" for line in problem.cure.splitlines())
    return "\n".join(told)


def _cut(text: str) -> str:
    """As much of a text as is worth reading: a name in it may be as long as the file."""
    return text if len(text) <= _TEXT_SHOWN else f"{text[:_TEXT_SHOWN]}…"


def in_file_order(problems: Iterable[Problem]) -> list[Problem]:
    """Sorted by place, each said once."""
    return sorted(dict.fromkeys(problems), key=lambda problem: (problem.file, problem.line, problem.column, problem.code))


def closest(word: str, known: Iterable[str]) -> str | None:
    """The known word that was probably meant, if one is near enough."""
    limit = max(1, len(word) // 3)
    alike = [one for one in known if abs(len(one) - len(word)) <= limit]
    if not alike:
        return None
    from rapidfuzz.distance import OSA  # loaded here: most files have no misspelling

    near = [(OSA.distance(word.casefold(), one.casefold(), score_cutoff=limit), one) for one in alike]
    distance, best = min(near, default=(limit + 1, ""))
    return best if distance <= limit and best != word and distance < len(best) else None


def suggest(word: str, known: Iterable[str], heading: str) -> str:
    """What would be right: the known words under a heading, and the one that was probably meant."""
    words = list(dict.fromkeys(known))
    if not words:
        return ""
    listed = ", ".join(words[:_LISTED]) + (f" and {len(words) - _LISTED} more" if len(words) > _LISTED else "")
    near = closest(word, words)
    return f"{heading}: {listed}." + (f" Did you mean '{near}'?" if near else "")


def strange_letter(word: str) -> str:
    """A sentence about the letter that looks like one of ours and is none; empty if there is none such."""
    strange = next((letter for letter in word if letter.isalpha() and not letter.isascii()), None)
    return "" if strange is None else f" '{strange}' is {unicodedata.name(strange, 'no letter of ours').lower()}."


def _printable(text: str) -> str:
    text = text.replace("\t", "→")  # one that matters is not to be mistaken for spaces
    return "".join(character if character.isprintable() else " " if character.isspace() else "�" for character in text)


def _cells(text: str) -> int:
    """How many columns of a terminal the text fills."""
    return sum(
        0 if unicodedata.combining(character) else 2 if unicodedata.east_asian_width(character) in "WF" else 1
        for character in text
    )
