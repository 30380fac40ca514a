"""What docs/calls.md says is so."""

import re
from pathlib import Path

import pytest

from vaiven.edge.reach import Reach
from vaiven.edge.settings import load_settings
from vaiven.model.calls import MAX_ANSWER
from vaiven.runtime import call_outcomes, calls
from vaiven.runtime.registry import collect

PAGE = (Path(__file__).parents[2] / "docs/calls.md").read_text("utf-8")
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", PAGE, re.DOTALL)


def test_the_action_works_as_it_is_shown() -> None:
    names: dict[str, object] = {}
    for lang, text in BLOCKS:
        if lang == "python":
            exec(compile(text, "calls.md", "exec"), names)
    assert [*collect(names.values()).actions] == ["faq.answer"]


def test_the_setting_is_read_as_it_is_shown(tmp_path: Path) -> None:
    (tmp_path / "a.flow.yaml").write_text("flow: a\n")
    (tmp_path / "bot.yaml").write_text("bot: b\nflows: .\nchannels: {phone: {type: simulator}}\n" + dict(BLOCKS)["yaml"])
    reach = Reach(load_settings(tmp_path).call_hosts)
    assert reach.permits("desk.internal", 80, ["10.9.9.9"], secure=False)
    assert reach.permits("10.0.0.7", 8080, ["10.0.0.7"], secure=False)
    assert reach.permits("any.internal", 80, ["10.1.2.3"], secure=False)
    assert not reach.permits("10.0.0.7", 80, ["10.0.0.7"], secure=False)


def test_the_numbers_are_those_of_the_software() -> None:
    assert f"at most {calls.CONNECTIONS} at once" in PAGE
    assert f"({MAX_ANSWER:,} bytes)" in PAGE
    assert f"nested at most {call_outcomes.DEPTH} deep" in PAGE
    assert (call_outcomes.SLACK_MS, call_outcomes.LONGEST_PAUSE_MS, call_outcomes.LOST) == (300_000, 30_000, 5)
    assert {425, 429, 503} == call_outcomes.NOT_DONE
    assert {408, 500, 502, 504} == call_outcomes.PASSING - call_outcomes.NOT_DONE


@pytest.mark.parametrize(
    "reason", ["timeout", "unknown", "refused", "forbidden", "bad request", "too big", "no json", "no action"]
)
def test_every_reason_is_told(reason: str) -> None:
    told = (Path(__file__).parents[2] / "framework/vaiven").rglob("call*.py")
    assert f"`{reason}`" in PAGE
    assert any(f'"{reason}"' in file.read_text("utf-8") for file in told)
