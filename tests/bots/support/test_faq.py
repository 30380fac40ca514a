"""Frequent questions: found by a phrase, by likeness, misspelt, in two languages; and never guessed."""

import sys
from pathlib import Path

import pytest


@pytest.fixture
def faq(actions):
    return sys.modules["support_faq"]


@pytest.mark.parametrize(
    ("question", "entry"),
    [
        ("Can I RETURN my shoes?", "returns"),
        ("i want a refnd... I mean refund", "returns"),
        ("how long does delivery take", "delivery"),
        ("how long does the delivry take?", "delivery"),
        ("when will my parcel arrive", "delivery"),
        ("are you open on saturday", "opening"),
        ("can I pay by card?", "payment"),
        ("¿Cuál es el horario?", "opening"),
        ("quiero hacer una devolucion", "returns"),
        ("cuanto tarda el envio", "delivery"),
    ],
)
async def test_what_is_known_is_answered(actions, question: str, entry: str) -> None:
    found = await actions["faq.answer"](question)
    assert found["id"] == entry
    assert found["score"] >= 0.7
    assert found["text"]


@pytest.mark.parametrize(
    "question",
    ["do you sell elephants", "", "   ", "?!", "👍", "my neighbour is loud", "where is the day", "' OR 1=1 --", "a" * 5000],
)
async def test_what_is_not_known_is_no_answer(actions, question: str) -> None:
    assert (await actions["faq.answer"](question))["score"] < 0.7


async def test_two_that_fit_alike_are_a_guess_and_so_no_answer(actions) -> None:
    assert await actions["faq.answer"]("can I return it if I pay by card") == {"id": "", "text": "", "score": 0.0}


async def test_the_answer_is_in_their_language_or_else_in_the_first(actions) -> None:
    assert "laborables" in (await actions["faq.answer"]("plazo de entrega", "es-MX"))["text"]
    assert "working days" in (await actions["faq.answer"]("plazo de entrega", "fr"))["text"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("- a", "by their names"),
        ("a: {words: [x], text: {en: y}, lang: en}", "'a' takes words, asked and text"),
        ("a: {text: {en: y}}", "lists of texts"),
        ("a: {words: x, text: {en: y}}", "lists of texts"),
        ("a: {words: ['!'], text: {en: y}}", "no word in it"),
        ("a: {words: [x]}", "the answer by language"),
        ("a: {words: [x], text: {en: 3}}", "the answer by language"),
    ],
)
def test_a_file_that_is_wrong_says_where(faq, tmp_path: Path, text: str, told: str) -> None:
    file = tmp_path / "faq.yaml"
    file.write_text(text)
    with pytest.raises(ValueError, match=told):
        faq.Faq.load(file)


def test_every_entry_is_there_in_both_languages(faq, bot_file: Path) -> None:
    faq.Faq.load(bot_file.with_name("faq.yaml"))
    text = bot_file.with_name("faq.yaml").read_text("utf-8")
    assert text.count("    en: ") == text.count("    es: ") == text.count("  asked: ")
