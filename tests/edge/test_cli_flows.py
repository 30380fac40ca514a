"""The commands that read flow files and nothing else: check in every form, fmt, draw, schema."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest

import vaiven
from vaiven.edge.cli import run

FRAMEWORK = Path(vaiven.__file__).parents[1]
GOOD = """\
flow: hello
starts: [{keyword: [hi]}]
steps:
  hello: {ask: "Your name?", as: text}
  bye: {end: "Bye {hello}.", outcome: done}
"""
WARNED = GOOD.replace("starts:", "vars: {unused: text}\nstarts:")
WRONG = GOOD.replace("{hello}", "{helo}").replace("hi]", "hi, stop]")
BOT = "bot: hello\nflows: ../../flows/hello\nchannels: {phone: {type: simulator}}\n"

Out = Callable[[], str]


@pytest.fixture
def flow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A good flow of a bot, in whose project commands run."""
    for folder in ("flows/hello", "bots/hello"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "bots/hello/bot.yaml").write_text(BOT)
    file = tmp_path / "flows/hello/hello.flow.yaml"
    file.write_text(GOOD)
    monkeypatch.chdir(tmp_path)
    return Path("flows/hello/hello.flow.yaml")


@pytest.fixture
def out(capsys: pytest.CaptureFixture[str]) -> Out:
    return lambda: capsys.readouterr().out


# -- check ----------------------------------------------------------------------------------------------------------------


def test_warnings_fail_only_a_strict_check(flow: Path, out: Out) -> None:
    flow.write_text(WARNED)
    assert run(["check"]) == 0
    assert out().endswith("1 flow, 1 bot: 0 errors, 1 warning.\n")
    assert run(["check", "--strict"]) == 1
    flow.write_text(GOOD)
    assert run(["check", "--strict"]) == 0


def test_hints_fail_nothing(flow: Path, out: Out) -> None:
    flow.write_text(GOOD.replace("as: text", "choices: {a: A, b: B}").replace("{hello}", "you"))
    assert run(["check", "--strict"]) == 0
    told = out()
    assert ":4:3: hint: " in told
    assert told.endswith("0 errors, 0 warnings, 1 hint.\n")


def test_sarif_has_a_rule_and_a_place_for_each_finding(flow: Path, out: Out) -> None:
    flow.write_text(WRONG)
    assert run(["check", "--format", "sarif"]) == 1
    log = json.loads(out())
    assert (log["version"], set(log)) == ("2.1.0", {"$schema", "version", "runs"})
    (sarif,) = log["runs"]
    rules = [rule["id"] for rule in sarif["tool"]["driver"]["rules"]]
    assert sarif["tool"]["driver"]["name"] == "vaiven"
    assert len(rules) == len(set(rules)) == 2
    for result in sarif["results"]:
        assert rules[result["ruleIndex"]] == result["ruleId"]
        assert result["level"] in ("error", "warning", "note")
        assert result["message"]["text"]
        (place,) = result["locations"]
        region = place["physicalLocation"]["region"]
        assert place["physicalLocation"]["artifactLocation"]["uri"] == "flows/hello/hello.flow.yaml"
        assert 1 <= region["startColumn"] < region["endColumn"]
        assert flow.read_text().splitlines()[region["startLine"] - 1] == region["snippet"]["text"]
    assert [result["ruleId"] for result in sarif["results"]] == ["legal-word", "unknown-name"]


def test_sarif_of_a_good_flow_has_no_results(flow: Path, out: Out) -> None:
    assert run(["check", "--format", "sarif"]) == 0
    assert json.loads(out())["runs"][0]["results"] == []


def test_sarif_of_a_file_as_a_whole_has_no_region(flow: Path, out: Out) -> None:
    (flow.parent / "a b.flow.yaml").symlink_to("nowhere")
    assert run(["check", "--format", "sarif"]) == 1
    (result,) = json.loads(out())["runs"][0]["results"]
    assert result["locations"] == [{"physicalLocation": {"artifactLocation": {"uri": "flows/hello/a%20b.flow.yaml"}}}]


def test_github_shows_each_finding_beside_its_line(flow: Path, out: Out) -> None:
    flow.write_text(WRONG)
    assert run(["check", "--format", "github"]) == 1
    first, second = out().splitlines()
    assert first == (
        "::error file=flows/hello/hello.flow.yaml,line=2,col=25,endColumn=29,title=legal-word"
        "::'stop' unsubscribes, so this keyword would never hear it%0ATake another word."
    )
    assert second.startswith("::error file=flows/hello/hello.flow.yaml,line=5,")


def test_what_would_end_a_github_command_is_escaped(flow: Path, out: Out) -> None:
    odd = flow.with_name("50%,a:b.flow.yaml")
    odd.write_text(WARNED.replace("flow: hello", "flow: other").replace("hi]", "hello]"))
    assert run(["check", "--format", "github"]) == 0
    assert out().startswith("::warning file=flows/hello/50%25%2Ca%3Ab.flow.yaml,line=2,")


