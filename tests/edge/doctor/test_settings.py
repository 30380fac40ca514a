"""Settings, secrets, flows and the machine: read from a folder, and judged."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from vaiven.edge.doctor.checks.host import check_host
from vaiven.edge.doctor.checks.settings import check_settings
from vaiven.edge.doctor.facts import HostFacts, Variable
from vaiven.edge.doctor.findings import Code
from vaiven.edge.doctor.looks.host import look_at_host
from vaiven.edge.doctor.looks.settings import read
from vaiven.model.errors import SettingsError

FLOW = "flow: hello\nstarts: [{keyword: [hi]}]\nsteps:\n  hello: {ask: Your name?, as: text}\n  bye: {end: 'Bye {hello}.'}\n"
BOT = """\
bot: hello
flows: .
store: {env: STORE}
public_url: {env: PUBLIC_URL}
channels:
  sms: {type: twilio, from: "+12025550100", account: {env: ACCOUNT}, token: [{env: TOKEN}, {env: TOKEN_NEXT}]}
"""
ENVIRON = {
    "STORE": "sqlite:///votes.db",
    "PUBLIC_URL": "https://votes.example",
    "ACCOUNT": "AC" + "0" * 32,
    "TOKEN": "canary-token",
    "TOKEN_NEXT": "canary-next",
}


@pytest.fixture
def bot(tmp_path: Path) -> Path:
    (tmp_path / "hello.flow.yaml").write_text(FLOW)
    (tmp_path / "bot.yaml").write_text(BOT)
    return tmp_path


def test_everything_is_there(bot: Path, told) -> None:
    found = read(bot, {}, ENVIRON)
    assert found.settings is not None
    assert found.place.store == "sqlite:///votes.db"
    assert [variable.name for variable in found.facts.variables] == ["ACCOUNT", "PUBLIC_URL", "STORE", "TOKEN", "TOKEN_NEXT"]
    assert set(told(check_settings(found.facts)).values()) == {"ok"}


def test_a_missing_secret_is_named_and_the_rest_is_still_looked_at(bot: Path, told) -> None:
    found = read(bot, {}, {**ENVIRON, "TOKEN_NEXT": " "})
    findings = list(check_settings(found.facts))
    assert told(findings)[Code.SECRETS] == "fail"
    assert "TOKEN_NEXT is not set, or empty (channels.sms.token)" in [finding.told for finding in findings]
    assert found.place.store == "sqlite:///votes.db"
    assert found.settings is None
    assert told(findings)[Code.FLOWS] == "ok"
    assert told(findings)[Code.SETTINGS] == "ok"


def test_no_value_is_ever_told(bot: Path) -> None:
    (bot / "bot.yaml").write_text(BOT.replace('"+12025550100"', "canary-in-file") + "zone: Nowhere\n")
    for environ in (ENVIRON, {**ENVIRON, "ACCOUNT": "canary-account"}, {"TOKEN": "canary-token"}):
        told = repr(list(check_settings(read(bot, {}, environ).facts)))
        assert "canary-token" not in told
        assert "canary-next" not in told
        assert "canary-account" not in told


def test_what_is_given_over_the_file_needs_no_environment(bot: Path, told) -> None:
    environ = {name: value for name, value in ENVIRON.items() if name not in ("STORE", "PUBLIC_URL")}
    found = read(bot, {"store": "memory://", "public_url": "https://other.example"}, environ)
    assert told(check_settings(found.facts))[Code.SECRETS] == "ok"
    assert told(check_settings(found.facts))[Code.STORE_KIND] == "fail"


def test_what_is_wrong_in_settings_and_flows(bot: Path, told) -> None:
    (bot / "bot.yaml").write_text(BOT + "zone: Nowhere\n")
    assert told(check_settings(read(bot, {}, ENVIRON).facts))[Code.SETTINGS] == "fail"
    (bot / "bot.yaml").write_text(BOT)
    (bot / "hello.flow.yaml").write_text(FLOW.replace("{hello}", "{helo}"))
    assert told(check_settings(read(bot, {}, ENVIRON).facts))[Code.FLOWS] == "fail"
    (bot / "hello.flow.yaml").write_bytes(b"\xff")
    assert told(check_settings(read(bot, {}, ENVIRON).facts))[Code.FLOWS] == "fail"


def test_a_warning_of_a_flow_is_one_here(bot: Path, told) -> None:
    facts = replace(read(bot, {}, ENVIRON).facts, flow_warnings=("a.flow.yaml:3: never reached",))
    assert told(check_settings(facts))[Code.FLOWS] == "warn"


def test_no_bot_at_all(tmp_path: Path) -> None:
    with pytest.raises(SettingsError):
        read(tmp_path, {}, {})


def test_variables_without_any() -> None:
    assert Variable("A", ("store",), True).is_set


# -- the machine ----------------------------------------------------------------------------------------------------------

HOST = HostFacts("3.12.1", {"uvloop": "0.22", "httptools": "0.7"}, 65_536, 512)


@pytest.mark.parametrize(
    ("code", "severity", "facts"),
    [
        (Code.SPEED, "ok", {}),
        (Code.SPEED, "warn", {"modules": {"uvloop": None, "httptools": "0.7"}}),
        (Code.OPEN_FILES, "ok", {"open_files": 1_600}),
        (Code.OPEN_FILES, "warn", {"open_files": 1_024}),
        (Code.OPEN_FILES, "warn", {"open_files": None}),
    ],
)
def test_machines(told, code: Code, severity: str, facts: dict[str, object]) -> None:
    assert told(check_host(replace(HOST, **facts)))[code] == severity


@pytest.mark.parametrize(
    ("missing", "extra"),
    [(["uvloop"], "vaiven[fast]"), (["hiredis"], "vaiven[redis]"), (["httptools", "hiredis"], "vaiven[fast,redis]")],
)
def test_the_extra_to_install_is_named(missing: list[str], extra: str) -> None:
    facts = replace(HOST, modules={**dict.fromkeys(("uvloop", "httptools", "hiredis"), "1"), **dict.fromkeys(missing)})
    (finding,) = [each for each in check_host(facts) if each.code is Code.SPEED]
    assert extra in finding.fix


def test_this_machine() -> None:
    facts = look_at_host(256, redis=True)
    assert facts.python == sys.version.split()[0]
    assert set(facts.modules) == {"uvloop", "httptools", "hiredis"}
    assert set(look_at_host(0, redis=False).modules) == {"uvloop", "httptools"}
    assert facts.open_files is None or facts.open_files > 0
