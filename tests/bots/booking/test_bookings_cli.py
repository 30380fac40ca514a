"""``vaiven bookings`` beside a bot that serves, on SQLite and on Redis."""

import asyncio
import json
import re
import shutil
import time
from collections.abc import AsyncIterator, Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from vaiven.edge.books import Book, Booking
from vaiven.edge.cli import run
from vaiven.edge.control import beside, control
from vaiven.edge.ics import read
from vaiven.edge.serve import acts
from vaiven.stores.sqlite import SqliteStore

ANA, BEA = "+12025550111", "+12025550112"
MADRID = ZoneInfo("Europe/Madrid")
DAILY = {"open": {"mon-sun": "00:00-24:00"}}
ROOT = Path(__file__).parents[3]
FOLDER = str(ROOT / "bots/booking")

Command = Callable[..., Any]


@pytest.fixture
def hours() -> str:
    """When the house is open, each day."""
    return "00:00-24:00"


@pytest.fixture
def folder(tmp_path: Path, hours: str) -> Path:
    """The bot with hours of its own, as the one that serves has them."""
    made = tmp_path / "bot"
    shutil.copytree(FOLDER, made)
    text = (made / "bot.yaml").read_text()
    text = re.sub(r"  open: \{.*\n", f"  open: {{mon-sun: '{hours}'}}\n", text).replace("../../flows", str(ROOT / "flows"))
    (made / "bot.yaml").write_text(text)
    return made


@pytest.fixture
async def desk(
    make_house: Any, folder: Path, hours: str, capsys: pytest.CaptureFixture[str]
) -> AsyncIterator[tuple[Any, Command]]:
    """A bot that serves now, and the command line beside it."""
    places = [{"id": "room", "label": "Dining room", "seats": 4}]
    house = await make_house(
        {"places": places, "offered": 48}, at_ms=time.time_ns() // 1_000_000, hours={"open": {"mon-sun": hours}}
    )
    store = house.store

    async def command(*words: str, code: int = 0) -> str:
        given = ["bookings", *words, "--bot", str(folder), "--store", house.url]
        assert await asyncio.to_thread(run, given) == code
        return capsys.readouterr().out

    if not isinstance(store, SqliteStore):
        yield house, command
        return
    async with control(beside(store.path), acts(house.bot)):
        yield house, command


def tomorrow() -> str:
    return (datetime.now(MADRID) + timedelta(days=1)).date().isoformat()


async def booked(house: Any, number: str = ANA, at: str = "20:00", name: str = "Ana") -> str:
    heard = await house.say(number, "book", "4", tomorrow(), at, name, "yes")
    assert heard[-1].startswith("Booked at"), heard
    return heard[-1].rpartition(" ")[2].rstrip(".")


@pytest.mark.parametrize("hours", ["20:00-22:00"])
async def test_what_is_open_past_midnight_is_blocked_in_the_book_of_the_evening(desk: Any, tmp_path: Path) -> None:
    house, command = desk
    evening = datetime.now(MADRID).date() + timedelta(days=1)
    (tmp_path / "late.csv").write_text("days,opens,closes\nmon-sun,20:00,03:00\n")
    await command("hours", str(tmp_path / "late.csv"))
    at = f"{evening + timedelta(days=1)}T01:00"
    assert "is blocked" in await command("block", at)
    heard = (await house.say(ANA, "book", "4", evening.isoformat()))[-1]
    assert "00:30" in heard
    assert "01:00" not in heard
    await command("hours", "--reset")
    assert await command("block", f"{evening}T20:17", code=2) == ""


@pytest.mark.parametrize("at", ["T20:17", "T23:50"])
async def test_only_a_time_to_come_is_blocked(desk: Any, at: str) -> None:
    _, command = desk
    assert await command("block", tomorrow() + at, code=2) == ""
    assert await command("block", "2020-01-01T20:00", code=2) == ""
    assert await command("list") == "No bookings.\n"


