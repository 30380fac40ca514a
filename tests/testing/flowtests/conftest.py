"""Flows of a few lines, their tests, and a way to play one against the other."""

from pathlib import Path

import pytest

from vaiven.testing.flowtests.bots import Bots
from vaiven.testing.flowtests.playing import play
from vaiven.testing.flowtests.reading import read_file

HERE = Path(__file__).parent

TEA = """\
flow: tea
lang: en
params: {api: "https://tea.example"}
starts:
  - keyword: [tea]
  - api: true
vars:
  guest: {type: text, pii: true}
defaults:
  after: {10m: bye}
commands:
  menu: {words: [menu], say: "Green or black.", back: true}
steps:
  kind:
    ask: "Which tea?"
    choices: {green: Green tea, black: Black tea}
    retry: ["Green or black?"]
    else: bye
  who: {ask: "Your name?", as: text, save: guest}
  brew:
    call: {post: "{params.api}/pots", json: {kind: "{kind.id}"}}
    timeout: 4s
    retries: 1
    key: "{session.id}"
    fail: sorry
  served: {say: "{guest}, your {kind.label} is ready, pot {brew.pot}.", class: receipt, then: wait_for}
  wait_for: {wait: {event: cup.empty}}
  bye: {end: "Goodbye.", outcome: left}
  sorry: {end: "The kettle is broken.", outcome: broken}
"""


class Kitchen:
    """A folder with a flow, and tests written into it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.bots = Bots()
        self.flow(TEA)

    def flow(self, text, name="tea.flow.yaml"):
        (self.folder / name).write_text(text, "utf-8")

    def test(self, text, name="tea.test.yaml"):
        path = self.folder / name
        path.write_text(text, "utf-8")
        return path

    def play(self, text):
        """The results of a test file by the names of their cases."""
        script, problems = read_file(self.test(text))
        assert problems == []
        return {result.case.name: result for result in play(script, self.bots.cast(script))}

    def talk(self, *lines, **more):
        """The failure of one talk of these lines, each as it stands in a file; None if it holds."""
        head = "".join(f"{key}: {value}\n" for key, value in more.items())
        (result,) = self.play(f"test: tea\n{head}talk:\n" + "".join(f"  - {line}\n" for line in lines)).values()
        return result.failure


@pytest.fixture
def kitchen(tmp_path):
    return Kitchen(tmp_path)


@pytest.fixture
def bistro():
    return HERE / "bistro"
