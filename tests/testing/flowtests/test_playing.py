"""What a talk can do, and what it says when the bot does something else."""

import pytest

from vaiven.testing.flowtests.telling import told

BOOKED = {"mocks": '{"POST {params.api}/pots": {json: {pot: 7}}}'}
TO_THE_NAME = ("me: tea", 'bot: "~ Which tea?"', "me: green tea", "bot: Your name?")


def failed(failure):
    return failure and (failure.text, failure.wanted, failure.real, failure.at.line)


def test_a_talk_that_holds(kitchen):
    assert kitchen.talk(*TO_THE_NAME, "me: Ola", 'bot: "~ pot 7"', "expect: {step: wait_for}", **BOOKED) is None


def test_another_text(kitchen):
    found = failed(kitchen.talk("me: tea", "bot: Which coffee?"))
    assert found == ("the bot said another text", "Which coffee?", "Which tea?\n1 Green tea\n2 Black tea", 4)


def test_lines_are_in_order_and_none_is_left_out(kitchen):
    assert failed(kitchen.talk("me: tea", "me: green tea"))[0] == "the bot said what no line lists"
    assert failed(kitchen.talk("me: tea"))[2].startswith("Which tea?")
    assert failed(kitchen.talk('bot: "~ Which tea?"'))[0] == "the bot said nothing more"


def test_loose_lines_may_go_unlisted_until_the_next_act(kitchen):
    first = ("{me: tea, loose: true}", "{me: green tea, loose: true}", "bot: Your name?")
    assert kitchen.talk(*first) is None
    found = kitchen.talk("{me: tea, loose: true}", "me: green tea")
    assert failed(found)[2] == "Your name?"


def test_nothing_said(kitchen):
    assert kitchen.talk("me: tea", 'bot: "~ Which"', "wait: 1m", "bot: {none: true}") is None
    assert failed(kitchen.talk("me: tea", "bot: {none: true}"))[0] == "the bot was to say nothing"


def test_buttons_and_taps(kitchen):
    channel = {"contact": "{channel: whatsapp}"}
    assert kitchen.talk("me: tea", "bot: {buttons: [Green tea, ~ Black]}", "tap: Black tea", "bot: Your name?", **channel) is None
    found = kitchen.talk("me: tea", "bot: {buttons: [Green tea]}", **channel)
    assert failed(found)[:3] == ("the message has other buttons", "Green tea", "Green tea, Black tea")
    found = kitchen.talk("me: tea", 'bot: "~ Which"', "tap: Red tea", **channel)
    assert (found.text, found.cure) == ("there is no button 'Red tea'", "Buttons shown: Black tea, Green tea.")


def test_an_old_button(kitchen):
    lines = ("me: tea", 'bot: "~ Which"', "tap: Green tea", "bot: Your name?", "tap: Black tea")
    found = kitchen.talk(*lines, 'bot: "~ earlier question"', "expect: {recorded: [stale_button]}", contact="{channel: whatsapp}")
    assert found is None


def test_the_class_of_a_message(kitchen):
    assert kitchen.talk(*TO_THE_NAME, "me: Ola", "bot: {class: receipt}", **BOOKED) is None
    found = kitchen.talk("me: tea", "bot: {class: receipt}")
    assert failed(found)[:3] == ("the message is of another class", "receipt", "reply")


def test_the_clock_moves_by_waiting_only(kitchen):
    lines = ("me: tea", 'bot: "~ Which"', "wait: 9m59s", "expect: {step: kind}", "wait: 1s", "bot: Goodbye.")
    assert kitchen.talk(*lines, "expect: {end: left, sessions: 0, later_messages: 0}") is None


def test_waiting_until_an_hour(kitchen):
    lines = ("me: tea", 'bot: "~ Which"', 'wait: {until: "12:09"}', "expect: {step: kind}", 'wait: {until: "2026-01-05T12:10Z"}')
    assert kitchen.talk(*lines, "bot: Goodbye.") is None
    assert kitchen.talk('wait: {until: "2020-01-01T00:00Z"}').text == "2020-01-01T00:00Z is past already"


def test_messages_that_would_follow_by_themselves(kitchen):
    assert kitchen.talk("me: tea", 'bot: "~ Which"', "expect: {later_messages: 1}", "expect: {step: kind}") is None


