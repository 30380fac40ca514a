"""Many race for one table while the bot is killed: one has it, every other hears so, nobody hears twice."""

import asyncio
import signal

import pytest
from last_table import Race, write_bot

KILLS = (60, 200, 330, 450)


@pytest.mark.crash
async def test_one_has_the_last_table_and_everybody_hears_once_through_kills(rig, figures) -> None:
    race = Race(tables=12, racers=40, seed=1)
    rig.settle_bot(await rig.provider(latency_s=0.01), write_bot(rig))
    bot, words_at_kills = await rig.bot(), 0
    async with rig.clients() as clients:
        running = asyncio.create_task(race.run(rig, clients))
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
        await race.verdict(store, rig.sends())
    assert clients.refused, "nobody was refused by a process that was dead"
