"""Who takes a message: the rows of the semantics table, from legal words down to no match."""

from collections.abc import Callable

import pytest

from vaiven.flow.step import Words
from vaiven.model.effects import CancelTimer, End, OptIn, OptOut, Recorded, Send
from vaiven.model.messages import MessageClass, MessageKind
from vaiven.testing.talk import WHATSAPP, Talk

Make = Callable[..., Talk]

ORDER = """
flow: order
lang: en
starts: [{keyword: [order]}]
commands:
  human: {words: [human, "2"], go: staff}
  price: {words: [price], say: "All cost 5.", back: true}
steps:
  size:
    ask: Which size?
    choices:
      small: {label: Small, also: [s, stop now]}
      large: {label: Large, go: huge}
      xlarge: {label: Extra large}
    retry: ["Sorry? {hint}", "Please: {choices}"]
    hint: Reply 1, 2 or 3.
    commands:
      help_me: {words: [what], say: "It is how big it is.", back: true}
  note:
    ask: "Any wishes?"
    as: {text: {max: 10, media: [image]}}
    reject: {max: long}
    retry: []
    else: done
  done: {end: "Ordered {size.label} with {note}.", outcome: ordered}
  huge: {end: "Large it is.", outcome: large}
  long: {end: "{input} is too long.", outcome: long}
  staff: {end: "A person will call.", outcome: staff}
"""


@pytest.fixture
def order(talk: Make) -> Talk:
    at = talk(ORDER, words=Words(help="Text ORDER."))
    at.say("order")
    return at


def outcomes(talk: Talk) -> list[str]:
    return [effect.outcome for effect in talk.effects if isinstance(effect, End)]


def what(talk: Talk) -> list[str]:
    return [effect.what for effect in talk.effects if isinstance(effect, Recorded)]


def test_a_question_carries_its_choices(talk: Make) -> None:
    assert talk(ORDER).say("Order!") == ["Which size?\n1 Small\n2 Large\n3 Extra large"]
    assert talk(ORDER, capabilities=WHATSAPP).say("order") == ["Which size?\n[Small]\n[Large]\n[Extra large]"]


def test_stop_comes_before_everything_and_ends_the_session(order: Talk) -> None:
    assert order.say("Stop.") == ["You are unsubscribed. Text START to return."]
    assert order.session is None
    assert outcomes(order) == ["opted_out"]
    assert [effect.word for effect in order.effects if isinstance(effect, OptOut)] == ["Stop."]
    assert order.contact.opt_outs == {"tel:+12025550100": order.now_ms}
    assert [effect.message_class for effect in order.effects if isinstance(effect, Send)] == [MessageClass.CONSENT]


def test_stop_said_twice_is_answered_once(order: Talk) -> None:
    order.say("stop")
    assert order.say("STOP") == []
    assert not any(isinstance(effect, OptOut) for effect in order.effects)
    assert what(order) == ["already_opted_out"]


def test_the_provider_confirms_stop_where_it_does(talk: Make) -> None:
    at = talk(ORDER, stop_reply="provider")
    at.say("order")
    assert at.say("stop") == []
    assert at.contact.opt_outs
    assert at.say("start") == []
    assert at.contact.opt_outs == {}


def test_the_providers_verdict_is_taken(order: Talk) -> None:
    order.say("laat me met rust", consent="stop")
    assert order.contact.opt_outs
    assert order.session is None


def test_the_ledger_keeps_what_they_typed(order: Talk) -> None:
    order.say("  ＳＴＯＰ!\n")
    assert [effect.word for effect in order.effects if isinstance(effect, OptOut)] == ["ＳＴＯＰ!"]
    order.say("Unstop")
    assert [effect.word for effect in order.effects if isinstance(effect, OptIn)] == ["Unstop"]
    order.say("never write to me again, any of you people, please", consent="stop")
    assert [effect.word for effect in order.effects if isinstance(effect, OptOut)] == ["never write to me again, any of you peop"]


def test_stop_inside_a_sentence_is_an_answer(order: Talk) -> None:
    assert order.say("stop now") == ["Any wishes?"]


def test_start_and_yes_opt_in_only_who_opted_out(order: Talk) -> None:
    assert order.say("start") == ["Sorry? Reply 1, 2 or 3."]
    order.say("stop")
    assert order.say("yes") == ["Welcome back."]
    assert any(isinstance(effect, OptIn) for effect in order.effects)
    assert order.contact.opt_outs == {}
    order.say("stop")
    assert order.say("UNSTOP") == ["Welcome back."]


