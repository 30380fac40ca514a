"""``vaiven bookings``: what stands in the books of a booking bot: to look at, to cancel, to block, to export; and its hours."""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any

import click

from vaiven.edge.cli import FINDINGS
from vaiven.edge.cli.options import of_a_store, table
from vaiven.edge.plain import plain

if TYPE_CHECKING:
    from vaiven.edge.books import Book, Booking, Books

DAYS = 14
FAR = 400
"""A booking may be so many days ahead."""
YEARS = range(2000, 2200)
PATIENCE_S = 3.0
"""So long we look whether what was asked has been done."""
HEADS = ("code", "at", "people", "name", "place", "state", "guest")


def _day(_: click.Context, __: click.Parameter, value: str | None) -> date | None:
    try:
        found = None if value is None else date.fromisoformat(value)
    except ValueError:
        found = date.min
    if found is not None and found.year not in YEARS:
        raise click.BadParameter(f"{value!r} is no date of a booking: write it as 2026-12-24")
    return found


def _time(_: click.Context, __: click.Parameter, value: str) -> datetime:
    try:
        found = datetime.fromisoformat(value)
        if found.tzinfo is None and "T" in value and found.year in YEARS:
            return found
    except ValueError:
        pass
    raise click.BadParameter(f"{value!r} is no time of the house: write it as 2026-12-24T20:30")


def _of_days(command: Callable[..., Any]) -> Callable[..., Any]:
    command = click.option("--place", help="Only this place; all, unless given.")(command)
    command = click.option("--days", type=click.IntRange(1, FAR), default=DAYS, show_default=True, help="So many days.")(command)
    return click.option("--from", "begin", callback=_day, metavar="DATE", help="From this date on; today, unless given.")(command)


@click.group(short_help="Bookings: list, show, cancel, block, unblock, export, hours.")
def bookings() -> None:
    """Bookings that a booking bot has taken in its own books. Times are by the clocks of the house.

    These work while the bot serves. What is told to a book while nobody does counts as soon as it serves again.
    """


@bookings.command("list", short_help="What is booked, in order of time.")
@click.option("--all", "every", is_flag=True, help="What is only held or offered, too.")
@_of_days
@of_a_store
def list_bookings(
    every: bool, begin: date | None, days: int, place: str | None, bot: Path, store: str | None, as_json: bool
) -> int:
    """What is booked, in order of time; and how many wait for a day, and which times are blocked. Without --from, what has begun
    in the night and is not over is there, too.
    """
    found = _from_now(bot, store, days, place) if begin is None else _read(bot, store, begin, days, place)[1]
    rows = [each for each in _every(found) if every or each.state == "booked"]
    if as_json:
        days_told = [
            {"place": each.place, "day": str(each.day), "waiting": each.waits, "blocked": list(each.blocked)} for each in found
        ]
        click.echo(json.dumps({"bookings": [each.told for each in rows], "days": days_told}, indent=2, ensure_ascii=False))
        return 0
    cells = [tuple(each.told[key] for key in HEADS) for each in rows]
    click.echo(table(HEADS, [tuple(plain(str(cell)) for cell in row) for row in cells]) if cells else "No bookings.")
    for each in found:
        if each.waits:
            click.echo(f"{each.day} {each.place}: {each.waits} on the wait list")
        if each.blocked:
            click.echo(f"{each.day} {each.place}: blocked at {', '.join(each.blocked)}")
    return 0


@bookings.command(short_help="One booking, whole.")
@click.argument("code")
@of_a_store
def show(code: str, bot: Path, store: str | None, as_json: bool) -> int:
    """The booking CODE with everything that is known of it. Exit code 1: there is none."""
    found = _find(bot, store, code)
    if found is None:
        return _none(code)
    if as_json:
        click.echo(json.dumps(found.told, indent=2, ensure_ascii=False))
    else:
        click.echo("\n".join(f"{key}: {plain(str(value))}" for key, value in found.told.items()))
    return 0


@bookings.command(short_help="Cancel one; the guest is told.")
@click.argument("code")
@of_a_store
def cancel(code: str, bot: Path, store: str | None, as_json: bool) -> int:
    """Cancel the booking CODE. The guest is told, and who waits for that day is offered the table. Exit code 1: there is none."""
    found = _find(bot, store, code)
    if found is None:
        return _none(code)
    home = _books(bot).home(found.place, found.day)
    _tell(bot, store, [(home, "cancel", {"code": found.code})])
    done = _until(lambda: _find(bot, store, code) is None)
    return _said(as_json, {"code": found.code}, done, f"{found.code} is cancelled, and the guest is told.")


