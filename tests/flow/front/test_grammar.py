"""Every verb and key of the language, read into values."""

import pytest

from vaiven.flow.document import (
    ActionTarget,
    Ask,
    Branch,
    Call,
    End,
    FlowDocument,
    Group,
    Handoff,
    HttpTarget,
    Relay,
    ResourceTarget,
    Run,
    Say,
    Split,
    Step,
    Wait,
)
from vaiven.flow.expressions import ExpressionError
from vaiven.flow.parse import parse
from vaiven.flow.source import read_source
from vaiven.flow.templates import Template


def document(text: str) -> FlowDocument:
    found, problems = parse(read_source(text, "x.flow.yaml"))
    assert problems == []
    assert found is not None
    return found


def steps(text: str) -> tuple[Step, ...]:
    lines = "".join(f"  {line}\n" for line in text.strip("\n").splitlines())
    return document(f"flow: demo\nsteps:\n{lines}").steps


def verb_of(text: str, kind: type):
    verb = steps(text)[0].verb
    assert isinstance(verb, kind)
    return verb


def codes(text: str) -> list[str]:
    return [problem.code for problem in parse(read_source(text, "x.flow.yaml"))[1]]


# ---- say


def test_a_message_can_have_files_and_no_text():
    say = verb_of('a: {say: "", media: {image: "https://a.example/{vars.x}.jpg"}}', Say)
    assert say.parts == ()
    assert [(one.kind, one.url.source, one.name) for one in say.media] == [("image", "https://a.example/{vars.x}.jpg", None)]


def test_several_files_go_with_one_message():
    say = verb_of(
        'a: {say: See, media: [{document: "https://a.example/1", name: "{n}.pdf"}, {sticker: "{params.s}"}]}',
        Say,
    )
    assert [(one.kind, one.name and one.name.source) for one in say.media] == [("document", "{n}.pdf"), ("sticker", None)]


def test_a_template_stands_beside_the_text():
    say = verb_of('a: {say: Shipped, template: {name: shipped, lang: en_US, values: ["{x}", 3], payloads: [track]}}', Say)
    assert say.template is not None
    assert (say.template.name, say.template.lang) == ("shipped", "en_US")
    assert [value.source for value in (*say.template.values, *say.template.payloads)] == ["{x}", "{3}", "track"]
    short = verb_of('a: {say: "", template: hello}', Say)
    assert short.template is not None
    assert (short.parts, short.template.name) == ((), "hello")


# ---- ask


@pytest.mark.parametrize(
    "kind", ["text", "integer", "number", "date", "time", "datetime", "phone", "email", "url", "location", "media", "confirm"]
)
def test_every_type_of_answer_stands_by_its_name(kind):
    assert verb_of(f"a: {{ask: Q, as: {kind}}}", Ask).answer.kind == kind


def test_dates_have_bounds_and_a_preference():
    answer = verb_of("a: {ask: Q, as: {date: {min: today, max: today + 60d, prefer: future}}}", Ask).answer
    assert (answer.kind, answer.min.source, answer.max.source, answer.prefer) == ("date", "today", "today + 60d", "future")


def test_media_can_be_of_some_kinds_only():
    assert verb_of("a: {ask: Q, as: {media: [image, document]}}", Ask).answer.media == ("image", "document")
    assert verb_of("a: {ask: Q, as: {media: image}}", Ask).answer.media == ("image",)


def test_a_custom_answer_names_its_parser():
    answer = verb_of("a: {ask: Q, as: {custom: spanish.plate}}", Ask).answer
    assert (answer.kind, answer.parser) == ("custom", "spanish.plate")


def test_many_of_and_one_of_take_choices():
    many = verb_of("a: {ask: Q, as: {many_of: {min: 1, max: 2}}, choices: {x: X, y: Y}}", Ask).answer
    assert (many.kind, [choice.id for choice in many.choices], many.max.source) == ("many_of", ["x", "y"], "2")
    assert verb_of("a: {ask: Q, as: many_of, choices: {x: X}}", Ask).answer.kind == "many_of"
    assert verb_of("a: {ask: Q, as: one_of, choices: {x: X}}", Ask).answer.kind == "choices"


def test_choices_can_come_from_a_list():
    (step,) = steps('a: {ask: Q, choices: {each: slots.list, id: "{item.id}", label: "{item.start|time}"}}')
    assert isinstance(step.verb, Ask)
    answer = step.verb.answer
    assert (answer.kind, answer.choices) == ("choices", ())
    assert (answer.each.source, answer.each_id.source, answer.each_label.source) == (
        "slots.list",
        "{item.id}",
        "{item.start|time}",
    )


