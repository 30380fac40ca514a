"""A flow file from a stranger, and words from a stranger: refused or inert, and in bounded time."""

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from vaiven.flow.compile import compile_flow
from vaiven.flow.drawing import as_dot, as_mermaid, draw
from vaiven.flow.drawing_svg import as_svg
from vaiven.flow.formatting import format_flow
from vaiven.flow.load import load_flow, load_flows
from vaiven.flow.spec import BotSpec
from vaiven.model.errors import FlowError
from vaiven.testing.talk import Talk


@contextmanager
def quickly(seconds: float = 2.0) -> Iterator[None]:
    """Processor time, generously: what is not bounded takes minutes."""
    before = time.process_time()
    yield
    assert time.process_time() - before < seconds


def codes(text: str) -> set[str]:
    return {problem.code for problem in load_flow(text, "x.flow.yaml", {})[1]}


# -- expressions ----------------------------------------------------------------------------------------------------------

EXPRESSIONS = [
    "__import__('os').system('id')", "().__class__.__bases__", "contact.__class__", "vars.__dict__", "lambda: 1",
    "[x for x in vars]",
    "10 ** 10", "9 ** 9 ** 9", "'a' * 1000000000", "'%s' % vars", "'{0.__class__}'.format(1)", "open('/etc/passwd')", "eval('1')",
    "exec('1')", "getattr(vars, 'a')", "globals()", "vars()", "contact['name']", "now.year.real", "`id`", "${7*7}", "#{7*7}",
    "1 if true else 2", "(yield)", "x := 1", "f'{vars}'", "b'1'", "0x10", "1e999", "1_000", "999999999999999999999999999999",
    "true && true", "a; b", "a\\nb", "min.__self__", "size.__call__(1)", "ｎow", "now\u200b", "n\u043ew",
]  # fmt: skip


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_an_expression_of_a_stranger_is_refused(expression):
    quoted = expression.replace("'", "''")
    with quickly():
        told = codes(f"flow: x\nsteps:\n  a: {{branch: [{{if: '{quoted}', go: b}}]}}\n  b: {{end: Bye}}\n")
    assert told & {"bad-expression", "unknown-name", "unknown-field", "wrong-kind", "bad-character"}


@pytest.mark.parametrize(
    "expression",
    [
        "(" * 400 + "1" + ")" * 400,
        "not " * 90 + "true",
        "-" * 400 + "1",
        "1" + " + 1" * 120,
        "[" * 200 + "]" * 200,
        "a." * 200 + "b",
    ],
)
def test_an_expression_as_deep_as_it_can_be_is_read_at_once(expression):
    with quickly():
        codes(f"flow: x\nsteps:\n  a: {{branch: [{{if: '{expression}', go: b}}]}}\n  b: {{end: Bye}}\n")


# -- texts ----------------------------------------------------------------------------------------------------------------

TYPED = [
    "{{7*7}}", "{7*7}", "${7*7}", "#{7*7}", "<%= 7*7 %>", "{0.__class__.__mro__}", "{params.inner}", "{{params.inner}}",
    "%(secret)s",
    "%s%s%n", "{% for x in (1,2) %}x{% endfor %}", "`id`", "$(id)", "'; DROP TABLE contacts; --", "<script>alert(1)</script>",
    "=HYPERLINK(1)", "\\u007b7*7\\u007d", "{now|upper}", "{", "}", "{{", "}}", "}{", "{choices}", "{hint}",
]  # fmt: skip
ECHO = """\
flow: echo
starts: [{keyword: [hi]}]
params: {inner: hidden}
vars: {kept: text}
steps:
  name: {ask: "Say {params.inner}.", as: text, save: kept}
  told: {say: "1 {name}", enter: {say: "2 {kept}"}, exit: {say: "3 {input}"}}
  more:
    ask: "4 {name}"
    choices: {a: {label: "{name}"}, b: {label: other}}
    hint: "{name}"
    retry: ["5 {name} {hint}"]
    else: bye
  bye: {end: "6 {vars.kept}"}
"""