def test_a_call_without_a_mock(kitchen):
    found = kitchen.talk(*TO_THE_NAME, "me: Ola")
    assert found.text == "no mock answers POST https://tea.example/pots"
    assert found.cure == 'Mock it: "POST https://tea.example/pots": {json: {…}}'


def test_a_call_is_retried_at_once_and_each_attempt_counts(kitchen):
    mocks = {"mocks": '{"POST */pots": [{status: 503}, {json: {pot: 8}}]}'}
    assert kitchen.talk(*TO_THE_NAME, "me: Ola", 'bot: "~ pot 8"', 'expect: {calls: ["POST */pots x2"]}', **mocks) is None
    down = {"mocks": '{"POST */pots": {status: 503}}'}
    assert (
        kitchen.talk(*TO_THE_NAME, "me: Ola", "bot: The kettle is broken.", 'expect: {calls: ["POST */pots x2"]}', **down) is None
    )
    found = kitchen.talk(*TO_THE_NAME, "me: Ola", "bot: The kettle is broken.", 'expect: {calls: ["POST */pots x1"]}', **down)
    assert failed(found)[:3] == ("POST */pots was called 2 times", "POST */pots x1", "POST https://tea.example/pots x2")


def test_a_call_that_is_slow_is_waited_for(kitchen):
    mocks = {"mocks": '{"POST */pots": {delay: 3s, json: {pot: 9}}}'}
    lines = (*TO_THE_NAME, "me: Ola", "wait: 2s", "bot: {none: true}", "wait: 1s", 'bot: "~ pot 9"')
    assert kitchen.talk(*lines, **mocks) is None


def test_a_call_that_is_too_slow_is_tried_again_and_fails(kitchen):
    mocks = {"mocks": '{"POST */pots": {fail: timeout}}'}
    lines = (*TO_THE_NAME, "me: Ola", "wait: 7s", "expect: {step: brew}", "wait: 1s", "bot: The kettle is broken.")
    assert kitchen.talk(*lines, **mocks) is None


def test_no_calls_at_all(kitchen):
    assert kitchen.talk("me: tea", 'bot: "~ Which"', "expect: {calls: []}") is None
    found = kitchen.talk(*TO_THE_NAME, "me: Ola", 'bot: "~ pot 7"', "expect: {calls: []}", **BOOKED)
    assert found.text == "calls were made"


def test_a_later_mock_replaces(kitchen):
    lines = (*TO_THE_NAME, 'mock: {"POST {params.api}/pots": {json: {pot: 1}}}', "me: Ola", 'bot: "~ pot 1."')
    assert kitchen.talk(*lines, **BOOKED) is None


def test_events_starts_and_refusals(kitchen):
    lines = ("start: tea", 'bot: "~ Which"', "me: black tea", "bot: Your name?", "me: Ola", 'bot: "~ pot 7"')
    assert kitchen.talk(*lines, "event: cup.empty", "bot: Goodbye.", "expect: {end: left}", **BOOKED) is None
    assert kitchen.talk(*lines, 'refuse: "21610"', "expect: {end: opted_out, opted_out: true}", **BOOKED) is None


@pytest.mark.parametrize(
    ("expect", "text"),
    [
        ("{step: who}", "the session stands at another step"),
        ("{state: who}", "the session stands at another step"),
        ("{flow: coffee}", "the conversation is in another flow"),
        ("{end: left}", "the session has not ended"),
        ("{vars: {kind: green}}", "there is no value 'kind'"),
        ("{sessions: 0}", "another number of sessions is open"),
        ("{opted_out: true}", "consent is another"),
        ("{recorded: [stale_button]}", "'stale_button' was not recorded"),
        ("{later_messages: 0}", "another number of messages would follow by itself"),
        ("{votes: {final: 1}}", "votes in 'final' are another number"),
        ("{rejected: {final: {capped: 1}}}", "rejected votes in 'final' are others"),
    ],
)
def test_what_is_not_so_is_told(kitchen, expect, text):
    assert kitchen.talk("me: tea", 'bot: "~ Which"', f"expect: {expect}").text == text


def test_values_by_their_value_id_label_or_a_pattern(kitchen):
    lines = (*TO_THE_NAME, "me: Ola", 'bot: "~ pot"')
    wanted = "{kind: green, kind.label: Green tea, guest: /^O/, who: ~ la, brew.pot: 7, nobody: null}"
    assert kitchen.talk(*lines, f"expect: {{vars: {wanted}}}", **BOOKED) is None
    found = kitchen.talk(*lines, "expect: {vars: {brew.pot: 8}}", **BOOKED)
    assert failed(found)[:3] == ("'brew.pot' has another value", "8", "7")


