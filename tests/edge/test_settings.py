"""What a bot is set to: read whole, or refused with every problem at once."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from vaiven.edge.paths import bot_of, demo_bot_dir
from vaiven.edge.settings import BotSettings, Where, load_settings, read_settings, store_url, where
from vaiven.model.errors import SettingsError
from vaiven.runtime.hours import Hours

TOKEN = "canary-token-0000"
ENVIRON = {
    "PUBLIC_URL": "https://votes.example",
    "TWILIO_ACCOUNT_SID": "AC00000000000000000000000000000001",
    "TWILIO_AUTH_TOKEN": TOKEN,
}
DESIGN = """\
bot: tv-vote
flows: flows
store: sqlite:///tv_vote.db            # --store overrides
profile: local
public_url: {env: PUBLIC_URL}
lang: en
zone: Europe/Madrid
country: ES                            # how numbers without a country code are read
params: {opens: "2026-12-05T20:00Z", closes: "2026-12-05T22:15Z", max_votes: 10}
hours: {support: {mon-fri: "09:00-18:00"}}
words: {help: "Text VOTE and a number.", stopped: "You are unsubscribed. Text START to return.", started: "Welcome back."}
commands: {}                           # the bot's own, under every flow's
errors: {flow: null, text: "Something went wrong here. Please try again in a minute."}
calls: {allow: []}                     # hosts that HTTP calls may reach besides public ones
channels:
  sms: {type: twilio, from: "+12025550100", account: {env: TWILIO_ACCOUNT_SID}, token: {env: TWILIO_AUTH_TOKEN}, api: "https://api.twilio.com", rate: 100/s, stop_reply: provider}
  phone: {type: simulator}
"""  # noqa: E501 - as people write it
SMALL = "bot: b\nflows: flows\nchannels: {phone: {type: simulator}}\n"

Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a bot.yaml beside a folder that has a flow."""
    (tmp_path / "flows").mkdir()
    (tmp_path / "flows" / "one.flow.yaml").write_text("flow: one\n")

    def write(text: str) -> Path:
        (tmp_path / "bot.yaml").write_text(text)
        return tmp_path

    return write


def problems(
    folder: Path, overrides: dict[str, Any] | None = None, environ: dict[str, str] | None = None
) -> list[tuple[int, int, str]]:
    """Line, column and text of each problem."""
    found = read_settings(folder, overrides, environ or {})[1]
    return [(problem.line, problem.column, problem.text) for problem in found]


def test_the_bot_of_the_design_loads(write: Write) -> None:
    folder = write(DESIGN)
    settings = load_settings(folder, {}, ENVIRON)
    assert settings.bot == "tv-vote"
    assert settings.flows == (folder / "flows").resolve()
    assert (settings.store, settings.profile) == ("sqlite:///tv_vote.db", "local")
    assert settings.public_url == "https://votes.example"
    assert (settings.lang, settings.zone, settings.country) == ("en", "Europe/Madrid", "ES")
    assert settings.params == {"opens": "2026-12-05T20:00Z", "closes": "2026-12-05T22:15Z", "max_votes": 10}
    assert settings.words["help"] == "Text VOTE and a number."
    assert settings.words["error"] == "Something went wrong here. Please try again in a minute."
    assert settings.error_flow is None
    assert settings.hours == {"support": Hours((((540, 1080),),) * 5 + ((), ()))}
    sms, phone = settings.channels
    assert (sms.name, sms.type, sms.pacing.rate_per_s, sms.stop_reply) == ("sms", "twilio", 100.0, "provider")
    assert sms.settings["token"] == TOKEN
    assert sms.settings["public_url"] == "https://votes.example"
    assert sms.settings["country"] == "ES"
    assert (phone.name, phone.type, phone.pacing.rate_per_s, phone.stop_reply) == ("phone", "simulator", None, "ours")


def test_the_bot_in_this_repository_loads() -> None:
    settings = load_settings(demo_bot_dir(), {}, ENVIRON)
    assert settings.bot == "tv-vote"
    assert [channel.name for channel in settings.channels] == ["sms", "phone"]
    assert list(settings.flows.glob("*.flow.yaml"))


def test_what_the_flows_are_told(write: Write) -> None:
    spec = load_settings(write(DESIGN), {}, ENVIRON).spec
    assert (spec.name, spec.lang, spec.zone, spec.country) == ("tv-vote", "en", "Europe/Madrid", "ES")
    assert spec.params["max_votes"] == 10
    assert spec.words.stopped == "You are unsubscribed. Text START to return."
    assert spec.words.error.startswith("Something went wrong")


