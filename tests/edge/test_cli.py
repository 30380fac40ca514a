"""The command line: what it says, its exit codes, and what it does not import."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest

import vaiven
from vaiven.edge.cli import run
from vaiven.edge.paths import demo_bot_dir
from vaiven.edge.serve import Serving
from vaiven.edge.settings import BotSettings
from vaiven.model.effects import Tally, TallyOutcome
from vaiven.model.errors import StoreInUse, StoreMismatch
from vaiven.model.events import Event, Notice
from vaiven.model.turns import Turn, TurnRecord
from vaiven.model.urns import Urn
from vaiven.stores import open_store
from vaiven.stores.contract import Role

FRAMEWORK = Path(vaiven.__file__).parents[1]
VOTE = demo_bot_dir() / ".." / ".." / "flows" / "tv_vote" / "vote.flow.yaml"

HEAVY = [
    "aiohttp", "asyncio", "yaml", "msgspec", "statemachine", "phonenumbers", "rapidfuzz", "sqlite3", "httptools", "uvloop",
    "redis", "logging", "socket", "ssl", "vaiven.edge.settings", "vaiven.flow", "vaiven.channels", "vaiven.stores",
    "vaiven.runtime", "vaiven.testing",
]  # fmt: skip

OPEN = ("--at", "2026-12-05T20:30Z")
"""An instant within the window of the vote."""

GOOD = """\
flow: hello
starts: [{keyword: [hi]}]
steps:
  hello: {ask: "Your name?", as: text}
  bye: {end: "Bye {hello}.", outcome: done}
"""
SHUT = (
    GOOD.replace("starts:", 'window: {from: "2030-01-01T00:00Z", early: soon}\nstarts:')
    + """\
  soon: {end: "Soon.", outcome: early}
"""
)
BOT = "bot: hello\nflows: ../../flows/hello\nchannels: {phone: {type: simulator}}\n"

Out = Callable[[], str]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with flows/hello and bots/hello, in which commands run."""
    for folder in ("flows/hello", "bots/hello"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "flows/hello/hello.flow.yaml").write_text(GOOD)
    (tmp_path / "bots/hello/bot.yaml").write_text(BOT)
    monkeypatch.chdir(tmp_path)
    return tmp_path


# -- help and errors ------------------------------------------------------------------------------------------------------


def imported_by(*args: str) -> set[str]:
    """The modules that a command line leaves imported, in a process of its own."""
    code = f"import sys; sys.path.insert(0, {str(FRAMEWORK)!r})\nfrom vaiven.edge.cli import run\nrun({list(args)!r})\n"
    code += "print('\\n'.join(['--modules--', *sys.modules]))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.partition("--modules--\n")[2].split())


def test_help_imports_nothing_heavy() -> None:
    loaded = imported_by("--help")
    assert "vaiven.edge.cli.check" in loaded
    assert loaded.isdisjoint(HEAVY), loaded.intersection(HEAVY)


@pytest.mark.parametrize("command", ["run", "demo", "talk", "check", "votes", "status", "dead"])
def test_the_help_of_a_command_imports_nothing_heavy(command: str) -> None:
    assert imported_by(command, "--help").isdisjoint({"aiohttp", "yaml", "statemachine", "phonenumbers", "msgspec", "sqlite3"})


def test_check_imports_neither_server_nor_store() -> None:
    loaded = imported_by("check", str(VOTE))
    assert "vaiven.flow.load" in loaded
    heavy = loaded.intersection(
        {"aiohttp", "statemachine", "sqlite3", "redis", "httptools", "vaiven.runtime.bot", "vaiven.testing"}
    )
    assert not heavy


@pytest.mark.parametrize("module", ["vaiven", "vaiven.edge.cli"])
def test_it_runs_as_a_module(module: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", module, "--version"],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": str(FRAMEWORK)},
    )
    assert done.stdout == f"vaiven {vaiven.__version__}\n"


