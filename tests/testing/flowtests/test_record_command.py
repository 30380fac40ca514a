"""``vaiven test --record``: from a stored conversation to a test that plays."""

import asyncio

from vaiven.channels.contract import WebhookRequest
from vaiven.channels.registry import make_channel
from vaiven.channels.simulator import answer
from vaiven.edge.cli import run
from vaiven.edge.http import InProcess
from vaiven.edge.serve import read_flows
from vaiven.edge.settings import load_settings
from vaiven.model.urns import Urn
from vaiven.runtime.bot import Bot
from vaiven.runtime.decide import Line
from vaiven.stores import open_store

BOT = "bot: kitchen\nflows: .\nstore: sqlite:///kitchen.db\nchannels: {phone: {type: simulator}}\n"
HOME = "tel:+12025550123"


class Nowhere:
    def send(self, request, done):
        raise AssertionError(request)

    async def close(self): ...


async def served(words):
    """The bot's store, after these words were said on a phone."""
    settings = load_settings("bot.yaml")
    store = open_store(settings.store, bot="kitchen")
    now = 1_767_614_400_000
    bot = Bot(store, {"phone": Line(make_channel("phone", {"type": "simulator"}))}, read_flows(settings),
              InProcess("simulator", answer, Nowhere()), lambda: now, "test")  # fmt: skip
    await bot.start()
    running = asyncio.create_task(bot.run())
    for number, word in enumerate(words):
        body = f'{{"from": "{HOME}", "id": "m{number}", "text": "{word}"}}'.encode()
        await bot.intake.take("phone", WebhookRequest("POST", "/", {"content-type": "application/json"}, body))
    async with asyncio.timeout(20):
        while sum([1 async for _ in store.history(Urn(HOME))]) < len(words):
            await asyncio.sleep(0)
    await bot.stop(1)
    await running
    await bot.close()


def test_a_stored_conversation_becomes_a_test_that_plays(kitchen, monkeypatch, capsys):
    monkeypatch.chdir(kitchen.folder)
    (kitchen.folder / "bot.yaml").write_text(BOT)
    asyncio.run(served(["tea", "blue", "green tea"]))
    assert run(["test", "--record", HOME, "--bot", ".", "-o", "recorded.test.yaml"]) == 0
    text = (kitchen.folder / "recorded.test.yaml").read_text("utf-8")
    assert "  - me: green tea\n  - bot: Your name?\n  - expect: {flow: tea, step: who}\n" in text
    assert run(["test"]) == 0
    flow = kitchen.folder / "tea.flow.yaml"
    flow.write_text(flow.read_text("utf-8").replace("Your name?", "And you are?"))
    assert run(["test"]) == 1
    assert "real And you are?" in capsys.readouterr().out


def test_who_never_wrote(kitchen, monkeypatch, capsys):
    monkeypatch.chdir(kitchen.folder)
    (kitchen.folder / "bot.yaml").write_text(BOT)
    asyncio.run(served(["tea"]))
    assert run(["test", "--record", "tel:+12025550199"]) == 1
    assert "nobody has written from tel:+12025550199" in capsys.readouterr().err
