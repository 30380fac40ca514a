"""Events by WebSocket: what the log has, to whoever may listen, from where they left off."""

import asyncio
import contextlib
import json
import secrets

import aiohttp
import pytest

from vaiven.edge.api import streams
from vaiven.model.errors import StoreUnavailable
from vaiven.model.urns import Urn
from vaiven.runtime.conversations import id_of
from vaiven.runtime.event_log import After, EventLog, LogEvent
from vaiven.runtime.tokens import REVOKE, WRITE, change_token

ZOE = Urn("tel:+12025550123")
YAN = Urn("tel:+12025550124")


def listen(office, agent="ana", since=None, **options):
    token = office.tokens.get(agent, agent)
    query = "" if since is None else f"?since={since}"
    return office.session.ws_connect(f"{office.url}/v1/events{query}", protocols=("vaiven", token), **options)


async def hear(socket, count):
    """The next events."""
    async with asyncio.timeout(15):
        return [json.loads(await socket.receive_str()) for _ in range(count)]


def told(events):
    return [(each["kind"].removeprefix("conversation."), each.get("by", "")) for each in events]


async def test_a_whole_conversation_is_told(office):
    async with listen(office) as socket:
        (hello,) = await hear(socket, 1)
        assert hello == {"kind": "hello", "number": 0}
        await office.handed_over()
        await office.says("are you there?")
        await office.act("ana", "note", {"text": "a regular"})
        await office.act("ana", "take")
        await office.says("my parcel")
        await office.act("ana", "reply", {"text": "On its way."})
        await office.act("ana", "close")
        events = await hear(socket, 9)
    assert told(events) == [
        ("opened", "bot"),
        ("message", "bot"),
        ("message", "person"),
        ("noted", "agent"),
        ("taken", "agent"),
        ("message", "bot"),
        ("message", "person"),
        ("message", "agent"),
        ("closed", "agent"),
    ]
    assert {(each["conversation"], each["channel"], each["queue"]) for each in events} == {
        (id_of(ZOE, "phone"), "phone", "support")
    }
    numbers = [each["number"] for each in events]
    assert numbers == sorted(set(numbers))
    assert len({each["id"] for each in events}) == 9
    assert all(each["id"].startswith(f"evt_{office.name}_") for each in events)
    assert all(0 <= office.bot.clock() - each["at"] < 60_000 for each in events)
    assert events[4]["agent"] == events[8]["agent"] == {"id": "ana", "name": "Ana"}
    assert "parcel" not in json.dumps(events)
    assert "regular" not in json.dumps(events)


async def test_handing_back_and_giving_up_are_told(office):
    async with listen(office) as socket:
        await hear(socket, 1)
        await office.handed_over()
        await office.act("ana", "take")
        await office.act("ana", "return")
        assert told(await hear(socket, 5))[-1] == ("returned", "agent")
        await office.says("1")
        await office.says("STOP")
        assert told(await hear(socket, 4)) == [("opened", "bot"), ("message", "bot"), ("message", "person"), ("returned", "bot")]


async def test_what_is_refused_and_what_the_bot_does_alone_is_not_told(office):
    await office.says("hello")
    await office.says("2")
    status, _ = await office.act("ana", "close")
    assert status == 409
    assert await EventLog(office.bot.store, office.name).last() == 0


async def test_who_comes_again_hears_what_they_missed_once(office):
    await office.handed_over()
    async with listen(office, since=0) as socket:
        hello, opened, said = await hear(socket, 3)
    assert hello == {"kind": "hello", "number": 0}  # not past what follows, where one may be cut off
    assert told([opened, said]) == [("opened", "bot"), ("message", "bot")]
    async with listen(office, since=opened["number"]) as socket:
        hello, again = await hear(socket, 2)
        assert again == said
        await office.act("ana", "take")
        assert told(await hear(socket, 1)) == [("taken", "agent")]


async def test_who_asks_for_more_than_is_kept_is_told_so(office, monkeypatch):
    await office.handed_over()
    last = await office.until(EventLog(office.bot.store, office.name).last, lambda number: number >= 2)
    async with listen(office, since=last + 1000) as socket:
        assert [each["kind"] for each in await hear(socket, 2)] == ["hello", "missed"]
    monkeypatch.setattr("vaiven.runtime.event_log.LONGEST", 1)
    async with listen(office, since=0) as socket:
        hello, missed = await hear(socket, 2)
    assert missed == {"kind": "missed", "number": hello["number"]}


async def test_every_process_tells_what_any_of_them_turned(make_office, redis_url):
    """The log is read, so a process that turned nothing tells all the same, and none tells twice."""
    name = "both" + secrets.token_hex(4)
    one, other = await make_office(redis_url, name).open(), await make_office(redis_url, name, "other").open()
    try:
        async with listen(one) as here, listen(other) as there:
            await hear(here, 1), await hear(there, 1)
            for home in (ZOE, YAN):
                await one.handed_over(home)
            heard = await hear(here, 4)
            assert sorted(told(heard)) == [("message", "bot")] * 2 + [("opened", "bot")] * 2
            assert await hear(there, 4) == heard
    finally:
        await other.close()
        await one.close()


