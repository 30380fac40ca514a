"""A question with a template: for who has not written for so long that the channel takes nothing else."""

from vaiven.flow.load import load_flows
from vaiven.flow.step import BotSpec, FlowSet
from vaiven.model.effects import Send
from vaiven.testing.talk import SMS, WHATSAPP, Talk

FLOW = """
flow: remind
version: 1
lang: en
starts: [{event: house.remind}]
vars:
  at: text
  other: text
steps:
  still:
    class: reminder
    ask: "See you at {at|time}?"
    choices: {"yes:1": "Yes", not: I cannot come}
    retry: ["Yes or no?"]
    template: {name: reminder, values: ["{at|time}"], payloads: ["yes:1", "{still.id}", other]}
    else: off
    then: {go: on}
  on: {end: "Good, {still.id}."}
  off: {end: "A pity."}
"""


def talk(capabilities=WHATSAPP, flow=FLOW) -> Talk:
    documents, problems = load_flows([("remind.flow.yaml", flow)])
    assert [str(problem) for problem in problems if problem.is_error] == []
    return Talk(FlowSet.build(BotSpec("b"), documents), capabilities)


def asked(one: Talk) -> Send:
    return [effect for effect in one.effects if isinstance(effect, Send)][-1]


def test_it_goes_along_with_the_question_and_its_buttons_are_the_choices() -> None:
    one = talk()
    one.happens("house.remind", at="2026-11-27T20:00")
    sent = asked(one)
    assert (sent.text, [option.title for option in sent.options]) == ("See you at 20:00?", ["Yes", "I cannot come"])
    assert sent.template is not None
    assert (sent.template.name, sent.template.lang, sent.template.values) == ("reminder", "en", ("20:00",))
    assert sent.template.payloads == (sent.options[0].id, "", "other")
    assert one.tap_id(sent.template.payloads[0]) == ["Good, yes:1."]


def test_where_choices_are_a_text_a_tap_on_the_template_counts_all_the_same() -> None:
    one = talk(SMS)
    one.happens("house.remind", at="2026-11-27T20:00")
    sent = asked(one)
    assert sent.options == ()
    assert sent.template is not None
    assert one.tap_id(sent.template.payloads[0]) == ["Good, yes:1."]


def test_the_second_try_is_a_text() -> None:
    one = talk()
    one.happens("house.remind", at="2026-11-27T20:00")
    one.say("what")
    assert asked(one).text == "Yes or no?"
    assert asked(one).template is None


def test_one_that_cannot_be_filled_leaves_the_question() -> None:
    one = talk(flow=FLOW.replace('values: ["{at|time}"]', 'values: ["{other|time}"]'))
    one.happens("house.remind", at="2026-11-27T20:00", other="never")
    assert asked(one).text == "See you at 20:00?"
    assert asked(one).template is None
