"""Which language somebody is spoken to in, and what changes when it does."""

import pytest

from vaiven.flow.hashes import document_hash, shape_hash
from vaiven.flow.load import load_flows
from vaiven.flow.spec import BotSpec, Words
from vaiven.flow.step import FlowSet
from vaiven.model.contacts import Contact
from vaiven.model.effects import Recorded, Send, StartTimer
from vaiven.model.messages import Capabilities, InboundMessage, Layout
from vaiven.model.urns import Urn
from vaiven.testing.talk import SMS, WHATSAPP, Talk

FLOW = """\
flow: table
lang: en
starts: [{keyword: [book]}]
commands:
  menu: {words: [menu], say: "Soup today.", back: true}
  stay: {words: [later], go: rest}
steps:
  room:
    ask: "Which room?"
    choices:
      in: {label: Inside, also: [indoors]}
      out: Outside
    retry: ["Inside or outside?", "{choices}"]
    after: {10m: {say: "Still there?"}}
  people: {ask: "How many of you?", as: {integer: {min: 1, max: 9}}, hint: "A number."}
  bye: {end: "{people} of you, {room.label}.", outcome: booked}
  rest:
    wait: {event: table.free}
  free: {end: "It is free.", outcome: free}
"""
ES = """\
keywords: {book: [reserva]}
commands: {menu: {words: [carta], say: "Hoy hay sopa."}}
room:
  ask: "¿Qué sala?"
  choices: {in: {label: Dentro, also: [interior]}, out: Fuera}
  retry: ["¿Dentro o fuera?", "{choices}"]
  after: {10m: "¿Sigues ahí?"}
people: {hint: Un número.}
bye.end: "Sois {people}, {room.label}."
free.end: Ya está libre.
"""
PT = "room: {ask: 'Qual sala?', choices: {in: Dentro, out: Fora}}"
LANGUAGES = {"es": ("español", "castellano"), "en": ("english",), "pt": ("português",)}


def flows(flow: str = FLOW, es: str = ES, **spec: object) -> FlowSet:
    files = [("table.flow.yaml", flow), ("table.es.yaml", es), ("table.pt.yaml", PT if flow == FLOW else "")]
    documents, problems = load_flows([(file, text) for file, text in files if text])
    assert [str(problem) for problem in problems if problem.is_error] == []
    return FlowSet.build(BotSpec(**{"name": "talk", "languages": LANGUAGES, **spec}), documents)


def talk(capabilities: Capabilities = SMS, lang: str | None = None, **spec: object) -> Talk:
    return Talk(flows(**spec), capabilities, contact=Contact(Urn("tel:+12025550123"), lang=lang))


SPANISH = ["¿Qué sala?\n1 Dentro\n2 Fuera"]
ENGLISH = ["Which room?\n1 Inside\n2 Outside"]


@pytest.mark.parametrize(
    ("lang", "asked"),
    [
        ("es", SPANISH),
        ("es-MX", SPANISH),
        ("es_ES", SPANISH),
        ("pt-BR", ["Qual sala?\n1 Dentro\n2 Fora"]),
        ("en-GB", ENGLISH),
        ("fr", ENGLISH),
        (None, ENGLISH),
    ],
)
def test_everybody_is_asked_in_their_language_or_the_flows(lang, asked) -> None:
    assert talk(lang=lang).say("book") == asked


def test_a_language_is_the_persons_own_before_the_channels_before_the_bots() -> None:
    def first(contact: str | None, channel: str | None) -> list[str]:
        person = talk(lang=contact)
        return person.send(InboundMessage("1", Urn("tel:+12025550123"), text="book", lang=channel))

    assert first("es", "pt") == SPANISH
    assert first(None, "es_MX") == SPANISH
    assert first(None, None) == ENGLISH


def test_the_bots_language_is_that_of_a_flow_that_names_none() -> None:
    person = Talk(flows(FLOW.replace("lang: en\n", ""), lang="es"))
    assert person.say("book") == SPANISH


def test_a_missing_text_is_said_in_the_flows_language() -> None:
    person = talk(lang="es")
    person.say("book")
    assert person.say("dentro") == ["How many of you?"]
    assert person.say("muchos") == ["Un número.\nHow many of you?"]
    assert person.say("4") == ["Sois 4, Dentro."]


@pytest.mark.parametrize("word", ["1", "dentro", "interior", "indoors"])
def test_a_choice_is_taken_by_the_labels_and_words_of_the_language(word) -> None:
    person = talk(lang="es")
    person.say("book")
    assert person.say(word) == ["How many of you?"]


def test_words_of_another_language_are_no_answer() -> None:
    person = talk()
    person.say("book")
    assert person.say("interior") == ["Inside or outside?"]


@pytest.mark.parametrize("lang", ["en", "es", "fr"])
def test_keywords_and_commands_are_heard_in_every_language(lang) -> None:
    person = talk(lang=lang)
    asked = SPANISH if lang == "es" else ENGLISH
    assert person.say("reserva") == person.say("book") == asked
    soup = "Hoy hay sopa." if lang == "es" else "Soup today."
    assert person.say("carta") == person.say("menu") == [f"{soup}\n{asked[0]}"]


