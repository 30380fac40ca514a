"""The booking bot dies at every arrow between the guest's session and the books: nobody is told of what is not booked, and what
is booked somebody is told of."""

import asyncio
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest
from booking_house import Guests, days, said_and_booked, words, write_house

from vaiven.testing.provider import FakeProvider

NUMBER = "+12025550101"
DIED = 86
KILLS = (200, 700, 1200)
ARROWS = [
    *(f"apart:{kind} {nth}" for kind in ("accept-before", "accept-after", "turn-before", "turn-after") for nth in (1, 2, 3)),
    *(f"apart:{kind} {nth}" for kind in ("settle-before", "settle-after") for nth in (1, 2)),
    "together:turn-before 1",
    "together:turn-after 1",
    "apart:undialed 1",
    "apart:dialed 1",
]
"""After the guest's YES: to the day's book, from it to the guest and to the guest's own book, and out to the provider."""


ASKED: list[Path] = []


@pytest.fixture
async def asked(rig: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a bot whose guest has been asked whether to book; made once."""
    if not ASKED:
        other: Any = type(rig)(tmp_path_factory.mktemp("asked"))
        try:
            await ask(other)
        finally:
            for process in other.started:
                await process.end(signal.SIGKILL)
        ASKED.append(other.db)
    return ASKED[0]


async def ask(rig: Any) -> None:
    async with FakeProvider() as provider, rig.clients() as clients:
        write_house(rig, provider.url)
        bot = await rig.bot()
        for turn, text in enumerate(words(days()[0], "19:00")[:-1]):
            await clients.deliver(*rig.message(NUMBER, turn, text))
            await rig.quiet()
        assert await bot.end(signal.SIGINT) == 0


@pytest.mark.crash
@pytest.mark.parametrize("arrow", ARROWS)
async def test_b3_a_bot_that_dies_here_confirms_what_is_booked(rig: Any, asked: Path, arrow: str) -> None:
    fault, nth = arrow.split()
    async with FakeProvider() as provider, rig.clients() as clients:
        write_house(rig, provider.url)
        shutil.copy(asked, rig.db)
        bot = await rig.bot(fault, nth)
        yes = rig.message(NUMBER, 5, "yes")
        telling = asyncio.create_task(clients.deliver(*yes))
        assert await bot.ended() == DIED, "the arrow was not passed"
        bot = await rig.bot()
        assert await telling
        await rig.quiet()
        assert await bot.end(signal.SIGINT) == 0
        async with rig.store() as store:
            told = await said_and_booked(store, provider.sends, days()[:1], [NUMBER])
        assert list(told.values()) == [NUMBER]


@pytest.mark.crash
async def test_b1_b3_everybody_books_while_the_bot_is_killed(rig: Any, figures: dict[str, object]) -> None:
    guests = Guests(tables=12, each=20, seed=3)
    write_house(rig, await rig.provider(latency_s=0.01))
    bot, words_at_kills = await rig.bot(), 0
    async with rig.clients() as clients:
        running = asyncio.create_task(guests.run(rig, clients))
        for kill in KILLS:
            await clients.reached(kill)
            _, words = await rig.halted_with_words(lambda bot=bot: bot)
            await rig.kill(bot)
            words_at_kills += words
            bot = await rig.bot()
        await running
    await rig.quiet()
    assert await bot.end(signal.SIGTERM) == 0
    figures |= {"kills": len(rig.crashes), "words at them": words_at_kills, "refused": sum(clients.refused.values())}
    async with rig.store() as store:
        await guests.verdict(store, rig.sends())
    assert clients.refused, "nobody was refused by a process that was dead"
