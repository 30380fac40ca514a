"""The first screen keeps its word: the flow loads and does what it looks like, the commands are there, the settings are right."""

import re
from pathlib import Path

import pytest

from vaiven.edge.cli import run
from vaiven.edge.settings import load_settings
from vaiven.testing.talk import Talk, instant_ms

META = ("WHATSAPP_TOKEN", "META_APP_SECRET", "META_VERIFY_TOKEN", "MESSENGER_PAGE_TOKEN")
ENVIRON = {
    "PUBLIC_URL": "https://bot.example",
    "TWILIO_ACCOUNT_SID": "AC00000000000000000000000000000001",
    "TWILIO_AUTH_TOKEN": "invented",
    **dict.fromkeys(META, "invented"),
}


@pytest.fixture
def bot(page, tmp_path: Path) -> Path:
    """The flow and the bot of the README as files, with the channels that it shows further down."""
    flow, settings, *channels = [block.text for block in page("README.md").blocks() if block.language == "yaml"]
    for name, text in {"flows/lunch/lunch.flow.yaml": flow, "bots/lunch/bot.yaml": "".join([settings, *channels])}.items():
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text(text, "utf-8")
    return tmp_path / "bots/lunch"


def test_the_flow_is_a_vote_in_ten_lines(bot: Path) -> None:
    file = bot.parents[1] / "flows/lunch/lunch.flow.yaml"
    assert len(file.read_text("utf-8").splitlines()) <= 10
    talk = Talk.of(file)
    assert talk.say("lunch") == ["What do we order today?\n1 Pizza\n2 Salad\n3 Soup of the day"]
    assert talk.say("2") == ["Salad it is. Thank you!"]
    assert talk.say("Lunch soup") == ["Soup of the day it is. Thank you!"]
    assert talk.votes == {("lunch", "salad", "counted"): 1, ("lunch", "soup", "counted"): 1}


def test_every_channel_that_it_shows_is_set_up_rightly(bot: Path) -> None:
    settings = load_settings(bot, environ=ENVIRON)
    assert {each.type for each in settings.channels} == {"simulator", "twilio", "whatsapp-cloud", "messenger"}


def test_webhooks_are_where_it_says(page, bot: Path) -> None:
    names = {each.name for each in load_settings(bot, environ=ENVIRON).channels}
    told = re.findall(r"https://bot\.example/hooks/(\w+)", page("README.md").text)
    assert set(told) <= names
    assert len(told) == 3


def test_its_commands_are_in_the_makefile(page, root: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (root / "Makefile").read_text("utf-8"), re.MULTILINE))
    assert set(re.findall(r"\bmake ([a-z]+)\b", page("README.md").text)) <= targets


def test_the_table_of_commands_is_about_a_bot_that_is_there(page, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root)
    lines = re.findall(r"^\| `vaiven ([^`]+)`", page("README.md").section("## A bot"), re.MULTILINE)
    told = {line.split()[0] for line in lines}
    assert told == {"talk", "check", "test", "run", "votes", "diff", "replay", "doctor", "status"}
    named = [word for line in lines for word in line.split() if "/" in word]
    assert len(named) == 6
    assert [word for word in named if not (root / word).exists()] == []
    assert run(["check", *named]) == 0
    (poll,) = [line.split()[2] for line in lines if line.startswith("votes show")]
    (flow,) = [word for word in named if word.endswith(".flow.yaml")]
    talk = Talk.of(flow, params={"opens": "2026-12-05T20:00Z", "closes": "2026-12-05T22:15Z", "max_votes": 10})
    talk.now_ms = instant_ms("2026-12-05T20:30Z")
    talk.say("vote 1")
    assert {name for name, _, _ in talk.votes} == {poll}


def test_after_make_the_command_is_where_it_says(page, root: Path) -> None:
    venv = re.search(r"^VENV := (\S+)$", (root / "Makefile").read_text("utf-8"), re.MULTILINE)
    assert venv is not None
    told = page("README.md").text
    assert f". {venv[1]}/bin/activate" in told
    assert f"{venv[1]}/bin/vaiven" in told
    assert "pip install ." in told


def test_its_folders_are_there(page, root: Path) -> None:
    folders = re.findall(r"^\| `([\w/]+)`", page("README.md").section("## The repository"), re.MULTILINE)
    assert folders
    assert [folder for folder in folders if not (root / folder).is_dir()] == []
    rooms = {path.name for path in (root / "framework/vaiven").iterdir() if (path / "__init__.py").exists()}
    assert rooms == {folder.rpartition("/")[2] for folder in folders if folder.startswith("framework/")}
