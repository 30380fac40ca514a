"""Flows made at random from the grammar: all of them are read, and what was written is what is there."""

import json

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vaiven.flow.checks import check
from vaiven.flow.document import FlowDocument
from vaiven.flow.hashes import document_hash, shape_hash
from vaiven.flow.parse import parse
from vaiven.flow.source import read_source

NAMES = ("a", "b", "c", "d", "part")
CONDITIONS = ("true", "vars.n > 3", "business_open('desk')", "contact.name != null and not false")
TEXTS = ("Hi", "Hi, {contact.name}!", "1 of 2: #1", "{{braces}}", "no", "19:00", "é 日本 👍", "{now|time}")

names = st.sampled_from(NAMES)
texts = st.sampled_from(TEXTS)
conditions = st.sampled_from(CONDITIONS)
durations = st.sampled_from(["10s", "30m", "2h", "1h30m", "3d", "1w"])
events = st.sampled_from(["order.shipped", "agent.joined", "ping"])
values = st.recursive(
    st.sampled_from(["{vars.n}", "x", 3, 2.5, True, None]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["k", "l"]), inner, max_size=2),
    max_leaves=4,
)


def optional(**keys):
    """Any of these keys, or none."""
    return st.fixed_dictionaries({}, optional=keys)


said = texts | st.lists(texts | st.fixed_dictionaries({"if": conditions, "text": texts}), min_size=1, max_size=3)
settings_of_vars = st.dictionaries(st.sampled_from(["n", "m"]), st.sampled_from(["1 + 2", "'x'", "null"]), min_size=1)
aside = optional(**{"if": conditions, "say": said, "set": settings_of_vars, "quiet": st.booleans()})
route = names | st.builds(lambda go, more: {"go": go, **more}, names, aside)
stays = route | st.fixed_dictionaries({"say": said}, optional={"if": conditions})
routes = route | st.lists(route, min_size=1, max_size=3)
timers = st.dictionaries(st.builds(lambda idle, time: idle + time, st.sampled_from(["", "idle "]), durations), stays, max_size=2)
commands = st.dictionaries(
    st.sampled_from(["help_me", "menu"]),
    st.one_of(
        st.fixed_dictionaries({"words": st.just(["w"]), "go": names}),
        st.fixed_dictionaries({"words": st.just(["no", "9"]), "run": st.just("other-flow")}),
        st.fixed_dictionaries({"words": st.just("w"), "say": said, "back": st.just(True)}),
    ),
    max_size=2,
)
passing = st.fixed_dictionaries({"say": said}, optional={"set": settings_of_vars})
shared = {
    "after": timers,
    "when": st.dictionaries(events, stays, max_size=2),
    "commands": commands,
    "class": st.sampled_from(["otp", "receipt"]),
    "keep": st.booleans(),
    "note": texts,
    "tags": st.just(["x", "y"]),
}
common = optional(**shared, enter=passing, exit=passing)
then = optional(then=routes)
outcomes = st.builds(
    lambda named, other: {"then": {**named, "else": other}}, st.dictionaries(st.sampled_from(["red", "solved"]), routes), routes
)


def verb(written, *more):
    return st.builds(lambda *parts: {key: value for part in parts for key, value in part.items()}, written, *more)


def one(name, value):
    return st.fixed_dictionaries({name: value})


