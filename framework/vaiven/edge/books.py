"""What a booking bot's books say, as the business looks at them, and words to them. A book is at home at
``res:<bot>/tables/<place>/<date>``; what it keeps is told in docs/bots/booking.md.
"""

import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, Self
from zoneinfo import ZoneInfo

from vaiven.edge.actions import load_registry
from vaiven.edge.ics import Entry
from vaiven.edge.settings import BotSettings
from vaiven.model.calls import ReplyTo
from vaiven.model.contacts import Contact
from vaiven.model.effects import Tell
from vaiven.model.errors import SettingsError
from vaiven.model.events import Event, Happened
from vaiven.model.urns import Urn, partition_of, resource_home
from vaiven.runtime.resources import About, Resources
from vaiven.stores.contract import Store

TABLES = "tables"
TELL = "tell"
BOOKED = "booked"


@dataclass(frozen=True, slots=True)
class Booking:
    """One claim of a book, by the clocks of the business. ``state``: ``booked``, ``held`` or ``offered``. ``day`` is the date of
    its book: the one before, where a house is open past midnight.
    """

    code: str
    state: str
    place: str
    day: date
    at: datetime
    ends: datetime
    people: int
    name: str
    guest: str
    channel: str
    zone: str

    @property
    def told(self) -> dict[str, Any]:
        local = self.at.replace(tzinfo=None).isoformat(timespec="minutes")
        start = self.at.astimezone(UTC).isoformat(timespec="minutes").replace("+00:00", "Z")
        fields = ("code", "state", "place", "people", "name", "guest", "channel", "zone")
        return {"at": local, "start": start, **{name: getattr(self, name) for name in fields}}


@dataclass(frozen=True, slots=True)
class Book:
    """One place on one date. ``waits``: how many wait; ``blocked`` are local times."""

    place: str
    day: date
    bookings: tuple[Booking, ...]
    waits: int
    blocked: tuple[str, ...]

    def from_now(self, now: datetime) -> Self | None:
        """Only what is not over; None: it all is."""
        left = tuple(each for each in self.bookings if each.ends > now)
        return replace(self, bookings=left, waits=0, blocked=()) if left else None