async def test_hours_of_a_file_go_again(desk: Any, tmp_path: Path) -> None:
    house, command = desk
    (tmp_path / "noon.csv").write_text("days,opens,closes\nmon-sun,12:00,14:00\n")
    assert "366 days are taken" in await command("hours", str(tmp_path / "noon.csv"))
    assert "20:00" not in (await house.say(ANA, "book", "4", tomorrow()))[-1]
    assert "366 days have the hours of bot.yaml again" in await command("hours", "--reset")
    assert "20:00" in (await house.say(BEA, "book", "4", tomorrow()))[-1]
    await command("hours", code=2)


async def test_a_calendar_of_nothing_is_one(desk: Any) -> None:
    _, command = desk
    empty = await command("export")
    assert "BEGIN:X-NOTHING\r\nEND:X-NOTHING\r\n" in empty
    assert read(empty, MADRID) == []


async def test_what_is_booked_is_listed_and_shown(desk: Any) -> None:
    house, command = desk
    assert await command("list") == "No bookings.\n"
    code = await booked(house, name="Ana \x1b[31m\u202e")
    listed = await command("list")
    assert code in listed
    assert f"{tomorrow()}T20:00" in listed
    assert ANA in listed
    assert "\x1b" not in listed
    assert "\\u202e" in listed
    (one,) = json.loads(await command("list", "--json"))["bookings"]
    assert one | {"start": ""} == {
        "code": code, "state": "booked", "place": "room", "at": f"{tomorrow()}T20:00", "start": "", "people": 4,
        "name": one["name"], "guest": f"tel:{ANA}", "channel": "sms", "zone": "Europe/Madrid",
    }  # fmt: skip
    assert f"code: {code}\n" in await command("show", code.lower())
    assert await command("show", "NOPE", code=1) == ""
    assert await command("list", "--days", "1") == "No bookings.\n"


