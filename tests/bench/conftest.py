"""The bench is scripts, not a package: its tests get each module by name."""

import importlib
from pathlib import Path

import pytest


@pytest.fixture
def module(monkeypatch):
    """A function that gives a module of the bench."""
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    return importlib.import_module
