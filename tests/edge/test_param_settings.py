"""What a bot's own Python finds wrong with its params is a problem of its settings like any other."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from vaiven import checks_params
from vaiven.edge.settings import read_settings
from vaiven.runtime.registry import collect

BOT = """bot: shop
flows: .
store: memory://
zone: Europe/Madrid
hours: {open: {mon-sun: "09:00-17:00"}}
params:
  most: 3
  rooms:
    - {id: a, size: 4}
    - {id: b, sise: 4}
  secret: {env: SECRET}
channels: {phone: {type: simulator}}
"""
HEAD = "from vaiven import checks_params\n@checks_params\ndef wrong(about):\n    "

Told = Callable[..., list[Any]]


@pytest.fixture
def told(tmp_path: Path) -> Told:
    def write(body: str, bot: str = BOT, head: str = HEAD, **more: Any) -> list[Any]:
        (tmp_path / "bot.yaml").write_text(bot)
        (tmp_path / "shop.flow.yaml").write_text("")
        (tmp_path / "actions.py").write_text(head + body)
        return read_settings(tmp_path, **more)[1]

    return write


@pytest.mark.parametrize(
    ("path", "name", "at"),
    [
        ("('most',)", "params.most", (7, 3)),
        ("('rooms', 1, 'sise')", "params.rooms[1].sise", (10, 15)),
        ("('rooms', 1)", "params.rooms[1]", (10, 7)),
        ("('rooms', 0, 'door')", "params.rooms[0].door", (9, 7)),
        ("('rooms', 9)", "params.rooms[9]", (8, 3)),
        ("('least',)", "params.least", (6, 1)),
        ("('secret', 'env')", "params.secret.env", (11, 3)),
        ("()", "params", (6, 1)),
    ],
)
def test_a_problem_is_shown_where_its_path_was_written(told: Told, path: str, name: str, at: tuple[int, int]) -> None:
    (problem,) = told(f"return [({path}, 'is wrong', 'Mend it.')]")
    assert (problem.text, problem.cure, (problem.line, problem.column)) == (f"'{name}' is wrong", "Mend it.", at)


def test_all_are_told_at_once_with_those_of_other_settings(told: Told) -> None:
    problems = told("return [(('most',), 'is wrong'), (('rooms', 0), 'is wrong', '')]", BOT.replace("bot: shop", "bot: Shop!"))
    assert [problem.line for problem in problems] == [1, 7, 9]


def test_it_sees_params_hours_and_zone_and_what_was_given_over_the_file(told: Told) -> None:
    shown = "{about.params['most']} {sorted(about.hours)} {about.zone} {about.bot} {about.params['secret']}"
    body = f'return [(("most",), f"{shown}")]'
    (problem,) = told(body, overrides={"params": {"most": 5}})
    assert problem.text == "'params.most' 5 ['open'] Europe/Madrid shop None"
    assert problem.file == "options"
    (problem,) = told(body, environ={"SECRET": "s3"})
    assert problem.text.endswith("shop s3")


def test_it_is_not_asked_while_what_it_looks_at_is_wrong_itself(told: Told) -> None:
    for wrong in (BOT.replace("Europe/Madrid", "Europe/Nowhere"), BOT.replace('{open: {mon-sun: "09:00-17:00"}}', "late")):
        problems = told("return [(('most',), 'is wrong')]", wrong)
        assert problems
        assert not any("is wrong" in problem.text for problem in problems)


@pytest.mark.parametrize(
    "body",
    [
        "raise KeyError('most')",
        "return ['most']",
        "return [('most', 'is wrong')]",
        "return 5",
        "yield ('most',), 5",
        "return [((), '', '', '')]",
    ],
)
def test_one_that_breaks_is_a_problem_itself(told: Told, body: str) -> None:
    (problem,) = told(body)
    assert (problem.code, Path(problem.file).name) == ("bad-actions", "actions.py")


def test_what_cannot_be_run_is_told_and_what_checks_nothing_is_not_run(told: Told) -> None:
    (problem,) = told("return []\nimport nothing_of_this_name\n")
    assert (problem.code, problem.line) == ("bad-actions", 5)
    assert told("import nothing_of_this_name\n", head="") == []


def test_nothing_wrong_is_nothing_told(told: Told) -> None:
    for body in ("return []", "return None", "return iter(())"):
        assert told(body) == []


def test_each_is_registered_once_in_the_order_of_the_file_and_stays_a_function() -> None:
    @checks_params
    def one(about: Any) -> list[Any]:
        return []

    @checks_params
    def other(about: Any) -> list[Any]:
        return []

    assert collect([one, other, one]).param_checks == (one, other)
    with pytest.raises(TypeError, match="plain function"):

        @checks_params
        async def never(about: Any) -> list[Any]:
            return []