def test_segments_are_told_for_every_text(flow: Path, out: Out) -> None:
    assert run(["check", "--segments"]) == 0
    rows = [re.split(r"\s{2,}", line) for line in out().splitlines()[1:-2]]
    assert rows == [
        ["flows/hello/hello.flow.yaml:4", "hello.ask", "en", "GSM-7", "10", "1"],
        ["flows/hello/hello.flow.yaml:5", "bye.end", "en", "GSM-7", "25", "≥1"],
    ]
    assert run(["check", "--segments", "--json"]) == 0
    told = json.loads(out())["texts"]
    assert [(text["what"], text["segments"], text["bounded"]) for text in told] == [("hello.ask", 1, True), ("bye.end", 1, False)]


def test_a_sign_that_makes_a_text_dearer_is_a_warning(flow: Path, out: Out) -> None:
    flow.write_text(
        GOOD.replace("Bye {hello}.", "Thank you, and good-bye until we see you again here in our shop, some day soon 👋")
    )
    assert run(["check"]) == 0
    told = out()
    assert "takes 2 SMS segments at worst, and 1 without 👋 [expensive-character]" in told
    (flow.parents[2] / "bots/hello/bot.yaml").write_text(
        BOT.replace(
            "{phone: {type: simulator}}",
            "{phone: {type: messenger, page_id: '1001', token: {env: T}, app_secret: {env: S}, verify_token: {env: V}}}",
        )
    )
    run(["check"])
    assert "expensive-character" not in out()


@pytest.mark.parametrize(
    ("python", "code"),
    [
        ("", "unknown-action"),
        ('from vaiven import action\n\n@action("desk.ticket")\nasync def ticket(text):\n    raise SystemExit\n', None),
        (
            'from vaiven import action\n\n@action("desk.ticket")\nasync def ticket(words):\n    raise SystemExit\n',
            "action-arguments",
        ),
    ],
)
def test_a_call_is_held_against_the_bots_python(flow: Path, out: Out, python: str, code: str | None) -> None:
    (flow.parents[2] / "bots/hello/actions.py").write_text(python)
    step = '  ticket: {call: desk.ticket, with: {text: "{hello}"}}\n  bye:'
    flow.write_text(GOOD.replace("  bye:", step))
    assert run(["check"]) == (0 if code is None else 1)
    told = out()
    assert re.findall(r"\[([a-z]+-[a-z-]+)\]$", told, re.MULTILINE) == ([] if code is None else [code])


def test_a_flow_of_its_own_may_run_what_is_elsewhere(flow: Path, out: Out) -> None:
    alone = Path("alone.flow.yaml")
    alone.write_text(GOOD.replace("  bye:", "  other: {run: support}\n  bye:"))
    assert run(["check", str(alone)]) == 0
    flow.write_text(alone.read_text())
    assert run(["check", "flows"]) == 1
    assert "[no-flow]" in out()