@pytest.mark.parametrize(
    ("headers", "protocols", "status", "code"),
    [
        ({}, ("vaiven", "vvn_nobody"), 401, "unauthorized"),
        ({}, (), 401, "unauthorized"),
        ({"Origin": "https://elsewhere.example"}, ("vaiven", "ana"), 403, "origin"),
        ({"Origin": "null"}, ("vaiven", "ana"), 403, "origin"),
        ({"Origin": "https://desk.example.org"}, ("vaiven", "ana"), 403, "origin"),
        ({}, ("vaiven", "mute"), 403, "forbidden"),
    ],
)
async def test_who_may_not_listen(office, headers, protocols, status, code):
    await office.hire("writer", (WRITE,))
    office.tokens["mute"] = office.tokens["writer"]
    protocols = tuple(office.tokens.get(each, each) for each in protocols)
    wanted = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", **headers}
    wanted["Sec-WebSocket-Key"] = "dGhlIHNhbXBsZSBub25jZQ=="
    if protocols:
        wanted["Sec-WebSocket-Protocol"] = ", ".join(protocols)
    async with office.session.get(f"{office.url}/v1/events", headers=wanted) as response:
        problem = await response.json(content_type="application/problem+json")
    assert (response.status, problem["code"]) == (status, code)


async def test_a_page_of_ours_and_a_program_may(office):
    for origin in (office.url, "https://desk.example", "https://DESK.example:443"):  # the last ones: behind a proxy
        async with listen(office, origin=origin) as socket:
            assert (socket.protocol, (await hear(socket, 1))[0]["kind"]) == ("vaiven", "hello")
    headers = {"Authorization": f"Bearer {office.tokens['ana']}"}
    async with office.session.ws_connect(f"{office.url}/v1/events", headers=headers) as socket:
        assert (await hear(socket, 1))[0]["kind"] == "hello"


async def test_without_an_upgrade_there_is_a_problem(office):
    assert (await office.ask("GET", "/events"))[1]["code"] == "upgrade"
    headers = {"Upgrade": "websocket", "Sec-WebSocket-Version": "99"}
    assert (await office.ask("GET", "/events", **headers))[0] == 426
    assert (await office.ask("GET", "/events?since=x"))[1]["code"] == "bad_query"
    assert (await office.ask("GET", f"/events?token={office.tokens['ana']}"))[1]["code"] == "bad_query"


async def test_a_revoked_token_ends_the_connection(office):
    id_ = await office.hire("cyn")
    async with listen(office, "cyn") as socket:
        await hear(socket, 1)
        await change_token(office.bot.store, office.name, REVOKE, {"id": id_}, office.bot.clock())
        office.bot.turns.look(range(office.bot.store.partitions))
        async with asyncio.timeout(15):
            assert (await socket.receive()).type is aiohttp.WSMsgType.CLOSE
        assert socket.close_code == streams.REVOKED


async def test_a_stopping_process_says_that_it_goes(office):
    async with listen(office) as socket:
        await hear(socket, 1)
        office.bot.ready = False
        async with asyncio.timeout(15):
            await socket.receive()
        assert socket.close_code == aiohttp.WSCloseCode.GOING_AWAY
    office.bot.ready = True


async def test_who_talks_instead_of_listening_is_let_go(office):
    async with listen(office) as socket:
        await hear(socket, 1)
        await socket.send_str("hello?")
        async with asyncio.timeout(15):
            await socket.receive()
        assert socket.close_code == aiohttp.WSCloseCode.POLICY_VIOLATION


async def test_one_token_has_so_many_connections(office, monkeypatch):
    monkeypatch.setattr(streams, "EACH", 1)
    async with listen(office) as socket:
        await hear(socket, 1)
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            async with listen(office):
                raise AssertionError("one too many")
        assert refused.value.status == 429
        async with listen(office, "bea") as other:
            await hear(other, 1)


async def test_a_store_that_does_not_answer_ends_nobody(office, monkeypatch):
    log = EventLog.after
    broken = [3]

    async def after(self, number):
        if broken[0]:
            broken[0] -= 1
            raise StoreUnavailable("asleep", 1)
        return await log(self, number)

    async with listen(office) as socket:
        await hear(socket, 1)
        monkeypatch.setattr(EventLog, "after", after)
        await office.handed_over()
        assert told(await hear(socket, 2)) == [("opened", "bot"), ("message", "bot")]
        assert broken == [0]


def test_a_listener_that_takes_nothing_is_let_go_and_not_kept_for():
    listener = streams.Listener(None, 0)
    for number in range(streams.BEHIND):
        listener.tell(streams.Missed("missed", number))
    assert not listener.ended.is_set()
    listener.tell(streams.Missed("missed", 0))
    assert (listener.ended.is_set(), listener.code) == (True, streams.SLOW)
    assert listener.waiting.qsize() == streams.BEHIND


async def test_a_socket_that_nobody_reads_is_cut(office, monkeypatch):
    """Its buffers and ours are full; then a word does not go out in time, and the connection is gone."""
    monkeypatch.setattr(streams, "SLOW_S", 0.3)
    monkeypatch.setattr(streams, "CLOSING_S", 0.1)
    monkeypatch.setattr(streams, "POLL_S", 0.01)
    long = "x" * 1_000_000

    async def after(_, number):
        event = LogEvent("conversation.message", f"evt_{number}", number + 1, long, "phone", "support", "bot", 1)
        return After([event], number + 1, True)

    monkeypatch.setattr(EventLog, "after", after)
    host, port = office.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port), limit=1024)
    writer.write(
        f"GET /v1/events HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        f"Authorization: Bearer {office.tokens['ana']}\r\n\r\n".encode()
    )
    assert b"101" in await reader.readline()
    tasks = asyncio.all_tasks()

    async def writing():
        return [task for task in asyncio.all_tasks() & tasks if "_write" in repr(task)]

    assert await writing()
    await office.until(writing, lambda left: not left)
    async with asyncio.timeout(15):
        with contextlib.suppress(ConnectionResetError):
            while await reader.read(1 << 20):
                pass
    writer.close()
