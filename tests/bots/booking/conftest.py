"""The booking bot as it is shipped: its books alone, and all of it on a real store, by a clock moved by hand."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import pytest

from vaiven.channels.contract import ProviderRequest, ProviderResponse, WebhookRequest
from vaiven.channels.registry import make_channel
from vaiven.edge.actions import load_registry
from vaiven.edge.calling import HttpCaller
from vaiven.edge.reach import Reach
from vaiven.edge.serve import read_flows
from vaiven.edge.settings import load_settings
from vaiven.model.calls import ReplyTo
from vaiven.model.contacts import Contact
from vaiven.model.effects import CancelTimer, StartTimer, Tell
from vaiven.model.events import Event, Happened, TimerDue
from vaiven.model.outbox import RowState
from vaiven.model.urns import Urn, resource_home, urn
from vaiven.runtime.bot import Bot
from vaiven.runtime.decide import Line
from vaiven.runtime.resources import About, Resources
from vaiven.runtime.transport import Answer
from vaiven.stores.contract import Store
from vaiven.stores.redis import RedisStore
from vaiven.stores.sqlite import SqliteStore
from vaiven.testing import servers
from vaiven.testing.clock import Clock
from vaiven.testing.webhooks import FORM, twilio_fields

ACCOUNT = "AC" + "0" * 31 + "1"
FOLDER = Path(__file__).parents[3] / "bots/booking"
HOOK = "https://book.example/hooks/sms"
ENVIRON = {"PUBLIC_URL": "https://book.example", "TWILIO_ACCOUNT_SID": ACCOUNT, "TWILIO_AUTH_TOKEN": "x"}
MORNING_MS = int(datetime(2026, 11, 27, 8, tzinfo=UTC).timestamp() * 1000)
"""A Friday, nine o'clock in Madrid."""
FRIDAY = "2026-11-27"


# -- books alone -----------------------------------------------------------------------------------------------------------

PARAMS = {"every": 30, "lasts": 60, "last": 60, "hold": 10, "offer": 20, "remind": 180, "places": [{"id": "room", "seats": 4}]}
HOURS = {"open": {"mon-sun": "20:00-23:00"}}


class Books:
    """The books of days and guests, with their timers, and what they tell each other delivered at once."""

    def __init__(self, resources: Resources, now_ms: int) -> None:
        self.resources, self.now_ms, self.told = resources, now_ms, 0
        self.states: dict[Urn, Contact] = {}
        self.timers: dict[tuple[Urn, str], int] = {}
        self._said: list[tuple[Urn, str]] = []

    def tell(self, who: Urn | None, name: str, day: str = FRIDAY, of: str | None = None, **data: Any) -> Any:
        """What the book of a day answers; None if it says nothing, as to the business, who does not wait."""
        return self._say(who, resource_home("booking", "tables", of or f"room/{day}"), name, data)

    def ask(self, who: Urn, name: str, of: Urn | None = None, **data: Any) -> Any:
        """What a guest's own book answers."""
        return self._say(who, resource_home("booking", "guests", of or who), name, data)

    def claims(self, day: str = FRIDAY) -> dict[str, Any]:
        book = self.states.get(resource_home("booking", "tables", f"room/{day}"))
        return {} if book is None else dict(book.vars["state"].get("claims", {}))

    def waiting(self, day: str = FRIDAY) -> set[Urn]:
        """Who is on the wait list of a day."""
        book = self.states.get(resource_home("booking", "tables", f"room/{day}"))
        return set() if book is None else {one["home"] for one in book.vars["state"].get("waits", [])}

    def wait(self, minutes: float) -> None:
        until_ms = self.now_ms + int(minutes * 60_000)
        while due := min(((at, home, key) for (home, key), at in self.timers.items() if at <= until_ms), default=None):
            self.now_ms = max(self.now_ms, due[0])
            del self.timers[due[1], due[2]]
            self._step(due[1], TimerDue(due[2], "", "", 0, due[0]))
        self.now_ms = until_ms

    def unasked(self) -> list[tuple[Urn, str]]:
        said, self._said = self._said, []
        return said

    def _say(self, who: Urn | None, home: Urn, name: str, data: dict[str, Any]) -> Any:
        asker = None if who is None else ReplyTo(who, "sms", "s1", "x", 1)
        answers = self._step(home, Happened(name, data, sender=who, answer_to=asker))
        assert len(answers) <= 1, "a word has one answer"
        return {"word": answers[0].name, **answers[0].data} if answers else None

    def _step(self, home: Urn, body: Happened | TimerDue) -> list[Tell]:
        """One word, and all that it leads to."""
        self.told += 1
        contact = self.states.get(home, Contact(home))
        event = Event(f"e{self.told}", home, 0, "", self.now_ms, body)
        self.states[home], effects = self.resources.step(contact, event, self.now_ms)
        answers = []
        for effect in effects:
            match effect:
                case StartTimer(key, due_ms):
                    self.timers[home, key] = due_ms
                case CancelTimer(key):
                    self.timers.pop((home, key), None)
                case Tell(to=ReplyTo()):
                    answers.append(effect)
                case Tell() if effect.home in self.resources:
                    self._step(effect.home, Happened(effect.name, effect.data, sender=home))
                case Tell():
                    self._said.append((effect.home, effect.name))
        return answers