def test_the_item_of_a_list_is_known_to_its_choices_only():
    uses = document('flow: demo\nsteps: {a: {ask: Q, choices: {each: x, id: "{item}", label: "{item}"}}}').uses
    assert {use.piece.source: use.local for use in uses if use.piece.source != "Q"} == {
        "x": frozenset(),
        "{item}": frozenset({"item"}),
    }


# ---- call


def test_a_request_with_all_its_keys():
    call = verb_of(
        """
a:
  call: {post: "{params.api}/orders/{order_no}", query: {n: 3}, json: {to: "{x}", list: [1, true, null, ""], deep: {k: v}}}
  headers: {X-Shop: "{params.shop}"}
  key: "{session.id}"
  timeout: 1m30s
  retries: 2
  meanwhile: {say: One moment, go: a}
  fail: {go: a, say: Sorry}
""",
        Call,
    )
    target = call.target
    assert isinstance(target, HttpTarget)
    assert (target.method, target.url.source) == ("POST", "{params.api}/orders/{order_no}")
    assert [(name, text.value({})) for name, text in target.query] == [("n", 3)]
    assert [(name, text.source) for name, text in target.headers] == [("X-Shop", "{params.shop}")]
    assert isinstance(target.json, Group)
    to, listed, deep = (value for _, value in target.json.items)
    assert (to.source, deep.items[0][1].source) == ("{x}", "v")
    assert listed == Group(((None, 1), (None, True), (None, None), (None, "")), is_list=True)
    assert (call.key.source, call.timeout_ms, call.retries) == ("{session.id}", 90_000, 2)
    assert (call.meanwhile.go, call.meanwhile.say[0].text.source) == ("a", "One moment")
    assert (call.fail.go, call.fail.say[0].text.source) == ("a", "Sorry")


@pytest.mark.parametrize("method", ["get", "post", "put", "patch", "delete"])
def test_every_method(method):
    call = verb_of(f'a: {{call: {{{method}: "{{params.api}}/x"}}}}', Call)
    assert call.target.method == method.upper()
    assert (call.timeout_ms, call.retries, call.key, call.meanwhile, call.fail) == (10_000, 0, None, None, None)


def test_json_may_be_one_value_or_a_list():
    assert verb_of('a: {call: {post: "{params.api}/x", json: "{order}"}}', Call).target.json.source == "{order}"
    assert verb_of('a: {call: {post: "{params.api}/x", json: [a]}}', Call).target.json.is_list


def test_an_action_is_given_values():
    call = verb_of('a: {call: faq.answer, with: {question: "{input}", limit: 3, tags: [a]}}', Call)
    assert isinstance(call.target, ActionTarget)
    (question, text), limit, (_, tags) = call.target.arguments
    assert (call.target.name, question, text.source, limit) == ("faq.answer", "question", "{input}", ("limit", 3))
    assert tags.items[0][1].source == "a"


def test_a_resource_is_told_a_word():
    call = verb_of('a: {call: {resource: slots, of: "{day}", do: reserve, with: {n: 2}}}', Call)
    assert isinstance(call.target, ResourceTarget)
    assert (call.target.name, call.target.of.source, call.target.do, call.target.arguments) == (
        "slots",
        "{day}",
        "reserve",
        (("n", 2),),
    )
    beside = verb_of('a: {call: {resource: slots, of: "{day}", do: reserve}, with: {n: 2}}', Call)
    assert beside.target.arguments == call.target.arguments


@pytest.mark.parametrize(
    ("written", "go", "said"),
    [
        ("hold", None, None),
        ("b", "b", None),
        ("{go: b}", "b", None),
        ("One moment", None, "One moment"),
        ("{say: hm}", None, "hm"),
    ],
)
def test_what_happens_to_who_writes_meanwhile(written, go, said):
    meanwhile = verb_of(f"a: {{call: x, meanwhile: {written}}}\nb: {{say: Hi}}", Call).meanwhile
    if go is said is None:
        assert meanwhile is None
    else:
        assert meanwhile.go == go
        assert [part.text.source for part in meanwhile.say] == ([said] if said else [])


def test_the_result_is_known_to_the_routes_of_its_call_only():
    flow = document(
        'flow: demo\nsteps: {a: {call: x, with: {q: "{q}"}, then: {if: result.ok, go: a}, fail: {go: a, say: "{result.why}"}}}'
    )
    assert {use.piece.source: sorted(use.local) for use in flow.uses} == {
        "{q}": [],
        "result.ok": ["result"],
        "{result.why}": ["result"],
    }


