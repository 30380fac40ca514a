"""`fmt`: one form, found in one step, and never another meaning."""

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vaiven.flow.formatting import format_flow
from vaiven.flow.source import Mapping, Node, Scalar, Sequence, scan
from vaiven.model.errors import FlowError

ROOT = Path(__file__).parents[3]
FLOWS = sorted((ROOT / "flows").rglob("*.flow.yaml"))
BROKEN = sorted((ROOT / "tests/flow/front/broken").glob("*.flow.yaml"))

UGLY = """
# A comment at the top.


flow:   demo   # its name
vars: { who: text , n: {type: integer,
    default: 3 } }   # all of them
steps:
     hello:   # the first
         say: 'Hi, {who}.'

         # before then
         then:    bye


     # of the steps, still
     long:
         say: a text that the author
           wrote on two lines
         note: |
             as it
               stands

         tags: [
           a,   # one
           b
         ]
     list:
         branch:
         - if: n > 1
           go: bye

         # otherwise
         - {go: bye}
     bye: {end: "", outcome: over}
# at the end
"""
NEAT = """\
# A comment at the top.

flow: demo  # its name
vars:          # all of them
  who: text
  n:
    type: integer
    default: 3
steps:
  hello:   # the first
    say: "Hi, {who}."

    # before then
    then: bye

  # of the steps, still
  long:
    say: a text that the author wrote on two lines
    note: |
      as it
        stands

    tags:
      - a    # one
      - b
  list:
    branch:
      - if: n > 1
        go: bye

      # otherwise
      - {go: bye}
  bye: {end: "", outcome: over}
# at the end
"""


def plain(node: Node) -> object:
    """The tree without places and kinds of quotes."""
    if isinstance(node, Scalar):
        return (node.raw, node.value, node.style == "plain")
    if isinstance(node, Sequence):
        return [plain(item) for item in node.items]
    return [(entry.key.raw, plain(entry.value)) for entry in node.entries]


def comments(text: str) -> list[str]:
    return re.findall(r"(?:^|(?<=\s))#.*$", text, flags=re.MULTILINE)


def test_what_it_makes_of_an_ugly_file():
    formatted = format_flow(UGLY, "x")
    assert [line.split("#")[0].rstrip() for line in formatted.splitlines()] == [
        line.split("#")[0].rstrip() for line in NEAT.splitlines()
    ]
    assert sorted(comments(formatted)) == sorted(comments(UGLY))


@pytest.mark.parametrize("path", FLOWS, ids=lambda path: path.name)
def test_our_own_flows_are_in_that_form(path):
    text = path.read_text("utf-8")
    assert format_flow(text, path.name) == text


@pytest.mark.parametrize("path", BROKEN, ids=lambda path: path.name)
def test_a_broken_flow_keeps_its_meaning_or_is_left_alone(path):
    text = path.read_bytes().decode()
    source, problems = scan(text, path.name)
    if problems or source is None:
        with pytest.raises(FlowError):
            format_flow(text, path.name)
        return
    formatted = format_flow(text, path.name)
    again, _ = scan(formatted, path.name)
    assert again is not None
    assert plain(again.root) == plain(source.root)
    assert format_flow(formatted, path.name) == formatted


WORDS = st.text(st.sampled_from("ab1 :#'\"{}[],é…\n\\|>-🙂"), max_size=12)
PLAIN = st.sampled_from(["a", "b c", "1", "true", "null", "x-y", "19:00", "a#b", "yes", "ab {c}"])
KEYS = st.sampled_from(["a", "b", "c", "d e", "on", "1"])
TREES = st.recursive(
    st.one_of(PLAIN.map(lambda word: ("plain", word)), WORDS.map(lambda word: ("text", word))),
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map(lambda items: ("list", items)),
        st.dictionaries(KEYS, inner, min_size=1, max_size=3).map(lambda entries: ("map", entries)),
    ),
    max_leaves=8,
)


@st.composite
def files(draw: st.DrawFn) -> str:
    """A YAML file as somebody might write it: any margins, any quotes, comments and blank lines in between."""
    return _lines(draw, ("map", draw(st.dictionaries(KEYS, TREES, min_size=1, max_size=3))), 0)


def _lines(draw: st.DrawFn, tree, margin: int) -> str:
    kind, value = tree
    more = margin + draw(st.integers(1, 5))
    out = ""
    for key, inner in value.items() if kind == "map" else ((None, item) for item in value):
        if draw(st.integers(0, 5)) == 0:
            out += draw(st.sampled_from(["\n", "\n\n", f"{' ' * margin}# own\n", "# left\n", f"\n{' ' * more}# deep\n\n"]))
        head = " " * margin + ("-" if key is None else f"{key}:")
        end = draw(st.sampled_from(["", "", "", "  # end", " # one", "     #end"])) + "\n"
        if inner[0] in ("plain", "text"):
            text = _scalar(draw, inner, more)
            out += f"{head} {text}" + ("\n" if text[:1] in "|>" and "\n" in text else end)
        elif draw(st.booleans()):
            out += f"{head} {_inline(draw, inner, more)}{end}"
        else:
            out += head + end + _lines(draw, inner, more)
    return out


def _scalar(draw: st.DrawFn, tree, margin: int) -> str:
    kind, word = tree
    if kind == "plain":
        return word
    style = draw(st.sampled_from(["single", "double", "literal", "wrapped"]))
    if style == "single" and "\n" not in word:
        return "'" + word.replace("'", "''") + "'"
    if style == "literal" and word.strip() and word[0] not in " \n":
        lines = [" " * margin + line if line.strip() else "" for line in word.rstrip("\n").split("\n")]
        return draw(st.sampled_from(["|", "|-", "|+", ">", ">-"])) + "\n" + "\n".join(lines)
    quoted = '"' + word.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
    if style == "wrapped":
        return re.sub(r"(?<=[ab1é]) (?=[ab1é])", "\n" + " " * margin, quoted)
    return quoted


def _inline(draw: st.DrawFn, tree, margin: int) -> str:
    kind, value = tree
    if kind == "plain":
        return f"'{value}'" if "{" in value else value
    if kind == "text":
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
    comma = draw(st.sampled_from([",", ", ", " , ", f",\n{' ' * margin}", f",  # in\n{' ' * margin}"]))
    if kind == "list":
        return "[" + comma.join(_inline(draw, item, margin) for item in value) + "]"
    return "{ " + comma.join(f"{key}: {_inline(draw, inner, margin)}" for key, inner in value.items()) + "}"


@settings(max_examples=150, deadline=None)
@given(files())
def test_the_meaning_stays_and_so_do_the_comments(text):
    source, problems = scan(text, "x")
    if source is None or problems or not isinstance(source.root, Mapping):
        return
    formatted = format_flow(text, "x")
    again, said = scan(formatted, "x")
    assert said == []
    assert again is not None
    assert plain(again.root) == plain(source.root)
    assert format_flow(formatted, "x") == formatted
    assert sum(formatted.count(f"# {word}") for word in ("own", "left", "deep", "end", "one", "in")) == sum(
        text.count(f"# {word}") for word in ("own", "left", "deep", "end", "one", "in")
    )
