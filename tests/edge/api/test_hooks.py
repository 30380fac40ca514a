"""Events by signed webhook: told until heard, once to who counts by id, in order, and nowhere that they must not go."""

import asyncio
import base64
import hashlib
import hmac
import json
import secrets
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from aiohttp import web

from vaiven.edge.calling import HttpCaller
from vaiven.edge.reach import Reach
from vaiven.model.urns import Urn
from vaiven.runtime import hooks as hooks_module
from vaiven.runtime.conversations import id_of
from vaiven.runtime.happenings import CLOSED, KINDS, OPENED, Hook
from vaiven.stores.contract import Role

ZOE = Urn("tel:+12025550123")
OLD, NEW = b"o" * 32, b"n" * 32


class Desk:
    """A system of the business: answers what it is told to, and remembers what it was sent."""

    def __init__(self):
        self.heard = []
        self.answers = []
        self.elsewhere = 0
        self.over = asyncio.Event()

    async def hear(self, request):
        if request.path == "/elsewhere":
            self.elsewhere += 1
            return web.Response()
        self.heard.append((dict(request.headers), await request.read()))
        answer = self.answers.pop(0) if self.answers else 204
        if answer is None:
            await self.over.wait()
            return web.Response()
        if isinstance(answer, dict):
            return web.Response(**answer)
        return web.Response(status=answer)

    def events(self):
        return [json.loads(body) for _, body in self.heard]


@pytest.fixture
async def desk():
    made = Desk()
    app = web.Application()
    app.router.add_route("*", "/{any:.*}", made.hear)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}/events"
    made.reach = Reach([made.url.removeprefix("http://").partition("/")[0]])
    yield made
    made.over.set()
    await runner.cleanup()


@asynccontextmanager
async def telling(make_office, url, desk, kinds=frozenset(KINDS), reach=None, name=None, owner="office"):
    hook = Hook("desk", desk.url, (NEW, OLD), kinds)
    more = {"hooks": {"desk": hook}, "hook_caller": HttpCaller(reach or desk.reach, redirects=0)}
    office = await make_office(url, name or "hooks" + secrets.token_hex(4), owner, **more).open()
    try:
        yield office
    finally:
        await office.close()


async def until(ask, seconds=15):
    async with asyncio.timeout(seconds):
        while not (found := ask()):
            await asyncio.sleep(0.01)
    return found


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(hooks_module, "FIRST_MS", 20)


def is_signed(headers, body, key):
    content = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    wanted = "v1," + base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
    return wanted in headers["webhook-signature"].split(" ")


async def test_each_event_is_told_signed_and_in_order(make_office, store_url, desk):
    async with telling(make_office, store_url, desk) as office:
        await office.handed_over()
        await office.act("ana", "take")
        await office.act("ana", "close")
        await until(lambda: len(desk.heard) >= 5)
        shown = id_of(ZOE, "phone")
    events = desk.events()
    assert [each["kind"].removeprefix("conversation.") for each in events] == ["opened", "message", "taken", "message", "closed"]
    assert {each["conversation"] for each in events} == {shown}
    assert events[4]["agent"] == {"id": "ana", "name": "Ana"}
    assert len({each["id"] for each in events}) == 5
    assert [each["number"] for each in events] == sorted(each["number"] for each in events)
    for headers, body in desk.heard:
        assert headers["webhook-id"] == json.loads(body)["id"]
        assert headers["Content-Type"] == "application/json"
        assert is_signed(headers, body, NEW)
        assert is_signed(headers, body, OLD)
        assert not is_signed(headers, body + b" ", NEW)
        assert not is_signed(headers, body, b"x" * 32)


