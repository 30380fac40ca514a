"""What lies between two versions of a flow, and what becomes of who stands in it."""

import pytest

from vaiven.flow.diff import Change, Fate, Kind, changes, fate, kind_of
from vaiven.flow.document import FlowDocument
from vaiven.flow.hashes import shape_hash
from vaiven.testing.talk import documents_of

BOOKING = """\
flow: booking
version: 1
starts: [{keyword: [book]}]
vars: {guest: {type: text, scope: contact}}
commands: {rules: {words: [rules], say: Be on time., back: true}}
steps:
  people: {ask: How many?, as: {integer: {min: 1, max: 12}}}
  name: {ask: What name?, as: {text: {max: 40}}, save: guest}
  done: {end: Booked., outcome: booked}
"""


def document(text: str = BOOKING) -> FlowDocument:
    (found,) = documents_of(text)
    return found


def edited(old: str, new: str) -> FlowDocument:
    assert old in BOOKING
    return document(BOOKING.replace(old, new))


@pytest.mark.parametrize(
    ("old", "new", "kind", "told"),
    [
        ("How many?", "How many people?", Kind.TEXT, [Change("step people", "text")]),
        ("Be on time.", "Be early.", Kind.TEXT, [Change("command rules", "text")]),
        ("[book]", "[book, table]", Kind.TEXT, [Change("starts", "text")]),
        ("max: 12", "max: 20", Kind.SHAPE, [Change("step people", "shape")]),
        ("outcome: booked", "outcome: done", Kind.SHAPE, [Change("step done", "shape")]),
        ("scope: contact", "scope: session", Kind.SHAPE, [Change("variable guest", "shape")]),
        ("\n  done:", "\n  thanks: {say: Thank you.}\n  done:", Kind.SHAPE, [Change("step thanks", "added")]),
        (
            "  name: {ask: What name?, as: {text: {max: 40}}, save: guest}\n",
            "",
            Kind.SHAPE,
            [Change("step name", "removed")],
        ),
        ("version: 1", "# a word to the reader\nversion: 1", Kind.SAME, []),
    ],
)
def test_an_edit_is_text_or_shape(old: str, new: str, kind: Kind, told: list[Change]) -> None:
    after = edited(old, new)
    assert (kind_of(document(), after), changes(document(), after)) == (kind, told)


def test_two_steps_that_change_places_are_a_change_of_shape() -> None:
    first, second = (line + "\n" for line in BOOKING.splitlines() if line.startswith(("  people", "  name")))
    after = edited(first + second, second + first)
    assert changes(document(), after) == [Change("order of steps", "shape")]


@pytest.mark.parametrize(
    ("migrate", "step", "expected"),
    [
        ("", "people", (Fate.OLD, "people")),
        ("migrate: {people: party}\n", "people", (Fate.MOVED, "party")),
        ("migrate: {people: party}\n", "name", (Fate.MOVED, "name")),
        ("migrate: {name: done}\n", "people", (Fate.STRANDED, "")),
    ],
)
def test_what_becomes_of_who_stands_there(migrate: str, step: str, expected: tuple[Fate, str]) -> None:
    new = document(migrate + BOOKING.replace("people:", "party:"))
    assert fate(new, shape_hash(new), shape_hash(document()), step) == expected


def test_a_new_text_reaches_everyone() -> None:
    new = edited("How many?", "How many people?")
    assert fate(new, shape_hash(new), shape_hash(document()), "people") == (Fate.WORDS, "people")
