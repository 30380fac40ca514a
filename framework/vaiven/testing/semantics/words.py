"""Rows of the table of semantics: who takes what people write."""

from collections.abc import Callable

import pytest

from vaiven.model.effects import Send
from vaiven.model.messages import MessageClass
from vaiven.testing.talk import WHATSAPP, Talk

Make = Callable[..., Talk]

PIZZA = """
flow: pizza
starts: [{keyword: pizza, rest: kind}]
commands: {menu: {words: [menu, ham and], say: "Two kinds.", back: true}, boss: {words: [boss], go: boss}}
steps:
  kind:
    ask: Which pizza?
    choices: {cheese: {label: Cheese, also: [cancel my diet]}, ham: {label: Ham, also: [boss]}, tuna: Tuna salad}
    retry: ["What? {choices}", Sorry?]
    else: boss
  size: {ask: "How big, in cm?", as: {integer: {min: 20, max: 50}}, retry: [A number.], else: boss}
  done: {end: "{kind.label}, {size} cm.", outcome: sold}
  boss: {end: "I call the boss.", outcome: boss}
"""
PASTA = """
flow: pasta
starts: [{keyword: [pasta, menu]}]
steps:
  sauce: {ask: Which sauce?, as: text}
  done: {end: "{sauce} it is.", outcome: sold}
"""


