"""Golden files: ``pytest --update`` writes them anew."""

from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[Path, str], None]:
    """Compare a text with the file of that name, or write it there under ``--update``."""
    update = bool(request.config.getoption("--update"))

    def compare(path: Path, text: str) -> None:
        if update:
            path.write_text(text, "utf-8")
        assert text == path.read_text("utf-8")

    return compare
