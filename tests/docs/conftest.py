"""Reading the documentation as a test does: its pages, its fenced blocks, its links."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
_FENCE = re.compile(r"```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_NAMED = re.compile(r"\*\*`([^`]+)`\*\*\s*\Z")


@dataclass(frozen=True)
class Block:
    """A fenced block; ``file`` is the name that stands above it, bold, as ``**`name`**``."""

    language: str
    text: str
    line: int
    file: str | None


@dataclass(frozen=True)
class Page:
    path: Path

    @property
    def text(self) -> str:
        return self.path.read_text("utf-8")

    def blocks(self) -> Iterator[Block]:
        text = self.text
        for found in _FENCE.finditer(text):
            before = text[: found.start()]
            named = _NAMED.search(before)
            yield Block(found[1], found[2], before.count("\n") + 1, named[1] if named else None)

    def prose(self) -> str:
        """The page without its fenced blocks."""
        return _FENCE.sub("", self.text)

    def section(self, heading: str) -> str:
        """What stands under a heading, up to the next one of its level or above."""
        level = heading.partition(" ")[0]
        found = re.search(rf"^{re.escape(heading)}$(.*?)(?=^#{{1,{len(level)}}} |\Z)", self.text, re.MULTILINE | re.DOTALL)
        assert found is not None, f"{self.path.name} has no heading {heading!r}"
        return found[1]


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def page():
    """A page by its path from the repository's root."""
    return lambda name: Page(ROOT / name)


@pytest.fixture(scope="session")
def pages() -> list[Page]:
    """Every page there is."""
    return [Page(path) for path in (ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md")))]