choices = st.fixed_dictionaries(
    {"x": texts, "y": st.fixed_dictionaries({"label": texts}, optional={"also": st.just(["z"]), "go": names})}
)
listed = st.just({"each": "vars.list", "id": "{item.id}", "label": "{item.name}"})
bounds = optional(min=st.just("1"), max=st.just("12"))
typed = st.one_of(
    st.sampled_from(["text", "date", "phone", "location", "media", "number"]),
    one("integer", bounds),
    one("date", optional(min=st.just("today"), prefer=st.just("past"))),
    one("media", st.just(["image"])),
    one("custom", st.just("plate")),
    one("text", optional(pattern=st.just("[A-Z]+"), fold=st.just("upper"), media=st.just("image"))),
)
answer = st.one_of(
    one("as", typed),
    one("choices", choices | listed),
    st.fixed_dictionaries({"as": st.just("many_of") | one("many_of", bounds), "choices": choices}),
)
of_ask = optional(
    **{
        "hint": texts,
        "retry": st.lists(texts, max_size=2),
        "else": route,
        "save": st.just("n"),
        "skip": conditions,
        "stale": st.just("ignore"),
        "interruptible": st.booleans(),
    }
)
request = st.one_of(
    st.fixed_dictionaries({"get": st.just("{params.api}/x/{vars.n}")}, optional={"query": st.just({"q": "{input}"})}),
    st.fixed_dictionaries({"post": st.just("https://a.example/x")}, optional={"json": values, "headers": st.just({"X-A": "b"})}),
)
of_call = optional(
    key=st.just("{session.id}"),
    timeout=durations.filter(lambda time: time == "10s"),
    retries=st.integers(0, 10),
    meanwhile=st.just("hold") | st.just("One moment.") | stays,
    fail=route,
)
calls = st.one_of(
    one("call", request),
    st.fixed_dictionaries({"call": st.just("faq.answer")}, optional={"with": st.dictionaries(names, values, max_size=2)}),
    one("call", st.just({"resource": "slots", "of": "{today}", "do": "reserve", "with": {"n": 2}})),
)
steps = st.one_of(
    verb(
        one("say", said),
        optional(apart=st.booleans(), media=st.just({"image": "https://a.example/1.jpg"}), template=st.just("hi")),
        then,
        common,
    ),
    verb(one("ask", said), answer, of_ask, then, common),
    verb(
        one("ask", said),
        one("as", st.just("confirm")),
        one("then", st.fixed_dictionaries({"accept": routes, "decline": routes})),
        common,
    ),
    verb(calls, st.builds(dict, of_call), then, common).filter(
        lambda step: not (isinstance(step["call"], dict) and "resource" in step["call"] and ({"key", "retries"} & set(step)))
    ),
    verb(
        one("tally", st.just({"poll": "p", "option": "{vars.n}", "cap": 3})),
        one("then", st.fixed_dictionaries({"else": routes})),
        common,
    ),
    verb(one("branch", st.lists(route, min_size=1, max_size=3)), then, common),
    verb(one("split", st.just({"red": 1, "blue": 2})), outcomes, common),
    verb(one("set", settings_of_vars), then, common),
    verb(
        st.fixed_dictionaries({"run": st.just("other-flow")}, optional={"with": st.just({"topic": "{vars.n}", "k": 3})}),
        outcomes,
        common,
    ),
    verb(
        one("handoff", st.just("desk") | st.just({"queue": "desk", "skills": "{vars.n}", "share": ["n", "transcript"]})), common
    ),
    verb(one("relay", st.just("desk")), common),
    verb(one("wait", durations | st.just({"until": "{today} 09:00"}) | st.just({"event": "order.shipped"})), then, common),
    verb(one("end", texts | st.just("")), optional(outcome=st.sampled_from(["ok", "gone"]), enter=passing, keep=st.booleans())),
)
section = st.builds(
    lambda inside, more, way: {"section": inside, **more, **way}, st.fixed_dictionaries({"d": steps}), optional(**shared), then
)
starts = st.lists(
    st.one_of(
        one("keyword", st.just(["go"])),
        one("payload", st.just("x")),
        one("event", events),
        one("fallback", st.just(True)),
        st.fixed_dictionaries({"api": st.just(True), "go": names}),
        one("answer", names),
        one("referral", st.just(["ad"])),
        one("schedule", st.just("0 9 * * mon") | st.just({"before": "24h", "of": "contact.day", "if": "contact.ok"})),
        st.fixed_dictionaries({"keyword": st.just("v"), "rest": names}),
        one("intent", st.just("book")),
    ),
    max_size=3,
)
flows = st.builds(
    lambda found, more: {"flow": "demo", **more, "steps": found},
    st.fixed_dictionaries({"a": steps, "b": steps, "c": steps, "part": section}),
    optional(
        starts=starts,
        commands=commands,
        migrate=st.just({"old": "part"}),
        zone=st.just("Europe/Madrid"),
        vars=st.just({"n": "integer", "m": "text"}),
        defaults=optional(**{"retry": st.lists(texts, max_size=1), "else": route, "after": timers}),
        window=st.just({"to": "{params.t}", "late": "a"}),
    ),
)


def written(flow) -> str:
    """JSON is YAML, too: a key a line at the top, so that places differ."""
    return "".join(f"{key}: {json.dumps(value, ensure_ascii=False)}\n" for key, value in flow.items())


def read(text: str) -> FlowDocument:
    document, problems = parse(read_source(text, "x.flow.yaml"))
    assert [str(problem) for problem in problems if problem.is_error] == []
    assert document is not None
    return document


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(flows)
def test_every_flow_of_the_grammar_is_read(flow):
    text = written(flow)
    document = read(text)
    assert [step.name for step in document.steps] == ["d" if name == "part" else name for name in flow["steps"]]
    assert document.sections == {"part": "d"}
    assert {target.name for target in document.targets if not target.variable} <= {"a", "b", "c", "d"}
    again = read("# moved down\n\n" + text)
    assert (shape_hash(again), document_hash(again)) == (shape_hash(document), document_hash(document))
    for problem in check(document, {}):
        assert 1 <= problem.line <= len(text.splitlines())
