"""Which day of the calendar was said."""

from calendar import monthrange
from datetime import date, timedelta

from vaiven.flow.types.grammar import Day, Figures, Said, Span

# English where 03/04 is the fourth of March.
_MONTH_FIRST = frozenset(("US", "CA", "PH", "PR", "GU", "VI", "AS", "MP", "FM", "PW", "MH", "BZ"))
# Where "next friday", said on a Monday, is mostly the one of next week; elsewhere it is the one that comes.
_NEXT_IS_NEXT_WEEK = frozenset({"en", "de", "fr"})
_FAR = 183

Found = tuple[date, tuple[str, ...]]


def day_of(said: Said, today: date, prefer: str, lang: str, country: str | None) -> Found | None:
    """The day, and what was assumed. None where nothing says one, or two things contradict each other."""
    try:
        return _day_of(said, today, prefer, lang, country)
    except (ValueError, OverflowError):  # the 31st of June, the year 12026
        return None


def _day_of(said: Said, today: date, prefer: str, lang: str, country: str | None) -> Found | None:
    day = said.day
    if day is None:
        return _weekday(said, today, prefer, lang)
    if said.weeks is not None or (said.month is not None and not _only_day(day)):
        return None
    found: Found
    if isinstance(day, Span):
        found = _months_later(today, day.months) + timedelta(days=day.days), ()
    elif isinstance(day, Figures):
        found = _figures(day, today, prefer, _month_first(lang, country))
    elif day.month is not None:
        found = _named(day.year, day.month, day.day, today, prefer)
    elif said.month is not None:
        first = _months_later(today.replace(day=1), said.month)
        found = first.replace(day=day.day), ()
    else:
        found = _bare(day.day, today, prefer), ("month",) if said.weekday is None else ()
    return found if _agrees(said, found[0], today) else None


def _only_day(day: Day | Figures | Span) -> bool:
    return isinstance(day, Day) and day.month is None


def _agrees(said: Said, found: date, today: date) -> bool:
    """Friday 24 December is a Friday, and what is called next or last is that."""
    if said.weekday is not None and found.weekday() != said.weekday:
        return False
    if said.weekday is None and said.which is not None:
        return said.which == "this" and said.part is not None and found == today
    if said.which == "last":
        return found < today
    monday = today - timedelta(days=today.weekday())
    return said.week is None or 0 <= (found - monday).days - 7 * said.week < 7


def _months_later(day: date, months: int) -> date:
    if not months:
        return day
    place = day.year * 12 + day.month - 1 + months
    year, month = place // 12, place % 12 + 1
    return date(year, month, min(day.day, monthrange(year, month)[1]))


# ---- weekdays


def _weekday(said: Said, today: date, prefer: str, lang: str) -> Found | None:
    if said.weekday is None:
        only_today = said.which == "this" and said.part is not None and said.week is None
        return (today, ()) if only_today and said.weeks is None and said.month is None else None
    if said.month is not None:
        return None
    ahead = (said.weekday - today.weekday()) % 7
    if said.week is not None:
        if said.which is not None or said.weeks is not None:
            return None
        return today + timedelta(days=said.weekday - today.weekday() + 7 * said.week), ()
    if said.weeks is not None:
        return (today + timedelta(days=(ahead or 7) + 7 * said.weeks), ()) if said.which is None else None
    if said.which == "last" or (said.which is None and prefer == "past"):
        return today + timedelta(days=ahead - 7), ()
    if said.which == "this":
        return today + timedelta(days=ahead), ()
    if said.which == "next":
        return _next(said.weekday, ahead, today, lang)
    return today + timedelta(days=ahead or 7), () if ahead else ("week",)


def _next(weekday: int, ahead: int, today: date, lang: str) -> Found:
    """Two days can be meant where the coming one is still in this week."""
    if not ahead:
        return today + timedelta(days=7), ()
    if weekday < today.weekday():
        return today + timedelta(days=ahead), ()
    later = 7 if lang.partition("-")[0].lower() in _NEXT_IS_NEXT_WEEK else 0
    return today + timedelta(days=ahead + later), ("week",)


# ---- days of the calendar


def _month_first(lang: str, country: str | None) -> bool:
    language, *rest = lang.replace("_", "-").split("-")
    region = next((part.upper() for part in rest if len(part) == 2), country)
    return language.lower() == "en" and region is not None and region.upper() in _MONTH_FIRST


def _figures(said: Figures, today: date, prefer: str, month_first: bool) -> Found:
    day, month = (said.second, said.first) if month_first else (said.first, said.second)
    assumed: tuple[str, ...] = ()
    if month > 12:
        day, month = month, day
    elif day <= 12 and day != month:
        assumed = ("month-first",) if month_first else ("day-first",)
    year = said.year
    if year is not None and year < 100:
        year = _century(year, today, prefer)
        assumed = (*assumed, "century") if abs(year - today.year) > 20 else assumed
    found, more = _named(year, month, day, today, prefer)
    return found, (*assumed, *more)


def _century(year: int, today: date, prefer: str) -> int:
    """The year nearest to today that ends so; one that lies behind where the past is preferred."""
    found = today.year - today.year % 100 + year
    if prefer == "past":
        return found if found <= today.year else found - 100
    return found if found < today.year + 50 else found - 100


def _named(year: int | None, month: int, day: int, today: date, prefer: str) -> Found:
    if year is not None:
        return date(year, month, day), ()
    step = -1 if prefer == "past" else 1
    for nearby in range(today.year, today.year + 9 * step, step):
        if day > monthrange(nearby, month)[1]:
            continue  # a 29 February
        found = date(nearby, month, day)
        if (found - today).days * step >= 0:
            return found, ("year",) if abs((found - today).days) > _FAR else ()
    raise ValueError("no such day")


def _bare(day: int, today: date, prefer: str) -> date:
    step = -1 if prefer == "past" else 1
    first = today.replace(day=1)
    for months in range(12):
        month = _months_later(first, months * step)
        if day <= monthrange(month.year, month.month)[1] and (month.replace(day=day) - today).days * step >= 0:
            return month.replace(day=day)
    raise ValueError("no such day")
