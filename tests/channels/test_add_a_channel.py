"""The page on adding a channel does what it says."""

import re
from pathlib import Path
from typing import Any

from vaiven.channels.registry import channel_types
from vaiven.testing.channels import ChannelContract

PAGE = (Path(__file__).parents[2] / "docs" / "add-a-channel.md").read_text(encoding="utf-8")


def run(page: str) -> dict[str, Any]:
    """Every block of Python on the page, one after the other."""
    names: dict[str, Any] = {"__name__": "add_a_channel"}
    for block in re.findall(r"```python\n(.*?)```", page, re.DOTALL):
        exec(compile(block, "add-a-channel.md", "exec"), names)
    return names


NAMES = run(PAGE)


TestThePage: Any = type("TestThePage", (NAMES["TestPigeonPost"],), {})
"""The channel that the page makes keeps the contract."""


def test_the_page_brings_a_contract_test_and_a_type_that_is_not_there_yet() -> None:
    assert issubclass(NAMES["TestPigeonPost"], ChannelContract)
    assert "pigeon" not in channel_types()


def test_the_page_tells_all_problems_of_settings() -> None:
    told = NAMES["PigeonPost"].problems({"type": "pigeon", "lofts": 1})
    assert [line.split(":")[0] for line in told] == ["loft", "secret", "lofts"]