def test_a_small_bot_needs_three_lines(write: Write) -> None:
    settings = load_settings(write(SMALL), {}, {})
    assert (settings.store, settings.profile, settings.zone, settings.public_url) == ("sqlite:///b.db", "local", "UTC", "")


@pytest.mark.parametrize("name", ["", "bot.yaml"])
def test_a_bot_is_named_by_its_folder_or_its_file(write: Write, name: str) -> None:
    assert load_settings(write(SMALL) / name, {}, {}).bot == "b"


def test_secrets_are_never_shown(write: Write) -> None:
    settings = load_settings(write(DESIGN), {"params": {"pin": "canary-param"}}, ENVIRON)
    for shown in (repr(settings), str(settings), repr(settings.channels), f"{settings.channels[0]}"):
        assert TOKEN not in shown
        assert "canary-param" not in shown


def test_every_missing_variable_is_told_at_once(write: Write) -> None:
    found = problems(write(DESIGN), environ={"TWILIO_ACCOUNT_SID": "  "})
    assert [text for _, _, text in found] == [
        "'public_url' comes from the environment variable PUBLIC_URL, which is not set",
        "'channels.sms.account' comes from the environment variable TWILIO_ACCOUNT_SID, which is empty",
        "'channels.sms.token' comes from the environment variable TWILIO_AUTH_TOKEN, which is not set",
    ]
    assert found[0][:2] == (5, 13)


def test_a_problem_shows_the_line_and_what_would_be_right(write: Write) -> None:
    folder = write(SMALL + "zone: Europe/Madird\n")
    with pytest.raises(SettingsError) as caught:
        load_settings(folder, {}, {})
    assert str(caught.value) == (
        f"{folder}/bot.yaml:4:7: 'Europe/Madird' is no time zone [wrong-zone]\n"
        "  4 | zone: Europe/Madird\n"
        "    |       ^^^^^^^^^^^^^\n"
        "  Did you mean 'Europe/Madrid'?"
    )
    assert len(caught.value.problems) == 1


def test_params_may_be_lists_and_maps_and_of_the_environment_within(write: Write) -> None:
    text = SMALL + "params: {places: [{id: room, seats: 4, at: [1, 2]}], api: {url: {env: API}, tries: 3}}\n"
    found = load_settings(write(text), environ=ENVIRON | {"API": "https://a.example"}).params
    assert found == {"places": [{"id": "room", "seats": 4, "at": [1, 2]}], "api": {"url": "https://a.example", "tries": 3}}


def test_problems_of_every_kind_come_together_in_file_order(write: Write) -> None:
    text = """\
bot: TV Vote
flows: nowhere
store: postgres://127.0.0.1
profil: local
public_url: "http://votes.example"
lang: english!
zone: Mars/Olympus
country: Spain
params: {Max: 1}
hours: {support: {weekdays: "9 to 6"}}
words: {hlep: "x", stopped: ""}
commands: {menu: {words: [menu]}}
errors: {flow: 7, txt: "x"}
calls: {allow: "everything"}
channels:
  Sms: {type: simulator}
  two: {type: twilo}
  three: {type: twilio, account: AC1, token: {env: TWILIO_AUTH_TOKEN}, from: "+12025550100", rate: fast, stop_reply: me, frm: x}
"""
    found = problems(write(text), environ=ENVIRON)
    assert [(line, column) for line, column, _ in found] == sorted((line, column) for line, column, _ in found)
    told = "\n".join(text for _, _, text in found)
    for word in (
        "'bot' must be a name", "no folder", "'store' names no store", "no setting 'profil'", "'public_url' must be https",
        "'lang' must be a language", "'Mars/Olympus' is no time zone", "'country' must be", "'Max' is no name",
        "'weekdays' names no days", "'9 to 6' is no span", "no setting 'hlep'", "'words.stopped' must be a text",
        "the command 'menu' has neither", "'errors.flow' must be a text", "no setting 'txt'", "'calls.allow' must be a list",
        "'Sms' is no name for a channel", "no channel type 'twilo'", "channels.three.account", "'channels.three.rate' must be",
        "channels.three.stop_reply", "channels.three.frm",
    ):  # fmt: skip
        assert word in told, word
    assert {line for line, _, _ in found} == set(range(1, 15)) | {16, 17, 18}


