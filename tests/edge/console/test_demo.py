"""The demo: a poll that is open whenever it starts, and a greeting whose commands work as they stand."""

import os
import re
import shlex
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vaiven.edge.demo import this_command
from vaiven.edge.demo_bots import open_now

ROOT = Path(__file__).parents[3]
MADRID = ZoneInfo("Europe/Madrid")
ENDS_S = 30


@pytest.mark.parametrize(
    ("now", "closes"),
    [
        ("2026-11-22T09:10Z", "2026-11-22T22:00:00Z"),
        ("2026-11-22T20:00Z", "2026-11-22T22:00:00Z"),  # 21:00 in Madrid
        ("2026-11-22T20:01Z", "2026-11-23T22:00:00Z"),
        ("2026-11-22T23:30Z", "2026-11-23T22:00:00Z"),  # already tomorrow in Madrid
        ("2026-07-01T12:00Z", "2026-07-01T21:00:00Z"),
        ("2026-10-24T19:30Z", "2026-10-25T22:00:00Z"),  # the night that the clocks go back
    ],
)
def test_the_poll_closes_at_eleven_this_evening_or_the_next(now: str, closes: str) -> None:
    assert open_now(datetime.fromisoformat(now), MADRID)["closes"] == closes


@given(st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1)), st.sampled_from(["Europe/Madrid", "America/New_York", "UTC"]))
def test_whenever_it_starts_the_poll_is_open_for_two_hours_at_least(naive: datetime, zone: str) -> None:
    now = naive.replace(tzinfo=UTC)
    opens, closes = (datetime.fromisoformat(moment) for moment in open_now(now, ZoneInfo(zone)).values())
    assert opens <= now - timedelta(hours=1)
    assert timedelta(hours=2) <= closes - now <= timedelta(hours=27)
    local = closes.astimezone(ZoneInfo(zone))
    assert (local.hour, local.minute, local.second) == (23, 0, 0)


def test_the_command_is_the_one_that_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = tmp_path / "a b" / "bin" / "vaiven"
    script.parent.mkdir(parents=True)
    script.touch()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(tmp_path / "a b")
    assert this_command("bin/vaiven", None) == "bin/vaiven"
    assert this_command(str(script), "/other/vaiven") == "bin/vaiven"
    assert this_command(str(script), str(script)) == "vaiven"
    monkeypatch.chdir(script.parent)
    assert this_command("vaiven", None) == "./vaiven"
    monkeypatch.chdir(elsewhere)
    assert this_command(str(script), None) == f"'{script}'"
    for not_the_script in ("bin/vaiven", str(ROOT / "framework/vaiven/__main__.py"), "", "-c"):
        assert this_command(not_the_script, None) == f"{sys.executable} -m vaiven"


@pytest.mark.parametrize("ending", [signal.SIGHUP, signal.SIGTERM, signal.SIGINT])
def test_its_command_works_and_nothing_of_it_stays_behind(tmp_path: Path, ending: signal.Signals) -> None:
    env = {**os.environ, "PYTHONPATH": str(ROOT / "framework"), "PYTHONUNBUFFERED": "1", "TMPDIR": str(tmp_path)}
    command = (sys.executable, "-m", "vaiven", "demo", "--port", "0", "--no-crowd")
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=env, cwd=ROOT) as process:
        try:
            told = ""
            while "Ctrl-C" not in told:
                line = process.stdout.readline()
                assert line, f"the demo ended early: {told}"
                told += line
            assert len(list(tmp_path.glob("vaiven-demo-*"))) == 1
            process.send_signal(ending)
            assert process.wait(ENDS_S) == 0
        finally:
            process.kill()
    assert list(tmp_path.iterdir()) == []
    if ending is signal.SIGINT:
        command = shlex.split(re.search(r"In a terminal +(.+)", told)[1])
        talk = subprocess.run(command, cwd=ROOT, env=env, input="VOTE\n", capture_output=True, text=True, timeout=ENDS_S)
        assert "Who gets your vote tonight?" in talk.stdout, talk.stderr