@pytest.mark.parametrize("hours", ["23:59-01:00"])
async def test_the_night_under_way_is_listed_until_it_is_over(
    make_house: Any, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    now = datetime.now(MADRID)
    last_night = (now - timedelta(days=1)).replace(hour=23, minute=59, second=0, microsecond=0)
    tonight = now.replace(hour=23, minute=59, second=0, microsecond=0)
    lasts = int((tonight.astimezone(UTC) - last_night.astimezone(UTC)).total_seconds()) // 60
    params = {"places": [{"id": "room", "label": "Room", "seats": 4}], "lasts": lasts, "last": 30}
    at_ms = int((last_night.astimezone(UTC) - timedelta(hours=10)).timestamp() * 1000)
    house = await make_house(params, at_ms=at_ms, hours={"open": {"mon-sun": "23:59-01:00"}})
    heard = await house.say(ANA, "book", "4", "today", "23:59", "Ana", "yes")
    assert heard[-1].startswith("Booked at"), heard

    async def listed(*words: str) -> str:
        given = ["bookings", "list", *words, "--bot", str(folder), "--store", house.url]
        assert await asyncio.to_thread(run, given) == 0
        return capsys.readouterr().out

    assert f"{last_night:%Y-%m-%dT%H:%M}" in await listed()
    assert await listed("--from", now.date().isoformat()) == "No bookings.\n"


def test_of_the_night_before_only_what_is_not_over_is_there() -> None:
    midnight = datetime(2026, 11, 28, tzinfo=MADRID)
    early, late = (
        Booking(
            code, "booked", "room", date(2026, 11, 27), midnight + begins, midnight + ends, 4, "", "tel:+12025550111", "sms", ""
        )
        for code, begins, ends in (
            ("A", -timedelta(hours=3), -timedelta(hours=1)),
            ("B", -timedelta(minutes=30), timedelta(hours=1)),
        )
    )
    book = Book("room", date(2026, 11, 27), (early, late), 3, ("20:00",))
    left = book.from_now(midnight + timedelta(minutes=15))
    assert left == Book("room", date(2026, 11, 27), (late,), 0, ())
    assert book.from_now(midnight + timedelta(hours=1)) is None


async def test_what_is_held_is_listed_only_with_all(desk: Any) -> None:
    house, command = desk
    await house.say(ANA, "book", "4", tomorrow(), "20:00")
    assert await command("list") == "No bookings.\n"
    assert " held " in await command("list", "--all")


async def test_one_is_cancelled_and_the_guest_is_told(desk: Any) -> None:
    house, command = desk
    code = await booked(house)
    assert await command("cancel", code) == f"{code} is cancelled, and the guest is told.\n"
    await house.rest()
    assert (await house.heard(ANA))[-1].startswith("We are sorry: we have to cancel your table")
    assert await command("cancel", code, code=1) == ""


async def test_a_blocked_time_is_not_offered_until_it_is_again(desk: Any) -> None:
    house, command = desk
    at = f"{tomorrow()}T20:00"
    assert json.loads(await command("block", at, "--json")) == {"place": "room", "at": at, "done": True}
    assert "blocked at 20:00" in await command("list")
    heard = await house.say(ANA, "book", "4", tomorrow())
    assert "19:30" in heard[-1]
    assert "20:00" not in heard[-1]
    await command("unblock", at)
    assert "20:00" in (await house.say(BEA, "book", "4", tomorrow()))[-1]


@pytest.mark.parametrize(
    "words",
    [
        ("block", "tonight"),
        ("block", "2026-12-24"),
        ("block", "2026-12-24T20:00", "--place", "roof"),
        ("list", "--from", "today"),
        ("list", "--from", "9999-12-31"),
        ("block", "9999-12-31T20:00"),
        ("export", "-o", "/nowhere/at/all.ics"),
    ],
)
async def test_what_cannot_be_meant_is_said(desk: Any, words: tuple[str, ...]) -> None:
    _, command = desk
    await command(*words, code=2)


async def test_hours_come_from_a_file_and_go_before_those_of_the_bot(desk: Any, tmp_path: Path) -> None:
    house, command = desk
    file = tmp_path / "hours.csv"
    file.write_text("days,opens,closes\nmon-sun,13:00,14:30\n")
    assert "are taken for room." in await command("hours", str(file), "--days", "10")
    await house.rest()
    assert (await house.say(ANA, "book", "4", tomorrow()))[-1].splitlines()[1:] == ["1 13:00", "2 13:30"]
    file.write_text(f"days,opens,closes\n{tomorrow()},,\n")
    assert (
        await command("hours", str(file), "--dry-run") == f"{tomorrow()} closed\n1 days, of which nothing was taken for room.\n"
    )
    await command("hours", str(file))
    await house.rest()
    assert (await house.say(BEA, "book", "4", tomorrow()))[-2].startswith("We are closed on")
    file.write_text("days,opens,closes\nfunday,1,2\n")
    await command("hours", str(file), code=1)


async def test_the_calendar_tells_no_names_unless_asked(desk: Any, tmp_path: Path) -> None:
    house, command = desk
    code = await booked(house, name="Ana; Söhne, \\o/")
    plain, whole = await command("export"), tmp_path / "bookings.ics"
    assert "Ana" not in plain
    assert ANA not in plain
    await command("export", "--names", "-o", str(whole))
    text = whole.read_bytes().decode()
    assert "SUMMARY:Ana\\; Söhne\\, \\\\o/\\, 4 people\r\n" in text
    assert all(len(line.encode()) <= 75 for line in text.split("\r\n"))
    (event,) = read(text, MADRID)
    assert event.starts.astimezone(MADRID).strftime("%H:%M") == "20:00"
    assert (event.starts.tzinfo, event.lasts) == (UTC, timedelta(minutes=90))
    assert code in text


async def test_what_cannot_be_told_to_who_serves_is_not_done(make_house: Any, capsys: pytest.CaptureFixture[str]) -> None:
    house = await make_house(at_ms=time.time_ns() // 1_000_000, hours=DAILY)
    code = await booked(house, at="00:30")
    if isinstance(house.store, SqliteStore):
        given = ["bookings", "cancel", code, "--bot", FOLDER, "--store", house.url]
        assert await asyncio.to_thread(run, given) == 3
        assert "a process serves from it that cannot be asked" in capsys.readouterr().err