@pytest.mark.parametrize(
    ("wrong", "right"),
    [("profil: local", "Did you mean 'profile'?"), ("chanels: {}", "Did you mean 'channels'?"), ("words: {halp: x}", "'help'")],
)
def test_a_misspelt_key_is_answered_with_the_right_one(write: Write, wrong: str, right: str) -> None:
    found = read_settings(write(SMALL + wrong + "\n"), {}, {})[1]
    assert [right in problem.cure for problem in found] == [True]


@pytest.mark.parametrize("missing", ["bot", "flows", "channels"])
def test_a_missing_key_is_told(write: Write, missing: str) -> None:
    text = "".join(line + "\n" for line in SMALL.splitlines() if not line.startswith(missing))
    assert f"'{missing}' is missing" in [told for _, _, told in problems(write(text))]


def test_a_channel_that_providers_must_reach_needs_a_public_url(write: Write) -> None:
    text = DESIGN.replace("public_url: {env: PUBLIC_URL}\n", "")
    assert [told for _, _, told in problems(write(text), environ=ENVIRON)] == ["'public_url' is missing"]


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("https://votes.example/", None),
        ("https://votes.example/base", None),
        ("http://localhost:8000", None),
        ("http://127.0.0.1:8000", None),
        ("http://[::1]:8000", None),
        ("http://votes.example", "must be https"),
        ("http://localhost.example", "must be https"),
        ("ftp://votes.example", "must be a web address"),
        ("votes.example", "must be a web address"),
        ("https://", "must be a web address"),
        ("https://user:pw@votes.example", "must be a web address"),
        ("https://votes.example?a=1", "must be a web address"),
        ("https://votes.example:port", "must be a web address"),
        ("https://votes example", "must be a web address"),
    ],
)
def test_the_public_url(write: Write, url: str, told: str | None) -> None:
    settings, found = read_settings(write(SMALL + f'public_url: "{url}"\n'), {}, {})
    if told is None:
        assert settings is not None
        assert settings.public_url == url.rstrip("/")
    else:
        assert [told in problem.text for problem in found] == [True]


@pytest.mark.parametrize(("rate", "per_s"), [("100/s", 100.0), ("90/m", 1.5), ("3600/h", 1.0), ("0.5/s", 0.5), ("20 / s", 20.0)])
def test_a_rate_is_messages_a_time(write: Write, rate: str, per_s: float) -> None:
    settings = load_settings(write(f"bot: b\nflows: flows\nchannels: {{phone: {{type: simulator, rate: {rate}}}}}\n"), {}, {})
    assert settings.channels[0].pacing.rate_per_s == per_s


@pytest.mark.parametrize("rate", ["100", "0/s", "-1/s", "fast", "1/d", "1/s/s", "[1/s]", "9999999/s", "1e3/s"])
def test_a_rate_that_is_none_is_told(write: Write, rate: str) -> None:
    found = problems(write(f"bot: b\nflows: flows\nchannels: {{phone: {{type: simulator, rate: {rate}}}}}\n"))
    assert any("'channels.phone.rate'" in told for _, _, told in found)


def test_how_a_channel_sends_can_be_set(write: Write) -> None:
    text = "bot: b\nflows: flows\nchannels: {phone: {type: simulator, connections: 7, hold: 2m}}\n"
    pacing = load_settings(write(text), {}, {}).channels[0].pacing
    assert (pacing.connections, pacing.hold_ms) == (7, 120_000)
    assert problems(write(text.replace("7", "{env: N}").replace("2m", "{env: H}")), environ={"N": "8", "H": "1s"}) == []
    assert read_settings(write(text))[1] == []


def test_a_secret_in_the_file_is_refused_and_not_shown(write: Write) -> None:
    text = DESIGN.replace("token: {env: TWILIO_AUTH_TOKEN}", f'token: "{TOKEN}", bad: 1')
    found = read_settings(write(text), {}, ENVIRON)[1]
    told = "\n".join(map(str, found))
    assert "'channels.sms.token' is a secret and stands in the file" in told
    assert "{env: SMS_TOKEN}" in told
    assert "channels.sms.bad" in told
    assert TOKEN not in told


