"""``vaiven replay``: what a person sees of stored conversations, with personal values masked, and of an edited flow."""

import asyncio
import contextlib
import json
import os
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest

import vaiven
from vaiven.channels.contract import WebhookRequest
from vaiven.edge.cli import run
from vaiven.edge.http import make_transport
from vaiven.edge.serve import assemble
from vaiven.edge.settings import load_settings

BOT = "bot: hello\nflows: ../../flows/hello\nchannels: {phone: {type: simulator}}\nstore: sqlite:///hello.db\n"
FLOW = """\
flow: hello
version: 1
starts: [{keyword: [hello]}]
vars: {who: {type: text, scope: contact, pii: true}}
steps:
  name: {ask: What name?, as: {text: {max: 40}}, save: who}
  colour:
    ask: "{who}, which colour?"
    choices: {red: {label: Red}, blue: {label: Blue}}
  done: {end: "{colour.label} for {who}.", outcome: done}
"""
LOCAL = 3
"""Where a terminal's attributes have its local modes."""
FRAMEWORK = Path(vaiven.__file__).parents[1]
ANA, BEN = "tel:+12025550123", "tel:+12025550124"


async def talked() -> None:
    """Two people talk to the bot."""
    bot = assemble(load_settings("bots/hello"), make_transport(1))
    await bot.start()
    running = asyncio.create_task(bot.run())
    said = [(ANA, "hello"), (ANA, "Anastasia"), (ANA, "2"), (BEN, "hello"), (BEN, "Benedict"), (BEN, "pink"), (BEN, "red")]
    for number, (home, text) in enumerate(said):
        body = json.dumps({"from": home, "id": f"m{number}", "text": text}).encode()
        await bot.intake.take("phone", WebhookRequest("POST", "/", {"content-type": "application/json"}, body))
    async with asyncio.timeout(20):
        while (await bot.store.counts()).inbox:
            await asyncio.sleep(0.01)
    await bot.stop()
    await running
    await bot.close()


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A bot that two people have talked to."""
    for path, text in (("bots/hello/bot.yaml", BOT), ("flows/hello/hello.flow.yaml", FLOW)):
        (tmp_path / path).parent.mkdir(parents=True)
        (tmp_path / path).write_text(text)
    monkeypatch.chdir(tmp_path)
    asyncio.run(talked())
    return tmp_path


def told(capsys: pytest.CaptureFixture[str], *command: str) -> tuple[int, str]:
    code = run(["replay", *command, "--bot", "bots/hello"])
    return code, capsys.readouterr().out


def test_a_conversation_turn_by_turn(project, capsys) -> None:
    code, out = told(capsys, ANA, "--unmasked")
    assert code == 0, out
    first, second, third, last = out.split("\n\n")
    assert "  < hello\n  > What name?\n  state  – → hello/name\n" in first
    assert "  < Anastasia\n  > Anastasia, which colour?\n" in second
    assert "who: – → Anastasia\n" in second
    assert "  > Blue for Anastasia.\n  state  hello/colour → –\n" in third
    assert all("check  the same when decided again by version " in turn for turn in (first, second, third))
    assert last == "3 turns: all as recorded.\n"


def test_personal_values_are_masked(project, capsys) -> None:
    code, out = told(capsys, ANA)
    assert code == 0
    assert "  < •••\n  > •••, which colour?\n" in out
    assert "Blue for •••." in out
    code, found = told(capsys, "+12025550123", "--json")
    assert json.loads(found)["turns"][2]["vars"]["before"]["who"] == "•••"
    assert "nastasia" not in out + found


def test_some_turns_only(project, capsys) -> None:
    found = json.loads(told(capsys, BEN, "--to", "2", "--json")[1])
    assert [turn["turn"] for turn in found["turns"]] == [1, 2]
    assert told(capsys, BEN, "--channel", "sms", "--json")[0] == 1


def test_nobody_of_that_address(project, capsys) -> None:
    assert run(["replay", "+12025550199", "--bot", "bots/hello"]) == 1
    assert "nobody has written from tel:+12025550199" in capsys.readouterr().err


def test_one_thing_at_a_time(project, capsys) -> None:
    assert run(["replay", "--bot", "bots/hello"]) == 2
    assert run(["replay", ANA, "--against", "flows/hello", "--bot", "bots/hello"]) == 2
    assert run(["replay", "--against", "flows/hello", "--since", "yesterday"]) == 2


def test_nobody_differs_on_the_same_flow(project, capsys) -> None:
    code, out = told(capsys, "--against", "flows/hello", "--fail")
    assert (code, out) == (0, "2 people, 7 turns: nobody's conversation would differ.\n")


def test_whose_would_differ_grouped_by_cause(project, capsys) -> None:
    edited = project / "edited.flow.yaml"
    edited.write_text(
        FLOW.replace("which colour?", "what colour?").replace("    choices:", "    retry: []\n    else: done\n    choices:")
    )
    code, out = told(capsys, "--against", "edited.flow.yaml", "--fail", "--json")
    found = json.loads(out)
    assert (code, found["people"], found["differ"]) == (1, 2, 2)
    causes = [(each["step"], each["what"], each["people"], each["first"]) for each in found["causes"]]
    assert causes == [("name", "text", 2, 2), ("colour", "route", 1, 0)]
    was, now = (found["causes"][0]["examples"][0][key] for key in ("was", "now"))
    assert (was[0], now[0]) == ("•••, which colour?\n1 Red\n2 Blue", "•••, what colour?\n1 Red\n2 Blue")
    assert told(capsys, "--against", "edited.flow.yaml", "--json") == (0, out)
    code, text = told(capsys, "--against", "edited.flow.yaml")
    assert "text at hello/name: 2 people, first for 2\n" in text
    assert "Anastasia" not in out + text
    assert "5550123" not in out + text


def test_an_edited_flow_with_an_error_is_told(project, capsys) -> None:
    (project / "edited.flow.yaml").write_text(FLOW.replace("{who}.", "{whom}."))
    assert run(["replay", "--against", "edited.flow.yaml", "--bot", "bots/hello"]) == 1
    assert "whom" in capsys.readouterr().err


def piped(typed: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "vaiven", "replay", ANA, "--step", "--bot", "bots/hello"]
    return subprocess.run(command, input=typed, capture_output=True, text=True, timeout=60, check=False, env=environ())


def environ() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(FRAMEWORK)}


def test_step_by_step_from_a_pipe(project) -> None:
    assert (done := piped("\n\n\n")).returncode == 0, done.stderr
    assert done.stdout.endswith("3 turns: all as recorded.\n")
    assert piped("").stdout == done.stdout, "at its end nobody is waited for"
    ended = piped("\nq\n")
    assert "#2 " in ended.stdout
    assert "#3 " not in ended.stdout
    assert ended.stdout.endswith("2 turns: all as recorded.\n")


def test_step_by_step_in_a_terminal(project) -> None:
    """A turn, then a key; and no more after q."""
    ours, theirs = os.openpty()
    command = [sys.executable, "-m", "vaiven", "replay", ANA, "--step", "--bot", "bots/hello"]
    reader = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=environ(), start_new_session=True)
    os.close(theirs)
    seen = ""
    try:
        for key, turns in ((b" ", 1), (b"q", 2)):
            while seen.count("-- any key") < turns:
                seen += os.read(ours, 4096).decode()
            assert [f"#{number} " in seen for number in (1, 2, 3)] == [turns >= 1, turns >= 2, False]
            while reader.poll() is None and termios.tcgetattr(ours)[LOCAL] & termios.ICANON:
                time.sleep(0.01)  # a key that is pressed before it is waited for is dropped
            os.write(ours, key)
        with contextlib.suppress(OSError):  # how a terminal tells that everybody has left it
            while more := os.read(ours, 4096):
                seen += more.decode()
        assert reader.wait(60) == 0
    finally:
        reader.kill()
        reader.wait()
        os.close(ours)
    assert "#3 " not in seen
    assert seen.endswith("2 turns: all as recorded.\r\n")


def test_the_json_form_waits_for_nobody(project, capsys) -> None:
    code, out = told(capsys, ANA, "--step", "--json")
    assert (code, len(json.loads(out)["turns"])) == (0, 3)


def test_params_of_then(project, capsys) -> None:
    """What the bot was set to counts, and not what its file says now."""
    assert told(capsys, ANA, "--param", "colour=red")[0] == 0  # one that no flow reads changes nothing
    assert run(["replay", ANA, "--param", "colour", "--bot", "bots/hello"]) == 2
    assert "write NAME=VALUE" in capsys.readouterr().err