class Words:
    """Words, answers, buttons."""

    # ---- priority of words

    def test_legal_words_come_before_everything(self, talk: Make) -> None:
        at = talk(PIZZA.replace("tuna: Tuna salad", "stop: Stop"))
        at.say("pizza")
        assert at.say("stop") == ["You are unsubscribed. Text START to return."]
        assert at.session is None
        assert [effect.message_class for effect in at.effects if isinstance(effect, Send)] == [MessageClass.CONSENT]

    def test_a_button_comes_before_what_its_title_says(self, talk: Make) -> None:
        at = talk(PIZZA, capabilities=WHATSAPP)
        at.say("pizza")
        assert at.tap_id(at.shown[1].id, "menu") == ["How big, in cm?"]

    def test_an_exact_answer_comes_before_a_command(self, talk: Make) -> None:
        at = talk(PIZZA)
        at.say("pizza")
        assert at.say("boss") == ["How big, in cm?"]
        assert at.say("boss") == ["I call the boss."]

    def test_a_command_comes_before_a_close_answer_and_other_keywords(self, talk: Make) -> None:
        at = talk(PIZZA, PASTA)
        at.say("pizza")
        assert at.say("ham and")[0].startswith("Two kinds.\nWhich pizza?")
        assert at.say("menu")[0].startswith("Two kinds.\nWhich pizza?")

    def test_a_typed_answer_comes_before_other_keywords(self, talk: Make) -> None:
        at = talk(PASTA, PIZZA)
        at.say("pasta")
        assert at.say("pizza") == ["pizza it is."]

    def test_other_keywords_come_before_no_match_where_the_step_is_interruptible(self, talk: Make) -> None:
        at = talk(PIZZA, PASTA)
        at.say("pizza")
        assert at.say("pasta") == ["Which sauce?"]
        closed = talk(PIZZA.replace("else: boss\n  size", "else: boss\n    interruptible: false\n  size"), PASTA)
        closed.say("pizza")
        assert closed.say("pasta")[0].startswith("What?")

    # ---- own keyword inside the flow

    def test_own_keyword_with_an_answer_is_the_answer_and_bare_it_repeats_the_question(self, talk: Make) -> None:
        at = talk(PIZZA)
        at.say("pizza marmalade")
        assert at.session is not None
        assert at.session.top.tries == 1
        assert at.say("Pizza!") == ["Which pizza?\n1 Cheese\n2 Ham\n3 Tuna salad"]
        assert at.session.top.tries == 1
        assert at.say("pizza ham") == ["How big, in cm?"]

    # ---- legal words against answers

    def test_yes_opts_in_only_who_opted_out(self, talk: Make) -> None:
        sure = (
            "{flow: sure, starts: [{keyword: sure}], steps: {q: {ask: Sure?, as: confirm, then: {else: e}}, e: {end: 'So {q}.'}}}"
        )
        at = talk(sure)
        at.say("sure")
        assert at.say("yes") == ["So yes."]
        at.say("stop")
        assert at.say("YES") == ["Welcome back."]

    def test_cancel_end_and_quit_are_legal_words_on_sms_only(self, talk: Make) -> None:
        for word in ("cancel", "end", "quit"):
            at = talk(PIZZA)
            at.say("pizza")
            at.say(word)
            assert at.suppressed
            other = talk(PIZZA, capabilities=WHATSAPP)
            other.say("pizza")
            other.say(word)
            assert not other.suppressed

    # ---- folding, number or label, ambiguous, fuzzy, photo

    @pytest.mark.parametrize("text", ["Ham", "hám!", "ＨＡＭ", "  ham\n", "2", "٢", "२", "h\u200bam", "ham 🍕"])
    def test_what_people_type_is_folded_and_the_raw_text_is_kept(self, text: str, talk: Make) -> None:
        at = talk(PIZZA)
        at.say("pizza")
        assert at.say(text) == ["How big, in cm?"]
        assert at.session is not None
        answer = at.session.top.answers["kind"]
        assert (answer["id"], answer["raw"].strip()) == ("ham", text.replace("\u200b", "\u200b").strip())

    def test_a_digit_is_a_position_only_where_no_label_is_a_number(self, talk: Make) -> None:
        seats = (
            "{flow: f, starts: [{keyword: go}], steps: {n: {ask: N?, choices: {two: '2', four: '4', six: '6'}}, e: {end: '{n}'}}}"
        )
        at = talk(seats)
        at.say("go")
        assert at.say("2") == ["two"]
        at.say("go")
        assert at.say("3") == ["N?\n1 2\n2 4\n3 6"]

    def test_an_ambiguous_answer_asks_which_and_uses_no_try(self, talk: Make) -> None:
        at = talk(PIZZA)
        at.say("pizza")
        assert at.say("ham or cheese") == ["Which one do you mean?\n1 Cheese\n2 Ham"]
        assert at.session is not None
        assert at.session.top.tries == 0

    def test_a_close_spelling_of_one_choice_is_it_and_never_a_legal_word(self, talk: Make) -> None:
        at = talk(PIZZA)
        at.say("pizza")
        assert at.say("chese") == ["How big, in cm?"]
        shop = talk("{flow: f, starts: [{keyword: go}], steps: {q: {ask: '?', choices: {a: Stops, b: Goes}}, e: {end: '{q}'}}}")
        shop.say("go")
        assert shop.say("stop") == ["You are unsubscribed. Text START to return."]

    def test_a_photo_is_an_answer_only_where_the_type_takes_it(self, talk: Make) -> None:
        at = talk(PIZZA)
        at.say("pizza")
        assert at.show() == ["Sorry, I can only read text here."]
        photo = talk("{flow: f, starts: [{keyword: go}], steps: {q: {ask: '?', as: {media: [image]}}, e: {end: Nice.}}}")
        photo.say("go")
        assert photo.show("audio/ogg") == ["Sorry, I can only read text here."]
        assert photo.show("image/png") == ["Nice."]

    # ---- tap on an old button

    def test_an_old_button_is_explained_accepted_or_ignored(self, talk: Make) -> None:
        heard = {}
        for policy in ("explain", "accept", "ignore"):
            at = talk(PIZZA.replace('retry: ["What?', f'stale: {policy}\n    retry: ["What?'), capabilities=WHATSAPP)
            at.say("pizza")
            old = at.shown[0].id
            at.tap("Ham")
            at.say("back")
            heard[policy] = at.tap_id(old, "Cheese")
        assert heard["explain"] == ["That button belongs to an earlier question.\nWhich pizza?\n[Cheese]\n[Ham]\n[Tuna salad]"]
        assert heard["accept"] == ["How big, in cm?"]
        assert heard["ignore"] == []

    def test_an_old_button_of_choices_made_at_run_time_means_what_it_showed(self, talk: Make) -> None:
        at = talk(
            """
flow: times
starts: [{keyword: times}]
steps:
  find: {call: find, fail: find}
  time: {ask: "Which time?", choices: {each: find.times, id: "{item.id}", label: "{item.at}"}, stale: accept}
  again: {ask: "Sure?", as: confirm, then: {accept: done, decline: find}}
  done: {end: "{time.label} ({time.id}).", outcome: done}
""",
            capabilities=WHATSAPP,
        )
        at.say("times")
        assert at.answer({"times": [{"id": "a", "at": "19:00"}, {"id": "b", "at": "20:00"}]}) == ["Which time?\n[19:00]\n[20:00]"]
        old = {option.title: option.id for option in at.shown}
        at.tap("19:00")
        at.say("no")
        at.answer({"times": [{"id": "a", "at": "21:00"}, {"id": "b", "at": "20:00"}]})
        assert at.tap_id(old["19:00"], "19:00")[0].startswith("That button belongs to an earlier question.")
        assert at.tap_id(old["20:00"], "20:00") == ["Sure?"]
        assert at.say("yes") == ["20:00 (b)."]
