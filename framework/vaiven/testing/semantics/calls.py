"""Rows of the table of semantics: what comes while a call runs, and what comes too late."""

from collections.abc import Callable

from vaiven.model.effects import Recorded
from vaiven.model.messages import InboundMessage
from vaiven.testing.talk import Talk

Make = Callable[..., Talk]

PASTA = """
flow: pasta
starts: [{keyword: [pasta, menu]}]
steps:
  sauce: {ask: Which sauce?, as: text}
  done: {end: "{sauce} it is.", outcome: sold}
"""
DESK = """
flow: desk
starts: [{keyword: desk}]
vars: {n: {type: integer, default: 0}}
steps:
  who: {ask: Who?, as: text}
  find:
    call: desk.find
    with: {who: "{who}"}
    timeout: 10s
    FAIL
  which: {ask: "Which of {find.count}?", as: integer, retry: [A number., A number!], else: bye}
  done: {end: "Number {which} of {who}.", outcome: done}
  lost: {end: "Not found: {result.reason}.", outcome: lost}
  bye: {end: Bye., outcome: bye}
"""


def fails_to(step: str) -> str:
    return DESK.replace("FAIL", f"fail: {step}" if step else "note: none")


def what(talk: Talk) -> list[str]:
    return [effect.what for effect in talk.effects if isinstance(effect, Recorded)]


class Calls:
    """Calls and timers, and who comes late."""

    # ---- message while a call runs

    def test_what_comes_while_a_call_runs_is_held_and_heard_in_order_when_it_has_ended(self, talk: Make) -> None:
        at = talk(fails_to("lost"))
        at.say("desk")
        assert at.say("Ola") == []
        assert at.say("hello?") == []
        assert at.effects == ()
        assert at.say("2") == []
        assert at.session is not None
        assert len(at.session.held) == 2
        assert at.answer({"count": 3}) == ["Which of 3?", "A number.", "Number 2 of Ola."]
        assert at.session is None

    def test_so_they_are_when_it_fails_or_never_answers(self, talk: Make) -> None:
        failed = talk(fails_to("which"))
        for word in ("desk", "Ola", "2"):
            failed.say(word)
        assert failed.answer(reason="http 503") == ["Which of ?", "Number 2 of Ola."]
        silent = talk(fails_to("which"))
        for word in ("desk", "Ola", "2"):
            silent.say(word)
        assert silent.wait("2m") == ["Which of ?", "Number 2 of Ola."]

    def test_twenty_are_held_and_the_next_is_told_so(self, talk: Make) -> None:
        at = talk(fails_to("lost"))
        at.say("desk")
        at.say("Ola")
        assert [at.say(f"line {n}") for n in range(20)] == [[]] * 20
        assert at.say("one more") == ["One moment, please."]
        assert at.session is not None
        assert len(at.session.held) == 20

    def test_held_ones_wait_for_the_next_call_too(self, talk: Make) -> None:
        at = talk(fails_to("lost").replace("  done: {end", "  again: {call: desk.more, fail: lost}\n  done: {end"))
        for word in ("desk", "Ola", "2", "7"):
            at.say(word)
        assert at.answer({"count": 3}) == ["Which of 3?"]
        assert at.session is not None
        assert [event.body.text for event in at.session.held if isinstance(event.body, InboundMessage)] == ["7"]
        assert at.answer({})[:1] == ["Number 2 of Ola."]

    def test_legal_words_are_never_held(self, talk: Make) -> None:
        at = talk(fails_to("lost"))
        at.say("desk")
        at.say("Ola")
        at.say("what")
        assert at.say("stop") == ["You are unsubscribed. Text START to return."]
        assert at.session is None
        assert at.answer({"count": 1}) == []
        assert what(at) == ["stale_answer"]

    def test_a_step_may_say_or_go_elsewhere_instead(self, talk: Make) -> None:
        says = talk(fails_to("lost").replace("timeout: 10s", 'timeout: 10s\n    meanwhile: "Still looking."'))
        says.say("desk")
        says.say("Ola")
        assert says.say("well?") == ["Still looking."]
        assert says.answer({"count": 2}) == ["Which of 2?"]
        goes = talk(fails_to("lost").replace("timeout: 10s", "timeout: 10s\n    meanwhile: bye"))
        goes.say("desk")
        goes.say("Ola")
        assert goes.say("well?") == ["Bye."]

    # ---- timeout against late reply

    def test_a_timer_of_another_visit_does_nothing(self, talk: Make) -> None:
        at = talk(PASTA.replace("as: text}", "as: text, after: {10m: done}}"))
        at.say("pasta")
        timer = at.timers["sms/0/10m"]
        at.say("red")
        assert at.due(timer) == []
        at.say("pasta")
        assert at.due(timer) == []
        assert what(at) == ["stale_timer"]
        assert at.wait("10m") == [" it is."]

    def test_a_late_answer_of_a_call_does_nothing(self, talk: Make) -> None:
        at = talk(fails_to("which"))
        at.say("desk")
        at.say("Ola")
        call = at.calls[0]
        assert at.wait("2m") == ["Which of ?"]
        assert at.answer_to(call, {"count": 9}) == []
        assert what(at) == ["stale_answer"]