def test_values_are_known_after_the_end(kitchen):
    lines = (*TO_THE_NAME, "me: Ola", 'bot: "~ pot"', "event: cup.empty", "bot: Goodbye.")
    assert kitchen.talk(*lines, "expect: {end: left, vars: {guest: Ola, brew.pot: 7}}", **BOOKED) is None


def test_branches_go_their_own_ways(kitchen):
    results = kitchen.play(
        "test: tea\ntalk:\n  - me: tea\n  - bot: '~ Which'\n  - fork:\n"
        "      one: [{me: green tea}, {bot: Your name?}, {expect: {vars: {kind: green}}}]\n"
        "      two: [{wait: 10m}, {bot: Goodbye.}]\n"
        "      three: [{me: black tea}, {bot: Your name?}, {expect: {vars: {kind: black}}}]\n"
    )
    assert {name: result.failure for name, result in results.items()} == {
        "tea > one": None,
        "tea > two": None,
        "tea > three": None,
    }


def test_what_fails_above_a_fork_fails_its_branches_once(kitchen):
    results = kitchen.play(
        "test: tea\ntalk:\n  - me: tea\n  - bot: Hm\n"
        "  - fork: {one: [{me: a}], two: [{fork: {three: [{me: b}], four: [{me: c}]}}]}\n"
    )
    assert list(results) == ["tea > one", "tea > two > three", "tea > two > four"]
    assert len({id(result.failure) for result in results.values()}) == 1


def test_a_table_drives_a_talk(kitchen):
    results = kitchen.play(
        "test: tea\ntable:\n  green: {say: green tea, id: green}\n  by number: {say: 2, id: black}\n"
        "  wrong: {say: 2, id: green}\n"
        "talk:\n  - {me: tea, loose: true}\n  - {me: '{row.say}', loose: true}\n  - expect: {vars: {kind: '{row.id}'}}\n"
    )
    assert {name: result.failure is None for name, result in results.items()} == {
        "tea > [green]": True,
        "tea > [by number]": True,
        "tea > [wrong]": False,
    }


def test_a_failure_shows_everything(kitchen):
    results = kitchen.play("test: tea\ntalk:\n  - me: tea\n  - {bot: '~ Which'}\n  - me: green tea\n  - bot: Your nome?\n")
    (result,) = results.values()
    folder = kitchen.folder
    assert (
        told(result)
        == f"""\
{folder}/tea.test.yaml:6:10: the bot said another text
  6 | - bot: Your nome?
  in tea

  2026-01-05, UTC
  12:00:00      me  tea
  12:00:00     bot  Which tea?
                    1 Green tea
                    2 Black tea
  12:00:00      me  green tea
  12:00:00     bot  Your name?

    wanted Your nome?
      real Your name?
                 ^

  stands at  who of tea  ({folder}/tea.flow.yaml:19)
  value      kind = green"""
    )


def test_resources_are_real_unless_they_are_mocked(kitchen):
    (kitchen.folder / "actions.py").write_text(
        "from vaiven import resource\n@resource('cups')\ndef cups(state, word, now):\n"
        "    state['left'] = state.get('left', 1) - 1\n"
        "    return state, [word.answer('yours' if state['left'] >= 0 else 'gone')]\n"
    )
    (kitchen.folder / "bot.yaml").write_text("bot: kitchen\nflows: .\nchannels: {phone: {type: simulator}}\n")
    kitchen.flow(
        "flow: cup\nstarts: [{keyword: [cup]}]\nsteps:\n"
        "  take:\n    call: {resource: cups, of: today, do: take}\n"
        "    then: [{if: 'result.word == \"yours\"', go: yours}, {go: gone}]\n"
        "  yours: {end: It is yours., outcome: yours}\n  gone: {end: Gone., outcome: gone}\n",
        "cup.flow.yaml",
    )
    results = kitchen.play(
        "test: cup\ntalk:\n  - me: cup\n  - bot: It is yours.\n  - me: cup\n  - bot: Gone.\n"
        "  - mock: {cups.take: {word: yours}}\n  - me: cup\n  - bot: It is yours.\n  - expect: {calls: [cups.take x3]}\n"
    )
    assert [result.failure for result in results.values()] == [None]