@bookings.command(short_help="Keep a time for the house.")
@click.argument("at", callback=_time)
@click.option("--place", help="Where; needed if there are several places.")
@of_a_store
def block(at: datetime, place: str | None, bot: Path, store: str | None, as_json: bool) -> int:
    """Offer the time AT, such as 2026-12-24T20:30, to nobody any more. What is booked then stays."""
    return _block("block", at, place, bot, store, as_json)


@bookings.command(short_help="Offer a time again.")
@click.argument("at", callback=_time)
@click.option("--place", help="Where; needed if there are several places.")
@of_a_store
def unblock(at: datetime, place: str | None, bot: Path, store: str | None, as_json: bool) -> int:
    """Offer the time AT again; whoever waits for that day is asked first."""
    return _block("unblock", at, place, bot, store, as_json)


def _block(word: str, at: datetime, place: str | None, bot: Path, url: str | None, as_json: bool) -> int:
    from vaiven.edge.cli.opening import looked

    books = _books(bot)
    where = _place(books, place)
    day, times = looked(bot, url, lambda store: books.day_of(store, where, at))
    if day is None or books.slot(at) <= books.slot(datetime.now(books.zone).replace(tzinfo=None)):
        of_it = f"Times of that date: {', '.join(times)}." if times else "That date has none."
        raise click.UsageError(f"{at:%Y-%m-%d %H:%M} is no time to come in {where}. {of_it}")
    _tell(bot, url, [(books.home(where, day), word, {"slot": books.slot(at)})])

    def is_so() -> bool:
        _, found = _read(bot, url, day, 1, where)
        return (f"{at:%H:%M}" in [each for book in found for each in book.blocked]) is (word == "block")

    return _said(
        as_json, {"place": where, "at": f"{at:%Y-%m-%dT%H:%M}"}, _until(is_so), f"{at:%Y-%m-%d %H:%M} in {where} is {word}ed."
    )


@bookings.command(short_help="The bookings as iCalendar.")
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="Into this file; else standard output.")
@click.option("--names", is_flag=True, help="With names and addresses of guests: keep it to yourselves.")
@click.option("--all", "every", is_flag=True, help="What is only held or offered, too, as tentative.")
@_of_days
@of_a_store
def export(
    output: Path | None,
    names: bool,
    every: bool,
    begin: date | None,
    days: int,
    place: str | None,
    bot: Path,
    store: str | None,
    as_json: bool,
) -> int:
    """The bookings as a calendar (iCalendar, RFC 5545) that any calendar program reads."""
    from vaiven.edge.ics import calendar

    books, found = _read(bot, store, begin, days, place)
    entries = [books.entry(each, names) for each in _every(found) if every or each.state == "booked"]
    written = calendar(books.bot, entries, datetime.now(UTC)).encode("utf-8", "replace")
    if output is None:
        click.echo(written, nl=False)
        return 0
    try:
        output.write_bytes(written)
    except OSError as error:
        raise click.UsageError(f"{output} cannot be written: {error.strerror}.") from None
    click.echo(
        json.dumps({"bookings": len(entries), "file": str(output)}) if as_json else f"{len(entries)} bookings in {output}.",
        err=not as_json,
    )
    return 0


@bookings.command(short_help="Opening hours from a file.")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False), required=False)
@click.option("--reset", is_flag=True, help="Without FILE: back to the hours of bot.yaml.")
@click.option("--dry-run", is_flag=True, help="Only tell what it says.")
@click.option("--days", type=click.IntRange(1, FAR), default=366, show_default=True, help="For so many days from today on.")
@click.option("--place", help="Only of this place; of all, unless given.")
@of_a_store
def hours(
    file: Path | None, reset: bool, dry_run: bool, days: int, place: str | None, bot: Path, store: str | None, as_json: bool
) -> int:
    """Take opening hours from FILE, a calendar (.ics) or a table (.csv with days,opens,closes). They go before those of bot.yaml
    on each date that the file speaks of. What is booked stays. Exit code 1: the file is wrong; nothing was taken.
    """
    from vaiven.edge.opening_files import spans_by_date

    if (file is None) is not reset:
        raise click.UsageError("FILE, or --reset: one of the two.")
    books = _books(bot)
    begin = books.today(datetime.now(UTC))
    places = list(books.places) if place is None else [_place(books, place)]
    if file is None:
        dates = [begin + timedelta(days=more) for more in range(days)]
        done = dry_run or _take(bot, store, books, places, dict.fromkeys(dates))
        text = f"{days} days {'would have' if dry_run else 'have'} the hours of bot.yaml again, for {', '.join(places)}."
        return _said(as_json, {"places": places, "days": days, "taken": not dry_run}, done, text)
    try:
        is_calendar = file.suffix.lower() in (".ics", ".ical")
        found = spans_by_date(file.read_bytes().decode("utf-8-sig"), is_calendar, begin, begin + timedelta(days=days), books.zone)
    except ValueError as error:
        why = "it is not UTF-8" if isinstance(error, UnicodeDecodeError) else str(error)
        click.echo(f"{file}: {why}. Nothing was taken.", err=True)
        return FINDINGS
    done = dry_run or not found or _take(bot, store, books, places, found)
    told = {
        str(day): ", ".join(f"{_clock(opens)}-{_clock(closes)}" for opens, closes in spans)
        for day, spans in sorted(found.items())
    }
    if as_json:
        click.echo(json.dumps({"places": places, "days": told, "taken": not dry_run, "done": done and not dry_run}, indent=2))
        return 0
    for day, spans_told in told.items() if dry_run else ():
        click.echo(f"{day} {spans_told or 'closed'}")
    taken = f"{len(told)} days{', of which nothing was taken' if dry_run else ' are taken'} for {', '.join(places)}."
    click.echo(taken if done else "They are stored, and will be taken when the bot serves.")
    return 0


