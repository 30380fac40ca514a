"""What a booking bot's books hold, as its board shows it: when, for how many, and not for whom."""

from datetime import UTC, datetime
from typing import Any

from vaiven.edge.books import Book, Booking, Books
from vaiven.edge.settings import BotSettings
from vaiven.model.errors import SettingsError
from vaiven.stores.contract import Store

DAYS = 14
"""So many are shown, from today on."""


def books_of(settings: BotSettings) -> Books | None:
    """The bot's own books; None if it takes no bookings, or another system keeps them."""
    try:
        books = Books(settings)
    except SettingsError:
        return None
    return None if books.api else books


async def summary(books: Books, store: Store, now_ms: int) -> dict[str, Any]:
    """Every date and place in which something stands, in order of time. Times are by the clocks of the house."""
    begin = books.today(datetime.fromtimestamp(now_ms / 1000, UTC))
    found = await books.read(store, list(books.places), begin, DAYS)
    return {"zone": books.zone.key, "days": [_day(books, book) for book in found]}


def _day(books: Books, book: Book) -> dict[str, Any]:
    return {
        "day": str(book.day),
        "place": books.places.get(book.place, book.place),
        "bookings": [_booking(each) for each in book.bookings],
        "waiting": book.waits,
        "blocked": list(book.blocked),
    }


def _booking(booking: Booking) -> dict[str, Any]:
    times = {"at": f"{booking.at:%H:%M}", "ends": f"{booking.ends:%H:%M}"}
    return {"code": booking.code, "state": booking.state, "people": booking.people, **times}
