"""The booking bot is whole: nothing is wrong with it, its talks hold, in each language, and touch all of it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize(
    ("command", "told"),
    [
        (["check", "bots/booking"], "no problems"),
        (["test", "flows/booking", "--coverage", "text", "--min-coverage", "95"], "all hold"),
    ],
)
def test_it_is_whole(command: list[str], told: str) -> None:
    environ = os.environ | {"PYTHONPATH": str(ROOT / "framework")}
    done = subprocess.run([sys.executable, "-m", "vaiven", *command], cwd=ROOT, capture_output=True, env=environ, timeout=60)
    assert done.returncode == 0, done.stdout.decode()
    assert told in done.stdout.decode()
