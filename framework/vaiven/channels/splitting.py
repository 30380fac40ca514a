"""One long text, cut into parts that the channel takes."""

import re

from vaiven.channels.graphemes import starts_cluster
from vaiven.channels.gsm import cost, utf16_units

BREAKING = " \t\n\r\f\v\u1680\u2028\u2029\u205f\u3000" + "".join(chr(code) for code in range(0x2000, 0x200B) if code != 0x2007)
"""White space where a line may break: not the no-break spaces."""

_SPACES = re.compile(f"[{BREAKING}]+")
_PARAGRAPH = re.compile(rf"\n[ \t\r]*\n[{BREAKING}]*")
_LINE = re.compile(rf"\n[{BREAKING}]*")
_SENTENCE = re.compile(rf"(?<=[.!?…。！？])[\"'”’)\]]*[{BREAKING}]+|(?<=[。！？])")


def split(text: str, limit: int, sms: bool) -> list[str]:
    """Cut a text into parts of at most ``limit``, at a paragraph, line, sentence or space late in the part.

    Only white space at the cuts is lost. A cluster of characters is cut only if it is longer than a part by itself, a
    surrogate or escape pair never. The limit is counted in UTF-16 units, with ``sms`` in septets or UTF-16 units, whichever
    is more: providers do not say which they count, and neither is less than the number of characters.

    Raises:
        ValueError: the limit is below 2, so some characters would fit in no part.
    """
    if limit < 2:
        raise ValueError("a part must hold two units at least")
    parts, rest = [], text
    while (reach := _reach(rest, limit, sms)) < len(rest):
        at = _place(rest, reach)
        head = rest[:at].rstrip(BREAKING)
        rest = _rest(rest[at:])
        if head:
            parts.append(head)
    if rest or not parts:
        parts.append(rest)
    return parts


def _reach(text: str, limit: int, sms: bool) -> int:
    """How many characters from the start cost no more than the limit."""
    if len(text) <= limit // 2 or (not sms and len(text) <= limit and utf16_units(text) <= limit):
        return len(text)
    used = 0
    for at, character in enumerate(text):
        used += cost(character) if sms else utf16_units(character)
        if used > limit:
            return at
    return len(text)


def _place(text: str, reach: int) -> int:
    """Where to cut: at the latest paragraph, line, sentence or word that leaves the first part no longer than ``reach``."""
    # White space at the cut goes, so it may lie beyond what fits.
    beyond = _SPACES.match(text, reach)
    end = beyond.end() if beyond else reach
    for border in (_PARAGRAPH, _LINE, _SENTENCE):
        if at := _last(border, text, reach // 2, end):
            return at
    at = _last(_SPACES, text, 0, end)
    if text[:at].strip():
        return at
    at = reach
    while at > 0 and not starts_cluster(text, at):
        at -= 1
    return at or reach


def _last(border: re.Pattern[str], text: str, start: int, end: int) -> int:
    """The end of the last such border where a cluster of characters begins, 0 if there is none."""
    return max((found.end() for found in border.finditer(text, start, end) if starts_cluster(text, found.end())), default=0)


def _rest(text: str) -> str:
    """Without the white space it begins with, but for a space that bears a mark."""
    at = len(text) - len(text.lstrip(BREAKING))
    return text[at if starts_cluster(text, at) else at - 1 :]