@pytest.mark.parametrize(
    "url",
    [
        "{params.api}/x", "{params.api}", "https://api.example.com/{x}", "http://{params.host}:8080/{x}?q={x}",
        "{params.scheme}://{params.host}",
        "https://{params.tenant}.example.com/{x}", "{params.api}?next=https://{x}", "https://[2001:db8::1]/x",
        "{params.a}{params.b}/x",
        "{params.api|lower}/x/{x|upper}", "{params.api}/{n|number(2)}/x",
    ],
)  # fmt: skip
def test_hosts_that_the_flow_or_its_params_choose(url):
    assert codes(f'flow: a\nsteps: {{a: {{call: {{get: "{url}"}}, then: a}}}}') == []


@pytest.mark.parametrize(
    "url",
    [
        "{x}", "{x}/y", "https://{x}/y", "{params.api}{x}", "{params.api}:{x}/", "{params.a + x}/y", "https://a.example{x}",
        "{'https://a.example'}/x",
        "{x}://a.example", "https://{params.user}@{x}", "ftp://a.example", "/x", "//a.example/x", "a.example/x", "https://",
        "https:///x",
        "https://a@b.example/x", "https://a.example\\\\@b/x", "{params.a|money(x)}/x", "{params.a|money('}/')}{x}",
        "javascript:{params.x}", "P/x",
    ],
)  # fmt: skip
def test_hosts_that_somebody_else_would_choose(url):
    assert codes(f'flow: a\nsteps: {{a: {{call: {{get: "{url}"}}, then: a}}}}') == ["bad-url"]


# ---- the other verbs


def test_a_split_has_weights_and_outcomes():
    (step, *_) = steps("a: {split: {red: 1, blue: 0}, then: {red: a, blue: {go: a, say: Blue}}}")
    assert step.verb == Split((("red", 1), ("blue", 0)))
    assert step.then is not None
    assert {outcome: routes[0].go for outcome, routes in step.then.outcomes.items()} == {"red": "a", "blue": "a"}


def test_a_subflow_is_given_values_and_has_outcomes():
    (step,) = steps("a: {run: support-chat, with: {topic: booking, n: 4}, then: {solved: a, else: a}}")
    assert isinstance(step.verb, Run)
    assert (step.verb.flow, [(name, text.value({})) for name, text in step.verb.arguments]) == (
        "support-chat",
        [("topic", "booking"), ("n", 4)],
    )
    assert step.then is not None
    assert (list(step.then.outcomes), step.then.otherwise[0].go) == (["solved"], "a")


def test_a_handoff_names_a_queue_and_what_is_shared():
    handoff = verb_of('a: {handoff: {queue: support, skills: "{topic}", share: [order_no, pick.label, transcript]}}', Handoff)
    assert (handoff.queue, handoff.skills.source, handoff.share) == (
        "support",
        "{topic}",
        ("order_no", "pick.label", "transcript"),
    )
    assert verb_of("a: {handoff: support}", Handoff) == Handoff("support")
    assert verb_of("a: {relay: support}", Relay) == Relay("support")


def test_what_is_shared_is_read_like_any_name():
    uses = document("flow: demo\nsteps: {a: {handoff: {queue: q, share: [order_no, transcript]}}}").uses
    assert [use.piece.source for use in uses] == ["order_no"]


@pytest.mark.parametrize("verb", ["handoff", "relay"])
def test_the_queue_and_the_agent_are_known_where_people_come_in(verb):
    flow = document(
        f"flow: demo\nsteps:\n  a:\n    {verb}: q\n    enter: {{say: '{{queue.position}}'}}\n"
        "    when: {agent.joined: {say: '{agent.name}'}}\n"
    )
    assert {use.piece.source: use.local - {"result"} for use in flow.uses} == {
        "{queue.position}": frozenset({"queue", "agent"}),
        "{agent.name}": frozenset({"queue", "agent"}),
    }


def test_what_came_with_an_event_is_its_result():
    flow = document("flow: demo\nsteps: {a: {ask: Q, as: text, when: {order.shipped: {say: '{result.code}'}}}}")
    assert [use.local for use in flow.uses if use.piece.names] == [frozenset({"result"})]


def test_the_three_ways_to_wait():
    assert verb_of("a: {wait: 2h}", Wait) == Wait(delay_ms=7_200_000)
    assert verb_of('a: {wait: {until: "{day} 09:00"}}', Wait).until.source == "{day} 09:00"
    assert verb_of("a: {wait: {event: order.shipped}}", Wait) == Wait(event="order.shipped")


# ---- keys of any step


def test_what_is_said_and_set_on_the_way_out():
    (step,) = steps("a: {ask: Q, as: text, exit: {say: [Thanks], set: {n: n + 1}}, tags: [one, two]}")
    assert ([part.text.source for part in step.exit], [name for name, _ in step.exit_set]) == (["Thanks"], ["n"])
    assert step.tags == ("one", "two")


