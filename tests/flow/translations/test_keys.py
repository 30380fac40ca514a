"""A translation beside a flow: what its keys name, and what is told where one is wrong."""

from pathlib import Path

import pytest

from vaiven.flow.load import load_flow, load_flows
from vaiven.flow.spots import spots_of
from vaiven.flow.translations import in_language, language_of_file, parted

FLOW = """\
flow: table
lang: en
starts: [{keyword: [book, table]}]
defaults: {retry: ["Once more, please."]}
vars: {guest: text}
commands: {menu: {words: [menu], say: "Soup.", back: true}}
steps:
  people:
    ask: "How many of you?"
    as: {integer: {min: 1, max: 9}}
    hint: "A number."
    retry: ["Only a number.", "{hint} From 1 to 9."]
    reject: {max: {say: "That is too many.", go: bye}}
    after: {30m: {say: "Still there?"}}
    else: {say: "Never mind.", go: bye}
  room:
    ask: ["Which room?", "{choices}"]
    choices: {in: {label: Inside, also: [indoors]}, out: Outside}
    then: [{if: room.id == "in", say: "It is warm in there.", go: bye}, {go: bye}]
  bye: {end: "Bye, {people} of you, {room.label}.", outcome: booked}
"""


def load(translation: str, flow: str = FLOW, lang: str = "es"):
    return load_flow(flow, "flows/table.flow.yaml", {}, translations=[(f"flows/table.{lang}.yaml", translation)])


def told(translation: str) -> list[tuple[str, int, int]]:
    """What is wrong in the translation: code, line, column."""
    _, problems = load(translation)
    return [(each.code, each.line, each.column) for each in problems if each.file.endswith(".es.yaml")]


def test_the_keys_of_a_flow() -> None:
    document, _ = load_flow(FLOW, "table.flow.yaml", {})
    assert document is not None
    assert [spot.key for spot in spots_of(document)] == [
        "keywords.book",
        "commands.menu.words",
        "commands.menu.say",
        "defaults.retry.1",
        "people.ask",
        "people.hint",
        "people.retry.1",
        "people.retry.2",
        "people.else",
        "people.reject.max",
        "people.after.30m",
        "room.ask.1",
        "room.ask.2",
        "room.choices.in",
        "room.choices.in.also",
        "room.choices.out",
        "room.choices.out.also",
        "room.then.1",
        "bye.end",
    ]


@pytest.mark.parametrize(
    "text",
    [
        'people: {ask: "¿Cuántos?", retry: [Uno, Dos]}',
        'people.ask: "¿Cuántos?"\npeople.retry: [Uno, Dos]',
        'people.ask: "¿Cuántos?"\npeople:\n  retry.1: Uno\n  retry: {2: Dos}',
    ],
)
def test_maps_dots_and_lists_say_the_same(text: str) -> None:
    document, problems = load(text)
    assert document is not None, [str(problem) for problem in problems]
    found = document.translations["es"].texts
    assert {key: text.source for key, text in found.items()} == {
        "people.ask": "¿Cuántos?",
        "people.retry.1": "Uno",
        "people.retry.2": "Dos",
    }


def test_longer_names_are_taken_too() -> None:
    document, problems = load("room: {choices: {in: {label: Dentro}}, then: {1: {say: Hace calor}}}\npeople.ask: {1: Cuántos}")
    assert document is not None, [str(problem) for problem in problems]
    assert set(document.translations["es"].texts) == {"room.choices.in", "room.then.1", "people.ask"}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("peopel: {ask: x}", ("unknown-text", 1, 1)),
        ("people:\n  asc: x", ("unknown-text", 2, 3)),
        ("people: {retry: [Uno, Dos, Tres]}", ("unknown-text", 1, 28)),
        ("people: {go: bye}", ("unknown-text", 1, 10)),
        ("room: {ask: Sala}", ("wrong-type", 1, 13)),
        ("people: {ask: x}\npeople.ask: y", ("duplicate-key", 2, 1)),
        ("people: {ask: 'Hola {gest}'}", ("unknown-name", 1, 22)),
        ("people: {ask: 'Hola {guest'}", ("bad-text", 1, 21)),
        ("people: {ask: ''}", ("empty", 1, 15)),
        ("people: {ask: &a x}", ("anchor", 1, 15)),
        ("- people", ("wrong-type", 1, 1)),
        ("room: {choices: {in: Dentro, out: dentro}}", ("same-choice", 1, 35)),
        ("room: {choices: {out: {label: Fuera, also: [indoors]}}}", ("same-choice", 1, 45)),
    ],
)
def test_what_is_wrong_is_told_with_its_place(text: str, found: tuple[str, int, int]) -> None:
    assert found in told(text)
    assert load(text)[0] is None