def _take(
    bot: Path, url: str | None, books: "Books", places: Sequence[str], spans: "Mapping[date, list[list[int]] | None]"
) -> bool:
    """Tell the books their hours (None: those of bot.yaml); whether the last of them has heard it while we look."""
    from vaiven.edge.cli.opening import looked

    said = [(books.home(each, day), "hours", {"spans": of_day}) for day, of_day in sorted(spans.items()) for each in places]
    _tell(bot, url, said)
    return _until(lambda: all(looked(bot, url, lambda store: books.has_hours(store, said))))


# -- what they have in common ----------------------------------------------------------------------------------------------


def _books(bot: Path) -> "Books":
    from vaiven.edge.books import Books
    from vaiven.edge.settings import read_settings
    from vaiven.model.errors import SettingsError

    settings, problems = read_settings(bot)
    if settings is None:
        raise SettingsError([str(problem) for problem in problems])
    return Books(settings)


def _place(books: "Books", place: str | None) -> str:
    if place is None and len(books.places) == 1:
        return next(iter(books.places))
    if place is None or place not in books.places:
        raise click.UsageError(f"Which place? --place, one of: {', '.join(books.places)}")
    return place


def _read(bot: Path, url: str | None, begin: date | None, days: int, place: str | None) -> "tuple[Books, list[Book]]":
    from vaiven.edge.cli.opening import looked

    books = _books(bot)
    places = list(books.places) if place is None else [_place(books, place)]
    first = begin or books.today(datetime.now(UTC))
    found = looked(bot, url, lambda store: books.read(store, places, first, days))
    if books.api:
        click.echo(f"note: guests are booked by {books.api}; these are the bot's own books.", err=True)
    return books, found


def _from_now(bot: Path, url: str | None, days: int, place: str | None) -> "list[Book]":
    """The books from today on; and of yesterday's, in a house that is open past midnight, what is not over."""
    now = datetime.now(UTC)
    today = _books(bot).today(now)
    _, found = _read(bot, url, today - timedelta(days=1), days + 1, place)
    return [book for each in found if (book := each if each.day >= today else each.from_now(now)) is not None]


def _every(found: "Sequence[Book]") -> "list[Booking]":
    from vaiven.edge.books import all_of

    return sorted(all_of(found), key=lambda each: (each.at, each.place, each.code))


def _find(bot: Path, url: str | None, code: str) -> "Booking | None":
    from vaiven.edge.cli.opening import looked

    books = _books(bot)
    begin = books.today(datetime.now(UTC)) - timedelta(days=1)
    found = looked(bot, url, lambda store: books.read(store, list(books.places), begin, FAR))
    return next((each for each in _every(found) if each.code == code.upper()), None)


def _none(code: str) -> int:
    click.echo(f"no booking {code} from yesterday on. `vaiven bookings list --all` tells which there are.", err=True)
    return FINDINGS


def _tell(bot: Path, url: str | None, said: Sequence[tuple[Any, str, dict[str, Any]]]) -> None:
    from vaiven.edge import books
    from vaiven.edge.cli.opening import acted, find

    told, name = books.words(said), find(bot, url).bot
    acted(bot, url, books.TELL, lambda store: _own(store, name, told), words=told)


async def _own(store: Any, name: str, told: Sequence[dict[str, Any]]) -> int:
    from vaiven.edge.books import tell

    return await tell(store, name, told, await store.now_ms())


def _until(holds: Callable[[], bool]) -> bool:
    """Whether it comes to hold while we look: somebody serves, and has heard it."""
    begun = monotonic()
    while not holds():
        if monotonic() - begun > PATIENCE_S:
            return False
        sleep(0.1)
    return True


def _said(as_json: bool, told: dict[str, Any], done: bool, text: str) -> int:
    if as_json:
        click.echo(json.dumps({**told, "done": done}))
    else:
        click.echo(text if done else "It is stored, and will be done when the bot serves.")
    return 0


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02d}:{minutes % 60:02d}"