async def test_with_each_role_in_a_process_of_its_own(make_office, redis_url, desk):
    hook = {"hooks": {"desk": Hook("desk", desk.url, (NEW,))}, "hook_caller": HttpCaller(desk.reach, redirects=0)}
    name = "split" + secrets.token_hex(4)
    async with AsyncExitStack() as open_:
        for role in ([Role.TURN], [Role.SEND]):
            worker = make_office(redis_url, name, str(role[0]), roles=role, **hook)
            await worker.bot.start()
            open_.push_async_callback(worker.bot.close)
            running = asyncio.create_task(worker.bot.run())
            open_.push_async_callback(asyncio.wait, [running])
            open_.push_async_callback(worker.bot.stop, 1.0)
        web_office = await make_office(redis_url, name, "web", roles=[], **hook).open()
        open_.push_async_callback(web_office.close)
        token = web_office.tokens["ana"]
        async with web_office.session.ws_connect(f"{web_office.url}/v1/events", protocols=("vaiven", token)) as socket:
            await socket.receive_str()
            await web_office.handed_over()
            listened = [json.loads(await socket.receive_str()) for _ in range(2)]
        await until(lambda: len(desk.heard) >= 2)
    assert desk.events() == listened


async def test_who_listens_and_who_is_told_get_the_same(make_office, tmp_path, desk):
    async with telling(make_office, f"sqlite:///{tmp_path / 's.db'}", desk) as office:
        token = office.tokens["ana"]
        async with office.session.ws_connect(f"{office.url}/v1/events", protocols=("vaiven", token)) as socket:
            await socket.receive_str()
            await office.handed_over()
            listened = [json.loads(await socket.receive_str()) for _ in range(2)]
        await until(lambda: len(desk.heard) >= 2)
    assert desk.events() == listened


async def test_only_the_kinds_that_are_asked_for(make_office, store_url, desk):
    async with telling(make_office, store_url, desk, frozenset({OPENED, CLOSED})) as office:
        await office.handed_over()
        await office.act("ana", "take")
        await office.act("ana", "close")
        await until(lambda: len(desk.heard) >= 2)
    assert [each["kind"] for each in desk.events()] == [OPENED, CLOSED]


@pytest.mark.parametrize("failure", [500, 404, 429, {"status": 302, "headers": {"Location": "/elsewhere"}}])
async def test_what_is_not_taken_is_told_again_the_same(make_office, tmp_path, desk, failure):
    desk.answers = [failure, failure]
    async with telling(make_office, f"sqlite:///{tmp_path / 's.db'}", desk, frozenset({OPENED})) as office:
        await office.handed_over()
        await until(lambda: len(desk.heard) >= 3)
        counts = office.bot.counts
        await until(lambda: counts["hooks", "desk", "told"])
        assert (counts["hooks", "desk", "told"], counts["hooks", "desk", "again"]) == (1, 2)
    assert len({body for _, body in desk.heard}) == 1
    assert len({headers["webhook-id"] for headers, _ in desk.heard}) == 1
    assert desk.elsewhere == 0, "an event goes to its address and nowhere else"


async def test_what_nobody_takes_is_a_dead_letter_that_can_be_put_back(make_office, store_url, desk):
    desk.answers = [410]
    async with telling(make_office, store_url, desk, frozenset({OPENED})) as office:
        store = office.bot.store
        await office.handed_over()
        (letter,) = await office.until(lambda: store.dead(9), bool)
        assert letter.event.body.data["reason"] == "http 410"
        assert len(desk.heard) == 1
        partition = letter.event.partition
        assert await store.revive(partition, letter.number, office.bot.clock())
        office.bot.turns.look([partition])
        await until(lambda: len(desk.heard) >= 2)
        assert await store.dead(9) == []
    assert desk.heard[0][1] == desk.heard[1][1]
    assert desk.heard[0][0]["webhook-id"] == desk.heard[1][0]["webhook-id"]


async def test_it_is_given_up_after_a_day(make_office, tmp_path, desk, monkeypatch):
    monkeypatch.setattr(hooks_module, "PATIENCE_MS", 150)
    desk.answers = [503] * 99
    async with telling(make_office, f"sqlite:///{tmp_path / 's.db'}", desk, frozenset({OPENED})) as office:
        await office.handed_over()
        (letter,) = await office.until(lambda: office.bot.store.dead(9), bool)
        assert letter.event.body.data["reason"] == "http 503"
        assert office.bot.counts["hooks", "desk", "gave up"] == 1