class Books:
    """The books of a bot, as it is set: which places it has, and its clocks.

    Raises:
        SettingsError: it has no places, so it is no booking bot.
    """

    def __init__(self, settings: BotSettings) -> None:
        places = settings.params.get("places")
        found = [each for each in places if isinstance(each, Mapping) and "id" in each] if isinstance(places, list) else []
        if not found:
            raise SettingsError(
                [f"{settings.file}: this bot takes no bookings: params.places has no place. See docs/bots/booking.md"]
            )
        self.bot = settings.bot
        self.places = {str(each["id"]): str(each.get("label", each["id"])) for each in found}
        self.zone = ZoneInfo(settings.zone)
        self.api = settings.params.get("api") or ""
        about = About(settings.bot, self.zone, settings.params, settings.hours)
        self._resources = Resources(load_registry(settings.file).resources, about)

    def home(self, place: str, day: date) -> Urn:
        return resource_home(self.bot, TABLES, f"{place}/{day.isoformat()}")

    def today(self, now: datetime) -> date:
        return now.astimezone(self.zone).date()

    async def day_of(self, store: Store, place: str, at: datetime) -> tuple[date | None, list[str]]:
        """The date of the book that offers this local time: its own, or the one before, which is open past midnight; None: none
        does. And the times of its own date, as the clocks show them.
        """
        days = (at.date(), at.date() - timedelta(days=1))
        states = await store.load([self.home(place, day) for day in days])
        times = [self._times(place, day, state.contact) for day, state in zip(days, states, strict=True)]
        found = next((day for day, slots in zip(days, times, strict=True) if self.slot(at) in slots), None)
        return found, [datetime.fromisoformat(slot).astimezone(self.zone).strftime("%H:%M") for slot in times[0]]

    async def has_hours(self, store: Store, said: Sequence[tuple[Urn, str, Mapping[str, Any]]]) -> list[bool]:
        """Of each of these words about hours, whether its book has heard it."""
        states = await store.load([home for home, _, _ in said])
        books = (state.contact.vars.get("state", {}) for state in states)
        return [book.get("spans") == data["spans"] for book, (_, _, data) in zip(books, said, strict=True)]

    def _times(self, place: str, day: date, book: Contact) -> list[str]:
        """What the book itself says, asked here and not where it lives: to look at it must not change it."""
        home = self.home(place, day)
        asker = ReplyTo(home, "", "desk", "", 0)
        asked = Event("desk", home, 0, "", 0, Happened("times", session="desk", answer_to=asker))
        _, told = self._resources.step(book, asked, 0)
        return next((list(each.data.get("slots", ())) for each in told if isinstance(each, Tell)), [])

    def slot(self, at: datetime) -> str:
        """How a book names this local time: by its instant."""
        return at.replace(tzinfo=self.zone).astimezone(UTC).isoformat(timespec="minutes").replace("+00:00", "Z")

    async def read(self, store: Store, places: Sequence[str], begin: date, days: int) -> list[Book]:
        """The books of these places and dates in which something stands, in order of time."""
        wanted = [(place, begin + timedelta(days=more)) for more in range(days) for place in places]
        states = await store.load([self.home(place, day) for place, day in wanted])
        pairs = zip(wanted, (state.contact.vars.get("state", {}) for state in states), strict=True)
        return [self._book(place, day, state) for (place, day), state in pairs if state]

    def _book(self, place: str, day: date, state: Mapping[str, Any]) -> Book:
        bookings = sorted(
            (self._booking(place, day, each) for each in state.get("claims", {}).values()), key=lambda each: (each.at, each.code)
        )
        blocked = (datetime.fromisoformat(slot).astimezone(self.zone).strftime("%H:%M") for slot in state.get("blocked", []))
        return Book(place, day, tuple(bookings), len(state.get("waits", [])), tuple(blocked))

    def _booking(self, place: str, day: date, claim: Mapping[str, Any]) -> Booking:
        zone = ZoneInfo(claim["zone"])
        at, ends = (datetime.fromtimestamp(claim[key] / 1000, UTC).astimezone(zone) for key in ("start_ms", "end_ms"))
        own = (claim[key] for key in ("people", "name", "home", "channel", "zone"))
        return Booking(claim["code"], claim["state"], place, day, at, ends, *own)

    def entry(self, booking: Booking, with_names: bool) -> Entry:
        """A booking as an event of a calendar; who it is only where that is asked for."""
        people = f"{booking.people} {'person' if booking.people == 1 else 'people'}"
        summary = f"{booking.name}, {people}" if with_names and booking.name else people
        about = f"Code {booking.code}" + (f"\n{booking.guest}" if with_names else "")
        place, is_sure = self.places.get(booking.place, booking.place), booking.state == BOOKED
        return Entry(f"{booking.code}-{booking.at:%Y%m%d}@{self.bot}", booking.at, booking.ends, summary, place, about, is_sure)


def words(said: Iterable[tuple[Urn, str, Mapping[str, Any]]]) -> list[dict[str, Any]]:
    """What the business says to books, as it is asked of the process that serves; each has an id, so that it is heard once."""
    return [{"id": f"desk:{secrets.token_hex(8)}", "home": home, "name": name, "data": dict(data)} for home, name, data in said]


async def tell(store: Store, bot: str, told: Sequence[Mapping[str, Any]], now_ms: int) -> int:
    """Say it to them, durably; how many words that were. They count as soon as a process of the bot turns them.

    Raises:
        StoreUnavailable: it may not be stored.
        ValueError: one is for something else than a resource of this bot.
    """
    await store.accept([_event(store, bot, each, now_ms) for each in told])
    return len(told)


def _event(store: Store, bot: str, told: Mapping[str, Any], now_ms: int) -> Event:
    home = Urn(str(told["home"]))
    if not home.startswith(resource_home(bot, TABLES, "")):
        raise ValueError(home)
    happened = Happened(str(told["name"]), dict(told["data"]))
    return Event(str(told["id"]), home, partition_of(home, store.partitions), "", now_ms, happened)


def all_of(books: Iterable[Book]) -> Iterator[Booking]:
    for book in books:
        yield from book.bookings
