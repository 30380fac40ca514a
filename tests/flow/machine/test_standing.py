"""Where a conversation can stand: waits, flows that are run, queues of people, people."""

from collections.abc import Callable
from typing import Any

import pytest

from vaiven.model.effects import Control, End, HandOff, Recorded
from vaiven.testing.talk import Talk, flows_of, instant_ms

Make = Callable[..., Talk]


def frames(talk: Talk) -> list[str]:
    return [f"{frame.flow}/{frame.step}" for frame in talk.session.frames] if talk.session is not None else []


def what(talk: Talk) -> list[str]:
    return [effect.what for effect in talk.effects if isinstance(effect, Recorded)]


def of_kind(talk: Talk, kind: Any) -> list[Any]:
    return [effect for effect in talk.effects if isinstance(effect, kind)]


# ---- wait

WAIT = """
flow: f
starts: [{keyword: go}]
steps:
  q: {ask: "Q?", as: text}
  w:
    wait: WAIT
    when: {order.lost: lost}
    after: {3d: lost}
    commands: {now: {words: [now], go: done}}
  done: {end: "Done {w.code}."}
  lost: {end: "Lost."}
"""
NEWS = "{flow: news, starts: [{keyword: news}], steps: {t: {ask: Topic?, as: text}, e: {end: 'No {t}.'}}}"


def waiting(talk: Make, wait: str, *others: str) -> Talk:
    at = talk(WAIT.replace("WAIT", wait), *others)
    at.say("go")
    return at


def test_a_wait_by_time(talk: Make) -> None:
    at = waiting(talk, "2h")
    assert at.say("x") == []
    assert at.wait("119m") == []
    assert at.wait("1m") == ["Done ."]


def test_a_wait_until_an_instant_that_an_answer_gives(talk: Make) -> None:
    at = waiting(talk, '{until: "{q} 09:00"}')
    at.say("2026-12-08")
    assert at.timers["sms/0/wait"].due_ms == instant_ms("2026-12-08T09:00:00+00:00")


def test_what_is_past_already_does_not_wait(talk: Make) -> None:
    at = waiting(talk, '{until: "{q}"}')
    assert at.say("2026-12-06T11:59Z") == ["Done ."]


def test_what_is_no_instant_is_the_error_transition(talk: Make) -> None:
    at = waiting(talk, '{until: "{q}"}')
    assert at.say("soon") == ["Something went wrong here. Please try again in a minute."]


def test_a_wait_for_an_event_keeps_its_data(talk: Make) -> None:
    at = waiting(talk, "{event: order.shipped}")
    at.say("x")
    assert at.happens("order.paid") == []
    assert what(at) == ["unheard"]
    assert at.happens("order.shipped", code="K7") == ["Done K7."]


def test_other_ways_out_of_a_wait(talk: Make) -> None:
    late, lost, told = (waiting(talk, "{event: order.shipped}") for _ in range(3))
    for at in (late, lost, told):
        at.say("x")
    assert late.wait("3d") == ["Lost."]
    assert lost.happens("order.lost") == ["Lost."]
    assert told.say("now") == ["Done ."]


def test_what_people_write_is_recorded_and_keywords_work(talk: Make) -> None:
    at = waiting(talk, "2h", NEWS)
    at.say("x")
    assert at.say("hello?") == []
    assert what(at) == ["unanswered"]
    at.wait("1h")
    assert at.say("news") == ["Topic?"]
    at.wait("30m")
    assert at.say("rain") == ["No rain."]
    assert at.wait("30m") == ["Done ."]


def test_a_wait_that_fell_due_meanwhile_goes_on_at_once(talk: Make) -> None:
    at = waiting(talk, "2h", NEWS)
    at.say("x")
    at.say("news")
    at.wait("5h")
    assert at.say("rain") == ["No rain."]
    assert at.wait("0s") == ["Done ."]


def test_an_event_for_an_interrupted_wait_is_heard_when_the_other_flow_has_ended(talk: Make) -> None:
    at = waiting(talk, "{event: order.shipped}", NEWS)
    at.say("x")
    at.say("news")
    assert at.happens("order.shipped", code="K7") == []
    assert at.say("rain") == ["No rain.", "Done K7."]


def test_the_own_keyword_at_a_wait_begins_anew_upon_it(talk: Make) -> None:
    at = waiting(talk, "2h")
    at.say("x")
    assert at.say("go") == ["Q?"]
    assert frames(at) == ["f/w", "f/q"]
    at.say("now")
    assert at.say("now") == ["Done ."]
    assert frames(at) == ["f/w"]


def test_keywords_do_not_pile_up_without_end(talk: Make) -> None:
    at = waiting(talk, "2h")
    at.say("x")
    for _ in range(20):
        at.say("go")
        at.say("x")
    assert len(at.session.frames) == 12


# ---- run

