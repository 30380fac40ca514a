"""``docs/run.md`` has every setting and every metric, and none that is not there; what it shows as code works."""

import asyncio
import re
import sqlite3
from contextlib import closing
from dataclasses import fields
from pathlib import Path

import pytest

from vaiven.channels import messenger, simulator, twilio, whatsapp
from vaiven.channels.registry import BUILT_IN
from vaiven.channels.settings import COMMON
from vaiven.edge import settings
from vaiven.edge.metrics import road
from vaiven.edge.status import NOBODY, Status
from vaiven.edge.web import BODY_LIMIT_BYTES, BODY_S
from vaiven.flow.spec import BotSpec, Words
from vaiven.runtime.counts import NAMES, from_zero
from vaiven.runtime.pacing import Pacing
from vaiven.stores import open_store
from vaiven.stores.contract import Counts as Waiting
from vaiven.testing.builders import make_event

_CELL = re.compile(r"`([^`]+)`")
TYPES = {"twilio": twilio, "whatsapp-cloud": whatsapp, "messenger": messenger, "simulator": simulator}


def rows(section: str) -> list[list[str]]:
    """The cells of every table row, heads and rules left out."""
    lines = [line for line in section.splitlines() if line.startswith("| ")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [row for row in cells if not row[0].startswith("---") and row[0] not in ("key", "type", "counter", "gauge")]


def first_table(section: str) -> str:
    return re.split(r"^### ", section, flags=re.MULTILINE)[0]


def keys(section: str) -> set[str]:
    return {key for row in rows(section) for key in _CELL.findall(row[0])}


def test_every_key_of_bot_yaml_is_told(page) -> None:
    assert keys(first_table(page("docs/run.md").section("## bot.yaml"))) == set(settings._KNOWN)


def test_a_key_that_is_told_is_taken_and_another_is_not(page, tmp_path: Path) -> None:
    (tmp_path / "a.flow.yaml").write_text("flow: a\nstarts: [{fallback: true}]\nsteps:\n  hi: {end: Hi.}\n", "utf-8")
    told = sorted(keys(first_table(page("docs/run.md").section("## bot.yaml"))) - {"bot", "flows", "channels"})
    (tmp_path / "bot.yaml").write_text(
        "bot: a\nflows: .\nchannels: {phone: {type: simulator}}\ncolour: red\n" + "".join(f"{key}: {{}}\n" for key in told),
        "utf-8",
    )
    _, problems = settings.read_settings(tmp_path)
    assert [problem.text for problem in problems if problem.code == "unknown-setting"] == ["the file has no setting 'colour'"]


def test_every_word_and_what_it_is_by_default(page) -> None:
    told = {row[0].strip("`"): row[2] for row in rows(page("docs/run.md").section("### words"))}
    assert told == {each.name: each.default for each in fields(Words) if each.name != "error"}


def test_defaults_at_the_top_are_those_of_the_code(page) -> None:
    told = {row[0].strip("`"): row[2].strip("`") for row in rows(first_table(page("docs/run.md").section("## bot.yaml")))}
    assert (told["lang"], told["zone"]) == (BotSpec("a").lang, BotSpec("a").zone)


def test_every_setting_that_all_channels_have(page) -> None:
    section = page("docs/run.md").section("### Settings of every channel")
    assert keys(section) == {setting.name for setting in COMMON}
    told = {row[0]: row[2] for row in rows(section)}
    assert told["`connections`"] == str(Pacing().connections)
    assert told["`hold`"] == f"{Pacing().hold_ms // 1000}s"


def test_every_setting_of_each_type(page) -> None:
    told: dict[str, set[str]] = {}
    types: list[str] = []
    for kinds, key, *_ in rows(page("docs/run.md").section("### Settings by type")):
        types = _CELL.findall(kinds) or types
        for each in types:
            told.setdefault(each, set()).add(key.strip("`"))
    common = {setting.name for setting in COMMON}
    assert set(TYPES) == set(BUILT_IN)
    assert told == {kind: {each.name for each in module.SETTINGS} - common for kind, module in TYPES.items()}


def test_secrets_are_said_to_be_secret(page) -> None:
    section = page("docs/run.md").section("### Settings by type")
    told = {row[1].strip("`") for row in rows(section) if row[2].endswith("Secret")}
    assert told == {each.name for module in TYPES.values() for each in module.SETTINGS if each.secret}


def test_every_counter_with_its_labels(page) -> None:
    told = {row[0].strip("`"): tuple(_CELL.findall(row[1])) for row in rows(page("docs/run.md").section("### Metrics"))}
    assert {name: labels for name, labels in told.items() if name.endswith("_total")} == {
        f"vaiven_{name}_total": labels for name, (_, labels) in NAMES.items()
    }


def test_every_metric_that_a_bot_gives(page) -> None:
    waiting = Waiting(inbox=1, oldest_inbox_ms=0, rows={"queued": 1}, timers=1, dead=1, classes={"reply": 1})
    given = set(re.findall(r"^# TYPE (\w+)", road(from_zero(), Status(1, 1, waiting, [], NOBODY)).render(), re.MULTILINE))
    assert {row[0].strip("`") for row in rows(page("docs/run.md").section("### Metrics"))} == given


def test_limits_at_the_door(page) -> None:
    told = page("docs/run.md").section("## What the door answers")
    assert f"within {BODY_S:.0f} seconds" in told
    assert f"larger than {BODY_LIMIT_BYTES // 2**20} MiB" in told


@pytest.fixture
async def votes_db(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store with an event in it, in the folder that the page's code is run in, and still open."""
    monkeypatch.chdir(tmp_path)
    return tmp_path / "votes.db"


async def test_the_backup_has_what_the_store_has_while_it_serves(page, votes_db: Path) -> None:
    backup, _ = [block.text for block in page("docs/run.md").blocks() if block.language == "python"]
    store = open_store(f"sqlite:///{votes_db}")
    await store.open()
    try:
        await store.accept([make_event()])
        exec(backup, {})
    finally:
        await store.close()
    with closing(sqlite3.connect("votes-copy.db")) as copy:
        assert copy.execute("SELECT count(*) FROM inbox").fetchone() == (1,)
    restored = open_store(f"sqlite:///{votes_db.with_name('votes-copy.db')}")
    await restored.open()
    assert (await restored.counts()).inbox == 1
    await restored.close()


async def test_unknown_outcomes_can_be_listed(page, votes_db: Path) -> None:
    _, listing = [block.text for block in page("docs/run.md").blocks() if block.language == "python"]
    store = open_store(f"sqlite:///{votes_db}")
    await store.open()
    await store.close()
    await asyncio.to_thread(exec, listing, {})
