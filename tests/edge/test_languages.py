"""A bot in several languages: its settings, and what ``vaiven check`` tells of its flows."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from vaiven.edge.cli import run
from vaiven.edge.settings import BotSettings, load_settings, read_settings
from vaiven.flow.bot_words import BUILT_IN, words_of
from vaiven.flow.spec import BotSpec, Words

FLOW = """\
flow: t
lang: en
starts: [{keyword: [go]}]
steps:
  q: {ask: Which one do you like best of all?, as: text, hint: Any word.}
  e: {end: Thank you., outcome: x}
"""
BOT = "bot: b\nflows: flows\nchannels: {phone: {type: simulator}}\n"

Write = Callable[..., Path]
Checked = Callable[..., dict[str, Any]]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def make(more: str = "", es: str = "q.ask: '¿Cuál?'") -> Path:
        (tmp_path / "flows").mkdir()
        (tmp_path / "flows" / "t.flow.yaml").write_text(FLOW, "utf-8")
        (tmp_path / "flows" / "t.es.yaml").write_text(es, "utf-8")
        (tmp_path / "bot.yaml").write_text(BOT + more, "utf-8")
        return tmp_path

    return make


def loaded(path: Path) -> BotSettings:
    return load_settings(path, environ={})


def test_words_by_language_and_what_people_write_for_one(write: Write) -> None:
    spec = loaded(
        write("words: {help: Ask Ana., es: {help: Pregunta a Ana., error: Vaya.}}\nlanguages: {es: [español], en: english}\n")
    ).spec
    assert spec.words == Words(help="Ask Ana.")
    assert spec.words_by_lang == {"es": {"help": "Pregunta a Ana.", "error": "Vaya."}}
    assert spec.languages == {"es": ("español",), "en": ("english",)}


def test_a_bot_speaks_its_own_language_unasked(write: Write) -> None:
    spec = loaded(write("lang: de-AT\nwords: {started: Servus.}\n")).spec
    assert spec.words.stopped == BUILT_IN["de"].stopped
    assert spec.words.started == "Servus."
    assert words_of(spec, ["en"])["en"].stopped == Words().stopped
    assert words_of(spec, ["en"])["en"].started == "Servus."


def test_every_built_in_text_is_there_in_every_language() -> None:
    for lang, words in BUILT_IN.items():
        for name in Words.__dataclass_fields__:
            text, own = getattr(words, name), getattr(Words(), name)
            assert bool(text) == bool(own), (lang, name)
            assert lang == "en" or name == "resumed" or text != own, (lang, name)
            assert [word for word in ("HELP", "STOP", "START") if word in text] == [
                word for word in ("HELP", "STOP", "START") if word in own
            ]


def test_regions_share_a_language() -> None:
    words = words_of(BotSpec("b"), ["pt"])
    assert words["pt-BR"] == words["pt_PT"] == BUILT_IN["pt"]
    assert words["fr"] == Words()


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ("languages: {es: [stop]}\n", "carriers take"),
        ("languages: {es: [back]}\n", "BACK is a command"),
        ("languages: {es: [uno], pt: [uno]}\n", "'uno' names both 'es' and 'pt'"),
        ("languages: {spanish: [x]}\n", "'spanish' is no language"),
        ("languages: {es: []}\n", "must be a list of words"),
        ("languages: {es: ['!']}\n", "can never be matched"),
        ("words: {es: {halp: x}}\n", "Did you mean 'help'?"),
        ("words: {halp: x}\n", "Did you mean 'help'?"),
        ("words: {es: x}\n", "has no setting 'es'"),
    ],
)
def test_what_is_wrong_is_told(write: Write, more: str, told: str) -> None:
    _, problems = read_settings(write(more), environ={})
    assert any(told in str(problem) for problem in problems), [str(problem) for problem in problems]


@pytest.fixture
def checked(capsys: pytest.CaptureFixture[str]) -> Checked:
    def check(path: Path, *options: str) -> dict[str, Any]:
        run(["check", str(path), "--json", *options])
        found: dict[str, Any] = json.loads(capsys.readouterr().out)
        return found

    return check


def test_check_lists_what_is_missing(write: Write, checked: Checked) -> None:
    found = checked(write("words: {help: Ask Ana.}\n"))["problems"]
    missing = [
        (Path(each["file"]).name, each["line"], each["text"].split("'")[1]) for each in found if each["code"] == "untranslated"
    ]
    assert missing == [("bot.yaml", 1, "words.help"), ("t.flow.yaml", 5, "q.hint"), ("t.flow.yaml", 6, "e.end")]


def test_check_tells_which_translation_costs_more(write: Write, checked: Checked) -> None:
    found = checked(write(es=f"q: {{ask: '¿{'Qué opción ' * 7}?', hint: Vale.}}\ne.end: Grácias."), "--segments")
    problems, texts = found["problems"], found["texts"]
    (dear,) = [
        each for each in problems if each["code"] == "dearer-translation" and each["line"] == 1 and "q.ask" in each["text"]
    ]
    assert (Path(dear["file"]).name, dear["severity"]) == ("t.es.yaml", "warning")
    assert {(each["what"], each["lang"], each["segments"]) for each in texts} >= {("q.ask", "en", 1), ("q.ask", "es", 2)}


def test_a_wrong_translation_stops_the_bot(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["check", str(write(es="q.aks: x"))]) == 1
    told = capsys.readouterr().out
    assert "t.es.yaml:1:1: this flow has no text 'q.aks' [unknown-text]" in told
    assert "Did you mean 'q.ask'?" in told
