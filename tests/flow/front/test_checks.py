"""What the rules say, and that they stay silent about what is right."""

import subprocess
import sys
from pathlib import Path

import pytest

from vaiven.flow.checks import check, check_set
from vaiven.flow.checks.patterns import why_not
from vaiven.flow.load import load_flow, load_flows

ROOT = Path(__file__).parents[3]
VOTE = ROOT / "flows" / "tv_vote" / "vote.flow.yaml"
PARAMS = {"opens": "2026-12-05T20:00Z", "closes": "2026-12-05T22:15Z", "max_votes": 10}

EVERYTHING = """
flow: everything
channels: [sms]
starts:
  - keyword: [table, Rezervácia]
    rest: people
  - answer: people
  - payload: get_started
  - fallback: true
params: {site: "https://shop.example"}
vars:
  guest: {type: text, scope: contact}
  tries: {type: integer, default: 0}
defaults:
  retry: ["Sorry. {hint}", "{hint} Or reply AGENT."]
  else: agent
  after: {30m: {say: Still there?}, 12h: expired}
commands:
  agent: {words: [agent, human], go: agent}
  site: {words: [site], say: "{params.site}", back: true}
steps:
  people:
    ask: For how many people?
    as: {integer: {min: 1, max: 12}}
    hint: A number from 1 to 12.
    reject: {max: big_party}
  name:
    ask: "And the name, {contact.name}?"
    as: {text: {max: 40, pattern: "[A-Za-z]+( [A-Za-z]+)?"}}
    hint: Your name.
    save: guest
    skip: guest != null and size(guest) > 0
  sure:
    ask: "{people} people, {guest}. Sure?"
    as: confirm
    hint: Yes or no.
    then: {accept: done, decline: again}
  again: {set: {tries: tries + 1}}
  enough:
    branch:
      - {if: "tries >= 3 or input == 'no way'", go: agent}
      - {go: people}
  big_party: {say: "For {input} people our staff will help.", then: agent}
  done: {end: "Booked at {now|time} by {session.id}, {message.text} {today}."}
  agent: {end: "A colleague writes to you on {channel}."}
  expired: {end: "", outcome: expired}
"""


def told(text: str, params=None) -> list[str]:
    return [problem.code for problem in load_flow(text.strip("\n"), "x.flow.yaml", params)[1]]


def test_the_tv_vote_has_no_problem():
    flow, problems = load_flow(VOTE.read_text("utf-8"), "vote.flow.yaml", PARAMS)
    assert problems == []
    assert flow is not None
    assert check(flow, PARAMS) == []


def test_without_its_bot_the_tv_vote_has_no_problem_either():
    assert told(VOTE.read_text("utf-8")) == []


def test_a_flow_of_everything_has_no_problem():
    assert load_flow(EVERYTHING, "x.flow.yaml", {})[1] == []


def test_a_param_that_neither_declares_is_told_only_when_the_bot_is_known():
    text = "flow: a\nsteps: {bye: {end: '{params.x}'}}"
    assert told(text) == []
    assert told(text, {}) == ["unknown-param"]
    assert told(text, {"x": 1}) == []


def test_an_ask_that_only_choices_leave_does_not_fall_off():
    text = "flow: a\nsteps:\n  bye: {say: Hi}\n  q: {ask: Q, choices: {a: {go: bye}, b: {go: q}}, else: bye}"
    assert told(text) == []


def test_a_question_breaks_a_circle():
    assert told("flow: a\nsteps:\n  a: {say: Hi}\n  q: {ask: Q, as: text, then: a}") == []


def test_an_answer_is_known_by_the_step_name_and_a_say_is_not():
    assert told("flow: a\nsteps:\n  q: {ask: Q, as: text}\n  s: {say: '{q} {q.raw}'}\n  e: {end: '{s}'}") == ["unknown-name"]


def test_a_label_with_a_value_in_it_cannot_be_compared():
    text = "flow: a\nsteps:\n  q: {ask: Q, choices: {a: '{contact.name}', b: '{contact.name}'}}\n  e: {end: '{q.id}'}"
    assert told(text) == []


def test_names_are_checked_even_where_other_steps_cannot_be_read():
    text = "flow: a\nsteps:\n  q: {ask: Q}\n  s: {say: '{q.id} {nobody}', then: nowhere}\n  e: {end: ''}"
    assert told(text) == ["missing-key", "unknown-name", "unknown-step"]