def test_twenty_flows_are_parsed_once_each_and_nothing_heavy_is_imported(flow: Path) -> None:
    """The budget is 300 ms for 20 flows; what it goes into is imports and passes over the text, so these are counted."""
    for number in range(19):
        flow.with_name(f"f{number}.flow.yaml").write_text(
            GOOD.replace("hello", f"hello{number}").replace("[hi]", f"[hi{number}]")
        )
    code = (
        f"import sys; sys.path.insert(0, {str(FRAMEWORK)!r})\n"
        "import vaiven.flow.source as source\n"
        "scans = []\n"
        "import vaiven.flow.load as load\n"
        "scan = load.scan\n"
        "load.scan = lambda text, file: scans.append(file) or scan(text, file)\n"
        "from vaiven.edge.cli import run\n"
        "status = run(['check', 'flows'])\n"
        "heavy = {'aiohttp', 'statemachine', 'sqlite3', 'redis', 'babel', 'rapidfuzz', 'asyncio'} & set(sys.modules)\n"
        "print(status, len(scans), len(set(scans)), sorted(heavy), file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.split() == ["0", "20", "20", "[]"]


# -- fmt ------------------------------------------------------------------------------------------------------------------

UGLY = GOOD.replace("steps:\n", "steps:   # in order\n\n\n").replace("  hello", "     hello").replace("  bye", "     bye")


def test_fmt_writes_the_canonical_form(flow: Path, out: Out) -> None:
    flow.write_text(UGLY)
    assert run(["fmt"]) == 0
    assert out() == "flows/hello/hello.flow.yaml: written\n1 file: 1 written.\n"
    assert flow.read_text() == GOOD.replace("steps:\n", "steps:   # in order\n")
    assert run(["fmt", str(flow), "flows"]) == 0
    assert out() == "1 file: 0 written.\n"


def test_fmt_check_writes_nothing(flow: Path, out: Out) -> None:
    flow.write_text(UGLY)
    assert run(["fmt", "--check"]) == 1
    assert out().startswith("flows/hello/hello.flow.yaml: would change\n")
    assert flow.read_text() == UGLY
    flow.write_text(GOOD)
    assert run(["fmt", "--check"]) == 0


def test_fmt_diff_shows_what_would_change(flow: Path, out: Out) -> None:
    flow.write_text(UGLY)
    assert run(["fmt", "--diff"]) == 0
    told = out()
    assert '-     hello: {ask: "Your name?", as: text}\n' in told
    assert '+  hello: {ask: "Your name?", as: text}\n' in told
    assert flow.read_text() == UGLY


def test_fmt_leaves_alone_what_it_cannot_read(flow: Path, capsys: pytest.CaptureFixture[str]) -> None:
    flow.write_text("flow: [")
    assert run(["fmt"]) == 1
    assert "yaml-indent" in capsys.readouterr().err
    assert flow.read_text() == "flow: ["
    flow.write_bytes(b"flow: \xff")
    assert run(["fmt"]) == 1
    assert run(["fmt", str(flow.parents[2] / "bots")]) == 2


def test_fmt_takes_translations_and_tests_with_the_flows(flow: Path, out: Out) -> None:
    spanish, talks, other = (flow.with_name(name) for name in ("hello.es.yaml", "hello.test.yaml", "notes.yaml"))
    spanish.write_text("hello:   {ask: '¿Nombre?'}\n")
    talks.write_text("test: hello\ntalk:\n    - me: hi  # first\n    - bot: 'Your name?'\n")
    other.write_text("a:   1\n")
    assert run(["fmt"]) == 0
    told = [f"flows/hello/{name}: written" for name in ("hello.es.yaml", "hello.test.yaml")]
    assert out().splitlines() == [*told, "3 files: 2 written."]
    assert spanish.read_text() == 'hello: {ask: "¿Nombre?"}\n'
    assert talks.read_text() == 'test: hello\ntalk:\n  - me: hi    # first\n  - bot: "Your name?"\n'
    assert other.read_text() == "a:   1\n"
    assert run(["fmt", "--check"]) == 0
    assert run(["check"]) == 0
    assert run(["fmt", str(talks)]) == 0
    assert out().endswith("1 file: 0 written.\n")


# -- draw and schema ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("args", "begins"),
    [([], "---\ntitle:"), (["--format", "dot"], "digraph"), (["--format", "svg"], "<svg"), (["-o", "x.svg"], "")],
)
def test_draw_in_every_form(flow: Path, out: Out, args: list[str], begins: str) -> None:
    assert run(["draw", str(flow), *args]) == 0
    told = out()
    assert told.startswith(begins)
    assert "hello" in told or Path("x.svg").read_text().startswith("<svg")


def test_draw_needs_no_bot_for_the_window(flow: Path, out: Out) -> None:
    window = 'window: {from: "{params.opens}", early: bye}\nparams: {other: 1}\n'
    Path("alone.flow.yaml").write_text(GOOD.replace("starts:", window + "starts:"))
    assert run(["draw", "alone.flow.yaml", "--format", "svg"]) == 0
    assert ElementTree.fromstring(out()).tag.endswith("svg")


def test_draw_tells_what_is_wrong_with_the_flow(flow: Path, capsys: pytest.CaptureFixture[str]) -> None:
    flow.write_text(WRONG)
    assert run(["draw", str(flow)]) == 1
    told = capsys.readouterr()
    assert "[legal-word]" in told.err
    assert told.out == ""


def test_schema_is_json(out: Out, tmp_path: Path) -> None:
    assert run(["schema"]) == 0
    assert json.loads(out())["$schema"] == "http://json-schema.org/draft-07/schema#"
    assert run(["schema", "--output", str(tmp_path / "s.json")]) == 0
    assert "definitions" in json.loads((tmp_path / "s.json").read_text("utf-8"))


def test_schema_of_each_kind_of_file(flow: Path, out: Out) -> None:
    titles = []
    for args in ([], ["--tests"], ["--translations"], ["--translations", str(flow)]):
        assert run(["schema", *args]) == 0
        titles.append(json.loads(out())["title"])
    assert titles == ["A flow", "A test of a flow", "A translation", "A translation of hello"]


def test_schema_of_a_flow_with_an_error(flow: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["schema", str(flow)]) == 2
    assert run(["schema", "--tests", "--translations"]) == 2
    flow.write_text(WRONG)
    capsys.readouterr()
    assert run(["schema", "--translations", str(flow)]) == 1
    assert "nothing was written" in capsys.readouterr().err
    flow.write_bytes(b"flow: \xff")
    assert run(["schema", "--translations", str(flow)]) == 2
