"""What is text and what is shape: an edit of texts reaches everyone, an edit of shape leaves people where they stand."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vaiven.flow.document import FlowDocument
from vaiven.flow.hashes import document_hash, shape_hash
from vaiven.flow.parse import parse
from vaiven.flow.source import read_source

FLOW = """
flow: demo
version: 3
lang: en
zone: Europe/Madrid
title: A demo
starts:
  - keyword: [go, start]
    go: menu
  - event: [order.shipped]
  - schedule: {before: 24h, of: contact.appointment}
params: {api: "https://api.example.com", cap: 3}
vars: {topic: {type: text, default: general}, n: integer}
commands:
  faq: {words: [faq], run: faq-menu}
  rules: {words: [rules], say: "Be kind.", back: true}
migrate: {old: menu}
steps:
  menu:
    ask: ["How can we help?", {if: n == null, text: "Pick one."}]
    choices: {each: vars.list, id: "{item.id}", label: "{item.name}"}
    hint: Pick one
    retry: [Again?]
    else: look
  day:
    ask: Which day?
    as: {date: {min: today, prefer: future}}
  plate: {ask: Your plate?, as: {custom: spanish_plate}}
  look:
    call: {get: "{params.api}/x/{menu}", query: {q: "{input}"}, headers: {X-A: b}}
    key: "{session.id}"
    timeout: 8s
    retries: 1
    meanwhile: "One moment, please."
    fail: {go: bye, say: Sorry.}
    exit: {say: Done., set: {n: 3}}
  act: {call: faq.answer, with: {q: "{input}", limit: 3}}
  book: {call: {resource: slots, of: "{day}", do: reserve, with: {n: 2}}}
  half: {split: {red: 1, blue: 1}, then: {red: sub, blue: rest}}
  sub: {run: support, with: {topic: booking}, then: {else: rest}}
  rest: {wait: 2h, tags: [a], note: why}
  until: {wait: {until: "{day} 09:00"}}
  event: {wait: {event: order.shipped}}
  queue:
    handoff: {queue: support, skills: "{topic}", share: [topic]}
    after: {3m: {say: "Still in line."}}
    when: {agent.joined: talking}
  talking: {relay: support, when: {agent.closed: bye}}
  pic:
    say: "Look!"
    media: {image: "https://a.example/1.jpg", name: one.jpg}
    template: {name: look, lang: en, values: ["{n}"]}
  bye: {end: "Bye.", outcome: bye}