def test_a_secret_may_be_two_while_it_is_rotated(write: Write) -> None:
    text = DESIGN.replace("token: {env: TWILIO_AUTH_TOKEN}", "token: [{env: TWILIO_AUTH_TOKEN}, {env: NEXT_TOKEN}]")
    settings = load_settings(write(text), {}, ENVIRON | {"NEXT_TOKEN": "second"})
    assert settings.channels[0].settings["token"] == [TOKEN, "second"]
    assert [told for _, _, told in problems(write(text), environ=ENVIRON)] == [
        "'channels.sms.token[1]' comes from the environment variable NEXT_TOKEN, which is not set"
    ]


@pytest.mark.parametrize("written", ["{env: }", "{env: 1X}", "{env: [A]}", "{env: A, default: b}"])
def test_an_environment_name_that_is_none_is_told(write: Write, written: str) -> None:
    found = problems(write(SMALL + f"zone: {written}\n"))
    assert [told for _, _, told in found] == ["'zone' must name one environment variable"]


def test_a_token_in_the_place_of_the_account_is_not_shown(write: Write) -> None:
    swapped = ENVIRON | {"TWILIO_ACCOUNT_SID": TOKEN, "TWILIO_AUTH_TOKEN": ENVIRON["TWILIO_ACCOUNT_SID"]}
    (problem,) = read_settings(write(DESIGN), {}, swapped)[1]
    assert problem.text == (
        "'channels.sms.account': what TWILIO_ACCOUNT_SID holds is not the Account SID, like AC and 32 hex digits"
    )
    assert TOKEN not in str(problem)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("zone: {env: X}", "what X holds is no time zone"),
        ("store: {env: X}", "'store' names no store that is known here"),
        ("profile: {env: X}", "'profile' cannot be what X holds"),
        ("lang: {env: X}", "'lang' must be a language code"),
        ("country: {env: X}", "'country' must be a country's two capital letters"),
        ("public_url: {env: X}", "'public_url' must be a web address"),
        ("hours: {support: {mon: {env: X}}}", "what X holds is no span of hours"),
        ("calls: {allow: [{env: X}]}", "'calls.allow' must be a list of hosts, addresses or networks"),
    ],
)
def test_what_the_environment_holds_is_named_and_never_shown(write: Write, line: str, told: str) -> None:
    (problem,) = read_settings(write(SMALL + line + "\n"), {}, {"X": "Canary value!"})[1]
    assert problem.text == told
    assert "anary" not in str(problem)


def test_a_folder_that_the_environment_names_is_not_shown(write: Write) -> None:
    folder = write(SMALL.replace("flows: flows", "flows: {env: X}"))
    (folder / "empty").mkdir()
    for value, told in {
        "canary": "what X holds names no folder",
        "empty": "no *.flow.yaml file is in the folder that X names",
    }.items():
        (problem,) = read_settings(folder, {}, {"X": value})[1]
        assert problem.text == told


def test_a_store_that_the_environment_names_is_not_shown(write: Write) -> None:
    found = problems(write(SMALL + "store: {env: X}\nprofile: dev\n"), environ={"X": "sqlite:///canary.db"})
    assert [told for _, _, told in found] == ["the store cannot keep the profile 'dev'"]


@pytest.mark.parametrize("setting", ["type", "account", "api", "rate", "connections", "hold", "stop_reply", "from"])
def test_no_channel_shows_what_the_environment_holds(write: Write, setting: str) -> None:
    written = {
        "type": "twilio",
        "from": '"+12025550100"',
        "account": "{env: TWILIO_ACCOUNT_SID}",
        "token": "{env: TWILIO_AUTH_TOKEN}",
        setting: "{env: X}",
    }
    sms = ", ".join(f"{key}: {value}" for key, value in written.items())
    folder = write(f"bot: b\nflows: flows\npublic_url: https://votes.example\nchannels: {{sms: {{{sms}}}}}\n")
    found = read_settings(folder, {}, ENVIRON | {"X": " canary, value"})[1]
    assert found
    assert "canary" not in "".join(map(str, found))
    assert any("what X holds is" in problem.text or setting == "type" for problem in found)


