"""``vaiven test`` as people run it."""

import json
from xml.etree import ElementTree

import pytest

from vaiven.edge.cli import run

GOOD = "test: tea\ntalk:\n  - me: tea\n  - bot: '~ Which tea?'\n"
BAD = "test: tea\ntalk:\n  - me: tea\n  - fork: {one: [{bot: Which tea?}], two: [{bot: '~ Which'}]}\n"


@pytest.fixture
def here(kitchen, monkeypatch):
    monkeypatch.chdir(kitchen.folder)
    return kitchen


def test_quiet_when_all_is_well(here, capsys):
    here.test(GOOD)
    assert run(["test"]) == 0
    first, last = capsys.readouterr().out.splitlines()
    assert first == "ok      tea.test.yaml  1 talk"
    assert last.startswith("1 talk in 1 file, ")
    assert last.endswith("all hold.")


def test_a_failure_is_told_and_the_exit_code_is_1(here, capsys):
    here.test(BAD)
    assert run(["test", "-v", "."]) == 1
    told = capsys.readouterr().out
    assert "FAIL    tea.test.yaml  2 talks" in told
    assert "  ok    tea > two" in told
    assert "tea.test.yaml:4:24: the bot said another text" in told


def test_only_those_that_are_named(here, capsys):
    here.test(BAD)
    assert run(["test", "-k", "TWO"]) == 0
    assert run(["test", "-k", "three"]) == 2
    assert "No talk has 'three'" in capsys.readouterr().err


def test_nothing_to_play_is_a_mistake(here, capsys):
    assert run(["test"]) == 2
    assert "No *.test.yaml" in capsys.readouterr().err


def test_a_file_that_cannot_be_read_fails_and_others_are_played(here, capsys):
    here.test(GOOD)
    here.test("test: tea\ntalk:\n  - bott: hi\n", "other.test.yaml")
    here.test("test: coffee\ntalk: [{me: hi}]\n", "third.test.yaml")
    assert run(["test"]) == 1
    told = capsys.readouterr().out
    assert "other.test.yaml:3:5" in told
    assert "third.test.yaml:1:7: there is no flow 'coffee' in this bot [no-flow]" in told
    assert "ok      tea.test.yaml" in told


def test_a_flow_with_a_mistake_is_told(here, capsys):
    here.test(GOOD)
    here.flow("flow: broken\nstarts: [{keyword: [x]}]\nsteps: {a: {say: hi, then: b}}\n", "broken.flow.yaml")
    assert run(["test"]) == 1
    assert "broken.flow.yaml:3:28" in capsys.readouterr().out


def test_json(here, capsys):
    here.test(BAD)
    assert run(["test", "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert (found["talks"], found["failed"]) == (2, 1)
    (failed,) = [result for result in found["results"] if not result["passed"]]
    assert (failed["name"], failed["failure"]["wanted"], failed["failure"]["line"]) == ("tea > one", "Which tea?", 4)
    assert failed["failure"]["stands"][0]["step"] == "kind"
    assert found["coverage"]["flows"][0]["flow"] == "tea"


def test_junit(here):
    here.test(BAD)
    here.test("test: coffee\ntalk: [{me: hi}]\n", "third.test.yaml")
    assert run(["test", "--junit", "junit.xml"]) == 1
    suites = ElementTree.parse("junit.xml").getroot()
    assert [(each.get("name"), each.get("failures"), each.get("errors")) for each in suites] == [
        ("tea.test.yaml", "1", "0"),
        ("third.test.yaml", "0", "1"),
    ]
    assert "wanted Which tea?" in suites.find(".//failure").text


def test_coverage_to_a_file_and_as_a_condition(here, capsys):
    here.test(GOOD)
    assert run(["test", "--coverage", "html", "-o", "page.html", "--min-coverage", "95"]) == 1
    assert (here.folder / "page.html").read_text("utf-8").startswith("<!doctype html>")
    assert "of transitions are covered, and 95 % are the least" in capsys.readouterr().err
    assert run(["test", "--coverage", "text", "--min-coverage", "1"]) == 0


def test_a_channel_that_there_is_not(here, capsys):
    here.test("contact: {channel: fax}\n" + GOOD)
    assert run(["test"]) == 1
    assert "no channel is named 'fax'. Channels: sms, whatsapp, messenger." in capsys.readouterr().out
