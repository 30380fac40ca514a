"""Sections are unrolled: what runs is a flat list of steps."""

from hypothesis import given, settings
from hypothesis import strategies as st

from vaiven.flow.document import Branch, FlowDocument
from vaiven.flow.parse import parse
from vaiven.flow.source import read_source


def document(text: str) -> FlowDocument:
    found, problems = parse(read_source(text, "x.flow.yaml"))
    assert problems == []
    assert found is not None
    return found


FLOW = document(
    """
flow: demo
starts:
  - keyword: order
    go: order
commands: {menu: {words: [menu], go: order}}
window: {to: "2026-12-05T20:00Z", late: order}
migrate: {old: order}
steps:
  hello: {say: Hi, then: order}
  order:
    class: receipt
    keep: true
    tags: [a]
    commands: {lost: {words: [lost], go: deep}, help: {words: [help me], say: Outer, back: true}}
    after: {1h: bye, idle 30m: {say: Outer}}
    when: {order.shipped: bye, order.lost: deep}
    section:
      number:
        ask: Your number?
        as: text
        commands: {help: {words: [help me], say: Inner, back: true}}
        after: {idle 30m: {say: Inner}}
        when: {order.lost: bye}
      deep:
        class: notice
        tags: [b]
        commands: {lost: {words: [gone], go: bye}}
        section:
          deeper:
            section:
              look: {call: {get: "{params.api}/x"}, class: otp}
          told: {say: Thanks}
  bye: {end: ""}
"""
)
STEPS = {step.name: step for step in FLOW.steps}


def test_steps_stand_flat_in_their_order():
    assert [(step.name, step.section) for step in FLOW.steps] == [
        ("hello", None),
        ("number", "order"),
        ("look", "order/deep/deeper"),
        ("told", "order/deep"),
        ("bye", None),
    ]


def test_a_section_is_its_first_step():
    assert FLOW.sections == {"order": "number", "deep": "look", "deeper": "look"}
    assert STEPS["hello"].then.routes[0].go == "number"
    assert (FLOW.starts[0].go, FLOW.commands[0].go, FLOW.window.late, FLOW.migrate) == (
        "number",
        "number",
        "number",
        {"old": "number"},
    )
    assert [(target.name, target.key) for target in FLOW.targets if target.key in ("late", "migrate")] == [
        ("number", "late"),
        ("number", "migrate"),
    ]
    assert STEPS["number"].commands[1].go == "look"


def test_of_two_commands_of_one_name_the_inner_one_wins():
    assert [(one.name, one.go or one.say[0].text.source) for one in STEPS["number"].commands] == [
        ("help", "Inner"),
        ("lost", "look"),
    ]
    assert [(one.name, one.go or one.say[0].text.source) for one in STEPS["look"].commands] == [
        ("lost", "bye"),
        ("help", "Outer"),
    ]


def test_of_two_timers_and_events_of_one_name_too():
    assert [(one.name, one.route.go or one.route.say[0].text.source) for one in STEPS["number"].after] == [
        ("idle 30m", "Inner"),
        ("1h", "bye"),
    ]
    assert {event: route.go for event, route in STEPS["number"].when.items()} == {"order.shipped": "bye", "order.lost": "bye"}
    assert {event: route.go for event, route in STEPS["look"].when.items()} == {"order.shipped": "bye", "order.lost": "look"}


def test_what_is_shared_is_for_steps_that_wait():
    told = STEPS["told"]
    assert (told.commands, told.after, told.when) == ((), (), {})


def test_class_keep_and_tags_are_shared_by_all():
    assert [STEPS[name].message_class for name in ("number", "look", "told", "bye")] == ["receipt", "otp", "notice", None]
    assert [STEPS[name].keep for name in ("hello", "number", "told")] == [False, True, True]
    assert [STEPS[name].tags for name in ("hello", "number", "told")] == [(), ("a",), ("b", "a")]


def last_of(steps: str, then: str = "{if: vars.x, go: away}"):
    text = (
        f"flow: demo\nsteps:\n  part:\n    then: {then}\n    section: {{{steps}}}\n  after_it: {{end: ''}}\n  away: {{end: ''}}\n"
    )
    return [step for step in document(text).steps if step.section][-1]


def test_the_last_step_goes_on_as_the_section_says():
    then = last_of("a: {say: Hi}, b: {say: Ho}").then
    assert [route.go for route in then.routes] == ["away"]