MAIN = """
flow: main
starts: [{keyword: main}]
vars: {n: {type: integer, default: 3}}
commands: {menu: {words: [menu], say: Menu., back: true}, quit: {words: [leave it], go: left}}
steps:
  q: {ask: "Main?", as: text}
  sub:
    run: sub
    with: {who: "{q}", n: "{n}", nobody: "x"}
    after: {1h: slow, 10m: {say: Still busy.}}
    when: {alarm: alarm}
    then: {good: good, bad: q, else: other}
  good: {end: Good.}
  other: {end: "Other."}
  slow: {end: Slow.}
  alarm: {end: Alarm.}
  left: {end: Left.}
"""
SUB = """
flow: sub
starts: [{keyword: sub}]
vars: {who: text, n: {type: integer, default: 0}}
steps:
  s:
    ask: "Sub {who} {n}?"
    choices: {good: {label: Good, go: good}, bad: {label: Bad, go: bad}, odd: {label: Odd, go: odd}}
  good: {end: "", outcome: good}
  bad: {end: "", outcome: bad}
  odd: {end: "", outcome: odd}
"""


AGE = "{flow: age, starts: [{keyword: age}], steps: {y: {ask: Years?, as: integer}, e: {end: 'So {y}.'}}}"


@pytest.fixture
def main(talk: Make) -> Talk:
    at = talk(MAIN, SUB, NEWS, AGE)
    at.say("main")
    assert at.say("Ola") == ["Sub Ola 3?\n1 Good\n2 Bad\n3 Odd"]
    return at


def test_a_run_returns_with_its_outcome(main: Talk) -> None:
    assert frames(main) == ["main/sub", "sub/s"]
    assert main.say("bad") == ["Main?"]
    main.say("Ola")
    assert main.say("odd") == ["Other."]
    assert End("sub", "odd") in main.effects


def test_an_interrupt_within_a_run_comes_back_into_it(main: Talk) -> None:
    main.say("news")
    assert frames(main) == ["main/sub", "sub/s", "news/t"]
    assert main.say("rain")[1].startswith("Sub Ola 3?")
    assert main.say("good") == ["Good."]


def test_the_keyword_of_the_flow_that_runs_it_repeats_the_question(main: Talk) -> None:
    assert main.say("main")[0].startswith("Sub Ola 3?")
    main.say("age")
    assert frames(main) == ["main/sub", "sub/s", "age/y"]
    assert main.say("main")[0].startswith("Sub Ola 3?")
    assert frames(main) == ["main/sub", "sub/s"]


def test_commands_of_the_flow_that_runs_it_work(main: Talk) -> None:
    assert main.say("menu") == ["Menu."]
    assert frames(main) == ["main/sub", "sub/s"]
    assert main.say("leave it") == ["Left."]
    assert [effect.outcome for effect in of_kind(main, End)] == ["left", "done"]


def test_timers_of_a_run_go_on_while_it_runs(main: Talk) -> None:
    assert main.wait("10m") == ["Still busy."]
    assert frames(main) == ["main/sub", "sub/s"]
    main.say("news")
    assert main.wait("50m") == ["Slow."]
    assert main.session is None
    assert not main.timers


def test_events_of_a_run_are_heard_while_it_runs(main: Talk) -> None:
    assert main.happens("alarm") == ["Alarm."]
    assert not main.timers


def test_a_run_that_fails_returns_with_error(talk: Make) -> None:
    broken = "{flow: sub, steps: {a: {branch: [{if: 1 / 0 > 1, go: b}]}, b: {end: x, outcome: good}}}"
    at = talk(MAIN, broken)
    at.say("main")
    assert at.say("Ola") == ["Something went wrong here. Please try again in a minute.", "Other."]
    sorry = "{flow: sorry, steps: {q: {ask: Sorry?, as: text}, e: {end: Noted., outcome: good}}}"
    other = talk(MAIN, broken, sorry, error_flow="sorry")
    other.say("main")
    assert other.say("Ola") == ["Sorry?"]
    assert other.say("ok") == ["Noted.", "Other."]


def test_a_flow_that_is_not_there_is_the_error_transition(talk: Make) -> None:
    at = talk(MAIN)
    at.say("main")
    assert at.say("Ola") == ["Something went wrong here. Please try again in a minute."]
    assert what(at) == ["no_such_flow"]


# ---- split


def test_a_split_is_sticky_and_weighted(talk: Make) -> None:
    text = (
        "{flow: ab, starts: [{keyword: go}], steps: {s: {split: {red: 1, blue: 3}, then: {red: r, blue: b}}, "
        "r: {end: Red.}, b: {end: Blue.}}}"
    )
    flows = flows_of(text)
    found = []
    for number in range(200):
        at = Talk(flows, home=f"tel:+120255501{number:02d}")
        (first,) = at.say("go")
        assert at.say("go") == [first]
        found.append(first)
    assert 25 < found.count("Red.") < 75


# ---- handoff and relay

DESK = """
flow: desk
starts: [{keyword: desk}]
vars: {order: text, topic: {type: text, default: bills}}
commands: {menu: {words: [menu], say: Menu., back: true}}
steps:
  q: {ask: "Order?", as: text, save: order}
  queue:
    handoff: {queue: support, skills: "{topic}", share: [order, q, transcript]}
    enter: {say: "You are number {queue.position}."}
    exit: {say: "Your turn."}
    commands: {note: {words: [note], go: bye}, faq: {words: [faq], run: news}}
    after: {3m: {say: "Still number {queue.position}."}, 20m: bye}
    when: {agent.joined: talking}
  talking:
    relay: support
    enter: {say: "Here is {agent.name}."}
    commands: {done: {words: [thanks], go: bye}}
    after: {idle 30m: bye}
    when: {agent.closed: bye, agent.returned: q}
  bye: {end: Bye.}
"""


