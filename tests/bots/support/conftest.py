"""The support bot's own Python, loaded as the bot loads it."""

from pathlib import Path

import pytest

from vaiven.edge.actions import load_registry

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="session")
def bot_file() -> Path:
    return ROOT / "bots/support/bot.yaml"


@pytest.fixture
def desk_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where notes and ratings of this test go."""
    file = tmp_path / "desk.db"
    monkeypatch.setenv("SUPPORT_DESK", str(file))
    return file


@pytest.fixture
def actions(bot_file: Path, desk_file: Path):
    """The bot's actions by name, as functions."""
    return {name: action.function for name, action in load_registry(bot_file).actions.items()}
