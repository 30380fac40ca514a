"""``replies:`` of a bot: what is taken, what is said to be wrong, and in which language one is given."""

import pytest

from vaiven.edge.places import Layer, Place, Reader
from vaiven.edge.reply_settings import LONGEST, CannedReply, read_replies
from vaiven.flow.source import scan


def read(text: str, environ: dict[str, str] | None = None) -> tuple[dict[str, CannedReply], list[str]]:
    source, problems = scan(text, "bot.yaml")
    assert source is not None, problems
    reader = Reader(environ)
    found = read_replies(reader, Place("", (Layer(source, None, source.root),)).children()["replies"])
    return found, [f"{problem.code} {problem.line}: {problem.text}" for problem in reader.told()]


def test_a_text_texts_by_language_and_a_template() -> None:
    found, problems = read(
        "replies:\n  hello: Hi.\n  thanks: {en: Thanks., es: Gracias.}\n"
        "  back: {template: we_are_back, en: 'Hello {{1}}, {{2}}'}\n"
    )
    assert problems == []
    assert found == {
        "hello": CannedReply("hello", {"": "Hi."}),
        "thanks": CannedReply("thanks", {"en": "Thanks.", "es": "Gracias."}),
        "back": CannedReply("back", {"en": "Hello {{1}}, {{2}}"}, "we_are_back"),
    }
    assert found["back"].blanks(found["back"].texts["en"]) == 2


def test_a_text_may_come_from_the_environment() -> None:
    assert read("replies: {hello: {env: HELLO}}", {"HELLO": "Hi."})[0]["hello"].texts == {"": "Hi."}


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("{Hello: Hi.}", "'Hello' is no name for a reply"),
        ("{hello: ''}", "'replies.hello' must be a text"),
        ("{hello: [a, b]}", "'replies.hello' must be a text"),
        ("{hello: {en: {a: b}}}", "'replies.hello.en' must be a text"),
        ("{hello: {english: Hi.}}", "'replies.hello' has no setting 'english'"),
        ("{hello: {template: t}}", "'replies.hello' has no text"),
        ("{hello: {template: t, en: 'Hello {{2}}'}}", "'replies.hello' leaves out a blank"),
        ("{hello: {template: t, en: 'Hello {{0}}'}}", "'replies.hello' leaves out a blank"),
        ("hello", "'replies' must be a map of `key: value`"),
        (f"{{hello: {'a' * (LONGEST + 1)}}}", f"'replies.hello' has {LONGEST + 1} characters"),
    ],
)
def test_what_is_wrong_is_said_at_its_line(written: str, told: str) -> None:
    assert any(f"1: {told}" in problem for problem in read(f"replies: {written}")[1])


def test_a_text_that_is_no_template_keeps_its_braces() -> None:
    found, problems = read("replies: {hello: 'Hi {{2}} {name}'}")
    assert (problems, found["hello"].blanks("Hi {{2}}")) == ([], 0)


@pytest.mark.parametrize(
    ("lang", "own", "spoken"),
    [("es", "en", "es"), ("es-MX", "en", "es"), ("fr", "en", "en"), ("fr", "en-GB", "en"), ("", "es", "es"), ("fr", "de", "en")],
)
def test_the_language_of_the_person_then_the_bots_then_the_first(lang: str, own: str, spoken: str) -> None:
    reply = CannedReply("hello", {"en": "Hello.", "es": "Hola."})
    assert reply.text(lang, own) == (spoken, reply.texts[spoken])