@pytest.fixture
def desk(talk: Make) -> Talk:
    at = talk(DESK, NEWS).on({"known": {"queue:support": 2}})
    at.say("desk")
    assert at.say("A7") == ["You are number 3."]
    return at


def test_a_handoff_waits_in_a_queue_and_is_left_by_name(desk: Talk) -> None:
    session = desk.session
    shared = {"order": "A7", "q": "A7", "transcript": True}
    assert of_kind(desk, HandOff) == [HandOff("support", session.id, 2, "bills", shared)]
    assert desk.last.facts == {"queue:support": 2}
    assert desk.say("hello?") == []
    assert what(desk) == ["unanswered"]
    assert desk.say("menu") == ["Menu."]
    desk.on({"known": {"place:support": 1, "queue:support": 2}})
    assert desk.wait("3m") == ["Still number 1."]
    assert desk.say("note") == ["Your turn.", "Bye."]
    assert of_kind(desk, HandOff) == [HandOff("support", session.id, 2, left=True)]


def test_stop_leaves_the_queue(desk: Talk) -> None:
    desk.say("stop")
    assert [effect.left for effect in of_kind(desk, HandOff)] == [True]


def test_a_person_takes_over_and_gives_back(desk: Talk) -> None:
    assert desk.happens("agent.joined", name="Ana") == ["Your turn.", "Here is Ana."]
    assert of_kind(desk, Control) == [Control("agent", "support")]
    assert desk.contact.control == 1
    assert desk.say("my order is lost") == []
    assert desk.say("menu") == []
    assert what(desk) == ["relayed"]
    assert desk.happens("agent.closed") == ["Bye."]
    assert of_kind(desk, Control) == [Control("bot", "support")]
    assert desk.contact.control == 2


def test_only_what_a_relay_names_itself_is_a_command_there(desk: Talk) -> None:
    desk.happens("agent.joined", name="Ana")
    assert desk.say("back") == []
    assert desk.say("thanks") == ["Bye."]


def test_silence_ends_a_relay_and_a_message_starts_it_anew(desk: Talk) -> None:
    desk.happens("agent.joined", name="Ana")
    desk.wait("29m")
    desk.say("one moment")
    assert desk.wait("29m") == []
    assert desk.wait("1m") == ["Bye."]
    assert desk.contact.control == 2


def test_stop_takes_control_back(desk: Talk) -> None:
    desk.happens("agent.joined", name="Ana")
    desk.say("stop")
    assert desk.contact.control == 2
    assert of_kind(desk, Control) == [Control("bot", "support")]


def test_a_person_who_joins_does_not_wait_for_a_flow_on_top(desk: Talk) -> None:
    assert desk.say("faq") == ["Topic?"]
    assert desk.happens("agent.joined", name="Ana")[-1] == "Here is Ana."
    assert frames(desk) == ["desk/talking"]
    assert of_kind(desk, HandOff)[0].left


def test_an_agent_is_known_on_later_steps(desk: Talk) -> None:
    desk.happens("agent.joined", name="Ana")
    assert desk.happens("agent.returned") == ["Order?"]
    assert desk.say("A8") == ["You are number 3."]


# ---- sections, exit


def test_a_section_shares_its_commands_timers_and_events(talk: Make) -> None:
    at = talk("""
flow: f
starts: [{keyword: go}]
steps:
  part:
    commands: {lost: {words: [lost it], go: out}}
    after: {10m: out}
    when: {order.gone: out}
    section:
      one: {ask: "One?", as: text}
      two: {ask: "Two?", as: text, after: {10m: {say: Hello?}}}
    then: done
  out: {end: Out.}
  done: {end: "{one} {two}."}
""")
    at.say("go")
    assert at.say("lost it") == ["Out."]
    at.say("go")
    assert at.wait("10m") == ["Out."]
    at.say("go")
    at.say("a")
    assert at.wait("10m") == ["Hello?"]
    assert at.happens("order.gone") == ["Out."]
    at.say("go")
    at.say("a")
    assert at.say("b") == ["a b."]


def test_exit_says_and_sets_once_and_also_where_something_fails_on_the_way(talk: Make) -> None:
    text = (
        "{flow: f, starts: [{keyword: go}], vars: {n: {type: integer, default: 0}}, steps: {"
        "q: {ask: Q?, as: text, exit: {say: Left., set: {n: n + 1}}, then: THEN}, e: {end: 'n {n}.'}}}"
    )
    at = talk(text.replace("THEN", "e"))
    at.say("go")
    assert at.say("x") == ["Left.", "n 1."]
    broken = talk(text.replace("THEN", "{go: e, set: {n: 1 / 0}}"))
    broken.say("go")
    assert broken.say("x") == ["Left.", "Something went wrong here. Please try again in a minute."]