"""


def document(text: str) -> FlowDocument:
    found, problems = parse(read_source(text, "x.flow.yaml"))
    assert problems == []
    assert found is not None
    return found


BEFORE = document(FLOW)

TEXTS = [
    ("title: A demo", "title: Another"),
    ("keyword: [go, start]", "keyword: [go]"),
    ("event: [order.shipped]", "event: [order.sent]"),
    ("words: [faq]", "words: [questions]"),
    ('say: "Be kind."', 'say: "Be very kind."'),
    ("How can we help?", "What can we do?"),
    ("Pick one.", "Choose one."),
    ('label: "{item.name}"', 'label: "{item.title}"'),
    ("hint: Pick one", "hint: Choose"),
    ("retry: [Again?]", "retry: [Once more?]"),
    ("One moment, please.", "Just a second."),
    ("say: Sorry.", "say: Oh no."),
    ("say: Done.", "say: Ready."),
    ("Still in line.", "Still waiting."),
    ('say: "Look!"', 'say: "See!"'),
    ("https://a.example/1.jpg", "https://a.example/2.jpg"),
    ("name: one.jpg", "name: two.jpg"),
    ("template: {name: look", "template: {name: see"),
    ('values: ["{n}"]', 'values: ["{topic}"]'),
    ('end: "Bye."', 'end: "See you."'),
]
NEITHER = [
    ("version: 3", "version: 4"),
    ("migrate: {old: menu}", "migrate: {older: menu}"),
    ("tags: [a]", "tags: [b]"),
    ("cap: 3", "cap: 4"),
]
"""Not for people's eyes, and nothing that a session stands on: the document's hash alone tells them."""
SHAPES = [
    ("zone: Europe/Madrid", "zone: Europe/London"),
    ("    go: menu\n", "    go: day\n"),
    ("before: 24h", "before: 48h"),
    ("of: contact.appointment", "of: contact.arrival"),
    ("n: integer", "n: number"),
    ("run: faq-menu", "run: faq-list"),
    ("if: n == null", "if: n != null"),
    ("each: vars.list", "each: vars.other"),
    ('id: "{item.id}"', 'id: "{item.key}"'),
    ("retry: [Again?]", "retry: [Again?, Once more?]"),
    ("else: look", "else: bye"),
    ("min: today", "min: today + 1d"),
    ("prefer: future", "prefer: past"),
    ("custom: spanish_plate", "custom: french_plate"),
    ("/x/{menu}", "/y/{menu}"),
    ('q: "{input}"}, headers', 'q: "{topic}"}, headers'),
    ("X-A: b", "X-A: c"),
    ('key: "{session.id}"', 'key: "{session.visit}"'),
    ("timeout: 8s", "timeout: 9s"),
    ("retries: 1", "retries: 2"),
    ('meanwhile: "One moment, please."', "meanwhile: bye"),
    ("fail: {go: bye", "fail: {go: menu"),
    ("set: {n: 3}", "set: {n: 4}"),
    ("limit: 3", "limit: 4"),
    ("faq.answer", "faq.reply"),
    ("do: reserve", "do: hold"),
    ("with: {n: 2}", "with: {n: 3}"),
    ("red: 1", "red: 2"),
    ("run: support", "run: desk"),
    ("topic: booking", "topic: other"),
    ("wait: 2h", "wait: 3h"),
    ("{day} 09:00", "{day} 10:00"),
    ("wait: {event: order.shipped}", "wait: {event: order.lost}"),
    ("handoff: {queue: support", "handoff: {queue: desk"),
    ("share: [topic]", "share: [n]"),
    ("3m: {say", "4m: {say"),
    ("agent.joined: talking", "agent.joined: bye"),
    ("relay: support", "relay: desk"),
    ("outcome: bye", "outcome: left"),
]


def changed(before: str, after: str) -> FlowDocument:
    assert FLOW.count(before) == 1, before
    return document(FLOW.replace(before, after))


@pytest.mark.parametrize(("before", "after"), [*TEXTS, *NEITHER])
def test_an_edit_of_text_keeps_the_shape(before, after):
    edited = changed(before, after)
    assert shape_hash(edited) == shape_hash(BEFORE)
    assert document_hash(edited) != document_hash(BEFORE)


@pytest.mark.parametrize(("before", "after"), SHAPES)
def test_an_edit_of_shape_changes_both(before, after):
    edited = changed(before, after)
    assert shape_hash(edited) != shape_hash(BEFORE)
    assert document_hash(edited) != document_hash(BEFORE)


def test_comments_notes_and_places_change_nothing():
    edited = document("# for people\n\n" + FLOW.replace("note: why", "note: because").replace("steps:", "steps:  # in order"))
    assert (shape_hash(edited), document_hash(edited)) == (shape_hash(BEFORE), document_hash(BEFORE))


def test_a_section_has_the_shape_of_its_steps():
    inside = document("flow: a\nsteps:\n  part:\n    class: receipt\n    section: {one: {say: Hi}}\n  bye: {end: Bye}\n")
    flat = document("flow: a\nsteps:\n  one: {say: Hi, class: receipt}\n  bye: {end: Bye}\n")
    assert shape_hash(inside) == shape_hash(flat)
    assert document_hash(inside) != document_hash(flat)


@settings(max_examples=25, deadline=None)
@given(st.permutations(range(len(TEXTS))))
def test_texts_can_be_edited_in_any_order(order):
    text, seen = FLOW, {document_hash(BEFORE)}
    for number in order[:4]:
        text = text.replace(*TEXTS[number])
        edited = document(text)
        assert shape_hash(edited) == shape_hash(BEFORE)
        seen.add(document_hash(edited))
    assert len(seen) == 5
