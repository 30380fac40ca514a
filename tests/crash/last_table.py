"""A small bot whose people race for tables of which there is one each, and what must hold whatever dies on the way.

Not a test module: the tests on SQLite and on Redis take it from here.
"""

import asyncio
import random
from collections import Counter
from pathlib import Path

from crash_rig import Rig

from vaiven.model.outbox import RowState
from vaiven.model.urns import Urn, resource_home, urn
from vaiven.stores.contract import Store
from vaiven.testing.numbers import north_american
from vaiven.testing.provider import Send
from vaiven.testing.redelivery import Redelivery

BOT = "crash-vote"
FLOW = """
flow: book
version: 1
lang: en
starts:
  - keyword: book
    rest: which
steps:
  which:
    ask: "Which table?"
    as: integer
  table:
    call: {resource: tables, of: "{which}", do: reserve}
    timeout: 5m
    then:
      - {if: result.free, go: yours}
      - {go: gone}
    fail: broken
  yours: {end: "Table {which} is yours.", outcome: booked}
  gone: {end: "Table {which} is gone.", outcome: full}
  broken: {end: "Something broke.", outcome: broken}
"""
ACTIONS = '''
from vaiven import resource


@resource("tables")
def tables(state, word, now):
    """One table, for who asks first."""
    state["asked"] = [*state.get("asked", []), word.sender]
    free = "whose" not in state
    if free:
        state["whose"] = word.sender
    return state, [word.answer("told", free=free)]
'''


def write_bot(rig: Rig) -> Path:
    """The bot's Python beside its bot.yaml; the folder of its flow."""
    (rig.folder / "actions.py").write_text(ACTIONS)
    flows = rig.folder / "flows"
    flows.mkdir()
    (flows / "book.flow.yaml").write_text(FLOW)
    return flows


class Race:
    """``tables`` tables, and so many ``racers`` for each."""

    def __init__(self, tables: int, racers: int, seed: int) -> None:
        self.chance = random.Random(seed)
        self.wants = {north_american(100 + at): at % tables + 1 for at in range(tables * racers)}
        self.tables, self.racers = tables, racers

    async def run(self, rig: Rig, clients: Redelivery, at_once: int = 32) -> None:
        """Everybody asks for their table, some of them twice in one go."""
        room, numbers = asyncio.Semaphore(at_once), [*self.wants]
        self.chance.shuffle(numbers)

        async def ask(number: str) -> None:
            async with room:
                copies = self.chance.choice([1, 1, 1, 2])
                await clients.deliver(*rig.message(number, 0, f"book {self.wants[number]}"), copies, self.chance.random() < 0.5)

        await asyncio.gather(*map(ask, numbers))

    async def verdict(self, store: Store, sends: list[Send]) -> None:
        """One has the table, every other was told that it is gone; nobody was told twice, and nobody nothing."""
        won: Counter[int] = Counter()
        said = Counter((send.to, send.reference) for send in sends if send.sent)
        for number, table in self.wants.items():
            home = urn("tel", number)
            rows = [row for row in await store.rows(home) if row.tell is None]
            texts = [row.message.text for row in rows]
            assert texts in ([f"Table {table} is yours."], [f"Table {table} is gone."]), (number, texts)
            won[table] += texts == [f"Table {table} is yours."]
            assert rows[0].state in (RowState.ACCEPTED, RowState.UNKNOWN)
            assert said[number, rows[0].reference] >= 1, f"{number} never heard"
        assert won == dict.fromkeys(range(1, self.tables + 1), 1)
        await self._tables(store)
        counts = await store.counts()
        assert (counts.inbox, counts.dead) == (0, 0)

    async def _tables(self, store: Store) -> None:
        """What each table says: everybody asked once, and the first has it."""
        homes = [resource_home(BOT, "tables", str(table)) for table in range(1, self.tables + 1)]
        for table, state in enumerate(await store.load(homes), 1):
            kept = state.contact.vars["state"]
            wanted = {urn("tel", number) for number, each in self.wants.items() if each == table}
            assert sorted(kept["asked"]) == sorted(wanted)
            assert kept["whose"] == kept["asked"][0]
            winner: Urn = kept["whose"]
            assert any("is yours" in row.message.text for row in await store.rows(winner))