@pytest.mark.parametrize("typed", TYPED)
def test_what_somebody_types_is_never_a_template(typed, tmp_path):
    file = tmp_path / "echo.flow.yaml"
    file.write_text(ECHO)
    talk = Talk.of(file)
    assert talk.say("hi") == ["Say hidden."]
    said = "\n".join(map(str, talk.say(typed)))
    assert f"1 {typed}" in said
    assert f"2 {typed}" in said
    assert f"3 {typed}" in said
    assert f"4 {typed}" in said
    assert "hidden" not in said
    assert "49" not in said
    again = "\n".join(map(str, talk.say("no such thing")))
    assert f"5 {typed} {typed}" in again
    assert "\n".join(map(str, talk.say("still not"))) == f"6 {typed}"


@pytest.mark.parametrize(
    "text", ["{a}" * 3000, "{" * 9001, "{{" * 4000 + "{", "{a|upper|lower}" * 600, "{'" + "a" * 9000, "{" + "(" * 9000]
)
def test_a_text_of_nothing_but_braces_is_read_at_once(text):
    with quickly():
        assert codes(f'flow: x\nsteps: {{bye: {{end: "{text}"}}}}\n')


# -- files ----------------------------------------------------------------------------------------------------------------

FILES = {
    "an object of Python": "flow: !!python/object/apply:os.system [id]\nsteps: {bye: {end: Bye}}",
    "a name of Python": "flow: !!python/name:os.system\nsteps: {bye: {end: Bye}}",
    "a module of Python": "!!python/module:os\n",
    "a laugh a billion times": "a: &a [x, x]\n"
    + "".join(f"{b}: &{b} [*{a}, *{a}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)),
    "merge keys": "base: &base {end: Bye}\nsteps: {bye: {<<: *base}}",
    "an alias to itself": "steps: &a {bye: *a}",
    "a thousand levels of lists": "steps: " + "[" * 1000 + "]" * 1000,
    "a thousand levels of maps": "steps: " + "{a: " * 1000 + "}" * 1000,
    "a thousand levels by margin": "steps:\n" + "".join(f"{' ' * level}a:\n" for level in range(1, 700)),
    "a text of a megabyte": f"flow: {'a' * 1_000_000}",
    "a million colons": "a:" * 120_000,
    "a hundred thousand dashes": "- " * 100_000,
    "a hundred thousand question marks": "? " * 100_000,
    "an anchor of great length": "&" + "a" * 200_000 + " x",
    "a number without end": f"flow: x\nversion: {'9' * 5000}\nsteps: {{bye: {{end: Bye}}}}",
    "bytes of nothing": "\x00" * 1000,
    "a directive": "%YAML 9.9\n---\nflow: x",
    "quotes that are never closed": "'" * 100_001,
    "comments only": "#" * 200_000,
    "blank lines only": "\n" * 200_000,
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_of_a_stranger_is_refused_at_once(name):
    with quickly():
        document, problems = load_flow(FILES[name], "x.flow.yaml", {})
    assert document is None
    assert problems
    assert all(len(str(problem)) < 2_000 for problem in problems)
    with quickly(), suppress(FlowError):
        assert len(format_flow(FILES[name], "x")) < 10_000


# -- patterns -------------------------------------------------------------------------------------------------------------

PATTERNS = [
    "(a+)+$", "(a*)*b", "(a|a)*$", "(a|aa)+$", "(.*a){20}", "([a-z]+)*1", "(x+x+)+y", "^(([a-z])+.)+[A-Z]([a-z])+$",
    "(?=a+)a*b", "(.)\\1+", "(?P<x>a)(?P=x)", "(?<=a+)b", "((a{0,100}){0,100}){0,100}", "a" * 199 + "(", "[", "(?i:(a+)+)",
    ".*.*.*=.*",
    "\\s*\\s*$", "(\\d+|\\w+)*@", "(a?){50}a{50}",
]  # fmt: skip


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_pattern_that_can_run_for_ever_does_not_load(pattern):
    quoted = pattern.replace("'", "''")
    with quickly():
        told = codes(f"flow: x\nsteps:\n  a: {{ask: A?, as: {{text: {{pattern: '{quoted}'}}}}}}\n  b: {{end: Bye}}\n")
    assert told == {"bad-pattern"}


# -- signs ----------------------------------------------------------------------------------------------------------------

BIDI = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
UNSEEN = "\u00ad\u180e\u200b\u2060\u2061\u2062\u2063\u2064\ufeff\U000e0041"


@pytest.mark.parametrize("sign", [*BIDI, *UNSEEN], ids=lambda sign: f"U+{ord(sign):04X}")
@pytest.mark.parametrize("place", ["say: 'a{}b'", "say: hi, note: 'a{}b'", "ask: Q, choices: {{x{}: X, y: Y}}, else: bye"])
def test_a_sign_that_nobody_sees_is_told_wherever_it_stands(sign, place):
    assert {"hidden-character", "bad-character"} & codes(f"flow: x\nsteps:\n  a: {{{place.format(sign)}}}\n  bye: {{end: Bye}}\n")


@pytest.mark.parametrize(
    "name", ["pаy", "раy", "ｐay", "pay\u200b", "PAY", "päy", "pay.x", "pay\u202e", "1pay", "_pay", "pay-x", "pay x"]
)
def test_a_step_is_named_in_plain_letters_only(name):
    told = codes(f"flow: x\nsteps:\n  pay: {{say: Hi}}\n  {name!r}: {{say: Hi}}\n  bye: {{end: Bye}}\n")
    assert "bad-name" in told


@pytest.mark.parametrize("word", ["STΟP", "ＳＴＯＰ", "S\u200bTOP", "ѕtop", "stop!", " Stop ", "🅂🅃🄾🄿"])
def test_a_choice_that_looks_like_stop_is_stop(word):
    told = codes(
        f"flow: x\nsteps:\n  a: {{ask: Q, choices: {{x: {{label: '{word}'}}, y: Y}}, else: bye}}\n  bye: {{end: '{{a.id}}'}}\n"
    )
    assert "legal-word" in told


# -- pictures -------------------------------------------------------------------------------------------------------------

MARKUP = [
    "</title><script>alert(1)</script>",
    '"]; click n1 "javascript:alert(1)"',
    "]]></svg>",
    '\\"; n9 [label=x]; //',
    "a\nb",
    "&#60;b&#62;",
    "--> x",
    "%%{init: {}}%%",
]


@pytest.mark.parametrize("markup", MARKUP)
def test_a_picture_of_a_strangers_flow_holds_only_its_words(markup):
    quoted = markup.replace("'", "''").replace("{", "{{").replace("}", "}}").replace("\n", " ")
    text = f"flow: x\ntitle: '{quoted}'\nsteps:\n  b: {{ask: '{quoted}', else: e, "
    text += f"choices: {{x: {{label: '{quoted}', go: e}}, y: {{go: e}}}}}}\n"
    text += f"  e: {{end: '{quoted}'}}\n"
    document, problems = load_flow(text, "x.flow.yaml", {})
    assert document is not None, problems
    picture = draw(compile_flow(document, BotSpec("x")))
    assert "<script" not in as_svg(picture)
    assert as_svg(picture).count("<title>") == 1
    assert as_svg(picture).count("</svg>") == 1
    mermaid = as_mermaid(picture)
    assert "<script" not in mermaid
    assert not [line for line in mermaid.splitlines()[3:] if not line.startswith("  n") and line != "flowchart TD"]
    assert all(line.count('"') % 2 == 0 for line in mermaid.splitlines())
    assert all((line.count('"') - line.count('\\"')) % 2 == 0 for line in as_dot(picture).splitlines())


# -- many -----------------------------------------------------------------------------------------------------------------


def test_a_flow_as_large_as_it_can_be_is_proven_and_drawn_in_bounded_time():
    steps = "".join(
        f"  s{n}: {{ask: 'Q{n} {{s{max(0, n - 1)}}}', as: text, else: s{(n * 7) % 900}, after: {{1h: bye}}}}\n"
        for n in range(900)
    )
    with quickly(5):
        document, problems = load_flow(f"flow: x\nsteps:\n{steps}  bye: {{end: Bye}}\n", "x.flow.yaml", {})
    assert document is not None
    assert {problem.code for problem in problems} <= {"read-too-early"}


def test_a_ring_of_a_hundred_flows_is_proven_in_bounded_time():
    files = [
        (
            f"{n}.flow.yaml",
            f"flow: f{n}\nstarts: [{{keyword: k{n}}}]\nsteps: {{a: {{run: f{(n + 1) % 100}}}, bye: {{end: Bye}}}}\n",
        )
        for n in range(100)
    ]
    with quickly(10):
        _, problems = load_flows(files, {})
    assert [problem.code for problem in problems if problem.is_error] == ["endless-run"]