def test_a_switch_asks_the_question_again_and_nothing_else_changes() -> None:
    person = talk()
    person.say("book")
    person.say("hm")
    before = person.session
    assert person.say("Español") == SPANISH
    after = person.session
    assert before is not None
    assert after == before
    assert (after.top.visit, after.top.tries) == (before.top.visit, 1)
    assert [effect for effect in person.effects if not isinstance(effect, Send)] == []
    assert person.contact.lang == "es"
    assert person.say("hm") == ["1 Dentro\n2 Fuera"]
    assert person.say("english") == ENGLISH


def test_timers_speak_the_language_that_was_chosen_after_they_were_armed() -> None:
    person = talk()
    person.say("book")
    assert any(isinstance(effect, StartTimer) for effect in person.effects)
    person.say("español")
    assert person.wait("10m") == ["¿Sigues ahí?"]


def test_a_switch_where_nothing_is_asked_says_so() -> None:
    person = talk()
    assert person.say("castellano") == ["Ahora hablamos en español."]
    person.say("reserva")
    person.say("later")
    assert person.say("english") == ["We speak English now."]
    assert person.happens("table.free") == ["It is free."]


def test_buttons_and_their_labels_are_translated_and_old_ones_go_on() -> None:
    person = talk(WHATSAPP)
    person.say("book")
    old = {option.title: option.id for option in person.shown}
    person.say("español")
    assert [option.title for option in person.shown] == ["Inside", "Outside", "Dentro", "Fuera"]
    assert person.tap_id(old["Inside"], "Inside") == ["How many of you?"]


def test_the_button_of_a_list_is_translated() -> None:
    labels = ", ".join(f"c{n}: Sala {n}" for n in range(5))
    steps = f"{{room: {{ask: Which?, choices: {{{labels}}}}}, e: {{end: x, outcome: x}}}}"
    flow = f"flow: t\nlang: en\nstarts: [{{keyword: [book]}}]\nsteps: {steps}"
    person = talk(WHATSAPP, "es", flow=flow, es="room.ask: '¿Cuál?'")
    person.say("book")
    (sent,) = [effect for effect in person.effects if isinstance(effect, Send)]
    assert (sent.layout, sent.list_button) == (Layout.LIST, "Elegir")


def test_a_flow_may_set_the_language() -> None:
    flow = """\
flow: table
lang: en
starts: [{keyword: [book]}]
steps:
  tongue: {ask: "Language?", choices: {en: English, es: Castellano}, save: contact.lang}
  room: {ask: "Which room?", choices: {in: Inside, out: Outside}}
  other: {set: {contact.lang: "'pt'"}}
  bye: {end: "{contact.lang}: {room.label}", outcome: booked}
"""
    es = "room: {ask: '¿Qué sala?', choices: {in: Dentro, out: Fuera}}"
    person = talk(flow=flow, es=es)
    person.say("book")
    assert person.say("castellano") == SPANISH
    assert person.contact.lang == "es"
    assert person.say("dentro") == ["pt: Dentro"]
    assert person.contact.lang == "pt"


def test_a_language_that_is_none_is_an_error_of_the_step() -> None:
    flow = "flow: t\nlang: en\nstarts: [{keyword: [book]}]\nsteps: {s: {set: {contact.lang: \"'?'\"}}, e: {end: x, outcome: x}}"
    files = [("t.flow.yaml", flow)]
    person = Talk(FlowSet.build(BotSpec("talk"), load_flows(files)[0]))
    assert person.say("book") == [Words().error]
    assert any(isinstance(effect, Recorded) and effect.what == "expression_failed" for effect in person.effects)
    assert person.contact.lang is None


def test_the_bots_own_words_follow() -> None:
    person = talk(lang="es", words=Words(help="Ask Ana."), words_by_lang={"pt": {"help": "Pergunte à Ana."}})
    assert person.say("HELP") == ["Ask Ana."]
    assert person.say("STOP") == ["Te has dado de baja. Escribe START para volver."]
    other = talk(lang="pt-PT", words=Words(help="Ask Ana."), words_by_lang={"pt": {"help": "Pergunte à Ana."}})
    assert other.say("HELP") == ["Pergunte à Ana."]
    assert talk(lang="de").say("STOP") == [Words().stopped]


def test_translations_are_text_and_not_shape() -> None:
    def hashed(es: str) -> tuple[str, str]:
        document = flows(es=es).flows["table"].document
        return document_hash(document), shape_hash(document)

    (whole, shape), (edited, same), (less, also) = hashed(ES), hashed(ES.replace("sopa", "pan")), hashed("")
    assert shape == same == also
    assert len({whole, edited, less}) == 3
    assert hashed(ES.replace("interior", "adentro")) != (whole, shape)
    assert hashed("# a comment\n" + ES) == (whole, shape)


def test_an_edited_translation_reaches_people_where_they_stand() -> None:
    person = talk(lang="es")
    person.say("book")
    person.with_flows(flows(es=ES.replace("¿Dentro o fuera?", "Elige una.")))
    assert person.say("hm") == ["Elige una."]
