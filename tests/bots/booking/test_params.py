"""What is wrong with the params of the bot is told before it starts: where, what is so, what would be right."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from vaiven.edge.cli import run
from vaiven.edge.settings import load_settings, read_settings
from vaiven.model.errors import SettingsError

FOLDER = Path(__file__).parents[3] / "bots/booking"
ROOM = {"id": "room", "label": "Dining room", "seats": 24}
BAR = {"id": "bar", "label": "Bar", "seats": 6}


@pytest.fixture
def told() -> Callable[..., list[str]]:
    def read(**params: Any) -> list[str]:
        _, problems = read_settings(FOLDER, {"params": params})
        return [f"{problem.text} {problem.cure}" for problem in problems]

    return read


@pytest.mark.parametrize(
    ("params", "begin"),
    [
        ({"places": [{**ROOM, "hourse": "open"}]}, "'params.places[0].hourse' is not known Did you mean 'hours'?"),
        (
            {"places": [{**ROOM, "hours": "opne"}]},
            "'params.places[0].hours' has no opening hours: the bot has no `hours` named 'opne'",
        ),
        ({"places": [ROOM, {**BAR, "id": "b/ar"}]}, "'params.places[1].id' must be a name"),
        ({"places": [ROOM, {**BAR, "id": 7}]}, "'params.places[1].id' must be a name"),
        ({"places": [ROOM, {**BAR, "id": "room"}]}, "'params.places[1].id' is the name of another place"),
        ({"places": [ROOM, {"id": "bar", "seats": 6}]}, "'params.places[1].label' must be a text"),
        ({"places": [{**ROOM, "seats": "many"}]}, "'params.places[0].seats' must be a whole number from 1 on"),
        ({"places": [{"id": "room"}]}, "'params.places[0]' has no seats"),
        ({"places": ["room"]}, "'params.places[0]' must be a map"),
        ({"places": "room"}, "'params.places' must be a list of places"),
        ({"places": []}, "'params.places' must be a list of places"),
        ({"every": 0}, "'params.every' must be a whole number from 1 on"),
        ({"every": "half an hour"}, "'params.every' must be a whole number from 1 on"),
        ({"hold": True}, "'params.hold' must be a whole number from 1 on"),
        ({"last": -1}, "'params.last' must be a whole number from 0 on"),
        ({"remaind": 60}, "'params.remaind' is not known Did you mean 'remind'?"),
        ({"place": "roof"}, "'params.place' names no place"),
        ({"api": "tables.example"}, "'params.api' must be a web address"),
        ({"api": "https://tables.example/"}, "'params.api' must be a web address"),
        ({"api": "https://[tables"}, "'params.api' must be a web address"),
        ({"api": 7}, "'params.api' must be a web address"),
    ],
)
def test_what_is_wrong_is_told_with_its_path(told: Any, params: dict[str, Any], begin: str) -> None:
    (text,) = told(**params)
    assert text.startswith(begin)


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"places": [ROOM, BAR]},
        {"places": [{"id": "room"}], "seats": 4},
        {"api": "https://tables.example/v1", "places": []},
        {"api": "http://127.0.0.1:8080"},
        {"parking": "behind the house"},
        {"seats": {"env": "SEATS"}, "api": {"env": "TABLES"}},
    ],
)
def test_what_is_right_passes(told: Any, params: dict[str, Any]) -> None:
    assert told(**params) == []


def test_what_comes_from_the_environment_is_looked_at_when_it_is_there() -> None:
    environ = {"PUBLIC_URL": "https://book.example", "TWILIO_ACCOUNT_SID": "AC" + "0" * 32, "TWILIO_AUTH_TOKEN": "x"}
    over = {"params": {"every": {"env": "EVERY"}}}
    assert load_settings(FOLDER, over, {**environ, "EVERY": "20"}).params["every"] == "20"
    with pytest.raises(SettingsError, match=r"'params\.every' must be a whole number") as raised:
        load_settings(FOLDER, over, {**environ, "EVERY": "often"})
    assert "often" not in str(raised.value)


@pytest.mark.parametrize("command", [["check"], ["run", "--store", "memory://"]])
def test_every_one_at_once_before_anything_is_served(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: list[str]
) -> None:
    for file in FOLDER.glob("*.py"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    text = (
        (FOLDER / "bot.yaml")
        .read_text()
        .replace("../../flows", str(FOLDER.parents[1] / "flows"))
        .replace("every: 30", "every: 0")
    )
    wrong = text.replace("seats: 24", "seats: 24, hourse: open").replace("country: ES", "country: spain")
    (tmp_path / "bot.yaml").write_text(wrong)
    words = [command[0], str(tmp_path), *command[1:]]
    assert run(words) != 0
    shown = "".join(capsys.readouterr())
    for each in ("'country' must be", "'params.places[0].hourse' is not known", "'params.every' must be"):
        assert each in shown
    assert f"{tmp_path / 'bot.yaml'}:18:" in shown
