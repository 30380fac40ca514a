"""``events:`` of bot.yaml: every mistake told with its place, no secret shown, no environment needed to check the file."""

import base64

import pytest

from vaiven.edge.dev import dress
from vaiven.edge.settings import load_settings, read_settings
from vaiven.model.errors import SettingsError
from vaiven.runtime.happenings import KINDS

KEY = bytes(range(32))
SECRET = "whsec_" + base64.b64encode(KEY).decode()
FLOW = 'flow: hi\nversion: 1\nlang: en\nstarts: [fallback: true]\nsteps:\n  hi: {end: "Hello."}\n'


@pytest.fixture
def bot(tmp_path):
    (tmp_path / "flows").mkdir()
    (tmp_path / "flows" / "hi.flow.yaml").write_text(FLOW)

    def write(events, more=""):
        text = f"bot: shop\nflows: flows\nchannels: {{phone: {{type: simulator}}}}\n{more}events:\n{events}"
        (tmp_path / "bot.yaml").write_text(text)
        return tmp_path

    return write


GOOD = "  desk: {url: 'https://desk.example/in', secret: {env: DESK}}\n"


def test_a_webhook_is_told_everything_unless_it_says_what(bot):
    hook = load_settings(bot(GOOD), environ={"DESK": SECRET}).events["desk"]
    assert (hook.url, hook.secrets, hook.kinds) == ("https://desk.example/in", (KEY,), frozenset(KINDS))
    more = GOOD.replace("{env: DESK}", "{env: A}, secret_next: {env: B}, kinds: [conversation.closed]")
    other = "whsec_" + base64.b64encode(b"n" * 24).decode()
    hook = load_settings(bot(more), environ={"A": SECRET, "B": other}).events["desk"]
    assert (hook.secrets, hook.kinds) == ((KEY, b"n" * 24), {"conversation.closed"})


@pytest.mark.parametrize(
    ("events", "told"),
    [
        ("  desk: {secret: {env: DESK}}\n", "'events.desk.url' is missing"),
        ("  desk: {url: 'https://desk.example'}\n", "'events.desk.secret' is missing"),
        ("  desk: {url: 'desk.example', secret: {env: DESK}}\n", "must be a web address"),
        ("  desk: {url: 'https://a:b@desk.example', secret: {env: DESK}}\n", "must be a web address"),
        ("  desk: {url: 'http://desk.example', secret: {env: DESK}}\n", "must be https"),
        ("  desk: {url: 'http://127.0.0.1:80/x', secret: {env: DESK}}\n", "must be https"),
        ("  desk: {url: 'https://desk.example', secret: {env: SHORT}}\n", "24 to 64 random bytes"),
        ("  desk: {url: 'https://desk.example', secret: {env: PLAIN}}\n", "must be whsec_"),
        ("  desk: {url: 'https://desk.example', secret: {env: NONE}}\n", "NONE, which is not set"),
        (f"  desk: {{url: 'https://desk.example', secret: {SECRET}}}\n", "is a secret and stands in the file"),
        ("  desk: {url: 'https://desk.example', secret: {env: DESK}, kinds: [conversation.open]}\n", "'conversation.opened'"),
        ("  desk: {url: 'https://desk.example', secret: {env: DESK}, kinds: []}\n", "must be a list of kinds"),
        ("  desk: {url: 'https://desk.example', secret: {env: DESK}, kind: x}\n", "no setting 'kind'"),
        ("  Desk 1: {url: 'https://desk.example', secret: {env: DESK}}\n", "is no name for a webhook"),
        ("  desk: https://desk.example\n", "must be a map"),
        ("".join(GOOD.replace("desk:", f"desk{i}:") for i in range(11)), "has 11 webhooks"),
    ],
)
def test_mistakes_are_told(bot, events, told):
    with pytest.raises(SettingsError) as wrong:
        load_settings(bot(events), environ={"DESK": SECRET, "SHORT": "whsec_AAAA", "PLAIN": "x" * 40})
    assert told in str(wrong.value)
    assert SECRET not in str(wrong.value)
    assert "x" * 40 not in str(wrong.value)


def test_a_host_of_ours_may_be_called_plainly(bot):
    events = "  desk: {url: 'http://desk.internal:8080/in', secret: {env: DESK}}\n"
    settings = load_settings(bot(events, "calls: {allow: ['desk.internal:8080']}\n"), environ={"DESK": SECRET})
    assert settings.events["desk"].url == "http://desk.internal:8080/in"
    events = "  desk: {url: 'http://10.0.0.7/in', secret: {env: DESK}}\n"
    assert load_settings(bot(events, "calls: {allow: [10.0.0.0/8]}\n"), environ={"DESK": SECRET}).events


def test_a_check_needs_no_environment(bot):
    settings, problems = read_settings(bot(GOOD))
    assert settings is not None
    assert not problems
    settings, problems = read_settings(bot("  desk: {url: {env: WHERE}, secret: {env: DESK}, kinds: [x]}\n"))
    assert settings is None
    assert ["kinds" in problem.text or "kind of event" in problem.text for problem in problems] == [True]


def test_to_try_a_flow_nobody_needs_the_secrets_of_webhooks(bot):
    dressed, problems = dress(bot(GOOD), {}, {})
    assert dressed is not None
    assert not problems
    assert not dressed.settings.events
    dressed, _ = dress(bot(GOOD), {}, {"DESK": SECRET})
    assert dressed is not None
    assert dressed.settings.events
