"""``vaiven status`` and ``vaiven dead``: on a file that nobody serves, and beside a bot that serves from it."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from vaiven.edge.cli import run
from vaiven.edge.control import beside, control
from vaiven.edge.serve import acts
from vaiven.edge.status import ranges
from vaiven.model.events import Event
from vaiven.model.messages import InboundMessage
from vaiven.model.turns import Turn
from vaiven.model.urns import Urn
from vaiven.stores import open_store
from vaiven.stores.contract import Role
from vaiven.stores.sqlite import SqliteStore

BOT = "bot: hello\nflows: ../../flows/hello\nchannels: {phone: {type: simulator}}\nstore: sqlite:///hello.db\n"
WORDS = "my words, nobody else's business"
HOME = Urn("tel:+12025550147")


class Serving:
    """As much of a serving bot as the socket's acts need."""

    def __init__(self, store: SqliteStore) -> None:
        self.store, self.turns, self.counts, self.looked = store, self, {}, list[list[int]]()

    def look(self, partitions: list[int]) -> None:
        self.looked.append(partitions)

    def clock(self) -> int:
        return 9_000


async def fill(store: SqliteStore) -> None:
    """Two dead letters and an event that waits."""
    (epoch,) = (await store.lease(Role.TURN, "filler", [0], 60_000)).values()
    for index in range(3):
        event = Event(f"phone:{index}", HOME, 0, "phone", 1_000 + index, InboundMessage(f"{index}", HOME, text=WORDS))
        (number,) = await store.accept([event])
        if index:
            await store.commit([Turn(epoch, number, event, buried="failed 5 times")])
    await store.release(Role.TURN, "filler")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A bot whose store nobody serves from."""
    (tmp_path / "bots/hello").mkdir(parents=True)
    (tmp_path / "bots/hello/bot.yaml").write_text(BOT)
    monkeypatch.chdir(tmp_path)

    async def make() -> None:
        store = SqliteStore("hello.db")
        await store.open()
        await fill(store)
        await store.close()

    asyncio.run(make())
    return tmp_path


def beside_a_bot(action: Callable[[], Any]) -> tuple[Any, Serving]:
    """What ``action`` gives while a bot serves from the file, and that bot."""

    async def main() -> tuple[Any, Serving]:
        store = SqliteStore("hello.db")
        await store.open()
        bot = Serving(store)
        try:
            await store.attend(Role.TURN, "host:7:abc", 60_000)
            await store.lease(Role.TURN, "host:7:abc", [0], 60_000)
            async with control(beside(store.path), acts(bot)):  # type: ignore[arg-type]
                return await asyncio.to_thread(action), bot
        finally:
            await store.close()

    return asyncio.run(main())


def answered(capsys: pytest.CaptureFixture[str], *args: str, code: int = 0) -> Any:
    assert run([*args, "--json"]) == code
    return json.loads(capsys.readouterr().out)


# -- status ---------------------------------------------------------------------------------------------------------------


def test_status_of_a_bot_that_nobody_runs(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = answered(capsys, "status", "bots/hello", code=1)
    assert found["roles"] == {role: {"processes": [], "owners": {}, "unowned": [0]} for role in ("turn", "send")}
    assert (found["inbox"]["waiting"], found["dead"], found["outbox"]["unknown"]) == (1, 2, 0)
    assert run(["status", "bots/hello"]) == 1
    told = capsys.readouterr().out
    assert "turn: 0 processes\n  nobody  1: 0\n" in told
    assert "inbox: 1 waiting, the oldest for " in told
    assert "dead letters: 2" in told


def test_status_asks_the_process_that_serves_from_a_file(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _ = beside_a_bot(lambda: run(["status", "bots/hello", "--json"]))
    found = json.loads(capsys.readouterr().out)
    assert code == 1, "nobody sends"
    assert found["roles"]["turn"] == {"processes": ["host:7:abc"], "owners": {"host:7:abc": [0]}, "unowned": []}


def test_status_of_a_store_that_is_not_there(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["status", "bots/hello", "--store", "sqlite:///missing.db"]) == 3
    assert "missing.db" in capsys.readouterr().err
    assert not (project / "missing.db").exists()


@pytest.mark.parametrize(
    ("numbers", "told"), [((), "none"), ((3,), "1: 3"), ((0, 1, 2, 3, 7, 9, 10), "7: 0-3 7 9-10"), ((5, 4), "2: 4-5")]
)
def test_ranges_read_as_people_write_them(numbers: tuple[int, ...], told: str) -> None:
    assert ranges(numbers) == told


# -- dead -----------------------------------------------------------------------------------------------------------------


def test_dead_letters_are_listed_newest_first_without_a_word_of_anybody(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["dead", "list", "--bot", "bots/hello"]) == 0
    told = capsys.readouterr().out
    assert [line.split()[0] for line in told.splitlines()] == ["id", "0.3", "0.2"]
    assert "failed 5 times" in told
    assert "words" not in told
    assert "2025550147" not in told
    found = answered(capsys, "dead", "list", "--bot", "bots/hello", "--limit", "1")
    assert [(each["id"], each["channel"], each["kind"], each["at"]) for each in found["dead"]] == [
        ("0.3", "phone", "InboundMessage", "1970-01-01T00:00:01Z")
    ]


def test_one_is_shown_whole(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["dead", "show", "0.2", "--bot", "bots/hello"]) == 0
    told = capsys.readouterr().out
    assert WORDS in told
    assert "home: " in told
    found = answered(capsys, "dead", "show", "0.2", "--bot", "bots/hello")
    assert (found["event"]["body"]["text"], found["event"]["home"]) == (WORDS, HOME)


@pytest.mark.parametrize("serving", [False, True])
def test_one_is_put_back_once(project: Path, capsys: pytest.CaptureFixture[str], serving: bool) -> None:
    def retry() -> int:
        return run(["dead", "retry", "0.2", "--bot", "bots/hello"])

    if serving:
        code, bot = beside_a_bot(retry)
        assert bot.looked == [[0]]
    else:
        code = retry()
    assert code == 0
    assert capsys.readouterr().out == "0.2 is event 0.4 now.\n"
    assert answered(capsys, "status", "bots/hello", code=1)["inbox"]["waiting"] == 2
    assert retry() == 1
    assert "no dead letter 0.2" in capsys.readouterr().err


@pytest.mark.parametrize("serving", [False, True])
def test_one_is_forgotten(project: Path, capsys: pytest.CaptureFixture[str], serving: bool) -> None:
    def drop() -> int:
        return run(["dead", "drop", "0.3", "--bot", "bots/hello"])

    assert (beside_a_bot(drop)[0] if serving else drop()) == 0
    assert capsys.readouterr().out == "0.3 is forgotten.\n"
    assert [each["id"] for each in answered(capsys, "dead", "list", "--bot", "bots/hello")["dead"]] == ["0.2"]
    assert drop() == 1


@pytest.mark.parametrize("id", ["7", "0.x", "-1.2", "1.2.3", ".", "٣.٤"])
@pytest.mark.parametrize("act", ["show", "retry", "drop"])
def test_what_is_no_id_is_a_usage_error(project: Path, act: str, id: str) -> None:
    assert run(["dead", act, id, "--bot", "bots/hello"]) == 2


@pytest.mark.parametrize("act", ["show", "retry", "drop"])
def test_to_act_on_a_store_that_is_not_there_makes_none(project: Path, act: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["dead", act, "0.1", "--store", "sqlite:///missing.db"]) == 3
    assert "there is no such file" in capsys.readouterr().err
    assert not (project / "missing.db").exists()


def test_a_process_that_serves_and_cannot_be_asked_is_told(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async def while_serving() -> int:
        store = open_store("sqlite:///hello.db")
        await store.open()
        try:
            return await asyncio.to_thread(run, ["dead", "drop", "0.2", "--bot", "bots/hello"])
        finally:
            await store.close()

    assert asyncio.run(while_serving()) == 3
    assert "cannot be asked. Stop it first." in capsys.readouterr().err


def test_a_server_s_store_needs_the_name_of_its_bot(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["dead", "list", "--store", "redis://127.0.0.1:1"]) == 3
    assert "--bot PATH" in capsys.readouterr().err