async def test_a_private_address_is_not_called_unless_it_is_allowed(make_office, tmp_path, desk, monkeypatch):
    monkeypatch.setattr(hooks_module, "PATIENCE_MS", 0)
    async with telling(make_office, f"sqlite:///{tmp_path / 's.db'}", desk, frozenset({OPENED}), Reach()) as office:
        await office.handed_over()
        (letter,) = await office.until(lambda: office.bot.store.dead(9), bool)
    assert (letter.event.body.data["reason"], desk.heard) == ("forbidden", [])


async def test_what_was_on_its_way_when_its_process_stopped_is_told_by_the_next(make_office, tmp_path, desk):
    url = f"sqlite:///{tmp_path / 's.db'}"
    desk.answers = [500] * 99
    async with telling(make_office, url, desk, frozenset({OPENED}), name="kept") as office:
        await office.handed_over()
        await until(lambda: desk.heard)
    desk.answers = []
    before = len(desk.heard)
    async with telling(make_office, url, desk, frozenset({OPENED}), name="kept", owner="next"):
        await until(lambda: len(desk.heard) > before)
    assert len({body for _, body in desk.heard}) == 1


async def test_what_was_under_way_when_its_process_died_is_told_again(make_office, store_url, desk):
    """Nobody knows whether it was heard. So it comes twice, and by its id the other side can know that."""
    desk.answers, name = [None], "died" + secrets.token_hex(4)
    async with telling(make_office, store_url, desk, frozenset({OPENED}), name=name) as office:
        await office.handed_over()
        await until(lambda: desk.heard)
    async with telling(make_office, store_url, desk, frozenset({OPENED}), name=name, owner="next") as office:
        await until(lambda: len(desk.heard) >= 2)
        await until(lambda: office.bot.counts["hooks", "desk", "told"])
    assert len({(headers["webhook-id"], body) for headers, body in desk.heard}) == 1


async def test_a_webhook_that_was_taken_out_of_the_settings_gets_nothing_more(make_office, tmp_path, desk, monkeypatch):
    url = f"sqlite:///{tmp_path / 's.db'}"
    desk.answers = [500] * 99
    async with telling(make_office, url, desk, frozenset({OPENED}), name="kept") as office:
        await office.handed_over()
        await until(lambda: desk.heard)
    before = len(desk.heard)
    monkeypatch.setattr(hooks_module, "PATIENCE_MS", 0)
    office = await make_office(url, "kept", "next").open()
    try:
        (letter,) = await office.until(lambda: office.bot.store.dead(9), bool)
        assert letter.event.body.data["reason"] == "no such webhook"
    finally:
        await office.close()
    assert len(desk.heard) == before


async def test_one_that_hangs_leaves_room_for_the_others(make_office, tmp_path, desk):
    desk.answers = [None] * 500
    other = Hook("other", desk.url.replace("/events", "/elsewhere"), (NEW,), frozenset({OPENED}))
    hooks = {"desk": Hook("desk", desk.url, (NEW,), frozenset({OPENED})), "other": other}
    more = {"hooks": hooks, "hook_caller": HttpCaller(desk.reach, redirects=0)}
    office = await make_office(f"sqlite:///{tmp_path}/hang.db", "hang", **more).open()
    try:
        count = 3 * hooks_module.SHARE
        for each in range(count):
            home = Urn(f"tel:+120255501{each:02d}")
            await office.says("hello", home)
            await office.says("1", home)
        await until(lambda: desk.elsewhere == count)
        assert len(desk.heard) == hooks_module.SHARE
        assert office.bot.counts["hooks", "desk", "busy"] > 0
    finally:
        desk.over.set()
        await office.close()
