"""The whole bot on SQLite and on Redis: people who book, change, cancel and wait, and the invariants B1 to B6 at its doors."""

import asyncio
import time
from collections import Counter
from datetime import date, datetime, timedelta
from datetime import time as clock_time
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from vaiven.model.calls import TELLS
from vaiven.model.effects import Send
from vaiven.model.errors import StoreUnavailable
from vaiven.model.events import Happened
from vaiven.model.urns import resource_home, urn
from vaiven.testing.numbers import north_american

ANA, BEA, CLEO = "+12025550111", "+12025550112", "+12025550113"
TO_CONFIRM = ("book", "4", "today", "20:00", "Ana")
ROOM = {"id": "room", "label": "Dining room", "seats": 4}
EVENING = {"open": {"mon-sun": "20:00-22:00"}}
ONE_TABLE = {"params": {"places": [ROOM]}, "hours": {"open": {"mon-sun": "20:00-21:00"}}}
BOUND_S = 20


async def test_booking_a_table(make_house: Any) -> None:
    house = await make_house()
    heard = await house.say(ANA, *TO_CONFIRM, "yes")
    ((code, claim),) = (await house.claims()).items()
    assert heard[-2:] == [
        "4 people, 27 November 2026 at 20:00, Ana. Shall I book it?",
        f"Booked at Casa Vaivén: 27 November 2026 at 20:00. Your code is {code}.",
    ]
    assert (claim["name"], claim["state"]) == ("Ana", "booked")


async def test_b1_a_thousand_race_for_one_slot(make_house: Any) -> None:
    """One holds it; every other hears so, and of the times that are still free. Nobody hears twice, nobody nothing."""
    house = await make_house({"places": [ROOM], "lasts": 30, "last": 30}, hours=EVENING)
    racers = [north_american(at) for at in range(100, 1100)]
    began = time.monotonic()
    for text in ("book", "4", "today", "20:00"):
        await asyncio.gather(*(house.write(number, text) for number in racers))
        await house.rest()
    took_s = time.monotonic() - began
    heard = [await house.heard(number) for number in racers]
    assert Counter(texts[3].partition("\n")[0] for texts in heard) == {"And the name?": 1, "That time has just gone.": 999}
    offered = [texts[4] for texts in heard if len(texts) == 5]
    assert len(offered) == 999
    assert all("20:30" in text and "20:00" not in text for text in offered)
    assert len(await house.claims()) == 1
    assert took_s < BOUND_S


async def test_b2_who_confirms_after_it_expired_is_offered_anew(make_house: Any) -> None:
    house = await make_house()
    await house.say(ANA, *TO_CONFIRM)
    await house.wait(11)
    assert await house.claims() == {}
    heard = await house.say(ANA, "yes")
    assert heard[0] == "I could not hold that table any longer."
    assert "Which time?" in heard[1]
    assert await house.claims() == {}
    heard = await house.say(ANA, "20:00", "yes")
    assert heard[-1].startswith("Booked at")


async def test_b3_booked_is_said_by_the_turn_that_hears_of_the_claim_and_enqueued_with_it(make_house: Any) -> None:
    house = await make_house()
    await house.say(ANA, *TO_CONFIRM, "yes")
    saying = [
        record
        async for record in house.store.history(urn("tel", ANA))
        if any(isinstance(each, Send) and each.text.startswith("Booked") for each in record.effects)
    ]
    (record,) = saying
    assert isinstance(record.event.body, Happened)
    assert record.event.body.name == "booked"
    assert record.event.body.sender == resource_home("booking", "tables", "room/2026-11-27")


