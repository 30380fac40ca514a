"""Test files are read strictly: every problem at once, with line, column and what would be right."""

import pytest

from vaiven.testing.flowtests.reading import read_script
from vaiven.testing.flowtests.writing import written

HEAD = "test: tea\ntalk:\n"


def problems(text):
    script, found = read_script(text, "a.test.yaml")
    assert (script is None) is bool(found)
    return [(problem.code, problem.line, problem.column) for problem in found]


@pytest.mark.parametrize(
    ("text", "code", "line", "column"),
    [
        ("talk: [{me: hi}]\n", "missing-key", 1, 1),
        ("test: tea\n", "missing-key", 1, 1),
        ("test: tea\ntlak: []\ntalk: [{me: hi}]\n", "unknown-key", 2, 1),
        ("test: tea\nclock: noon\ntalk: [{me: hi}]\n", "bad-instant", 2, 8),
        ('test: tea\nclock: "2026-01-05T12:00"\ntalk: [{me: hi}]\n', "bad-instant", 2, 8),
        ("test: tea\ncontact: {zone: Mars/Base}\ntalk: [{me: hi}]\n", "bad-zone", 2, 17),
        ("test: tea\ncontact: {lang: english!}\ntalk: [{me: hi}]\n", "bad-language", 2, 17),
        ("test: tea\ntable: []\ntalk: [{me: hi}]\n", "empty", 2, 8),
        ('test: tea\ntable: [{a: 1}]\ntalk: [{me: "{row.b}"}]\n', "unknown-name", 3, 13),
        (HEAD + "  - me: hi\n    tap: ho\n", "two-verbs", 3, 5),
        (HEAD + "  - loose: true\n", "no-verb", 3, 5),
        (HEAD + "  - bott: hi\n", "unknown-key", 3, 5),
        (HEAD + "  - bot: hi\n    loose: true\n", "misplaced-key", 4, 5),
        (HEAD + "  - wait: soon\n", "bad-duration", 3, 11),
        (HEAD + "  - bot: /(/\n", "bad-pattern", 3, 10),
        (HEAD + "  - bot: {class: recipt}\n", "unknown-word", 3, 18),
        (HEAD + "  - bot: {none: true, text: hi}\n", "misplaced-key", 3, 11),
        (HEAD + "  - me:\n", "empty", 3, 8),
        (HEAD + "  - me: {location: {latitude: 91, longitude: 2}}\n", "wrong-type", 3, 31),
        (HEAD + "  - me: {kind: stickr}\n", "unknown-word", 3, 16),
        (HEAD + "  - fork: {a: [{me: hi}]}\n  - me: ho\n", "misplaced-key", 3, 5),
        (HEAD + "  - fork: {}\n", "empty", 3, 11),
        (HEAD + '  - mock: {"FETCH https://a": {}}\n', "unknown-word", 3, 12),
        (HEAD + '  - mock: {"GET https://a": {json: {}, text: a}}\n', "misplaced-key", 3, 40),
        (HEAD + "  - expect: {vras: {}}\n", "unknown-key", 3, 14),
        (HEAD + "  - expect: {sessions: many}\n", "wrong-type", 3, 24),
        (HEAD + "  - event: {a: {}, b: {}}\n", "wrong-type", 3, 12),
        (HEAD + "  - me: &a hi\n", "anchor", 3, 9),
        (HEAD + "  - me: hi\n    me: ho\n", "duplicate-key", 4, 5),
    ],
)
def test_what_is_wrong_is_told_with_its_place(text, code, line, column):
    assert problems(text) == [(code, line, column)]


def test_the_word_that_was_meant_is_told():
    _, (problem,) = read_script(HEAD + "  - bott: hi\n", "a.test.yaml")
    assert "Did you mean 'bot'?" in str(problem)
    assert "a.test.yaml:3:5" in str(problem)


def test_every_problem_is_told_at_once():
    assert len(problems(HEAD + "  - bott: hi\n  - wait: soon\n  - expect: {vras: {}}\n")) == 3


def test_words_that_yaml_knows_are_words():
    script, _ = read_script(HEAD + '  - me: yes\n  - me: 19:00\n  - me: 3\n  - me: ""\n', "a.test.yaml")
    assert [line.fields["text"] for line in script.talks[0].lines] == ["yes", "19:00", "3", ""]


def test_a_cell_that_is_the_whole_value_keeps_its_type():
    text = 'test: tea\ntable: [{n: 4}]\ntalk: [{expect: {vars: {n: "{row.n}", told: "is {row.n}"}}}]\n'
    script, _ = read_script(text, "a.test.yaml")
    wanted = script.talks[0].lines[0].wanted["vars"]
    assert (wanted["n"], wanted["told"].written) == (4, "is 4")


@pytest.mark.parametrize(
    "text", ["yes", "12", "a: b", "~ x", 'say "hi"', "line\nbreak", "", " x ", "#1", "{a}", "null", "אב", "a, b", "\u200e!"]
)
def test_what_is_written_reads_back(text):
    script, found = read_script(
        written({"test": "tea", "talk": [{"me": text}, {"me": {"text": text}} if text else {"me": "x"}]}, "."), "f"
    )
    assert found == []
    assert {line.fields["text"] for line in script.talks[0].lines} <= {text, "x"}
