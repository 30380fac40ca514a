"""Days and hours as people say them: the words of a message arranged into what they say, for any of our languages.

The words are read in every way in which all of them have a sense; the first that makes a moment is taken. A word without a
sense ends it: "friday or so" says no day.
"""

import re
from bisect import bisect_left
from collections.abc import Iterator
from typing import Any, NamedTuple

from vaiven.flow.types.lexicon import MOST_WORDS, Lexicon, Meaning, Token, plain

_ISO = re.compile(r"(\d{4})([-/.])(\d{1,2})\2(\d{1,2})(?!\d)")
_FULL = re.compile(r"(\d{1,2})(?: ?([-/.]) ?(\d{1,2}) ?\2 ?(\d{4})|([-/.])(\d{1,2})\5(\d{2}))(?![\d:])")
_SHORT = re.compile(r"(\d{1,2}) ?([-/.]) ?(\d{1,2})(?![\d:/-]|\.\d)\.?")
_CLOCK = re.compile(r"(\d{1,2})([:.h])(\d{2})(?::00)?(?![\d:/-]|\.\d)")
_MARKS = frozenset(",;.!?()\"'…¡¿:*")
_MOST_STEPS = 600


class Clock(NamedTuple):
    """An hour as it was said. ``sure``: on the 24-hour clock; ``bare``: a number that nothing marks as an hour."""

    hour: int
    minute: int
    sure: bool = False
    bare: bool = False


class Span(NamedTuple):
    """A distance from now; without ``minutes`` it ends on a day, with them at an instant."""

    months: int = 0
    days: int = 0
    minutes: int | None = None


class Day(NamedTuple):
    """A day of the calendar, of which the year and the month may be unsaid."""

    year: int | None
    month: int | None
    day: int


class Figures(NamedTuple):
    """03/04 or 03/04/26: which is the day the locale tells."""

    first: int
    second: int
    year: int | None


class Said(NamedTuple):
    """Everything that a message says about when."""

    day: Day | Figures | Span | None = None
    weekday: int | None = None
    which: str | None = None
    week: int | None = None
    weeks: int | None = None
    month: int | None = None
    clock: Clock | None = None
    part: str | None = None