def test_a_command_can_run_a_flow():
    (command,) = document("flow: demo\ncommands: {faq: {words: [faq], run: faq-menu}}\nsteps: {a: {end: Bye}}").commands
    assert (command.run, command.go, command.say) == ("faq-menu", None, ())


@pytest.mark.parametrize("word", ["if", "go", "say", "set", "quiet", "else", "each", "id", "label"])
def test_words_of_the_language_name_no_outcome(word):
    assert codes(f"flow: a\nsteps: {{a: {{end: Bye, outcome: {word}}}}}") == ["reserved-word"]


@pytest.mark.parametrize("word", ["each", "id", "label"])
def test_nor_an_outcome_in_a_map(word):
    assert codes(f"flow: a\nsteps: {{a: {{run: b, then: {{{word}: a, done: a}}}}}}") == ["reserved-word"]


# ---- the top


def test_variables_of_every_type_have_defaults():
    flow = document(
        "flow: demo\nvars: {a: {type: date, default: 2026-12-24}, b: {type: time, default: 19:00},"
        " c: {type: list, default: [1, x]}, d: {type: datetime, default: 2026-12-24T19:00Z},"
        " e: {type: list, default: null}}\nsteps: {x: {end: Bye}}"
    )
    assert [one.default for one in flow.vars.values()] == ["2026-12-24", "19:00", [1, "x"], "2026-12-24T19:00Z", None]


@pytest.mark.parametrize(
    "written", ["date, default: soon", "time, default: 25:00", "list, default: a", "text, default: [a]", "date, default: 1"]
)
def test_a_default_is_of_its_type(written):
    assert codes(f"flow: demo\nvars: {{a: {{type: {written}}}}}\nsteps: {{x: {{end: Bye}}}}") == ["wrong-type"]


def test_every_kind_of_start():
    flow = document(
        """
flow: demo
zone: Europe/Madrid
starts:
  - payload: [get_started, menu]
    go: b
  - referral: summer
  - event: [order.shipped]
  - api: true
  - keyword: [go]
    go: b
  - answer: a
  - intent: book_table
  - fallback: true
  - schedule: {before: 24h, of: contact.appointment, if: contact.remind}
  - schedule: "0  9 * * mon-fri"
  - schedule: {cron: "0 9 1 * *", if: contact.remind}
migrate: {old: b, older: a}
steps:
  a: {ask: Q, choices: {x: X}}
  b: {end: Bye}
"""
    )
    assert [start.kind for start in flow.starts] == [
        "payload", "referral", "event", "api", "keyword", "answer", "intent", "fallback", "schedule", "schedule", "schedule",
    ]  # fmt: skip
    assert [start.words for start in flow.starts[:4]] == [("get_started", "menu"), ("summer",), ("order.shipped",), ()]
    assert (flow.starts[0].go, flow.starts[4].go, flow.starts[5].step) == ("b", "b", "a")
    before, line, with_if = (start.schedule for start in flow.starts[-3:])
    assert before is not None
    assert line is not None
    assert with_if is not None
    assert (before.before_ms, before.of.source, before.condition.source) == (86_400_000, "contact.appointment", "contact.remind")
    assert (line.cron, line.condition) == ("0 9 * * mon-fri", None)
    assert (with_if.cron, with_if.condition.source) == ("0 9 1 * *", "contact.remind")
    assert (flow.migrate, flow.zone) == ({"old": "b", "older": "a"}, "Europe/Madrid")


def test_opening_hours_are_asked_for_by_name():
    (step, *_) = steps('a: {branch: [{if: \'not business_open("desk") or business_open("shop")\', go: a}, {go: a}]}')
    assert isinstance(step.verb, Branch)
    condition = step.verb.routes[0].condition
    assert condition is not None
    assert (condition.hours, condition.names) == ({"desk", "shop"}, frozenset())
    assert condition.evaluate({"business_open()": {"desk": True, "shop": False}.__getitem__}) is False
    assert condition.evaluate({"business_open()": {"desk": False, "shop": False}.__getitem__}) is True


def test_hours_that_nobody_knows_are_no_answer():
    (step,) = steps("a: {ask: Q, as: text, skip: business_open('desk')}")
    assert isinstance(step.verb, Ask)
    assert step.verb.skip is not None
    for scope in ({}, {"business_open()": {}.__getitem__}):
        with pytest.raises(ExpressionError, match="desk"):
            step.verb.skip.evaluate(scope)


def test_a_text_tells_its_opening_hours_too():
    end = verb_of("a: {end: \"{business_open('desk')}\"}", End)
    assert isinstance(end.text, Template)
    assert end.text.hours == {"desk"}
