"""The whole bot where the house has a booking system of its own: over a real socket, with answers lost and the system down."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from vaiven.testing.bookings import FakeBookings

ANA, BEA = "+12025550111", "+12025550112"
TO_CONFIRM = ("book", "4", "today", "20:00", "Ana")
TIMES = {"2026-11-27": ["20:00", "20:30"], "2026-11-28": ["20:00"]}


class Careless(FakeBookings):
    """One that may say of what it holds that it is at no time. ``wrong``: what it says instead, if anything."""

    wrong: tuple[Any, ...] = ()

    def _hold(self, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        status, told = super()._hold(body)
        return status, {**told, "at": self.wrong[0]} if self.wrong else told


@pytest.fixture
async def system() -> AsyncIterator[Careless]:
    async with Careless(TIMES) as made:
        yield made


@pytest.fixture
async def house(make_house: Any, system: FakeBookings) -> Any:
    return await make_house({"api": system.url}, calls={"allow": [system.host]})


async def test_booked_changed_and_cancelled(house: Any, system: FakeBookings) -> None:
    heard = await house.say(ANA, *TO_CONFIRM, "yes")
    assert heard[-1] == "Booked at Casa Vaivén: 27 November 2026 at 20:00. Your code is K1."
    assert system.booked == {"K1": "Ana"}
    heard = await house.say(ANA, "change", "1", "4", "tomorrow", "20:00", "yes")
    assert heard[-1] == "Booked at Casa Vaivén: 28 November 2026 at 20:00. Your code is K2."
    assert system.booked == {"K2": "Ana"}, "the old one went when the new one stood"
    heard = await house.say(ANA, "cancellation", "1")
    assert heard[-1].startswith("Cancelled: 28 November 2026 at 20:00.")
    assert system.claims == {}
    assert await house.claims() == {}, "the bot's own books are not asked"


async def test_b1_the_one_who_comes_second_is_offered_the_next(house: Any, system: FakeBookings) -> None:
    await house.say(ANA, "book", "4", "today")
    await house.say(BEA, "book", "4", "today", "20:00")
    heard = await house.say(ANA, "20:00")
    assert heard[0] == "That time has just gone."
    assert "20:30" in heard[1]
    assert "20:00" not in heard[1]


async def test_b2_too_late_is_offered_anew_and_a_full_day_another(house: Any, system: FakeBookings) -> None:
    await house.say(ANA, *TO_CONFIRM)
    system.expire()
    assert await house.say(ANA, "yes") == [
        "That time has just gone.",
        "Everything is taken on 27 November 2026.",
        "Which day?",
    ]
    assert system.claims == {}


async def test_b3_an_answer_that_is_lost_books_once_and_is_told_once(house: Any, system: FakeBookings) -> None:
    await house.say(ANA, *TO_CONFIRM)
    system.lose = 1
    await house.say(ANA, "yes")
    for _ in range(5):
        await house.wait(0.2)
    assert system.booked == {"K1": "Ana"}
    assert [text for text in await house.heard(ANA) if text.startswith("Booked")] == [
        "Booked at Casa Vaivén: 27 November 2026 at 20:00. Your code is K1."
    ]
    assert system.asked.count(("POST", "/bookings")) == 2


async def test_b3_what_cannot_be_told_is_undone(house: Any, system: FakeBookings) -> None:
    await house.say(ANA, *TO_CONFIRM)
    system.lose = 6  # it is done, and none of the six tries hears so
    await house.say(ANA, "yes")
    for _ in range(40):
        await house.wait(0.6)
    assert (await house.heard(ANA))[-1].startswith("Sorry, I cannot do that just now.")
    assert system.claims == {}


async def test_down_is_told(house: Any, system: FakeBookings) -> None:
    system.down = True
    await house.say(ANA, "book", "4", "today")
    for _ in range(10):
        await house.wait(0.6)
    assert (await house.heard(ANA))[-1].startswith("Sorry, I cannot do that just now.")


async def test_a_booking_is_only_its_guests(system: FakeBookings, house: Any) -> None:
    await house.say(ANA, *TO_CONFIRM, "yes")
    assert await house.say(BEA, "cancellation") == ["You have no booking. Text BOOK to make one."]


@pytest.mark.parametrize("at", ["tomorrow night", None, 5, "2026-11-27"])
async def test_a_hold_at_a_time_that_is_none_is_let_go_and_the_guest_told(
    house: Any, system: Careless, caplog: pytest.LogCaptureFixture, at: Any
) -> None:
    await house.say(ANA, "book", "4", "today")
    system.wrong = (at,)
    assert await house.say(ANA, "20:00") == ["Sorry, I cannot do that just now. Please try again in a few minutes."]
    assert system.claims == {}
    assert "the booking system at params.api answered" in caplog.text
    system.wrong = ()
    assert (await house.say(ANA, *TO_CONFIRM, "yes"))[-1].startswith("Booked at")