def test_a_channel_of_others_may_quote_a_value_and_it_is_not_shown(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    from vaiven.channels.simulator import Simulator

    monkeypatch.setattr(
        Simulator, "problems", classmethod(lambda _cls, settings: [f"pin: I do not like {settings['pin']!r} by {settings['by']}"])
    )
    text = "bot: b\nflows: flows\nchannels: {phone: {type: simulator, pin: {env: PIN}, by: me}}\n"
    found = problems(write(text), environ={"PIN": "canary"})
    assert [told for _, _, told in found] == ["'channels.phone.pin': I do not like '…' by me"]


def test_without_any_zones_the_package_is_named(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    import zoneinfo

    def nothing(key: str) -> zoneinfo.ZoneInfo:
        raise zoneinfo.ZoneInfoNotFoundError(key)

    monkeypatch.setattr("vaiven.edge.settings.ZoneInfo", nothing)
    monkeypatch.setattr(zoneinfo, "available_timezones", set)
    (problem,) = read_settings(write(SMALL + "zone: Europe/Madrid\n"), {}, {})[1]
    assert "no time zone at all is known" in problem.text
    assert "tzdata" in problem.cure


# -- commands -------------------------------------------------------------------------------------------------------------


def test_the_bots_own_commands(write: Write) -> None:
    text = SMALL + "params: {n: 3}\ncommands:\n  rules: {words: [Rules, how], say: 'At most {params.n}.', back: true}\n"
    spec = load_settings(write(text + "  menu: {words: menu, go: main-menu}\n"), {}, {}).spec
    rules, menu = spec.commands
    assert (rules.name, rules.words, rules.go, rules.back) == ("rules", ("Rules", "how"), None, True)
    assert [part.text.source for part in rules.say] == ["At most {params.n}."]
    assert (menu.name, menu.words, menu.go) == ("menu", ("menu",), "main-menu")


@pytest.mark.parametrize(
    ("command", "column", "told"),
    [
        ("x: {words: [x]}", 3, "neither `go`, `run` nor `say`"),
        ("x: {words: [x], go: y, say: z, back: true}", 3, "both `go` and `say`"),
        ("x: {words: [x], say: z}", 3, "needs `back: true`"),
        ("x: {go: y}", 3, "needs `words`"),
        ("x: {words: [x], go: y, goo: y}", 26, "no key 'goo'"),
        ("x: word", 6, "is a map"),
        ("x: {words: [x], say: '{count}', back: true}", 25, "'count' is not known to a command"),
        ("x: {words: [x], say: '{params.m}', back: true}", 25, "no param 'm'"),
        ("x: {words: [x], say: '{1 +}', back: true}", 29, ""),
        ("x: {words: [help], go: y}", 3, "a word that carriers take"),
        ("x: {words: [back], go: y}", 3, "BACK is a command of every flow"),
        ("x: {words: ['!'], go: y}", 3, "can never be matched"),
        ("x: {words: [a], go: y}\n  z: {words: [A], go: y}", 3, "both the command 'x' and the command 'z'"),
    ],
)
def test_a_wrong_command_of_the_bot_is_told_where_it_stands(write: Write, command: str, column: int, told: str) -> None:
    found = problems(write(SMALL + f"commands:\n  {command}\n"))
    assert [(line, at) for line, at, _ in found] == [(5 + command.count("\n"), column)]
    assert told in found[0][2]


# -- what is given over the file ------------------------------------------------------------------------------------------


def test_options_win_key_by_key(write: Write) -> None:
    overrides = {
        "store": "sqlite:////var/lib/b.db",
        "public_url": "http://127.0.0.1:9000",
        "params": {"opens": "2026-01-01T00:00Z"},
        "channels": {
            "sms": {"api": "http://127.0.0.1:9001", "token": "given by code", "rate": None},
            "more": {"type": "simulator"},
            "phone": None,
        },
    }
    settings = load_settings(write(DESIGN), overrides, {"TWILIO_ACCOUNT_SID": ENVIRON["TWILIO_ACCOUNT_SID"]})
    assert settings.store == "sqlite:////var/lib/b.db"
    assert settings.params == {"opens": "2026-01-01T00:00Z", "closes": "2026-12-05T22:15Z", "max_votes": 10}
    sms, more = settings.channels
    assert (sms.settings["api"], sms.settings["token"]) == ("http://127.0.0.1:9001", "given by code")
    assert (sms.settings["from"], sms.pacing.rate_per_s) == ("+12025550100", None)
    assert sms.settings["public_url"] == "http://127.0.0.1:9000"
    assert (more.name, more.type) == ("more", "simulator")


def test_options_may_say_anything_that_text_can(write: Write) -> None:
    words = 'é"\\\n😀 {x} #1: yes'
    settings = load_settings(write(SMALL), {"words": {"help": words}, "params": {"n": 3, "on": True, "list": ["a", 1]}}, {})
    assert settings.words["help"] == words
    assert settings.params == {"n": 3, "on": True, "list": ["a", 1]}


def test_a_wrong_option_is_told_as_one(write: Write) -> None:
    found = read_settings(write(SMALL), {"public_url": "http://votes.example"}, {})[1]
    assert str(found[0]).splitlines()[:2] == [
        "options:1:13: 'public_url' must be https [wrong-url]",
        '  1 | public_url: "http://votes.example"',
    ]


def test_an_option_that_cannot_be_written_is_a_problem(write: Write) -> None:
    assert read_settings(write(SMALL), {"store": "sqlite:///\x7f.db"}, {})[1]


def test_a_given_store_brings_its_own_profile(write: Write) -> None:
    assert load_settings(write(DESIGN), {"store": "memory://"}, ENVIRON).profile == "dev"
    found = problems(write(DESIGN), {"store": "memory://", "profile": "local"}, ENVIRON)
    assert [told for _, _, told in found] == ["the store memory:// cannot keep the profile 'local'"]


def test_a_profile_that_the_store_cannot_keep_is_told(write: Write) -> None:
    found = problems(write(SMALL + "store: memory://\nprofile: local\n"))
    assert [told for _, _, told in found] == ["the store memory:// cannot keep the profile 'local'"]


@pytest.mark.parametrize("store", ["sqlite:///votes.db", "sqlite:////var/lib/votes.db", "memory://"])
def test_stores_that_are_known(write: Write, store: str) -> None:
    assert load_settings(write(SMALL + f"store: {store}\n"), {}, {}).store == store


@pytest.mark.parametrize(
    "store",
    [
        "sqlite://votes.db",
        "sqlite:///",
        "memory",
        "redis://a/b/c",
        "redis+cluster://a:1/3",
        "postgres://127.0.0.1",
        "votes.db",
        "[]",
        '""',
    ],
)
def test_stores_that_are_not(write: Write, store: str) -> None:
    assert len(problems(write(SMALL + f"store: {store}\n"))) == 1


@pytest.mark.parametrize(
    ("store", "profile"),
    [
        ("redis://127.0.0.1", "redis-fast"),
        ("rediss://cache.example:6380/2", "redis-fast"),
        ("redis+cluster://a.example:7000,b.example:7001", "redis-fast"),
        ("redis+unix:///run/redis.sock", "redis-fast"),
    ],
)
def test_servers_are_stores_and_keep_two_profiles(write: Write, store: str, profile: str) -> None:
    assert load_settings(write(SMALL + f"store: {store}\n"), {}, {}).profile == profile
    assert load_settings(write(SMALL + f"store: {store}\nprofile: redis-strict\n"), {}, {}).profile == "redis-strict"
    found = problems(write(SMALL + f"store: {store}\nprofile: local\n"))
    assert [told for _, _, told in found] == [f"the store {store} cannot keep the profile 'local'"]


def test_a_password_does_not_stand_in_the_file_and_is_not_shown(write: Write) -> None:
    source = write(SMALL + "store: redis://:canary@127.0.0.1\nprofile: local\n")
    _, found = read_settings(source, {}, {})
    assert "has a password in it" in found[0].text
    assert "canary" not in "\n".join(map(str, found))
    url = "redis://me:canary@127.0.0.1"
    given = write(SMALL + "store: {env: STORE_URL}\nprofile: local\n")
    (problem,) = read_settings(given, {}, {"STORE_URL": url})[1]
    assert "canary" not in str(problem)
    assert load_settings(write(SMALL + "store: {env: STORE_URL}\n"), {}, {"STORE_URL": url}).store == url
    (problem,) = read_settings(write(SMALL), {"store": url, "profile": "dev"}, {})[1]
    assert "cannot keep the profile 'dev'" in problem.text
    assert "canary" not in problem.text


@pytest.mark.parametrize(("written", "days"), [("30", 30), ("0.5", 0.5), ("{env: DAYS}", 14), ("null", None)])
def test_how_long_things_are_kept(write: Write, written: str, days: float | None) -> None:
    assert load_settings(write(SMALL + f"retention_days: {written}\n"), {}, {"DAYS": "14"}).retention_days == days


@pytest.mark.parametrize("written", ["0", "-1", "yes", "ever", "[30]", "99999999"])
def test_how_long_is_a_number_of_days(write: Write, written: str) -> None:
    found = problems(write(SMALL + f"retention_days: {written}\n"))
    assert [told for _, _, told in found] == ["'retention_days' must be a number of days above 0"]


def test_where_a_bot_keeps_things_can_be_known_without_its_secrets(write: Write, tmp_path: Path) -> None:
    assert where(write(DESIGN), {}) == Where("sqlite:///tv_vote.db", "tv-vote", "local")
    assert where(write(DESIGN), {}, "redis://127.0.0.1") == Where("redis://127.0.0.1", "tv-vote", "redis-fast")
    assert where(tmp_path / "nowhere", {}, "memory://") == Where("memory://", "", "dev")
    with pytest.raises(SettingsError, match="names no store"):
        where(tmp_path / "nowhere", {}, "postgres://x")
    with pytest.raises(SettingsError, match="no such file"):
        where(tmp_path / "nowhere", {})


# -- files ------------------------------------------------------------------------------------------------------------------


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"bot\.yaml: there is no such file"):
        load_settings(tmp_path, {}, {})
    with pytest.raises(SettingsError, match=r"nowhere/bot\.yaml: there is no such file"):
        load_settings(tmp_path / "nowhere", {}, {})


@pytest.mark.parametrize("text", ["", "just text\n", "- a list\n", "bot: [1\n", "bot: a\nbot: b\n", "bot: &a b\n", "bot: !x b\n"])
def test_a_file_that_is_no_map_of_settings(write: Write, text: str) -> None:
    settings, found = read_settings(write(text), {}, {})
    assert settings is None
    assert found


def test_a_file_that_is_not_text(tmp_path: Path) -> None:
    (tmp_path / "bot.yaml").write_bytes(b"bot: \xff\n")
    assert [problem.text for problem in read_settings(tmp_path)[1]] == ["the file cannot be read: it is not UTF-8"]


def test_flows_need_a_folder_with_a_flow(write: Write) -> None:
    folder = write(SMALL)
    (folder / "flows" / "one.flow.yaml").unlink()
    assert [told.partition(" is in ")[0] for _, _, told in problems(folder)] == ["no *.flow.yaml file"]
    (folder / "flows").rmdir()
    assert [told.partition(" /")[0] for _, _, told in problems(folder)] == ["there is no folder"]


def test_a_bot_without_channels_is_told(write: Write) -> None:
    assert [told for _, _, told in problems(write("bot: b\nflows: flows\nchannels: {}\n"))] == ["the bot has no channels"]
    assert [told for _, _, told in problems(write(SMALL), {"channels": {"phone": None}})] == ["the bot has no channels"]


# -- without its environment ------------------------------------------------------------------------------------------------


def test_a_check_takes_the_environment_to_be_right(write: Write) -> None:
    settings, found = read_settings(write(DESIGN))
    assert found == []
    assert isinstance(settings, BotSettings)
    assert settings.params["max_votes"] == 10


def test_a_check_still_finds_what_stands_in_the_file(write: Write) -> None:
    text = DESIGN.replace('from: "+12025550100"', "from: nobody-at-all").replace("rate: 100/s", "rate: often")
    assert [problem.text.partition(":")[0] for problem in read_settings(write(text))[1]] == [
        "'channels.sms.from'",
        "'channels.sms.rate' must be messages a time",
    ]


def test_the_store_of_a_bot_needs_no_secrets(write: Write) -> None:
    assert store_url(write(DESIGN), {}) == "sqlite:///tv_vote.db"
    assert store_url(write(SMALL), {}) == "sqlite:///b.db"
    with pytest.raises(SettingsError, match="STORE_URL, which is not set"):
        store_url(write(SMALL + "store: {env: STORE_URL}\n"), {})


def test_the_bot_of_a_folder_of_flows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "flows" / "tv").mkdir(parents=True)
    (tmp_path / "bots" / "tv").mkdir(parents=True)
    assert bot_of(tmp_path / "flows" / "tv") is None
    (tmp_path / "bots" / "tv" / "bot.yaml").write_text(SMALL)
    assert bot_of(tmp_path / "flows" / "tv") == tmp_path / "bots" / "tv" / "bot.yaml"
    assert bot_of(tmp_path / "bots" / "tv") is None
    monkeypatch.chdir(tmp_path)
    assert bot_of(Path("flows/tv")) == Path("bots/tv/bot.yaml")