FLOW = """flow: {name}
channels: [{channels}]
starts: [{starts}]
steps:
  q: {{ask: Q, choices: {{a: {label}}}}}
  e: {{end: ''}}
"""


def flows(*specs: tuple[str, str, str, str]):
    texts = [
        FLOW.format(name=name, channels=channels or "any", starts=starts, label=label) for name, channels, starts, label in specs
    ]
    return load_flows([(f"{index}.flow.yaml", text) for index, text in enumerate(texts)])


@pytest.mark.parametrize(
    ("first", "second", "clash"),
    [
        ("{keyword: [vote, v]}", "{keyword: [Vóte]}", True),
        ("{keyword: vote}", "{keyword: votes}", False),
        ("{payload: go}", "{payload: [go]}", True),
        ("{fallback: true}", "{fallback: true}", True),
        ("{answer: q}", "{answer: q}", True),
        ("{answer: q}", "{keyword: x}", False),
    ],
)
def test_two_flows_are_not_started_by_the_same(first, second, clash):
    documents, problems = flows(("one", "", first, "Red"), ("two", "", second, "Blue"))
    assert len(documents) == 2
    assert [problem.code for problem in problems] == (["same-start"] if clash else [])
    if clash:
        assert (problems[0].file, problems[0].line) == ("1.flow.yaml", 3)
        assert "0.flow.yaml:3" in problems[0].text


def test_flows_on_different_channels_may_be_started_by_the_same():
    assert flows(("one", "sms", "{fallback: true}", "Red"), ("two", "whatsapp", "{fallback: true}", "Blue"))[1] == []


def test_two_flows_do_not_have_one_name():
    documents, problems = flows(("one", "", "{payload: a}", "Red"), ("one", "", "{payload: b}", "Blue"))
    assert [problem.code for problem in problems] == ["same-flow"]
    assert [problem.code for problem in check_set(documents)] == ["same-flow"]


def test_a_flow_with_an_error_is_not_among_the_documents():
    documents, problems = load_flows([("b.flow.yaml", "flow: b\nsteps: {e: {end: ''}}"), ("a.flow.yaml", "flow: a")])
    assert [document.name for document in documents] == ["b"]
    assert [(problem.file, problem.code) for problem in problems] == [("a.flow.yaml", "missing-key")]


@pytest.mark.parametrize(
    "pattern",
    [
        r"(a+)+", r"(a*)*b", r"([a-z]+)*", r"(a|a)*", r"(a|ab)*c", r"(.*)*", r"(x+x+)+y", r"\d+\d+", r".*.*=",
        r"a*b?a*c", r"(a{1,30}){1,30}", r"(\w+\s?)*", r"(?:a?){40}a{40}", r"(.)\1", r"(?=a)a", r"[a-z", r"a**",
        "(" * 200, "a" * 201, r"(?i:a)*A*x", r"(a?b?)*", r".+@.+",
    ],
)  # fmt: skip
def test_patterns_that_can_run_for_ever_are_refused(pattern):
    assert why_not(pattern) is not None


@pytest.mark.parametrize(
    "pattern",
    [
        r"[A-Z]{2}[0-9]{6}", r"\d{4}-\d{2}-\d{2}", r"[a-z]+", r"[A-Z]+-[0-9]+", r"(cat|dog)", r"(red|blue)*",
        r"[^@ ]+@[a-z]+\.[a-z]{2,3}", r"\+?[0-9 ]{6,16}", r"a?b?c?", r"(ab)+", r"[A-Za-z]+( [A-Za-z]+)?",
        r"(?i)yes|no", r"[a-z]+[0-9]*", r"",
    ],
)  # fmt: skip
def test_patterns_that_cannot_are_taken(pattern):
    assert why_not(pattern) is None


def test_a_quick_check_loads_nothing_heavy():
    """The budget of `check` is 300 ms for 20 flows; what costs most of it is what is imported."""
    script = (
        "import sys; from pathlib import Path; from vaiven.flow.load import load_flows;"
        f"flows, problems = load_flows([('v', Path({str(VOTE)!r}).read_text('utf-8'))]); assert flows and not problems;"
        "heavy = {'rapidfuzz', 'statemachine', 'phonenumbers', 'aiohttp', 'babel', 'asyncio'} & set(sys.modules);"
        "sys.exit(str(heavy) if heavy else 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], env={"PYTHONPATH": str(ROOT / "framework")}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