class Parser:
    """One message in one language. ``wanted`` is ``date``, ``time`` or ``datetime``."""

    def __init__(self, words: Lexicon, text: str, wanted: str) -> None:
        self._words = words
        self._text = words.spaced(text)
        self._tokens = words.cut(self._text)
        self._starts = [token.at for token in self._tokens]
        self._wanted = wanted
        self._meanings: dict[int, list[Meaning]] = {}
        self._dead: set[tuple[int, int]] = set()
        self._steps = 0

    def readings(self) -> Iterator[Said]:
        """Every way to read the whole message, the likeliest first."""
        if 0 < len(self._tokens) <= MOST_WORDS:
            yield from self._read(0, Said())

    def _read(self, at: int, said: Said) -> Iterator[Said]:
        if at == len(self._tokens):
            yield said
            return
        state = (at, sum(1 << place for place, value in enumerate(said) if value is not None))
        self._steps += 1
        if state in self._dead or self._steps > _MOST_STEPS:
            return
        found = False
        for more, end in self._elements(at, said):
            for reading in self._read(end, more):
                found = True
                yield reading
        if not found:
            self._dead.add(state)

    # ---- what may stand at a place

    def _at(self, at: int) -> list[Meaning]:
        if at >= len(self._tokens):
            return []
        found = self._meanings.get(at)
        if found is None:
            token = self._tokens[at]
            found = self._meanings[at] = self._words.meanings(self._tokens, at)
            if token.text.isdecimal() and len(token.text) <= 4:
                found.insert(0, Meaning("num", int(token.text), at + 1))
        return found

    def _of(self, at: int, *kinds: str) -> list[Meaning]:
        return [one for one in self._at(at) if one.kind in kinds]

    def _after(self, at: int, *kinds: str) -> int:
        """The place behind words of these kinds, if there are any, and behind marks."""
        while at < len(self._tokens):
            found = self._of(at, *kinds)
            if found:
                at = found[0].end
            elif self._tokens[at].text in ",.":
                at += 1
            else:
                break
        return at

    def _place(self, offset: int) -> int:
        return bisect_left(self._starts, offset)

    def _elements(self, at: int, said: Said) -> Iterator[tuple[Said, int]]:
        if self._wanted != "time":
            if said.day is None:
                for day, end in self._days(at, said.weekday is not None):
                    yield said._replace(day=day), end
            yield from self._weekdays(at, said)
        if said.clock is None:
            for clock, end in self._clocks(at, said):
                yield said._replace(clock=clock), end
            if said.day is None and (span := self._span(at)) is not None:
                yield said._replace(day=span[0]), span[1]
        if said.part is None or said.part == "tonight":
            on_day = said.day is not None or said.weekday is not None
            for meaning in self._of(at, "part", "partafter" if on_day else "part"):
                yield said._replace(part=meaning.value), meaning.end
        if self._wanted == "time":
            for meaning in self._of(at, "tonight"):
                yield said._replace(part=said.part or "tonight"), meaning.end
        for meaning in self._of(at, "skip", "on", "at"):
            # "friday at" breaks off, and the number in "at 25" is no day.
            if meaning.kind != "at" or (meaning.end < len(self._tokens) and not self._of(meaning.end, "num")):
                yield said, meaning.end
        token = self._tokens[at]
        if (token.text in _MARKS and not self._inside(at)) or (token.text == "-" and not token.glued and self._loose(at + 1)):
            yield said, at + 1

    def _inside(self, at: int) -> bool:
        """A mark inside of figures, which is never without a sense: 19:00 is no 19 and 00."""
        beside = self._tokens[max(0, at - 1) : at + 2]
        return (
            len(beside) == 3 and beside[1].glued and beside[2].glued and beside[0].text.isdecimal() and beside[2].text.isdecimal()
        )

    def _loose(self, at: int) -> bool:
        return at < len(self._tokens) and not self._tokens[at].glued

    # ---- days

    def _weekdays(self, at: int, said: Said) -> Iterator[tuple[Said, int]]:
        for kind, value, end in self._at(at):
            if kind == "weekday" and said.weekday is None:
                yield said._replace(weekday=value), end
            elif kind == "weekdaypart" and said.weekday is None and said.part is None:
                yield said._replace(weekday=value[0], part=value[1]), end
            elif kind == "tonight" and said.day is None:
                yield said._replace(day=Span(), part=said.part or "tonight"), end
            elif kind in ("next", "this", "last") and said.which is None:
                yield said._replace(which=kind), end
            elif kind == "week" and said.week is None:
                yield said._replace(week=value), end
            elif kind in ("weeks", "weekssuffix") and said.weeks is None:
                yield said._replace(weeks=value), end
            elif kind == "monthof" and said.month is None:
                yield said._replace(month=value), end

    def _days(self, at: int, on_weekday: bool) -> Iterator[tuple[Day | Figures | Span, int]]:
        yield from self._figures(at)
        for kind, value, end in self._at(at):
            if kind == "day":
                yield Span(days=value), end
            elif kind == "month":
                yield from self._month_first(value, end)
            elif kind in ("num", "nth") and 1 <= value <= 31:
                yield from self._day_first(value, at, end, kind == "nth", on_weekday)
            elif kind == "holiday":
                for year, stop in self._years(end):
                    yield Day(year, value // 100, value % 100), stop
            elif kind == "on":
                for number in self._of(end, "num", "nth"):
                    if 1 <= number.value <= 31:
                        yield Day(None, None, number.value), self._suffix(number.end)

    def _figures(self, at: int) -> Iterator[tuple[Day | Figures, int]]:
        start = self._tokens[at].at
        if not self._tokens[at].text.isdecimal():
            return
        if match := _ISO.match(self._text, start):
            yield Day(int(match[1]), int(match[3]), int(match[4])), self._place(match.end())
        elif match := _FULL.match(self._text, start):
            yield Figures(int(match[1]), int(match[3] or match[6]), int(match[4] or match[7])), self._place(match.end())
        elif match := _SHORT.match(self._text, start):
            first, second = int(match[1]), int(match[3])
            # "5-6" may be a range: such a date is 24-12, or has its zero.
            sure = (first > 12 >= second) or "0" in (match[1][0], match[3][0])
            # "1.5" is a number where dates are not written so.
            written = match[2] == "/" or (match[2] == "." and (self._words.lang != "en" or second > 9 or match[0][-1] == "."))
            if sure or written:
                yield Figures(first, second, None), self._place(match.end())

    def _suffix(self, at: int) -> int:
        found = self._of(at, "suffix") if at < len(self._tokens) and self._tokens[at].glued else []
        return found[0].end if found else at

    def _day_first(self, day: int, start: int, end: int, is_nth: bool, on_weekday: bool) -> Iterator[tuple[Day, int]]:
        after = self._suffix(end)
        marked = is_nth or after != end or (after < len(self._tokens) and self._tokens[after].text == ".")
        for month in self._of(self._after(after, "of"), "month"):
            for year, stop in self._years(month.end):
                yield Day(year, month.value, day), stop
        if marked or ((self._wanted == "date" or on_weekday) and self._tokens[start].text.isdecimal()):
            yield Day(None, None, day), after

    def _month_first(self, month: int, at: int) -> Iterator[tuple[Day, int]]:
        for number in self._of(self._after(at, "on"), "num", "nth"):
            if 1 <= number.value <= 31:
                for year, end in self._years(self._suffix(number.end)):
                    yield Day(year, month, number.value), end

    def _years(self, at: int) -> Iterator[tuple[int | None, int]]:
        place = self._after(at, "of")
        if place < len(self._tokens) and len(self._tokens[place].text) == 4 and self._tokens[place].text.isdecimal():
            yield int(self._tokens[place].text), place + 1
        yield None, at

    # ---- distances

    def _span(self, at: int) -> tuple[Span, int] | None:
        """How long from now, or since: "in 3 days", "hace una semana", "2 hours from now"."""
        for kind, _, end in self._at(at):
            if kind == "now":
                return Span(minutes=0), end
            if kind in ("in", "back"):
                found = self._amount(end)
                if found is not None:
                    return (_times(found[0], 1 if kind == "in" else -1), self._closed(found[1], kind))
        found = self._amount(at)
        if found is not None:
            for meaning in self._of(found[1], "ahead", "ago"):
                return _times(found[0], 1 if meaning.kind == "ahead" else -1), meaning.end
        return None

    def _closed(self, at: int, opened: str) -> int:
        """Some say it twice: "in 2 days from now", "há 3 dias atrás"."""
        found = self._of(at, "ahead" if opened == "in" else "ago")
        return found[0].end if found else at

    def _amount(self, at: int) -> tuple[Span, int] | None:
        first = self._one_amount(at)
        if first is None:
            return None
        end = self._after(first[1], "and")
        second = self._one_amount(end) if end < len(self._tokens) else None
        minutes = first[0].minutes
        if second is not None and second[0].minutes is not None and not first[0].months and minutes != 0:
            return Span(0, first[0].days, (minutes or 0) + second[0].minutes), second[1]
        if minutes and not minutes % 60:
            for number in self._of(first[1], "num"):
                if number.value < 60 and self._tokens[first[1]].glued:  # in 1h30
                    return Span(0, 0, minutes + number.value), number.end
        return first

    def _one_amount(self, at: int) -> tuple[Span, int] | None:
        for kind, value, end in self._at(at):
            if kind in ("span", "distance"):
                return Span(minutes=value), end
            if kind in ("num", "one"):
                for unit in self._of(end, "unit"):
                    return _UNITS[unit.value](1 if kind == "one" else value), unit.end
        return None

    # ---- hours

    def _clocks(self, at: int, said: Said) -> Iterator[tuple[Clock, int]]:
        start = self._after(at, "at") if self._of(at, "at") else at
        marked = start != at
        if start >= len(self._tokens):
            return
        yield from self._written(start, marked or said.day is not None)
        for kind, value, end in self._at(start):
            if kind == "clock":
                for behind in self._of(end, "plus", "num"):  # midi et demi
                    yield from self._with_minutes(value // 60, end, behind, True)
                yield Clock(value // 60, value % 60, True), end
            elif kind == "past":
                for hour in self._of(self._after(end, "at"), "num"):
                    yield from self._shifted(hour.value, value, self._after(hour.end, "oclock"))
            elif kind == "num":
                yield from self._from_number(value, start, end, marked)

    def _written(self, at: int, marked: bool) -> Iterator[tuple[Clock, int]]:
        """4:30, 17.30, 17h30; 1730 and 430pm. 19.11 is a date unless something marks it as an hour."""
        token = self._tokens[at]
        if not token.text.isdecimal():
            return
        if match := _CLOCK.match(self._text, token.at):
            hour, minute = int(match[1]), int(match[3])
            end = self._place(match.end())
            marked = marked or match[2] != "." or minute > 12 or minute == 0 or self._wanted == "time"
            marked = marked or bool(self._of(end, "oclock", "part"))
            if marked and hour <= 24 and minute < 60 and (hour < 24 or not minute):
                yield Clock(hour, minute, match[1][0] == "0" or hour > 12), self._oclock(end)
        elif 3 <= len(token.text) <= 4:
            hour, minute = divmod(int(token.text), 100)
            half = any(one.value in ("am", "pm") for one in self._of(at + 1, "part"))
            end = self._oclock(at + 1)
            full = len(token.text) == 4 and hour < 24 and (self._wanted == "time" or end != at + 1)
            if minute < 60 and ((half and 1 <= hour <= 12) or full):
                yield Clock(hour, minute, not half), end

    def _oclock(self, at: int) -> int:
        found = self._of(at, "oclock")
        return found[0].end if found else at

    def _from_number(self, value: int, start: int, end: int, marked: bool) -> Iterator[tuple[Clock, int]]:
        digits = self._tokens[start].text.isdecimal()
        for between in self._of(end, "after", "before"):
            if 0 < value < 60:
                for hour in self._of(self._after(between.end, "at"), "num"):
                    if digits and between.kind == "before" and end + 1 == between.end and self._is_range(value, hour.value):
                        continue
                    minutes = value if between.kind == "after" else -value
                    yield from self._shifted(hour.value, minutes, self._oclock(hour.end))
        if value > 24 or (digits and len(self._tokens[start].text) > 2):
            return
        sure = digits and (self._tokens[start].text[0] == "0" or value > 12)
        after = self._oclock(end)
        for behind in self._of(after, "plus", "and", "less", "num"):
            yield from self._with_minutes(value, after, behind, sure)
        said = marked or after != end or any(one.value in ("am", "pm") for one in self._of(end, "part"))
        if said or not self._of(self._after(end, "of"), "month"):  # "friday 19 nov" says no hour
            yield Clock(value, 0, sure, not said), after

    def _is_range(self, first: int, second: int) -> bool:
        """7 to 8 are two hours, 10 to 3 is one; only English says both with the same word."""
        return self._words.lang == "en" and (first % 5 != 0 or first < second)

    def _with_minutes(self, hour: int, after: int, behind: Meaning, sure: bool) -> Iterator[tuple[Clock, int]]:
        if behind.kind == "plus":
            yield from self._shifted(hour, behind.value, self._oclock(behind.end), sure)
        elif behind.kind == "num":
            token = self._tokens[after].text
            if behind.value < 60 and (len(token) == 2 or not token.isdecimal()):  # "17 Uhr 30", "5 30", not "5 6"
                yield from self._shifted(hour, behind.value, self._minutes(behind.end), sure)
        else:
            for number in self._of(behind.end, "num"):
                if 0 < number.value < 60:
                    minutes = number.value if behind.kind == "and" else -number.value
                    yield from self._shifted(hour, minutes, self._minutes(number.end), sure)

    def _minutes(self, at: int) -> int:
        for unit in self._of(at, "unit"):
            if unit.value == "minute":
                return unit.end
        return at

    @staticmethod
    def _shifted(hour: int, minutes: int, end: int, sure: bool = False) -> Iterator[tuple[Clock, int]]:
        if hour <= 24:
            total = hour * 60 + minutes
            if hour == 1 and total < 60:
                total += 720  # a quarter to one is 12:45
            yield Clock(total // 60 % 24, total % 60, sure or hour > 12 or hour == 0), end


_UNITS: dict[str, Any] = {
    "minute": lambda count: Span(minutes=count),
    "hour": lambda count: Span(minutes=count * 60),
    "day": lambda count: Span(days=count),
    "week": lambda count: Span(days=count * 7),
    "fortnight": lambda count: Span(days=count * 14),
    "month": lambda count: Span(months=count),
    "year": lambda count: Span(months=count * 12),
}


def _times(span: Span, sign: int) -> Span:
    return Span(span.months * sign, span.days * sign, None if span.minutes is None else span.minutes * sign)


def readings(words: Lexicon, raw: str, wanted: str) -> Iterator[Said]:
    """Every way to read this message in this language, the likeliest first."""
    text = plain(raw)
    if text:
        yield from Parser(words, text, wanted).readings()


__all__ = ["Clock", "Day", "Figures", "Parser", "Said", "Span", "Token", "readings"]
