"""What steps send besides plain texts, and answers of more than one choice."""

from collections.abc import Callable

import pytest

from vaiven.model.effects import Recorded, Send
from vaiven.model.messages import Media, MessageClass, MessageKind, TemplateMessage
from vaiven.testing.talk import WHATSAPP, Talk

Make = Callable[..., Talk]


def sends(talk: Talk) -> list[Send]:
    return [effect for effect in talk.effects if isinstance(effect, Send)]


def said(talk: Make, say: str, more: str = "") -> list[Send]:
    at = talk(
        f"{{flow: f, params: {{site: 'https://shop.example', photo: 'https://cdn.example/a.png?x=1', bad: 'ftp://x'}}, "
        f"starts: [{{keyword: go, rest: q}}], steps: {{q: {{ask: Q?, as: text}}, a: {{say: {say}{more}}}, e: {{end: ''}}}}}}"
    )
    at.say("go red car")
    return sends(at)


def test_a_file_goes_with_the_text(talk: Make) -> None:
    (sent,) = said(talk, '"Here it is."', ', media: {image: "{params.site}/{q}.png", name: "{q}.png"}, class: notice')
    assert sent.text == "Here it is."
    assert sent.media == (Media("image/png", "https://shop.example/red%20car.png", name="red car.png"),)
    assert sent.message_class is MessageClass.NOTICE


def test_files_go_with_the_last_part_and_without_a_text_alone(talk: Make) -> None:
    more = ', apart: true, media: [{image: "{params.photo}"}, {document: "https://shop.example/x"}]'
    first, last = said(talk, "[One, Two]", more)
    assert (first.text, first.media) == ("One", ())
    assert (last.text, [media.mime for media in last.media]) == ("Two", ["image/png", "application/octet-stream"])
    (alone,) = said(talk, '""', ', media: {video: "https://shop.example/v"}')
    assert (alone.text, alone.media) == ("", (Media("video/mp4", "https://shop.example/v"),))


def test_a_file_that_has_no_address_is_the_bots_error_text(talk: Make) -> None:
    (sent,) = said(talk, '"Here."', ', media: {image: "{params.bad}"}')
    assert (sent.text, sent.media) == ("Something went wrong here. Please try again in a minute.", ())


def test_a_template_is_filled(talk: Make) -> None:
    more = ', template: {name: order_sent, values: ["{q}", "{q|upper}"], payloads: ["again:{q}"]}'
    (sent,) = said(talk, '"Your {q} is on its way."', more)
    assert sent.text == "Your red car is on its way."
    assert sent.template == TemplateMessage("order_sent", "en", ("red car", "RED CAR"), ("again:red car",))


MANY = """
flow: f
starts: [{keyword: go}]
steps:
  q:
    ask: "Which toppings?"
    as: {many_of: {max: 2}}
    choices: {ham: Ham, corn: Corn, olive: {label: Olives, also: [green ones]}}
    reject: {max: many}
    retry: ["Some of them."]
    else: e
  e: {end: "{q} ({q.label})"}
  many: {end: "{size(input)} are too many."}
"""


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("ham", "ham (Ham)"),
        ("2, 1", "ham, corn (Ham, Corn)"),
        ("ham and green ones", "ham, olive (Ham, Olives)"),
        ("corn corn", "corn (Corn)"),
        ("ham, corn, olives", "3 are too many."),
        ("cheese", "Some of them."),
        ("ham and cheese", "Some of them."),
    ],
)
def test_many_of(text: str, answer: str, talk: Make) -> None:
    at = talk(MANY)
    at.say("go")
    assert at.say(text) == [answer]


def test_a_tap_is_one_of_many(talk: Make) -> None:
    at = talk(MANY, capabilities=WHATSAPP)
    at.say("go")
    assert at.tap("Corn") == ["corn (Corn)"]


EACH = """
flow: f
params: {cities: [{code: ro, name: Rome}, {code: os, name: Oslo}, {code: ro, name: Roma}]}
starts: [{keyword: go}]
steps:
  q: {ask: "Where to?", choices: CHOICES, retry: [Where?], else: e}
  e: {end: "{q.id}/{q.label}/{q}"}
"""


def test_choices_made_of_a_list(talk: Make) -> None:
    at = talk(EACH.replace("CHOICES", '{each: params.cities, id: "{item.code}", label: "{item.name}"}'))
    assert at.say("go") == ["Where to?\n1 Rome\n2 Oslo"]
    assert at.session.top.offered == (("ro", "Rome"), ("os", "Oslo"))
    assert at.say("oslo") == ["os/Oslo/os"]


def test_choices_made_of_what_is_no_list_is_the_error_transition(talk: Make) -> None:
    at = talk(EACH.replace("CHOICES", '{each: params.cities.x, id: "{item}", label: "{item}"}'))
    assert at.say("go") == ["Something went wrong here. Please try again in a minute."]
    many = talk(
        EACH.replace("CHOICES", '{each: params.many, id: "{item}", label: "no {item}"}'), params={"many": list(range(200))}
    )
    many.say("go")
    assert len(many.session.top.offered) == 99
    assert Recorded("choices_left_out", "f/q") in many.effects


def test_a_parser_of_the_bots_own(talk: Make) -> None:
    text = (
        "{flow: f, starts: [{keyword: go}], steps: {q: {ask: Plate?, as: {custom: plate}, retry: [No.]}, e: {end: 'Car {q}.'}}}"
    )

    def plate(raw: str) -> str | None:
        if raw == "boom":
            raise ValueError(raw)
        return raw.upper() if len(raw) == 7 else None

    at = talk(text, parsers={"plate": plate})
    at.say("go")
    assert at.say("boom") == ["No."]
    assert Recorded("parser_failed", "plate ValueError") in at.effects
    assert at.say("abc1234") == ["Car ABC1234."]


def test_a_place_is_an_answer(talk: Make) -> None:
    at = talk("{flow: f, starts: [{keyword: go}], steps: {q: {ask: Where?, as: location}, e: {end: 'At {q.value.latitude}.'}}}")
    at.say("go")
    assert at.send_kind(MessageKind.LOCATION) == ["At 0."]
