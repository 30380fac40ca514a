"""The flow test of ``docs/testing.md`` plays as it is printed, and says what the page says it does."""

import re
from pathlib import Path

import pytest

from vaiven.edge.cli import run
from vaiven.testing.flowtests import lines, reading

PAGE = (Path(__file__).parents[3] / "docs" / "testing.md").read_text("utf-8")
FILES = dict(re.findall(r"^\*\*`(flows/[^`]+)`\*\*\n\n```yaml\n(.*?)^```", PAGE, flags=re.MULTILINE | re.DOTALL))


@pytest.fixture
def written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")


def test_the_example_plays(written, capsys):
    assert run(["test", "flows/kitchen"]) == 0
    (shown,) = re.findall(r"\$ vaiven test flows/kitchen\n(.*?)```", PAGE, flags=re.DOTALL)
    assert re.sub(r"[0-9.]+ s:", "T s:", capsys.readouterr().out) == re.sub(r"[0-9.]+ s:", "T s:", shown)


def test_a_failure_reads_as_the_page_shows(written, capsys):
    test = Path("flows/kitchen/tea.test.yaml")
    text = test.read_text("utf-8").replace("bot: Your name?                   # exactly", "bot: Your nome?", 1)
    test.write_text(text, "utf-8")
    assert run(["test", "flows/kitchen", "-k", "served"]) == 1
    (shown,) = re.findall(r"```\n(flows/kitchen/tea.test.yaml:.*?)```", PAGE, flags=re.DOTALL)
    assert shown in capsys.readouterr().out


@pytest.mark.parametrize("keys", [reading.TOP, reading.CONTACT, lines.VERBS, lines.ME, lines.BOT, lines.ANSWER, lines.EXPECT])
def test_every_key_is_told(keys):
    told = set(re.findall(r"[a-z_]+", " ".join(re.findall(r"`([^`\n]+)`", PAGE))))
    assert set(keys) <= told