def test_help_answers_always_and_leaves_the_session(order: Talk) -> None:
    assert order.say("help") == ["Text ORDER."]
    assert [effect.message_class for effect in order.effects if isinstance(effect, Send)] == [MessageClass.CONSENT]
    assert order.session is not None
    assert order.say("1") == ["Any wishes?"]


def test_cancel_is_a_legal_word_on_sms_only(order: Talk, talk: Make) -> None:
    order.say("cancel")
    assert order.contact.opt_outs
    at = talk(ORDER, capabilities=WHATSAPP)
    at.say("order")
    at.say("cancel")
    assert at.contact.opt_outs == {}


def test_the_providers_refusal_is_written_silently(order: Talk) -> None:
    assert order.refuse() == []
    assert order.session is None
    assert order.contact.opt_outs == {"tel:+12025550100": order.now_ms}
    assert [type(effect) for effect in order.effects] == [OptOut, End]


def test_an_exact_answer_beats_a_command(order: Talk) -> None:
    assert order.say("2") == ["Large it is."]


def test_a_command_beats_a_close_or_typed_answer(order: Talk) -> None:
    order.say("small")
    assert order.say("human") == ["A person will call."]
    assert outcomes(order) == ["staff"]


def test_a_steps_command_is_there_only_in_it(order: Talk) -> None:
    assert order.say("what")[0].startswith("It is how big it is.\nWhich size?")
    order.say("1")
    assert order.say("what") == ["Ordered Small with what."]


def test_a_command_with_back_is_one_message_and_no_visit(order: Talk) -> None:
    before = order.session
    assert order.say("Price?") == ["All cost 5.\nWhich size?\n1 Small\n2 Large\n3 Extra large"]
    assert before is not None
    assert order.session is not None
    assert order.session.top == before.top
    assert order.session.timers == before.timers


def test_label_number_id_alias_and_close_spelling(talk: Make) -> None:
    for text in ("Small", "1", "s", "small!", "smal", "１"):
        at = talk(ORDER)
        at.say("order")
        assert at.say(text) == ["Any wishes?"], text
        assert at.session is not None
        assert at.session.top.answers["size"] == {"value": "small", "raw": text, "id": "small", "label": "Small"}


def test_ambiguous_asks_which_and_uses_no_try(order: Talk) -> None:
    assert order.say("1 or 3") == ["Which one do you mean?\n1 Small\n3 Extra large"]
    assert order.session is not None
    assert order.session.top.tries == 0
    assert order.say("3") == ["Any wishes?"]


def test_retry_is_a_text_a_try_then_else(talk: Make) -> None:
    at = talk(ORDER)
    at.say("order")
    assert at.say("?") == ["Sorry? Reply 1, 2 or 3."]
    assert at.say("??") == ["Please:\n1 Small\n2 Large\n3 Extra large"]
    assert at.say("???") == ["Something went wrong here. Please try again in a minute."]
    assert outcomes(at) == ["no_match"]


def test_retry_carries_buttons_always(talk: Make) -> None:
    at = talk(ORDER, capabilities=WHATSAPP)
    at.say("order")
    assert at.say("?") == ["Sorry? Reply 1, 2 or 3.\n[Small]\n[Large]\n[Extra large]"]
    assert at.say("?") == ["Please:\n[Small]\n[Large]\n[Extra large]"]


def test_without_retry_the_hint_and_the_question_once(talk: Make) -> None:
    at = talk(
        "{flow: f, starts: [{keyword: go}], "
        'steps: {n: {ask: "How many?", as: integer, hint: A number., else: x}, x: {end: Bye, outcome: x}}}'
    )
    at.say("go")
    assert at.say("many") == ["A number.\nHow many?"]
    assert at.say("many") == ["Bye"]


def test_reject_is_not_a_retry(order: Talk) -> None:
    order.say("1")
    assert order.say("with a lot of onions") == ["with a lot of onions is too long."]


def test_a_photo_is_an_answer_only_where_the_type_takes_it(order: Talk) -> None:
    assert order.show() == ["Sorry, I can only read text here."]
    order.say("1")
    assert order.show("audio/ogg") == ["Ordered Small with ."]


def test_a_photo_answers_a_step_that_takes_media(order: Talk) -> None:
    order.say("1")
    order.show("image/png")
    assert outcomes(order) == ["ordered"]


