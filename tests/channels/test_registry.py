"""From settings to channels, and everything that is wrong with them at once."""

import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import EntryPoint, EntryPoints
from typing import Any

import pytest

from vaiven.channels import registry
from vaiven.channels.contract import Channel
from vaiven.channels.registry import channel_problems, channel_types, make_channel
from vaiven.channels.simulator import Simulator
from vaiven.model.errors import SettingsError

Settings = Callable[..., dict[str, Any]]
KINDS = ["messenger", "simulator", "twilio", "whatsapp-cloud"]


@pytest.mark.parametrize("kind", KINDS)
def test_right_settings_make_a_channel(kind: str, make: Callable[..., Channel]) -> None:
    channel = make(kind, name="line")
    assert channel.name == "line"
    assert channel.sender


@pytest.mark.parametrize("kind", KINDS)
def test_settings_that_every_channel_may_have(kind: str, settings: Settings) -> None:
    told = settings(
        kind, api="http://127.0.0.1:9", rate="100/s", stop_reply="provider", country="ES", public_url="https://b.example"
    )
    assert channel_problems("line", told) == []


@pytest.mark.parametrize(
    ("kind", "missing"),
    [
        ("twilio", ["public_url", "account", "token", "from"]),
        ("whatsapp-cloud", ["number_id", "token", "app_secret", "verify_token"]),
        ("messenger", ["page_id", "token", "app_secret", "verify_token"]),
        ("simulator", []),
    ],
)
def test_everything_missing_is_told_at_once_and_nothing_is_made(kind: str, missing: list[str]) -> None:
    problems = channel_problems("line", {"type": kind})
    assert [problem.split(": ")[:2] for problem in problems] == [[f"channels.line.{name}", "missing"] for name in missing]
    if missing:
        with pytest.raises(SettingsError) as refused:
            make_channel("line", {"type": kind})
        assert list(refused.value.problems) == problems


@pytest.mark.parametrize(("kind", "secret"), [("twilio", "token"), ("whatsapp-cloud", "app_secret"), ("messenger", "app_secret")])
@pytest.mark.parametrize("empty", [None, "", [], [""], " "])
def test_a_channel_without_its_secret_is_not_made(kind: str, secret: str, empty: object, settings: Settings) -> None:
    with pytest.raises(SettingsError, match=secret):
        make_channel("line", settings(kind) | {secret: empty})


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"from": 12025550100}, 'channels.line.from: must be our number, short code or name, like "+12025550100"'),
        ({"account": "AC1"}, "channels.line.account: must be the Account SID, like AC and 32 hex digits"),
        ({"tokn": "x"}, "channels.line.tokn: there is no such setting; did you mean token?"),
        ({"zzz": "x"}, "channels.line.zzz: there is no such setting"),
        (
            {"public_url": "bot.example"},
            "channels.line.public_url: must be where Twilio reaches this server, like https://bot.example.com",
        ),
        ({"public_url": "https://bot.example/?x=1"}, "channels.line.public_url: must be"),
        ({"api": True}, "channels.line.api: must be base URL"),
        ({"api": "https://me:key@api.example"}, "channels.line.api: must be base URL"),
        ({"stop_reply": "both"}, "channels.line.stop_reply: must be who confirms a STOP, like ours or provider"),
        ({"country": "Spain"}, "channels.line.country: must be"),
        ({"token": ["a", "b", "c"]}, "channels.line.token: two at most"),
        ({"token": ["a", "b"], "token_next": "c"}, "channels.line.token: two at most"),
    ],
)
def test_what_is_wrong_says_what_would_be_right(changes: dict[str, Any], problem: str, settings: Settings) -> None:
    (line,) = channel_problems("line", settings("twilio") | changes)
    assert line.startswith(problem)


def test_no_value_is_ever_shown_since_it_may_be_a_secret_in_the_wrong_place(settings: Settings) -> None:
    (line,) = channel_problems("line", settings("twilio", token=["good", 3.5]))
    assert "3.5" not in line
    (line,) = channel_problems("line", settings("twilio", account="canary-token"))
    assert "canary" not in line


@pytest.mark.parametrize("kind", ["twillio", None, 7, "sms", ["sms"]])
def test_an_unknown_type_names_those_there_are(kind: object) -> None:
    (line,) = channel_problems("line", {"type": kind})
    assert "messenger, simulator, twilio, whatsapp-cloud" in line
    assert ("Did you mean twilio?" in line) == (kind == "twillio")
    with pytest.raises(SettingsError):
        make_channel("line", {"type": kind})


def test_other_packages_bring_channels(monkeypatch: pytest.MonkeyPatch) -> None:
    brought = EntryPoints([EntryPoint("pigeon", "vaiven.channels.simulator:Simulator", registry.GROUP)])
    monkeypatch.setattr("importlib.metadata.entry_points", brought.select)
    assert "pigeon" in channel_types()
    assert isinstance(make_channel("birds", {"type": "pigeon"}), Simulator)
    assert channel_problems("birds", {"type": "pigeon", "x": 1}) == ["channels.birds.x: there is no such setting"]


def test_a_type_is_imported_only_when_it_is_named() -> None:
    code = (
        "import sys; from vaiven.channels.registry import make_channel, channel_types;"
        "searched = 'importlib.metadata' in sys.modules; channel_types();"
        "loaded = [m for m in ('twilio', 'whatsapp', 'messenger', 'simulator') if 'vaiven.channels.' + m in sys.modules];"
        "print(loaded, searched, 'phonenumbers' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={"PYTHONPATH": ":".join(sys.path)}
    )
    assert done.stdout == "[] False False\n"