async def test_b3_what_the_guest_was_told_that_it_cannot_be_is_undone(make_house: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """No word gets to any book for so long that the session gives up. Then they all come, late, and nothing of it stands."""
    house = await make_house()
    await house.say(ANA, *TO_CONFIRM)
    errand = house.bot._errands[TELLS]
    monkeypatch.setattr(errand, "_accept", unavailable)
    await house.write(ANA, "yes")
    for _ in range(7):
        house.clock.advance(s=60)
        await house.bot.turns.sweep()
        await asyncio.sleep(0.05)
    assert (await house.heard(ANA))[-1].startswith("Sorry, I cannot do that just now.")
    monkeypatch.undo()
    await asyncio.sleep(0.3)  # it tries again so often
    await house.rest()
    assert await house.claims() == {}
    assert not any(text.startswith("Booked") for text in await house.heard(ANA))
    assert await house.say(ANA, "cancellation") == ["You have no booking. Text BOOK to make one."]


async def unavailable(_: object) -> None:
    raise StoreUnavailable("not now")


async def test_b4_a_bare_1_is_for_the_offer_and_two_offers_are_asked_about(make_house: Any) -> None:
    house = await make_house(**ONE_TABLE)
    for who, day in ((BEA, "today"), (CLEO, "tomorrow")):
        assert (await house.say(who, "book", "4", day, "20:00", "Guest", "yes"))[-1].startswith("Booked")
    await house.say(ANA, "book", "4", "today", "2")
    await house.say(ANA, "book", "4", "tomorrow", "2")
    assert (await house.say(BEA, "cancellation", "1"))[-1].startswith("Cancelled")
    assert (await house.heard(ANA))[-1].startswith("A table for 4 is free: 27 November 2026 at 20:00.")
    await house.say(CLEO, "cancellation", "1")
    assert (await house.heard(ANA))[-1].startswith("More than one table is free for you. Which one, or NONE?")
    heard = await house.say(ANA, "1", "Ana")
    assert heard[-1].startswith("Booked at Casa Vaivén: 27 November 2026 at 20:00.")
    assert len(await house.claims()) == 1
    assert await house.claims("2026-11-28") == {}, "the other one is free again"


async def test_b4_one_offer_is_taken_by_a_bare_1(make_house: Any) -> None:
    house = await make_house(**ONE_TABLE)
    await house.say(BEA, "book", "4", "today", "20:00", "Bea", "yes")
    assert (await house.say(ANA, "book", "4", "today", "2"))[-1].startswith("You are number 1")
    await house.say(BEA, "cancellation", "1")
    assert (await house.say(ANA, "1", "Ana"))[-1].startswith("Booked")


async def test_b4_an_offer_in_the_middle_of_something_else_has_the_next_word_and_then_that_goes_on(make_house: Any) -> None:
    house = await make_house(**ONE_TABLE)
    await house.say(BEA, "book", "4", "today", "20:00", "Bea", "yes")
    await house.say(ANA, "book", "4", "today", "2")
    assert await house.say(ANA, "book") == ["For how many people?"]
    await house.say(BEA, "cancellation", "1")
    heard = await house.say(ANA, "1", "Ana")
    assert heard[-2].startswith("Booked at Casa Vaivén: 27 November 2026 at 20:00.")
    assert heard[-1] == "For how many people?"


async def test_an_offer_that_nobody_takes_goes_to_the_next(make_house: Any) -> None:
    house = await make_house(**ONE_TABLE)
    await house.say(BEA, "book", "4", "today", "20:00", "Bea", "yes")
    for who in (ANA, CLEO):
        await house.say(who, "book", "4", "today", "2")
    await house.say(BEA, "cancellation", "1")
    await house.wait(21)
    assert (await house.heard(ANA))[-1].startswith("That table has gone to the next")
    assert (await house.say(CLEO, "1", "Cleo"))[-1].startswith("Booked")


async def test_b5_cancelled_is_free_again_and_nobody_is_reminded(make_house: Any) -> None:
    house = await make_house()
    await house.say(ANA, *TO_CONFIRM, "yes")
    assert (await house.say(ANA, "cancellation", "1"))[-1].startswith("Cancelled: 27 November 2026 at 20:00.")
    heard = await house.say(ANA, "cancellation")
    assert heard == ["You have no booking. Text BOOK to make one."]
    await house.wait(24 * 60)
    assert (await house.heard(ANA))[-1] == heard[-1]


async def test_b5_the_reminder_of_what_has_moved_is_of_the_new_time(make_house: Any) -> None:
    house = await make_house()
    await house.say(ANA, *TO_CONFIRM, "yes")
    heard = await house.say(ANA, "change", "1", "2", "today", "21:30", "yes")
    assert heard[-1].startswith("Booked at Casa Vaivén: 27 November 2026 at 21:30.")
    assert len(await house.claims()) == 1
    await house.wait(8 * 60 + 5)
    assert (await house.heard(ANA))[-1] == heard[-1]
    await house.wait(90)
    assert (await house.heard(ANA))[-1].startswith("See you at Casa Vaivén at 21:30, 2 people?")
    assert (await house.say(ANA, "9"))[-1] == "Cancelled: 27 November 2026 at 21:30. Thank you for telling us."
    assert await house.claims() == {}


async def test_b5_moved_to_another_day_the_old_one_is_given_back(make_house: Any) -> None:
    house = await make_house()
    await house.say(ANA, *TO_CONFIRM, "yes")
    heard = await house.say(ANA, "change", "1", "4", "tomorrow", "20:00", "yes")
    assert heard[-1].startswith("Booked at Casa Vaivén: 28 November 2026 at 20:00.")
    assert await house.claims() == {}
    assert len(await house.claims("2026-11-28")) == 1


async def test_the_business_cancels_and_the_guest_hears(make_house: Any) -> None:
    house = await make_house()
    await house.say(ANA, *TO_CONFIRM, "yes")
    (code,) = await house.claims()
    await house.tell("desk-1", "cancel", code=code)
    assert (await house.heard(ANA))[-1].startswith("We are sorry: we have to cancel your table of 27 November 2026 at 20:00.")
    assert await house.say(ANA, "cancellation") == ["You have no booking. Text BOOK to make one."]


@pytest.mark.parametrize(
    ("day", "shown", "start", "hours"),
    [
        ("2026-03-29", "29 March 2026", "2026-03-29T12:00Z", 25),  # from nine the day before to eleven, and an hour is skipped
        ("2026-10-25", "25 October 2026", "2026-10-25T13:00Z", 27),
    ],
)
async def test_b6_the_clocks_change_in_the_night_before(make_house: Any, day: str, shown: str, start: str, hours: int) -> None:
    nine = datetime.combine(date.fromisoformat(day) - timedelta(days=1), clock_time(9), ZoneInfo("Europe/Madrid"))
    house = await make_house(at_ms=int(nine.timestamp() * 1000))
    heard = await house.say(BEA, "book", "4", "tomorrow", "14:00", "Bea", "yes")
    assert heard[-1].startswith(f"Booked at Casa Vaivén: {shown} at 14:00.")
    (claim,) = (await house.claims(day)).values()
    assert (claim["start"], claim["zone"]) == (start, "Europe/Madrid")
    await house.wait(hours * 60 - 1)
    assert len(await house.heard(BEA)) == len(heard)
    await house.wait(1)
    assert (await house.heard(BEA))[-1].startswith("See you at Casa Vaivén at 14:00, 4 people?")


async def test_in_spanish(make_house: Any) -> None:
    house = await make_house()
    heard = await house.say(ANA, "español", "reserva", "4", "hoy", "20:00", "Ana", "sí")
    assert heard[-1].startswith("Reservado en Casa Vaivén: 27 de noviembre de 2026 a las 20:00.")


FOUR_SEATS = {"places": [{"id": "room", "label": "Dining room", "seats": 4}]}
EIGHT_ONLY = {"open": {"mon-sun": "20:00-21:00"}}


async def test_who_changes_is_not_put_on_a_list_beside_their_table(make_house: Any) -> None:
    house = await make_house(FOUR_SEATS, hours=EIGHT_ONLY)
    await house.say(BEA, "book", "4", "tomorrow", "20:00", "Bea", "yes")
    await house.say(ANA, "book", "4", "today", "20:00", "Ana", "yes")
    heard = await house.say(ANA, "change", "1", "4", "tomorrow")
    assert heard[-2:] == ["Everything is taken on 28 November 2026.", "Which day?"]
    await house.say(BEA, "cancellation", "1")
    assert [one["home"] for one in (await house.claims()).values()] == [f"tel:{ANA}"]
    assert await house.claims("2026-11-28") == {}


async def test_a_second_offer_is_told_while_the_name_is_asked(make_house: Any) -> None:
    house = await make_house(FOUR_SEATS, hours=EIGHT_ONLY)
    await house.say(BEA, "book", "4", "today", "20:00", "Bea", "yes")
    await house.say(CLEO, "book", "4", "tomorrow", "20:00", "Cleo", "yes")
    await house.say(ANA, "book", "4", "today", "2")
    await house.say(ANA, "book", "4", "tomorrow", "2")
    await house.say(BEA, "cancellation", "1")
    assert (await house.say(ANA, "1"))[-1] == "And the name?"
    await house.say(CLEO, "cancellation", "1")
    assert (await house.heard(ANA))[-1].startswith("More than one table is free for you. Which one, or NONE?")


async def test_one_guest_holds_one_time_whatever_dates_they_ask_for(make_house: Any) -> None:
    house = await make_house()
    no_name = "a name of more characters than anybody has"
    assert (await house.say(ANA, "book", "4", "today", "20:00", no_name, no_name))[-1] == "Text BOOK to start again."
    assert len(await house.claims()) == 1
    await house.say(ANA, "book", "4", "tomorrow", "20:00", "Ana")
    assert await house.claims() == {}
    assert len(await house.claims("2026-11-28")) == 1
    assert (await house.say(ANA, "yes"))[-1].startswith("Booked at Casa Vaivén: 28 November 2026 at 20:00.")
    await house.say(ANA, "book", "4", "today", "20:00")
    assert [one["state"] for one in (await house.claims()).values()] == ["held"]
    assert [one["state"] for one in (await house.claims("2026-11-28")).values()] == ["booked"]


@pytest.mark.parametrize("word", ["leave", "cancellation"])
async def test_who_waits_leaves_the_list_and_is_offered_nothing(make_house: Any, word: str) -> None:
    house = await make_house(**ONE_TABLE)
    await house.say(BEA, "book", "4", "today", "20:00", "Bea", "yes")
    heard = await house.say(ANA, "book", "4", "today", "2")
    assert heard[-1].endswith("Text LEAVE to be taken off.")
    heard = await house.say(ANA, word, "1")
    assert heard[-2:] == [
        "Which one shall I cancel? Reply with its number, or KEEP.\n1 Wait list of 27 November 2026",
        "You are off the wait list of 27 November 2026. Text BOOK for another day.",
    ]
    before = len(await house.heard(ANA))
    await house.say(BEA, "cancellation", "1")
    assert len(await house.heard(ANA)) == before
    assert await house.claims() == {}


DOCTORS = [{"id": "garcia", "label": "Dr. García", "seats": 1}, {"id": "lopez", "label": "Dr. López", "seats": 1}]


async def test_of_two_doctors_the_guest_hears_which(make_house: Any) -> None:
    house = await make_house({"places": DOCTORS})
    heard = await house.say(ANA, "book", "2", "1", "today", "20:00", "Ana", "yes")
    assert heard[-2:-1] == ["1 person, 27 November 2026 at 20:00, Dr. López, Ana. Shall I book it?"]
    assert heard[-1].startswith("Booked at Casa Vaivén, Dr. López: 27 November 2026 at 20:00. Your code is")
    assert (await house.say(ANA, "change"))[-1].endswith("\n1 27 November 2026 20:00, Dr. López")
    assert (await house.say(ANA, "keep"))[-1] == "It stays as it is."
    await house.wait(8 * 60)
    assert (await house.heard(ANA))[-1].startswith("See you at Casa Vaivén, Dr. López at 20:00, 1 person?")
    await house.say(ANA, "1")
    (code,) = await house.claims(place="lopez")
    await house.tell("desk-1", "cancel", place="lopez", code=code)
    assert (await house.heard(ANA))[-1].startswith(
        "We are sorry: we have to cancel your table of 27 November 2026 at 20:00, Dr. López."
    )


async def test_of_two_doctors_the_guest_hears_which_in_spanish(make_house: Any) -> None:
    house = await make_house({"places": DOCTORS})
    heard = await house.say(ANA, "español", "reserva", "2", "1", "hoy", "20:00", "Ana", "sí")
    assert heard[-1].startswith("Reservado en Casa Vaivén, Dr. López: 27 de noviembre de 2026 a las 20:00.")
    (code,) = await house.claims(place="lopez")
    await house.tell("desk-1", "cancel", place="lopez", code=code)
    assert "a las 20:00, Dr. López." in (await house.heard(ANA))[-1]