def test_only_where_it_would_fall_out_of_the_section():
    assert [route.go for route in last_of("a: {say: Hi, then: a}").then.routes] == ["a"]
    assert [route.go for route in last_of("a: {say: Hi, then: {if: vars.y, go: a}}").then.routes] == ["a", "away"]
    assert last_of("a: {end: ''}").then is None
    assert last_of("a: {relay: q, when: {agent.closed: a}}").then is None


def test_behind_branches_and_outcomes_as_well():
    branch = last_of("a: {branch: [{if: vars.y, go: a}]}").verb
    assert isinstance(branch, Branch)
    assert [route.go for route in branch.routes] == ["a", "away"]
    then = last_of("a: {ask: Q, as: confirm, then: {accept: a, decline: [{if: vars.y, go: a}]}}").then
    assert {outcome: [route.go for route in routes] for outcome, routes in then.outcomes.items()} == {
        "accept": ["a"],
        "decline": ["a", "away"],
    }
    assert [route.go for route in last_of("a: {run: b, then: {else: [{if: vars.y, go: a}]}}").then.otherwise] == ["a", "away"]


def test_an_inner_section_goes_on_before_an_outer_one():
    then = last_of("a: {say: Hi}, b: {then: {if: vars.y, go: a}, section: {c: {say: Ho}}}").then
    assert [route.go for route in then.routes] == ["a", "away"]


def test_names_are_for_the_whole_flow():
    text = "flow: a\nsteps:\n  x: {section: {y: {say: Hi}}}\n  z: {section: {y: {say: Hi}, x: {say: Ho}}}\n"
    problems = parse(read_source(text, "x.flow.yaml"))[1]
    assert [(problem.code, problem.line, problem.column) for problem in problems] == [("same-step", 4, 17), ("same-step", 4, 31)]
    assert "line 3" in problems[0].cure


def test_a_section_that_never_waits_shares_nothing():
    text = "flow: a\nsteps:\n  x:\n    after: {1h: z}\n    section: {y: {say: Hi}}\n  z: {end: ''}\n"
    flow, problems = parse(read_source(text, "x.flow.yaml"))
    assert flow is not None
    assert [(problem.code, problem.line, problem.severity) for problem in problems] == [("never-waits", 4, "warning")]


NAMES = ("one", "two", "three")
shared = st.sets(st.sampled_from(NAMES))
trees = st.recursive(
    shared.map(lambda own: (own, None)),
    lambda inner: st.tuples(shared, st.lists(inner, min_size=1, max_size=3)),
    max_leaves=10,
)


def write(tree, path: str, depth: int) -> str:
    """A step or a section named by its path. Each command goes to where it was written, so that it can be told from others."""
    own, inner = tree
    indent = "  " * depth
    words = ", ".join(f"{name}: {{words: [{name}], go: {path}}}" for name in sorted(own))
    text = f"{indent}{path}:\n{indent}  commands: {{{words}}}\n"
    if inner is None:
        return text + f"{indent}  ask: Q\n{indent}  as: text\n"
    below = "".join(write(one, f"{path}_{number}", depth + 2) for number, one in enumerate(inner))
    return text + f"{indent}  section:\n{below}"


def leaves(tree, path: str, above: dict[str, str]):
    own, inner = tree
    heard = above | dict.fromkeys(own, path)
    if inner is None:
        yield path, heard
    for number, one in enumerate(inner or ()):
        yield from leaves(one, f"{path}_{number}", heard)


@settings(max_examples=50, deadline=None)
@given(st.lists(trees, min_size=1, max_size=3))
def test_any_nest_of_sections_is_its_steps_in_order_with_the_innermost_commands(forest):
    text = "flow: demo\nsteps:\n" + "".join(write(tree, f"s{number}", 1) for number, tree in enumerate(forest))
    flow = document(text)
    expected = [leaf for number, tree in enumerate(forest) for leaf in leaves(tree, f"s{number}", {})]
    names = [name for name, _ in expected]

    def first_step(path: str) -> str:
        return next(name for name in names if name == path or name.startswith(f"{path}_"))

    assert [step.name for step in flow.steps] == names
    for step, (_, heard) in zip(flow.steps, expected, strict=True):
        assert {one.name: one.go for one in step.commands} == {name: first_step(path) for name, path in heard.items()}