def test_a_wrong_key_is_answered_by_the_right_one() -> None:
    _, problems = load("people: {aks: x}")
    assert any("Did you mean 'people.ask'?" in str(problem) for problem in problems)


def test_what_is_missing_is_told_where_the_flow_says_it() -> None:
    document, problems = load("people: {ask: '¿Cuántos?', hint: Un número., retry: [Solo un número., '{hint}']}")
    assert document is not None
    missing = [(each.text.split("'")[1], each.line) for each in problems if each.code == "untranslated"]
    assert missing == [
        ("defaults.retry.1", 4),
        ("commands.menu.say", 6),
        ("people.reject.max", 13),
        ("people.after.30m", 14),
        ("people.else", 15),
        ("room.ask.1", 17),
        ("room.choices.in", 18),
        ("room.choices.out", 18),
        ("room.then.1", 19),
        ("bye.end", 20),
    ]
    assert all(each.severity == "warning" for each in problems)


def test_a_translation_into_the_flows_own_language_is_refused() -> None:
    assert "own-language" in {problem.code for problem in load("people: {ask: x}", lang="en")[1]}


def test_a_translation_without_its_flow_is_told() -> None:
    _, problems = load_flows([("a/one.flow.yaml", FLOW), ("a/two.es.yaml", "people.ask: x"), ("b/one.es.yaml", "people.ask: x")])
    assert [each.file for each in problems if each.code == "no-flow-beside"] == ["a/two.es.yaml", "b/one.es.yaml"]


def test_translations_are_found_beside_their_flow() -> None:
    files = [("a/one.flow.yaml", FLOW), ("a/one.es.yaml", "bye.end: Adiós"), ("a/one.pt-BR.yaml", "bye.end: Tchau")]
    (document,), _ = load_flows(files)
    assert set(document.translations) == {"es", "pt-BR"}


@pytest.mark.parametrize(
    ("file", "lang"),
    [
        ("vote.es.yaml", "es"),
        ("a/vote.pt-BR.yaml", "pt-BR"),
        ("vote.flow.yaml", None),
        ("vote.test.yaml", None),
        ("bot.yaml", None),
        ("es.yaml", None),
    ],
)
def test_which_files_are_translations(file: str, lang: str | None) -> None:
    assert language_of_file(file) == lang


def test_a_section_is_translated_once_for_all_its_steps() -> None:
    flow = """\
flow: two
lang: en
starts: [{keyword: [x]}]
steps:
  both:
    section:
      one: {ask: One?, as: text}
      two: {ask: Two?, as: text}
    after: {5m: {say: Hello?}}
  bye: {end: Bye., outcome: done}
"""
    texts = "one: {ask: '¿Uno?', after: {5m: '¿Hola?'}}\ntwo.ask: '¿Dos?'\nbye.end: Adiós."
    document, problems = load_flow(flow, "two.flow.yaml", {}, translations=[("two.es.yaml", texts)])
    assert document is not None, [str(problem) for problem in problems]
    assert [each.code for each in problems if each.code == "untranslated"] == []
    spoken = in_language(document, "es")
    assert [step.after[0].route.say[0].text.source for step in spoken.steps[:2]] == ["¿Hola?", "¿Hola?"]


def test_one_text_is_parted_where_it_was_joined() -> None:
    files = [("f/table.es.yaml", "people.ask: '¿Cuántos?'"), ("f/table.fr.yaml", "# à table\npeople.ask: Combien ?\n")]
    document, _ = load_flow(FLOW.rstrip(), "f/table.flow.yaml", {}, translations=files)
    assert document is not None
    flow, inside = parted(document.source, "f/table.flow.yaml")
    assert (flow, inside) == (FLOW, [(files[0][0], files[0][1] + "\n"), files[1]])


def test_a_problem_in_a_published_text_has_the_line_of_its_own_file() -> None:
    document, _ = load("\n\npeople.ask: '¿Cuántos?'")
    assert document is not None
    broken = document.source.replace("¿Cuántos?", "{nobody}")
    _, problems = load_flow(broken, "table@1", {})
    assert ("unknown-name", "table.es.yaml", 3) in {(each.code, each.file, each.line) for each in problems}


def test_the_shipped_flow_lacks_nothing_in_spanish() -> None:
    folder = Path(__file__).parents[3] / "flows" / "tv_vote"
    files = [(str(file), file.read_text("utf-8")) for file in (folder / "vote.flow.yaml", folder / "vote.es.yaml")]
    _, problems = load_flows(files, {"opens": "2026-12-05T20:00Z", "closes": "2026-12-07T22:15Z"})
    assert [str(problem) for problem in problems] == []
