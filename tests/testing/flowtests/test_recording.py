"""A conversation, written as a test, holds when it is played; and nobody can be known by it."""

import json

import pytest

from vaiven.flow.document import FlowDocument
from vaiven.testing.flowtests.bots import Bots
from vaiven.testing.flowtests.playing import _Player, cases, play
from vaiven.testing.flowtests.reading import read_file, read_script
from vaiven.testing.flowtests.recording import recorded
from vaiven.testing.flowtests.suite import find


def documents(cast) -> dict[str, FlowDocument]:
    return {shape: flow.document for shape, flow in cast.flows.shapes.items()}


def lived(case, cast):
    """The history that a case makes."""
    player = _Player.of(case.script, cast, case.talk)
    assert player.run(case.lines) is None
    return player.stage.records


def replayed(text, file, bots):
    script, problems = read_script(text, file)
    assert problems == [], text
    return [
        result.failure and (result.failure.text, result.failure.wanted, result.failure.real)
        for result in play(script, bots.cast(script))
    ]


def test_every_talk_of_the_page_s_flows_holds_when_it_is_recorded(bistro):
    bots, count = Bots(), 0
    for file in find([bistro]):
        script, _ = read_file(file)
        cast = bots.cast(script)
        for case in cases(script):
            text = recorded(lived(case, cast), documents(cast))
            text = text.replace("talk:\n", f"params: {json.dumps(dict(script.params))}\ntalk:\n", 1)
            assert replayed(text, str(file), bots) == [None], f"{case.name}\n{text}"
            count += 1
    assert count > 50


TALK = """\
test: tea
contact: {id: "+12025550177", name: Ola Nowak, lang: en}
mocks:
  "POST {params.api}/pots": [{status: 503}, {json: {pot: 7, for: Ola Nowak, call: "+44 7700 900123"}}]
talk:
  - me: tea
  - bot: "~ Which tea?"
  - wait: 3m
  - me: My number is +44 7700 900123
  - bot: Green or black?
  - me: green tea
  - bot: Your name?
  - me: menu
  - bot: "~ Green or black."
  - me: Zdzisław
  - bot: Zdzisław, your Green tea is ready, pot 7.
  - event: {cup.empty: {by: Zdzisław}}
  - bot: Goodbye.
"""


@pytest.fixture
def text(kitchen):
    script, problems = read_file(kitchen.test(TALK))
    assert problems == []
    cast = kitchen.bots.cast(script)
    (case,) = cases(script)
    return recorded(lived(case, cast), documents(cast))


def test_nobody_is_named(text):
    for secret in ("Zdzisław", "Ola", "Nowak", "900123", "2025550177"):
        assert secret not in text


def test_it_reads_as_people_write_it(text):
    assert (
        text
        == """\
# A recorded conversation. Names, numbers and personal answers are masked.
test: tea
title: recorded
clock: "2026-01-05T12:00:00.000Z"
contact: {id: "tel:+12025550123", channel: sms, lang: en}
mocks:
  "POST https://tea.example/pots": {json: {pot: 7, for: Xxx Xxxxx, call: "+00 0000 000000"}}
talk:
  - me: tea
  - bot: "Which tea?\\n1 Green tea\\n2 Black tea"
  - wait: 3m
  - me: My number is +00 0000 000000
  - bot: Green or black?
  - me: green tea
  - bot: Your name?
  - me: menu
  - bot: "Green or black.\\nYour name?"
  - me: Xxxxxxxx
  - bot: {text: "Xxxxxxxx, your Green tea is ready, pot 7.", class: receipt}
  - event: {cup.empty: {by: Xxxxxxxx}}
  - bot: Goodbye.
  - expect: {end: left}
"""
    )


def test_a_masked_conversation_holds(kitchen, text):
    assert replayed(text, str(kitchen.folder / "recorded.test.yaml"), kitchen.bots) == [None]


def test_it_fails_on_a_flow_that_was_broken(kitchen, text):
    kitchen.flow((kitchen.folder / "tea.flow.yaml").read_text("utf-8").replace("is ready", "is cold"))
    ((what, wanted, real),) = replayed(text, str(kitchen.folder / "recorded.test.yaml"), Bots())
    assert (what, "is ready" in wanted, "is cold" in real) == ("the bot said another text", True, True)


def test_it_begins_where_no_session_was_open(kitchen):
    script, _ = read_file(kitchen.test(TALK))
    cast = kitchen.bots.cast(script)
    (case,) = cases(script)
    records = lived(case, cast)
    with pytest.raises(ValueError, match="no conversation on sms begins"):
        recorded(records[3:4], documents(cast))