def test_a_caption_is_an_answer_where_the_file_is_not(order: Talk) -> None:
    assert order.show(text="small") == ["Any wishes?"]
    order.show(text="like this")
    assert outcomes(order) == ["ordered"]


def test_an_unsupported_kind_is_no_match(order: Talk) -> None:
    assert order.send_kind(MessageKind.UNSUPPORTED) == ["Sorry, I can only read text here."]
    assert order.session is not None
    assert order.session.top.tries == 1


def test_a_reaction_is_recorded_and_not_answered(order: Talk) -> None:
    assert order.send_kind(MessageKind.REACTION) == []
    assert what(order) == ["unanswered"]


def test_a_message_for_nobody_gets_the_bots_help(talk: Make) -> None:
    at = talk(ORDER, words=Words(help="Text ORDER."))
    assert at.say("hello") == ["Text ORDER."]
    assert at.send_kind(MessageKind.UNSUPPORTED) == ["Text ORDER."]
    assert at.session is None


def test_a_fallback_takes_what_nobody_else_does(talk: Make) -> None:
    fallback = (
        "{flow: any, starts: [{fallback: true}, {payload: get_started}], "
        "steps: {q: {ask: You?, as: text}, e: {end: 'Hi {q}', outcome: x}}}"
    )
    assert talk(ORDER, fallback).say("hello") == ["You?"]
    assert talk(ORDER, fallback).show() == ["You?"]
    assert talk(ORDER, fallback).tap_id("get_started", "Start") == ["You?"]
    assert talk(ORDER, fallback).say("order")[0].startswith("Which size?")


def test_a_keyword_is_the_first_word(talk: Make) -> None:
    assert talk(ORDER).say("order something nice")[0].startswith("Which size?")
    assert talk(ORDER).say("an order") == ["Text HELP for help, STOP to unsubscribe."]


def test_a_flow_starts_only_on_its_channels(talk: Make) -> None:
    other = ORDER.replace("lang: en", "lang: en\nchannels: [whatsapp]")
    assert talk(other).say("order") == ["Text HELP for help, STOP to unsubscribe."]


REST = """
flow: pizza
starts: [{keyword: [pizza], rest: kind}, {answer: kind}]
steps:
  hello: {say: Hello!}
  kind:
    ask: Which pizza?
    choices: {cheese: Cheese, ham: Ham}
    retry: ["No such pizza."]
    then: end
  end: {end: "{kind.label} is coming.", outcome: sold}
"""


def test_rest_feeds_the_step_without_asking(talk: Make) -> None:
    assert talk(REST).say("Pizza Ham!") == ["Ham is coming."]
    assert talk(REST).say("pizza") == ["Hello!", "Which pizza?\n1 Cheese\n2 Ham"]


def test_rest_that_is_no_answer_is_its_first_try(talk: Make) -> None:
    at = talk(REST)
    assert at.say("pizza tuna") == ["No such pizza."]
    assert at.session is not None
    assert (at.session.top.step, at.session.top.tries) == ("kind", 1)


def test_an_exact_answer_starts_the_flow(talk: Make) -> None:
    assert talk(REST).say("2") == ["Ham is coming."]
    assert talk(REST).say("hams") == ["Text HELP for help, STOP to unsubscribe."]


def test_the_own_keyword_with_rest_is_an_answer_and_bare_repeats(talk: Make) -> None:
    at = talk(REST)
    at.say("pizza tuna")
    assert at.say("pizza") == ["Which pizza?\n1 Cheese\n2 Ham"]
    assert at.session is not None
    assert at.session.top.tries == 1
    assert at.say("pizza ham") == ["Ham is coming."]


def test_start_order_is_payload_keyword_answer_fallback(talk: Make) -> None:
    other = "{flow: cheese, starts: [{keyword: cheese}, {fallback: true}], steps: {e: {end: Say cheese, outcome: x}}}"
    assert talk(REST, other).say("cheese") == ["Say cheese"]
    assert talk(REST, other).say("ham") == ["Ham is coming."]
    assert talk(REST, other).say("what") == ["Say cheese"]


def test_ending_cancels_timers(talk: Make) -> None:
    at = talk(REST.replace("    then: end", "    then: end\n    after: {5m: end}"))
    at.say("pizza")
    assert at.timers
    at.say("ham")
    assert [effect.key for effect in at.effects if isinstance(effect, CancelTimer)] == ["sms/0/5m"]
    assert not at.timers
