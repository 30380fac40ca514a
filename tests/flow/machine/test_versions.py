"""Hashes, and a flow edited with people inside."""

import subprocess
import sys
from pathlib import Path

import pytest

from vaiven.flow.flowset import FlowSet
from vaiven.flow.hashes import document_hash, shape_hash
from vaiven.flow.load import load_flow
from vaiven.model.effects import CancelTimer, End, Recorded
from vaiven.testing.talk import Talk, documents_of, flows_of

VOTE = (Path(__file__).parents[3] / "flows" / "tv_vote" / "vote.flow.yaml").read_text("utf-8")
OPEN = {"opens": "2026-12-05T20:00Z", "closes": "2026-12-07T22:15Z"}


def hashes(text: str) -> tuple[str, str]:
    (document,) = documents_of(text)
    return document_hash(document), shape_hash(document)


TEXT_EDITS = [
    ("Who gets your vote tonight?", "Your vote?"),
    ("label: Anna & Luca", "label: Anna and Luca"),
    ("also: [bea, tom]", "also: [bea, tom, b]"),
    ("Reply 1, 2 or 3.", "Reply a number."),
    ("max_votes: 10", "max_votes: 20"),
    ("words: [rules]", "words: [rules, terms]"),
    ("[vote, v]", "[vote]"),
    ("Voting has closed.", "Closed."),
]
SHAPE_EDITS = [
    ("else: lost", "else: bye"),
    ("after: {10m: bye}", "after: {5m: bye}"),
    ("count.cast < params.max_votes", "count.cast <= params.max_votes"),
    ("capped: maxed", "capped: late"),
    ("quiet: true", "quiet: false"),
    ("outcome: maxed", "outcome: full"),
    ("poll: final", "poll: semifinal"),
    ("rest: pick", ""),
    ('      - "Reply only the number. {choices}"\n', ""),
    ("      cleo: {label: Cleo & Max, also: [cleo, max]}\n", ""),
    ("class: receipt", "class: notice"),
]


@pytest.mark.parametrize(("before", "after"), TEXT_EDITS)
def test_an_edit_of_texts_keeps_the_shape(before: str, after: str) -> None:
    assert before in VOTE
    document, shape = hashes(VOTE)
    edited_document, edited_shape = hashes(VOTE.replace(before, after))
    assert edited_shape == shape
    assert edited_document != document


@pytest.mark.parametrize(("before", "after"), SHAPE_EDITS)
def test_an_edit_of_what_decides_is_another_shape(before: str, after: str) -> None:
    assert before in VOTE
    document, shape = hashes(VOTE)
    edited_document, edited_shape = hashes(VOTE.replace(before, after))
    assert edited_shape != shape
    assert edited_document != document


def test_comments_and_lines_are_no_edit() -> None:
    assert hashes("# a comment\n\n" + VOTE) == hashes(VOTE)


def test_hashes_are_equal_in_every_process() -> None:
    code = (
        "from vaiven.testing.talk import *; from vaiven.flow.hashes import *; "
        f"(d,) = documents_of({VOTE!r}); print(document_hash(d), shape_hash(d))"
    )
    found = [
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    ]
    assert found[0].split() == found[1].split() == list(hashes(VOTE))


@pytest.fixture
def voting(vote: Talk) -> Talk:
    vote.say("vote")
    return vote


def test_a_text_edit_reaches_people_inside_at_once(voting: Talk) -> None:
    voting.with_flows(flows_of(VOTE.replace("Reply 1, 2 or 3.", "Only 1, 2, 3."), older=[VOTE], params=OPEN))
    assert voting.say("nobody") == ["Sorry, no such act. Only 1, 2, 3."]


RESHAPED = VOTE.replace("poll: final", "poll: semifinal").replace("Who gets", "New: who gets")


def test_a_session_keeps_its_shape_until_it_ends(voting: Talk) -> None:
    voting.with_flows(flows_of(RESHAPED, older=[VOTE], params=OPEN))
    voting.say("1")
    assert voting.contact.votes == {"final": 1}
    assert voting.say("vote")[0].startswith("Who gets")
    voting.wait("10m")
    assert voting.say("vote")[0].startswith("New: who gets")


def test_the_words_of_a_shape_are_the_newest_that_have_it(voting: Talk) -> None:
    newer = VOTE.replace("Reply 1, 2 or 3.", "Only 1, 2, 3.")
    voting.with_flows(flows_of(RESHAPED, older=[VOTE, newer], params=OPEN))
    assert voting.say("nobody") == ["Sorry, no such act. Only 1, 2, 3."]
    assert voting.last is not None
    assert voting.last.flow == hashes(newer)[0]


def test_an_unknown_shape_ends_the_session_and_the_message_is_routed_anew(voting: Talk) -> None:
    old = voting.session
    assert old is not None
    voting.with_flows(flows_of(RESHAPED, params=OPEN))
    voting.say("2")
    assert End("tv-vote", "version_lost") in voting.effects
    assert Recorded("version_lost", f"tv-vote/{old.top.shape}") in voting.effects
    assert voting.contact.votes == {"semifinal": 1}
    assert voting.session is not None
    assert voting.session.id != old.id


def test_an_unknown_shape_loses_its_timers(voting: Talk) -> None:
    timer = voting.timers["sms/0/10m"]
    voting.with_flows(flows_of("{flow: other, starts: [{keyword: x}], steps: {e: {end: x, outcome: x}}}"))
    assert voting.due(timer) == []
    assert voting.session is None
    assert CancelTimer("sms/0/10m") in voting.effects


def test_versions_to_publish(vote_flows: FlowSet) -> None:
    ((name, document, shape, source),) = vote_flows.flow_versions()
    assert (name, shape) == ("tv-vote", hashes(VOTE)[1])
    again, _ = load_flow(source, name, OPEN)
    assert again is not None
    assert (document_hash(again), again.source) == (document, source)
    assert source.startswith(VOTE)
