"""``vaiven doctor`` from the command line, beside a bot that really runs."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import vaiven
from vaiven.edge.cli import run
from vaiven.testing.servers import server

FRAMEWORK = Path(vaiven.__file__).parents[1]
FLOW = "flow: hello\nstarts: [{fallback: true}]\nsteps:\n  hi: {end: Hi.}\n"
BOT = """\
bot: hello
flows: .
store: sqlite:///hello.db
public_url: {env: PUBLIC_URL}
channels:
  sms: {type: twilio, from: "+12025550100", account: {env: ACCOUNT}, token: {env: TOKEN}}
  page: {type: messenger, page_id: "1", token: {env: TOKEN}, app_secret: {env: TOKEN}, verify_token: {env: TOKEN}}
"""
ENVIRON = {"ACCOUNT": "AC" + "0" * 32, "TOKEN": "canary-token", "PUBLIC_URL": "http://127.0.0.1:1"}
PLACE = ("sqlite-place", "sqlite-disk")
"""What depends on where the tests run."""


@pytest.fixture
def bot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "hello.flow.yaml").write_text(FLOW)
    (tmp_path / "bot.yaml").write_text(BOT)
    monkeypatch.chdir(tmp_path)
    for name, value in ENVIRON.items():
        monkeypatch.setenv(name, value)
    return tmp_path


@pytest.fixture
def running(bot: Path) -> Iterator[tuple[str, int]]:
    """The address and the process of the bot, serving."""
    environ = {**os.environ, "PYTHONPATH": str(FRAMEWORK), "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-m", "vaiven", "run", ".", "--port", "0", "--log-level", "error"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environ) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert "http://" in line, line
            yield "http://" + line.partition("http://")[2].partition(",")[0].strip(), process.pid
        finally:
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=20)


def checks(capsys: pytest.CaptureFixture[str], *args: str) -> tuple[int, dict[str, dict[str, str]], dict[str, object]]:
    """Exit code, the worst check by code, and the whole answer."""
    code = run(["doctor", ".", "--json", *args])
    told = json.loads(capsys.readouterr().out)
    found: dict[str, dict[str, str]] = {}
    for check in told["checks"]:
        if check["code"] not in found or found[check["code"]]["severity"] == "ok":
            found[check["code"]] = check
    return code, found, told


def test_a_bot_that_runs_well(running: tuple[str, int], capsys: pytest.CaptureFixture[str]) -> None:
    url, pid = running
    code, found, told = checks(capsys, "--public-url", url)
    assert {check["severity"] for code, check in found.items() if code not in PLACE} == {"ok", "warn"}
    assert code == (0 if told["fail"] == 0 else 1)
    assert (told["bot"], told["store"], told["profile"]) == ("hello", "sqlite:///hello.db", "local")
    well = ("settings", "secrets", "flows", "store", "clock", "lag", "dead", "webhook", "handshake", "sqlite-wal", "sqlite-check")
    assert {code: found[code]["severity"] for code in well} == dict.fromkeys(well, "ok")
    if sys.platform == "linux":
        assert found["sqlite-served"]["told"] == f"process {pid} serves from it"
    assert found["twilio-retries"]["fix"].endswith(f"{url}/hooks/sms#rc=3&rp=all")
    assert "canary" not in json.dumps(told)


def test_what_fails_is_a_finding_and_read_first(bot: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["doctor", "."]) == 1
    told = capsys.readouterr().out
    assert told.startswith("bot hello, store sqlite:///hello.db, profile local\n\nfail  webhook")
    assert "Connect call failed" in told or "Connection refused" in told
    assert not (bot / "hello.db").exists()


def test_a_missing_secret_does_not_stop_the_rest(bot: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    monkeypatch.delenv("TOKEN")
    code, found, _ = checks(capsys)
    assert code == 1
    assert "TOKEN is not set" in found["secrets"]["told"]
    assert (found["public-url"]["severity"], found["store"]["severity"]) == ("warn", "warn")


def test_no_bot_is_the_environment_and_a_wrong_option_is_usage(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["doctor", str(tmp_path)]) == 3
    assert run(["doctor", "--nonsense"]) == 2


def test_redis_is_looked_at_and_its_password_is_not_shown(bot: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with server(appendfsync="always", maxmemory=64 << 20) as one:
        one.say("CONFIG", "SET", "requirepass", "canary-password", "maxmemory-policy", "allkeys-lru")
        code, found, told = checks(capsys, "--store", f"redis://:canary-password@127.0.0.1:{one.port}")
    assert code == 1
    assert told["store"] == f"redis://127.0.0.1:{one.port}"
    assert "canary" not in json.dumps(told)
    assert (found["redis-eviction"]["severity"], found["redis-aof"]["severity"]) == ("fail", "ok")


def test_help_imports_nothing_heavy() -> None:
    code = f"import sys; sys.path.insert(0, {str(FRAMEWORK)!r})\nfrom vaiven.edge.cli import run\nrun(['doctor', '--help'])\n"
    done = subprocess.run([sys.executable, "-c", f"{code}print(*sys.modules)"], capture_output=True, text=True, check=True)
    heavy = {"aiohttp", "asyncio", "redis", "sqlite3", "yaml", "msgspec", "vaiven.stores", "vaiven.edge.settings"}
    assert heavy.isdisjoint(done.stdout.rpartition("\n")[0].rpartition("\n")[2].split())
