"""What the wheel carries: everything that the demo needs, where the installed package looks for it."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
import urllib.request
from pathlib import Path

import pytest

import vaiven
from vaiven.edge.demo_bots import BOTS

ROOT = Path(vaiven.__file__).parents[2]
WHEEL = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
NOT_PACKED = shutil.ignore_patterns("__pycache__", "*.pyc", "*.db", "*.db-*")


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """A folder with what the wheel's own settings put into it."""
    site = tmp_path / "site"
    for package in WHEEL["packages"]:
        shutil.copytree(ROOT / package, site / Path(package).name, ignore=NOT_PACKED)
    for source, target in WHEEL["force-include"].items():
        shutil.copytree(ROOT / source, site / target, ignore=NOT_PACKED)
    return site


def test_the_demo_runs_from_what_is_installed_alone(installed: Path, tmp_path: Path) -> None:
    env = {**os.environ, "PYTHONPATH": str(installed), "PYTHONUNBUFFERED": "1"}
    command = (sys.executable, "-m", "vaiven", "demo", "--port", "0", "--no-crowd")
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=env, cwd=tmp_path) as process:
        try:
            told = ""
            while "Ctrl-C" not in told:
                line = process.stdout.readline()
                assert line, told
                told += line
            base = re.search(r"(http://\S+)/#token=", told)[1]
            for bot in BOTS:
                for path in (f"/{bot.name}/console/", f"/{bot.name}/console/index.json"):
                    with urllib.request.urlopen(base + path, timeout=30) as answer:
                        assert answer.status == 200
            assert f"site/vaiven/_demo/flows/{BOTS[0].name}/" in told
        finally:
            process.kill()


def test_every_bot_of_the_demo_is_packed_with_its_flows() -> None:
    packed = set(WHEEL["force-include"].items())
    assert packed == {(f"{kind}/{bot.name}", f"vaiven/_demo/{kind}/{bot.name}") for kind in ("bots", "flows") for bot in BOTS}