@pytest.fixture(scope="session")
def make_books() -> Callable[..., Books]:
    functions = load_registry(FOLDER / "bot.yaml").resources

    def make(now_ms: int = MORNING_MS, hours: Any = None, seats: int = 4, **params: Any) -> Books:
        places = {"places": [{"id": "room", "label": "Room", "seats": seats}]}
        spec = load_settings(FOLDER, {"hours": hours or HOURS}, ENVIRON)
        about = About("booking", ZoneInfo("Europe/Madrid"), {**PARAMS, **places, **params}, spec.hours)
        return Books(Resources(functions, about), now_ms)

    return make


# -- the whole bot ---------------------------------------------------------------------------------------------------------


class Wire:
    """Everything is accepted at once."""

    def __init__(self) -> None:
        self.sent = 0

    def send(self, request: ProviderRequest, done: Callable[[Answer], None]) -> None:
        self.sent += 1
        asyncio.get_running_loop().call_soon(done, ProviderResponse(201, {}, b'{"sid":"SM%032d","status":"queued"}' % self.sent))

    async def close(self) -> None: ...


class House:
    """The bot, and hands to talk to it."""

    def __init__(self, store: Store, url: str, clock: Clock, overrides: dict[str, Any]) -> None:
        settings = load_settings(FOLDER, overrides, ENVIRON)
        self.store, self.url, self.clock, self._said = store, url, clock, 0
        registry = load_registry(settings.file)
        self.bot = Bot(
            store=store,
            lines={each.name: Line(make_channel(each.name, each.settings), each.stop_reply) for each in settings.channels},
            flows=read_flows(settings, registry),
            transport=Wire(),
            clock=clock.now_ms,
            owner="test",
            caller=HttpCaller(Reach(settings.call_hosts)),
            registry=registry,
            hours=settings.hours,
        )
        self._running: asyncio.Task[None] | None = None

    async def start(self) -> None:
        await self.bot.start()
        self._running = asyncio.create_task(self.bot.run())

    async def stop(self) -> None:
        assert self._running is not None
        await self.bot.stop(1.0)
        await self._running
        await self.bot.close()

    async def say(self, number: str, *texts: str) -> list[str]:
        """They write these, one after the other; what they have heard since."""
        before = len(await self.heard(number))
        for text in texts:
            await self.write(number, text)
            await self.rest()
        return (await self.heard(number))[before:]

    async def write(self, number: str, text: str) -> None:
        self._said += 1
        fields = twilio_fields(account=ACCOUNT, sid=f"SM{self._said:032d}", sender=number, to="+12025550101", text=text)
        request = WebhookRequest("POST", HOOK, {"content-type": FORM}, urlencode(fields).encode())
        await self.bot.intake.take("sms", request)

    async def heard(self, number: str) -> list[str]:
        return [row.message.text for row in await self.store.rows(urn("tel", number)) if row.channel == "sms"]

    async def claims(self, day: str = FRIDAY, place: str = "room") -> dict[str, Any]:
        """What is claimed in the book of a day."""
        (state,) = await self.store.load([resource_home("booking", "tables", f"{place}/{day}")])
        return dict(state.contact.vars.get("state", {}).get("claims", {}))

    async def tell(self, id: str, name: str, day: str = FRIDAY, place: str = "room", **data: Any) -> None:
        """The business says this to the book of a day."""
        await self.bot.intake.happen(id, resource_home("booking", "tables", f"{place}/{day}"), Happened(name, data))
        await self.rest()

    async def rest(self) -> None:
        """Until nothing is left to do at this instant."""
        for _ in range(10_000):
            await asyncio.sleep(0.002)
            queues = self.bot.turns.queues
            if not (len(queues) or queues.gaps or self.bot.sender.under_way) and await self._is_at_rest():
                return
        raise AssertionError("it never comes to rest")

    async def _is_at_rest(self) -> bool:
        """By what is stored: no event waits, and no row that may go now."""
        if (await self.store.counts()).inbox:
            return False
        rows = await self.store.unsettled((RowState.QUEUED, RowState.CLAIMED, RowState.DIALED, RowState.RETRY), 10_000)
        now_ms = self.clock.now_ms()
        return not any(max(row.retry_ms, row.not_before_ms) <= now_ms for row in rows)

    async def wait(self, minutes: float) -> None:
        self.clock.advance(s=minutes * 60)
        for _ in range(3):
            await self.bot.turns.sweep()
            self.bot.sender.look()
            await self.rest()


@pytest.fixture(scope="session")
def valkey() -> Iterator[Any]:
    with servers.server() as server:
        yield server


@pytest.fixture(params=["sqlite", "redis"])
async def make_house(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Callable[..., Any]]:
    """Makes a bot that serves: ``params`` over those of its bot.yaml, and other settings."""
    made: list[House] = []

    async def make(params: Any = None, at_ms: int = MORNING_MS, **overrides: Any) -> House:
        clock = Clock(at_ms)
        url = f"sqlite:///{tmp_path / 'booking.db'}"
        if request.param == "sqlite":
            store: Store = SqliteStore(tmp_path / "booking.db", partitions=8, clock=clock.now_ms)
        else:
            server = request.getfixturevalue("valkey")
            server.say("FLUSHALL")
            url = server.url
            store = RedisStore(url, bot="booking", partitions=8, clock=clock.now_ms)
        house = House(store, url, clock, {"params": params or {}, **overrides})
        await house.start()
        made.append(house)
        return house

    yield make
    for house in made:
        await house.stop()
