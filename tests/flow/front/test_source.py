"""Strict YAML: our own scalar rules, places kept, and what is refused."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vaiven.flow.problems import Problem, render
from vaiven.flow.source import DEPTH_CAP, SIZE_CAP, Mapping, Position, Scalar, Sequence, read_source, scan, to_value
from vaiven.model.errors import FlowError


def value(text: str):
    return to_value(read_source(f"a: {text}\n", "x.yaml").root)["a"]


def codes(text: str, *, pure: bool = False) -> list[str]:
    return [problem.code for problem in scan(text, "x.yaml", pure=pure)[1]]


@pytest.mark.parametrize(
    "word", ["yes", "no", "on", "off", "y", "Yes", "True", "FALSE", "Null", "19:00", "2026-12-05", "0123", "0x1f"]
)
def test_words_of_people_stay_words(word):
    assert value(word) == word


@pytest.mark.parametrize("word", ["1_000", ".5", "5.", "1e3", "+", ".inf", ".nan", "1:30:00", "9" * 19, "=", "<"])
def test_what_is_no_plain_decimal_is_text(word):
    assert value(word) == word


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1", 1),
        ("-7", -7),
        ("+7", 7),
        ("0", 0),
        ("1.50", 1.5),
        ("-0.5", -0.5),
        ("1.0e3", 1000.0),
        ("true", True),
        ("false", False),
    ],
)
def test_plain_decimals_and_true_and_false_have_their_type(text, expected):
    assert value(text) == expected
    assert type(value(text)) is type(expected)


@pytest.mark.parametrize("text", ["", "~", "null", "# only a comment"])
def test_null_is_nothing(text):
    assert value(text) is None


@pytest.mark.parametrize("text", ['"1"', "'true'", '"null"', '"~"', "'19'"])
def test_what_is_in_quotes_is_text(text):
    assert value(text) == text[1:-1]


def test_a_key_is_text_whatever_it_looks_like():
    assert to_value(read_source("{30m: a, 1: b, true: c, null: d}", "x").root) == {"30m": "a", "1": "b", "true": "c", "null": "d"}


def test_a_block_of_text_keeps_its_lines():
    assert value("|\n  one\n  two\n") == "one\ntwo\n"
    assert value(">\n  one\n  two\n") == "one two\n"


def test_every_node_and_key_knows_its_place():
    source = read_source('a: "ü"\nlist:\n  - {k: v}\n', "x.yaml")
    assert isinstance(source.root, Mapping)
    first, second = source.root.entries
    assert (first.key.at, first.value.at, first.value.end) == (Position(1, 1), Position(1, 4), Position(1, 7))
    assert isinstance(second.value, Sequence)
    item = second.value.items[0]
    assert isinstance(item, Mapping)
    assert (item.at, item.entries[0].key.at, item.entries[0].value.at) == (Position(3, 5), Position(3, 6), Position(3, 9))
    assert source.line(1) == 'a: "ü"'
    assert source.line(99) == ""


def test_a_byte_order_mark_and_any_line_break_are_read():
    source = read_source("\ufeffa: 1\r\nb: 2\r\n", "x.yaml")
    assert to_value(source.root) == {"a": 1, "b": 2}
    assert source.lines == ("a: 1", "b: 2", "")


def test_raising_gives_every_problem():
    with pytest.raises(FlowError) as caught:
        read_source("a: 1\na: 2\nb: !x 3\n", "x.yaml")
    assert [(problem.code, problem.line) for problem in caught.value.problems] == [("duplicate-key", 2), ("tag", 3)]
    assert "x.yaml:2:1: the key 'a' is here twice" in str(caught.value)


LAUGHS = "a: &a [x, x]\n" + "".join(f"{chr(98 + i)}: &{chr(98 + i)} [{', '.join([f'*{chr(97 + i)}'] * 9)}]\n" for i in range(12))


@pytest.mark.parametrize("pure", [False, True], ids=["c", "pure"])
@pytest.mark.parametrize(
    ("text", "code"),
    [
        (LAUGHS, "alias"),
        ("a: !!python/object/apply:os.system ['true']", "tag"),
        ("a: !!binary aGk=", "tag"),
        ("a: &x 1\nb: *x", "anchor"),
        ("base: &b {x: 1}\nc: {<<: *b}", "merge-key"),
        ("[" * 10_000, "too-deep"),
        ("{a: " * 10_000, "too-deep"),
        ("a:\n" + "".join(f"{' ' * i}k:\n" for i in range(1, 600)), "too-deep"),
        ("a: " + "x" * 1_000_000, "too-large"),
        ("a: " + "é" * (SIZE_CAP // 2), "too-large"),
        ("? {a: 1}\n: b", "bad-key"),
        ("a: 1\n---\nb: 2", "second-document"),
        ("a: \x00", "bad-character"),
        ("a: \ud800", "bad-character"),
        ("", "empty-file"),
    ],
)
def test_hostile_yaml_is_refused(text, code, pure):
    assert code in codes(text, pure=pure)


def test_the_depth_that_is_allowed_is_read():
    assert codes("[" * DEPTH_CAP + "]" * DEPTH_CAP) == []
    assert codes("[" * (DEPTH_CAP + 1) + "]" * (DEPTH_CAP + 1)) == ["too-deep"]


def test_a_number_of_100_000_digits_is_only_text():
    assert isinstance(value("9" * 100_000), str)


@pytest.mark.parametrize("pure", [False, True], ids=["c", "pure"])
@settings(max_examples=200, deadline=None)
@given(text=st.one_of(st.text(max_size=80), st.text(alphabet="ab: -#{}[]\"'\n\t|>*&!?%@,`0~", max_size=60)))
def test_no_text_makes_the_reader_raise(text, pure):
    source, problems = scan(text, "x.yaml", pure=pure)
    assert source is not None or problems
    for problem in problems:
        assert problem.line >= 1
        assert problem.column >= 1
        assert render(problem).startswith("x.yaml:")


words = st.text(alphabet="abcé☎ x", min_size=1, max_size=8).map(str.strip).filter(bool)
trees = st.recursive(words, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3), max_leaves=8)


@settings(max_examples=100, deadline=None)
@given(trees)
def test_what_is_written_in_quotes_comes_back(tree):
    def write(node) -> str:
        if isinstance(node, str):
            return f'"{node}"'
        if isinstance(node, list):
            return f"[{', '.join(map(write, node))}]"
        return "{" + ", ".join(f'"{key}": {write(inner)}' for key, inner in node.items()) + "}"

    text = f"top: {write(tree)}"
    for pure in (False, True):
        source, problems = scan(text, "x.yaml", pure=pure)
        assert problems == []
        assert source is not None
        assert to_value(source.root) == {"top": tree}


def test_a_problem_prints_its_place_its_line_and_its_cure():
    problem = Problem("code", "a.yaml", 12, 5, "wrong", "Right.\nOr so.", 3, "    abc: d")
    assert str(problem) == "a.yaml:12:5: wrong [code]\n  12 |     abc: d\n     |     ^^^\n  Right.\n  Or so."


def test_a_problem_never_prints_a_control_character():
    shown = str(Problem("code", "a.yaml", 1, 1, "wrong", "", 1, "a\x1b[31mb\u202ec\td"))
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    assert "a�[31mb�c→d" in shown


def test_a_problem_of_the_file_itself_has_no_line():
    assert str(Problem("code", "a.yaml", 0, 0, "wrong", "Right.")) == "a.yaml: wrong [code]\n  Right."


def test_a_scalar_knows_how_it_was_written():
    source = read_source("[a, 'b', \"c\"]", "x")
    assert isinstance(source.root, Sequence)
    assert [item.style for item in source.root.items if isinstance(item, Scalar)] == ["plain", "single", "double"]
