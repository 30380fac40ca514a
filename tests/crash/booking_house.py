"""The booking bot as it is shipped, in processes that die, and what must hold whatever dies on the way.

Not a test module: the tests on SQLite and on Redis take it from here.
"""

import asyncio
import random
import re
import shutil
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from crash_rig import ROOT

from vaiven.model.outbox import RowState
from vaiven.model.urns import resource_home, urn
from vaiven.stores.contract import Store
from vaiven.testing.numbers import north_american
from vaiven.testing.provider import Send
from vaiven.testing.redelivery import Redelivery

BOT = "crash-vote"
DAYS = 3
TIMES = 8
SETTINGS = """
params:
  name: Casa
  place: room
  places: [{id: room, label: Room, seats: 4}]
  every: 30
  lasts: 30
  last: 30
  hold: 60
hours: {open: {mon-sun: "16:00-20:00"}}
"""
CODE = re.compile(r"^Booked at Casa: .* Your code is (\w+)\.$")


def write_house(rig: Any, api: str) -> None:
    """The shipped flows and Python, with a bot.yaml that this rig serves."""
    for file in (ROOT / "bots/booking").glob("*.py"):
        shutil.copy(file, rig.folder)
    rig.settle_bot(api, ROOT / "flows/booking")
    file = rig.folder / "bot.yaml"
    file.write_text(re.sub(r"(?m)^params: .*\n", SETTINGS, file.read_text()))


def days() -> list[str]:
    """Dates on which all that is booked here is."""
    begins = datetime.now(UTC) + timedelta(days=10)
    return [(begins + timedelta(days=more)).date().isoformat() for more in range(DAYS)]


def words(day: str, at: str, people: int = 4) -> list[str]:
    """What somebody writes who books a table."""
    return ["book", str(people), day, at, "Ana", "yes"]


class Guests:
    """So many guests for each table that there is, who all write at once."""

    def __init__(self, tables: int, each: int, seed: int) -> None:
        self.chance = random.Random(seed)
        self.days = days()
        slots = [(day, f"{16 + at // 2}:{30 * (at % 2):02d}") for day in self.days for at in range(TIMES)][:tables]
        self.wants = {north_american(100 + at): slots[at % tables] for at in range(tables * each)}
        self.tables = tables

    async def run(self, rig: Any, clients: Redelivery, at_once: int = 32) -> None:
        room, numbers = asyncio.Semaphore(at_once), [*self.wants]
        self.chance.shuffle(numbers)

        async def book(number: str) -> None:
            async with room:
                for turn, text in enumerate(words(*self.wants[number])):
                    copies = self.chance.choice([1, 1, 1, 2])
                    await clients.deliver(*rig.message(number, turn, text), copies, self.chance.random() < 0.5)

        await asyncio.gather(*map(book, numbers))

    async def verdict(self, store: Store, sends: Sequence[Send]) -> None:
        """Every table that was asked for is booked, once; and who has one is who was told so."""
        told = await said_and_booked(store, sends, self.days, list(self.wants))
        assert len(told) == self.tables


async def said_and_booked(
    store: Store, sends: Sequence[Send], booked_on: Sequence[str], numbers: Sequence[str]
) -> dict[str, str]:
    """No confirmation without a claim, no claim left silent: numbers by the code of what they have booked."""
    reached = {(send.to, send.reference) for send in sends if send.sent}
    told: dict[str, str] = {}
    for number in numbers:
        for row in await store.rows(urn("tel", number)):
            found = CODE.match(row.message.text) if row.tell is None else None
            if found is not None:
                assert found[1] not in told, f"{number} was told twice"
                assert (number, row.reference) in reached, f"{number} never heard"
                assert row.state in (RowState.ACCEPTED, RowState.UNKNOWN)
                told[found[1]] = number
    claims: dict[str, str] = {}
    for book in await store.load([resource_home(BOT, "tables", f"room/{day}") for day in booked_on]):
        taken: Counter[str] = Counter()
        for code, claim in book.contact.vars.get("state", {}).get("claims", {}).items():
            taken[claim["start"]] += claim["people"]
            if claim["state"] == "booked":
                claims[code] = claim["home"].removeprefix("tel:")
        assert all(people <= 4 for people in taken.values()), "more than there are seats"
    assert told == claims
    for guest in await store.load([resource_home(BOT, "guests", urn("tel", number)) for number in set(told.values())]):
        number = guest.contact.home.rpartition("tel:")[2]
        own = sorted(guest.contact.vars["state"]["bookings"])
        assert own == sorted(code for code, each in told.items() if each == number)
    counts = await store.counts()
    assert (counts.inbox, counts.dead) == (0, 0)
    return told