def test_help_tells_a_newcomer_what_it_is_and_what_to_type(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == 0
    told = capsys.readouterr().out
    assert "SMS, WhatsApp and Messenger" in told
    first = [line.split("  ")[1].strip() for line in told.splitlines() if line.startswith("    vaiven ")]
    assert [line.split()[1] for line in told.splitlines() if line.startswith("    vaiven ")] == [
        "demo",
        "talk",
        "check",
        "run",
    ], first
    for command in ("demo", "talk", "check", "run", "status", "dead", "votes"):
        assert f"\n  {command} " in told


@pytest.mark.parametrize(
    "args", [["no-such"], ["run"], ["run", "--port", "70000", "x"], ["demo", "--port", "x"], ["votes", "show"], ["talk"]]
)
def test_usage_errors_are_2(args: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(args) == 2
    assert "Usage: vaiven" in capsys.readouterr().err


# -- run and demo ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[tuple[object, ...]]:
    """What ``run`` asked to have served, in place of serving it."""
    import vaiven.edge.logs
    import vaiven.edge.serve

    asked: list[tuple[object, ...]] = []

    def run_bot(settings: BotSettings, serving: vaiven.edge.serve.Serving) -> int:
        asked.append((settings, serving))
        return 0

    monkeypatch.setattr(vaiven.edge.serve, "run_bot", run_bot)
    monkeypatch.setattr(vaiven.edge.logs, "setup", lambda *args: asked.append(args))
    return asked


def test_run_serves_the_bot(project: Path, served: list[tuple[object, ...]]) -> None:
    options = [
        "--store",
        "memory://",
        "--host",
        "0.0.0.0",
        "--port",
        "0",
        "--public-url",
        "https://b.example",
        "--console-port",
        "9",
    ]
    assert run(["run", "bots/hello", *options, "--log-format", "json"]) == 0
    logging, (settings, serving) = served
    assert logging == ("json", "info")
    assert isinstance(settings, BotSettings)
    assert (settings.bot, settings.store, settings.public_url) == ("hello", "memory://", "https://b.example")
    assert isinstance(serving, Serving)
    assert (serving.host, serving.port, serving.console_port) == ("0.0.0.0", 0, 9)
    assert {*serving.roles} == {"web", "turn", "send"}


def test_run_takes_roles_and_a_profile(project: Path, served: list[tuple[object, ...]]) -> None:
    options = ["--store", "redis+cluster://127.0.0.1:7000", "--role", "turn,web", "--profile", "redis-strict"]
    assert run(["run", "bots/hello", *options]) == 0
    _, (settings, serving) = served
    assert isinstance(settings, BotSettings)
    assert isinstance(serving, Serving)
    assert (settings.profile, serving.roles) == ("redis-strict", ("web", "turn"))


@pytest.mark.parametrize("options", [["--role", "turn,sing"], ["--role", ""], ["--workers", "0"], ["--profile", "fast"]])
def test_roles_workers_and_profiles_that_are_none_are_usage_errors(project: Path, options: list[str]) -> None:
    assert run(["run", "bots/hello", *options]) == 2


@pytest.mark.parametrize("store", [[], ["--store", "memory://"]])
def test_only_one_process_serves_from_a_file_and_that_is_told_with_all_else(
    project: Path, served: list[tuple[object, ...]], capsys: pytest.CaptureFixture[str], store: list[str]
) -> None:
    (project / "bots/hello/bot.yaml").write_text(BOT + "zone: Nowhere\n")
    assert run(["run", "bots/hello", "--workers", "3", "--role", "web", *store]) == 3
    told = capsys.readouterr().err
    assert "'Nowhere' is no time zone" in told
    assert "options: --workers 3: one process does everything on " in told
    assert "options: --role web: one process does everything on " in told
    assert "3 problems; nothing was started." in told
    assert not served


def test_run_tells_every_wrong_setting_and_serves_nothing(
    project: Path, served: list[tuple[object, ...]], capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "bots/hello/bot.yaml").write_text(BOT + "zone: Nowhere\ncountry: Spain\n")
    assert run(["run", "bots/hello"]) == 3
    told = capsys.readouterr().err
    assert "bots/hello/bot.yaml:4:7" in told
    assert "bots/hello/bot.yaml:5:10" in told
    assert "2 problems; nothing was started." in told
    assert "Traceback" not in told
    assert not served


@pytest.mark.parametrize(
    ("error", "told"),
    [(StoreInUse("a.db is served from by process 7"), "Another file: --store"), (StoreMismatch("a.db is newer"), "store: a.db")],
)
def test_a_store_that_cannot_serve_is_told_kindly(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: Exception, told: str
) -> None:
    import vaiven.edge.serve

    def run_bot(*_: object) -> int:
        raise error

    monkeypatch.setattr(vaiven.edge.serve, "run_bot", run_bot)
    assert run(["run", "bots/hello"]) == 3
    captured = capsys.readouterr()
    assert told in captured.err
    assert "Traceback" not in captured.err


def in_use(*args: str) -> str:
    """What a second process is told on standard error."""
    done = subprocess.run(
        [sys.executable, "-m", "vaiven", *args], capture_output=True, text=True, check=False, env={"PYTHONPATH": str(FRAMEWORK)}
    )
    assert done.returncode == 3
    assert "Traceback" not in done.stderr
    return done.stderr


@pytest.mark.parametrize(
    ("args", "option"),
    [
        (("run", "bots/hello", "--port", "0", "--store", "sqlite:///support.db"), "--store"),
        (("demo", "--db", ".", "--port", "0"), "--db"),
    ],
)
async def test_a_second_process_on_one_store_is_told_once(project: Path, args: tuple[str, ...], option: str) -> None:
    store = open_store("sqlite:///support.db")
    await store.open()
    try:
        told = await asyncio.to_thread(in_use, *args)
    finally:
        await store.close()
    assert told.count("another process") == 1
    assert told.count("Stop it") == 1
    assert option in told.splitlines()[-1]


# -- check ----------------------------------------------------------------------------------------------------------------


def test_check_without_paths_checks_the_flows_and_bots_here(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["check"]) == 0
    assert capsys.readouterr().out == "1 flow, 1 bot: no problems.\n"


@pytest.mark.parametrize(
    "path", ["flows", "flows/hello", "flows/hello/hello.flow.yaml", "bots", "bots/hello", "bots/hello/bot.yaml", "."]
)
def test_check_finds_the_other_half(project: Path, capsys: pytest.CaptureFixture[str], path: str) -> None:
    assert run(["check", path]) == 0
    assert capsys.readouterr().out == "1 flow, 1 bot: no problems.\n"


def test_check_takes_absolute_paths_and_tells_each_file_once(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["check", str(project / "flows"), "flows", "bots/hello", str(project / "bots")]) == 0
    assert capsys.readouterr().out == "1 flow, 1 bot: no problems.\n"


def test_check_tells_every_problem_with_its_line(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "flows/hello/hello.flow.yaml").write_text(GOOD.replace("Bye {hello}.", "Bye {helo}."))
    (project / "bots/hello/bot.yaml").write_text(BOT + "zone: Nowhere\n")
    assert run(["check"]) == 1
    told = capsys.readouterr().out
    assert "bots/hello/bot.yaml:4:7: " in told
    assert "flows/hello/hello.flow.yaml:5:" in told
    assert "'hello'" in told
    assert told.endswith("1 flow, 1 bot: 2 errors, 0 warnings.\n")


def test_check_as_json(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "bots/hello/bot.yaml").write_text(BOT + "zone: Nowhere\n")
    assert run(["check", "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert (told["errors"], told["flows"], told["bots"]) == (1, 1, 1)
    (problem,) = told["problems"]
    assert (problem["file"], problem["line"], problem["column"], problem["severity"]) == ("bots/hello/bot.yaml", 4, 7, "error")
    assert problem["code"] == "wrong-zone"


def test_check_knows_the_params_of_the_bot(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "flows/hello/hello.flow.yaml").write_text(GOOD.replace("Bye {hello}.", "Bye, {params.town}."))
    assert run(["check"]) == 1
    assert "town" in capsys.readouterr().out
    (project / "bots/hello/bot.yaml").write_text(BOT + "params: {town: Vigo}\n")
    assert run(["check"]) == 0


def test_check_knows_the_flow_of_errors(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "bots/hello/bot.yaml").write_text(BOT + "errors: {flow: helo}\n")
    assert run(["check"]) == 1
    assert "Did you mean 'hello'?" in capsys.readouterr().out


def test_check_knows_the_flows_of_commands(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "bots/hello/bot.yaml").write_text(BOT + "commands:\n  hi: {words: [hi], go: helo}\n")
    assert run(["check"]) == 1
    told = capsys.readouterr().out
    assert "bots/hello/bot.yaml:5:3: " in told
    assert "Did you mean 'hello'?" in told


def test_check_takes_a_param_from_the_environment_to_be_there(project: Path) -> None:
    (project / "flows/hello/hello.flow.yaml").write_text(GOOD.replace("Bye {hello}.", "Bye, {params.town}."))
    (project / "bots/hello/bot.yaml").write_text(BOT + "params: {town: {env: TOWN}}\n")
    assert run(["check"]) == 0


def test_check_of_a_file_that_is_not_utf_8(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "flows/hello/hello.flow.yaml").write_bytes(GOOD.encode().replace(b"name", b"n\xffme"))
    assert run(["check", "flows"]) == 1
    assert "hello.flow.yaml:4:1: the file is not UTF-8" in capsys.readouterr().out


def test_check_of_nothing_is_a_usage_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["check", str(tmp_path)]) == 2
    assert run(["check", str(tmp_path / "missing")]) == 2


# -- talk -----------------------------------------------------------------------------------------------------------------


def talked(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], lines: str, *args: str) -> str:
    """What a talk prints for these typed lines."""
    import io

    monkeypatch.setattr(sys, "stdin", io.StringIO(dedent(lines)))
    assert run(["talk", *args]) == 0
    return capsys.readouterr().out


def test_talk_holds_the_conversation(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    told = talked(monkeypatch, capsys, "vote\n3\n:quit\n4\n", str(VOTE), *OPEN, "--param", "max_votes=2")
    assert told == dedent("""\
        you> vote
        bot> Who gets your vote tonight?
             1 Anna & Luca
             2 Bea & Tom
             3 Cleo & Max
        you> 3
        bot> Vote 1 of 2 for Cleo & Max counted.
             Reply another number to vote again.
        you> :quit
        """)


def test_talk_moves_its_clock_by_hand(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    told = talked(monkeypatch, capsys, "vote 1\n:state\n:wait 11m\n:state\n", str(VOTE), *OPEN)
    before, after = told.split(":wait 11m")
    assert "session  tv-vote, step pick" in before
    assert "votes    final anna counted = 1" in before
    assert "(2026-12-05 20:41:00 UTC)" in after
    assert "session  none is open" in after


def test_talk_taps_buttons_where_the_skin_has_them(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    told = talked(
        monkeypatch,
        capsys,
        "vote\n:tap 2\n:tap Anna & Luca\n:tap 9\n",
        str(VOTE),
        "--skin",
        "whatsapp",
        "--at",
        "2026-12-05T20:30Z",
    )
    assert "[Bea & Tom]" in told
    assert "Vote 1 of 10 for Bea & Tom counted." in told
    assert "No such button. There are: 1 Anna & Luca, 2 Bea & Tom, 3 Cleo & Max." in told


def test_talk_says_what_can_be_typed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    told = talked(monkeypatch, capsys, ":help\n:nonsense\n:wait soon\n:) vote\n", str(VOTE), *OPEN)
    assert told.count(":wait 31m") == 2
    assert "There is no :nonsense." in told
    assert "no duration" in told
    assert "Who gets your vote" in told or "Text VOTE" in told


def test_talk_moves_into_a_window_that_is_closed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], project: Path
) -> None:
    flow = project / "shut.flow.yaml"
    flow.write_text(SHUT)
    told = talked(monkeypatch, capsys, "hi\nOla\n", str(flow))
    assert "the clock stands where it opens: 2030-01-01 00:00:00 UTC" in told
    assert "bot> Bye Ola." in told


def test_talk_shows_what_does_not_go_out_after_stop(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    told = talked(monkeypatch, capsys, "vote 1\nSTOP\nvote 2\nSTART\nvote 3\n", str(VOTE), *OPEN)
    stopped, started = told.split("you> START")
    assert stopped.endswith("you> vote 2\n     (suppressed: opted out)\n")
    assert stopped.count("suppressed") == 1
    assert "suppressed" not in started
    assert "Vote 3 of" in started


def test_talk_with_its_input_closed_tells_where_the_clock_stands(project: Path) -> None:
    (project / "shut.flow.yaml").write_text(SHUT)
    line = 'exec "$0" -m vaiven talk shut.flow.yaml <&-'
    done = subprocess.run(
        ["/bin/sh", "-c", line, sys.executable], capture_output=True, text=True, check=True, env={"PYTHONPATH": str(FRAMEWORK)}
    )
    assert "the clock stands where it opens" in done.stdout
    assert done.stderr == ""


def test_ctrl_c_in_a_talk_is_130(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal:
        def isatty(self) -> bool:
            return True

    def pressed(_: str) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr(sys, "stdin", Terminal())
    monkeypatch.setattr("builtins.input", pressed)
    assert run(["talk", str(VOTE), *OPEN]) == 130


def test_talk_of_a_wrong_flow_tells_every_problem(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "flows/hello/hello.flow.yaml").write_text(GOOD.replace("Bye {hello}.", "Bye {helo}."))
    assert run(["talk", "flows/hello/hello.flow.yaml"]) == 1
    captured = capsys.readouterr()
    assert "hello.flow.yaml:5:" in captured.err
    assert "Traceback" not in captured.err


@pytest.mark.parametrize("option", [["--at", "tonight"], ["--param", "novalue"], ["--skin", "fax"]])
def test_talk_with_a_wrong_option_is_a_usage_error(option: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["talk", str(VOTE), *option]) == 2


# -- votes ----------------------------------------------------------------------------------------------------------------

VOTES = [
    ("anna", TallyOutcome.COUNTED),
    ("anna", TallyOutcome.COUNTED),
    ("bea", TallyOutcome.COUNTED),
    ("anna", TallyOutcome.CAPPED),
    ("bea", TallyOutcome.LATE),
]


@pytest.fixture
def counted(project: Path) -> str:
    """The URL of a store in which five votes were decided; the third turn's history is not kept."""

    async def fill() -> None:
        store = open_store("sqlite:///votes.db", clock=lambda: 1_000)
        await store.open()
        home = Urn("tel:+12025550147")
        (epoch,) = (await store.lease(Role.TURN, "test", [0], 60_000)).values()
        for index, (option, outcome) in enumerate(VOTES):
            event = Event(f"e{index}", home, 0, "sms", 1_000, Notice("vote"))
            (number,) = await store.accept([event])
            tally = Tally("final", option, outcome)
            record = TurnRecord(number, 0, 0, 1_000, event, (tally,))
            await store.commit([Turn(epoch, number, event, tallies=(tally,), record=record)])
        await store.close()

    asyncio.run(fill())
    return "sqlite:///votes.db"


def test_votes_list_shows_every_poll(counted: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["votes", "list", "--store", counted]) == 0
    assert capsys.readouterr().out == "poll   accepted  counted  rejected\nfinal         5        3         2\n"


def test_votes_show_one_poll(counted: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["votes", "show", "final", "--store", counted]) == 0
    assert capsys.readouterr().out == dedent("""\
        final: 5 accepted, 3 counted
        option  votes   share
        anna        2  66.7 %
        bea         1  33.3 %
        rejected: 1 capped, 1 late
        """)


def test_votes_as_json(counted: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["votes", "show", "final", "--store", counted, "--json"]) == 0
    poll = {"poll": "final", "accepted": 5, "counted": 3, "rejected": {"capped": 1, "late": 1}, "options": {"anna": 2, "bea": 1}}
    assert json.loads(capsys.readouterr().out) == poll
    assert run(["votes", "list", "--store", counted, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"polls": [poll]}


def test_a_recount_from_history_agrees(counted: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["votes", "recount", "final", "--store", counted]) == 0
    assert "agrees: 5 votes in history, 5 in the live totals" in capsys.readouterr().out


def test_a_recount_that_differs_is_a_finding(counted: str, project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect(project / "votes.db")) as file:
        file.execute("UPDATE tallies SET count = count + 1 WHERE option = 'bea' AND outcome = 'counted'")
        file.commit()
    assert run(["votes", "recount", "final", "--store", counted]) == 1
    told = capsys.readouterr().out
    assert "differs" in told
    assert told.splitlines()[-1].split() == ["bea", "counted", "2", "1"]
    assert run(["votes", "recount", "final", "--store", counted, "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["differences"] == [
        {"option": "bea", "outcome": "counted", "live": 2, "recounted": 1}
    ]


@pytest.mark.parametrize("command", ["show", "recount"])
@pytest.mark.parametrize("as_json", [[], ["--json"]])
def test_a_poll_that_is_not_there(counted: str, command: str, as_json: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["votes", command, "fnal", "--store", counted, *as_json]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == "no poll 'fnal'; polls: final. Did you mean 'final'?\n"


def test_votes_find_the_store_of_a_bot(counted: str, project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "bots/hello/bot.yaml").write_text(BOT + "store: sqlite:///votes.db\npublic_url: {env: NOT_SET}\n")
    assert run(["votes", "list", "--bot", "bots/hello"]) == 0
    assert "final" in capsys.readouterr().out


def test_votes_of_a_store_that_is_not_there(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["votes", "list", "--store", "sqlite:///missing.db"]) == 3
    assert "missing.db" in capsys.readouterr().err
    assert not (project / "missing.db").exists()


def test_votes_only_read_and_leave_a_serving_bot_alone(counted: str, capsys: pytest.CaptureFixture[str]) -> None:
    async def while_serving() -> int:
        store = open_store(counted, clock=lambda: 1_000)
        await store.open()
        try:
            return await asyncio.to_thread(run, ["votes", "recount", "final", "--store", counted])
        finally:
            await store.close()

    assert asyncio.run(while_serving()) == 0
    assert "agrees" in capsys.readouterr().out
