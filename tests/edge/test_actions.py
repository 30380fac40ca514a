"""A bot's ``actions.py``: run when it starts, only read when it is checked."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from vaiven.edge.actions import load_registry, read_registered
from vaiven.model.errors import SettingsError
from vaiven.runtime.registry import Parameters

GOOD = """
import vaiven
from vaiven import action as act, parser
from vaiven import resource

raise_at_import = None

@act("faq.answer")
async def answer(question: str, lang="en", *, limit, idempotency_key=None, top=3): ...

@vaiven.action("desk.ticket")
async def ticket(**anything): ...

@parser("plate")
def plate(text): return text

@resource("slots")
def slots(state, word, now): return state, []

class Unrelated:
    @property
    def action(self): ...
"""


@pytest.fixture
def bot(tmp_path: Path) -> Callable[[str], Path]:
    def write(text: str) -> Path:
        (tmp_path / "actions.py").write_text(text, "utf-8")
        return tmp_path / "bot.yaml"

    return write


def test_what_it_registers_is_loaded(bot) -> None:
    registry = load_registry(bot(GOOD))
    assert [*registry.actions] == ["faq.answer", "desk.ticket"]
    assert registry.parsers["plate"]("x") == "x"
    assert [*registry.resources] == ["slots"]


def test_what_it_registers_is_read(bot) -> None:
    registered, problems = read_registered(bot(GOOD))
    assert problems == []
    assert registered.actions == {
        "faq.answer": Parameters(frozenset({"question", "limit"}), frozenset({"lang", "top"})),
        "desk.ticket": Parameters(anything=True),
    }
    assert (registered.parsers, registered.resources) == ({"plate"}, {"slots"})


def test_nothing_of_it_is_run_when_it_is_read(bot, tmp_path: Path) -> None:
    file = tmp_path / "ran"
    text = f"open({str(file)!r}, 'w').close()\nimport nowhere_to_be_found\n" + GOOD
    registered, problems = read_registered(bot(text))
    assert (len(registered.actions), problems, file.exists()) == (2, [], False)
    with pytest.raises(SettingsError):
        load_registry(bot(text))
    assert file.exists()


def test_a_bot_without_one(tmp_path: Path) -> None:
    assert load_registry(tmp_path / "bot.yaml").actions == {}
    assert read_registered(tmp_path / "bot.yaml")[0].actions == {}


def test_a_module_beside_it_can_be_imported(bot, tmp_path: Path) -> None:
    (tmp_path / "desk_of_this_test.py").write_text("def code(): return 'K7'\n")
    load_registry(bot("from desk_of_this_test import code\nassert code() == 'K7'\n"))
    del sys.modules["desk_of_this_test"]


def test_two_bots_do_not_take_each_other_s(tmp_path: Path) -> None:
    found = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "actions.py").write_text(f"from vaiven import parser\n@parser('p')\ndef p(text): return '{name}'\n")
        found.append(load_registry(tmp_path / name / "bot.yaml"))
    assert [each.parsers["p"]("") for each in found] == ["one", "two"]


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("x = 1\nimport nowhere_to_be_found\n", 2, "ModuleNotFoundError: No module named 'nowhere_to_be_found'"),
        ("def f(:\n", 1, "this is no Python: "),
        ("\n\nx = 1 / 0\n", 3, "ZeroDivisionError"),
        ("def f():\n    raise ValueError('why')\nf()\n", 2, "ValueError: why"),
        ("import sys\nsys.exit(3)\n", 2, "SystemExit: 3"),
        ("from vaiven import action\n@action('x')\ndef f(): ...\n", 2, "action 'x' must be an async function"),
        ("from vaiven import action\n@action\nasync def f(): ...\n", 2, "cannot be the name"),
        ("from vaiven import parser\n@parser('x')\ndef f(t): ...\n@parser('x')\ndef g(t): ...\n", 0, "two functions"),
        ("from vaiven import nothing\n", 1, "ImportError"),
    ],
)
def test_what_cannot_be_run_is_told_with_its_place(bot, text: str, line: int, says: str) -> None:
    file = bot(text)
    with pytest.raises(SettingsError) as caught:
        load_registry(file)
    (problem,) = caught.value.problems
    where = file.with_name("actions.py")
    assert problem.startswith(f"{where}:{line}:" if line else f"{where}: ")
    assert says in problem
    assert problem.splitlines()[0].endswith("[bad-actions]")


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("def f(:\n", 1, "this is no Python"),
        ("from vaiven import action\nNAME = 'x'\n@action(NAME)\nasync def f(): ...\n", 3, "as a text"),
        ("from vaiven import action\n@action\nasync def f(): ...\n", 2, "as a text"),
        ("from vaiven import action\n@action('x')\ndef f(): ...\n", 3, "must be an async function"),
        ("from vaiven import parser\n@parser('x')\nasync def f(t): ...\n", 3, "must be a plain function"),
        ("from vaiven import parser\n@parser('x')\ndef f(t): ...\n@parser('x')\ndef g(t): ...\n", 4, "two functions"),
        ("\x00", 0, ""),
    ],
)
def test_what_is_registered_wrongly_is_found_by_reading(bot, text: str, line: int, says: str) -> None:
    _, (problem,) = read_registered(bot(text))
    assert (problem.code, problem.line) == ("bad-actions", line)
    assert says in problem.text


def test_names_that_only_look_alike_register_nothing(bot) -> None:
    text = "from elsewhere import action\n@action('x')\nasync def f(): ...\n@other.action('y')\nasync def g(): ...\n"
    registered, problems = read_registered(bot(text))
    assert (registered.actions, problems) == ({}, [])
